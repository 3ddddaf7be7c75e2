"""Whether a node stays in the mode that it was asked for, seen in every state frame and not only in the newest.

A contactor that chatters, a node that restarts, an ERROR that lasts for one frame: between two scans all of it may be
over again. The bench asked for none of it, so each is counted.
"""

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
        self._wanted: int | None = None
        self._reached = False
        self._present: int | None = None

    def want(self, state: NodeState | None) -> None:
        """From now on the node is to be in this state, once it is; None: it may be where it likes."""
        self._wanted, self._reached = state, state is not None and self._present == state
        self.episode = None

    def forget(self) -> None:
        """What was seen until now has been told."""
        self.episode = None

    def report(self, state: int) -> None:
        """Take the next state that the node reported."""
        if state == NodeState.ERROR:
            self.episode = state
        if state == self._present:
            return
        self._present = state
        if state == self._wanted:
            self._reached = True
        elif self._reached:
            self._reached = False
            self._lose(state)
            self.episode = state if self.episode is None else self.episode

    def _lose(self, state: int) -> None:
        before, now = name_of(self._wanted), name_of(state)
        restarted = state in _STARTING
        text = f"it went from {before} to {now} {'(it restarted)' if restarted else 'by itself'}"
        self.losses = ModeLosses(self.losses.count + 1, self.losses.restarts + restarted, text)
