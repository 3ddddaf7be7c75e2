"""Gives every test of a session an Allure result, also one that took its process with it.

Allure shows what it finds: such a test would otherwise just be absent. What its run has recorded is shown with it.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import attr
from allure_commons.model2 import Label, Status, StatusDetails, TestResult

from bench.clock import utc_now
from bench.recording.session_log import LEFT_OUT, VANISHED, TestEnd
from bench.verdicts import NOT_RUN, Verdict
from reports import allure, results
from reports.page import write
from reports.recording import RecordingError
from reports.results import CollectedTest

GONE = "Its result and its run are gone: nobody can say any more that it passed."
UNREADABLE = "Neither its result nor its run can be read: nobody can say any more that it passed."


def complete(
    folder: Path, runs: Path, ends: Mapping[str, TestEnd] | None = None, started: Iterable[str] = ()
) -> list[str]:
    """Write the results that are missing in `folder`; returns their node ids.

    `ends` is what the record of the session says of its tests. Without one, those that were collected are missed, and
    those in `started` (node ids) were running when they vanished.
    """
    seen, begun = {results.label(result, "nodeid") for result in results.read_results(folder)}, set(started)
    known = {test.nodeid: test for test in results.collected(folder)}
    told = {key: _presumed(test, key in begun) for key, test in known.items()} if ends is None else ends
    lost = [end for nodeid, end in told.items() if nodeid not in seen]
    for end in lost:
        _write(known.get(end.nodeid, _bare(end)), end, folder, runs)
    return [end.nodeid for end in lost]


def _bare(end: TestEnd) -> CollectedTest:
    return CollectedTest(end.nodeid, end.title or end.nodeid, end.nodeid, "")


def _presumed(test: CollectedTest, begun: bool) -> TestEnd:
    verdict, cause = (Verdict.BENCH_FAULT, VANISHED) if begun else (NOT_RUN, LEFT_OUT)
    return TestEnd(test.nodeid, verdict, test.title, cause)


def _write(test: CollectedTest, end: TestEnd, folder: Path, runs: Path) -> None:
    """What its run shows; where nobody can read that again, the bare end, and not that it passed."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{uuid4()}-result.json"
    result = _result(test, end)
    there = bool(end.run) and (runs / end.run).is_dir()
    if there:
        # A run that cannot be shown must not cost the report the test.
        with suppress(RecordingError, OSError, KeyError, TypeError, ValueError):
            allure.present(result, runs / end.run, folder)
            # Of tests that several jobs have only the session knows which one it is.
            result.name = end.title or result.name
            write(path, _as_json(result))
    if end.run and (not there or not path.is_file() or results.read_result(path) is None):
        result = _result(test, end)
        result.labels.append(Label(name="tag", value=results.NOT_BELIEVED))
        if result.status == Status.PASSED:
            result.status = allure.STATUS["INCONCLUSIVE"]
            result.statusDetails = StatusDetails(message=f"INCONCLUSIVE: {GONE if not there else UNREADABLE}")
    write(path, _as_json(result))


def _as_json(result: TestResult) -> str:
    content = attr.asdict(result, filter=lambda _attribute, value: bool(value) or value is False)
    return json.dumps(content, ensure_ascii=False)


def _result(test: CollectedTest, end: TestEnd) -> TestResult:
    """What the session alone tells of it."""
    now = int(1000 * utc_now().timestamp())
    labels = [*test.labels, ("nodeid", test.nodeid)]
    return TestResult(
        uuid=str(uuid4()), historyId=test.history_id or None, fullName=test.full_name, name=test.title,
        status=allure.STATUS.get(end.verdict, Status.BROKEN),
        statusDetails=StatusDetails(message=f"{end.verdict}: {end.cause}"),
        labels=[Label(name=name, value=value) for name, value in labels], start=now, stop=now,
    )  # fmt: skip
