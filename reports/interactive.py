"""The interactive figure of a run: one HTML file with zoom and cursor that needs no network and no server.

uPlot (vendored under `reports/vendor`) draws it; samples travel as 16-bit steps of each column's own range,
differenced, deflated and base64-encoded, which takes a tenth of the same numbers as text.
"""

import json
import zlib
from base64 import b64encode
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np

from reports.page import fill
from reports.panels import Panel, breaks, decimate, limit_lines, panels_of, readable, span, violations_of
from reports.recording import Floats, Recording

BUCKETS = 5000  # at 4 or more rows each: a run of 5 h at 1 s stays whole
GAP = 65535  # code of a missing sample
TOP = GAP - 1


def html(run: Recording) -> str:
    """Build the page. Raises `ValueError` when the run has no sample to draw."""
    panels = panels_of(run)
    if not panels:
        raise ValueError("The run has no samples of voltage, current, temperature or SOC: nothing can be drawn.")
    names = list(dict.fromkeys(name for panel in panels for name in panel.columns))
    rows = decimate([run.column(name) for name in names], BUCKETS)
    at, moments = breaks(run, rows)
    coded = {name: _quantise(np.insert(run.column(name)[rows], at, np.nan)) for name in names}
    figure = {
        "count": len(rows) + len(at),
        "time": _pack_time(np.insert(run.time[rows], at, moments)),
        "columns": {name: {"low": low, "step": step, "data": data} for name, (low, step, data) in coded.items()},
        "panels": [_panel(run, panel) for panel in panels],
        "steps": [{"name": step.name, "start": step.start, "stop": step.stop} for step in run.steps],
        "holds": [{"start": hold.start, "stop": hold.stop, "name": hold.limit} for hold in run.holds],
        "gaps": [
            {"start": gap.start, "seen": gap.seen, "stop": gap.stop, "name": readable(gap.seen - gap.start)}
            for gap in run.gaps
        ],
        "violations": [
            {
                "time": violation.time,
                "text": violation.text,
                "column": violation.column,
                "value": violation.value,
            }
            for violation in violations_of(run)
        ],
    }
    return _fill(run, figure)


def _panel(run: Recording, panel: Panel) -> dict[str, Any]:
    low, high = span(run, panel)
    return {
        "title": panel.title,
        "unit": panel.unit,
        "scale": panel.scale,
        "low": low,
        "high": high,
        "band": list(panel.band) if panel.band else None,
        "traces": [
            {"column": trace.column, "label": trace.label, "color": trace.color, "dashed": trace.dashed}
            for trace in panel.traces
        ],
        "limits": [{"name": limit.name, "value": limit.value} for limit in limit_lines(run, panel)],
    }


def _pack_time(time: Floats) -> str:
    """Milliseconds as differences of 32-bit integers: regular scans deflate to almost nothing."""
    milliseconds = np.round(1000 * time).astype(np.int64)
    return _deflate(np.diff(milliseconds, prepend=0).astype("<i4"))


def _quantise(values: Floats) -> tuple[float, float, str]:
    """Code a column in `TOP` steps of its range, differenced modulo 65536: low end, step size, data."""
    finite = np.isfinite(values)
    low, high = (float(values[finite].min()), float(values[finite].max())) if finite.any() else (0.0, 0.0)
    step = (high - low) / TOP or 1.0
    codes = np.full(len(values), GAP, dtype=np.uint16)
    codes[finite] = np.round((values[finite] - low) / step).astype(np.uint16)
    return low, step, _deflate(np.diff(codes, prepend=np.uint16(0)).astype("<u2"))


def _deflate(numbers: np.ndarray[Any, Any]) -> str:
    return b64encode(zlib.compress(numbers.tobytes(), level=9)).decode("ascii")


def _fill(run: Recording, figure: dict[str, Any]) -> str:
    manifest = run.manifest
    vendor = files("reports") / "vendor" / "uplot"
    parts = {
        "title": escape(manifest["test"]["title"]),
        "verdict": escape(str(manifest.get("verdict") or "RUNNING")),
        "subtitle": escape(
            f"{manifest['pack']['name']} on {manifest['station']['name']}, {readable(float(run.time[-1]))}, "
            f"run {manifest['run_id']}"
        ),
        "cause": escape(manifest["cause"]["text"]) if manifest.get("cause") else "",
        "uplot.css": (vendor / "uPlot.min.css").read_text(encoding="utf-8"),
        "uplot.js": (vendor / "uPlot.iife.min.js").read_text(encoding="utf-8"),
        # `</script>` inside a step name must not end the script it is data of
        "figure": json.dumps(figure, separators=(",", ":")).replace("<", "\\u003c"),
    }
    return fill("interactive.html", parts)
