"""Searches weeks for a breach, piece by piece, so that the same seed finds the same whoever searches beside whom."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.errors import HypothesisException

from packbench.adversary.apart import apart
from packbench.adversary.drawing import weeks
from packbench.adversary.managers import opened
from packbench.adversary.referee import Breach
from packbench.adversary.replaying import played, spelt
from packbench.adversary.space import Week
from packbench.players import Named, Player

if TYPE_CHECKING:
    from packbench.adversary.benching import Agreed

NAMED = Named("the search", "a piece", "searched", "nothing is known of these weeks; run the same command again")
PIECE = 10
"""Weeks that are searched with one seed."""
SMALLER = 100
"""Weeks that are tried to make a breach smaller; its last lines change little, and each takes as long as the first."""


@dataclass(frozen=True, slots=True)
class Outset:
    """A piece to search: how many weeks of how many days at most, by which number behind which seed (`start`)."""

    manager: str
    size: int
    start: int
    number: int
    days: int = 7


@dataclass(frozen=True, slots=True)
class Piece:
    """What came of piece `number`: how many weeks were tried, and the smallest breach that was found, if any."""

    number: int
    tried: int
    week: Week | None = None
    breach: Breach | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A week in which the plant model shows a breach, and what a full bench said of it; None: none was asked."""

    week: Week
    breach: Breach
    bench: "Agreed | None" = None

    @property
    def counts(self) -> bool:
        """Whether nobody who was asked disagrees."""
        return self.bench is None or self.bench.agrees


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a search, and how long it took (s): what counts, and what the bench has `rejected` before that."""

    manager: str
    tried: int
    seconds: float
    found: Candidate | None = None
    rejected: Sequence[Candidate] = ()


Asked = Callable[[Week, Breach], "Agreed"]
"""Replays a week on a full bench: whether it shows the breach as well."""


class _Broken(AssertionError):
    """Tells Hypothesis that a week is one of those that are looked for."""


def search(
    manager: str, *, budget: int, player: Player, start: int, tell: Callable[[str], None], days: int = 7,
    bench: Asked | None = None,
) -> Found:  # fmt: skip
    """Try as many weeks as the `budget`, from a seed `start` on, and stop at the first breach that counts.

    One counts with which the `bench` agrees; each is asked for its own, and the search goes on behind one that is
    rejected. Without a bench the first counts. Raises `InputError` for a manager that there is not, and `BenchFault`
    where its process was killed, or what `bench` raises.
    """
    began, tried, rejected = monotonic(), 0, list[Candidate]()
    for piece in _pieces(manager, budget, player, start, days):
        tried += piece.tried
        spent = monotonic() - began
        left = max(budget - tried, 0) * spent / tried
        tell(f"{tried} of {budget} weeks, {spent / tried:.2f} s each, {left:.0f} s to go")
        if piece.week is None or piece.breach is None:
            continue
        candidate = Candidate(piece.week, piece.breach, bench and bench(piece.week, piece.breach))
        if candidate.counts:
            return Found(manager, tried, monotonic() - began, candidate, rejected)
        rejected.append(candidate)
    return Found(manager, tried, monotonic() - began, None, rejected)


def _pieces(manager: str, budget: int, player: Player, start: int, days: int) -> Iterator[Piece]:
    """In their order, whoever is ready first; as many more as leave nothing of the budget behind.

    A piece ends at its first breach: what it has not tried then is tried in further ones, in the next round.
    """
    number, left = 0, budget
    while left > 0:
        sizes = [min(PIECE, left - begin) for begin in range(0, left, PIECE)]
        outsets = [Outset(manager, size, start, number + index, days) for index, size in enumerate(sizes)]
        for piece in _in_order(player(apart, outsets), number):
            left -= max(piece.tried, 1)
            yield piece
        number += len(outsets)


def _in_order(arriving: Iterator[Piece], number: int) -> Iterator[Piece]:
    """By their numbers, from `number` on."""
    early: dict[int, Piece] = {}
    for piece in arriving:
        early[piece.number] = piece
        while number in early:
            yield early.pop(number)
            number += 1


def one(outset: Outset) -> Piece:
    """Search one piece; a breach is made smaller, as long as it stays of its kind."""
    found: list[tuple[Week, Breach]] = []
    tried = smaller = 0

    def attempt(week: Week) -> None:
        nonlocal tried, smaller
        tried, smaller = tried + (not found), smaller + bool(found)
        if smaller > SMALLER:
            return
        with opened(outset.manager) as who:
            broken = played(week, who)
        kind = found[0][1].kind if found else None
        for breach in broken:
            if kind in (None, breach.kind):
                found.append((week, breach))
                raise _Broken

    careful = settings(
        max_examples=outset.size, database=None, deadline=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink], report_multiple_bugs=False, print_blob=False,
        verbosity=Verbosity.quiet,  # what is found is ours to tell: on standard output stands a table, or JSON
    )  # fmt: skip
    try:
        seed(outset.start * 100_003 + outset.number)(careful(given(weeks(outset.days))(attempt)))()
    except (_Broken, HypothesisException):  # the latter, where the last one was not tried again: it had its tries
        if not found:
            raise
        return Piece(outset.number, tried, *min(found, key=_size))
    return Piece(outset.number, tried)


def _size(found: tuple[Week, Breach]) -> int:
    """How much there is to read."""
    return len(spelt(found[0]))
