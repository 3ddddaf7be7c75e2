"""How an energy manager behaved in between: warnings in time, turns of the power, a reserve that it restores first.

The counterpart of its word (`reports.kpi.managing`): each is a mistake that the field has seen.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from reports.kpi.base import Explained, Unseen, of_step
from reports.kpi.grid import SET, Grid, longest_stretch
from reports.kpi.managing import CLEAR, NEEDED, PLUGGED, RANGE, TOLERANCE, managed, was_warned
from reports.kpi.readings import POWER, TIME
from reports.recording import Event, Recording, Step

HOUR = 3600.0
SOON = 5.0
"""s within which nothing flows any more when nobody is heard (docs/manager-contract.md)."""
AT_REST = 0.01
"""Of the charger's power: below it nothing is charged."""


@of_step(
    "warnings that came late", symbol="n_late", unit="1", sense="at_most", columns=(TIME, RANGE, NEEDED),
    applies=managed, subject="manager", counts=True,
)  # fmt: skip
def late_warnings(run: Recording, step: Step) -> Explained:
    """Departures of {count} at which trip and reserve lacked more than 1 km, and of which nobody was warned when it
    could be known: at the first decision at which full power until then would have left more than 5 km lacking.
    """
    found = run.of_step(step, "departure")
    late = [event for event in found if event["short"] > TOLERANCE and _is_late(run, step, event)]
    return Explained(float(len(late)), count=len(found))


def _is_late(run: Recording, step: Step, departure: Event) -> bool:
    known = (
        event
        for event in run.of_step(step, "manager")
        if event.get("departure") == departure["leaves"] and (event.get("lacks") or 0.0) > CLEAR
    )
    first = next(known, None)
    return first is not None and not was_warned(run, {**departure, "time": first["time"]})


@of_step(
    "turns of the power", symbol="n_turn", unit="1", sense="at_most", columns=(TIME, SET), applies=managed,
    subject="manager", counts=True,
)  # fmt: skip
def turns(run: Recording, step: Step) -> Explained:
    """Most changes of the sign of what the manager asked for within an hour; {count} in all."""
    asked = [(event["time"], np.sign(event["power"])) for event in run.of_step(step, "manager") if event["power"]]
    times = [after for (_, before), (after, now) in pairwise(asked) if before != now]
    most = max((sum(time <= each < time + HOUR for each in times) for time in times), default=0)
    return Explained(float(most), count=len(times))


@of_step(
    "rest below the reserve", symbol="t_res", unit="s", sense="at_most", columns=(TIME, POWER, RANGE, NEEDED, PLUGGED),
    applies=managed, subject="manager",
)  # fmt: skip
def rest_below(run: Recording, step: Step) -> float:
    """Longest time without a break in which the plugged-in car had more than 1 km too few for its reserve, and was not
    charged though somebody heard the manager.
    """
    grid, time = Grid(run, step), run.values(TIME, step)
    in_hand = run.values(RANGE, step) - run.values(NEEDED, step)
    idle = (run.values(PLUGGED, step) == 1) & (in_hand < -TOLERANCE) & (grid.asked < AT_REST * grid.rated)
    for begin, end in _unheard(run, step):
        idle &= ~((time >= begin) & (time <= end))
    return longest_stretch(time, idle)


def _unheard(run: Recording, step: Step) -> Iterator[tuple[float, float]]:
    """From when to when nobody heard the manager, s."""
    since: float | None = None
    for event in run.of_step(step, "manager"):
        lost = event["problem"] == "no link"
        if lost and since is None:
            since = event["time"]
        elif not lost and since is not None:
            yield since, event["time"]
            since = None
    if since is not None:
        yield since, step.stop


@of_step(
    "power without a link", symbol="P_link", unit="W", sense="at_most", columns=(TIME, POWER, PLUGGED), applies=managed,
    subject="charger",
)  # fmt: skip
def power_without_link(run: Recording, step: Step) -> Explained:
    """Largest power at the terminals of the plugged-in car from 5 s after its manager was not heard any more, {count}
    times, until it was again; it rests, whatever it was told last.
    """
    time, power, lost = run.values(TIME, step), np.abs(run.values(POWER, step)), list(_unheard(run, step))
    if not lost:
        return Unseen("nobody lost the link", count=0)
    plugged, most = run.values(PLUGGED, step) == 1, 0.0
    for begin, end in lost:
        rows = plugged & (time > begin + SOON) & (time < end) & np.isfinite(power)
        most = max([most, *power[rows].tolist()])
    return Explained(most / step.set_points["scale"], count=len(lost))
