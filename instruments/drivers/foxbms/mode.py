"""Whether a node stays in the mode that it was asked for, seen in every state frame and not only in the newest.

A contactor that chatters, a node that restarts, an ERROR that lasts for one frame: between two scans all of it may be
over again. The bench asked for none of it, so each is counted.
"""

from collections.abc import Collection

from instruments.drivers.foxbms.states import NodeState, name_of
from instruments.roles import ModeLosses

_STARTING = frozenset({NodeState.UNINITIALIZED, NodeState.INITIALIZATION, NodeState.INITIALIZED, NodeState.IDLE})
"""States that a foxBMS goes through after it was reset, and never else."""


class ModeWatch:
    """Follows the states of one node (codes of `NodeState`).

    `losses` counts how often it left its mode by itself. `episode` is what was seen since `forget` and must not pass
    unseen, though it may be over: an ERROR, else the state that the node left its mode for; None where there was none.
    """

    def __init__(self) -> None:
        self.losses = ModeLosses()
        self.episode: int | None = None
        self._wanted: Collection[int] = ()
        self.reached = False
        """Whether it is, or was, in one of the states that it is to be in."""
        self.present: int | None = None
        """The newest state, None before the first."""

    def want(self, states: Collection[int]) -> None:
        """From now on the node is to be in one of these states, once it is; none: it may be where it likes."""
        self._wanted, self.reached = states, self.present in states
        self.episode = None

    def forget(self) -> None:
        """What was seen until now has been told."""
        self.episode = None

    def report(self, state: int) -> None:
        """Take the next state that the node reported."""
        if state == NodeState.ERROR:
            self.episode = state
        before = self.present
        if state == before:
            return
        self.present = state
        if state in self._wanted:
            self.reached = True
        elif before in self._wanted:
            self._lose(before, state)
            self.episode = state if self.episode is None else self.episode

    def _lose(self, left: int | None, state: int) -> None:
        before, now = name_of(left), name_of(state)
        restarted = state in _STARTING
        text = f"it went from {before} to {now} {'(it restarted)' if restarted else 'by itself'}"
        self.losses = ModeLosses(self.losses.count + 1, self.losses.restarts + restarted, text)
