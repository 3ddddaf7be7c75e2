"""Which cell or sensor decided what was missed: in the manifest of a run, in Allure, and on the front page."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.verdicts import Measurement
from reports import allure, kpi, specimen
from reports.deciding import decided
from reports.front_page import render
from reports.nights.changes import Changed
from reports.nights.section import Since
from reports.recording import Recording
from tests.reports.test_front_page import LINKS, outcome, section, trip
from tests.reports.test_which_cell import with_cells
from tests.reports.worked import recording

HOT = "Cell Temperature Max / degC"


def missed(run: Recording, figure: kpi.Kpi, **limits: float) -> Recording:
    """The run, with a figure of it measured and missed."""
    measured = Measurement(figure.name, figure.value, figure.unit, step=figure.step, **limits)  # type: ignore[arg-type]
    return replace(run, manifest={**run.manifest, "measurements": [measured.as_dict()]})


@pytest.fixture
def run() -> Recording:
    plain = recording()
    above = np.nanmax(plain.column("Cell Voltage Max / V") - plain.column("Cell Voltage Min / V"))
    return with_cells(plain, "Bms", c3=float(above), c7=0.0, c8=float(above) / 2)


def of(run: Recording, figure: kpi.Kpi, **limits: float) -> list[Any]:
    return decided(missed(run, figure, **limits), [figure])


def test_of_a_capacity_it_is_the_lowest_cell_at_the_end_of_the_discharge(run: Recording) -> None:
    figure = kpi.capacity(run, "discharge")
    (found,) = of(run, figure, at_least=2 * figure.value)
    last = run.step("discharge").rows.stop - 1
    low = run.at("Cell Voltage Min / V", last)
    assert (found.name, found.step, found.time) == (figure.name, "discharge", run.at("Test Time / s", last))
    assert found.text == f"cell 7 is the lowest, {low:.4g} V"


def test_of_a_figure_that_is_held_against_the_specimen_itself_it_is_the_same_cell(run: Recording) -> None:
    figure = kpi.capacity(run, "discharge")
    measured = replace(figure, name=specimen.name_of(figure))
    found = decided(missed(run, measured, at_least=2 * figure.value), [figure])
    assert [each.text.partition(",")[0] for each in found] == ["cell 7 is the lowest"]


def test_of_a_rise_of_temperature_it_is_the_hottest_at_the_hottest_moment(run: Recording) -> None:
    figure = kpi.temperature_rise(run, "discharge")
    (found,) = of(run, figure, at_most=figure.value / 2)
    step = run.step("discharge")
    row = step.rows.start + int(np.nanargmax(run.values(HOT, step)))
    assert found.time == run.at("Test Time / s", row)
    assert found.text == f"a sensor is the hottest, {run.at(HOT, row):.4g} °C"


def test_of_a_spread_it_is_both_cells_when_they_were_that_far_apart(run: Recording) -> None:
    figure = kpi.largest_cell_spread(run, "discharge")
    (found,) = of(run, figure, at_most=figure.value / 2)
    step = run.step("discharge")
    apart = run.values("Cell Voltage Max / V", step) - run.values("Cell Voltage Min / V", step)
    assert "; cell 7 is the lowest" in found.text
    assert found.time == run.at("Test Time / s", step.rows.start + int(np.nanargmax(apart)))


def test_what_passed_was_decided_by_nobody(run: Recording) -> None:
    figure = kpi.capacity(run, "discharge")
    assert of(run, figure, at_least=figure.value / 2) == []


def test_without_any_cell_nobody_is_named_and_nothing_breaks(run: Recording) -> None:
    figure = kpi.capacity(run, "discharge")
    kept = [place for place, name in enumerate(run.columns) if "Cell" not in name]
    bare = Recording(run.manifest, run.events, [run.columns[place] for place in kept], run.rows[:, kept])
    assert of(bare, figure, at_least=2 * figure.value) == []


def test_of_a_limit_that_the_pack_violated_it_is_the_cell_of_that_moment(run: Recording) -> None:
    at = float(run.time[5])
    event = {"type": "trip", "time": at, "column": "Cell Voltage Min / V", "limit": "cell under-voltage",
             "blame": "pack", "step": "discharge", "value": 2.0, "text": "low"}  # fmt: skip
    (found,) = decided(replace(run, events=[*run.events, event]), [])
    assert (found.name, found.step, found.time) == ("cell under-voltage", "discharge", at)
    assert found.text.startswith("cell 7 is the lowest, ")
    assert decided(replace(run, events=[{**event, "blame": "bench"}, *run.events]), []) == []


def test_it_is_kept_in_the_manifest_and_gone_when_the_run_is_judged_anew_and_passes(
    write_run: Callable[..., Path],
) -> None:
    folder = write_run()
    run = Recording.load(folder)
    figure = kpi.capacity(run, next(step for step in run.steps if step.direction == "discharge"))
    allure.record_kpis(folder, missed(run, figure, at_least=2 * figure.value))
    (kept,) = json.loads((folder / "run.json").read_text(encoding="utf-8"))["decided"]
    assert kept["name"] == figure.name
    told = allure.describe("", json.loads((folder / "run.json").read_text(encoding="utf-8")), None)
    assert f"<b>{figure.name}</b> in {figure.step}: {kept['text']}, at " in told
    allure.record_kpis(folder, missed(run, figure, at_least=figure.value / 2))
    assert "decided" not in json.loads((folder / "run.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("limit", "moment"), [("capacity", False), ("cell under-voltage", True)])
def test_in_allure_a_figure_that_was_judged_when_all_was_over_has_no_moment(
    run: Recording, limit: str, moment: bool
) -> None:
    missed = Measurement("capacity", 1.9, "Ah", at_least=2.0, step="discharge").as_dict()
    cause = {"text": "too little", "step": "discharge", "time": 10494.0, "limit": limit, "blame": "pack"}
    told = allure.describe("", {**run.manifest, "measurements": [missed], "cause": cause, "causes": [cause]}, None)
    assert "(in step 'discharge'" in told
    assert ("at 10494 s" in told) is moment


DECIDED = {"name": "capacity", "step": "discharge", "text": "cell 7 is the lowest, 2.41 V", "time": 14725.1}


def test_the_front_page_names_it_and_leads_to_the_moment() -> None:
    links = replace(LINKS, interactive=lambda _: "figures/1.html")
    measured = Measurement("capacity", 1.9, "Ah", at_least=2.0, step="discharge")
    page = render([outcome("FAIL", measured, decided=[DECIDED])], links, Since(Changed()))
    failures = section(page, "Pack failures")
    assert "step discharge<br><b>cell 7 is the lowest, 2.41 V</b><br>" in failures
    assert "4\N{NO-BREAK SPACE}h\N{NO-BREAK SPACE}05\N{NO-BREAK SPACE}min" in failures
    assert '<a href="figures/1.html#at=14725&amp;cells">this moment</a>' in failures


def test_another_figure_of_another_step_was_not_decided_by_it() -> None:
    measured = Measurement("capacity", 1.9, "Ah", at_least=2.0, step="charge")
    page = render([outcome("FAIL", measured, decided=[DECIDED])], LINKS, Since(Changed()))
    assert "cell 7" not in section(page, "Pack failures")
    tripped = outcome("FAIL", trip=trip(60.5), cause={"text": "hot", "time": 1234.4})
    assert "cell" not in section(render([tripped], LINKS, Since(Changed())), "Pack failures").replace("cell over", "")
