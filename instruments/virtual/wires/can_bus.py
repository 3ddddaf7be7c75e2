"""The python-can interface `packbench`: a bus whose other node is a simulator in this process.

python-can finds it by its `can.interface` entry point. Synchronous: no notifier, no thread; a frame is received before
`send` returns, waiting happens in virtual time and time stamps are the world's.
"""

from collections import deque
from collections.abc import Collection, Sequence
from math import inf
from typing import Any

from can import BusABC, CanInitializationError, CanOperationError, CanProtocol, Message
from can.broadcastmanager import CyclicSendTaskABC, ModifiableCyclicTaskABC

from instruments.virtual.wires.exchange import Ambiguous, CanChannel, Repeated, channel_of

_QUEUED = 4096  # frames; a node that does not read loses the oldest, as in any CAN controller
_POLL = 0.1  # s of virtual time between two looks while waiting
_LONGEST_WAIT = 60.0  # s of virtual time after which waiting "for ever" is called what it is


class VirtualTask(ModifiableCyclicTaskABC):
    """A frame that the bus repeats in virtual time; python-can's own way to have one repeated leads here.

    One that takes its place goes out with the next turn, so that nothing comes between two of them; it is known at
    once, and bears the time of that turn.
    """

    def __init__(self, channel: CanChannel, sender: object, message: Message, period: float) -> None:
        super().__init__(message, period)
        self._channel, self._sender = channel, sender
        self._repeated = Repeated(message, period, channel.now())
        channel.repeated.append(self._repeated)
        channel.send(sender, message)

    @property
    def until(self) -> float:
        """Virtual time (s) after which it is sent no more; where that had passed, it begins anew when it is put off."""
        return self._repeated.until

    @until.setter
    def until(self, until: float) -> None:
        repeated, now = self._repeated, self._channel.now()
        if repeated.until < now <= until:
            repeated.since = now
        repeated.until = until

    def modify_data(self, messages: Sequence[Message] | Message) -> None:
        """See `VirtualTask`."""
        super().modify_data(messages)
        self._repeated.message = message = self.messages[0]
        message.timestamp = self._repeated.after(self._channel.now())
        if message.timestamp <= self._repeated.until:
            self._channel.send(self._sender, message)

    def stop(self) -> None:
        """Send it no more; may be called again."""
        if self._repeated in self._channel.repeated:
            self._channel.repeated.remove(self._repeated)


class VirtualBus(BusABC):
    """One node on a channel of an open world.

    `keeps_time`: a frame that is to be repeated (python-can's `send_periodic`) is, in the world's time.
    `names_all_keys`: what it does not name it ignores, so that nobody can have meant it.
    """

    keeps_time = True
    names_all_keys = True

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

    def _send_periodic_internal(
        self, msgs: Sequence[Message] | Message, period: float, duration: float | None = None, *_: Any, **__: Any
    ) -> CyclicSendTaskABC:
        """Repeat a frame in virtual time, at once for the first time."""
        (message,) = (msgs,) if isinstance(msgs, Message) else msgs
        message.timestamp = self._channel.now()
        task = VirtualTask(self._channel, self, message, period)
        task.until = inf if duration is None else self._channel.now() + duration
        return task

    def takes(self, identifiers: Collection[int] | None) -> None:
        """Say that frames of other identifiers are not looked at, so that nobody need make them; None: that all are."""
        if identifiers is None:
            self._channel.wanted.pop(self, None)
        else:
            self._channel.wanted[self] = frozenset(identifiers)

    def recv_waiting(self, most: int) -> list[Message]:
        """Take the oldest frames that have been received, up to `most`: by one call, where `recv` is one for each."""
        take, waiting = self._received.popleft, len(self._received)
        came = [take() for _ in range(waiting if waiting < most else most)]
        return came if self._filters is None else list(filter(self._matches_filters, came))

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
            self._channel.wanted.pop(self, None)
        super().shutdown()


def _channel(name: str, world: str) -> CanChannel:
    try:
        found = channel_of(name, world)
    except Ambiguous as error:
        raise CanInitializationError(str(error)) from error
    if found is None:
        raise CanInitializationError(f"no open world has the virtual CAN channel {name!r}")
    return found
