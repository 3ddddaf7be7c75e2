"""What figures say of themselves, beside what is so: the product's own suite on benches whose meters are drawn anew.

Every figure of every run is held against the truth of its world (`truth.instants`). `within` is how often the truth
lay within the stated uncertainty: at least 95 % over all figures. `ratio` is the stated uncertainty over twice the root
mean square of the errors, which is what a Monte-Carlo of these meters finds: 0.7 to 1.5. A verdict is wrong where it
was decided and the truth lies on the other side of the limit. Counters are held against the exact integral.

So few benches know a ratio to some tenths only, and figures of one bench are off by the same meters: each share and
ratio has a 95 % interval in which a bench counts once. A kind of figure is *outside* where its whole interval is; where
only the value is, that is *not told* by so many benches. Of many kinds some are outside by chance: one of twenty.

The runs stay in `runs/truth`, and who is stopped goes on there: take that folder away to have all of it recorded anew.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import exp, inf, isfinite, log, sqrt
from pathlib import Path

import numpy as np
from scipy.stats import beta, t

from bench.verdicts import Verdict
from reports.recording import Floats
from truth.figures import DECIDED, Figure, counters_of, figures_of, truth_of
from truth.suite import PARTS, Suite, exact

SEEDS = 20
STATION = "virtual-module"
KEPT = Path("runs") / "truth"
LEAST, RATIO = 0.95, (0.7, 1.5)
SURE = 0.95
"""Of the intervals in which a share and a ratio are."""
OUTSIDE, UNTOLD = "outside", "not told"
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

    @cached_property
    def benches(self) -> int:
        """On how many benches: figures of one bench have the errors of the same meters."""
        return len({each.bench for each in self.figures})

    @cached_property
    def ratio_between(self) -> tuple[float, float]:
        """The interval of `ratio`: what leaving out one bench at a time does to the logarithm (jackknife), Student."""
        squares, counts = self._by_bench()
        some = squares.sum() - squares > 0.0
        if len(squares) < 2 or not some.all():
            return 0.0, inf
        without = np.log((squares.sum() - squares) / (counts.sum() - counts))
        spread = sqrt((len(squares) - 1) * float(np.var(without)))
        half = float(t.ppf((1 + SURE) / 2, len(squares) - 1)) * spread / 2  # of a root: half of the logarithm's
        middle = log(self.ratio)
        return exp(middle - half), exp(middle + half)

    @cached_property
    def most_within(self) -> float:
        """The upper end of the interval of `within`, each bench one trial (Clopper and Pearson)."""
        met = self.within * self.benches
        return float(beta.ppf((1 + SURE) / 2, met + 1, self.benches - met)) if met < self.benches else 1.0

    @property
    def mark(self) -> str:
        """Whether it is not as it should be, or so many benches do not tell; "" where it is."""
        low, high = self.ratio_between
        if not isfinite(self.ratio):
            return ""
        if self.most_within < LEAST or high < RATIO[0] or low > RATIO[1]:
            return OUTSIDE
        return "" if RATIO[0] <= self.ratio <= RATIO[1] else UNTOLD

    def _by_bench(self) -> tuple[Floats, Floats]:
        """Of each bench the sum of the squared errors over what was stated, and of how many."""
        found: dict[int, list[float]] = defaultdict(list)
        for each in self.figures:
            if each.stated:
                found[each.bench].append((each.error / each.stated) ** 2)
        return np.array([sum(some) for some in found.values()]), np.array([float(len(some)) for some in found.values()])


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
    lines = [
        "| figure | step | n | benches | within *U* | *U* / (2 rms) | 95 % | most of it |  |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for (name, step), kind in found.items():
        most = max(figures := [each.most for each in kind.figures], key=figures.count)
        low, high = kind.ratio_between
        lines.append(
            f"| {name} | {step} | {len(kind.figures)} | {kind.benches} | {100 * kind.within:.0f} % | {kind.ratio:.2f} "
            f"| {low:.2f} to {high:.2f} | {most} | {kind.mark} |"
        )
    return "\n".join(lines)


def counters(runs: Sequence[Path]) -> dict[str, float]:
    """By how much (relative) each step's counter is off from the exact integral, by run and step."""
    return {f"{folder.name[7:]}: {step}": off for folder in runs for step, off in counters_of(truth_of(folder)).items()}


def main(_data: Path | None = None, seeds: int = SEEDS, parts: Mapping[str, tuple[str, ...]] = PARTS) -> bool:
    """Record what is missing, and print the table; whether all of it is as good as it should be."""
    suite, ideal = Suite(STATION, KEPT, parts), Suite(STATION, KEPT / "exact", parts, exact)
    suite.record(range(seeds))
    ideal.record([0])
    recorded = suite.benches(range(seeds))
    found = collected(figure for bench, folder in recorded for figure in figures_of(truth_of(folder), bench))
    return told(found, counters(ideal.runs(0)))


def told(found: Table, counted: Mapping[str, float]) -> bool:
    """Print it; whether it is as good as it should be."""
    figures = [each for kind in found.values() for each in kind.figures]
    benches = len({each.bench for each in figures})
    print(
        f"{STATION}, {benches} benches: the truth within U for {100 * coverage(found):.1f} % of {len(figures)} figures."
    )
    decided = [each for each in figures if each.verdict in DECIDED]
    open_ones = sum(each.verdict == Verdict.INCONCLUSIVE for each in figures)
    print(f"{len(wrong(found))} of {len(decided)} decided verdicts are wrong; {open_ones} more were inconclusive.")
    for each in wrong(found):
        print(f"  {each.name}, {each.step}, {each.pack}: {each.value:.5g} {each.unit}, in truth {each.true:.5g}")
    print(shown(found))
    worst = max(counted, key=lambda place: abs(counted[place]), default="")
    if worst:
        print(f"The worst of {len(counted)} counters is {100 * counted[worst]:+.4f} % off: {worst}.")
    for mark, words in ((OUTSIDE, "Not as they should be"), (UNTOLD, "Not told by so many benches")):
        print(f"{words}: {', '.join(_marked(found, mark)) or 'none'}.")
    known = sum(isfinite(kind.ratio_between[1]) for kind in found.values())
    print(f"By chance {(1 - SURE) * known:.1f} of {known} kinds would be outside if all were as they should be.")
    good = coverage(found) >= LEAST and not wrong(found) and not _marked(found, OUTSIDE)
    return good and all(abs(off) <= COUNTER for off in counted.values())


def _marked(found: Table, mark: str) -> list[str]:
    return [" of ".join(place) for place, kind in found.items() if kind.mark == mark]
