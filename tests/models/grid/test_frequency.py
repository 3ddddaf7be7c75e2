"""The grid's frequency beside published statistics, and records of users."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.grid.frequency import read_frequency, synthetic_frequency
from models.grid.reading import SeriesError

DAY = 86400.0


@pytest.fixture
def record(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "grid.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_week_has_the_statistics_of_the_continent() -> None:
    """Mean 50 Hz; standard deviation about 20 mHz; memory of minutes, none of an hour (Schaefer et al. 2018)."""
    deviation = np.concatenate([synthetic_frequency(7 * DAY, seed=seed).value for seed in range(3)]) - 50.0
    assert abs(deviation.mean()) < 0.001
    assert deviation.std() == pytest.approx(0.020, abs=0.001)
    correlation = {lag: (deviation[lag:] * deviation[:-lag]).mean() / deviation.var() for lag in (60, 120, 3600)}
    assert 0.5 < correlation[60] < 0.8
    assert 0.25 < correlation[120] < 0.5
    assert abs(correlation[3600]) < 0.05


def test_the_full_hour_is_the_worst() -> None:
    """Schedules change at it: for some minutes after it the deviation is largest."""
    hours = np.concatenate(
        [(synthetic_frequency(7 * DAY, seed=seed).value[:-1] - 50).reshape(-1, 3600) for seed in range(3)]
    )
    by_minute = hours.reshape(len(hours), 60, 60).std(axis=(0, 2))
    assert by_minute[1:6].mean() > 1.3 * by_minute[50:60].mean()
    assert int(by_minute.argmax()) < 8


def test_a_trace_begins_where_it_is_told() -> None:
    """Half an hour later, the hour's commotion comes half an hour earlier."""
    hours = np.concatenate(
        [
            (synthetic_frequency(7 * DAY, seed=seed, begins=1800.0).value[:-1] - 50).reshape(-1, 3600)
            for seed in range(3)
        ]
    )
    by_minute = hours.reshape(len(hours), 60, 60).std(axis=(0, 2))
    assert 30 <= int(by_minute.argmax()) < 38


def test_a_finer_step_is_the_same_trace() -> None:
    coarse, fine = synthetic_frequency(600.0, seed=4), synthetic_frequency(600.0, step=0.05, seed=4)
    assert len(fine.value) == 12001
    assert fine.value[::20] == pytest.approx(coarse.value, abs=1e-12)
    assert np.abs(np.diff(fine.value)).max() < 0.001


def test_it_is_its_seed() -> None:
    assert (synthetic_frequency(100.0, seed=1).value == synthetic_frequency(100.0, seed=1).value).all()
    assert (synthetic_frequency(100.0, seed=1).value != synthetic_frequency(100.0, seed=2).value).any()


@pytest.mark.parametrize(("duration", "step"), [(0.0, 1.0), (10.0, 0.0), (10.0, -1.0), (-1.0, 1.0)])
def test_a_trace_needs_a_duration_and_a_step(duration: float, step: float) -> None:
    with pytest.raises(ValueError, match="give both above 0"):
        synthetic_frequency(duration, step=step)


# --- records ----------------------------------------------------------------------------------------------------------


def test_a_record_is_read_as_it_is(record: Callable[[str], Path]) -> None:
    found = read_frequency(record("# measured at home\ntime,frequency\n100,50.01\n101,49.99\n102,50.00\n"))
    assert found.time.tolist() == [0.0, 1.0, 2.0]
    assert found.value.tolist() == [50.01, 49.99, 50.00]
    assert found.at(0.5) == pytest.approx(50.0)
    assert found.at(99.0) == 50.0


def test_times_may_be_those_of_a_calendar_across_a_change_of_clocks(record: Callable[[str], Path]) -> None:
    found = read_frequency(record("time;frequency\n2025-03-30T01:59:59+01:00;50.01\n2025-03-30T03:00:00+02:00;49.99\n"))
    assert found.time.tolist() == [0.0, 1.0]


def test_a_record_of_20_hz_is_read(record: Callable[[str], Path]) -> None:
    lines = "".join(f"{number * 0.05:.2f},50.0\n" for number in range(40))
    assert read_frequency(record("time,frequency\n" + lines)).time[-1] == pytest.approx(1.95)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0,50\n1,50\n4,50\n", "line 4: 3 s after the row above where 1 s is the step; a record has no gap"),
        ("0,50\n3,50\n4,50\n5,50\n", "line 3: 3 s after the row above where 1 s is the step; a record has no gap"),
        ("0,50\n3,50\n4,50\n", "line 3: 3 s after the row above where 1 s is the step; a record has no gap"),
        ("0,50\n1,50\n1,50\n", "line 4: time is that of the row above; each time is there once"),
        ("0,50\n1,50\n0,50\n", "line 4: time is 1 s before"),
        ("0,50\n2,50\n4,50\n", "line 3: 2 s after the row above where 1 s is the step"),
        ("0,50\n1,nan\n2,50\n", "line 3: frequency is 'nan'; give a finite number"),
        ("0,50\n1,\n2,50\n", "line 3: frequency is ''; give a finite number"),
        ("0,50\n1,off\n", "line 3: frequency is 'off'; give a finite number"),
        ("0,50\n1\n", "line 3: '1' has 1 cell, the header 2"),
        ("nan,50\n1,50\n", "line 2: time is 'nan'; give a finite number"),
        ("0,50\n1,60.01\n", "line 3: frequency is 60.01; give Hz from 45 up to 55"),
        ("0,50\n1,0.0\n", "line 3: frequency is 0; give Hz from 45 up to 55"),
        ("0,49990\n1,50010\n", "line 2: frequency is 49990; it looks like mHz; give Hz"),
        ("noon,50\n1,50\n", "line 2: time is 'noon'; give one as 2026"),
        ("0,50\n", "has 1 rows; give two or more"),
        ("", "has 0 rows; give two or more"),
    ],
)
def test_a_wrong_record_is_one_sentence(record: Callable[[str], Path], text: str, sentence: str) -> None:
    with pytest.raises(SeriesError, match=f"grid.csv.*{sentence}") as raised:
        read_frequency(record("time,frequency\n" + text))
    assert "\n" not in str(raised.value)


def test_another_name_of_a_column_is_told(record: Callable[[str], Path]) -> None:
    with pytest.raises(SeriesError, match=r"line 2: has no frequency \(nearest: freqency\); each row needs time, freq"):
        read_frequency(record("time,freqency\n0,50\n1,50\n"))


def test_a_file_that_there_is_not_is_told(tmp_path: Path) -> None:
    with pytest.raises(SeriesError, match=r"none\.csv: cannot be read \(No such file"):
        read_frequency(tmp_path / "none.csv")


@given(content=st.binary(max_size=200) | st.text("time,frequncy\n0123456789.;:-T\"'nan", max_size=200).map(str.encode))
@settings(max_examples=200, deadline=None)
def test_whatever_is_in_a_file_it_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    for ending in ("csv", "yaml"):
        path = tmp_path_factory.mktemp("any") / f"grid.{ending}"
        path.write_bytes(b"time,frequency\n0,50\n" * (ending == "csv") + content)
        try:
            found = read_frequency(path)
        except SeriesError as error:
            assert "\n" not in str(error)  # noqa: PT017 - most contents are refused, and some are read
            continue
        assert ((found.value >= 45) & (found.value <= 55)).all()
