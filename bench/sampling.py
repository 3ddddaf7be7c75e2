"""One sample: scan, guard, record, in that order, and the counters of charge and energy that go with it.

A violation switches the outputs off before anything else is done about it.
"""

from collections.abc import Callable
from contextlib import suppress
from math import nan

from bench import columns, safestate
from bench.columns import INDEX
from bench.guard import Guard, Trip
from bench.lifecycle import OpenBench
from bench.run import Run
from bench.verdicts import BenchFault, PackFailure

Row = list[float]

_TIME, _UNIX, _STEP = INDEX[columns.TEST_TIME], INDEX[columns.UNIX_TIME], INDEX[columns.STEP]
_CURRENT, _POWER = INDEX[columns.CURRENT], INDEX[columns.POWER]
_COUNTERS = slice(INDEX[columns.CHARGE_AH], INDEX[columns.DISCHARGE_WH] + 1)
_SET_POINTS = slice(INDEX[columns.SET_CURRENT], INDEX[columns.SET_TEMPERATURE] + 1)
_SENSORS = slice(INDEX[columns.CELL_TEMPERATURE_MIN], INDEX[columns.CELL_TEMPERATURE_MAX] + 1)
_SCAN_DURATION = INDEX[columns.SCAN_DURATION]

Observer = Callable[[Row], None]


class Sampler:
    """Takes samples of one open bench for one run."""

    def __init__(self, bench: OpenBench, run: Run) -> None:
        self.guard = Guard(bench.limits, bench.scanner.columns)
        self.observers: list[Observer] = []
        self.last: Row | None = None
        self.step_index = 0
        self.step_name: str | None = None
        self._bench, self._run = bench, run
        self._now, self._scan = bench.clock.now, bench.scanner.scan
        self._epoch = bench.clock.epoch.timestamp()
        self._set = [nan, nan, nan]
        self._counters = [0.0, 0.0, 0.0, 0.0]
        self._current_stepped = False

    def ask(self, current: float, voltage: float) -> None:
        """Note what is asked of source or sink from this instant on: A (positive charges) and V."""
        # A new current flows at once: the next interval is no ramp from the old one.
        self._current_stepped = current != self._set[0]
        self._set[:2] = current, voltage

    def ask_nothing(self) -> None:
        """Note that the outputs are off."""
        self.ask(nan, nan)

    def ask_temperature(self, temperature: float) -> None:
        """Note the chamber's set point, degC."""
        self._set[2] = temperature

    def take(self) -> Row:
        """One row, guarded and recorded; raises `PackFailure` or `BenchFault` when a limit was violated."""
        started = self._now()
        row = self._scan()
        now = self._now()
        row[_TIME], row[_UNIX], row[_STEP], row[_SCAN_DURATION] = now, self._epoch + now, self.step_index, now - started
        row[_SET_POINTS] = self._set
        self._count(row)
        trip = self.guard.check(row)
        if trip is not None:
            # Off first. What it raises matters less than the violation, and the safe state will find it again.
            with suppress(Exception):
                safestate.outputs_off(self._bench.roles)
        self.last = row
        try:
            if self._run.journal is not None:
                self._run.journal.append(row)
        finally:
            # A disk that is full at this very moment must not hide the violation.
            if trip is not None:
                self._raise(trip)
        if self._bench.emulated is not None:
            self._bench.emulated.follow(row[_SENSORS])
        for observer in self.observers:
            observer(row)
        return row

    def _count(self, row: Row) -> None:
        """Charge and energy since the start: trapezoids, except across a step of the current."""
        previous = self.last
        if previous is not None:
            hours = (row[_TIME] - previous[_TIME]) / 3600
            current, power = row[_CURRENT], row[_POWER]
            if not self._current_stepped:
                current, power = (current + previous[_CURRENT]) / 2, (power + previous[_POWER]) / 2
            self._current_stepped = False
            direction = 0 if current >= 0 else 1
            self._counters[direction] += abs(current) * hours
            self._counters[2 + direction] += abs(power) * hours
        row[_COUNTERS] = self._counters

    def _raise(self, trip: Trip) -> None:
        cause = trip.cause(self.step_name)
        limit = trip.limit
        bounds = limit.as_dict()
        self._run.event(
            "trip",
            limit=limit.name,
            column=limit.column,
            value=trip.value,
            at_least=bounds["at_least"],
            at_most=bounds["at_most"],
            unit=limit.unit,
            blame=cause.blame,
            step=self.step_name,
            text=cause.text,
        )
        self._run.fault(cause)
        raise PackFailure(cause.text) if cause.blame == "pack" else BenchFault(cause.text)
