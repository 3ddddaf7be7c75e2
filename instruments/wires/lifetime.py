"""How long a driver may speak: from its opening to its closing, in the process that opened it, and never after.

A test can keep a driver beyond its bench: in a fixture, in a thread that sits in a call, in a forked copy of the
process. By then the bench is in its safe state, and nothing may leave it again. So every message of every driver,
whatever its wire, first asks its lifetime. It knows no link and no command.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, get_ident
from weakref import WeakSet

from instruments.roles import InstrumentFault

_known: "WeakSet[Lifetime]" = WeakSet()
"""Every lifetime of this process, for a forked copy to end."""


class Lifetime:
    """Open, then closing (one thread says the last words), then closed for ever; in one process alone.

    `name` is what the instrument is called in the fault. While it is `free`, any thread of this process may speak;
    otherwise `check` tells who may. Who speaks often looks at `free` first: a scan asks some twenty times, and to ask
    the system for the process each time cost 5 us of it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._process = os.getpid()
        self._last_speaker: int | None = None
        self._ended = False
        self._turn = Lock()
        self.free = True
        _known.add(self)

    def check(self) -> None:
        """Raise `InstrumentFault` unless the calling thread may speak now."""
        if self.free:
            return
        if os.getpid() != self._process:
            raise InstrumentFault(
                f"{self._name} was opened by process {self._process} and this is process {os.getpid()}: a forked "
                "copy must not speak to it; open a new one there"
            )
        if self._ended or self._last_speaker != get_ident():
            raise InstrumentFault(f"{self._name} was closed: the bench is in its safe state; open a new one")

    @contextmanager
    def last_words(self) -> Iterator[bool]:
        """Close: only the calling thread may speak within it, and nobody after it, however it ends.

        Yields whether there is anything to close: not a second time, and not in a forked copy, whose closing must leave
        the instrument and the connection of the process that opened it as they are.
        """
        if not self._begin():
            yield False
            return
        try:
            yield True
        finally:
            self._ended = True

    def _begin(self) -> bool:
        if os.getpid() != self._process:
            return False
        # A lock that another thread held at a fork stays locked in the copy: asked for only in the process of its own.
        with self._turn:
            if self._last_speaker is not None:
                return False
            self._last_speaker = get_ident()
            self.free = False
            return True


def _silence_the_copy() -> None:
    """In a forked copy nobody speaks: see `Lifetime.check`."""
    for lifetime in _known:
        lifetime.free = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_silence_the_copy)
