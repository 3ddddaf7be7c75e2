"""What a road cost: figures of a drive, scaled back to the car, and how truly the bench drove it.

A bench pack is smaller than a car's: the scale stands beside every figure of the road.
"""

from math import nan

import numpy as np

from reports.kpi.base import Explained, of_step
from reports.kpi.following import CHARGE_LIMIT, DISCHARGE_LIMIT, followed
from reports.kpi.readings import CHARGE_WH, COMMAND, DISCHARGE_WH, POWER, TIME, VOLTAGE, counted, percent
from reports.recording import Recording, Step

SCALE, DISTANCE = "scale", "distance"
"""Set points of a step that drives: power of this pack for each W of the car's, and m."""


def _drives(_run: Recording, step: Step) -> bool:
    return SCALE in step.set_points


def _goes_somewhere(run: Recording, step: Step) -> bool:
    return _drives(run, step) and step.set_points.get(DISTANCE, 0.0) > 0


@of_step(
    "consumption", symbol="E_road", unit="kWh/100km", sense="at_most",
    columns=(CHARGE_WH, DISCHARGE_WH), applies=_goes_somewhere,
)  # fmt: skip
def consumption(run: Recording, step: Step) -> Explained:
    """Energy out of the pack less what it took back, over the {distance:.1f} km of the road, for a car whose pack is
    {times:.3g} times this one (scale {scale:.4g}).
    """
    scale, distance = step.set_points[SCALE], step.set_points[DISTANCE] / 1000
    net = counted(run, step, "Discharging Energy / Wh") - counted(run, step, "Charging Energy / Wh")
    value = net / scale / 1000 / distance * 100
    return Explained(value, scale=scale, times=1 / scale, distance=distance)


@of_step(
    "energy off the command", symbol="ΔE_road", unit="%", sense="within", columns=(TIME, COMMAND, POWER, VOLTAGE),
    also=(CHARGE_LIMIT, DISCHARGE_LIMIT), applies=_drives, span=(0, 100),
)  # fmt: skip
def energy_off(run: Recording, step: Step) -> Explained:
    """Energy at the terminals less that of the command, cut by the limit received last from the BMS, {commanded:.4g}
    Wh, over the command's; both ways added up by magnitude.
    """
    _, allowed, power, seconds = followed(run, step)
    commanded = float((np.abs(allowed) * seconds).sum()) / 3600
    found = float((np.abs(power) * seconds).sum()) / 3600
    return Explained(percent(found - commanded, commanded), commanded=commanded)


@of_step(
    "power off the command", symbol="ΔP_road", unit="%", sense="within", columns=(TIME, COMMAND, POWER, VOLTAGE),
    also=(CHARGE_LIMIT, DISCHARGE_LIMIT), applies=_drives, span=(0, 100),
)  # fmt: skip
def power_off(run: Recording, step: Step) -> Explained:
    """Root mean square of the power at the terminals less that of the command, cut by the limit received last from the
    BMS, {commanded:.4g} W, over the command's.
    """
    _, allowed, power, seconds = followed(run, step)
    if not seconds.sum() > 0:
        return Explained(nan, commanded=nan)
    commanded = float(np.sqrt(np.average(allowed**2, weights=seconds)))
    found = float(np.sqrt(np.average(power**2, weights=seconds)))
    return Explained(percent(found - commanded, commanded), commanded=commanded)
