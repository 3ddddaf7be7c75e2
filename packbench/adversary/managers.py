"""Whom the adversary asks: a manager of a name in this process, one at a URL, or a command that starts one."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from bench.managing.answer import Manager, NoAnswer
from bench.managing.link import Link
from bench.managing.links import OTHERWISE, kind_of
from bench.managing.process import words_of
from bench.verdicts import InputError
from managers.registry import UnknownManager, manager_named

ADDRESSES = ("http://", "https://")


def is_address(which: str) -> bool:
    """Whether this is one manager that runs already, and nobody's to begin."""
    return which.startswith(ADDRESSES)


@contextmanager
def opened(which: str) -> Iterator[Manager]:
    """Open a manager; raises `InputError` for one that there is not, and `BenchFault` where its process was killed."""
    _refuse_other_wires(which)
    if not is_address(which) and len(words_of(which)) <= 1:
        try:
            yield Here(partial(manager_named, which))
        except UnknownManager as error:
            raise InputError(f"{error} A URL http://… or a command with its arguments will do as well.") from error
        return
    there = There(which)
    try:
        yield there
    finally:
        there.close()


def _refuse_other_wires(which: str) -> None:
    """Raise `InputError` for a manager that is not asked over HTTP: the plant model serves no box and calls nobody."""
    word = kind_of(which)
    if word != OTHERWISE:
        _, _, rest = which.partition(":")
        who = "its http://HOST:PORT" if rest.startswith("//") else repr(rest)
        raise InputError(
            f"manager {which!r}: the adversary's plant model has no wire {word}, it asks over HTTP alone: give {who} "
            f"where that answers over HTTP, or judge it on a bench: pytest test_cases/test_managed.py --station "
            f'virtual-vehicle --manager "{which}".'
        )


class Here:
    """One of a name in this process, which is quicker; what it raises is its own failure."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make, self._manager = make, make()

    def begin_anew(self) -> None:
        """Another one, made as the first."""
        self._manager = self._make()

    def decide(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask it."""
        try:
            answer: dict[str, Any] = self._manager.decide(request)
        except Exception as error:
            raise NoAnswer(f"it raised {type(error).__name__}: {error}") from error
        return answer


class There:
    """One over HTTP, at an address or in a process that is started for it. What has an address runs on by itself."""

    def __init__(self, which: str) -> None:
        self._which, self.link = which, Link(which)

    def begin_anew(self) -> None:
        """End the process and start another; as on a bench, one at an address goes on."""
        self.link.close()
        self.link = Link(self._which)

    def decide(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """Ask it; raises `NoAnswer`, or `BenchFault` where somebody killed its process."""
        return self.link.decide(request)

    def close(self) -> None:
        """End what was started."""
        self.link.close()
