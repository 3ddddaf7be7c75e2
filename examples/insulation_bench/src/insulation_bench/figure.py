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
    """Last insulation resistance with the test voltage on over the highest working voltage of the pack (ISO 6469-3)."""
    # ISO 6469-3 asks for 100 Ohm/V of d.c. circuits, and 500 Ohm/V of a.c. and d.c. circuits that are connected.
    ohms = run.values(RESISTANCE, step)
    measured = ohms[~np.isnan(ohms)]
    return float(measured[-1]) / step.set_points["working voltage"] if len(measured) else nan
