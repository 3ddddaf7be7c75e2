"""The current between source, pack and sink: which way it flows, and that it changes its way safely.

Where source and sink are two instruments, the one that flowed is switched off before the other one is switched on;
where they are one, a new direction is one message of its driver. Nothing is sent that the step has not declared:
pre-flight has judged the declaration, and nothing else.
"""

from collections.abc import Callable, Mapping
from math import nan
from typing import Literal, Protocol

from bench.players import Players
from bench.verdicts import TestError

ROUNDING = 1e-6
"""Share of an extreme by which a set point may lie outside: a control law computes it another way than pre-flight."""

Way = Literal["source", "sink"]


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


class Undeclared(TestError):
    """A procedure asks for what its envelope does not hold: a mistake in its code, told before anything is sent."""


class Flow:
    """Asks source and sink of an open bench for a current.

    `envelope` is what may be asked for, `note` is told each set point (A, positive charges, and V) before it is sent.
    """

    def __init__(
        self,
        players: Players,
        envelope: Mapping[tuple[str, str], Span],
        note: Callable[[float, float], None],
        step: str,
    ) -> None:
        self._players = players
        self._one = players.of("source") == players.of("sink")  # each may play both roles
        self._envelope, self._note, self._step = envelope, note, step
        self._way: Way | None = None

    def charge(self, current: float, voltage: float) -> None:
        """Charge at `current` A until the terminals reach `voltage` V; raises `Undeclared` and what a source raises."""
        self._turn("source", current, voltage)
        self._note(current, voltage)
        self._players.source.charge(current, voltage)

    def discharge(self, current: float, voltage: float) -> None:
        """Discharge at `current` A (positive), not below `voltage` V; raises `Undeclared`, and what a sink raises."""
        self._turn("sink", current, voltage)
        self._note(-current, voltage)
        self._players.sink.discharge(current, voltage)

    def off(self) -> None:
        """Switch off what flows, and ask for nothing."""
        way, self._way = self._way, None
        if way is not None:
            (self._players.source.source_off if way == "source" else self._players.sink.sink_off)()
        self._note(nan, nan)

    def _turn(self, way: Way, current: float, voltage: float) -> None:
        for quantity, value in (("current", current), ("voltage", voltage)):
            self._declared(way, quantity, value)
        if self._way != way:
            if self._way is not None and not self._one:
                self.off()
            self._way = way

    def _declared(self, way: Way, quantity: str, value: float) -> None:
        span = self._envelope.get((way, quantity))
        if span is None:
            raise Undeclared(
                f"Step {self._step!r} asks its {way} for a {quantity} of {value:.4g} and has declared none: its "
                f"procedure must put ({way!r}, {quantity!r}) into its envelope; nothing was sent."
            )
        slack = ROUNDING * max(abs(span.low), abs(span.high))
        # Written so that no number (nan) is refused as well.
        if not span.low - slack <= value <= span.high + slack:
            raise Undeclared(
                f"Step {self._step!r} asks its {way} for a {quantity} of {value:.4g} and has declared "
                f"{span.low:.4g} to {span.high:.4g}: its procedure must declare what it asks for; nothing was sent."
            )
