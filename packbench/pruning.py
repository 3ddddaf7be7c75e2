"""Which runs may go from a disk that gets full: by rules that say why each of the others is kept."""

import shutil
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.recording.life import is_alive
from bench.recording.manifest import NAME as MANIFEST
from bench.recording.runs import RunSummary, list_runs
from bench.recording.session_log import last_session
from bench.verdicts import InputError, Verdict
from reports.nights.store import referred


@dataclass(frozen=True, slots=True)
class Kept:
    """A run that stays, and why."""

    run: RunSummary
    why: str


@dataclass(frozen=True, slots=True)
class Pruning:
    """What goes and what stays below a folder of runs; `size` is that of what goes, bytes."""

    root: Path
    goes: Sequence[RunSummary]
    stays: Sequence[Kept]
    size: int

    def carry_out(self) -> Iterator[RunSummary]:
        """Delete what goes, each as it is asked for; a day that is empty then goes with its last run.

        Raises `InputError` for a run that the disk does not let go of; those before it are gone.
        """
        for number, run in enumerate(self.goes):
            folder = self.root / run.run_id
            try:
                _delete(folder)
            except FileNotFoundError:
                continue  # somebody else deletes as well, and was faster
            except OSError as error:
                raise InputError(
                    f"{folder} cannot be deleted ({error.strerror or error}); {number} of {len(self.goes)} runs are "
                    "gone, the others stay."
                ) from error
            yield run


def plan(root: Path, *, last: int, failures: bool, nights: int | None = None) -> Pruning:
    """What would go: all but the `last` runs of each test, failures, what history or a later run refers to, the living.

    With `failures` those that did not pass may go as well; of history the newest `nights` of each station count, or
    all. Raises `InputError` where there is no such folder.
    """
    runs = list_runs(root)
    reasons = _reasons(root, runs, referred(root, nights), last=last, failures=failures)
    goes = [run for run in runs if run.run_id not in reasons]
    return Pruning(
        root, goes, [Kept(run, reasons[run.run_id]) for run in runs if run.run_id in reasons],
        sum(_size(root / run.run_id) for run in goes),
    )  # fmt: skip


def _reasons(
    root: Path, runs: Sequence[RunSummary], remembered: Container[str], *, last: int, failures: bool
) -> Mapping[str, str]:
    """Why runs stay, by id; one that may go is not in it."""
    session, reasons = last_session(root), dict[str, str]()
    in_session = {end.run for end in session.tests.values()} if session else set()
    # Of a run on a virtual clock only its session tells whether it is still written.
    recording = session is not None and session.lives
    newest = {run.run_id for several in _by_test(runs).values() for run in several[max(len(several) - last, 0) :]}
    resumed = {run.resumed_from for run in runs if run.resumed_from}
    for run in runs:
        why = {
            "is still running": run.state != "ended" and (recording or is_alive(root / run.run_id)),
            "the bench was not verified safe": run.unsafe,
            f"is {run.verdict or 'without a verdict'}": not failures and run.verdict != Verdict.PASS,
            f"is one of the last {last} of its test": run.run_id in newest,
            "belongs to the last session": run.run_id in in_session,
            "a night or a baseline refers to it": run.run_id in remembered,
            "was resumed by a later one": run.run_id in resumed,
        }
        found = next((text for text, holds in why.items() if holds), "")
        if found:
            reasons[run.run_id] = found
    return reasons


def _delete(folder: Path) -> None:
    """Its manifest last: what the disk does not let go of is still a run, which the next prune finds."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name == MANIFEST):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    folder.rmdir()
    with suppress(OSError):  # of that day there are others, or somebody else has removed it
        folder.parent.rmdir()


def _by_test(runs: Sequence[RunSummary]) -> Mapping[tuple[str, str, str], list[RunSummary]]:
    found: dict[tuple[str, str, str], list[RunSummary]] = {}
    for run in runs:
        found.setdefault((run.test, run.station, run.pack), []).append(run)
    return found


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
