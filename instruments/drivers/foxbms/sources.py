"""Whether the frames that bear a BMS's identifiers can come from one healthy node.

A second node with the same identifiers sends whatever it likes in between: the newest frame is then one or the other's.
It is found by what one node cannot do: send two different frames of a message in one instant, be in a state for less
than a cycle and then back in the one before, or have two histories. A frame goes on from the one before it: where two
nodes take turns, each goes on from the one before the last. That alone is no proof, for what a node measures flickers;
nor is it alone that more frames come than the layout says, for a node may be built to send faster. Both are needed.
Two nodes of different rates take no turns: they are told by their states, and by values that contradict a meter's.

All times are those of reception, so that a bus that delivers late is no second node; one that stamps its frames only
when it delivers them is not taken for one either, as long as it holds them back for no more than `SAVED` of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf

from instruments.drivers.foxbms.layout import Field

INSTANT = 50e-6
"""s; a frame of eight bytes takes 108 us at 1 Mbit/s, so two of one identifier are never that close."""
FASTER = 0.8
"""Share of its cycle after which a node may send again, on average: foxBMS keeps its cycles within a few ms."""
SAVED = 20.0
"""Frames that may come at once because they were held back."""
SURPLUS = 3.0
"""Frames beyond what one node can send that are forgiven: a node restarts, and begins its cycles anew."""
TURNS = 40
"""Frames that went on from the one before the last, less `BREAKS` for each that did not.

Of a message that flickers at random every second frame does. Then so many have a chance of 3e-11 each time, for
0.5 x 1.839**1 + 0.5 x 1.839**-3 = 1, and 1.839**-40 is that.
"""
BREAKS = 3
CLEARLY = 2
"""Counts of its signals by which a frame must be nearer to the one before the last: a bit that toggles is one."""
FORGIVEN = 2
"""Impossible instants or states in a row that are forgiven."""


@dataclass(slots=True)
class _Message:
    """What is known of one identifier: s, and frames."""

    identifier: int
    cycle: float
    signals: tuple[Field, ...]
    second: Callable[[int, str], None]
    """Told when a second node is found, and by what."""
    least: float = 0.0
    """s that one frame takes of what is saved; see `FASTER`."""
    last: float = -inf
    before: float = -inf
    in_instant: int = 0
    differs: bool = False
    rested: float = -inf
    """When the node will have saved as much as it can: each frame puts that off by `least`."""
    suspicion: int = 0
    newest: int = 0
    earlier: int = 0
    """The payload before `newest` that was another than it."""
    turns: int = 0
    """See `TURNS`."""

    def __post_init__(self) -> None:
        self.least = FASTER * self.cycle

    def heard(self, time: float, data: bytes | bytearray, differs: bool) -> None:
        """Take the next frame; see `Sources.heard`."""
        before, last = self.earlier, self.newest
        if differs:
            self.earlier, self.newest = last, int.from_bytes(data, "big")
        # Who has rested comes by itself as well, for `least` is longer than an instant: no more is to be asked.
        if time >= self.rested and not self.differs and not self.suspicion:
            self.before, self.last, self.in_instant = self.last, time, 1
            self.rested = time + self.least
            return
        self._place_in_instant(time, differs)
        self._take_turns(before, last)
        self.rested = self.least + (self.rested if self.rested > time else time)
        most = time + (SURPLUS + SAVED) * self.least
        if self.rested > most:
            self.rested = most
            if differs and self.turns >= TURNS:
                each = f"each {self.cycle * 1e3:g} ms"
                self.second(self.identifier, f"more come than one {each}, and two go on by turns")

    def _take_turns(self, before: int, last: int) -> None:
        """Judge whether the newest payload goes on from the `last` one, or from the one `before` that."""
        nearer = self._apart(last) - self._apart(before)
        if nearer >= CLEARLY:
            self.turns = min(self.turns + 1, 2 * TURNS)
        elif nearer <= 0:
            self.turns = max(self.turns - BREAKS, 0)

    def _apart(self, other: int) -> int:
        """How many counts lie between the newest payload and another one, over all signals."""
        newest = self.newest
        return sum(abs(signal.sent(newest) - signal.sent(other)) for signal in self.signals)

    def _place_in_instant(self, time: float, differs: bool) -> None:
        if time - self.last > INSTANT:
            if self.differs or self.suspicion:
                self._end_instant()
                self.differs = False
            self.before, self.last, self.in_instant = self.last, time, 1
        else:
            self.in_instant += 1
            self.differs |= differs

    def _end_instant(self) -> None:
        """Judge the instant that is over: too many frames for one, and too few for those of a time held back."""
        impossible = self.differs and 2 * self.in_instant * self.cycle <= self.last - self.before
        self.suspicion = self.suspicion + 1 if impossible else 0
        if self.suspicion > FORGIVEN:
            self.second(self.identifier, "different ones come in one instant")


def _nobody(_time: float, _data: bytes | bytearray, _differs: bool) -> None:
    """Follow a message whose rate tells nothing."""


class Sources:
    """Counts, in `contradictions`, the frames that cannot come from one node; `reason` is a clause on the newest.

    `cycles` (s) and `signals` by identifier. The state message, `state`, is sent by foxBMS also whenever its state or
    substate changes (BMS_Trigger in its bms.c), so that its rate tells nothing: of it only the states are followed.
    """

    def __init__(self, cycles: Mapping[int, float], signals: Mapping[int, tuple[Field, ...]], state: int) -> None:
        self.contradictions = 0
        self.reason = ""
        self._messages = {
            identifier: _Message(identifier, cycle, signals[identifier], self._second)
            for identifier, cycle in cycles.items()
            if identifier != state
        }
        self._state_cycle = cycles[state]
        self._before, self._present, self._since = -1, -1, -inf
        self._flickers = 0

    def contradict(self, reason: str) -> None:
        """Count one more, found by whoever knows what the frame says."""
        self.contradictions += 1
        self.reason = reason

    def heard(self, identifier: int, time: float, data: bytes, differs: bool) -> None:
        """Take the next frame of a message, received at `time` (s); whether it differs from the one before."""
        self.follower(identifier)(time, data, differs)

    def follower(self, identifier: int) -> Callable[[float, bytes | bytearray, bool], None]:
        """What takes the frames of one message, as `heard` does, without a look-up for each."""
        message = self._messages.get(identifier)
        return _nobody if message is None else message.heard

    def in_state(self, state: int, time: float) -> None:
        """Take the next state (its code) that was reported at `time` (s)."""
        if state == self._present:
            return
        if state == self._before and time - self._since < self._state_cycle:
            self._flickers += 1
            if self._flickers > FORGIVEN:
                self.contradict(f"two states, {state} and {self._present}, come by turns faster than one node changes")
        elif time - self._since >= self._state_cycle and state != self._before:
            self._flickers = 0
        self._before, self._present, self._since = self._present, state, time

    def _second(self, identifier: int, why: str) -> None:
        self.contradict(f"a second node sends 0x{identifier:X} as well ({why})")
