"""The interactive figure of a run: one HTML file with zoom and cursor that needs no network and no server.

uPlot (vendored under `reports/vendor`) draws it. In a report with many figures the library lies once beside them.
"""

import json
from collections.abc import Mapping
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from reports import coding
from reports.beside import Drawn, before_of, cells_of
from reports.page import fill
from reports.panels import Panel, breaks, decimate, limit_lines, panels_of, readable, span, violations_of
from reports.recording import Recording
from reports.tables import decided_of

BUCKETS = 5000  # at 4 or more rows each: a run of 5 h at 1 s stays whole
SHARED = "figure"
"""Name of the files beside figures that have what is the same in all of them."""
BACK = '<nav id="back"></nav>'


def html(run: Recording, before: Recording | None = None, called: str = "") -> str:
    """Build the page; `before` is an earlier run of the same test, to be laid over it, and `called` its night.

    Raises `ValueError` when the run has no sample to draw.
    """
    panels = panels_of(run)
    if not panels:
        raise ValueError("The run has no samples of voltage, current, temperature or SOC: nothing can be drawn.")
    names = list(dict.fromkeys(name for panel in panels for name in panel.columns))
    rows = decimate([run.column(name) for name in names], BUCKETS)
    at, moments = breaks(run, rows)
    drawn, time = Drawn(run, rows, at), np.insert(run.time[rows], at, moments)
    ticks = coding.ticks_of(time)
    figure = {
        "count": len(rows) + len(at),
        "ticks": ticks,
        "time": coding.pack_time(time, ticks),
        "columns": {name: coding.column(np.insert(run.column(name)[rows], at, np.nan)) for name in names},
        "panels": [_panel(drawn, panel) for panel in panels],
        "before": before_of(drawn, panels, before, called) if before is not None else None,
        **_marks(run),
    }
    return _fill(run, figure)


def beside(page: str, back: str = "") -> str:
    """A page for a folder where `shared` lies: without what is in there, and with a link back to where it is told."""
    for kind, text in shared().items():
        whole, elsewhere = _WHOLE[kind], _BESIDE[kind]
        page = page.replace(whole.format(text), elsewhere, 1)
    link = f'<nav id="back"><a href="{escape(back)}">Back to the report</a></nav>'
    return page.replace(BACK, link, 1) if back else page


@cache
def shared() -> Mapping[str, str]:
    """What all figures have in common, by the ending of its file."""
    vendor, own = files("reports") / "vendor" / "uplot", files("reports") / "templates"
    library = (vendor / "uPlot.iife.min.js").read_text(encoding="utf-8")
    style = (vendor / "uPlot.min.css").read_text(encoding="utf-8")
    return {
        "css": style + (own / "figure.css").read_text(encoding="utf-8"),
        "js": library + (own / "figure.js").read_text(encoding="utf-8"),
    }


_WHOLE = {"css": "<style>{}</style>", "js": "<script>{}</script>"}
_BESIDE = {"css": f'<link rel="stylesheet" href="{SHARED}.css">', "js": f'<script src="{SHARED}.js"></script>'}


def write_shared(folder: Path) -> None:
    """Write what `beside` has left out."""
    for kind, text in shared().items():
        (folder / f"{SHARED}.{kind}").write_text(text, encoding="utf-8")


def _panel(drawn: Drawn, panel: Panel) -> dict[str, Any]:
    low, high = span(drawn.run, panel)
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
        "limits": [
            {"name": limit.name, "value": limit.value, "text": limit.words(panel.unit)}
            for limit in limit_lines(drawn.run, panel)
        ],
        "cells": cells_of(drawn, panel),
    }


def _marks(run: Recording) -> dict[str, Any]:
    """What is said of moments and of times: steps, pauses, gaps, violations, who decided what was missed."""
    return {
        "steps": [{"name": step.name, "start": step.start, "stop": step.stop} for step in run.steps],
        "holds": [{"start": hold.start, "stop": hold.stop, "name": hold.limit} for hold in run.holds],
        "gaps": [
            {"start": gap.start, "seen": gap.seen, "stop": gap.stop, "name": readable(gap.seen - gap.start)}
            for gap in run.gaps
        ],
        "violations": [
            {
                "time": each.time, "text": each.text, "column": each.column, "value": each.value, "since": each.since,
                "limit": each.limit, "upper": each.upper,
            }
            for each in violations_of(run)
        ],
        "decided": [
            {"time": each["time"], "text": f"{name}: {each['text']}"}
            for (name, _), each in decided_of(run.manifest).items()
        ],
    }  # fmt: skip


def _fill(run: Recording, figure: dict[str, Any]) -> str:
    manifest = run.manifest
    parts = {
        "title": escape(manifest["test"]["title"]),
        "verdict": escape(str(manifest.get("verdict") or "RUNNING")),
        "subtitle": escape(
            f"{manifest['pack']['name']} on {manifest['station']['name']}, {readable(float(run.time[-1]))}, "
            f"run {manifest['run_id']}"
        ),
        "back": BACK,
        "cause": escape(manifest["cause"]["text"]) if manifest.get("cause") else "",
        **{kind: _WHOLE[kind].format(text) for kind, text in shared().items()},
        # `</script>` inside a step name must not end the script it is data of
        "figure": json.dumps(figure, separators=(",", ":")).replace("<", "\\u003c"),
    }
    return fill("interactive.html", parts)
