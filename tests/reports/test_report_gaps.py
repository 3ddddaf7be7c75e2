"""A reviewer sees that a run was resumed: where the gap is, how long it was, and no line or figure across it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reports import allure, figure, front_page, interactive, kpi
from reports.front import shown
from reports.nights.changes import Changed
from reports.nights.section import Since
from reports.outcome import Outcome
from reports.panels import breaks
from reports.recording import Recording
from reports.tables import gaps_of

STEP = "restoring charge"
TEXT = "Resumed after a gap of 10 min 00 s: run <a> had stopped in step 'restoring charge'; its process died."
SILENT, RESTED = 600.0, 300.0


def resumed(run: Recording, begin: float = 600.0, step: str | None = STEP) -> Recording:
    """The same run, but that nobody recorded from `begin` s of `STEP` on, and that it then rested."""
    start = run.step(STEP).start + begin
    later = run.time > start
    rows = run.rows.copy()
    rows[later, list(run.columns).index("Test Time / s")] += SILENT + RESTED
    gap = {"start": start, "duration": SILENT, "step": step, "index": run.step(STEP).index, "text": TEXT}
    events = [{**event, "time": event["time"] + (SILENT + RESTED) * (event["time"] > start)} for event in run.events]
    events.append({"time": start + SILENT, "type": "gap", **gap})
    events.append({"time": start + SILENT + RESTED, "type": "step resumed", "name": STEP, "elapsed": begin})
    manifest = {**run.manifest, "resumed_from": {"run_id": "<a>", "chain": ["<a>"], "gaps": [gap]}}
    return replace(run, manifest=manifest, rows=rows, events=sorted(events, key=lambda event: event["time"]))


@pytest.fixture
def run(cycle_run: Path) -> Recording:
    return Recording.load(cycle_run)


def test_a_gap_lasts_from_the_last_sample_before_it_until_the_step_goes_on(run: Recording) -> None:
    (gap,) = resumed(run).gaps
    assert (gap.step, gap.seen - gap.start, gap.stop - gap.start) == (STEP, SILENT, SILENT + RESTED)


def test_a_gap_that_nobody_went_on_after_lasts_to_the_last_sample(run: Recording) -> None:
    gone = resumed(run)
    gone = replace(gone, events=[event for event in gone.events if event["type"] != "step resumed"])
    assert gone.gaps[0].stop == gone.time[-1]


@pytest.mark.parametrize(
    "figure_of",
    [
        lambda run: kpi.duration(run, STEP),
        lambda run: kpi.charge_time(run, STEP, 0.3, 0.8),
        lambda run: kpi.mean_power(run, STEP),
        lambda run: kpi.energy(run, STEP),
    ],
)
def test_no_figure_counts_the_gap(run: Recording, figure_of: Callable[[Recording], kpi.Kpi]) -> None:
    plain = figure_of(run).value
    assert np.isfinite(plain)
    assert figure_of(resumed(run)).value == pytest.approx(plain)


def test_nor_does_one_that_began_with_the_step(run: Recording) -> None:
    assert kpi.mean_power(resumed(run, begin=0.0), STEP).value == pytest.approx(kpi.mean_power(run, STEP).value)


def test_a_resistance_across_a_gap_is_never_measured(run: Recording) -> None:
    """After 20 s: the run has a sample each ten."""
    assert np.isfinite(kpi.dc_resistance(resumed(run, begin=60.0), STEP, at=20.0).value)
    assert np.isnan(kpi.dc_resistance(resumed(run, begin=5.0), STEP, at=20.0).value)


def test_no_line_is_drawn_through_a_gap(run: Recording) -> None:
    broken = resumed(run)
    rows = np.arange(len(broken.rows))
    at, moments = breaks(broken, rows)
    (gap,) = broken.gaps
    time = np.insert(broken.time, at, moments)
    assert (np.diff(time) > 0).all()
    assert broken.time[at[0] - 1] <= gap.start < moments[0] < gap.seen <= broken.time[at[0]]


@pytest.mark.parametrize("draw", [figure.png, interactive.html])
def test_a_gap_is_drawn(run: Recording, draw: Callable[[Recording], Any]) -> None:
    there = resumed(run)
    unmarked = replace(there, events=[event for event in there.events if event["type"] not in ("gap", "step resumed")])
    assert draw(there) != draw(unmarked)


def test_the_interactive_figure_says_how_long_it_was_and_misses_a_sample_there(run: Recording) -> None:
    there = interactive.html(resumed(run))
    assert '"name":"10 min 00 s"' in there
    counts = [int(re.search(r'"count":(\d+)', page)[1]) for page in (there, interactive.html(run))]  # type: ignore[index]
    assert counts[0] == counts[1] + 1


def test_a_gap_is_told_in_the_step_that_it_interrupts(run: Recording) -> None:
    (step,) = [step for step in allure.steps_of(resumed(run), start=0) if STEP in step.name]
    assert [inner.name for inner in step.steps] == [
        f"Gap: {TEXT}", "Went on with restoring charge, after 10 min 00 s of it were done before the gap",
    ]  # fmt: skip


def test_a_gap_between_two_steps_is_told_beside_them(run: Recording) -> None:
    names = [step.name for step in allure.steps_of(resumed(run, step=None), start=0)]
    assert f"Gap: {TEXT}" in names


def test_the_description_says_so_without_a_click(run: Recording) -> None:
    manifest = resumed(run).manifest
    assert "run &lt;a&gt; had stopped" in allure.describe("", manifest, None)
    assert gaps_of(run.manifest) == []


def test_the_front_page_says_so_beside_the_verdict(run: Recording) -> None:
    nowhere = shown.Links(None, lambda _: None, lambda _: None, lambda _: None)

    def page(manifest: Mapping[str, Any]) -> str:
        outcome = Outcome("PASS", "A charge", "test_x.py::test_a", "0" * 32, "", (), manifest)
        return front_page.render([outcome], nowhere, Since(Changed()))

    summary, told = page(resumed(run).manifest).partition("<summary>")[2].split("</summary>")
    assert "resumed after a gap" in summary, "without opening the test"
    assert "Resumed after a gap of 10 min 00 s" in told
    assert "Resumed" not in page(run.manifest)


def test_the_description_says_what_nobody_has_measured_of_a_simulated_cell(run: Recording) -> None:
    pack = {**run.manifest["pack"], "cell": "li-metal", "assumed": ["resistance", "charge_limit"]}
    told = allure.describe("", {**run.manifest, "pack": pack}, None)
    assert "Assumed of the simulated cell li-metal, measured on none: resistance, charge_limit." in told
    assert "Assumed" not in allure.describe("", {**run.manifest, "pack": {**pack, "assumed": []}}, None)
