"""Who measured what a KPI was computed from: from its columns to the roles, or the instruments, of the recording."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bench.columns import MEASURED_BY


def meters_of(manifest: Mapping[str, Any], columns: Iterable[str]) -> tuple[str, ...]:
    """Roles that the columns are derived from, each once; of a raw channel the name of its instrument.

    A column that nobody measured (a set point, the clock) adds nothing.
    """
    return tuple(dict.fromkeys(meter for column in columns for meter in _meters_of_one(manifest, column)))


def _meters_of_one(manifest: Mapping[str, Any], column: str) -> Iterator[str]:
    instruments = manifest.get("instruments") or ()
    played = {role for instrument in instruments for role in instrument.get("roles", ())}
    for alternatives in MEASURED_BY.get(column, ()):
        yield next((role for role in alternatives if role in played), alternatives[-1])
    if column not in MEASURED_BY:
        # The longest name that fits: "load" must not be taken for "load bank".
        named = [each["name"] for each in instruments if column.startswith(f"{each['name'].title()} ")]
        yield from sorted(named, key=len)[-1:]
