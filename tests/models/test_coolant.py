"""Coolant, plate and bath: held against the solutions that their equations have, and against the heat that went in."""

from math import exp

import numpy as np
import pytest

from models.cell import CellParameters
from models.construction import Construction
from models.coolant import HEAT_CAPACITY, Bath, Stream, capacity_flow, conductance
from models.string import NO_SPREAD, CellString

WALL, FLOW = 150.0, 6.0
HOUSED = Construction(heat_capacity=40_000.0, coupling=200.0, housing_heat_capacity=20_000.0, loss=5.0, coolant=WALL)
THIN = Construction(heat_capacity=40_000.0, coolant=WALL)


def string(cell: CellParameters, construction: Construction, coolant: Stream | None = None) -> CellString:
    found = CellString(cell, 10, 1, spread=NO_SPREAD, soc=0.5, construction=construction)
    if coolant is not None:
        found.cool_with(coolant)
    return found


def test_a_flow_takes_what_it_can_carry_and_no_more_than_the_wall_lets_through() -> None:
    assert conductance(WALL, 0.0) == 0.0
    assert conductance(WALL, 0.01) == pytest.approx(capacity_flow(0.01), rel=1e-6)  # it leaves as warm as the plate
    assert conductance(WALL, 1000.0) == pytest.approx(WALL, rel=0.002)
    taken = [conductance(WALL, flow) for flow in (0.5, 1.0, 2.0, 5.0, 10.0, 20.0)]
    assert taken == sorted(taken)
    carried = capacity_flow(FLOW)
    assert conductance(WALL, FLOW) == pytest.approx(carried * (1 - exp(-WALL / carried)))


@pytest.mark.parametrize("construction", [HOUSED, THIN, Construction()])
def test_coolant_that_stands_changes_nothing_to_the_last_bit(
    flat_cell: CellParameters, construction: Construction
) -> None:
    without, beside = string(flat_cell, construction), string(flat_cell, construction, Stream(60.0, 0.0))
    for _ in range(50):
        without.step(3.0, 10.0, 10.0)
        beside.step(3.0, 10.0, 10.0)
    assert beside.temperature.tobytes() == without.temperature.tobytes()
    assert beside.voltage.tobytes() == without.voltage.tobytes()


def test_a_pack_without_a_plate_has_nothing_of_its_coolant(flat_cell: CellParameters) -> None:
    coolant = Stream(60.0, FLOW)
    bare = string(flat_cell, Construction(), coolant)
    bare.step(0.0, 100.0, 25.0)
    assert bare.temperature == pytest.approx(np.full(10, 25.0))
    assert coolant.hand_over() == 0.0


@pytest.mark.parametrize("step", [1.0, 10.0, 300.0])
def test_cells_on_a_thin_plate_go_exponentially_to_what_air_and_coolant_make(
    flat_cell: CellParameters, step: float
) -> None:
    """C dT/dt = -A (T - air) - G (T - coolant), with constant neighbours: exact in steps of any size."""
    coolant = Stream(5.0, FLOW)
    pack = string(flat_cell, THIN, coolant)
    air, taken = 10 * pack.cell.thermal_conductance, conductance(WALL, FLOW)
    for _ in range(round(600 / step)):
        pack.step(0.0, step, 25.0)
    settled = (air * 25.0 + taken * 5.0) / (air + taken)
    left = exp(-600 * (air + taken) / 40_000.0)
    assert pack.temperature == pytest.approx(np.full(10, settled + (25.0 - settled) * left))


def test_a_plate_in_a_housing_goes_where_the_slow_root_of_both_equations_takes_it(flat_cell: CellParameters) -> None:
    """Two masses: C1 dT1/dt = -K (T1 - T2), C2 dT2/dt = K (T1 - T2) - L (T2 - air) - G (T2 - coolant)."""
    coolant, taken = Stream(5.0, FLOW), conductance(WALL, FLOW)
    pack = string(flat_cell, HOUSED, coolant)
    matrix = np.array([[-200 / 40_000, 200 / 40_000], [200 / 20_000, -(200 + 5 + taken) / 20_000]])
    source = np.array([0.0, (5 * 25.0 + taken * 5.0) / 20_000])
    settled = -np.linalg.solve(matrix, source)
    values, vectors = np.linalg.eig(matrix)
    start = np.linalg.solve(vectors, np.array([25.0, 25.0]) - settled)
    for _ in range(900):
        pack.step(0.0, 1.0, 25.0)
    cells, plate = settled + vectors @ (start * np.exp(values * 900))
    assert float(pack.temperature.mean()) == pytest.approx(cells, abs=0.02)
    assert pack.plate_temperature == pytest.approx(plate, abs=0.02)


@pytest.mark.parametrize(("construction", "plate"), [(HOUSED, 20_000.0), (THIN, 0.0)])
def test_what_the_coolant_takes_is_what_cells_and_plate_lose(
    flat_cell: CellParameters, construction: Construction, plate: float
) -> None:
    """In air of the pack's own temperature at first, for so short a time that the air has given nothing to speak of."""
    coolant = Stream(0.0, FLOW)
    pack = string(flat_cell, construction, coolant)
    for _ in range(10):
        pack.step(0.0, 1.0, 25.0)
    lost = 40_000.0 * (25.0 - float(pack.temperature.mean())) + plate * (25.0 - pack.plate_temperature)
    assert coolant.hand_over() == pytest.approx(lost, rel=0.02)
    assert coolant.hand_over() == 0.0


def bath(**chosen: float) -> Bath:
    given = {"volume": 5.0, "heating": 2000.0, "cooling": 1500.0, "loss": 0.0, "room": 25.0, "lag": 60.0, **chosen}
    return Bath(25.0, **given)


def test_a_bath_comes_to_its_set_point_by_its_power_and_then_by_its_lag() -> None:
    heated = bath()
    for _ in range(60):
        heated.step(1.0, 60.0, 0.0)
    assert heated.temperature == pytest.approx(25.0 + 2000.0 * 60 / (5.0 * HEAT_CAPACITY))  # all it has
    heated.temperature = 59.0
    heated.step(60.0, 60.0, 0.0)
    assert heated.temperature == pytest.approx(60.0 - exp(-1))


@pytest.mark.parametrize(("brought", "power"), [(1000.0, -1000.0), (-1200.0, 1200.0)])
def test_a_bath_takes_away_what_the_plate_brings(brought: float, power: float) -> None:
    held = bath()
    for _ in range(100):
        held.step(10.0, 25.0, 10.0 * brought)
    assert held.temperature == pytest.approx(25.0)
    assert held.power == pytest.approx(power)


def test_a_bath_that_is_not_driven_drifts_to_its_room() -> None:
    left = bath(loss=10.0)
    left.temperature = 45.0
    for _ in range(3600):
        left.step(1.0, None, 0.0)
    assert left.power == 0.0
    assert left.temperature == pytest.approx(25.0 + 20 * exp(-3600 * 10.0 / (5.0 * HEAT_CAPACITY)), abs=0.02)


@pytest.mark.parametrize("name", ["volume", "lag"])
def test_a_bath_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 0; a bath needs a number above 0"):
        bath(**{name: 0.0})
