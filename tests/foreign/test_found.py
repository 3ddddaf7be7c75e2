"""A bench as somebody has left it, and who is believed that it is off, on a bench that shares nothing with ours.

Every case does one thing to the rig or to the test's process while a current flows (or before anything is opened), and
then looks at the rig, at the exit status and at what the run has kept.
"""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.foreign.acts import CHARGE, LONG, charging, during_charge, is_off, live, opened_under_load
from tests.foreign.rig import Rig
from tests.foreign.session import session

pytestmark = [pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX"), pytest.mark.real_time(160)]


# --- the bench as it is found -----------------------------------------------------------------------------------------


def test_an_output_found_on_is_off_although_the_chamber_does_not_answer(rig: Rig, tmp_path: Path) -> None:
    live(rig)
    rig.chamber.mute = True
    found = session(rig, tmp_path, CHARGE)
    assert found.status == 3
    assert is_off(rig)


def test_an_output_found_on_is_off_although_a_calibration_is_overdue(rig: Rig, tmp_path: Path) -> None:
    live(rig)
    instruments = rig.station()["instruments"]
    instruments["chamber"]["calibration_due"] = "2020-01-01"
    found = session(rig, tmp_path, CHARGE, instruments=instruments)
    assert found.status == 3
    assert "calibration" in found.cause["text"]
    assert is_off(rig)


def test_an_output_found_on_is_off_although_another_instrument_is_at_the_address(rig: Rig, tmp_path: Path) -> None:
    live(rig)
    rig.supply.identity = "EA Elektro-Automatik GmbH&Co.KG, PSB 10060-1000, 1, V1"
    found = session(rig, tmp_path, CHARGE)
    assert found.status == 3
    assert is_off(rig)


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize("answers", [{}, {"SYST:NOM:VOLT": "?"}, {"OUTP": "?"}], ids=["none", "rating", "output"])
def test_an_output_found_on_is_off_although_nothing_sensible_is_answered(
    rig: Rig, tmp_path: Path, answers: dict[str, str]
) -> None:
    live(rig)
    rig.supply.mute, rig.supply.override = not answers, answers
    found = session(rig, tmp_path, CHARGE)
    assert found.status == 3, found.said
    assert found.cause["blame"] == "bench"
    assert is_off(rig)


def test_the_contactor_never_closes_onto_a_live_supply_and_what_was_found_is_told(rig: Rig, tmp_path: Path) -> None:
    rig.supply.values |= {"VOLT": 100.0, "CURR": 5.0, "POW": 400.0}
    rig.supply.output = True
    found = session(rig, tmp_path, CHARGE)
    first = next(entry for entry in rig.log if entry[3])
    assert not first[2], "the contactor closed onto a live supply"
    assert "found" in (found.said + (found.run / "events.jsonl").read_text(encoding="utf-8"))


def test_a_bench_that_somebody_else_holds_is_not_written_to(rig: Rig, tmp_path: Path) -> None:
    lease = {"lease": {"file": str(tmp_path / "bench.lock")}}

    def second(_process: "subprocess.Popen[str]") -> None:
        charging(rig)
        heard = len(rig.supply.heard)
        (tmp_path / "other").mkdir()
        other = session(rig, tmp_path / "other", CHARGE, **lease)
        assert other.status == 3
        # The first one goes on measuring; nobody says OFF.
        assert not [line for line in rig.supply.heard[heard:] if "OUTP OFF" in line]
        assert rig.supply.output
        _process.send_signal(signal.SIGINT)

    assert session(rig, tmp_path, LONG, second, **lease).status == 130
    assert is_off(rig)


# --- witnesses --------------------------------------------------------------------------------------------------------


def test_an_impostor_that_says_off_verifies_nothing(rig: Rig, tmp_path: Path) -> None:
    def replace(_process: "subprocess.Popen[str]") -> None:
        rig.supply.identity = "EA Elektro-Automatik GmbH&Co.KG, PSB 10200-420, 9999999999, V2.14"
        rig.supply.hang_up()

    found = during_charge(rig, tmp_path, replace)
    assert found.status == 3
    assert found.manifest["bench_verdict"]["safe"] is False, found.manifest["bench_verdict"]


def test_a_stage_that_conducts_whatever_it_is_told_is_not_safe(rig: Rig, tmp_path: Path) -> None:
    def weld(_process: "subprocess.Popen[str]") -> None:
        rig.supply.welded = True

    found = during_charge(rig, tmp_path, weld, CHARGE)
    assert found.status == 3
    assert "NOT VERIFIED SAFE" in found.said


def test_a_welded_contactor_is_seen_by_the_bus(rig: Rig, tmp_path: Path) -> None:
    def weld(_process: "subprocess.Popen[str]") -> None:
        rig.node.welded = True

    found = during_charge(rig, tmp_path, weld, CHARGE)
    assert found.status == 3
    assert is_off(rig)


def test_a_can_gateway_that_hangs_up_once_does_not_leave_the_contactor_closed(rig: Rig, tmp_path: Path) -> None:
    found = during_charge(rig, tmp_path, lambda _process: rig.node.hang_up())
    assert found.status == 3
    assert found.cause["blame"] == "bench"
    assert is_off(rig)
    assert not rig.node.closed
    assert not opened_under_load(rig)
    assert found.manifest["bench_verdict"]["safe"] is True, found.steps
