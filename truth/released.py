"""A foxBMS 2 node as it is released, written from its C code, in the place of the simulator of a virtual bench.

So a whole run, with engine, guard and judge, meets a node that nobody of the bench's own simulators has a part in.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from can import Message

from instruments.virtual import registry
from instruments.virtual.ports import Contactor
from instruments.virtual.simulator import Part, Place, Settings
from truth.foxbms_c import CNode

NAME, REQUEST, STATE = "foxbms", 0x210, 0x220

Late = Callable[[int], int]
"""By how many ms the n-th request arrives late."""


def in_time(_number: int) -> int:
    """As it was sent."""
    return 0


@dataclass
class Told:
    """What such a node has been through: what it heard when, and the states that it came to, all in its own ms."""

    node: CNode | None = None
    requests: list[tuple[int, bytes]] = field(default_factory=list)
    states: list[tuple[int, int]] = field(default_factory=list)

    @property
    def opened(self) -> CNode:
        """The node; it is there once a bench was opened."""
        assert self.node is not None
        return self.node


class Released(Part):
    """The node between the world, which goes in steps, and its own milliseconds, each of which it lives through."""

    def __init__(self, place: Place, told: Told, late: Late) -> None:
        self._node = told.node = CNode()
        self._told, self._late = told, late
        self._place, self._channel = place, place.channel
        self._began = self._heard = self._channel.now()
        self._waiting: list[tuple[int, bytes]] = []
        self._newest: dict[int, bytes] = {}
        self.ports = (Contactor(self),)
        self._channel.members[self] = self._receive

    @property
    def connected(self) -> bool:
        """Whether its contactors conduct."""
        return self._node.closed

    def shut_down(self) -> None:
        """See `Part`."""
        self._channel.members.pop(self, None)

    def _ms(self, time: float) -> int:
        return round(1000 * (time - self._began))

    def _receive(self, message: Message) -> None:
        if message.arbitration_id == REQUEST:
            at = max(message.timestamp, self._channel.now())
            self._heard = max(self._heard, at)
            self._wait_for(at, bytes(message.data))

    def _wait_for(self, at: float, data: bytes) -> None:
        number = len(self._told.requests) + len(self._waiting)
        self._waiting.append((self._ms(at) + 1 + self._late(number), data))

    def _take_repeated(self, now: float) -> None:
        """Requests that the bus has repeated since the last look, each at its own time."""
        for repeated in self._channel.repeated:
            if repeated.message.arbitration_id == REQUEST:
                first, count = repeated.between(self._heard, now)
                for turn in range(count):
                    self._wait_for(first + turn * repeated.period, bytes(repeated.message.data))
                    self._heard = first + turn * repeated.period

    def sample(self, current: float, voltage: float) -> None:
        """See `Part`: live through the time since the last look, with what there is to measure now."""
        now, node = self._channel.now(), self._node
        cells = self._place.plant
        node.current_mA = round(-1000 * current)
        node.cells_mV = [round(1000 * volts) for volts in cells.voltage]
        node.sensors_degC = [round(degrees) for degrees in cells.temperature]
        node.soc = 100 * float(cells.soc.min())
        self._take_repeated(now)
        closed = node.closed
        while node.ms < self._ms(now):
            self._tick()
        if node.closed is not closed:
            self._place.settling.stale = True

    def _tick(self) -> None:
        node, told = self._node, self._told
        while self._waiting and self._waiting[0][0] <= node.ms + 1:
            node.receive(self._waiting[0][1])
            told.requests.append((node.ms, self._waiting.pop(0)[1]))
        self._newest.update(node.tick())
        if not told.states or told.states[-1][1] != node.state:
            told.states.append((node.ms, node.state))

    def transmit(self) -> bool:
        """See `Part`: the newest frame of each identifier."""
        newest, self._newest = self._newest, {}
        sent = [
            Message(self._channel.now(), identifier, is_extended_id=False, data=data)
            for identifier, data in newest.items()
        ]
        self._channel.send(self, *sent)
        return bool(sent)


class _Anything(Settings):
    """The entry of a station is the simulator's own: errors are not, this node has none."""


@contextmanager
def released(late: Late = in_time) -> Iterator[Told]:
    """While it lasts, every virtual bench that is opened has such a node for its BMS."""
    told, known = Told(), registry.shipped()
    own = known[NAME]
    stood_in = replace(
        own, settings=_Anything, build=lambda _settings, place: Released(place, told, late), defects=(), words={}
    )
    found, registry.shipped = registry.shipped, lambda: {**known, NAME: stood_in}  # type: ignore[assignment]
    try:
        yield told
    finally:
        registry.shipped = found
