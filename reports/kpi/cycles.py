"""What a closed cycle gives back: a discharge and the charge that restores what it took, before or after it."""

from collections.abc import Iterator
from itertools import pairwise

from reports.kpi.amounts import capacity, energy
from reports.kpi.base import Explained, of_cycle
from reports.kpi.readings import (
    CHARGE_AH,
    CHARGE_WH,
    DISCHARGE_AH,
    DISCHARGE_WH,
    SOC,
    displayed_before,
    last_known,
    moves,
    percent,
)
from reports.recording import Recording, Step

SAME_SOC = 0.02  # ISO 12405-4 wants the initial SOC restored; the displayed SOC is not known better than this


@of_cycle(
    "energy round-trip efficiency", symbol="η_E", unit="%", sense="at_least",
    columns=(DISCHARGE_WH, CHARGE_WH), span=(10, 100),
)  # fmt: skip
def energy_round_trip_efficiency(run: Recording, discharge: Step, charge: Step) -> Explained:
    """Net d.c. energy delivered in the discharge over the d.c. energy of the charge {charge} that restores the SOC
    (ISO 12405-4:2018, 3.11); {closure}.
    """
    value = percent(energy(run, discharge).value, energy(run, charge).value)
    return Explained(value, charge=repr(charge.name), closure=_closure(run, discharge, charge))


@of_cycle(
    "coulombic efficiency", symbol="η_C", unit="%", sense="at_least", columns=(DISCHARGE_AH, CHARGE_AH), span=(10, 110)
)
def coulombic_efficiency(run: Recording, discharge: Step, charge: Step) -> Explained:
    """Discharge capacity over the charge capacity of {charge}; {closure}."""
    value = percent(capacity(run, discharge).value, capacity(run, charge).value)
    return Explained(value, charge=repr(charge.name), closure=_closure(run, discharge, charge))


def closed_cycles(run: Recording) -> Iterator[tuple[Step, Step]]:
    """Pair a discharge with the charge before or after it where the two end at the SOC they began with."""
    moving = [step for step in run.steps if moves(run, step) and step.sample_count]
    for first, second in pairwise(moving):
        if first.direction == second.direction or not run.has(SOC):
            continue
        if abs(last_known(run.values(SOC, second)) - displayed_before(run, first)) <= SAME_SOC:
            yield (first, second) if first.direction == "discharge" else (second, first)


def _closure(run: Recording, discharge: Step, charge: Step) -> str:
    """How well the two steps close a cycle, in words."""
    first, second = sorted((discharge, charge), key=lambda step: step.start)
    order = "the charge follows the discharge" if first is discharge else "the charge precedes the discharge"
    if not run.has(SOC):
        return order
    gap = 100 * abs(last_known(run.values(SOC, second)) - displayed_before(run, first))
    return f"{order}, the displayed SOC returns to within {gap:.1f} %"
