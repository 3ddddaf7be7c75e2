"""Rows of a user's file over time: a CSV with a header, or a YAML list of mappings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path

import yaml

from models import texttable, yamltext
from models.fields import nearest
from models.grid.clock import ZONE
from models.texttable import TableError


class SeriesError(ValueError):
    """A file over time cannot be used as it is: one sentence with file, row, what was found and what is allowed."""


@dataclass(frozen=True, slots=True)
class Row:
    """One of them; `place` says in an error where it stands."""

    place: str
    content: Mapping[str, object]

    def number(self, name: str) -> float:
        """The number under a name; raises `SeriesError`, for NaN as well."""
        found = self.content.get(name)
        try:
            value = float(str(found))
        except ValueError:
            value = float("nan")
        if not isfinite(value):
            raise SeriesError(f"{self.place}: {name} is {found!r}; give a finite number.")
        return value

    def time(self) -> datetime:
        """Give the ISO 8601 time in UTC. One without an offset is that of a clock in Paris, the first of two."""
        found = self.content.get("time")
        try:
            at = datetime.fromisoformat(str(found).strip())
            real = (at if at.tzinfo is not None else at.replace(tzinfo=ZONE)).astimezone(UTC)
        except (ValueError, OverflowError):  # no time, or one of a year that UTC has not
            raise SeriesError(f"{self.place}: time is {found!r}; give one as 2026-01-12T18:00:00+01:00.") from None
        if at.tzinfo is None and real.astimezone(ZONE).replace(tzinfo=None) != at:
            raise SeriesError(f"{self.place}: there is no {at} in {ZONE.key}, clocks go forward; give an offset.")
        return real


def rows(path: Path, needed: Sequence[str]) -> Sequence[Row]:
    """Read a `.csv`, `.yaml` or `.yml`; each row has the `needed` names. Raises `SeriesError`."""
    try:
        text = texttable.read_text(path)
        found = _yaml(path, text) if path.suffix in {".yaml", ".yml"} else _csv(path, text)
    except TableError as error:
        place = f"{path}, line {error.line}" if error.line is not None else f"{path}"
        raise SeriesError(f"{place}: {error}") from error
    for row in found:
        for name in needed:
            if row.content.get(name) is None:
                have = [str(key) for key in row.content]
                raise SeriesError(
                    f"{row.place}: has no {name}{_meant(name, have)}; each row needs {', '.join(needed)}."
                )
    if len(found) < 2:
        raise SeriesError(f"{path}: has {len(found)} rows; give two or more with {', '.join(needed)}.")
    return found


def _meant(name: str, have: Sequence[str]) -> str:
    return nearest(name, [other for other in have if other != name])


def _csv(path: Path, text: str) -> Sequence[Row]:
    table = texttable.parse(text)
    if table is None:
        return []
    names = table.names
    twice = next((name for at, name in enumerate(names) if name and name in names[:at]), None)
    if twice is not None:
        raise SeriesError(f"{path}, line {table.line}: has the column {twice} twice; one of them would be lost.")
    return [Row(f"{path}, line {number}", dict(zip(names, cells, strict=True))) for number, cells in table.rows]


def _yaml(path: Path, text: str) -> Sequence[Row]:
    try:
        content = yamltext.parse_texts(text)
    except yamltext.RefusedError as error:
        raise SeriesError(error.of(str(path))) from error
    except yaml.YAMLError as error:
        raise SeriesError(f"{path}: is not YAML ({' '.join(str(error).split())}); correct it there.") from error
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise SeriesError(f"{path}: is no list of mappings; give one with a time in each.")
    return [Row(f"{path}, entry {number}", row) for number, row in enumerate(content, 1)]
