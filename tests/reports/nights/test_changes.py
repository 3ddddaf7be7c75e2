"""What is said to have changed between nights."""

from collections.abc import Iterator
from math import isinf, nan

import pytest

from reports.nights.changes import REACH, Changed, Kind, changed
from reports.nights.night import Figure, Night
from tests.reports.nights.nights import NODE, capacity, night, of_values, told


def against(*nights: Night) -> Changed:
    """The last of them against the others."""
    return changed(nights[-1], reversed(nights[:-1]))


def kinds(found: Changed) -> list[Kind]:
    return [change.kind for change in found.changes]


def test_the_first_night_has_nothing_to_be_compared_with() -> None:
    found = against(night(0, told("FAIL", capacity(1.9))))
    assert (found.before, found.changes) == (None, [])
    assert [course.values for course in found.courses.values()] == [(1.9,)]


@pytest.mark.parametrize(
    ("then", "now", "kind"),
    [
        ("PASS", "FAIL", Kind.REGRESSED), ("INCONCLUSIVE", "FAIL", Kind.REGRESSED), ("FAIL", "FAIL", Kind.FAILING),
        ("FAIL", "PASS", Kind.FIXED), ("FAIL", "INCONCLUSIVE", Kind.FIXED), ("PASS", "BENCH FAULT", Kind.UNJUDGED),
        ("FAIL", "NOT RUN", Kind.UNJUDGED), ("PASS", "PASS", None), ("BENCH FAULT", "BENCH FAULT", None),
        ("BENCH FAULT", "PASS", None),
    ],
)  # fmt: skip
def test_a_verdict_that_is_another_has_a_name(then: str, now: str, kind: Kind | None) -> None:
    assert kinds(against(night(0, told(then)), night(1, told(now)))) == ([] if kind is None else [kind])


def test_a_test_without_a_verdict_last_night_is_compared_with_its_last_one() -> None:
    found = against(night(0, told("PASS")), night(1, told("BENCH FAULT")), night(2, told("FAIL")))
    assert kinds(found) == [Kind.REGRESSED]
    found = against(night(0, told("FAIL")), night(1, told("NOT RUN")), night(2, told("FAIL")))
    assert kinds(found) == [Kind.FAILING]


def test_a_failure_that_goes_on_began_in_the_first_night_of_it() -> None:
    verdicts = ["FAIL", "PASS", "FAIL", "BENCH FAULT", "FAIL", "FAIL"]
    found = against(*(night(number, told(verdict)) for number, verdict in enumerate(verdicts)))
    (change,) = found.changes
    assert change.since is not None
    assert change.since.git == "rev0002"


def test_a_failure_that_began_long_ago_is_looked_for_and_no_more_is_read_than_it_takes() -> None:
    read = []

    def earlier(passing: int, count: int) -> Iterator[Night]:
        for number in range(count, 0, -1):
            read.append(number)
            yield night(number, told("PASS" if number == passing else "FAIL"))

    (change,) = changed(night(300, told("FAIL")), earlier(100, 290)).changes
    assert change.since is not None
    assert change.since.git == "rev0101"
    assert min(read) == 100
    read.clear()
    (change,) = changed(night(9_999, told("FAIL")), earlier(0, 5_000)).changes
    assert len(read) == REACH
    assert change.since is not None
    read.clear()
    changed(night(9_999, told("PASS")), earlier(0, 5_000))
    assert len(read) < 50, "of a test that passes nobody asks since when"


def test_a_margin_that_fell_by_more_than_it_varies_is_told_although_the_test_passes() -> None:
    quiet = [2.300, 2.301, 2.299, 2.300, 2.302, 2.299, 2.300, 2.301]
    (change,) = against(*of_values([*quiet, 2.24])).changes
    assert change.kind is Kind.FELL
    assert change.figure is not None
    assert change.figure_then is not None
    assert (change.figure_then.value, change.figure.value) == (2.301, 2.24)
    assert against(*of_values([*quiet, 2.298])).changes == []
    noisy = [2.30, 2.25, 2.33, 2.27, 2.31, 2.24, 2.32, 2.28]
    assert against(*of_values([*noisy, 2.24])).changes == []


def test_what_grows_away_from_its_limit_is_no_news() -> None:
    assert against(*of_values([2.30, 2.40])).changes == []


def test_a_pack_that_ages_a_little_each_night_is_told_with_the_night_of_its_limit() -> None:
    aged = [2.3 * 0.98**nights for nights in range(3)]
    (change,) = against(*of_values(aged)).changes
    assert change.kind is Kind.FELL
    # By the two last differences; the next one after five more is below 2.0 Ah: 2.3 * 0.98**8 < 2.0 <= 2.3 * 0.98**6.
    assert 4.0 < change.nights_left < 5.0


def test_a_slow_drift_is_told_before_any_single_night_stands_out() -> None:
    values = [2.3 - 0.002 * number for number in range(20)]
    found = against(*of_values([value + (0.001 if number % 2 else -0.001) for number, value in enumerate(values)]))
    assert kinds(found) == [Kind.FELL]
    assert found.changes[0].nights_left == pytest.approx((values[-1] - 2.0) / 0.002, rel=0.1)


def test_another_limit_is_no_fall_of_the_margin() -> None:
    nights = [night(0, told("PASS", capacity(2.3, 2.0))), night(1, told("PASS", capacity(2.3, 2.2)))]
    assert against(*nights).changes == []


def test_a_limit_that_follows_what_was_measured_hides_no_margin_that_fell() -> None:
    nights = [night(0, told("PASS", capacity(2.3, 2.0))), night(1, told("PASS", capacity(2.1, 2.0001)))]
    assert kinds(against(*nights)) == [Kind.FELL]


def test_another_specimen_has_a_course_of_its_own() -> None:
    found = against(night(0, told("PASS", capacity(2.3))), night(1, told("PASS", capacity(2.1), serial="0002")))
    assert kinds(found) == [Kind.NEW]
    assert [course.values for course in found.courses.values()] == [(2.1,)]


def test_a_test_that_is_gone_is_missed_and_one_of_another_pack_is_not() -> None:
    other, of_another = told(nodeid="t.py::test_other"), told(nodeid="t.py::test_another", pack="nmc811-24s")
    found = against(night(0, told(), other, of_another), night(1, told()))
    assert [(change.kind, change.test.nodeid) for change in found.changes] == [(Kind.GONE, "t.py::test_other")]


def test_what_was_never_measured_breaks_no_course() -> None:
    values = [capacity(2.3), capacity(nan), capacity(2.29)]
    found = against(*(night(number, told("PASS", value)) for number, value in enumerate(values)))
    assert [course.values for course in found.courses.values()] == [(2.3, 2.29)]
    found = against(*(night(number, told("PASS", value)) for number, value in enumerate(values[:2])))
    assert found.courses == {}


def test_regressions_are_read_before_everything_else_and_the_worst_of_them_first() -> None:
    names = {"a": ("PASS", 2.3), "b": ("FAIL", 1.9), "c": ("FAIL", 1.5), "d": ("PASS", 2.1)}
    then = night(0, *(told("PASS", capacity(2.3), nodeid=name) for name in names))
    now = night(1, *(told(verdict, capacity(value), nodeid=name) for name, (verdict, value) in names.items()))
    found = against(then, now)
    assert [(change.kind, change.test.nodeid) for change in found.changes] == [
        (Kind.REGRESSED, "c"), (Kind.REGRESSED, "b"), (Kind.FELL, "d"),
    ]  # fmt: skip


def test_a_limit_of_nothing_has_a_margin_in_its_own_unit() -> None:
    def leak(value: float) -> Figure:
        return Figure("leak", "hold", value, "A", 0.001, at_most=0.0)

    (change,) = against(night(0, told("PASS", leak(-0.5))), night(1, told("PASS", leak(-0.1)))).changes
    assert change.figure is not None
    assert change.figure.share == pytest.approx(0.1)
    assert not isinf(change.nights_left)
    assert change.test.nodeid == NODE
