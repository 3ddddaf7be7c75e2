"""What happened on a served bench, as JSON lines: the evidence that outlives the test which caused it.

Every line carries the monotonic time (s, comparable between the processes of one machine), UTC and the bench time (s).
It records and decides nothing.
"""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Listener = Callable[[dict[str, Any]], None]


class ServeLog:
    """Appends to a file, if there is one, and tells the listener.

    A line is in the hands of the operating system before this returns: it survives the death of this process. A disk
    that refuses one ends the file and not the bench; the listener is told. Raises OSError when `path` cannot be opened.
    """

    def __init__(
        self,
        path: Path | None = None,
        listener: Listener | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listener, self._monotonic = listener, monotonic
        self._file = path.open("a", encoding="utf-8", newline="\n", buffering=1) if path is not None else None
        self.bench_time: Callable[[], float] = lambda: 0.0

    def write(self, kind: str, /, **fields: Any) -> None:
        """Record one event, now."""
        event = {
            "monotonic": round(self._monotonic(), 6),
            "utc": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "bench": round(self.bench_time(), 6),
            "type": kind,
            **fields,
        }
        self._append(event)
        if self._listener is not None:
            with suppress(OSError):  # a terminal that was closed must not end the bench
                self._listener(event)

    def _append(self, event: dict[str, Any]) -> None:
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(event) + "\n")
        except OSError as error:
            self.close()
            self.write("log lost", text=f"the log cannot be written any more: {error.strerror}")

    def close(self) -> None:
        """Close the file; may be called again."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                file.close()
