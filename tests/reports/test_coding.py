"""How samples travel inside a page: what its script reads of them is what was recorded."""

import zlib
from base64 import b64decode
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from reports import coding, interactive
from reports.recording import Recording
from tests.reports.test_figure import decoded

Numbers = np.ndarray[Any, Any]
DAY = 86400.0
SAMPLES = st.floats(-1e6, 1e6) | st.just(float("nan"))


def numbers(text: str) -> Numbers:
    """What the page's own script makes of whole numbers."""
    return np.cumsum(np.frombuffer(zlib.decompress(b64decode(text)), dtype="<i4").astype(np.int64))


@given(arrays(np.float64, array_shapes(max_dims=2, max_side=40), elements=SAMPLES), st.sampled_from([0.0, 2e-4, 0.02]))
def test_a_sample_comes_back_within_half_a_step_and_a_missing_one_as_missing(values: Numbers, finest: float) -> None:
    found = coding.column(values, finest)
    back = decoded(found).reshape(values.shape)
    assert (np.isnan(back) == np.isnan(values)).all()
    known = np.isfinite(values)
    assert (np.abs(back - values)[known] <= 0.5 * found["step"] * (1 + 1e-6) + 1e-9).all()
    assert found["step"] >= finest


@pytest.mark.parametrize("value", [0.0, 3.3, -1e300, 5e-324])
def test_samples_that_are_all_the_same_come_back_as_they_are(value: float) -> None:
    assert decoded(coding.column(np.full(5, value))).tolist() == [value] * 5


@pytest.mark.parametrize("none", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_missing_and_takes_no_room_from_the_others(none: float) -> None:
    back = decoded(coding.column(np.array([1.0, none, 2.0])))
    assert np.isnan(back).tolist() == [False, True, False]
    assert back[[0, 2]] == pytest.approx([1.0, 2.0])
    assert np.isnan(decoded(coding.column(np.array([none, none])))).all()


def test_the_highest_sample_is_not_taken_for_a_missing_one() -> None:
    assert decoded(coding.column(np.array([0.0, 65534.0]))).tolist() == [0.0, 65534.0]


def test_a_column_without_a_sample_is_empty() -> None:
    assert decoded(coding.column(np.empty(0))).tolist() == []
    assert numbers(coding.pack_time(np.empty(0), coding.ticks_of(np.empty(0)))).tolist() == []


@given(st.lists(st.integers(0, 2**31 - 1), max_size=50))
def test_rising_numbers_come_back(rising: list[int]) -> None:
    rising.sort()
    assert numbers(coding.whole_numbers(np.array(rising, dtype=np.int64))).tolist() == rising


@given(st.lists(st.floats(0, 1e8), min_size=1, max_size=20))
def test_times_come_back_however_much_lies_between_them(times: list[float]) -> None:
    time = np.sort(np.array(times))
    ticks = coding.ticks_of(time)
    assert np.abs(numbers(coding.pack_time(time, ticks)) / ticks - time).max() <= 0.5 / ticks + 1e-6


@pytest.mark.parametrize(
    ("leap", "ticks"), [(0.0, 1000), (24 * DAY, 1000), (26 * DAY, 100), (300 * DAY, 10), (3000 * DAY, 1)]
)
def test_times_are_told_as_finely_as_there_is_room_for(leap: float, ticks: int) -> None:
    assert coding.ticks_of(np.array([1.0, 2.0, 2.0 + leap])) == ticks


def test_the_page_says_how_finely_its_times_are_told() -> None:
    """Of a run that went on after six weeks the times behind them lay 50 days before."""
    time = np.array([0.0, 10.0, 10.0 + 42 * DAY, 20.0 + 42 * DAY])
    rows = np.column_stack([time, np.ones(4), np.full(4, 3.3)])
    manifest = {"run_id": "x/1", "test": {"title": "t"}, "pack": {"name": "p"}, "station": {"name": "s"}, "limits": []}
    page = interactive.html(Recording(manifest, [], ["Test Time / s", "Step Count / 1", "Voltage / V"], rows))
    assert '"ticks":100,' in page
    packed = page.partition('"time":"')[2].partition('"')[0]
    assert numbers(packed)[-1] / 100 == time[-1]
