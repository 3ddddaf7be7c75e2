"""How soon threads let go of each other: one interpreter, several who need it, whatever the order they come and go in.

Python has one interval per process (`sys.setswitchinterval`, 5 ms by itself). Two who each put back what they found
would leave the shorter one behind for ever when the one that began first ends first.
"""

import sys
from collections.abc import Callable
from threading import Lock

_lock = Lock()
_needed: dict[object, float] = {}
_before = 0.0


def let_go_within(interval: float) -> Callable[[], None]:
    """Have a thread that computes let others run after `interval` s or less, until what is returned is called."""
    global _before  # noqa: PLW0603 - the interval is the process's
    need = object()
    with _lock:
        if not _needed:
            _before = sys.getswitchinterval()
        _needed[need] = interval
        _apply()

    def end() -> None:
        with _lock:
            if _needed.pop(need, None) is not None:
                _apply()

    return end


def _apply() -> None:
    # Python cuts to whole microseconds: what is put back as it was read would be one less each time.
    sys.setswitchinterval((min(_before, *_needed.values()) if _needed else _before) + 5e-7)
