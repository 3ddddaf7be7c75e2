"""The interactive figure in a real browser: every cell on demand, marks that never overprint, the last night."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reports import interactive
from reports.recording import Recording
from tests.reports.test_which_cell import with_cells
from tests.reports.worked import recording

MANIFEST = {
    "test": {"title": "Capacity, 25 °C", "requirements": ["PB-DIS-02"]}, "verdict": "FAIL", "run_id": "x/y",
    "pack": {"name": "p", "capacity": 2.0}, "station": {"name": "s"}, "cause": {"text": "low"}, "instruments": [],
    "limits": [
        {"name": "cell under-voltage", "column": "Cell Voltage Min / V", "at_least": 2.5, "blame": "pack"},
        {"name": "cell deep", "column": "Cell Voltage Min / V", "at_least": 2.49, "blame": "pack"},
        {"name": "bus low", "column": "Voltage / V", "at_least": 60.0, "blame": "bench"},
    ],
    "decided": [{"name": "capacity", "step": "discharge", "text": "cell 7 is the lowest, 2.4 V", "time": 3700.0}],
}  # fmt: skip
TRIP = {
    "type": "trip", "time": 3700.0, "column": "Cell Voltage Min / V", "value": 2.4, "at_least": 2.5, "at_most": None,
    "limit": "cell under-voltage", "blame": "pack", "text": "cell under-voltage", "step": "discharge",
}  # fmt: skip
GAP = [
    {"type": "gap", "time": 198.0, "run_id": "x/x", "start": 198.0, "duration": 4.0, "index": 2, "step": "discharge",
     "text": "nobody was there"},
    {"type": "step resumed", "time": 206.0, "index": 2, "name": "discharge", "elapsed": 98.0},
]  # fmt: skip
LOWEST, HIGHEST = 7, 3


def run() -> Recording:
    """A discharge with 24 cells, 7 the lowest and 3 the highest at its end, with three holds and a gap at once."""
    plain = recording()
    spread = float(plain.column("Cell Voltage Max / V")[4] - plain.column("Cell Voltage Min / V")[4])
    cells = {f"c{number}": spread / 2 for number in range(1, 25)}
    told = with_cells(plain, "Bms", **{**cells, f"c{LOWEST}": 0.0, f"c{HIGHEST}": spread})
    holds = [
        {"type": "hold started", "time": 200.0 + place, "limit": f"chamber excursion {place}", "step": "discharge",
         "text": ""} for place in range(3)
    ]  # fmt: skip
    return replace(told, manifest=MANIFEST, events=[*told.events, *holds, *GAP, TRIP])


def last_night() -> Recording:
    """The same, later by 50 s from the discharge on, and its pack at 1 V more."""
    now = run()
    rows = now.rows.copy()
    rows[2:, list(now.columns).index("Test Time / s")] += 50.0
    rows[:, list(now.columns).index("Voltage / V")] += 1.0
    events = [{**event, "time": event["time"] + 50.0 * (event["time"] >= 100.0)} for event in now.events]
    return replace(now, rows=rows, events=events)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The figure by itself, and as it lies in a report."""
    made = tmp_path_factory.mktemp("figures")
    whole = interactive.html(run(), last_night(), "the night of 2026-01-01")
    (made / "whole.html").write_text(whole, encoding="utf-8")
    (made / "beside.html").write_text(interactive.beside(whole, "../index.html#t1"), encoding="utf-8")
    interactive.write_shared(made)
    return made


@pytest.fixture(params=["whole", "beside"])
def page(browser: Any, folder: Path, request: Any) -> Iterator[Any]:
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("request", lambda asked: wrong.append(asked.url) if not asked.url.startswith("file:") else None)
    opened.goto((folder / f"{request.param}.html").as_uri())
    opened.wait_for_selector("body[data-drawn]")
    yield opened
    assert wrong == []
    opened.close()


def traces(page: Any) -> int:
    return int(page.evaluate("document.body.dataset.traces"))


def click(page: Any, name: str) -> None:
    before = traces(page)
    page.get_by_role("button", name=name).click()
    page.wait_for_function(f"Number(document.body.dataset.traces) !== {before}")


def test_every_cell_comes_on_demand_and_goes_again(page: Any) -> None:
    few = traces(page)
    click(page, "Every cell (24)")
    assert traces(page) == few + 24
    assert page.get_by_role("button", name="Every cell (24)").get_attribute("aria-pressed") == "true"
    drawn = page.evaluate(
        "plots.find(plot => plot.panel.title === 'Cell voltage').series.filter(each => each.class === 'single-cell')"
        ".map(each => each.label)"
    )
    assert drawn == [f"cell {number}" for number in range(1, 25)]
    click(page, "Every cell (24)")
    assert traces(page) == few


def test_the_lowest_and_the_highest_cell_are_named_where_the_cursor_is(page: Any) -> None:
    click(page, "Every cell (24)")
    page.evaluate("plots[1].setCursor({left: plots[1].valToPos(3700, 'x'), top: 50})")
    page.wait_for_function("document.getElementById('readout').textContent")
    told = page.inner_text("#readout")
    assert f"cell {LOWEST} is the lowest, 2.4" in told
    assert f"cell {HIGHEST} is the highest, 2.48" in told
    assert told.startswith("At 1:01:40")


def test_what_was_said_of_cells_goes_with_them(page: Any) -> None:
    click(page, "Every cell (24)")
    page.evaluate("plots[1].setCursor({left: plots[1].valToPos(3700, 'x'), top: 50})")
    page.wait_for_function("document.getElementById('readout').textContent")
    click(page, "Every cell (24)")
    assert page.inner_text("#readout") == ""


def test_where_the_first_cell_is_not_measured_any_more_the_others_are_told_of_that_very_moment(
    browser: Any, tmp_path: Path
) -> None:
    told = run()
    # So many rows that the cells are told of some of them only.
    rows = np.repeat(np.asarray(told.rows), 1000, axis=0)
    rows[:, list(told.columns).index("Test Time / s")] += np.tile(np.arange(1000) * 0.05, len(told.rows))
    rows[1000:, list(told.columns).index("Bms Cell 1 / V")] = np.nan
    (tmp_path / "figure.html").write_text(interactive.html(replace(told, rows=rows)), encoding="utf-8")
    page = browser.new_page()
    page.goto((tmp_path / "figure.html").as_uri() + "#cells")
    page.wait_for_selector("body[data-drawn]")
    assert page.get_by_role("button", name="Every cell").get_attribute("aria-pressed") == "true"
    rows_told = "figure.panels.find(each => each.cells).cells.traces[1].filter(each => each !== null).length"
    assert page.evaluate(rows_told) < page.evaluate("figure.count") / 2
    page.evaluate("plots[1].setCursor({left: plots[1].valToPos(3722.2, 'x'), top: 50})")
    page.wait_for_function("document.getElementById('readout').textContent")
    assert f"cell {LOWEST} is the lowest, 2.4" in page.inner_text("#readout")
    page.close()


def test_the_samples_of_a_cell_come_back_as_they_were_recorded(page: Any) -> None:
    click(page, "Every cell (24)")
    back = page.evaluate("figure.panels.find(each => each.cells).cells.traces")
    for number, told in enumerate(back, 1):
        cell = [each for each in told if each is not None]
        assert len(told) - len(cell) == 1, "no line leads over the gap"
        np.testing.assert_allclose(cell, run().column(f"Bms Cell {number} / V"), atol=2e-4)


def overlaps(page: Any) -> list[Any]:
    return list(
        page.evaluate("""plots.flatMap(plot => plot.labels.flatMap((one, place) =>
        plot.labels.slice(place + 1).filter(other =>
            one.x < other.x + other.width && other.x < one.x + one.width
            && one.y < other.y + other.height && other.y < one.y + one.height
        ).map(other => [one.text, other.text])))""")
    )


def written(page: Any) -> set[str]:
    return set(page.evaluate("plots.flatMap(plot => plot.labels.map(label => label.text))"))


@pytest.mark.parametrize("seen", [None, (0, 8000), (195, 210), (99, 106), (3600, 3705), (3699.5, 3700.5)])
def test_no_mark_overprints_another_whatever_is_zoomed_to(page: Any, seen: tuple[float, float] | None) -> None:
    if seen:
        page.evaluate("([min, max]) => plots[0].setScale('x', {min, max})", list(seen))
        page.wait_for_function(f"Math.abs(plots[1].scales.x.min - {seen[0]}) < 1e-6")
    assert overlaps(page) == []
    assert written(page)


def test_each_hold_is_told_and_a_mark_stays_within_its_own_time(page: Any) -> None:
    page.evaluate("plots[0].setScale('x', {min: 150, max: 260})")
    page.wait_for_function("plots[0].scales.x.min === 150")
    assert {f"hold: chamber excursion {place}" for place in range(3)} <= written(page)
    assert "gap of 4 s, then at rest" in written(page)
    assert "discharge" in written(page)
    assert "charge" not in written(page), "a step that is not in sight has no name there"


def test_limits_say_what_requirement_would_be_missed_with_them(page: Any) -> None:
    assert "cell under-voltage 2.5 V [PB-DIS-02]" in written(page)
    assert "bus low 60 V" in written(page), "what blames the bench misses no requirement"


def test_what_lies_beyond_a_violated_limit_is_shaded(page: Any) -> None:
    """A pixel between the limit and the value becomes red once the value is said to have been beyond at its time."""
    (violation,) = page.evaluate("figure.violations")
    assert (violation["since"], violation["limit"], violation["upper"]) == (3700.0, 2.5, False)
    redness = """since => { const plot = plots[1]; figure.violations[0].since = since; plot.redraw();
        return new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(() => {
            const x = plot.valToPos(2000, 'x', true), y = plot.valToPos(2.45, 'y', true);
            const [r, g, b, a] = plot.ctx.getImageData(x, y, 1, 1).data;
            resolve((r - (g + b) / 2) * a / 255);
        }))); }"""
    assert page.evaluate(redness, 1000) > page.evaluate(redness, 3700) + 20


def test_the_last_night_is_laid_over_with_the_difference(page: Any) -> None:
    panels = int(page.evaluate("plots.length"))
    click(page, "Lay over the night of 2026-01-01")
    assert int(page.evaluate("plots.length")) == 2 * panels
    apart = page.evaluate("plots.find(plot => plot.difference).data[1]")
    np.testing.assert_allclose([each for each in apart if each is not None], -1.0, atol=1e-3)
    assert sum(each is not None for each in apart) >= len(run().time) - 1, "by the time of each step, not of the test"
    legend = page.inner_text("#panels")
    assert "voltage, the night of 2026-01-01" in legend
    assert "now minus the night of 2026-01-01" in legend


def test_what_is_zoomed_to_stays_when_something_is_laid_over(page: Any) -> None:
    page.evaluate("plots[0].setScale('x', {min: 200, max: 900})")
    page.wait_for_function("plots[2].scales.x.max === 900")
    click(page, "Lay over the night of 2026-01-01")
    page.wait_for_function("plots.every(plot => plot.scales.x.min === 200 && plot.scales.x.max === 900)")


def test_a_panel_can_be_read_and_zoomed_by_keyboard(page: Any) -> None:
    panel = page.locator("#panels > div").nth(1)
    panel.focus()
    assert panel.evaluate("each => getComputedStyle(each).outlineStyle") != "none", "one sees where one is"
    page.keyboard.press("+")
    page.wait_for_function("plots[0].scales.x.max - plots[0].scales.x.min < 5000")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("plots[1].cursor.idx !== null")
    page.keyboard.press("0")
    page.wait_for_function("plots.every(plot => plot.scales.x.min === 0)")
    legend = panel.locator(".u-legend th").nth(1)
    legend.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("plots[1].series[1].show") is False


def test_keys_start_from_what_is_seen_and_do_not_leave_the_run(browser: Any, folder: Path) -> None:
    page = browser.new_page()
    page.goto((folder / "whole.html").as_uri() + "#at=3700")
    page.wait_for_selector("body[data-at]")
    page.wait_for_function("plots[1].scales.x.min === 3400")
    page.evaluate("plots[0].setScale('x', {min: 200, max: 900})")
    page.wait_for_function("plots[1].scales.x.max === 900")
    page.locator("#panels > div").nth(1).focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("moment > 200 && moment < 900")
    page.keyboard.press("+")
    page.wait_for_function("plots[1].scales.x.min > 200 && plots[1].scales.x.max < 900")
    for _ in range(8):
        page.keyboard.press("-")
    ends = (
        "plots[1].scales.x.min === samples.time[0] && plots[1].scales.x.max === samples.time[samples.time.length - 1]"
    )
    page.wait_for_function(ends)
    page.close()


def test_a_link_to_a_moment_opens_it_and_can_bring_the_cells(browser: Any, folder: Path) -> None:
    page = browser.new_page()
    page.goto((folder / "whole.html").as_uri() + "#at=3700&cells")
    page.wait_for_selector("body[data-at]")
    assert page.evaluate("document.body.dataset.at") == "3700"
    page.wait_for_function("plots[1].scales.x.min === 3400")
    assert page.evaluate("plots[1].series.length") >= 24
    page.close()


def test_in_a_report_it_leads_back_to_its_test_and_shares_what_all_have(folder: Path) -> None:
    whole, beside = ((folder / f"{name}.html").read_text(encoding="utf-8") for name in ("whole", "beside"))
    assert '<a href="../index.html#t1">Back to the report</a>' in beside
    assert "Back to the report" not in whole
    assert len(whole) - len(beside) > 60_000
    assert '<script src="figure.js"></script>' in beside


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_by_everybody(browser: Any, folder: Path, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = browser.new_page(color_scheme=scheme)
    page.goto((folder / "beside.html").as_uri())
    page.wait_for_selector("body[data-drawn]")
    found = axe.Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
    page.close()


def test_without_single_cells_or_a_night_there_are_no_buttons(browser: Any, tmp_path: Path) -> None:
    plain = replace(recording(), manifest=MANIFEST)
    (tmp_path / "f.html").write_text(interactive.html(plain), encoding="utf-8")
    page = browser.new_page()
    page.goto((tmp_path / "f.html").as_uri())
    page.wait_for_selector("body[data-drawn]")
    assert page.locator("#buttons button").count() == 0
    page.close()


def test_a_night_whose_steps_were_others_is_laid_over_nowhere() -> None:
    events = [{**event, "name": f"other {event.get('name')}"} for event in last_night().events]
    page = interactive.html(run(), replace(last_night(), events=events), "then")
    before = json.loads(page.partition("const figure = ")[2].partition(";\n")[0])["before"]
    assert before["columns"]
    values = {(column["low"], column["step"]) for column in before["columns"].values()}
    assert values == {(0.0, 1.0)}, "nothing is known of any of them"
