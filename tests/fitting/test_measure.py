"""What is measured of a cell against a record: with its own heat where nobody measured it, and where a pulse tells."""

from dataclasses import replace

import numpy as np
import pytest

from fitting.measure import charge_of, compare
from fitting.records import Record
from fitting.warming import warmed
from models.cell import load_cell
from models.string import NO_SPREAD, CellString
from models.tables import Vector

CELL = load_cell("nmc811-21700")


def recorded(current: Vector, air: float = 10.0, soc: float = 1.0) -> tuple[Record, Vector]:
    """A record of the shipped cell in air, a row per second, and the temperature that it had."""
    string = CellString(CELL, 1, spread=NO_SPREAD, soc=soc, temperature=air, branch=1.0 if soc > 0.9 else -1.0)
    voltage, degrees = [float(string.voltage[0])], [air]
    for ampere in current[1:]:
        string.step(float(ampere), 1.0, air)
        voltage.append(float(string.voltage[0]))
        degrees.append(float(string.temperature[0]))
    time = np.arange(float(len(current)))
    record = Record.of("a", time, current, np.array(voltage), np.full(len(current), air), of_air=True)
    return record, np.array(degrees)


@pytest.fixture(scope="module")
def hot() -> tuple[Record, Vector]:
    """Discharged at 2C."""
    return recorded(np.concatenate([np.zeros(20), np.full(1400, -2 * CELL.nominal_capacity)]))


def test_a_cell_whose_temperature_nobody_measured_warms_by_its_own_heat(hot: tuple[Record, Vector]) -> None:
    record, degrees = hot
    assert degrees[-1] > 25  # of 10 in the air
    found = warmed(record, CELL)
    assert not found.of_air
    assert found.temperature - 10 == pytest.approx(degrees - 10, rel=0.2, abs=1.5)


def test_a_temperature_that_was_measured_stays(hot: tuple[Record, Vector]) -> None:
    measured = replace(hot[0], of_air=False)
    assert warmed(measured, CELL) is measured


def test_the_string_that_is_compared_warms_as_well(hot: tuple[Record, Vector]) -> None:
    record, degrees = hot
    assert np.abs(compare(CELL, record).error).max() < 1e-3
    assert np.abs(compare(CELL, replace(record, temperature=degrees, of_air=False)).error).max() < 1e-2
    assert np.abs(compare(CELL, replace(record, of_air=False)).error).max() > 0.05


@pytest.mark.parametrize(("soc", "told"), [(0.99, 0), (0.94, 1), (0.5, 1), (0.12, 1), (0.05, 0)])
def test_a_pulse_tells_a_resistance_between_10_and_95_percent(soc: float, told: int) -> None:
    record, _ = recorded(np.concatenate([np.zeros(20), np.full(15, -2.0), np.zeros(20)]), 25.0, soc)
    found = compare(CELL, record).resistances
    assert len(found) == told
    assert all(pair.error == pytest.approx(0, abs=1e-3) for pair in found)


def worn(share: float, soc: float = 1.0) -> Record:
    """A record of a specimen of `share` of the shipped cell's capacity, and what it held when it began."""
    string = CellString(CELL, 1, spread=NO_SPREAD, soc=soc, temperature=25.0, branch=1.0)
    string.set_capacity_factor(0, share)
    current = np.concatenate([np.zeros(20), np.full(3300, -CELL.nominal_capacity)])
    voltage = [float(string.voltage[0])]
    for ampere in current[1:]:
        string.step(float(ampere), 1.0, 25.0)
        voltage.append(float(string.voltage[0]))
    time, air = np.arange(float(len(current))), np.full(len(current), 25.0)
    held = share * soc * CELL.nominal_capacity
    return Record.of("a", time, current, np.array(voltage), air, of_air=True, to_empty=held)


@pytest.mark.parametrize("soc", [1.0, 0.97])
def test_a_specimen_that_was_counted_to_its_end_is_compared_with_its_own_capacity(soc: float) -> None:
    record = worn(0.95, soc)
    assert np.abs(compare(CELL, record).error).max() < 2e-3
    assert charge_of(CELL, record)[-1] == pytest.approx(soc - 3300 / 3600 / 0.95, abs=1e-3)
    assert np.abs(compare(CELL, replace(record, to_empty=None)).error).max() > 0.05


def test_a_cell_that_had_just_been_emptied_begins_empty() -> None:
    record, _ = recorded(np.concatenate([np.zeros(20), np.full(40, 1.0)]), 25.0, 0.03)
    assert charge_of(CELL, record)[0] == pytest.approx(0.03, abs=1e-3)
    assert charge_of(CELL, replace(record, to_empty=0.0))[0] == 0.0


def test_a_table_that_knows_the_air_alone_says_so(tmp_path: object) -> None:
    import pandas as pd

    from fitting.records import load_record

    path = tmp_path / "a.csv"  # type: ignore[operator]
    rows = {"Test Time / s": np.arange(30.0), "Voltage / V": 3.7, "Current / A": -1.0}
    for label, of_air in (("Ambient Temperature / degC", True), ("Surface Temperature / degC", False)):
        pd.DataFrame(rows | {label: 25.0}).to_csv(path, index=False)
        assert load_record(path).of_air is of_air


def test_a_noisy_discharge_is_one_and_tells_a_capacity() -> None:
    """A cycler of 12 A has 7 mA of noise, 2 % of a C/10 of 3 Ah: every hundredth row is 5 % off."""
    quiet, _ = recorded(np.concatenate([np.zeros(20), np.full(6000, -2.0)]), 25.0)
    noise = np.where(np.arange(6020) >= 20, np.random.default_rng(1).normal(0, 0.05, 6020), 0.0)
    found = [compare(CELL, replace(quiet, current=quiet.current + extra)).capacity for extra in (0.0, noise)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[1].recorded == pytest.approx(found[0].recorded, rel=1e-3)
