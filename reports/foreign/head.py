"""The beginning of a file: whether it is text, in which encoding, and its first lines."""

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench.verdicts import InputError

LENGTH = 2**19
"""Bytes that are looked at to know a file by; the longest schedules known above their records have 200 KiB."""
_UTF16 = (BOM_UTF16_LE, BOM_UTF16_BE)


def lines_of(text: str) -> list[str]:
    """Lines as whoever reads the records counts them: a form feed in a note, or what else is one, ends none."""
    *lines, last = text.split("\n" if "\n" in text else "\r")
    return [line.rstrip("\r") for line in (*lines, *([last] if last else ()))]


@dataclass(frozen=True)
class Head:
    """The first bytes of a file, and what can be told from them without reading the rest."""

    path: Path
    start: bytes

    @classmethod
    def of(cls, path: Path) -> "Head":
        """Look at a file; raises `InputError` for one that cannot be read, or is empty."""
        try:
            with path.open("rb") as file:
                start = file.read(LENGTH)
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
        if not start.strip():
            raise InputError(f"{path} is empty: it holds no recording.")
        return cls(path, start)

    @property
    def suffix(self) -> str:
        """The end of its name, in small letters."""
        return self.path.suffix.lower()

    @property
    def is_text(self) -> bool:
        """Whether it is text: without bytes that none of the usual encodings has."""
        return self.start.startswith(_UTF16) or b"\0" not in self.start or self._is_unmarked

    @property
    def _is_unmarked(self) -> bool:
        """Whether it is UTF-16 whose mark is missing: of what is written in ASCII every second byte is zero."""
        first = self.start[:200]
        return len(first) > 20 and not any(first[1::2]) and all(first[::2])

    @cached_property
    def encoding(self) -> str:
        """UTF-16 and UTF-8 by their marks and rules; what is neither was written by an older Windows."""
        if self.start.startswith(_UTF16):
            return "utf-16"
        if self._is_unmarked:
            return "utf-16-le"
        try:
            # A character may be cut in two at the end of what is looked at.
            self.start[: max(len(self.start) - 4, 1)].decode("utf-8")
        except UnicodeDecodeError:
            return "cp1252"
        return "utf-8-sig" if self.start.startswith(BOM_UTF8) else "utf-8"

    @cached_property
    def lines(self) -> list[str]:
        """The first lines, without the last one of a longer file, which may be cut."""
        lines = lines_of(self.start.decode(self.encoding, errors="replace"))
        return lines[:-1] if len(self.start) == LENGTH else lines

    def begins_with(self, *beginnings: str) -> bool:
        """Whether the text begins with one of these, in small letters."""
        return "\n".join(self.lines[:3]).lower().lstrip("\ufeff \t\"'").startswith(beginnings)
