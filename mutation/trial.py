"""Tries the tests on one mutant: in a child process of its own, in a copy of the tree, with a time limit.

The child is a fork of a server that has imported what takes long and is not ours (numpy, pandas, pytest): the project
itself is imported anew, from the copy. A hang, a child that dies and a test that takes far longer than it did are
failures: somebody would have noticed.
"""

import multiprocessing
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from mutation import child
from mutation.mutants import Mutant
from mutation.recording import Record
from mutation.trees import mutated

Status = Literal["killed", "timeout", "survived", "not reached", "equivalent"]
KILLED: Sequence[Status] = ("killed", "timeout")

PRELOADED = [
    "pytest", "_pytest.assertion.rewrite", "numpy", "pandas", "pyarrow",
    "pyarrow.parquet", "pyarrow.ipc", "pydantic", "yaml", "can", "cantools", "pyvisa", "pymodbus.client", "serial",
    "rich.console", "typer", "filelock", "psutil", "allure_commons", "freezegun",
]  # fmt: skip
"""Imported once for all mutants; nothing of this project, and no plugin, which pytest wants to import itself."""
SLOW = 1.0
"""s from which on a test that failed must also pass on the unchanged file: it may wait for real time."""
LONGEST_TEST = 30.0
"""s for one test at least; it has `PATIENCE` times as long as it took."""
PATIENCE = 6.0
STARTING = 60.0
"""s that a child is given to start and to import what it tries."""
PASSED = ("0", "5")
"""pytest's exit status where none failed, and where none of the tests is there any more."""
FAILED, NONE_FAILED, HUNG = "failed", "none failed", "hung"


class UnsoundError(RuntimeError):
    """Tests that do not even run with nothing changed: no mutant can be killed by them."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How a batch of tests ended."""

    outcome: str
    test: str = ""
    """The first that failed."""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a mutant."""

    status: Status
    killer: str = ""
    tried: int = 0
    """How many tests were asked at most."""


class Pen:
    """Where mutants are tried, one after another: a copy of the tree."""

    def __init__(self, tree: Path, limit: float | None = None) -> None:
        self.tree = tree
        self._scratch = tree.parent
        self._limit = limit
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOADED)
        self.flaky: set[str] = set()
        self._sound = False

    def judge(self, mutant: Mutant, batches: Sequence[Sequence[str]], record: Record) -> Judged:
        """Try batch after batch until a test notices the mutant."""
        asked = 0
        for batch in batches:
            left = [test for test in batch if test not in self.flaky]
            while left:
                with mutated(self.tree, mutant.file, mutant.source):
                    trial = self.run(left, record)
                asked += len(left)
                if trial.outcome == NONE_FAILED:
                    break
                if not trial.test:
                    self._be_sound(left, record)
                if trial.test not in left or not self._is_flaky(trial.test, record):
                    hung = trial.outcome == HUNG or "Failed: Timeout" in trial.why
                    return Judged("timeout" if hung else "killed", trial.test, asked)
                left = left[left.index(trial.test) + 1 :]
        return Judged("survived" if asked else "not reached", tried=asked)

    def _be_sound(self, tests: Sequence[str], record: Record) -> None:
        """Raise `UnsoundError` where tests do not run with nothing changed: then it was not the mutant that ended them.

        One that has another name by now ends a session before any other runs.
        """
        if not self._sound and self.run(tests[:1], record).outcome != NONE_FAILED:
            raise UnsoundError(f"No test runs in {self.tree}, with nothing changed: {self._output()[-2000:]}")
        self._sound = True
        if self.run(tests, record, "--collect-only").outcome != NONE_FAILED:
            said = rf"^ERROR: not found: (?:{re.escape(str(self.tree))}/)?(.*)$"
            gone = sorted({*re.findall(said, self._output(), re.MULTILINE)})
            raise UnsoundError(
                f"The record names tests that there are not: {', '.join(gone) or self._output()[-2000:]}; see them "
                "anew with --record and their files, and start again: what was judged is kept."
            )

    def _output(self) -> str:
        return (self._scratch / child.OUTPUT).read_text(encoding="utf-8", errors="replace")

    def _is_flaky(self, test: str, record: Record) -> bool:
        """Whether a slow test fails on the unchanged file as well; from then on it is not asked again."""
        if record.seconds.get(test, 0.0) < SLOW or self.run([test], record).outcome == NONE_FAILED:
            return False
        self.flaky.add(test)
        return True

    def run(self, tests: Sequence[str], record: Record, *more: str) -> Trial:
        """Run `tests` in order, up to the first failure; `more` are options of pytest."""
        files = {name: self._scratch / name for name in (child.STATUS, child.FAILURE)}
        for file in files.values():
            file.unlink(missing_ok=True)
        longest = max(record.seconds.get(test, 0.0) for test in tests)
        options = [*more, f"--timeout={max(LONGEST_TEST, PATIENCE * longest):g}", f"--basetemp={self._scratch / 'tmp'}"]
        process = self._context.Process(target=child.run, args=(str(self.tree), str(self._scratch), [*options, *tests]))
        with _ended(process):
            process.start()
            process.join(self._limit or STARTING + PATIENCE * sum(record.seconds.get(test, 0.0) for test in tests))
            # Not by the exit status of the process: of two threads that look, only one is told that.
            status, failure = (_text(file) for file in files.values())
            outcome = HUNG if not status and process.is_alive() else FAILED
        test, _, why = failure.partition("\n")
        return Trial(NONE_FAILED if status in PASSED else outcome, test, why)


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


@contextmanager
def _ended(started: Any) -> Iterator[None]:
    """Whatever happens, it is gone afterwards, with everybody that it has started."""
    try:
        yield
    finally:
        if started.pid is not None and started.is_alive():
            for process in _family(started.pid):
                with suppress(psutil.Error):
                    process.kill()
            started.join()


def _family(pid: int) -> list[psutil.Process]:
    with suppress(psutil.Error):
        parent = psutil.Process(pid)
        return [*parent.children(recursive=True), parent]
    return []
