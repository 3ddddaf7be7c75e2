"""What a station file may load: the trust boundary between data, which anybody may send, and code, which runs here.

A station file names drivers, VISA libraries, serial URLs and CAN interfaces. What is ours, or was installed as an entry
point, is chosen by name and harms nobody. A dotted path, a shared library, a pyserial handler that imports or writes
files is code of whoever wrote the file, and is refused until somebody who knows the file says so (`--trust`). Loading a
file asks nothing: this is for whoever is about to use it.
"""

from collections.abc import Iterator
from pathlib import Path

from bench.station import InstrumentEntry, StationFile
from bench.verdicts import InputError
from instruments.registry import is_dotted

VISA_BACKENDS = frozenset({"", "@ivi", "@py", "@packbench", "@sim"})
"""Backends of pyvisa that are chosen by name; empty: the vendor's library where pyvisa finds it."""
CONNECTING = frozenset({"serial", "tcp", "socket", "rfc2217", "loop", "hwgrep", "packbench"})
"""Schemes that only connect; pyserial's `spy` writes to any file, and an unknown one is imported by its name."""
LIBRARY_ARGUMENTS = frozenset({"dll"})
"""Arguments of python-can's interfaces that name a library to be loaded."""

Finding = tuple[str, object, str]
"""Key in the file, what was found there, what would be allowed."""


def refuse_untrusted(station: StationFile, file: Path, *, trusted: bool) -> None:
    """Raise `InputError` for the first thing in `station` that would load code which nobody here has vouched for."""
    if trusted:
        return
    for key, found, allowed in _untrusted(station):
        raise InputError(
            f"{file}, key {key}: found {found!r}, which runs code that this file chooses; {allowed}, "
            "or say --trust if you know who wrote the file."
        )


def _untrusted(station: StationFile) -> Iterator[Finding]:
    if station.visa_library not in VISA_BACKENDS:
        names = ", ".join(sorted(filter(None, VISA_BACKENDS)))
        yield "visa_library", station.visa_library, f"write one of {names}"
    for name, entry in station.instruments.items():
        where = f"instruments.{name}"
        if is_dotted(entry.driver):
            yield f"{where}.driver", entry.driver, "install its package with an entry point in packbench.drivers"
        yield from _of_link(where, entry)


def _of_link(where: str, entry: InstrumentEntry) -> Iterator[Finding]:
    if _is_foreign_url(entry.resource):
        yield f"{where}.resource", entry.resource, _schemes()
    for key, value in (entry.can or {}).items():
        if key in LIBRARY_ARGUMENTS:
            yield f"{where}.can.{key}", value, "leave it out, so that the interface finds its own"
        elif isinstance(value, str) and _is_foreign_url(value):
            yield f"{where}.can.{key}", value, _schemes()


def _is_foreign_url(address: str) -> bool:
    """Whether pyserial would look for a handler of this URL that is not known to connect and nothing else."""
    scheme, separator, _ = address.partition("://")
    return bool(separator) and scheme.lower() not in CONNECTING


def _schemes() -> str:
    return f"write a device, or a URL with {', '.join(sorted(CONNECTING))}"
