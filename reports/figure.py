"""The static figure of a run: one PNG that a reviewer reads without a click.

It draws what `reports.panels` chose, without pyplot, so that any thread or worker process may call it.
"""

from collections.abc import Iterator, Sequence
from io import BytesIO
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reports.panels import (
    LimitLine,
    Panel,
    Violation,
    breaks,
    decimate,
    limit_lines,
    panels_of,
    readable,
    span,
    time_unit,
    violations_of,
)
from reports.recording import Gap, Hold, Recording, Step

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

WIDTH, PANEL_HEIGHT, DPI = 10.5, 1.55, 100
COLORS = 128
PIXELS = 900  # horizontal resolution of the panels: more buckets than this draw nothing new
LEFT, RIGHT = 0.07, 0.86  # the legends stand beside the panels, never on the data
LABEL = 8.5
"""Points that a line of the words at a limit takes."""
RED, AMBER, INK = "#C62828", "#B26A00", "#222222"
VERDICT_COLOR = {
    "PASS": "#2E7D32",
    "FAIL": RED,
    "CHARGER FAIL": RED,
    "MANAGER FAIL": RED,
    "INCONCLUSIVE": "#8A6D00",
    "TEST ERROR": "#00697A",
    "BENCH FAULT": "#6A3D9A",
    "ABORTED": "#455A64",
}


def png(run: Recording) -> bytes:
    """Draw voltage, current, temperatures and state of charge over time, with steps, limits and violations.

    Raises `ValueError` when the run has no sample to draw.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = panels_of(run)
    if not panels:
        raise ValueError("The run has no samples of voltage, current, temperature or SOC: nothing can be drawn.")
    height = PANEL_HEIGHT * len(panels) + 1.4
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    axes = _layout(figure, len(panels), height)
    unit, unit_name = time_unit(float(run.time[-1]))
    rows = decimate([run.column(name) for panel in panels for name in panel.columns], PIXELS)
    for axis, panel in zip(axes[1:], panels, strict=True):
        _draw_panel(axis, run, panel, rows, unit)
    _draw_steps(axes, run.steps, unit)
    _draw_holds(axes[1:], run.holds, unit)
    _draw_gaps(axes[1:], run.gaps, unit)
    _draw_violations(axes[1:], panels, violations_of(run), unit)
    axes[-1].set_xlabel(f"test time / {unit_name}")
    _headline(figure, run, height)
    return encode(canvas)


def encode(canvas: "FigureCanvasAgg") -> bytes:
    """Encode with a palette: a third of the size of true colour, and a report holds many figures."""
    from PIL import Image

    canvas.draw()  # type: ignore[no-untyped-call]
    out = BytesIO()
    pixels = canvas.buffer_rgba()  # type: ignore[no-untyped-call]
    picture = Image.frombuffer("RGBA", canvas.get_width_height(), pixels, "raw", "RGBA", 0, 1)
    picture.convert("RGB").quantize(COLORS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(out, "PNG")
    return out.getvalue()


def _layout(figure: "Figure", count: int, height: float) -> "Sequence[Axes]":
    """One thin strip for the step names above `count` panels that share their time axis."""
    ratios = [0.16] + [1.0] * count
    axes: NDArray[Any] = figure.subplots(count + 1, 1, sharex=True, height_ratios=ratios)
    figure.subplots_adjust(left=LEFT, right=RIGHT, top=1 - 0.66 / height, bottom=0.5 / height, hspace=0.10)
    for axis in axes[1:]:
        axis.grid(color="#EEEEEE", linewidth=0.8)
        axis.tick_params(labelsize=8, colors=INK)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    axes[0].set_axis_off()
    return list(axes)


def _draw_panel(axis: "Axes", run: Recording, panel: Panel, rows: NDArray[np.intp], unit: float) -> None:
    at, moments = breaks(run, rows)
    time = np.insert(run.time[rows], at, moments) / unit
    for trace in reversed(panel.traces):
        values = np.insert(run.column(trace.column)[rows], at, np.nan) * panel.scale
        style, width = ("--", 1.0) if trace.dashed else ("-", 1.3)
        axis.plot(time, values, style, color=trace.color, linewidth=width, label=trace.label)
    if panel.band:
        low, high = (np.insert(run.column(name)[rows], at, np.nan) * panel.scale for name in panel.band)
        axis.fill_between(time, low, high, color="#999999", alpha=0.25, linewidth=0)
    axis.set_ylim(*span(run, panel))
    axis.set_xlim(0, 1.005 * float(run.time[-1]) / unit)
    axis.set_ylabel(f"{panel.title} / {panel.unit}", fontsize=8.5, color=INK)
    _draw_limits(axis, run, panel)
    handles, labels = axis.get_legend_handles_labels()
    axis.legend(
        handles[::-1], labels[::-1], fontsize=7.5, loc="center left", bbox_to_anchor=(1.0, 0.5),
        frameon=False, handlelength=1.4, borderaxespad=0.4, labelspacing=0.35,
    )  # fmt: skip


def _draw_limits(axis: "Axes", run: Recording, panel: Panel) -> None:
    """Draw limits that fit on the axis; name the nearest beyond it at the edge that it lies behind."""
    low, high = axis.get_ylim()
    limits = limit_lines(run, panel)
    above = min((limit.value for limit in limits if limit.upper and limit.value > high), default=None)
    below = max((limit.value for limit in limits if not limit.upper and limit.value < low), default=None)
    shown = [limit for limit in limits if low <= limit.value <= high or limit.value in (above, below)]
    for limit, place in _places(axis, shown):
        inside = low <= limit.value <= high
        if inside:
            axis.axhline(limit.value, color=RED, linewidth=1.0, linestyle=(0, (6, 2)))
        arrow = "" if inside else "↑ " if limit.upper else "↓ "
        axis.annotate(
            f"{arrow}{limit.words(panel.unit)}", (0.004, 0), xycoords="axes fraction",
            xytext=(0, place), textcoords="offset points", va="top" if limit.upper else "bottom",
            fontsize=6.5, color=RED, bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.6},
        )  # fmt: skip


def _places(axis: "Axes", limits: Sequence[LimitLine]) -> Iterator[tuple[LimitLine, float]]:
    """Where the words of each limit stand, points above the lower edge: at its line, or beside one that is there.

    Those of an upper limit hang below their line, those of a lower one stand on it; of two that are as good as the same
    the second goes further inside.
    """
    (low, high), height = axis.get_ylim(), 72 * axis.bbox.height / DPI
    for upper in (True, False):
        away, taken = (-1 if upper else 1), height + LABEL if upper else -LABEL
        for limit in sorted((each for each in limits if each.upper is upper), key=lambda each: away * each.value):
            at = min(max((limit.value - low) / (high - low), 0.0), 1.0) * height + 2 * away
            taken = min(at, taken - LABEL) if upper else max(at, taken + LABEL)
            yield limit, taken


def _draw_steps(axes: "Sequence[Axes]", steps: Sequence[Step], unit: float) -> None:
    """Name the steps in the strip on top and mark where each begins in every panel."""
    strip = axes[0]
    strip.set_ylim(0, 1)
    _, right = axes[1].get_xlim()
    for position, step in enumerate(steps):
        start, stop = step.start / unit, step.stop / unit
        strip.axvspan(start, stop, color="#E3EAF2" if position % 2 else "#CFDBE8", linewidth=0)
        room = int((stop - start) / right * 150) if right else 0
        name = step.name if room >= len(step.name) else shorten_to(step.name, room) or str(step.index)
        if room >= 2:
            strip.text((start + stop) / 2, 0.46, name, ha="center", va="center", fontsize=7, color=INK, clip_on=True)
        for axis in axes[1:]:
            axis.axvline(start, color="#B8C4D0", linewidth=0.7, zorder=0)


def shorten_to(name: str, room: int) -> str:
    """Cut a name to `room` characters, or to nothing where too little would be left to recognise it."""
    return f"{name[: room - 1]}…" if room >= 5 else ""


def _draw_holds(axes: "Sequence[Axes]", holds: Sequence[Hold], unit: float) -> None:
    """Shade the time that cycling was paused, and say so where there is room."""
    for hold in holds:
        for axis in axes:
            axis.axvspan(hold.start / unit, hold.stop / unit, color=AMBER, alpha=0.13, linewidth=0, zorder=0)
        axes[0].annotate(
            f"hold: {hold.limit}", (hold.start / unit, 0.98), xycoords=("data", "axes fraction"),
            va="top", fontsize=6.5, color=AMBER, annotation_clip=True,
        )  # fmt: skip


def _draw_gaps(axes: "Sequence[Axes]", gaps: Sequence[Gap], unit: float) -> None:
    """Shade the time without a test, darker where nothing was recorded, and say how long it was."""
    for gap in gaps:
        for axis in axes:
            axis.axvspan(gap.start / unit, gap.stop / unit, color=INK, alpha=0.10, linewidth=0, zorder=0)
            axis.axvspan(gap.start / unit, gap.seen / unit, color=INK, alpha=0.18, linewidth=0, zorder=0)
        axes[0].annotate(
            f"gap of {readable(gap.seen - gap.start)}, then at rest", (gap.start / unit, 0.86),
            xycoords=("data", "axes fraction"), va="top", fontsize=6.5, color=INK, annotation_clip=True,
        )  # fmt: skip


def _draw_violations(
    axes: "Sequence[Axes]", panels: Sequence[Panel], violations: Sequence[Violation], unit: float
) -> None:
    for violation in violations:
        color = AMBER if violation.blame == "bench" else RED
        for axis, panel in zip(axes, panels, strict=True):
            axis.axvline(violation.time / unit, color=color, linewidth=1.0, alpha=0.8)
            if violation.column in panel.columns:
                _point_at(axis, violation, panel, unit, color)


def _point_at(axis: "Axes", violation: Violation, panel: Panel, unit: float, color: str) -> None:
    """Mark the offending sample, with its value on the side where there is room for it."""
    x, y = violation.time / unit, violation.value * panel.scale
    (left, right), (low, high) = axis.get_xlim(), axis.get_ylim()
    leftwards, downwards = x > (left + right) / 2, y > (low + high) / 2
    axis.plot(
        [x],
        [y],
        "o",
        markersize=8,
        markerfacecolor="none",
        markeredgecolor=color,
        markeredgewidth=1.8,
        clip_on=False,
        zorder=5,
    )
    axis.annotate(
        f"{y:.4g} {panel.unit} at {violation.time:.0f} s", (x, y),
        xytext=(-12 if leftwards else 12, -12 if downwards else 12), textcoords="offset points",
        ha="right" if leftwards else "left", va="center", fontsize=8, fontweight="bold", color=color,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1},
    )  # fmt: skip


def _headline(figure: "Figure", run: Recording, height: float) -> None:
    """Title and verdict, and below them why the run ended as it did or what was measured."""
    manifest = run.manifest
    verdict = str(manifest.get("verdict") or "RUNNING")
    top = 1 - 0.2 / height
    figure.text(LEFT, top, manifest["test"]["title"], fontsize=12, fontweight="bold", color=INK, va="center")
    figure.text(
        0.985, top, verdict, fontsize=11, fontweight="bold", ha="right", va="center",
        color=VERDICT_COLOR.get(verdict, INK),
    )  # fmt: skip
    cause = manifest.get("cause")
    setting = f"{manifest['pack']['name']} on {manifest['station']['name']}, {readable(float(run.time[-1]))}"
    text = cause["text"] if cause else setting
    figure.text(LEFT, 1 - 0.44 / height, shorten(text, 150), fontsize=8.5, color="#555555", va="center")
