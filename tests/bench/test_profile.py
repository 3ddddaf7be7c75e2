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
        ([(0, 1, 2), (1, 1, 2)], "is no table of (time in s, current in A); give a list of such pairs, or the path"),
        ([(0, 1), (1,)], "is no table of (time in s, current in A)"),
        ([(0, 1), (1, None)], "point 2: a value is missing or infinite"),
        ([], "has 0 points; give two at least"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_meant_is_refused_in_one_sentence(points: list[tuple[float, float]], says: str) -> None:
    with pytest.raises(InputError) as refused:
        survey(points, "current")
    assert says in str(refused.value)


@pytest.mark.parametrize("points", [5, None, ((time, 1.0) for time in range(3)), map(float, "01")])
def test_what_cannot_be_gone_through_again_is_no_table(points: object) -> None:
    says = r"the profile of power in the test is no table of \(time in s, power in W\); give a list of such pairs"
    with pytest.raises(InputError, match=says):
        survey(points, "power")  # type: ignore[arg-type]


def test_an_array_is_a_table() -> None:
    points = [(0.0, 1.0), (1.0, -2.0), (3.0, 0.0)]
    assert survey(np.array(points), "power") == survey(points, "power")  # type: ignore[arg-type]


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
        (
            b"time_s,current_A,Current / A\n0,1,2\n1,2,3\n",
            "line 1: the header 'time_s,current_A,Current / A' names current twice; leave one of them out",
        ),
        (b"time_s,current_A,time / s\n0,1,0\n1,2,1\n", "names time twice"),
        (b"time_s\tcurrent_A\n0\t1\n1\tx\n", "line 3: 'x' is no number; write a number"),
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


def test_a_column_that_nobody_reads_may_be_there_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time_s,current_A,note_1,note_1\n0,1,7,7\n1,2,7,7\n", encoding="utf-8")
    assert survey(path, "current").high == 2.0


def test_a_folder_is_no_profile(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be read: Is a directory|cannot be read: Permission denied"):
        survey(tmp_path, "current")


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


@given(TABLES, st.integers(0, 4000), st.integers(0, 4000))
def test_the_mean_of_what_is_played_is_its_integral_over_the_time(
    table: list[tuple[int, int]], begin: int, lasts: int
) -> None:
    points, start, stop = points_of(table), begin / 10 + 0.03, (begin + lasts) / 10 + 0.07
    times, values = np.array(points).T
    edges = np.unique(np.clip(np.array([start, stop, *times]), start, stop))
    middle = (edges[:-1] + edges[1:]) / 2
    held = values[np.clip(np.searchsorted(times, middle, side="right") - 1, 0, None)]
    for interpolation, expected in (("previous", held), ("linear", np.interp(middle, times, values))):
        playback = Playback(points, "current", interpolation)  # type: ignore[arg-type]
        playback.at(start)
        mean = float((expected * np.diff(edges)).sum() / (stop - start))
        assert playback.mean(start, stop) == pytest.approx(mean, abs=1e-9)


def test_the_mean_over_no_time_is_the_value_then() -> None:
    playback = Playback([(0, 1), (2, 5), (4, 0)], "current", "linear")
    playback.at(1.0)
    assert playback.mean(1.0, 1.0) == 3.0


def test_behind_the_last_point_nothing_comes_any_more_and_it_stays_as_it_is() -> None:
    playback = Playback([(0, 1), (2, 5)], "current", "previous")
    assert [playback.coming(), playback.at(1.9), playback.coming()] == [2.0, 1.0, 2.0]
    assert [playback.at(2.0), playback.coming(), playback.at(1e9)] == [5.0, inf, 5.0]


@pytest.mark.parametrize(
    ("times", "grid"),
    [((0, 1, 2, 5), 1.0), ((0, 0.2, 0.5), 0.1), ((0, 2, 6), 2.0), ((0, 0.1234, 1), 0.0), ((0, 1 / 3, 1), 0.0),
     ((0, 5e15), 0.0)],
)  # fmt: skip
def test_the_grid_is_what_all_points_lie_on_in_whole_milliseconds(times: tuple[float, ...], grid: float) -> None:
    assert survey([(time, 1.0) for time in times], "current").grid == pytest.approx(grid)


@pytest.mark.parametrize(
    ("times", "period", "met"),
    [
        ((0, 1, 3), 1.0, True), ((0, 1, 3), 0.5, True), ((0, 1, 3), 2.0, False), ((0, 1, 3), 0.3, False),
        ((0, 0.5, 2), 1.0, False), ((0, 0.3, 0.9), 0.1, True), ((0, 1 / 3, 1), 0.001, False), ((0, 1, 3), 0.0, False),
    ],
)  # fmt: skip
def test_a_look_each_period_comes_to_every_point_or_it_is_said(
    times: tuple[float, ...], period: float, met: bool
) -> None:
    assert survey([(time, 1.0) for time in times], "current").met_by(period) is met


def test_the_digest_tells_profiles_apart_by_what_they_hold() -> None:
    same = survey([(0, 1), (1, 2)], "current"), survey([(0.0, 1.0), (1.0, 2.0)], "power")
    others = [survey(points, "current") for points in ([(0, 1), (1, 3)], [(0, 1), (2, 2)], [(0, 2), (1, 2)])]
    assert same[0].digest == same[1].digest
    assert len({same[0].digest, *(each.digest for each in others)}) == 4
