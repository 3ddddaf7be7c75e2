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
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread, Timer
from typing import Any

from bench.clock import utc_now
from bench.scenario import Charge, elapsed, soc_above
from bench.testing import TestBench
from campaign.catalogue import Phase
from campaign.scenario import Trigger, steps_from, steps_of
from instruments.roles import BmsMode

LEFT_ALONE = frozenset({"_pytest", "campaign", "queue", "selectors", "threading"})
"""Packages whose clock freezegun does not freeze either, and this one, which has to strike in time."""
ORDER, HIT = "order.json", "hit.json"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done to the process, if anything, and when: `after` s of bench time in `phase`."""

    action: str
    phase: Phase
    after: float
    server: int
    """Process of the served bench."""
    second: str = ""
    """What is done to the process behind something else, and how many s (of the wall) behind it."""
    behind: float = 0.0
    minutes: float = 0.5
    """of bench time that current flows: a served bench takes real time."""
    scenario: str = ""
    """That of another package, as the catalogue names it."""

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
        if order.second:
            Timer(order.behind, ACTIONS[order.second], (bench, order)).start()
        if order.action:
            ACTIONS[order.action](bench, order)

    if order.phase != "opening":
        engine.sampler.observers.append(Trigger(engine, order.phase, order.after, act))
    own = steps_of(order.scenario, order.phase, engine.bench) if order.scenario else ()
    bench.run(*(own or steps_from(order.phase, order.minutes)))


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


def clock_frozen(_bench: TestBench, _order: Order) -> None:
    """A test freezes the clock, as test libraries do: in every module that has taken a function of it."""
    _patch_the_clock(0.0)


def clock_slowed(_bench: TestBench, _order: Order) -> None:
    """A test lets the clock go at a tenth of its speed."""
    _patch_the_clock(0.1)


def _patch_the_clock(speed: float) -> None:
    clocks = (time.time, time.monotonic, time.perf_counter)
    patched: dict[int, Any] = {id(clock): _slowed(clock, speed) for clock in clocks}
    patched[id(time.sleep)] = _in_no_time
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in LEFT_ALONE:
            continue
        for attribute, value in list(vars(module).items()):
            if id(value) in patched:
                vars(module)[attribute] = patched[id(value)]


def _slowed(clock: Callable[[], float], speed: float) -> Callable[[], float]:
    start = clock()
    return lambda: start + speed * (clock() - start)


def _in_no_time(_seconds: float) -> None:
    """Nobody sleeps on a clock that a test has frozen."""


def supervisor_stopped(bench: TestBench, _order: Order) -> None:
    """Whoever watches is stopped, and does not know it."""
    os.kill(_supervisor(bench), signal.SIGSTOP)


def computer_dies(bench: TestBench, _order: Order) -> None:
    """The computer loses its power: the test and its supervisor are gone at the same instant."""
    os.kill(_supervisor(bench), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def _supervisor(bench: TestBench) -> int:
    watch: Any = bench._watch
    return int(watch._process.pid)


def driver_kept_by_a_thread(bench: TestBench, _order: Order) -> None:
    """A thread keeps a driver, and switches on again once the bench is closed."""
    Thread(target=_switch_on_once, args=(bench, lambda: bench._open is None)).start()


def driver_kept_by_a_child(bench: TestBench, _order: Order) -> None:
    """A forked process has every socket of the bench, and switches on again once the test is gone."""
    parent = os.getpid()
    if os.fork() == 0:
        try:
            _switch_on_once(bench, lambda: os.getppid() != parent)
        finally:
            os._exit(0)


def _switch_on_once(bench: TestBench, over: Callable[[], bool]) -> None:
    """Wait until it is over, then try to have a current flow, again and again for a second."""
    roles, lowest = bench.engine.bench.roles, bench.pack.voltage_min
    deadline = time.monotonic() + 60
    while not over() and time.monotonic() < deadline:
        time.sleep(0.02)
    for _ in range(10):
        with suppress(Exception):
            roles.bms.request_mode(BmsMode.DISCHARGE)
        with suppress(Exception):
            roles.sink.discharge(1.0, lowest)
        time.sleep(0.1)


def wrong_argument(_bench: TestBench, _order: Order) -> None:
    """A test calls a condition with an argument that it does not have."""
    elapsed(minute=1)  # type: ignore[call-arg]


def impossible_threshold(bench: TestBench, _order: Order) -> None:
    """A test asks for a state of charge of 8000 %."""
    bench.run(Charge("C/3", until=soc_above(80)))


def step_without_an_end(bench: TestBench, _order: Order) -> None:
    """A test says of a step what it does and not when it is over."""
    bench.run(Charge("C/3"))


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
    """Whoever has started the test closes its terminal when he sees that the instant has come.

    On a busy machine he may see it only when the run is over: nothing goes on until he has.
    """
    terminal = os.open("/dev/tty", os.O_RDONLY)
    deadline = time.monotonic() + 10
    try:
        while os.isatty(terminal) and time.monotonic() < deadline:
            time.sleep(0.005)
    finally:
        os.close(terminal)


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
    "clock_frozen": clock_frozen,
    "clock_slowed": clock_slowed,
    "supervisor_stopped": supervisor_stopped,
    "computer_dies": computer_dies,
    "driver_kept_by_a_thread": driver_kept_by_a_thread,
    "driver_kept_by_a_child": driver_kept_by_a_child,
    "wrong_argument": wrong_argument,
    "impossible_threshold": impossible_threshold,
    "step_without_an_end": step_without_an_end,
    "supervisor_killed": supervisor_killed,
    "bench_killed": bench_killed,
    "bench_stopped": bench_stopped,
    "error_in_the_test": error_in_the_test,
    "close_the_terminal": left_to_the_terminal,
}
