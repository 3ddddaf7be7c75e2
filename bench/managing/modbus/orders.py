"""What has been asked of the served box through its registers, and how long that holds.

Whoever wrote last is obeyed, whichever of the two profiles he used. An order ends by the time that was stated with it,
by a rest, and when nobody is there any more: what comes after it is 0 W until somebody writes again.
"""

from dataclasses import dataclass
from math import inf
from threading import RLock

from bench.managing.links import Seen
from bench.managing.modbus.functions.registry import SunPoint, firsts
from bench.managing.modbus.functions.running import Functions
from bench.managing.modbus.sunspec import symbol

START, STOP = 1, 2
"""What register 257 of the box's profile is told."""
OPERATE = "START", "EXIT_STANDBY"
"""`OpCtl` of SunSpec model 715: what lets it operate; everything else does not."""
IDLE = 60
"""s without a message after which it rests, unless a manager has written another time: register 88."""

SERVICE = {"ES": 1, "ESVHi": 110, "ESVLo": 85, "ESHzHi": 50.2, "ESHzLo": 49.5, "ESDlyTms": 60}
"""What a grid has to be like, and for how long (s), before a box that has tripped comes back; EN 50549-1, 4.10.2."""
_BOX = {81: 0, 82: 1, 83: 0, 88: IDLE, 256: 0, 257: STOP, 260: 0}
_ORDER = {"WSetEna": 0, "WSetMod": 0, "WSet": 0, "WSetRvrt": 0, "WSetPct": 0, "WSetPctRvrt": 0, "WSetEnaRvrt": 0}
ORDERING = frozenset({*((704, name) for name in (*_ORDER, "WSetRvrtTms")), (703, "ES"), (715, "OpCtl"), (802, "SetOp")})
"""Points of SunSpec models that are an order, or part of one."""


def _first() -> dict[SunPoint, float]:
    """What points hold that can be written, and what they were adopted for, before anybody has written them."""
    return {
        **{(704, name): value for name, value in _ORDER.items()},
        (704, "WSetMod"): symbol(704, "WSetMod", "WATTS"), (704, "WSetRvrtTms"): 0,
        **{(703, name): value for name, value in SERVICE.items()},
        (715, "ControllerHb"): 0, (715, "AlarmReset"): 0, (715, "OpCtl"): symbol(715, "OpCtl", OPERATE[0]),
        (802, "CtrlHb"): 0, (802, "AlmRst"): 0, (802, "SetOp"): symbol(802, "SetOp", "CONNECT"),
        (802, "SetInvState"): symbol(802, "SetInvState", "INVERTER_STARTED"), (64901, "Done"): 0,
        **firsts(),
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Order:
    """So many W at the AC side, positive charges, until a time of the bench (s)."""

    power: float
    until: float = inf


@dataclass(frozen=True, slots=True)
class Moment:
    """A decision that a manager is to make: its `number`, why it is asked, and the local time's offset from UTC, s."""

    number: int = 0
    reason: str = ""
    offset: float = 0.0


class Orders:
    """Registers that can be written, and what they ask for; written in one thread and read in another.

    `waits` is whether the bench's clock waits for the manager. `version` counts what has changed, for whoever shows it.
    """

    def __init__(self, *, waits: bool) -> None:
        self.lock = RLock()
        self.waits, self.version = waits, 0
        self.seen: Seen | None = None
        self.moment = Moment()
        self.box, self.sun = dict(_BOX), _first()
        self.functions = Functions(self.sun)
        self.order: Order | None = None
        self.heard = 0.0

    @property
    def now(self) -> float:
        """S of the step, as of the newest scan."""
        return 0.0 if self.seen is None else self.seen.time

    def show(self, seen: Seen) -> None:
        """Take what is."""
        with self.lock:
            self.seen = seen
            self.version += 1
            if self.order is not None and self.order.until <= seen.time:
                self.order, self.sun[704, "WSetEna"] = None, self.sun[704, "WSetEnaRvrt"]
            if not seen.car.plugged:
                self.rest()
            self.functions.look(seen)

    def ask(self, moment: Moment) -> None:
        """Show that a decision is due."""
        with self.lock:
            self.moment = moment
            self.version += 1

    def rest(self) -> None:
        """Forget what was asked."""
        with self.lock:
            self.order = None
            self.box |= {257: STOP, 260: 0}
            self.sun[704, "WSetEna"] = 0
            self.functions.rest()
            self.version += 1

    @property
    def power(self) -> float:
        """W that are asked for, 0 without an order."""
        order = self.order
        return 0.0 if order is None else order.power

    @property
    def acting(self) -> float | None:
        """W that the box makes of what is asked for, by its grid functions; None where none of them is on."""
        with self.lock:
            made = self.functions.made(-self.power, self.largest, operates=self.operates)
            return None if made is None else -made

    @property
    def operates(self) -> bool:
        """Whether anything may flow at all."""
        halted = self.sun[715, "OpCtl"] not in {symbol(715, "OpCtl", name) for name in OPERATE}
        return bool(self.sun[703, "ES"]) and not halted and self.connected

    @property
    def connected(self) -> bool:
        """Whether the manager has the battery connected, as it is at first."""
        return self.sun[802, "SetOp"] == symbol(802, "SetOp", "CONNECT")

    def remaining(self) -> float:
        """S until the order ends by its own time; 0 where it does not."""
        order = self.order
        return 0.0 if order is None or order.until == inf else max(order.until - self.now, 0.0)

    # --- what a write does -----------------------------------------------------------------------------------------

    def by_box(self) -> None:
        """Somebody has written a register of the box's profile."""
        box = self.box
        obeys = box[81] and box[83] and box[257] == START
        self.order = Order(float(_signed(box[260]))) if obeys else None

    def by_sunspec(self) -> None:
        """Somebody has written a point of a SunSpec model: its reversion time begins anew."""
        sun, lasts = self.sun, self.sun[704, "WSetRvrtTms"]
        obeys = self.operates and sun[704, "WSetEna"]
        # SunSpec counts what a source of energy gives: here what charges is positive.
        self.order = Order(-self._wanted(), self.now + lasts if lasts else inf) if obeys else None

    def _wanted(self) -> float:
        if self.sun[704, "WSetMod"] == symbol(704, "WSetMod", "WATTS"):
            return self.sun[704, "WSet"]
        return self.sun[704, "WSetPct"] / 100 * self.largest

    @property
    def largest(self) -> float:
        """`WMax`, W: what a percentage is one of."""
        return 0.0 if self.seen is None else max(self.seen.charger.charge, self.seen.charger.discharge)


def _signed(word: int) -> int:
    return word - 0x10000 if word & 0x8000 else word
