"""Energy at the AC side: each way for itself, never back, and nothing for what nobody has measured."""

from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.managing.meter import Meter

SCANS = st.lists(st.tuples(st.floats(-11000, 11000) | st.just(nan), st.floats(0.01, 3600)), max_size=30)


def counted(*scans: tuple[float, float]) -> tuple[float, float]:
    meter = Meter()
    for power, time in scans:
        meter.count(power, time)
    return meter.taken, meter.given


@pytest.mark.parametrize(
    ("scans", "expected"),
    [
        ((), (0, 0)),
        (((11000, 100),), (0, 0)),
        (((0, 0), (3600, 1)), (1, 0)),
        (((0, 0), (-3600, 1)), (0, 1)),
        (((9999, 0), (3600, 1), (-3600, 3), (3600, 4)), (2, 2)),
        (((0, 0), (nan, 3600), (3600, 3601)), (1, 0)),
        (((0, 7), (3600, 7)), (0, 0)),
    ],
)  # fmt: skip
def test_a_power_counts_for_the_time_since_the_scan_before(
    scans: tuple[tuple[float, float], ...], expected: tuple[float, float]
) -> None:
    assert counted(*scans) == pytest.approx(expected)


@given(SCANS)
def test_neither_way_is_ever_counted_back(scans: list[tuple[float, float]]) -> None:
    meter, time = Meter(), 0.0
    for power, passed in scans:
        before, time = (meter.taken, meter.given), time + passed
        meter.count(power, time)
        assert meter.taken >= before[0]
        assert meter.given >= before[1]
        assert before in {(meter.taken, before[1]), (before[0], meter.given)}, "both ways at once"


@given(SCANS)
def test_the_other_way_round_it_counts_the_same(scans: list[tuple[float, float]]) -> None:
    times = [sum(passed for _, passed in scans[: number + 1]) for number in range(len(scans))]
    forth = counted(*((power, time) for (power, _), time in zip(scans, times, strict=True)))
    back = counted(*((-power, time) for (power, _), time in zip(scans, times, strict=True)))
    assert forth == back[::-1]
