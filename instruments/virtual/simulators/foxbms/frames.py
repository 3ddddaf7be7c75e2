"""The frames of a foxBMS 2 node, packed by hand from start bits and lengths of its DBC (release 1.11, CC-BY-4.0).

A reading of its own, independent of the one the driver makes. Values are those of the node; the sign on the bus is
foxBMS's default: discharge current is positive. A value outside its field saturates: a limit beyond it is 1023.75 A.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
from can import Message

from instruments.virtual.plants import Vector

SYSTEM_STATE, REQUEST, STATE, FATAL_ERROR = 0x219, 0x210, 0x220, 0x222
TEMPERATURES, VOLTAGES, LIMITS, VALUES, INSULATION, ESTIMATION = range(0x230, 0x236)
STRING_STATE, STRING_VALUES, STRING_ESTIMATION = 0x240, 0x243, 0x245
EACH_VOLTAGE, EACH_TEMPERATURE = 0x250, 0x260
MODULE = 12  # cells, for the indices in 0x230 and 0x231
LIMIT_STEP = 0.25  # A, resolution of 0x232
RUNNING = 5  # SYS_FSM_STATE_RUNNING


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
    """A one-bit signal, set. It lies alike in both byte orders: BalancingAlgorithmState is little-endian in the DBC."""
    return field(start, 1)(1)


# start bit, length and the value of one count, from the DBC; SI units except where the comment says otherwise.
BMS_STATE, CONNECTED_STRINGS, STATE_INSULATION = field(3, 4), field(7, 4), field(63, 8, 200e3)
GENERAL_ERROR, CHARGING_COMPLETE, EMERGENCY_SHUTOFF = flag(10), flag(8), flag(11)
MAIN_FUSE, INSULATION_MONITORING, ALERT, BALANCING = flag(21), flag(13), flag(27), flag(31)
SUBSTATE, SYSTEM = field(37, 6), field(0, 5)
FAULT_BITS = {
    "insulation": flag(23),
    "precharge": flag(16),
    "over-current charge": flag(25),
    "over-current discharge": flag(26),
    "interlock": flag(22),
    "can timing": flag(24),
    "clamp 30c": flag(30),
    "alert": flag(27),
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
    "alert": 81,
    "plus contactor": 55,
}
"""Diagnosis id of a fault that opens the contactors."""
STRING_CONNECTED, STRING_BALANCING = flag(4), flag(5)
STRING_BITS = {
    "over-voltage": flag(14),
    "under-voltage": flag(15),
    "over-temperature": flag(10),
    "over-current charge": flag(12),
    "over-current discharge": flag(13),
    "plus contactor": flag(32),
}
"""Bits of f_StringState that tell of a fault."""
STRING_VOLTAGE, STRING_CURRENT = field(4, 18, 0.01, signed=True), field(18, 18, 0.01, signed=True)
STRING_POWER = field(32, 18, 10.0, signed=True)  # W
STRING_MIN_SOC, STRING_MAX_SOC, STRING_MIN_SOE, STRING_MAX_SOE, STRING_HEALTH = (
    field(start, 9, 2e-3) for start in (3, 10, 17, 24, 47)
)
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


class Status(NamedTuple):
    """What f_BmsState and f_StringState tell of, but for what is measured; `faults` by name."""

    state: int
    substate: int
    strings: int
    complete: bool
    fatal: bool
    shutting_off: bool
    balancing: bool
    faults: frozenset[str]


def following(now: float, period: float) -> float:
    """When what is sent each `period` s is due after `now`."""
    return (int(now / period + 1e-6) + 1) * period - 1e-9


class DataFrame(Message):
    """What all frames of the node have in common is said once, and not of each."""

    __slots__ = ()

    is_fd = bitrate_switch = error_state_indicator = False
    is_rx, dlc = True, 8


_empty_frame = partial(DataFrame.__new__, DataFrame)


def data_frame(time: float, identifier: int, data: bytes) -> Message:
    """A data frame of an 11-bit identifier and eight bytes, as `Message` makes it, in half the time.

    Its constructor asks of each of 13 arguments whether it was given and what it means.
    """
    frame = _empty_frame()
    frame.timestamp, frame.arbitration_id, frame.data, frame.channel = time, identifier, bytearray(data), None
    # Every receiver asks for these: an instance's slot is read in a fraction of the time of a class's attribute.
    frame.is_extended_id = frame.is_remote_frame = frame.is_error_frame = False
    return frame


# ---- what hardly ever changes from one frame to the next, in counts of its fields: packed once ----


@lru_cache
def state_frame(status: "Status", insulation: float) -> int:
    """f_BmsState; `insulation` in Ohm."""
    frame = BMS_STATE(status.state) | SUBSTATE(status.substate) | CONNECTED_STRINGS(status.strings)
    frame |= STATE_INSULATION(insulation) | INSULATION_MONITORING | CHARGING_COMPLETE * status.complete
    frame |= GENERAL_ERROR * status.fatal | EMERGENCY_SHUTOFF * status.shutting_off
    frame |= BALANCING * status.balancing
    for fault in status.faults:
        frame |= FAULT_BITS.get(fault, 0)
    return frame


@lru_cache
def string_state_frame(status: "Status") -> int:
    """f_StringState of the only string."""
    frame = STRING_CONNECTED * bool(status.strings) | STRING_BALANCING * status.balancing
    for fault in status.faults:
        frame |= STRING_BITS.get(fault, 0)
    return frame


@lru_cache
def system_frame(state: int) -> int:
    """f_SystemState."""
    return SYSTEM(state)


def string_values_frame(current: float, voltage: float) -> int:
    """f_StringValuesP0 of the only string: A and V, both as on the bus."""
    return STRING_VOLTAGE(voltage) | STRING_CURRENT(current) | STRING_POWER(current * voltage)


def string_estimates_frame(low: float, high: float, health: float) -> int:
    """f_StringStateEstimation of the only string: its charge, connected or not, and its health, 0 to 1 each."""
    frame = STRING_MIN_SOC(low) | STRING_MAX_SOC(high) | STRING_MIN_SOE(low) | STRING_MAX_SOE(high)
    return frame | STRING_HEALTH(health)


def cell_voltage_frames(volts: Vector) -> Iterator[bytes]:
    """f_CellVoltages, all of them: four cells each, in mV, each with the flag that it is valid."""
    counts = np.clip(np.rint(volts * 1e3), 0, 8191).astype(np.int64)
    for group, start in enumerate(range(0, len(counts), 4)):
        frame = group << 56
        for place, count in enumerate(counts[start : start + 4].tolist()):
            frame |= 1 << 52 + place | count << 39 - 13 * place
        yield frame.to_bytes(8, "big")


def cell_temperature_frames(degrees: Vector) -> Iterator[bytes]:
    """f_CellTemperatures, all of them: six sensors each, in whole degC, each with the flag that it is valid."""
    counts = np.clip(np.trunc(degrees), -128, 127).astype(np.int64)
    for group, start in enumerate(range(0, len(counts), 6)):
        frame = group << 56
        for place, count in enumerate(counts[start : start + 6].tolist()):
            frame |= 1 << 48 + place | (count & 0xFF) << 40 - 8 * place
        yield frame.to_bytes(8, "big")


@lru_cache
def temperature_frame(highest: int, lowest: int, warmest: int, coldest: int) -> int:
    """Whole degC, and where."""
    return MAX_TEMPERATURE(highest) | MIN_TEMPERATURE(lowest) | _places(warmest, coldest)


@lru_cache
def voltage_frame(highest: int, lowest: int, fullest: int, emptiest: int) -> int:
    """Of 1 mV, and where."""
    return MAX_VOLTAGE(highest / 1e3) | MIN_VOLTAGE(lowest / 1e3) | _places(fullest, emptiest)


@lru_cache
def limit_frame(charge: float, discharge: float, charge_power: int, discharge_power: int) -> int:
    """A, and of 100 W."""
    frame = CHARGE_LIMIT(charge) | DISCHARGE_LIMIT(discharge)
    return frame | CHARGE_POWER(charge_power * 100.0) | DISCHARGE_POWER(discharge_power * 100.0)


@lru_cache
def value_frame(current: int, power: int, voltage: int, bus_voltage: int) -> int:
    """Of 10 mA, 10 W, and 0.1 V."""
    frame = PACK_CURRENT(current / 1e2) | PACK_POWER(power * 10.0)
    return frame | PACK_VOLTAGE(voltage / 10.0) | BUS_VOLTAGE(bus_voltage / 10.0)


@lru_cache
def insulation_frame(ohm: float) -> int:
    """Ohm."""
    return PACK_INSULATION(ohm)


@lru_cache
def estimation_frame(low: int, high: int, energy: int, health: float) -> int:
    """States of charge of 0.1 %, an energy of 100 Wh, and a share."""
    frame = MIN_SOC(low / 1e3) | MAX_SOC(high / 1e3) | MIN_SOE(low / 1e3) | MAX_SOE(high / 1e3)
    return frame | ENERGY(energy * 100.0) | HEALTH(health)


def _places(highest: int, lowest: int) -> int:
    """Positions of two cells or sensors as index in a module and number of the module."""
    frame = MAX_INDEX(highest % MODULE) | MIN_INDEX(lowest % MODULE)
    return frame | MAX_MODULE(highest // MODULE & 0xF) | MIN_MODULE(lowest // MODULE & 0xF)
