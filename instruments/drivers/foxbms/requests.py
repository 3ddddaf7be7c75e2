"""The request that a foxBMS wants to hear every 100 ms, for as long as somebody is alive who means it.

One that went on for a test that was stopped or hangs would hold the contactors closed against whoever wants them open.
These die with the test's process, stand still when it does, and end by themselves when it has promised no further scan
(`keep_asking`).
"""

from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from can import Message

CYCLE = 0.1
"""s; foxBMS counts an interval outside 0.095 to 0.105 s as an error, and 100 more of them than good ones, looked at
each 10 ms, as a fatal one (CAN_CheckCanTiming in its can.c, DIAG_ID_CAN_TIMING in its diag_cfg.c)."""
PATIENCE = 5.0
"""s beyond the silence that was announced: what a supervisor grants a test by default."""


class Requests:
    """Tells which message is due in each turn of the wheel; turns are `CYCLE` apart."""

    def __init__(self) -> None:
        self._message: Message | None = None
        self._left = 0

    def repeat(self, message: "Message") -> None:
        """Repeat this message from the next turn on, in place of the one before."""
        self._message = message
        self._left = max(self._left, ceil(PATIENCE / CYCLE))

    def keep_on(self, silence: float) -> None:
        """Go on for `silence` s and `PATIENCE`, counted from now."""
        self._left = ceil((silence + PATIENCE) / CYCLE)

    def due(self) -> "Message | None":
        """The message once more, unless nobody has promised anything for too long."""
        if self._message is None or self._left <= 0:
            return None
        self._left -= 1
        return self._message
