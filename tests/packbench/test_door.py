"""The public door: every name that it promises is there, and it costs nothing to open."""

import subprocess
import sys
from pathlib import Path

import pytest

import packbench
from bench.recording.manifest import RecordingError
from packbench import Charge, load_run

RECORDED = Path(__file__).parents[1] / "recordings" / "ended-9e90314"


@pytest.mark.parametrize("name", packbench.__all__)
def test_what_is_promised_is_there_and_says_what_it_is(name: str) -> None:
    found = getattr(packbench, name)
    if name not in {"Control", "Envelope", "Require", "RunScenario", "Verify"}:  # names for types
        assert found.__doc__


def test_what_a_simulator_is_made_of_is_behind_a_door_of_its_own() -> None:
    from packbench import simulation

    assert simulation.__all__ == sorted(set(simulation.__all__))
    assert all(getattr(simulation, name).__doc__ for name in simulation.__all__ if name != "Repair")  # a type
    assert not {"Instrument", "Property", "World"} & set(packbench.__all__)


def test_nothing_is_promised_twice_or_out_of_order() -> None:
    assert packbench.__all__ == sorted(set(packbench.__all__))
    assert dir(packbench) == packbench.__all__


def test_a_step_is_the_same_by_whichever_door_it_comes() -> None:
    from bench import scenario

    assert Charge is scenario.Charge


def test_a_name_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(AttributeError, match=r"packbench has no 'Sleep'; it has AskOperator, Batt"):
        packbench.Sleep  # noqa: B018


def test_the_door_opens_without_what_is_behind_it() -> None:
    probe = "import packbench, sys; print(sorted({'numpy', 'pandas', 'bench', 'reports'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, cwd=Path(__file__).parents[2], check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_run_is_a_frame_with_what_is_known_of_it() -> None:
    frame = load_run(RECORDED)
    assert len(frame) > 10
    assert frame["Voltage / V"].max() > 10
    assert frame.attrs["manifest"]["verdict"] == "PASS"
    assert frame.attrs["events"][0]["type"] in {"run started", "message"}


def test_a_folder_that_is_no_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="is not a run"):
        load_run(tmp_path)
