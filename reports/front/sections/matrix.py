"""The matrix: scenarios down, temperatures across, in each field how far it is from its tightest limit."""

import re
from html import escape

from bench.verdicts import FAILED, NOT_RUN, WORDS
from reports import markup
from reports.front.pieces import anchor
from reports.front.shown import Shown
from reports.markup import CLASS, wide
from reports.outcome import Outcome
from reports.tables import Row, quantity, tightest

ORDER = 20
UNJUDGED = ("BENCH FAULT", "ABORTED", NOT_RUN, "TEST ERROR")


def section(shown: Shown) -> str:
    """Tests without a temperature are in the list below only."""
    placed = [test for test in shown.tests if test.temperature is not None]
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
    return markup.section("Margin to the tightest limit", grid, "in % of the limit; empty: not part of this session")


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
