"""The page a reviewer opens in the morning: verdicts, margins, what failed and why, and where to look closer.

One HTML file without scripts and without anything from elsewhere, so that it opens from a disk, a mail or a
CI artifact; figures lie beside it. It shows what `reports.outcome` found and decides nothing.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from shlex import quote
from typing import Any

from reports import history
from reports.outcome import NOT_RUN, ORDER, Outcome
from reports.page import fill
from reports.panels import readable
from reports.results import environment
from reports.tables import Row, gaps_of, quantity, tightest

CLASS = {
    "PASS": "pass",
    "FAIL": "fail",
    "INCONCLUSIVE": "unsure",
    "BENCH FAULT": "bench",
    "ABORTED": "aborted",
    NOT_RUN: "notrun",
}
UNJUDGED = ("BENCH FAULT", "ABORTED", NOT_RUN)
WORDS = {
    "FAIL": "pack failed",
    "BENCH FAULT": "bench failed",
    "ABORTED": "aborted",
    NOT_RUN: "not run",
    "INCONCLUSIVE": "inconclusive",
    "PASS": "passed",
}


Device = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Links:
    """Where the files of the report lie, relative to the front page; None where there is no Allure."""

    allure: str | None
    figure: Callable[[Outcome], str | None]
    interactive: Callable[[Outcome], str | None]
    run: Callable[[Outcome], str | None]


def render(
    tests: Sequence[Outcome],
    links: Links,
    trends: Mapping[history.Key, list[float]],
    problem: str | None = None,
) -> str:
    """Write the page."""
    manifests = [dict(test.manifest) for test in tests if test.manifest]
    counts = Counter(test.verdict for test in tests)
    sections = (
        _problem(problem),
        _matrix(tests),
        _failures([test for test in tests if test.verdict == "FAIL"], links),
        _faults([test for test in tests if test.verdict in UNJUDGED], _devices(manifests), links),
        _unsure([test for test in tests if test.verdict == "INCONCLUSIVE"], links),
        _tests(tests, links, trends),
        _traceability(manifests),
        _definitions(tests),
    )
    return fill(
        "front_page.html",
        {
            "headline": escape(headline(counts)),
            "subtitle": escape(_subtitle(manifests)),
            "chips": _chips(counts),
            "allure": f'<a class="button" href="{links.allure}">Allure report</a>' if links.allure else "",
            "sections": "".join(sections),
        },
    )


def headline(counts: Mapping[str, int]) -> str:
    """Say in one sentence what came out, the pack first, the bench apart from it."""
    total = sum(counts.values())
    judged = sum(counts.get(verdict, 0) for verdict in ("PASS", "FAIL", "INCONCLUSIVE"))
    if counts.get("FAIL"):
        text = f"The pack failed {counts['FAIL']} of {total} tests"
    elif total and counts.get("PASS") == total:
        return f"The pack passed all {total} tests." if total > 1 else "The pack passed the only test."
    else:
        text = f"The pack passed {counts.get('PASS', 0)} of {total} tests and failed none"
    missing = total - judged
    return f"{text}; {missing} ended without a verdict on the pack." if missing else f"{text}."


def _subtitle(manifests: Sequence[dict[str, Any]]) -> str:
    if not manifests:
        return "No run was recorded."
    facts = environment(list(manifests))
    started = min(str(manifest.get("started") or "") for manifest in manifests)[:16].replace("T", " ")
    bench_time = readable(sum(float(manifest.get("duration") or 0.0) for manifest in manifests))
    place = f"{facts['Pack']} on {facts['Station']}"
    return f"{place}, revision {facts.get('Revision', 'unknown')}, {started} UTC, {bench_time} of bench time"


def _chips(counts: Mapping[str, int]) -> str:
    return "".join(
        f'<span class="chip {CLASS[verdict]}{"" if counts.get(verdict) else " none"}">'
        f"<b>{counts.get(verdict, 0)}</b> {WORDS[verdict]}</span>"
        for verdict in ORDER
    )


def _problem(problem: str | None) -> str:
    return f'<p class="problem">{escape(problem)}</p>' if problem else ""


def _section(title: str, body: str, note: str = "") -> str:
    note = f"<small>{note}</small>" if note else ""
    return f"<section><h2>{escape(title)} {note}</h2>{body}</section>" if body else ""


# --- matrix


def _matrix(tests: Sequence[Outcome]) -> str:
    """Scenarios down, temperatures across; tests without a temperature are in the list below only."""
    placed = [test for test in tests if test.temperature is not None]
    temperatures = sorted({test.temperature for test in placed if test.temperature is not None})
    rows: dict[str, dict[float, list[Outcome]]] = {}
    for test in sorted(placed, key=lambda test: test.nodeid):
        rows.setdefault(scenario(test), {}).setdefault(test.temperature or 0.0, []).append(test)
    head = "".join(f"<th>{temperature:g} °C</th>" for temperature in temperatures)
    body = "".join(
        f"<tr><th>{escape(name)}</th>"
        + "".join(f"<td>{''.join(map(_cell, cells.get(temperature, [])))}</td>" for temperature in temperatures)
        + "</tr>"
        for name, cells in rows.items()
    )
    table = f'<div class="wide"><table class="matrix"><tr><th></th>{head}</tr>{body}</table></div>' if rows else ""
    return _section("Margin to the tightest limit", table, "in % of the limit; empty: not part of this session")


def scenario(test: Outcome) -> str:
    """Name what was done, without the temperature it was done at."""
    bare = re.sub(r"(?:,|\s(?:at|and))*\s*-?\d+(?:\.\d+)?\s*°C", "", test.title).strip(" ,")
    others = test.manifest.get("test", {}).get("parameters", {})
    packs = str(others.get("pack", ""))
    return f"{bare}, {packs}" if packs and packs not in bare else bare


def _cell(test: Outcome) -> str:
    row = tightest([*test.violated, *test.rows])
    margin = row.relative_margin if row else None
    text = f"{100 * margin:+.1f} %" if margin is not None else ""
    if test.verdict in UNJUDGED or (test.verdict == "FAIL" and not test.violated):
        text = WORDS[test.verdict]
    limit = f"{row.name} {quantity(row.value, row.unit)} {row.allowed}" if row else "no limit was measured"
    hint = test.reason if test.cause else limit
    return (
        f'<a class="cell {CLASS[test.verdict]}" href="#{anchor(test)}" title="{escape(hint)}">'
        f"{text or WORDS[test.verdict]}</a>"
    )


def anchor(test: Outcome) -> str:
    """Name the place of a test on the page."""
    return f"t{test.allure_id[:12]}"


# --- lists


def _failures(tests: Sequence[Outcome], links: Links) -> str:
    rows = "".join(_failure(test, row, links) for test in tests for row in test.violated or (None,))
    head = _head("Test", "What", "Measured", "Allowed", "Margin", "Where", "")
    return _section("Pack failures", _table(head, rows), "what the pack did that it must not, or did not reach")


def _failure(test: Outcome, row: Row | None, links: Links) -> str:
    """One violated measurement, or the cause that ended the run before anything was measured."""
    demands = ", ".join(test.requirements)
    where = place(test.cause)
    if row is None:
        cells = f'<td colspan="4">{escape(test.reason)}</td>'
    else:
        margin = quantity(row.margin, row.unit, signed=True) if row.margin is not None else ""
        cells = _cells(row.name, quantity(row.value, row.unit), row.allowed, margin)
        where = f"step {row.step}" if row.step and row is not test.trip else where
    return (
        f"<tr><td>{_title(test)}<br><small>{escape(demands)}</small> {_fault(test)}</td>{cells}"
        f"<td>{escape(where)}</td><td>{_links(test, links)}</td></tr>"
    )


def _fault(test: Outcome) -> str:
    """The id in the fault catalogue of what ended the run, to search and to sort by."""
    return f"<code>{escape(test.cause['fault'])}</code>" if test.cause.get("fault") else ""


def place(cause: Mapping[str, Any]) -> str:
    """Say in which step and when something happened, as far as it is known."""
    step = f"step {cause['step']}" if cause.get("step") else ""
    moment = f"at {readable(cause['time'])}".replace(" ", "\N{NO-BREAK SPACE}") if cause.get("time") is not None else ""
    return ", ".join(part for part in (step, moment) if part)


def _faults(tests: Sequence[Outcome], devices: Sequence[Device], links: Links) -> str:
    rows = "".join(
        f"<tr><td>{_title(test)}</td><td>{_badge(test.verdict)}</td><td>{escape(test.reason)}<br>"
        f"{_fault(test)} <small>{escape(culprit(test.reason, devices))}</small></td>"
        f"<td>{escape(place(test.cause))}</td><td>{_links(test, links)}</td></tr>"
        for test in tests
    )
    head = _head("Test", "", "What happened", "Where", "")
    again = " ".join(quote(test.nodeid) for test in tests if test.nodeid)
    repeat = f"<p>Repeat these: <code>pytest {escape(again)}</code></p>" if again else ""
    note = "nothing is known about the pack from these tests"
    return _section("Bench faults and missing tests", _table(head, rows) + repeat if tests else "", note)


def culprit(reason: str, devices: Sequence[Device]) -> str:
    """Identify the instruments that a reason names: model, serial number, address."""
    named = [
        f"{device['name']}: {device.get('manufacturer', '')} {device.get('model', '')}, "
        f"serial {device.get('serial_number') or 'unknown'}, {device.get('resource', '')}"
        for device in devices
        if re.search(rf"\b{re.escape(device['name'])}\b", reason, re.IGNORECASE)
    ]
    return "; ".join(named)


def _unsure(tests: Sequence[Outcome], links: Links) -> str:
    rows = "".join(
        f"<tr><td>{_title(test)}</td><td>{escape(test.reason)}</td><td>{_links(test, links)}</td></tr>"
        for test in tests
    )
    head = _head("Test", "Why", "")
    return _section("Inconclusive", _table(head, rows), "closer to a limit than the measurement can tell")


def _cells(*texts: str) -> str:
    """Make cells; what holds a number is never broken between value and unit."""
    kinds = (" class=n" if any(map(str.isdigit, text)) else "" for text in texts)
    return "".join(f"<td{kind}>{escape(text)}</td>" for kind, text in zip(kinds, texts, strict=True))


def _head(*names: str) -> str:
    return f"<tr>{''.join(f'<th>{name}</th>' for name in names)}</tr>"


def _table(head: str, rows: str) -> str:
    return f'<div class="wide"><table>{head}{rows}</table></div>' if rows else ""


def _title(test: Outcome) -> str:
    return f'<a href="#{anchor(test)}">{escape(test.title)}</a>'


def _badge(verdict: str) -> str:
    return f'<span class="badge {CLASS[verdict]}">{WORDS[verdict]}</span>'


def _links(test: Outcome, links: Links) -> str:
    targets = (
        ("interactive figure", links.interactive(test)),
        ("Allure", f"{links.allure}#{test.allure_id}" if links.allure else None),
        ("recorded data", links.run(test)),
    )
    return " · ".join(f'<a href="{escape(url)}">{name}</a>' for name, url in targets if url)


# --- tests


def _tests(tests: Sequence[Outcome], links: Links, trends: Mapping[history.Key, list[float]]) -> str:
    return _section("All tests", "".join(_test(test, links, trends) for test in tests))


def _test(test: Outcome, links: Links, trends: Mapping[history.Key, list[float]]) -> str:
    picture = links.figure(test)
    image = f'<img loading="lazy" alt="{escape(test.title)}" src="{escape(picture)}">' if picture else ""
    told = f"{escape(test.reason)} {escape(place(test.cause))}"
    reason = f'<p class="reason {CLASS[test.verdict]}">{told}</p>' if test.verdict != "PASS" else ""
    told_gaps = gaps_of(test.manifest)
    gaps = "".join(f'<p class="reason notrun">{escape(text)}</p>' for text in told_gaps)
    resumed = ' <span class="badge notrun">resumed after a gap</span>' if told_gaps else ""
    duration = readable(test.manifest.get("duration")) if test.manifest else ""
    requirements = escape(", ".join(test.requirements))
    return (
        f'<details id="{anchor(test)}"{" open" if test.verdict == "FAIL" else ""}>'
        f"<summary>{_badge(test.verdict)} {escape(test.title)} "
        f"<small>{requirements} {duration}</small>{resumed}</summary>"
        f"{reason}{gaps}<p>{_links(test, links)}</p>{image}{_figures(test, trends)}</details>"
    )


def _figures(test: Outcome, trends: Mapping[history.Key, list[float]]) -> str:
    rows = ""
    for row in test.rows:
        past = trends.get(history.key_of(test.manifest, row.step, row.name), [])
        margin = quantity(row.margin, row.unit, signed=True) if row.margin is not None else ""
        verdict = _badge(row.verdict) if row.verdict else ""
        cells = _cells(row.name, quantity(row.value, row.unit), row.allowed, margin, row.step)
        rows += f"<tr>{cells}<td>{verdict}</td><td>{sparkline(past)}</td></tr>"
    head = _head("Quantity", "Value", "Allowed", "Margin", "Step", "", "Last runs")
    return _table(head, rows)


def sparkline(values: Sequence[float]) -> str:
    """Draw the last values of a figure as a small line; two at least, or there is no trend."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    # a change below a thousandth of the value is drawn flat: noise must not look like a trend
    room = max(high - low, 1e-3 * max(abs(low), abs(high))) or 1.0
    middle = (low + high) / 2
    points = [
        (2 + 76 * position / (len(values) - 1), 9 - 14 * (value - middle) / room)
        for position, value in enumerate(values)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    change = f"{values[-2]:.5g} → {values[-1]:.5g}"
    return (
        f'<svg class="spark" width="80" height="18" role="img"><title>last change: {change}</title>'
        f'<polyline points="{line}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="2"/></svg>'
    )


# --- traceability


def _traceability(manifests: Sequence[dict[str, Any]]) -> str:
    facts = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>"
        for name, text in environment(list(manifests)).items()
    )
    today = max((str(manifest.get("started") or "")[:10] for manifest in manifests), default="")
    rows = "".join(_device(device, today) for device in _devices(manifests))
    head = _head("Instrument", "Model", "Serial", "Firmware", "Address", "Calibrated until")
    return _section("Traceability", _table("", facts) + _table(head, rows) if manifests else "")


def _devices(manifests: Iterable[Mapping[str, Any]]) -> list[Device]:
    """List the instruments of all runs, each serial number once."""
    every = [device for manifest in manifests for device in manifest.get("instruments", ())]
    return list({(device["name"], device.get("serial_number")): device for device in every}.values())


def _device(device: Device, today: str) -> str:
    due = str(device.get("calibration_due") or "")
    expired = bool(due and today and date.fromisoformat(due) < date.fromisoformat(today))
    calibration = f'<b class="expired">{due}, expired</b>' if expired else escape(due or "unknown")
    model = f"{device.get('manufacturer', '')} {device.get('model', '')}".strip()
    values = (
        device["name"],
        model,
        device.get("serial_number"),
        device.get("firmware"),
        device.get("resource"),
    )
    cells = "".join(f"<td>{escape(str(value or '-'))}</td>" for value in values)
    return f"<tr>{cells}<td>{calibration}</td></tr>"


def _definitions(tests: Sequence[Outcome]) -> str:
    """Tell how each figure was computed, once: every definition hides a choice."""
    known = {row.name: row.definition for test in tests for row in test.rows if row.definition}
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(known[name])}</td></tr>" for name in sorted(known))
    return _section("Definitions", _table("", rows), "of the figures above")
