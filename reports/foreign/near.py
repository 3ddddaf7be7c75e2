"""What a text that is no recording has of one: its likeliest line of headers, and what that does not name."""

from collections.abc import Iterable, Iterator, Mapping

from reports.foreign import source as labels
from reports.foreign.head import Head
from reports.foreign.tables import TIMES, Place, TableFormat
from reports.foreign.text import layouts_of

WANTED = {"a time": TIMES, "a voltage": (labels.VOLTAGE,), "a current": (labels.CURRENT,)}
DIRECTED = {"a charge current": (labels.INTO,), "a discharge current": (labels.OUT,)}
"""What is wanted of a current instead, where there is a column of one direction."""


def nearest_miss(head: Head, formats: Iterable[object]) -> str:
    """Why the line of headers that names most of what is wanted is not enough; empty where none names two of them."""
    tables = [each for each in formats if isinstance(each, TableFormat)]
    misses = [
        (dict(_named(found, wanted := _wanted(found))), layout.line, wanted)
        for layout in layouts_of(head)
        for table in tables
        if (found := table.named(layout.header))
    ]
    named, line, wanted = max(misses, key=lambda each: len(each[0]), default=({}, 0, WANTED))
    if not 2 <= len(named) < len(wanted):
        return ""
    has = " and ".join(f"{what} ({header!r})" for what, header in named.items())
    return f"its line {line + 1} has headers of {has}, and none of {next(what for what in wanted if what not in named)}"


def _wanted(found: Mapping[str, Place]) -> Mapping[str, tuple[str, ...]]:
    if labels.CURRENT in found or not {labels.INTO, labels.OUT} & found.keys():
        return WANTED
    return {what: label for what, label in WANTED.items() if what != "a current"} | DIRECTED


def _named(found: Mapping[str, Place], wanted: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    for what, meant in wanted.items():
        header = next((found[label].header for label in meant if label in found), None)
        if header is not None:
            yield what, header
