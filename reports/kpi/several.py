"""Several recharges of one recording beside each other: after roads, in seasons, at temperatures.

They are those of a car: one behind a drive at whose end the cells are not as warm as a car's would be is comparable
with none, and there is no figure then.
"""

from math import isfinite, nan

from bench.road import CAR_SCALE
from reports.kpi.base import Explained, of_step, on_request
from reports.kpi.charging import charge_time
from reports.kpi.conditioning import EXPECTED, arrival_off_the_cars
from reports.kpi.readings import SOC, TIME
from reports.kpi.road import SCALE
from reports.recording import Recording, Step

MOST_OFF = 2.0
"""K by which a pack may be off what a car's would be, where its heat is another."""


def comparable(scale: float, off: float) -> bool:
    """Whether a recharge is that of a car: of a pack as large as a car's it is, of a smaller one if it is as warm.

    `scale` is its power for each W of the car's, `off` how many K its cells are off those of the car's; nan: unknown.
    """
    return abs(scale) >= CAR_SCALE or abs(off) <= MOST_OFF


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
    apart = _apart(run, step)
    if apart:
        return Explained.nothing(apart, count=len(_alike(run, step)))
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
    apart = _apart(run, step)
    if apart:
        return Explained.nothing(apart, count=len(_alike(run, step)))
    times = _times(run, step, start, stop)
    return Explained(max(times) if all(map(isfinite, times)) else nan, count=len(times))


def _apart(run: Recording, step: Step) -> str:
    """What makes a recharge incomparable with a car's; empty where nothing does."""
    drives = [found for each in _alike(run, step) if (found := _drive_before(run, each)) is not None]
    for drive in drives:
        off = arrival_off_the_cars(run, drive).value
        if not comparable(drive.set_points[SCALE], off):
            told = f"{off:+.1f} K" if isfinite(off) else "nobody knows how far"
            return (
                f"not comparable, cells arrived {told} off those of a car's pack behind step {drive.index} "
                f"({drive.name}, by the {drive.words['conditioned by']}), and {MOST_OFF:g} K are allowed; a coolant "
                "unit, or a pack of a car's size would do"
            )
    return ""


def _drive_before(run: Recording, step: Step) -> Step | None:
    """The last drive ahead of a recharge, with a car's heat around it; None of one that comes from nowhere."""
    drives = [each for each in run.steps if EXPECTED in each.set_points and each.sample_count]
    return next((each for each in reversed(drives) if each.index < step.index), None)


def _times(run: Recording, step: Step, start: float, stop: float) -> list[float]:
    return [charge_time(run, each, start, stop).value for each in _alike(run, step)]
