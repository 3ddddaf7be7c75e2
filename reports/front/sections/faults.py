"""Tests that say nothing of the pack because the bench failed or nobody let them end, by their first cause."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from bench.verdicts import NOT_RUN
from reports import markup
from reports.front.again import repeat
from reports.front.pieces import fault, links_of, place, title, told
from reports.front.shown import Device, Shown
from reports.markup import table, verdict_badge
from reports.outcome import Outcome

ORDER = 40
OTHERS = ("BENCH FAULT", "ABORTED", NOT_RUN)


def section(shown: Shown) -> str:
    """One row for all tests that the same cause ended: a shunt that drifts is one thing to see to."""
    tests, groups = shown.of(*OTHERS), dict[tuple[str, ...], list[Outcome]]()
    for test in tests:
        groups.setdefault(_first_cause(test, shown.devices), []).append(test)
    rows = [_cause(group, shown) for group in groups.values()]
    names = ("Test", "", "What happened", "Where", "")
    note = "nothing is known about the pack from these tests"
    body = table(names, shown.listed(rows)) + shown.more(len(rows)) + repeat(tests[: shown.most], shown.session)
    return markup.section("Bench faults and missing tests", body, note)


def _first_cause(test: Outcome, devices: Sequence[Device]) -> tuple[str, ...]:
    """What makes two tests end by the same: the fault, and the instruments that it means or names."""
    fault = str(test.cause.get("fault") or "")
    return (test.verdict, fault, culprit(test.cause, test.reason, devices), "" if fault else test.reason)


def _cause(tests: Sequence[Outcome], shown: Shown) -> str:
    first, *others = tests
    count = f"<small>{len(tests)} tests:</small> " if others else ""
    also = f"<br><small>and {len(others)} more like it</small>" if others else ""
    return (
        f"<tr><td>{count}{_titles(tests, shown)}</td><td>{verdict_badge(first.verdict)}</td>"
        f"<td>{told(first)}{also}<br>{fault(first)} "
        f"<small>{escape(culprit(first.cause, first.reason, shown.devices))}</small></td>"
        f"<td>{escape(place(first.cause))}</td>"
        f"<td>{links_of(first, shown.links)}</td></tr>"
    )


def _titles(tests: Sequence[Outcome], shown: Shown) -> str:
    named = ", ".join(title(test, shown.links) for test in tests[: shown.most])
    return named + shown.more(len(tests))


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
