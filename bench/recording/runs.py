"""Finds recorded runs and says in one line what each was; a run whose manifest never ended has no verdict.

It reads manifests only. Samples, figures and judgement belong to the reports.
"""

import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.safety.supervisor import REPORT
from bench.verdicts import InputError

MANIFEST = "run.json"
DIED = "It never ended: its process died, or is still at it."


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


def list_runs(root: Path) -> list[RunSummary]:
    """Every run below `root`, newest last; raises `InputError` when there is no such folder."""
    if not root.is_dir():
        raise InputError(
            f"{root}: there is no such folder of runs; name the one given to pytest as --runs (default: runs)."
        )
    return [_summary(root, manifest.parent) for manifest in sorted(root.glob(f"*/*/{MANIFEST}"))]


def find_run(name: str, root: Path) -> Path:
    """The folder behind a path, a file of a run, or a run's id below `root`; raises `InputError`."""
    given = Path(name)
    candidates = [given, root / name] if not given.is_file() else [given.parent]
    for folder in candidates:
        if (folder / MANIFEST).is_file():
            return folder
    raise InputError(f"{name!r} is no run, for it holds no {MANIFEST}; {_known(name, root)}.")


def _known(name: str, root: Path) -> str:
    """What could have been meant, to end a sentence with."""
    known = [_run_id(root, manifest.parent) for manifest in sorted(root.glob(f"*/*/{MANIFEST}"))]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"the nearest run in {root} is {close[0]!r}"
    return f"`packbench runs {root}` lists {len(known)}" if known else f"there are no runs in {root}"


def _run_id(root: Path, folder: Path) -> str:
    return folder.relative_to(root).as_posix()


def _summary(root: Path, folder: Path) -> RunSummary:
    run_id = _run_id(root, folder)
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return _summary_of(run_id, manifest, _supervisor(folder))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        # One damaged manifest must not hide the other runs.
        return RunSummary(
            run_id, folder.name, "", "", "unreadable", None, None, None, f"Its {MANIFEST} cannot be read: {error}."
        )


def _supervisor(folder: Path) -> str:
    """What the supervisor did after the test had died, in one sentence; empty when it had nothing to do."""
    try:
        report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        text = str(report["text"]).rstrip(".")
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return f" The supervisor {'then acted' if report['state'] == 'done' else 'is at it, or died at it'}: {text}."


def _summary_of(run_id: str, manifest: dict[str, Any], supervisor: str) -> RunSummary:
    ended = manifest["state"] == "ended"
    cause = (manifest.get("cause") or {}).get("text")
    return RunSummary(
        run_id=run_id,
        test=manifest["test"].get("title") or manifest["test"]["name"],
        station=manifest["station"]["name"],
        pack=manifest["pack"]["name"],
        state="ended" if ended else "died",
        verdict=manifest["verdict"] if ended else None,
        started=manifest.get("started"),
        duration=manifest.get("duration"),
        cause=cause if ended else f"{DIED}{supervisor}",
    )
