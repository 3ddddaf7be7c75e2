"""The words of judgement: verdicts, who is to blame, and the exceptions that carry them through pytest.

A failed pack is never mixed with a failed bench, and neither with a mistake in test code: a `Failure` of what is under
test is an `AssertionError` (Allure *failed*), what the bench does wrong a `BenchFault`, what the test does wrong a
`TestError` (both Allure *broken*). Every other exception is blamed by where it came from (`bench.origin`).

More than a pack can be under test: of each figure it is known whose it is (`Subject`), and so is of each failure.
"""

import errno
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import IntEnum, StrEnum
from math import isnan, nan
from typing import Any, ClassVar, Literal

from bench.origin import came_out_of_an_extension, came_out_of_the_bench, place_in_the_test
from instruments.roles import InstrumentFault
from instruments.wording import digits

Subject = Literal["pack", "charger", "manager"]
"""What can be under test, and so be what failed: whoever knows a figure says whose it is."""
Blame = Literal[Subject, "bench", "test", "operator"]
TEST_ERROR = "test-error"
"""Id in the fault catalogue of a mistake in test code."""
WRONG_INPUT = "wrong-input"
"""Id of a file or an option that cannot be used: who raises it need not know yet who wrote it."""


class Verdict(StrEnum):
    """Outcome of a test, a step or a measurement, from good to bad."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    INCONCLUSIVE = "INCONCLUSIVE"
    MANAGER_FAIL = "MANAGER FAIL"
    """An energy manager broke its word. It can only decide about what charger and pack do, so theirs comes before."""
    CHARGER_FAIL = "CHARGER FAIL"
    FAIL = "FAIL"
    """The pack failed."""
    TEST_ERROR = "TEST ERROR"
    """The test code, or a file or an option that it was run with, is wrong: nobody's hardware is to blame."""
    BENCH_FAULT = "BENCH FAULT"
    ABORTED = "ABORTED"

    @property
    def severity(self) -> int:
        """Rank in the lattice: the worst of several verdicts is the one with the highest severity."""
        return list(Verdict).index(self)


NOT_RUN = "NOT RUN"
"""What a session says of a test that was left out or never begun: no verdict, and no run."""
WORDS: Mapping[str, str] = {
    Verdict.PASS: "passed",
    Verdict.INCONCLUSIVE: "inconclusive",
    Verdict.FAIL: "pack failed",
    Verdict.CHARGER_FAIL: "charger failed",
    Verdict.MANAGER_FAIL: "manager failed",
    Verdict.TEST_ERROR: "test error",
    Verdict.BENCH_FAULT: "bench failed",
    Verdict.ABORTED: "aborted",
    NOT_RUN: "not run",
}
"""How each end of a test is called in a sentence, in the order in which they are counted."""
FAILED: Mapping[Blame, Verdict] = {
    "pack": Verdict.FAIL, "charger": Verdict.CHARGER_FAIL, "manager": Verdict.MANAGER_FAIL,
}  # fmt: skip
"""How a run ends in which one of them failed."""
MISSED: Mapping[Blame, str] = {
    "pack": "requirement-missed", "charger": "charger-failed", "manager": "manager-failed",
}  # fmt: skip
"""Ids in the fault catalogue of a requirement that one of them missed."""
SELDOM = frozenset({Verdict.CHARGER_FAIL, Verdict.MANAGER_FAIL})
"""Ends that are counted only where there are any: most benches have no such thing under test."""


def counts_in_words(counts: Mapping[str, int]) -> str:
    """The one line that counts the tests of a session, for terminal and report alike: every usual count, also zeros."""
    total = sum(counts.values())
    shown = [(counts.get(verdict, 0), verdict, words) for verdict, words in WORDS.items()]
    told = ", ".join(f"{count} {words}" for count, verdict, words in shown if count or verdict not in SELDOM)
    return f"{total} test{'' if total == 1 else 's'}: {told}."


class ExitStatus(IntEnum):
    """What a session of pytest, and every command, tells whoever called it.

    An interrupted session has a status of its own, the one that shells know for Ctrl-C: pytest's 2 would call it wrong
    input, 3 would blame the bench for what an operator or a cancelled job did, and 1 the pack.
    """

    GOOD = 0
    FAILED = 1
    """The thing under test failed, or was not judged."""
    WRONG_INPUT = 2
    """A file, an option or the test's own code is wrong."""
    BENCH_FAULT = 3
    """The bench failed, or nobody could verify that it was left safe."""
    INTERRUPTED = 130

    @classmethod
    def of(cls, verdict: str | None, *, unsafe: bool = False) -> "ExitStatus":
        """Status of a run: one that never ended says nothing about the pack, so the bench is to blame."""
        return cls.BENCH_FAULT if unsafe else _STATUS[verdict or Verdict.BENCH_FAULT]

    @classmethod
    def of_session(cls, verdicts: Mapping[str, int], status: int, *, unsafe: bool = False) -> int:
        """Status of a session with so many tests of each verdict; `status` is what pytest makes of it.

        By rank: a bench that is not verified safe (`unsafe`) or failed, an abort, a mistake, the pack. What pytest
        alone knows (nothing collected, an error of its own) is kept where the tests say nothing worse.
        """
        told = [_STATUS[word] for word, count in verdicts.items() if count]
        news = [*told, *([cls.BENCH_FAULT] if unsafe else []), *([cls(status)] if status in _RANK else [])]
        worst_news = min(news, key=_RANK.index, default=cls.GOOD)
        return status if worst_news is cls.GOOD else worst_news

    @classmethod
    def worst(cls, statuses: Iterable[int]) -> int:
        """That of several sessions together, by rank; what pytest alone knows counts where none says worse."""
        told = sorted(statuses, key=lambda status: _RANK.index(cls(status)) if status in _RANK else len(_RANK))
        unknown = [status for status in told if status not in _RANK]
        known = next((status for status in told if status in _RANK), cls.GOOD)
        return unknown[0] if unknown and known == cls.GOOD else known


_STATUS: Mapping[str, ExitStatus] = {
    Verdict.PASS: ExitStatus.GOOD,
    NOT_RUN: ExitStatus.GOOD,
    Verdict.INCONCLUSIVE: ExitStatus.FAILED,
    **dict.fromkeys(FAILED.values(), ExitStatus.FAILED),
    Verdict.TEST_ERROR: ExitStatus.WRONG_INPUT,
    Verdict.ABORTED: ExitStatus.INTERRUPTED,
    Verdict.BENCH_FAULT: ExitStatus.BENCH_FAULT,
}
_RANK = (
    ExitStatus.BENCH_FAULT, ExitStatus.INTERRUPTED, ExitStatus.WRONG_INPUT, ExitStatus.FAILED, ExitStatus.GOOD,
)  # fmt: skip
"""Of several, the first one is told: whether it is safe to go near comes before everything else."""


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
    instruments: tuple[str, ...] = ()
    """Names in the station file of the instruments that are meant: of several, nobody knows which one it is."""

    @property
    def instrument(self) -> str | None:
        """Those that are meant, in words; None where it is none."""
        return in_words(self.instruments)

    def as_dict(self) -> dict[str, Any]:
        """As stored in the manifest."""
        return {**asdict(self), "instruments": list(self.instruments), "instrument": self.instrument}


OR = " or "
"""Between the names of instruments of which one is meant."""


def in_words(instruments: Iterable[str]) -> str | None:
    """The names of instruments of which one is meant, as a sentence has them; None where it is none."""
    return OR.join(instruments) or None


def meant_by(told: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the instruments that a stored cause, trip or warning means.

    A recording from before there was a list has them in words alone.
    """
    listed = told.get("instruments")
    names = listed if isinstance(listed, list) else str(told.get("instrument") or "").split(OR)
    return tuple(filter(None, map(str, names)))


class Failure(AssertionError):
    """What is under test violated a limit or missed a requirement; `fault` is an id of the fault catalogue."""

    subject: ClassVar[Subject] = "pack"

    def __init__(self, text: str = "", fault: str = "") -> None:
        super().__init__(text)
        self.fault = fault or MISSED[self.subject]


class PackFailure(Failure):
    """The pack failed."""


class ChargerFailure(Failure):
    """The charger between grid and pack failed; what source and sink stand for is one as well."""

    subject = "charger"


class ManagerFailure(Failure):
    """The energy manager in charge of the car failed."""

    subject = "manager"


FAILURES: Mapping[str, type[Failure]] = {each.subject: each for each in (PackFailure, ChargerFailure, ManagerFailure)}
"""By who is to blame."""


class Aborted(Exception):
    """A test cannot go on for the want of a person; `fault` is an id of the fault catalogue."""

    def __init__(self, text: str, fault: str) -> None:
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


class TestError(Exception):
    """The test's own code is wrong: nothing is known of pack and bench. `fault` is an id of the fault catalogue."""

    __test__ = False  # its name is no test's

    def __init__(self, text: str = "", fault: str = TEST_ERROR) -> None:
        super().__init__(text)
        self.fault = fault


class InputError(ValueError):
    """A file or an option cannot be used: one sentence with where, what was found and what is allowed.

    `fault` is an id of the fault catalogue.
    """

    def __init__(self, text: str = "", fault: str = WRONG_INPUT) -> None:
        super().__init__(text)
        self.fault = fault


class UnsuitedError(InputError):
    """The pack is not made for what was asked of it: nothing was switched on, and nothing is wrong with test or bench.

    One sentence with what was asked, and which limit of the pack's it is beyond.
    """


OUT_OF_RESOURCES = frozenset(
    number
    for name in ("ENOSPC", "EDQUOT", "EFBIG", "EIO", "EROFS", "EMFILE", "ENFILE", "ENOMEM")
    if (number := getattr(errno, name, None)) is not None
)
"""What a computer says that is full or failing, whoever asked it: it is part of the bench."""


_OWN_WORDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], tuple[Blame, Verdict]], ...] = (
    *((kind, (kind.subject, FAILED[kind.subject])) for kind in FAILURES.values()),
    (Inconclusive, ("pack", Verdict.INCONCLUSIVE)),
    (TestError, ("test", Verdict.TEST_ERROR)),
    (Aborted, ("operator", Verdict.ABORTED)),
)
"""What says itself what it means, wherever it came from."""


def blame_of(error: BaseException) -> tuple[Blame, Verdict]:
    """Who is to blame for what was raised, and the verdict it means.

    Exceptions of our own say it themselves. Of all others the bench is to blame for what came out of its own code or
    of a computer that is full, and the test for the rest. Nothing but a request to end is the operator's abort.
    """
    for kinds, meaning in _OWN_WORDS:
        if isinstance(error, kinds):
            return meaning
    match error:
        case InputError():
            return _blame_for_input(error), Verdict.TEST_ERROR
        case Exception() | SystemExit() if _is_of_the_bench(error):
            return "bench", Verdict.BENCH_FAULT
        case AssertionError() if not came_out_of_an_extension(error):
            return "pack", Verdict.FAIL
        case Exception() | SystemExit():
            return "test", Verdict.TEST_ERROR
        case _:
            return "operator", Verdict.ABORTED


def _blame_for_input(error: InputError) -> Blame:
    """What was wrong came with a call of the test's, or else in a file or an option."""
    return "test" if error.fault == WRONG_INPUT and place_in_the_test(error) else "operator"


def _is_of_the_bench(error: Exception | SystemExit) -> bool:
    match error:
        case BenchFault() | InstrumentFault() | MemoryError():
            return True
        case OSError() if error.errno in OUT_OF_RESOURCES:
            return True
        case _:
            return came_out_of_the_bench(error)


def fault_of(error: BaseException) -> str:
    """Id in the fault catalogue of what was raised."""
    match error:
        case InputError() if _blame_for_input(error) == "test":
            return TEST_ERROR
        case Failure() | BenchFault() | InputError() | TestError():
            return error.fault
        case Aborted():
            return error.fault
        case InstrumentFault():
            return "instrument-fault"
        case _:
            return _FAULTS[blame_of(error)[0]]


_FAULTS: Mapping[Blame, str] = {
    **MISSED, "bench": "bench-fault", "test": TEST_ERROR, "operator": "interrupted",
}  # fmt: skip


def sentence_of(error: BaseException) -> str:
    """What was raised as one sentence; for a mistake in a test with file and line of the test's own code."""
    text = str(error).strip().split("\n", maxsplit=1)[0]
    if not text and not isinstance(error, Exception):
        return f"The test was interrupted ({type(error).__name__})."
    if blame_of(error)[0] != "test":
        if isinstance(error, SystemExit):
            return f"Something that the bench called wanted to end the program (SystemExit: {text})."
        return text or f"{type(error).__name__}, without a word."
    kind = "" if isinstance(error, InputError | TestError) else f"{type(error).__name__}: "
    place = place_in_the_test(error)
    return f"{kind}{text}{f' ({place})' if place else ''}".removesuffix(": ")


_ONLY_SAID = frozenset({"required", "source", "unmeasurable", "unstated", "in_limit"})
"""Fields of a measurement that are only stored where they say something."""


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
    required: Mapping[str, Any] | None = None
    """What of the pack file its limits are, so that a newer one can take their place; None: they are the test's own."""
    source: str | None = None
    """Where the pack file says that they come from."""
    unmeasurable: str | None = None
    """Why this bench cannot show it, and which could: neither the pack nor the bench has failed then."""
    subject: Subject = "pack"
    """Whose figure it is: who has failed where it is not what it must be."""
    unstated: str | None = None
    """Why nobody knows what it must be, though something is required of it: it has no limits then."""
    in_limit: float | None = None
    """Half-width of its uncertainty where the limits leave room for that: it is told, and not allowed for again."""

    @property
    def known_to(self) -> float:
        """Half-width of the interval that the truth is in, wherever it is allowed for; 0 where nobody knows it."""
        return self.uncertainty or self.in_limit or 0.0

    @property
    def verdict(self) -> Verdict:
        """PASS or its subject's failure when the limit is outside the uncertainty band, INCONCLUSIVE inside.

        A missing value fails; what cannot be measured here, or by what nobody knows, is INCONCLUSIVE.
        """
        failed = FAILED[self.subject]
        if self.unmeasurable:
            return Verdict.INCONCLUSIVE
        if isnan(self.value):
            return failed
        if self.unstated:
            return Verdict.INCONCLUSIVE
        margin = self.margin
        if margin is None:
            return Verdict.PASS
        # Written so that an unknown limit or uncertainty (nan) is never waved through.
        if not abs(margin) >= self.uncertainty:
            return Verdict.INCONCLUSIVE
        return Verdict.PASS if margin >= 0 else failed

    @property
    def judged(self) -> bool:
        """Whether its verdict is one: what nobody limits is only told, and passes."""
        return self.margin is not None or self.verdict is not Verdict.PASS

    @property
    def margin(self) -> float | None:
        """Distance to the nearest limit, negative when violated; None without limits, nan where one is unknown."""
        margins = []
        if self.at_least is not None:
            margins.append(self.value - self.at_least)
        if self.at_most is not None:
            margins.append(self.at_most - self.value)
        return nan if any(map(isnan, margins)) else min(margins, default=None)

    def __str__(self) -> str:
        bounds = [f"at least {digits(self.at_least)}"] if self.at_least is not None else []
        bounds += [f"at most {digits(self.at_most)}"] if self.at_most is not None else []
        unit = "" if self.unit == "1" else f" {self.unit}"
        allowed = f" (allowed: {' and '.join(bounds)}{unit})" if bounds else ""
        allowed = f" ({self.unstated})" if self.unstated else allowed
        spread = f" ± {digits(self.known_to)}" if self.known_to else ""
        value = "never measured" if isnan(self.value) else f"{digits(self.value)}{spread}{unit}"
        value = f"not measurable here: {self.unmeasurable}" if self.unmeasurable else value
        return f"{self.name}: {value}{allowed}"

    def as_dict(self) -> dict[str, Any]:
        """As stored in the manifest and the event log."""
        stored = {**asdict(self), "verdict": str(self.verdict)}
        usual = {**dict.fromkeys(_ONLY_SAID), "subject": "pack"}
        return {key: value for key, value in stored.items() if key not in usual or value != usual[key]}
