"""Does something to the process of a test on a served bench, and reads from the bench's own log what became of it.

The served bench is a process that outlives the test: real sockets, real signals, the wall clock. Its log says what was
on when, whatever the test and its supervisor say. Its instruments are hit from here, over its standard input.
"""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread
from typing import Any

from bench.safety.faults import fault as fault_of
from bench.safety.powercut import afterwards
from bench.safety.supervisor import REPORT
from campaign import outcome
from campaign.catalogue import Injection, Phase
from campaign.leases import LEASE, lease_found
from campaign.outcome import DEAD_CURRENT, NEVER_ENDED, CaseOutcome
from campaign.scenario import instant
from campaign.served import ROOT, Event, ServedBench, served
from campaign.victim import HIT, Order
from reports.recording import TIME, Recording, RecordingError

SPEED = 5.0
"""Bench seconds per second."""
PATIENCE = 90.0
"""s until a case is given up; none takes half of that on a computer that has time."""
LAST_LOOK = 3.0
"""s that whatever is on when everybody has ended is given to go off."""
OVERRUN = 5.0
"""s, beside twice what was asked for, that a slow computer may take; what a stopped clock costs is far more."""
ALONE = 45.0
"""s that a bench is given to go off by itself when nobody is left."""
TOLD_ON_THE_TERMINAL = {
    " is in use by ": "bench-in-use",
    "cannot be recorded": "recording-failed",
    "BenchFault: ": "bench-fault",
}
"""What a line of the terminal means where there is no run to read it from, by words in it."""
VICTIM = "from campaign.victim import test_hit\n"


@dataclass(frozen=True, slots=True)
class _Left:
    """What a case has left behind: the moment of the hit, the run, the served bench's own log."""

    status: int | None
    said: str
    hit: Mapping[str, float] | None
    run: Path | None
    states: list[Event]
    injected: list[Event]
    commands: int
    """Messages that the instruments have got from anybody."""
    found: bool
    """Whether the bench was found like that: the hit is then before the test begins."""

    @property
    def manifest(self) -> dict[str, Any]:
        """`run.json`, as it was left."""
        return _json(self.run / "run.json") if self.run else {}

    @property
    def supervisor(self) -> dict[str, Any]:
        """The supervisor's report; empty when it had nothing to do."""
        return _json(self.run / REPORT) if self.run else {}


def run(fault: str, injection: Injection, phase: Phase, seed: int, folder: Path) -> CaseOutcome:
    """One case, judged; station, log and recording are left in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    opening = injection.seeds if phase == "opening" else ()
    options = [word for name in ("supply", "load", "emulator") for word in ("--exclusive", name)]
    options += ["--control", *(word for defect in opening for word in ("--defect", defect))]
    extra = {"lease": {"file": str(folder / LEASE), "expiry": 60}} if injection.lease else {}
    with served(folder, *options, shipped=_shipped(injection), extra=extra, speed=SPEED) as bench:
        # A pipe that nobody reads would stop the bench when it is full; the log has the same lines.
        Thread(target=deque, args=(bench.process.stdout, 0), daemon=True).start()
        _order(fault, injection, phase, seed, bench.process.pid).write(folder)
        began = time.monotonic()
        if phase != "opening":
            Thread(target=_strike, args=(bench, injection, folder / HIT), daemon=True).start()
        with lease_found(folder / LEASE, injection.lease):
            pack = ["--pack", injection.pack] if injection.pack else []
            status, said = _ended(folder, pack, by_terminal=injection.action == "close_the_terminal")
        _wait_until_over(folder, bench, injection)
        left = _left(folder, bench, status, said, began if phase == "opening" else None)
    (folder / "output.txt").write_text(said, encoding="utf-8")
    found = replace(outcome.of(fault, injection, phase), **_observed(left, injection))
    return outcome.judged(found, injection)


def _shipped(injection: Injection) -> str:
    """The station whose simulators are served; one that is not served has a twin that is."""
    folder, slash, name = injection.station.rpartition("/")
    return f"{folder}{slash}{name.replace('virtual-', 'served-')}"


def _order(fault: str, injection: Injection, phase: Phase, seed: int, server: int) -> Order:
    also = injection.also
    second = (also.action, also.after / SPEED) if also and also.action else ("", 0.0)
    at = instant(seed, fault, phase, injection.minutes)
    return Order(injection.action, phase, at, server, *second, injection.minutes, injection.scenario)


def _strike(bench: ServedBench, injection: Injection, hit: Path) -> None:
    """Hit the instruments when the victim says that its instant has come."""
    if not _wait_for(hit.exists):
        return
    also = injection.also
    with suppress(OSError):  # a bench that is gone is not hit any more
        if injection.defects:
            bench.command("inject", *injection.defects)
        if also and also.defects:
            time.sleep(also.after / SPEED)
            bench.command("inject", *also.defects)


def _wait_until_over(folder: Path, bench: ServedBench, injection: Injection) -> None:
    """Wait until nobody does anything about the bench any more."""
    if "alone" in injection.expectations.values():
        _wait_for(lambda: _is_off(bench), ALONE)
        return
    _wait_for(lambda: _is_over(folder))
    _wait_for(lambda: _is_off(bench), LAST_LOOK)


def _is_off(bench: ServedBench) -> bool:
    states = bench.logged("state")
    return bool(states) and not _on(states[-1])


# --- the process ------------------------------------------------------------------------------------------------------


def _ended(folder: Path, options: Sequence[str], *, by_terminal: bool) -> tuple[int | None, str]:
    """Run the victim to its end: exit status (None: it had to be killed) and what it said."""
    (folder / "test_victim.py").write_text(VICTIM, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "bench.plugin", "-p", "no:cacheprovider", "--rootdir=."]
    command += ["--station=station.yaml", *options, "test_victim.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    for name in [name for name in environment if name.startswith("PYTEST_")]:
        del environment[name]  # of the session that runs the campaign
    if by_terminal:
        return _on_a_terminal(command, folder, environment)
    process = subprocess.Popen(
        command, cwd=folder, env=environment, start_new_session=True, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        said, _ = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        said, _ = process.communicate()
        return None, said
    return process.returncode, said


def _on_a_terminal(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[int | None, str]:
    """The same on a terminal of its own, which is closed at the instant."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.execve(command[0], command, environment)
    said = bytearray()
    reader = Thread(target=_read, args=(terminal, said, folder / HIT), daemon=True)
    reader.start()
    ended: list[int] = []

    def gone() -> bool:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            ended.append(os.waitstatus_to_exitcode(status))
        return bool(ended)

    if not _wait_for(gone):
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    return (ended[0] if ended else None), said.decode(errors="replace")


def _read(terminal: int, said: bytearray, hit: Path) -> None:
    """Read until the instant has come, then close the terminal."""
    os.set_blocking(terminal, False)
    while not _wait_for(hit.exists, patience=0.05):
        with suppress(BlockingIOError):
            try:
                said += os.read(terminal, 1 << 16)
            except OSError as error:
                if isinstance(error, BlockingIOError):
                    raise
                break
    os.close(terminal)


def _is_over(folder: Path) -> bool:
    """Whether nobody does anything about the bench any more: the run has ended, or its supervisor is done."""
    path = _run_in(folder)
    if path is None:
        return True
    return _json(path / "run.json").get("state") == "ended" or _json(path / REPORT).get("state") == "done"


def _wait_for(condition: Callable[[], bool], patience: float = PATIENCE) -> bool:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


# --- what it has left -------------------------------------------------------------------------------------------------


def _left(folder: Path, bench: ServedBench, status: int | None, said: str, began: float | None) -> _Left:
    """What is left; a bench that was found as it is was hit before the test `began`."""
    hit = _json(folder / HIT) if began is None else {"monotonic": began, "bench": 0.0}
    commands = len(bench.logged("command"))
    states, injected = bench.logged("state"), bench.logged("injected")
    return _Left(status, said, hit or None, _run_in(folder), states, injected, commands, began is not None)


def _run_in(folder: Path) -> Path | None:
    return next((path for path in folder.glob("runs/[0-9]*/*") if path.is_dir()), None)


def _json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content


def _observed(left: _Left, injection: Injection) -> dict[str, Any]:
    if left.hit is None:
        cause = left.manifest.get("cause") or {}
        return {"text": cause.get("text") or left.said[-300:], "verdict": f"exit status {left.status}"}
    manifest, supervisor = left.manifest or _said(left), left.supervisor
    recording = _recording(left.run)
    events = recording.events if recording else ()
    safe = supervisor.get("bench_verdict") if supervisor else manifest.get("bench_verdict")
    noticed = (
        outcome.words("ended", supervisor["fault"], fault_of(supervisor["fault"]).blame, supervisor["reason"])
        if supervisor
        else outcome.noticed_in(manifest, events, left.hit["bench"], injection.named)
    )
    off, off_after = _outputs(left.states, left.hit["monotonic"])
    return {
        "injected": round(left.hit["bench"], 3),
        "second": _second(left, injection),
        **noticed,
        "listed": outcome.listed_in(manifest, events, left.hit["bench"]),
        "off": off,
        "off_after": off_after,
        "current": abs(left.states[-1]["battery"]) if left.states else None,
        "verified": safe["safe"] if safe else None,
        "bench": outcome.unsafe_words(safe) if safe or supervisor else _read_afterwards(manifest),
        "lost": _lost(recording, left.hit["bench"], manifest.get("cause")),
        "verdict": str(manifest.get("verdict") or NEVER_ENDED),
        "status": left.status if left.status is not None and left.status >= 0 else None,
        "overran": not left.found and (off_after or 0.0) > OVERRUN + 2 * 60 * injection.minutes / SPEED,
        "touched": injection.lease == "held" and left.commands > 0,
    }


def _read_afterwards(manifest: Mapping[str, Any]) -> str:
    """What `packbench runs` says of the outputs of a run that nobody has ended: there is no bench verdict to read."""
    return afterwards(manifest.get("power_cut") or ()) if manifest.get("verdict") is None else ""


def _second(left: _Left, injection: Injection) -> float | None:
    """When the second of two faults came, in bench time: the instruments' log knows, or the process has done it."""
    also = injection.also
    if also is None:
        return None
    if also.action or left.hit is None:
        return left.hit["bench"] + also.after if left.hit else None
    last = next((event for event in reversed(left.injected) if event["defects"] == list(also.defects)), None)
    return None if last is None else left.hit["bench"] + (last["monotonic"] - left.hit["monotonic"]) * SPEED


def _said(left: _Left) -> dict[str, Any]:
    """What the terminal says of a run that is not on disk: any more, or because it was never begun."""
    for words, fault in TOLD_ON_THE_TERMINAL.items():
        told = next((line for line in left.said.splitlines() if words in line), None)
        if told is not None:
            cause = {"fault": fault, "blame": "bench", "text": told, "time": left.hit["bench"] if left.hit else 0.0}
            return {"cause": cause, "verdict": "BENCH FAULT"}
    return {}


def _outputs(states: list[Event], hit: float) -> tuple[bool, float | None]:
    """Whether everything is off in the end, and how long (s) after the hit the last of it was."""
    # The state at the hit is the newest from before it.
    before = [state for state in states if state["monotonic"] <= hit][-1:]
    seen = before + [state for state in states if state["monotonic"] > hit]
    if not seen or _on(seen[-1]):
        return False, None
    last = max((number for number, state in enumerate(seen) if _on(state)), default=None)
    return True, 0.0 if last is None else round(max(0.0, seen[last + 1]["monotonic"] - hit), 3)


def _on(state: Event) -> bool:
    return any(state[each] for each in ("supply", "load", "other")) or abs(state["battery"]) > DEAD_CURRENT


def _recording(run: Path | None) -> Recording | None:
    if run is not None:
        with suppress(RecordingError):
            return Recording.load(run)
    return None


def _lost(recording: Recording | None, hit: float, cause: Mapping[str, Any] | None) -> float | None:
    """S of the wall between the last recorded row and the end: the cause's time, or the hit itself."""
    if recording is None or len(recording.rows) == 0:
        return None
    last = float(recording.rows[-1, list(recording.columns).index(TIME)])
    return round(max(0.0, (cause["time"] if cause else hit) - last) / SPEED, 3)
