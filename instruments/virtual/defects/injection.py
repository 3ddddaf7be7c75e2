"""Puts defects into effect in a running world, at once or at their time, and ends those that can end or come and go.

What each defect does is the business of the tables it is looked up in; here is only when it begins and how it is
ended. Whatever can be meddled with is swapped (a method, a table, a port), so that a world without defects pays
nothing for them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import inf

from instruments.virtual.defects.grammar import Defect, Known, Repair, parse_defects
from instruments.virtual.defects.vocabulary import Vocabulary
from instruments.virtual.inhabitants import Inhabitants
from instruments.virtual.terminals import Settling
from instruments.wording import nearest


@dataclass(frozen=True, slots=True)
class _Present:
    """A defect in effect, how it is ended, and until when it lasts, s."""

    defect: Defect
    repair: Repair | None
    until: float


class Injection:
    """The defects of one world: those in effect and those to come.

    `due` is when the next begins, or ends by itself, s; inf: never.
    """

    def __init__(self, inhabitants: Inhabitants, now: Callable[[], float], settling: Settling) -> None:
        self.due = inf
        self._in, self._now, self._settling = inhabitants, now, settling
        self._vocabulary = vocabulary = Vocabulary(inhabitants)
        self._known = Known(
            inhabitants.plant.string.series, len(inhabitants.sensors), vocabulary.kinds, vocabulary.words,
            vocabulary.holders,
        )  # fmt: skip
        self._waiting: list[Defect] = []
        self._present: list[_Present] = []

    def inject(self, *texts: str) -> None:
        """See `World.inject`."""
        wanted = parse_defects(texts, self._known)
        for defect in wanted:
            kind = self._known.kinds[defect.name]
            if not self._vocabulary.holders[defect.name]:
                raise ValueError(
                    f"defect {defect.text!r} needs a simulated {kind.holder}, which the station does not have"
                )
        self._waiting += wanted
        self.begin()

    def begin(self) -> None:
        """Let those end and those begin whose time has come; one that comes and goes waits for its next time."""
        now = self._now()
        over = [present for present in self._present if present.until <= now]
        begun = [defect for defect in self._waiting if defect.at <= now]
        self._present = [present for present in self._present if present.until > now]
        self._waiting = [defect for defect in self._waiting if defect.at > now]
        _end(over)
        for defect in begun:
            since = max(defect.at, now)
            kind, part = self._vocabulary.meant(defect)
            repair = kind.begin(part, defect, self._in)
            self._present.append(_Present(defect, repair, since + defect.lasting))
            if defect.every < inf:
                self._waiting.append(replace(defect, at=since + defect.every))
        self._look_ahead()
        self._settling.stale |= bool(begun or over)

    def repair(self, *names: str) -> None:
        """See `World.repair`."""
        for name in names:
            if name.partition("@")[0].partition(":")[0] not in self._known.kinds:
                raise ValueError(f"unknown defect {name!r}; {nearest(name, self._known.kinds)}")
            self._repair(name)
        self._settling.stale = True

    def _repair(self, name: str) -> None:
        def meant(defect: Defect) -> bool:
            return name in {defect.name, defect.text, defect.text.partition("@")[0]}

        ended = [present for present in self._present if meant(present.defect)]
        waiting = [defect for defect in self._waiting if meant(defect)]
        if not ended and not waiting:
            listed = ", ".join(present.defect.text for present in self._present) or "there is none"
            raise ValueError(f"defect {name!r} is not in effect: {listed}")
        if any(present.repair is None for present in ended):
            raise ValueError(f"defect {name!r} cannot be repaired: open a new world")
        self._waiting = [defect for defect in self._waiting if not meant(defect)]
        self._present = [present for present in self._present if not meant(present.defect)]
        self._look_ahead()
        _end(ended)

    def _look_ahead(self) -> None:
        self.due = min(self._changes(), default=inf)

    def _changes(self) -> Iterator[float]:
        """When something begins or ends by itself."""
        yield from (defect.at for defect in self._waiting)
        yield from (present.until for present in self._present)


def _end(presents: list[_Present]) -> None:
    """End the last first: what came on top of another defect goes before it."""
    for present in reversed(presents):
        if present.repair is not None:
            present.repair()
