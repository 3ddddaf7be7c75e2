"""The current between source, pack and sink: which way it flows, and that it changes its way safely.

Where source and sink are two instruments, the one that flowed is switched off before the other one is switched on;
where they are one, nothing is switched off, and how its one output turns is its driver's. Nothing is sent that the step
has not declared: pre-flight has judged the declaration, and nothing else.
"""

from collections.abc import Callable
from math import nan
from typing import Literal

from bench.players import Players
from bench.running import declared

Way = Literal["source", "sink"]


class Flow:
    """Asks source and sink of an open bench for a current.

    `envelope` is what may be asked for, `note` is told each set point (A, positive charges, and V) before it is sent.
    """

    def __init__(
        self,
        players: Players,
        envelope: declared.Declaration,
        note: Callable[[float, float], None],
        step: str,
    ) -> None:
        self._players = players
        self._one = players.of("source") == players.of("sink")  # each may play both roles
        self._envelope, self._note, self._step = envelope, note, step
        self._way: Way | None = None
        self._asked: tuple[Way, float, float] | None = None
        """What was asked for last, and found to be declared: most steps ask for the same in every scan."""

    def charge(self, current: float, voltage: float) -> None:
        """Charge at `current` A until the terminals reach `voltage` V; raises `Undeclared` and what a source raises."""
        if ("source", current, voltage) != self._asked:
            self._turn("source", current, voltage)
        self._note(current, voltage)
        self._players.source.charge(current, voltage)

    def discharge(self, current: float, voltage: float) -> None:
        """Discharge at `current` A (positive), not below `voltage` V; raises `Undeclared`, and what a sink raises."""
        if ("sink", current, voltage) != self._asked:
            self._turn("sink", current, voltage)
        self._note(-current, voltage)
        self._players.sink.discharge(current, voltage)

    def off(self) -> None:
        """Switch off what flows, and ask for nothing."""
        way, self._way, self._asked = self._way, None, None
        if way is not None:
            (self._players.source.source_off if way == "source" else self._players.sink.sink_off)()
        self._note(nan, nan)

    def _turn(self, way: Way, current: float, voltage: float) -> None:
        for quantity, value in (("current", current), ("voltage", voltage)):
            declared.check(self._envelope, self._step, way, quantity, value)
        if self._way != way:
            if self._way is not None and not self._one:
                self.off()
            self._way = way
        self._asked = way, current, voltage
