"""How well a figure is known: it is computed again with each error source moved, and what changes is combined.

The sensitivities are numerical (GUM, JCGM 100:2008, 5.1.4; several values of one source as in its supplement 1), the
sources are independent, and the combined standard uncertainty is expanded by a coverage factor of 2 (about 95 %).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import hypot, inf, isfinite, sqrt
from typing import Any

import numpy as np

from bench.columns import CURRENT, POWER
from instruments.accuracy import EXPANDED, ROUNDED
from reports.kpi import Kpi
from reports.kpi.base import Asked
from reports.kpi.readings import TIME
from reports.recording import Recording
from reports.uncertainty.endings import ended_by
from reports.uncertainty.meters import meters_of_run
from reports.uncertainty.move import Move
from reports.uncertainty.moved import Moved
from reports.uncertainty.sources import Source, sources_of

KEPT = 60_000
"""Rows up to which moved recordings are kept: a figure of the same step needs the same."""
ONE = 1.0
"""Of any other unit: what is computed as 0, and moved by nothing, is not exact either."""
STAMP = 1e-3
"""s to which it is known when a sample came."""
BETWEEN_TWO = sqrt(6)
"""What began, and what ended, anywhere between two samples: the difference of two even chances (GUM, 4.3.7, 4.3.9)."""
SHOWN = 5
"""Contributions that are kept, the largest first."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one error source counts: its standard uncertainty in the unit of the figure.

    `assumed` where nobody has read in a data sheet or a certificate how far its meter may be off.
    """

    source: str
    standard: float
    assumed: bool = False

    def as_dict(self) -> dict[str, Any]:
        """As stored: what is not assumed says nothing of it."""
        return {"source": self.source, "standard": self.standard, **({"assumed": True} if self.assumed else {})}


@dataclass(frozen=True, slots=True)
class Budget:
    """The expanded uncertainty of a figure, its coverage factor, and where it comes from, the largest first.

    `ended_by` is what ended its step, and `end` the expanded uncertainty that comes from that alone: how much the end
    condition's own uncertainty moves the figure.
    """

    expanded: float
    contributions: tuple[Contribution, ...] = ()
    coverage: float = EXPANDED
    ended_by: str = ""
    end: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """As stored in a manifest: the largest contributions, the rest of them as one."""
        rest = sqrt(sum(each.standard**2 for each in self.contributions[SHOWN:]))
        shown = [each.as_dict() for each in self.contributions[:SHOWN]]
        return {
            "uncertainty": self.expanded, "coverage": self.coverage,
            "contributions": [*shown, *([{"source": "others", "standard": rest}] if rest else [])],
            **({"ended_by": self.ended_by, "end_uncertainty": self.end} if self.ended_by else {}),
        }  # fmt: skip


def budget(figure: Kpi) -> Budget:
    """How well a figure is known. One that was not computed from a recording is not: an infinite uncertainty."""
    asked = figure.asked
    if asked is None or not isfinite(figure.value):
        return Budget(inf)
    return _combined(figure, asked, _contributions(figure, asked))


def uncertainty(figure: Kpi, _station: object = None) -> float:
    """Half-width of the interval that the truth is in with about 95 %, in the figure's unit; 0 for what is not one."""
    return budget(figure).expanded if isfinite(figure.value) else 0.0


def _combined(figure: Kpi, asked: Asked, counted: Sequence[tuple[Contribution, float]]) -> Budget:
    found = sorted((each for each, _ in counted), key=lambda each: -each.standard)
    combined = hypot(*(each.standard for each in found))
    step = asked.steps[0]
    ending = step.ended_by if ended_by(step, tuple(asked.run.columns)) else None
    if not combined and not asked.counts:
        found = [_one_sample(figure, asked)]
    expanded = EXPANDED * hypot(*(each.standard for each in found))
    by_end = EXPANDED * hypot(*(end for _, end in counted)) if counted else 0.0
    return Budget(expanded, tuple(each for each in found if each.standard), ended_by=ending or "", end=by_end)


def _one_sample(figure: Kpi, asked: Asked) -> Contribution:
    """What nothing moves (a share of 0, a time that never was) is not known better than to one sample of its steps."""
    samples = max(sum(step.sample_count for step in asked.read), 1)
    if tuple(asked.columns) == (TIME,):  # when samples came is no question of where between them something happened
        return Contribution("a time stamp", STAMP / ROUNDED)
    if figure.unit == "s":
        return Contribution("one sample", sum(step.duration for step in asked.read) / samples / BETWEEN_TWO)
    low, high = asked.span
    whole = high - low if isfinite(high) else abs(figure.value) or _moved_in_all(figure.unit, asked) or ONE
    return Contribution("one sample", whole / samples / ROUNDED)


def _moved_in_all(unit: str, asked: Asked) -> float:
    """What flowed in the steps of a figure in its unit, whichever way; 0 where nothing of that kind was recorded."""
    rate = {"Ah": CURRENT, "Wh": POWER}.get(unit, "")
    if not asked.run.has(rate):
        return 0.0
    flown = [
        float(np.nanmean(np.abs(asked.run.values(rate, step)))) * step.duration
        for step in asked.read
        if np.isfinite(asked.run.values(rate, step)).any()
    ]
    return sum(flown) / 3600


def _contributions(figure: Kpi, asked: Asked) -> list[tuple[Contribution, float]]:
    run, meters = asked.run, meters_of_run(asked.run)
    modelled = [
        (Contribution(name, half / EXPANDED, assumed=True), 0.0) for name, half in asked.assumed.items() if half
    ]
    return modelled + [
        (Contribution(source.name, _standard(source, figure, asked), source.assumed), _by_end(source, figure, asked))
        for source in sources_of(run, meters, asked.columns, asked.read)
    ]


def _standard(source: Source, figure: Kpi, asked: Asked) -> float:
    together = hypot(*(_change(move, figure, asked) for move in source.bounds))
    found = max(_rms(list(_changes(source, figure, asked))), together)
    return found if isfinite(found) else inf


def _rms(changes: Sequence[float]) -> float:
    return sqrt(sum(change * change for change in changes) / len(changes)) if changes else 0.0


def _by_end(source: Source, figure: Kpi, asked: Asked) -> float:
    """What a source counts by the end of the steps alone."""
    touching = [column for column in _ends(asked) if any(_touches(move, column, asked) for move in source.moves)]
    if not touching:
        return 0.0
    return _rms([_change(move, figure, asked, readings=False) for move in source.moves])


def _ends(asked: Asked) -> list[str]:
    """The columns that ended its steps."""
    found = [ended_by(step, tuple(asked.run.columns)) for step in asked.read]
    return [column for column in found if column]


def _touches(move: Move, column: str, asked: Asked) -> bool:
    raw = meters_of_run(asked.run).derivation(column).columns
    return bool(move.late) or column in move.extremes or any(each in move.channels for each in raw)


def _changes(source: Source, figure: Kpi, asked: Asked) -> Iterator[float]:
    for move in source.moves:
        change = _change(move, figure, asked)
        # A figure that there is not with its meter moved one way may be there the other way.
        yield change if isfinite(change) else _change(move.turned(), figure, asked)


def _change(move: Move, figure: Kpi, asked: Asked, *, readings: bool = True) -> float:
    return asked.again(_moved(asked, move, readings)) - figure.value


def _moved(asked: Asked, move: Move, readings: bool) -> Recording:
    """A recording with a move, kept for the next figure of the same steps where it is short."""
    run, of = asked.run, tuple(step.index for step in asked.read)
    meters, key = meters_of_run(run), (id(move), readings, of)
    known = meters.moved.get(key)
    if known is not None:
        return known
    made = Moved.by(move, run, meters, of, readings=readings)
    if len(run.rows) <= KEPT:
        meters.moved[key] = made
        meters.kept.append(move)  # for as long as its number stands for it
    return made
