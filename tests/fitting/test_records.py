"""Reading records: good ones come out as written, bad ones as one sentence."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fitting.records import CELL_VOLTAGE, Record, RecordError, integrated, load_record

COLUMNS = ["Test Time / s", "Voltage / V", "Current / A", "Surface Temperature / degC"]


def frame(rows: int = 30) -> pd.DataFrame:
    time = np.arange(rows, dtype=float)
    return pd.DataFrame({
        COLUMNS[0]: time, COLUMNS[1]: 3.7 - 0.001 * time, COLUMNS[2]: np.where(time < 5, 0.0, -1.8), COLUMNS[3]: 25.0
    })  # fmt: skip


def refusal(path: Path) -> str:
    with pytest.raises(RecordError) as caught:
        load_record(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")
    return str(caught.value)


@pytest.mark.parametrize("names", [COLUMNS, [
    "test_time_second", "voltage_volt", "current_ampere", "ambient_temperature_celsius"
]])  # fmt: skip
def test_labels_and_machine_names_are_read_from_csv_and_parquet(tmp_path: Path, names: list[str]) -> None:
    rows = frame().set_axis(names, axis=1)
    rows.to_csv(tmp_path / "a.csv", index=False)
    rows.to_parquet(tmp_path / "a.parquet")
    for path in tmp_path.iterdir():
        found = load_record(path)
        assert found.current[10] == -1.8
        assert found.ambient == 25.0
        # 25 s at 1.8 A, positive current charges
        assert found.charge[-1] == pytest.approx(-25 * 1.8 / 3600)


def test_the_counter_is_preferred_to_the_current(tmp_path: Path) -> None:
    rows = frame().assign(**{"Net Capacity / Ah": np.linspace(5.0, 4.9, 30)})
    rows.to_csv(tmp_path / "a.csv", index=False)
    assert load_record(tmp_path / "a.csv").charge[-1] == pytest.approx(-0.1)


def test_a_column_that_lacks_is_named_with_the_nearest(tmp_path: Path) -> None:
    frame().rename(columns={"Voltage / V": "Voltage / mV"}).to_csv(tmp_path / "a.csv", index=False)
    sentence = refusal(tmp_path / "a.csv")
    assert "has no column 'Voltage / V' (nearest: Voltage / mV)" in sentence


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda rows: rows.assign(**{COLUMNS[0]: rows[COLUMNS[0]] % 20}), "runs backwards"),
        (lambda rows: rows.assign(**{COLUMNS[1]: 1000 * rows[COLUMNS[1]]}), "are not one cell's"),
        (lambda rows: rows.assign(**{COLUMNS[2]: 0.0}), "no current flows"),
        (lambda rows: rows.assign(**{COLUMNS[1]: "high"}), "holds more than numbers"),
        (lambda rows: rows.assign(**{COLUMNS[1]: rows[COLUMNS[1]].where(rows.index != 7)}), "not a number in row 8"),
        (lambda rows: rows.head(5), "5 rows; a fit needs 20"),
        (lambda rows: rows.head(0), "0 rows; a fit needs 20"),
    ],
)
def test_what_cannot_be_one_test_of_one_cell_is_one_sentence(tmp_path: Path, change: object, told: str) -> None:
    assert callable(change)
    change(frame()).to_csv(tmp_path / "a.csv", index=False)
    assert told in refusal(tmp_path / "a.csv")


def test_no_file_an_empty_one_and_another_format(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    (tmp_path / "a.parquet").write_bytes(b"nothing of the kind")
    (tmp_path / "a.res").touch()
    assert "cannot be read" in refusal(tmp_path / "nowhere.csv")
    assert "is empty" in refusal(tmp_path / "empty.csv")
    assert "is no table" in refusal(tmp_path / "a.parquet")
    assert "neither .csv nor .parquet" in refusal(tmp_path / "a.res")


def test_decimal_commas_among_commas_are_refused(tmp_path: Path) -> None:
    """Each number would be read as another column's."""
    written = frame().to_csv(index=False, float_format="%.3f").splitlines()
    header, *rows = written
    (tmp_path / "a.csv").write_text("\n".join([header, *(row.replace(".", ",") for row in rows)]), encoding="utf-8")
    assert "rows with more cells than its header; are there decimal commas" in refusal(tmp_path / "a.csv")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=400), suffix=st.sampled_from([".csv", ".parquet"]))
def test_whatever_is_in_a_file_it_is_a_record_or_one_sentence(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"any{suffix}"
    path.write_bytes(content)
    try:
        load_record(path)
    except RecordError as error:
        sentence = str(error)
    else:
        sentence = ""
    assert "\n" not in sentence


def test_thinning_keeps_the_charge_and_every_change_of_the_current() -> None:
    time = np.arange(4000.0)
    current = np.where(time < 2000, -1.0, 1.5)
    record = Record.of("a", time, current, np.full(4000, 3.5), np.full(4000, 25.0))
    thin = record.thinned()
    assert len(thin.time) < 400
    assert thin.charge[-1] == record.charge[-1]
    assert {1999.0, 2000.0} <= set(thin.time)
    assert np.diff(thin.time).max() <= 60


def test_a_row_in_the_moment_of_a_step_is_not_compared() -> None:
    time = np.concatenate([np.arange(20.0), [19.05], np.arange(20.0, 40.0)])
    current = np.where(time > 19.01, -2.0, 0.0)
    record = Record.of("a", time, current, np.full(41, 3.5), np.full(41, 25.0))
    assert np.flatnonzero(record.at_an_edge).tolist() == [20]


def of(**changed: Any) -> Record:
    """A record of 40 s: a rest, and a discharge behind it."""
    time = np.arange(40.0)
    columns = {
        "time": time, "current": np.where(time < 5, 0.0, -1.8), "voltage": 3.7 - 0.001 * time,
        "temperature": np.full(40, 25.0),
    }  # fmt: skip
    return Record.of("a", **(columns | changed))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", ["time", "current", "voltage", "temperature"])
def test_what_is_no_number_is_named_with_its_column_and_row(column: str, value: float) -> None:
    values = np.array(getattr(of(), column))
    values[[6, 20]] = value
    with pytest.raises(RecordError, match=rf"^a: {column} is not a number in row 7; leave such rows out\.$"):
        of(**{column: values})


@pytest.mark.parametrize(("volts", "one_cells"), [(0.5, False), (0.51, True), (5.99, True), (CELL_VOLTAGE, False)])
def test_a_voltage_is_one_cells_between_two_bounds_that_no_cell_reaches(volts: float, one_cells: bool) -> None:
    values = np.full(40, 3.7)
    values[-1] = volts
    if one_cells:
        assert of(voltage=values).voltage[-1] == volts
    else:
        with pytest.raises(RecordError, match=r"are not one cell's; give V of one cell, 0\.5 to 6"):
            of(voltage=values)


@pytest.mark.parametrize("moved", [0.0, -3.0])
def test_a_time_that_does_not_rise_is_named_with_its_row(moved: float) -> None:
    time = np.arange(40.0)
    time[8:] += moved - 1
    with pytest.raises(RecordError, match=rf"\({7 + moved:g} s after 7 s in row 9\); give one test"):
        of(time=time)


def test_charge_begins_at_nothing_whatever_the_counter_said_then() -> None:
    assert of(charge=np.linspace(7.0, 6.5, 40)).charge.tolist() == pytest.approx(np.linspace(0, -0.5, 40).tolist())


def test_over_a_step_flows_the_current_of_the_row_that_ends_it() -> None:
    assert integrated(np.array([0.0, 10.0, 3610.0]), np.array([99.0, 360.0, 1.0])).tolist() == [0.0, 1.0, 2.0]
    assert integrated(np.array([5.0]), np.array([1.0])).tolist() == [0.0]


@pytest.mark.parametrize(("first", "rests"), [(0.0, True), (-0.017, True), (-0.019, False), (1.8, False)])
def test_a_record_rests_at_its_start_where_next_to_nothing_flows_there(first: float, rests: bool) -> None:
    current = of().current.copy()
    current[0] = first
    assert of(current=current).rests is rests


def test_every_so_many_th_block_is_held_out_counted_from_the_first_row() -> None:
    record = of(time=np.arange(40.0) + 1003.0).holding_out(5.0, 4)
    assert np.flatnonzero(record.held_out).tolist() == [15, 16, 17, 18, 19, 35, 36, 37, 38, 39]
    assert not of().holding_out(50.0, 4).held_out.any()
    assert of().holding_out(5.0, 1).held_out.all()


def test_rows_that_are_kept_keep_all_that_stands_in_them() -> None:
    record = of().holding_out(5.0, 4)
    kept = record.rows(np.array([0, 16, 39]))
    assert kept.time.tolist() == [0.0, 16.0, 39.0]
    assert kept.charge.tolist() == record.charge[[0, 16, 39]].tolist()
    assert kept.held_out.tolist() == [False, True, True]
    assert kept.ambient == record.ambient


def test_the_cells_own_temperature_is_taken_before_another_one(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = frame().drop(columns=COLUMNS[3])
    degrees = {"Ambient Temperature / degC": 10.0, "Temperature T1 / degC": 20.0, COLUMNS[3]: 30.0}
    for count, expected in ((3, 30.0), (2, 20.0), (1, 10.0)):
        rows.assign(**dict(list(degrees.items())[:count])).to_csv(path, index=False)
        found = load_record(path)
        assert (found.ambient, found.of_air) == (expected, count == 1)


def test_names_of_columns_may_have_spaces_around_them(tmp_path: Path) -> None:
    frame().rename(columns=lambda name: f" {name} ").to_csv(tmp_path / "a.csv", index=False)
    assert len(load_record(tmp_path / "a.csv").time) == 30


@pytest.mark.parametrize("label", ["Cell ID", "cell_id", "Channel / 1", "BARCODE", "Test  ID"])
def test_records_of_several_cells_are_told_with_who_they_are(tmp_path: Path, label: str) -> None:
    path = tmp_path / "a.csv"
    whose = [["A", "B"], ["A", "B", "C", "D", "E"]]
    for cells, told in zip(whose, ["2 cells", "5 cells"], strict=True):
        frame().assign(**{label: (cells * 30)[:30]}).to_csv(path, index=False)
        sentence = refusal(path)
        assert f"holds records of {told}" in sentence
        assert ("…" in sentence) is (len(cells) > 3)
        assert " D" not in sentence
    frame().assign(**{label: ["A"] * 29 + [None]}).to_csv(path, index=False)
    assert load_record(path).name == "a.csv"


@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_is_needed(tmp_path: Path, column: str) -> None:
    frame().drop(columns=column).to_csv(tmp_path / "a.csv", index=False)
    assert f"has no column {column!r}" in refusal(tmp_path / "a.csv")
