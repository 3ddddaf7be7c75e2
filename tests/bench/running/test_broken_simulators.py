"""A simulator whose code fails, somebody's or ours: the bench is at fault, its instrument is named, the end is told."""

from collections.abc import Callable
from typing import Any

import pytest

from bench.scenario import Charge, elapsed
from bench.testing import TestBench
from bench.verdicts import blame_of

On = Callable[..., TestBench]


def failing(error: Exception) -> Callable[..., Any]:
    def fail(*_: object) -> Any:
        raise error

    return fail


def answering(value: object) -> Callable[..., Any]:
    return lambda *_: value


@pytest.mark.parametrize(
    ("instrument", "method", "does", "says"),
    [
        ("temperatures", "handle", failing(KeyError("x")), "KeyError: 'x'"),
        ("temperatures", "handle", answering(7), "AttributeError: 'int' object has no attribute 'encode'"),
        ("temperatures", "frames", answering(None), "TypeError: cannot unpack"),
        ("supply", "handle", failing(ZeroDivisionError("division by zero")), "ZeroDivisionError: division by zero"),
        ("chamber", "elapse", failing(ValueError("no air")), "ValueError: no air"),
        ("bms", "transmit", failing(AttributeError("no bus")), "AttributeError: no bus"),
        ("bms", "sample", failing(IndexError("cell 25")), "IndexError: cell 25"),
    ],
)
def test_a_simulator_that_fails_while_the_bench_runs_is_named_and_the_bench_is_at_fault(
    on: On, instrument: str, method: str, does: Callable[..., Any], says: str
) -> None:
    bench = on("virtual-module")
    world: Any = bench.engine.bench._world
    part = world.part(instrument)

    def fail_from_now_on(_row: object) -> None:
        # On its class, as whoever wrote it: who has such a hook was looked up when the world was made.
        monkey.setattr(type(part), method, does)

    with pytest.MonkeyPatch.context() as monkey:
        bench.engine.sampler.observers.append(fail_from_now_on)
        with pytest.raises(Exception, match=rf"The simulator of {instrument} failed by {says}") as caught:
            bench.run(Charge("C/3", until=elapsed(minutes=5)))
        assert blame_of(caught.value)[0] == "bench"
        concluded = bench.conclude(caught.value)
    assert concluded.verdict == "BENCH FAULT"
    assert concluded.bench is not None
    undone = [step.detail for step in concluded.bench.steps if not step.done]
    assert all(f"The simulator of {instrument} failed" in each for each in undone)
