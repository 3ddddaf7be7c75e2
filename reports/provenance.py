"""Where a session comes from, and what of it is not as it was the last night: files by their keys, instruments."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.recording.sources import kept
from models import yamltext
from reports.nights.night import DEVICE, Night

LONGEST = 60
"""Letters of a value that are shown."""
ABSENT = "not there"


@dataclass(frozen=True, slots=True)
class KeyChange:
    """One value that is another one now; `key` with its place, as `limits.cell_voltage.max`."""

    key: str
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as it was: `what`, its changed keys, or in `why` the reason that they are not known."""

    what: str
    keys: tuple[KeyChange, ...] = ()
    why: str = ""


def differences(runs: Path, now: Night, before: Night | None) -> tuple[Difference, ...]:
    """What of a night's files and instruments is not as it was in the one before; nothing without one."""
    return () if before is None else (*_of_files(runs, now, before), *_of_devices(now, before))


def _of_files(runs: Path, now: Night, before: Night) -> Iterator[Difference]:
    for what, digest in now.made_from.items():
        was = before.made_from.get(what)
        if was is None or was == digest:
            continue
        if what.startswith("test "):
            yield Difference(what, why=f"SHA-256 {was[:12]} → {digest[:12]}")
        else:
            yield _of_a_file(what, _keys(kept(runs, was)), _keys(kept(runs, digest)))


def _of_a_file(what: str, was: Mapping[str, str] | None, now: Mapping[str, str] | None) -> Difference:
    if was is None or now is None:
        return Difference(what, why="what it held is not kept: a night from before files were, or they were removed")
    changed = [key for key in {**was, **now} if was.get(key) != now.get(key)]
    found = tuple(KeyChange(key, was.get(key, ABSENT), now.get(key, ABSENT)) for key in changed)
    return Difference(what, found, "" if found else "comments or their order alone")


def _keys(file: Path) -> dict[str, str] | None:
    """Every value of a file by its place; None where it cannot be read."""
    try:
        return dict(_flat(yamltext.parse(file.read_text(encoding="utf-8"))))
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return None


def _flat(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    items: Iterator[tuple[Any, Any]] | None = None
    if isinstance(value, dict):
        items = iter(value.items())
    elif isinstance(value, list) and any(isinstance(each, dict | list) for each in value):
        items = iter(enumerate(value))
    if items is None:
        text = str(value)
        yield place, text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
        return
    for key, each in items:
        yield from _flat(each, f"{place}.{key}" if place else str(key))


def _of_devices(now: Night, before: Night) -> Iterator[Difference]:
    for name, told in now.devices.items():
        was = before.devices.get(name)
        if was is not None and tuple(was) != tuple(told):
            pairs = zip(DEVICE, was, told, strict=False)
            keys = (KeyChange(key.replace("_", " "), old, new) for key, old, new in pairs if old != new)
            yield Difference(f"instrument {name}", tuple(keys))
