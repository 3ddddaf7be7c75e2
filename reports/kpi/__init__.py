"""Key performance indicators of a recorded run, by their EN 18060 and ISO 12405-4 names where these give one.

`kpi.capacity(run, "discharge")` is a figure. Every one carries the sentence that defines it, because each definition
hides a choice that moves the number, and the meters that it came from. Whether a figure is good enough is for the test
and the pack file to say. What a recording cannot answer is `nan`, which no limit accepts.

A KPI is one function that registers itself (`reports.kpi.base`), in a module of this folder or behind an entry point of
the group `packbench.kpis`; by the name of that function it is found here, whoever brings it.
"""

from typing import TYPE_CHECKING, Any

from reports.kpi.base import Explained, Kpi, KpiFunction, Unseen, of_cycle, of_step, on_request
from reports.kpi.evaluation import Evaluation, compute_all, evaluate
from reports.kpi.registry import found
from reports.recording import Step

if TYPE_CHECKING:  # for who reads and checks the types of a test: what there is, is found by its place
    from reports.kpi.amounts import *
    from reports.kpi.cells import *
    from reports.kpi.charging import *
    from reports.kpi.conditioning import *
    from reports.kpi.cycles import *
    from reports.kpi.following import *
    from reports.kpi.plating import *
    from reports.kpi.resistances import *
    from reports.kpi.road import *
    from reports.kpi.several import *

__all__ = [
    "Evaluation", "Explained", "Kpi", "KpiFunction", "Step", "Unseen", "compute_all", "evaluate", "found", "of_cycle",
    "of_step", "on_request",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """The KPI whose function has that name."""
    kpis = {each.__name__: each for each in reversed(found().kpis)} if not name.startswith("_") else {}
    if name not in kpis:
        raise AttributeError(f"There is no KPI {name!r}; there are {', '.join(sorted(kpis))}.")
    return kpis[name]


def __dir__() -> list[str]:
    return sorted([*__all__, *(each.__name__ for each in found().kpis)])
