"""Finds recorded runs and says in one line what each was; a run whose manifest never ended has no verdict.

It reads manifests only. Samples, figures and judgement belong to the reports.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.recording.aftermath import NOT_VERIFIED, aftermath
from bench.recording.eventlog import NAME as EVENTS
from bench.recording.eventlog import read_events
from bench.recording.life import NAME as LIFE
from bench.recording.life import is_alive
from bench.recording.manifest import NAME as MANIFEST
from bench.recording.manifest import RecordingError, read_manifest
from bench.recording.past import can_be_resumed
from bench.safety import powercut
from bench.safety.supervisor import REPORT
from bench.verdicts import InputError
from instruments.wording import near

DEFAULT_ROOT = Path("runs")
LAST = "last"
"""What the newest run is called where a run can be named."""
FILES = frozenset({
    MANIFEST, EVENTS, LIFE, REPORT, "samples.parquet", "samples.journal", "pretrigger.csv", "transcript.log", "can.blf",
    "supervisor.log", "run.json.reserve",
})  # fmt: skip
"""Files of a run, see docs/run-format.md; any of them stands for it."""
DIED = "It never ended: its process died, or is still at it."
SURELY_DIED = "It never ended: its process died."
"""Said where a lock tells (see `bench.recording.life`)."""
RUNNING = "It is still running."
SECOND = len("2026-11-22/194501")
"""Characters of an id that say in which second a run began: which of several was the newest, its manifest says."""
UNKNOWN = "later"
"""Where the manifest does not say it, a run counts as the newest of its second: no other is to be taken for it."""
MUCH_ALIKE = 0.5
"""Share of likeness from which on a run may be meant."""
LONGEST_NAME = 80
"""Characters of a name that are said again where it is no run."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One line of `packbench runs`. `duration` is bench time in s; `verdict` is None where nobody gave one."""

    run_id: str
    test: str
    station: str
    pack: str
    state: str
    verdict: str | None
    started: str | None
    duration: float | None
    cause: str | None
    resume: str | None = None
    """The command that continues it; None where nothing can be continued."""
    resumed_from: str | None = None
    resumed_by: str | None = None
    bench: str = ""
    """State in which the bench was left; empty where none was open, or it is still in use."""
    left: str = ""
    """What a person has to do about the bench, where it is not verified safe."""

    @property
    def unsafe(self) -> bool:
        """Whether somebody has to switch the bench off by hand."""
        return self.bench == NOT_VERIFIED


def list_runs(root: Path) -> list[RunSummary]:
    """Every run below `root`, newest last; raises `InputError` when there is no such folder."""
    if not root.is_dir():
        raise InputError(
            f"{root}: there is no such folder of runs; name the one given to pytest as --runs (default: runs)."
        )
    runs = [_summary(root, manifest.parent) for manifest in sorted(root.glob(f"*/*/{MANIFEST}"))]
    runs.sort(key=lambda run: (run.run_id[:SECOND], run.started or UNKNOWN, run.run_id))
    successors = {run.resumed_from: run.run_id for run in runs if run.resumed_from}
    return [_with_successor(run, successors.get(run.run_id)) for run in runs]


def _with_successor(run: RunSummary, successor: str | None) -> RunSummary:
    """A run that was resumed says by which; one that was not and can be, how."""
    if successor is not None:
        told = f"{run.cause or ''} It was resumed as {successor}.".strip()
        return replace(run, cause=told, resume=None, resumed_by=successor)
    if run.resume is None:
        return run
    first = "Once the bench is safe, resume with" if run.unsafe else "Resume with"
    return replace(run, cause=f"{run.cause or ''} {first}: {run.resume}".strip())


def is_foreign(name: str) -> bool:
    """Whether a name is that of a file that is none of a run's own: a recording that somebody else has made."""
    try:
        path = Path(name)
        return path.is_file() and not (path.name in FILES and (path.parent / MANIFEST).is_file())
    except (OSError, ValueError):
        return False


def find_run(name: str, root: Path) -> Path:
    """The folder behind a path, a file of a run, a run's id below `root`, or `last`; raises `InputError`."""
    try:
        found = _found(name, root)
    except InputError:
        raise
    except (OSError, ValueError) as error:
        # A name with a NUL, half a character or thousands of them: nothing on a disk can be called so.
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{_shortened(name)} cannot be the name of a run ({reason}); name its folder, or its id as "
            "`packbench runs` shows it."
        ) from error
    if found is None:
        raise InputError(f"{_shortened(name)} is no run, for it holds no {MANIFEST}; {_known(name, root)}.")
    return found


def _found(name: str, root: Path) -> Path | None:
    """See `find_run`; raises OSError or ValueError for what cannot be a path."""
    given = Path(name)
    if name == LAST and not given.exists():
        return _newest(root)
    candidates = [given, root / name] if not given.is_file() else [given.parent]
    return next((folder for folder in candidates if (folder / MANIFEST).is_file()), None)


def _shortened(name: str) -> str:
    """A name as a sentence can hold it."""
    return repr(name) if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]!r}…"


def _newest(root: Path) -> Path:
    manifests = sorted(root.glob(f"*/*/{MANIFEST}"))
    if not manifests:
        raise InputError(f"{LAST!r}: there are no runs in {root}; name the folder of runs with --runs.")
    second = _run_id(root, manifests[-1].parent)[:SECOND]
    of_it = [each.parent for each in manifests if _run_id(root, each.parent).startswith(second)]
    return max(of_it, key=lambda folder: (_started(folder), folder))


def _started(folder: Path) -> str:
    """When a run began, to the millisecond."""
    try:
        return str(read_manifest(folder).get("started") or UNKNOWN)
    except RecordingError:
        return UNKNOWN


def _known(name: str, root: Path) -> str:
    """What could have been meant, to end a sentence with."""
    known = [_run_id(root, manifest.parent) for manifest in sorted(root.glob(f"*/*/{MANIFEST}"))]
    close = near(name, known, MUCH_ALIKE)
    if close:
        return f"the nearest run in {root} is {close!r}"
    return f"`packbench runs {root}` lists {len(known)}" if known else f"there are no runs in {root}"


def _run_id(root: Path, folder: Path) -> str:
    return folder.relative_to(root).as_posix()


def _summary(root: Path, folder: Path) -> RunSummary:
    run_id = _run_id(root, folder)
    try:
        return _summary_of(run_id, read_manifest(folder), root, folder)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        # One damaged manifest must not hide the other runs.
        found = f"Its {MANIFEST} cannot be read: {str(error).rstrip('.')}.{_last_words(folder)}"
        return RunSummary(run_id, folder.name, "", "", "unreadable", None, None, None, found)


def _last_words(folder: Path) -> str:
    """What the event log knows of the end of a run whose manifest is damaged, as a sentence."""
    try:
        ended = [event for event in read_events(folder / EVENTS).events if event["type"] == "run ended"]
        verdict, cause = ended[-1]["verdict"], ended[-1].get("cause")
        return f" Its {EVENTS} says that it ended with {verdict}{': ' + cause['text'] if cause else '.'}"
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return ""


def supervisor_said(folder: Path, *, ended: bool = False) -> str:
    """What the supervisor did after the test, in words; empty when it had nothing to do.

    Of a run that `ended` nobody expects it: the words begin with why.
    """
    try:
        report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        text, why = str(report["text"]).rstrip("."), f" {report['reason']}." if ended else ""
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
    return f"{why} The supervisor {'then acted' if report['state'] == 'done' else 'is at it, or died at it'}: {text}."


def left_on(manifest: Mapping[str, Any]) -> str:
    """What a run that nobody ended may have left on, in one sentence; empty where nothing stays on."""
    told = powercut.afterwards(manifest.get("power_cut") or ())
    return f" {told}" if told else ""


def _summary_of(run_id: str, manifest: dict[str, Any], root: Path, folder: Path) -> RunSummary:
    ended, alive = manifest["state"] == "ended", is_alive(folder)
    cause = f"{(manifest.get('cause') or {}).get('text') or ''}{supervisor_said(folder, ended=ended)}".strip() or None
    died = SURELY_DIED if (folder / LIFE).exists() else DIED
    died = RUNNING if alive else f"{died}{supervisor_said(folder) or left_on(manifest)}"
    left = aftermath(manifest, folder)
    return RunSummary(
        run_id=run_id,
        test=manifest["test"].get("title") or manifest["test"]["name"],
        station=manifest["station"]["name"],
        pack=manifest["pack"]["name"],
        state="ended" if ended else "running" if alive else "died",
        verdict=manifest["verdict"] if ended else None,
        started=manifest.get("started"),
        duration=manifest.get("duration"),
        cause=cause if ended else died,
        resume=_command(run_id, root) if can_be_resumed(manifest, folder) else None,
        resumed_from=(manifest.get("resumed_from") or {}).get("run_id"),
        bench=left.state,
        left=left.told,
    )


def _command(run_id: str, root: Path) -> str:
    """What a shell is to be told to continue a run."""
    # With a space pytest would take the folder for one of tests, and look for its plugins there.
    elsewhere = [] if root == DEFAULT_ROOT else [f"--runs={root}"]
    return shlex.join(["pytest", f"--resume={run_id}", *elsewhere])
