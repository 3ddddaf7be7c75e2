"""What the process of a test tells the session about its end: a few user properties of pytest's reports.

They cross to the controller of a distributed session with the report, and stand in a JUnit file as `<properties>`.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import pytest

from bench.recording.aftermath import Aftermath
from bench.recording.run import TestIdentity
from bench.recording.session_log import TestEnd
from bench.testing import TestBench
from bench.verdicts import NOT_RUN, Verdict
from bench.waivers import Waived

PREFIX = "packbench."
VERDICT, TITLE, DURATION, CAUSE = f"{PREFIX}verdict", f"{PREFIX}title", f"{PREFIX}duration", f"{PREFIX}cause"
BENCH, LEFT, RUN = f"{PREFIX}bench", f"{PREFIX}left", f"{PREFIX}run"
WAIVED, WAIVER = f"{PREFIX}waived", f"{PREFIX}waiver"
CRASHED = "???"
"""The phase that xdist gives to a test whose process died."""

_PREFIX = re.compile(rf"^(?:Skipped: )?(?:{Verdict.INCONCLUSIVE}: |{NOT_RUN}: |bench\.verdicts\.\w+: )?")
"""What pytest puts before a reason, and we do to tell skips apart: the verdict beside it says as much."""

Properties = list[tuple[str, object]]


def of_run(bench: TestBench, verdict: Verdict, left: Aftermath, waived: Waived) -> Properties:
    """What a concluded run says: verdict, first cause, how the bench was left, and whether its failure is waived."""
    run = bench.run_log
    return [
        (VERDICT, str(verdict)),
        (TITLE, bench.test.title),
        (DURATION, run.manifest["duration"]),
        (CAUSE, run.cause.text if run.cause else ""),
        (BENCH, left.state),
        (LEFT, left.told),
        (RUN, run.manifest["run_id"]),
        *([(WAIVER, str(waived)), (WAIVED, waived.covered)] if waived.told else []),
    ]


def of_error(verdict: Verdict, cause: str) -> Properties:
    """What a phase says that raised something outside any run."""
    return [(VERDICT, str(verdict)), (CAUSE, cause)]


def identity_of(item: pytest.Item) -> TestIdentity:
    """How the run names its test: the first line of its docstring, filled with its parameters, is the title."""
    callspec = getattr(item, "callspec", None)
    parameters: dict[str, Any] = dict(callspec.params) if callspec else {}
    shown = {key: f"{value:g}" if isinstance(value, float) else value for key, value in parameters.items()}
    doc = (getattr(getattr(item, "function", None), "__doc__", None) or item.name).strip().split("\n", maxsplit=1)[0]
    try:
        title = doc.format(**shown)
    except (LookupError, ValueError, AttributeError, TypeError):
        title = doc
    return TestIdentity(item.nodeid, item.name, title.rstrip("."), requirements_of(item), tuple(parameters.items()))


def requirements_of(node: pytest.Item) -> tuple[str, ...]:
    """The ids that a test is marked with."""
    return tuple(str(mark.args[0]) for mark in node.iter_markers("requirement") if mark.args)


def used_a_bench(report: pytest.TestReport) -> bool:
    """Whether the test had a run."""
    return any(name == RUN for name, _ in report.user_properties)


def has_verdict(report: pytest.TestReport) -> bool:
    """Whether the bench has something to say of the test: a run, a mistake beside one, or a process that is gone."""
    told = getattr(report, "user_properties", ())  # what is said of a file that could not be collected has none
    return report.when == CRASHED or any(name == VERDICT for name, _ in told)


def read(report: pytest.TestReport) -> TestEnd | None:
    """The end of the test as far as this phase knows it; None for a phase after which nothing can be said yet."""
    told = dict(report.user_properties)
    title, run = str(told.get(TITLE) or ""), str(told.get(RUN) or "")
    bench, left = str(told.get(BENCH) or ""), str(told.get(LEFT) or "")
    ends = [TestEnd(report.nodeid, verdict, title, cause, bench, left, run) for verdict, cause in _verdicts(report)]
    if not ends:
        return None
    first, *later = ends
    first = replace(first, waiver=str(told.get(WAIVER) or ""), waived=bool(told.get(WAIVED)))
    for end in later:
        first = first.joined(end)
    return first


def _verdicts(report: pytest.TestReport) -> Iterator[tuple[str, str]]:
    """Verdict and cause as the phases told them, in order; what only pytest knows comes last."""
    told = [(str(name), str(value)) for name, value in report.user_properties]
    causes = [value for name, value in told if name == CAUSE]
    verdicts = [value for name, value in told if name == VERDICT]
    # What pytest skips or fails without a cause of the run's own still has its reason.
    last = "" if report.passed else reason(report)
    yield from ((verdict, cause or last) for verdict, cause in zip_longest(verdicts, causes, fillvalue=""))
    if report.when == CRASHED:
        yield Verdict.BENCH_FAULT, str(report.longrepr)
    elif verdicts:
        return
    elif report.failed:
        yield Verdict.FAIL, reason(report)
    elif report.skipped:
        yield NOT_RUN, reason(report)
    elif report.when == "call":
        yield Verdict.PASS, ""


def reason(report: pytest.TestReport) -> str:
    """Why a report is no pass: the reason of a skip, or the message of what was raised."""
    if isinstance(report.longrepr, tuple):
        return _PREFIX.sub("", report.longrepr[2])
    crash = getattr(report.longrepr, "reprcrash", None)
    return _PREFIX.sub("", crash.message if crash is not None else report.longreprtext)
