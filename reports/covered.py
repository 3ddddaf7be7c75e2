"""Requirements and what came of their tests: one row each, and those that nothing was run for."""

from collections.abc import Iterator, Mapping, Sequence
from csv import writer
from dataclasses import dataclass
from html import escape
from io import StringIO
from typing import Any

from bench.plain import no_formula
from reports.front.sections.matrix import UNJUDGED, deciding
from reports.kpi import found
from reports.markup import badge, cells, section, table, verdict_badge
from reports.outcome import ORDER, Outcome
from reports.tables import Row, quantity, tightest

FILE, REQIF = "requirements.csv", "requirements.reqif"
"""Beside the page."""
UNCOVERED = "no test in this session"
SIGNS: Mapping[str, str] = {"at_least": "≥", "at_most": "≤", "within": "±"}
"""Of a limit, by the sense of its KPI."""


@dataclass(frozen=True, slots=True)
class Covered:
    """One requirement of the list (empty words where there is none), and the tests that are marked with it."""

    identifier: str
    text: str = ""
    clause: str = ""
    kpi: tuple[str, ...] = ()
    tests: tuple[Outcome, ...] = ()
    limit: str = ""
    """What the list says that its figures must be, in words."""
    source: str = ""
    """Where it says that this comes from."""

    @property
    def verdict(self) -> str:
        """The worst of its tests; empty where none was meant to run."""
        return min((test.verdict for test in self.tests), key=ORDER.index, default="")

    @property
    def deciding(self) -> Row | None:
        """The figure that made its verdict what it is: never that of a test that passed, beside one that did not."""
        return tightest(row for test in self.tests if test.verdict == self.verdict for row in _deciding(test))


def coverage(listed: Mapping[str, Mapping[str, Any]], tests: Sequence[Outcome]) -> list[Covered]:
    """Every requirement of a list, in its order, and behind it those that tests are marked with beyond it."""
    marked = dict.fromkeys(identifier for test in tests for identifier in test.requirements)
    return [
        Covered(
            identifier, str(entry.get("text", "")), str(entry.get("clause", "")), tuple(entry.get("kpi", ())),
            tuple(test for test in tests if identifier in test.requirements),
            "; ".join(_limits(entry.get("limit") or {})), str(entry.get("source", "")),
        )
        for identifier, entry in {**{each: {} for each in marked}, **listed}.items()
        if identifier in listed or not listed or identifier in marked
    ]  # fmt: skip


def _limits(listed: Mapping[str, Any]) -> Iterator[str]:
    """Limits by figure, condition and temperature in words: `discharge capacity ≥ 1.96 Ah at C/3, 25 °C`."""
    for key, conditions in listed.items():
        kpi = found().named(key)
        sign, unit = (SIGNS[kpi.sense], kpi.unit) if kpi else (":", "")
        for condition, limits in conditions.items():
            for temperature, limit in limits.items():
                if limit is not None:
                    at = [condition, f"{float(temperature):g} °C" if len(limits) > 1 else ""]
                    where = ", ".join(filter(None, at))
                    yield f"{key} {sign} {quantity(float(limit), unit)}{f' at {where}' if where else ''}"


def requirements(
    listed: Mapping[str, Mapping[str, Any]], tests: Sequence[Outcome], links: Mapping[str, str], folder: str = "",
    contradictions: Sequence[str] = (),
) -> str:  # fmt: skip
    """The section of a page; nothing where no test is marked and there is no list. `folder` has its files.

    `contradictions` are sentences on limits that the list and a pack file do not agree on.
    """
    rows = coverage(listed, tests)
    missing = [each for each in rows if not each.tests]
    listing = ", ".join(each.identifier for each in missing)
    told = f"<p>Without a test in this session: {escape(listing)}.</p>" if missing else ""
    told += table(("Requirement", "What it says"), "".join(map(_untested, missing)))
    said = "".join(f"<p>{badge('two limits', 'unsure')} {escape(each)}</p>" for each in contradictions)
    names = ("Requirement", "What it says", "Worst", "Tightest figure", "Allowed", "Margin", "Tests")
    shown = table(names, "".join(_row(each, links) for each in rows if each.tests))
    files = f'<a href="{folder}{FILE}">as a table</a>, <a href="{folder}{REQIF}">as ReqIF</a>'
    note = f"the worst of all tests that are marked with each; {files}"
    return section("Requirements", said + shown + told, note)


def _row(covered: Covered, links: Mapping[str, str]) -> str:
    row = covered.deciding
    figure = cells("", "", "") if row is None else cells(
        f"{row.name} {quantity(row.value, row.unit)}", row.allowed, _margin(row),
    )  # fmt: skip
    return (
        f"<tr>{_said(covered)}<td>{verdict_badge(covered.verdict)}</td>{figure}<td>{_tests(covered, links)}</td></tr>"
    )


def _untested(covered: Covered) -> str:
    return f"<tr>{_said(covered)}</tr>"


def _said(covered: Covered) -> str:
    """What it says, where that comes from, which figures show it, and what they must be."""
    limit = "; from ".join(filter(None, (covered.limit, covered.source)))
    told = (covered.clause, f"Figures: {', '.join(covered.kpi)}" if covered.kpi else "", limit)
    small = "".join(f"<br><small>{escape(each)}</small>" for each in told if each)
    return f"<td><b>{escape(covered.identifier)}</b></td><td>{escape(covered.text)}{small}</td>"


def _margin(row: Row) -> str:
    return f"{100 * row.relative_margin:+.1f} %" if row.relative_margin is not None else ""


def _tests(covered: Covered, links: Mapping[str, str]) -> str:
    """How many there are, and the worst of them to look at."""
    first = min(covered.tests, key=lambda test: ORDER.index(test.verdict))
    more = f" and {len(covered.tests) - 1} more" if len(covered.tests) > 1 else ""
    return f'<a href="{links.get(first.nodeid, "#")}">{escape(first.title)}</a>{more}'


def _deciding(test: Outcome) -> list[Row]:
    return [] if test.verdict in UNJUDGED else deciding(test)


def as_csv(rows: Sequence[Covered]) -> str:
    """The table for a requirements tool: one line for each requirement and test, one for what has none."""
    out = StringIO()
    table = writer(out, lineterminator="\n")
    table.writerow([
        "id", "clause", "text", "test", "verdict", "figure", "value", "allowed", "margin", "source", "run",
        "kpi", "limit", "limit source",
    ])  # fmt: skip
    for covered in rows:
        for test in covered.tests or (None,):
            said = map(no_formula, (covered.identifier, covered.clause, covered.text))
            asked = map(no_formula, (", ".join(covered.kpi), covered.limit, covered.source))
            table.writerow([*said, *_of(test), *asked])
    return out.getvalue()


def _of(test: Outcome | None) -> list[str]:
    if test is None:
        return ["", UNCOVERED, *[""] * 6]
    row = tightest(_deciding(test))
    figure = ["", "", "", "", ""] if row is None else [
        no_formula(row.name), quantity(row.value, row.unit), row.allowed, quantity(row.margin, row.unit, signed=True),
        no_formula(row.source),
    ]  # fmt: skip
    return [no_formula(test.nodeid), test.verdict, *figure, str(test.manifest.get("run_id") or "")]
