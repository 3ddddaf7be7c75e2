"""A picture of managed days: power, charge, km in hand, prices, and what a manager was told and said, when.

It can be read without colour: what is bought, used and made is told by line style and by word. Amounts are the car's.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from reports.figure import DPI, INK, encode
from reports.kpi.grid import SET
from reports.kpi.managing import BUY, HOUSE, NEEDED, PLUGGED, RANGE, SELL, SUN, was_warned
from reports.kpi.readings import SOC, TIME
from reports.managed_lanes import Lane, lanes
from reports.panels import BLUE, GREEN, GREY, ORANGE
from reports.pictures import Picture
from reports.recording import Floats, Recording, Step

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT, LANE = 10.5, 7.2, 0.19
"""Inches of a picture, and of one more lane in it."""
MOST = 4000
"""Points of a line: more than a picture has pixels shows nothing."""
HOUR, DAY = 3600.0, 24.0
"""s, h."""


def pictures(run: Recording) -> Iterator[Picture]:
    """One for each step that somebody managed."""
    for step in run.steps:
        if step.kind == "Manage" and step.sample_count > 1:
            name = f"Managed days, {step.words.get('manager', 'a manager')}, {step.words.get('season', 'a season')}"
            if run.has(RANGE):
                yield Picture(name, png(run, step, name), text=said(run, step))
            else:
                yield Picture(name, why="the run ended before anybody knew how far the car would get.")


def said(run: Recording, step: Step) -> str:
    """Each change of what the manager said, one line: hours, why it was asked, W, its words, km in hand."""
    lines, before = [], None
    for event in run.of_step(step, "manager"):
        told = (event["power"], event["say"], event["problem"])
        if told != before or event["warned"]:
            warned = f", {len(event['warned'])} warnings" if event["warned"] else ""
            words = event["problem"] or event["say"]
            lines.append(
                f"{event['at'] / HOUR:7.2f} h  {event['reason']:<8} {event['power']:8.0f} W  {event['range']:6.1f} km  "
                f"{words}{warned}"
            )
        before = told
    return "\n".join(lines)


def png(run: Recording, step: Step, title: str) -> bytes:
    """Draw one step."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    found = lanes(run.of_step(step, "manager"), step.duration)
    strip = LANE * max(len(found), 1)
    height = HEIGHT + strip
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(5, 1, sharex=True, height_ratios=(2, 1, 1.6, 1, strip))
    figure.subplots_adjust(left=0.21, right=0.97, top=1 - 0.65 / height, bottom=0.58 / height, hspace=0.32)
    every = slice(None, None, max(1, step.sample_count // MOST))
    time = run.values(TIME, step)
    hours = (time - step.start)[every] / HOUR
    _draw_power(axes[0], run, step, hours, every)
    _draw_lines(axes[1], hours, {"displayed charge": (100 * run.values(SOC, step)[every], BLUE, "-")}, "charge / %")
    _draw_range(axes[2], run, step, hours, every)
    prices = {
        "buying": (run.values(BUY, step)[every], INK, "-"),
        "selling": (run.values(SELL, step)[every], GREY, "--"),
    }
    _draw_lines(axes[3], hours, prices, "told price / kWh")
    _draw_lanes(axes[4], found)
    away = run.values(PLUGGED, step)[every] == 0
    for axis in axes:
        axis.fill_between(
            hours, 0, 1, where=away, transform=axis.get_xaxis_transform(), color=GREY, alpha=0.15, linewidth=0
        )
    axes[-1].set_xlabel("hours since the beginning; shaded: the car is away", fontsize=8.5)
    axes[-1].set_xlim(hours[0], hours[-1])
    if hours[-1] > 2 * DAY:
        axes[-1].set_xticks(np.arange(0, hours[-1] + 1, DAY))
    figure.suptitle(title, x=0.21, ha="left", fontsize=10.5, color=INK)
    return encode(canvas)


def _draw_power(axis: "Axes", run: Recording, step: Step, hours: Floats, every: slice) -> None:
    scale = step.set_points.get("scale", 1.0)
    car = run.values(SET, step)[every] / scale / 1000
    lines = {
        "car (charges above 0)": (car, BLUE, "-"),
        "house": (run.values(HOUSE, step)[every] / 1000, INK, ":"),
        "sun": (run.values(SUN, step)[every] / 1000, ORANGE, "--"),
    }
    _draw_lines(axis, hours, lines, "power / kW")
    failed = [event["at"] / HOUR for event in run.of_step(step, "manager") if event["problem"]]
    if failed:
        axis.plot(failed, np.zeros(len(failed)), "x", color=INK, markersize=6, label="no link or no answer")
        _legend(axis)


def _draw_lanes(axis: "Axes", found: Sequence[Lane]) -> None:
    """One below the other, the first on top, each with its words beside it."""
    for place, lane in enumerate(reversed(found)):
        axis.broken_barh(
            [(begin, end - begin) for begin, end in lane.spans], (place - 0.32, 0.64), facecolor=GREY, edgecolor=INK,
            linewidth=0.4, alpha=0.6,
        )  # fmt: skip
        axis.plot(lane.moments, [place] * len(lane.moments), "|", color=INK, markersize=8, markeredgewidth=1.4)
    axis.set_yticks(range(len(found)), [lane.name for lane in reversed(found)], fontsize=7, color=INK)
    axis.set_ylim(-0.7, max(len(found), 1) - 0.3)
    axis.tick_params(axis="x", labelsize=8, colors=INK)
    axis.grid(visible=True, axis="x", color=GREY, alpha=0.25, linewidth=0.5)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _draw_range(axis: "Axes", run: Recording, step: Step, hours: Floats, every: slice) -> None:
    lines = {
        "in hand": (run.values(RANGE, step)[every], GREEN, "-"),
        "reserve": (run.values(NEEDED, step)[every], INK, "--"),
    }
    _draw_lines(axis, hours, lines, "range / km")
    for event in run.of_step(step, "departure"):
        word = f"{event['distance']:g} km" + (f", {event['short']:.0f} short" if event["short"] > 0 else "")
        warned = ", warned" if was_warned(run, event) else ""
        axis.annotate(
            word + warned, (event["at"] / HOUR, 0.04), xycoords=("data", "axes fraction"), fontsize=6.5, color=INK
        )
    axis.set_ylim(bottom=0)


def _draw_lines(axis: "Axes", hours: Floats, lines: dict[str, tuple[Floats, str, str]], label: str) -> None:
    for name, (values, colour, style) in lines.items():
        axis.plot(hours, values, style, color=colour, linewidth=1.1, label=name)
    axis.set_ylabel(label, fontsize=8.5, color=INK)
    axis.tick_params(labelsize=8, colors=INK)
    axis.grid(visible=True, color=GREY, alpha=0.25, linewidth=0.5)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    if len(lines) > 1:
        _legend(axis)


def _legend(axis: "Axes") -> None:
    """Above the panel: no line is behind it."""
    axis.legend(fontsize=7.5, loc="lower right", bbox_to_anchor=(1.0, 0.97), ncols=4, frameon=False, borderpad=0.1)
