"""Defects of the BMS and its bus: its silence, its errors, its contactors, its measurements, its frames."""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from math import inf

from can import Message

from instruments.virtual.defects.grammar import Begin, Defect, DefectKind, Repair
from instruments.virtual.defects.of_instruments import sense_lead_loose
from instruments.virtual.simulators.foxbms import frames
from instruments.virtual.simulators.foxbms.contactors import STANDBY, STANDBY_REQUEST
from instruments.virtual.simulators.foxbms.frames import (
    ALERT,
    GENERAL_ERROR,
    MAIN_FUSE,
    PACK_CURRENT,
    field,
    flag,
)
from instruments.virtual.simulators.foxbms.node import FoxBms
from instruments.virtual.simulators.foxbms.protection import Protection

MESSAGES = {
    "f_BmsState": frames.STATE,
    "f_PackMinMaxCellTemperature": frames.TEMPERATURES,
    "f_PackMinMaxCellVoltage": frames.VOLTAGES,
    "f_PackLimits": frames.LIMITS,
    "f_PackValuesP0": frames.VALUES,
    "f_PackValuesP1": frames.INSULATION,
    "f_PackStateEstimation": frames.ESTIMATION,
}
OUT_OF_RANGE = {
    "BmsState": (frames.STATE, 3, 4, 15),
    "MinimumSoc": (frames.ESTIMATION, 7, 10, 1023),
    "MaximumSoc": (frames.ESTIMATION, 13, 10, 1023),
    "Soh": (frames.ESTIMATION, 47, 8, 255),
    "MaximumDischargeCurrent": (frames.LIMITS, 7, 12, 4095),
    "MaximumChargeCurrent": (frames.LIMITS, 11, 12, 4095),
    "MinimumCellVoltage": (frames.VOLTAGES, 53, 14, 8191),
    "MaximumCellVoltage": (frames.VOLTAGES, 37, 14, 8191),
    "MinimumCellTemperature": (frames.TEMPERATURES, 39, 8, 127),
    "MaximumCellTemperature": (frames.TEMPERATURES, 47, 8, 127),
    "BatteryVoltage": (frames.VALUES, 7, 15, 16383),
    "Current": (frames.VALUES, 40, 17, 65535),
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
BOOT_TIME = 2.0
"""s from a node's reset until it takes requests again."""
STOP_CHAIN = ("InterlockState", "EmergencyShutoff")
"""What a node says when the emergency-stop chain, which holds its contactors, is opened."""
WORDS: Mapping[str, Collection[str]] = {
    "message": MESSAGES,
    "signal": OUT_OF_RANGE,
    "fault signal": FAULT_SIGNALS,
    "extreme": EXTREMES,
}


def _with(attribute: str, value: object) -> Callable[[FoxBms, Defect], Repair]:
    """A defect that is something about the node."""
    return lambda bms, _defect: bms.lasting.attribute(bms, attribute, lambda _healthy: value)


def _welded(bms: FoxBms, _defect: Defect) -> Repair:
    """A contactor that has closed, or closes now, does not open again."""
    closed = bms.contactors.driven

    def conducts(driven: bool) -> bool:
        nonlocal closed
        closed = closed or driven
        return closed

    return bms.lasting.attribute(bms, "conducts", lambda _healthy: conducts)


def _pole_welded(bms: FoxBms, _defect: Defect) -> Repair:
    """Its plus contactor does not open again. The minus one opens the circuit, so that the bus tells nothing of it.

    Each contactor has an auxiliary switch, by which the node finds out.
    """
    closed = bms.contactors.driven

    def looking(healthy: Callable[[], set[str]]) -> Callable[[], set[str]]:
        def bad() -> set[str]:
            nonlocal closed
            driven = bms.contactors.driven
            closed = closed or driven
            return healthy() | {"plus contactor"} if closed and not driven else healthy()

        return bad

    return bms.swap("out_of_bounds", looking)


def _never(_driven: bool) -> bool:
    """Whatever it is told."""
    return False


def _precharge_fails(bms: FoxBms, _defect: Defect) -> Repair:
    return bms.lasting.attribute(bms.contactors, "precharges", lambda _healthy: False)


def _shunt_drift(bms: FoxBms, defect: Defect) -> Repair:
    now = bms.channel.now
    start, rate = now(), defect.number(0) / 3600

    def drifting(healthy: Callable[[float, float], None]) -> Callable[[float, float], None]:
        return lambda current, voltage: healthy(current * (1.0 + rate * (now() - start)), voltage)

    return bms.swap("sample", drifting)


def _error(bms: FoxBms, defect: Defect) -> Repair:
    return _give_up(bms, [defect.word()] if defect.parts else [])


def _emergency_stop(bms: FoxBms, _defect: Defect) -> Repair:
    """Somebody presses the button: the chain opens the contactors, and the node sees it open."""
    recover = _give_up(bms, STOP_CHAIN)
    bms.contactors.cut()
    return recover


def _give_up(bms: FoxBms, signals: Iterable[str]) -> Repair:
    """Find an error, and say that these are why."""
    recover, clear = _fail(bms, "internal"), _raise(bms, signals)

    def end() -> None:
        clear()
        recover()

    return end


def _fail(bms: FoxBms, fault: str) -> Repair:
    """Find an error, which is there until nobody has it any more."""
    bms.fail(fault)
    return bms.lasting.until_the_last(("fault", fault), partial(bms.recover, fault))


def _restart(bms: FoxBms, defect: Defect) -> Repair:
    """The node loses its supply for a moment: its contactors open, then it boots and does what it is asked."""
    now = bms.channel.now
    up = now() + defect.number(0, BOOT_TIME)
    wait = bms.lasting.attribute(bms, "up", lambda before: max(before, up))
    bms.restart()

    def boot() -> None:
        if now() >= bms.up:
            bms.contactors.boot()

    def booting(healthy: Callable[[float, float], None]) -> Callable[[float, float], None]:
        def sample(current: float, voltage: float) -> None:
            boot()
            healthy(current, voltage)

        return sample

    end = bms.swap("sample", booting)

    def over() -> None:
        end()
        wait()
        boot()

    return over


def _contactor_closed(bms: FoxBms, _defect: Defect) -> Repair:
    """Somebody has asked the node to close its contactors, and left: it has not noticed yet."""
    bms.contactors.be_closed()

    def let_go() -> None:
        bms.contactors.ask(STANDBY_REQUEST, bms.channel.now())

    return bms.lasting.until_the_last("closed", let_go)


def _uneven_requests(bms: FoxBms, defect: Defect) -> Repair:
    """Every second request comes so much late: a computer, an adapter or a gateway that has other things to do."""
    return bms.lasting.attribute(bms.timing, "displaced", lambda _before: defect.number(0))


def _unasked(bms: FoxBms, _defect: Defect) -> Repair:
    """Nobody has asked it for anything since it was switched on: it is in ERROR for that."""
    recover = _fail(bms, "can timing")
    bms.contactors.cut()
    return recover


# ---- frames ----


def tamper(bms: FoxBms, identifier: int, change: Callable[[int], int]) -> Repair:
    """Change every frame of one message on its way out."""

    def changed(pack: Callable[[FoxBms], int]) -> Callable[[FoxBms], int]:
        return lambda node: change(pack(node))

    return bms.lasting.item(bms.packers, identifier, changed)


def _missing(bms: FoxBms, defect: Defect) -> Repair:
    return bms.lasting.item(bms.due, MESSAGES[defect.word()], lambda _due: inf)


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


def _no_more_than(signal: str) -> Callable[[FoxBms, Defect], Repair]:
    """It allows no more than so many A of what its cells could do."""

    def begin(bms: FoxBms, defect: Defect) -> Repair:
        identifier, start, length, _ = OUT_OF_RANGE[signal]
        most = int(defect.number(0) / frames.LIMIT_STEP)
        return tamper(
            bms, identifier, lambda frame: _put(frame, start, length, min(_count(frame, start, length), most))
        )

    return begin


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
    return tamper(bms, frames.STATE, lambda frame: frame | bits)


class _OtherNode:
    """A second node on the bus with the ids of the first: another pack, at rest, that says what it said at first.

    Whoever listens hears the one now before and now behind the other.
    """

    def __init__(self, bms: FoxBms) -> None:
        packed = {identifier: pack(bms) for identifier, pack in bms.packers.items()}
        _, start, length, _ = OUT_OF_RANGE["BmsState"]
        packed[frames.STATE] = _put(packed[frames.STATE], start, length, STANDBY)
        packed[frames.VALUES] = packed[frames.VALUES] & ~PACK_CURRENT(-0.01) | PACK_CURRENT(0.0)
        self._frames = {identifier: frame.to_bytes(8, "big") for identifier, frame in packed.items()}
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

    repairs = [constant(identifier) for identifier in bms.packers if identifier != frames.STATE]
    return lambda: [repair() for repair in repairs]


def _protected(what: str) -> Callable[[FoxBms, Defect], Repair]:
    """A node that did not vouch for its frames does so from now on, but wrongly."""

    def begin(bms: FoxBms, _defect: Defect) -> Repair:
        protection = next((member for member in bms.channel.members if isinstance(member, Protection)), None)
        if protection is None:
            protection = protect(bms)
        return bms.lasting.attribute(protection, what, lambda _healthy: True)

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


def _fuse_blown(bms: FoxBms, _defect: Defect) -> None:
    bms.fuse = False
    tamper(bms, frames.STATE, lambda frame: frame | MAIN_FUSE | ALERT | GENERAL_ERROR)


def _insulation(bms: FoxBms, defect: Defect) -> Repair:
    """The pack leaks to its case: whoever measures that sees it, not this node alone."""
    return bms.leak.change(defect.number(0))


def _saturated_limits(bms: FoxBms, _defect: Defect) -> Repair:
    """It allows more than its message has room for: 4095 counts, either way."""
    full = frames.CHARGE_LIMIT(1e9) | frames.DISCHARGE_LIMIT(1e9)
    return tamper(bms, frames.LIMITS, lambda frame: frame | full)


def _bus_off(bms: FoxBms, _defect: Defect) -> Repair:
    return bms.channel.cut()


def _kind(form: str, act: Callable[[FoxBms, Defect], Repair | None], *, for_good: bool = False) -> DefectKind:
    begin: Begin = lambda bms, defect, _world: act(bms, defect)  # noqa: E731 - the world is of no concern here
    return DefectKind(form, begin, "bms", for_good=for_good)


DEFECTS = (
    sense_lead_loose(rank=1),  # an emulator reads its own channels back; without one this is who measures cells
    _kind("insulation:<Ohm>", _insulation),
    _kind("fuse-blown", _fuse_blown, for_good=True),
    _kind("contactor-welded", _welded),
    _kind("contactor-pole-welded", _pole_welded),
    _kind("contactor-stuck-open", _with("conducts", _never)),
    _kind("contactor-closed", _contactor_closed),
    _kind("precharge-fails", _precharge_fails),
    _kind("bms-silent[:<after s>]", _with("silent", True)),
    _kind("bus-off", _bus_off),
    _kind("missing-message:<message>", _missing),
    _kind("frozen-counter", _protected("frozen")),
    _kind("wrong-checksum", _protected("corrupt")),
    _kind("out-of-range:<signal>", _out_of_range),
    _kind("bms-frozen-values", _frozen_values),
    _kind("shunt-drift:<share/h>", _shunt_drift),
    _kind("bms-error[:<fault signal>]", _error),
    _kind("emergency-stop", _emergency_stop),
    _kind("bms-restart[:<s>]", _restart),
    _kind("bms-deaf", _with("deaf", True)),
    _kind("bms-unasked", _unasked),
    _kind("uneven-requests:<s>", _uneven_requests),
    _kind("saturated-limits", _saturated_limits),
    _kind("charge-limit:<A>", _no_more_than("MaximumChargeCurrent")),
    _kind("discharge-limit:<A>", _no_more_than("MaximumDischargeCurrent")),
    _kind("second-node", _second_node),
    _kind("min-above-max:<extreme>", _min_above_max),
    _kind("soc-jump:<share>", _soc_jump),
    _kind("frozen-signal:<signal>", _frozen_signal),
    _kind("fault-bit:<fault signal>", _fault_bit),
)
