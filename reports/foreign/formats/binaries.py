"""Binary formats that no permissively licensed and well-kept reader is known for: each is refused by its name.

What reads BioLogic's `.mpr` elsewhere (galvani, yadg) is under the GPL, and Arbin's `.res` needs a database driver of
the operating system.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.verdicts import InputError
from reports.foreign.head import Head
from reports.foreign.source import Source


@dataclass(frozen=True, slots=True)
class Binary:
    """How a format begins, what it is, and what to do about it."""

    magic: bytes
    what: str
    instead: str
    offset: int = 0


KNOWN: Sequence[Binary] = (
    Binary(b"BIO-LOGIC MODULAR FILE", "a BioLogic .mpr file", "export it as text (.mpt) from EC-Lab or BT-Lab"),
    Binary(b"Standard Jet DB", "an Arbin .res database", "export the channel as CSV or Excel from MITS Pro", 4),
    Binary(b"Standard ACE DB", "an Arbin .res database", "export the channel as CSV or Excel from MITS Pro", 4),
    Binary(b"MATLAB 5.0 MAT-file", "a MATLAB file", "write its columns as a Battery Data Format CSV"),
    Binary(b"\x89HDF", "an HDF5 file", "write its columns as a Battery Data Format CSV"),
    Binary(b"\x1f\x8b", "compressed by gzip", "unpack it first"),
    Binary(b"PK\x03\x04", "an archive", "unpack it first"),
    Binary(b"SQLite format 3", "an SQLite database", "write the table of records as CSV"),
)


class Binaries:
    """See `reports.foreign.tables.Format`: it recognises what it then refuses."""

    title = "Battery Data Format"

    def recognises(self, head: Head) -> int:
        """Below whoever can read it."""
        return 100 if _known(head) else 0

    def read(self, head: Head) -> Source:
        """Raise `InputError` with what the file is, and what to do about it."""
        found = _known(head)
        what, instead = (found.what, found.instead) if found else ("of a binary format", "export it as text")
        raise InputError(f"{head.path} is {what}, which packbench cannot read: {instead}.")


def _known(head: Head) -> Binary | None:
    return next((each for each in KNOWN if head.start[each.offset :].startswith(each.magic)), None)


FORMAT = Binaries()
