"""Whether a bench could decide at all: told before the hours are spent.

A limit is decided by a figure whose uncertainty is small against how far from the limit the figure is expected: at most
a quarter of it. What is expected is what the twin shows; where it shows nothing, five per cent of the limit are taken
for the distance. A meter that is off by more than a per cent of the current that a step asks of it is told as well (IEC
62660-2, 4.3: the overall accuracy of a measured current shall be within ±1 %).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

import numpy as np

from bench import columns
from bench.pack import PackFile
from bench.planned import Planned
from bench.verdicts import InputError
from instruments.accuracy import Accuracy, range_for
from reports.kpi import Kpi, evaluate
from reports.outlook import foreseen
from reports.recording import Recording
from reports.requirements import Bounds, limits_of
from reports.uncertainty import Budget, budget
from reports.uncertainty.meters import Meters

QUARTER = 0.25
"""Of the distance to the limit, that an uncertainty may be: three in four expected figures are then decided."""
UNKNOWN = 0.05
"""Of a limit: the distance to it, where nothing is expected."""
CURRENT = 0.01
"""Share of a current, IEC 62660-2 (2018), 4.3."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What is known before a scenario begins: the run's manifest so far, the pack and its state (0 to 1, degC)."""

    manifest: Mapping[str, Any]
    pack: PackFile
    soc: float
    temperature: float


def doubts(planned: Sequence[Planned], bench: Bench) -> list[str]:
    """One sentence for everything that this bench is not expected to decide; none that is only guessed."""
    raw = tuple((bench.manifest.get("samples") or {}).get("columns") or ())
    empty = Recording(bench.manifest, (), raw, np.empty((0, len(raw))))
    told = list(dict.fromkeys(_of_meters(planned, Meters(empty), bench)))
    expected = foreseen(planned, bench.pack, bench.manifest, bench.soc, bench.temperature)
    return told if expected is None else [*told, *_of_figures(planned, expected, bench)]


# ---- meters ----


def _of_meters(planned: Iterable[Planned], meters: Meters, bench: Bench) -> Iterator[str]:
    for step in planned:
        if step.direction in _ROLES and step.current:
            yield from _of_current(step, meters, bench)


_ROLES = {"charge": "source", "discharge": "sink"}


def _of_current(step: Planned, meters: Meters, bench: Bench) -> Iterator[str]:
    """Say of what measures the current of a step where it is not fit for that."""
    for column in meters.derivation(columns.CURRENT).columns:
        meter = meters.meter(column)
        playing = next((each for each in bench.manifest["instruments"] if each["name"] == meter.instrument), None)
        if playing is None or _ROLES[step.direction] not in playing["roles"]:
            continue
        accuracy = range_for(meter.ranges, step.current)
        off = accuracy.half_width(step.current)
        if off > CURRENT * step.current:
            model = playing.get("model") or playing["driver"]
            yield (
                f"{meter.instrument} ({model}) may be off by {off:.3g} A, {100 * off / step.current:.3g} % of the "
                f"{step.current:.3g} A that step {step.name!r} asks for, where IEC 62660-2 wants 1 %: "
                f"{_remedy(accuracy, CURRENT * step.current / off, 'A')}."
            )


def _remedy(accuracy: Accuracy, share: float, unit: str) -> str:
    """What would do, where errors may only be a `share` of what they are."""
    if accuracy.span:
        scale = accuracy.full_scale * share
        return f"take a range or an instrument of at most {scale:.2g} {unit}, or state what its certificate says"
    return f"take a meter that is off by at most {accuracy.constant * share:.2g} {unit} at zero"


# ---- figures ----


def _of_figures(planned: Sequence[Planned], expected: Recording, bench: Bench) -> Iterator[str]:
    rates = {step.name: step.rate for step in planned}
    for figure in evaluate(expected).figures:
        bounds = _bounds(figure, rates.get(figure.step, ""), bench.pack)
        limit = next((each for each in (bounds.at_least, bounds.at_most) if each is not None), None)
        if limit is not None:
            yield from _of_one(figure, limit, expected, bench)


def _bounds(figure: Kpi, rate: str, pack: PackFile) -> Bounds:
    """What the pack requires, under the condition that speaks of the step's rate, where it has conditions."""
    conditions = pack.requirements.get(figure.key, {})
    named = [each for each in conditions if each == "" or (rate and rate in each.split())]
    try:
        return limits_of(figure, pack, at=named[0]) if named else Bounds()
    except InputError:  # a temperature that the pack has no limit at, or that the scenario does not set
        return Bounds()


def _of_one(figure: Kpi, limit: float, expected: Recording, bench: Bench) -> Iterator[str]:
    known, distance = budget(figure), abs(figure.value - limit)
    if not isfinite(distance):
        distance = UNKNOWN * abs(limit)
    if known.expanded <= QUARTER * distance or not distance:
        return
    share = QUARTER * distance / known.expanded if isfinite(known.expanded) else 0.0
    yield (
        f"{figure.name} of step {figure.step!r} is expected at {figure.value:.4g} ± {known.expanded:.2g} {figure.unit} "
        f"on this bench, and the limit is {limit:.4g} {figure.unit}: more than a quarter of the distance is uncertain "
        f"({known.contributions[0].source if known.contributions else 'unknown'} most of all). "
        f"{_what_would_do(known, share, expected)}"
    )


def _what_would_do(known: Budget, share: float, expected: Recording) -> str:
    wanted = f"±{known.expanded * share:.2g} would do"
    source = known.contributions[0].source.partition(",")[0] if known.contributions else ""
    meters = Meters(expected)
    meter = next((each for each in meters.by_column.values() if each.name == source), None)
    if meter is None:
        return f"{wanted}."
    largest = float(max(abs(expected.column(meter.column)), default=inf))
    accuracy, unit = range_for(meter.ranges, largest), meter.column.rpartition(" / ")[2]
    return f"{wanted}: {_remedy(accuracy, share, unit)}."
