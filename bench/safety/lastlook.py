"""The last look at a bench whose test has ended: whether something in that test switched on after its bench was closed.

For the supervisor alone, once the process it watched is gone. Nothing is written to a bench that somebody else may have
by now.

Invariant: when the process of a test has ended and nobody else has the bench, its outputs are off, or it is said that
they are not. Mechanism: drivers refuse after closing; what does not go through them (another session, a fork) is seen
here, in sessions of this process's own, and ended by the same rescue as a test that died.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from filelock import FileLock, Timeout

from bench.clock import Clock
from bench.safety import remains, rescue
from bench.safety.lease import LAST_LOOK, BenchLease
from bench.safety.plan import Plan
from bench.verdicts import BenchInUse


@contextmanager
def claim(plan: Plan) -> Iterator[bool]:
    """Hold the bench for the length of the block; False when somebody else has it, or nobody can tell.

    By its lease, or by a lock of this computer where the station has none.
    """
    try:
        held = _taken(plan)
    except (BenchInUse, Timeout, OSError, NotImplementedError):
        yield False
        return
    try:
        yield True
    finally:
        held.release()


def _taken(plan: Plan) -> BenchLease | FileLock:
    if not plan.lease:
        return mark_open(plan)
    if plan.life and Path(plan.life).exists():
        # The test died without giving the bench back, and whatever it forked holds on to it.
        remains.end_forks()
    return BenchLease(Path(plan.lease), str(plan.station["name"]), job=LAST_LOOK)


def mark_open(plan: Plan) -> FileLock:
    """Take what every supervisor on this computer holds while a bench without a lease is open, named by its addresses.

    Raises `Timeout` when another one does.
    """
    lock = FileLock(mark_of(plan), thread_local=False)
    lock.acquire(blocking=False)
    return lock


def mark_of(plan: Plan) -> Path:
    """The file of that lock."""
    addresses = json.dumps([plan.station["instruments"][name] for name in plan.instruments], sort_keys=True)
    return Path(tempfile.gettempdir()) / f"packbench-{hashlib.sha256(addresses.encode()).hexdigest()[:16]}.lock"


def look(plan: Plan, clock: Clock, closed: Event) -> str:
    """What was found on, as a sentence; nothing when all is off, or cannot be seen any more: it was off when closed.

    Where an instrument cannot be reached a fork may hold its only connection; those are ended (`closed`: there are
    none), and it is looked for again.
    """
    found = rescue.found_on(plan.station, plan.instruments, clock)
    if None in found.values() and not closed.is_set() and remains.end_forks():
        found = rescue.found_on(plan.station, plan.instruments, clock)
    on = [name for name, state in found.items() if state]
    if not on:
        return ""
    return f"{' and '.join(on)} had been switched on again after the bench was closed, and was on when the test ended"
