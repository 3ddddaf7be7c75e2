"""The request that a foxBMS wants to hear every 100 ms, for as long as somebody is alive who means it.

One that went on for a test that was stopped or hangs would hold the contactors closed against whoever wants them open.
These die with the test's process, stand still when it does, and end by themselves when it has promised no further scan
(`keep_on`).

foxBMS 2, release 1.11, looks each 10 ms whether the last two requests were 95 to 105 ms apart and whether the last one
is at most 105 ms old (CAN_CheckCanTiming in its can.c). A look that finds otherwise counts one up, any other one down;
at 100 the error is raised, at 0 it is over (DIAG_ID_CAN_TIMING: DIAG_SEN_EVENT_100 in diag_cfg.c, DIAG_Handler in
diag.c), and 200 ms after it was raised the contactors are told to open (DIAG_DELAY_200ms, BMS_IsBatterySystemStateOkay
in bms.c).
So another mode goes out with the turn that is due, and not between two of them.
"""

from collections.abc import Callable
from math import ceil
from typing import TYPE_CHECKING, Protocol

from instruments.wires.can import CanSession, RepeatedByBus
from instruments.wires.context import LinkContext

if TYPE_CHECKING:
    from can import Message

CYCLE = 0.1
"""s."""
PATIENCE = 5.0
"""s beyond the silence that was announced: what a supervisor grants a test by default."""
TO_THE_NEXT_SCAN = 15.0
"""s of a simulated bus's time for which a scan stands: who scans is alive. A longer silence is announced."""
LATE = 1.5
"""Cycles after which a turn that has not come is not waited for any more: who asks sends by himself."""
_LOOK = 0.002
WHAT = "asked for a mode"


class Requests(Protocol):
    """How the request is repeated."""

    def repeat(self, message: "Message") -> None:
        """Send this request and repeat it from now on, in place of the one before.

        Raises `InstrumentFault` where it cannot be sent.
        """
        ...

    def steer(self, message: "Message") -> None:
        """Repeat this one from the next turn on."""
        ...

    def scanned(self) -> None:
        """A scan begins."""
        ...

    def keep_on(self, silence: float) -> None:
        """Go on for `silence` s and `PATIENCE`, counted from now."""
        ...

    def stop(self) -> None:
        """Nothing is repeated any more: whatever turned has stopped."""
        ...


class WithEachScan:
    """Once when it is asked for, and once with each scan."""

    def __init__(self, session: CanSession) -> None:
        self._session = session
        self._message: Message | None = None

    def repeat(self, message: "Message") -> None:
        """See `Requests`."""
        self._message = message
        self._session.send(message, WHAT)

    def steer(self, message: "Message") -> None:
        """See `Requests`."""
        self._message = message

    def scanned(self) -> None:
        """See `Requests`."""
        if self._message is not None:
            self._session.send(self._message, WHAT)

    def keep_on(self, silence: float) -> None:
        """See `Requests`: a scan is all that there is."""

    def stop(self) -> None:
        """See `Requests`."""
        self._message = None


class ByWheel:
    """By the clock of the bench, `CYCLE` s apart; `due` is what the wheel asks for in each turn.

    `begin_anew` has the wheel turn a whole cycle from now.
    """

    def __init__(self, session: CanSession, context: LinkContext) -> None:
        self._session, self._context = session, context
        self._message: Message | None = None
        self._left = self._turns = 0
        self.begin_anew: Callable[[], None] = lambda: None

    def due(self) -> "Message | None":
        """The message once more, unless nobody has promised anything for too long."""
        self._turns += 1
        if self._message is None or self._left <= 0:
            return None
        self._left -= 1
        return self._message

    def repeat(self, message: "Message") -> None:
        """See `Requests`: with the turn that is due where one was sent before, and else now."""
        with self._session.sending:
            turns = self._goes_on and self._turns
            self.steer(message)
            self._left = max(self._left, ceil(PATIENCE / CYCLE))
        if not turns or not self._comes(turns):
            self.begin_anew()
            self._session.send(message, WHAT)

    def steer(self, message: "Message") -> None:
        """See `Requests`."""
        self._message = message

    def scanned(self) -> None:
        """See `Requests`: the wheel turns by itself."""

    def keep_on(self, silence: float) -> None:
        """See `Requests`."""
        self._left = ceil((silence + PATIENCE) / CYCLE)

    def stop(self) -> None:
        """See `Requests`."""
        self._message = None

    @property
    def _goes_on(self) -> bool:
        return self._context.real_time and self._message is not None and self._left > 0

    def _comes(self, turns: int) -> bool:
        """Wait for the next turn; whether it came."""
        passed = self._context.passed
        late = passed() + LATE * CYCLE
        while self._turns == turns and passed() < late:
            self._context.sleep(_LOOK)
        return self._turns != turns


class ByBus:
    """By a bus that keeps a time of its own, in that time: all of them between two scans at once, none is stepped."""

    def __init__(self, session: CanSession, context: LinkContext) -> None:
        self._session, self._now = session, context.now
        self._task: RepeatedByBus | None = None

    def repeat(self, message: "Message") -> None:
        """See `Requests`."""
        until = self._now() + TO_THE_NEXT_SCAN
        if self._task is None:
            self._task = self._session.repeat_by_bus(CYCLE, message)
            self._task.until = until
        else:
            self._task.until = max(self._task.until, until)
            self.steer(message)

    def steer(self, message: "Message") -> None:
        """See `Requests`."""
        if self._task is not None:
            self._task.modify_data(message)

    def scanned(self) -> None:
        """See `Requests`: the bus goes on by itself, until the next scan."""
        task, until = self._task, self._now() + TO_THE_NEXT_SCAN
        if task is not None and until > task.until:
            task.until = until

    def keep_on(self, silence: float) -> None:
        """See `Requests`: a scan stands for as much as there is between most of them."""
        if self._task is not None and silence + PATIENCE > TO_THE_NEXT_SCAN:
            self._task.until = max(self._task.until, self._now() + silence + PATIENCE)

    def stop(self) -> None:
        """See `Requests`."""
        if self._task is not None:
            self._task.stop()
