"""Reading records: good ones come out as written, bad ones as one sentence."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fitting.records import Record, RecordError, load_record

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
