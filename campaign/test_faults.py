"""Every fault of the campaign, injected and judged."""

from dataclasses import asdict
from pathlib import Path
from json import dumps

import allure
import pytest

from campaign import outcome, processes, virtual
from campaign.catalogue import Injection, Phase


def test_a_fault_is_noticed_and_the_outputs_end_off(
    case: tuple[str, Injection, Phase], tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """See `campaign/faults.yaml` for what is expected."""
    fault, injection, phase = case
    allure.dynamic.title(f"{injection.words} ({phase})")
    allure.dynamic.feature(injection.level)
    allure.dynamic.story(fault)
    allure.dynamic.parameter("phase", phase)
    run = processes.run if injection.action else virtual.run
    found = run(fault, injection, phase, pytestconfig.getoption("--seed"), tmp_path)
    outcome.write(found, Path(pytestconfig.getoption("--outcomes")))
    allure.attach(dumps(asdict(found), indent=1), "outcome", allure.attachment_type.JSON)
    assert not found.problems, "; ".join(found.problems)
