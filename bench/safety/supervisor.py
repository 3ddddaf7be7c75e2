"""The supervisor: a process beside the test that switches the bench off when the test cannot do it any more.

A dead man's switch. It holds a plan and hears a heartbeat, and nothing else: no instrument, no lock, no thread of the
test. Silence, a clock that does not run as this process's does, or the end of the test's process mean that nobody
guards the bench; then it ends what is left of the test, opens sessions of its own (`bench.safety.rescue`), makes the
bench safe and writes what it did into the run's folder. It knows nothing of tests.

Who watches the watcher: it answers, at least `ANSWERS` times in a heartbeat, with the time at which it did. The loop
that would act says so itself, nothing vouches for it, and the test does not go on without (`bench.safety.heartbeat`).

A closed bench is dead, as far as another process can see to it: when the bench was closed the supervisor stays, hears
nothing any more, and waits for the end of the test's process. Then it looks once whether something has switched on
again (`bench.safety.lastlook`).

Only the standard library is imported before it watches: it must be up before the first output is on.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.clock import WallClock, monotonic, utc_now, utc_text
from bench.safety import remains
from bench.safety.pace import Pace
from bench.safety.plan import Plan
from bench.safety.remains import DEATH, FROM_THE_TEST

if TYPE_CHECKING:
    from filelock import FileLock

REPORT = "supervisor.json"
READY = "ready"
CLOSED = "closed"
"""The bench was closed: silence means nothing any more, the end of the process does."""
ALL_IS_WELL = "all is well"
"""Nobody needs to watch any more: another one does, or there is nothing to be watched."""
NOTHING_LEFT = "the simulators ended with the test, there was nothing to switch off"
ANSWERS = 4
"""How often it answers in each heartbeat, at least."""
UNHEARD = 100
"""Answers without a word from the test, after which it keeps them: a pipe that nobody reads must never fill."""
CATCH_UP = 0.03
"""s for words that came in time to be read by a process that was not running meanwhile."""
TO_THE_TEST = 1
"""Standard output."""
PREPARATION = 20.0
"""s that its imports may take at most, before it stands by."""
CHUNK = 65536
DEAF_TO = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""Whoever ends the test ends it: the supervisor is told through its pipe, which no signal can forge or forget."""


class Word(NamedTuple):
    """The lines that came at once through the pipe, at `time` (s of the supervisor's clock); None: the test is gone."""

    time: float
    text: str | None


@dataclass(frozen=True, slots=True)
class Alarm:
    """Why the supervisor must act, when (s) it last heard from the test, and the id in the fault catalogue."""

    reason: str
    last_heard: float
    fault: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The bench was closed in order, at `time` s."""

    time: float


Words = SimpleQueue[Word]


class Answers:
    """Tells the test that somebody watches: the time (s) at which this was said, `ANSWERS` times in a heartbeat."""

    def __init__(self, heartbeat: float, say: Callable[[bytes], object]) -> None:
        self.every = heartbeat / ANSWERS
        self._say = say
        self._last = 0.0
        self._unheard = 0

    def heard(self) -> None:
        """The test has said something: it will hear what is said."""
        self._unheard = 0

    def give(self) -> None:
        """Answer if it is time to."""
        now = monotonic()
        if self._unheard < UNHEARD and now - self._last >= self.every / 2:
            self._last, self._unheard = now, self._unheard + 1
            with suppress(OSError):  # a test that has ended hears nothing, and is found to have ended
                self._say(b"%.3f\n" % now)


def watch(
    words: Words, patience: float, now: Callable[[], float], pace: Pace | None = None, answers: Answers | None = None
) -> Alarm | Closed | None:
    """Wait for the end of the test: None when it said that all is well, else what has come instead.

    Each word is how long (s) the test may be silent from then on, and where bench time is real also what its clock
    shows: only progress that this process measures counts as progress.
    """
    heard = now()
    while True:
        if answers is not None:
            answers.give()
        word = _next(words, heard + patience - now(), answers)
        if word is None:
            if now() < heard + patience:
                continue
            return Alarm(f"the test was silent for more than {patience:.1f} s", heard, "test-hung")
        if word.text is None:
            return Alarm("the test's process ended without a word", heard, "test-died")
        heard = word.time
        if answers is not None:
            answers.heard()
        *_, last = word.text.splitlines() or [""]
        if last in (ALL_IS_WELL, CLOSED):
            return None if last == ALL_IS_WELL else Closed(heard)
        with suppress(ValueError):
            patience, *clock = map(float, last.split())
            if pace is not None and clock and not pace.told(heard, clock[0]):
                return Alarm(str(pace), heard, "test-clock-wrong")


def _next(words: Words, left: float, answers: Answers | None) -> Word | None:
    """The next word within `left` s, or None: also when it is time for another answer."""
    try:
        return words.get(timeout=max(CATCH_UP, min(left, answers.every if answers else left)))
    except Empty:
        return None


def stand_by(words: Words) -> bool:
    """Wait until the process has ended whose bench was closed; False when it said that all is well."""
    while (word := words.get()).text is not None:
        if word.text.endswith(ALL_IS_WELL):
            return False
    return True


def listen(lines: Iterator[str], words: Words, now: Callable[[], float], closed: Event) -> None:
    """Pass on what comes through the pipe, with the time at which it came."""
    for text in lines:
        words.put(Word(now(), text))
    closed.set()
    words.put(Word(now(), None))


def whole_lines(pipe: int) -> Iterator[str]:
    """What comes through the pipe, each time as many whole lines as have come.

    Words that have waited are read at once, so that none but the last, which has not waited, is compared with a clock.
    """
    rest = b""
    while chunk := os.read(pipe, CHUNK):
        whole, end, rest = (rest + chunk).rpartition(b"\n")
        if end:
            yield whole.decode(errors="replace")


def report_end(process: int, words: Words, now: Callable[[], float], closed: Event) -> None:
    """Say so when the test's process has ended: what it has forked may hold the pipe open for ever.

    `closed` is set once the pipe is; what the process had said before it ended is passed on first.
    """
    remains.wait_until_gone(process)
    closed.wait(CATCH_UP)
    words.put(Word(now(), None))


def act(plan: Plan, alarm: Alarm, clock: WallClock, closed: Event) -> None:
    """End the test, make the bench safe, write down what was done; `closed` is set once nobody holds the pipe."""
    noticed = clock.now()
    ended = remains.end_process(plan.process, dying=closed.is_set())
    forks = [] if closed.wait(CATCH_UP) else remains.end_forks()
    report: dict[str, Any] = {
        "schema": 1,
        "state": "acting",
        "reason": alarm.reason,
        "fault": alarm.fault,
        "last_heard": _utc(clock, alarm.last_heard),
        "noticed": _utc(clock, noticed),
        "test": {"process": plan.process, "ended_by": "supervisor" if ended else "itself"}
        | ({"forks_ended": forks} if forks else {}),
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


def _let_go() -> None:
    """The bench is closed: another test may have it."""
    for lock in _kept:
        lock.release()
    _kept.clear()


_kept: "list[FileLock]" = []


def _utc(clock: WallClock, time: float) -> str:
    return utc_text(utc_now() - timedelta(seconds=clock.now() - time))


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
    lines = whole_lines(FROM_THE_TEST)
    first = next(lines, "")
    if not first:
        return
    plan_line, _, early = first.partition("\n")
    plan, clock = Plan.from_line(plan_line), WallClock()
    words: Words = SimpleQueue()
    if early:
        words.put(Word(clock.now(), early))
    closed = Event()
    _begin(listen, lines, words, clock.now, closed)
    if os.name == "posix":
        _begin(report_end, plan.process, words, clock.now, closed)
    say = partial(os.write, TO_THE_TEST)
    say(f"{READY}\n".encode())
    prepared = _begin(_prepare, plan)
    pace = Pace(plan.speed) if plan.speed else None
    ended = watch(words, plan.patience, clock.now, pace, Answers(plan.heartbeat, say))
    match ended:
        case Alarm():
            act(plan, ended, clock, closed)
        case Closed():
            prepared.join(PREPARATION)
            _let_go()
            if stand_by(words):
                _look_again(plan, ended, clock, closed)


def _begin(task: Callable[..., None], *arguments: object) -> Thread:
    thread = Thread(target=task, args=arguments, name=f"packbench-{task.__name__}", daemon=True)
    thread.start()
    return thread


def _look_again(plan: Plan, bench: Closed, clock: WallClock, closed: Event) -> None:
    """The process has ended whose bench was closed: if something has switched on again, switch it off."""
    from bench.safety import lastlook

    remains.wait_until_gone(plan.process)
    with lastlook.claim(plan) as ours:
        if ours and (text := lastlook.look(plan, clock, closed)):
            act(replace(plan, life=""), Alarm(text, bench.time, "switched-on-again"), clock, closed)


def _prepare(plan: Plan) -> None:
    """Import now what an emergency will need; whatever is wrong with it will be told then.

    In a thread of its own, so that the test is watched, and told so, meanwhile.
    """
    with suppress(Exception):
        from bench.safety import lastlook, rescue

        rescue.prepare(plan.station, plan.instruments)
        if plan.speed and not plan.lease:
            _kept.append(lastlook.mark_open(plan))


if __name__ == "__main__":
    main()
    # The listener waits in a read that holds the buffer's lock; an ordinary end would stumble over it.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
