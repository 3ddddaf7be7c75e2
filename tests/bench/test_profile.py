"""A profile is judged as a whole before anything is switched on, and played back in blocks of any size."""

from collections.abc import Sequence
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import profile
from bench.profile import Playback, survey
from bench.verdicts import InputError

TABLES = st.lists(
    st.tuples(st.integers(1, 50), st.integers(-4000, 4000)), min_size=2, max_size=60
)  # tenths of a second between two points, tenths of an ampere


def points_of(table: Sequence[tuple[int, int]]) -> list[tuple[float, float]]:
    times = np.cumsum([0, *[step for step, _ in table[1:]]]) / 10
    return [(float(time), value / 10) for time, (_, value) in zip(times, table, strict=True)]


def csv(path: Path, points: Sequence[tuple[float, float]], header: str = "time_s,current_A") -> Path:
    text = "".join(f"{time!r},{value!r}\n" for time, value in points)
    path.write_text(f"{header}\n{text}", encoding="utf-8")
    return path


@pytest.fixture(autouse=True, params=[1, 3, 65536], ids=["a point at a time", "three", "as shipped"])
def _blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test of this file with blocks of some size: nobody may notice."""
    monkeypatch.setattr(profile, "BLOCK", request.param)


# --- what it holds ----------------------------------------------------------------------------------------------------


@given(TABLES)
def test_a_survey_is_what_numpy_makes_of_all_points_at_once(table: list[tuple[int, int]]) -> None:
    points = points_of(table)
    found = survey(points, "current")
    times, values = np.array(points).T
    steps = np.diff(times)
    moved = values[:-1] * steps
    assert (found.count, found.duration) == (len(points), times[-1])
    assert (found.low, found.high, found.shortest) == (values.min(), values.max(), steps.min())
    assert found.charge == pytest.approx(moved[moved > 0].sum())
    assert found.discharge == pytest.approx(-moved[moved < 0].sum())


def test_a_file_and_a_table_of_the_same_points_are_the_same(tmp_path: Path) -> None:
    points = [(0.0, 1.5), (2.5, -3.25), (4.0, 0.0)]
    assert survey(csv(tmp_path / "a.csv", points), "current") == survey(points, "current")


def test_a_file_that_was_changed_is_read_again(tmp_path: Path) -> None:
    path = csv(tmp_path / "a.csv", [(0, 1), (1, 2)])
    before = survey(path, "current")
    csv(path, [(0, 1), (1, 2), (2, 3)])
    assert (survey(path, "current").count, before.count) == (3, 2)


@pytest.mark.parametrize(
    "header",
    ["time_s,current_A", "Time / s,Current / A", "time [s],current [A]", "time_s;current_A", "note,current_A,time_s"],
)
def test_headers_that_name_both_columns_and_their_units(tmp_path: Path, header: str) -> None:
    separator = ";" if ";" in header else ","
    row = "1{0}2" if "note" not in header else "0{0}2{0}1"
    first = "0{0}2" if "note" not in header else "0{0}2{0}0"
    path = tmp_path / "a.csv"
    path.write_text(f"\N{BYTE ORDER MARK}{header}\n{first}\n{row}\n".format(separator), encoding="utf-8")
    assert survey(path, "current").duration == 1.0


# --- what cannot be meant ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("points", "says"),
    [
        ([(0, 1)], "has 1 points; give two at least"),
        ([(1, 1), (2, 1)], "point 1: it begins at 1 s; times count from the start"),
        ([(0, 1), (1, 1), (1, 2)], "point 3: 1 s comes again; times must rise"),
        ([(0, 1), (2, 1), (1, 2)], "point 3: 1 s comes after 2 s; times must rise"),
        ([(0, 1), (1, nan)], "point 2: a value is missing or infinite"),
        ([(0, 1), (inf, 2)], "point 2: a value is missing or infinite"),
        ([(0, 1), (0.05, 2)], "has points 0.05 s apart; a bench follows one each 0.1 s at most"),
        ([*[(time, 1) for time in range(50)], *[(time, 1) for time in range(55, 100)]],
         "has a gap: a point each 1 s, and none from 49 s to 55 s"),
        ([(0, 1e308), (10, 1), (20, 0)], "has values from 0 to 1e+308, which come to more than any number"),
        ([(0, 1e308), (1, -1e308), (2, 1)], "which come to more than any number over its 2 s"),
        ([(0, -1.7e308), (1, -1.7e308), (2, 0)], "which come to more than any number"),
        ([("now", 1), (1, 1)], "is no table of (time in s, current in A)"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_meant_is_refused_in_one_sentence(points: list[tuple[float, float]], says: str) -> None:
    with pytest.raises(InputError) as refused:
        survey(points, "current")
    assert says in str(refused.value)


def test_long_and_short_intervals_by_intention_are_no_gaps() -> None:
    assert survey([(0, 5), (600, -5), (601, 0), (4000, 1)], "current").duration == 4000


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"time_s,power_W\n0,1\n1,2\n", "line 1: the header 'time_s,power_W' names no current"),
        (b"time_s,current_mA\n0,1\n1,2\n", "line 1: its current is in mA, and A is read; write A, or"),
        (b"time_min,current_A\n0,1\n1,2\n", "line 1: its time is in min, and s is read; convert it"),
        (b"0,1\n1,2\n", "line 1: the header '0,1' names no time"),
        (b"", "line 1: the header '' names no time"),
        (b"time_s,current_A\n0,1,5\n1,2\n", "line 2: '0,1,5' has 3 columns, the header 2; is it empty, or are there"),
        (b"time_s;current_A\n0;1,5\n1;2,5\n", "line 2: '1,5' is no number; write numbers with a decimal point"),
        (b"time_s,current_A\n0,1\n\n1,2\n", "line 3: '' has 1 columns"),
        (b"time_s,current_A\n0,1\n1,none\n", "line 3: 'none' is no number; write a number"),
        (b"time_s,current_A\n0,1\n1,nan\n", "line 3: a value is missing or infinite"),
        (b"time_s,current_A\n0,1\n1,2\n1,3\n", "line 4: 1 s comes again"),
        (b"\xff\xfet\x00i\x00m\x00e\x00", "is no UTF-8 text (byte 0); save it as CSV in UTF-8, not in UTF-16"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_with_its_line(tmp_path: Path, text: bytes, says: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text)
    with pytest.raises(InputError) as refused:
        survey(path, "current")
    assert says in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(InputError, match=r"profile nowhere\.csv cannot be read: No such file"):
        survey("nowhere.csv", "power")


# --- playing ----------------------------------------------------------------------------------------------------------


@given(TABLES, st.lists(st.integers(0, 4000), max_size=40))
def test_what_is_played_is_the_point_before_or_a_straight_line(table: list[tuple[int, int]], asked: list[int]) -> None:
    points = points_of(table)
    times, values = np.array(points).T
    asked_at = [tenths / 10 + 0.04 for tenths in sorted(asked)]
    held = values[np.clip(np.searchsorted(times, asked_at, side="right") - 1, 0, None)]
    stairs, lines = Playback(points, "current", "previous"), Playback(points, "current", "linear")
    assert [stairs.at(time) for time in asked_at] == pytest.approx(held.tolist())
    assert [lines.at(time) for time in asked_at] == pytest.approx(np.interp(asked_at, times, values).tolist())


def test_a_playback_may_begin_in_the_middle(tmp_path: Path) -> None:
    path = csv(tmp_path / "a.csv", [(float(time), float(time)) for time in range(100)])
    assert Playback(path, "current", "previous").at(73.5) == 73.0
