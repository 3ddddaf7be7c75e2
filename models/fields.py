"""Reading a parameter file key by key, and saying in one sentence what is wrong with it.

It knows numbers, lists and names, not what they mean: that is `models.cell`.
"""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import TypeGuard

import numpy as np
import yaml

from models.tables import Vector


class CellFileError(ValueError):
    """A cell parameter file is unknown or wrong.

    The message is one sentence: file, key, what was found, what is allowed, the nearest valid name.
    """


def nearest(name: str, allowed: Collection[str]) -> str:
    """Return a closing hint " (nearest: ...)" for a misspelt name; empty when nothing is near."""
    matches = get_close_matches(name, allowed, n=1)
    return f" (nearest: {matches[0]})" if matches else ""


class Fields:
    """The keys of one mapping in a file. `place` says where it is, for the error sentences."""

    def __init__(self, place: str, content: object, allowed: Collection[str]) -> None:
        self._place = place
        if not isinstance(content, Mapping):
            raise CellFileError(
                f"{place}: found {_quote(content)} where a mapping with {', '.join(allowed)} is needed."
            )
        self._content = content
        for key in content:
            if key not in allowed:
                hint = nearest(str(key), allowed)
                raise CellFileError(f"{place}: unknown key {_quote(key)}{hint}; allowed are {', '.join(allowed)}.")

    @classmethod
    def read(cls, path: Path, allowed: Collection[str]) -> "Fields":
        """Parse the YAML file at `path`."""
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise CellFileError(f"{path}: cannot be read ({error.strerror or error}); check the path.") from error
        except UnicodeDecodeError as error:
            raise CellFileError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8 text.") from error
        # PyYAML's own constructors let plain ValueErrors through, for example on the date 2024-99-99.
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            reason = " ".join(str(error).split())
            raise CellFileError(f"{path}: is not YAML ({reason}); correct it there.") from error
        return cls(str(path), content, allowed)

    def wrong(self, key: str, found: object, allowed: str) -> CellFileError:
        """Make the error for a `key` whose value is not what is `allowed`."""
        return CellFileError(f"{self._place}: {key} is {_quote(found)}; give {allowed}.")

    def section(self, key: str, allowed: Collection[str]) -> "Fields":
        """Enter the mapping under `key`."""
        return Fields(f"{self._place}: {key}", self._value(key), allowed)

    def has(self, key: str) -> bool:
        """Whether `key` is there and not null."""
        return self._content.get(key) is not None

    def text(self, key: str) -> str:
        """Read a non-empty text."""
        value = self._value(key)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(key, value, "a text")
        return value

    def choice(self, key: str, allowed: Collection[str]) -> str:
        """Read one of `allowed`."""
        value = self.text(key)
        if value not in allowed:
            raise self.wrong(key, value, f"one of {', '.join(allowed)}{nearest(value, allowed)}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Read a non-empty list of texts."""
        value = self._value(key)
        if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
            raise self.wrong(key, value, "a list of texts, at least one")
        return tuple(value)

    def number(self, key: str, *, above: float = -np.inf, at_most: float = np.inf) -> float:
        """Read a number in (`above`, `at_most`]."""
        value = self._value(key)
        if not _is_number(value) or not above < value <= at_most:
            raise self.wrong(key, value, _number_in(above, at_most))
        return float(value)

    def curve(self, key: str, length: int | None = None, *, above: float = -np.inf) -> Vector:
        """Read a list of numbers above `above`; of `length` values, or at least two."""
        value = self._value(key)
        wanted = f"a list of {length if length else 'two or more'} numbers{_bound(above)}"
        if not isinstance(value, list) or not _fits(len(value), length):
            raise self.wrong(key, value, wanted)
        for index, item in enumerate(value):
            if not _is_number(item) or not item > above:
                raise self.wrong(f"{key}[{index}]", item, _number_in(above))
        return np.array(value, dtype=np.float64)

    def number_or_curve(self, key: str, length: int, *, above: float = -np.inf) -> Vector:
        """Read a list of `length` numbers, or one number for all of them."""
        if isinstance(self._content.get(key), list):
            return self.curve(key, length, above=above)
        return np.full(length, self.number(key, above=above))

    def rising(self, key: str, length: int | None = None) -> Vector:
        """Read a list of numbers that rises strictly."""
        curve = self.curve(key, length)
        falls = np.flatnonzero(np.diff(curve) <= 0)
        if falls.size:
            before, here = falls[0], falls[0] + 1
            raise self.wrong(f"{key}[{here}]", curve[here].item(), f"a number above {curve[before]:g}: it rises")
        return curve

    def table(self, key: str, rows: int, columns: int, *, at_least: float = 0.0) -> Vector:
        """Read a list of `rows` lists of `columns` numbers from `at_least` up."""
        value = self._value(key)
        if not isinstance(value, list) or len(value) != rows:
            raise self.wrong(key, value, f"a list of {rows} rows of {columns} numbers")
        below = float(np.nextafter(at_least, -np.inf))
        names = [f"{key}[{row}]" for row in range(rows)]
        lines = Fields(self._place, dict(zip(names, value, strict=True)), names)
        return np.array([lines.curve(name, columns, above=below) for name in names])

    def _value(self, key: str) -> object:
        if key not in self._content:
            raise CellFileError(f"{self._place}: {key} is missing; add it.")
        return self._content[key]


def _is_number(value: object) -> TypeGuard[float]:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    except OverflowError:  # an integer beyond every float
        return False


def _fits(found: int, length: int | None) -> bool:
    return found >= 2 if length is None else found == length


def _bound(above: float) -> str:
    return f" above {above:g}" if isfinite(above) else ""


def _number_in(above: float, at_most: float = np.inf) -> str:
    upper = f" up to {at_most:g}" if isfinite(at_most) else ""
    return f"a number{_bound(above)}{upper}"


def _quote(value: object, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}..."
