"""A session with its live page, on a bench whose instruments are on real sockets."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from campaign.served import ServedBench
from tests.bench.cli_support import ROOT


@dataclass(frozen=True)
class LiveSession:
    """A session that runs, and the address of its page, with the token."""

    process: "subprocess.Popen[str]"
    url: str

    def ended(self) -> str:
        """What it still said until its end."""
        assert self.process.stdout is not None
        said = self.process.stdout.read()
        self.process.wait()
        return said


@contextmanager
def live_session(bench: ServedBench, test: str) -> Iterator[LiveSession]:
    """A session of this test module on this bench, as soon as its page is there; killed where a test leaves it."""
    folder = bench.station.parent
    (folder / "test_mine.py").write_text(test, encoding="utf-8")
    command = [
        sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir=.", f"--station={bench.station.name}",
        "--live", "--attended", "test_mine.py",
    ]  # fmt: skip
    # As in CI: nothing of pytest's own makes the line with the address come before the test is over.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CI": "1"}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        encoding="utf-8",
    ) as session:  # fmt: skip
        try:
            assert session.stdout is not None
            yield LiveSession(session, next(line.split()[-1] for line in session.stdout if line.startswith("Live at ")))
        finally:
            session.kill()
