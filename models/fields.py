"""Reading a parameter file key by key, and saying in one sentence what is wrong with it.

It knows numbers, lists and names, not what they mean: that is `models.cell`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import inf, isfinite
from pathlib import Path
from typing import TypeGuard

import numpy as np
import yaml

from models import yamltext
from models.tables import Vector


class CellFileError(ValueError):
    """A cell parameter file is unknown or wrong.

    The message is one sentence: file, key, what was found, what is allowed, the nearest valid name.
    """


def nearest(name: str, allowed: Collection[str]) -> str:
    """Return a closing hint " (nearest: ...)" for a misspelt name; empty when nothing is near."""
    matches = get_close_matches(name, allowed, n=1)
    return f" (nearest: {matches[0]})" if matches else ""


@dataclass(frozen=True, slots=True)
class Span:
    """An interval of numbers that says itself in words; its `str` follows "a number"."""

    above: float = -inf
    at_least: float = -inf
    at_most: float = inf

    def __contains__(self, value: float) -> bool:
        return self.above < value and self.at_least <= value <= self.at_most

    def __str__(self) -> str:
        words = f" above {self.above:g}" if self.above > -inf else ""
        words += f" from {self.at_least:g}" if self.at_least > -inf else ""
        words += " up" if self.at_least > -inf and self.at_most == inf else ""
        return words + (f" up to {self.at_most:g}" if self.at_most < inf else "")


ANY = Span()
POSITIVE = Span(above=0.0)


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
            content = yamltext.parse(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise CellFileError(f"{path}: cannot be read ({error.strerror or error}); check the path.") from error
        except UnicodeDecodeError as error:
            raise CellFileError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8 text.") from error
        except yamltext.RefusedError as error:
            raise CellFileError(error.of(str(path))) from error
        except yaml.YAMLError as error:
            reason = " ".join(str(error).split())
            raise CellFileError(f"{path}: is not YAML ({reason}); correct it there.") from error
        return cls(str(path), content, allowed)

    def wrong(self, key: str, found: object, allowed: str) -> CellFileError:
        """Make the error for a `key` whose value is not what is `allowed`."""
        return CellFileError(f"{self._place}: {key} is {_quote(found)}; give {allowed}.")

    def section(self, key: str, allowed: Collection[str]) -> "Fields":
        """Enter the mapping under `key`."""
        return Fields(f"{self._place}: {key}", self._value(key), allowed)

    def sections(self, key: str, allowed: Collection[str]) -> "list[Fields]":
        """Enter each mapping of the non-empty list under `key`."""
        value = self._value(key)
        if not isinstance(value, list) or not value:
            raise self.wrong(key, value, f"a list of mappings with {', '.join(allowed)}, at least one")
        return [Fields(f"{self._place}: {key}[{at}]", item, allowed) for at, item in enumerate(value)]

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

    def choices(self, key: str, allowed: Collection[str]) -> tuple[str, ...]:
        """Read a list of texts that begin with one of `allowed`, "r0" or "r0 below 0 degC"; it may be empty."""
        value = self._value(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(key, value, f"a list of names among {', '.join(allowed)}")
        for at, item in enumerate(value):
            name = item.partition(" ")[0]
            if name not in allowed:
                raise self.wrong(f"{key}[{at}]", item, f"one of {', '.join(allowed)}{nearest(name, allowed)}")
        return tuple(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """Read a non-empty list of texts."""
        value = self._value(key)
        if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
            raise self.wrong(key, value, "a list of texts, at least one")
        return tuple(value)

    def number(self, key: str, allowed: Span = ANY) -> float:
        """Read a number in `allowed`."""
        return self._number(key, self._value(key), allowed)

    def curve(self, key: str, length: int | None = None, allowed: Span = ANY) -> Vector:
        """Read a list of numbers in `allowed`; of `length` values, or at least two."""
        return self._numbers(key, self._value(key), length, allowed)

    def number_or_curve(self, key: str, length: int, allowed: Span = ANY) -> Vector:
        """Read a list of `length` numbers, or one number for all of them."""
        if isinstance(self._content.get(key), list):
            return self.curve(key, length, allowed)
        return np.full(length, self.number(key, allowed))

    def rising(self, key: str) -> Vector:
        """Read a list of two or more numbers that rises strictly."""
        curve = self.curve(key)
        falls = np.flatnonzero(np.diff(curve) <= 0)
        if falls.size:
            here = falls[0] + 1
            allowed = f"a number above {curve[here - 1]:g}: it rises"
            raise self.wrong(f"{key}[{here}]", curve[here].item(), allowed)
        return curve

    def table(self, key: str, rows: int, columns: int, allowed: Span = ANY) -> Vector:
        """Read a list of `rows` lists of `columns` numbers in `allowed`."""
        value = self._value(key)
        if not isinstance(value, list) or len(value) != rows:
            raise self.wrong(key, value, f"a list of {rows} rows of {columns} numbers{allowed}")
        return np.array([self._numbers(f"{key}[{row}]", line, columns, allowed) for row, line in enumerate(value)])

    def _numbers(self, key: str, value: object, length: int | None, allowed: Span) -> Vector:
        if not isinstance(value, list) or not _fits(len(value), length):
            raise self.wrong(key, value, f"a list of {length or 'two or more'} numbers{allowed}")
        return np.array([self._number(f"{key}[{at}]", item, allowed) for at, item in enumerate(value)])

    def _number(self, key: str, value: object, allowed: Span) -> float:
        if not _is_number(value) or value not in allowed:
            raise self.wrong(key, value, f"a number{allowed}")
        return float(value)

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


def _quote(value: object, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}..."
