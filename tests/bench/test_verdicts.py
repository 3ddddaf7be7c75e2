"""Verdicts: the lattice, who is to blame, and when a measurement has passed."""

import errno
import re
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.verdicts import (
    NOT_RUN,
    BenchFault,
    BenchInUse,
    ExitStatus,
    Inconclusive,
    InputError,
    Measurement,
    PackFailure,
    TestError,
    Verdict,
    blame_of,
    counts_in_words,
    worst,
)

PASS, INCONCLUSIVE, FAIL = Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL
verdicts = st.sampled_from(Verdict)
limits = st.none() | st.floats(-10, 10)


def test_nothing_judged_is_a_pass_and_the_order_is_written_down() -> None:
    assert worst([]) is PASS
    assert [str(verdict) for verdict in sorted(Verdict, key=lambda verdict: verdict.severity)] == [
        "PASS", "INCONCLUSIVE", "MANAGER FAIL", "CHARGER FAIL", "FAIL", "TEST ERROR", "BENCH FAULT", "ABORTED",
    ]  # fmt: skip


@given(st.lists(verdicts), st.lists(verdicts))
def test_the_worst_is_a_join(one: list[Verdict], other: list[Verdict]) -> None:
    both = worst(one + other)
    assert both is worst(other + one)
    assert both is worst([worst(one), worst(other)])
    assert all(verdict.severity <= both.severity for verdict in one + other)


@pytest.mark.parametrize(
    ("error", "blame", "verdict"),
    [
        (PackFailure("x"), "pack", Verdict.FAIL),
        (AssertionError(), "pack", Verdict.FAIL),
        (Inconclusive("x"), "pack", Verdict.INCONCLUSIVE),
        (BenchFault("x"), "bench", Verdict.BENCH_FAULT),
        (BenchInUse("x"), "bench", Verdict.BENCH_FAULT),
        (MemoryError(), "bench", Verdict.BENCH_FAULT),
        (OSError(errno.ENOSPC, "No space left on device"), "bench", Verdict.BENCH_FAULT),
        (FileNotFoundError(errno.ENOENT, "No such file"), "test", Verdict.TEST_ERROR),
        (ZeroDivisionError(), "test", Verdict.TEST_ERROR),
        (TestError("x"), "test", Verdict.TEST_ERROR),
        (InputError("x"), "operator", Verdict.TEST_ERROR),
        (SystemExit(1), "test", Verdict.TEST_ERROR),
        (KeyboardInterrupt(), "operator", Verdict.ABORTED),
    ],
)
def test_who_is_to_blame(error: BaseException, blame: str, verdict: Verdict) -> None:
    assert blame_of(error) == (blame, verdict)


@pytest.mark.parametrize(
    ("value", "at_least", "at_most", "uncertainty", "verdict"),
    [
        (2.0, None, None, 0.0, PASS),
        (2.0, 2.0, None, 0.0, PASS),
        (2.0, None, 2.0, 0.0, PASS),
        (1.99, 2.0, None, 0.0, FAIL),
        (2.01, None, 2.0, 0.0, FAIL),
        (2.25, 2.0, 2.5, 0.0, PASS),
        (2.0, 2.0, None, 0.1, INCONCLUSIVE),
        (2.05, 2.0, None, 0.1, INCONCLUSIVE),
        (1.95, 2.0, None, 0.1, INCONCLUSIVE),
        (2.25, 2.0, None, 0.25, PASS),
        (1.5, 2.0, None, 0.25, FAIL),
        (2.45, 2.0, 2.5, 0.1, INCONCLUSIVE),
        (nan, None, None, 0.0, FAIL),
        (nan, 2.0, None, 9.0, FAIL),
        (inf, None, 2.0, 0.1, FAIL),
        (1.0, nan, None, 0.1, INCONCLUSIVE),
        (2.0, 1.0, None, nan, INCONCLUSIVE),
    ],
)
def test_when_a_measurement_has_passed(
    value: float, at_least: float | None, at_most: float | None, uncertainty: float, verdict: Verdict
) -> None:
    assert Measurement("m", value, "Ah", at_least, at_most, uncertainty).verdict is verdict


@given(st.floats(-10, 10), limits, limits, st.floats(0, 5))
def test_whatever_the_true_value_is_a_pass_is_within_limits_and_a_fail_outside(
    value: float, at_least: float | None, at_most: float | None, uncertainty: float
) -> None:
    def within(true: float) -> bool:
        return (at_least is None or true >= at_least) and (at_most is None or true <= at_most)

    measurement = Measurement("m", value, "V", at_least, at_most, uncertainty)
    inner = max(0.0, uncertainty * (1 - 1e-9) - 1e-9)
    if measurement.verdict is PASS:
        assert within(value)
        assert within(value - inner)
        assert within(value + inner)
    if measurement.verdict is FAIL:
        assert not within(value)


@pytest.mark.parametrize(
    ("measurement", "text"),
    [
        (
            Measurement("capacity", 2.28, "Ah", 2.2, uncertainty=0.01),
            "capacity: 2.28 ± 0.01 Ah (allowed: at least 2.2 Ah)",
        ),
        (Measurement("rise", 3.0, "K", at_most=10), "rise: 3 K (allowed: at most 10 K)"),
        (Measurement("x", 1.0, "V", 0, 2), "x: 1 V (allowed: at least 0 and at most 2 V)"),
        (Measurement("departures not kept", 1.0, "1", at_most=0.5), "departures not kept: 1 (allowed: at most 0.5)"),
        (Measurement("energy", nan, "Wh"), "energy: never measured"),
    ],
)
def test_a_measurement_reads_as_a_sentence(measurement: Measurement, text: str) -> None:
    assert str(measurement) == text


def test_a_stored_measurement_carries_its_verdict() -> None:
    stored = Measurement("m", 1.0, "V", 2.0, step="charge", requirement="PB-1").as_dict()
    assert stored == {
        "name": "m", "value": 1.0, "unit": "V", "at_least": 2.0, "at_most": None, "uncertainty": 0.0,
        "step": "charge", "requirement": "PB-1", "verdict": "FAIL",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("verdicts", "status", "expected"),
    [
        ({"PASS": 3}, 0, ExitStatus.GOOD),
        ({"PASS": 3}, 1, ExitStatus.FAILED),
        ({"PASS": 3, "INCONCLUSIVE": 1}, 0, ExitStatus.FAILED),
        ({"FAIL": 1, "TEST ERROR": 1}, 1, ExitStatus.WRONG_INPUT),
        ({"FAIL": 1, "TEST ERROR": 1, "BENCH FAULT": 1}, 1, ExitStatus.BENCH_FAULT),
        ({"PASS": 1, "ABORTED": 1}, ExitStatus.INTERRUPTED, ExitStatus.INTERRUPTED),
        ({"PASS": 1, "ABORTED": 1}, 0, ExitStatus.INTERRUPTED),
        ({"ABORTED": 1, "TEST ERROR": 1}, ExitStatus.INTERRUPTED, ExitStatus.INTERRUPTED),
        ({"FAIL": 1}, 2, ExitStatus.WRONG_INPUT),
        ({"PASS": 1, "NOT RUN": 1}, 0, ExitStatus.GOOD),
        ({"ABORTED": 1}, 3, ExitStatus.BENCH_FAULT),
        ({"BENCH FAULT": 1, "ABORTED": 1}, ExitStatus.INTERRUPTED, ExitStatus.BENCH_FAULT),
        ({}, ExitStatus.INTERRUPTED, ExitStatus.INTERRUPTED),
        ({}, 5, 5),
    ],
)
def test_the_status_of_a_session_is_its_worst_news(verdicts: dict[str, int], status: int, expected: int) -> None:
    assert ExitStatus.of_session(verdicts, status) == expected


@pytest.mark.parametrize("status", [0, 1, 2, 5, ExitStatus.INTERRUPTED])
@given(counts=st.dictionaries(st.sampled_from([*Verdict, NOT_RUN]), st.integers(0, 3)))
def test_a_bench_that_is_not_verified_safe_comes_before_everything(counts: dict[str, int], status: int) -> None:
    assert ExitStatus.of_session(counts, status, unsafe=True) == ExitStatus.BENCH_FAULT


@given(st.dictionaries(st.sampled_from([*Verdict, NOT_RUN]), st.integers(1, 3)), st.sampled_from(list(Verdict)))
def test_one_more_bad_test_never_makes_a_session_better(counts: dict[str, int], verdict: Verdict) -> None:
    rank = (0, 1, 2, 130, 3)
    more = {**counts, verdict: counts.get(verdict, 0) + 1}
    assert rank.index(ExitStatus.of_session(more, 0)) >= rank.index(ExitStatus.of_session(counts, 0))


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        (
            {},
            "0 tests: 0 passed, 0 inconclusive, 0 pack failed, 0 test error, 0 bench failed, 0 aborted, 0 not run.",
        ),
        (
            {"PASS": 1},
            "1 test: 1 passed, 0 inconclusive, 0 pack failed, 0 test error, 0 bench failed, 0 aborted, 0 not run.",
        ),
    ],
)
def test_every_count_is_told_also_none(counts: dict[str, int], line: str) -> None:
    assert counts_in_words(counts) == line


@given(st.dictionaries(st.sampled_from([*Verdict, NOT_RUN]), st.integers(0, 9)))
def test_the_counts_add_up(counts: dict[str, int]) -> None:
    total, *parts = map(int, re.findall(r"\d+", counts_in_words(counts)))
    assert total == sum(parts) == sum(counts.values())


@pytest.mark.parametrize(("at_least", "at_most"), [(0.0, nan), (nan, 9.0), (None, nan), (nan, nan)])
def test_an_unknown_limit_beside_a_known_one_is_not_waved_through(
    at_least: float | None, at_most: float | None
) -> None:
    measured = Measurement("voltage", 5.0, "V", at_least, at_most, 0.1)
    assert measured.verdict is INCONCLUSIVE
