"""What tests of the supervisor share: its report, once it is done with what nobody asks it to hurry with."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock, Timeout

from bench.safety.supervisor import REPORT

PATIENCE = 60.0
"""s until a test gives up waiting; nothing here takes more than a few, on a computer that has time."""


def reports(folder: Path) -> list[Path]:
    """The reports of supervisors that had to act, below the folder that pytest ran in."""
    return list(folder.glob(f"runs/*/*/{REPORT}"))


def wait_until_locked(path: Path) -> None:
    """Wait until some process holds this lock."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            FileLock(path).acquire(timeout=0).lock.release()
        except Timeout:
            return
        time.sleep(0.05)
    pytest.fail(f"nobody took {path.name}")


def report_of(folder: Path) -> dict[str, Any]:
    """The one report, once its supervisor is done: an orphan, whose end nobody can wait for."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for path in reports(folder):
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if found["state"] == "done":
                return found
        time.sleep(0.05)
    pytest.fail("the supervisor did not say that it is done")
