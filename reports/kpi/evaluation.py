"""Every figure that a recording allows, of every KPI that is registered; one that fails costs nothing but itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import isfinite

from bench.recording.manifest import DamagedError
from reports.kpi.base import Kpi, Registered
from reports.kpi.cycles import closed_cycles
from reports.kpi.registry import found
from reports.recording import Recording, Step


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures with a value; those that the recording has no answer to; and a sentence on every KPI that failed."""

    figures: tuple[Kpi, ...]
    unanswered: tuple[Kpi, ...]
    problems: tuple[str, ...]


def evaluate(run: Recording) -> Evaluation:
    """Compute every KPI for every step and every closed cycle that it applies to.

    Raises `RecordingError` where what is recorded is damaged: that is no failure of a KPI.
    """
    figures: list[Kpi] = []
    problems = list(found().problems)
    for asked, steps in _questions(run, problems):
        try:
            figures.append(asked(run, *steps))
        except DamagedError:
            raise
        except Exception as error:  # noqa: BLE001 - one KPI that fails must not cost the others
            problems.append(_sentence(asked, error))
    return Evaluation(
        tuple(each for each in figures if isfinite(each.value)),
        tuple(each for each in figures if not isfinite(each.value)),
        tuple(dict.fromkeys(problems)),
    )


def compute_all(run: Recording) -> list[Kpi]:
    """Every figure that the recorded steps allow; what came out as `nan`, or failed, is left out."""
    return list(evaluate(run).figures)


def _questions(run: Recording, problems: list[str]) -> Iterator[tuple[Registered, tuple[Step, ...]]]:
    """Which KPI is to be computed of which steps, in the order of the steps; notes who cannot say so."""
    present = cache(run.has)

    def applies(kpi: Registered, steps: tuple[Step, ...]) -> bool:
        try:
            return len(steps) == kpi.steps and kpi.can_be_asked(present, run, *steps)
        except DamagedError:
            raise
        except Exception as error:  # noqa: BLE001 - one KPI that fails must not cost the others
            problems.append(_sentence(kpi, error))
            return False

    asked_of = [*((step,) for step in run.steps if step.sample_count), *closed_cycles(run)]
    return ((kpi, steps) for steps in asked_of for kpi in found().kpis if applies(kpi, steps))


def _sentence(kpi: Registered, error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if text.startswith(str(kpi)) else f"{kpi}: {type(error).__name__}: {text}"
