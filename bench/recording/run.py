"""One test's evidence on disk: manifest, events, samples, transcript (see docs/run-format.md).

A run exists from the moment its folder does: what could not even start is still a run, with a manifest that says why.
"""

import platform
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock

from bench.clock import utc_now, utc_text
from bench.recording.canlog import CanLog
from bench.recording.eventlog import NAME as EVENTS
from bench.recording.eventlog import EventLog
from bench.recording.journal import NAME as JOURNAL
from bench.recording.journal import Journal
from bench.recording.life import claim, release
from bench.recording.manifest import NAME as MANIFEST
from bench.recording.manifest import SCHEMA, clean, sealed
from bench.recording.past import PastRun, resumed_from
from bench.recording.recorder import SampleJournal
from bench.recording.rewritten import RewrittenFile, refused
from bench.recording.rows import Table
from bench.recording.spare import Descriptors
from bench.recording.table import NAME as TABLE
from bench.recording.table import parts_of, write_parquet
from bench.recording.transcript import Transcript
from bench.verdicts import BenchFault, Cause, InputError, Measurement, Verdict, worst

LAST_WORDS = 2**18
"""Bytes that a run reserves for its end, beside two manifests: what the manifest grows by (measurements, cause, bench
verdict: some 300 bytes each), the events of the safe state, and the rows of the last second."""
AT_THE_END = 4
"""Descriptors that a run owns for its end, which has at most two files open at once; libraries may want as many."""


class RunRecord(NamedTuple):
    """What a run has recorded so far: the same as its folder holds once it has ended.

    `rows` are on the disk and are read when they are asked for, however long the run; see `bench.recording.rows`.
    """

    manifest: dict[str, Any]
    events: list[dict[str, Any]]
    columns: tuple[str, ...]
    rows: Table


@dataclass(frozen=True, slots=True)
class TestIdentity:
    """The test that a run belongs to."""

    __test__ = False

    nodeid: str
    name: str
    title: str
    requirements: tuple[str, ...] = ()
    parameters: tuple[tuple[str, Any], ...] = ()
    origin: Mapping[str, Any] = field(default_factory=dict)
    """The file it stands in: see `bench.recording.sources.about_test`."""

    def as_dict(self) -> dict[str, Any]:
        """As stored in the manifest."""
        return {
            "nodeid": self.nodeid, "name": self.name, "title": self.title,
            "requirements": list(self.requirements), "parameters": dict(self.parameters), **self.origin,
        }  # fmt: skip


class Run:
    """Writes a run folder from its first line to its last."""

    def __init__(self, root: Path, test: TestIdentity, manifest: dict[str, Any], now: Callable[[], float]) -> None:
        started = utc_now()
        self.folder = _new_folder(root, started, test.name)
        self.now = now
        self.can_log = CanLog(self.folder)
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
        self._descriptors: Descriptors | None = None
        self._wire = Transcript(self.folder, self)
        self._started = started
        self.manifest: dict[str, Any] = {
            "schema": SCHEMA,
            "run_id": self.folder.relative_to(root).as_posix(),
            "state": "running",
            "test": test.as_dict(),
            **manifest,
            "versions": {**versions(), **git_revision(Path.cwd())},
            "started": utc_text(started), "ended": None, "duration": None,
            "verdict": None, "cause": None, "causes": [], "bench_verdict": None, "measurements": [], "kpis": [],
        }  # fmt: skip
        self._manifest_file = RewrittenFile(self.folder / MANIFEST)
        self._log = EventLog(self.folder / EVENTS)
        # A disk that is full already is told when recording begins: until then there is nobody to tell it to.
        self._keep()
        with suppress(OSError):
            self._write_manifest()

    def begin(self, columns: tuple[str, ...], *, fsync: bool, past: PastRun | None = None) -> None:
        """Start recording samples, behind those of `past` where the run continues another one.

        Raises `BenchFault` when the disk has no room for them, or for the end of the run.
        `fsync`: where time is real, what is written is on the disk and not only handed to the operating system.
        """
        self._fsync = fsync
        if fsync:
            self._wire.period = 0.0
            self._life = claim(self.folder)
        self.journal = SampleJournal(self.folder / JOURNAL, columns, fsync=fsync)
        self.manifest["samples"] = {"file": JOURNAL, "columns": list(columns)}
        self._own_the_end()
        if past is None:
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
        self._own_the_end()
        self.event("gap", **self.manifest["resumed_from"]["gaps"][-1])
        for text in past.damage:
            self.event("message", level="warning", text=f"Of run {past.run_id}: {text}")

    def _own_the_end(self) -> None:
        """Write the manifest, and own what the last one will need; raises `BenchFault` when the disk has no room."""
        try:
            self._manifest_file.reserve(2 * self._write_manifest() + LAST_WORDS)
            if self._descriptors is not None:  # a run that continues another one comes here twice
                self._descriptors.give_back()
            self._descriptors = Descriptors(AT_THE_END)
        except OSError as error:
            raise refused(self.folder / MANIFEST, error) from error

    def event(self, kind: str, /, **fields: Any) -> None:
        """Append one line to the event log, at once, with the wire up to here, and tell whoever listens."""
        # Test time is monotonic; where time is real, the civil time beside it tells how long a gap was.
        civil = {"utc": utc_text(utc_now())} if self._fsync else {}
        event = clean({"time": round(self.now(), 6), "type": kind, **civil, **fields})
        self.events.append(event)
        self._keep(event)
        self._wire.flush()
        for listener in tuple(self.listeners):
            try:
                listener(event)
            except Exception as error:  # noqa: BLE001 - whoever listens must not keep the bench from being made safe
                self.listeners.remove(listener)
                text = f"A listener failed and is told no more ({type(error).__name__}: {error})."
                self.event("message", level="warning", text=text)

    def _keep(self, *events: dict[str, Any]) -> None:
        # A full disk must not keep the safe state from being reached: the journal reports it, events wait for room.
        with suppress(OSError):
            self._log.append(events, fsync=self._fsync)

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

    def transcript(self, instrument: str) -> Callable[[str, str], None]:
        """What keeps the messages of one instrument's wire: given their direction and text, ten times in a scan."""
        return self._wire.of(instrument)

    def sampled(self, row: list[float]) -> None:
        """Keep one row of a scan (its first value is the test time), where recording has begun, and its messages.

        Raises `BenchFault` when the disk refuses the row.
        """
        if self.journal is not None:
            self.journal.append(row)
        self._wire.scanned()

    def record(self) -> RunRecord:
        """Everything so far."""
        if self.journal is None:
            return RunRecord(self.manifest, self.events, (), np.empty((0, 0)))
        return RunRecord(self.manifest, self.events, self.journal.columns, self.journal.rows)

    def end(self, verdict: Verdict, bench_verdict: dict[str, Any] | None) -> None:
        """Write what is left, turn the journal into a table, close.

        Invariant: verdict and first cause reach the disk first, into blocks that the run has owned since it began; a
        disk that is full or a process that is killed meanwhile costs the table at most, and then the journal stays.
        Raises `BenchFault` when the disk refuses anything of it.
        """
        if self.ended:
            return
        self.ended = True
        cause = self.cause.as_dict() if self.cause else None
        if bench_verdict is not None:
            self.event("safe state", **bench_verdict)
        self.event("run ended", verdict=verdict, cause=cause)
        self.manifest |= {
            "state": "ended", "ended": utc_text(utc_now()), "duration": self.now(),
            "verdict": verdict, "cause": cause, "causes": self.causes, "bench_verdict": bench_verdict,
            "measurements": [measurement.as_dict() for measurement in self.measurements],
            "events": {"file": EVENTS, "count": len(self.events)},
        }  # fmt: skip
        if self.journal is not None:
            self.manifest["samples"]["rows"] = len(self.journal)
        refusal = self._conclude()
        if refusal is not None:
            self._blame_the_disk(verdict, refusal)
        self._close()
        if refusal is not None:
            raise refusal

    def _conclude(self) -> BenchFault | None:
        """Try everything, in the order of what matters most; returns the first refusal of the disk."""
        first: BenchFault | None = None
        if self._descriptors is not None:
            self._descriptors.give_back()
        for keep in (
            self._keep_verdict,
            self._keep_events,
            self._keep_samples,
            self._wire.end,
            self._keep_frames,
        ):
            try:
                keep()
            except OSError as error:
                first = first or refused(self.folder, error)
            except BenchFault as fault:
                first = first or fault
        return first

    def _keep_verdict(self) -> None:
        size = self._write_manifest()
        # For the table's checksum; what else the reserve had is free for events and rows now.
        with suppress(OSError):
            self._manifest_file.reserve(2 * size)

    def _keep_events(self) -> None:
        self._log.flush(fsync=self._fsync)

    def _keep_samples(self) -> None:
        """Turn the journal into the table; it goes when every row of it is there, on the disk."""
        if self.journal is None:
            return
        self.journal.close()
        journal = Journal(self.journal.path, self.journal.columns)
        digest = write_parquet(self.folder / TABLE, journal.columns, journal.rows, fsync=self._fsync)
        damage = journal.told()
        samples = {"file": TABLE, "rows": len(journal), "sha256": digest, **parts_of(self.folder / TABLE)}
        self.manifest["samples"] = samples | ({"damage": list(damage)} if damage else {})
        self._write_manifest()
        if not damage:
            # Where a file that somebody reads cannot be removed (Windows) it stays; readers take the table.
            with suppress(PermissionError):
                journal.path.unlink()
        # From here on the rows are read from the table.
        self.journal = None

    def _keep_frames(self) -> None:
        self.can_log.close()
        if self.can_log.problem:
            self.manifest["can_log"] = self.can_log.problem
            with suppress(OSError):
                self._write_manifest()

    def _blame_the_disk(self, verdict: Verdict, fault: BenchFault) -> None:
        """Say in the manifest that the disk is to blame, where nothing was before it."""
        self.cause = self.cause or Cause("bench", str(fault), None, self.now(), fault=fault.fault)
        self.manifest |= {"verdict": worst([verdict, Verdict.BENCH_FAULT]), "cause": self.cause.as_dict()}
        self.manifest["causes"] = self.causes
        with suppress(OSError):
            self._write_manifest()

    def _close(self) -> None:
        with suppress(OSError):
            self._log.flush(fsync=self._fsync)
        self._log.close()
        self._manifest_file.release()
        if self._life is not None:
            release(self._life)

    def _write_manifest(self) -> int:
        """Replace `run.json` in one step: a reader never sees half a manifest. Returns its size in bytes.

        Raises `OSError` when the disk refuses it.
        """
        text = sealed(self.manifest)
        self._manifest_file.write(text, fsync=self._fsync)
        return len(text.encode("utf-8", "backslashreplace"))


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
