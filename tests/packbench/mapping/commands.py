"""`packbench map` in a process of its own, as somebody starts it who may end it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from packbench.mapping.store import Store
from tests.bench.cli_support import ROOT
from tests.packbench.mapping.outcomes import SEASON, hop

PATIENCE = 60


class Started:
    """The command, and what it says as it goes on."""

    def __init__(self, folder: Path, *options: object) -> None:
        roads = ",".join(hop(folder, f"hop{number}.yaml") for number in range(3))
        arguments = (
            "map", "--roads", roads, "--seasons", SEASON, "--packs", "lfp-24s", "--station", "virtual-module",
            "--conditioning", "without", "--output", folder / "map", "--runs", folder / "runs", *options,
        )  # fmt: skip
        self.folder, self.heard = folder, list[str]()
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from packbench.cli import main; main()", *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        )  # fmt: skip

    def wait_for(self, words: str) -> str:
        """The next line with these words; fails when it ends before."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.heard.append(line.strip())
            if words in line:
                return line
        raise AssertionError(f"it ended without {words!r}: {self.heard}")

    def ended(self) -> int:
        """Exit status; everything that it said is then in `heard`."""
        assert self.process.stderr is not None
        self.heard += [line.strip() for line in self.process.stderr]
        return self.process.wait(PATIENCE)

    def measuring(self) -> list[psutil.Process]:
        """Processes of the pool."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [each for each in children if any("spawn_main" in word for word in each.cmdline())]

    def kill_all(self) -> None:
        """As the computer does when it is switched off."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    @property
    def files(self) -> dict[str, int]:
        """Fields that are kept, each with the time of its file."""
        return {path.name: path.stat().st_mtime_ns for path in (self.folder / "map" / "fields").glob("*.json")}

    @property
    def runs(self) -> list[str]:
        """Recordings of fields that are kept."""
        found = [json.loads((self.folder / "map" / "fields" / name).read_text(encoding="utf-8")) for name in self.files]
        return [each["run"] for each in found]

    @property
    def page(self) -> str:
        return (self.folder / "map" / "index.html").read_text(encoding="utf-8")


@contextmanager
def started(folder: Path, *options: object) -> Iterator[Started]:
    """Start it; nothing of it is left behind the block."""
    found = Started(folder, *options)
    try:
        yield found
    finally:
        with suppress(ProcessLookupError):
            os.killpg(found.process.pid, signal.SIGKILL)
        assert found.process.stderr is not None
        found.process.stderr.close()
        found.process.wait(PATIENCE)


def whole(found: Started) -> None:
    """Three fields, each once, each with a recording that is there."""
    assert len(found.files) == 3
    assert len(set(found.runs)) == 3
    assert all((found.folder / "runs" / each / "run.json").is_file() for each in found.runs)
    assert "3 of 3 fields;" in found.page
    assert Store(found.folder / "map")
