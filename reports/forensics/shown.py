"""The last minute as a page of its own (no script, so that every viewer shows it), as a summary, and as a CSV."""

from collections.abc import Iterator, Mapping, Sequence
from csv import writer
from html import escape
from io import StringIO
from math import isfinite
from typing import Any

import numpy as np

from bench.plain import no_formula
from reports.forensics.evidence import Evidence
from reports.forensics.frames import as_text
from reports.forensics.moment import Moment
from reports.markup import cells, section, table
from reports.page import fill
from reports.panels import readable
from reports.recording import Event, Floats

FIRST = (
    "Voltage / V", "Current / A", "Set Current / A", "Set Voltage / V", "Cell Voltage Min / V", "Cell Voltage Max / V",
    "Cell Temperature Min / degC", "Cell Temperature Max / degC", "Ambient Temperature / degC", "SOC / 1",
    "BMS State / 1", "BMS Age / s", "Scan Duration / s",
)  # fmt: skip
"""Channels that are looked at first, behind the one that a limit is about."""
CLOCKS = ("Test Time / s", "Unix Time / s")
TRACE = 60
"""Points of a small trace."""
LINES = 40
"""Messages of the wire that a summary shows: those up to the moment and what came of it."""


def page(title: str, evidence: Evidence) -> str:
    """The whole of it."""
    moment = evidence.moment
    sections = (
        section("First cause", _causes(moment) + _limit(moment)),
        section("What is missing", _list(evidence.missing)),
        section("Error queues", _queues(evidence.queues), "read after the bench was made safe"),
        section("Events", _events(evidence.events), "of these seconds"),
        section("Every channel", _channels(evidence), "from a minute before the moment up to it"),
        section("The wire", _folded(f"{len(evidence.wire)} messages", evidence.wire), "> sent, < received, ! fault"),
        section("The CAN bus", _folded(f"{len(evidence.frames)} frames", as_text(evidence.frames).splitlines())),
    )
    return fill(
        "forensics.html",
        {"title": escape(title), "subtitle": escape(_when(moment)), "sections": "".join(sections)},
    )


def summary(evidence: Evidence) -> str:
    """What is seen without a click, in inline styles alone: viewers strip everything else."""
    moment = evidence.moment
    wire = "\n".join(evidence.wire[-LINES:])
    parts = [f"<h3>The last minute before {escape(_when(moment))}</h3>", _limit(moment)]
    parts += [_queues(evidence.queues)] if evidence.queues else []
    parts += [table(_CHANNELS, "".join(_rows(evidence, _ordered(evidence)[: len(FIRST) + 1], traced=False)))]
    parts += [f"<p>The wire, the last {min(LINES, len(evidence.wire))} messages:</p>" if wire else ""]
    parts += [f'<pre style="font-size:11px;overflow-x:auto">{escape(wire)}</pre>' if wire else ""]
    parts += [f"<p>Missing:</p>{_list(evidence.missing)}" if evidence.missing else ""]
    return "".join(parts)


def as_csv(evidence: Evidence) -> str:
    """Every channel of the minute, a row for each scan."""
    out = StringIO()
    lines = writer(out, lineterminator="\n")
    lines.writerow(map(no_formula, evidence.columns))
    lines.writerows([f"{value:.10g}" if isfinite(value) else "" for value in row] for row in evidence.rows)
    return out.getvalue()


def _when(moment: Moment) -> str:
    step = f" in step {moment.step}" if moment.step else ""
    return f"{readable(moment.time)} ({moment.time:.1f} s){step}"


def _causes(moment: Moment) -> str:
    if not moment.causes:
        return "<p>Nobody has told a cause: the run has no end.</p>"
    first, *later = moment.causes
    fault = f" <code>{escape(moment.fault)}</code>" if moment.fault else ""
    return f"<p><b>{escape(first)}</b>{fault}</p>" + "".join(f"<p>Then: {escape(text)}</p>" for text in later)


def _limit(moment: Moment) -> str:
    limit = moment.limit
    if limit is None:
        return ""
    bounds = (("at least", limit.get("at_least")), ("at most", limit.get("at_most")))
    allowed = " and ".join(f"{word} {bound:g} {limit.get('unit', '')}" for word, bound in bounds if bound is not None)
    where = f" in step {moment.step}" if moment.step else ""
    who = " and ".join(f"{limit[key]}" for key in ("instrument", "place") if limit.get(key))
    where = f"{where} ({who})" if who else where
    value = limit.get("value")
    found = f", found {value:.6g} {limit.get('unit', '')}" if isinstance(value, int | float) else ""
    of = f" of {limit['column']}" if limit.get("column") else ""
    name = limit["name"]
    return f"<p>Limit: {escape(f'{name}{of}, {allowed}{found}{where}')}</p>"


def _queues(queues: Sequence[Mapping[str, Any]]) -> str:
    held = ((str(queue["instrument"]), "; ".join(map(str, queue["said"])) or queue.get("why")) for queue in queues)
    rows = "".join(f"<tr>{cells(name, str(said or 'empty'))}</tr>" for name, said in held)
    return table(("Instrument", "Its error queue"), rows)


def _events(events: Sequence[Event]) -> str:
    tripped = {event["text"] for event in events if event["type"] == "trip"}
    rows = "".join(
        f"<tr>{cells(_clock(event['time']), str(event['type']))}<td>{escape(_words(event))}</td></tr>"
        for event in events
        if event["type"] != "message" or event.get("text") not in tripped
    )
    return table(("Time", "What", ""), rows)


def _clock(time: float) -> str:
    return f"{time:.1f} s"


def _words(event: Event) -> str:
    if event["type"] == "set point":
        return f"{event['instrument']}: {event['quantity']} {event['value']} {event['unit']}"
    return str(event.get("text") or event.get("name") or event.get("limit") or "")


_CHANNELS = ("Channel", "A minute before", "Lowest", "Highest", "At the moment", "")


def _channels(evidence: Evidence) -> str:
    ordered = _ordered(evidence)
    shown, folded = ordered[: len(FIRST) + 1], ordered[len(FIRST) + 1 :]
    first = table(_CHANNELS, "".join(_rows(evidence, shown)))
    rest = table(_CHANNELS, "".join(_rows(evidence, folded)))
    more = f"<details><summary>{len(folded)} more channels</summary>{rest}</details>" if folded else ""
    return first + more


def _ordered(evidence: Evidence) -> list[str]:
    """Columns that hold a value, the one of the limit first."""
    known = [
        name
        for place, name in enumerate(evidence.columns)
        if name not in CLOCKS and np.isfinite(evidence.rows[:, place]).any()
    ]
    limited = str((evidence.moment.limit or {}).get("column") or "")
    first = [name for name in (limited, *FIRST) if name in known]
    return list(dict.fromkeys([*first, *known]))


def _rows(evidence: Evidence, names: Sequence[str], *, traced: bool = True) -> Iterator[str]:
    places = {name: place for place, name in enumerate(evidence.columns)}
    for name in names:
        values = evidence.rows[:, places[name]]
        known = values[np.isfinite(values)]
        told = cells(name, *(f"{value:.6g}" for value in (values[0], known.min(), known.max(), values[-1])))
        yield f"<tr>{told}<td>{_trace(name, values) if traced else ''}</td></tr>"


def _trace(name: str, values: Floats) -> str:
    """Draw it small; nothing where it did not change."""
    some = values[np.linspace(0, len(values) - 1, min(len(values), TRACE)).astype(int)]
    low, high = float(np.nanmin(some)), float(np.nanmax(some))
    if high <= low:
        return ""
    points = " ".join(
        f"{2 + 116 * place / (len(some) - 1):.0f},{23 - 20 * (value - low) / (high - low):.1f}"
        for place, value in enumerate(some)
        if isfinite(value)
    )
    label = escape(f"{name}: {low:.6g} to {high:.6g}")
    return (
        f'<svg width="120" height="26" role="img" aria-label="{label}">'
        f'<polyline fill="none" stroke="currentColor" points="{points}"/></svg>'
    )


def _folded(title: str, lines: Sequence[str]) -> str:
    if not lines:
        return ""
    text = escape("\n".join(lines))
    return f'<details open><summary>{title}</summary><pre tabindex="0">{text}</pre></details>'


def _list(texts: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>" if texts else ""
