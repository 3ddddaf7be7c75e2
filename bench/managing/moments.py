"""When a manager is asked, and why: each quarter of an hour, and when something happens."""

from collections.abc import Iterator

from models.grid.week import QUARTER, Days

REASONS = ("start", "arrival", "link", "trip", "reserve", "tick")
"""Of several at one moment, the first is told."""

UNHEARD = frozenset({"link", "restart"})
"""Outages behind which whoever was not heard is told that he is again."""


def happenings(days: Days) -> Iterator[tuple[float, str]]:
    """Each moment (s from the beginning) that is known to whoever made the days, with its reason; in no order."""
    yield 0.0, "start"
    yield from ((QUARTER * number, "tick") for number in range(1, len(days.outside)))
    for trip in days.trips:
        yield trip.returns, "arrival"
        if trip.known is not None:
            yield trip.known, "trip"
    for outage in days.outages:
        yield outage.begins, "tick"
        yield outage.ends, "link" if outage.what in UNHEARD else "tick"
