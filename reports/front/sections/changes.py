"""What has changed since earlier nights."""

from reports.front.pieces import anchor
from reports.front.shown import Shown
from reports.nights.section import what_changed

ORDER = 10


def section(shown: Shown) -> str:
    """Before everything else: it is what a reviewer asks first."""
    return what_changed(shown.since, {test.nodeid: anchor(test) for test in shown.tests})
