"""Everything together, on the virtual bench, in sessions of pytest with the installed plugin: what an engineer gets."""

import json
from typing import Any

import pytest
from packbench import load_pack, load_run, load_station

from insulation_bench.guard import limits
from session import CASES, HERE, STATION, Session, session

RESISTANCE, TEST_VOLTAGE, STATE = "Insulation Resistance / Ohm", "Test Voltage / V", "BMS State / 1"
STANDBY, TOUCHABLE = 5, 60.0
OFF = [":OUTP:OFF:MODE ZERO", ":INP 1", ":SOUR:VOLT 0", ":OUTP 0"]


def measurements(manifest: Any) -> list[tuple[float, str]]:
    ours = [each for each in manifest["measurements"] if each["name"] == "insulation per volt"]
    return [(each["at_least"], each["verdict"]) for each in ours]


def safe_step(manifest: Any) -> dict[str, Any]:
    (step,) = (step for step in manifest["bench_verdict"]["steps"] if step["name"] == "test voltage off")
    return dict(step)


# --- a good pack, on a bench whose tester was left on ----------------------------------------------------------------


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Both test cases, on a pack whose BMS and tester find 20 MOhm; whoever was here before has left 400 V on."""
    return session(tmp_path_factory.mktemp("good"), CASES, "--defect=test-voltage-by-hand:tester:400")


def test_a_good_pack_passes_what_its_file_requires(good: Session) -> None:
    assert good.status == 0, good.said
    assert "2 tests: 2 passed" in good.said
    assert measurements(good.manifest("test_insulation_as_delivered")) == [(500.0, "PASS"), (5000.0, "PASS")]


def test_the_figure_is_the_resistance_over_the_packs_voltage_and_as_uncertain_as_its_meter(good: Session) -> None:
    first = good.manifest("test_insulation_as_delivered")["measurements"][0]
    assert first["value"] == pytest.approx(20e6 / 86.4, rel=1e-4)
    assert first["uncertainty"] == pytest.approx(0.02 * first["value"])
    assert first["unit"] == "Ω/V"


def test_no_test_voltage_stands_on_closed_contactors_and_none_is_left_when_a_step_ends(good: Session) -> None:
    frame = load_run(good.run("test_insulation_after_a_charge"))
    live = frame[frame[TEST_VOLTAGE].abs() > TOUCHABLE]
    assert len(live) > 100
    assert set(live[STATE]) == {STANDBY}
    tested = frame[frame[RESISTANCE].notna()]
    assert set(tested["Step Count / 1"]) == {2, 4}
    assert (frame.groupby("Step Count / 1")[TEST_VOLTAGE].last().loc[[2, 4]].abs() < TOUCHABLE).all()


def test_the_step_is_recorded_with_what_it_was_told_and_how_it_ended(good: Session) -> None:
    events = load_run(good.run("test_insulation_as_delivered")).attrs["events"]
    started = next(event for event in events if event["type"] == "step started")
    assert started["set_points"] == {"test voltage": 500.0, "dwell": 60, "working voltage": 86.4}
    assert (started["kind"], started["direction"], started["resumable"]) == ("InsulationTest", "none", False)
    ended = next(event for event in events if event["type"] == "step ended")
    assert ended["ended_by"] == "2e+07 Ohm after 60 s at 476.2 V, discharged"
    assert [event["value"] for event in events if event["type"] == "set point"] == [500.0]


def test_the_test_voltage_is_told_off_before_the_contactor_and_read_back_in_the_safe_state(good: Session) -> None:
    manifest = good.manifest("test_insulation_as_delivered")
    names = [step["name"] for step in manifest["bench_verdict"]["steps"]]
    assert names.index("test voltage off") < names.index("contactor open")
    step = safe_step(manifest)
    assert (step["done"], step["verified"]) == (True, None)
    assert "only tester itself says so" in step["detail"]
    sent = good.sent_to_the_tester("test_insulation_as_delivered")
    assert sent[-6:] == [*OFF, ":OUTP?;:INP?", ":MEAS:CURR?"]


def test_a_test_voltage_that_somebody_has_left_on_is_taken_off_before_anything_else_and_told(good: Session) -> None:
    assert good.manifest("test_insulation_as_delivered")["found"]["tester"] is True
    assert good.sent_to_the_tester("test_insulation_as_delivered")[:6] == [":OUTP?;:INP?", *OFF, ":OUTP?;:INP?"]
    events = load_run(good.run("test_insulation_as_delivered")).attrs["events"]
    told = next(event["text"] for event in events if event["type"] == "warning")
    assert "found on: tester was switched on when the bench was opened" in told


def test_the_report_shows_the_step_the_figure_and_the_column(good: Session) -> None:
    (result,) = (
        found
        for path in good.folder.glob("allure-results/*-result.json")
        if "as delivered" in (found := json.loads(path.read_text(encoding="utf-8")))["name"]
    )
    text = json.dumps(result, ensure_ascii=False)
    assert "insulation test" in text
    assert "set test voltage" in text
    assert "insulation per volt" in text
    pages = [path.read_text(encoding="utf-8") for path in good.folder.glob("allure-results/*-attachment.html")]
    assert any("Insulation Resistance" in page and "Test Voltage" in page for page in pages)


# --- a pack that leaks, a bench that fails, a test that falls over ----------------------------------------------------


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """One session of everything that goes wrong."""
    return session(tmp_path_factory.mktemp("hard"), HERE / "sessions" / "hard_times.py")


def test_the_exit_status_is_that_of_the_worst(hard: Session) -> None:
    assert hard.status == 3, hard.said
    assert "6 tests: 2 passed, 0 inconclusive, 2 pack failed, 1 test error, 1 bench failed" in hard.said


def test_what_cannot_be_is_refused_and_nothing_is_switched_on(hard: Session) -> None:
    assert hard.manifest("test_refused")["verdict"] == "PASS", hard.said
    assert ":OUTP 1" not in hard.sent_to_the_tester("test_refused")


def test_a_pack_that_leaks_more_than_a_new_one_fails_that_requirement_and_not_the_standard(hard: Session) -> None:
    manifest = hard.manifest("test_leaks_a_little")
    assert measurements(manifest) == [(500.0, "PASS"), (5000.0, "FAIL")]
    cause = manifest["cause"]
    assert (manifest["verdict"], cause["fault"], cause["blame"]) == ("FAIL", "requirement-missed", "pack")
    assert "insulation per volt" in cause["text"]


def test_a_leak_that_appears_under_the_test_voltage_ends_the_test_and_blames_the_pack(hard: Session) -> None:
    manifest = hard.manifest("test_breaks_down")
    cause = manifest["cause"]
    assert (manifest["verdict"], cause["fault"], cause["blame"]) == ("FAIL", "leak-to-case", "pack")
    assert "is below the allowed 8640 Ohm in step 'insulation test'" in cause["text"]
    assert (safe_step(manifest)["done"], safe_step(manifest)["verified"]) == (True, None)


def test_a_test_voltage_that_cannot_be_taken_off_is_told_and_is_not_the_packs_doing(hard: Session) -> None:
    manifest = hard.manifest("test_stays_on")
    assert (manifest["verdict"], manifest["cause"]["fault"]) == ("BENCH FAULT", "not-discharged")
    step = safe_step(manifest)
    assert step["verified"] is False
    assert "test voltage still reads on, or is not discharged" in step["detail"]


def test_whatever_ends_a_step_its_test_voltage_is_off_before_a_test_goes_on(hard: Session) -> None:
    assert hard.manifest("test_caught")["verdict"] == "PASS", hard.said


def test_a_test_that_falls_over_under_the_test_voltage_ends_with_it_off_and_read_back(hard: Session) -> None:
    manifest = hard.manifest("test_not_caught")
    assert manifest["verdict"] == "TEST ERROR"
    assert (safe_step(manifest)["done"], safe_step(manifest)["verified"]) == (True, None)
    sent = hard.sent_to_the_tester("test_not_caught")
    behind = sent[sent.index(":OUTP 1") :]
    assert behind[behind.index(":OUTP:OFF:MODE ZERO") :][:4] == OFF


# --- elsewhere --------------------------------------------------------------------------------------------------------


def test_a_station_without_a_tester_is_guarded_by_nothing_of_it_and_one_with_it_by_the_packs_voltage() -> None:
    pack, without, station = load_pack("lfp-24s")[0], load_station("virtual-module")[0], load_station(str(STATION))[0]
    assert list(limits(pack, without)) == []
    (limit,) = limits(pack, station)
    assert (limit.fault, limit.at_least, limit.when) == ("leak-to-case", 8640.0, "measured")
    assert "test voltage off" not in without.safe_order
    assert station.safe_order.index("test voltage off") < station.safe_order.index("contactor open")
