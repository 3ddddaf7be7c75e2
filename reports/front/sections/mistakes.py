"""Mistakes in tests: neither pack nor bench are to blame."""

from reports import markup
from reports.front.again import repeat
from reports.front.pieces import fault, links_of, title, told
from reports.front.shown import Shown
from reports.markup import table, verdict_badge

ORDER = 50


def section(shown: Shown) -> str:
    """What is wrong in each, and how to have them again."""
    tests = shown.of("TEST ERROR")
    rows = [
        f"<tr><td>{title(test, shown.links)}</td><td>{verdict_badge(test.verdict)}</td>"
        f"<td>{told(test)} {fault(test)}</td>"
        f"<td>{links_of(test, shown.links)}</td></tr>"
        for test in tests
    ]
    note = "the test, a file or an option is wrong; pack and bench are not to blame"
    names = ("Test", "", "What is wrong in it", "")
    body = table(names, shown.listed(rows)) + shown.more(len(rows)) + repeat(tests[: shown.most], shown.session)
    return markup.section("Mistakes in tests", body, note)
