"""Simulated battery-management node that behaves as foxBMS 2, release 1.11: what the pack says about itself on CAN.

What it does with requests and contactors is `contactors` and `timing`, what its frames look like `frames`. Errors are
raised and sent as f_BmsFatalError as in its diag_cfg.c and diag.c. It has one string. Balancing is switched and told
of, but moves no charge.
"""

from collections.abc import Callable

import numpy as np
from can import Message

from instruments.virtual.defects.grammar import Repair
from instruments.virtual.plants import Cells
from instruments.virtual.ports import Contactor
from instruments.virtual.properties import Property
from instruments.virtual.simulator import Part
from instruments.virtual.simulators.foxbms import frames
from instruments.virtual.simulators.foxbms.aside import Aside
from instruments.virtual.simulators.foxbms.charge_limit import ChargeLimit
from instruments.virtual.simulators.foxbms.contactors import (
    CHARGE_REQUEST,
    DISCHARGE_REQUEST,
    NO_REQUEST,
    STANDBY_REQUEST,
    STRING_OPENS,
    Contactors,
)
from instruments.virtual.simulators.foxbms.frames import (
    ESTIMATION,
    FATAL_ERROR,
    INSULATION,
    LIMIT_STEP,
    LIMITS,
    REQUEST,
    STATE,
    TEMPERATURES,
    VALUES,
    VOLTAGES,
    Status,
    data_frame,
    field,
    following,
)
from instruments.virtual.simulators.foxbms.sensing import Extremes, LooseLead, Shunt
from instruments.virtual.simulators.foxbms.timing import AS_RELEASED, OPENS, RequestTiming
from instruments.virtual.terminals import Settling
from instruments.virtual.wires.exchange import CanChannel
from models.cell import CellParameters
from models.steps import StepTable

__all__ = ["FoxBms", "field"]

REQUESTED = STANDBY_REQUEST, DISCHARGE_REQUEST, CHARGE_REQUEST, NO_REQUEST
"""By RequestBmsMode (CANRX_HandleModeRequest)."""

FAST, SLOW = 0.1, 1.0  # s between frames of one id
BEYOND_LIMIT = 0.005  # V above the cell's limit that the charge limit aims at: a charger's constant voltage comes first
LOOK_AHEAD = 3.0  # s along the rise of the highest cell
CREEP = 0.15  # share of the headroom that one update may use up
WEAKEST = 3.0  # times its resistance that a cell may have: what it shows of an edge of the current is no rise
REGAINED = 0.002
"""C-rate (1/h) by which a limit that was taken back may rise each second: 500 s for 1C. What was too much a second ago
is too much again: the cell fell by its resistance, not by its charge. Real nodes cut by a share and release slowly."""
LIMIT_PERIOD = 1.0  # s between two updates of the limits
EVENTS = {"over-current charge": 0.1, "over-current discharge": 0.1, "plus contactor": STRING_OPENS + 0.06}
"""s for which a fault must last, and be gone, as diag_cfg.c counts events; 0.5 of those that are not here.

That a contactor has not followed it finds 60 ms after it shows STANDBY (release 1.11, its C code run).
Of a temperature it counts for 5 s. Here it does not: a cell that burns is beyond what its message tells by then.
"""
DELAYS = {"over-temperature": 1.0, "over-voltage": 0.2, "under-voltage": 0.2, "can timing": OPENS, "alert": 0.0}
"""s between an error and the opening of the contactors; 0.1 of those that are not here."""
HARMLESS = frozenset({"insulation", "precharge"})
"""Faults that open nothing: DIAG_WARNING in diag_cfg.c."""
_NEVER, _NONE = float("inf"), frozenset[str]()
MOST_INSULATION = 1e12  # Ohm, beyond what any field of a frame holds
OVERSHOOT = 0.05  # V beyond a cell's limit that is a fault
RELEASE = 0.1
"""V that the highest cell must have fallen from its limit before a charge that was taken back is allowed again.

A cell falls by its resistance when the current ends, and would be charged again each other second. Real nodes wait: an
Orion BMS holds its limit at 0 A ("Charger Latch", bit 14 of its "Current Limit Status") or re-engages at a state of
charge ("Charge Enable Relay"; both in its utility manual), a Daly recovers at 4.1 V from cells that are full at 4.2 V.
"""


class FoxBms(Part):
    """One node. `cells` is what it measures; `connected` is its contactor, that the world reads.

    `steps` is its table of what the cells take, `lowest_voltage` (V) what it lets them be discharged to, where that is
    not their own.
    `leak` is the property that its insulation monitor reads, Ohm. A node as released (`request_timeout` None) wants
    requests 95 to 105 ms apart; one that was built otherwise wants one within that many s, and does not mind how even
    they are. `check_can_timing` is whether it looks at requests at all (BS_CHECK_CAN_TIMING). Defects: while
    it is `silent` nothing is sent or heard, and the contactor stays as it is; while it is `deaf` nothing is heard;
    `conducts` is what the contactor really does of what it is told; `fuse` is whether the fuse is whole. `shunt` is how
    it measures the pack's current.
    """

    def __init__(  # noqa: PLR0913 - what stands behind `*` has a name
        self,
        cell: CellParameters,
        cells: Cells,
        channel: CanChannel,
        *,
        steps: StepTable,
        lowest_voltage: float | None = None,
        parallel: int = 1,
        settling: Settling,
        leak: Property,
        request_timeout: float | None = None,
        check_can_timing: bool = True,
        shunt: Shunt | None = None,
    ) -> None:
        self._shunt = shunt or Shunt()
        self._cell, self.channel, self._parallel = cell, channel, parallel
        self.cells: Cells = cells
        self.ports = (Contactor(self),)
        self.leak, self.silent, self.deaf = leak, False, False
        self.charging_complete = False
        self.fuse = True
        self.conducts: Callable[[bool], bool] = bool
        self.up = -_NEVER
        """s until which it boots after it has lost its supply."""
        self.packers = dict(PACKERS)
        self._settling = settling
        self.faults: set[str] = set()
        self.contactors = Contactors(self._has_fatal_error, lambda: abs(self.current), self._moved)
        self.timing = RequestTiming(channel.now(), AS_RELEASED if check_can_timing else None)
        self.request_timeout = request_timeout
        self._heard, self._balancing = -1.0, False
        self._acted_on: Message | None = None
        self.told: Status | None = None
        """How things stood when f_BmsState was sent last."""
        self._fatal_due, self._aside = 0.0, Aside(self)
        self._bad_since: dict[str, float] = {}
        self._good_since: dict[str, float] = {}
        self._found: set[str] = set()
        self._limited_at, self._interval = 0.0, LIMIT_PERIOD
        self._highest = self._highest_then = float("inf")
        self._current_then, self._unmet = 0.0, 0.0
        self._taken_back = self._was_beyond = False
        self._shown = 0.0
        self._regained = float("inf")
        """A that a limit which was taken back has come to again."""
        self.current: float = 0.0
        self._bus_voltage = self.pack_voltage = 0.0
        self.extremes = Extremes()
        self.charge_limit = self.discharge_limit = 0.0
        self.due = dict.fromkeys((STATE, *range(TEMPERATURES, ESTIMATION + 1)), 0.0)
        self._nominal = cell.nominal_capacity * parallel
        self.refresh()
        series = len(cells.capacity)
        self._ones = np.ones(series)
        self._voltage_limits = frames.VOLTAGE_LIMIT_HIGH(series * cell.voltage_max) | frames.VOLTAGE_LIMIT_LOW(
            series * cell.voltage_min
        )
        self._rate = ChargeLimit(cell, steps)
        self._lowest = cell.voltage_min if lowest_voltage is None else lowest_voltage
        # The first current, either way, that is too much.
        self._most = self._nominal * (max(self._rate.most, cell.discharge_c_rate_max) * 1.2) + LIMIT_STEP
        channel.members[self] = self._receive

    @property
    def connected(self) -> bool:
        """Whether the main contactor conducts, whatever the node believes."""
        return self.fuse and self.conducts(self.contactors.driven)

    @property
    def state(self) -> int:
        """BmsState."""
        return self.contactors.state

    @property
    def request_timeout(self) -> float | None:
        """See `FoxBms`."""
        return self._request_timeout

    @request_timeout.setter
    def request_timeout(self, seconds: float | None) -> None:
        self._request_timeout = seconds
        if seconds is not None:
            self.timing.be_patient(seconds)

    @property
    def _insulation(self) -> float:
        """What its monitor shows, Ohm: no leak at all is more than it can measure."""
        leak = self.leak.value
        return leak if leak < MOST_INSULATION else MOST_INSULATION

    def refresh(self) -> None:
        """Learn the capacity of the pack anew."""
        self._capacity = float(self.cells.capacity.min())
        self.health = min(self._capacity / self._nominal, 1.0)

    # ---- defects ----

    def fail(self, fault: str) -> None:
        """Find an error that opens the contactors."""
        now = self.channel.now()
        if fault == "can timing":
            self.timing.fail(now)
        self._raise(fault, now)

    def recover(self, fault: str) -> None:
        """Forget an error; asked for STANDBY, it leaves ERROR when none is left."""
        self.faults.discard(fault)
        self.contactors.advance(self.channel.now())

    def restart(self) -> None:
        """Lose its supply, and look at requests again from when it is `up`; it boots when it is told to."""
        self.contactors.reset()
        self.timing.begin_anew(self.up)
        self.faults.clear()
        self._found.clear()
        self._acted_on = None

    def misread(self, cell: int, gain: float) -> Repair:
        """A defect: one cell's voltage (from 0) is measured by a factor wrong. How it is ended."""
        return self.lasting.attribute(self, "cells", lambda healthy: LooseLead(healthy, cell, gain))

    def _moved(self) -> None:
        self._settling.stale = True

    # ---- the bus's side ----

    def shut_down(self) -> None:
        """Leave the bus."""
        self.channel.members.pop(self, None)

    def _receive(self, message: Message) -> None:
        """Act on a state request (0x210), at the time that it bears."""
        if message.arbitration_id != REQUEST or len(message.data) < 3 or self.silent or self.deaf:
            return
        now = self.channel.now()
        at = message.timestamp if message.timestamp > now else now
        self.timing.hear(at)
        self._heard = at
        self._act_on(message, now)

    def _act_on(self, message: Message, now: float) -> None:
        """Bits 1..0 of byte 0 are the mode, bit 2 resets persistent flags; bit 0 of byte 1 lets cells be balanced."""
        self._acted_on, first = message, message.data[0]
        if first & 0x04:
            self.faults.difference_update(self.faults - self._found - {"can timing", "alert"})
        self._balancing = bool(message.data[1] & 1)
        self.contactors.ask(REQUESTED[first & 0x03], now)

    def _hear_repeated(self, now: float) -> None:
        """Take the requests that the bus has repeated since the last look, all at once."""
        for repeated in self.channel.repeated:
            message = repeated.message
            if message.arbitration_id == REQUEST:
                first, count = repeated.between(self._heard, now)
                if count:
                    self.timing.hear_evenly(first, repeated.period, count)
                    self._heard = first + (count - 1) * repeated.period
                    # It has been acted on when it came for the first time, or in the place of another.
                    if message is not self._acted_on:
                        self._act_on(message, now)

    # ---- the world's side ----

    def hasten(self, speed: float) -> None:
        """Have the world's time go faster than that in which requests come."""
        self.timing.pace *= speed

    @property
    def shown_current(self) -> float:
        """A of the pack, positive while it charges, as it measures it."""
        return self._shunt.current(self.current)

    @property
    def shown_voltage(self) -> float:
        """V of the pack, as it measures it."""
        return self._shunt.voltage(self.pack_voltage)

    def sample(self, current: float, voltage: float) -> None:
        """Sample the sensors and act: current in A (charge positive), V of the bus. Faults open the contactor."""
        self.current, self._bus_voltage = current, voltage
        now = self.channel.now()
        cells, found = self.cells, self.extremes
        if now - self._limited_at > LIMIT_PERIOD - 1e-6:
            self._interval, self._limited_at, self._highest_then = now - self._limited_at, now, self._highest
        cell, temperature, soc = cells.voltage, cells.temperature, cells.soc
        # Where the extreme is costs an eighth of `min`, and a product with ones a third of `sum`.
        self.pack_voltage = float(cell.dot(self._ones))
        found.cell_min, found.cell_max = int(cell.argmin()), int(cell.argmax())
        found.voltage_min, found.voltage_max = cell.item(found.cell_min), cell.item(found.cell_max)
        found.sensor_min, found.sensor_max = int(temperature.argmin()), int(temperature.argmax())
        found.temperature_min = temperature.item(found.sensor_min)
        found.temperature_max = temperature.item(found.sensor_max)
        found.soc_min, found.soc_max = soc.item(soc.argmin()), soc.item(soc.argmax())
        self._look(now)
        # What is switched or set in the instant of an update counts for it.
        if now == self._limited_at:
            self._limit()
            self._highest, self._current_then = found.voltage_max, current

    def _look(self, now: float) -> None:
        """Take what has been asked, raise faults that have lasted, move the contactors."""
        if self.silent:
            return
        channel, timing, faults = self.channel, self.timing, self.faults
        if channel.repeated and not (channel.is_cut or self.deaf):
            self._hear_repeated(now)
        timing.look(now)
        if timing.standing or faults:
            self._tell_of_timing()
        bad = self.out_of_bounds()
        if bad or self._found or self._bad_since:
            self._watch(bad, now)
        self._move(now)

    def _move(self, now: float) -> None:
        """Let the contactors do what they do by now, and tell of it."""
        contactors = self.contactors
        contactors.advance(now)
        if not (contactors.alert or contactors.aborted or self.faults):
            return
        if contactors.alert and "alert" not in self.faults:
            # It stands until the node begins anew.
            self._raise("alert", now)
            contactors.advance(now)
        if contactors.aborted != ("precharge" in self.faults):
            (self.faults.add if contactors.aborted else self.faults.discard)("precharge")

    def _tell_of_timing(self) -> None:
        timing = self.timing
        if timing.standing != ("can timing" in self.faults):
            if timing.standing:
                self._raise("can timing", timing.raised_at)
            else:
                self.faults.discard("can timing")

    def _watch(self, bad: set[str], now: float) -> None:
        """Raise faults that have lasted, and forget those that have been gone for as long."""
        for fault in bad - self._found:
            if now - self._bad_since.setdefault(fault, now) >= EVENTS.get(fault, 0.5):
                self._found.add(fault)
                self._raise(fault, now)
        for fault in self._found - bad:
            if now - self._good_since.setdefault(fault, now) >= EVENTS.get(fault, 0.5):
                self._found.discard(fault)
                self.faults.discard(fault)
        self._bad_since = {fault: since for fault, since in self._bad_since.items() if fault in bad - self._found}
        self._good_since = {fault: since for fault, since in self._good_since.items() if fault in self._found - bad}

    def _raise(self, fault: str, at: float) -> None:
        self.faults.add(fault)
        if fault not in HARMLESS:
            self.contactors.give_up(at + DELAYS.get(fault, 0.1))

    def _has_fatal_error(self) -> bool:
        """Whether an error keeps the contactors open; one of the requests' timing not any more with the first good."""
        others = self.faults - HARMLESS - {"can timing"}
        return bool(others) or ("can timing" in self.faults and self.timing.active)

    def out_of_bounds(self) -> set[str]:
        """Names of what is out of bounds now: cell limits, the current limits by a fifth, insulation below 100 kOhm."""
        found, cell = self.extremes, self._cell
        bad: set[str] = set()  # not `set[str]()`: that costs more than all that is compared here
        if found.voltage_max > cell.voltage_max + OVERSHOOT:
            bad.add("over-voltage")
        if self.contactors.driven and found.voltage_min < cell.voltage_min - OVERSHOOT:
            bad.add("under-voltage")
        if found.temperature_max > cell.discharge_temperature_max + 2:
            bad.add("over-temperature")
        if self.current > self._most:
            bad.add("over-current charge")
        elif self.current < -self._most:
            bad.add("over-current discharge")
        if self.leak.value < 100e3:
            bad.add("insulation")
        return bad

    def _limit(self) -> None:
        """The largest currents the cells take now, A.

        Charging: the table at its most sensitive temperature and its fullest cell, and never more than brings
        the highest cell to its limit. The node looks ahead along the rise of that cell, creeps up (a cell may have
        twice the resistance it should have, and its voltage goes on rising behind a step) and backs off at once. What
        an edge of the current does to the voltage is no rise: seen as one it would forbid what has just been allowed.
        Below that limit at least one step of the message is allowed, see `_least`.
        """
        found, cell = self.extremes, self._cell
        coldest, warmest = found.temperature_min, found.temperature_max
        by_table = self._rate(coldest, warmest, found.soc_max) * self._nominal
        full, edge = self._rate.resistances(coldest)
        resistance = full / self._parallel
        # Written without min and max, here and below: nine calls of them were a sixtieth of a whole scan.
        current = self.current
        weakest = self._resistance_of_an_edge(WEAKEST * edge / self._parallel, current - self._current_then)
        risen = self._risen(weakest * (current - self._current_then))
        ahead = risen / self._interval * LOOK_AHEAD
        headroom = cell.voltage_max + BEYOND_LIMIT - found.voltage_max - ahead
        limit = (current if current > 0.0 else 0.0) + headroom / resistance * (CREEP if headroom > 0.0 else 1.0)
        if headroom < 0.0 < current:
            self._regained = limit if limit > 0.0 else 0.0
        elif current < 0.0:
            self._regained = float("inf")
        else:
            self._regained += REGAINED * self._nominal * self._interval
            limit = limit if limit < self._regained else self._regained
        tapering = limit < by_table
        limit = limit if tapering else by_table
        if self._taken_back and headroom < RELEASE:
            limit = 0.0
        else:
            least = self._least(weakest, headroom, risen) if by_table > 0.0 else 0.0
            limit = limit if limit > least else least
            self._taken_back = tapering and limit < LIMIT_STEP <= self.charge_limit
        self.charge_limit = int(limit / LIMIT_STEP) * LIMIT_STEP
        # Where it is the table that allows next to nothing, in the cold, nobody is full.
        self.charging_complete = tapering and self.charge_limit < 0.05 * self._nominal and found.soc_max > 0.5
        allowed = cell.discharge_temperature_min <= found.temperature_min
        room = (found.voltage_min - self._lowest) / (2.0 * resistance) - (current if current < 0.0 else 0.0)
        most = cell.discharge_c_rate_max * self._nominal
        discharge = (room if room < most else most) if allowed and room > 0.0 else 0.0
        self.discharge_limit = int(discharge / LIMIT_STEP) * LIMIT_STEP

    def _least(self, weakest: float, headroom: float, risen: float) -> float:
        """One step of the message, A, where the highest cell has room for it; else 0.

        A coarse message must not end a taper early, nor begin what it has to take back. To begin, there must be room
        for the edge. What is allowed already, a charger has cut to less by its own constant voltage: it stands until
        the cell is beyond its limit by the update after next, and was in the last one: no single reading is believed.
        """
        if self.charge_limit < LIMIT_STEP:
            return LIMIT_STEP if headroom > weakest * (LIMIT_STEP - max(self.current, 0.0)) else 0.0
        beyond = self.extremes.voltage_max + 2 * risen > self._cell.voltage_max + BEYOND_LIMIT
        twice, self._was_beyond = beyond and self._was_beyond, beyond
        return 0.0 if twice else LIMIT_STEP

    def _resistance_of_an_edge(self, known: float, edge: float) -> float:
        """What the highest cell shows of an edge, Ohm: what is `known`, or more where the last fall of the current did.

        Real nodes measure it as well (Orion's takes the resistance of each cell for its limits). Nearly empty cells
        have several times that of a table over temperature; and a current that falls hides no rise.
        """
        if edge < -LIMIT_STEP / 2:
            shown = (self._highest_then - self.extremes.voltage_max) / -edge
            self._shown = shown if shown > 0.0 else 0.0
        return self._shown if self._shown > known else known

    def _risen(self, edge: float) -> float:
        """How far the highest cell has risen since the last update, V, beside what an edge of the current explains.

        An edge explains up to `edge` V, in this update and in the next: it may have come just before this one.
        """
        moved, edge = self.extremes.voltage_max - self._highest_then, edge if edge > 0.0 else 0.0
        risen = moved - self._unmet - edge
        left = edge - moved if moved > 0.0 else edge
        self._unmet = left if left > 0.0 else 0.0
        return risen if risen > 0.0 else 0.0

    def transmit(self) -> bool:
        """Send the newest frame of every id that has become due since the last call; whether any was."""
        if self.silent:
            return False
        now, packers, due = self.channel.now(), self.packers, self.due
        newest = [each for each, then in due.items() if now >= then]
        if newest:
            sent = [data_frame(now, each, packers[each](self).to_bytes(8, "big")) for each in newest]
            self.channel.send(self, *sent)
            due.update(dict.fromkeys(newest, following(now, FAST)))
            if ESTIMATION in newest:
                due[ESTIMATION] = following(now, SLOW)
        if self.faults and now >= self._fatal_due:
            self._fatal_due = now + FAST - 1e-9
            self._transmit_fatal_errors(now)
        self._aside.transmit(now)
        return bool(newest)

    def _transmit_fatal_errors(self, now: float) -> None:
        """Name each error that opens the contactors, one frame for each."""
        for fault in sorted(frames.DIAGNOSIS.keys() & self.faults):
            data = frames.FATAL_ERROR_CODE(frames.DIAGNOSIS[fault]).to_bytes(8, "big")
            self.channel.send(self, data_frame(now, FATAL_ERROR, data))

    # ---- frames ----

    def status(self) -> Status:
        """How things stand."""
        contactors, faults = self.contactors, self.faults
        fatal, shutting_off = bool(faults) and self._has_fatal_error(), contactors.shutoff < _NEVER
        self.told = told = Status(
            contactors.state, contactors.substate, contactors.strings, self.charging_complete,
            fatal, shutting_off, self._balancing, frozenset(faults) if faults else _NONE,
        )  # fmt: skip
        return told

    def _state_frame(self) -> int:
        return frames.state_frame(self.status(), self._insulation)

    def _temperature_frame(self) -> int:
        found = self.extremes
        highest, lowest = round(found.temperature_max), round(found.temperature_min)
        return frames.temperature_frame(highest, lowest, found.sensor_max, found.sensor_min)

    def _voltage_frame(self) -> int:
        found = self.extremes
        highest, lowest = round(found.voltage_max * 1e3), round(found.voltage_min * 1e3)
        return frames.voltage_frame(highest, lowest, found.cell_max, found.cell_min)

    def _limit_frame(self) -> int:
        charge, discharge, voltage = self.charge_limit, self.discharge_limit, self.pack_voltage
        powers = round(charge * voltage * 0.01), round(discharge * voltage * 0.01)
        return frames.limit_frame(charge, discharge, *powers) | self._voltage_limits

    def _value_frame(self) -> int:
        discharging, voltage = -self.shown_current, self.shown_voltage
        power = round(discharging * voltage * 0.1)
        bus = self._shunt.voltage(self._bus_voltage)
        return frames.value_frame(round(discharging * 1e2), power, round(voltage * 10.0), round(bus * 10.0))

    def _insulation_frame(self) -> int:
        return frames.insulation_frame(self._insulation)

    def _estimation_frame(self) -> int:
        """Of what is connected: no string has no charge (CANTX_CalculateMinimumPackSoc)."""
        if not self.contactors.strings:
            return frames.estimation_frame(0, 0, 0, self.health)
        low, high = self.extremes.soc_min, self.extremes.soc_max
        energy = self._capacity * low * self.pack_voltage  # at the present voltage: a simple node's estimate
        return frames.estimation_frame(round(low * 1e3), round(high * 1e3), round(energy * 0.01), self.health)


PACKERS: dict[int, Callable[[FoxBms], int]] = {
    STATE: FoxBms._state_frame,
    TEMPERATURES: FoxBms._temperature_frame,
    VOLTAGES: FoxBms._voltage_frame,
    LIMITS: FoxBms._limit_frame,
    VALUES: FoxBms._value_frame,
    INSULATION: FoxBms._insulation_frame,
    ESTIMATION: FoxBms._estimation_frame,
}
