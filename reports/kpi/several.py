"""Several recharges of one recording beside each other: after roads, in seasons, at temperatures."""

from math import isfinite, nan

from reports.kpi.base import Explained, of_step, on_request
from reports.kpi.charging import charge_time
from reports.kpi.readings import SOC, TIME
from reports.recording import Recording, Step


def _alike(run: Recording, step: Step) -> list[Step]:
    """Every step of that kind with that name."""
    return [each for each in run.steps if each.name == step.name and each.kind == step.kind and each.sample_count]


def _others(run: Recording, step: Step) -> list[Step]:
    return [each for each in _alike(run, step) if each.index != step.index]


@of_step(
    "charge time spread", symbol="t_max/t_min", unit="1", sense="at_most", columns=(TIME, SOC), applies=on_request,
    span=(1, 100), others=_others,
)  # fmt: skip
def charge_time_spread(run: Recording, step: Step, start: float = 0.1, stop: float = 0.8) -> Explained:
    """Longest time from {start:percent} to {stop:percent} % of displayed SOC over the shortest, of {count} recharges
    like {step}; nan where one of them never got there.
    """
    times = _times(run, step, start, stop)
    known = len(times) > 1 and all(map(isfinite, times))
    return Explained(max(times) / min(times) if known else nan, count=len(times))


@of_step(
    "longest charge time", symbol="t_max", unit="s", sense="at_most", columns=(TIME, SOC), applies=on_request,
    others=_others,
)  # fmt: skip
def longest_charge_time(run: Recording, step: Step, start: float = 0.1, stop: float = 0.8) -> Explained:
    """Longest time from {start:percent} to {stop:percent} % of displayed SOC of {count} recharges like {step}; nan
    where one of them never got there.
    """
    times = _times(run, step, start, stop)
    return Explained(max(times) if all(map(isfinite, times)) else nan, count=len(times))


def _times(run: Recording, step: Step, start: float, stop: float) -> list[float]:
    return [charge_time(run, each, start, stop).value for each in _alike(run, step)]
