"""How an energy manager kept its word: the reserve, each departure, its answers; and what the days cost.

What a figure is of the manager, of the pack or of the bench is said by its name: the pack's share is its derating, and
a bench that failed has no figures. All amounts are those of the car that the bench stands for.
"""

from math import nan

import numpy as np

from reports.kpi.base import Explained, of_step
from reports.kpi.grid import SET, Grid
from reports.kpi.readings import CHARGE_WH, DISCHARGE_WH, POWER, TIME, counted
from reports.recording import Event, Floats, Recording, Step

RANGE, NEEDED, PLUGGED = "Range / km", "Range Needed / km", "Plugged In / 1"
HOUSE, SUN, BUY, SELL = "House Power / W", "Sun Power / W", "Buying Price / 1", "Selling Price / 1"
TOLERANCE = 1.0
"""Km by which a reserve is undercut or a departure short that nobody minds: models of a range differ by that."""
CLEAR = 5.0
"""Km by which full power must miss a departure, or reach it, before whoever is to have known is blamed for it."""


def managed(_run: Recording, step: Step) -> bool:
    """Whether a manager was in charge of a step."""
    return step.kind == "Manage"


def was_warned(run: Recording, departure: Event) -> bool:
    """Whether the manager has warned of a departure before it."""
    return any(
        departure["leaves"] in event["warned"] for event in run.of_type("manager") if event["time"] <= departure["time"]
    )


def _scale(step: Step) -> float:
    return step.set_points.get("scale", nan)


def _seconds(run: Recording, step: Step) -> Floats:
    time = run.values(TIME, step)
    return np.diff(time, prepend=time[:1])


@of_step(
    "discharged below the reserve", symbol="W_res", unit="Wh", sense="at_most", subject="manager",
    columns=(TIME, POWER, RANGE, NEEDED, PLUGGED), applies=managed,
)  # fmt: skip
def below_reserve(run: Recording, step: Step) -> Explained:
    """Energy that the manager took out of the plugged-in car while its range was more than 1 km below the reserve; it
    was {lowest:.1f} km at the lowest while it gave.
    """
    power, plugged = run.values(POWER, step), run.values(PLUGGED, step) == 1
    in_hand = run.values(RANGE, step) - run.values(NEEDED, step)
    gives = plugged & (power < 0) & np.isfinite(in_hand)
    energy = float((-power * _seconds(run, step))[gives & (in_hand < -TOLERANCE)].sum()) / 3600 / _scale(step)
    lowest = float(run.values(RANGE, step)[gives].min()) if gives.any() else nan
    return Explained(energy, lowest=lowest)


@of_step(
    "departures not kept",
    symbol="n_dep",
    unit="1",
    sense="at_most",
    subject="manager",
    columns=(TIME, RANGE, NEEDED),
    applies=managed,
    counts=True,
)
def departures(run: Recording, step: Step) -> Explained:
    """Departures of {count} at which trip and reserve lacked more than 1 km and the manager had not warned of it, or
    full power would have reached them with 5 km to spare when they were told, or it had given back itself what lacked;
    the most that lacked is {short:.1f} km. What the pack did not take of what its file promises is not the manager's.
    """
    found = run.of_step(step, "departure")
    short = [float(event["short"]) - _withheld(event) for event in found]
    broken = sum(
        lacks > TOLERANCE
        and (not was_warned(run, event) or float(event.get("given", 0.0)) >= lacks or _was_reachable(run, step, event))
        for lacks, event in zip(short, found, strict=True)
    )
    return Explained(float(broken), count=len(found), short=max([*short, 0.0]))


def _was_reachable(run: Recording, step: Step, departure: Event) -> bool:
    """Whether full power would have reached a departure since it was told, for as long as nothing hid that.

    Whoever nobody heard, or who was told wrongly how full the car is, could not do better until that was over. So what
    counts is the first of the decisions behind it, up to the departure.
    """
    first = None
    for event in run.of_step(step, "manager"):
        if event["time"] >= departure["time"]:
            break
        if event.get("lacks") is None or event.get("departure") != departure["leaves"]:
            first = None
        elif first is None:
            first = event
    return first is not None and float(first["lacks"]) < -CLEAR


def _withheld(event: Event) -> float:
    """What the pack did not take, km; recordings from before do not say it."""
    return float(event.get("withheld", 0.0))


@of_step(
    "departures missed by the pack", symbol="n_pack", unit="1", sense="at_most", columns=(TIME, RANGE, NEEDED),
    applies=managed, counts=True,
)  # fmt: skip
def missed_by_the_pack(run: Recording, step: Step) -> Explained:
    """Departures of {count} at which trip and reserve lacked more than 1 km, and would not have, had the pack taken
    what its file promises: its BMS allowed less than half of that while all that it took was asked for. The most that
    it did not take is {withheld:.1f} km.
    """
    found = run.of_step(step, "departure")
    missed = [event for event in found if event["short"] > TOLERANCE >= event["short"] - _withheld(event)]
    return Explained(float(len(missed)), count=len(found), withheld=max([*map(_withheld, found), 0.0]))


@of_step(
    "manager failures",
    symbol="n_man",
    unit="1",
    sense="at_most",
    subject="manager",
    columns=(TIME, RANGE),
    applies=managed,
    counts=True,
)
def failures(run: Recording, step: Step) -> Explained:
    """Decisions of {count} that the manager did not give: no answer in time, or none that the contract knows{first}."""
    found = run.of_step(step, "manager")
    mine = [event for event in found if event["problem"] not in ("", "no link")]
    return Explained(float(len(mine)), count=len(found), first=_told(mine[0], step) if mine else "")


def _told(failure: Event, step: Step) -> str:
    """Why a decision was none, as it was said of it then."""
    return f"; the first, {(failure['time'] - step.start) / 3600:.2f} h into it: {failure['problem'].rstrip('.')}"


@of_step(
    "answers that look like kW", symbol="n_kW", unit="1", sense="at_most", columns=(TIME, SET), applies=managed,
    subject="manager", counts=True,
)  # fmt: skip
def in_kilowatts(run: Recording, step: Step) -> Explained:
    """Answers of a manager that asked for more than 0 W, and for less than 1/500 of the charger's power, {least:.3g} W,
    each time, twice or more: so little no charger can, and in kW it would be something; the largest is {most:.3g} W.
    None of one who asked for more only once, or for nothing.
    """
    least = SENSELESS * Grid(run, step).rated / _scale(step)
    events = run.of_step(step, "manager")
    asked = [abs(float(event["power"])) for event in events if event.get("power") and not event["problem"]]
    most = max(asked, default=0.0)
    senseless = len(asked) if len(asked) > 1 and most < least else 0
    return Explained(float(senseless), least=least, most=most)


SENSELESS = 1 / 500
"""Of a charger's power: an answer below is none in W; in kW it would be up to twice of what there is."""


@of_step(
    "energy cost", symbol="C", unit="1", sense="at_most", columns=(TIME, POWER, HOUSE, SUN, BUY, SELL), also=(SET,),
    subject="manager",
    applies=managed,
)  # fmt: skip
def cost(run: Recording, step: Step) -> Explained:
    """What the house with its car paid for energy less what it was paid, in the currency of the prices, for
    {bought:.1f} kWh bought and {sold:.1f} kWh sold; where the car arrived elsewhere is not counted.
    """
    house, sun, buy, sell = (run.values(name, step) for name in (HOUSE, SUN, BUY, SELL))
    plugged = run.values(PLUGGED, step) == 1
    net = house - sun + np.where(plugged, Grid(run, step).given / _scale(step), 0.0)
    energy = np.nan_to_num(net * _seconds(run, step) / 3.6e6)
    bought, sold = np.maximum(energy, 0.0), np.maximum(-energy, 0.0)
    value = float(np.nansum(bought * buy) - np.nansum(sold * sell))
    return Explained(value, bought=float(bought.sum()), sold=float(sold.sum()))


@of_step(
    "energy given back",
    symbol="W_V2H",
    unit="Wh",
    sense="at_least",
    subject="manager",
    columns=(TIME, POWER, PLUGGED),
    applies=managed,
)
def given_back(run: Recording, step: Step) -> float:
    """Energy out of the plugged-in car, at its terminals."""
    power, plugged = run.values(POWER, step), run.values(PLUGGED, step) == 1
    # What was not read gave nothing.
    return float((np.fmax(-power, 0.0) * _seconds(run, step))[plugged].sum()) / 3600 / _scale(step)


@of_step(
    "energy through the pack", symbol="W_thr", unit="Wh", sense="at_most", columns=(CHARGE_WH, DISCHARGE_WH),
    applies=managed,
)  # fmt: skip
def throughput(run: Recording, step: Step) -> float:
    """Energy charged and discharged, added up: what ages it."""
    return (counted(run, step, CHARGE_WH) + counted(run, step, DISCHARGE_WH)) / _scale(step)
