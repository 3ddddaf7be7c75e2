"""What figures say of themselves, beside what is so: the product's own suite on benches whose meters are drawn anew.

Every figure of every run is held against the truth of its world (`truth.instants`). `within` is how often the truth
lay within the stated uncertainty: at least 95 % over all figures. `ratio` is the stated uncertainty over twice the root
mean square of the errors, which is what a Monte-Carlo of these meters finds: 0.7 to 1.5. A verdict is wrong where it
was decided and the truth lies on the other side of the limit. Counters are held against the exact integral.

The runs stay in `runs/truth`, and who is stopped goes on there: take that folder away to have all of it recorded anew.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path

import numpy as np

from truth.figures import Figure, counters_of, figures_of, truth_of
from truth.suite import Suite, exact

SEEDS = 20
STATION = "virtual-module"
KEPT = Path("runs") / "truth"
LEAST, RATIO = 0.95, (0.7, 1.5)
FEW = 10
"""Benches, below which neither share nor ratio of one kind of figure is judged by itself."""
COUNTER = 0.0005
"""Of the exact integral, that a counter may be off by integrating alone."""


@dataclass
class Found:
    """All figures of one kind: by the name of the KPI and its step."""

    figures: list[Figure] = field(default_factory=list)

    @property
    def within(self) -> float:
        """How often the truth lay within what was stated."""
        return float(np.mean([each.within for each in self.figures]))

    @property
    def ratio(self) -> float:
        """Stated over actual: figures of other temperatures and packs are as large as their own uncertainties."""
        shares = [each.error / each.stated for each in self.figures if each.stated]
        actual = 2 * float(np.sqrt(np.mean(np.square(shares)))) if shares else 0.0
        return 1 / actual if actual else float("inf")

    @property
    def benches(self) -> int:
        """On how many benches: figures of one bench have the errors of the same meters."""
        return len({each.bench for each in self.figures})

    @property
    def weak(self) -> bool:
        """Whether it is not as it should be, as far as so many benches can tell: a share by twice what chance makes."""
        chance = 2 * sqrt(LEAST * (1 - LEAST) / max(self.benches, 1))
        known = self.benches >= FEW and np.isfinite(self.ratio)
        return known and (self.within < LEAST - chance or not RATIO[0] <= self.ratio <= RATIO[1])


Table = Mapping[tuple[str, str], Found]


def collected(figures: Iterable[Figure]) -> dict[tuple[str, str], Found]:
    """By KPI and step; what has no true value is left out."""
    found: dict[tuple[str, str], Found] = defaultdict(Found)
    for each in figures:
        if np.isfinite(each.true):
            found[each.name, each.step].figures.append(each)
    return dict(sorted(found.items()))


def coverage(found: Table) -> float:
    """Over all figures, how often the truth lay within what was stated."""
    return float(np.mean([each.within for kind in found.values() for each in kind.figures]))


def wrong(found: Table) -> list[Figure]:
    """Verdicts that were decided, and are not so."""
    return [each for kind in found.values() for each in kind.figures if each.wrong]


def shown(found: Table) -> str:
    """The table, as the docs hold it; what is not as it should be has a mark."""
    lines = ["| figure | step | n | within *U* | *U* / (2 rms) | most of it |  |", "|---|---|---|---|---|---|---|"]
    for (name, step), kind in found.items():
        most = max(figures := [each.most for each in kind.figures], key=figures.count)
        lines.append(
            f"| {name} | {step} | {len(kind.figures)} | {100 * kind.within:.0f} % | {kind.ratio:.2f} | {most} "
            f"| {'weak' if kind.weak else ''} |"
        )
    return "\n".join(lines)


def counters(runs: Sequence[Path]) -> dict[str, float]:
    """By how much (relative) each step's counter is off from the exact integral, by run and step."""
    return {f"{folder.name[7:]}: {step}": off for folder in runs for step, off in counters_of(truth_of(folder)).items()}


def main(_data: Path | None = None, seeds: int = SEEDS) -> bool:
    """Record what is missing, and print the table; whether all of it is as good as it should be."""
    suite, ideal = Suite(STATION, KEPT), Suite(STATION, KEPT / "exact", changes=exact)
    suite.record(range(seeds))
    ideal.record([0])
    recorded = suite.benches(range(seeds))
    found = collected(figure for bench, folder in recorded for figure in figures_of(truth_of(folder), bench))
    return told(found, counters(ideal.runs(0)), seeds)


def told(found: Table, counted: Mapping[str, float], seeds: int) -> bool:
    """Print it; whether it is as good as it should be."""
    number = sum(len(kind.figures) for kind in found.values())
    decided = [each for kind in found.values() for each in kind.figures if each.verdict in ("PASS", "FAIL")]
    print(f"{STATION}, {seeds} benches: the truth within U for {100 * coverage(found):.1f} % of {number} figures.")
    print(f"{len(wrong(found))} of {len(decided)} decided verdicts are wrong.")
    for each in wrong(found):
        print(f"  {each.name}, {each.step}, {each.pack}: {each.value:.5g} {each.unit}, in truth {each.true:.5g}")
    print(shown(found))
    worst = max(counted, key=lambda place: abs(counted[place]), default="")
    if worst:
        print(f"The worst of {len(counted)} counters is {100 * counted[worst]:+.4f} % off: {worst}.")
    weak = [" of ".join(place) for place, kind in found.items() if kind.weak]
    print(f"Not as they should be: {', '.join(weak) or 'none'}.")
    good = coverage(found) >= LEAST and not wrong(found) and not weak
    return good and all(abs(off) <= COUNTER for off in counted.values())
