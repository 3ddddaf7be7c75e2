"""Chamber air: ramp and lag against their analytic solution."""

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.chamber import ChamberAir


def test_air_without_a_new_set_point_stays() -> None:
    air = ChamberAir(23.0)
    air.step(3600.0)
    assert air.temperature == 23.0


def test_a_ramp_without_lag_is_a_straight_line_that_stops_at_the_set_point() -> None:
    air = ChamberAir(25.0, 45.0, max_heating=3.0, lag=0.0)
    air.step(120.0)
    assert air.temperature == pytest.approx(31.0)
    air.step(280.0)
    assert air.temperature == pytest.approx(45.0)
    air.step(1000.0)
    assert air.temperature == 45.0


def test_the_lag_trails_the_ramp_as_a_first_order_system() -> None:
    air = ChamberAir(20.0, 40.0, max_heating=3.0, lag=60.0)
    air.step(90.0)
    slope = 3.0 / 60
    assert air.temperature == pytest.approx(20 + slope * (90 - 60 + 60 * exp(-90 / 60)))
    assert air.ramped_set_point == pytest.approx(24.5)


def test_after_the_ramp_the_air_settles_exponentially() -> None:
    air = ChamberAir(20.0, 23.0, max_heating=3.0, lag=60.0)
    air.step(60.0)
    behind = 23.0 - air.temperature
    air.step(120.0)
    assert 23.0 - air.temperature == pytest.approx(behind * exp(-2))


def test_cooling_has_its_own_limit() -> None:
    air = ChamberAir(25.0, -10.0, max_heating=3.0, max_cooling=1.5, lag=0.0)
    air.step(600.0)
    assert air.temperature == pytest.approx(10.0)


def test_a_slower_ramp_is_followed_and_a_faster_one_is_not() -> None:
    slow, fast = (ChamberAir(25.0, 45.0, max_heating=3.0, lag=0.0) for _ in range(2))
    slow.ramp, fast.ramp = 0.5, 50.0
    for air in (slow, fast):
        air.step(60.0)
    assert slow.temperature == pytest.approx(25.5)
    assert fast.temperature == pytest.approx(28.0)
    slow.ramp = None
    slow.step(60.0)
    assert slow.temperature == pytest.approx(28.5)


def test_a_set_point_changed_on_the_way_turns_the_ramp_round() -> None:
    air = ChamberAir(25.0, 45.0, max_heating=3.0, max_cooling=2.0, lag=0.0)
    air.step(120.0)
    air.set_point = 25.0
    air.step(60.0)
    assert air.temperature == pytest.approx(29.0)


@given(
    durations=st.lists(st.floats(0.01, 500.0), min_size=1, max_size=20),
    set_point=st.floats(-40.0, 90.0),
    ramp=st.none() | st.floats(0.05, 10.0),
    lag=st.floats(1.0, 600.0),
)
def test_step_sizes_do_not_matter(durations: list[float], set_point: float, ramp: float | None, lag: float) -> None:
    once, often = (ChamberAir(25.0, set_point, lag=lag) for _ in range(2))
    once.ramp = often.ramp = ramp
    once.step(sum(durations))
    for duration in durations:
        often.step(duration)
    assert often.temperature == pytest.approx(once.temperature, abs=1e-8)


@given(set_point=st.floats(-40.0, 90.0), lag=st.floats(0.0, 600.0))
def test_the_air_never_moves_faster_than_the_chamber_can_nor_overshoots(set_point: float, lag: float) -> None:
    air = ChamberAir(25.0, set_point, max_heating=3.0, max_cooling=2.0, lag=lag)
    for _ in range(100):
        before = air.temperature
        air.step(30.0)
        assert -2.0 * 0.5 - 1e-9 <= air.temperature - before <= 3.0 * 0.5 + 1e-9
        assert min(25.0, set_point) - 1e-9 <= air.temperature <= max(25.0, set_point) + 1e-9


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"max_heating": 0.0}, "max_heating is 0 K/min"),
        ({"max_cooling": -2.0}, "max_cooling is -2 K/min"),
        ({"lag": -1.0}, "lag is -1 s"),
    ],
)
def test_an_impossible_chamber_is_refused(settings: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        ChamberAir(25.0, **settings)


def test_a_ramp_without_rate_is_refused() -> None:
    air = ChamberAir(25.0)
    with pytest.raises(ValueError, match="ramp is 0 K/min"):
        air.ramp = 0.0
    assert air.ramp is None
