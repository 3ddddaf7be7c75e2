"""Who measured what a KPI was computed from: from its columns to the roles, or the instruments, of the recording."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bench import columns, roles


def meters_of(manifest: Mapping[str, Any], shown: Iterable[str]) -> tuple[str, ...]:
    """Roles that the columns are derived from, each once; of a raw channel the name of its instrument.

    A column that nobody measured (a set point, the clock) adds nothing.
    """
    return tuple(dict.fromkeys(meter for column in shown for meter in _meters_of_one(manifest, column)))


_FROM = dict.fromkeys(
    (columns.POWER, columns.CHARGE_AH, columns.DISCHARGE_AH, columns.CHARGE_WH, columns.DISCHARGE_WH),
    (columns.VOLTAGE, columns.CURRENT),
)
"""Columns that the bench computes from others, and from which."""


def _meters_of_one(manifest: Mapping[str, Any], column: str) -> Iterator[str]:
    instruments = manifest.get("instruments") or ()
    played = tuple(dict.fromkeys(role for each in instruments for role in each.get("roles", ())))
    found = [role for source in _FROM.get(column, (column,)) for role in roles.measured_by(source, played)]
    yield from found
    if not found and column not in columns.INDEX:
        # The longest name that fits: "load" must not be taken for "load bank".
        named = [each["name"] for each in instruments if column.startswith(f"{each['name'].title()} ")]
        yield from sorted(named, key=len)[-1:]
