"""The states of a foxBMS 2 node, by their numbers on the bus (value table of BmsState in its DBC), and what each is."""

from enum import IntEnum
from typing import Final

from instruments.roles import BmsState


class NodeState(IntEnum):
    """As the node has them."""

    UNINITIALIZED = 0
    INITIALIZATION = 1
    INITIALIZED = 2
    IDLE = 3
    OPEN_CONTACTORS = 4
    STANDBY = 5
    PRECHARGE = 6
    NORMAL = 7
    DISCHARGE = 8
    CHARGE = 9
    ERROR = 10
    UNDEFINED = 11


NEUTRAL: Final = {
    NodeState.UNINITIALIZED: BmsState.STARTING,
    NodeState.INITIALIZATION: BmsState.STARTING,
    NodeState.INITIALIZED: BmsState.STARTING,
    NodeState.IDLE: BmsState.STANDBY,
    NodeState.OPEN_CONTACTORS: BmsState.OPENING,
    NodeState.STANDBY: BmsState.STANDBY,
    NodeState.PRECHARGE: BmsState.PRECHARGE,
    NodeState.NORMAL: BmsState.CLOSED,
    NodeState.DISCHARGE: BmsState.DISCHARGE,
    NodeState.CHARGE: BmsState.CHARGE,
    NodeState.ERROR: BmsState.ERROR,
    NodeState.UNDEFINED: BmsState.UNKNOWN,
}
RECORDED: Final = tuple(float(NEUTRAL[state]) for state in NodeState)
"""What is recorded of each number."""


def name_of(code: int | None) -> str:
    """The node's own word for a number."""
    return NodeState(code).name if code in set(NodeState) else f"state {code}"
