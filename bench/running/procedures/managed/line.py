"""The line to a manager for the time of a step: one link at most, which is closed whatever happens meanwhile."""

from functools import partial
from threading import Lock

from bench.managing.inquiry import Beside
from bench.managing.links import Link, open_link
from bench.running.procedures.base import Stage


class Line:
    """Where `manager` is reached. Nobody waits for it where a step goes on `beside` it, because time is real."""

    def __init__(self, manager: str, *, beside: bool) -> None:
        self._manager, self._beside = manager, beside
        self._link: Link | None = None
        self._lock = Lock()
        self._forget()

    def link(self, stage: Stage) -> Link:
        """The link, with which whoever is at its other end begins; what was on its way before a pause is forgotten."""
        self._forget()
        return self._link or _told(self._anew(), stage)

    def end(self) -> None:
        """The step has ended: a link that comes later is closed at once."""
        self._over = True
        self._hang_up()

    def _forget(self) -> None:
        self._over = self._down = False
        self._going: Beside[None] | None = None
        self._coming: Beside[Link] | None = None

    def _anew(self) -> Link:
        """A link where there is none; closed again where there is one by then, or the step has ended meanwhile."""
        link = open_link(self._manager, beside=self._beside)
        with self._lock:
            if self._link is None and not self._over:
                self._link = link
            mine = self._link
        if mine is not link:
            link.close()
        return mine or link

    def _hang_up(self) -> None:
        """End the link, and the process of a manager that was started."""
        with self._lock:
            link, self._link = self._link, None
        if link is not None:
            link.close()

    # --- a manager that is begun anew -----------------------------------------------------------------------------

    @property
    def coming(self) -> bool:
        """Whether a manager that was down is on its way back."""
        return self._coming is not None

    def restarted(self, stage: Stage, *, down: bool) -> Link | None:
        """Call with each scan; returns the new link once a manager that was down is back.

        One that is down has no process; when it is back, it is another one. Both take seconds.
        """
        if down and not self._down:
            self._going, self._coming = Beside(partial(self._leave, self._coming), beside=self._beside), None
            self._going.outcome()
        elif self._down and not down:
            self._coming = Beside(self._another, beside=self._beside)
        self._down = down
        if self._coming is None or (come := self._coming.outcome()) is None:
            return None
        self._coming = None
        return _told(come(), stage)

    def _leave(self, coming: Beside[Link] | None) -> None:
        if coming is not None:
            coming.wait()
        self._hang_up()

    def _another(self) -> Link:
        if self._going is not None:
            self._going.wait()
        return self._anew()


def _told(link: Link, stage: Stage) -> Link:
    """Record what whoever runs a step should know of its link."""
    if link.says:
        stage.log.event("manager link", says=link.says)
    return link
