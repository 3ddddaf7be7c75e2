"""Puts defects into effect in a running world, at once or at their time, and ends those that can end.

What each defect does is the business of the tables it is looked up in; here is only when it begins and how it is
ended. Whatever can be meddled with is swapped (a method, a table, a port), so that a world without defects pays
nothing for them.
"""

from collections.abc import Callable, Mapping
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


class Injection:
    """The defects of one world: those in effect and those to come. `due` is when the next begins, s; inf: never."""

    def __init__(self, inhabitants: Inhabitants, known: Known, now: Callable[[], float], settling: Settling) -> None:
        self.due = inf
        self._in, self._known, self._now, self._settling = inhabitants, known, now, settling
        self._waiting: list[Defect] = []
        self._present: list[tuple[Defect, Repair | None]] = []

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
        """Let those begin whose time has come."""
        now = self._now()
        begun = [defect for defect in self._waiting if defect.at <= now]
        self._waiting = [defect for defect in self._waiting if defect.at > now]
        self.due = min((defect.at for defect in self._waiting), default=inf)
        for defect in begun:
            self._present.append((defect, EFFECTS[defect.name](self._in, defect)))
        self._settling.stale |= bool(begun)

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

        ended = [(defect, repair) for defect, repair in self._present if meant(defect)]
        waiting = [defect for defect in self._waiting if meant(defect)]
        if not ended and not waiting:
            present = ", ".join(defect.text for defect, _ in self._present) or "there is none"
            raise ValueError(f"defect {name!r} is not in effect: {present}")
        if any(repair is None for _, repair in ended):
            raise ValueError(f"defect {name!r} cannot be repaired: open a new world")
        self._waiting = [defect for defect in self._waiting if not meant(defect)]
        self.due = min((defect.at for defect in self._waiting), default=inf)
        self._present = [entry for entry in self._present if not meant(entry[0])]
        for _, repair in reversed(ended):
            if repair is not None:
                repair()
