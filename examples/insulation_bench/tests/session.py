"""A session of pytest with the installed plugin, as an engineer starts it, and what it leaves."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from insulation_bench import FILES

HERE = Path(__file__).parent
STATION, PACK = FILES / "virtual-insulation.yaml", FILES / "lfp-24s-insulated.yaml"
CASES = HERE.parent / "test_cases" / "test_insulation.py"


@dataclass(frozen=True)
class Session:
    """Exit status, what the terminal said, and where everything is."""

    status: int
    said: str
    folder: Path

    def run(self, test: str) -> Path:
        """The folder of the run of a test."""
        (found,) = self.folder.glob(f"runs/*/*-{test}")
        return found

    def manifest(self, test: str) -> Mapping[str, Any]:
        """`run.json` of a test."""
        found: Mapping[str, Any] = json.loads((self.run(test) / "run.json").read_text(encoding="utf-8"))
        return found

    def sent_to_the_tester(self, test: str) -> list[str]:
        """What was said to it, in order."""
        lines = (self.run(test) / "transcript.log").read_text(encoding="utf-8").splitlines()
        return [line.partition("> ")[2] for line in lines if " tester > " in line]


def session(folder: Path, file: Path, *options: str, station: Path | str = STATION, pack: Path | str = PACK) -> Session:
    """Run a file of tests."""
    command = [sys.executable, "-m", "pytest", file, "-p", "no:cacheprovider", "--rootdir=.", "-q"]
    command += [f"--station={station}", f"--pack={pack}", *options]
    done = subprocess.run(
        list(map(str, command)), cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        timeout=300,
    )  # fmt: skip
    return Session(done.returncode, done.stdout, folder)
