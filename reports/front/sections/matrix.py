"""The matrix: scenarios down, temperatures across, in each field its verdict and what is nearest to its limit.

A field tells its verdict in a word and its worst measurement as a number, so that nobody reads a colour or a margin of
something that was not what failed.
"""

import re
from collections.abc import Mapping, Sequence
from html import escape

from bench.verdicts import FAILED, NOT_RUN, WORDS
from reports import markup
from reports.front.fields import grid
from reports.front.shown import Shown
from reports.markup import CLASS
from reports.nights.changes import Kind
from reports.outcome import ORDER as WORST_FIRST
from reports.outcome import Outcome
from reports.tables import Row, quantity, tightest

ORDER = 20
UNJUDGED = ("BENCH FAULT", "ABORTED", NOT_RUN, "TEST ERROR")
NOTE = "verdict, and margin of the worst measurement in % of its limit; ▼ worse than last night; empty: no such test"


def section(shown: Shown) -> str:
    """Every test has a field; where a page is too small for all rows, the worst are on it."""
    if shown.most is not None and shown.links.parts:
        return ""  # each of them has its own, behind the table of parts
    rows: dict[str, list[Outcome]] = {}
    for test in sorted(shown.tests, key=lambda test: test.nodeid):
        rows.setdefault(scenario(test), []).append(test)
    names = list(rows)
    if shown.most is not None and len(names) > shown.most:
        names.sort(key=lambda name: min(WORST_FIRST.index(test.verdict) for test in rows[name]))
    across = sorted({test.temperature for test in shown.tests}, key=lambda each: (each is None, each))
    fields = {
        name: [[_field(test, shown) for test in rows[name] if test.temperature == each] for each in across]
        for name in names[: shown.most]
    }
    body = grid([temperature_in_words(each) for each in across], fields, "matrix")
    return markup.section("Margin to the tightest limit", body + shown.more(len(names)), NOTE)


def temperature_in_words(temperature: float | None) -> str:
    """The head of a column; tests that are of no temperature have one as well."""
    return "any" if temperature is None else f"{temperature:g} °C"


def scenario(test: Outcome) -> str:
    """Name what was done, without the temperature it was done at."""
    bare = re.sub(r"(?:,|\s(?:at|and))*\s*-?\d+(?:\.\d+)?\s*°C", "", test.title).strip(" ,")
    others = test.manifest.get("test", {}).get("parameters", {})
    packs = str(others.get("pack", ""))
    return f"{bare}, {packs}" if packs and packs not in bare else bare


def _field(test: Outcome, shown: Shown) -> str:
    row = tightest(deciding(test))
    limit = f"{row.name} {quantity(row.value, row.unit)} {row.allowed}" if row else "no limit was measured"
    hint = escape(test.reason if test.cause else limit)
    return (
        f'<a class="cell {CLASS[test.verdict]}" href="{shown.links.test(test)}" title="{hint}">'
        f"<b>{WORDS[test.verdict]}</b>{_number(test, row)}{fallen(shown.worse.get(test.nodeid))}</a>"
    )


def _number(test: Outcome, row: Row | None) -> str:
    """The margin; of a test that failed by something that nobody measured these words; of one not judged nothing."""
    if test.verdict in UNJUDGED:
        return ""
    if row is not None and row.relative_margin is not None:
        return f" {100 * row.relative_margin:+.1f} %"
    missing = test.verdict in FAILED.values() and any(_was_not_measured(row) for row in test.violated)
    return " not measured" if missing else ""


def _was_not_measured(row: Row) -> bool:
    return row.measurement is not None and row.margin is None


def fallen(kind: Kind | None) -> str:
    """The mark of what is worse than in the last night."""
    return f' <span title="{kind}" aria-label="{kind}">▼</span>' if kind else ""


def deciding(test: Outcome) -> list[Row]:
    """The rows that made the verdict what it is: of a failed test never one that it passed."""
    if test.verdict in FAILED.values():
        return [row for row in test.violated if (row.margin or 0.0) < 0]
    if test.verdict == "INCONCLUSIVE":
        return [row for row in test.rows if row.verdict == test.verdict]
    return test.rows


def worst_of(tests: Sequence[Outcome]) -> tuple[str, float | None]:
    """The worst verdict of several tests, and the smallest margin (as a part of the limit) of those that have it."""
    verdict = min((test.verdict for test in tests), key=WORST_FIRST.index)
    rows = [tightest(deciding(test)) for test in tests if test.verdict == verdict]
    margins = [row.relative_margin for row in rows if row is not None and row.relative_margin is not None]
    return verdict, min(margins, default=None) if verdict not in UNJUDGED else None


def by_temperature(tests: Sequence[Outcome]) -> Mapping[float | None, list[Outcome]]:
    """The tests of each temperature, the coldest first."""
    found: dict[float | None, list[Outcome]] = {}
    for test in sorted(tests, key=lambda test: (test.temperature is None, test.temperature)):
        found.setdefault(test.temperature, []).append(test)
    return found
