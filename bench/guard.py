"""Latching physical limits, checked inline in the thread that acquires: 35 µs from a sample to the output-off command.

A watchdog thread would be starved by any busy Python thread, so there is none. Limits come from the same pack and
station data that program the instruments' own protections.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isnan
from typing import Any

from bench import columns
from bench.pack import PackFile
from bench.station import StationFile
from bench.verdicts import Blame, Cause

CELL_MARGIN = 0.02
"""V per cell beyond the pack's limit at which the guard trips: regulation may touch the limit, not pass it."""
UNDER_VOLTAGE_MARGIN = 0.15
CURRENT_MARGIN = 1.1
BMS_TEMPERATURE_STEP = 1.0
"""K, resolution of the temperatures that a foxBMS node sends; it has sensors where the scanner may have none."""
BMS_SILENCE = 5.0
"""s without a complete set of BMS messages; the foxBMS layout sends the slowest of them each second."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A column must stay within bounds; `debounce` s of violation are forgiven."""

    name: str
    column: str
    unit: str
    at_least: float = -inf
    at_most: float = inf
    debounce: float = 0.0
    blame: Blame = "pack"

    def as_dict(self) -> dict[str, Any]:
        """As stored in the manifest: null for no bound."""
        bounds = {"at_least": self.at_least, "at_most": self.at_most}
        return {
            "name": self.name, "column": self.column, "unit": self.unit, "debounce": self.debounce, "blame": self.blame,
            **{key: value if abs(value) != inf else None for key, value in bounds.items()},
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trip:
    """The first violation that latched the guard."""

    limit: Limit
    time: float
    value: float

    def cause(self, step: str | None) -> Cause:
        """One sentence: what, where, how much was allowed."""
        blame = self.limit.blame
        if isnan(self.value):
            blame = "bench"
            text = f"{self.limit.name}: {self.limit.column.partition(' / ')[0]} is missing from the scan"
        else:
            above = self.value > self.limit.at_most
            bound, word = (self.limit.at_most, "above") if above else (self.limit.at_least, "below")
            unit = self.limit.unit
            text = f"{self.limit.name}: {self.value:.4g} {unit} is {word} the allowed {bound:.4g} {unit}"
        where = f" in step {step!r}" if step else ""
        return Cause(blame, f"{text}{where} after {self.time:.0f} s.", step, self.time, self.limit.name)


class Guard:
    """Checks each row; once tripped it stays tripped."""

    def __init__(self, limits: Sequence[Limit], layout: Sequence[str]) -> None:
        self.limits = tuple(limits)
        self.trip: Trip | None = None
        index = {name: position for position, name in enumerate(layout)}
        self._checks = [(index[limit.column], limit.at_least, limit.at_most, limit) for limit in limits]
        self._since: dict[Limit, float] = {}

    def check(self, row: Sequence[float]) -> Trip | None:
        """The first limit that `row` (test time first) violates for longer than its debounce; then latched."""
        if self.trip is not None:
            return self.trip
        for position, at_least, at_most, limit in self._checks:
            # Written so that a missing value (nan) violates too: a limit that cannot be seen protects nobody.
            if at_least <= row[position] <= at_most:
                if self._since:
                    self._since.pop(limit, None)
                continue
            since = self._since.setdefault(limit, row[0])
            if row[0] - since >= limit.debounce:
                self.trip = Trip(limit, row[0], row[position])
                return self.trip
        return None


def limits_for(pack: PackFile, station: StationFile) -> tuple[Limit, ...]:
    """The limits that every run of `pack` on `station` is guarded by."""
    cell, hot = pack.limits.cell_voltage, pack.limits
    voltage_max = min(pack.voltage_max + pack.series * CELL_MARGIN, station.wiring.voltage)
    current_max = CURRENT_MARGIN * min(pack.limits.charge_current, station.wiring.current)
    current_min = -CURRENT_MARGIN * min(pack.limits.discharge_current, station.wiring.current)
    lowest = min(hot.charge_temperature.min, hot.discharge_temperature.min) - 5
    highest = max(hot.charge_temperature.max, hot.discharge_temperature.max)
    return (
        Limit("cell over-voltage", columns.CELL_VOLTAGE_MAX, "V", at_most=cell.max + CELL_MARGIN, debounce=1.0),
        Limit(
            "cell under-voltage",
            columns.CELL_VOLTAGE_MIN,
            "V",
            at_least=cell.min - UNDER_VOLTAGE_MARGIN,
            debounce=1.0,
        ),
        Limit("pack over-voltage", columns.VOLTAGE, "V", at_most=voltage_max, debounce=1.0),
        Limit(
            "over-current",
            columns.CURRENT,
            "A",
            at_least=current_min,
            at_most=current_max,
            debounce=1.0,
            blame="bench",
        ),
        Limit("cell over-temperature", columns.CELL_TEMPERATURE_MAX, "°C", at_most=highest, debounce=2.0),
        Limit(
            "cell under-temperature",
            columns.CELL_TEMPERATURE_MIN,
            "°C",
            at_least=lowest,
            debounce=2.0,
            blame="bench",
        ),
        Limit(
            "cell over-temperature (BMS)",
            columns.raw_label(station.player("bms") or "bms", "cell temperature max"),
            "°C",
            at_most=highest + BMS_TEMPERATURE_STEP,
            debounce=2.0,
        ),
        Limit("BMS silent", columns.BMS_AGE, "s", at_most=BMS_SILENCE, debounce=0.0, blame="bench"),
    )
