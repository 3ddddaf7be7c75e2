"""Error queues are read when a run did not pass, and what links went through is kept of every one."""

from collections.abc import Mapping
from threading import Event
from typing import Any

import pytest

from bench.running import lastwords
from bench.testing import TestBench
from bench.verdicts import BenchFault, Verdict
from instruments.roles import InstrumentFault


class Queued:
    """An instrument with a queue, or with None, and with what its link went through."""

    def __init__(self, said: tuple[str, ...] | Exception | None, troubles: Mapping[str, int] = {}) -> None:
        self.said, self.troubles, self.read = said, troubles, 0

    def error_queue(self) -> tuple[str, ...] | None:
        self.read += 1
        if isinstance(self.said, Exception):
            raise self.said
        return self.said


def of(real_time: bool = False, hurry: bool = False, **drivers: Any) -> list[dict[str, Any]]:
    return list(lastwords.error_queues(drivers, lambda: hurry, real_time=real_time))


@pytest.mark.parametrize("real_time", [False, True])
def test_every_queue_is_told_and_one_that_is_silent_holds_up_no_other(real_time: bool) -> None:
    silent, mute, wordless = Queued(InstrumentFault("load did not answer")), object(), Queued(TimeoutError())
    found = of(
        real_time, supply=Queued(("-222",)), load=silent, chamber=Queued(None), wall=mute, meter=Queued(()),
        scanner=wordless,
    )  # fmt: skip
    assert found == [
        {"instrument": "supply", "said": ["-222"], "why": ""},
        {"instrument": "load", "said": [], "why": "load did not answer"},
        {"instrument": "meter", "said": [], "why": ""},
        {"instrument": "scanner", "said": [], "why": "TimeoutError"},
    ]


def test_a_queue_that_hangs_is_left_behind_with_why_and_the_next_one_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lastwords, "STEP_LIMIT", 0.05)
    released, load = Event(), Queued(("-222",))
    load.error_queue = lambda: ("late",) if released.wait(60) else None  # type: ignore[method-assign]
    try:
        found = of(real_time=True, load=load, supply=Queued(("-113",)))
    finally:
        released.set()
    assert found == [
        {"instrument": "load", "said": [], "why": "its error queue did not come back within 0.05 s"},
        {"instrument": "supply", "said": ["-113"], "why": ""},
    ]


def test_nobody_is_asked_when_somebody_is_in_a_hurry() -> None:
    supply = Queued(("-222",))
    assert of(hurry=True, supply=supply) == []
    assert supply.read == 0


@pytest.mark.parametrize(("error", "asked"), [(BenchFault("it broke", "x"), 1), (None, 0)])
def test_a_run_that_did_not_pass_has_them_in_its_events(
    little_bench: TestBench, error: Exception | None, asked: int
) -> None:
    assert little_bench._open is not None
    supply = Queued(("-222",), {"timeouts": 2})
    little_bench._open.drivers["supply"] = _beside(little_bench._open.drivers["supply"], supply)
    conclusion = little_bench.conclude(error)
    assert (conclusion.verdict is Verdict.PASS) is (error is None)
    run = little_bench.run_log
    told = [event for event in run.events if event["type"] == "error queue"]
    assert [(each["instrument"], each["said"]) for each in told] == [("supply", ["-222"])] * asked
    assert supply.read == asked
    kinds = [event["type"] for event in run.events]
    assert kinds[-1] == "run ended"
    assert run.manifest["links"]["supply"] == {"timeouts": 2}


def _beside(driver: Any, more: Queued) -> Any:
    """The driver, with a queue and counts of its own."""

    class Both(type(driver)):  # type: ignore[misc]
        error_queue = staticmethod(more.error_queue)
        troubles = more.troubles

    driver.__class__ = Both
    return driver
