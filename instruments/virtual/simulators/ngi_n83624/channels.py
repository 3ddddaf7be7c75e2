"""The channels of an N83624, in series: what they play and measure, what protects them, how their charge moves."""

from collections.abc import Callable
from math import inf, nan

import numpy as np
from numpy.typing import NDArray

from instruments.virtual.defects.grammar import Repair
from instruments.virtual.dialect import ErrorQueue, Instrument
from instruments.virtual.metering import meter_of
from instruments.virtual.ports import Emulator
from instruments.virtual.scpi import Call, Fault, ScpiError
from instruments.virtual.simulator import Limits, Specimen
from instruments.virtual.soc_tables import SocTables
from instruments.virtual.terminals import Settling

Vector = NDArray[np.float64]
Places = NDArray[np.intp] | slice
"""Where channels stand in a vector of all: numbers, or the slice of all, which numpy takes in a tenth of the time."""

CHANNELS = 24
COUNTS = 1e4
"""Of a measured voltage, in 1 V."""
SOURCE, CHARGE, SOC = 0, 1, 3
FAULTS = {0: "normal", 1: "open +", 4: "open -", 8: "short", 96: "reverse"}
ON, OVP, OCP, OPP, OTP, OFP, OMP = (1 << bit for bit in range(7))
LEAST_RESISTANCE = 2e-4  # Ohm: leads and relay of a channel

ERRORS = {
    0: "No error",
    -102: "Syntax error",
    -108: "Parameter not allowed",
    -109: "Missing parameter",
    -113: "Undefined header",
    -114: "Header suffix out of range",
    -115: "Command cannot query",
    -116: "Command must query",
    -120: "Numeric data error",
    -131: "Invalid suffix",
    -171: "Invalid expression",
    -200: "Execution error",
    -221: "Setting conflict",
    -222: "Data out of range",
    -224: "Illegal parameter value",
    -225: "Out of memory",
}

SHEET = Limits(offset=0.6e-3)
"""V: limit of error of a measured channel (series data sheet; assumed)."""

SETS = {
    "SOUR:VOLT": "V",
    "SOUR:OUTCURR": "mA",
    "SOUR:RANG": "",
    "CHAR:VOLT": "V",
    "CHAR:OUTCURR": "mA",
    "CHAR:R": "mOhm",
    "PRO:VOLT": "V",
    "PRO:CURR": "mA",
    "PRO:POWE": "mW",
    "CAPR": "",
    "ONDW": "us",
}


class Channels(Instrument):
    """One unit with `channels` of its 24 in series, but for the language. Ratings of a channel in V and A.

    `capacity_factor` and `resistance_factor` make the emulated cells differ from their tables, `soc_offset` (of
    the table's span) from their start: what a pack's spread and defects do. `clock` is the world's time, s.
    """

    SWITCHING = ("OUTP:ONOFF",)

    def __init__(
        self,
        specimen: Specimen,
        *,
        clock: Callable[[], float],
        settling: Settling,
        channels: int = CHANNELS,
        voltage: float = 6.0,
        current: float = 5.0,
    ) -> None:
        if not 1 <= channels <= CHANNELS:
            raise ValueError(f"an N83624 has 24 channels, {channels} cells in series do not fit: use 1 to 24")
        self.channels = channels
        self.numbers = np.arange(channels)
        self.ports = (Emulator(self),)
        self.rated_voltage, self.rated_current = voltage, current
        self._specimen, self.clock, self.settling = specimen, clock, settling
        self.capacity_factor = np.ones(channels)
        self.resistance_factor = np.ones(channels)
        self.soc_offset = np.zeros(channels)
        meters = [meter_of(specimen, "voltage", SHEET, voltage, 4) for _ in range(channels)]
        self._gain, self._offset = np.array([(meter.gain, meter.offset) for meter in meters]).T
        self.errors = ErrorQueue(10, ERRORS)
        self._charge = 0.0  # mAh through each channel
        self._shown_counts, self._shown_texts = np.full(channels, nan), [""] * channels
        self._ones, self._least_resistance = np.ones(channels), np.full(channels, LEAST_RESISTANCE)
        self.current = 0.0  # A through the string, charge positive
        self.busy_until = -1.0
        self.reset()

    def reset(self) -> None:
        """`*RST` (p8): set points, protections and tables to zero, everything off."""
        count = self.channels
        self.on = np.zeros(count, dtype=bool)
        self.mode = np.zeros(count, dtype=np.intp)
        self.fault = np.zeros(count, dtype=np.intp)
        self.event = np.zeros(count, dtype=np.intp)
        self.sets = {name: np.zeros(count) for name in SETS}
        self._addressed: dict[tuple[int, ...], Places] = {}
        self.edit_file = np.ones(count, dtype=np.intp)
        self.edit_step = np.ones(count, dtype=np.intp)
        self.start_voltage = np.zeros(count)
        self._stored = {1: SocTables(count)}
        self.tables = self._stored[1]
        self.stale = True

    def differ(self, capacity_factor: Vector, resistance_factor: Vector) -> None:
        """Let the emulated cells differ from their tables by these factors from now on."""
        self.capacity_factor, self.resistance_factor = capacity_factor, resistance_factor
        self.stale = True

    def trip(self) -> Repair:
        """A defect: every channel in over-voltage protection, without a cause. How it is ended."""
        self.event |= OVP
        self.on[:] = False
        self.stale = True
        return lambda: None

    def switch_by_hand(self, voltage: float, current: float) -> Repair:
        """A defect: somebody has every channel play a cell of its share of V, for up to A. How it is ended: OFF."""
        self.mode[:], self.sets["SOUR:VOLT"][:] = SOURCE, voltage / self.channels
        self.sets["SOUR:OUTCURR"][:] = current * 1000
        self.on[:] = True
        self.stale = True

        def off() -> None:
            self.on[:] = False
            self.stale = True

        return self.lasting.until_the_last("switched by hand", off)

    def misread(self, channel: int, gain: float) -> Repair:
        """A defect: the voltage of a channel is read by a factor wrong. How it is ended."""
        return self.lasting.item(self._gain, channel, lambda healthy: healthy * gain)

    def transfer(self, channel: int, charge: float) -> None:
        """Give a channel's table a charge (A s) that did not come through its terminals."""
        if not self.on[channel] or self.mode[channel] != SOC:
            return
        if self.stale:
            self._refresh()
        self.tables.shift(channel, charge / 3.6 * self._share[channel])
        self._forget()

    @property
    def connected(self) -> bool:
        """Whether the string conducts: every channel on, no fault relay open."""
        if self.stale:
            self._refresh()
        return self._connected

    @property
    def switched_on(self) -> bool:
        """Whether any channel is on."""
        return bool(self.on.any())

    @property
    def current_limit(self) -> float:
        """Largest current the string carries, A: the lowest limit of any channel."""
        if self.stale:
            self._refresh()
        fixed, of_tables = self._fixed_limit, self.tables.current_limit
        return of_tables if self._any_soc and of_tables < fixed else fixed

    def _refresh(self) -> None:
        """Work out again what only changes by command: modes, relays, fixed set points. Called where it is `_stale`."""
        self.stale = False
        self._forget()
        self._rise_of: Vector | None = None
        soc, source = self.mode == SOC, self.mode == SOURCE
        self._all_on, self._any_soc = bool(self.on.all()), bool(soc.any())
        self._connected = self._all_on and not bool(np.isin(self.fault, (1, 4)).any())
        self._plain = bool(soc.all()) and not self.fault.any()
        self._limits = np.array([self.sets[f"PRO:{name}"] for name in ("VOLT", "CURR", "POWE")])
        self._protected = bool((self._limits > 0).any())
        self._least_limits = np.where(self._limits > 0, self._limits, inf).min(axis=1).tolist()
        self._share = np.where(soc, 1.0, 0.0) / self.capacity_factor
        self._largest_share = float(self._share.max())
        fixed_limits = np.where(source, self.sets["SOUR:OUTCURR"], self.sets["CHAR:OUTCURR"]) / 1000
        self._fixed_limit = float(np.where(soc, inf, fixed_limits).min())
        if self.tables.dirty:
            self.tables.compile()

    def _forget(self) -> None:
        """Drop what was worked out for a state that has changed."""
        self._resistance: Vector | None = None
        self._voltage: Vector | None = None

    def thevenin(self, duration: float) -> tuple[float, float]:
        """E (V) and R (Ohm) of the string for a step of `duration` s, the slope of the tables included."""
        if self.stale:
            self._refresh()
        rise = self._total_rise() * duration / 3.6
        # A product with ones adds up in a third of the time of a sum.
        # The method: numpy's function of that name asks each time in Python whether somebody else has his own.
        voltage, resistance = self.open_voltage().dot(self._ones), self.resistance().dot(self._ones)
        return float(voltage), float(resistance) + (rise if rise > 0.0 else 0.0)

    def _total_rise(self) -> float:
        """V by which the string rises with each mAh: the same as long as no channel leaves its row."""
        slope = self.tables.slope
        if slope is not self._rise_of:
            rise = slope / self.capacity_factor
            if not self._plain:
                rise[self.mode != SOC] = 0.0
            self._rise, self._rise_of = float(np.add.reduce(rise)), slope
        return self._rise

    def open_voltage(self) -> Vector:
        """V of each channel without current."""
        if self.stale:
            self._refresh()
        if self._plain:
            return self.tables.open_voltage
        fixed = np.where(self.mode == SOURCE, self.sets["SOUR:VOLT"], self.sets["CHAR:VOLT"])
        voltage = np.where(self.mode == SOC, self.tables.open_voltage, fixed)
        return np.where(self.fault == 96, -voltage, np.where(self.fault == 8, 0.0, voltage))

    def resistance(self) -> Vector:
        """Ohm of each channel."""
        if self.stale:
            self._refresh()
        if self._resistance is None:
            self._resistance = self._work_out_resistance()
        return self._resistance

    def _work_out_resistance(self) -> Vector:
        emulated = self.tables.resistance
        if not self._plain:
            fixed = np.where(self.mode == CHARGE, self.sets["CHAR:R"] / 1000, 0.0)
            emulated = np.where(self.mode == SOC, emulated, fixed)
        resistance: Vector = emulated * self.resistance_factor
        np.maximum(resistance, self._least_resistance, out=resistance)
        return resistance

    def voltage(self) -> Vector:
        """V at the terminals of each channel, 0 where it is off."""
        if self.stale:
            self._refresh()
        if self._voltage is None:
            voltage = self.open_voltage() + self.resistance() * self.current
            self._voltage = voltage if self._all_on else np.where(self.on, voltage, 0.0)
        return self._voltage

    def observe(self, current: float) -> bool:
        """Take note of the string current (A, charge positive); True when a protection has switched a channel off."""
        if current != self.current:
            self.current, self._voltage = current, None
        if self.stale:
            self._refresh()
        if not self._protected or self._well_within(current):
            return False
        voltage = self.voltage()
        values = np.array([voltage, np.full(self.channels, abs(current) * 1e3), np.abs(voltage * current) * 1e3])
        exceeded = (values > self._limits) & (self._limits > 0) & self.on
        if not exceeded.any():
            return False
        self.event |= (exceeded * np.array([[OVP], [OCP], [OPP]])).sum(axis=0)
        self.on[exceeded.any(axis=0)] = False
        self.stale = True
        return True

    def _well_within(self, current: float) -> bool:
        """Whether the highest channel is within the lowest of all protections: then none can trip."""
        voltage, amount = self.voltage(), abs(current) * 1e3
        highest = voltage.item(voltage.argmax())
        over_voltage, over_current, over_power = self._least_limits
        return bool(highest <= over_voltage and amount <= over_current and highest * amount <= over_power)

    def step(self, duration: float) -> None:
        """Let the present current flow for `duration` s."""
        charge = self.current * duration / 3.6
        if not charge:
            return
        self._charge += charge
        if self.stale:
            self._refresh()
        if self._any_soc:
            self.tables.move(charge * self._share, charge * self._largest_share)
            self._forget()

    def state_of_charge(self) -> Vector:
        """Where each channel stands in its table: 0 at its least charge, 1 at its most."""
        if self.stale:
            self._refresh()
        return np.asarray((self.tables.position - self.tables.ends[0]) / self.tables.span)

    def refuse(self) -> None:
        """Queue an execution error."""
        self.errors.push(-200)

    @property
    def model(self) -> str:
        """What it calls itself."""
        return self._specimen.model

    def addressed(self, call: Call[object]) -> Places:
        """Where the channels of a call stand: of its list, or its suffix. Raises -114 for one that does not exist."""
        numbers = call.channels or call.suffixes[:1]
        known = self._addressed.get(numbers)
        if known is None:
            if not all(1 <= number <= self.channels for number in numbers):
                raise ScpiError(Fault.SUFFIX_OUT_OF_RANGE, str(numbers))
            everybody = numbers == tuple(range(1, self.channels + 1))
            known = slice(None) if everybody else np.array(numbers, dtype=np.intp) - 1
            self._addressed[numbers] = known
        return known

    def shown_voltage(self) -> list[str]:
        """V of each channel in its digits. In a scan most show what they did in the last one: those are not printed."""
        counts, texts = self._counts(), self._shown_texts
        for channel in (counts != self._shown_counts).nonzero()[0].tolist():
            texts[channel] = f"{counts.item(channel) / COUNTS + 0.0:.4f}"
        self._shown_counts = counts
        return texts

    def measured_voltage(self) -> Vector:
        """V of each channel as read back: fixed errors, 0.1 mV steps."""
        return self._counts() / COUNTS

    def _counts(self) -> Vector:
        """What the display of each channel counts, of its last digit."""
        voltage = self.voltage() * self._gain
        voltage += self._offset
        voltage *= COUNTS
        np.rint(voltage, out=voltage)
        return voltage if self._all_on else np.where(self.on, voltage, 0.0)

    def charge_given(self) -> Vector:
        """Charge (mAh) out of each channel: the same through all, as they are in series."""
        return np.full(self.channels, -self._charge)

    def switch(self, channels: Places, on: bool) -> None:
        """Switch channels; SOC mode starts where the table has the start voltage."""
        if not on:
            self.on[channels] = False
            self.stale = True
            return
        if (self.fault[channels] != 0).any() and (self.mode[channels] != SOURCE).any():
            self.event[channels] |= OMP
            raise ScpiError(Fault.SETTINGS_CONFLICT, "fault relay set outside source mode")
        if self.stale:
            self._refresh()
        for channel in self.numbers[channels].tolist():
            if not self.on[channel] and self.mode[channel] == SOC:
                if self.tables.length[channel] == 0:
                    raise ScpiError(Fault.SETTINGS_CONFLICT, "no table")
                self.tables.place(channel, float(self.start_voltage[channel]))
                self.tables.position[channel] += self.soc_offset[channel] * self.tables.span[channel]
        self.event[channels] = 0
        self.on[channels] = True
        self.stale = True
        self.tables.settle()

    def set_fault(self, channels: Places, value: int) -> None:
        """Set fault relays: in source mode, without voltage and current; else an event bit tells (p13)."""
        for channel in self.numbers[channels].tolist():
            if value and self.mode[channel] != SOURCE:
                self.event[channel] |= OMP
            elif value and self.on[channel] and (self.sets["SOUR:VOLT"][channel] or self.current):
                self.event[channel] |= OFP
            else:
                self.fault[channel] = value

    def edit(self, quantity: int, channels: Places, value: float) -> None:
        """Write a quantity of the row under editing of each of these channels' tables, running or not."""
        self.tables.write(quantity, self.numbers[channels], self.edit_step[channels] - 1, value)
        self.stale = self.stale or self.tables.dirty
        self._forget()

    def table(self, file: int) -> SocTables:
        """The tables of a file; a file that was never written is empty."""
        return self._stored.setdefault(file, SocTables(self.channels))
