"""The test that is hit: it runs in a process of its own on a served bench, and at its instant something is done to it.

What is done is a function of this module; `faults.yaml` names it. Most strike from inside, because that is the only
way to strike at an instant: a signal that a process sends to itself arrives as one from elsewhere does.
"""

import json
import os
import re
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

from bench.clock import utc_now
from bench.testing import TestBench
from campaign.catalogue import Phase
from campaign.scenario import Trigger, steps_from

MINUTES = 0.5
"""of bench time that current flows: a served bench takes real time."""
ORDER, HIT = "order.json", "hit.json"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done, and when: `after` s of bench time in `phase`."""

    action: str
    phase: Phase
    after: float
    server: int
    """Process of the served bench."""

    def write(self, folder: Path) -> None:
        """Leave it where the victim looks for it."""
        (folder / ORDER).write_text(json.dumps(asdict(self)), encoding="utf-8")


def test_hit(bench: TestBench) -> None:
    """A test like any other, but for what happens to it."""
    order = Order(**json.loads(Path(ORDER).read_text(encoding="utf-8")))
    engine = bench.engine

    def act() -> None:
        moment = {"monotonic": time.monotonic(), "bench": engine.clock.now()}
        Path(f"{HIT}.partial").write_text(json.dumps(moment), encoding="utf-8")
        Path(f"{HIT}.partial").replace(HIT)
        ACTIONS[order.action](bench, order)

    engine.sampler.observers.append(Trigger(engine, order.phase, order.after, act))
    bench.run(*steps_from(order.phase, MINUTES))


def _signalled(name: str) -> "Action":
    return lambda _bench, _order: os.kill(os.getpid(), getattr(signal, name))


def asked_twice(bench: TestBench, _order: Order) -> None:
    """Ctrl-C, and again while the bench is being made safe."""
    bms = bench.engine.bench.roles.bms
    request = bms.request_mode

    def impatient(mode: Any) -> None:
        if mode == 0:
            os.kill(os.getpid(), signal.SIGINT)
        request(mode)

    bms.request_mode = impatient  # type: ignore[method-assign]
    os.kill(os.getpid(), signal.SIGINT)


def gone(_bench: TestBench, _order: Order) -> None:
    """The process is over, with the exit status of success."""
    os._exit(0)


def asleep(_bench: TestBench, _order: Order) -> None:
    """A call that waits for ever and takes no notice of requests to end."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    while True:
        signal.pause()


def busy_for_ever(_bench: TestBench, _order: Order) -> None:
    """One call that never returns and never lets another thread run."""
    re.match(r"(a+)+$", "a" * 100 + "b")


def busy_beside(_bench: TestBench, _order: Order) -> None:
    """Threads of the test's own that take all the processor there is."""

    def spin() -> None:
        end = time.monotonic() + 3
        while time.monotonic() < end:
            pass

    for _ in range(2):
        Thread(target=spin, daemon=True).start()


def out_of_memory(bench: TestBench, _order: Order) -> None:
    """No more memory for this process, neither now nor while the bench is made safe."""
    used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (16 << 20), resource.RLIM_INFINITY))
    hoard: list[bytearray] = []
    bench.hoard = hoard  # type: ignore[attr-defined]
    while True:
        hoard.append(bytearray(1 << 20))


def full_disk(bench: TestBench, _order: Order) -> None:
    """No file grows any more beyond what the largest one has by now."""
    journal = next(bench.run_log.folder.glob("samples.journal"))
    largest = max(journal.stat().st_size, 1 << 16)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))


def no_more_files(_bench: TestBench, _order: Order) -> None:
    """No file can be opened any more."""
    opened = max(map(int, os.listdir("/proc/self/fd")))  # noqa: PTH208 - numbers, not paths
    resource.setrlimit(resource.RLIMIT_NOFILE, (opened, opened))


def folder_removed(bench: TestBench, _order: Order) -> None:
    """Somebody tidies up the folder that is being recorded into."""
    shutil.rmtree(bench.run_log.folder)


def _an_hour_ahead() -> datetime:
    return utc_now() + timedelta(hours=1)


def clock_step(_bench: TestBench, _order: Order) -> None:
    """The system clock is set an hour ahead, as every module of ours sees it."""
    ahead = time.time
    time.time = lambda: ahead() + 3600
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in ("bench", "instruments", "reports", "can") and vars(module).get("utc_now") is utc_now:
            vars(module)["utc_now"] = _an_hour_ahead


def supervisor_killed(bench: TestBench, _order: Order) -> None:
    """Nobody watches any more."""
    watch: Any = bench._watch
    watch._process.kill()
    watch._process.wait()


def bench_killed(_bench: TestBench, order: Order) -> None:
    """Every instrument is gone at once: the mains of the rack, or its switch."""
    os.kill(order.server, signal.SIGKILL)


def bench_stopped(_bench: TestBench, order: Order) -> None:
    """Every instrument stops answering at once, with its connections open."""
    os.kill(order.server, signal.SIGSTOP)


def error_in_the_test(_bench: TestBench, _order: Order) -> None:
    """A mistake in the test's own code."""
    raise ZeroDivisionError("division by zero")


def left_to_the_terminal(_bench: TestBench, _order: Order) -> None:
    """Whoever has started the test closes its terminal when he sees that the instant has come."""


Action = Callable[[TestBench, Order], None]
ACTIONS: dict[str, Action] = {
    "SIGINT": _signalled("SIGINT"),
    "SIGTERM": _signalled("SIGTERM"),
    "SIGHUP": _signalled("SIGHUP"),
    "SIGKILL": _signalled("SIGKILL"),
    "SIGSEGV": _signalled("SIGSEGV"),
    "SIGSTOP": _signalled("SIGSTOP"),
    "asked_twice": asked_twice,
    "gone": gone,
    "asleep": asleep,
    "busy_for_ever": busy_for_ever,
    "busy_beside": busy_beside,
    "out_of_memory": out_of_memory,
    "full_disk": full_disk,
    "no_more_files": no_more_files,
    "folder_removed": folder_removed,
    "clock_step": clock_step,
    "supervisor_killed": supervisor_killed,
    "bench_killed": bench_killed,
    "bench_stopped": bench_stopped,
    "error_in_the_test": error_in_the_test,
    "close_the_terminal": left_to_the_terminal,
}
