"""The words of judgement: verdicts, who is to blame, and the exceptions that carry them through pytest.

A failed pack is never mixed with a failed bench: `PackFailure` is an `AssertionError` (Allure *failed*), everything
else that goes wrong is a `BenchFault` (Allure *broken*).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import IntEnum, StrEnum
from math import isnan
from typing import Any, Literal

from instruments.roles import InstrumentFault

Blame = Literal["pack", "bench", "test", "operator"]


class Verdict(StrEnum):
    """Outcome of a test, a step or a measurement, from good to bad."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    INCONCLUSIVE = "INCONCLUSIVE"
    FAIL = "FAIL"
    BENCH_FAULT = "BENCH FAULT"
    ABORTED = "ABORTED"

    @property
    def severity(self) -> int:
        """Rank in the lattice: the worst of several verdicts is the one with the highest severity."""
        return list(Verdict).index(self)


WRONG = "INPUT"
"""What a session counts a run as that was never begun because of a wrong file, option or set point."""
_NOT_PASSED = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.ABORTED)


class ExitStatus(IntEnum):
    """What a session of pytest, and every command, tells whoever called it.

    An interrupted session has a status of its own, the one that shells know for Ctrl-C: pytest's 2 would call it wrong
    input, 3 would blame the bench for what an operator or a cancelled job did, and 1 the pack.
    """

    GOOD = 0
    FAILED = 1
    """The thing under test failed, or was not judged."""
    WRONG_INPUT = 2
    BENCH_FAULT = 3
    INTERRUPTED = 130

    @classmethod
    def of(cls, verdict: str | None) -> "ExitStatus":
        """Status of a run: one that never ended says nothing about the pack, so the bench is to blame."""
        if verdict is None or verdict == Verdict.BENCH_FAULT:
            return cls.BENCH_FAULT
        return cls.GOOD if verdict == Verdict.PASS else cls.FAILED

    @classmethod
    def of_session(cls, verdicts: Mapping[str, int], status: int) -> int:
        """Status of a session with so many runs of each verdict, or `WRONG`; `status` is what pytest makes of it."""
        if verdicts.get(Verdict.BENCH_FAULT):
            return cls.BENCH_FAULT
        if status == cls.INTERRUPTED:
            return cls.INTERRUPTED
        if verdicts.get(WRONG):
            return cls.WRONG_INPUT
        if status == cls.GOOD and any(verdicts.get(word) for word in _NOT_PASSED):
            return cls.FAILED
        return status


def worst(verdicts: "list[Verdict]") -> Verdict:
    """Join verdicts; nothing judged yet counts as PASS."""
    return max(verdicts, key=lambda verdict: verdict.severity, default=Verdict.PASS)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a run ended as it did: the first thing that went wrong, never overwritten by what followed."""

    blame: Blame
    text: str
    step: str | None = None
    time: float | None = None
    limit: str | None = None
    fault: str | None = None
    """Its id in the fault catalogue."""
    instrument: str | None = None
    """The instrument that is meant, or those that it may be."""

    def as_dict(self) -> dict[str, Any]:
        """As stored in the manifest."""
        return asdict(self)


class PackFailure(AssertionError):
    """The pack under test violated a limit or missed a requirement; `fault` is an id of the fault catalogue."""

    def __init__(self, text: str = "", fault: str = "requirement-missed") -> None:
        super().__init__(text)
        self.fault = fault


class Inconclusive(Exception):
    """A measurement lies within its own uncertainty of the limit: neither passed nor failed."""


class BenchFault(Exception):
    """The bench misbehaved; the pack has not been judged. `fault` is an id of the fault catalogue."""

    def __init__(self, text: str = "", fault: str = "bench-fault") -> None:
        super().__init__(text)
        self.fault = fault


class BenchInUse(BenchFault):
    """Somebody else holds the bench."""

    def __init__(self, text: str = "", fault: str = "bench-in-use") -> None:
        super().__init__(text, fault)


class InputError(ValueError):
    """A file or an option cannot be used: one sentence with where, what was found and what is allowed.

    `fault` is an id of the fault catalogue.
    """

    def __init__(self, text: str = "", fault: str = "wrong-input") -> None:
        super().__init__(text)
        self.fault = fault


def blame_of(error: BaseException) -> tuple[Blame, Verdict]:
    """Who is to blame for what was raised, and the verdict it means."""
    match error:
        case AssertionError():
            return "pack", Verdict.FAIL
        case Inconclusive():
            return "pack", Verdict.INCONCLUSIVE
        case InputError():
            return "operator", Verdict.ABORTED
        case Exception():
            return "bench", Verdict.BENCH_FAULT
        case _:
            return "operator", Verdict.ABORTED


def fault_of(error: BaseException) -> str:
    """Id in the fault catalogue of what was raised."""
    match error:
        case PackFailure() | BenchFault() | InputError():
            return error.fault
        case InstrumentFault():
            return "instrument-fault"
        case AssertionError() | Inconclusive():
            return "requirement-missed"
        case Exception():
            return "bench-fault"
        case _:
            return "interrupted"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One judged quantity: value against limits, with the uncertainty (half-width, same unit) it was taken with."""

    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    uncertainty: float = 0.0
    step: str | None = None
    requirement: str | None = None

    @property
    def verdict(self) -> Verdict:
        """PASS or FAIL when the limit is outside the uncertainty band, INCONCLUSIVE inside; a missing value fails."""
        if isnan(self.value):
            return Verdict.FAIL
        margin = self.margin
        if margin is None:
            return Verdict.PASS
        # Written so that an unknown limit or uncertainty (nan) is never waved through.
        if not abs(margin) >= self.uncertainty:
            return Verdict.INCONCLUSIVE
        return Verdict.PASS if margin >= 0 else Verdict.FAIL

    @property
    def margin(self) -> float | None:
        """Distance to the nearest limit, negative when violated; None without limits."""
        margins = []
        if self.at_least is not None:
            margins.append(self.value - self.at_least)
        if self.at_most is not None:
            margins.append(self.at_most - self.value)
        return min(margins, default=None)

    def __str__(self) -> str:
        bounds = [f"at least {self.at_least:g}"] if self.at_least is not None else []
        bounds += [f"at most {self.at_most:g}"] if self.at_most is not None else []
        allowed = f" (allowed: {' and '.join(bounds)} {self.unit})" if bounds else ""
        spread = f" ± {self.uncertainty:g}" if self.uncertainty else ""
        value = "never measured" if isnan(self.value) else f"{self.value:.6g}{spread} {self.unit}"
        return f"{self.name}: {value}{allowed}"

    def as_dict(self) -> dict[str, Any]:
        """As stored in the manifest and the event log."""
        return {**asdict(self), "verdict": str(self.verdict)}
