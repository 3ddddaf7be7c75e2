"""A pytest plugin: how long each test that passes takes, and who was the first that failed.

It runs inside the tests of a tree, so it imports nothing of the rest of this folder.
"""

import json
import os
from collections import defaultdict
from pathlib import Path

import pytest

MEASURED_BY = "MUTATION_COVERAGE_CONFIG"
"""Variable of the environment that names the configuration of coverage for the processes that tests start."""


class Noting:
    """Writes `{test: seconds}` of the tests that passed to a file when the session ends."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seconds: dict[str, float] = defaultdict(float)
        self._others: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """With workers, the reports come here from all of them."""
        self._seconds[report.nodeid] += report.duration
        if not report.passed:
            self._others.add(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Of the workers' sessions nothing is written."""
        if not hasattr(session.config, "workerinput"):
            passed = {test: round(took, 3) for test, took in self._seconds.items() if test not in self._others}
            self._file.write_text(json.dumps(passed), encoding="utf-8")


class FirstFailure:
    """Writes the name of the first test that fails, and why, to a file at once: whoever hangs after it is killed."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A failed set-up counts like a failed test."""
        if report.failed and not self._file.exists():
            self._file.write_text(f"{report.nodeid}\n{report.longreprtext}", encoding="utf-8")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A test file that cannot be imported any more has noticed, too."""
        if report.failed and not self._file.exists():
            self._file.write_text(f"{report.nodeid}\n{report.longreprtext}", encoding="utf-8")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Used by `-p mutation.noting`."""
    parser.addoption("--note-seconds", type=Path, help="write how long each passed test takes to this file (JSON)")


def pytest_configure(config: pytest.Config) -> None:
    """Only where it was asked for."""
    if hasattr(config, "workerinput") and MEASURED_BY in os.environ:
        # Read anew in every process that a test starts, so that the context is that test. Not by coverage's own patch,
        # which hands down the context of the process that the tests run in.
        os.environ["COVERAGE_PROCESS_START"] = os.environ[MEASURED_BY]
    file: Path | None = config.getoption("--note-seconds")
    if file is not None:
        config.pluginmanager.register(Noting(file))
