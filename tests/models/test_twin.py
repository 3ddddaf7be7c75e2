"""Many charges at once: each as the string does it, none of them with anything of the others."""

from dataclasses import replace

import numpy as np
import pytest

from models.cell import CellParameters, load_cell
from models.construction import Construction
from models.string import NO_SPREAD, CellString
from models.tables import Vector
from models.twin import LONGEST, Beginning, Charged, ChargeTwin

USUAL = Beginning()
HOUSED = Construction(coupling=60.0, housing_heat_capacity=20e3, loss=4.0)


def charged(twin: ChargeTwin, *rates: float, beginning: Beginning = USUAL, step: float = 5.0) -> Charged:
    def asked(soc: Vector, temperature: Vector) -> Vector:
        return np.array(rates)

    return twin.charge(asked, len(rates), beginning, step)


def by_the_string(
    cell: CellParameters, rate: float, beginning: Beginning, construction: Construction
) -> tuple[float, float]:
    """Time (s) and hottest (degC) of the same charge of one string, a second at a time."""
    string = CellString(
        cell, 4, 2, spread=NO_SPREAD, soc=beginning.soc, temperature=beginning.temperature, construction=construction
    )
    most, seconds, hottest = 2 * rate * cell.nominal_capacity, 0.0, beginning.temperature
    while string.soc[0] < beginning.end:
        electromotive, resistance = string.thevenin(1.0)
        string.step(min(most, (4 * cell.voltage_max - electromotive) / resistance), 1.0, beginning.air)
        seconds, hottest = seconds + 1.0, max(hottest, float(string.temperature[0]))
    return seconds, hottest


@pytest.mark.parametrize("construction", [Construction(), HOUSED], ids=["in the air", "in a housing"])
@pytest.mark.parametrize("name", ["lfp-26650", "nmc811-21700"])
def test_a_charge_takes_as_long_and_warms_as_much_as_that_of_the_string(name: str, construction: Construction) -> None:
    cell, beginning = load_cell(name), Beginning(0.1, 0.8, 15.0, 15.0)
    found = charged(ChargeTwin(cell, 4, 2, cell.voltage_max, construction), 0.5, 1.0, beginning=beginning)
    for each, rate in enumerate((0.5, 1.0)):
        seconds, hottest = by_the_string(cell, rate, beginning, construction)
        assert found.time[each] == pytest.approx(seconds, rel=0.015)
        # It leaves out what entropy and hysteresis heat: half a K of these.
        assert found.hottest[each] - 15 == pytest.approx(hottest - 15, rel=0.2, abs=0.5)


@pytest.fixture
def twin() -> ChargeTwin:
    return ChargeTwin(load_cell("lfp-26650"), 1, 1, 3.65)


def test_who_charges_beside_others_charges_as_if_alone(twin: ChargeTwin) -> None:
    together, alone = charged(twin, 3.0, 0.4, 1.0), charged(twin, 1.0)
    assert together.time[2] == alone.time[0]
    assert together.hottest[2] == alone.hottest[0]
    assert together.nearest[2] == alone.nearest[0]


def test_a_steady_current_takes_its_time_to_a_part_of_a_step(twin: ChargeTwin) -> None:
    for step in (1.0, 5.0, 7.0):
        found = charged(twin, 0.5, beginning=Beginning(0.2, 0.45), step=step)
        assert found.time[0] == pytest.approx(0.25 / 0.5 * 3600)


@pytest.mark.parametrize("rate", [0.0, -1.0])
def test_who_asks_for_nothing_or_less_never_gets_there_and_stays_cold(twin: ChargeTwin, rate: float) -> None:
    found = charged(twin, rate, 1.0)
    assert np.isinf(found.time[0])
    assert found.hottest[0] == 25.0
    assert found.nearest[0] == 0.0
    assert np.isfinite(found.time[1])


def test_a_charge_that_takes_too_long_is_given_up(twin: ChargeTwin) -> None:
    hours = LONGEST / 3600
    found = charged(twin, 0.7 / hours * 0.98, 0.7 / hours * 1.02, step=60.0)
    assert np.isinf(found.time[0])
    assert found.time[1] == pytest.approx(LONGEST / 1.02, rel=1e-6)


def test_the_voltage_is_held_below_what_the_pack_has() -> None:
    """Less room for a current is a longer time, and with next to none it never ends."""
    cell = load_cell("lfp-26650")
    times = [charged(ChargeTwin(cell, 1, 1, volts), 1.0, step=20.0).time[0] for volts in (3.65, 3.4, 3.2)]
    assert times[0] < times[1] < times[2] == np.inf


def test_how_near_it_came_to_the_cells_own_limit_is_told(twin: ChargeTwin) -> None:
    """A limit of 2C everywhere: half of it is half, and what no limit allows is infinitely much."""
    cell = load_cell("lfp-26650")
    limit = cell.charge_limit
    even = replace(cell, charge_limit=replace(limit, c_rate=np.full_like(limit.c_rate, 2.0)))
    found = charged(ChargeTwin(even, 1, 1, 3.65), 1.0, 3.0)
    assert found.nearest == pytest.approx([0.5, 1.5], rel=1e-6)
    none = replace(cell, charge_limit=replace(limit, c_rate=np.zeros_like(limit.c_rate)))
    assert charged(ChargeTwin(none, 1, 1, 3.65), 1.0).nearest[0] == np.inf
