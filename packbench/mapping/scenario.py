"""What is run for a field, and the state that a model of a pack can begin in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from bench.pack import PackFile
from bench.road import CYCLES, Drive
from bench.scenario import FastRecharge, Step
from bench.strategies import strategy_named
from bench.verdicts import InputError
from models.cell import CellFileError
from models.twin import Beginning
from models.vehicle.car import load_car
from models.vehicle.cycles import CycleError, read_cycle
from models.vehicle.road import load_road
from packbench.mapping.fields import Field, Moment, Task
from packbench.roads import departure, recharge_after


@dataclass(frozen=True, slots=True)
class Prepared:
    """A field that can be run: how the pack leaves (state of charge 0 to 1, degC), and all steps from there."""

    soc: float
    temperature: float
    drive: Drive
    steps: tuple[Step, ...]


def refuse_unknown(fields: Sequence[Field], task: Task, packs: Mapping[str, PackFile]) -> None:
    """Raise `InputError` for a car, a road or a strategy that is wrong, or not there: that is no fault of a pack.

    Nor is a temperature that no pack of the map may be charged at; where some may, the others are told of one by one.
    """
    try:
        load_car(task.car)
        for road in dict.fromkeys(each.road for each in fields):
            read_cycle(Path(road)) if Path(road).suffix.lower() in CYCLES else load_road(road)
    except (CellFileError, CycleError) as error:
        raise InputError(str(error)) from error
    for strategy in dict.fromkeys(each.strategy for each in fields):
        strategy_named(strategy)
    allowed = {name: pack.limits.charge_temperature for name, pack in packs.items()}
    if not any(each.min <= task.target <= each.max for each in allowed.values()):
        spelled = ", ".join(f"{name} {each.min:g} to {each.max:g} degC" for name, each in allowed.items())
        raise InputError(f"cells cannot be conditioned to {task.target:g} degC: no pack is charged there ({spelled}).")


def prepared(field: Field, task: Task, pack: PackFile) -> Prepared:
    """Work out a field; raises `InputError` for what cannot be driven, or not with one charge."""
    moment, wanted = Moment.of(field.season), strategy_named(field.strategy)
    *before, recharge = recharge_after(
        field.road, pack, season=moment.season, hour=moment.hour, car=task.car, precondition=field.conditioned,
        arrival=task.arrival, end=task.end, target=task.target, garage=task.garage,
    )  # fmt: skip
    drive = next(step for step in before if isinstance(step, Drive))
    way = drive.on_the_way(pack)
    beginning = Beginning(task.arrival, task.end, float(way.cells[-1]), drive.journey.outside)
    # An optimum is searched for this pack as it arrives.
    charged = replace(cast("FastRecharge", recharge), strategy=wanted.for_pack(pack, beginning))
    return Prepared(departure(drive, pack, task.arrival), float(way.cells[0]), drive, (*before, charged))
