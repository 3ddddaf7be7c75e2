"""A session of pytest on the foreign rig, in a process of its own, and what it left behind."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.foreign.rig import Rig

ROOT = Path(__file__).parents[2]
PATIENCE = 150.0
"""s after which a session is taken to hang."""
HEAD = """
import pytest
from bench.scenario import *

"""


@dataclass(frozen=True)
class Session:
    """Exit status, what was printed, the newest run's folder."""

    status: int
    said: str
    runs: Path

    @property
    def run(self) -> Path:
        """The run's folder; the newest where there are several."""
        return sorted(self.runs.glob("*/*/run.json"))[-1].parent

    @property
    def manifest(self) -> dict[str, Any]:
        """`run.json` as it was left."""
        content: dict[str, Any] = json.loads((self.run / "run.json").read_text(encoding="utf-8"))
        return content

    @property
    def verdict(self) -> str:
        """Of the run."""
        return str(self.manifest["verdict"])

    @property
    def cause(self) -> dict[str, Any]:
        """The first one; empty when there is none."""
        return self.manifest["cause"] or {}

    @property
    def steps(self) -> dict[str, dict[str, Any]]:
        """The safe state, by the names of its steps."""
        return {step["name"]: step for step in self.manifest["bench_verdict"]["steps"]}

    @property
    def events(self) -> list[dict[str, Any]]:
        """What happened, in order."""
        return [json.loads(line) for line in (self.run / "events.jsonl").read_text(encoding="utf-8").splitlines()]


def command(*options: str) -> list[str]:
    """How a shell starts it."""
    plugins = ["-p", "bench.plugin", "-p", "no:cacheprovider"]
    return [sys.executable, "-m", "pytest", *plugins, "--rootdir=.", "--station=foreign.yaml", *options, "test_mine.py"]


def session(
    rig: Rig, folder: Path, test: str, act: Callable[["subprocess.Popen[str]"], None] | None = None, *options: str,
    **station: Any,
) -> Session:  # fmt: skip
    """Run `test` (the text of a test file) on the rig; `act` does something to either while it runs."""
    rig.write(folder, **station)
    (folder / "test_mine.py").write_text(HEAD + test, encoding="utf-8")
    with subprocess.Popen(
        command(*options), cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        try:
            if act is not None:
                act(process)
            said, _ = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    return Session(process.returncode, said, folder / "runs")
