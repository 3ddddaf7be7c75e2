"""The last session in a folder of runs: what `packbench report` takes its exit status from."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from bench.clock import utc_now
from bench.recording.rewritten import RewrittenFile

NAME = "session.json"
ROOM = 2**14
"""Bytes reserved for the summary: some counts, names and the exit status."""


class SessionLog:
    """Writes `session.json` beside the runs: `running` from the first verdict on, `ended` with the summary."""

    def __init__(self, runs: Path) -> None:
        self.path = runs / NAME
        self._file = RewrittenFile(self.path)
        self._begun: dict[str, Any] = {}

    def begin_once(self, station: str, pack: str) -> None:
        """Mark the session as running; a session that dies stays so."""
        if not self._begun:
            self._begun = {"state": "running", "station": station, "pack": pack, "started": _now()}
            self._write(self._begun)

    def end(self, summary: dict[str, Any]) -> None:
        """Mark it as ended."""
        self._write({**self._begun, **summary, "state": "ended", "ended": _now()})

    def _write(self, content: dict[str, Any]) -> None:
        """Replace the record, in blocks that were reserved while there was room.

        A disk that refuses it leaves none: an older session must not speak for this one, and a full disk must not keep
        the tests from being told.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file.write(json.dumps(content, indent=1) + "\n", fsync=False)
        except OSError:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
            return
        with suppress(OSError):
            self._file.reserve(ROOM) if content["state"] == "running" else self._file.release()


def last_session(runs: Path) -> dict[str, Any] | None:
    """The newest session of a folder of runs; None when there is none that can be read."""
    try:
        content = json.loads((runs / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _now() -> str:
    return utc_now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
