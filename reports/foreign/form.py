"""What a file format is."""

from typing import Protocol

from reports.foreign.head import Head
from reports.foreign.source import Source


class Format(Protocol):
    """A file format: one file in `formats/`, or an entry point of the group `packbench.formats`."""

    title: str
    """What it is, as a sentence names it."""

    def recognises(self, head: Head) -> int:
        """How surely a file is one of this format: 0 not, else the more the surer. Reads nothing but the head."""
        ...

    def read(self, head: Head) -> Source:
        """Read it; raises `InputError` with one sentence where that cannot be done."""
        ...
