"""What has changed between nights, test by test: verdicts, and margins that fell although the test still passes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import chain, islice
from math import inf, isfinite

from reports.nights.course import NIGHTS, Course
from reports.nights.night import Figure, Night, Told, What, Who

REACH = 400
"""Nights that are looked back for when something began to fail."""


Courses = Mapping[tuple[Who, What], Course]


class Kind(StrEnum):
    """What has become of a test, in the order in which it is read."""

    REGRESSED = "regressed"
    FELL = "margin fell"
    FAILING = "still failing"
    UNJUDGED = "no verdict now"
    FIXED = "fixed"
    NEW = "new"
    GONE = "not run any more"


@dataclass(frozen=True)
class Change:
    """One test, or one figure of it, beside an earlier night.

    `earlier` and `figure_then` are what it was; `since` is the first night of a failure that goes on, `course` that of
    the figure.
    """

    kind: Kind
    test: Told
    earlier: Told | None = None
    figure: Figure | None = None
    figure_then: Figure | None = None
    course: Course | None = None
    since: Night | None = None

    @property
    def nights_left(self) -> float:
        """After how many nights like the last ones the figure is at its limit; infinite where nobody expects it."""
        limit = self.figure.limit if self.figure else None
        return inf if limit is None or self.course is None else self.course.nights_to(limit)


@dataclass(frozen=True)
class Changed:
    """Everything that has changed; `before` is the night it is compared with, None where there is none.

    `courses` are of every figure of every test of this night.
    """

    before: Night | None = None
    changes: Sequence[Change] = ()
    courses: Courses = field(default_factory=dict)
    recent: Sequence[Night] = ()
    """The nights of the last month, the newest first."""

    def of(self, kind: Kind) -> list[Change]:
        """Those of one kind."""
        return [change for change in self.changes if change.kind is kind]


@dataclass
class _Past:
    """What earlier nights told of one test, the newest first."""

    judged: list[tuple[Night, Told]] = field(default_factory=list)
    latest: Told | None = None
    """Judged or not."""
    over: bool = False
    """Whether the failure that it ends with is known from its beginning."""


def changed(now: Night, earlier: Iterable[Night]) -> Changed:
    """Compare a night with earlier ones, the newest first.

    The newest is the one that is compared with. A test that had no verdict there is compared with its last one.
    """
    nights = iter(earlier)
    recent = list(islice(nights, NIGHTS - 1))
    past = {test.who: _Past() for test in now.tests}
    for night in recent:
        _take(past, night)
    _look_further(now, past, islice(nights, REACH - len(recent)))
    courses = dict(_courses(now, past))
    before = recent[0] if recent else None
    found = chain.from_iterable(_of_a_test(test, past[test.who], courses) for test in now.tests) if before else iter(())
    gone = _gone(now, before) if before else iter(())
    order = list(Kind)
    return Changed(
        before, sorted(chain(found, gone), key=lambda each: (order.index(each.kind), *_rank(each))), courses, recent
    )


def _rank(change: Change) -> tuple[float, str]:
    """Those that are nearest to their limit first."""
    share = change.figure.share if change.figure else None
    return inf if share is None else share, change.test.nodeid


def _take(past: Mapping[Who, _Past], night: Night) -> None:
    for who, each in past.items():
        told = night.by_who.get(who)
        if told is not None:
            each.latest = each.latest or told
            if told.is_judged:
                each.judged.append((night, told))
                each.over = each.over or not told.has_failed


def _look_further(now: Night, past: Mapping[Who, _Past], nights: Iterator[Night]) -> None:
    """Read on as long as it is not known since when a test fails."""
    waiting = [test.who for test in now.tests if test.has_failed and not past[test.who].over]
    while waiting and (night := next(nights, None)) is not None:
        _take({who: past[who] for who in waiting}, night)
        waiting = [who for who in waiting if not past[who].over]


def _courses(now: Night, past: Mapping[Who, _Past]) -> Iterator[tuple[tuple[Who, What], Course]]:
    for test in now.tests:
        told = [each for _, each in reversed(past[test.who].judged[: NIGHTS - 1])]
        for figure in test.figures:
            values = [known.value for each in told if (known := each.figure(figure.what)) and isfinite(known.value)]
            if isfinite(figure.value):
                yield (test.who, figure.what), Course((*values, figure.value), figure.uncertainty)


def _of_a_test(test: Told, past: _Past, courses: Courses) -> Iterator[Change]:
    if past.latest is None:
        yield Change(Kind.NEW, test)
    elif not test.is_judged:
        if past.latest.is_judged:
            yield Change(Kind.UNJUDGED, test, past.latest)
    elif past.judged:
        yield from _of_a_verdict(test, past, courses)


def _of_a_verdict(test: Told, past: _Past, courses: Courses) -> Iterator[Change]:
    _, earlier = past.judged[0]
    failed, failed_then = test.has_failed, earlier.has_failed
    if failed and failed_then:
        yield replace(_beside(Kind.FAILING, test, earlier, courses), since=_began(past))
    elif failed:
        yield _beside(Kind.REGRESSED, test, earlier, courses)
    elif failed_then:
        yield _beside(Kind.FIXED, test, earlier, courses)
    if not failed:
        yield from _fallen(test, earlier, courses)


def _beside(kind: Kind, test: Told, earlier: Told, courses: Courses) -> Change:
    """With the figure that decides: the one that is nearest to its limit now."""
    figure = test.tightest
    if figure is None:
        return Change(kind, test, earlier)
    return Change(kind, test, earlier, figure, earlier.figure(figure.what), courses.get((test.who, figure.what)))


def _began(past: _Past) -> Night:
    """The first night of the failures that go on until now."""
    first = past.judged[0][0]
    for night, told in past.judged:
        if not told.has_failed:
            break
        first = night
    return first


def _fallen(test: Told, earlier: Told, courses: Courses) -> Iterator[Change]:
    """Figures whose margin fell by more than they vary."""
    for figure in test.figures:
        then, course = earlier.figure(figure.what), courses.get((test.who, figure.what))
        if then is None or course is None or figure.margin is None or then.margin is None:
            continue
        if _fall(figure, then) > course.band or isfinite(_left(figure, course)):
            yield Change(Kind.FELL, test, earlier, figure, then, course)


def _fall(figure: Figure, then: Figure) -> float:
    """By how much the margin fell, beside the limits of now: that a limit is another one is no news of the figure.

    A limit may follow what was measured, and is then never the same twice.
    """
    was = replace(then, at_least=figure.at_least, at_most=figure.at_most).margin
    return -inf if was is None or figure.margin is None else was - figure.margin


def _left(figure: Figure, course: Course) -> float:
    return inf if figure.limit is None else course.nights_to(figure.limit)


def _gone(now: Night, before: Night) -> Iterator[Change]:
    """Tests of the night before of packs that are here, and that are not."""
    packs = {(test.pack, test.serial) for test in now.tests}
    for test in before.tests:
        if test.who not in now.by_who and (test.pack, test.serial) in packs:
            yield Change(Kind.GONE, test, test)
