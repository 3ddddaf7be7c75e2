"""How well a power that was commanded was followed, and what the BMS's limits cut off it."""

from math import nan

import numpy as np

from reports.kpi.base import Explained, of_step
from reports.kpi.readings import CHARGING, COMMAND, DISCHARGING, POWER, TIME, VOLTAGE, Way, percent
from reports.recording import Floats, Recording, Step

CHARGE_LIMIT, DISCHARGE_LIMIT = "Charge Current Limit / A", "Discharge Current Limit / A"


def _commanded(run: Recording, step: Step) -> bool:
    return bool(np.isfinite(run.values(COMMAND, step)).any())


def _to_be_followed(run: Recording, step: Step) -> bool:
    """What a strategy of charging asks for is a wish: the voltage ends it."""
    return _commanded(run, step) and "strategy" not in step.words


@of_step(
    "following error", symbol="ΔP_rms", unit="W", sense="at_most",
    columns=(TIME, COMMAND, POWER, VOLTAGE), also=(CHARGE_LIMIT, DISCHARGE_LIMIT), applies=_to_be_followed,
)  # fmt: skip
def following_error(run: Recording, step: Step) -> float:
    """Root mean square of the difference between the power at the terminals and the command, that cut by the current
    limit received last from the BMS; weighted by time.
    """
    _, allowed, power, seconds = followed(run, step)
    return float(np.sqrt(np.average((power - allowed) ** 2, weights=seconds))) if seconds.sum() > 0 else nan


@of_step(
    "charge cut", symbol="W_cut", unit="%", sense="at_most", columns=(TIME, COMMAND, POWER, VOLTAGE),
    also=(CHARGE_LIMIT,), applies=_commanded, span=(0, 100),
)  # fmt: skip
def charge_cut(run: Recording, step: Step) -> Explained:
    """Energy of the charge command beyond the current limit received last, {missing:.4g} Wh, over that of the command,
    {energy:.4g} Wh. The pack takes less than was wanted.
    """
    return _cut(run, step, CHARGING)


@of_step(
    "derating", symbol="W_der", unit="%", sense="at_most", columns=(TIME, COMMAND, POWER, VOLTAGE),
    also=(DISCHARGE_LIMIT,), applies=_commanded, span=(0, 100),
)  # fmt: skip
def derating(run: Recording, step: Step) -> Explained:
    """Energy of the discharge command beyond the current limit received last, {missing:.4g} Wh, over that of the
    command, {energy:.4g} Wh. The pack gives less than was wanted of it.
    """
    return _cut(run, step, DISCHARGING)


def _cut(run: Recording, step: Step, way: Way) -> Explained:
    wanted, allowed, _, seconds = followed(run, step)
    mine = wanted > 0 if way is CHARGING else wanted < 0
    energy = float((np.abs(wanted) * seconds)[mine].sum()) / 3600
    missing = float((np.abs(wanted - allowed) * seconds)[mine].sum()) / 3600
    return Explained(percent(missing, energy), missing=missing, energy=energy)


def followed(run: Recording, step: Step) -> tuple[Floats, Floats, Floats, Floats]:
    """Power wanted, allowed and flowing (W), and the time (s) of each, of the samples that had a command."""
    time, wanted, power = (run.values(column, step) for column in (TIME, COMMAND, POWER))
    voltage = run.values(VOLTAGE, step)
    allowed = wanted.copy()
    for column, cut in ((CHARGE_LIMIT, np.minimum), (DISCHARGE_LIMIT, np.maximum)):
        # What was asked for in an interval follows from the limit that was received before it.
        limit = np.concatenate(([nan], run.values(column, step)[:-1])) * voltage
        bound = limit if cut is np.minimum else -limit
        allowed = np.where(np.isnan(bound), allowed, cut(allowed, bound))
    seconds = np.diff(time, prepend=time[:1])
    known = np.isfinite(wanted) & np.isfinite(power)
    return wanted[known], allowed[known], power[known], seconds[known]
