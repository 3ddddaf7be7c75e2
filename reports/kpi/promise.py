"""What came of a charge that a model had promised."""

from reports.kpi.base import Explained, of_step
from reports.kpi.charging import charge_time
from reports.kpi.readings import SOC, TIME
from reports.recording import Recording, Step

PROMISED = "promised time"
"""Set point of a step whose strategy was searched on a model, s."""


def _promised(_run: Recording, step: Step) -> bool:
    return PROMISED in step.set_points


@of_step(
    "time off the promise", symbol="Δt_prom", unit="s", sense="within", columns=(TIME, SOC), applies=_promised,
)  # fmt: skip
def time_off_the_promise(run: Recording, step: Step) -> Explained:
    """Time from 10 to 80 % of displayed SOC (see charge time 10 to 80 %) less the {promised:.0f} s that the twin had
    promised for it; above 0 the charge was slower.
    """
    promised = step.set_points[PROMISED]
    return Explained(charge_time(run, step).value - promised, promised=promised)
