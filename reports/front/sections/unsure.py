"""Tests whose result is closer to a limit than the measurement can tell."""

from html import escape

from reports import markup
from reports.front.pieces import links_of, title
from reports.front.shown import Shown
from reports.markup import head, table

ORDER = 60


def section(shown: Shown) -> str:
    """Why each could not be told."""
    rows = "".join(
        f"<tr><td>{title(test)}</td><td>{escape(test.reason)}</td><td>{links_of(test, shown.links)}</td></tr>"
        for test in shown.of("INCONCLUSIVE")
    )
    names = head("Test", "Why", "")
    return markup.section("Inconclusive", table(names, rows), "closer to a limit than the measurement can tell")
