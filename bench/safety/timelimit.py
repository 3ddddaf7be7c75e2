"""Gives an action a time limit of its own, so that one that hangs does not keep the next from being tried.

It is for what must go on (the safe state, closing links), never for what could rather be given up as a whole: an
action that is left behind stays in its thread, with whatever it holds.
"""

from collections.abc import Callable
from concurrent.futures import Future, wait
from math import ceil
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")

LOOK_EVERY = 0.05
"""s between two looks at whether waiting still makes sense."""


class OutOfTime(Exception):
    """The action did not come back; its thread was left behind."""


def begun(action: Callable[[], Result]) -> Future[Result]:
    """Start `action` in a thread of its own; the future has what it returns or raises.

    The thread is a daemon: one that hangs must not keep the process from ending. Where no thread can be had any more
    (no memory, too many of them) the action is carried out here and now: without a limit is better than not at all.
    """
    outcome: Future[Result] = Future()

    def act() -> None:
        try:
            outcome.set_result(action())
        except BaseException as error:  # noqa: BLE001 - it is raised again, in the thread that asks
            outcome.set_exception(error)

    try:
        Thread(target=act, name="packbench-limited", daemon=True).start()
    except (RuntimeError, MemoryError):
        act()
    return outcome


def in_time(action: Callable[[], Result], limit: float, given_up: Callable[[], bool] = lambda: False) -> Result:
    """What `action` returns or raises, if it does so within `limit` s.

    Raises `OutOfTime` after `limit`, or as soon as `given_up` says that nobody wants to wait any longer.
    """
    outcome = begun(action)
    for _ in range(ceil(limit / LOOK_EVERY)):
        if wait([outcome], LOOK_EVERY).done:
            return outcome.result()
        if given_up():
            raise OutOfTime("was given up for something more urgent")
    raise OutOfTime(f"did not come back within {limit:g} s")
