"""Whom the adversary asks: a manager of a name in this process, one at a URL, or a command that starts one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.managing.answer import Manager, NoAnswer
from bench.managing.link import Link
from bench.managing.process import words_of
from bench.verdicts import InputError
from managers.registry import UnknownManager, manager_named


@contextmanager
def opened(which: str) -> Iterator[Manager]:
    """Open a manager; raises `InputError` for one that there is not, and `BenchFault` where its process was killed."""
    if not which.startswith(("http://", "https://")) and len(words_of(which)) <= 1:
        try:
            yield Here(manager_named(which))
        except UnknownManager as error:
            raise InputError(f"{error} A URL http://… or a command with its arguments will do as well.") from error
        return
    link = Link(which)
    try:
        yield link
    finally:
        link.close()


class Here:
    """One in this process, which is quicker; what it raises is its own failure."""

    def __init__(self, manager: Any) -> None:
        self._manager = manager

    def decide(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask it."""
        try:
            answer: dict[str, Any] = self._manager.decide(request)
        except Exception as error:
            raise NoAnswer(f"it raised {type(error).__name__}: {error}") from error
        return answer
