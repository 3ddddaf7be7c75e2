"""Figures judged by what a pack or a file of limits requires, where no test has said of which step."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite, nan

from bench import columns
from bench.requirements import UNCONDITIONAL, Limits, limit_at, unstated
from bench.verdicts import Measurement, Verdict
from reports.kpi import Evaluation, Kpi, found
from reports.limits import LimitsFile
from reports.recording import Recording
from reports.requirements import bounds

FULL = 0.5
"""Part of the largest step's amount below which a step of the same direction is no whole one, and is not judged."""
AMOUNTS = (" capacity", " energy")


@dataclass(frozen=True, slots=True)
class Judged:
    """A requirement and what came of it: `why` says in a sentence why nothing was judged."""

    measurement: Measurement
    verdict: Verdict
    why: str = ""


def judged(
    recording: Recording, evaluation: Evaluation, limits: LimitsFile, asked: Collection[str] = ()
) -> list[Judged]:
    """Every requirement whose key is none of those `asked` already, for every step that it speaks of.

    One that nothing answers is INCONCLUSIVE, never a pass. The meters of a foreign recording are not known, and so is
    the uncertainty: none is allowed for.
    """
    return [
        each for key in limits.requirements if key not in asked for each in _of_key(recording, evaluation, limits, key)
    ]


def _of_key(recording: Recording, evaluation: Evaluation, limits: LimitsFile, key: str) -> Iterator[Judged]:
    conditions = limits.requirements[key]
    kpi = found().named(key)
    answers = _answers(recording, evaluation, key)
    figures = _whole([each for each in answers if isfinite(each.value)])
    unmeasurable = next((each.unmeasurable for each in answers if each.unmeasurable), "")
    missing = f"not measurable here: {unmeasurable}" if unmeasurable else _withheld(recording, evaluation, key)
    if not figures or UNCONDITIONAL not in conditions:
        listed = ", ".join(map(repr, conditions))
        conditional = (
            f"it is required under conditions ({listed}), and nothing in the recording says under which it was"
        )
        yield _open(key, kpi.unit if kpi else "", missing if not figures else conditional)
        return
    for figure in figures:
        yield from _against(recording, figure, conditions[UNCONDITIONAL])


def _answers(recording: Recording, evaluation: Evaluation, key: str) -> list[Kpi]:
    """All figures of that key, also those without a value; one that only a key asks for is computed for it."""
    known = [each for each in (*evaluation.figures, *evaluation.unanswered) if each.key == key]
    kpi = found().named(key)
    asked = kpi.asked_by(key) if kpi is not None and kpi.steps == 1 else {}
    if known or kpi is None or not asked:
        return known
    steps = [step for step in recording.steps if step.sample_count and kpi.can_be_asked(recording.has, recording, step)]
    return [kpi(recording, step, **asked) for step in steps]


def _whole(figures: Sequence[Kpi]) -> list[Kpi]:
    """Amounts of whole charges and discharges, without the parts of one; any other figure."""
    if not figures or not figures[0].key.endswith(AMOUNTS):
        return list(figures)
    most = max(figure.value for figure in figures)
    return [figure for figure in figures if figure.value >= FULL * most]


def _withheld(recording: Recording, evaluation: Evaluation, key: str) -> str:
    kpi = found().named(key)
    columns_of = kpi.columns if kpi else ()
    reasons = [recording.withheld[column] for column in columns_of if column in recording.withheld]
    if not set(columns_of) <= set(recording.columns):  # amounts that would have been made of what is not believed
        reasons += recording.withheld.values()
    if reasons:
        return reasons[0]
    absent = [column for column in columns_of if not recording.has(column)]
    if absent:
        return f"not measurable here: the recording has no {absent[0]!r}"
    asked = any(each.key == key for each in evaluation.unanswered)
    return "no step's is known" if asked else "the recording has no step, or no column, that it could be computed from"


def _open(key: str, unit: str, why: str) -> Judged:
    return Judged(Measurement(key, nan, unit), Verdict.INCONCLUSIVE, why.rstrip("."))


def _against(recording: Recording, figure: Kpi, table: Limits) -> Iterator[Judged]:
    """The figure by its limit; nothing at a temperature for which `null` says that none is stated."""
    temperature = next(iter(table)) if len(table) == 1 else _temperature(recording, figure)
    if temperature is None:
        why = "it is required by temperature, and the recording has none that is believed"
        yield _open(figure.key, figure.unit, why)
        return
    limit, why = limit_at(table, temperature), unstated(table, temperature)
    if limit is None and not why:
        return
    least, most = bounds(figure.sense, limit)
    measured = Measurement(
        figure.name, figure.value, figure.unit, at_least=least, at_most=most, step=figure.step, subject=figure.subject,
        unstated=why or None,
    )  # fmt: skip
    yield Judged(measured, measured.verdict, why)


def _temperature(recording: Recording, figure: Kpi) -> float | None:
    """°C at the beginning of the step: of the air where it was measured, else of the cell."""
    step = recording.step(figure.step)
    for column in (columns.AMBIENT, columns.SURFACE):
        if recording.has(column):
            value = float(recording.values(column, step)[0])
            if isfinite(value):
                return value
    return None
