"""Heat of a car's pack on the way: what goes in is stored or lost, and heater and chiller do what they are for."""

from dataclasses import replace

import numpy as np
import pytest

from models.cell import load_cell
from models.construction import Construction
from models.string import NO_SPREAD, CellString
from models.vehicle.heat import CarPack, Demand, OnTheWay, ThermalManagement, on_the_way

ENERGY = 52_000.0
CONSTRUCTION = Construction(
    heat_capacity=235_000.0, coupling=900.0, housing_heat_capacity=90_000.0, loss=20.0, coolant=1500.0
)
SERIES, PARALLEL = 108, 54
TIME = np.arange(0.0, 3601.0)
STILL = np.zeros_like(TIME)


def pack(wanted: float = ENERGY, energy: float = ENERGY, construction: Construction = CONSTRUCTION) -> CarPack:
    return CarPack.of(load_cell("lfp-26650"), construction, SERIES, PARALLEL, energy, wanted)


def way(of: CarPack | None = None, management: ThermalManagement | None = None, **more: object) -> OnTheWay:
    asked = {"outside": 0.0, "start": 0.0, "soc": 0.8, "target": None, "power": STILL, "time": TIME, **more}
    time, power = asked.pop("time"), asked.pop("power")
    demand = Demand(time, power, asked.pop("lost", np.zeros_like(time)))  # type: ignore[arg-type, call-overload]
    return on_the_way(demand, of or pack(), management or ThermalManagement(), **asked)  # type: ignore[arg-type]


def test_what_the_heater_gives_is_stored_in_cells_and_plate_or_lost_to_the_air() -> None:
    """Cells without losses, air as cold as the start: J in = C_cells dT + C_plate dT + the sum of loss times dT."""
    cell = load_cell("lfp-26650")
    none = {name: 1e-9 * getattr(cell, name) for name in ("r0", "r1", "r2", "r3") if getattr(cell, name) is not None}
    lossless = replace(cell, **none, entropic=None, hysteresis=None)
    found = way(replace(pack(), cell=lossless), target=25.0)
    plate = _plate(found)
    assert found.cells.max() > 20.0
    given = found.energy * 3600
    stored = 235_000.0 * found.cells[-1] + 90_000.0 * plate[-1]
    lost = float(20.0 * plate[:-1].sum())
    assert given == pytest.approx(stored + lost, rel=0.02)


def _plate(found: OnTheWay) -> np.ndarray:
    """Of the plate, by what flows into the cells: C dT/dt = coupling (plate - cells)."""
    rise = np.gradient(found.cells, found.time)
    return found.cells + 235_000.0 * rise / 900.0


def test_a_pack_that_is_heated_in_time_arrives_at_its_target() -> None:
    for outside, target in ((0.0, 25.0), (10.0, 25.0), (-10.0, 15.0), (35.0, 28.0)):
        found = way(outside=outside, start=outside, target=target, management=ThermalManagement(begins=3600.0))
        assert found.cells[-1] == pytest.approx(target, abs=2.0), (outside, target)


def test_heating_begins_when_it_is_said_to_and_not_before() -> None:
    found = way(target=25.0, management=ThermalManagement(begins=600.0))
    assert not found.power[TIME < 3000.0].any()
    assert (found.power[(TIME >= 3000.0) & (TIME < 3600.0)] == 5000.0).all()


def test_nothing_is_heated_that_has_no_target() -> None:
    found = way(outside=-20.0, start=-20.0)
    assert not found.power.any()
    assert found.cells == pytest.approx(np.full_like(TIME, -20.0), abs=0.01)


LOST = np.full_like(TIME, 2000.0)


def test_what_the_motor_loses_warms_cells_that_are_cold_and_costs_nothing() -> None:
    cold, valve = way(outside=0.0, start=0.0, lost=LOST), ThermalManagement()
    assert not cold.power.any()
    # Half of 2 kW for an hour into 325 kJ/K, less what the air takes.
    assert 7.0 < cold.cells[-1] < 3600 * 1000 / 325e3
    assert way(outside=0.0, start=0.0, management=replace(valve, waste_heat=0.0), lost=LOST).cells[-1] < 0.01
    warm = way(outside=20.0, start=20.0, lost=LOST)
    assert warm.cells == pytest.approx(np.full_like(TIME, 20.0), abs=0.01)  # nobody is to be warmed


def test_a_heater_gives_only_what_the_motor_does_not() -> None:
    conditioned = {"target": 25.0, "management": ThermalManagement(begins=3600.0)}
    alone, helped = way(**conditioned), way(**conditioned, lost=LOST)
    assert helped.cells[-1] == pytest.approx(alone.cells[-1], abs=1.0)
    assert np.argmax(helped.cells > 20.0) < np.argmax(alone.cells > 20.0)  # both together are quicker
    assert helped.energy < alone.energy - 500.0


@pytest.mark.parametrize(
    ("cells", "target", "heat", "bought"),
    [(0.0, 25.0, 6000.0, 5000.0), (24.0, 25.0, 3000.0, 2000.0), (24.8, 25.0, 600.0, 0.0), (26.0, 25.0, -2000.0, 800.0),
     (0.0, None, 1000.0, 0.0), (14.0, None, 500.0, 0.0), (15.0, None, 0.0, 0.0)],
)  # fmt: skip
def test_waste_heat_comes_first_and_stays_out_of_cells_that_are_warm(
    cells: float, target: float | None, heat: float, bought: float
) -> None:
    car = ThermalManagement()
    assert car.heat(cells, target, 2000.0) == pytest.approx(heat)
    assert car.power(heat, 2000.0) == pytest.approx(bought)


def test_the_chiller_works_above_its_temperature_alone_and_takes_its_share_of_power() -> None:
    assert not way(outside=34.9, start=34.9).power.any()
    hot = way(outside=45.0, start=45.0)
    assert hot.power.max() == pytest.approx(4000.0 / 2.5)
    assert hot.coolant[0] < hot.cells[0]
    assert 35.0 < hot.cells[-1] < 45.0


@pytest.mark.parametrize(
    ("cells", "target", "heat"),
    [(0.0, 25.0, 5000.0), (24.0, 25.0, 2500.0), (25.0, 25.0, 0.0), (26.0, 25.0, -2000.0), (60.0, 25.0, -4000.0),
     (0.0, None, 0.0), (35.0, None, 0.0), (36.0, None, -2000.0), (60.0, None, -4000.0)],
)  # fmt: skip
def test_heater_and_chiller_give_less_the_nearer_cells_are(cells: float, target: float | None, heat: float) -> None:
    assert ThermalManagement().heat(cells, target) == pytest.approx(heat)


def test_the_same_cells_in_a_larger_pack_lose_less_each() -> None:
    """Surface grows with the power of 2/3: W/K of a cell fall with the cube root of the size."""
    small = Construction(heat_capacity=235_000.0 / 8, coupling=900.0 / 8, housing_heat_capacity=90_000.0 / 8,
                         loss=20.0 / 4, coolant=1500.0 / 8)  # fmt: skip
    losses = [pack(wanted, ENERGY / 8, small).construction.loss or 0.0 for wanted in (ENERGY / 8, ENERGY / 2, ENERGY)]
    assert losses == sorted(losses, reverse=True)
    assert losses[2] == pytest.approx(losses[0] / 2)


def test_a_pack_built_out_is_the_pack_of_that_size() -> None:
    """An eighth of everything but the surface, which is a quarter: built out it cools as the whole one does."""
    eighth = Construction(heat_capacity=235_000.0, coupling=900.0 / 8, housing_heat_capacity=90_000.0 / 8,
                          loss=20.0 / 4, coolant=1500.0 / 8)  # fmt: skip
    eighth = replace(eighth, heat_capacity=235_000.0 / 8)
    built = CarPack.of(load_cell("lfp-26650"), eighth, SERIES, PARALLEL // 8 + 1, ENERGY / 8, ENERGY)
    whole = CarPack.of(load_cell("lfp-26650"), CONSTRUCTION, SERIES, 8 * (PARALLEL // 8 + 1), ENERGY, ENERGY)
    assert built.size == pytest.approx(8.0)
    assert built.count == pytest.approx(whole.count)
    for asked in ({"start": 40.0}, {"target": 25.0, "management": ThermalManagement(begins=3600.0)}):
        one, other = (way(each, **asked) for each in (built, whole))
        assert one.cells == pytest.approx(other.cells, abs=0.05)
        assert one.energy == pytest.approx(other.energy, rel=0.01, abs=0.1)


def test_a_pack_that_is_larger_than_the_cars_stays_as_it_is() -> None:
    assert pack(ENERGY / 2).size == 1.0
    assert pack(0.0).construction == pack(ENERGY).construction


def test_a_cell_stands_for_all_of_a_string_on_its_plate() -> None:
    """The whole string of the same pack, without coolant, at the same power: the same temperature."""
    power = np.full_like(TIME, 20_000.0)
    found = way(power=power, outside=10.0, start=10.0)
    cell = load_cell("lfp-26650")
    string = CellString(cell, SERIES, PARALLEL, spread=NO_SPREAD, soc=0.8, temperature=10.0, construction=CONSTRUCTION)
    for _ in range(3600):
        string.step(-20_000.0 / float(string.voltage.sum()), 1.0, 10.0)
    assert found.cells[-1] == pytest.approx(float(string.temperature.mean()), abs=0.3)
    assert found.used == pytest.approx(0.8 - float(string.soc.mean()), abs=0.005)


def test_what_heats_is_taken_out_of_the_charge() -> None:
    cold, warm = way(), way(target=25.0)
    assert cold.used == pytest.approx(0.0, abs=1e-9)
    assert warm.used == pytest.approx(warm.energy / ENERGY, rel=0.35)
    assert warm.used > 0


def test_where_it_is_at_a_time_is_what_it_was_there() -> None:
    found = way(target=25.0)
    assert found.at(-5.0) == (found.cells[0], found.plate[0])
    assert found.at(2000.5) == (found.cells[2000], found.plate[2000])
    assert found.at(1e9) == (found.cells[-1], found.plate[-1])


@pytest.mark.parametrize("step", [0.5, 2.0, 10.0])
def test_how_finely_a_road_is_written_changes_little(step: float) -> None:
    time = np.arange(0.0, 3600.0 + step, step)
    found = way(time=time, power=np.full_like(time, 15_000.0), target=25.0)
    fine = way(power=np.full_like(TIME, 15_000.0), target=25.0)
    assert found.cells[-1] == pytest.approx(fine.cells[-1], abs=0.5)
