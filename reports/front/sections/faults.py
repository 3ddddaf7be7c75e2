"""Tests that say nothing of the pack because the bench failed or nobody let them end, by their first cause."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from bench.verdicts import NOT_RUN, meant_by
from reports import markup
from reports.front.again import repeat
from reports.front.pieces import fault, links_of, place, title, told
from reports.front.shown import Device, Shown
from reports.markup import table, verdict_badge
from reports.outcome import Outcome

ORDER = 40
OTHERS = ("BENCH FAULT", "ABORTED", NOT_RUN)


@dataclass
class Ended:
    """Tests that the same cause ended; `shared` are the instruments that each of them means, as they are identified."""

    tests: list[Outcome] = field(default_factory=list)
    shared: frozenset[str] = frozenset()


def section(shown: Shown) -> str:
    """One row for all tests that the same cause ended: a shunt that drifts is one thing to see to."""
    tests = shown.of(*OTHERS)
    rows = [_cause(each, shown) for each in by_cause(tests, shown.devices)]
    names = ("Test", "", "What happened", "Where", "")
    note = "nothing is known about the pack from these tests"
    body = table(names, shown.listed(rows)) + shown.more(len(rows)) + repeat(tests[: shown.most], shown.session)
    return markup.section("Bench faults and missing tests", body, note)


def by_cause(tests: Sequence[Outcome], devices: Sequence[Device]) -> list[Ended]:
    """Group tests by verdict and fault, and by an instrument that all of a group mean, in the order they came in.

    Which meter is wrong is not always known of a single test: one that blames `supply or bms` and one that blames
    `load or bms` were ended by the same thing if there is one. Those that name the fewest decide what there is to join.
    """
    groups = dict[tuple[str, ...], list[Ended]]()
    meant = {id(test): culprits(test, devices) for test in tests}
    for test in sorted(tests, key=lambda each: len(meant[id(each)])):
        named, known = frozenset(meant[id(test)]), str(test.cause.get("fault") or "")
        same = groups.setdefault((test.verdict, known, "" if known else test.reason), [])
        found = [each for each in same if each.shared & named or not (each.shared or named)]
        group = max(found, key=lambda each: len(each.tests), default=None)
        if group is None:
            same.append(Ended([test], named))
        else:
            group.tests.append(test)
            group.shared &= named
    order = {id(test): place for place, test in enumerate(tests)}
    ended = [group for same in groups.values() for group in same]
    for group in ended:
        group.tests.sort(key=lambda test: order[id(test)])
    return sorted(ended, key=lambda group: order[id(group.tests[0])])


def _cause(ended: Ended, shown: Shown) -> str:
    first, *others = tests = ended.tests
    count = f"<small>{len(tests)} tests:</small> " if others else ""
    also = f"<br><small>and {len(others)} more like it</small>" if others else ""
    return (
        f"<tr><td>{count}{_titles(tests, shown)}</td><td>{verdict_badge(first.verdict)}</td>"
        f"<td>{told(first)}{also}<br>{fault(first)} "
        f"<small>{escape(_meant(ended, shown.devices))}</small></td>"
        f"<td>{escape(place(first.cause))}</td>"
        f"<td>{links_of(first, shown.links)}</td></tr>"
    )


def _titles(tests: Sequence[Outcome], shown: Shown) -> str:
    named = ", ".join(title(test, shown.links) for test in tests[: shown.most])
    return named + shown.more(len(tests))


def _meant(ended: Ended, devices: Sequence[Device]) -> str:
    """All instruments that are meant, those of every test first; of the others, in how many."""
    counts = Counter(named for test in ended.tests for named in culprits(test, devices))
    whole = len(ended.tests)
    return "; ".join(
        named if count == whole else f"{named} (in {count} of {whole} tests)" for named, count in counts.most_common()
    )


def culprits(test: Outcome, devices: Sequence[Device]) -> tuple[str, ...]:
    """The instruments that ended a test, identified: of its own bench, or of `devices` where it identified none."""
    return culprit(test.cause, test.reason, test.manifest.get("instruments") or devices)


def culprit(cause: Mapping[str, Any], reason: str, devices: Sequence[Device]) -> tuple[str, ...]:
    """Identify the instruments that a cause means, else those that its sentence names: model, serial number, address.

    One that is meant and that nobody has identified has its name alone.
    """
    meant = meant_by(cause)
    named = meant or [str(device["name"]) for device in devices if _names(reason, device["name"])]
    found = [
        identity
        for name in dict.fromkeys(named)
        for identity in [_identity(device) for device in devices if device["name"] == name] or [name]
    ]
    return tuple(dict.fromkeys(found))


def _identity(device: Device) -> str:
    return (
        f"{device['name']}: {device.get('manufacturer', '')} {device.get('model', '')}, "
        f"serial {device.get('serial_number') or 'unknown'}, {device.get('resource', '')}"
    )


def _names(reason: str, instrument: str) -> bool:
    return re.search(rf"\b{re.escape(instrument)}\b", reason, re.IGNORECASE) is not None
