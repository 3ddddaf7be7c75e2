"""`packbench map`: how long a recharge takes after every road in every season, for each pack and strategy."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.verdicts import ExitStatus
from packbench.console import fields_of, print_json, print_table, say

if TYPE_CHECKING:
    from packbench.mapping.fields import Task
    from packbench.mapping.making import Made
    from packbench.mapping.players import Player

Listed = list[str] | None


def map_(  # noqa: PLR0913, PLR0917 - each is an option of the command
    roads: Annotated[Listed, typer.Option("--roads", help="Roads, with commas, or files (default: all).")] = None,
    seasons: Annotated[
        Listed, typer.Option("--seasons", help="place-season@hour, with commas (default: four, from Oslo to Seville).")
    ] = None,
    packs: Annotated[Listed, typer.Option("--packs", help="Packs, with commas (default: the station's).")] = None,
    strategies: Annotated[
        Listed, typer.Option("--strategies", help="Strategies, with commas (default: follow-limit).")
    ] = None,
    conditioning: Annotated[
        str, typer.Option("--conditioning", help="Preconditioning: without, with, or both.")
    ] = "both",
    station: Annotated[str, typer.Option("--station", help="Station file or shipped name.")] = "virtual-vehicle",
    car: Annotated[str, typer.Option("--car", help="Car file or shipped name.")] = "renault-5-class",
    target: Annotated[float, typer.Option("--target", help="°C that cells are conditioned to.")] = 25.0,
    garage: Annotated[bool, typer.Option("--garage", help="Nights are spent in a garage, not outside.")] = False,
    seed: Annotated[int, typer.Option("--seed", help="Of the virtual pack.")] = 0,
    output: Annotated[Path, typer.Option("--output", help="Folder of the map.")] = Path("map"),
    runs: Annotated[Path, typer.Option("--runs", help="Folder of the recordings.")] = Path("runs"),
    jobs: Annotated[int | None, typer.Option("--jobs", min=1, help="Processes (default: one for each core).")] = None,
    scheduler: Annotated[str | None, typer.Option("--scheduler", help="Dask scheduler, tcp://host:8786.")] = None,
    tariff: Annotated[Path | None, typer.Option("--tariff", help="File of prices for each kWh.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Measure everything anew, and compare.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of a table.")] = False,
) -> None:
    """Measure recharges from 10 to 80 % after roads, in seasons; what is there already is not measured again."""
    from bench.recording.run import versions
    from bench.safety import interrupts
    from packbench.mapping.fields import Task, fields_of
    from packbench.mapping.making import Making
    from packbench.mapping.store import Store
    from packbench.mapping.tariff import load_tariff

    prices = load_tariff(tariff) if tariff else None
    task = Task(station, car=car, target=target, seed=seed, garage=garage, version=versions()["packbench"])
    chosen = fields_of(
        _names("--packs", packs) or _packs_of(station), _names("--roads", roads), _names("--seasons", seasons),
        _names("--strategies", strategies), _ways(conditioning),
    )  # fmt: skip
    player = _player(task, scheduler, jobs)
    making = Making(chosen, task, Store(output), runs, player, _tell, prices)
    interrupts.end_in_order()
    try:
        made = making.make(anew=again)
    except KeyboardInterrupt:
        say("packbench: stopped; what is measured is kept, and the same command goes on.", err=True)
        raise typer.Exit(ExitStatus.INTERRUPTED) from None
    finally:
        interrupts.as_before()
    _show(made, as_json=as_json)
    raise typer.Exit(ExitStatus.of(made.verdict))


def _names(option: str, listed: Listed) -> list[str]:
    """Those of an option; raises `InputError` where it has commas alone: nothing given is not all there are."""
    from bench.verdicts import InputError

    names = [name.strip() for each in listed or () for name in each.split(",") if name.strip()]
    if listed and not names:
        raise InputError(f"{option} {','.join(listed)!r} names nothing; give a name, or leave it out.")
    return names


def _packs_of(station: str) -> tuple[str, ...]:
    from bench.station import load_station

    return load_station(station)[0].packs


def _ways(conditioning: str) -> tuple[bool, ...]:
    from bench.verdicts import InputError
    from instruments.wording import nearest

    known = {"without": (False,), "with": (True,), "both": (False, True)}
    if conditioning not in known:
        raise InputError(f"--conditioning {conditioning!r}: {nearest(conditioning, known)}.")
    return known[conditioning]


def _player(task: "Task", scheduler: str | None, jobs: int | None) -> "Player":
    from bench.station import load_station
    from bench.verdicts import InputError
    from packbench.mapping import players

    station, _ = load_station(task.station)
    if station.clock != "virtual":
        if scheduler:
            raise InputError(f"station {station.name} is one bench, and a cluster is many: leave out --scheduler.")
        return players.one_bench
    return players.cluster(scheduler) if scheduler else players.processes(jobs)


def _tell(line: str) -> None:
    say(line, err=True)


def _show(made: "Made", *, as_json: bool) -> None:
    if as_json:
        print_json({
            "verdict": made.verdict, "complete": made.complete, "page": made.index,
            "criteria": [fields_of(each.measurement) | {"where": each.where} for each in made.judged()],
            "fields": [each.as_dict() for each in made.outcomes],
        })  # fmt: skip
        return
    from packbench.mapping import page

    rows = []
    for (pack, strategy), outcomes in page.groups(made.outcomes):
        for conditioned, fields in page.ways(outcomes):
            rows.append((pack, strategy, "with" if conditioned else "without", *page.summary(made.packs[pack], fields)))
    print_table("The map", HEADER, rows)
    say(f"Open {made.index}")


HEADER = ("pack", "strategy", "preconditioning", "shortest", "longest", "spread", "lowest margin", "verdict")
