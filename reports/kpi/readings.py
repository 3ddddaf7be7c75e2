"""What several KPIs read from a recording in the same way."""

from dataclasses import dataclass
from math import isfinite, nan

import numpy as np

from reports.recording import Floats, Recording, Step

CURRENT, VOLTAGE, SOC = "Current / A", "Voltage / V", "SOC / 1"
TIME, POWER, COMMAND = "Test Time / s", "Power / W", "Command Power / W"
CELL_LOW, CELL_HIGH = "Cell Voltage Min / V", "Cell Voltage Max / V"
CELL_COLD, CELL_HOT = "Cell Temperature Min / degC", "Cell Temperature Max / degC"
BMS_STATE = "BMS State / 1"
CHARGE_AH, DISCHARGE_AH = "Charging Capacity / Ah", "Discharging Capacity / Ah"
CHARGE_WH, DISCHARGE_WH = "Charging Energy / Wh", "Discharging Energy / Wh"
SET_VOLTAGE = "Set Voltage / V"
SCAN_DURATION = "Scan Duration / s"


@dataclass(frozen=True, slots=True)
class Way:
    """A direction of charge: its noun, and the word that begins its Battery Data Format counters."""

    noun: str
    counter: str

    def words(self) -> dict[str, str]:
        """For the templates of a KPI: `way`, `counter`, and `short` for an index."""
        return {"way": self.noun, "counter": self.counter.lower(), "short": self.noun[:3]}


CHARGING, DISCHARGING = Way("charge", "Charging"), Way("discharge", "Discharging")
_WAYS = {"charge": CHARGING, "discharge": DISCHARGING}


def moves(_run: Recording, step: Step) -> bool:
    """Whether a step moves energy one way, and for so long that amounts of it mean something: no pulse does."""
    return step.direction in _WAYS and step.resumable


def charges(run: Recording, step: Step) -> bool:
    """Whether a step is a charge."""
    return moves(run, step) and step.direction == "charge"


def discharges(run: Recording, step: Step) -> bool:
    """Whether a step is a discharge."""
    return moves(run, step) and step.direction == "discharge"


def cycles_the_pack(_run: Recording, step: Step) -> bool:
    """Whether a step moves energy at all."""
    return step.direction != "none"


def way_of(run: Recording, step: Step) -> Way:
    """Which way a step moves charge: what it is for, or for a pulse what it did."""
    if moves(run, step):
        return _WAYS[step.direction]
    return CHARGING if np.nansum(run.values(CURRENT, step)) >= 0 else DISCHARGING


def counted(run: Recording, step: Step, counter: str) -> float:
    """Growth of a counter over the step, from the last sample before it so that no interval is lost."""
    rows = step.rows
    return run.at(counter, rows.stop - 1) - before(run, counter, step) if rows.stop > rows.start else nan


def before(run: Recording, column: str, step: Step) -> float:
    """Take the last sample ahead of a step; the step's own first one when nothing came before."""
    return run.at(column, max(step.rows.start - 1, 0)) if len(run.rows) else nan


def displayed_before(run: Recording, step: Step) -> float:
    """Take the displayed SOC ahead of a step; where none was shown, as with open contactors, the first of the step."""
    found = before(run, SOC, step)
    if isfinite(found):
        return found
    shown = run.values(SOC, step)
    return float(shown[np.flatnonzero(np.isfinite(shown))[0]]) if np.isfinite(shown).any() else nan


def percent(part: float, whole: float) -> float:
    """A ratio in %; `nan` over nothing."""
    return 100 * part / whole if whole > 0 else nan


def maximum(values: Floats) -> float:
    """The largest of the values that were measured; `nan` where none was."""
    return float(np.nanmax(values)) if np.isfinite(values).any() else nan


def last_known(values: Floats) -> float:
    """The last value that was measured; `nan` where none was."""
    return last(values[np.isfinite(values)])


def last(values: Floats) -> float:
    """The last value; `nan` where there is none."""
    return float(values[-1]) if len(values) else nan
