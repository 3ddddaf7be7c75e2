"""Nights on the disk: one file each below `history/`, by station, so that the newest of thousands are read alone.

A file appears whole or not at all, and building the same report again writes the same file. What cannot be read is
passed over, and counted.
"""

import json
import os
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from bench.verdicts import InputError
from instruments.wording import nearest
from reports.nights.course import NIGHTS
from reports.nights.night import Night
from reports.page import write

FOLDER, BASELINES, JSON = "history", "baselines", ".json"


class History:
    """The nights of one station below a folder of runs."""

    def __init__(self, runs: Path, station: str) -> None:
        self._runs, self._station = runs, station
        self._folder = runs / FOLDER / _as_a_folder(station)
        self.unreadable: list[Path] = []
        """Files that hold no night."""

    def keep(self, night: Night) -> None:
        """Keep a night, in the place of itself."""
        _write(self._folder / f"{night.name}.json", night)

    def before(self, night: Night) -> Iterator[Night]:
        """Earlier nights, the newest first, each read when it is asked for; beyond a month of them verdicts alone."""
        yield from self._newest(night.name)

    def newest(self) -> Iterator[Night]:
        """Verdicts of all nights, the newest first."""
        yield from self._newest(None, nights=0)

    def _newest(self, earlier: str | None, nights: int = NIGHTS) -> Iterator[Night]:
        """Those that are earlier than one, the first of them with figures."""
        count = 0
        for name in sorted(self._names(), reverse=True):
            wanted = earlier is None or name[: -len(JSON)] < earlier
            found = self._read(self._folder / name, figures=count < nights) if wanted else None
            if found is not None:
                count += 1
                yield found

    def baseline(self, name: str) -> Night:
        """A night that was given a name; raises `InputError` where there is none of it."""
        path = self._folder / BASELINES / f"{_as_a_folder(name)}.json"
        found = self._read(path) if path.is_file() else None
        if found is None:
            there = sorted(each.stem for each in (self._folder / BASELINES).glob("*.json"))
            known = nearest(name, there) if there else "there is none yet"
            raise InputError(
                f"There is no baseline {name!r} of {self._station} in {self._runs}: {known}; "
                f"`packbench baseline {name}` makes one of the last session."
            )
        return found

    def keep_as(self, name: str, night: Night) -> None:
        """Keep a night by a name, in the place of the one that had it."""
        _write(self._folder / BASELINES / f"{_as_a_folder(name)}.json", night)

    def _names(self) -> list[str]:
        if not self._folder.is_dir():
            return []
        return [each.name for each in os.scandir(self._folder) if each.name.endswith(JSON)]

    def _read(self, path: Path, *, figures: bool = True) -> Night | None:
        try:
            return Night.read(json.loads(path.read_text(encoding="utf-8")), figures=figures)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self.unreadable.append(path)
            return None


def referred(runs: Path, nights: int = NIGHTS) -> set[str]:
    """Ids of the runs that baselines and the newest `nights` refer to, on every station; a month of them by default."""
    found: set[str] = set()
    for station in (runs / FOLDER).iterdir() if (runs / FOLDER).is_dir() else ():
        newest = sorted(station.glob(f"*{JSON}"), reverse=True)[:nights]
        for path in (*newest, *(station / BASELINES).glob(f"*{JSON}")):
            found |= _runs_of(path)
    return found


def _runs_of(path: Path) -> set[str]:
    try:
        return {str(test["run"]) for test in json.loads(path.read_text(encoding="utf-8"))["tests"] if test["run"]}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _as_a_folder(name: str) -> str:
    """A name that any disk takes; of two never the same."""
    plain = re.sub(r"[^\w-]", "_", name.lower()).strip("_")[:60]
    return plain if plain == name else f"{plain}-{sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def _write(path: Path, night: Night) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(f".{os.getpid()}.tmp")
    write(new, json.dumps(night.as_dict(), ensure_ascii=False) + "\n")
    new.replace(path)
