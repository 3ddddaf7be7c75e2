"""Which test runs which line, and how long it takes: recorded once in a copy of the tree, with branch-free coverage.

Lines that run in another process than the test count for the test that started it: pytest tells every process by its
environment which test that is, and coverage takes its context from there.
"""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import coverage

from mutation import noting
from mutation.trees import ROOT, copy_of

CONFIG = """\
[run]
source = {sources}
parallel = true
sigterm = true
context = ${{PYTEST_CURRENT_TEST-}}
data_file = {data}
"""
_PHASE = re.compile(r"(?:\|(?:setup|run|teardown)| \((?:setup|call|teardown)\))$")
TIME_LIMIT = 300
"""s for one test while it is recorded."""


@dataclass(frozen=True, slots=True)
class Record:
    """What was recorded: seconds by test that passed, and the tests of each line that runs while a test does."""

    seconds: dict[str, float]
    lines: dict[str, dict[int, frozenset[str]]]
    """By file and line. A line that runs only at import is not in it."""

    def reaching(self, file: str, first: int, last: int) -> frozenset[str]:
        """The tests that run any of these lines."""
        lines = self.lines.get(file, {})
        return frozenset().union(*(lines.get(line, ()) for line in range(first, last + 1)))

    def of_file(self, file: str) -> frozenset[str]:
        """The tests that run anything of a file."""
        return frozenset().union(*self.lines.get(file, {}).values())

    def renewed(self, newer: "Record") -> "Record":
        """With what a newer one of some test files says instead of what was known of those files."""
        again = {_file_of(test) for test in newer.seconds}
        seconds = {test: took for test, took in self.seconds.items() if _file_of(test) not in again} | newer.seconds
        return Record(seconds, {file: self._both(newer, file, again) for file in {**self.lines, **newer.lines}})

    def _both(self, newer: "Record", file: str, again: set[str]) -> dict[int, frozenset[str]]:
        old, new = self.lines.get(file, {}), newer.lines.get(file, {})
        kept = {line: frozenset(test for test in tests if _file_of(test) not in again) for line, tests in old.items()}
        return {line: kept.get(line, frozenset()) | new.get(line, frozenset()) for line in {**old, **new}}


def _file_of(test: str) -> str:
    return test.partition("::")[0]


def record(tests: Sequence[str], sources: Sequence[str], workers: int, root: Path = ROOT) -> Record:
    """Run `tests` (files and folders) once in a copy of the tree and see what they run of `sources` (folders).

    Takes several times as long as the tests alone. A test that fails there is left out.
    """
    with copy_of(root) as tree:
        scratch = tree.parent
        config, seconds = scratch / "coveragerc", scratch / "seconds.json"
        config.write_text(CONFIG.format(sources=",".join(sources), data=scratch / ".coverage"), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-n", str(workers), f"--timeout={TIME_LIMIT}"]
        command += ["-p", "mutation.noting", f"--note-seconds={seconds}", "-p", "no:cacheprovider"]
        command += ["-m", "not long", "--hypothesis-seed=0"]
        command += ["--cov", f"--cov-config={config}", "--cov-context=test", "--cov-report=", *tests]
        environment = os.environ | {"PYTHONPATH": str(tree), "COVERAGE_FILE": str(scratch / ".coverage")}
        environment[noting.MEASURED_BY] = str(config)
        environment.pop("PYTEST_CURRENT_TEST", None)  # that of a test that records
        subprocess.run(command, cwd=tree, env=environment, check=False)
        merged = coverage.Coverage(data_file=str(scratch / ".coverage"), config_file=str(config))
        # pytest-cov has merged what was there at its end; processes that outlive their test come later.
        merged.load()
        merged.combine([str(scratch)])
        return Record(json.loads(seconds.read_text(encoding="utf-8")), lines_of(merged.get_data(), tree))


def lines_of(data: coverage.CoverageData, tree: Path) -> dict[str, dict[int, frozenset[str]]]:
    """The tests of each line of each file of a tree, by its path in it."""
    found: dict[str, dict[int, frozenset[str]]] = {}
    for measured in data.measured_files():
        path = Path(measured)
        file = (path.relative_to(tree) if path.is_absolute() else path).as_posix()
        tests: dict[int, set[str]] = defaultdict(set)
        for line, contexts in data.contexts_by_lineno(measured).items():
            tests[line].update(_PHASE.sub("", context) for context in contexts if context)
        found[file] = {line: frozenset(names) for line, names in tests.items() if names}
    return found


def save(kept: Record, file: Path) -> None:
    """As JSON, with the names of the tests written once."""
    names = sorted(
        {name for lines in kept.lines.values() for tests in lines.values() for name in tests} | {*kept.seconds}
    )
    number = {name: at for at, name in enumerate(names)}
    lines = {
        path: {line: sorted(map(number.__getitem__, tests)) for line, tests in by_line.items()}
        for path, by_line in kept.lines.items()
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"tests": names, "seconds": kept.seconds, "lines": lines}), encoding="utf-8")


def load(file: Path) -> Record:
    """What `save` wrote."""
    kept = json.loads(file.read_text(encoding="utf-8"))
    names = kept["tests"]
    lines = {
        path: {int(line): frozenset(map(names.__getitem__, tests)) for line, tests in by_line.items()}
        for path, by_line in kept["lines"].items()
    }
    return Record(kept["seconds"], lines)
