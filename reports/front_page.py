"""The page a reviewer opens in the morning: verdicts, margins, what failed and why, and where to look closer.

One HTML file without scripts and without anything from elsewhere, so that it opens from a disk, a mail or a
CI artifact; figures lie beside it. It shows what `reports.outcome` found and decides nothing.
"""

import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Any

from bench.recording.aftermath import GONE, NOT_VERIFIED, REPORTED, UNSAFE, VERIFIED
from bench.recording.again import again
from bench.recording.session_log import ENDED, NEVER_ENDED, Session
from bench.verdicts import FAILED, NOT_RUN, SELDOM, WORDS, counts_in_words
from reports.covered import requirements
from reports.health.section import bench_health
from reports.markup import CLASS, cells, head, section, sparkline, table, verdict_badge, wide
from reports.nights.course import Course
from reports.nights.night import Figure, Told, What, Who
from reports.nights.section import Since, what_changed
from reports.nights.section import headline as news
from reports.outcome import ORDER, Outcome
from reports.page import fill
from reports.panels import readable
from reports.provenance_section import provenance
from reports.results import environment
from reports.tables import Row, gaps_of, quantity, tightest

BENCH_CLASS = {VERIFIED: "pass", REPORTED: "unsure", NOT_VERIFIED: "alarm", GONE: "notrun"}
BENCH_WORDS = {
    VERIFIED: "bench verified safe", REPORTED: "bench reported off", NOT_VERIFIED: UNSAFE,
    GONE: "simulators gone",
}  # fmt: skip
OTHERS = ("BENCH FAULT", "ABORTED", NOT_RUN)
UNJUDGED = (*OTHERS, "TEST ERROR")
FAILURES = (
    ("FAIL", "Pack failures", "what the pack did that it must not, or did not reach"),
    ("CHARGER FAIL", "Charger failures", "what the charger did not do; the pack is not to blame"),
    ("MANAGER FAIL", "Energy manager failures", "what the manager asked for, or did not say; the pack is not to blame"),
)
"""Who failed, the section that lists it, and what it says."""
WHO = {"CHARGER FAIL": "the charger", "MANAGER FAIL": "the energy manager"}


Device = Mapping[str, Any]
Courses = Mapping[tuple[Who, What], Course]


@dataclass(frozen=True, slots=True)
class Links:
    """Where the files of the report lie, relative to the front page; None where there is no Allure."""

    allure: str | None
    figure: Callable[[Outcome], str | None]
    interactive: Callable[[Outcome], str | None]
    run: Callable[[Outcome], str | None]
    forensics: Callable[[Outcome], str | None] = lambda _: None


def render(
    tests: Sequence[Outcome],
    links: Links,
    since: Since,
    problem: str | None = None,
    session: Session | None = None,
) -> str:
    """Write the page; `session` is what its counts, its state and the command to repeat tests are told from."""
    manifests = [dict(test.manifest) for test in tests if test.manifest]
    counts = Counter(test.verdict for test in tests)
    sections = (
        _problem(problem),
        what_changed(since, {test.nodeid: anchor(test) for test in tests}),
        _matrix(tests),
        *(
            _failures([test for test in tests if test.verdict == verdict], title, note, links)
            for verdict, title, note in FAILURES
        ),
        _faults([test for test in tests if test.verdict in OTHERS], _devices(manifests), links, session),
        _mistakes([test for test in tests if test.verdict == "TEST ERROR"], links, session),
        _unsure([test for test in tests if test.verdict == "INCONCLUSIVE"], links),
        requirements(_listed(session), tests, {test.nodeid: anchor(test) for test in tests}),
        _tests(tests, links, since.last.courses),
        bench_health(tests, since.last.recent),
        _traceability(manifests),
        provenance(tests, since),
        _definitions(tests),
    )
    return fill(
        "front_page.html",
        {
            "alarm": _alarm(tests, session),
            "headline": escape(headline(counts)),
            "counts": escape(" ".join(filter(None, (counts_in_words(counts), news(since.last))))),
            "bench": _bench_lines(tests, session),
            "subtitle": escape(_subtitle(manifests)),
            "chips": _chips(counts),
            "allure": f'<a class="button" href="{links.allure}">Allure report</a>' if links.allure else "",
            "sections": "".join(sections),
        },
    )


def _listed(session: Session | None) -> Mapping[str, Mapping[str, Any]]:
    return session.facts.get("requirements", {}) if session else {}


def headline(counts: Mapping[str, int]) -> str:
    """Say in one sentence what came out, the pack first, the bench apart from it."""
    total = sum(counts.values())
    judged = sum(counts.get(verdict, 0) for verdict in ("PASS", *FAILED.values(), "INCONCLUSIVE"))
    if counts.get("FAIL"):
        text = f"The pack failed {counts['FAIL']} of {total} tests"
    elif total and counts.get("PASS") == total:
        return f"The pack passed all {total} tests." if total > 1 else "The pack passed the only test."
    else:
        text = f"The pack passed {counts.get('PASS', 0)} of {total} tests and failed none"
    text += "".join(f"; {who} failed {counts[verdict]}" for verdict, who in WHO.items() if counts.get(verdict))
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


def _alarm(tests: Sequence[Outcome], session: Session | None) -> str:
    """What nobody may overlook, before everything else: a bench to switch off by hand, a session that never ended."""
    left: dict[str, list[str]] = {}
    for test in tests:
        if test.bench == NOT_VERIFIED:
            left.setdefault(test.left, []).append(_title(test))
    unsafe = "".join(
        f'<p class="alarm"><strong>{escape(words)}</strong> It was left so by {", ".join(by)}.</p>'
        for words, by in left.items()
    )
    if session is None:
        return unsafe
    stopped = [NEVER_ENDED] if session.state != ENDED else []
    return unsafe + "".join(f'<p class="alarm">{escape(text)}</p>' for text in (*stopped, session.trouble) if text)


def _bench_lines(tests: Sequence[Outcome], session: Session | None) -> str:
    """How every run left the bench, in the words of the terminal."""
    if session is None or any(test.bench == NOT_VERIFIED for test in tests):
        return ""
    lines = (*session.waiver_lines(), *session.bench_lines())
    return "".join(f'<p class="subtitle">{escape(line)}</p>' for line in lines)


def _chips(counts: Mapping[str, int]) -> str:
    return "".join(
        f'<span class="chip {CLASS[verdict]}{"" if counts.get(verdict) else " none"}">'
        f"<b>{counts.get(verdict, 0)}</b> {WORDS[verdict]}</span>"
        for verdict in ORDER
        if verdict not in SELDOM or counts.get(verdict)
    )


def _problem(problem: str | None) -> str:
    return f'<p class="problem">{escape(problem)}</p>' if problem else ""


# --- matrix


def _matrix(tests: Sequence[Outcome]) -> str:
    """Scenarios down, temperatures across; tests without a temperature are in the list below only."""
    placed = [test for test in tests if test.temperature is not None]
    temperatures = sorted({test.temperature for test in placed if test.temperature is not None})
    rows: dict[str, dict[float, list[Outcome]]] = {}
    for test in sorted(placed, key=lambda test: test.nodeid):
        rows.setdefault(scenario(test), {}).setdefault(test.temperature or 0.0, []).append(test)
    across = "".join(f"<th>{temperature:g} °C</th>" for temperature in temperatures)
    body = "".join(
        f"<tr><th>{escape(name)}</th>"
        + "".join(f"<td>{''.join(map(_cell, fields.get(temperature, [])))}</td>" for temperature in temperatures)
        + "</tr>"
        for name, fields in rows.items()
    )
    grid = wide(f'<table class="matrix"><tr><td></td>{across}</tr>{body}</table>', "matrix") if rows else ""
    return section("Margin to the tightest limit", grid, "in % of the limit; empty: not part of this session")


def scenario(test: Outcome) -> str:
    """Name what was done, without the temperature it was done at."""
    bare = re.sub(r"(?:,|\s(?:at|and))*\s*-?\d+(?:\.\d+)?\s*°C", "", test.title).strip(" ,")
    others = test.manifest.get("test", {}).get("parameters", {})
    packs = str(others.get("pack", ""))
    return f"{bare}, {packs}" if packs and packs not in bare else bare


def _cell(test: Outcome) -> str:
    row = tightest(_deciding(test))
    margin = row.relative_margin if row else None
    text = f"{100 * margin:+.1f} %" if margin is not None else ""
    if test.verdict in UNJUDGED:
        text = WORDS[test.verdict]
    limit = f"{row.name} {quantity(row.value, row.unit)} {row.allowed}" if row else "no limit was measured"
    hint = test.reason if test.cause else limit
    return (
        f'<a class="cell {CLASS[test.verdict]}" href="#{anchor(test)}" title="{escape(hint)}">'
        f"{text or WORDS[test.verdict]}</a>"
    )


def _deciding(test: Outcome) -> list[Row]:
    """The rows that made the verdict what it is: of a failed test never one that it passed."""
    if test.verdict in FAILED.values():
        return [row for row in test.violated if (row.margin or 0.0) < 0]
    if test.verdict == "INCONCLUSIVE":
        return [row for row in test.rows if row.verdict == test.verdict]
    return test.rows


def anchor(test: Outcome) -> str:
    """Name the place of a test on the page."""
    return f"t{test.allure_id[:12]}"


# --- lists


def _failures(tests: Sequence[Outcome], title: str, note: str, links: Links) -> str:
    rows = "".join(_failure(test, row, links) for test in tests for row in test.violated or (None,))
    names = head("Test", "What", "Measured", "Allowed", "Margin", "Where", "")
    return section(title, table(names, rows), note)


def _failure(test: Outcome, row: Row | None, links: Links) -> str:
    """One violated measurement, or the cause that ended the run before anything was measured."""
    demands = ", ".join(test.requirements)
    where = place(test.cause)
    if row is None:
        told = f'<td colspan="4">{escape(test.reason)}</td>'
    else:
        margin = quantity(row.margin, row.unit, signed=True) if row.margin is not None and row.margin < 0 else ""
        told = cells(row.name, _measured(row), row.allowed, margin)
        where = f"step {row.step}" if row.step and row is not test.trip else where
        demands = "; ".join(filter(None, (demands, row.source)))
    return (
        f"<tr><td>{_title(test)}{_waived(test)}<br><small>{escape(demands)}</small> {_fault(test)}</td>{told}"
        f"<td>{escape(where)}{_moment(test, row, links)}</td><td>{_links(test, links)}</td></tr>"
    )


def _measured(row: Row) -> str:
    """The value, and what it is known to."""
    spread = f" ± {quantity(row.uncertainty, row.unit)}" if row.uncertainty else ""
    return f"{quantity(row.value, row.unit)}{spread}"


def _moment(test: Outcome, row: Row | None, links: Links) -> str:
    """A link to the moment at which a limit ended the run, in its interactive figure."""
    figure, time = links.interactive(test), test.cause.get("time")
    if figure is None or time is None or (row is not None and row is not test.trip):
        return ""
    return f'<br><a href="{escape(figure)}#at={float(time):.0f}">this moment</a>'


def _fault(test: Outcome) -> str:
    """The id in the fault catalogue of what ended the run, to search and to sort by."""
    return f"<code>{escape(test.cause['fault'])}</code>" if test.cause.get("fault") else ""


def place(cause: Mapping[str, Any]) -> str:
    """Say in which step and when something happened, as far as it is known."""
    step = f"step {cause['step']}" if cause.get("step") else ""
    moment = f"at {readable(cause['time'])}".replace(" ", "\N{NO-BREAK SPACE}") if cause.get("time") is not None else ""
    return ", ".join(part for part in (step, moment) if part)


def _faults(tests: Sequence[Outcome], devices: Sequence[Device], links: Links, session: Session | None) -> str:
    """One row for all tests that the same cause ended: a shunt that drifts is one thing to see to."""
    groups: dict[tuple[str, ...], list[Outcome]] = {}
    for test in tests:
        groups.setdefault(_first_cause(test, devices), []).append(test)
    rows = "".join(_cause(group, devices, links) for group in groups.values())
    names = head("Test", "", "What happened", "Where", "")
    note = "nothing is known about the pack from these tests"
    body = table(names, rows) + _repeat(tests, session) if tests else ""
    return section("Bench faults and missing tests", body, note)


def _first_cause(test: Outcome, devices: Sequence[Device]) -> tuple[str, ...]:
    """What makes two tests end by the same: the fault, and the instruments that it means or names."""
    fault = str(test.cause.get("fault") or "")
    return (test.verdict, fault, culprit(test.cause, test.reason, devices), "" if fault else test.reason)


def _cause(tests: Sequence[Outcome], devices: Sequence[Device], links: Links) -> str:
    first, *others = tests
    count = f"<small>{len(tests)} tests:</small> " if others else ""
    also = f"<br><small>and {len(others)} more like it</small>" if others else ""
    return (
        f"<tr><td>{count}{', '.join(map(_title, tests))}</td><td>{verdict_badge(first.verdict)}</td>"
        f"<td>{_told(first)}{also}<br>{_fault(first)} "
        f"<small>{escape(culprit(first.cause, first.reason, devices))}</small></td>"
        f"<td>{escape(place(first.cause))}</td><td>{_links(first, links)}</td></tr>"
    )


def _mistakes(tests: Sequence[Outcome], links: Links, session: Session | None) -> str:
    rows = "".join(
        f"<tr><td>{_title(test)}</td><td>{verdict_badge(test.verdict)}</td><td>{_told(test)} {_fault(test)}</td>"
        f"<td>{_links(test, links)}</td></tr>"
        for test in tests
    )
    names = head("Test", "", "What is wrong in it", "")
    body = table(names, rows) + _repeat(tests, session) if tests else ""
    return section("Mistakes in tests", body, "the test, a file or an option is wrong; pack and bench are not to blame")


def _told(test: Outcome) -> str:
    """The first cause, and what went wrong after it."""
    return "<br>".join([escape(test.reason), *(f"Then: {escape(cause['text'])}" for cause in test.later)])


def _repeat(tests: Sequence[Outcome], session: Session | None) -> str:
    """The command that has these tests again as they were run."""
    nodeids = [test.nodeid for test in tests if test.nodeid]
    if not nodeids:
        return ""
    command = again(session, nodeids) if session is not None else shlex.join(["pytest", *nodeids])
    return f"<p>Repeat these: <code>{escape(command)}</code></p>"


def culprit(cause: Mapping[str, Any], reason: str, devices: Sequence[Device]) -> str:
    """Identify the instrument that a cause means, else those that its sentence names: model, serial number, address."""
    meant = cause.get("instrument")
    named = [
        f"{device['name']}: {device.get('manufacturer', '')} {device.get('model', '')}, "
        f"serial {device.get('serial_number') or 'unknown'}, {device.get('resource', '')}"
        for device in devices
        if (device["name"] == meant if meant else _names(reason, device["name"]))
    ]
    return "; ".join(named)


def _names(reason: str, instrument: str) -> bool:
    return re.search(rf"\b{re.escape(instrument)}\b", reason, re.IGNORECASE) is not None


def _unsure(tests: Sequence[Outcome], links: Links) -> str:
    rows = "".join(
        f"<tr><td>{_title(test)}</td><td>{escape(test.reason)}</td><td>{_links(test, links)}</td></tr>"
        for test in tests
    )
    names = head("Test", "Why", "")
    return section("Inconclusive", table(names, rows), "closer to a limit than the measurement can tell")


def _title(test: Outcome) -> str:
    return f'<a href="#{anchor(test)}">{escape(test.title)}</a>'


def _bench_badge(test: Outcome) -> str:
    """How the bench was left, beside the verdict of the test and not mixed with it."""
    known = test.bench in BENCH_WORDS
    return f' <span class="badge {BENCH_CLASS[test.bench]}">{BENCH_WORDS[test.bench]}</span>' if known else ""


def _waived(test: Outcome) -> str:
    """Beside the verdict, which stays what it is."""
    return ' <span class="badge unsure">waived</span>' if test.waived else ""


def _links(test: Outcome, links: Links) -> str:
    targets = (
        ("interactive figure", links.interactive(test)),
        ("last minute", links.forensics(test)),
        ("Allure", f"{links.allure}#{test.allure_id}" if links.allure else None),
        ("recorded data", links.run(test)),
    )
    return " · ".join(f'<a href="{escape(url)}">{name}</a>' for name, url in targets if url)


# --- tests


def _tests(tests: Sequence[Outcome], links: Links, courses: Courses) -> str:
    return section("All tests", "".join(_test(test, links, courses) for test in tests))


def _test(test: Outcome, links: Links, courses: Courses) -> str:
    picture = links.figure(test)
    image = f'<img loading="lazy" alt="{escape(test.title)}" src="{escape(picture)}">' if picture else ""
    told = f"{_told(test)} {escape(place(test.cause))}"
    reason = f'<p class="reason {CLASS[test.verdict]}">{told}</p>' if test.verdict != "PASS" else ""
    left = f'<p class="reason alarm">{escape(test.left)}</p>' if test.left else ""
    waiver = f'<p class="reason unsure">{escape(test.waiver)}</p>' if test.waiver else ""
    told_gaps = gaps_of(test.manifest)
    gaps = "".join(f'<p class="reason notrun">{escape(text)}</p>' for text in told_gaps)
    resumed = ' <span class="badge notrun">resumed after a gap</span>' if told_gaps else ""
    duration = readable(test.manifest.get("duration")) if test.manifest else ""
    requirements = escape(", ".join(test.requirements))
    return (
        f"<details{' open' if test.verdict in FAILED.values() else ''}>"
        f"<summary>{verdict_badge(test.verdict)} {escape(test.title)} "
        f"<small>{requirements} {duration}</small>{_waived(test)}{resumed}{_bench_badge(test)}</summary>"
        # A link to what is inside opens it, without a script.
        f'<div id="{anchor(test)}">{left}{reason}{waiver}{gaps}<p>{_links(test, links)}</p>{image}'
        f"{_figures(test, courses)}</div></details>"
    )


def _figures(test: Outcome, courses: Courses) -> str:
    rows, who = "", Told.of(test).who
    for row in test.rows:
        course = courses.get((who, What(row.step, row.name)))
        limit = Figure.of(row).limit
        past = "" if course is None else sparkline(course.values, limit, course.band, course.step)
        margin = quantity(row.margin, row.unit, signed=True) if row.margin is not None else ""
        verdict = verdict_badge(row.verdict) if row.verdict else ""
        told = cells(row.name, quantity(row.value, row.unit), row.allowed, margin, row.step)
        source = f"<td><small>{escape(row.source)}</small></td>"
        rows += f"<tr>{told}<td>{verdict}</td><td>{past}</td>{source}</tr>"
    names = head("Quantity", "Value", "Allowed", "Margin", "Step", "", "Last nights", "Limit from")
    return table(names, rows)


# --- traceability


def _traceability(manifests: Sequence[dict[str, Any]]) -> str:
    facts = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>"
        for name, text in environment(list(manifests)).items()
    )
    today = max((str(manifest.get("started") or "")[:10] for manifest in manifests), default="")
    rows = "".join(_device(device, today) for device in _devices(manifests))
    names = head("Instrument", "Model", "Serial", "Firmware", "Address", "Calibrated until")
    return section("Traceability", table("", facts) + table(names, rows) if manifests else "")


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
    told = "".join(f"<td>{escape(str(value or '-'))}</td>" for value in values)
    return f"<tr>{told}<td>{calibration}</td></tr>"


def _definitions(tests: Sequence[Outcome]) -> str:
    """Tell how each figure was computed, once: every definition hides a choice."""
    known = {row.name: row.definition for test in tests for row in test.rows if row.definition}
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(known[name])}</td></tr>" for name in sorted(known))
    return section("Definitions", table("", rows), "of the figures above")
