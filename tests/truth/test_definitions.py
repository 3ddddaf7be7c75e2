"""The table of definitions: resistances beside the model's own, what ended a step, times by display and by charge."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.pack import load_pack
from reports.kpi import dc_resistance
from reports.kpi.resistances import TABLES
from reports.uncertainty import budget
from tests.reports.test_uncertainty import SUPPLY_I, VOLTS, Truth, instrument
from truth.suite import Suite
from truth.tables.definitions import GOALS, TIMES, Resistance, ends, of_model, resistances, times

FEW = {"25": ("--temperatures=25", "-k", "test_fast_recharge and not other")}


@pytest.mark.parametrize("station", GOALS)
def test_a_resistance_is_what_its_definition_says(station: str, tmp_path: Path) -> None:
    """By the cells' own model from the very edge of the current: it knows no scan, no step and no contactor."""
    found = resistances(station, tmp_path)
    assert [each.at for each in found] == list(TIMES)
    assert {each.at: each.off for each in found if not each.row.reached} == {}


def test_what_the_tables_of_an_emulator_are_off_is_in_the_uncertainty() -> None:
    """And of a bench of cells, or a recording that names no emulator, it is not."""
    found = {}
    supply = instrument("supply", "source", "sink", voltage=VOLTS, current=SUPPLY_I)
    for name, more in (("emulator", (instrument("emulator", "emulator") | {"follows": 0.0},)), ("supply", ())):
        truth = Truth((supply, *more))
        truth.step("rest", "Rest", 60, **{"Supply Voltage / V": 80.0, "Supply Current / A": 0.0})
        truth.step("pulse", "Pulse", 30, **{"Supply Voltage / V": 84.0, "Supply Current / A": 10.0})
        figure = dc_resistance(truth.measured(), "pulse")
        found[name] = figure.value, budget(figure)
    (value, known), (_, of_cells) = found["emulator"], found["supply"]
    assert known.expanded >= TABLES * value > 3 * of_cells.expanded
    assert [each.source for each in known.contributions if each.assumed] == ["emulator tables"]
    assert "tables" not in " ".join(each.source for each in of_cells.contributions)


def test_the_model_opposes_more_to_a_current_that_has_flowed_for_longer() -> None:
    model = of_model(load_pack("lfp-96s")[0], seed=0)
    assert model[10.0] > 1.1 * model[2.0]


def test_a_resistance_beyond_its_goal_is_not_reached() -> None:
    good = Resistance("virtual-pack", 10.0, 0.1, 0.1002)
    assert good.row.reached
    assert not replace(good, shown=0.1004).row.reached
    assert good.row.cells[-2:] == ("+0.20 %", "0.3 %")


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    recorded = Suite("virtual-module", tmp_path_factory.mktemp("drawn"), FEW)
    recorded.record([0], lambda _text: None)
    return recorded


def test_every_step_that_a_reading_ended_says_which_and_how_much_that_moves_the_figure(suite: Suite) -> None:
    rows = {each.cells[0]: each.cells for each in ends(suite.runs(0))}
    capacity = rows["charge capacity, fast recharge"]
    assert capacity[2] == "SOC at least 0.8"
    assert float(capacity[5]) == pytest.approx(float(capacity[4]), rel=0.05), "the display's error is nearly all of it"
    assert not any(name.endswith(", rest") for name in rows), "its time ended it"


def test_both_charge_times_stand_beside_each_other(suite: Suite) -> None:
    [row] = times(suite, range(1))
    assert row.cells[:2] == ("0", "lfp-24s")
    assert all("±" in row.cells[place] and row.cells[place + 1].endswith(" s") for place in (2, 4))
