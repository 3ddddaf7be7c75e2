"""Keeps the interpreter itself from delaying a scan: no collector pauses, and no thread that computes for long."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from instruments.attention import let_go_within

SWITCH_INTERVAL = 0.0002
"""s after which a thread that computes must let others run. A scan waits for some thirty answers, and after each for
the interpreter; with Python's own 5 ms a busy thread beside it makes a violation stand for 60 ms longer (measured by
`benchmarks/latency.py` at ten scans a second: p99 156 ms, with this 100 ms)."""


@contextmanager
def undisturbed() -> Iterator[None]:
    """Scans come first while a step runs; everything is put back afterwards."""
    collecting, end = gc.isenabled(), let_go_within(SWITCH_INTERVAL)
    if collecting:
        # A full collection can take 150 ms. The loop makes no reference cycles; what little there is elsewhere is
        # collected between steps.
        gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
        end()
