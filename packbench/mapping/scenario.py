"""What is run for a field: a night outside, the road, and a recharge; and the state a model of a pack can begin in."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.pack import PackFile
from bench.road import CYCLES, Drive, night_outside
from bench.scenario import Charge, Discharge, FastRecharge, Soak, Step, current_below, soc_above, soc_below
from bench.strategies import Strategy, strategy_named
from bench.verdicts import InputError
from models.cell import CellFileError
from models.twin import Beginning
from models.vehicle.car import load_car
from models.vehicle.cycles import CycleError, read_cycle
from models.vehicle.road import load_road
from packbench.mapping.fields import Field, Moment, Task

DRIVE, RECHARGE = "drive", "fast recharge"
ROOM = 0.005
"""State of charge by which a pack leaves with more than the model says that it needs: it arrives with no less."""
FULL, EMPTY = 1.0, 0.05


@dataclass(frozen=True, slots=True)
class Prepared:
    """A field that can be run: how the pack leaves (state of charge 0 to 1, degC), and all steps from there."""

    soc: float
    temperature: float
    drive: Drive
    steps: tuple[Step, ...]


def refuse_unknown(fields: Sequence[Field], task: Task) -> None:
    """Raise `InputError` for a car, a road or a strategy that is wrong, or not there: that is no fault of a pack."""
    try:
        load_car(task.car)
        for road in dict.fromkeys(each.road for each in fields):
            read_cycle(Path(road)) if Path(road).suffix.lower() in CYCLES else load_road(road)
    except (CellFileError, CycleError) as error:
        raise InputError(str(error)) from error
    for strategy in dict.fromkeys(each.strategy for each in fields):
        strategy_named(strategy)


def prepared(field: Field, task: Task, pack: PackFile) -> Prepared:
    """Work out a field; raises `InputError` for what cannot be driven, or not with one charge."""
    moment = Moment.of(field.season)
    night = night_outside(moment.season, moment.hour, pack)
    drive = Drive(
        field.road, car=task.car, season=moment.season, hour=moment.hour, heat="car", start=night,
        precondition=task.target if field.conditioned else None, name=DRIVE,
    )  # fmt: skip
    leaves = drive.departure(pack, task.arrival) + ROOM
    if leaves > FULL:
        raise InputError(
            f"{pack.name} has not enough for {field.road} in {moment}: it takes {100 * (leaves - task.arrival):.0f} % "
            f"of a charge, and it is to arrive with {100 * task.arrival:.0f} %."
        )
    arrives = float(drive.on_the_way(pack).cells[-1])
    strategy = _strategy(field, task, pack, Beginning(task.arrival, task.end, arrives, drive.journey.outside))
    return Prepared(leaves, night, drive, (
        # Charged and discharged where cells take it, then left outside. A pack that is as it should be goes through.
        *_brought_to(leaves, pack),
        Soak(night, name="night outside"),
        drive,
        Discharge("C/3", until=soc_below(task.arrival), name="to the charger"),
        # One that takes no more before has not reached it: its time is then never measured, and fails.
        FastRecharge(
            until=[soc_above(task.end), current_below("C/20", hold=60)], strategy=strategy, condition=task.target,
            name=RECHARGE,
        ),
    ))  # fmt: skip


def _strategy(field: Field, task: Task, pack: PackFile, beginning: Beginning) -> Strategy:
    """The one of that name, as it is for this pack after this road."""
    return strategy_named(field.strategy).for_pack(pack, beginning)


def _brought_to(soc: float, _pack: PackFile) -> tuple[Step, ...]:
    """To a state of charge from wherever it is: below it first, then up to it."""
    return (
        Discharge("C/3", until=soc_below(max(soc, EMPTY)), name="down to departure"),
        Charge("C/3", until=[soc_above(soc), current_below("C/20", hold=60)], name="up to departure"),
    )
