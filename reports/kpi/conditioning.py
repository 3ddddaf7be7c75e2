"""What preconditioning brought, and what it cost."""

import numpy as np

from reports.kpi.base import Explained, of_step
from reports.kpi.readings import TIME, last
from reports.recording import Recording, Step

COLDEST, HOTTEST = "Cell Temperature Min / degC", "Cell Temperature Max / degC"
SUPPLY, RETURN = "Coolant Supply Temperature / degC", "Coolant Return Temperature / degC"
FLOW = "Coolant Flow Rate / L/min"
HEAT_PER_LITRE = 3640.0
"""J/(L K) of half water, half glycol at 25 degC: 1.07 kg/L at 3400 J/(kg K)."""


TARGET, EXPECTED, CAR_ENERGY = "target", "expected arrival", "heater and chiller"
"""Set points of a step: degC that cells are brought to, degC that those of a whole car's pack would have at the end,
and Wh that the car's heater and chiller take out of its pack."""


def _conditions(_run: Recording, step: Step) -> bool:
    return "conditioned by" in step.words


def _has_a_target(_run: Recording, step: Step) -> bool:
    return TARGET in step.set_points


def _is_a_cars(_run: Recording, step: Step) -> bool:
    return EXPECTED in step.set_points


@of_step(
    "arrival temperature off the target", symbol="ΔT_arr", unit="K", sense="within",
    columns=(COLDEST, HOTTEST), applies=_has_a_target, span=(0, 50),
)  # fmt: skip
def arrival_temperature_off(run: Recording, step: Step) -> Explained:
    """Temperature of the cell furthest from the target of {target:g} °C at the end of the step, less the target;
    conditioned by the {by}.
    """
    target = step.set_points[TARGET]
    ends = [last(run.values(column, step)) - target for column in (COLDEST, HOTTEST)]
    return Explained(max(ends, key=abs), target=target, by=step.words["conditioned by"])


@of_step(
    "conditioning energy", symbol="E_cond", unit="Wh", sense="at_most", columns=(TIME, SUPPLY, RETURN, FLOW),
    applies=_conditions,
)  # fmt: skip
def conditioning_energy(run: Recording, step: Step) -> float:
    """Heat that the coolant left in the pack or carried away, by magnitude: flow times 3640 J/(L K) (half water, half
    glycol) times supply less return, over the step.
    """
    time, supply, back, flow = (run.values(column, step) for column in (TIME, SUPPLY, RETURN, FLOW))
    heat = HEAT_PER_LITRE * flow / 60 * np.abs(supply - back)
    known = np.isfinite(heat)
    return float(np.trapezoid(heat[known], time[known]) / 3600) if known.sum() > 1 else float("nan")


@of_step(
    "arrival temperature", symbol="T_arr", unit="°C", sense="at_least", columns=(COLDEST, HOTTEST), applies=_is_a_cars,
    span=(-40, 80),
)  # fmt: skip
def arrival_temperature(run: Recording, step: Step) -> float:
    """Mean of the coldest and the hottest cell at the end of the drive."""
    return sum(last(run.values(column, step)) for column in (COLDEST, HOTTEST)) / 2


@of_step(
    "arrival temperature off the car's", symbol="ΔT_car", unit="K", sense="within", columns=(COLDEST, HOTTEST),
    applies=_is_a_cars, span=(0, 50),
)  # fmt: skip
def arrival_off_the_cars(run: Recording, step: Step) -> Explained:
    """Temperature of the cell furthest from the {expected:.3g} °C that cells of a whole car's pack would have at the
    end of the drive, by the model, less that; conditioned by the {by}.
    """
    expected = step.set_points[EXPECTED]
    ends = [last(run.values(column, step)) - expected for column in (COLDEST, HOTTEST)]
    return Explained(max(ends, key=abs), expected=expected, by=step.words["conditioned by"])


@of_step(
    "preconditioning energy", symbol="W_pre", unit="Wh", sense="at_most", columns=(TIME,), applies=_is_a_cars,
)  # fmt: skip
def preconditioning_energy(_run: Recording, step: Step) -> float:
    """Out of the pack of the whole car for its heater and chiller on the way, by the model; the bench's drive carries
    its share of it.
    """
    return step.set_points[CAR_ENERGY]
