"""One piece of a search: so many weeks with one seed, and a breach that is made smaller."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.errors import HypothesisException

from packbench.adversary.drawing import weeks
from packbench.adversary.living import Lived, live
from packbench.adversary.managers import opened
from packbench.adversary.referee import Breach
from packbench.adversary.replaying import judged, spelt
from packbench.adversary.sharpening import sharpened
from packbench.adversary.space import Week

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


class _Broken(AssertionError):
    """Tells Hypothesis that a week is one of those that are looked for."""


def one(outset: Outset) -> Piece:
    """Search one piece; a breach is made smaller, as long as it stays of its kind."""
    found: list[tuple[Week, Breach]] = []
    tried = smaller = 0

    def more() -> bool:
        return smaller < SMALLER if found else tried < outset.size

    def attempt(drawn: Week) -> None:
        nonlocal tried, smaller
        for week, broken in _ways(outset.manager, drawn, more):
            tried, smaller = tried + (not found), smaller + bool(found)
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
        return Piece(outset.number, tried, *_shortest(outset.manager, *min(found, key=_size)))
    return Piece(outset.number, tried)


def _ways(manager: str, drawn: Week, more: Callable[[], bool]) -> Iterator[tuple[Week, Sequence[Breach]]]:
    """A week as it is drawn, then with its troubles where they meet this manager at its weakest; each a week tried."""
    if not more():
        return
    lived = _lived(manager, drawn)
    yield drawn, judged(lived)
    sharper = sharpened(drawn, lived)
    if sharper != drawn and more():
        yield sharper, judged(_lived(manager, sharper))


def _lived(manager: str, week: Week) -> Lived:
    with opened(manager) as who:
        return live(week.plant(), who)


def _shortest(manager: str, week: Week, breach: Breach) -> tuple[Week, Breach]:
    """The first so many days in which it is still broken: a bench lives them all, and what is made smaller may not.

    Hypothesis has its tries, and spends them on whatever is in a week; this one costs as many as the week has days.
    """
    for days in range(1, week.days):
        shorter = week.within(days)
        same = [each for each in judged(_lived(manager, shorter)) if each.kind == breach.kind]
        if same:
            return shorter, same[0]
    return week.within(week.days), breach


def _size(found: tuple[Week, Breach]) -> int:
    """How much there is to read."""
    return len(spelt(found[0]))
