"""While a step runs, neither the garbage collector nor a busy thread may delay a scan."""

import gc
import sys

import pytest

from bench.columns import INDEX, TEST_TIME
from bench.running.undisturbed import SWITCH_INTERVAL, undisturbed
from bench.scenario import Rest, elapsed
from bench.testing import TestBench


def test_scans_are_taken_undisturbed_and_the_interpreter_is_left_as_it_was(little_bench: TestBench) -> None:
    before, seen = sys.getswitchinterval(), []

    def look(row: list[float]) -> None:
        seen.append((gc.isenabled(), sys.getswitchinterval() <= SWITCH_INTERVAL * 1.01, row[INDEX[TEST_TIME]]))

    little_bench.engine.sampler.observers.append(look)
    little_bench.run(Rest(until=elapsed(seconds=30)))
    assert seen
    assert all(not collecting and quick for collecting, quick, _ in seen)
    assert gc.isenabled()
    assert sys.getswitchinterval() == before


def test_whatever_ends_a_step_the_interpreter_is_left_as_it_was() -> None:
    before = sys.getswitchinterval()
    with pytest.raises(RuntimeError), undisturbed():
        raise RuntimeError
    assert (gc.isenabled(), sys.getswitchinterval()) == (True, before)


def test_a_collector_that_somebody_else_has_switched_off_stays_off() -> None:
    gc.disable()
    try:
        with undisturbed():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
