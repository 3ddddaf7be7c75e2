"""Simulated battery-management node in the message layout of foxBMS 2: what the pack says about itself on CAN.

Frames are packed by hand from start bits and lengths of `foxbms.dbc` (foxBMS 2, CC-BY-4.0): a reading of its
own, independent of the one the driver makes. The sign on the bus is foxBMS's default: discharge current is
positive. Not simulated: balancing, the string messages 0x240 and up, single cell voltages and temperatures.

What is not in the DBC is foxBMS's source, release 1.11: diagnosis ids are sent as f_BmsFatalError (diag_cfg.h, diag.c),
and a node that has heard no request for a while opens its contactors (CAN_CheckCanTiming in can.c).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from can import Message

from instruments.virtual.defects.grammar import Repair
from instruments.virtual.plants import Cells, Vector
from instruments.virtual.ports import Contactor
from instruments.virtual.properties import Property
from instruments.virtual.simulator import Part
from instruments.virtual.simulators.foxbms.charge_limit import ChargeLimit
from instruments.virtual.terminals import Settling
from instruments.virtual.wires.exchange import CanChannel
from models.cell import CellParameters

REQUEST, STATE, FATAL_ERROR = 0x210, 0x220, 0x222
TEMPERATURES, VOLTAGES, LIMITS, VALUES, INSULATION, ESTIMATION = range(0x230, 0x236)
STANDBY, PRECHARGE, DISCHARGE, CHARGE, ERROR = 5, 6, 8, 9, 10  # of BmsState's value table
CONDUCTING = frozenset({CHARGE, DISCHARGE})
REQUESTED = {0: STANDBY, 1: DISCHARGE, 2: CHARGE}

FAST, SLOW = 0.1, 1.0  # s between frames of one id
PRECHARGE_TIME = 0.3  # s
BEYOND_LIMIT = 0.005  # V above the cell's limit that the charge limit aims at: a charger's constant voltage comes first
LOOK_AHEAD = 3.0  # s along the rise of the highest cell
CREEP = 0.15  # share of the headroom that one update may use up
LIMIT_STEP = 0.25  # A, resolution of 0x232
LARGEST_LIMIT = 1000.0
"""A: 12 bits of a quarter ampere hold no more than 1023.75, and the largest of those says that it is none."""
LIMIT_PERIOD = 1.0  # s between two updates of the limits; faster ones would take a step of the current for a rise
FAULT_DEBOUNCE = 0.5  # s
RECOVERY = 1.0  # s; each bad look at the requests is made good by one that is not, 10 ms apart
MOST_INSULATION = 1e12  # Ohm, beyond what any field of a frame holds
OVERSHOOT = 0.05  # V beyond a cell's limit that is a fault
SHUTTING_OFF = {"over-voltage", "under-voltage", "over-temperature"}
MODULE = 12  # cells, for the indices in 0x230 and 0x231


def field(start: int, length: int, step: float = 1.0, *, signed: bool = False) -> Callable[[float], int]:
    """A big-endian signal in a frame seen as one 64-bit number: DBC start bit, length, and the value of one count.

    A value outside the field saturates, as a sensor does: it never wraps.
    """
    byte, bit = divmod(start, 8)
    shift = 64 - (byte * 8 + 7 - bit) - length
    mask = (1 << length) - 1
    low, high = (-(1 << length - 1), (1 << length - 1) - 1) if signed else (0, mask)
    per_unit = 1.0 / step

    def pack(value: float) -> int:
        count = round(value * per_unit)
        if count < low:
            count = low
        elif count > high:
            count = high
        return (count & mask) << shift

    return pack


def flag(start: int) -> int:
    """A one-bit signal, set. It lies alike in both byte orders (BmsChargingFlag is little-endian in the DBC)."""
    return field(start, 1)(1)


# start bit, length and the value of one count, from the DBC; SI units except where the comment says otherwise.
BMS_STATE, CONNECTED_STRINGS, STATE_INSULATION = field(3, 4), field(7, 4), field(63, 8, 200e3)
GENERAL_ERROR, CHARGING_COMPLETE, EMERGENCY_SHUTOFF = flag(10), flag(8), flag(11)
MAIN_FUSE, INSULATION_MONITORING, ALERT, CHARGING_FLAG = flag(21), flag(13), flag(27), flag(29)
FAULT_BITS = {
    "insulation": flag(23),
    "precharge": flag(16),
    "over-current charge": flag(25),
    "over-current discharge": flag(26),
    "interlock": flag(22),
    "can timing": flag(24),
    "clamp 30c": flag(30),
}
"""Bit of f_BmsState that tells of a fault; other faults have none there."""
DIAGNOSIS = {
    "over-voltage": 17,
    "under-voltage": 20,
    "over-temperature": 26,
    "over-current charge": 47,
    "over-current discharge": 48,
    "interlock": 53,
    "can timing": 5,
    "clamp 30c": 83,
}
"""Diagnosis id of a fault that opens the contactors."""
FATAL_ERROR_CODE = field(7, 8)
MAX_TEMPERATURE, MIN_TEMPERATURE = field(47, 8, signed=True), field(39, 8, signed=True)
MAX_INDEX, MIN_INDEX, MAX_MODULE, MIN_MODULE = field(11, 4), field(15, 4), field(19, 4), field(23, 4)
MIN_VOLTAGE, MAX_VOLTAGE = field(53, 14, 1e-3, signed=True), field(37, 14, 1e-3, signed=True)
CHARGE_LIMIT, DISCHARGE_LIMIT = field(11, 12, LIMIT_STEP), field(7, 12, LIMIT_STEP)
CHARGE_POWER, DISCHARGE_POWER = field(35, 12, 100.0), field(31, 12, 100.0)
VOLTAGE_LIMIT_HIGH, VOLTAGE_LIMIT_LOW = field(55, 8, 4.0), field(63, 8, 4.0)
PACK_CURRENT, PACK_POWER = field(40, 17, 0.01, signed=True), field(25, 17, 10.0, signed=True)
PACK_VOLTAGE, BUS_VOLTAGE = field(7, 15, 0.1, signed=True), field(8, 15, 0.1, signed=True)
PACK_INSULATION = field(7, 13, 7e3)
MIN_SOC, MAX_SOC, MIN_SOE, MAX_SOE = (field(start, 10, 1e-3) for start in (7, 13, 19, 25))
ENERGY, HEALTH = field(55, 16, 100.0), field(47, 8, 5e-3)  # Wh, share


@dataclass(slots=True)
class Extremes:
    """Least and most of what the node measures: V, degC, 0 to 1, with the positions (from 0)."""

    voltage_min: float = 0.0
    voltage_max: float = 0.0
    temperature_min: float = 25.0
    temperature_max: float = 25.0
    soc_min: float = 0.0
    soc_max: float = 0.0
    cell_min: int = 0
    cell_max: int = 0
    sensor_min: int = 0
    sensor_max: int = 0


class FoxBms(Part):
    """One node. `cells` is what it measures; `connected` is its contactor, that the world reads.

    `leak` is the property that its insulation monitor reads, Ohm. `request_timeout` s is how long after the last
    request the contactors open; None: never. A real node takes 1.4 s (100 looks of 10 ms each, and what the request,
    the delay and the opening take); one that was never asked for anything waits here. Defects: while it is `silent`
    nothing is sent or heard, and the contactor stays as it is; `conducting` are the states in which its contactor
    really conducts; `precharges` says whether the bus follows.
    """

    def __init__(
        self,
        cell: CellParameters,
        cells: Cells,
        channel: CanChannel,
        *,
        parallel: int = 1,
        settling: Settling,
        leak: Property,
        request_timeout: float | None = None,
    ) -> None:
        self._cell, self.cells, self.channel, self._parallel = cell, cells, channel, parallel
        self.ports = (Contactor(self),)
        self.leak, self.silent = leak, False
        self.state = STANDBY
        self.charging_complete = False
        self.conducting = CONDUCTING
        self.precharges = True
        self.packers = dict(PACKERS)
        self._settling = settling
        self._requested = STANDBY
        self.request_timeout, self._requested_at, self._missed_at = request_timeout, float("inf"), 0.0
        self._fatal_due = 0.0
        self._precharged_at = 0.0
        self._bad_since: float | None = None
        self.faults: set[str] = set()
        self._persistent: set[str] = set()
        self._limited_at, self._interval = 0.0, LIMIT_PERIOD
        self._highest = self._highest_then = float("inf")
        self._current = self._bus_voltage = self._pack_voltage = 0.0
        self.extremes = Extremes()
        self.charge_limit = self.discharge_limit = 0.0
        self.due = dict.fromkeys((STATE, *range(TEMPERATURES, ESTIMATION + 1)), 0.0)
        self._nominal = cell.nominal_capacity * parallel
        self.refresh()
        series = len(cells.capacity)
        self._ones = np.ones(series)
        self._voltage_limits = VOLTAGE_LIMIT_HIGH(series * cell.voltage_max) | VOLTAGE_LIMIT_LOW(
            series * cell.voltage_min
        )
        self._rate = ChargeLimit(cell)
        # The first current, either way, that is too much.
        self._most = self._nominal * (max(self._rate.most, cell.discharge_c_rate_max) * 1.2) + LIMIT_STEP
        channel.members[self] = self._receive

    @property
    def connected(self) -> bool:
        """Whether the main contactor conducts, whatever the node believes."""
        return self.state in self.conducting

    @property
    def _insulation(self) -> float:
        """What its monitor shows, Ohm: no leak at all is more than it can measure."""
        return min(self.leak.value, MOST_INSULATION)

    @property
    def closed(self) -> bool:
        """Whether the node believes its main contactor closed."""
        return self.state in CONDUCTING

    def refresh(self) -> None:
        """Learn the capacity of the pack anew."""
        self._capacity = float(self.cells.capacity.min())
        self._health = min(self._capacity / self._nominal, 1.0)

    # ---- defects ----

    def fail(self, fault: str) -> None:
        """Go into ERROR, whose contactors are open."""
        self.faults.add(fault)
        self.state = ERROR
        self._settling.stale = True

    def recover(self) -> None:
        """Forget every fault."""
        self.faults.clear()
        self.state = STANDBY

    def misread(self, cell: int, gain: float) -> Repair:
        """A defect: one cell's voltage (from 0) is measured by a factor wrong. How it is ended."""
        healthy, self.cells = self.cells, _LooseLead(self.cells, cell, gain)

        def repair() -> None:
            self.cells = healthy

        return repair

    # ---- the bus's side ----

    def shut_down(self) -> None:
        """Leave the bus."""
        self.channel.members.pop(self, None)

    def _receive(self, message: Message) -> None:
        """Act on a state request (0x210). Bits 1..0 of byte 0 are the mode, bit 2 resets persistent flags."""
        if message.arbitration_id != REQUEST or not message.data or self.silent:
            return
        first = message.data[0]
        if first & 0x04:
            self.faults.clear()
            if self.state == ERROR:
                self.state = STANDBY
        self._requested, self._requested_at = REQUESTED.get(first & 0x03, STANDBY), self.channel.now()
        if self.channel.now() - self._missed_at >= RECOVERY:
            self.faults.discard("can timing")
        if self.state == ERROR and self._requested == STANDBY and not self.faults:
            self.state = STANDBY
        conducting = self.closed
        self._change_state()
        # A request is repeated each cycle; the terminals only care when the contactor moves.
        self._settling.stale |= conducting != self.closed

    def _change_state(self) -> None:
        if self.state == ERROR:
            return
        if self._requested == STANDBY:
            self.state = STANDBY
        elif self.closed:
            self.state = self._requested
        elif self.state == STANDBY:
            self.state, self._precharged_at = PRECHARGE, self.channel.now() + PRECHARGE_TIME

    # ---- the world's side ----

    def hasten(self, speed: float) -> None:
        """Have the world's time go faster than that in which requests come."""
        if self.request_timeout is not None:
            self.request_timeout *= speed

    def sample(self, current: float, voltage: float) -> None:
        """Sample the sensors and act: current in A (charge positive), V of the bus. Faults open the contactor."""
        self._current, self._bus_voltage = current, voltage
        now = self.channel.now()
        cells, found = self.cells, self.extremes
        if now - self._limited_at > LIMIT_PERIOD - 1e-6:
            self._interval, self._limited_at, self._highest_then = now - self._limited_at, now, self._highest
        cell, temperature, soc = cells.voltage, cells.temperature, cells.soc
        # Where the extreme is costs an eighth of `min`, and a product with ones a third of `sum`.
        self._pack_voltage = float(np.dot(cell, self._ones))
        found.cell_min, found.cell_max = int(cell.argmin()), int(cell.argmax())
        found.voltage_min, found.voltage_max = cell.item(found.cell_min), cell.item(found.cell_max)
        found.sensor_min, found.sensor_max = int(temperature.argmin()), int(temperature.argmax())
        found.temperature_min = temperature.item(found.sensor_min)
        found.temperature_max = temperature.item(found.sensor_max)
        found.soc_min, found.soc_max = soc.item(soc.argmin()), soc.item(soc.argmax())
        if self.state == PRECHARGE and now >= self._precharged_at:
            self._end_precharge()
        self._watch(now)
        # What is switched or set in the instant of an update counts for it.
        if now == self._limited_at:
            self._limit()
            self._highest = found.voltage_max

    def _end_precharge(self) -> None:
        if self.precharges:
            self.state = self._requested
        else:
            self.fail("precharge")

    def _watch(self, now: float) -> None:
        """Raise faults that have lasted, and open the contactor for them."""
        if self.request_timeout is not None and now - self._requested_at > self.request_timeout:
            self.fail("can timing")
            self._missed_at = now
        bad = self._bad()
        if not bad:
            self._bad_since = None
            return
        if self._bad_since is None:
            self._bad_since = now
        if now - self._bad_since >= FAULT_DEBOUNCE:
            self.faults |= bad
            if bad - {"insulation"}:
                self.state = ERROR

    def _bad(self) -> set[str]:
        """Names of what is out of bounds now: cell limits, the current limits by a fifth, insulation below 100 kOhm."""
        found, cell = self.extremes, self._cell
        bad = set[str]()
        if found.voltage_max > cell.voltage_max + OVERSHOOT:
            bad.add("over-voltage")
        if self.closed and found.voltage_min < cell.voltage_min - OVERSHOOT:
            bad.add("under-voltage")
        if found.temperature_max > cell.discharge_temperature_max + 2:
            bad.add("over-temperature")
        if self._current > self._most:
            bad.add("over-current charge")
        elif self._current < -self._most:
            bad.add("over-current discharge")
        if self.leak.value < 100e3:
            bad.add("insulation")
        return bad

    def _limit(self) -> None:
        """The largest currents the cells take now, A.

        Charging: the cell's table at its most sensitive temperature and its fullest cell, and never more than brings
        the highest cell to its limit. The node looks ahead along the rise of that cell, creeps up (a cell may have
        twice the resistance it should have, and its voltage goes on rising behind a step) and backs off at once. Below
        that limit at least one step of the message is allowed: a coarse message must not end a taper early.
        """
        found, cell = self.extremes, self._cell
        coldest, warmest = found.temperature_min, found.temperature_max
        by_table = self._rate(coldest, warmest, found.soc_max) * self._nominal
        resistance = self._rate.resistance(coldest) / self._parallel
        # Written without min and max, here and below: nine calls of them were a sixtieth of a whole scan.
        risen, current = found.voltage_max - self._highest_then, self._current
        ahead = risen / self._interval * LOOK_AHEAD if risen > 0.0 else 0.0
        headroom = cell.voltage_max + BEYOND_LIMIT - found.voltage_max - ahead
        limit = (current if current > 0.0 else 0.0) + headroom / resistance * (CREEP if headroom > 0.0 else 1.0)
        limit = limit if limit < by_table else by_table
        least = LIMIT_STEP if by_table > 0.0 and headroom > 0.0 else 0.0
        limit = limit if limit > least else least
        self.charge_limit = int(limit / LIMIT_STEP) * LIMIT_STEP
        self.charging_complete = self.charge_limit < 0.05 * self._nominal and found.soc_max > 0.5
        allowed = cell.discharge_temperature_min <= found.temperature_min
        room = (found.voltage_min - cell.voltage_min) / (2.0 * resistance) - (current if current < 0.0 else 0.0)
        most = min(cell.discharge_c_rate_max * self._nominal, LARGEST_LIMIT)
        discharge = (room if room < most else most) if allowed and room > 0.0 else 0.0
        self.discharge_limit = int(discharge / LIMIT_STEP) * LIMIT_STEP

    def transmit(self) -> bool:
        """Send the newest frame of every id that has become due since the last call; whether any was."""
        if self.silent:
            return False
        now, packers, due = self.channel.now(), self.packers, self.due
        # At one step a second all of them are, every time.
        newest = (
            list(due) if now >= max(due.values(), default=0.0) else [each for each, then in due.items() if now >= then]
        )
        if newest:
            frames = [_frame(now, each, packers[each](self).to_bytes(8, "big")) for each in newest]
            self.channel.send(self, *frames)
            due.update(dict.fromkeys(newest, _next(now, FAST)))
            if ESTIMATION in newest:
                due[ESTIMATION] = _next(now, SLOW)
        if self.faults and now >= self._fatal_due:
            self._fatal_due = now + FAST - 1e-9
            self._transmit_fatal_errors(now)
        return bool(newest)

    def _transmit_fatal_errors(self, now: float) -> None:
        """Name each error that opens the contactors, one frame for each."""
        for fault in sorted(DIAGNOSIS.keys() & self.faults):
            data = FATAL_ERROR_CODE(DIAGNOSIS[fault]).to_bytes(8, "big")
            self.channel.send(self, _frame(now, FATAL_ERROR, data))

    # ---- frames ----

    def _state_frame(self) -> int:
        return _state(self.state, self.closed, self.charging_complete, self._insulation, frozenset(self.faults))

    def _temperature_frame(self) -> int:
        found = self.extremes
        highest, lowest = round(found.temperature_max), round(found.temperature_min)
        return _temperatures(highest, lowest, found.sensor_max, found.sensor_min)

    def _voltage_frame(self) -> int:
        found = self.extremes
        highest, lowest = round(found.voltage_max * 1e3), round(found.voltage_min * 1e3)
        return _voltages(highest, lowest, found.cell_max, found.cell_min)

    def _limit_frame(self) -> int:
        charge, discharge, voltage = self.charge_limit, self.discharge_limit, self._pack_voltage
        powers = round(charge * voltage * 0.01), round(discharge * voltage * 0.01)
        return _limits(charge, discharge, *powers) | self._voltage_limits

    def _value_frame(self) -> int:
        discharging, voltage = -self._current, self._pack_voltage
        power = round(discharging * voltage * 0.1)
        return _values(round(discharging * 1e2), power, round(voltage * 10.0), round(self._bus_voltage * 10.0))

    def _insulation_frame(self) -> int:
        return _packed_insulation(self._insulation)

    def _estimation_frame(self) -> int:
        low, high = self.extremes.soc_min, self.extremes.soc_max
        energy = self._capacity * low * self._pack_voltage  # at the present voltage: a simple node's estimate
        return _estimates(round(low * 1e3), round(high * 1e3), round(energy * 0.01), self._health)


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


def _next(now: float, period: float) -> float:
    """When what is sent each `period` s is due after `now`."""
    return (int(now / period + 1e-6) + 1) * period - 1e-9


class _DataFrame(Message):
    """What all frames of the node have in common is said once, and not of each."""

    __slots__ = ()

    is_extended_id = is_remote_frame = is_error_frame = is_fd = bitrate_switch = error_state_indicator = False
    is_rx, dlc = True, 8


_empty_frame = partial(_DataFrame.__new__, _DataFrame)


def _frame(time: float, identifier: int, data: bytes) -> Message:
    """A data frame of an 11-bit identifier and eight bytes, as `Message` makes it, in half the time.

    Its constructor asks of each of 13 arguments whether it was given and what it means.
    """
    frame = _empty_frame()
    frame.timestamp, frame.arbitration_id, frame.data, frame.channel = time, identifier, bytearray(data), None
    return frame


# ---- what hardly ever changes from one frame to the next, in counts of its fields: packed once ----


@lru_cache
def _state(state: int, closed: bool, complete: bool, insulation: float, faults: frozenset[str]) -> int:
    frame = BMS_STATE(state) | CONNECTED_STRINGS(closed) | INSULATION_MONITORING | STATE_INSULATION(insulation)
    frame |= CHARGING_FLAG * (state == CHARGE) | CHARGING_COMPLETE * complete
    if faults:
        frame |= ALERT | GENERAL_ERROR * (state == ERROR) | EMERGENCY_SHUTOFF * bool(SHUTTING_OFF & faults)
        for fault in faults:
            frame |= FAULT_BITS.get(fault, 0)
    return frame


@lru_cache
def _temperatures(highest: int, lowest: int, warmest: int, coldest: int) -> int:
    """Whole degC, and where."""
    return MAX_TEMPERATURE(highest) | MIN_TEMPERATURE(lowest) | _places(warmest, coldest)


@lru_cache
def _voltages(highest: int, lowest: int, fullest: int, emptiest: int) -> int:
    """Of 1 mV, and where."""
    return MAX_VOLTAGE(highest / 1e3) | MIN_VOLTAGE(lowest / 1e3) | _places(fullest, emptiest)


@lru_cache
def _limits(charge: float, discharge: float, charge_power: int, discharge_power: int) -> int:
    """A, and of 100 W."""
    frame = CHARGE_LIMIT(charge) | DISCHARGE_LIMIT(discharge)
    return frame | CHARGE_POWER(charge_power * 100.0) | DISCHARGE_POWER(discharge_power * 100.0)


@lru_cache
def _values(current: int, power: int, voltage: int, bus_voltage: int) -> int:
    """Of 10 mA, 10 W, and 0.1 V."""
    frame = PACK_CURRENT(current / 1e2) | PACK_POWER(power * 10.0)
    return frame | PACK_VOLTAGE(voltage / 10.0) | BUS_VOLTAGE(bus_voltage / 10.0)


@lru_cache
def _packed_insulation(ohm: float) -> int:
    return PACK_INSULATION(ohm)


@lru_cache
def _estimates(low: int, high: int, energy: int, health: float) -> int:
    """States of charge of 0.1 %, an energy of 100 Wh, and a share."""
    frame = MIN_SOC(low / 1e3) | MAX_SOC(high / 1e3) | MIN_SOE(low / 1e3) | MAX_SOE(high / 1e3)
    return frame | ENERGY(energy * 100.0) | HEALTH(health)


def _places(highest: int, lowest: int) -> int:
    """Positions of two cells or sensors as index in a module and number of the module."""
    frame = MAX_INDEX(highest % MODULE) | MIN_INDEX(lowest % MODULE)
    return frame | MAX_MODULE(highest // MODULE) | MIN_MODULE(lowest // MODULE)


PACKERS: dict[int, Callable[[FoxBms], int]] = {
    STATE: FoxBms._state_frame,
    TEMPERATURES: FoxBms._temperature_frame,
    VOLTAGES: FoxBms._voltage_frame,
    LIMITS: FoxBms._limit_frame,
    VALUES: FoxBms._value_frame,
    INSULATION: FoxBms._insulation_frame,
    ESTIMATION: FoxBms._estimation_frame,
}
