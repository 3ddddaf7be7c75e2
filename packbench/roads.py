"""Roads for a test: to a state of charge that a road needs, and from there to a charger and a recharge."""

from dataclasses import replace
from typing import TYPE_CHECKING

from bench.columns import DISCHARGE_LIMIT
from bench.road import Drive, after_a_night
from bench.scenario import Charge, Discharge, FastRecharge, Soak, Step, Until, current_below, soc_above, soc_below
from bench.strategies import FollowLimit
from bench.verdicts import InputError, UnsuitedError
from models.construction import Construction
from models.vehicle.reach import Going, Pack, reach

if TYPE_CHECKING:
    from bench.pack import PackFile
    from bench.strategies import Strategy

DRIVE, RECHARGE = "drive", "fast recharge"
ARRIVAL, END, TARGET = 0.10, 0.80, 25.0
"""States of charge (0 to 1) at the charger and behind it, and degC that cells are conditioned to."""
LAST = "C/3"
"""Rate of the way from the end of the road to the charger."""
ROOM = 0.005
"""State of charge by which a pack leaves with more than the model says that it needs: it arrives with no less."""


def departure(drive: Drive, pack: "PackFile", arrival: float = ARRIVAL) -> float:
    """State of charge (0 to 1) to leave with, to arrive with `arrival`.

    Raises `UnsuitedError` where that is more than a full pack, `InputError` for a road that cannot be driven at all.
    """
    leaves = drive.departure(pack, arrival) + ROOM
    if leaves > 1.0:
        raise UnsuitedError(
            f"{pack.name} has not enough for {drive.road} in {drive.season}: it takes {100 * (leaves - arrival):.0f} % "
            f"of a charge, and it is to arrive with {100 * arrival:.0f} %."
        )
    return leaves


def to_departure(drive: Drive, pack: "PackFile", arrival: float = ARRIVAL) -> tuple[Step, ...]:
    """Steps that bring a pack to what it leaves with, from wherever it is."""
    soc = departure(drive, pack, arrival)
    return (
        Discharge("C/3", until=soc_below(soc), name="down to departure"),
        Charge("C/3", until=[soc_above(soc), current_below("C/20", hold=60)], name="up to departure"),
    )


def driving_range(drive: Drive, pack: "PackFile", consumption: float, soc: float = 1.0) -> float:
    """Km that a car goes from `soc` (0 to 1) on a road on which it takes `consumption` (kWh/100 km), as a drive told.

    What a cold pack keeps is not in it: cells are taken as they are at departure, at the mean power of the road, until
    the first of them is at its lowest voltage (`models.vehicle.reach`). The pack is one of the car's size, of these
    cells. Raises `InputError` for a cycle of power, which has no length.
    """
    way = drive.journey
    if way.position is None:
        raise InputError(f"{drive.road} is a cycle of power and has no length: give a road, or a cycle of speeds.")
    energy, hours = 10 * consumption, float(way.time[-1]) / 3600
    going = Going(energy, energy * float(way.position[-1]) / 1000 / hours)
    cells = Construction(**pack.construction.model_dump())
    whole = Pack.of(pack.cell, pack.series, pack.parallel, cells, energy=way.car.energy)
    return reach(whole, soc, float(drive.on_the_way(pack).cells[0]), going)


def recharge_after(  # noqa: PLR0913 - each is part of where a pack comes from
    road: str, pack: "PackFile", *, season: str, hour: float = 8.0, car: str = "renault-5-class",
    start: float | None = None, garage: bool = False, precondition: bool = False, strategy: "Strategy | None" = None,
    arrival: float = ARRIVAL, end: float = END, target: float = TARGET,
) -> tuple[Step, ...]:  # fmt: skip
    """A night outside (or in a `garage`, or cells of `start` degC), a road, and a recharge at the charger.

    It goes from `arrival` to `end` (states of charge, 0 to 1). With `precondition` cells are brought to `target` degC
    on the way; at the charger they are in any case, as a car that is plugged in does. Raises `InputError` for what
    cannot be driven.
    """
    night = after_a_night(season, hour, pack, garage=garage) if start is None else start
    drive = Drive(
        road, car=car, season=season, hour=hour, heat="car", start=night, precondition=target if precondition else None,
        garage=garage, name=DRIVE,
    )  # fmt: skip
    drive = replace(drive, leaves=departure(drive, pack, arrival))
    return (
        *to_departure(drive, pack, arrival),
        Soak(night, name="night in a garage" if garage else "night outside"),
        drive,
        # The last of the way; where the BMS of a cold pack gives no more, the charger has to be near enough.
        Discharge(LAST, until=[soc_below(arrival), Until(DISCHARGE_LIMIT, "<=", LAST)], name="to the charger"),
        # One that takes no more before has not reached it: its time is then never measured, and fails.
        FastRecharge(
            until=[soc_above(end), current_below("C/20", hold=60)], condition=target,
            strategy=FollowLimit() if strategy is None else strategy, name=RECHARGE,
        ),
    )  # fmt: skip
