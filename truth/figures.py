"""The figures of one recorded run beside what they are in truth, and the verdicts that they led to."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf, isfinite
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from bench.pack import load_pack
from bench.verdicts import Verdict
from reports.kpi import Kpi, evaluate, found
from reports.recording import Recording
from reports.uncertainty import budget
from truth.behind import behind
from truth.instants import COUNTERS, Truth
from truth.watching import FILE

DECIDED = frozenset({Verdict.PASS, Verdict.FAIL})
OF_A_MODEL = "plating"
"""How keys begin of figures that no meter shows: the table `anode` holds them against another model."""
WAYS = {"charge": COUNTERS[0], "discharge": COUNTERS[1]}


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: recorded, true, its stated expanded uncertainty and where that comes from most; all in `unit`.

    `bench` is the seed of its instruments. `at_least`, `at_most` are the limits that the run judged it by, `verdict`
    what came of that; "" where it was not judged.
    """

    key: str
    name: str
    step: str
    unit: str
    value: float
    true: float
    stated: float
    most: str
    pack: str
    temperature: float | None
    bench: int = 0
    at_least: float | None = None
    at_most: float | None = None
    verdict: str = ""

    @property
    def error(self) -> float:
        """Recorded less true."""
        return self.value - self.true

    @property
    def within(self) -> bool:
        """Whether the truth lies within what is stated."""
        return abs(self.error) <= self.stated

    @property
    def wrong(self) -> bool:
        """Whether it was decided, and the truth lies on the other side of the limit."""
        if self.verdict not in DECIDED:
            return False
        least, most = (
            (-inf if self.at_least is None else self.at_least),
            (inf if self.at_most is None else self.at_most),
        )
        return (least <= self.true <= most) != (self.verdict == Verdict.PASS)


def truth_of(folder: Path) -> Truth:
    """What was true in a run that was watched."""
    recorded, table = Recording.load(folder), pq.read_table(folder / FILE)
    true = {name: table[name].to_numpy() for name in table.column_names}
    rows = {len(each) for each in true.values()}
    if rows != {len(recorded.rows)}:
        raise RuntimeError(f"{folder}: {len(recorded.rows)} rows and {rows} truths; it was not watched as a whole.")
    return Truth(recorded, true, load_pack(recorded.manifest["pack"]["name"])[0], behind(folder))


def figures_of(truth: Truth, bench: int = 0) -> list[Figure]:
    """Every figure that a run of a `bench` allows, and every one that its test has asked for."""
    run = truth.recorded
    judged = {(each["name"], each["step"]): each for each in run.manifest["measurements"]}
    figures = list(evaluate(run).figures)
    known = {(each.name, each.step) for each in figures}
    figures += _asked_for([each for place, each in judged.items() if place not in known], run)
    made = (_figure(each, truth, judged) for each in figures if not each.key.startswith(OF_A_MODEL))
    return [replace(each, bench=bench) for each in made if each is not None]


def _asked_for(measurements: Iterable[Mapping[str, Any]], run: Recording) -> Iterator[Kpi]:
    """Figures that a test asks for by themselves."""
    for each in measurements:
        key = (each.get("required") or {}).get("key", "")
        kpi = found().named(key)
        if kpi is not None and kpi.steps == 1:
            yield kpi(run, each["step"], **kpi.asked_by(key))


def _figure(figure: Kpi, truth: Truth, judged: Mapping[tuple[str, str], Mapping[str, Any]]) -> Figure | None:
    if figure.asked is None or not isfinite(figure.value):
        return None
    # What is true here is what the plant did, be it one of tables: how far that is from cells, `definitions` tells.
    metered = replace(figure, asked=replace(figure.asked, assumed={}))
    known, measured = budget(metered), judged.get((figure.name, figure.step), {})
    true = figure.asked.again(truth.of(figure.asked.steps))
    return Figure(
        figure.key, figure.name, figure.step, figure.unit, figure.value, true, known.expanded,
        known.contributions[0].source if known.contributions else "", truth.pack.name, figure.temperature,
        0, measured.get("at_least"), measured.get("at_most"), measured.get("verdict", ""),
    )  # fmt: skip


def counters_of(truth: Truth) -> dict[str, float]:
    """By how much (relative) each step's counter of charge is off from the exact integral."""
    return {step.name: off for step in truth.recorded.steps if (off := _off(step, truth)) is not None}


def _off(step: Any, truth: Truth) -> float | None:
    way, rows = WAYS.get(step.direction), step.rows
    if way is None or step.sample_count < 2:
        return None
    counted, true = (
        float(each[rows.stop - 1] - each[max(rows.start - 1, 0)])
        for each in (truth.recorded.column(way), truth.columns[way])
    )
    return counted / true - 1 if true else None
