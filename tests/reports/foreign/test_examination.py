"""Defects of recordings: each is named, and no number is told that it makes wrong; what is right stays told."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bench.verdicts import InputError
from reports import kpi
from reports.foreign import ForeignRecording, open_recording
from tests.reports.foreign.makes import (
    AMPERE_HOURS,
    MAKES,
    Record,
    arbin,
    bare,
    bdf,
    clock,
    maccor,
    neware,
    records,
    table,
)

Write = Callable[[Sequence[Record]], str]


def examined(tmp_path: Path, text: str) -> ForeignRecording:
    path = tmp_path / "recording.csv"
    path.write_text(text, encoding="utf-8")
    return open_recording(path)


def named(recording: ForeignRecording) -> set[str]:
    """What the examination found."""
    return {finding.check for finding in recording.findings}


def told(recording: ForeignRecording) -> dict[str, float]:
    """Charge and discharge capacity of each step that has one."""
    figures = kpi.evaluate(recording).figures
    return {figure.step: figure.value for figure in figures if figure.key.endswith(" capacity")}


RIGHT = {"discharge 1": pytest.approx(AMPERE_HOURS, rel=5e-4), "charge 1": pytest.approx(AMPERE_HOURS, rel=5e-4)}


def timed(factor: float, wall: bool, counters: bool) -> str:
    """A table whose time is in another unit than its header says."""
    header = ["Test Time / s", "Voltage / V", "Current / A"]
    header += ["Unix Time / s"] * wall + ["Charging Capacity / Ah", "Discharging Capacity / Ah"] * counters
    rows = []
    for each in records():
        row = [each.time * factor, each.voltage, each.current]
        row += [1709280000 + each.time] * wall + [each.charged, each.discharged] * counters
        rows.append(row)
    return table(header, rows)


# --- time ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("counters", [True, False])
@pytest.mark.parametrize("wall", [True, False])
@pytest.mark.parametrize(("factor", "word"), [(1 / 3600, "hours"), (1 / 60, "minutes")])
def test_hours_in_a_column_of_seconds(tmp_path: Path, factor: float, word: str, wall: bool, counters: bool) -> None:
    recording = examined(tmp_path, timed(factor, wall, counters))
    assert "time in another unit" in named(recording)
    assert any(word in finding.text or "no battery" in finding.text for finding in recording.defects)
    assert told(recording) == (RIGHT if counters else {})
    assert {figure.unit for figure in kpi.evaluate(recording).figures} <= {"Ah", "Wh"}


@pytest.mark.parametrize("counters", [True, False])
@pytest.mark.parametrize("factor", [1000, 1e6])
def test_milliseconds_in_a_column_of_seconds(tmp_path: Path, factor: float, counters: bool) -> None:
    recording = examined(tmp_path, timed(factor, True, counters))
    assert "time in another unit" in named(recording)
    assert told(recording) == (RIGHT if counters else {})


def test_seconds_that_were_taken_for_hours(tmp_path: Path) -> None:
    """As in a published file: 22.6 Ah in 2,861 days, where no column says that it is wrong."""
    recording = examined(tmp_path, timed(3600, False, False))
    assert "time in another unit" in named(recording)
    assert told(recording) == {}


BARE = ("Test Time / s", "Voltage / V", "Current / A")


@pytest.mark.parametrize("rate", [2.0, 1.0, 0.5, 0.1])
def test_milliseconds_betray_themselves_by_what_a_current_moved(tmp_path: Path, rate: float) -> None:
    """No civil time, no counter, and a constant current: 1C lasts 41 days by it, and no C/1000 looks like this."""
    found = records(10, ((0.0, 600), (-2 * rate, round(3600 / rate)), (0.0, 600), (2 * rate, round(3600 / rate))))
    recording = examined(tmp_path, table(BARE, ((1000 * each.time, each.voltage, each.current) for each in found)))
    assert "time in another unit" in named(recording)
    assert told(recording) == {}


def test_milliseconds_of_a_fast_charge_betray_themselves_by_its_drop(tmp_path: Path) -> None:
    found = records(5, ((0.0, 600), (-8.0, 900), (0.0, 600), (8.0, 900), (0.0, 600)), ohms=0.04)
    recording = examined(tmp_path, table(BARE, ((1000 * each.time, each.voltage, each.current) for each in found)))
    assert "time in another unit" in named(recording)
    assert told(recording) == {}


def test_milliseconds_betray_themselves_where_a_charge_is_taken_in_parts(tmp_path: Path) -> None:
    """As the pulses of a GITT: no part of it is a whole charge."""
    parts = [step for _ in range(20) for step in ((-2.0, 180), (0.0, 600))]
    found = records(10, ((0.0, 600), *parts))
    recording = examined(tmp_path, table(BARE, ((1000 * each.time, each.voltage, each.current) for each in found)))
    assert "time in another unit" in named(recording)


@pytest.mark.parametrize("digits", [5, 6, 8])
@pytest.mark.parametrize("period", [5, 10, 30])
def test_hours_are_seen_through_their_rounding(tmp_path: Path, digits: int, period: int) -> None:
    """LFP, which has half a volt from empty to full: its range says nothing."""
    found = records(period, slope=0.2)
    rows = ((round(each.time / 3600, digits), each.voltage, each.current) for each in found)
    recording = examined(tmp_path, table(BARE, rows))
    assert "time in another unit" in named(recording)
    assert told(recording) == {}


@pytest.mark.parametrize("hertz", [60.0, 120.0, 240.0, 360.0, 400.0])
@pytest.mark.parametrize("decimals", [5, 6, 9])
def test_what_a_logger_samples_is_in_no_hours(tmp_path: Path, hertz: float, decimals: int) -> None:
    """400 Hz are 2.5 ms, which are 9 s if they are hours; 10C for half a minute moves a tenth of what is in it."""
    found = records(1 / hertz, ((0.0, 1), (-20.0, 30), (0.0, 2), (20.0, 10), (0.0, 1)))
    rows = ((round(each.time, decimals), each.voltage, each.current) for each in found)
    recording = examined(tmp_path, table(BARE, rows))
    assert "time in another unit" not in named(recording)


@pytest.mark.parametrize(("seconds", "factor"), [(9.0, 1 / 3600), (60.0, 1 / 3600), (10.0, 1 / 60)])
def test_hours_are_told_from_a_rate_by_what_the_battery_does(tmp_path: Path, seconds: float, factor: float) -> None:
    """The same distances of the records as at 400, 60 and 6 Hz, and an hour's discharge within a second or a minute."""
    found = records(seconds, ((0.0, 540), (-2.0, 3600), (0.0, 540), (1.0, 7200), (0.0, 540)), slope=0.2)
    recording = examined(tmp_path, table(BARE, ((each.time * factor, each.voltage, each.current) for each in found)))
    assert "time in another unit" in named(recording)


def test_cycles_in_hours_are_no_profile(tmp_path: Path) -> None:
    """Steps of 2 s that go to and fro are one, so that nothing is computed; and records stand at no whole seconds."""
    cycle = ((-2.0, 3650), (0.0, 584), (2.0, 3650), (0.0, 584))
    found = records(7.3, cycle * 3, slope=0.2)
    recording = examined(tmp_path, table(BARE, ((each.time / 3600, each.voltage, each.current) for each in found)))
    assert "time in another unit" in named(recording)


@pytest.mark.parametrize("seconds", [5.0, 10.0, 30.0])
@pytest.mark.parametrize(("drop", "shape"), [(0.25, 1.0), (0.5, 0.5), (0.5, 1.0), (0.9, 0.8)])
def test_pulses_of_a_cold_cell_are_no_charges(tmp_path: Path, seconds: float, drop: float, shape: float) -> None:
    """They go through all of the range that their recording has, in no time; at the low end even by a straight line.

    And they come back.
    """
    rows, begun = list[tuple[float, float, float]](), 0.0
    for way in (0, -1, 0, 1, 0, -1, 0, 1, 0):
        for within in np.arange(0.0, seconds if way else 40.0, 0.5):
            rows.append((begun + within, 3.6 + way * drop * (0.3 + 0.7 * (within / seconds) ** shape), 10.0 * way))
        begun = rows[-1][0] + 0.5
    assert not examined(tmp_path, table(BARE, rows)).defects


def test_a_very_slow_charge_is_one(tmp_path: Path) -> None:
    """C/100, written each half hour."""
    found = records(1800, ((0.0, 7200), (-0.02, 360000), (0.0, 7200), (0.02, 360000)), ohms=1.0)
    recording = examined(tmp_path, bare(found))
    assert not recording.defects
    assert set(told(recording)) == {"discharge 1", "charge 1"}


def test_a_cell_that_floats_for_a_year_was_not_charged_for_a_year(tmp_path: Path) -> None:
    charge = records(60, ((0.0, 600), (-2.0, 3600), (0.0, 600), (2.0, 3540)))
    last = charge[-1]
    rows = [(each.time, each.voltage, each.current) for each in charge]
    rows += [(last.time + 600 * n, last.voltage, 1e-3) for n in range(1, 52560)]
    assert not examined(tmp_path, table(BARE, rows)).defects


@settings(max_examples=25)
@given(
    period=st.sampled_from([1.0, 5.0, 10.0, 30.0, 60.0]), amperes=st.floats(0.05, 200),
    hours=st.floats(0.25, 40), wall=st.booleans(),
)  # fmt: skip
def test_no_healthy_recording_is_accused(
    period: float, amperes: float, hours: float, wall: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assume(amperes * hours < 400)  # of more it is said that few cells have as much
    seconds = 60 * round(hours * 60)
    steps = ((0.0, 600), (-amperes, seconds), (0.0, 600), (amperes, seconds))
    # The open-circuit line falls by 0.8 V over the discharge, and the current by 40 mV behind the resistance.
    found = records(max(period, seconds / 1500), steps, 0.8 * 3600 / (amperes * seconds), 0.04 / amperes)
    path = tmp_path_factory.getbasetemp() / "healthy.csv"
    path.write_text(bdf(found) if wall else bare(found), encoding="utf-8")
    recording = open_recording(path)
    assert not recording.defects
    assert told(recording) == {
        "discharge 1": pytest.approx(amperes * seconds / 3600, rel=5e-4),
        "charge 1": pytest.approx(amperes * seconds / 3600, rel=5e-4),
    }


@pytest.mark.parametrize(("write", "amounts"), [(bdf, RIGHT), (bare, {})])
def test_time_that_runs_backwards_is_named_with_its_place(
    tmp_path: Path, write: Write, amounts: dict[str, float]
) -> None:
    found = records()
    late = [replace(each, time=each.time - 900 * (n >= 200)) for n, each in enumerate(found)]
    recording = examined(tmp_path, write(late))
    (finding,) = [each for each in recording.findings if each.check == "time runs backwards"]
    assert "record 201" in finding.text
    assert told(recording) == amounts
    assert recording.step("discharge 1").duration != recording.step("discharge 1").duration  # not a number


def test_a_second_recording_behind_the_first_is_named(tmp_path: Path) -> None:
    recording = examined(tmp_path, bare([*records(), *records()]))
    assert any("second cell" in finding.text for finding in recording.defects)
    assert told(recording) == {}


def test_a_leap_that_civil_time_does_not_know_is_no_pause(tmp_path: Path) -> None:
    rows = [
        (each.time + 50_000 * (n > 200), each.voltage, each.current, 1709280000 + each.time)
        for n, each in enumerate(records())
    ]
    text = table(("Test Time / s", "Voltage / V", "Current / A", "Unix Time / s"), rows)
    recording = examined(tmp_path, text)
    assert "time jumps" in named(recording)
    assert told(recording) == {}


@pytest.mark.parametrize(("write", "amounts"), [(bdf, RIGHT), (bare, {"charge 1": RIGHT["charge 1"]})])
def test_a_gap_under_current_costs_the_integral_and_not_the_counter(
    tmp_path: Path, write: Write, amounts: dict[str, float]
) -> None:
    found = [each for each in records() if not 1500 < each.time < 2700]
    recording = examined(tmp_path, write(found))
    assert "gap" in named(recording)
    assert told(recording) == amounts


def test_a_rest_that_nobody_recorded_is_no_gap(tmp_path: Path) -> None:
    recording = examined(tmp_path, bdf([each for each in records() if not 100 < each.time < 500]))
    assert "gap" not in named(recording)
    assert told(recording) == RIGHT


def test_a_step_whose_end_is_missing_is_not_told(tmp_path: Path) -> None:
    found = [each for each in records() if not 3000 < each.time <= 4200]
    recording = examined(tmp_path, arbin(found))
    assert "records are missing" in named(recording)
    assert told(recording) == {"charge 1": RIGHT["charge 1"]}


def test_sparse_records_of_a_changing_current_are_not_integrated(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    found = [replace(each, current=each.current * float(rng.uniform(0, 2))) for each in records(60.0)]
    recording = examined(tmp_path, bare(found))
    assert "sparse records" in named(recording)
    assert told(recording) == {}


def pulsed(*, counters: bool) -> str:
    """Of each half second 1/8 at 1.7 A and the rest at 0.1 A: 0.3 A on the mean; a record at each end of a pulse."""
    header = ["Test Time / s", "Voltage / V", "Current / A"]
    header += ["Charging Capacity / Ah", "Discharging Capacity / Ah"] * counters
    rows = []
    for pulse in range(7200):
        for within, amperes in ((0.4958, -1.7), (0.5, -0.1)):
            time = 0.5 * pulse + within
            volts = 4.0 - time / 36000 + 0.0366 * amperes
            rows.append([time, volts, amperes] + [0.0, 0.3 * time / 3600] * counters)
    return table(header, rows)


def test_of_pulses_that_are_shorter_than_records_are_apart_the_counter_tells(tmp_path: Path) -> None:
    """A mobile phone's, as in a published file: trapezoids make three times of it, and no column is in another unit."""
    recording = examined(tmp_path, pulsed(counters=True))
    assert named(recording) == {"current to and fro"}
    assert not recording.defects
    assert "between -1.7 and -0.1 A" in recording.findings[0].text
    assert told(recording) == {"discharge 1": pytest.approx(0.3, rel=1e-3)}


def test_pulses_that_are_shorter_than_records_are_apart_are_not_integrated(tmp_path: Path) -> None:
    recording = examined(tmp_path, pulsed(counters=False))
    assert named(recording) == {"current to and fro"}
    assert told(recording) == {}


def test_a_constant_current_may_be_recorded_sparsely(tmp_path: Path) -> None:
    assert told(examined(tmp_path, bare(records(300.0)))) == RIGHT


def test_a_pulse_of_which_one_record_was_kept_is_not_told(tmp_path: Path) -> None:
    """The record of its first moment says 0 Ah; the next step says that it began half a minute later."""
    found = records(1.0, ((0.0, 600), (-2.0, 30), (0.0, 600), (-2.0, 3600)))
    kept = [each for each in found if each.step != 2 or each.within == 1]
    recording = examined(tmp_path, arbin(kept))
    assert "records are missing" in named(recording)
    assert {step: ah for step, ah in told(recording).items() if step != "discharge 1"} == {}


def test_what_a_counter_began_anew_behind_was_not_counted(tmp_path: Path) -> None:
    """Of a charge in two steps of the schedule the first has one record, and the second a counter of its own."""
    found = records(10.0, ((0.0, 600), (1.0, 3600), (1.0, 3600), (0.0, 600), (-2.0, 3600)))
    kept = [each for each in found if each.step != 2 or each.within == 10]
    recording = examined(tmp_path, maccor(kept))
    assert told(recording) == {"discharge 1": RIGHT["discharge 1"]}


@pytest.mark.parametrize("write", [arbin, maccor])
def test_what_flowed_between_steps_that_nobody_recorded_is_not_told(tmp_path: Path, write: Write) -> None:
    """Counters since the start that were put together from what was recorded do not say what was not."""
    found = records(10.0, ((0.0, 600), (1.0, 3600), (1.0, 3600), (0.0, 600), (-2.0, 3600)))
    lost = max(each.charged for each in found if each.step == 2) - 10 / 3600
    kept = [
        replace(each, charged=each.charged - lost * (each.step > 2))
        for each in found if each.step != 2 or each.within == 10
    ]  # fmt: skip
    assert told(examined(tmp_path, write(kept))) == {"discharge 1": RIGHT["discharge 1"]}


def test_a_pause_within_a_step_costs_a_counter_nothing(tmp_path: Path) -> None:
    """The computer was off for five hours in the discharge, and so was the load."""
    kept = [replace(each, time=each.time + 18000 * (each.time > 2000)) for each in records()]
    assert told(examined(tmp_path, arbin(kept))) == RIGHT


def test_a_step_lasts_from_when_its_first_record_says_it_began(tmp_path: Path) -> None:
    """A record every 30 s, none when a step begins: half a minute of each would be missing, and its mean power high."""
    recording = examined(tmp_path, arbin([each for each in records(30.0) if each.within or each.step == 1]))
    assert recording.step("discharge 1").duration == pytest.approx(3600, abs=1e-6)
    assert kpi.mean_power(recording, "discharge 1").value == pytest.approx(2 * 3.56, rel=1e-3)


def test_a_step_that_is_not_known_takes_nothing_from_the_one_behind_it(tmp_path: Path) -> None:
    """A blip of one record ahead of a charge, as in a published ageing test: the charge begins with that record."""
    found = records(steps=((0.0, 600), (-2.0, 10), (1.0, 7200), (0.0, 600)))
    kept = [each for each in found if each.step != 2 or each.within == 10]
    assert told(examined(tmp_path, bare(kept)))["charge 1"] == pytest.approx(AMPERE_HOURS, rel=2e-3)


def test_the_newest_record_may_stand_first(tmp_path: Path) -> None:
    recording = examined(tmp_path, bare(records()[::-1]))
    assert not recording.defects
    assert [step.direction for step in recording.steps] == ["none", "discharge", "none", "charge", "none"]
    assert told(recording) == RIGHT


def test_records_in_no_order_are_not_accused_of_anything_else(tmp_path: Path) -> None:
    found = [each for n in range(7) for each in records()[n::7]]
    (finding,) = examined(tmp_path, bare(sorted(found, key=lambda each: each.time % 97))).defects
    assert "sort the lines by time" in finding.text
    assert told(examined(tmp_path, bare(sorted(found, key=lambda each: each.time % 97)))) == {}


def test_a_time_of_day_goes_on_behind_midnight(tmp_path: Path) -> None:
    rows = [(clock((each.time + 80000) % 86400), each.voltage, each.current) for each in records()]
    recording = examined(tmp_path, table(("Time", "Voltage (V)", "Current (A)"), rows))
    assert any("midnight" in finding.text for finding in recording.findings)
    assert told(recording) == RIGHT


HEADER = ("Test Time / s", "Voltage / V", "Current / A", "Surface Temperature / degC")


def spoilt(count: int, **cells: str) -> str:
    """A recording in which so many records, far apart, have another cell in these places."""
    rows = [[each.time, each.voltage, each.current, 25.0] for each in records()]
    for number in range(count):
        for name, cell in cells.items():
            rows[200 + 100 * number][("time", "voltage", "current", "hot").index(name)] = cell  # type: ignore[call-overload]
    return table(HEADER, rows)


@pytest.mark.parametrize(
    ("cells", "one", "two"),
    [
        ({"time": ""}, "1 record without a time is left out.", "2 records without a time are left out."),
        (
            {"current": ""},
            "1 record without a voltage or a current is left out.",
            "2 records without a voltage or a current are left out.",
        ),
        (
            {"hot": "warm"},
            "1 value of 'Surface Temperature / degC' is no number and is left out.",
            "2 values of 'Surface Temperature / degC' are no numbers and are left out.",
        ),
    ],
    ids=["time", "current", "temperature"],
)
def test_what_is_left_out_is_counted_in_a_sentence(tmp_path: Path, cells: dict[str, str], one: str, two: str) -> None:
    for count, says in ((1, one), (2, two)):
        assert says in {finding.text for finding in examined(tmp_path, spoilt(count, **cells)).findings}
    assert not any("left out" in finding.text for finding in examined(tmp_path, spoilt(0)).findings)


@pytest.mark.parametrize(
    ("places", "more"),
    [([500], ""), ([500, 900], ", and in 1 more place"), ([500, 700, 900], ", and in 2 more places")],
)
def test_where_else_time_runs_backwards_is_counted(tmp_path: Path, places: list[int], more: str) -> None:
    rows = [[each.time, each.voltage, each.current] for each in records()]
    for place in places:
        rows[place][0] -= 200.0
    found = examined(tmp_path, table(HEADER[:3], rows))
    assert any(f"in record 501{more}. Nothing" in finding.text for finding in found.defects)


@pytest.mark.parametrize(
    ("contrary", "says"), [(1, "In record 3 the file says"), (2, "In record 3 and 1 more the file")]
)
def test_one_record_against_the_words_of_the_file_is_one(tmp_path: Path, contrary: int, says: str) -> None:
    rows = [(10.0 * n, 4.0 - 0.01 * n, 1.0 if 2 <= n < 2 + contrary else -1.0, "discharge") for n in range(30)]
    text = table(("Test Time / s", "Voltage / V", "Current / A", "Step Type"), rows)
    assert any(finding.text.startswith(says) for finding in examined(tmp_path, text).findings)


def test_clocks_that_are_put_back_are_named(tmp_path: Path) -> None:
    rows = [
        (f"{each.moment - timedelta(hours=each.time > 5000):%Y-%m-%d %H:%M:%S}", each.voltage, each.current)
        for each in records()
    ]
    recording = examined(tmp_path, table(("Timestamp", "Voltage (V)", "Current (A)"), rows))
    assert any("clocks are put back" in finding.text for finding in recording.defects)
    assert told(recording) == {}


def test_whole_minutes_do_not_tell_an_amount_within_a_percent(tmp_path: Path) -> None:
    rows = [(f"{each.moment:%Y-%m-%d %H:%M}", each.voltage, each.current) for each in records()]
    recording = examined(tmp_path, table(("Timestamp", "Voltage (V)", "Current (A)"), rows))
    assert "sparse records" in named(recording)
    assert set(told(recording)) <= {"charge 1"}  # of two hours and at half the current


# --- current ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [bare, bdf])
def test_a_current_of_the_other_sign_is_named_and_never_turned_round(tmp_path: Path, write: Write) -> None:
    recording = examined(
        tmp_path,
        write(
            [
                replace(each, current=-each.current, charged=each.discharged, discharged=each.charged)
                for each in records()
            ]
        ),
    )
    assert "reversed current" in named(recording)
    assert told(recording) == {}
    with pytest.raises(InputError, match="other sign"):
        kpi.capacity(recording, 2)


def test_a_current_of_one_sign_only_is_named(tmp_path: Path) -> None:
    recording = examined(tmp_path, bare([replace(each, current=abs(each.current)) for each in records()]))
    assert "current of one sign" in named(recording)
    assert told(recording) == {}


def test_a_discharge_by_itself_has_one_sign_and_no_fault(tmp_path: Path) -> None:
    recording = examined(tmp_path, bare(records(steps=((0.0, 600), (-2.0, 3600), (0.0, 600)))))
    assert not recording.defects
    assert told(recording) == {"discharge 1": RIGHT["discharge 1"]}


def test_a_sign_that_contradicts_the_words_of_the_file_is_named(tmp_path: Path) -> None:
    recording = examined(
        tmp_path, neware([replace(each, current=-each.current) for each in records()]).replace("CC ", "CC ")
    )
    contradicting = maccor([replace(each, current=-each.current) for each in records()])
    assert told(examined(tmp_path, contradicting)) == {}
    assert told(recording) == {}


# --- counters -----------------------------------------------------------------------------------------------------


def test_a_counter_that_falls_and_does_not_begin_anew_is_not_used(tmp_path: Path) -> None:
    """Accepted before: -0.166 Ah."""
    found = [replace(each, discharged=each.discharged - 0.166 * (n > 250)) for n, each in enumerate(records())]
    recording = examined(tmp_path, bdf(found))
    assert "counters fall" in named(recording)
    assert told(recording) == {}


@settings(max_examples=25)
@given(resets=st.sets(st.integers(62, 480), max_size=8))
def test_counters_that_begin_anew_anywhere_are_joined(
    resets: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Within the discharge: what had been counted stays counted, wherever the counter is set to zero."""
    found, lost = [], 0.0
    for n, each in enumerate(records()):
        lost = each.discharged if n in resets else lost
        found.append(replace(each, discharged=each.discharged - lost))
    path = tmp_path_factory.getbasetemp() / "resets.csv"
    path.write_text(bdf(found), encoding="utf-8")
    recording = open_recording(path)
    # What flowed between the last record before a reset and the reset nobody counted: 10 s of 2 A each.
    assert told(recording)["discharge 1"] == pytest.approx(AMPERE_HOURS, abs=len(resets) * 20 / 3600 + 1e-6)
    assert not np.any(np.diff(recording.column("Discharging Capacity / Ah")) < 0)


@settings(max_examples=15)
@given(resets=st.sets(st.integers(10, 60).map(lambda n: 7 * n), max_size=8))
def test_what_a_counter_shows_after_it_began_anew_counts(
    resets: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Set to zero just behind a record, the next one shows what has flowed since: nothing is lost."""
    found, lost, before = [], 0.0, 0.0
    for n, each in enumerate(records()):
        lost, before = before if n in resets else lost, each.discharged
        found.append(replace(each, discharged=each.discharged - lost))
    path = tmp_path_factory.getbasetemp() / "anew.csv"
    path.write_text(bdf(found), encoding="utf-8")
    assert told(open_recording(path))["discharge 1"] == pytest.approx(AMPERE_HOURS, rel=1e-9)


def test_a_counter_that_says_something_else_than_the_current_is_not_told(tmp_path: Path) -> None:
    found = [replace(each, charged=each.charged * (1.3 if each.step >= 4 else 1)) for each in records()]
    recording = examined(tmp_path, bdf(found))
    assert "counters and integration differ" in named(recording)
    assert told(recording) == {"discharge 1": RIGHT["discharge 1"]}


# --- units of other columns ---------------------------------------------------------------------------------------


def test_a_capacity_that_goes_up_and_down_is_the_net_one(tmp_path: Path) -> None:
    """Under the same name others keep a counter of the step: what it does tells which it is."""
    rows = [(each.time, each.voltage, each.current, 5 + each.net) for each in records()]
    recording = examined(tmp_path, table(("Time [s]", "Voltage [V]", "Current [A]", "Capacity [Ah]"), rows))
    assert told(recording) == RIGHT
    assert "counters and integration" in named(recording)


def test_a_counter_that_stands_still_under_current_is_not_told(tmp_path: Path) -> None:
    recording = examined(tmp_path, bdf([replace(each, discharged=0.0) for each in records()]))
    assert "counters stand still" in named(recording)
    assert told(recording) == {"charge 1": RIGHT["charge 1"]}


def test_a_counter_that_counts_back_what_a_pulse_took_is_followed(tmp_path: Path) -> None:
    """As in a published pulse test: up in the discharge, and down from there in the charge behind it."""
    steps = ((0.0, 600), (-2.0, 3600), (0.0, 600), (2.0, 1800), (0.0, 600))
    found = [
        replace(each, ampere_hours=2.0 - each.ampere_hours * (each.way == "C") if each.step > 2 else each.ampere_hours)
        for each in records(steps=steps)
    ]
    kept = [replace(each, ampere_hours=1.0) if each.step == 5 else each for each in found]
    assert told(examined(tmp_path, maccor(kept))) == {
        "discharge 1": RIGHT["discharge 1"], "charge 1": pytest.approx(1.0, rel=5e-4)
    }  # fmt: skip


def test_a_counter_that_goes_on_in_the_next_step_has_not_begun_anew(tmp_path: Path) -> None:
    """A charge so small that its amount could be that of a second of the discharge behind it."""
    steps = ((1.0, 1), (0.0, 600), (-2.0, 3600))
    found = [replace(each, ampere_hours=1 / 3600 + each.ampere_hours * (each.step > 2)) for each in records(1.0, steps)]
    assert told(examined(tmp_path, maccor(found)))["discharge 1"] == pytest.approx(AMPERE_HOURS, rel=1e-5)


def test_small_steps_of_a_signed_counter_are_steps(tmp_path: Path) -> None:
    """Negative in discharge, zero when the next step begins: the return from -1e-3 to 0 is no charge."""
    steps = ((0.0, 600), *(((-0.4, 20), (0.4, 20)) * 60), (1.0, 7200), (0.0, 600))
    rows = [
        (each.time, each.step, each.voltage, each.current, each.ampere_hours * (-1 if each.current < 0 else 1))
        for each in records(1.0, steps)
    ]
    recording = examined(tmp_path, table(("Time [s]", "Step", "Voltage [V]", "Current [A]", "Capacity [Ah]"), rows))
    # With the last of the small ones, of the same direction.
    assert told(recording)["charge 1"] == pytest.approx(AMPERE_HOURS + 0.4 * 20 / 3600, rel=1e-5)


def test_where_one_counter_falls_the_net_one_is_used(tmp_path: Path) -> None:
    rows = [
        (each.time, each.step, each.voltage, 1000 * each.current, 1000 * each.charged,
         1000 * (each.discharged - each.charged * (each.step > 3) / 2), 1000 * each.net) for each in records()
    ]  # fmt: skip
    header = ("time/s", "Ns", "Ewe/V", "I/mA", "Q charge/mA.h", "Q discharge/mA.h", "(Q-Qo)/mA.h")
    recording = examined(tmp_path, "EC-Lab ASCII FILE\n" + table(header, rows, "\t"))
    assert told(recording) == RIGHT


def test_no_step_under_a_current_has_moved_nothing(tmp_path: Path) -> None:
    """A pulse too short for the last digit of its counter: 0 Ah would be a number, and wrong."""
    steps = ((0.0, 600), (-2.0, 3600), (0.0, 600), (-0.002, 100), (0.0, 600), (1.0, 7200))
    found = [replace(each, discharged=round(each.discharged, 3)) for each in records(steps=steps)]
    recording = examined(tmp_path, bdf(found))
    assert "counters stand still" in named(recording)
    assert told(recording) == RIGHT


def test_counters_that_nobody_kept_tell_nothing_where_time_is_wrong_either(tmp_path: Path) -> None:
    found = [
        replace(each, time=each.time - 900 * (n >= 200), discharged=0.0, charged=0.0, energy_in=0.0, energy_out=0.0)
        for n, each in enumerate(records())
    ]
    assert told(examined(tmp_path, bdf(found))) == {}


def test_counters_that_nobody_kept_are_none(tmp_path: Path) -> None:
    found = [replace(each, discharged=0.0, charged=0.0, energy_in=0.0, energy_out=0.0) for each in records()]
    assert told(examined(tmp_path, bdf(found))) == RIGHT


def test_a_leap_of_the_voltage_at_the_beginning_is_no_discharge_in_no_time(tmp_path: Path) -> None:
    """As of lithium that is plated on copper: the potential leaps when the current begins, and stays."""
    rows = [(n * 0.1, 2.9 if n < 100 else 0.05, 0.0 if n < 100 else -0.005) for n in range(400)]
    recording = examined(tmp_path, table(("Test Time / s", "Voltage / V", "Current / A"), rows))
    assert "time in another unit" not in named(recording)


def test_a_recording_that_begins_within_a_step_does_not_tell_of_that_step(tmp_path: Path) -> None:
    recording = examined(tmp_path, maccor([each for each in records() if each.time > 2000]))
    assert "records are missing" in named(recording)
    assert told(recording) == {"charge 1": RIGHT["charge 1"]}


def test_milliampere_hours_in_a_column_of_ampere_hours(tmp_path: Path) -> None:
    found = [replace(each, charged=1000 * each.charged, discharged=1000 * each.discharged) for each in records()]
    recording = examined(tmp_path, bdf(found))
    assert "columns in another unit" in named(recording)
    assert told(recording) == {}


def test_milliamperes_in_a_column_of_amperes(tmp_path: Path) -> None:
    recording = examined(tmp_path, bdf([replace(each, current=1000 * each.current) for each in records()]))
    assert "columns in another unit" in named(recording)
    assert told(recording) == RIGHT
    assert {figure.unit for figure in kpi.evaluate(recording).figures} == {"Ah"}


@pytest.mark.parametrize("swing", [0.4, 0.2])
def test_milliamperes_without_a_counter(tmp_path: Path, swing: float) -> None:
    """Time is right, and nothing else says what the current is: but no cell has 2000 Ah."""
    found = [replace(each, current=1000 * each.current) for each in records(slope=swing)]
    recording = examined(tmp_path, bare(found))
    assert any("in mA it would be 2 Ah" in finding.text for finding in recording.defects)
    assert told(recording) == {}
    assert {figure.unit for figure in kpi.evaluate(recording).figures} <= {"s", "V"}


@pytest.mark.parametrize(("amperes", "said"), [(300.0, False), (560.0, True)])
def test_a_large_cell_is_told_with_its_amounts(tmp_path: Path, amperes: float, said: bool) -> None:
    """There are cells of 600 Ah, and of 0.6 Ah."""
    found = records(10, ((0.0, 600), (-amperes, 3600), (0.0, 600), (amperes, 3600)), 0.8 / amperes, 0.04 / amperes)
    recording = examined(tmp_path, bare(found))
    assert not recording.defects
    assert ("a large cell" in named(recording)) is said
    assert told(recording) == {
        "discharge 1": pytest.approx(amperes, rel=5e-4),
        "charge 1": pytest.approx(amperes, rel=5e-4),
    }


@pytest.mark.parametrize(
    ("column", "word"),
    [("Charging Capacity / Ah", "discharged"), ("Discharging Capacity / Ah", "charged")],
)  # fmt: skip
def test_a_direction_without_a_counter_is_integrated(tmp_path: Path, column: str, word: str) -> None:
    found = records()
    counted = [each.charged if "Dis" not in column else each.discharged for each in found]
    rows = ((each.time, each.voltage, each.current, count) for each, count in zip(found, counted, strict=True))
    recording = examined(tmp_path, table((*BARE, column), rows))
    assert any(f"no counter of what is {word}" in finding.text for finding in recording.findings)
    assert told(recording) == RIGHT


def test_a_counter_of_one_direction_is_told_where_time_is_wrong(tmp_path: Path) -> None:
    """And the other direction is not: nothing is left to integrate."""
    rows = ((each.time / 3600, each.voltage, each.current, each.charged) for each in records())
    recording = examined(tmp_path, table((*BARE, "Charging Capacity / Ah"), rows))
    assert "time in another unit" in named(recording)
    assert told(recording) == {"charge 1": RIGHT["charge 1"]}


def test_a_direction_without_a_counter_is_examined_like_one(tmp_path: Path) -> None:
    """The counter of the charge says nothing of a discharge whose records are too sparse to be integrated."""
    found = [each for each in records() if each.step != 2 or each.within % 1200 == 0]
    rows = [
        (each.time, each.voltage, each.current * (1 + each.within / 3600 if each.step == 2 else 1), each.charged)
        for each in found
    ]
    recording = examined(tmp_path, table((*BARE, "Charging Capacity / Ah"), rows))
    assert {"sparse records", "gap"} & named(recording)
    assert told(recording) == {"charge 1": RIGHT["charge 1"]}


def test_millivolts_in_a_column_of_volts(tmp_path: Path) -> None:
    recording = examined(tmp_path, bdf([replace(each, voltage=1000 * each.voltage) for each in records()]))
    assert "voltage in another unit" in named(recording)
    assert {figure.unit for figure in kpi.evaluate(recording).figures} == {"Ah"}


def test_a_power_that_is_not_voltage_times_current(tmp_path: Path) -> None:
    rows = [(each.time, each.voltage, 1000 * each.current, each.voltage * each.current) for each in records()]
    recording = examined(tmp_path, table(("Test Time / s", "Voltage / V", "Current / A", "Power / W"), rows))
    assert "columns in another unit" in named(recording)
    assert not kpi.evaluate(recording).figures


@pytest.mark.parametrize(
    ("degrees", "word"), [(-2501.7, "beyond"), (298.15, "kelvin"), (0.0, "no sensor"), (850.0, "beyond")]
)
def test_impossible_temperatures_are_named_and_not_used(tmp_path: Path, degrees: float, word: str) -> None:
    recording = examined(tmp_path, arbin(records()).replace(",25.1\n", f",{degrees}\n"))
    (finding,) = recording.defects
    assert (finding.check, word in finding.text) == ("impossible temperature", True)
    assert "K" not in {figure.unit for figure in kpi.evaluate(recording).figures}
    assert told(recording) == RIGHT


def test_a_temperature_that_is_one_is_used(tmp_path: Path) -> None:
    recording = examined(tmp_path, arbin(records()))
    assert kpi.temperature_rise(recording, "discharge 1").value == 0


# --- what is no recording of one cell -----------------------------------------------------------------------------


def test_two_cells_in_one_file_are_refused_by_their_names(tmp_path: Path) -> None:
    header, *rows = bdf(records()).splitlines()
    lines = [f"{header},Cell ID", *(f"{row},A7" for row in rows), *(f"{row},B3" for row in rows)]
    with pytest.raises(InputError, match=r"2 cells \(Cell ID: A7, B3\)"):
        examined(tmp_path, "\n".join(lines))


def test_two_cells_side_by_side_are_refused(tmp_path: Path) -> None:
    rows = [(each.time, each.voltage, each.current, each.voltage + 0.1, each.current / 2) for each in records()]
    header = ("Time (s)", "Voltage (V)", "Current (A)", "Voltage (V)", "Current (A)")
    with pytest.raises(InputError, match=r"2 columns 'Voltage \(V\)'"):
        examined(tmp_path, table(header, rows))


def test_a_column_that_names_the_one_cell_is_no_fault(tmp_path: Path) -> None:
    header, *rows = bdf(records()).splitlines()
    assert told(examined(tmp_path, "\n".join([f"{header},Cell ID", *(f"{row},A7" for row in rows)]))) == RIGHT


@pytest.mark.parametrize("make", MAKES)
def test_headers_without_records_are_refused(tmp_path: Path, make: str) -> None:
    with pytest.raises(InputError, match="no records"):
        examined(tmp_path, MAKES[make]([]))
