"""Every frame of the CAN buses in `can.blf`, where time is real: what a node said, as tools of the field read it.

A virtual bench has no bus that anybody could have listened to, and its frames would cost a third of its speed.
"""

from contextlib import suppress
from copy import copy
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from bench.clock import utc_now

if TYPE_CHECKING:
    from can import BLFWriter, Message

NAME = "can.blf"


class CanLog:
    """Writes frames, from any thread, from the first one on. A disk that takes no more ends the log and nothing else.

    `problem` is why it ended before it was closed; empty where it did not.
    """

    def __init__(self, folder: Path) -> None:
        self.problem = ""
        self._file = folder / NAME
        self._writer: BLFWriter | None = None
        self._ended = False
        self._newest = 0.0
        """The latest stamp of a frame that was received, s as the interface counts."""
        self._turn = Lock()

    def write(self, message: "Message") -> None:
        """Keep one frame, sent or received; never raises."""
        with self._turn:
            if self._ended:
                return
            try:
                if self._writer is None:
                    from can import BLFWriter

                    self._writer = BLFWriter(self._file)
                self._writer.on_message_received(self._dated(message))
            except Exception as error:  # noqa: BLE001 - the wire is more than its record
                self._end(error)

    def _dated(self, message: "Message") -> "Message":
        """A frame with its time: no interface stamps those that are sent, they are as new as the newest received one.

        Without that a log of them would have them all at its beginning (python-can has nothing before its first frame).
        """
        if message.timestamp:
            self._newest = max(self._newest, message.timestamp)
            return message
        sent = copy(message)
        sent.timestamp, sent.is_rx = self._newest or utc_now().timestamp(), False
        return sent

    def close(self) -> None:
        """Write the rest; frames that come later are of no interest. May be called again."""
        with self._turn:
            if not self._ended:
                self._end(None)

    def _end(self, error: Exception | None) -> None:
        self._ended = True
        writer, self._writer = self._writer, None
        if error is not None:
            self.problem = f"{NAME} ended: {error or type(error).__name__}"
        if writer is None:
            return
        try:
            writer.stop()
        except Exception as late:  # noqa: BLE001 - as above
            self.problem = self.problem or f"{NAME} ended: {late or type(late).__name__}"
            with suppress(Exception):
                writer.file.close()
