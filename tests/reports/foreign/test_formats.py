"""Text exports of each make: the same recording, whatever its columns, units, signs and commas are."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.verdicts import InputError
from instruments import extensions
from reports import kpi
from reports.foreign import open_recording, registry
from reports.foreign.head import Head
from reports.foreign.source import Source
from tests.reports.foreign.makes import AMPERE_HOURS, MAKES, records, table

MEAN_OUT = 4.0 - 0.4 - 0.04
"""V in the middle of the discharge: a straight line from 4 V, 0.4 V for each ampere-hour, behind 20 mOhm."""


@pytest.mark.parametrize("make", MAKES)
def test_what_flowed_is_what_flowed(tmp_path: Path, make: str) -> None:
    path = tmp_path / "recording.txt"
    path.write_text(MAKES[make](records()), encoding="utf-8")
    recording = open_recording(path)
    assert recording.format.startswith(make.partition(",")[0])
    assert not recording.defects, recording.findings
    assert [step.direction for step in recording.steps] == ["none", "discharge", "none", "charge", "none"]
    out, back = kpi.capacity(recording, "discharge 1"), kpi.capacity(recording, "charge 1")
    assert (out.value, back.value) == pytest.approx((AMPERE_HOURS, AMPERE_HOURS), rel=5e-4)
    assert kpi.energy(recording, "discharge 1").value == pytest.approx(AMPERE_HOURS * MEAN_OUT, rel=2e-3)
    assert recording.step("discharge 1").duration == pytest.approx(3600, abs=0.1)


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_the_encoding_does_not_matter(tmp_path: Path, make: str, encoding: str) -> None:
    path = tmp_path / "recording.txt"
    path.write_text(MAKES[make](records(60.0)), encoding=encoding)
    recording = open_recording(path)
    assert kpi.capacity(recording, "discharge 1").value == pytest.approx(AMPERE_HOURS, rel=5e-4)


def test_a_line_that_is_cut_off_is_told_and_left_out(tmp_path: Path) -> None:
    path = tmp_path / "recording.csv"
    path.write_text(MAKES["Arbin"](records()) + "1264,12600.0,03/0", encoding="utf-8")
    recording = open_recording(path)
    assert len(recording.rows) == len(records())
    assert any("left out" in finding.text for finding in recording.findings)


@pytest.mark.parametrize("every", [1, 100])
def test_decimal_commas_among_commas_are_never_read_as_other_numbers(tmp_path: Path, every: int) -> None:
    """Where all rows have them nothing can be read; a few that do, and are no whole numbers, are left out and told."""
    names, rows = ("Test Time (s)", "Voltage (V)", "Current (A)"), records()
    lines = [f"{each.time:g},{each.voltage:.3f},{each.current:g}" for each in rows]
    lines = [line.replace(".", ",") if at % every == 0 else line for at, line in enumerate(lines)]
    path = tmp_path / "recording.csv"
    path.write_text("\n".join([",".join(names), *lines]), encoding="utf-8")
    if every == 1:
        with pytest.raises(
            InputError, match=r"recording\.csv, below its headers in line 1: .* has 4 cells, the header 3"
        ):
            open_recording(path)
        return
    recording = open_recording(path)
    assert len(recording.rows) == sum(at % every != 0 for at in range(len(rows)))
    assert any("left out" in finding.text for finding in recording.findings)


def test_a_header_that_says_another_unit_is_believed(tmp_path: Path) -> None:
    path = tmp_path / "recording.csv"
    text = table(
        ("Test Time / h", "Voltage / mV", "Current / mA"),
        ((each.time / 3600, 1000 * each.voltage, 1000 * each.current) for each in records()),
    )
    path.write_text(text, encoding="utf-8")
    recording = open_recording(path)
    assert not recording.defects
    assert kpi.capacity(recording, "discharge 1").value == pytest.approx(AMPERE_HOURS, rel=1e-6)


def test_commas_between_thousands_are_none_of_the_fraction(tmp_path: Path) -> None:
    rows = [(f'"{each.time:,.2f}"', f"{each.voltage:.4f}", f'"{1000 * each.current:,.4f}"') for each in records()]
    path = tmp_path / "recording.csv"
    path.write_text(table(("Time (s)", "Voltage (V)", "Current (mA)"), rows), encoding="utf-8")
    assert kpi.capacity(open_recording(path), "discharge 1").value == pytest.approx(AMPERE_HOURS, rel=1e-4)


def test_a_time_may_be_written_as_a_moment(tmp_path: Path) -> None:
    rows = [(f"{each.moment:%m/%d/%Y %H:%M:%S}.250", each.voltage, 1000 * each.current) for each in records()]
    path = tmp_path / "recording.mpt"
    path.write_text(table(("time/s", "Ewe/V", "I/mA"), rows, "\t"), encoding="utf-8")
    recording = open_recording(path)
    assert recording.step("discharge 1").duration == pytest.approx(3600)
    assert kpi.capacity(recording, "discharge 1").value == pytest.approx(AMPERE_HOURS, rel=1e-6)


def test_a_line_of_units_below_the_names_is_believed(tmp_path: Path) -> None:
    rows = [("[s]", "[mV]", "[mA]"), *((each.time, 1000 * each.voltage, 1000 * each.current) for each in records())]
    path = tmp_path / "recording.csv"
    path.write_text(table(("Test Time", "Voltage", "Current"), rows), encoding="utf-8")
    recording = open_recording(path)
    assert not recording.findings[:-1]
    assert kpi.energy(recording, "discharge 1").value == pytest.approx(AMPERE_HOURS * MEAN_OUT, rel=2e-3)


def test_headers_that_a_schedule_quotes_are_none(tmp_path: Path) -> None:
    path = tmp_path / "recording.csv"
    schedule = "".join(f"[{n}: step]\n   [Save data when t > {n}]\n" for n in range(1500))
    path.write_text(
        "Run Time (h),Current (A),Potential (V),Step Number,Cycle Number\n" + schedule + MAKES["Novonix"](records())
    )
    assert kpi.capacity(open_recording(path), "discharge 1").value == pytest.approx(AMPERE_HOURS, rel=5e-4)


def test_the_ends_of_a_pulse_are_not_lost_in_a_step_time(tmp_path: Path) -> None:
    """The time of the step says when a step began, though the rest before it is recorded once a minute."""
    steps = ((0.0, 600), (-2.0, 60), (0.0, 600), (-2.0, 3600))
    path = tmp_path / "recording.csv"
    path.write_text(MAKES["Arbin"](records(1.0, steps)), encoding="utf-8")
    recording = open_recording(path)
    pulse = next(step for step in recording.steps if not step.resumable)
    # 20 mOhm, and the open-circuit line falls by 0.4 V/Ah while 2 A flow for 10 s.
    assert kpi.dc_resistance(recording, pulse).value == pytest.approx(0.02 + 0.4 * 10 / 3600, rel=1e-3)


def test_no_resistance_is_read_off_between_records_that_saw_nothing_of_it(tmp_path: Path) -> None:
    """The record before the pulse is 20 s old, and nothing says when in them it began; or none is near its 10 s."""
    found = records(1.0, ((0.0, 600), (-2.0, 60), (0.0, 600), (-2.0, 3600)))
    pulse = next(each.time for each in found if each.step == 2)
    unknown_edge = [each for each in found if not pulse - 20 < each.time <= pulse]
    unseen = [each for each in found if not (each.step == 2 and 2 < each.within < 50)]
    # 4 V an ampere-hour: what the voltage does between the records is no small part of what it has done.
    for kept in (unknown_edge, unseen):
        path = tmp_path / "recording.csv"
        rows = ((each.time, each.voltage + 4 * each.net, each.current) for each in kept)
        path.write_text(table(("Time (s)", "Voltage (V)", "Current (A)"), rows), encoding="utf-8")
        recording = open_recording(path)
        pulse_step = next(step for step in recording.steps if not step.resumable)
        assert pulse_step.name not in {
            each.step for each in kpi.evaluate(recording).figures if each.key.startswith("dc resistance")
        }


def test_a_pulse_began_when_its_step_time_says(tmp_path: Path) -> None:
    """The last record of the rest is a minute old, the first one of the pulse 1 s: 10 s are 10 s from its beginning."""
    found = records(1.0, ((0.0, 600), (-2.0, 60), (0.0, 600), (-2.0, 3600)))
    kept = [each for each in found if each.step != 1 or each.within % 60 == 0 < 600 - each.within]
    kept = [each for each in kept if each.step != 2 or each.within]
    path = tmp_path / "recording.csv"
    path.write_text(MAKES["Arbin"](kept), encoding="utf-8")
    recording = open_recording(path)
    pulse = next(step for step in recording.steps if not step.resumable)
    assert kpi.dc_resistance(recording, pulse).value == pytest.approx(0.02 + 0.4 * 10 / 3600, rel=1e-3)


def test_the_number_of_a_step_is_not_the_time_in_it(tmp_path: Path) -> None:
    """`Step` and `Step (Sec)` have one name: the number would be a time, and each recording begin within a step."""
    text = MAKES["Maccor"]([replace(each, step=each.step + 70) for each in records()])
    path = tmp_path / "recording.txt"
    path.write_text(text.replace("TestTime", "Test (Sec)").replace("StepTime", "Step (Sec)"), encoding="utf-8")
    recording = open_recording(path)
    assert recording.source is not None
    assert recording.source.names["Step Time / s"] == "Step (Sec)"
    assert not any(each.check == "records are missing" for each in recording.findings)


def test_a_line_of_units_needs_no_brackets(tmp_path: Path) -> None:
    """Accepted before: 2000 Ah."""
    rows = [("s", "V", "mA"), *((each.time, each.voltage, 1000 * each.current) for each in records())]
    path = tmp_path / "recording.csv"
    path.write_text(table(("Time", "Voltage", "Current"), rows), encoding="utf-8")
    assert kpi.capacity(open_recording(path), "discharge 1").value == pytest.approx(AMPERE_HOURS, rel=1e-6)


@pytest.mark.parametrize(
    "form",
    [
        "%m/%d/%y %I:%M:%S %p",
        "%d/%m/%Y %H:%M:%S",
        "%Y-%m-%d %H:%M:%S+01:00",
        "%Y/%m/%d %H:%M:%S.%f",
        "%d.%m.%y %H:%M:%S",
    ],
)
def test_moments_are_read_as_they_are_written(tmp_path: Path, form: str) -> None:
    """Over midnight into the second day of a month: the days are told from the months."""
    rows = [(f"{each.moment + timedelta(hours=14):{form}}", each.voltage, each.current) for each in records()]
    path = tmp_path / "recording.csv"
    path.write_text(table(("Timestamp", "Voltage (V)", "Current (A)"), rows), encoding="utf-8")
    recording = open_recording(path)
    assert not recording.defects
    assert recording.step("charge 1").duration == pytest.approx(7200)
    assert kpi.capacity(recording, "discharge 1").value == pytest.approx(AMPERE_HOURS, rel=1e-6)


@pytest.mark.parametrize("second", [1, 1_000, 1_000_000, 1_000_000_000])
def test_a_moment_counts_since_1970_in_whatever(tmp_path: Path, second: int) -> None:
    rows = [(round(second * (1709280000 + each.time)), each.voltage, each.current) for each in records()]
    path = tmp_path / "recording.csv"
    path.write_text(table(("timestamp", "voltage", "current"), rows), encoding="utf-8")
    assert kpi.capacity(open_recording(path), "discharge 1").value == pytest.approx(AMPERE_HOURS, rel=1e-6)


@pytest.mark.parametrize("write", [lambda x: f"{x:,.1f}".replace(",", " ").replace(".", ","), lambda x: f"{x:_.1f}"])
def test_thousands_are_parted_as_in_europe(tmp_path: Path, write: Callable[[float], str]) -> None:
    def cell(value: float) -> str:
        return write(value).replace(".", ",").replace(" ", "\u202f").replace("_", ".")

    rows = [(cell(each.time), cell(1000 * each.voltage), cell(1000 * each.current)) for each in records()]
    path = tmp_path / "recording.csv"
    path.write_text(table(("Time [s]", "Voltage [mV]", "Current [mA]"), rows, ";"), encoding="utf-8")
    assert kpi.capacity(open_recording(path), "discharge 1").value == pytest.approx(AMPERE_HOURS, rel=1e-4)


@pytest.mark.parametrize(
    "header",
    [("数据时间", "电池总电压", "充放电电流"), ("Zeitstempel", "Spannung", "Strom")],
    ids=["Chinese", "German"],
)
def test_headers_need_not_be_english(tmp_path: Path, header: tuple[str, ...]) -> None:
    """The first are those of a published log of a vehicle's BMS, whose newest record stands first."""
    rows = [(f"{each.moment:%Y-%m-%d %H:%M:%S}", each.voltage, each.current) for each in reversed(records())]
    path = tmp_path / "recording.csv"
    path.write_text(table(header, rows), encoding="utf-8")
    assert kpi.capacity(open_recording(path), "discharge 1").value == pytest.approx(AMPERE_HOURS, rel=1e-6)


def test_blanks_may_part_the_fields(tmp_path: Path) -> None:
    rows = [f"{each.time:12.1f} {each.voltage:9.4f}  {each.current:8.3f}" for each in records()]
    path = tmp_path / "recording.txt"
    path.write_text("\n".join(["A line of prose.", " time_s  voltage_V current_A", *rows]), encoding="utf-8")
    recording = open_recording(path)
    assert len(recording.rows) == len(rows)
    assert kpi.capacity(recording, "discharge 1").value == pytest.approx(AMPERE_HOURS, rel=1e-6)


def test_utf_16_may_have_no_mark(tmp_path: Path) -> None:
    path = tmp_path / "recording.csv"
    path.write_text(MAKES["Arbin"](records(60.0)), encoding="utf-16-le")
    assert kpi.capacity(open_recording(path), "discharge 1").value == pytest.approx(AMPERE_HOURS, rel=5e-4)


def test_words_tell_the_direction_of_a_current_without_a_sign(tmp_path: Path) -> None:
    words = {"C": "CHRG", "D": "DCHG", "R": "REST"}
    rows = [(each.time, each.voltage, abs(each.current), words[each.way]) for each in records()]
    path = tmp_path / "recording.csv"
    path.write_text(table(("Time(s)", "Voltage(V)", "Current(A)", "Mode"), rows), encoding="utf-8")
    recording = open_recording(path)
    assert not recording.defects
    assert kpi.capacity(recording, "discharge 1").value == pytest.approx(AMPERE_HOURS, rel=1e-6)


def test_the_headers_of_battery_archive_are_read(tmp_path: Path) -> None:
    """Those under which it publishes the cells of Sandia, Oxford, CALCE and others alike; counters are of a cycle."""
    header = (
        "Date_Time", "Test_Time (s)", "Cycle_Index", "Current (A)", "Voltage (V)", "Charge_Capacity (Ah)",
        "Discharge_Capacity (Ah)", "Charge_Energy (Wh)", "Discharge_Energy (Wh)", "Environment_Temperature (C)",
        "Cell_Temperature (C)",
    )  # fmt: skip
    rows = [
        (f"{each.moment:%Y-%m-%d %H:%M:%S.%f}", each.time, 1.0, each.current, each.voltage, each.charged,
         each.discharged, each.energy_in, each.energy_out, 25.1, 26.4) for each in records()
    ]  # fmt: skip
    path = tmp_path / "SNL_18650_LFP_25C_0-100_0.5-1C_a_timeseries.csv"
    path.write_text(table(header, rows), encoding="utf-8")
    recording = open_recording(path)
    assert not recording.defects
    assert kpi.capacity(recording, "discharge 1").value == pytest.approx(AMPERE_HOURS, rel=1e-6)
    assert recording.values("Surface Temperature / degC", "discharge 1")[0] == 26.4


CHARGE_AND_DISCHARGE = [("Charge Current (A)", "Discharge Current (A)"), ("I_chg (A)", "I_dchg (A)")]


@pytest.mark.parametrize("sign", [1, -1], ids=["without a sign", "with its sign"])
@pytest.mark.parametrize("names", CHARGE_AND_DISCHARGE, ids=" and ".join)
def test_each_direction_may_have_a_column_of_its_own(tmp_path: Path, names: tuple[str, str], sign: int) -> None:
    found = records()
    rows = [(each.time, each.voltage, max(each.current, 0.0), sign * max(-each.current, 0.0)) for each in found]
    path = tmp_path / "recording.csv"
    path.write_text(table(("Time (s)", "Voltage (V)", *names), rows), encoding="utf-8")
    recording = open_recording(path)
    assert not recording.findings
    assert [step.direction for step in recording.steps] == ["none", "discharge", "none", "charge", "none"]
    assert kpi.capacity(recording, "discharge 1").value == pytest.approx(AMPERE_HOURS, rel=1e-6)


def test_currents_of_both_directions_at_once_tell_no_amount(tmp_path: Path) -> None:
    rows = [(each.time, each.voltage, max(each.current, 0.0), max(-each.current, 0.0) + 0.5) for each in records()]
    path = tmp_path / "recording.csv"
    path.write_text(table(("Time (s)", "Voltage (V)", "Charge Current (A)", "Discharge Current (A)"), rows), "utf-8")
    recording = open_recording(path)
    said = [finding.text for finding in recording.defects]
    assert len(said) == 1
    assert "in 721 records (first record 484: 1 A and 0.5 A): which way it flowed is not known" in said[0]
    assert not [each for each in kpi.evaluate(recording).figures if each.unit in {"Ah", "Wh", "W"}]


def test_a_column_of_one_direction_alone_is_refused_by_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "recording.csv"
    rows = [(each.time, each.voltage, max(each.current, 0.0)) for each in records()]
    path.write_text(table(("Time (s)", "Voltage (V)", "Charge Current (A)"), rows), "utf-8")
    with pytest.raises(
        InputError, match=r"a charge current \('Charge Current \(A\)'\), and none of a discharge current"
    ):
        open_recording(path)


@pytest.mark.parametrize(
    "header",
    [
        ("Voltage 1 (V)", "Current 1 (A)", "Voltage 2 (V)", "Current 2 (A)"),
        ("CH1 Voltage (V)", "CH1 Current (A)", "CH2 Voltage (V)", "CH2 Current (A)"),
        ("U1/V", "I1/A", "U2/V", "I2/A"),
        ("Voltage", "Current", "Voltage_ch2(V)", "Current_ch2(A)"),
    ],
    ids="-".join,
)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_channels_side_by_side_are_refused_by_their_headers(
    tmp_path: Path, header: tuple[str, ...], ending: str
) -> None:
    """The last of these was read before, as if it were of the first channel alone."""
    names = ("Time (s)", *header)
    rows = [(each.time, each.voltage, each.current, each.voltage, each.current) for each in records()]
    path = tmp_path / f"recording.{ending}"
    if ending == "csv":
        path.write_text(table(names, rows), "utf-8")
    else:
        pq.write_table(pa.table(dict(zip(names, zip(*rows, strict=True), strict=True))), path)
    with pytest.raises(InputError) as refused:
        open_recording(path)
    assert f"columns of several channels ({', '.join(header)}); a recording is of one" in str(refused.value)


def test_the_only_channel_may_have_a_number(tmp_path: Path) -> None:
    rows = [(each.time, each.voltage, each.current, 25.0) for each in records()]
    path = tmp_path / "recording.csv"
    path.write_text(table(("Time (s)", "Voltage 3 (V)", "Current 3 (A)", "Temperature 3 (C)"), rows), "utf-8")
    assert kpi.capacity(open_recording(path), "discharge 1").value == pytest.approx(AMPERE_HOURS, rel=1e-6)


@pytest.mark.parametrize(
    ("header", "second"), [("Time (mm:ss)", 1.0), ("Time (min:s.ms)", 1.0), ("Time (hh:mm)", 60.0)]
)
def test_a_time_of_two_fields_is_what_its_header_says(tmp_path: Path, header: str, second: float) -> None:
    """119 minutes and 7 seconds, or as many hours and minutes."""
    rows = [(f"{each.time // 60:02.0f}:{each.time % 60:04.1f}", each.voltage, each.current) for each in records()]
    path = tmp_path / "recording.csv"
    path.write_text(table((header, "Voltage (V)", "Current (A)"), rows), "utf-8")
    recording = open_recording(path)
    assert recording.step("discharge 1").duration == pytest.approx(3600 * second, abs=11 * second)


def test_a_time_of_two_fields_is_not_guessed(tmp_path: Path) -> None:
    rows = [(f"{each.time // 60:02.0f}:{each.time % 60:02.0f}", each.voltage, each.current) for each in records()]
    path = tmp_path / "recording.csv"
    path.write_text(table(("Time", "Voltage (V)", "Current (A)"), rows), "utf-8")
    with pytest.raises(InputError, match=r"'Time' is written in two fields \('00:00'\), .* as in 'Time \(mm:ss\)'"):
        open_recording(path)


def test_moments_of_a_parquet_table_may_be_finer_than_microseconds(tmp_path: Path) -> None:
    """Refused before, as damaged."""
    found = records()
    moments = pa.array([int(1e9 * (1709280000 + each.time)) + 1 for each in found], pa.timestamp("ns"))
    numbers = {"voltage": [each.voltage for each in found], "current": [each.current for each in found]}
    path = tmp_path / "recording.parquet"
    pq.write_table(pa.table({"timestamp": moments, **numbers}), path)
    assert kpi.capacity(open_recording(path), "discharge 1").value == pytest.approx(AMPERE_HOURS, rel=1e-6)


def parquet(folder: Path, **more: pa.Array) -> Path:
    """The recording as a table, with more columns."""
    found, path = records(60.0), folder / "recording.parquet"
    measured = {
        "Test Time / s": [each.time for each in found],
        "Voltage / V": [each.voltage for each in found],
        "Current / A": [each.current for each in found],
    }
    pq.write_table(pa.table({**measured, **more}), path)
    return path


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("date", [date(2024, 3, 1)]),
        ("Step Time / s", [time(0, 0, 1)]),
        ("Surface Temperature / degC", [Decimal("25.0")]),
        ("Cycle Count / 1", [None]),
    ],
    ids=["days", "times of day", "decimals", "nothing at all"],
)
def test_a_parquet_table_may_have_columns_of_other_kinds(tmp_path: Path, name: str, cells: list[object]) -> None:
    recording = open_recording(parquet(tmp_path, **{name: pa.array(cells * len(records(60.0)))}))
    assert not recording.defects
    assert kpi.capacity(recording, "discharge 1").value == pytest.approx(AMPERE_HOURS, rel=5e-4)


def test_a_column_of_a_kind_that_is_no_number_is_not_called_damage(tmp_path: Path) -> None:
    path = parquet(tmp_path, **{"Power / W": pa.array([[1.0]] * len(records(60.0)))})
    with pytest.raises(
        InputError, match=r"has a column of a kind that cannot be read \(.*list.*\): write it as"
    ) as told:
        open_recording(path)
    assert "damaged" not in str(told.value)


def test_records_of_several_cells_in_a_parquet_table_are_refused_by_their_names(tmp_path: Path) -> None:
    """One behind the other at every moment: as one recording they had a current that no cell has seen."""
    rows = len(records(60.0))
    several = pa.array([f"cell {row % 5}" for row in range(rows)]).dictionary_encode()
    with pytest.raises(
        InputError, match=r"holds records of 5 cells \(Cell ID: cell 0, cell 1, cell 2, …\); a recording"
    ):
        open_recording(parquet(tmp_path, **{"Cell ID": several}))
    for one in (["cell 1"] * rows, [None] * rows, [*range(rows)]):
        assert not open_recording(parquet(tmp_path, **{"Cell ID": pa.array(one)})).defects


@pytest.mark.parametrize("name", ["Test Time / s", "Unix Time / s"])
def test_two_columns_of_one_name_are_refused_by_it(tmp_path: Path, name: str) -> None:
    whole = pq.read_table(parquet(tmp_path, **{"Unix Time / s": pa.array([each.time for each in records(60.0)])}))
    pq.write_table(pa.table([*whole.columns, whole[name]], [*whole.column_names, name]), tmp_path / "twice.parquet")
    with pytest.raises(InputError, match=rf"twice\.parquet has 2 columns '{name}', .*: leave one in it\.$"):
        open_recording(tmp_path / "twice.parquet")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["unix", "windows", "macintosh"])
@pytest.mark.parametrize("note", ["", "page 1\x0cpage 2", "a\x0bb\x1cc", "a\u2028b\u2029c\x85d"])
@pytest.mark.parametrize("make", ["Maccor", "of numbers"])
def test_no_record_is_lost_for_what_stands_above_the_headers(tmp_path: Path, make: str, note: str, end: str) -> None:
    """A form feed in a note is a line to some programs and none to others; as many records would be skipped."""
    found = records(60.0)
    body = MAKES["Battery Data Format, bare" if make == "of numbers" else make](found)
    path = tmp_path / "recording.txt"
    path.write_bytes(f"Note: {note}\n{body}".replace("\n", end).encode())
    recording = open_recording(path)
    assert len(recording.rows) == len(found)
    assert not any("left out" in finding.text for finding in recording.findings)


def test_a_table_without_a_current_is_refused_by_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "recording.mpt"
    header = ("mode", "time/s", "Ewe/V")
    path.write_text(table(header, [(1, each.time, each.voltage) for each in records()], "\t"), "utf-8")
    with pytest.raises(InputError, match=r"a time \('time/s'\) and a voltage \('Ewe/V'\), and none of a current"):
        open_recording(path)


def test_an_impedance_spectrum_is_refused_as_one(tmp_path: Path) -> None:
    text = MAKES["BioLogic"](records(60.0)).replace("\tNs\n", "\tNs\tfreq/Hz\n")
    path = tmp_path / "recording.mpt"
    path.write_text("\n".join(f"{line}\t100,0" if line[:2] == "1\t" else line for line in text.split("\n")), "utf-8")
    with pytest.raises(InputError, match="impedance spectrum"):
        open_recording(path)


def test_lines_without_numbers_are_refused_by_what_stands_in_them(tmp_path: Path) -> None:
    rows = [(each.time, f"{each.voltage} V", f"{each.current} A") for each in records()]
    path = tmp_path / "recording.csv"
    path.write_text(table(("Time (s)", "Voltage", "Current"), rows), encoding="utf-8")
    with pytest.raises(InputError, match=r"1,265 lines .* 'Voltage' is '4.0 V', 'Current' is '0.0 A'"):
        open_recording(path)


# --- formats of others --------------------------------------------------------------------------------------------


class _Dots:
    title = "dots"

    def recognises(self, head: Head) -> int:
        return 1000 * head.start.startswith(b"...")

    def read(self, head: Head) -> Source:
        raise InputError(f"{head.path} has nothing but dots.")


class _Brought:
    """An entry point, as `importlib.metadata` has them."""

    name, value, dist = "dots", "somewhere:FORMAT", None

    def __init__(self, brought: object) -> None:
        self._brought = brought

    def load(self) -> object:
        return self._brought


@pytest.fixture
def bring(monkeypatch: pytest.MonkeyPatch) -> "object":
    def bring(brought: object) -> None:
        monkeypatch.setattr(
            extensions, "brought", lambda group: {"dots": (_Brought(brought),)} if "formats" in group else {}
        )
        registry.formats.cache_clear()

    yield bring
    registry.formats.cache_clear()


def test_a_package_can_bring_a_format(bring: object, tmp_path: Path) -> None:
    bring(_Dots())  # type: ignore[operator]
    path = tmp_path / "recording.dots"
    path.write_text("... . .\n", encoding="utf-8")
    with pytest.raises(InputError, match="nothing but dots"):
        open_recording(path)


def test_what_is_no_format_is_told_by_its_name(bring: object, tmp_path: Path) -> None:
    bring("a word")  # type: ignore[operator]
    path = tmp_path / "recording.csv"
    path.write_text(MAKES["Arbin"](records(60.0)), encoding="utf-8")
    with pytest.raises(InputError, match=r"The file format 'dots' is none"):
        open_recording(path)


# --- what is no recording -----------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(content=st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_any_bytes_are_read_or_refused_in_a_sentence(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "anything"
    path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        open_recording(path)
    assert len(str(refused.value).splitlines()) == 1
    assert str(path) in str(refused.value)


CELLS = st.sampled_from(
    ["0", "1", "2.5", "-3", "1e3", "", "nan", "x", "00:01:00", "1,5", "inf", "99999999999", '"', ";"]
)


@example(rows=[["0", "0", "1"], ["1,5", "1"]], make="Battery Data Format")  # a current that nothing changes
@settings(max_examples=150)
@given(rows=st.lists(st.lists(CELLS, min_size=1, max_size=6), min_size=1, max_size=30), make=st.sampled_from([*MAKES]))
def test_any_cells_below_a_makes_headers_are_read_or_refused(
    rows: list[list[str]], make: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "cells.txt"
    header = MAKES[make]([])
    delimiter = "\t" if "\t" in header else ";" if ";" in header else ","
    path.write_text(header + "\n".join(delimiter.join(row) for row in rows) + "\n", encoding="utf-8")
    try:
        problems, sentence = kpi.evaluate(open_recording(path)).problems, ""
    except InputError as refused:
        problems, sentence = (), str(refused)
    assert not problems
    assert len(sentence.splitlines()) <= 1
