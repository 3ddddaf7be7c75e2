"""Preconditioning on simulated benches: by coolant where there is some, by the chamber elsewhere, and never beyond."""

from collections.abc import Callable, Container, Sequence
from math import nan, nextafter
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from bench.columns import DERIVED, INDEX
from bench.pack import PackFile
from bench.recording.run import RunRecord
from bench.road import Precondition
from bench.running.declared import Place
from bench.running.procedures.precondition import Arrived
from bench.testing import TestBench
from bench.verdicts import InputError
from reports import kpi
from reports.recording import Recording

OpenOn = Callable[[str], TestBench]


def column(run: RunRecord, name: str) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([row[run.columns.index(name)] for row in run.rows])


@pytest.mark.parametrize(("target", "lead"), [(35.0, 15.0), (12.0, -20.0)])  # no charge above 50 degC
def test_coolant_brings_a_cars_pack_to_the_target_and_stays_there(on: OpenOn, target: float, lead: float) -> None:
    run = on("virtual-vehicle").run(Precondition(target))
    coldest, hottest = column(run, "Cell Temperature Min / degC"), column(run, "Cell Temperature Max / degC")
    assert max(abs(coldest[-1] - target), abs(hottest[-1] - target)) <= 2.0
    asked = column(run, "Set Coolant Temperature / degC")
    assert asked[~np.isnan(asked)][0] - target == pytest.approx(lead, abs=1.0)
    points = [event["value"] for event in run.events if event["type"] == "set point"]
    assert points[-1] == target
    started, ended = (next(e for e in run.events if e["type"] == f"step {what}") for what in ("started", "ended"))
    assert started["words"] == {"conditioned by": "coolant"}
    assert ended["ended_by"] == f"cells within 2 K of {target:g} °C"


def test_what_it_brought_and_what_it_cost_are_figures(on: OpenOn) -> None:
    recording = Recording(*on("virtual-vehicle").run(Precondition(35.0)))
    off = kpi.arrival_temperature_off(recording, 1)
    assert -2.0 <= off.value <= 2.0
    assert "conditioned by the coolant" in off.definition
    rise = float(np.diff(recording.values("Cell Temperature Max / degC", recording.step(1))[[0, -1]])[0])
    stored = 235000 * rise / 3600  # J/K of the cells
    assert stored < kpi.conditioning_energy(recording, 1).value < 3 * stored


def test_without_a_coolant_unit_the_chamber_does_it_and_the_record_says_so(on: OpenOn) -> None:
    run = on("virtual-module").run(Precondition(35.0))
    assert next(e for e in run.events if e["type"] == "step started")["words"] == {"conditioned by": "chamber"}
    assert column(run, "Set Temperature / degC")[-1] == 35.0
    names = [each.key for each in kpi.compute_all(Recording(*run))]
    assert "arrival temperature off the target" in names
    assert "conditioning energy" not in names


def test_it_ends_in_time_wherever_the_cells_are(on: OpenOn) -> None:
    recording = Recording(*on("virtual-vehicle").run(Precondition(45.0, within=120.0)))
    assert recording.step(1).ended_by == "Step Time at least 120 s"
    assert kpi.arrival_temperature_off(recording, 1).value < -10.0


@pytest.mark.parametrize(
    ("station", "step", "says"),
    [
        ("virtual-vehicle", Precondition(80.0), "80 degC, the pack's charge_temperature allows -15 to 50 degC"),
        ("virtual-vehicle", Precondition(25.0, within=0.0), "within 0 s nothing is conditioned"),
        ("virtual-module", Precondition(25.0, by="coolant"), "coolant"),
    ],
)
def test_what_cannot_be_conditioned_is_told_before_anything_is_switched_on(
    on: OpenOn, station: str, step: Precondition, says: str
) -> None:
    with pytest.raises(InputError, match=says):
        on(station).run(step)


@pytest.mark.parametrize("target", [-15.0, 50.0])
def test_as_cold_and_as_hot_as_the_pack_may_be_charged_it_can_be_conditioned(on: OpenOn, target: float) -> None:
    run = on("virtual-vehicle").run(Precondition(target, within=60.0))
    assert next(e for e in run.events if e["type"] == "step ended")["ended_by"] == "Step Time at least 60 s"


# --- when it ends -----------------------------------------------------------------------------------------------------


def ends(
    pack: PackFile, rows: Sequence[tuple[float, float, float]], at_least: float = 0.0, distrusted: Container[str] = ()
) -> list[str | None]:
    """What it says with each row of (s, coldest, hottest), of a step to 30 °C that began at 100 s."""
    place = cast("Place", SimpleNamespace(pack=pack, index=INDEX))
    ending, found = Arrived(Precondition(30.0, within=600.0), place, 100.0, at_least), list[str | None]()
    for time, cold, hot in rows:
        row = [nan] * len(DERIVED)
        for name, value in (("Test Time / s", time), ("Cell Temperature Min / degC", cold),
                            ("Cell Temperature Max / degC", hot)):  # fmt: skip
            row[INDEX[name]] = value
        found.append(ending.reached(row, distrusted))
    return found


ARRIVED = "cells within 2 K of 30 °C"


@pytest.mark.parametrize(
    ("cold", "hot", "says"),
    [
        (28.0, 32.0, ARRIVED), (30.0, 30.0, ARRIVED), (nextafter(28.0, 0.0), 30.0, None),
        (30.0, nextafter(32.0, 40.0), None), (33.0, 34.0, None), (26.0, 27.0, None), (nan, 30.0, None),
        (30.0, nan, None),
    ],
)  # fmt: skip
def test_it_ends_when_the_coldest_and_the_hottest_cell_are_within_two_kelvin(
    four_cells: PackFile, cold: float, hot: float, says: str | None
) -> None:
    assert ends(four_cells, [(150.0, cold, hot)]) == [says]


def test_it_ends_no_sooner_than_it_has_to_take_and_no_later_than_it_may(four_cells: PackFile) -> None:
    late = nextafter(400.0, 0.0)
    assert ends(four_cells, [(late, 30.0, 30.0), (400.0, 30.0, 30.0)], at_least=300.0) == [None, ARRIVED]
    assert ends(four_cells, [(699.0, 20.0, 20.0), (700.0, 20.0, 20.0)]) == [None, "Step Time at least 600 s"]


@pytest.mark.parametrize("column", ["Cell Temperature Min / degC", "Cell Temperature Max / degC"])
def test_it_does_not_end_on_the_word_of_a_meter_that_is_distrusted_but_by_its_time_it_does(
    four_cells: PackFile, column: str
) -> None:
    rows = [(150.0, 30.0, 30.0), (700.0, 30.0, 30.0)]
    assert ends(four_cells, rows, distrusted={column}) == [None, "Step Time at least 600 s"]
