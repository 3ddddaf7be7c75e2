"""One session made of those of several jobs: one report, one gate and one night of what ran side by side.

A job is the folder that it ran in, or what was kept of it: its runs and, where they are there, its Allure results.
Everything that comes later (report, gate, baseline, prune) is told from the joined record like from any other. A job
that left nothing is told as well: what nobody hears of any more must not make a night look good.
"""

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.recording.manifest import read_manifest, write_manifest
from bench.recording.session_log import (
    CONTRADICTIONS,
    ENDED,
    RUNNING,
    Session,
    SessionLog,
    TestEnd,
    last_session,
    settled,
)
from bench.verdicts import ExitStatus, InputError
from reports import results
from reports.page import write

RUNS, RESULTS, FILES = "runs", "allure-results", "files"
UNION = ("station", "pack")
"""Facts of a session that are a name."""
LISTS = ("waivers_expired", CONTRADICTIONS)
"""Facts that are sentences, each of which is told once."""


@dataclass
class Job:
    """What one job left; `renamed` has its node ids by those of the joined session that are others."""

    name: str
    folder: Path
    session: Session | None
    renamed: dict[str, str] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    """Ids of its runs that are others in the joined folder."""

    def called(self, nodeid: str) -> str:
        """A test of it in the joined session."""
        return self.renamed.get(nodeid, nodeid)

    def titled(self, nodeid: str, title: str) -> str:
        """The same for people."""
        return f"{title}, {self.name}" if nodeid in self.renamed else title


def join(folders: Sequence[Path], runs: Path, target: Path) -> Session:
    """Copy what the jobs in `folders` left into the folder of recordings `runs` and that of Allure results `target`.

    The record of the joined session takes the place of the last one of `runs`; nights before it stay. Tests of the same
    name in several jobs, as of one suite on several packs, are told by the name of their job, too.
    Raises `InputError` where no job left a session, two left the same one, or `target` holds results already.
    """
    jobs = [
        Job(name, folder, _session(folder)) for name, folder in zip(_names(folders), folders, strict=True)
    ]  # fmt: skip
    _refuse(jobs, target)
    _rename(jobs)
    for job in jobs:
        _take_runs(job, runs)
    for job in jobs:
        _take_results(job, target)
    results.remember_collected(target, (test for job in jobs for test in _collected(job)))
    log = SessionLog(runs, _joined(jobs))
    log.write()
    if log.refused:
        raise InputError(f"{log.path} cannot be written ({log.refused}); name another folder with --runs.")
    return log.session


def _names(folders: Sequence[Path]) -> list[str]:
    """The last part of each path, or the whole of it where two would be the same."""
    last = [folder.resolve().name for folder in folders]
    return last if len(set(last)) == len(last) else [folder.as_posix() for folder in folders]


def _session(folder: Path) -> Session | None:
    session = last_session(folder / RUNS)
    return None if session is None else settled(session, folder / RUNS)


def _refuse(jobs: Sequence[Job], target: Path) -> None:
    if not any(job.session for job in jobs):
        told = ", ".join(str(job.folder / RUNS) for job in jobs)
        raise InputError(f"No session has been recorded in {told}: name the folders that jobs ran pytest in.")
    known: dict[str, Job] = {}
    for job in jobs:
        if job.session is not None and known.setdefault(job.session.id, job) is not job:
            raise InputError(
                f"{known[job.session.id].folder} and {job.folder} hold the same session, that of "
                f"{job.session.started[:16].replace('T', ' ')} UTC: name each job once."
            )
        if job.session is not None and not job.session.knows_its_tests:
            raise InputError(f"{job.folder} holds a session of an older version, which only counted its tests.")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"--results {target}: holds something already; remove it, or name another folder.")


def _rename(jobs: Sequence[Job]) -> None:
    """Let tests that several jobs have be told apart."""
    everyone = {job.name: _nodeids(job.session) for job in jobs if job.session}
    counts = Counter(nodeid for nodeids in everyone.values() for nodeid in nodeids)
    for job in jobs:
        told = everyone.get(job.name, ())
        job.renamed = {nodeid: f"{nodeid} ({job.name})" for nodeid in told if counts[nodeid] > 1}


def _nodeids(session: Session) -> list[str]:
    return list(dict.fromkeys((*session.collected, *session.begun, *session.tests)))


def _joined(jobs: Sequence[Job]) -> Session:
    """What all of them told, as one record."""
    told = [(job, job.session) for job in jobs if job.session is not None]
    sessions = [session for _, session in told]
    lost = [job.name for job in jobs if job.session is None]
    missing = [f"Job {name} left no session: nobody knows what became of its tests." for name in lost]
    first = min(sessions, key=lambda session: session.id)
    statuses = [session.exit_status or 0 for session in sessions]
    return Session(
        # Not the process of the first: nobody may send it a signal from here.
        f"{first.id}-joined", min(session.started for session in sessions), _facts(told),
        state=ENDED if all(session.state == ENDED for session in sessions) else RUNNING,
        ended=max((session.ended or "" for session in sessions), default="") or None,
        exit_status=ExitStatus.worst([*statuses, *([ExitStatus.BENCH_FAULT] if missing else [])]),
        trouble=" ".join([*missing, *(f"Job {job.name}: {each.trouble}" for job, each in told if each.trouble)]),
        collected={
            job.called(nodeid): job.titled(nodeid, title)
            for job, session in told for nodeid, title in session.collected.items()
        },
        begun=[job.called(nodeid) for job, session in told for nodeid in session.begun],
        tests={end.nodeid: end for job, session in told for end in _ends(job, session)},
    )  # fmt: skip


def _ends(job: Job, session: Session) -> Iterator[TestEnd]:
    for nodeid, end in session.tests.items():
        run = job.moved.get(end.run, end.run)
        yield replace(end, nodeid=job.called(nodeid), title=job.titled(nodeid, end.title), run=run)


def _facts(told: Iterable[tuple[Job, Session]]) -> dict[str, Any]:
    """What they have in common, and of each what it takes to have its tests again."""
    facts: dict[str, Any] = {**{name: [] for name in LISTS}, "requirements": {}, "jobs": []}
    names: dict[str, dict[str, None]] = {name: {} for name in UNION}
    for job, session in told:
        own = session.facts
        for name in UNION:
            names[name] |= {str(own[name]): None} if own.get(name) else {}
        for name in LISTS:
            facts[name] += [each for each in own.get(name, ()) if each not in facts[name]]
        facts["requirements"] |= own.get("requirements", {})
        again = {name: value for name, value in own.items() if name not in facts}
        tests = {job.called(nodeid): nodeid for nodeid in _nodeids(session)}
        facts["jobs"].append({**again, "name": job.name, "session": session.id, "tests": tests})
    return {**facts, **{name: " and ".join(found) for name, found in names.items()}}


def _take_runs(job: Job, runs: Path) -> None:
    """Its recordings, and the files that they were made from."""
    if job.session is None:
        return
    for path in sorted((job.folder / RUNS).glob("*/*/run.json")):
        manifest = _manifest(path.parent)
        if manifest is not None and manifest.get("session") == job.session.id:
            _take_run(job, path.parent, runs, manifest)
    for file in (job.folder / RUNS / FILES).glob("*"):
        if file.is_file() and not (runs / FILES / file.name).exists():
            (runs / FILES).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, runs / FILES / file.name)


def _take_run(job: Job, folder: Path, runs: Path, manifest: Mapping[str, Any]) -> None:
    """Copy it; one that another job began in the same second is called by its job, too."""
    named = f"{folder.parent.name}/{folder.name}"
    for name in (named, f"{named}-{_plain(job.name)}"):
        there = _manifest(runs / name)
        if not (runs / name).exists():
            shutil.copytree(folder, runs / name)
        elif there is None or there.get("session") != manifest.get("session"):
            continue
        if name != named:
            job.moved[named] = name
            write_manifest(runs / name, {**manifest, "run_id": name})
        return
    raise InputError(
        f"{runs / named}: is there already, and is another run than that of job {job.name}; name new --runs."
    )


def _manifest(folder: Path) -> dict[str, Any] | None:
    try:
        return dict(read_manifest(folder))
    except (InputError, OSError, ValueError):
        return None


def _plain(name: str) -> str:
    return "".join(each if each.isalnum() or each in "-_" else "_" for each in name)


def _take_results(job: Job, target: Path) -> None:
    """Its results, as the joined session calls them; a test without one is told from its run."""
    source = job.folder / RESULTS
    target.mkdir(parents=True, exist_ok=True)
    if job.session is None or not source.is_dir():
        return
    results.copy(source, target, job.session.tests)
    for path in source.glob("*-result.json"):
        found = results.read_result(path)
        if found is not None and (target / path.name).is_file():
            write(target / path.name, json.dumps(_as_joined(found, job), ensure_ascii=False))
            _move_manifest(found, job, target)
    for path in source.glob("*-container.json"):
        shutil.copyfile(path, target / path.name)


def _as_joined(result: dict[str, Any], job: Job) -> dict[str, Any]:
    nodeid = results.label(result, "nodeid") or ""
    if nodeid not in job.renamed:
        return result
    labels = [
        {**label, "value": job.called(nodeid)} if label["name"] == "nodeid" else label for label in result["labels"]
    ]
    # Allure takes two results of one history for a test and its repetition.
    history = f"{result.get('historyId') or nodeid}-{job.name}"
    return {**result, "name": job.titled(nodeid, result["name"]), "labels": labels, "historyId": history}


def _move_manifest(result: Mapping[str, Any], job: Job, target: Path) -> None:
    path, manifest = results.attachment(result, results.MANIFEST, target), results.manifest_of(result, target)
    if path is not None and manifest is not None and manifest["run_id"] in job.moved:
        write(path, json.dumps({**manifest, "run_id": job.moved[manifest["run_id"]]}, ensure_ascii=False))


def _collected(job: Job) -> Iterator[results.CollectedTest]:
    for test in results.collected(job.folder / RESULTS):
        title = job.titled(test.nodeid, test.title)
        labels = [(str(name), str(value)) for name, value in test.labels]
        yield replace(test, nodeid=job.called(test.nodeid), title=title, labels=labels)
