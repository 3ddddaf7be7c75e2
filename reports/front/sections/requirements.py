"""Requirements, and what came of their tests."""

from reports import covered
from reports.front.pieces import anchor
from reports.front.shown import Shown

ORDER = 70


def section(shown: Shown) -> str:
    """Those of the session's list, and those that tests are marked with."""
    listed = shown.session.facts.get("requirements", {}) if shown.session else {}
    return covered.requirements(listed, shown.tests, {test.nodeid: anchor(test) for test in shown.tests})
