"""The figure of merit, in every run, in a test as `kpi.insulation_per_volt`, in a pack file as `insulation per volt`.

Declared in `pyproject.toml`, group `packbench.kpis`: a module whose KPIs register themselves.
"""

from math import nan

import numpy as np
from packbench import Recording, kpi

from insulation_bench.role import RESISTANCE


def _is_insulation_test(_run: Recording, step: kpi.Step) -> bool:
    return step.kind == "InsulationTest"


@kpi.of_step(
    "insulation per volt", symbol="R_iso/U", unit="Ω/V", sense="at_least", columns=(RESISTANCE,),
    applies=_is_insulation_test,
)  # fmt: skip
def insulation_per_volt(run: Recording, step: kpi.Step) -> float:
    """Insulation resistance in the last sample with the test voltage on, once the reading is stable, over the highest
    working voltage of the pack (ISO 6469-3 asks for 100 Ω/V of d.c. circuits, 500 Ω/V of combined a.c. and d.c. ones).
    """
    ohms = run.values(RESISTANCE, step)
    measured = ohms[~np.isnan(ohms)]
    return float(measured[-1]) / step.set_points["working voltage"] if len(measured) else nan
