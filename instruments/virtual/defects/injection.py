"""Puts defects into effect in a running world, at once or at their time, and ends those that can end or come and go.

What each defect does is the business of the tables it is looked up in; here is only when it begins and how it is
ended. Whatever can be meddled with is swapped (a method, a table, a port), so that a world without defects pays
nothing for them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf

from instruments.virtual.defects import of_bms as defects_of_bms
from instruments.virtual.defects import of_instruments as defects_of_instruments
from instruments.virtual.defects import of_links as defects_of_links
from instruments.virtual.defects import of_pack as defects_of_pack
from instruments.virtual.defects.grammar import FORMS, Defect, Known, nearest, parse_defects
from instruments.virtual.inhabitants import Inhabitants
from instruments.virtual.simulators.dialect import Repair
from instruments.virtual.terminals import Settling

Effect = Callable[[Inhabitants, Defect], Repair | None]
"""Brings a defect about; returns how it is ended, None for what nobody can repair. Raises ValueError, one sentence,
where the world lacks what it is about."""

EFFECTS: Mapping[str, Effect] = {
    **defects_of_links.EFFECTS,
    **defects_of_instruments.EFFECTS,
    **defects_of_pack.EFFECTS,
    **defects_of_bms.EFFECTS,
}
NEEDS: Mapping[str, tuple[str, ...]] = {
    **defects_of_instruments.NEEDS,
    **defects_of_pack.NEEDS,
    **defects_of_bms.NEEDS,
}
"""The inhabitants without any of which a defect makes no sense, by the defect's name."""


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

    def __init__(self, inhabitants: Inhabitants, known: Known, now: Callable[[], float], settling: Settling) -> None:
        self.due = inf
        self._in, self._known, self._now, self._settling = inhabitants, known, now, settling
        self._waiting: list[Defect] = []
        self._present: list[_Present] = []

    def inject(self, *texts: str) -> None:
        """See `World.inject`."""
        wanted = parse_defects(texts, self._known)
        for defect in wanted:
            needed = NEEDS.get(defect.name, ())
            if needed and all(getattr(self._in, each) is None for each in needed):
                words = " or ".join(needed)
                raise ValueError(f"defect {defect.text!r} needs a simulated {words}, which the station does not have")
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
            repair = EFFECTS[defect.name](self._in, defect)
            self._present.append(_Present(defect, repair, since + defect.lasting))
            if defect.every < inf:
                self._waiting.append(replace(defect, at=since + defect.every))
        self._look_ahead()
        self._settling.stale |= bool(begun or over)

    def repair(self, *names: str) -> None:
        """See `World.repair`."""
        for name in names:
            if name.partition(":")[0] not in FORMS:
                raise ValueError(f"unknown defect {name!r}: {nearest(name, FORMS)}")
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
