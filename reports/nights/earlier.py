"""The run of the same test in the last night of its station, of the same specimen: what a figure is laid over."""

from collections.abc import Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from reports.nights.night import Night, Told, Who
from reports.nights.store import History
from reports.recording import Recording, RecordingError

REACH = 3
"""Nights that are asked, the newest first: a test may be left out of one, or its recording be gone."""
BOUND = "9999"
"""Later than any night."""


def earlier_run(folder: Path, manifest: Mapping[str, Any]) -> tuple[Recording, str] | None:
    """Its recording, and what that night is called; None where no night is kept, or its recording is not."""
    runs = folder.parents[1]
    who = Who.of(str(manifest["test"].get("nodeid") or ""), manifest)
    began = str(manifest.get("started") or BOUND)
    nights = History(runs, str(manifest["station"]["name"])).newest()
    # A clock that was wrong for a night leaves one that is not over yet.
    for night in islice((night for night in nights if night.started < began), REACH):
        told = _told(night, who)
        if told is None or not told.run or told.run == manifest["run_id"]:
            continue
        with suppress(RecordingError, OSError):
            found = Recording.load(runs / told.run)
            if len(found.rows):
                return found, f"the night of {night.day}"
    return None


def _told(night: Night, who: Who) -> Told | None:
    """The test in that night: where several of its jobs had it, the one of this specimen, if there is but one."""
    if who in night.by_who:
        return night.by_who[who]
    joined = f"{who.nodeid} ("  # `packbench join` writes the name of the job behind it
    found = [
        told for other, told in night.by_who.items()
        if other.nodeid.startswith(joined) and (other.pack, other.serial) == (who.pack, who.serial)
    ]  # fmt: skip
    return found[0] if len(found) == 1 else None
