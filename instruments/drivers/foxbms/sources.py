"""Whether the frames that bear a BMS's identifiers can come from one healthy node.

A second node with the same identifiers sends whatever it likes in between: the newest frame is then one or the other's.
It is found by what one node cannot do, whatever the frames say: send a cyclic message much more often than its cycle,
two different ones in one instant, or be in a state for less than a cycle and then back in the one before.

All times are those of reception, so that a bus that delivers late is no second node; one that stamps its frames only
when it delivers them is not taken for one either, as long as it holds them back for no more than `SAVED` of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

INSTANT = 50e-6
"""s; a frame of eight bytes takes 108 us at 1 Mbit/s, so two of one identifier are never that close."""
FASTER = 0.8
"""Share of its cycle after which a node may send again, on average: foxBMS keeps its cycles within a few ms."""
SAVED = 20.0
"""Frames that may come at once because they were held back."""
SURPLUS = 3.0
"""Frames beyond what one node can send that are forgiven: a node restarts, and begins its cycles anew."""
FORGIVEN = 2
"""Impossible instants or states in a row that are forgiven."""


@dataclass(slots=True)
class _Message:
    """What is known of one identifier: s, and frames."""

    cycle: float
    least: float
    """s of which each frame takes one saved; see `FASTER`."""
    last: float = -inf
    gap: float = 0.0
    in_instant: int = 0
    differs: bool = False
    surplus: float = -SAVED
    suspicion: int = 0


class Sources:
    """Counts, in `contradictions`, the frames that cannot come from one node; `reason` is a clause on the newest.

    `cycles` (s) by identifier. The state message, `state`, is sent by foxBMS also whenever its state or substate
    changes (BMS_Trigger in its bms.c), so that its rate tells nothing: of it only the states are followed.
    """

    def __init__(self, cycles: Mapping[int, float], state: int) -> None:
        self.contradictions = 0
        self.reason = ""
        self._messages = {
            identifier: _Message(cycle, FASTER * cycle) for identifier, cycle in cycles.items() if identifier != state
        }
        self._state_cycle = cycles[state]
        self._before, self._present, self._since = -1, -1, -inf
        self._flickers = 0

    def contradict(self, reason: str) -> None:
        """Count one more, found by whoever knows what the frame says."""
        self.contradictions += 1
        self.reason = reason

    def heard(self, identifier: int, time: float, differs: bool) -> None:
        """Take the next frame of a message, received at `time` (s); whether it differs from the one before."""
        message = self._messages.get(identifier)
        if message is None:
            return
        gap = time - message.last
        if gap > INSTANT:
            if message.differs or message.suspicion:
                self._end_instant(identifier, message)
                message.differs = False
            message.last, message.gap, message.in_instant = time, gap, 1
        else:
            message.in_instant += 1
            message.differs |= differs
        saved = message.surplus - gap / message.least
        if saved <= -SAVED:
            message.surplus = 1.0 - SAVED
            return
        message.surplus = saved + 1.0
        if saved + 1.0 > SURPLUS:
            message.surplus = SURPLUS
            if differs:
                self._second(identifier, f"each {message.cycle * 1e3:g} ms is what one node sends, and more come")

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

    def _end_instant(self, identifier: int, message: _Message) -> None:
        """Judge the instant that is over: too many frames for one, and too few for those of a time held back."""
        impossible = message.differs and 2 * message.in_instant * message.cycle <= message.gap
        message.suspicion = message.suspicion + 1 if impossible else 0
        if message.suspicion > FORGIVEN:
            self._second(identifier, "different ones come in one instant")

    def _second(self, identifier: int, why: str) -> None:
        self.contradict(f"a second node sends 0x{identifier:X} as well ({why})")
