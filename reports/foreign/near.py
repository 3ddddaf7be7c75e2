"""What a text that is no recording has of one: its likeliest line of headers, and what that does not name."""

from collections.abc import Iterable, Iterator

from reports.foreign import source as labels
from reports.foreign.head import Head
from reports.foreign.tables import TIMES, Place, TableFormat
from reports.foreign.text import layouts_of

WANTED = {"a time": TIMES, "a voltage": (labels.VOLTAGE,), "a current": (labels.CURRENT,)}


def nearest_miss(head: Head, formats: Iterable[object]) -> str:
    """Why the line of headers that names most of what is wanted is not enough; empty where none names two of them."""
    tables = [each for each in formats if isinstance(each, TableFormat)]
    misses = [
        (dict(_named(found)), layout.line)
        for layout in layouts_of(head)
        for table in tables
        if (found := table.named(layout.header))
    ]
    named, line = max(misses, key=lambda each: len(each[0]), default=({}, 0))
    if not 2 <= len(named) < len(WANTED):
        return ""
    has = " and ".join(f"{what} ({header!r})" for what, header in named.items())
    return f"its line {line + 1} has headers of {has}, and none of {next(what for what in WANTED if what not in named)}"


def _named(found: dict[str, Place]) -> Iterator[tuple[str, str]]:
    for what, wanted in WANTED.items():
        header = next((found[label].header for label in wanted if label in found), None)
        if header is not None:
            yield what, header
