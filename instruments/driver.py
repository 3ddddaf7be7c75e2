"""What every VISA driver has in common: how it is opened, named, identified and closed; how it is programmed.

No command of any instrument is in here, and a driver inherits nothing that it could want to do differently:
roles are `instruments.roles`, wires are `instruments.wires.session`.
"""

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from math import ceil, isfinite
from typing import Any, ClassVar, Protocol, Self

from instruments.roles import Identity, Instrument, InstrumentFault, SetPointRejected
from instruments.wires.context import InstrumentLink, LinkContext
from instruments.wires.links import LinkProfile, adapted
from instruments.wires.numbers import last_digit
from instruments.wires.session import Session
from instruments.wording import nearest

_NOT_OPTIONS = frozenset({"name", "gap", "timeout", "can", "profile"})


class DriverClass(Protocol):
    """What the registry hands out: a class that can be opened from a station file's entry."""

    def open(self, link: InstrumentLink, context: LinkContext, name: str, options: Mapping[str, object]) -> Instrument:
        """Open the instrument that a station calls `name`; raises `ValueError` for an unknown option."""
        ...


class VisaDriver:
    """An instrument behind one `Session`; its keyword arguments are its options in a station file."""

    profile: ClassVar[LinkProfile]

    def __init__(
        self,
        resource: str,
        context: LinkContext,
        *,
        name: str,
        gap: float | None = None,
        timeout: float | None = None,
        profile: LinkProfile | None = None,
    ) -> None:
        """Open the link; `profile` is that of this one specimen, where it is not its family's."""
        self.name = name
        self._session = Session(resource, context, adapted(profile or self.profile, gap, timeout), name=name)
        self._session.on_reconnect = self._forget
        self._session.ask_identity = self.identify

    @classmethod
    def open(cls, link: InstrumentLink, context: LinkContext, name: str, options: Mapping[str, object]) -> Self:
        """Open the instrument that a station calls `name`; raises `ValueError` for an unknown option."""
        refuse_unknown_options(cls, name, options)
        if not link.resource:
            raise ValueError(f"{name} has no resource; give a VISA resource string or a pyserial URL.")
        arguments: dict[str, Any] = dict(options)
        return cls(link.resource, context, name=name, gap=link.gap, timeout=link.timeout, **arguments)

    @property
    def patience(self) -> float:
        """How long an answer is waited for before the instrument counts as silent, s of real time."""
        return self._session.patience

    @property
    def slowest_answer(self) -> float:
        """The longest time that it has taken to answer lately, s of real time; 0 where time is simulated."""
        return self._session.slowest

    def identify(self) -> Identity:
        """Ask the instrument who it is."""
        return self._session.identity()

    def identify_awaking(self) -> Identity:
        """See `instruments.roles.Waking`."""
        with self._session.awaking():
            return self.identify()

    def expect(self, identity: Identity) -> None:
        """Answer for this instrument alone from now on: see `instruments.roles.Expecting`."""
        self._session.expect(identity)

    @property
    def reconnections(self) -> int:
        """How often the link was lost and made anew since the driver was opened."""
        return self._session.reconnections

    @property
    def troubles(self) -> Mapping[str, int]:
        """What went wrong on the link since the driver was opened: see `instruments.roles.CountsTroubles`."""
        return {**asdict(self._session.troubles), "reconnections": self.reconnections}

    def error_queue(self) -> tuple[str, ...] | None:
        """Empty the instrument's error queue; None where it has none. Raises `InstrumentFault` where it is silent."""
        return self._session.errors() if self._session.has_error_queue else None

    def close(self) -> None:
        """Leave the instrument as its family should be left, then close the link for ever. May be called again."""
        self._session.close(self._farewell)

    def _farewell(self) -> None:
        """Say what is to be said before the link is closed: nothing here."""

    def _forget(self) -> None:
        """Forget what was set, as the instrument may have been restarted; nothing to forget here."""


def refuse_unknown_options(driver: type, name: str, options: Iterable[str]) -> None:
    """Raise `ValueError` for an option that `driver` does not have, with the nearest one that it has."""
    parameters = inspect.signature(driver).parameters.values()
    known = [
        parameter.name
        for parameter in parameters
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.name not in _NOT_OPTIONS
    ]
    for option in options:
        if option not in known:
            raise ValueError(f"{name}: {driver.__name__} has no option {option!r}; {nearest(option, known)}.")


@dataclass(frozen=True, slots=True)
class Setting:
    """One programmable quantity: its name for people, its command, its unit in SI and on the wire.

    `per_unit` is how many wire units make one SI unit (1000 for a current programmed in mA).
    """

    quantity: str
    command: str
    unit: str
    wire_unit: str = ""
    per_unit: float = 1.0

    def check(self, name: str, value: float, at_most: float, at_least: float = 0.0) -> None:
        """Raise `SetPointRejected` unless `value` is within the limits. Nothing is ever clamped."""
        if not at_least <= value <= at_most:
            raise SetPointRejected(
                f"{name}: {self.quantity} {value:g} {self.unit} is outside {at_least:g} to {at_most:g} "
                f"{self.unit}; nothing was sent, correct the set point or use another instrument"
            )

    def rounded_up(self, name: str, value: float, at_most: int, at_least: int = 0) -> int:
        """The next whole number from `value` on; raises `SetPointRejected` unless that is within the limits."""
        whole = ceil(value) if isfinite(value) else value
        self.check(name, whole, at_most, at_least)
        return int(whole)

    def write(self, session: Session, value: float) -> None:
        """Send the set point (SI)."""
        session.write(f"{self.command} {value * self.per_unit:.7g}")

    def read(self, session: Session) -> tuple[float, float]:
        """Read back the set point that the instrument holds (SI), and what its last digit weighs."""
        value, reply = self._held(session)
        return value, last_digit(reply, self.wire_unit) / self.per_unit

    def _held(self, session: Session) -> tuple[float, str]:
        """What the instrument holds (SI), and its answer."""
        message = f"{self.command}?"
        reply = session.query(message)
        return session.number(message, reply, self.wire_unit) / self.per_unit, reply

    def program(self, session: Session, value: float, at_most: float) -> float:
        """Send `value` and read it back: some instruments ignore a set without a word. Returns what was read.

        Raises `SetPointRejected`, with what the error queue says, when the instrument kept another value.
        """
        self.write(session, value)
        held, reply = self._held(session)
        # One converter step is at most 1/20000 of the range, half a digit is display rounding: that is looked at only
        # where it decides.
        off, step = abs(held - value), at_most / 20000
        if not (off <= step or off <= last_digit(reply, self.wire_unit) / self.per_unit + step):
            raise self.refused(session, value, held)
        return held

    def refused(self, session: Session, value: float, held: float) -> InstrumentFault:
        """Return the fault for a set point that the instrument did not take."""
        why = "; ".join(session.errors()) or "its error queue says nothing"
        return SetPointRejected(
            f"{session.name} kept {self.quantity} at {held:g} {self.unit} when {value:g} {self.unit} was "
            f"sent with {self.command} ({why}); check its limits and mode"
        )
