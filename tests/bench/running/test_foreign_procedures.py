"""What a package's procedure answers, whatever that is: one sentence, nobody's hardware blamed, everything off."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from math import inf, nan
from typing import Any

import numpy as np
import pytest

from bench.running.procedures import Extremes
from bench.testing import TestBench
from bench.verdicts import InputError, TestError
from tests.bench.fakes import Plant
from tests.bench.running.test_procedures import Bring, Trickle, TrickleProcedure, bring

__all__ = ["bring"]

SOURCE, VOLTS = ("source", "current"), ("source", "voltage")


def answering(value: object) -> Callable[..., Any]:
    return lambda *_: value


@pytest.mark.parametrize(
    ("name", "answer", "says"),
    [
        ("envelope", answering([1]), "its procedure's envelope is [1]; it must be a mapping of (role, quantity) to"),
        ("envelope", answering(None), "its procedure's envelope is None; it must be a mapping"),
        ("envelope", answering({"source": Extremes(0, 1)}), "envelope is 'source'; it must be (role, quantity)"),
        ("envelope", answering({SOURCE: (0, 1)}), "envelope of ('source', 'current') is (0, 1); it must be Extremes"),
        ("envelope", answering({VOLTS: Extremes(0, nan)}), "voltage') is 0 to nan; the lower one comes first."),
        ("envelope", answering({VOLTS: Extremes(1, 0)}), "is 1 to 0; the lower one comes first."),
        ("problems", answering("bad"), "problems is 'bad'; it must be sentences, one for each problem."),
        ("problems", answering(None), "problems is None; it must be sentences"),
        ("set_points", answering({"current": "x"}), "set_points is {'current': 'x'}; it must be a mapping of names to"),
        ("words", answering({"strategy": 1}), "words is {'strategy': 1}; it must be a mapping of names to texts."),
        ("until", answering("soon"), "until is 'soon'; it must be a list of sentences."),
        ("scan_period", 0.0, "scan_period is 0.0; it must be a number of 0.001 or more."),
        ("scan_period", None, "scan_period is None; it must be a number"),
        ("mean_current", answering(None), "mean_current is None; it must be a number."),
        ("direction", "up", "its direction is 'up'; allowed: both, charge, discharge, none."),
        ("needs", "Voltage / V", "its needs are 'Voltage / V'; they must be a tuple of names of columns."),
    ],
)  # fmt: skip
def test_what_cannot_be_an_answer_is_refused_before_anything_is_switched_on(
    little_bench: TestBench, plant: Plant, bring: Bring, monkeypatch: pytest.MonkeyPatch, name: str, answer: Any,
    says: str,
) -> None:  # fmt: skip
    bring(("Trickle", "TrickleProcedure"))
    monkeypatch.setattr(TrickleProcedure, name, answer)
    plant.calls.clear()
    with pytest.raises(InputError) as refused:
        little_bench.run(Trickle(0.25))
    assert says in str(refused.value)
    assert plant.calls == []


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: object) -> Any:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (KeyError("x"), "KeyError: 'x'"),
        (AttributeError("no such thing"), "AttributeError: no such thing"),
        (ZeroDivisionError(), "ZeroDivisionError: without a word"),
    ],
)
@pytest.mark.parametrize("name", ["__init__", "envelope", "problems", "set_points", "words", "mean_current", "until"])
def test_a_procedure_that_fails_before_its_step_is_named_with_its_package_and_nothing_is_switched_on(
    little_bench: TestBench, plant: Plant, bring: Bring, monkeypatch: pytest.MonkeyPatch, name: str, error: Exception,
    says: str,
) -> None:  # fmt: skip
    bring(("Trickle", "TrickleProcedure"))
    monkeypatch.setattr(TrickleProcedure, name, raising(error))
    plant.calls.clear()
    with pytest.raises(InputError) as refused:
        little_bench.run(Trickle(0.25))
    whose = f"its procedure ({TrickleProcedure.__module__}:TrickleProcedure, of an unknown package)"
    assert f"Step 'trickle': {whose} failed by {says}; mend its code." in str(refused.value)
    assert plant.calls == []


@pytest.mark.parametrize("value", [None, nan, -1.0, inf, "an hour"])
def test_a_step_that_takes_no_time_that_there_is_is_refused(
    little_bench: TestBench, bring: Bring, monkeypatch: pytest.MonkeyPatch, value: object
) -> None:
    bring(("Trickle", "TrickleProcedure"))
    monkeypatch.setattr(Trickle, "expected_duration", answering(value))
    with pytest.raises(InputError, match=r"expected_duration of the step is .*; it must be a number"):
        little_bench.run(Trickle(0.25))


class _Ending:
    """Ends a step by what it is told to say."""

    def __init__(self, says: object) -> None:
        self._says = says

    def reached(self, _row: object, _distrusted: object = ()) -> Any:
        return self._says

    def postpone(self, seconds: float) -> None:
        """It knows no time."""


@pytest.mark.parametrize(
    ("name", "answer", "says"),
    [
        ("begin", answering(None), "begin is None; it must be a function of row and time."),
        ("ending", answering(None), "ending is None; it must be an Ending, with reached() and postpone()."),
        ("ending", answering(_Ending(True)), "ending.reached is True; it must be a sentence, or None while the step"),
        ("pace", answering(0), "pace is 0; it must be a number of s above 0."),
        ("pace", answering(nan), "pace is nan; it must be a number of s above 0."),
        ("pace", answering(inf), "pace is inf; it must be a number of s above 0."),
        ("pace", answering(-1.0), "pace is -1.0; it must be a number of s above 0."),
        ("pace", answering(True), "pace is True; it must be a number of s above 0."),
        ("pace", answering("1"), "pace is '1'; it must be a number of s above 0."),
    ],
)
def test_what_cannot_be_an_answer_in_the_middle_of_a_step_is_a_mistake_in_its_code_and_all_is_off(
    little_bench: TestBench, plant: Plant, bring: Bring, monkeypatch: pytest.MonkeyPatch, name: str, answer: Any,
    says: str,
) -> None:  # fmt: skip
    bring(("Trickle", "TrickleProcedure"))
    monkeypatch.setattr(TrickleProcedure, name, answer)
    with pytest.raises(TestError) as caught:
        little_bench.run(Trickle(0.25))
    assert f"Step 'trickle': its procedure's {says}" in str(caught.value)
    concluded = little_bench.conclude(caught.value)
    assert (concluded.verdict, concluded.bench is not None and concluded.bench.safe) == ("TEST ERROR", True)


@pytest.mark.parametrize(
    "pace", [2.0, 2, np.float32(2.0), np.int64(2), Fraction(2)], ids=lambda pace: type(pace).__name__
)
def test_any_kind_of_number_is_a_pace(
    little_bench: TestBench, bring: Bring, monkeypatch: pytest.MonkeyPatch, pace: Any
) -> None:
    bring(("Trickle", "TrickleProcedure"))
    monkeypatch.setattr(TrickleProcedure, "pace", answering(pace))
    times = [row[0] for row in little_bench.run(Trickle(0.25)).rows]
    assert {round(later - before, 6) for before, later in pairwise(times[-4:])} == {2.0}
