"""What a foxBMS 2 node sends beside the messages of the pack: its strings, its single cells and sensors, its system.

Where time goes in longer steps than frames come, of every message the newest is sent, and of one that tells of a few
cells at a time the newest of each few. Frames are made only where somebody takes them; what only says how things stand,
when that changes and now and then.
"""

from collections.abc import Callable, Iterator
from math import inf
from typing import Protocol

from can import Message

from instruments.virtual.plants import Cells
from instruments.virtual.simulators.foxbms import frames
from instruments.virtual.simulators.foxbms.frames import (
    EACH_TEMPERATURE,
    EACH_VOLTAGE,
    STRING_ESTIMATION,
    STRING_STATE,
    STRING_VALUES,
    SYSTEM_STATE,
    Status,
    data_frame,
    following,
)
from instruments.virtual.simulators.foxbms.sensing import Extremes
from instruments.virtual.wires.exchange import CanChannel

CYCLES = {
    SYSTEM_STATE: 0.1, STRING_STATE: 0.1, STRING_VALUES: 0.1, STRING_ESTIMATION: 1.0,
    EACH_VOLTAGE: 0.1, EACH_TEMPERATURE: 0.2,
}  # fmt: skip
"""s, of can_cfg_tx-cyclic-message-definitions.h; of single cells and sensors for a few of them."""
STANDING = frozenset({SYSTEM_STATE, STRING_STATE})
"""Messages that say how things stand."""
RARE = 4.0
"""s between two of these that say the same, where time goes in longer steps."""
FINE = 0.2
"""s; shorter steps are none."""


class Node(Protocol):
    """What is to be known of a node to speak for it; health is 0 to 1."""

    channel: CanChannel
    cells: Cells
    extremes: Extremes
    told: Status | None
    health: float

    @property
    def shown_current(self) -> float:
        """A as it measures them, positive while it charges."""
        ...

    @property
    def shown_voltage(self) -> float:
        """V of the pack as it measures it."""
        ...

    def status(self) -> Status:
        """How things stand."""
        ...


class Aside:
    """Sends for one node."""

    def __init__(self, bms: Node) -> None:
        self._bms, self._channel = bms, bms.channel
        self._members, self._sent_at = -1, 0.0
        self._due = dict[int, float]()
        self._next = 0.0
        self._groups = dict[int, int]()
        self._told: Status | None = None

    def transmit(self, now: float) -> None:
        """Send what has become due, s."""
        if len(self._channel.members) != self._members:
            self._look_who_listens()
        status, fine = self._bms.told, now - self._sent_at <= FINE
        if now < self._next and status == self._told:
            self._sent_at = now
            return
        news, self._told, self._sent_at = status != self._told, status, now
        for identifier, due in self._due.items():
            if now >= due or (news and identifier in STANDING):
                self._channel.send(self._bms, *self._frames(identifier, now, fine=fine))
                rare = identifier in STANDING and not fine
                self._due[identifier] = now + RARE if rare else following(now, CYCLES[identifier])
        self._next = min(self._due.values(), default=inf)

    def _look_who_listens(self) -> None:
        self._members = len(self._channel.members)
        wanted = [identifier for identifier in CYCLES if self._channel.wants(identifier, self._bms)]
        self._due = {identifier: self._due.get(identifier, 0.0) for identifier in wanted}
        self._next = 0.0

    def _frames(self, identifier: int, now: float, *, fine: bool) -> Iterator[Message]:
        made = list(_MADE[identifier](self._bms))
        if fine and len(made) > 1:
            group = self._groups[identifier] = (self._groups.get(identifier, -1) + 1) % len(made)
            made = made[group : group + 1]
        for data in made:
            yield data_frame(now, identifier, data)


def _one(pack: Callable[[Node], int]) -> Callable[[Node], Iterator[bytes]]:
    return lambda bms: iter((pack(bms).to_bytes(8, "big"),))


def _values(bms: Node) -> int:
    return frames.string_values_frame(-bms.shown_current, bms.shown_voltage)


def _charge(bms: Node) -> int:
    return frames.string_estimates_frame(bms.extremes.soc_min, bms.extremes.soc_max, bms.health)


_MADE: dict[int, Callable[[Node], Iterator[bytes]]] = {
    SYSTEM_STATE: _one(lambda _bms: frames.system_frame(frames.RUNNING)),
    STRING_STATE: _one(lambda bms: frames.string_state_frame(bms.status())),
    STRING_VALUES: _one(_values),
    STRING_ESTIMATION: _one(_charge),
    EACH_VOLTAGE: lambda bms: frames.cell_voltage_frames(bms.cells.voltage),
    EACH_TEMPERATURE: lambda bms: frames.cell_temperature_frames(bms.cells.temperature),
}
