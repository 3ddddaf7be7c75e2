"""How much a step moved: charge, energy, power."""

from math import nan

from reports.kpi.base import Explained, of_step
from reports.kpi.readings import (
    CHARGE_AH,
    CHARGE_WH,
    DISCHARGE_AH,
    DISCHARGE_WH,
    SOC,
    counted,
    discharges,
    displayed_before,
    moves,
    way_of,
)
from reports.recording import Recording, Step

FULL = 0.97  # displayed SOC from which a discharge is one of the whole capacity


@of_step(
    "{way:charge|discharge} capacity", symbol="C_{short}", unit="Ah", sense="at_least",
    columns=(CHARGE_AH, DISCHARGE_AH), applies=moves, specimen=0.03,
)  # fmt: skip
def capacity(run: Recording, step: Step) -> Explained:
    """Growth of the {counter} capacity counter over the step, not integrated."""
    way = way_of(run, step)
    return Explained(counted(run, step, f"{way.counter} Capacity / Ah"), **way.words())


@of_step(
    "{way:charge|discharge} energy", symbol="E_{short}", unit="Wh", sense="at_least",
    columns=(CHARGE_WH, DISCHARGE_WH), applies=moves,
)  # fmt: skip
def energy(run: Recording, step: Step) -> Explained:
    """Growth of the {counter} energy counter over the step, at the terminals."""
    way = way_of(run, step)
    return Explained(counted(run, step, f"{way.counter} Energy / Wh"), **way.words())


@of_step("mean power", symbol="P_mean", unit="W", sense="at_least", columns=(CHARGE_WH, DISCHARGE_WH), applies=moves)
def mean_power(run: Recording, step: Step) -> float:
    """Energy of the step over its duration, pauses within the step included, gaps in the test not."""
    duration = step.duration - sum(gap.stop - gap.start for gap in run.gaps if step.start <= gap.start < step.stop)
    return energy(run, step).value * 3600 / duration if duration > 0 else nan


def _from_full(run: Recording, step: Step) -> bool:
    """Whether a discharge can tell the capacity of the pack; without a displayed SOC it is believed to."""
    return discharges(run, step) and (not run.has(SOC) or displayed_before(run, step) >= FULL)


@of_step(
    "rated capacity ratio", symbol="C/C_rated", unit="%", sense="at_least",
    columns=(CHARGE_AH, DISCHARGE_AH), applies=_from_full, span=(5, 200),
)  # fmt: skip
def rated_capacity_ratio(run: Recording, step: Step) -> Explained:
    """{Moved} over the rated capacity of the pack file, {rated:g} Ah (EN 18060: rated capacity; capacity fade is
    100 % minus this ratio under the rating's conditions).
    """
    found, rated = capacity(run, step), float(run.manifest["pack"]["capacity"])
    return Explained(100 * found.value / rated, Moved=found.name.capitalize(), rated=rated)
