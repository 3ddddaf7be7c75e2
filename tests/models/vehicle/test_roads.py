"""Roads as somebody drives them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.fields import CellFileError
from models.vehicle.road import DRIVER, Leg, Road, available_roads, driven, load_road

legs = st.builds(
    Leg,
    length=st.floats(100.0, 3000.0),
    limit=st.floats(5.0, 40.0),
    grade=st.floats(-0.1, 0.1),
    stop=st.one_of(st.just(0.0), st.floats(5.0, 60.0)),
)


@given(st.lists(legs, min_size=1, max_size=6))
def test_a_driver_keeps_to_the_road(legs: list[Leg]) -> None:
    road = Road("any", "any", tuple(legs))
    trace = driven(road)
    assert trace.speed[0] == trace.speed[-1] == 0.0
    assert trace.distance == pytest.approx(road.length, rel=0.02)
    assert trace.acceleration.max() <= DRIVER.acceleration + 1e-6
    assert trace.acceleration.min() >= -DRIVER.deceleration - 1e-6
    assert trace.standing >= sum(leg.stop for leg in legs[:-1]) - 2 * len(legs)
    fastest = max(leg.limit for leg in legs)
    assert trace.speed.max() <= fastest * (1 + DRIVER.wander) + 1e-9


@given(st.lists(legs, min_size=1, max_size=4))
def test_ten_points_a_second_are_the_same_drive(legs: list[Leg]) -> None:
    road = Road("any", "any", tuple(legs))
    slow, fast = driven(road), driven(road, period=0.1)
    assert fast.distance == pytest.approx(road.length, rel=2e-3)
    assert fast.climb[-1] == pytest.approx(sum(leg.length * leg.grade for leg in legs), rel=0.05, abs=1.0)
    assert slow.duration == pytest.approx(fast.duration, abs=1.0)


@pytest.mark.parametrize("name", available_roads())
def test_a_shipped_road_goes_its_whole_way(name: str) -> None:
    road = load_road(name)
    assert driven(road).distance == pytest.approx(road.length, rel=1e-3)
    assert any("assumed" in source for source in road.sources)


def test_the_six_of_the_map_are_what_they_are_called() -> None:
    traces = {name: driven(load_road(name)) for name in available_roads()}
    assert set(traces) == {"urban", "country", "motorway-110", "motorway-130", "mountain-pass", "short-hop"}
    mean = {name: 3.6 * trace.distance / trace.duration for name, trace in traces.items()}
    assert mean["urban"] < 25 < mean["mountain-pass"] < mean["country"] < mean["motorway-110"] < mean["motorway-130"]
    assert traces["mountain-pass"].climb.max() == pytest.approx(900, rel=0.02)
    assert abs(traces["mountain-pass"].climb[-1]) < 20
    assert traces["short-hop"].duration == pytest.approx(600, rel=0.1)
    assert np.percentile(3.6 * traces["motorway-130"].speed, 80) == pytest.approx(130, abs=5)


ROAD = "name: mine\ndescription: mine\nsources: [me]\nlegs:\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("  - {length: 100, limit: 500}\n", r"legs\[0\]: limit is 500; give a number above 0 up to 250"),
        ("  - {length: 100}\n", r"legs\[0\]: limit is missing"),
        ("  - {length: 100, limit: 50, grad: 3}\n", r"legs\[0\]: unknown key 'grad' \(nearest: grade\)"),
        ("  - {length: 3, limit: 50}\n", r"legs\[0\]: length is 3"),
        ("  - {length: 100, limit: 50, grade: 45}\n", r"legs\[0\]: grade is 45"),
        ("  - {length: 100, limit: 0}\n", r"legs\[0\]: limit is 0; give a number above 0 up to 250"),
        ("  - {length: 100, limit: 50, stop: -1}\n", r"legs\[0\]: stop is -1; give a number from 0 up"),
        ("  - {length: 100, limit: 50, repeat: 0}\n", r"legs\[0\]: repeat is 0; give a number from 1 up to 1000"),
        ("  - {length: 100, limit: 50, repeat: 1001}\n", r"legs\[0\]: repeat is 1001; give a number from 1 up to 1000"),
        ("  - {length: 100, limit: 50, repeat: 2.5}\n", r"repeat is 2\.5; give a whole number from 1 up to 1000\.$"),
        ("  - {length: 100, limit: 50}\naltitude: 9000\n", r"altitude is 9000; give a number from -500 up to 5000"),
        ("  []\n", r"legs is \[\]; give a list of mappings"),
        ("  - 7\n", r"legs\[0\]: found 7 where a mapping"),
    ],
)
def test_a_wrong_road_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(ROAD + text, encoding="utf-8")
    with pytest.raises(CellFileError, match=sentence):
        load_road(path)


def test_a_road_of_ones_own_is_read_in_kilometres_per_hour_and_per_cent(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    legs = "  - {length: 100, limit: 36, grade: -5, stop: 20}\n  - {length: 50, limit: 72, repeat: 3.0}\n"
    path.write_text(f"{ROAD}{legs}altitude: 400\n", encoding="utf-8")
    road = load_road(str(path))
    assert road.legs[0] == Leg(100.0, pytest.approx(10.0), -0.05, 20.0)
    assert road.legs[1:] == (Leg(50.0, pytest.approx(20.0), 0.0, 0.0),) * 3
    assert (road.name, road.altitude, road.length, road.sources) == ("mine", 400.0, 250.0, ("me",))


def test_an_unknown_road_names_the_nearest() -> None:
    with pytest.raises(
        CellFileError, match=r"no road 'motorway-120' \(nearest: motorway-1[13]0\); shipped are country,"
    ):
        load_road("motorway-120")
