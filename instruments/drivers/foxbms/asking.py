"""Which mode a node is asked for, and by which way it comes to it."""

from typing import TYPE_CHECKING, Final

from instruments.drivers.foxbms.layout import REQUEST, request_data
from instruments.drivers.foxbms.mode import ModeWatch
from instruments.drivers.foxbms.requests import CYCLE, ByBus, ByWheel, Requests, WithEachScan
from instruments.drivers.foxbms.states import NodeState
from instruments.roles import BmsMode
from instruments.wires.can import CanSession
from instruments.wires.context import LinkContext
from instruments.yesno import is_number

if TYPE_CHECKING:
    from can import Message

STATES_OF_MODE: Final = {
    BmsMode.STANDBY: frozenset[int](),
    BmsMode.CHARGE: frozenset[int]({NodeState.NORMAL, NodeState.CHARGE}),
    BmsMode.DISCHARGE: frozenset[int]({NodeState.NORMAL, NodeState.DISCHARGE}),
}
"""Where a node is that does what it was asked: a foxBMS 2 is NORMAL either way (BMS_FSM_STATE_NORMAL in its bms.c)."""
DEFAULT_THRESHOLD, MOST_THRESHOLD = 0.2, 0.255
"""V: BAL_DEFAULT_THRESHOLD_mV of foxBMS 2's bal_cfg.h, and what SetBalancingThreshold has room for, 8 bits of 1 mV."""


class Asking:
    """Asks one node, whose states `watch` follows; `threshold` (mV) is from where its cells are balanced, None: never.

    A foxBMS that is IDLE, as after a reset, leaves that for STANDBY alone (BMS_FSM_STATE_IDLE in its bms.c): so CHARGE
    and DISCHARGE go by way of it, until they are reached. One that has fallen out of its mode is not led back.
    """

    def __init__(self, requests: Requests, watch: ModeWatch, threshold: int | None) -> None:
        self._requests, self._watch, self._threshold = requests, watch, threshold
        self.mode: BmsMode | None = None
        """What was asked for last; None before the first."""
        self._sent: BmsMode | None = None

    def want(self, mode: BmsMode) -> "Message":
        """From now on this is asked for; returns what to begin with."""
        self._watch.want(STATES_OF_MODE[mode])
        self.mode, self._sent = mode, self._way_to(mode)
        return self.message(self._sent)

    def begin(self, message: "Message") -> None:
        """Send it and repeat it; raises `InstrumentFault` where it cannot be sent."""
        self._requests.repeat(message)

    def steer(self) -> None:
        """Go on from STANDBY to what was asked for, once the node can."""
        mode = self.mode
        if mode is None or self._sent is mode or self._way_to(mode) is not mode:
            return
        self._sent = mode
        self._requests.steer(self.message(mode))

    def message(self, mode: BmsMode) -> "Message":
        """The request for a mode."""
        from can import Message

        return Message(arbitration_id=REQUEST, data=request_data(mode, self._threshold), is_extended_id=False)

    def _way_to(self, mode: BmsMode) -> BmsMode:
        idle = self._watch.present == NodeState.IDLE and not self._watch.reached
        return BmsMode.STANDBY if idle else mode


def threshold_of(name: str, balancing: object) -> int | None:
    """Voltage (mV) from which cells are balanced, None where they are not; raises `ValueError` for anything else."""
    if balancing is False:
        return None
    volts = DEFAULT_THRESHOLD if balancing is True else balancing
    if not is_number(volts) or not 0 <= volts <= MOST_THRESHOLD:
        raise ValueError(
            f"{name}: balancing {balancing!r} must be true or false, or 0 to {MOST_THRESHOLD:g} V: each request of the "
            "bench lets the node balance cells that are so far apart, or forbids it."
        )
    return round(1e3 * volts)


def by_a_clock(name: str, wanted: bool | None, context: LinkContext) -> bool:
    """Whether the clock of the bench repeats the request; raises `ValueError` when it cannot and was asked to."""
    if wanted and context.every is None:
        raise ValueError(f"{name}: cyclic_request needs a clock that calls back; leave it out.")
    return context.real_time and context.every is not None if wanted is None else wanted


def requests_for(session: CanSession, context: LinkContext, wanted: bool | None, *, clocked: bool) -> Requests:
    """How requests are repeated: by a bus that keeps time unless it is real, by the clock, or with each scan.

    Where time is real the clock also has taken what has come between two scans.
    """
    if session.keeps_time and wanted is not False and not context.real_time:
        return ByBus(session, context)
    wheel = ByWheel(session, context)
    if context.every is not None and (clocked or context.real_time):
        wheel.begin_anew = session.repeat(CYCLE, wheel.due if clocked else lambda: None)
    return wheel if clocked else WithEachScan(session)
