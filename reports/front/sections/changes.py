"""What has changed since earlier nights."""

from reports.front.shown import Shown
from reports.nights.section import SHOWN, Listed, what_changed

ORDER = 10


def section(shown: Shown) -> str:
    """Before everything else: it is what a reviewer asks first."""
    return what_changed(shown.since, Listed(shown.places, shown.most or SHOWN, shown.links.everything))
