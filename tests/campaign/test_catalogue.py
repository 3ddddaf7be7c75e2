"""The campaign's faults: every level and phase is there, and nothing dangerous may be waved through."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.verdicts import InputError
from campaign.catalogue import LEVELS, PHASES, campaign, load_campaign
from campaign.victim import ACTIONS

LEAK = """\
schema: 1
faults:
  leak:
    level: physics
    words: a cell leaks
    dangerous: true
    defects: ["self-discharge:7:0.5"]
    expect: ends
    named: [cell-spread]
    blame: pack
"""


@pytest.fixture
def refused(tmp_path: Path) -> Callable[[str], str]:
    """The sentence with which a catalogue is refused."""

    def sentence(text: str) -> str:
        path = tmp_path / "faults.yaml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InputError) as refusal:
            load_campaign(path)
        return str(refusal.value)

    return sentence


def test_sixty_faults_on_every_level_and_in_every_phase() -> None:
    faults = campaign().values()
    assert len(faults) >= 60
    assert {fault.level for fault in faults} == set(LEVELS)
    assert {phase for fault in faults for phase in fault.expectations} == set(PHASES)


def test_every_process_is_hit_by_something_that_exists_and_everything_that_exists_is_used() -> None:
    assert {fault.action for fault in campaign().values() if fault.action} == set(ACTIONS)


@pytest.mark.parametrize(
    ("found", "wrong", "sentence"),
    [
        ("expect: ends", "expect: passes", "a dangerous fault may pass unnoticed only before or after"),
        ("blame: pack", "but: {charge: passes}\n    blame: pack", "a dangerous fault may pass unnoticed only before"),
        ("[cell-spread]", "[cell-spred]", "did you mean 'cell-spread'?"),
        ("    blame: pack\n", "", "needs `named` and `blame`"),
        ("expect: ends", "expect: told", "needs `told`"),
        ("defects:", "action: SIGINT\n    defects:", "says how a fault is injected"),
    ],
)
def test_an_entry_that_cannot_be_judged_is_refused(
    refused: Callable[[str], str], found: str, wrong: str, sentence: str
) -> None:
    assert found in LEAK
    assert sentence in refused(LEAK.replace(found, wrong))


def test_nothing_is_expected_of_a_phase_that_has_no_entry(tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(LEAK + "    phases: [charge]\n    but: {teardown: passes}\n", encoding="utf-8")
    assert load_campaign(path)["leak"].expectations == {"charge": "ends", "teardown": "passes"}
