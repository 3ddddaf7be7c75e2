"""What a procedure may ask of the players: what it has declared, and nothing else.

Pre-flight has judged the declaration, so what is beyond it has been judged by nobody. The roles say which of their
verbs set something (`Role.asks`); a procedure reaches players only through here, and a set point that it has not
declared is refused before it is sent.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import signature
from typing import Any, Protocol

from bench import roles
from bench.pack import PackFile
from bench.players import Players
from bench.station import StationFile
from bench.verdicts import TestError

ROUNDING = 1e-6
"""Share of an extreme by which a set point may lie outside: a control law computes it another way than pre-flight."""


class Span(Protocol):
    """The lowest and the highest that may be asked for."""

    @property
    def low(self) -> float:
        """SI unit."""
        ...

    @property
    def high(self) -> float:
        """SI unit."""
        ...


Declaration = Mapping[tuple[str, str], Span]
"""By role and quantity."""


class Undeclared(TestError):
    """A procedure asks for what its envelope does not hold: a mistake in its code, told before anything is sent."""


class Place(Protocol):
    """Where a step is to be carried out: an open bench is one."""

    @property
    def pack(self) -> PackFile:
        """What is tested."""
        ...

    @property
    def station(self) -> StationFile:
        """As its file has it."""
        ...

    @property
    def roles(self) -> Players:
        """Who plays what."""
        ...

    @property
    def index(self) -> Mapping[str, int]:
        """Position of each column in a row of this bench."""
        ...


def check(declared: Declaration, step: str, role: str, quantity: str, value: float) -> None:
    """Raise `Undeclared` where a value (SI unit) of a role is not within what a step has declared."""
    span = declared.get((role, quantity))
    if span is None:
        raise Undeclared(
            f"Step {step!r} asks its {role} for a {quantity} of {value:.4g} and has declared none: its procedure must "
            f"put ({role!r}, {quantity!r}) into its envelope; nothing was sent."
        )
    slack = ROUNDING * max(abs(span.low), abs(span.high))
    # Written so that no number (nan) is refused as well.
    if not span.low - slack <= value <= span.high + slack:
        raise Undeclared(
            f"Step {step!r} asks its {role} for a {quantity} of {value:.4g} and has declared {span.low:.4g} to "
            f"{span.high:.4g}: its procedure must declare what it asks for; nothing was sent."
        )


class Workplace:
    """A place as the procedure of one step has it: until `allow` is called, nothing may be asked for."""

    def __init__(self, place: Place, step: str) -> None:
        self.pack, self.station, self._place, self._step = place.pack, place.station, place, step
        self._declared: Declaration = {}

    @property
    def index(self) -> Mapping[str, int]:
        """See `Place`."""
        return self._place.index

    @property
    def roles(self) -> Players:
        """See `Place`; every set point is held against what was declared."""
        return _DeclaredPlayers(self._place.roles, self._checked)

    def allow(self, declared: Declaration) -> None:
        """From now on this may be asked for: pre-flight has judged it."""
        self._declared = declared

    def _checked(self, role: str, player: Any) -> Any:
        return _Declared(player, roles.role(role).asks, self._check, role)

    def _check(self, role: str, quantity: str, value: float) -> None:
        check(self._declared, self._step, role, quantity, value)


class _DeclaredPlayers(Players):
    """The same players, each behind a check."""

    def __init__(self, players: Players, checked: Callable[[str, Any], Any]) -> None:
        super().__init__(players.cast)
        self._players, self._checked = players, checked

    def __getitem__(self, role: str) -> Any:
        return self._checked(role, self._players[role])

    def of(self, role: str) -> Mapping[str, Any]:
        """See `Players`."""
        return {name: self._checked(role, player) for name, player in self._players.of(role).items()}


class _Declared:
    """A player whose verbs that set something look first whether that was declared."""

    def __init__(
        self,
        player: Any,
        asks: Mapping[str, tuple[str, ...]],
        check: Callable[[str, str, float], None],
        role: str,
    ) -> None:
        self._player, self._asks, self._check, self._role = player, asks, check, role

    def __getattr__(self, verb: str) -> Any:
        found, quantities = getattr(self._player, verb), self._asks.get(verb)
        if quantities is None:
            return found

        @wraps(found)
        def asked(*values: Any, **named: Any) -> Any:
            given = signature(found).bind(*values, **named)
            for quantity, value in zip(quantities, given.args, strict=False):
                if value is not None:
                    self._check(self._role, quantity, value)
            return found(*given.args, **given.kwargs)

        return asked
