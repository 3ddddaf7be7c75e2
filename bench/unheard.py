"""A terminal that is closed, or a pipe whose reader has ended: what is still to be said is said to nobody.

The exit status of a session is its verdict. pytest's own last lines must not replace it by their failure to be written.
"""

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:  # a command line has no use for it, and does not wait for it
    import pytest


def outlive_the_reader(config: "pytest.Config") -> None:
    """Let pytest's reporter go on when nobody reads it any more."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and hasattr(reporter, "_tw"):
        # The writer is public, its file is not, and it was opened before any plugin of ours could choose it.
        reporter._tw._file = Unheard(reporter._tw._file)


class Unheard:
    """A stream that turns to the null device, for good, once it cannot be written to."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost: OSError | None = None
        """Why something was not written, though somebody would read it: a full disk, and no reader that has ended."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, or do not."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self._turn_away(error)
            return len(text)

    def flush(self) -> None:
        """Flush, or do not."""
        try:
            self._stream.flush()
        except OSError as error:
            self._turn_away(error)

    def _turn_away(self, error: OSError) -> None:
        """What the stream has buffered goes there as well: Python flushes it at the end of the process."""
        if not isinstance(error, BrokenPipeError):
            self.lost = self.lost or error
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
