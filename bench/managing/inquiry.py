"""A question to a manager, and the time until its answer, in which a bench must not stand still.

On a virtual clock nothing happens until it has answered: that is what makes a managed week the same each time. Where
time is real the bench goes on scanning, guarding and sending what is due; the answer comes when it comes.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from bench.managing.answer import Manager

Reply = Callable[[], Mapping[str, Any]]
"""Gives the answer, or raises what asking for it has raised."""


class Inquiry:
    """One question at a time to a `manager`; where nothing may wait for it, `beside` is true."""

    def __init__(self, manager: Manager, *, beside: bool) -> None:
        self._manager, self._beside = manager, beside
        self._thread: threading.Thread | None = None
        self._reply: Reply | None = None

    @property
    def pending(self) -> bool:
        """Whether it has been asked, and nobody has taken its answer."""
        return self._thread is not None

    def ask(self, request: dict[str, Any]) -> None:
        """Ask it; what becomes of that is told by `reply`."""
        self._thread = threading.Thread(target=self._carry, args=(request,), daemon=True)
        self._thread.start()

    def reply(self) -> Reply | None:
        """What came of the question, once; None as long as nobody knows."""
        if self._thread is None:
            return None
        self._thread.join(0.0 if self._beside else None)
        if self._thread.is_alive():
            return None
        self._thread, found = None, self._reply
        return found

    def _carry(self, request: dict[str, Any]) -> None:
        try:
            answer = self._manager.decide(request)
        except Exception as error:  # noqa: BLE001 - told to whoever asked, in his own thread
            self._reply = _raising(error)
        else:
            self._reply = lambda: answer


def _raising(error: Exception) -> Reply:
    def reply() -> Mapping[str, Any]:
        raise error

    return reply
