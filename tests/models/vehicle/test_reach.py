"""How far a car gets, beside a cell that is discharged second by second, and beside published consumption."""

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.cell import load_cell
from models.fields import CellFileError
from models.shipped import FOLDERS
from models.string import NO_SPREAD, CellString
from models.vehicle.reach import Going, Pack, consumption, going, needed_soc, reach, usable

CAR = "renault-5-class"
CELLS = ("lfp-26650", "nmc811-21700", "lnmo-1ah")
SOC, DEGREES = st.floats(0.0, 1.0), st.floats(-25.0, 45.0)
POWER = st.floats(0.0, 60e3)


@cache
def pack(cell: str = "lfp-26650") -> Pack:
    """One that a car has; cached, for its tables are."""
    return Pack.of(cell, 96, 1, energy=52e3)


def discharged(cell: str, soc: float, degrees: float, rate: float) -> float:
    """Wh of one cell at constant power until it is at its lowest, by the string that the bench's packs are made of.

    It rests long before on the branch of a discharge, in air that keeps it as it is; `rate` is its power by its energy.
    """
    parameters = load_cell(cell)
    string = CellString(parameters, 1, spread=NO_SPREAD, soc=soc, temperature=degrees, branch=-1.0)
    string.cool_by(1e6)
    power, given_off = rate * parameters.nominal_capacity * float(parameters.ocv.mean()), 0.0
    while True:
        electromotive, resistance = string.thevenin(5.0)
        room = electromotive**2 - 4 * resistance * power
        if room < 0:
            return given_off
        string.step(-(electromotive - room**0.5) / (2 * resistance), 5.0, degrees)
        if string.voltage[0] < parameters.voltage_min or string.soc[0] < 0:
            return given_off
        given_off += power * 5.0 / 3600


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("soc", "degrees", "rate"), [(1.0, 25.0, 0.3), (0.6, 10.0, 0.4), (0.8, 0.0, 0.4)])
def test_a_pack_gives_what_its_cells_do(cell: str, soc: float, degrees: float, rate: float) -> None:
    whole = pack(cell)
    found = usable(whole, soc, degrees, rate * whole.energy) / whole.count
    full = whole.energy / whole.count
    assert found == pytest.approx(discharged(cell, soc, degrees, rate), abs=0.01 * full)


@pytest.mark.parametrize("cell", CELLS)
def test_a_cold_pack_gives_less_than_its_state_of_charge_says(cell: str) -> None:
    warm, cold = (usable(pack(cell), 0.5, degrees, 15e3) for degrees in (25.0, -20.0))
    assert cold < 0.95 * warm


@given(st.sampled_from(CELLS), SOC, SOC, DEGREES, POWER)
@settings(deadline=None)
def test_more_charge_is_never_less(cell: str, one: float, other: float, degrees: float, power: float) -> None:
    low, high = sorted((one, other))
    assert 0.0 <= usable(pack(cell), low, degrees, power) <= usable(pack(cell), high, degrees, power) + 1e-6


@pytest.mark.parametrize(("cell", "degrees"), [("lfp-26650", -25.0), ("nmc811-21700", 10.0)])
def test_more_charge_is_never_less_where_a_full_cell_falls_to_its_lowest(cell: str, degrees: float) -> None:
    """Each of these meets a resistance on its way from full that one does not meet which begins with less."""
    found = [usable(pack(cell), soc / 50, degrees, 31e3) for soc in range(51)]
    assert found == sorted(found)
    assert found[-1] > 0.5 * pack(cell).energy


@given(SOC, DEGREES, POWER)
@settings(deadline=None)
def test_no_pack_gives_more_than_is_in_it(soc: float, degrees: float, power: float) -> None:
    """By its voltage at rest: what is in it up to that state of charge is at most its mean voltage at the top times."""
    whole = pack()
    assert usable(whole, soc, degrees, power) <= whole.count * whole.cell.nominal_capacity * soc * 3.45


@given(SOC, DEGREES, st.floats(80.0, 300.0), st.floats(1e3, 30e3))
@settings(deadline=None)
def test_what_is_needed_reaches(soc: float, degrees: float, energy: float, power: float) -> None:
    way = Going(energy, power)
    distance = reach(pack(), soc, degrees, way)
    needed = needed_soc(pack(), distance, degrees, way)
    assert needed <= soc + 1e-9
    assert reach(pack(), needed, degrees, way) == pytest.approx(distance, abs=1e-6)


@given(st.floats(0.0, 1000.0), st.floats(0.0, 1000.0), DEGREES)
@settings(deadline=None)
def test_further_never_needs_less(one: float, other: float, degrees: float) -> None:
    way, (near, far) = Going(150.0, 12e3), sorted((one, other))
    assert needed_soc(pack(), near, degrees, way) <= needed_soc(pack(), far, degrees, way) + 1e-9


def test_what_no_full_pack_reaches_needs_more_than_one() -> None:
    way = Going(150.0, 12e3)
    most = reach(pack(), 1.0, 20.0, way)
    assert needed_soc(pack(), most * 1.001, 20.0, way) > 1.0
    assert needed_soc(pack(), most + 100, 20.0, way) == pytest.approx(1.0 + 15e3 / pack().energy, rel=0.01)


def test_a_bench_pack_stands_for_a_car_of_the_same_cells() -> None:
    small, large = Pack.of("lfp-26650", 24, 1, energy=52e3), Pack.of("lfp-26650", 96, 2, energy=52e3)
    assert usable(small, 0.5, 0.0, 15e3) == pytest.approx(usable(large, 0.5, 0.0, 15e3))
    assert small.energy == pytest.approx(52e3)


def test_an_aged_pack_gives_less() -> None:
    new = pack()
    small = Pack(new.cell, new.count, capacity=0.8)
    stiff = Pack(new.cell, new.count, resistance=2.0)
    assert usable(small, 1.0, 25.0, 10e3) == pytest.approx(0.8 * usable(new, 1.0, 25.0, 10e3), rel=0.02)
    assert usable(stiff, 1.0, -10.0, 15e3) < usable(new, 1.0, -10.0, 15e3)


# --- what a km costs --------------------------------------------------------------------------------------------------


def test_winter_costs_what_fleets_lose() -> None:
    """A fleet test's mean is 18 % of range, cars with a heat pump lose 25 % against the official figure; in January."""
    summer, winter = consumption(CAR, "country", 20.0), consumption(CAR, "country", 0.0)
    assert 0.15 < 1 - summer / winter < 0.40


def test_a_motorway_costs_what_it_does_there() -> None:
    """130 km/h in summer takes 19.7 kWh/100 km at a steady speed."""
    assert consumption(CAR, "motorway-130", 20.0) == pytest.approx(197.0, rel=0.1)


@given(st.floats(-20.0, 15.0), st.floats(0.1, 10.0))
@settings(deadline=None, max_examples=30)
def test_colder_costs_more_as_long_as_one_heats(outside: float, warmer: float) -> None:
    if outside + warmer <= 15.0:
        assert consumption(CAR, "urban", outside) > consumption(CAR, "urban", outside + warmer)


def test_the_sun_of_the_hour_heats_the_cabin() -> None:
    dark, noon = (consumption(CAR, "country", 5.0, hour, "paris-april") for hour in (2.0, 12.0))
    assert noon < dark
    assert consumption(CAR, "country", 5.0) == pytest.approx(dark)


def test_a_mean_power_takes_what_the_km_cost() -> None:
    way = going(CAR, "motorway-110", 10.0)
    hours_for_a_km = way.energy / way.power
    assert 1 / hours_for_a_km == pytest.approx(103, abs=7)


def test_a_file_that_is_another_by_now_is_read_again(tmp_path: Path) -> None:
    files = {kind: tmp_path / f"{kind}.yaml" for kind in ("car", "road", "place")}
    for kind, name in (("car", CAR), ("road", "country"), ("place", "oslo")):
        files[kind].write_bytes((FOLDERS[kind] / f"{name}.yaml").read_bytes())

    def asked() -> float:
        return consumption(str(files["car"]), str(files["road"]), 5.0, 12.0, f"{files['place']}-april")

    found = [asked()]
    changes = (("car", "mass: 1540", "mass: 1840"), ("road", "limit: 80", "limit: 90"), ("place", "59.9", "39.9"))
    for kind, old, new in changes:
        text = files[kind].read_text(encoding="utf-8")
        assert old in text, kind
        files[kind].write_text(text.replace(old, new), encoding="utf-8")
        found.append(asked())
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("car", "road", "sentence"),
    [(CAR, "contry", "no road 'contry' .nearest: country."), ("renault-5", "country", "no car 'renault-5'")],
)
def test_what_there_is_not_is_told(car: str, road: str, sentence: str) -> None:
    with pytest.raises(CellFileError, match=sentence):
        consumption(car, road, 20.0)
