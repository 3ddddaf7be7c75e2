"""A week on the full bench: a breach that a plant model found counts when instruments, BMS and guard agree with it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.grid.steps import Manage
from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running.setup import Setup
from bench.scenario import Charge, Discharge, Soak, Step, current_below, soc_above, soc_below
from bench.station import load_station
from bench.testing import TestBench
from bench.verdicts import Failure
from packbench.adversary.referee import CHATTER, DISCHARGED, SILENT, UNWARNED, USED_UP, Breach
from packbench.adversary.space import Week
from reports import kpi
from reports.kpi import Kpi
from reports.recording import Recording

STATION = "virtual-vehicle"
"""A car's bench, with the cells that the plant has."""
WEEK = "week"


@dataclass(frozen=True, slots=True)
class Ceiling:
    """A figure of a managed step, and the most that it may be."""

    figure: Callable[[Recording, str], Kpi]
    at_most: float


LIMITS: Mapping[str, Ceiling] = {
    DISCHARGED: Ceiling(kpi.below_reserve, 50.0),
    USED_UP: Ceiling(kpi.departures, 0.5),
    UNWARNED: Ceiling(kpi.late_warnings, 0.5),
    SILENT: Ceiling(kpi.failures, 0.5),
    CHATTER: Ceiling(kpi.turns, 2.5),
}
"""By the kind of a breach, which figure of a bench shows it."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """Whether the bench showed the same breach, and in one sentence what it showed."""

    agrees: bool
    text: str


def on_the_bench(week: Week, manager: str) -> tuple[Step, ...]:
    """The steps of a week: the car as it is in the beginning, and the manager in charge of it.

    While it stands for its temperature its BMS guesses its charge anew, by up to 2 %: that is 8 km, of a breach that
    was made as small as it goes. So the charge that it shows is set behind that as well.
    """
    plant = week.plant()
    return (
        *_charged_to(week.soc, ""),
        Soak(round(plant.around(0.0))),
        *_charged_to(week.soc, " again"),
        Manage(
            manager, plant.days, imports=week.connection, exports=week.connection, charger=week.charger,
            reserve_road=week.reserve_road, garage=week.garage, foreseen=week.foreseen, name=WEEK,
        ),
    )  # fmt: skip


def _charged_to(soc: float, again: str) -> tuple[Step, Step]:
    return (
        Discharge("C/3", until=soc_below(soc), name=f"down{again}"),
        Charge("C/3", until=[soc_above(soc), current_below("C/20", hold=60)], name=f"up{again}"),
    )


def figures(run: Recording) -> Iterator[tuple[Kpi, float]]:
    """What a manager promises, each with the most that it may be."""
    for limit in LIMITS.values():
        yield limit.figure(run, WEEK), limit.at_most


def agreed(week: Week, manager: str, breach: Breach, runs: Path, station: str = STATION) -> Agreed:
    """Play a week on a bench and say whether it shows the breach; its recording is left in `runs`.

    Raises `BenchFault` where the bench failed: then nobody knows.
    """
    found, file = load_station(station)
    setup = Setup(found, file, *load_pack(found.packs[0]))
    bench = TestBench(setup, runs, TestIdentity("adversary", "adversary", breach.kind), supervised=False)
    try:
        bench.open()
        run = Recording(*bench.run(*on_the_bench(week, manager)))
    except Failure as error:
        return Agreed(False, f"on the bench {found.name} the {error.subject} failed before its end: {error}")
    finally:
        bench.conclude()
    limit = LIMITS[breach.kind]
    shown = limit.figure(run, WEEK)
    unit = "" if shown.unit == "1" else f" {shown.unit}"
    value = f"{shown.name} {shown.value:.4g}{unit}, at most {limit.at_most:g}"
    return Agreed(shown.value > limit.at_most, f"on the bench {found.name}: {value}")
