"""The python-can interface `packbench`: a bus whose other node is a simulator in this process.

python-can finds it by its `can.interface` entry point. Synchronous: no notifier, no thread; a frame is received before
`send` returns, waiting happens in virtual time and time stamps are the world's.
"""

from collections import deque
from typing import Any

from can import BusABC, CanInitializationError, CanOperationError, CanProtocol, Message

from instruments.virtual.wires.exchange import Ambiguous, CanChannel, channel_of

_QUEUED = 4096  # frames; a node that does not read loses the oldest, as in any CAN controller
_POLL = 0.1  # s of virtual time between two looks while waiting
_LONGEST_WAIT = 60.0  # s of virtual time after which waiting "for ever" is called what it is


class VirtualBus(BusABC):
    """One node on a channel of an open world."""

    def __init__(self, channel: str, can_filters: Any = None, *, world: str = "", **kwargs: Any) -> None:
        """Join `channel` of an open world, by its name, or of whichever has it; bit rates are ignored.

        Raises CanInitializationError when none has it, or several.
        """
        self._is_shutdown = True
        joined = self._channel = _channel(str(channel), str(world))
        self._is_shutdown = False
        self._received: deque[Message] = deque(maxlen=_QUEUED)
        joined.members[self] = self._received.append
        self.channel_info = f"packbench virtual bench, channel {channel}"
        self._can_protocol = CanProtocol.CAN_20
        super().__init__(channel, can_filters=can_filters, **kwargs)

    def send(self, msg: Message, timeout: float | None = None) -> None:
        """Put a frame on the bus, stamped with the world's time."""
        if self._is_shutdown:
            raise CanOperationError("this bus was shut down: open a new one")
        msg.timestamp = self._channel.now()
        self._channel.send(self, msg)

    def recv(self, timeout: float | None = None) -> Message | None:
        """Take the oldest received frame; while there is none, virtual time passes up to `timeout` s."""
        received, filters = self._received, self._filters
        if filters is None:
            if received:
                return received.popleft()
            if timeout == 0:
                return None
        waited, limit = 0.0, _LONGEST_WAIT if timeout is None else timeout
        while True:
            while received:
                message = received.popleft()
                if filters is None or self._matches_filters(message):
                    return message
            if waited >= limit:
                break
            pause = min(_POLL, limit - waited)
            self._channel.wait(pause)
            waited += pause
        if timeout is None:
            raise CanOperationError(f"no frame in {_LONGEST_WAIT:g} s of virtual time: nobody sends on this channel")
        return None

    def shutdown(self) -> None:
        """Leave the bus; may be called again."""
        if not self._is_shutdown:
            self._channel.members.pop(self, None)
        super().shutdown()


def _channel(name: str, world: str) -> CanChannel:
    try:
        found = channel_of(name, world)
    except Ambiguous as error:
        raise CanInitializationError(str(error)) from error
    if found is None:
        raise CanInitializationError(f"no open world has the virtual CAN channel {name!r}")
    return found
