"""The event log of a run, `events.jsonl`: one JSON object a line, each with a checksum of its own.

Invariants: an event that was logged is on the disk as soon as the disk takes it, whole and in order; and a damaged
line costs that line alone, is told, and is never believed. Lines without checksums (recorded before there were any)
are read as they are. What the events mean is for whoever asks.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from bench.recording.manifest import RecordingError

NAME = "events.jsonl"
Event = Mapping[str, Any]

_SEALED = re.compile(rb'(\{.+?), "crc": "([0-9a-f]{8})"\}')


class EventLog:
    """Appends events to a file, at once; what a full disk refuses is kept and goes first when there is room again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pending = bytearray()
        self._file: int | None = None

    def append(self, events: Iterable[Event], *, fsync: bool) -> None:
        """Log `events`; raises `OSError` when not all of them are in the file now."""
        for event in events:
            self._pending += sealed_line(event)
        self.flush(fsync=fsync)

    def flush(self, *, fsync: bool) -> None:
        """Write what is waiting; raises `OSError` when the disk does not take all of it."""
        if self._file is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            self._file = os.open(self._path, flags, 0o666)
        while self._pending:
            del self._pending[: os.write(self._file, self._pending)]
        if fsync:
            os.fsync(self._file)

    def close(self) -> None:
        """Close the file; what is still waiting is lost."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


class LoggedEvents(NamedTuple):
    """What was read of a log: its intact events in order, and one sentence on what was damaged (or none)."""

    events: list[Event]
    damage: tuple[str, ...]


def sealed_line(event: Event) -> bytes:
    """One line of the log: the object, and the CRC-32 of its bytes up to there as its last key."""
    body = json.dumps(event, ensure_ascii=False).encode("utf-8", "backslashreplace")[:-1]
    return b'%s, "crc": "%08x"}\n' % (body, crc32(body))


def read_events(path: Path, logged: int | None = None) -> LoggedEvents:
    """Every intact event; a last line that was cut off when the process died is left out without a word.

    `logged` is how many there must be, where the manifest says so. Raises `RecordingError` when there is no log.
    """
    try:
        *lines, torn = path.read_bytes().split(b"\n")
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error}.") from error
    are_sealed = any(_SEALED.fullmatch(line.rstrip()) for line in lines)
    events: list[Event] = []
    damaged: list[int] = []
    for number, line in enumerate([*lines, torn], start=1):
        found = list(_sealed_events(line) if are_sealed else _plain_event(line))
        events += found
        whole = len(found) == 1 and (not are_sealed or _SEALED.fullmatch(line.rstrip()))
        if not whole and number <= len(lines):
            damaged.append(number)
    missing = 0 if logged is None else max(0, logged - len(events))
    return LoggedEvents(events, tuple(_told(path, damaged, missing)))


def _sealed_events(line: bytes) -> Iterator[Event]:
    """Every intact event of a line: a damaged line break leaves two in one."""
    for match in _SEALED.finditer(line):
        body, checksum = match.groups()
        if int(checksum, 16) == crc32(body):
            yield json.loads(body + b"}")


def _plain_event(line: bytes) -> Iterator[Event]:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return
    if isinstance(event, dict) and {"time", "type"} <= event.keys():
        yield event


def _told(path: Path, damaged: list[int], missing: int) -> Iterator[str]:
    if damaged:
        named = ", ".join(map(str, damaged[:5])) + (f" and {len(damaged) - 5} more" if len(damaged) > 5 else "")
        lines = f"lines {named} are" if len(damaged) > 1 else f"line {named} is"
        yield f"{path.name}: {lines} damaged and left out."
    if missing > len(damaged):
        yield f"{path.name}: {missing} of the events that were logged are missing."
