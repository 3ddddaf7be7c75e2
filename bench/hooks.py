"""The pytest hooks that the bench calls and a report implements: the bench never imports a report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bench.accepted import Accepted
from bench.pack import PackFile
from bench.planned import Planned


@pytest.hookspec
def pytest_packbench_pack_chosen(pack: PackFile, file: Path) -> None:
    """A session will test this pack. Whoever judges raises `InputError` for a requirement that nobody can judge.

    Called before the bench is opened, and before its lease is taken.
    """


@pytest.hookspec
def pytest_packbench_run_started(item: pytest.Item, folder: Path) -> None:
    """A run has begun: `folder` holds its manifest, its event log and its growing journal."""


@pytest.hookspec
def pytest_packbench_scenario(
    item: pytest.Item, planned: Sequence[Planned], manifest: dict[str, Any], pack: PackFile,
    state: tuple[float, float], accepted: Accepted,
) -> list[str]:  # fmt: skip
    """A scenario is about to begin: return a sentence on everything that this bench is not expected to decide.

    `planned` are its steps, `manifest` that of the run so far, `state` what the pack begins with: state of charge (0 to
    1) and degC, `accepted` what the specimen has shown in its accepted runs. What is returned is told as a warning, or
    refused where the station file says so.
    """
    return []


@pytest.hookspec
def pytest_packbench_event(item: pytest.Item, event: dict[str, Any]) -> None:
    """Something happened: the same record that `events.jsonl` just got (see docs/run-format.md)."""


@pytest.hookspec
def pytest_packbench_run_ended(item: pytest.Item, folder: Path) -> None:
    """The bench is safe and everything of the run is on disk; called before the test's own report is made."""


@pytest.hookspec
def pytest_packbench_session_ended(session: pytest.Session, summary: dict[str, Any]) -> None:
    """All tests are over. `summary` is the record of the session (`session.json`): the one place to tell it from.

    Called again, with what has become of it, where somebody's end of the session fails after that.
    """
