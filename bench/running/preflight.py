"""Checks a whole scenario before any of it starts: every set point against pack, instruments and wiring.

What a step may ask for is its procedure's to declare (`Procedure.envelope`); what is allowed is
`bench.running.procedures.bounds`' to say; what an end condition may compare with is `bench.running.thresholds`'.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.clock import utc_now
from bench.planned import Planned
from bench.running import thresholds
from bench.running.procedures import Place, Procedure, bounds, contract, procedure_for, whose_procedure
from bench.running.procedures.base import BeyondThePack
from bench.safety import limits
from bench.scenario import Step
from bench.station import StationFile
from bench.verdicts import BenchFault, InputError, TestError, UnsuitedError


@dataclass(frozen=True, slots=True)
class Outlook:
    """How a scenario will be carried out, and what it is expected to take."""

    procedures: tuple[Procedure[Any], ...]
    duration: float
    """s"""
    energy: float
    """Wh through the terminals, either way"""


def plan(procedures: Sequence[Procedure[Any]]) -> tuple[Planned, ...]:
    """What a scenario that was checked is going to do."""
    return tuple(_planned(each) for each in procedures)


def _planned(procedure: Procedure[Any]) -> Planned:
    step, pack = procedure.step, procedure.place.pack
    conditions = tuple((each.column, each.comparison, each.resolve(pack), str(each)) for each in step.conditions)
    points = procedure.set_points()
    current = abs(points.get("current", procedure.mean_current()))
    return Planned(
        step.name, step.kind, procedure.direction, procedure.resumable, str(getattr(step, "rate", "")), current,
        step.expected_duration(pack), points, conditions, procedure.scan_period,
    )  # fmt: skip


def check(steps: Sequence[Step], place: Place) -> Outlook:
    """Raise `InputError` with every set point that cannot be; otherwise say what to expect.

    Where all that is wrong is that the pack is not made for it, that is an `UnsuitedError`.
    """
    if not steps:
        raise InputError("The scenario has no steps: give bench.run at least one.")
    procedures, problems = list[Procedure[Any]](), list[str]()
    for step in steps:
        found = _prepared(step, place)
        if isinstance(found, str):
            problems.append(found)
        else:
            procedures.append(found)
            problems += _problems(found)
    if problems:
        kind = UnsuitedError if all(isinstance(each, BeyondThePack) for each in problems) else InputError
        raise kind("Scenario refused before it started: " + " ".join(problems))
    pack = place.pack
    durations = [step.expected_duration(pack) for step in steps]
    mean_voltage = (pack.voltage_min + pack.voltage_max) / 2
    hours = sum(each.mean_current() * seconds / 3600 for each, seconds in zip(procedures, durations, strict=True))
    return Outlook(tuple(procedures), sum(durations), mean_voltage * hours)


def _prepared(step: Step, place: Place) -> Procedure[Any] | str:
    """The procedure of a step, or what is wrong with its values."""
    try:
        return procedure_for(step, place)
    except (TypeError, ValueError, InputError) as error:
        return _mistake(step, error)
    except (BenchFault, TestError):  # it says already whose it is
        raise
    except Exception as error:  # noqa: BLE001 - what the code of a package raises is anything
        return _broken(step, error)


def _problems(procedure: Procedure[Any]) -> Iterable[str]:
    step = procedure.step
    try:
        return list(_problems_of(procedure))
    except (TypeError, ValueError) as error:
        return [_mistake(step, error)]
    except (BenchFault, TestError):  # it says already whose it is
        raise
    except Exception as error:  # noqa: BLE001 - see above
        return [_broken(step, error)]


def _broken(step: Step, error: Exception) -> str:
    return (
        f"Step {step.name!r}: {whose_procedure(type(step))} failed by {type(error).__name__}: "
        f"{str(error).strip() or 'without a word'}; mend its code."
    )


def _mistake(step: Step, error: Exception) -> str:
    # A value of another kind than it should be shows wherever it is first compared with something.
    name = getattr(step, "name", step)
    return f"Step {name!r}: {error}{'' if str(error).endswith('.') else '; look at its values.'}"


def _problems_of(procedure: Procedure[Any]) -> Iterable[str]:
    step, place = procedure.step, procedure.place
    unusable = [f"Step {step.name!r}: {problem}" for problem in contract.problems(procedure)]
    if unusable:
        yield from unusable
        return
    yield from thresholds.problems(step, place.pack, place.station)
    if not step.conditions and type(procedure).ending is Procedure.ending:
        yield f"Step {step.name!r} would never end: it has no conditions, and its procedure no ending of its own."
    envelope, found = procedure.envelope(), list[str]()
    absent = dict.fromkeys(role for role, _ in envelope if role not in place.roles)
    for role in absent:
        article = "an" if role[0] in "aeiou" else "a"
        found.append(f"it needs {article} {role}, and nobody plays that on station {place.station.name}.")
    found += limits.unmeasured(procedure.needs, place.pack, place.station, moves_energy=procedure.mode is not None)
    for (role, quantity), wanted in envelope.items():
        if role not in absent:
            found += bounds.problems(role, quantity, wanted, place)
    # Source and sink of one step may be too small for the same reason.
    found += contract.said(procedure)
    for problem in dict.fromkeys(found or contract.values(procedure)):
        sentence = BeyondThePack if isinstance(problem, BeyondThePack) else str
        yield sentence(f"Step {step.name!r}: {problem}")


def calibration_overdue(station: StationFile) -> list[str]:
    """One sentence per instrument whose calibration has run out."""
    today = utc_now().date()
    return [
        f"Instrument {name}: its calibration was due on {entry.calibration_due}; "
        "its readings prove nothing until it is renewed."
        for name, entry in station.instruments.items()
        if entry.calibration_due is not None and entry.calibration_due < today
    ]
