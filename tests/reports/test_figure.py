"""What a reviewer finds in a figure: every peak, the limits, the steps, the violation."""

import json
import re
import zlib
from base64 import b64decode
from collections.abc import Callable, Sized
from io import BytesIO
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from bench.roles import Column, Role
from reports import coding, figure, interactive
from reports.figure import png, shorten_to
from reports.panels import PANELS, decimate, limit_lines, panels_of, readable, span, time_unit, violations_of
from reports.recording import Recording
from tests.bench.conftest import Install

CELLS = PANELS[1]
OHMMETER = Role(
    name="ohmmeter", protocol=Sized, columns=(Column("Insulation / Ohm", "ohms"), Column("Cell Voltage Max / V", "v"))
)


def flat(value: float, limits: list[dict[str, Any]], spike: float | None = None) -> Recording:
    """Sixty samples of one cell voltage, one of them somewhere else."""
    cells = np.full(60, value)
    if spike is not None:
        cells[30] = spike
    columns = ["Test Time / s", "Step Count / 1", "Cell Voltage Min / V", "Cell Voltage Max / V"]
    rows = np.column_stack([np.arange(60.0), np.zeros(60), cells, cells])
    manifest = {
        "run_id": "2026-01-01/flat", "test": {"title": "Flat </script> line"}, "limits": limits,
        "pack": {"name": "a"}, "station": {"name": "b"},
    }  # fmt: skip
    return Recording(manifest, [], columns, rows)


def limit(value: float) -> dict[str, Any]:
    return {"name": "over-voltage", "column": "Cell Voltage Max / V", "at_least": None, "at_most": value}


@given(
    values=arrays(np.float64, st.integers(1, 400), elements=st.floats(-10, 10) | st.just(float("nan"))),
    buckets=st.integers(1, 12),
)
def test_thinning_keeps_both_ends_and_every_extreme(values: np.ndarray, buckets: int) -> None:
    rows = decimate([values], buckets)
    assert rows[0] == 0
    assert rows[-1] == len(values) - 1
    assert (np.diff(rows) > 0).all()
    if np.isfinite(values).any():
        assert np.nanmax(values[rows]) == np.nanmax(values)
        assert np.nanmin(values[rows]) == np.nanmin(values)


def test_thinning_keeps_a_one_sample_peak_of_every_column() -> None:
    quiet, voltage, current = np.zeros(100_000), np.zeros(100_000), np.zeros(100_000)
    voltage[12_345], current[54_321] = 1.0, -1.0
    rows = decimate([quiet, voltage, current], 500)
    assert {12_345, 54_321} <= set(rows.tolist())
    assert len(rows) < 5_000


def test_a_short_run_is_drawn_whole() -> None:
    assert decimate([np.zeros(40)], 10).tolist() == list(range(40))
    assert decimate([], 10).tolist() == []


def test_a_limit_near_the_data_is_on_the_axis_and_a_far_one_is_not() -> None:
    assert span(flat(3.6, [limit(3.63)]), CELLS)[1] > 3.63
    assert span(flat(3.6, [limit(9.0)]), CELLS)[1] < 4.0


def test_an_open_contactor_does_not_squeeze_the_voltage_flat() -> None:
    assert span(flat(3.6, [], spike=0.0), CELLS)[0] > 3.0
    assert span(flat(3.6, [], spike=2.0), CELLS)[0] < 2.0


def test_a_limit_shows_in_the_panel_of_its_column_in_its_unit() -> None:
    soc = {"name": "low charge", "column": "SOC / 1", "at_least": 0.1, "at_most": None}
    run = flat(3.6, [limit(3.7), soc])
    assert [found.value for found in limit_lines(run, CELLS)] == [3.7]
    (low,) = limit_lines(run, PANELS[-1])
    assert (low.name, low.value, low.upper) == ("low charge", 10.0, False)


@pytest.mark.parametrize("values", [(3.7, 3.7), (3.7, 3.701, 3.702), (3.7, 3.5, 3.69), (3.7, 9.0, 9.0)])
def test_no_words_of_a_limit_stand_on_those_of_another(
    values: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bench has several limits of one quantity, and a pack's may be the bus's."""
    drawn: list[Any] = []
    monkeypatch.setattr(figure, "encode", lambda canvas: drawn.append(canvas) or b"")
    both = [{**limit(value), "name": f"limit {number}"} for number, value in enumerate(values)]
    low = [{**each, "at_least": 3.4, "at_most": None, "name": f"low {each['name']}"} for each in both]
    figure.png(flat(3.6, [*both, *low], spike=3.75))
    (canvas,) = drawn
    canvas.draw()
    words = [text for axes in canvas.figure.axes for text in axes.texts if "limit" in text.get_text()]
    assert len(words) > len(values)
    boxes = [text.get_window_extent() for text in words]
    assert [(one, other) for one, other in combinations(boxes, 2) if one.overlaps(other)] == []


def test_a_panel_without_a_sample_is_left_out() -> None:
    assert [panel.title for panel in panels_of(flat(3.6, []))] == ["Cell voltage"]


@pytest.mark.parametrize(("command", "shown"), [(float("nan"), False), (250.0, True)])
def test_power_is_drawn_where_it_was_commanded(command: float, shown: bool) -> None:
    columns = ["Test Time / s", "Step Count / 1", "Power / W", "Command Power / W"]
    rows = np.array([[time, 0.0, 240.0, command if time > 5 else float("nan")] for time in range(10)])
    titles = [panel.title for panel in panels_of(Recording({"limits": []}, [], columns, rows))]
    assert ("Power" in titles) is shown


def insulated(ohms: float, *played: str) -> Recording:
    columns = ["Test Time / s", "Cell Voltage Max / V", "Insulation / Ohm"]
    rows = np.column_stack([np.arange(9.0), np.full(9, 3.3), np.full(9, ohms)])
    return Recording({"limits": [], "instruments": [{"name": "it", "roles": played}]}, [], columns, rows)


def test_what_a_role_of_another_package_has_measured_has_a_panel_of_its_own(install: Install) -> None:
    install("packbench.roles", "ohmmeter", f"{__name__}:OHMMETER")
    *_, last = panels_of(insulated(2e7, "bms", "ohmmeter"))
    assert (last.title, last.unit, [trace.column for trace in last.traces]) == (
        "Insulation", "Ω", ["Insulation / Ohm"]
    )  # fmt: skip
    for run in (insulated(2e7, "bms"), insulated(float("nan"), "ohmmeter"), insulated(2e7, "gone")):
        assert [panel.title for panel in panels_of(run)] == ["Cell voltage"]


def test_a_trip_is_a_violation_at_its_sample(write_run: Callable[..., Path]) -> None:
    run = Recording.load(write_run(weak_cell=0.35, soc=0.5))
    (violation,) = violations_of(run)
    assert violation.column == "Cell Voltage Min / V"
    assert violation.value < 2.4
    assert run.column(violation.column)[np.searchsorted(run.time, violation.time)] == violation.value


class TestPng:
    def test_it_is_a_picture_small_enough_to_be_many(self, cycle_run: Path) -> None:
        data = png(Recording.load(cycle_run))
        picture = Image.open(BytesIO(data))
        assert picture.format == "PNG"
        assert picture.size[0] >= 1000
        assert len(data) < 100_000

    def test_it_is_the_same_for_the_same_run(self, cycle_run: Path) -> None:
        run = Recording.load(cycle_run)
        assert png(run) == png(run)

    def test_a_violation_leaves_red_where_a_good_run_has_none(self, write_run: Callable[..., Path]) -> None:
        def red(path: Path) -> int:
            run = Recording.load(path)
            bare = Recording({**run.manifest, "limits": [], "cause": None, "verdict": "PASS"}, run.events,
                             run.columns, run.rows)  # fmt: skip
            pixels = np.asarray(Image.open(BytesIO(png(bare))).convert("RGB")).astype(int)
            return int(((pixels[..., 0] > 180) & (pixels[..., 1] < 60) & (pixels[..., 2] < 60)).sum())

        assert red(write_run("test_good", interval=20.0)) < red(write_run("test_weak", weak_cell=0.35, soc=0.5)) / 4

    def test_a_run_without_samples_cannot_be_drawn(self, cycle_run: Path) -> None:
        run = Recording.load(cycle_run)
        empty = Recording(run.manifest, run.events, run.columns, run.rows[:0])
        with pytest.raises(ValueError, match="nothing can be drawn"):
            png(empty)
        with pytest.raises(ValueError, match="nothing can be drawn"):
            interactive.html(empty)


def figure_of(page: str) -> dict[str, Any]:
    found = re.search(r"^const figure = (.*);$", page, re.MULTILINE)
    assert found
    data: dict[str, Any] = json.loads(found.group(1))
    return data


def decoded(column: dict[str, Any]) -> np.ndarray:
    """What the page's own script makes of a column."""
    steps = np.frombuffer(zlib.decompress(b64decode(column["data"])), dtype="<u2")
    codes = np.cumsum(steps, dtype=np.uint64) % 65536
    return np.where(codes == 65535, np.nan, column["low"] + codes * column["step"])


class TestInteractive:
    def test_it_needs_nothing_from_elsewhere(self, cycle_run: Path) -> None:
        page = interactive.html(Recording.load(cycle_run))
        assert not re.search(r"""(?:src|href)\s*=\s*["']?\s*(?:https?:)?//""", page)
        assert len(page) < 300_000

    def test_samples_come_back_within_one_step_of_their_range(self, cycle_run: Path) -> None:
        run = Recording.load(cycle_run)
        figure = figure_of(interactive.html(run))
        for name, column in figure["columns"].items():
            expected = run.column(name)
            np.testing.assert_allclose(decoded(column), expected, atol=column["step"], equal_nan=True)
        times = np.cumsum(np.frombuffer(zlib.decompress(b64decode(figure["time"])), dtype="<i4")) / 1000
        np.testing.assert_allclose(times, run.time, atol=1e-3)

    @given(values=arrays(np.float64, st.integers(1, 50), elements=st.floats(-1e6, 1e6) | st.just(float("nan"))))
    def test_any_column_survives_its_coding(self, values: np.ndarray) -> None:
        low, step, data = coding.quantise(values)
        back = decoded({"low": low, "step": step, "data": data})
        np.testing.assert_allclose(back, values, atol=step + 1e-9, equal_nan=True)

    def test_a_title_cannot_break_out_of_the_page(self) -> None:
        page = interactive.html(flat(3.6, [{**limit(3.7), "name": "</script><script>alert(1)</script>"}]))
        assert "<script>alert(1)" not in page
        assert "Flat &lt;/script&gt; line" in page
        assert figure_of(page)["panels"][0]["limits"][0]["name"].startswith("</script>")

    def test_a_viewer_without_scripts_is_told_where_to_look(self, cycle_run: Path) -> None:
        assert "needs scripts" in interactive.html(Recording.load(cycle_run))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (8.4, "8.4 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (60.0, "1 min 00 s"),
        (750, "12 min 30 s"),
        (11_100, "3 h 05 min"),
        (None, "-"),
        (float("nan"), "-"),
    ],
)
def test_durations_read_as_people_say_them(seconds: float | None, text: str) -> None:
    assert readable(seconds) == text


def test_the_time_axis_has_a_unit_that_fits_the_run() -> None:
    assert [time_unit(duration)[1] for duration in (20, 600, 40_000)] == ["s", "min", "h"]


def test_a_step_name_is_cut_or_left_out_where_it_does_not_fit() -> None:
    assert shorten_to("restoring charge", 8) == "restori…"
    assert shorten_to("restoring charge", 3) == ""
