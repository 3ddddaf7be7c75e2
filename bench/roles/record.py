"""What the bench knows of a role, so that nothing else needs to know which roles there are.

A role is what a bench can ask of an instrument (a protocol of `instruments.roles`, or of somebody else's package) and
this record beside it: how many may play it, what a player must measure, what it opens after, what of it can stay
switched on and how that is ended, which steps of the safe state are its, and which columns it fills in.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from instruments.roles import Channel, Protections
from instruments.wording import with_article

Fact = Literal["pack current", "bus voltage", "cell voltage"]
"""A, V, V: what meters can tell of a bench that is being made safe."""


@dataclass(frozen=True, slots=True)
class Power:
    """What a player of a role can leave switched on, in words, and the verbs that read that back and end it.

    `moves_current`: through the pack, so that it is told OFF the moment its link is open. `opens_first`: it is looked
    at before others are waited for. `insist`: told OFF again for a while where it stays on.
    """

    what: str
    still_on: str
    is_off_verb: str
    off_verb: str
    moves_current: bool = False
    opens_first: bool = False
    insist: bool = False

    def is_off(self, player: Any) -> bool:
        """Read it back; raises what the player raises."""
        return bool(getattr(player, self.is_off_verb)())

    def off(self, player: Any) -> None:
        """Switch it off; raises what the player raises."""
        getattr(player, self.off_verb)()


@dataclass(frozen=True, slots=True)
class SafeStep:
    """One step of the safe state.

    `rank` says where it stands when a station gives no order: what moves current has 0 to 9, then what waits for the
    current to be gone (10), the contactor (20), the bus behind it (30), what lies behind the contactor (40) and
    conditioning last (50). `after` are the steps that must come before it wherever they are taken at all, each with
    what would happen otherwise, `before` those that must come behind it. A step that `acts` switches its role's power
    off; others are read back alone. `fact` is what is looked at behind it until it has settled. `look_at` are the roles
    whose players somebody has to look at where it was not verified; empty: that of the record.
    """

    name: str
    rank: int
    acts: bool = True
    after: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)
    fact: Fact | None = None
    look_at: tuple[str, ...] = ()


Combine = Literal["first", "sum", "lowest", "highest", "mean"]
"""How the values of all channels of a name, of all players, make one column. A missing one makes it nan."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the record that a role fills in from channels whose names begin with `channel`.

    `unless` names a role, or several, whose players know it better: where somebody plays one, this role leaves the
    column alone.
    """

    name: str
    channel: str
    combine: Combine = "first"
    unless: str | tuple[str, ...] = ""

    def shown_among(self, played: Container[str]) -> bool:
        """Whether this role fills it in where these are played."""
        better = (self.unless,) if isinstance(self.unless, str) else self.unless
        return not any(name in played for name in better)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the instruments' own protections are to be programmed to: V, A, degC; currents by magnitude."""

    voltage_min: float
    voltage_max: float
    charge_current: float
    discharge_current: float
    temperature_min: float
    temperature_max: float


Protect = Callable[[Any, Allowed, float], Protections]
"""Arms one player's own protection for a share (0 to 1) of the currents and returns what it read back."""


@dataclass(frozen=True, slots=True)
class Range:
    """Between what a player may be asked for a quantity: `attribute` of it is the lowest and the highest.

    `unit` is that of both; what is asked for in °C is held against what the pack may have as well. `says` is how a
    refusal ends, before the two: `the coolant unit pumps`.
    """

    attribute: str
    unit: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role: see the module.

    `most` may play it (None: any number); `together` makes several act as one, by name. `channels` are what each
    player must measure. `opens_after` are the roles whose players are open before its own. `asks` are the verbs that
    set something, each with the quantities of its arguments: what a step must declare before it may use them.
    `ranges` bound those that nobody else bounds: what nothing bounds is refused.
    `prepare` is said to each player of a bench that has been opened and protected: what no step has asked for ends.
    """

    name: str
    protocol: type
    channels: tuple[Channel, ...] = ()
    most: int | None = 1
    together: Callable[[Mapping[str, Any]], Any] | None = None
    opens_after: tuple[str, ...] = ()
    asks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ranges: Mapping[str, Range] = field(default_factory=dict)
    power: Power | None = None
    protect: Protect | None = None
    prepare: Callable[[Any], None] | None = None
    steps: tuple[SafeStep, ...] = ()
    columns: tuple[Column, ...] = ()

    def unfit(self, found: Sequence[object]) -> str:
        """Why an instrument with these channels cannot play it, as a clause; empty: it can."""
        foreign = next((each for each in found if not isinstance(each, Channel)), None)
        if foreign is not None:
            return (
                f"tells of its channel {foreign!r} neither quantity nor unit (an `instruments.roles.Channel` has them)"
            )
        by_name = {channel.name: channel for channel in found if isinstance(channel, Channel)}
        for channel in self.channels:
            has = by_name.get(channel.name)
            if has is None:
                return f"has no channel {channel.name!r} (it has {', '.join(by_name) or 'none'})"
            if has != channel:
                is_, should_be = (f"{each.quantity} in {each.unit}" for each in (has, channel))
                return f"measures as {channel.name!r} {with_article(is_)} and not {with_article(should_be)}"
        return "has two channels of one name" if len(by_name) < len(found) else ""
