"""Defects of the BMS and its bus: its silence, its errors, its contactors, its measurements, its frames."""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial

from can import Message

from instruments.virtual.defects.grammar import Defect
from instruments.virtual.inhabitants import Inhabitants
from instruments.virtual.simulators import foxbms
from instruments.virtual.simulators.bms_protection import Protection
from instruments.virtual.simulators.dialect import Repair
from instruments.virtual.simulators.foxbms import (
    ALERT,
    CONDUCTING,
    DISCHARGE,
    ERROR,
    PACK_CURRENT,
    STANDBY,
    Cells,
    FoxBms,
    Vector,
    field,
    flag,
)

Effect = Callable[[Inhabitants, Defect], Repair | None]

MESSAGES = {
    "f_BmsState": foxbms.STATE,
    "f_PackMinMaxCellTemperature": foxbms.TEMPERATURES,
    "f_PackMinMaxCellVoltage": foxbms.VOLTAGES,
    "f_PackLimits": foxbms.LIMITS,
    "f_PackValuesP0": foxbms.VALUES,
    "f_PackValuesP1": foxbms.INSULATION,
    "f_PackStateEstimation": foxbms.ESTIMATION,
}
OUT_OF_RANGE = {
    "BmsState": (foxbms.STATE, 3, 4, 15),
    "MinimumSoc": (foxbms.ESTIMATION, 7, 10, 1023),
    "MaximumSoc": (foxbms.ESTIMATION, 13, 10, 1023),
    "Soh": (foxbms.ESTIMATION, 47, 8, 255),
    "MaximumDischargeCurrent": (foxbms.LIMITS, 7, 12, 4095),
    "MaximumChargeCurrent": (foxbms.LIMITS, 11, 12, 4095),
    "MinimumCellVoltage": (foxbms.VOLTAGES, 53, 14, 8191),
    "MaximumCellVoltage": (foxbms.VOLTAGES, 37, 14, 8191),
    "MinimumCellTemperature": (foxbms.TEMPERATURES, 39, 8, 127),
    "MaximumCellTemperature": (foxbms.TEMPERATURES, 47, 8, 127),
    "BatteryVoltage": (foxbms.VALUES, 7, 15, 16383),
    "Current": (foxbms.VALUES, 40, 17, 65535),
}
"""Message, start bit, length, and the largest count of a signal: what a sensor that has failed is sent as."""
FAULT_SIGNALS = {
    "GeneralError": 10,
    "EmergencyShutoff": 11,
    "SystemMonitoringError": 12,
    "PrechargeVoltageError": 16,
    "PrechargeCurrentError": 17,
    "McuDieTemperatureError": 18,
    "BmsMasterPcbOvertemperatureError": 19,
    "BmsMasterPcbUndertemperatureErro": 20,
    "MainFuseBlown": 21,
    "InterlockState": 22,
    "InsulationError": 23,
    "CanTimingError": 24,
    "PackOvercurrentChargeError": 25,
    "PackOvercurrentDischargeError": 26,
    "AlertFlag": 27,
    "NvramCrcError": 28,
    "Clamp30cError": 30,
}
"""Start bit of each fault bit in f_BmsState."""
EXTREMES = {
    "voltage": ("MinimumCellVoltage", "MaximumCellVoltage", 50),
    "temperature": ("MinimumCellTemperature", "MaximumCellTemperature", 3),
    "soc": ("MinimumSoc", "MaximumSoc", 20),
}
"""Two signals, and by how many counts the one is above the other at least when they are in the wrong order."""
FULL = 1000
"""Counts of a state of charge of 1."""
UNINITIALIZED = 0
"""BmsState of a node that has only just got its supply."""
BOOT_TIME = 2.0
"""s from a node's reset until it takes requests again."""
STOP_CHAIN = ("InterlockState", "EmergencyShutoff")
"""What a node says when the emergency-stop chain, which holds its contactors, is opened."""
SIGNAL_NAMES: Mapping[str, Collection[str]] = {
    "message": MESSAGES,
    "signal": OUT_OF_RANGE,
    "fault signal": FAULT_SIGNALS,
    "extreme": EXTREMES,
}


def _of_node(act: Callable[[FoxBms, Defect], Repair | None]) -> Effect:
    """A defect of the node itself."""

    def begin(world: Inhabitants, defect: Defect) -> Repair | None:
        assert world.bms is not None  # noqa: S101 - see NEEDS
        return act(world.bms, defect)

    return begin


def _with(attribute: str, value: Callable[[Defect], object]) -> Callable[[FoxBms, Defect], Repair]:
    """A defect that is a property of the node."""

    def begin(bms: FoxBms, defect: Defect) -> Repair:
        healthy = getattr(bms, attribute)
        setattr(bms, attribute, value(defect))
        return partial(setattr, bms, attribute, healthy)

    return begin


def _welded(bms: FoxBms, _defect: Defect) -> Repair:
    """A contactor that has closed, or closes now, does not open again."""
    bms.conducting = _Welded(bms)
    return partial(setattr, bms, "conducting", CONDUCTING)


class _Welded(frozenset[int]):
    """The states in which a contactor conducts that never opens again: all, once it has been closed."""

    def __new__(cls, _bms: FoxBms) -> "_Welded":
        return super().__new__(cls, CONDUCTING)

    def __init__(self, bms: FoxBms) -> None:
        self._closed = bms.state in CONDUCTING

    def __contains__(self, state: object) -> bool:
        self._closed = self._closed or super().__contains__(state)
        return self._closed


def _shunt_drift(world: Inhabitants, defect: Defect) -> Repair:
    assert world.bms is not None  # noqa: S101 - see NEEDS
    start, rate, now = world.now(), defect.number(0) / 3600, world.now

    def drifting(healthy: Callable[[float, float], None]) -> Callable[[float, float], None]:
        return lambda current, voltage: healthy(current * (1.0 + rate * (now() - start)), voltage)

    return world.bms.swap("observe", drifting)


def _error(bms: FoxBms, defect: Defect) -> Repair:
    return _give_up(bms, [defect.word()] if defect.parts else [])


def _emergency_stop(bms: FoxBms, _defect: Defect) -> Repair:
    """Somebody presses the button: the chain opens the contactors, and the node sees it open."""
    return _give_up(bms, STOP_CHAIN)


def _give_up(bms: FoxBms, signals: Iterable[str]) -> Repair:
    """Go to ERROR, and say that these are why."""
    bms.fail("internal")
    clear = _raise(bms, signals)

    def recover() -> None:
        clear()
        bms.recover()

    return recover


def _restart(world: Inhabitants, defect: Defect) -> Repair:
    """The node loses its supply for a moment: its contactors open, then it boots and does what it is asked."""
    assert world.bms is not None  # noqa: S101 - see NEEDS
    bms, now, up = world.bms, world.now, world.now() + defect.number(0, BOOT_TIME)
    bms.state = UNINITIALIZED

    def boot() -> None:
        if bms.state == UNINITIALIZED:
            bms.state = STANDBY

    def booting(healthy: Callable[[float, float], None]) -> Callable[[float, float], None]:
        def observe(current: float, voltage: float) -> None:
            if now() >= up:
                boot()
            healthy(current, voltage)

        return observe

    end = bms.swap("observe", booting)

    def over() -> None:
        end()
        boot()

    return over


def _contactor_closed(bms: FoxBms, _defect: Defect) -> Repair:
    """Somebody has asked the node to close its contactors, and left."""
    bms.state = DISCHARGE

    def let_go() -> None:
        if bms.state != ERROR:
            bms.state = STANDBY

    return let_go


# ---- frames ----


def tamper(bms: FoxBms, identifier: int, change: Callable[[int], int]) -> Repair:
    """Change every frame of one message on its way out."""
    healthy = bms.packers[identifier]
    bms.packers[identifier] = lambda node: change(healthy(node))
    return partial(bms.packers.__setitem__, identifier, healthy)


def _missing(bms: FoxBms, defect: Defect) -> Repair:
    identifier = MESSAGES[defect.word()]
    bms.due.pop(identifier, None)
    return lambda: bms.due.setdefault(identifier, 0.0)


def _out_of_range(bms: FoxBms, defect: Defect) -> Repair:
    identifier, start, length, count = OUT_OF_RANGE[defect.word()]
    return tamper(bms, identifier, lambda frame: _put(frame, start, length, count))


def _count(frame: int, start: int, length: int) -> int:
    """What a signal is sent as."""
    place = field(start, length)
    return frame >> (place(1).bit_length() - 1) & ((1 << length) - 1)


def _put(frame: int, start: int, length: int, count: int) -> int:
    """The frame with another count in the place of a signal."""
    place = field(start, length)
    return frame & ~place((1 << length) - 1) | place(count)


def _frozen_signal(bms: FoxBms, defect: Defect) -> Repair:
    """One value stands still: its own input, not the task that measures, hangs."""
    identifier, start, length, _ = OUT_OF_RANGE[defect.word()]
    count = _count(bms.packers[identifier](bms), start, length)
    return tamper(bms, identifier, lambda frame: _put(frame, start, length, count))


def _min_above_max(bms: FoxBms, defect: Defect) -> Repair:
    """What is sent as the least lies above what is sent as the most."""
    least, most, gap = EXTREMES[defect.word()]
    identifier, low_start, length, _ = OUT_OF_RANGE[least]
    high_start = OUT_OF_RANGE[most][1]

    def exchanged(frame: int) -> int:
        low, high = _count(frame, low_start, length), _count(frame, high_start, length)
        swapped = _put(frame, low_start, length, high)
        return _put(swapped, high_start, length, min(low, high - gap))

    return tamper(bms, identifier, exchanged)


def _soc_jump(bms: FoxBms, defect: Defect) -> Repair:
    """The displayed state of charge is another one from now on: a counter that was set anew."""
    identifier, low_start, length, _ = OUT_OF_RANGE["MinimumSoc"]
    high_start, jump = OUT_OF_RANGE["MaximumSoc"][1], round(defect.number(0) * FULL)

    def jumped(frame: int) -> int:
        for start in (low_start, high_start):
            frame = _put(frame, start, length, max(0, min(FULL, _count(frame, start, length) + jump)))
        return frame

    return tamper(bms, identifier, jumped)


def _fault_bit(bms: FoxBms, defect: Defect) -> Repair:
    return _raise(bms, [defect.word()])


def _raise(bms: FoxBms, signals: Iterable[str]) -> Repair:
    """Raise fault bits, and the one that sums them up."""
    bits = 0
    for signal in signals:
        bits |= flag(FAULT_SIGNALS[signal]) | ALERT
    return tamper(bms, foxbms.STATE, lambda frame: frame | bits)


class _OtherNode:
    """A second node on the bus with the ids of the first: another pack, at rest, that says what it said at first.

    Whoever listens hears the one now before and now behind the other.
    """

    def __init__(self, bms: FoxBms) -> None:
        frames = {identifier: pack(bms) for identifier, pack in bms.packers.items()}
        _, start, length, _ = OUT_OF_RANGE["BmsState"]
        frames[foxbms.STATE] = _put(frames[foxbms.STATE], start, length, STANDBY)
        frames[foxbms.VALUES] = frames[foxbms.VALUES] & ~PACK_CURRENT(-0.01) | PACK_CURRENT(0.0)
        self._frames = {identifier: frame.to_bytes(8, "big") for identifier, frame in frames.items()}
        self._bms, self._first = bms, False

    def beside(self, transmit: Callable[[], bool]) -> Callable[[], bool]:
        """What the two of them send when one of them does."""

        def both() -> bool:
            now, self._first = self._bms.channel.now(), not self._first
            due = [identifier for identifier, due in self._bms.due.items() if now >= due]
            if self._first:
                self._send(due, now)
            sent = transmit()
            if not self._first:
                self._send(due, now)
            return sent

        return both

    def _send(self, identifiers: Iterable[int], now: float) -> None:
        for identifier in identifiers:
            data = self._frames[identifier]
            self._bms.channel.send(self, Message(now, identifier, is_extended_id=False, data=data))


def _second_node(bms: FoxBms, _defect: Defect) -> Repair:
    return bms.swap("transmit", _OtherNode(bms).beside)


def _frozen_values(bms: FoxBms, _defect: Defect) -> Repair:
    """Everything measured stands still, while the state goes on: the task that measures hangs."""

    def constant(identifier: int) -> Repair:
        frame = bms.packers[identifier](bms)
        return tamper(bms, identifier, lambda _frame: frame)

    repairs = [constant(identifier) for identifier in bms.packers if identifier != foxbms.STATE]
    return lambda: [repair() for repair in repairs]


def _protected(what: str) -> Callable[[FoxBms, Defect], Repair]:
    """A node that did not vouch for its frames does so from now on, but wrongly."""

    def begin(bms: FoxBms, _defect: Defect) -> Repair:
        protection = next((member for member in bms.channel.members if isinstance(member, Protection)), None)
        if protection is None:
            protection = protect(bms)
        setattr(protection, what, True)
        return partial(setattr, protection, what, False)

    return begin


def protect(bms: FoxBms) -> Protection:
    """Have a node vouch for its frames from now on; see `bms_protection`."""
    protection = Protection(bms.channel)

    def vouching(transmit: Callable[[], bool]) -> Callable[[], bool]:
        def both() -> bool:
            sent = transmit()
            if sent:
                protection.transmit()
            return sent

        return both

    bms.swap("transmit", vouching)
    return protection


def misread(bms: FoxBms, cell: int, gain: float) -> Repair:
    """Measure one cell's voltage (from 0) by a factor wrong."""
    healthy, bms.cells = bms.cells, _LooseLead(bms.cells, cell, gain)
    return partial(setattr, bms, "cells", healthy)


class _LooseLead:
    """Cells of which one is measured wrong."""

    def __init__(self, cells: Cells, cell: int, gain: float) -> None:
        self._cells, self._cell, self._gain = cells, cell, gain
        self.temperature, self.capacity = cells.temperature, cells.capacity

    @property
    def soc(self) -> Vector:
        """As it is."""
        return self._cells.soc

    @property
    def voltage(self) -> Vector:
        """V of each cell, one of them wrong."""
        voltage = self._cells.voltage.copy()
        voltage[self._cell] *= self._gain
        return voltage


def _bus_off(world: Inhabitants, _defect: Defect) -> Repair:
    assert world.channel is not None  # noqa: S101 - see NEEDS
    world.channel.cut()
    return world.channel.mend


EFFECTS: Mapping[str, Effect] = {
    "bms-silent": _of_node(_with("silent", lambda _defect: True)),
    "insulation": _of_node(_with("insulation", lambda defect: defect.number(0))),
    "contactor-welded": _of_node(_welded),
    "contactor-stuck-open": _of_node(_with("conducting", lambda _defect: frozenset())),
    "precharge-fails": _of_node(_with("precharges", lambda _defect: False)),
    "shunt-drift": _shunt_drift,
    "bus-off": _bus_off,
    "missing-message": _of_node(_missing),
    "frozen-counter": _of_node(_protected("frozen")),
    "wrong-checksum": _of_node(_protected("corrupt")),
    "out-of-range": _of_node(_out_of_range),
    "bms-frozen-values": _of_node(_frozen_values),
    "bms-error": _of_node(_error),
    "fault-bit": _of_node(_fault_bit),
    "emergency-stop": _of_node(_emergency_stop),
    "bms-restart": _restart,
    "second-node": _of_node(_second_node),
    "min-above-max": _of_node(_min_above_max),
    "soc-jump": _of_node(_soc_jump),
    "frozen-signal": _of_node(_frozen_signal),
    "contactor-closed": _of_node(_contactor_closed),
}
NEEDS: Mapping[str, tuple[str, ...]] = dict.fromkeys(EFFECTS, ("bms",))
