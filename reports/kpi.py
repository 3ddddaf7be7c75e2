"""Key performance indicators of a recorded run, by their EN 18060 and ISO 12405-4 names where these give one.

Every figure carries the sentence that defines it, because each definition hides a choice that moves the
number. Whether a figure is good enough is the test case's to say, with `verify`. What a recording cannot
answer is `nan`, which no limit accepts.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import isfinite, nan
from typing import Any

import numpy as np

from reports.recording import Floats, Recording, Step

StepRef = Step | str | int

CURRENT, VOLTAGE, SOC = "Current / A", "Voltage / V", "SOC / 1"
CELL_LOW, CELL_HIGH = "Cell Voltage Min / V", "Cell Voltage Max / V"
COMMAND = "Command Power / W"
CELL_HOT = "Cell Temperature Max / degC"
SAME_SOC = 0.02  # ISO 12405-4 wants the initial SOC restored; the displayed SOC is not known better than this
FULL = 0.97  # displayed SOC from which a discharge is one of the whole capacity
CV_BAND = 0.001  # voltage accuracy that IEC 62660-2 asks of the measurement, relative


@dataclass(frozen=True, slots=True)
class _Way:
    """A direction of charge: its noun, and the word that begins its Battery Data Format counters."""

    noun: str
    counter: str

    def symbol(self, quantity: str) -> str:
        return f"{quantity}_{self.noun[:3]}"


CHARGING, DISCHARGING = _Way("charge", "Charging"), _Way("discharge", "Discharging")
_WAYS = {"charge": CHARGING, "discharge": DISCHARGING}


@dataclass(frozen=True, slots=True)
class Kpi:
    """One figure: value in `unit` (SI, ratios in %), its step, and the definition that was applied."""

    name: str
    symbol: str
    value: float
    unit: str
    step: str
    definition: str

    def __float__(self) -> float:
        return self.value

    def as_dict(self) -> dict[str, Any]:
        """As stored in the manifest."""
        return asdict(self)


def capacity(run: Recording, step: StepRef) -> Kpi:
    """Ah moved in the step's own direction."""
    step = run.step(step)
    way = _direction(run, step)
    return Kpi(
        name=f"{way.noun} capacity",
        symbol=way.symbol("C"),
        value=_counted(run, step, f"{way.counter} Capacity / Ah"),
        unit="Ah",
        step=step.name,
        definition=f"Growth of the {way.counter.lower()} capacity counter over the step, not integrated.",
    )


def energy(run: Recording, step: StepRef) -> Kpi:
    """Wh moved in the step's own direction, at the pack terminals."""
    step = run.step(step)
    way = _direction(run, step)
    return Kpi(
        name=f"{way.noun} energy",
        symbol=way.symbol("E"),
        value=_counted(run, step, f"{way.counter} Energy / Wh"),
        unit="Wh",
        step=step.name,
        definition=f"Growth of the {way.counter.lower()} energy counter over the step, at the terminals.",
    )


def rated_capacity_ratio(run: Recording, step: StepRef) -> Kpi:
    """Capacity of the step over the capacity on the pack's data sheet."""
    found = capacity(run, step)
    rated = float(run.manifest["pack"]["capacity"])
    return Kpi(
        name="rated capacity ratio",
        symbol="C/C_rated",
        value=100 * found.value / rated,
        unit="%",
        step=found.step,
        definition=f"{found.name.capitalize()} over the rated capacity of the pack file, {rated:g} Ah "
        "(EN 18060: rated capacity; capacity fade is 100 % minus this ratio under the rating's conditions).",
    )


def energy_round_trip_efficiency(run: Recording, discharge: StepRef, charge: StepRef) -> Kpi:
    """Discharged energy over the energy that the charge needs to restore the initial state of charge."""
    discharge, charge = run.step(discharge), run.step(charge)
    return Kpi(
        name="energy round-trip efficiency",
        symbol="η_E",
        value=_percent(energy(run, discharge).value, energy(run, charge).value),
        unit="%",
        step=discharge.name,
        definition="Net d.c. energy delivered in the discharge over the d.c. energy of the charge "
        f"{charge.name!r} that restores the SOC (ISO 12405-4:2018, 3.11); "
        f"{_closure(run, discharge, charge)}.",
    )


def coulombic_efficiency(run: Recording, discharge: StepRef, charge: StepRef) -> Kpi:
    """Discharged Ah over charged Ah of one closed cycle."""
    discharge, charge = run.step(discharge), run.step(charge)
    return Kpi(
        name="coulombic efficiency",
        symbol="η_C",
        value=_percent(capacity(run, discharge).value, capacity(run, charge).value),
        unit="%",
        step=discharge.name,
        definition=f"Discharge capacity over the charge capacity of {charge.name!r}; "
        f"{_closure(run, discharge, charge)}.",
    )


def dc_resistance(run: Recording, step: StepRef, at: float = 10.0) -> Kpi:
    """Voltage change over current change `at` s after the current step that begins `step`."""
    step = run.step(step)
    return Kpi(
        name=f"dc resistance {at:g} s",
        symbol=f"R_{at:g}s",
        value=_resistance(run, step, at),
        unit="Ω",
        step=step.name,
        definition=f"(U({at:g} s) - U(before)) / (I({at:g} s) - I(before)) after the current change that "
        "begins the step; before is the last sample ahead of it (EN 18060: internal resistance; the time is "
        "part of its name).",
    )


def charge_time(run: Recording, step: StepRef, start: float = 0.1, stop: float = 0.8) -> Kpi:
    """Time between two displayed states of charge (0 to 1), s."""
    step = run.step(step)
    time, soc = run.values("Test Time / s", step), run.values(SOC, step)
    begun, reached = _crossing(time, soc, start), _crossing(time, soc, stop)
    return Kpi(
        name=f"charge time {100 * start:g} to {100 * stop:g} %",
        symbol=f"t_{100 * start:g}-{100 * stop:g}",
        value=reached - begun - run.held(begun, reached),
        unit="s",
        step=step.name,
        definition=f"Time from the first {100 * start:g} % to the first {100 * stop:g} % of displayed SOC, "
        "interpolated between samples; holds and gaps do not count.",
    )


def duration(run: Recording, step: StepRef) -> Kpi:
    """S that a step took."""
    step = run.step(step)
    return Kpi(
        name=f"{step.name} time",
        symbol="t",
        value=step.duration - run.held(step.start, step.stop),
        unit="s",
        step=step.name,
        definition="Bench time from the start of the step to its end condition, contactors included; "
        "holds and gaps do not count.",
    )


def mean_power(run: Recording, step: StepRef) -> Kpi:
    """Energy of the step over its duration, W, as a magnitude."""
    step = run.step(step)
    duration = step.duration - sum(gap.stop - gap.start for gap in run.gaps if step.start <= gap.start < step.stop)
    return Kpi(
        name="mean power",
        symbol="P_mean",
        value=energy(run, step).value * 3600 / duration if duration > 0 else nan,
        unit="W",
        step=step.name,
        definition="Energy of the step over its duration, pauses within the step included, gaps in the test not.",
    )


def temperature_rise(run: Recording, step: StepRef) -> Kpi:
    """How much the hottest cell rose above the soaked pack, K."""
    step = run.step(step)
    return Kpi(
        name="temperature rise",
        symbol="ΔT",
        value=_maximum(run.values(CELL_HOT, step)) - _soaked(run, step),
        unit="K",
        step=step.name,
        definition="Highest cell temperature in the step minus the highest cell temperature at the end of "
        "the last soak (without a soak: at the last sample before the step).",
    )


def constant_voltage_share(run: Recording, step: StepRef) -> Kpi:
    """Part of the charged Ah that was taken at constant voltage, %."""
    step = run.step(step)
    asked = run.values("Set Voltage / V", step)
    held = np.flatnonzero(run.values(VOLTAGE, step) >= asked * (1 - CV_BAND))
    total = capacity(run, step).value
    share = 0.0
    if len(held):
        counter = run.values("Charging Capacity / Ah", step)
        share = _percent(float(counter[-1] - counter[held[0]]), total)
    return Kpi(
        name="constant-voltage share",
        symbol="s_CV",
        value=share if isfinite(total) and np.isfinite(asked).any() else nan,
        unit="%",
        step=step.name,
        definition=f"Ah from the first sample within {100 * CV_BAND:g} % of the set voltage to the end of "
        "the step, over all Ah of the step.",
    )


def cell_spread(run: Recording, step: StepRef) -> Kpi:
    """Highest minus lowest cell voltage at the end of the step, V."""
    step = run.step(step)
    return Kpi(
        name="cell spread at end",
        symbol="ΔU_end",
        value=_last(_spread(run, step)),
        unit="V",
        step=step.name,
        definition="Highest minus lowest cell voltage in the last sample of the step.",
    )


def largest_cell_spread(run: Recording, step: StepRef) -> Kpi:
    """Largest difference between two cells in one sample of the step, V."""
    step = run.step(step)
    return Kpi(
        name="largest cell spread",
        symbol="ΔU_max",
        value=_maximum(_spread(run, step)),
        unit="V",
        step=step.name,
        definition="Largest difference between two cell voltages within one sample of the step.",
    )


def following_error(run: Recording, step: StepRef) -> Kpi:
    """How far the power was from the command, as the BMS's limits had cut it; root mean square, W."""
    step = run.step(step)
    _, allowed, power, seconds = _followed(run, step)
    return Kpi(
        name="following error",
        symbol="ΔP_rms",
        value=float(np.sqrt(np.average((power - allowed) ** 2, weights=seconds))) if seconds.sum() > 0 else nan,
        unit="W",
        step=step.name,
        definition="Root mean square of the difference between the power at the terminals and the command, that cut by "
        "the current limit received last from the BMS; weighted by time.",
    )


def charge_cut(run: Recording, step: StepRef) -> Kpi:
    """Share of the charging energy that was wanted and the BMS did not allow, %."""
    return _cut(run, step, CHARGING, "charge cut", "W_cut", "The pack takes less than was wanted.")


def derating(run: Recording, step: StepRef) -> Kpi:
    """Share of the discharging energy that was wanted and the BMS did not allow, %: what the pack owes."""
    return _cut(run, step, DISCHARGING, "derating", "W_der", "The pack gives less than was wanted of it.")


def _cut(run: Recording, step: StepRef, way: _Way, name: str, symbol: str, meaning: str) -> Kpi:
    step = run.step(step)
    wanted, allowed, _, seconds = _followed(run, step)
    mine = wanted > 0 if way is CHARGING else wanted < 0
    energy = float((np.abs(wanted) * seconds)[mine].sum()) / 3600
    missing = float((np.abs(wanted - allowed) * seconds)[mine].sum()) / 3600
    return Kpi(
        name=name,
        symbol=symbol,
        value=_percent(missing, energy),
        unit="%",
        step=step.name,
        definition=f"Energy of the {way.noun} command beyond the current limit received last, {missing:.4g} Wh, over "
        f"that of the command, {energy:.4g} Wh. {meaning}",
    )


def _followed(run: Recording, step: Step) -> tuple[Floats, Floats, Floats, Floats]:
    """Power wanted, allowed and flowing (W), and the time (s) of each, of the samples that had a command."""
    time, wanted, power = (run.values(column, step) for column in ("Test Time / s", COMMAND, "Power / W"))
    voltage = run.values(VOLTAGE, step)
    allowed = wanted.copy()
    for column, cut in (("Charge Current Limit / A", np.minimum), ("Discharge Current Limit / A", np.maximum)):
        # What was asked for in an interval follows from the limit that was received before it.
        limit = np.concatenate(([nan], run.values(column, step)[:-1])) * voltage
        bound = limit if cut is np.minimum else -limit
        allowed = np.where(np.isnan(bound), allowed, cut(allowed, bound))
    seconds = np.diff(time, prepend=time[:1])
    known = np.isfinite(wanted) & np.isfinite(power)
    return wanted[known], allowed[known], power[known], seconds[known]


def compute_all(run: Recording) -> list[Kpi]:
    """Every figure that the recorded steps allow; what came out as `nan` is left out."""
    found = [kpi for step in run.steps if step.sample_count for kpi in _of_step(run, step)]
    for discharge, charge in _closed_cycles(run):
        found.append(energy_round_trip_efficiency(run, discharge, charge))
        found.append(coulombic_efficiency(run, discharge, charge))
    return [kpi for kpi in found if isfinite(kpi.value)]


def _of_step(run: Recording, step: Step) -> Iterator[Kpi]:
    moves = step.direction in ("charge", "discharge") and step.resumable
    if moves:
        yield capacity(run, step)
        yield energy(run, step)
        yield mean_power(run, step)
        yield dc_resistance(run, step)
    if moves and step.direction == "discharge" and _from_full(run, step):
        yield rated_capacity_ratio(run, step)
    if moves and step.direction == "charge" and run.has(SOC):
        yield charge_time(run, step)
    if step.kind == "Charge" and run.has("Set Voltage / V"):
        yield constant_voltage_share(run, step)
    if not step.resumable:
        yield dc_resistance(run, step)
    if run.has(COMMAND) and np.isfinite(run.values(COMMAND, step)).any():
        yield following_error(run, step)
        yield charge_cut(run, step)
        yield derating(run, step)
    if step.direction != "none" and run.has(CELL_HOT):
        yield temperature_rise(run, step)
    if step.direction != "none" and run.has(CELL_LOW) and run.has(CELL_HIGH):
        yield cell_spread(run, step)
        yield largest_cell_spread(run, step)


def _closed_cycles(run: Recording) -> Iterator[tuple[Step, Step]]:
    """Pair a discharge with the charge before or after it where the two end at the SOC they began with."""
    moving = [step for step in run.steps if step.kind in ("Charge", "Discharge") and step.sample_count]
    for first, second in pairwise(moving):
        if first.kind == second.kind or not run.has(SOC):
            continue
        if abs(run.values(SOC, second)[-1] - _before(run, SOC, first)) <= SAME_SOC:
            yield (first, second) if first.kind == "Discharge" else (second, first)


def _closure(run: Recording, discharge: Step, charge: Step) -> str:
    """How well the two steps close a cycle, in words."""
    first, second = sorted((discharge, charge), key=lambda step: step.start)
    order = "the charge follows the discharge" if first is discharge else "the charge precedes the discharge"
    if not run.has(SOC):
        return order
    gap = 100 * abs(float(run.values(SOC, second)[-1]) - _before(run, SOC, first))
    return f"{order}, the displayed SOC returns to within {gap:.1f} %"


def _direction(run: Recording, step: Step) -> _Way:
    """Which way a step moves charge: what it is for, or for a pulse what it did."""
    if step.resumable and step.direction in _WAYS:
        return _WAYS[step.direction]
    return CHARGING if np.nansum(run.values(CURRENT, step)) >= 0 else DISCHARGING


def _counted(run: Recording, step: Step, counter: str) -> float:
    """Growth of a counter over the step, from the last sample before it so that no interval is lost."""
    values = run.values(counter, step)
    return float(values[-1]) - _before(run, counter, step) if len(values) else nan


def _before(run: Recording, column: str, step: Step) -> float:
    """Take the last sample ahead of a step; the step's own first one when nothing came before."""
    values = run.column(column)
    return float(values[max(step.rows.start - 1, 0)]) if len(values) else nan


def _from_full(run: Recording, step: Step) -> bool:
    """Whether a discharge can tell the capacity of the pack; without a displayed SOC it is believed to."""
    return not run.has(SOC) or _before(run, SOC, step) >= FULL


def _resistance(run: Recording, step: Step, at: float) -> float:
    time = run.values("Test Time / s", step) - step.start
    if not len(time) or time[-1] < at:
        return nan
    voltage, current = (float(np.interp(at, time, run.values(column, step))) for column in (VOLTAGE, CURRENT))
    if run.held(step.start, step.start + at) > 0:  # outputs were off: the change is none of the pack's
        return nan
    rest = _before(run, VOLTAGE, step)
    if rest < 0.5 * voltage:  # an open contactor: what the terminals showed was not the pack
        return nan
    change = current - _before(run, CURRENT, step)
    return (voltage - rest) / change if abs(change) > 1e-6 else nan


def _soaked(run: Recording, step: Step) -> float:
    soaks = [other for other in run.steps if other.kind == "Soak" and other.index < step.index and other.sample_count]
    return float(run.values(CELL_HOT, soaks[-1])[-1]) if soaks else _before(run, CELL_HOT, step)


def _spread(run: Recording, step: Step) -> Floats:
    return run.values(CELL_HIGH, step) - run.values(CELL_LOW, step)


def _crossing(time: Floats, soc: Floats, level: float) -> float:
    """Time at which a rising signal first reaches `level`; `nan` when it starts above or never gets there."""
    reached = np.flatnonzero(soc >= level)
    if not len(reached):
        return nan
    after = int(reached[0])
    if after == 0:
        return float(time[0]) if soc[0] - level < 0.005 else nan
    return float(np.interp(level, soc[after - 1 : after + 1], time[after - 1 : after + 1]))


def _percent(part: float, whole: float) -> float:
    return 100 * part / whole if whole > 0 else nan


def _maximum(values: Floats) -> float:
    return float(np.nanmax(values)) if np.isfinite(values).any() else nan


def _last(values: Floats) -> float:
    return float(values[-1]) if len(values) else nan
