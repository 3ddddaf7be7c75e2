"""Which test runs which line, and how long it takes: recorded once in a copy of the tree, with branch-free coverage.

Lines that run in another process than the test count for the test that started it: pytest tells every process by its
environment which test that is, and coverage takes its context from there.

A record is kept between runs. What has changed since is made good: the lines of a file that was edited are found again
by its text, and the test files that are new or other than they were are recorded anew.
"""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from pathlib import Path

import coverage

from mutation import noting
from mutation.trees import ROOT, copy_of, digest

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
    sources: dict[str, str] = field(default_factory=dict)
    """Text by path of the files with those lines, as it was."""
    digests: dict[str, str] = field(default_factory=dict)
    """Of the text of each test file, as it was."""

    def reaching(self, file: str, first: int, last: int) -> frozenset[str]:
        """The tests that run any of these lines."""
        lines = self.lines.get(file, {})
        return frozenset().union(*(lines.get(line, ()) for line in range(first, last + 1)))

    def of_file(self, file: str) -> frozenset[str]:
        """The tests that run anything of a file."""
        return frozenset().union(*self.lines.get(file, {}).values())

    def renewed(self, newer: "Record") -> "Record":
        """With what a newer one of some test files says instead of what was known of those files."""
        again = {*newer.digests, *map(_file_of, newer.seconds)}
        seconds = {test: took for test, took in self.seconds.items() if _file_of(test) not in again} | newer.seconds
        lines = {file: self._both(newer, file, again) for file in {**self.lines, **newer.lines}}
        return Record(seconds, lines, self.sources | newer.sources, self.digests | newer.digests)

    def fitted(self, sources: Mapping[str, str]) -> "Record":
        """The same for files as they are now (text by path), without those that are gone.

        An edited line has the tests of what it replaces, a new one those of the lines around it: to ask a test too many
        costs time, and one too few at worst a survivor, never a kill.
        """
        lines = {
            file: _moved(self.lines.get(file, {}), self.sources.get(file, text), text) for file, text in sources.items()
        }
        return replace(self, lines=lines, sources=dict(sources))

    def without(self, files: Collection[str]) -> "Record":
        """Without the tests of some test files."""
        seconds = {test: took for test, took in self.seconds.items() if _file_of(test) not in files}
        return replace(
            self, seconds=seconds, digests={file: it for file, it in self.digests.items() if file not in files}
        )

    def _both(self, newer: "Record", file: str, again: set[str]) -> dict[int, frozenset[str]]:
        old, new = self.lines.get(file, {}), newer.lines.get(file, {})
        kept = {line: frozenset(test for test in tests if _file_of(test) not in again) for line, tests in old.items()}
        return {line: kept.get(line, frozenset()) | new.get(line, frozenset()) for line in {**old, **new}}


def _file_of(test: str) -> str:
    return test.partition("::")[0]


def _moved(tests: Mapping[int, frozenset[str]], before: str, now: str) -> dict[int, frozenset[str]]:
    """The tests of each line of a text that was another one `before`."""
    if before == now:
        return dict(tests)
    found: dict[int, frozenset[str]] = {}
    for kind, old, old_end, new, new_end in SequenceMatcher(
        None, before.splitlines(), now.splitlines(), autojunk=False
    ).get_opcodes():
        if kind == "equal":
            found |= {new + at + 1: tests[old + at + 1] for at in range(old_end - old) if old + at + 1 in tests}
        else:
            around = range(old, old_end + 2) if old == old_end else range(old + 1, old_end + 1)
            near = frozenset[str]().union(*(tests.get(line, ()) for line in around))
            found |= dict.fromkeys(range(new + 1, new_end + 1), near) if near else {}
    return found


def files_of(tests: Sequence[str], root: Path = ROOT) -> dict[str, str]:
    """A digest of the text of every test file of `tests` (files and folders), by its path from the root."""
    paths = (
        path for name in tests for path in ([root / name] if name.endswith(".py") else (root / name).rglob("*.py"))
    )
    return {
        path.relative_to(root).as_posix(): digest(path.read_text(encoding="utf-8"))
        for path in sorted(paths)
        if path.name.startswith("test_")
    }


def outdated(kept: Record, tests: Sequence[str], root: Path = ROOT) -> tuple[list[str], set[str]]:
    """The test files of `tests` that are new or other than they were, and those of a record that are gone.

    By their own text: what they share with others may have changed as well, and then `--record` sees them anew.
    """
    now = files_of(tests, root)
    return [file for file, its in now.items() if kept.digests.get(file) != its], kept.digests.keys() - now.keys()


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
        lines = lines_of(merged.get_data(), tree)
        texts = {file: (tree / file).read_text(encoding="utf-8") for file in lines}
        return Record(json.loads(seconds.read_text(encoding="utf-8")), lines, texts, files_of(tests, tree))


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
    rest = {"seconds": kept.seconds, "lines": lines, "sources": kept.sources, "digests": kept.digests}
    file.write_text(json.dumps({"tests": names, **rest}), encoding="utf-8")


def load(file: Path) -> Record:
    """What `save` wrote."""
    kept = json.loads(file.read_text(encoding="utf-8"))
    names = kept["tests"]
    lines = {
        path: {int(line): frozenset(map(names.__getitem__, tests)) for line, tests in by_line.items()}
        for path, by_line in kept["lines"].items()
    }
    return Record(kept["seconds"], lines, kept.get("sources", {}), kept.get("digests", {}))
