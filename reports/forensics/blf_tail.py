"""The end of a BLF file without the rest of it: what a bus says in a night are gigabytes.

The format as python-can reads and writes it (can.io.blf): a header, then containers of some 100 KiB that each stand
with its size. Inside of them are objects, which may go on in the next container, each with its time since the header's.
Containers are walked along by their sizes alone, and unpacked from the back, as far as the seconds go.
"""

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from math import inf
from pathlib import Path
from typing import IO, NamedTuple

BASE, TIMED, CONTAINER = struct.Struct("<4sHHLL"), struct.Struct("<LHHQ"), struct.Struct("<H6xL4x")
"""Of an object: signature, size of its header, version, size, type; flags, time. Of a container: how it is packed."""
HEADER_SIZE = struct.Struct("<4sL")
MARK, A_CONTAINER, PLAIN, DEFLATED = b"LOBJ", 10, 0, 2
UNITS = {1: 1e-5, 2: 1e-9}
"""s of a count of an object's time, by its flags."""
CHAIN, PADDING = 4, 3
"""Objects in a row by which the first is believed to be one, and bytes that may stand between two."""
LARGEST = 1 << 20
"""Bytes that are looked at of a container that is not whole."""
BEFORE = 1.0
"""s by which frames of several buses may stand in another order than that of their times."""


class Tail(NamedTuple):
    """A BLF file of the end of another, which may have been `cut` off in the middle of a container."""

    file: BytesIO
    cut: bool


def tail_of(path: Path, seconds: float) -> Tail:
    """A BLF file of at least the last `seconds` of the one at `path`, and of what there is of a container cut off.

    Raises `OSError` where it cannot be read and `ValueError` where it is none of these files.
    """
    with path.open("rb") as file:
        header = _header(file)
        places, rest = _walk(file)
        kept, newest = list[bytes](), -inf
        for place, size in reversed(places):
            data = _unpacked(file, place, size)
            kept.append(data)
            last = max(_times(data), default=inf)  # the last one, so that no frame with a wrong time ends it
            if last < newest - seconds - BEFORE:
                break
            newest = max(newest, last) if last < inf else newest
        whole = len(kept) == len(places)
        file.seek(rest)
        remains = file.read(LARGEST)
        return Tail(BytesIO(header + _packed(b"".join(reversed(kept)), whole=whole) + remains), bool(remains))


def _header(file: IO[bytes]) -> bytes:
    start = file.read(HEADER_SIZE.size)
    mark, size = HEADER_SIZE.unpack(start) if len(start) == HEADER_SIZE.size else (b"", 0)
    if mark != b"LOGG" or size < HEADER_SIZE.size:
        raise ValueError("it does not begin as a BLF file does")
    return start + file.read(size - HEADER_SIZE.size)


def _walk(file: IO[bytes]) -> tuple[list[tuple[int, int]], int]:
    """Where the containers stand and how long they are, and where what is whole ends."""
    length = Path(file.name).stat().st_size
    places, at = list[tuple[int, int]](), file.tell()
    while at + BASE.size <= length:
        file.seek(at)
        mark, _, _, size, kind = BASE.unpack(file.read(BASE.size))
        if mark != MARK or size < BASE.size or at + size > length:
            break
        if kind == A_CONTAINER:
            places.append((at, size))
        at += size + size % 4
    return places, at


def _unpacked(file: IO[bytes], place: int, size: int) -> bytes:
    file.seek(place + BASE.size)
    data = file.read(size - BASE.size)
    (packed, _), inner = CONTAINER.unpack_from(data), data[CONTAINER.size :]
    if packed == PLAIN:
        return inner
    if packed != DEFLATED:
        raise ValueError(f"a container is packed in a way that is not known ({packed})")
    try:
        return zlib.decompress(inner)
    except zlib.error as error:
        raise ValueError(f"a container cannot be unpacked ({error})") from error


def _times(data: bytes) -> Iterator[float]:
    """Of the objects that begin in a container: s since the header's time."""
    at = _first(data)
    while 0 <= at <= len(data) - BASE.size - TIMED.size:
        _, _, _, size, _ = BASE.unpack_from(data, at)
        flags, _, _, count = TIMED.unpack_from(data, at + BASE.size)
        if flags in UNITS:
            yield count * UNITS[flags]
        at = data.find(MARK, at + max(size, BASE.size))


def _first(data: bytes) -> int:
    """Where the first object begins; -1 where none does. What a frame carries may look like the beginning of one."""
    at = data.find(MARK)
    while at >= 0 and not _begins(data, at):
        at = data.find(MARK, at + 1)
    return at


def _begins(data: bytes, at: int) -> bool:
    for _ in range(CHAIN):
        if at + BASE.size > len(data):
            return True
        mark, header, _, size, _ = BASE.unpack_from(data, at)
        if mark != MARK or not BASE.size <= header <= size:
            return False
        behind = at + size
        at = data.find(MARK, behind, behind + PADDING + len(MARK)) if behind + len(MARK) <= len(data) else len(data)
    return True


def _packed(data: bytes, *, whole: bool) -> bytes:
    """A container of these objects; of a part of the log, the first may be the end of one that is not there."""
    if not whole:
        data = data[max(_first(data), 0) :]
    size = BASE.size + CONTAINER.size + len(data)
    head = BASE.pack(MARK, BASE.size, 1, size, A_CONTAINER) + CONTAINER.pack(PLAIN, len(data))
    return head + data + bytes(size % 4)
