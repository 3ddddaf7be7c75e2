"""Tests whose result is closer to a limit than the measurement can tell."""

from html import escape

from reports import markup
from reports.front.pieces import links_of, title
from reports.front.shown import Shown
from reports.markup import table

ORDER = 60


def section(shown: Shown) -> str:
    """Why each could not be told."""
    rows = [
        f"<tr><td>{title(test, shown.links)}</td><td>{escape(test.reason)}</td>"
        f"<td>{links_of(test, shown.links)}</td></tr>"
        for test in shown.of("INCONCLUSIVE")
    ]
    names = ("Test", "Why", "")
    body = table(names, shown.listed(rows)) + shown.more(len(rows))
    return markup.section("Inconclusive", body, "closer to a limit than the measurement can tell")
