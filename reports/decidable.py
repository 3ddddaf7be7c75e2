"""Whether a bench could decide at all: told before the hours are spent.

A limit is decided by a figure whose uncertainty is small against how far from the limit the figure is expected: at most
a quarter of it. What is expected is what this specimen has shown in its last accepted run; else what the twin shows;
where that shows nothing, five per cent of the limit are taken for the distance. What a bench cannot measure at all is
told with what could. A meter that is off by more than a per cent of the current that a step asks of it is told as well
(IEC 62660-2, 4.3: the overall accuracy of a measured current shall be within ±1 %).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, nan
from typing import Any

import numpy as np

from bench import columns
from bench.accepted import Accepted
from bench.pack import PackFile
from bench.planned import Planned
from bench.verdicts import InputError
from instruments.accuracy import Accuracy, range_for
from instruments.wording import digits
from reports.kpi import Kpi, evaluate, found
from reports.kpi.needs import Means
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


NOTHING = Accepted()


@dataclass(frozen=True, slots=True)
class Bench:
    """What is known before a scenario begins: the run's manifest so far, the pack, its state, what was accepted of it.

    `soc` from 0 to 1, `temperature` in degC.
    """

    manifest: Mapping[str, Any]
    pack: PackFile
    soc: float
    temperature: float
    accepted: Accepted = NOTHING


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
    by_name = {step.name: step for step in planned}
    figures = evaluate(expected)
    for figure in (*figures.figures, *figures.unanswered):
        step = by_name.get(figure.step)
        yield from _unmeasurable(figure, step, bench)
        yield from _undecidable(figure, _condition(figure, step, bench.pack), expected, bench)


def _condition(figure: Kpi, step: Planned | None, pack: PackFile) -> str | None:
    """The condition of the pack's that speaks of the step's rate; None: it has none that does."""
    rate = "" if step is None else step.rate
    named = [each for each in pack.requirements.get(figure.key, {}) if each == "" or (rate and rate in each.split())]
    return named[0] if named else None


def _unmeasurable(figure: Kpi, step: Planned | None, bench: Bench) -> Iterator[str]:
    """Say of every requirement of the figure's kind that this bench cannot show it."""
    kpi = found().named(figure.key)
    period, instruments = nan if step is None else step.period, bench.manifest.get("instruments") or ()
    means = Means.planned(period, instruments, figure.meters)
    for key in bench.pack.requirements if kpi is not None and kpi.needs else ():
        why = kpi.missing(means, kpi.asked_by(key)) if kpi is not None and kpi.named(key) else ""
        if why:
            yield f"{key} of step {figure.step!r} is not measurable here: {why}."


def _undecidable(figure: Kpi, at: str | None, expected: Recording, bench: Bench) -> Iterator[str]:
    bounds = _bounds(figure, at, bench.pack)
    limit = next((each for each in (bounds.at_least, bounds.at_most) if each is not None), None)
    if at is None or limit is None or figure.unmeasurable:
        return
    known = budget(figure)
    value, whence = _expectation(figure, at, bench)
    distance = abs(value - limit) if isfinite(value) else UNKNOWN * abs(limit)
    if known.expanded <= QUARTER * distance or not distance or not known.contributions:
        return
    if not isfinite(known.expanded):
        yield (
            f"{figure.name} of step {figure.step!r} is expected at {digits(value, 4)} {figure.unit} on this bench "
            f"({whence}), and within what {known.contributions[0].source} may be off there is no such figure: nobody "
            f"can foresee whether it decides the limit, {digits(limit, 4)} {figure.unit}. Let its steps begin before "
            "and end behind what the figure speaks of, or take a better meter."
        )
        return
    share = QUARTER * distance / known.expanded
    yield (
        f"{figure.name} of step {figure.step!r} is expected at {digits(value, 4)} ± {digits(known.expanded, 2)} "
        f"{figure.unit} on this bench ({whence}), and the limit is {digits(limit, 4)} {figure.unit}: more than a "
        f"quarter of the distance is uncertain ({known.contributions[0].source} most of all). "
        f"{_what_would_do(known, share, expected)}"
    )


def _bounds(figure: Kpi, at: str | None, pack: PackFile) -> Bounds:
    """What the pack requires under a condition."""
    try:
        return limits_of(figure, pack, at=at) if at is not None else Bounds()
    except InputError:  # a temperature that the pack has no limit at, or that the scenario does not set
        return Bounds()


def _expectation(figure: Kpi, at: str, bench: Bench) -> tuple[float, str]:
    """What is expected, in the figure's unit, and by whom; nan: by nobody."""
    known = bench.accepted.find(figure.key, at, figure.temperature)
    if known is not None and known.unit == figure.unit:
        return known.value, f"as in the accepted run {known.run}"
    if isfinite(figure.value):
        return figure.value, "by the twin"
    return nan, f"nobody can say; {UNKNOWN:.0%} of the limit are taken for the distance"


def _what_would_do(known: Budget, share: float, expected: Recording) -> str:
    wanted = f"±{digits(known.expanded * share, 2)} would do"
    source = known.contributions[0].source.partition(",")[0] if known.contributions else ""
    meters = Meters(expected)
    meter = next((each for each in meters.by_column.values() if each.name == source), None)
    if meter is None:
        return f"{wanted}."
    largest = float(max(abs(expected.column(meter.column)), default=inf))
    accuracy, unit = range_for(meter.ranges, largest), meter.column.rpartition(" / ")[2]
    return f"{wanted}: {_remedy(accuracy, share, unit)}."
