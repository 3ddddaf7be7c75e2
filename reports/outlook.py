"""What a scenario is expected to show, by the twin: a recording before there is one.

The twin is the pack's cell model without a spread, charged and discharged as the steps ask; coarse steps of time are
enough to know what a figure will be like. A kind of step that asks for a profile is not foreseen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any

import numpy as np

from bench import columns
from bench.pack import PackFile
from bench.planned import Planned
from bench.running.emulation import cell_of, charge_steps_of
from models.steps import StepTable
from models.string import CellString, Spread
from reports.recording import Floats, Recording
from reports.uncertainty.meters import Meters

MOVING, STILL, FIRST, FIRST_MINUTE = 20.0, 300.0, 1.0, 30.0
"""s of a step of the twin: while a current flows, at rest, and while it has not flowed for long."""
SCAN = 0.05
"""s that a scan of instruments takes, about."""
ALIKE = Spread(capacity=0.0, resistance=0.0, soc=0.0, temperature=0.0)
LONGEST = 20_000
"""Steps of time of one step of a scenario, after which the twin gives up."""


@dataclass
class _Twin:
    """Runs planned steps on one cell of the pack, and notes what the bench would record of it."""

    pack: PackFile
    string: CellString
    allowed: StepTable
    time: float = 0.0
    air: float = 25.0
    counters: list[float] = field(default_factory=lambda: [0.0] * 4)
    rows: list[dict[str, float]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    def run(self, index: int, step: Planned) -> bool:
        """Carry a step out; False for one that cannot be foreseen."""
        if step.direction == "both":
            return False
        self.air = step.set_points.get("temperature", self.air)
        self.events.append({
            "time": self.time, "type": "step started", "index": index, "name": step.name, "kind": step.kind,
            "direction": step.direction, "resumable": step.resumable, "set_points": dict(step.set_points),
        })  # fmt: skip
        began, reason = self.time, ""
        for _ in range(LONGEST):
            self._advance(index, step, self.time - began)
            reason = self._reached(step, began)
            if reason or (step.direction == "none" and self.time - began >= step.duration):
                break
        self.events.append({"time": self.time, "type": "step ended", "index": index, "ended_by": reason, "reached": {}})
        return True

    def _advance(self, index: int, step: Planned, since: float) -> None:
        duration = self._tick(step, since)
        current, volts = self._flow(step, duration), self.string
        volts.step(current, duration, self.air)
        self.time += duration
        terminal, way = self._volts(), 0 if current >= 0 else 1
        self.counters[way] += abs(current) * duration / 3600
        self.counters[2 + way] += abs(current) * terminal * duration / 3600
        asked = step.set_points.get("current", nan)
        self.rows.append({
            columns.TEST_TIME: self.time, columns.STEP: float(index), columns.VOLTAGE: terminal,
            columns.CURRENT: current, columns.POWER: terminal * current, columns.SCAN_DURATION: SCAN,
            **dict(zip(COUNTERS, self.counters, strict=True)),
            columns.SET_CURRENT: asked, columns.SET_VOLTAGE: step.set_points.get("voltage", nan),
            columns.SET_TEMPERATURE: self.air, columns.SOC: float(self.string.soc[0]),
            columns.CELL_VOLTAGE_MIN: float(self.string.voltage[0]),
            columns.CELL_VOLTAGE_MAX: float(self.string.voltage[0]),
            columns.CELL_TEMPERATURE_MIN: float(self.string.temperature[0]),
            columns.CELL_TEMPERATURE_MAX: float(self.string.temperature[0]),
        })  # fmt: skip

    def _tick(self, step: Planned, since: float) -> float:
        if step.direction == "none":
            return min(STILL, max(step.duration / 4, 1.0))
        return FIRST if since < FIRST_MINUTE or not step.resumable else MOVING

    def _volts(self) -> float:
        return self.pack.series * float(self.string.voltage[0])

    def _flow(self, step: Planned, duration: float) -> float:
        """A, positive charges: as asked, within what the BMS's table and the cell's highest voltage allow."""
        if step.direction == "none":
            return 0.0
        if step.direction == "discharge":
            return -step.current
        cell, soc = self.string.cell, float(self.string.soc[0])
        temperature = float(self.string.temperature[0])
        most = self.allowed.rate(temperature, temperature, soc) * cell.nominal_capacity * self.pack.parallel
        source, resistance = self.string.thevenin(duration)
        held = (self.pack.limits.cell_voltage.max - source) / resistance
        return max(min(step.current, most, held), 0.0)

    def _reached(self, step: Planned, began: float) -> str:
        row = {**self.rows[-1], STEP_TIME: self.time - began}
        for column, comparison, threshold, text in step.conditions:
            value = abs(row.get(column, nan))
            if value >= threshold if comparison == ">=" else value <= threshold:
                return text
        return ""


COUNTERS = (columns.CHARGE_AH, columns.DISCHARGE_AH, columns.CHARGE_WH, columns.DISCHARGE_WH)
STEP_TIME = "Step Time / s"


def foreseen(
    planned: Sequence[Planned], pack: PackFile, manifest: Mapping[str, Any], soc: float, temperature: float
) -> Recording | None:
    """The recording that these steps are expected to leave, from a state of charge (0 to 1) and degC; None: unknown.

    Raw channels are those of the bench that the `manifest` is of, so that its meters are known.
    """
    string = CellString(cell_of(pack), 1, pack.parallel, spread=ALIKE, soc=soc, temperature=temperature)
    twin = _Twin(pack, string, charge_steps_of(pack), air=temperature)
    if not all(twin.run(index, step) for index, step in enumerate(planned, 1)) or not twin.rows:
        return None
    return _recorded(twin, manifest)


def _recorded(twin: _Twin, manifest: Mapping[str, Any]) -> Recording:
    raw = tuple((manifest.get("samples") or {}).get("columns") or ())
    meters = Meters(Recording(manifest, (), raw, np.empty((0, len(raw)))))
    table = {name: np.array([row[name] for row in twin.rows]) for name in twin.rows[0]}
    for name in list(table):
        for column in meters.derivation(name).columns:
            if column in raw and column not in columns.INDEX:
                table[column] = _seen_by(meters.meter(column).instrument, name, table[name], manifest)
    return Recording(manifest, twin.events, list(table), np.column_stack(list(table.values())))


def _seen_by(instrument: str, name: str, values: Floats, manifest: Mapping[str, Any]) -> Floats:
    """What one instrument shows: of a current a source the charge, a sink the discharge."""
    if name != columns.CURRENT:
        return values
    roles = next((set(each["roles"]) for each in manifest["instruments"] if each["name"] == instrument), set())
    low, high = (-np.inf if "sink" in roles else 0.0), (np.inf if "source" in roles else 0.0)
    return np.clip(values, low, high)
