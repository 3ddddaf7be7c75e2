"""Searches weeks for a breach, piece by piece, so that the same seed finds the same whoever searches beside whom."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from packbench.adversary.apart import apart
from packbench.adversary.piece import Outset, Piece
from packbench.adversary.referee import Breach
from packbench.adversary.space import Week
from packbench.players import Named, Player

if TYPE_CHECKING:
    from packbench.adversary.benching import Agreed

NAMED = Named("the search", "a piece", "searched", "nothing is known of these weeks; run the same command again")
PIECE = 10
"""Weeks that are searched with one seed."""


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
