"""How each figure was computed, once: every definition hides a choice."""

from html import escape

from reports import markup
from reports.front.pieces import rows_of
from reports.front.shown import Shown
from reports.markup import table

ORDER = 100


def section(shown: Shown) -> str:
    """Of every figure on the page."""
    known = {row.name: row.definition for test in shown.tests for row in rows_of(test, shown.links) if row.definition}
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(known[name])}</td></tr>" for name in sorted(known))
    return markup.section("Definitions", table((), rows), "of the figures above")
