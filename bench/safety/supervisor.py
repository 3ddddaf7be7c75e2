"""The supervisor: a process beside the test that switches the bench off when the test cannot do it any more.

A dead man's switch. It holds a plan and hears a heartbeat, and nothing else: no instrument, no lock, no thread of the
test. Silence or a closed pipe means that the test hangs or is gone; then it ends what is left of it, opens sessions of
its own (`bench.safety.rescue`), makes the bench safe and writes what it did into the run's folder. It knows nothing of
tests.

Only the standard library is imported before it watches: it must be up before the first output is on.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, NamedTuple

from bench.clock import WallClock

REPORT = "supervisor.json"
READY = "ready"
ALL_IS_WELL = "all is well"
NOTHING_LEFT = "the simulators ended with the test, there was nothing to switch off"
DEATH = 1.0
"""s that a killed process gets to let go of its connections."""
DEAF_TO = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""Whoever ends the test ends it: the supervisor is told through its pipe, which no signal can forge or forget."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that the supervisor knows: whom it watches, and which instruments to make safe in which order.

    The station is in it as it was when the test began: a file that is edited or lost meanwhile must not matter.
    """

    process: int
    folder: str
    station: Mapping[str, Any]
    instruments: tuple[str, ...]
    patience: float
    """s until the first word must come."""
    life: str = ""
    """File that is locked for as long as the test's lease lives; empty when it has none."""
    identities: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Model and serial number of each instrument as the test identified it: another one's OFF proves nothing."""

    def as_line(self) -> bytes:
        """As sent to the supervisor."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "Plan":
        """As received; raises `ValueError` or `TypeError` for anything else."""
        fields = json.loads(line)
        return cls(**{**fields, "instruments": tuple(fields["instruments"])})


class Word(NamedTuple):
    """What came through the pipe at `time` (s of the supervisor's clock); None: the pipe was closed."""

    time: float
    text: str | None


@dataclass(frozen=True, slots=True)
class Alarm:
    """Why the supervisor must act, when (s) it last heard from the test, and the id in the fault catalogue."""

    reason: str
    last_heard: float
    fault: str


def watch(words: "SimpleQueue[Word]", patience: float, now: Callable[[], float]) -> Alarm | None:
    """Wait for the end of the test: None when it said that all is well, else why not.

    Each word is how long (s) the test may be silent from then on.
    """
    heard = now()
    while True:
        try:
            word = words.get(timeout=max(0.0, heard + patience - now()))
        except Empty:
            return Alarm(f"the test was silent for more than {patience:.1f} s", heard, "test-hung")
        if word.text is None:
            return Alarm("the test's process ended without a word", heard, "test-died")
        if word.text == ALL_IS_WELL:
            return None
        heard = word.time
        with suppress(ValueError):
            patience = float(word.text)


def listen(words: "SimpleQueue[Word]", now: Callable[[], float]) -> None:
    """Pass on what comes through the pipe, with the time at which it came."""
    for line in iter(sys.stdin.buffer.readline, b""):
        words.put(Word(now(), line.decode(errors="replace").strip()))
    words.put(Word(now(), None))


def end_process(process: int, clock: WallClock) -> bool:
    """End a test that hangs: it holds the instruments' only connections, and may wake up and switch on again.

    Returns whether it was there to be ended.
    """
    if _is_gone(process):
        return False
    with suppress(ProcessLookupError, PermissionError):
        os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))  # on Windows SIGTERM is TerminateProcess
    deadline = clock.now() + DEATH
    while not _is_gone(process) and clock.now() < deadline:
        clock.sleep(0.01)
    return True


def _is_gone(process: int) -> bool:
    # The test is our parent: an orphan's parent has died, and its number may be somebody else's by now.
    return os.name == "posix" and os.getppid() != process


def act(plan: Plan, alarm: Alarm, clock: WallClock) -> None:
    """End the test, make the bench safe, write down what was done."""
    noticed = clock.now()
    ended = end_process(plan.process, clock)
    report: dict[str, Any] = {
        "schema": 1,
        "state": "acting",
        "reason": alarm.reason,
        "fault": alarm.fault,
        "last_heard": _utc(clock, alarm.last_heard),
        "noticed": _utc(clock, noticed),
        "test": {"process": plan.process, "ended_by": "supervisor" if ended else "itself"},
        "bench_verdict": None,
        "text": NOTHING_LEFT,
    }
    if plan.station["clock"] != "virtual":
        _keep_lease(plan.life)
        for found in _rescued(plan, alarm, clock):
            report |= found
            _write(Path(plan.folder), report)
    _write(Path(plan.folder), report | {"state": "done", "ended": _utc(clock, clock.now())})


def _rescued(plan: Plan, alarm: Alarm, clock: WallClock) -> Iterator[dict[str, Any]]:
    """What each attempt to make the bench safe adds to the report."""
    from bench.safety import rescue

    for outcome in rescue.attempts(plan.station, plan.instruments, clock, plan.identities):
        yield {
            "attempts": outcome.number,
            "outputs_off_after": outcome.commanded and round(outcome.commanded - alarm.last_heard, 3),
            "bench_verdict": outcome.verdict.as_dict(),
            "text": str(outcome.verdict),
        }


def _keep_lease(life: str) -> None:
    """Hold on to the dead test's lease until this process ends: nobody else is to have a bench that is not safe yet.

    In a thread of its own: a disk that hangs must not keep the outputs on.
    """
    if life:
        from filelock import FileLock

        lock = FileLock(life, thread_local=False)
        Thread(target=partial(lock.acquire, timeout=DEATH), name="packbench-lease", daemon=True).start()
        _kept.append(lock)


_kept: list[object] = []


def _utc(clock: WallClock, time: float) -> str:
    moment = datetime.now(UTC) - timedelta(seconds=clock.now() - time)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _write(folder: Path, report: Mapping[str, Any]) -> None:
    """Replace the report in one step; a disk that takes nothing must not keep the bench from being made safe."""
    partial = folder / f"{REPORT}.partial"
    with suppress(OSError):
        partial.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
        partial.replace(folder / REPORT)


def main() -> None:
    """Entry point of the process: the plan and the heartbeat come through the standard input."""
    for name in DEAF_TO:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    line = sys.stdin.buffer.readline()
    if not line:
        return
    plan, clock = Plan.from_line(line), WallClock()
    words: SimpleQueue[Word] = SimpleQueue()
    Thread(target=listen, args=(words, clock.now), name="packbench-listen", daemon=True).start()
    print(READY, flush=True)  # noqa: T201 - the test waits for this line
    _prepare(plan)
    alarm = watch(words, plan.patience, clock.now)
    if alarm is not None:
        act(plan, alarm, clock)


def _prepare(plan: Plan) -> None:
    """Import now what an emergency will need; whatever is wrong with it will be told then."""
    from bench.safety import rescue

    with suppress(Exception):
        rescue.prepare(plan.station, plan.instruments)
        import filelock  # noqa: F401


if __name__ == "__main__":
    main()
    # The listener waits in a read that holds the buffer's lock; an ordinary end would stumble over it.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
