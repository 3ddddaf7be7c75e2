"""Whether figures are what their definitions say: resistances beside the model's own, ends and what they move, times.

A resistance is computed from what was true in the world at each scan of the bench, so that no meter counts, and held
against the cells' model, stepped by itself in hundredths of a second from the very edge of the current. The emulated
module has no cells but tables that follow them: it is held to a wider goal.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from zlib import crc32

from bench.pack import PackFile, load_pack
from bench.recording.run import TestIdentity
from bench.running.setup import PackState, Setup
from bench.scenario import Pulse, Rest, elapsed
from bench.station import load_station
from bench.testing import TestBench
from models.cell import load_cell
from models.construction import Construction
from models.string import CellString
from reports import kpi
from reports.kpi import Kpi, evaluate
from reports.kpi.resistances import TABLES
from reports.recording import Recording
from reports.uncertainty import budget
from truth.figures import truth_of
from truth.instants import Truth
from truth.report import Row, markdown
from truth.suite import PARTS, Suite
from truth.tables import meters
from truth.witness import Witness

GOALS = {"virtual-pack": 0.003, "virtual-vehicle": 0.003, "virtual-module": TABLES}
"""Share by which a resistance may be off its definition. Of the emulated module what its figures say of themselves:
a table has no hysteresis, 1 % of a cell's resistance after 2 s and 3 % after 10 s, and follows the pairs to 1 %."""
TIMES = (2.0, 10.0)
HALF, ROOM, FINE = 0.5, 25.0, 0.01
ENDED = ("constant-voltage share", "cell spread at end", "charge capacity", "discharge capacity", "charge time")
BY_DISPLAY, BY_CHARGE = "charge time 10 to 80 %", "charge time 10 to 80 % by charge"


@dataclass(frozen=True, slots=True)
class Resistance:
    """One resistance (Ohm): as defined, by the model, and as the bench's scans show it without any meter's error."""

    station: str
    at: float
    model: float
    shown: float

    @property
    def off(self) -> float:
        """Relative."""
        return self.shown / self.model - 1

    @property
    def row(self) -> Row:
        """Its line of the table."""
        goal = GOALS[self.station]
        cells = (
            self.station, f"{self.at:g} s", f"{1e3 * self.model:.3f} mΩ", f"{1e3 * self.shown:.3f} mΩ",
            f"{100 * self.off:+.2f} %", f"{100 * goal:g} %",
        )  # fmt: skip
        return Row(cells, abs(self.off) <= goal)


def resistances(station: str, folder: Path) -> list[Resistance]:
    """A pulse of 1C at half charge and 25 degC on a bench, and on the model."""
    loaded, file = load_station(station)
    pack, pack_file = load_pack(loaded.packs[0])
    setup = Setup(loaded, file, pack, pack_file, pack_state=PackState(HALF, ROOM))
    bench = TestBench(setup, folder, TestIdentity("truth", station, "truth"))
    bench.open()
    try:
        witness = Witness.of(bench)
        recorded = Recording(*bench.run(Rest(until=elapsed(minutes=1)), Pulse("1C", duration=18)))
    finally:
        bench.conclude()
    true = Truth(recorded, witness.columns, pack).of(())
    model = of_model(pack, setup.seed)
    return [Resistance(station, at, model[at], kpi.dc_resistance(true, "pulse", at=at).value) for at in TIMES]


def of_model(pack: PackFile, seed: int) -> dict[float, float]:
    """What the pack's own cells oppose to 1C at these times (Ohm); a serial number is an individual of each world."""
    individual = crc32(f"{seed}:{pack.serial_number}".encode())
    string = CellString(
        load_cell(pack.cell), pack.series, pack.parallel, seed=individual, soc=HALF, temperature=ROOM,
        construction=Construction(**pack.construction.model_dump()),
    )  # fmt: skip
    rest, current, found, steps = string.terminal_voltage, -pack.rated_capacity, dict[float, float](), 0
    for at in TIMES:
        while steps < round(at / FINE):
            string.step(current, FINE, ROOM)
            steps += 1
        found[at] = (string.terminal_voltage - rest) / current
    return found


def ends(runs: list[Path]) -> Iterator[Row]:
    """What ended the steps of figures, and how much that alone moves them; a step that several tests have, once."""
    told = set[tuple[str, str, str]]()
    for folder in runs:
        run = truth_of(folder).recorded
        for figure in _asked(run):
            known, place = budget(figure), (figure.name, figure.step, run.manifest["pack"]["name"])
            if known.ended_by and place not in told:
                told.add(place)
                yield Row(
                    (
                        f"{figure.name}, {figure.step}", run.manifest["pack"]["name"], known.ended_by,
                        f"{figure.value:.5g} {figure.unit}", f"{known.expanded:.2g}", f"{known.end:.2g}",
                    ),
                    None,
                )  # fmt: skip


def _asked(run: Recording) -> list[Kpi]:
    durations = [kpi.duration(run, each.index) for each in run.steps if each.kind == "Charge" and each.sample_count]
    return [each for each in (*evaluate(run).figures, *durations) if each.name in ENDED or each.key == "duration"]


def times(suite: Suite, seeds: range) -> Iterator[Row]:
    """Charge times by what the BMS displays, and by what was counted from its 10 %, on several benches."""
    for seed in seeds:
        for folder in suite.runs(seed):
            truth = truth_of(folder)
            figures = {(each.name, each.step): each for each in evaluate(truth.recorded).figures}
            for step in (each.name for each in truth.recorded.steps if each.kind == "FastRecharge"):
                cells = [_beside(figures.get((name, step)), truth) for name in (BY_DISPLAY, BY_CHARGE)]
                yield Row((str(seed), truth.pack.name, *(text for pair in cells for text in pair)), None)


def _beside(figure: Kpi | None, truth: Truth) -> tuple[str, str]:
    """A figure with its uncertainty, and how far the truth is from it."""
    if figure is None or figure.asked is None:
        return "", ""
    true = figure.asked.again(truth.of(figure.asked.steps))
    off = f"{figure.value - true:+.0f} s" if isfinite(true) else ""
    return f"{figure.value:.0f} ± {budget(figure).expanded:.0f} s", off


def main(_data: Path | None = None, seeds: int = 3) -> bool:
    """Print the three tables; whether all resistances are as defined."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [each.row for station in GOALS for each in resistances(station, Path(folder))]
    print(markdown(
        "Resistances beside their definition (no meter counts)",
        ("station", "after", "by the model", "by the scans", "off", "goal"), rows,
    ))  # fmt: skip
    suite = Suite(meters.STATION, meters.KEPT, {"25": PARTS["25"]})
    suite.record(range(seeds))
    print(markdown(
        "What ended a step, and how much its uncertainty moves the figure",
        ("figure, step", "pack", "ended by", "value", "*U*", "of which by the end"), list(ends(suite.runs(0))),
    ))  # fmt: skip
    print(markdown(
        "Fast recharge from 10 to 80 %, by the display and by the charge counted since its 10 %",
        ("bench", "pack", "by the display", "error", "by charge", "error"), list(times(suite, range(seeds))),
    ))  # fmt: skip
    return all(row.reached for row in rows)
