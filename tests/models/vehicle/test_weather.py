"""Seasons and cabins, beside the normals and measurements they are made from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.fields import CellFileError
from models.vehicle.cabin import Cabin
from models.vehicle.season import available_places, load_place, weather

WARMING = np.arange(0.0, 3601.0)


@pytest.mark.parametrize(
    ("season", "lowest", "highest"),
    [("seville-january", 5.2, 15.9), ("seville-summer", 19.4, 35.3), ("winter", 0.0, 6.0), ("oslo-winter", -6.8, -1.8)],
)
def test_a_day_goes_from_its_lowest_at_sunrise_to_its_highest_at_three(
    season: str, lowest: float, highest: float
) -> None:
    day = weather(season)
    hours = np.linspace(0.0, 24.0, 24 * 60 + 1)
    temperatures = np.array([day.temperature(hour) for hour in hours])
    assert temperatures.min() == pytest.approx(lowest, abs=0.01)
    assert temperatures.max() == pytest.approx(highest, abs=0.01)
    assert hours[temperatures.argmin()] == pytest.approx(day.sunrise, abs=0.1)
    assert hours[temperatures.argmax()] == pytest.approx(15.0, abs=0.1)
    assert np.abs(np.diff(temperatures)).max() < 0.1


def test_the_sun_rises_when_it_does() -> None:
    """Sunrise of mid-month, solar noon at 12:30: Oslo in July 4:20 and in January 9:05, Seville in July 5:20."""
    assert weather("oslo-july").sunrise == pytest.approx(3.6, abs=0.6)
    assert weather("oslo-january").sunrise == pytest.approx(9.2, abs=0.6)
    assert weather("seville-july").sunrise == pytest.approx(5.4, abs=0.6)
    assert weather("oslo-january").sunshine(6.0) == 0.0
    assert weather("seville-july").sunshine(12.5) > 3 * weather("oslo-january").sunshine(12.5)


@given(st.sampled_from(available_places()), st.integers(1, 12))
def test_a_month_lies_between_january_and_july(place: str, month: int) -> None:
    climate = load_place(place)
    day = climate.in_month(month)
    assert climate.january[0] - 1e-9 <= day.lowest <= climate.july[0] + 1e-9
    assert climate.january[1] - 1e-9 <= day.highest <= climate.july[1] + 1e-9


def test_a_pack_is_warmer_in_the_morning_than_the_air_and_a_garage_than_both() -> None:
    day = weather("oslo-winter")
    pack = day.after_a_night(10 * 3600.0)
    assert day.temperature(7.0) < pack < day.temperature(20.0)
    assert day.after_a_night(60.0) == pytest.approx(day.temperature(7.0), abs=0.3)
    assert day.in_a_garage() > pack


def test_a_cabin_takes_what_was_measured() -> None:
    """From -10 to 20 degC 1.5 to 2.3 kWh; holding it at -12 degC 1.5 to 3 kW (ADAC)."""
    power, inside = Cabin().conditioned(WARMING[:1800], -10.0, 0.0, -10.0)
    warm = int(np.flatnonzero(power < 4999.0)[0])
    assert 1.5 < power[:warm].sum() / 3.6e6 < 2.3
    assert inside == pytest.approx(20.0, abs=0.1)
    holding, _ = Cabin().conditioned(WARMING, -12.0, 0.0, 20.0)
    assert 1500 < holding[-2] < 3000


def test_a_heat_pump_helps_where_it_is_mild_and_not_in_the_frost() -> None:
    pump = replace(Cabin(), heat_pump=((-10.0, 1.0), (10.0, 2.5)))
    for outside, gain in ((-12.0, 1.0), (10.0, 2.5)):
        resistive, _ = Cabin().conditioned(WARMING, outside, 0.0, 20.0)
        pumped, _ = pump.conditioned(WARMING, outside, 0.0, 20.0)
        assert resistive[-2] / pumped[-2] == pytest.approx(gain, rel=1e-6)


def test_a_cabin_that_stood_in_the_sun_is_cooled() -> None:
    day = weather("seville-summer")
    hot = day.in_the_cabin(14.0, Cabin())
    power, inside = Cabin().conditioned(WARMING, day.temperature(14.0), day.sunshine(14.0), hot)
    assert hot > 40.0
    assert inside == pytest.approx(24.0, abs=0.1)
    assert 0 < power[-2] < 2500


def test_a_season_that_does_not_exist_names_the_nearest() -> None:
    with pytest.raises(CellFileError, match=r"no season 'sommer' \(nearest: summer\)"):
        weather("sommer")
    with pytest.raises(CellFileError, match=r"no place 'olso' \(nearest: oslo\)"):
        weather("olso-winter")


def test_a_place_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "home.yaml"
    path.write_text("name: Home\nlatitude: 50\njanuary: [-2, 4]\njuly: [14, 25]\nsources: [me]\n", encoding="utf-8")
    assert load_place(path).in_month(7).highest == pytest.approx(25.0)
    path.write_text("name: Home\nlatitude: 50\njanuary: [4, -2]\njuly: [14, 25]\nsources: [me]\n", encoding="utf-8")
    with pytest.raises(CellFileError, match=r"january\[1\] is -2.0; give a number above 4"):
        load_place(path)


@pytest.mark.parametrize(("clearness", "expected"), [("", (0.5, 0.7)), ("clearness: [0.4, 0.8]\n", (0.4, 0.8))])
def test_clouds_of_a_place_may_be_given(tmp_path: Path, clearness: str, expected: tuple[float, float]) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nlatitude: 45\njanuary: [0, 5]\njuly: [15, 25]\nsources: [me]\n" + clearness)
    winter, summer = load_place(path).clear_share(np.array([10.0, 192.5]))
    assert (winter, summer) == pytest.approx(expected)


@pytest.mark.parametrize("clearness", ["[0.4]", "[0.4, 1.2]", "[0, 0.5]", "0.5"])
def test_clouds_that_cannot_be_are_told(tmp_path: Path, clearness: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        f"name: mine\nlatitude: 45\njanuary: [0, 5]\njuly: [15, 25]\nsources: [me]\nclearness: {clearness}\n"
    )
    with pytest.raises(CellFileError, match="clearness"):
        load_place(path)
