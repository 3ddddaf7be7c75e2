"""Simulated battery-management node in the message layout of foxBMS 2: what the pack says about itself on CAN.

Frames are packed by hand from start bits and lengths of `foxbms.dbc` (foxBMS 2, CC-BY-4.0): a reading of its own, independent of the
one the driver makes. The sign on the bus is foxBMS's default: discharge current is positive. Not simulated: balancing, the string
messages 0x240 and up, single cell voltages and temperatures.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from can import Message
from numpy.typing import NDArray

from instruments.virtual.exchange import CanChannel
from models.cell import CellParameters

Vector = NDArray[np.float64]

REQUEST, STATE = 0x210, 0x220
TEMPERATURES, VOLTAGES, LIMITS, VALUES, INSULATION, ESTIMATION = range(0x230, 0x236)
STANDBY, PRECHARGE, DISCHARGE, CHARGE, ERROR = 5, 6, 8, 9, 10  # of BmsState's value table
REQUESTED = {0: STANDBY, 1: DISCHARGE, 2: CHARGE}

FAST, SLOW = 0.1, 1.0  # s between frames of one id
PRECHARGE_TIME = 0.3  # s
VOLTAGE_MARGIN = 0.008  # V below the cell's limit that the charge limit aims at
LIMIT_STEP = 0.25  # A, resolution of 0x232
FAULT_DEBOUNCE = 0.5  # s
OVERSHOOT = 0.05  # V beyond a cell's limit that is a fault
MODULE = 12  # cells, for the indices in 0x230 and 0x231


class Cells(Protocol):
    """What the node's own sensors see: vectors over the cells in series, V, degC, 0 to 1 and Ah."""

    @property
    def voltage(self) -> Vector: ...
    @property
    def temperature(self) -> Vector: ...
    @property
    def soc(self) -> Vector: ...
    @property
    def capacity(self) -> Vector: ...


def motorola(start: int, length: int) -> Callable[[int], int]:
    """Place a value in a frame seen as one 64-bit number: `start` is the DBC's start bit of a big-endian signal."""
    byte, bit = divmod(start, 8)
    shift = 64 - (byte * 8 + 7 - bit) - length
    mask = (1 << length) - 1

    def place(value: int) -> int:
        return (value & mask) << shift

    return place


def _signed(value: float, length: int) -> int:
    """Round and keep inside a signed field: a sensor saturates, it does not wrap."""
    top = 1 << (length - 1)
    return max(-top, min(top - 1, round(value)))


def _unsigned(value: float, length: int) -> int:
    return max(0, min((1 << length) - 1, round(value)))


# start bit | length, from the DBC. One-bit fields lie alike in both byte orders (BmsChargingFlag is written little-endian there).
BMS_STATE, CONNECTED_STRINGS = motorola(3, 4), motorola(7, 4)
GENERAL_ERROR, CHARGING_COMPLETE, EMERGENCY_SHUTOFF = motorola(10, 1), motorola(8, 1), motorola(11, 1)
INSULATION_MONITORING, INSULATION_ERROR = motorola(13, 1), motorola(23, 1)
OVERCURRENT_CHARGE, OVERCURRENT_DISCHARGE, ALERT = motorola(25, 1), motorola(26, 1), motorola(27, 1)
CHARGING_FLAG, STATE_INSULATION = motorola(29, 1), motorola(63, 8)
MAX_TEMPERATURE, MIN_TEMPERATURE = motorola(47, 8), motorola(39, 8)
MAX_SENSOR, MIN_SENSOR, MAX_SENSOR_MODULE, MIN_SENSOR_MODULE = (motorola(start, 4) for start in (11, 15, 19, 23))
MIN_VOLTAGE, MAX_VOLTAGE = motorola(53, 14), motorola(37, 14)
MAX_CELL, MIN_CELL, MAX_CELL_MODULE, MIN_CELL_MODULE = (motorola(start, 4) for start in (11, 15, 19, 23))
CHARGE_LIMIT, DISCHARGE_LIMIT = motorola(11, 12), motorola(7, 12)
CHARGE_POWER, DISCHARGE_POWER = motorola(35, 12), motorola(31, 12)
VOLTAGE_LIMIT_HIGH, VOLTAGE_LIMIT_LOW = motorola(55, 8), motorola(63, 8)
PACK_CURRENT, PACK_VOLTAGE, BUS_VOLTAGE, PACK_POWER = (
    motorola(40, 17),
    motorola(7, 15),
    motorola(8, 15),
    motorola(25, 17),
)
PACK_INSULATION = motorola(7, 13)
MIN_SOC, MAX_SOC, MIN_SOE, MAX_SOE = motorola(7, 10), motorola(13, 10), motorola(19, 10), motorola(25, 10)
ENERGY, HEALTH = motorola(55, 16), motorola(47, 8)


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


class FoxBms:
    """One node. `cells` is what it measures; `connected` is its contactor, that the world reads.

    `insulation` in Ohm; `silent_after` (s) is a defect: from then on nothing is sent, and the contactor stays as it is.
    """

    def __init__(
        self,
        cell: CellParameters,
        cells: Cells,
        channel: CanChannel,
        *,
        parallel: int = 1,
        insulation: float = 20e6,
        silent_after: float | None = None,
    ) -> None:
        self._cell, self._cells, self._channel, self._parallel = cell, cells, channel, parallel
        self.insulation, self._silent_after = insulation, silent_after
        self.state = STANDBY
        self.charging_complete = False
        self._requested = STANDBY
        self._precharged_at = 0.0
        self._bad_since: float | None = None
        self.faults: set[str] = set()
        self._persistent: set[str] = set()
        self._current = self._bus_voltage = self._pack_voltage = 0.0
        self.extremes = Extremes()
        self.charge_limit = self.discharge_limit = 0.0
        self._due = dict.fromkeys((STATE, *range(TEMPERATURES, ESTIMATION + 1)), 0.0)
        self._nominal = cell.nominal_capacity * parallel
        self._rate = _Bilinear(cell)
        channel.members[self] = self._receive

    @property
    def connected(self) -> bool:
        """Whether the main contactor conducts."""
        return self.state in {CHARGE, DISCHARGE}

    def shut_down(self) -> None:
        """Leave the bus."""
        self._channel.members.pop(self, None)

    def _receive(self, message: Message) -> None:
        """Act on a state request (0x210). Bits 1..0 of byte 0 are the mode, bit 2 resets persistent flags."""
        if message.arbitration_id != REQUEST or not message.data or self._quiet():
            return
        first = message.data[0]
        if first & 0x04:
            self.faults.clear()
            if self.state == ERROR:
                self.state = STANDBY
        self._requested = REQUESTED.get(first & 0x03, STANDBY)
        self._change_state()

    def _change_state(self) -> None:
        if self.state == ERROR:
            return
        if self._requested == STANDBY:
            self.state = STANDBY
        elif self.connected:
            self.state = self._requested
        elif self.state == STANDBY:
            self.state, self._precharged_at = PRECHARGE, self._channel.now() + PRECHARGE_TIME

    def _quiet(self) -> bool:
        return self._silent_after is not None and self._channel.now() >= self._silent_after

    # ---- the world's side ----

    def observe(self, current: float, pack_voltage: float, bus_voltage: float) -> None:
        """Sample the sensors and act: current in A (charge positive), voltages in V. Faults open the contactor."""
        self._current, self._pack_voltage, self._bus_voltage = current, pack_voltage, bus_voltage
        now = self._channel.now()
        cells, found = self._cells, self.extremes
        voltage, temperature, soc = cells.voltage, cells.temperature, cells.soc
        found.cell_min, found.cell_max = int(voltage.argmin()), int(voltage.argmax())
        found.voltage_min, found.voltage_max = float(voltage[found.cell_min]), float(voltage[found.cell_max])
        found.sensor_min, found.sensor_max = int(temperature.argmin()), int(temperature.argmax())
        found.temperature_min = float(temperature[found.sensor_min])
        found.temperature_max = float(temperature[found.sensor_max])
        found.soc_min, found.soc_max = float(soc.min()), float(soc.max())
        if self.state == PRECHARGE and now >= self._precharged_at:
            self.state = self._requested
        self._watch(now)
        self._limit()

    def _watch(self, now: float) -> None:
        """Raise faults that have lasted, and open the contactor for them."""
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
        bad = set()
        if found.voltage_max > cell.voltage_max + OVERSHOOT:
            bad.add("over-voltage")
        if self.connected and found.voltage_min < cell.voltage_min - OVERSHOOT:
            bad.add("under-voltage")
        if found.temperature_max > cell.discharge_temperature_max + 2:
            bad.add("over-temperature")
        most = self._nominal * (max(self._rate.most, cell.discharge_c_rate_max) * 1.2) + LIMIT_STEP
        if self._current > most:
            bad.add("over-current charge")
        elif self._current < -most:
            bad.add("over-current discharge")
        if self.insulation < 100e3:
            bad.add("insulation")
        return bad

    def _limit(self) -> None:
        """The largest currents the cells take now, A.

        Charging: the cell's table at its most sensitive temperature and its fullest cell, and never more than brings the
        highest cell to its limit: the cell's full resistance, doubled for cells that are worse than they should be, says
        how much that is, so that a follower creeps up to the limit and does not pass it.
        """
        found, cell = self.extremes, self._cell
        by_table = min(
            self._rate(found.temperature_min, found.soc_max), self._rate(found.temperature_max, found.soc_max)
        )
        resistance = 2.0 * self._rate.resistance(found.temperature_min) / self._parallel
        charging = max(self._current, 0.0)
        headroom = (cell.voltage_max - VOLTAGE_MARGIN - found.voltage_max) / resistance
        limit = max(0.0, min(by_table * self._nominal, charging + headroom))
        self.charge_limit = int(limit / LIMIT_STEP) * LIMIT_STEP
        self.charging_complete = self.charge_limit < 0.05 * self._nominal and found.soc_max > 0.5
        allowed = cell.discharge_temperature_min <= found.temperature_min
        room = (found.voltage_min - cell.voltage_min) / resistance + max(-self._current, 0.0)
        discharge = min(cell.discharge_c_rate_max * self._nominal, max(room, 0.0)) if allowed else 0.0
        self.discharge_limit = int(discharge / LIMIT_STEP) * LIMIT_STEP

    def transmit(self) -> None:
        """Send the newest frame of every id that has become due since the last call."""
        now = self._channel.now()
        if self._quiet():
            return
        for identifier, due in self._due.items():
            if now < due:
                continue
            period = SLOW if identifier == ESTIMATION else FAST
            data = PACKERS[identifier](self).to_bytes(8, "big")
            self._channel.send(self, Message(now, identifier, is_extended_id=False, data=data))
            self._due[identifier] = (int(now / period + 1e-6) + 1) * period - 1e-9

    # ---- frames ----

    def _state_frame(self) -> int:
        faults = self.faults
        frame = BMS_STATE(self.state) | CONNECTED_STRINGS(int(self.connected)) | INSULATION_MONITORING(1)
        frame |= CHARGING_FLAG(int(self.state == CHARGE)) | CHARGING_COMPLETE(int(self.charging_complete))
        frame |= STATE_INSULATION(_unsigned(self.insulation / 200e3, 8))
        if faults:
            frame |= GENERAL_ERROR(int(self.state == ERROR)) | ALERT(1)
            frame |= EMERGENCY_SHUTOFF(int(bool({"over-voltage", "under-voltage", "over-temperature"} & faults)))
            frame |= INSULATION_ERROR(int("insulation" in faults))
            frame |= OVERCURRENT_CHARGE(int("over-current charge" in faults))
            frame |= OVERCURRENT_DISCHARGE(int("over-current discharge" in faults))
        return frame

    def _temperature_frame(self) -> int:
        found = self.extremes
        frame = MAX_TEMPERATURE(_signed(found.temperature_max, 8)) | MIN_TEMPERATURE(_signed(found.temperature_min, 8))
        frame |= MAX_SENSOR(found.sensor_max % MODULE) | MIN_SENSOR(found.sensor_min % MODULE)
        return frame | MAX_SENSOR_MODULE(found.sensor_max // MODULE) | MIN_SENSOR_MODULE(found.sensor_min // MODULE)

    def _voltage_frame(self) -> int:
        found = self.extremes
        frame = MAX_VOLTAGE(_signed(found.voltage_max * 1e3, 14)) | MIN_VOLTAGE(_signed(found.voltage_min * 1e3, 14))
        frame |= MAX_CELL(found.cell_max % MODULE) | MIN_CELL(found.cell_min % MODULE)
        return frame | MAX_CELL_MODULE(found.cell_max // MODULE) | MIN_CELL_MODULE(found.cell_min // MODULE)

    def _limit_frame(self) -> int:
        series, cell = len(self._cells.voltage), self._cell
        frame = CHARGE_LIMIT(_unsigned(self.charge_limit / LIMIT_STEP, 12))
        frame |= DISCHARGE_LIMIT(_unsigned(self.discharge_limit / LIMIT_STEP, 12))
        frame |= CHARGE_POWER(_unsigned(self.charge_limit * self._pack_voltage / 100, 12))
        frame |= DISCHARGE_POWER(_unsigned(self.discharge_limit * self._pack_voltage / 100, 12))
        frame |= VOLTAGE_LIMIT_HIGH(_unsigned(series * cell.voltage_max / 4, 8))
        return frame | VOLTAGE_LIMIT_LOW(_unsigned(series * cell.voltage_min / 4, 8))

    def _value_frame(self) -> int:
        discharging = -self._current
        frame = PACK_CURRENT(_signed(discharging * 100, 17)) | PACK_VOLTAGE(_signed(self._pack_voltage * 10, 15))
        frame |= BUS_VOLTAGE(_signed(self._bus_voltage * 10, 15))
        return frame | PACK_POWER(_signed(discharging * self._pack_voltage / 10, 17))

    def _insulation_frame(self) -> int:
        return PACK_INSULATION(_unsigned(self.insulation / 7e3, 13))

    def _estimation_frame(self) -> int:
        found = self.extremes
        capacity = float(self._cells.capacity.min())
        energy = capacity * found.soc_min * self._pack_voltage / 1000  # kWh, at the present voltage
        low, high = _unsigned(found.soc_min * 1000, 10), _unsigned(found.soc_max * 1000, 10)
        frame = MIN_SOC(low) | MAX_SOC(high) | MIN_SOE(low) | MAX_SOE(high) | ENERGY(_unsigned(energy * 10, 16))
        return frame | HEALTH(_unsigned(min(capacity / self._nominal, 1.0) * 200, 8))


PACKERS: dict[int, Callable[[FoxBms], int]] = {
    STATE: FoxBms._state_frame,
    TEMPERATURES: FoxBms._temperature_frame,
    VOLTAGES: FoxBms._voltage_frame,
    LIMITS: FoxBms._limit_frame,
    VALUES: FoxBms._value_frame,
    INSULATION: FoxBms._insulation_frame,
    ESTIMATION: FoxBms._estimation_frame,
}


class _Bilinear:
    """The cell's charge-limit table for one point at a time: a tenth of what the general look-up costs."""

    def __init__(self, cell: CellParameters) -> None:
        limit = cell.charge_limit
        self._temperature, self._soc = limit.temperature.tolist(), limit.soc.tolist()
        self._c_rate = limit.c_rate.tolist()
        self.most = float(limit.c_rate.max())
        grid = np.linspace(-40.0, 80.0, 61)
        self._resistance = cell.resistances(np.full(grid.shape, 0.5), grid).sum(axis=0).tolist()

    def __call__(self, temperature: float, soc: float) -> float:
        """C-rate (1/h) at degC and a state of charge, held constant outside the table."""
        row, above = _place(temperature, self._temperature)
        column, right = _place(soc, self._soc)
        lower, upper = self._c_rate[row], self._c_rate[row + 1]
        low = lower[column] * (1 - right) + lower[column + 1] * right
        high = upper[column] * (1 - right) + upper[column + 1] * right
        return float(low * (1 - above) + high * above)

    def resistance(self, temperature: float) -> float:
        """Full resistance of one cell (Ohm) at half charge, from a 2 K grid."""
        index = max(0, min(60, int((temperature + 40.0) / 2)))
        return float(self._resistance[index])


def _place(value: float, grid: list[float]) -> tuple[int, float]:
    interval = max(0, min(bisect_right(grid, value) - 1, len(grid) - 2))
    low, high = grid[interval], grid[interval + 1]
    return interval, max(0.0, min(1.0, (value - low) / (high - low)))
