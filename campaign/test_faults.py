"""Every fault of the campaign, injected and judged."""

from dataclasses import asdict
from json import dumps
from pathlib import Path

import allure
import pytest

from campaign import outcome, processes, virtual
from campaign.catalogue import Injection, Phase


def test_fault(fault: str, phase: Phase, injection: Injection, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """{fault} in the phase {phase}."""
    run = processes.run if injection.real else virtual.run
    found = run(fault, injection, phase, pytestconfig.getoption("--seed"), tmp_path)
    outcome.write(found, Path(pytestconfig.getoption("--outcomes")))
    allure.attach(dumps(asdict(found), indent=1), "outcome", allure.attachment_type.JSON)
    assert not found.problems, "; ".join(found.problems)
