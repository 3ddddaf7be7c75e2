"""A question to a manager, and whatever else takes its time: a bench must not stand still meanwhile.

On a virtual clock nothing happens until it has answered: that is what makes a managed week the same each time. Where
time is real the bench goes on scanning, guarding and sending what is due; the answer comes when it comes.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from bench.managing.answer import Manager

Reply = Callable[[], Mapping[str, Any]]
"""Gives the answer, or raises what asking for it has raised."""
Result = TypeVar("Result")


class Beside(Generic[Result]):
    """Some `work` that has begun; where nothing may wait for it, `beside` is true."""

    def __init__(self, work: Callable[[], Result], *, beside: bool) -> None:
        self._work, self._beside = work, beside
        self._result: Callable[[], Result] | None = None
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def outcome(self) -> Callable[[], Result] | None:
        """Gives its result, or raises what it has raised; None as long as nobody knows."""
        self._thread.join(0.0 if self._beside else None)
        return self._result

    def wait(self) -> None:
        """Return when it is done, also where nothing may wait for it: who calls this is no scan."""
        self._thread.join()

    def _carry(self) -> None:
        try:
            result = self._work()
        except Exception as error:  # noqa: BLE001 - told to whoever began it, in his own thread
            self._result = _raising(error)
        else:
            self._result = lambda: result


def _raising(error: Exception) -> Callable[[], Any]:
    def reply() -> Any:
        raise error

    return reply


class Inquiry:
    """One question at a time to a `manager`; where nothing may wait for it, `beside` is true."""

    def __init__(self, manager: Manager, *, beside: bool) -> None:
        self._manager, self._beside = manager, beside
        self._asked: Beside[Mapping[str, Any]] | None = None

    @property
    def pending(self) -> bool:
        """Whether it has been asked, and nobody has taken its answer."""
        return self._asked is not None

    def ask(self, request: dict[str, Any]) -> None:
        """Ask it; what becomes of that is told by `reply`."""
        self._asked = Beside(lambda: self._manager.decide(request), beside=self._beside)

    def reply(self) -> Reply | None:
        """What came of the question, once; None as long as nobody knows."""
        found = None if self._asked is None else self._asked.outcome()
        if found is not None:
            self._asked = None
        return found
