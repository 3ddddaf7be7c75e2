"""Local time of quarters of an hour: real time goes on evenly, clocks do not."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Paris")
"""Of the places that ship: all of Oslo, Paris and Seville keep Central European Time."""


def quarters(start: datetime, count: int) -> list[datetime]:
    """Give the local time of `count` quarters of an hour from `start` on, which is aware of its zone."""
    zone, first = start.tzinfo, start.astimezone(UTC)
    return [(first + timedelta(minutes=15 * number)).astimezone(zone) for number in range(count)]


def hour(local: datetime) -> float:
    """Hour of the day on the clock."""
    return local.hour + local.minute / 60


def winter_hour(local: datetime) -> float:
    """Hour of the day on a clock that is never changed: sun and weather know no summer time."""
    saving = local.dst() or timedelta(0)
    return (hour(local) - saving.total_seconds() / 3600) % 24
