"""Searches weeks for a breach, piece by piece, so that the same seed finds the same whoever searches beside whom."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from time import monotonic

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.errors import HypothesisException

from packbench.adversary.drawing import weeks
from packbench.adversary.managers import opened
from packbench.adversary.referee import Breach
from packbench.adversary.replaying import played, spelt
from packbench.adversary.space import Week

PIECE = 10
"""Weeks that are searched with one seed."""
SMALLER = 100
"""Weeks that are tried to make a breach smaller; its last lines change little, and each takes as long as the first."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What came of some weeks: how many were tried, and the smallest breach that was found in them, if any."""

    tried: int
    week: Week | None = None
    breach: Breach | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a search, and how long it took (s)."""

    manager: str
    tried: int
    seconds: float
    week: Week | None = None
    breach: Breach | None = None


class _Broken(AssertionError):
    """Tells Hypothesis that a week is one of those that are looked for."""


def search(manager: str, *, budget: int, jobs: int, start: int, tell: Callable[[str], None], days: int = 7) -> Found:
    """Try as many weeks as the `budget`, in `jobs` processes, from a seed `start` on; stop at the first breach.

    Raises `InputError` for a manager that there is not, and `BenchFault` where its process was killed.
    """
    began, tried = monotonic(), 0
    for piece in _pieces(manager, budget, jobs, start, days):
        tried += piece.tried
        spent = monotonic() - began
        left = max(budget - tried, 0) * spent / tried
        tell(f"{tried} of {budget} weeks, {spent / tried:.2f} s each, {left:.0f} s to go")
        if piece.breach is not None:
            return Found(manager, tried, spent, piece.week, piece.breach)
    return Found(manager, tried, monotonic() - began)


def _pieces(manager: str, budget: int, jobs: int, start: int, days: int) -> Iterator[Piece]:
    """In their order, whoever is ready first; each in a new process.

    What Hypothesis draws depends on the modules that are there when it does: it tries constants that it finds in them.
    """
    sizes = [min(PIECE, budget - begin) for begin in range(0, budget, PIECE)]
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), max_tasks_per_child=1)
    try:
        waiting: list[Future[Piece]] = [
            pool.submit(one, manager, size, start, number, days) for number, size in enumerate(sizes)
        ]
        for each in waiting:
            yield each.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def one(manager: str, size: int, start: int, number: int, days: int = 7) -> Piece:
    """Search one piece; a breach is made smaller, as long as it stays of its kind."""
    found: list[tuple[Week, Breach]] = []
    tried = smaller = 0

    def attempt(week: Week) -> None:
        nonlocal tried, smaller
        tried, smaller = tried + (not found), smaller + bool(found)
        if smaller > SMALLER:
            return
        with opened(manager) as who:
            broken = played(week, who)
        kind = found[0][1].kind if found else None
        for breach in broken:
            if kind in (None, breach.kind):
                found.append((week, breach))
                raise _Broken

    careful = settings(
        max_examples=size, database=None, deadline=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink], report_multiple_bugs=False, print_blob=False,
        verbosity=Verbosity.quiet,  # what is found is ours to tell: on standard output stands a table, or JSON
    )  # fmt: skip
    try:
        seed(start * 100_003 + number)(careful(given(weeks(days))(attempt)))()
    except (_Broken, HypothesisException):  # the latter, where the last one was not tried again: it had its tries
        if not found:
            raise
        return Piece(tried, *min(found, key=_size))
    return Piece(tried)


def _size(found: tuple[Week, Breach]) -> int:
    """How much there is to read."""
    return len(spelt(found[0]))
