"""One test's evidence on disk: manifest, events, samples, transcript (see docs/run-format.md).

A run exists from the moment its folder does: what could not even start is still a run, with a manifest that says why.
"""

import json
import os
import platform
import subprocess
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import metadata
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from bench.clock import utc_now
from bench.recording.life import claim, release
from bench.recording.past import PastRun, resumed_from
from bench.recording.recorder import SampleJournal, force_to_disk, write_parquet
from bench.verdicts import BenchFault, Cause, InputError, Measurement, Verdict, worst

SCHEMA = 1
TRANSCRIPT_TAIL = 5000
"""Messages kept of the wire: those before the end, which somebody will ask for; a day of all of them is a gigabyte."""


class RunRecord(NamedTuple):
    """What a run holds in memory while it is open: the same as its folder holds once it has ended."""

    manifest: dict[str, Any]
    events: list[dict[str, Any]]
    columns: tuple[str, ...]
    rows: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TestIdentity:
    """The test that a run belongs to."""

    __test__ = False

    nodeid: str
    name: str
    title: str
    requirements: tuple[str, ...] = ()
    parameters: tuple[tuple[str, Any], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As stored in the manifest."""
        return {
            "nodeid": self.nodeid, "name": self.name, "title": self.title,
            "requirements": list(self.requirements), "parameters": dict(self.parameters),
        }  # fmt: skip


class Run:
    """Writes a run folder from its first line to its last."""

    def __init__(self, root: Path, test: TestIdentity, manifest: dict[str, Any], now: Callable[[], float]) -> None:
        started = utc_now()
        self.folder = _new_folder(root, started, test.name)
        self.now = now
        self.events: list[dict[str, Any]] = []
        self.measurements: list[Measurement] = []
        self.cause: Cause | None = None
        self.also: list[Cause] = []
        """Further causes, in the order in which they were found."""
        self.journal: SampleJournal | None = None
        self.listeners: list[Callable[[dict[str, Any]], None]] = []
        self.step: str | None = None
        self.ended = False
        self._fsync = False
        self._life: FileLock | None = None
        self._tail: deque[tuple[float, str, str, str]] = deque(maxlen=TRANSCRIPT_TAIL)
        self._started = started
        self.manifest: dict[str, Any] = {
            "schema": SCHEMA,
            "run_id": self.folder.relative_to(root).as_posix(),
            "state": "running",
            "test": test.as_dict(),
            **manifest,
            "versions": {**versions(), **git_revision(Path.cwd())},
            "started": _utc(started), "ended": None, "duration": None,
            "verdict": None, "cause": None, "causes": [], "bench_verdict": None, "measurements": [], "kpis": [],
        }  # fmt: skip
        self._events_file = (self.folder / "events.jsonl").open("a", encoding="utf-8", newline="\n")
        self._write_manifest()

    def begin(self, columns: tuple[str, ...], *, fsync: bool, past: PastRun | None = None) -> None:
        """Start recording samples, behind those of `past` where the run continues another one.

        `fsync`: where time is real, what is written is on the disk and not only handed to the operating system.
        """
        self._fsync = fsync
        if fsync:
            self._life = claim(self.folder)
        self.journal = SampleJournal(self.folder / "samples.journal", columns, fsync=fsync)
        if past is None:
            self._write_manifest()
            self.event("run started", run_id=self.manifest["run_id"])
        else:
            self._continue(past)

    def _continue(self, past: PastRun) -> None:
        """Take over what the run before has recorded, and mark the gap."""
        assert self.journal is not None  # noqa: S101 - the caller has just made it
        if tuple(past.columns) != self.journal.columns:
            raise InputError(
                f"Run {past.run_id} was recorded with other columns, by another version of packbench or of a driver: "
                "it cannot be continued in one table. Run its test anew.",
                "resume-mismatch",
            )
        self.journal.extend(past.rows)
        self.events += [dict(event) for event in past.events]
        self._keep(*self.events)
        self.manifest["resumed_from"] = resumed_from(past, self.now(), utc_now())
        self._write_manifest()
        self.event("gap", **self.manifest["resumed_from"]["gaps"][-1])

    def event(self, kind: str, /, **fields: Any) -> None:
        """Append one line to the event log, at once, and tell whoever listens."""
        # Test time is monotonic; where time is real, the civil time beside it tells how long a gap was.
        civil = {"utc": _utc(utc_now())} if self._fsync else {}
        event = _clean({"time": round(self.now(), 6), "type": kind, **civil, **fields})
        self.events.append(event)
        self._keep(event)
        for listener in tuple(self.listeners):
            try:
                listener(event)
            except Exception as error:  # noqa: BLE001 - whoever listens must not keep the bench from being made safe
                self.listeners.remove(listener)
                text = f"A listener failed and is told no more ({type(error).__name__}: {error})."
                self.event("message", level="warning", text=text)

    def _keep(self, *events: dict[str, Any]) -> None:
        # A full disk must not keep the safe state from being reached: the journal reports it, events stay silent.
        with suppress(OSError, ValueError):
            self._events_file.writelines(json.dumps(event, ensure_ascii=False) + "\n" for event in events)
            self._events_file.flush()
            if self._fsync:
                os.fsync(self._events_file.fileno())

    def fault(self, cause: Cause) -> None:
        """Keep the first cause; later ones stand behind it in the manifest, each once, and change nothing."""
        if self.cause is None:
            self.cause = cause
        elif all((cause.fault, cause.limit) != (known.fault, known.limit) for known in (self.cause, *self.also)):
            self.also.append(cause)
        self.event("message", level="error", text=cause.text)

    @property
    def causes(self) -> list[dict[str, Any]]:
        """Every cause as stored in the manifest, the first one first."""
        return [cause.as_dict() for cause in (self.cause, *self.also) if cause is not None]

    def measured(self, measurement: Measurement) -> None:
        """Keep one judged quantity."""
        self.measurements.append(measurement)
        self.event("measurement", **measurement.as_dict())

    def transcript(self, instrument: str, direction: str, message: str) -> None:
        """Keep one message of the wire."""
        self._tail.append((self.now(), instrument, direction, message))

    def record(self) -> RunRecord:
        """Everything so far."""
        if self.journal is None:
            return RunRecord(self.manifest, self.events, (), np.empty((0, 0)))
        return RunRecord(self.manifest, self.events, self.journal.columns, self.journal.table())

    def end(self, verdict: Verdict, bench_verdict: dict[str, Any] | None) -> None:
        """Write what is left, turn the journal into a table, close. Raises `BenchFault` when the disk refuses it."""
        if self.ended:
            return
        self.ended = True
        cause = self.cause.as_dict() if self.cause else None
        if bench_verdict is not None:
            self.event("safe state", **bench_verdict)
        self.event("run ended", verdict=verdict, cause=cause)
        self.manifest |= {
            "state": "ended", "ended": _utc(utc_now()), "duration": self.now(),
            "verdict": verdict, "cause": cause, "causes": self.causes, "bench_verdict": bench_verdict,
            "measurements": [measurement.as_dict() for measurement in self.measurements],
        }  # fmt: skip
        self._write_transcript()
        self._events_file.close()
        try:
            self._close_journal()
        except BenchFault as fault:
            self.cause = self.cause or Cause("bench", str(fault), None, self.now(), fault=fault.fault)
            self.manifest |= {"verdict": worst([verdict, Verdict.BENCH_FAULT]), "cause": self.cause.as_dict()}
            self.manifest["causes"] = self.causes
            raise
        finally:
            self._write_manifest()
            if self._life is not None:
                release(self._life)

    def _close_journal(self) -> None:
        if self.journal is None:
            return
        self.journal.close()
        table = self.journal.table()
        write_parquet(self.folder / "samples.parquet", self.journal.columns, table, fsync=self._fsync)
        self.journal.path.unlink()
        # The rows of a whole session would be gigabytes; from here on they are read from the table.
        self.journal = None

    def _write_transcript(self) -> None:
        lines = (
            f"{time:12.3f} {instrument} {direction} {message}\n" for time, instrument, direction, message in self._tail
        )
        with suppress(OSError):
            (self.folder / "transcript.log").write_text("".join(lines), encoding="utf-8", newline="\n")

    def _write_manifest(self) -> None:
        """Replace `run.json` in one step: a reader never sees half a manifest."""
        text = json.dumps(_clean(self.manifest), indent=1, ensure_ascii=False)
        partial = self.folder / "run.json.partial"
        with suppress(OSError):
            partial.write_text(text + "\n", encoding="utf-8", newline="\n")
            if self._fsync:
                force_to_disk(partial)
            partial.replace(self.folder / "run.json")


def _new_folder(root: Path, started: datetime, test: str) -> Path:
    """`<root>/<date>/<time>-<test>`, never an existing one; nothing of the test's name can leave `root`.

    Raises `InputError` when `root` cannot hold a folder.
    """
    # ASCII, because file systems limit bytes; no dot at the end, because Windows drops it.
    kept = (letter if letter.isascii() and (letter.isalnum() or letter in "-_.,") else "_" for letter in test)
    safe = "".join(kept).strip("._")[:80].rstrip(".")
    stem = root / f"{started:%Y-%m-%d}" / f"{started:%H%M%S}-{safe or 'test'}"
    for number in range(1000):
        folder = stem if number == 0 else stem.with_name(f"{stem.name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise InputError(
                f"Runs cannot be kept in {root} ({error.strerror}): name a folder that can be written with --runs."
            ) from error
        return folder
    raise FileExistsError(f"{stem}: a thousand runs of this test began in the same second.")


def _utc(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _clean(value: Any) -> Any:
    """JSON has no nan and no infinity: they become null."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value if isinstance(value, str | int | bool | None) else str(value)


@cache
def versions() -> dict[str, Any]:
    """Of what produced the run."""
    try:
        ours = metadata.version("packbench")
    except metadata.PackageNotFoundError:
        ours = "unknown"
    return {"packbench": ours, "python": platform.python_version(), "platform": platform.platform()}


@cache
def git_revision(folder: Path) -> dict[str, Any]:
    """Revision of the working tree that the tests come from; unknown outside one or without git."""
    try:
        commit = _git(folder, "rev-parse", "--short=12", "HEAD")
        return {
            "git": commit,
            "git_dirty": bool(_git(folder, "status", "--porcelain", "--untracked-files=no")),
        }
    except (OSError, subprocess.SubprocessError):
        return {"git": None, "git_dirty": None}


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()  # noqa: S603
