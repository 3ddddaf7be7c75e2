"""What a bench can ask of an instrument, one small protocol per role.

Test code and the scenario engine bind to these, never to a model: swapping the bench is a change of
station file. SI units at every interface. **Positive current charges the battery** everywhere; a driver
turns its instrument's own sign around.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal, Protocol, runtime_checkable


class InstrumentFault(Exception):
    """An instrument or its link misbehaved: the bench is at fault, never the pack.

    The message is one sentence that names the instrument, what was sent, what came back and what to check.
    """


class SetPointRejected(InstrumentFault, ValueError):
    """A set point outside what the instrument or the wiring allows; raised before it is sent."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What an instrument says it is (`*IDN?` or the nearest its dialect has)."""

    manufacturer: str
    model: str
    serial_number: str
    firmware: str

    def __str__(self) -> str:
        return " ".join(part for part in (self.manufacturer, self.model, self.serial_number) if part)


@dataclass(frozen=True, slots=True)
class Ratings:
    """The largest values an instrument can carry: V, A, W (all positive)."""

    voltage: float
    current: float
    power: float


@dataclass(frozen=True, slots=True)
class Channel:
    """One value of an instrument's scan: its name among the others, what it measures, and in which unit.

    Who plays a role is bound to it by these: in which order an instrument answers is its own affair.
    """

    name: str
    quantity: str
    unit: str


VOLTS = Channel("voltage", "voltage", "V")
AMPERES = Channel("current", "current", "A")
WATTS = Channel("power", "power", "W")
TERMINALS = VOLTS, AMPERES, WATTS
"""What a supply or a load measures."""
CHAMBER_AIR = Channel("air", "temperature", "degC"), Channel("set point", "temperature", "degC")
"""What a climatic chamber measures, and what it was told."""
COOLANT_CHANNELS = (
    Channel("supply", "temperature", "degC"),
    Channel("return", "temperature", "degC"),
    Channel("set point", "temperature", "degC"),
    Channel("flow", "flow", "L/min"),
    Channel("set flow", "flow", "L/min"),
    Channel("alarm", "state", "1"),
)
"""What a coolant unit measures, what it was asked for, and what is wrong with it; see `CoolantUnit`."""
CHARGER_CHANNELS = (
    Channel("grid power", "power", "W"),
    Channel("set grid power", "power", "W"),
    Channel("charger state", "state", "1"),
    Channel("displayed state of charge", "state of charge", "1"),
)
"""What a bidirectional charger measures at its AC side, what it was asked for, does and shows; see `Charger`."""


BMS_CHANNELS = {
    each.name: each
    for each in (
        Channel("state", "state", "1"),
        Channel("soc min", "state of charge", "1"),
        Channel("soc max", "state of charge", "1"),
        Channel("soh", "state of health", "1"),
        Channel("charge current limit", "current", "A"),
        Channel("discharge current limit", "current", "A"),
        Channel("cell voltage min", "voltage", "V"),
        Channel("cell voltage max", "voltage", "V"),
        Channel("cell temperature min", "temperature", "degC"),
        Channel("cell temperature max", "temperature", "degC"),
        Channel("pack voltage", "voltage", "V"),
        Channel("pack current", "current", "A"),
        Channel("insulation", "resistance", "Ohm"),
        Channel("age", "time", "s"),
    )
}
"""What a BMS tells, by name; see `BatteryManagement`."""
DROPPED, CONTRADICTIONS = Channel("dropped", "count", "1"), Channel("contradictions", "count", "1")
"""Frames that are known or estimated to be lost or left unread, and frames that cannot come from one healthy node."""


@dataclass(frozen=True, slots=True)
class Protections:
    """An instrument's own protection, as read back from it: V, A, W, degC, and s of its communication watchdog.

    None where it has none, or where nobody armed it.
    """

    over_voltage: float | None = None
    over_current: float | None = None
    over_power: float | None = None
    watchdog: float | None = None
    under_temperature: float | None = None
    over_temperature: float | None = None


@runtime_checkable
class Instrument(Protocol):
    """Anything with a link: opened by its constructor, identified, closed once.

    Closed is closed: every message after `close`, and in any process but the one that opened it, raises
    `InstrumentFault` (see `instruments.wires.lifetime`).
    """

    def identify(self) -> Identity:
        """Ask the instrument who it is; raises `InstrumentFault` when it does not answer."""
        ...

    def close(self) -> None:
        """Release remote control and the link. Never raises twice for one cause; may be called again."""
        ...


@runtime_checkable
class CommunicationWatchdog(Protocol):
    """Switches its own output off when nobody has spoken to it for a while: its last will when the computer dies."""

    def arm_watchdog(self, silence: float) -> float:
        """Arm it for `silence` s of its own time and return the time that it reads back; any message keeps it quiet.

        Raises `InstrumentFault` when it does not read back as armed, `SetPointRejected` for a time it does not have.
        """
        ...


@runtime_checkable
class Expecting(Protocol):
    """Remembers who it was and believes nobody else: behind every new connection it asks again."""

    def expect(self, identity: Identity) -> None:
        """From now on, answer for this model and serial number alone.

        After a reconnection nothing but OFF is said before the instrument has confirmed who it is; another one at the
        address raises `InstrumentFault` that names it.
        """
        ...


@runtime_checkable
class CountsTroubles(Protocol):
    """Counts what goes wrong on its link; whoever looks after the bench wants to know it before it is a fault."""

    @property
    def troubles(self) -> Mapping[str, int]:
        """How often since it was opened, by what it was: `timeouts`, `retries`, `losses`, `dropped frames`."""
        ...


@runtime_checkable
class HasErrorQueue(Protocol):
    """Keeps a list of what it did not like, which reading empties."""

    def error_queue(self) -> tuple[str, ...] | None:
        """Its entries, oldest first; None where this one has no such list. Raises `InstrumentFault` when silent."""
        ...


@runtime_checkable
class BusVoltmeter(Protocol):
    """Measures behind a contactor that is not its bench's: a second opinion on whether the bus is dead."""

    def bus_voltage(self) -> float:
        """The newest voltage (V) on the bench side of the contactor; `nan` when it has none.

        Raises `InstrumentFault` when whoever measures it cannot be believed.
        """
        ...


@runtime_checkable
class StaysAsItIs(Protocol):
    """A node whose contactors were left closed on purpose: closing its link must not open them."""

    def stay_as_it_is(self) -> None:
        """From now on `close` asks for nothing: a current flows that the contactor may not break."""
        ...


@runtime_checkable
class Scanned(Protocol):
    """Split-phase measurement: every instrument is asked before any answer is collected.

    A scan so takes as long as the slowest instrument, and its channels belong to one instant.
    """

    @property
    def channels(self) -> tuple[Channel, ...]:
        """What `collect` returns, in its order; fixed while the instrument is open."""
        ...

    def request(self) -> None:
        """Send the query; do not wait for the answer."""
        ...

    def collect(self) -> Sequence[float]:
        """Take the answer to the last `request`: SI units, charge-positive, `nan` where a channel has no value."""
        ...


@runtime_checkable
class Source(Protocol):
    """Charges the battery. Channels of its scan: `voltage` V, `current` A (>= 0), `power` W."""

    @property
    def source_ratings(self) -> Ratings:
        """What it can deliver."""
        ...

    def protect_source(self, over_voltage: float, over_current: float, over_power: float) -> Protections:
        """Arm the instrument's own protection (V, A, W) and return what it read back."""
        ...

    def charge(self, current: float, voltage: float, power: float | None = None) -> None:
        """Charge at `current` A until the terminals reach `voltage` V, then hold that voltage.

        Programs the set points, reads back what the instrument could have ignored, switches the output on when
        it is off. Called again it only moves what changed. Raises `SetPointRejected` outside the ratings.
        """
        ...

    def source_off(self) -> None:
        """Switch the output off now; may be called first of all, before `identify`."""
        ...

    def source_is_off(self) -> bool:
        """Read back the output state; may be called until it says True.

        An output that was told OFF and still reads on is told again, under remote control taken anew.
        """
        ...


@runtime_checkable
class Sink(Protocol):
    """Discharges the battery. Channels of its scan: `voltage` V, `current` A (<= 0), `power` W (<= 0)."""

    @property
    def sink_ratings(self) -> Ratings:
        """What it can absorb, as positive numbers."""
        ...

    def protect_sink(self, under_voltage: float, over_current: float, over_power: float) -> Protections:
        """Arm the instrument's own protection (V, A, W, positive) and return what it read back."""
        ...

    def discharge(self, current: float, voltage: float, power: float | None = None) -> None:
        """Discharge at `current` A (a positive magnitude), not below `voltage` V at the terminals.

        Same rules as `Source.charge`.
        """
        ...

    def sink_off(self) -> None:
        """Switch the input off now; may be called first of all, before `identify`."""
        ...

    def sink_is_off(self) -> bool:
        """Read back the input state; same rules as `Source.source_is_off`."""
        ...


@dataclass(frozen=True, slots=True)
class CellTable:
    """What an emulated cell is: open-circuit voltage and series resistance over state of charge.

    `state_of_charge` rises from 0 to 1; `voltage` (V) and `resistance` (Ohm) have its length.
    `capacity` in Ah, `initial` a state of charge.
    """

    state_of_charge: Sequence[float]
    voltage: Sequence[float]
    resistance: Sequence[float]
    capacity: float
    initial: float


@runtime_checkable
class BatteryEmulator(Protocol):
    """Stands in for the pack, cell by cell. Channels of its scan: `cell 1` V, `cell 2` V, ..."""

    @property
    def cell_count(self) -> int:
        """Channels in series."""
        ...

    def emulate(self, cells: Sequence[CellTable]) -> None:
        """Load one table per channel and switch all channels on; `len(cells)` must equal `cell_count`."""
        ...

    def update_resistance(self, resistance: Sequence[float], rows: Iterable[int] | None = None) -> None:
        """Give the running tables a new resistance (Ohm, one value per table row), e.g. at another temperature.

        Only `rows` are written, counted from 0, where they are given: a whole table may take longer than a scan.
        """
        ...

    def emulator_off(self) -> None:
        """Switch every channel off; may be called first of all, before `identify`."""
        ...

    def emulator_is_off(self) -> bool:
        """Read back that every channel is off; same rules as `Source.source_is_off`."""
        ...


@runtime_checkable
class FollowsCells(Protocol):
    """An emulator that says how fast the resistance of its running cells can be changed."""

    @property
    def follows(self) -> float:
        """How long (s) it takes to give the rows that cells run on, `ROWS_AT_ONCE` of them, other resistances."""
        ...


ROWS_AT_ONCE = 4
"""Rows of a table around the state of charge of all cells: they differ a little, and move on."""


@runtime_checkable
class ClimateChamber(Protocol):
    """Sets air temperature. Channels of its scan: `air` degC, `set point` degC."""

    @property
    def temperature_range(self) -> tuple[float, float]:
        """Lowest and highest set point it accepts, degC."""
        ...

    def set_temperature(self, temperature: float, ramp: float | None = None) -> None:
        """Drive the air to `temperature` degC at `ramp` K/min (as fast as it can when None); starts it if idle."""
        ...

    def chamber_rest(self) -> None:
        """Stop conditioning: fans and compressor idle."""
        ...

    def chamber_is_resting(self) -> bool:
        """Read back that it is idle."""
        ...

    def alarm(self) -> str:
        """Text of the first active alarm, empty when there is none."""
        ...


class CoolantAlarm(IntEnum):
    """What a coolant unit says is wrong with it: a driver puts those of its make into these. The numbers are recorded.

    LOW_LEVEL: there is too little coolant in it. TOO_HOT: its own over-temperature protection has acted. OTHER: another
    reason, which its `alarm` has in words. SWITCHED_OFF: it stands by, though the bench has asked it to pump.
    """

    NONE = 0
    LOW_LEVEL = 1
    TOO_HOT = 2
    OTHER = 3
    SWITCHED_OFF = 4


@runtime_checkable
class CoolantUnit(Protocol):
    """Pumps coolant of a temperature through the pack's plate.

    Channels of its scan: `supply` and `return` degC (`nan`: no sensor in the return), `set point` degC and `set flow`
    L/min (the unit of its data sheets), both as the bench has asked for them (`nan` and 0 while it asks for nothing),
    `flow` L/min, `alarm` (a `CoolantAlarm`).
    """

    @property
    def temperature_range(self) -> tuple[float, float]:
        """Lowest and highest set point it accepts, degC."""
        ...

    @property
    def flow_range(self) -> tuple[float, float]:
        """Least and largest flow it can be asked for, L/min."""
        ...

    def protect_coolant(self, lowest: float, highest: float) -> tuple[float, float]:
        """Narrow the unit's own limits of its supply to these (degC), never widen them; returns what it read back."""
        ...

    def set_temperature(self, temperature: float) -> None:
        """Heat or cool the supply to `temperature` degC; starts the pump if it stands.

        Reads back what the unit could have ignored. Raises `SetPointRejected` outside the range.
        """
        ...

    def set_flow(self, flow: float) -> None:
        """Pump `flow` L/min whenever the pump is on. Raises as `set_temperature`."""
        ...

    def pump(self, *, on: bool) -> None:
        """Start the pump, or stop everything: a unit whose pump stands neither heats nor cools."""
        ...

    def temperature(self) -> float:
        """Of the supply, degC, asked now."""
        ...

    def flow(self) -> float:
        """L/min, asked now."""
        ...

    def coolant_rest(self) -> None:
        """Heater off, pump on: what is hot is cooled, nothing is heated. May be called first of all.

        Raises `InstrumentFault` where the pump stands and the unit does not say why.
        """
        ...

    def coolant_is_resting(self) -> bool:
        """Read back that it heats nothing."""
        ...

    def alarm(self) -> str:
        """Text of what is wrong with it, empty when nothing is."""
        ...


class ChargerState(IntEnum):
    """What a charger does, whatever its make: a driver puts the states of its own into these. The numbers are recorded.

    NO_CAR: nothing is plugged in. CHARGING, DISCHARGING: power flows, or is about to. WAITING: the car is plugged in
    and not ready. USER: it follows somebody else than the bench. PAUSED: the car is plugged in, nothing is asked for.
    ENDED: its schedule is over. LOCKED: it is locked, no car. ERROR: it gave up. QUEUED: it waits for its turn at the
    grid. UNKNOWN: a number that its driver does not know.
    """

    NO_CAR = 0
    CHARGING = 1
    WAITING = 2
    USER = 3
    PAUSED = 4
    ENDED = 5
    LOCKED = 6
    ERROR = 7
    QUEUED = 8
    DISCHARGING = 11
    UNKNOWN = 99


@dataclass(frozen=True, slots=True)
class ChargerRatings:
    """What a charger can do at its AC side, as its data sheet says.

    `charge` and `discharge` W, both positive; `least` W, the smallest power other than 0; `efficiency` one way at that
    rating, 0 to 1; `dead_time` s from a set point until power begins to flow; `ramp` W/s.
    """

    charge: float
    discharge: float
    least: float
    efficiency: float
    dead_time: float
    ramp: float


@runtime_checkable
class Charger(Protocol):
    """The grid's side of a bidirectional charger that the pack hangs on.

    Channels of its scan: `grid power` W at its AC side (positive charges), `set grid power` W as the bench has asked
    for it (`nan` while it asks for nothing), `charger state` (a `ChargerState`), `displayed state of charge` 0 to 1, as
    the charger shows it (`nan` while it shows none).
    """

    @property
    def charger_ratings(self) -> ChargerRatings:
        """What it can do, no more than what it has said of its limits; says nothing to it."""
        ...

    def set_grid_power(self, power: float) -> None:
        """Take `power` W from the grid, or give as much where it is negative; 0 is a rest.

        Takes the charger under remote control, reads the set point back, starts it where it stands. Raises
        `SetPointRejected` before anything is sent outside of its ratings, and for what it did not keep;
        `InstrumentFault` where no car is plugged in or the charger is in error.
        """
        ...

    def charger_off(self) -> None:
        """Stop now; may be called first of all, before `identify`."""
        ...

    def charger_is_off(self) -> bool:
        """Read back that it neither charges nor discharges and no power flows; same rules as `Source.source_is_off`."""
        ...


@runtime_checkable
class TemperatureLogger(Protocol):
    """Reads sensors. Channels of its scan: `sensor 1` degC, `sensor 2` degC, ... (`nan`: open sensor)."""

    @property
    def sensor_count(self) -> int:
        """Number of scanned sensors."""
        ...


class BmsState(IntEnum):
    """What a BMS does, whatever its make: a driver puts the states of its own into these. The numbers are recorded.

    STARTING: it was switched on or reset, and nothing is known of its contactors. OPENING: they were told to open.
    STANDBY: they are open. PRECHARGE: they are closing. CLOSED: closed, for neither way of the current in particular;
    CHARGE, DISCHARGE: closed for that. ERROR: it gave up. UNKNOWN: it says that it does not know.
    """

    STARTING = 1
    OPENING = 4
    STANDBY = 5
    PRECHARGE = 6
    CLOSED = 7
    DISCHARGE = 8
    CHARGE = 9
    ERROR = 10
    UNKNOWN = 11


class BmsMode(IntEnum):
    """What the bench may request of a BMS (RequestBmsMode)."""

    STANDBY = 0
    DISCHARGE = 1
    CHARGE = 2


Side = Literal["pack", "bench", "unknown"]
"""Where an error comes from."""


FaultAbout = Literal["", "over-current", "over-temperature", "precharge"]
"""What a fault is about, where that makes a difference to whose doing it is."""


@dataclass(frozen=True, slots=True)
class BmsFault:
    """One fault that a BMS raises, under the name that its maker gave it, and what its driver knows of it.

    `side` is whose doing it tells of: `unknown` for one that is raised beside whatever else there is.
    """

    signal: str
    text: str = field(default="", compare=False)
    side: Side = "pack"
    about: FaultAbout = ""


@runtime_checkable
class BatteryManagement(Protocol):
    """Talks to the pack's own controller on CAN.

    Channels of its scan, in this order: `state` (a `BmsState`), `soc min` and `soc max` (0 to 1), `soh` (0 to 1),
    `charge current limit` A, `discharge current limit` A (both positive), `cell voltage min` V,
    `cell voltage max` V, `cell temperature min` degC, `cell temperature max` degC, `pack voltage` V,
    `pack current` A (charge positive), `insulation` Ohm, `age` s since the oldest of these was received. A driver that
    knows them adds `dropped` and `contradictions`, counts since it was opened: frames that are known or estimated to
    be lost or left unread, and frames that cannot come from one healthy node.
    """

    def request_mode(self, mode: BmsMode) -> None:
        """Ask for a mode: CHARGE and DISCHARGE close the contactors, STANDBY opens them."""
        ...

    def state(self) -> BmsState:
        """The newest state received; raises `InstrumentFault` when the node has never been heard."""
        ...

    def state_age(self) -> float:
        """How long ago (s) that state was received: a node that fell silent cannot vouch for its contactors."""
        ...

    def faults(self) -> tuple[BmsFault, ...]:
        """Fault bits of the newest messages."""
        ...


@dataclass(frozen=True, slots=True)
class ErrorOrigin:
    """Where a BMS's error comes from, as far as the node tells: by which of its `faults`, the first it raised.

    `unknown` where it raises none, or only those that stand beside every other.
    """

    side: Side
    faults: tuple[BmsFault, ...] = ()

    @property
    def signals(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(fault.signal for fault in self.faults)


@runtime_checkable
class ExplainsErrors(Protocol):
    """A BMS driver that remembers which error its node raised first."""

    def error_blame(self) -> ErrorOrigin:
        """Say where the errors come from that stand now, or have stood within the last seconds; never raises."""
        ...


@dataclass(frozen=True, slots=True)
class ModeLosses:
    """How often a node has left the mode that it was asked for by itself since it was opened; `restarts` of these.

    `text` is a clause on the newest, empty before the first.
    """

    count: int = 0
    restarts: int = 0
    text: str = ""


@runtime_checkable
class WatchesItsMode(Protocol):
    """A BMS driver that sees every state its node reports, also between two scans."""

    def left_mode(self) -> ModeLosses:
        """Count what happened up to the newest frame taken; never raises."""
        ...


@runtime_checkable
class DoubtsItsNode(Protocol):
    """A BMS driver that compares its node's frames with each other."""

    def contradiction(self) -> str:
        """Return a clause on the newest frames that cannot come from one healthy node; empty where there are none."""
        ...


@runtime_checkable
class DatesChannels(Protocol):
    """A `BatteryManagement` whose channels come in several messages: one may be missing while the others come."""

    def channel_age(self, channel: str) -> float:
        """How long ago (s) the message was received that carries a channel such as `pack current`."""
        ...


@runtime_checkable
class Locating(Protocol):
    """A `BatteryManagement` that knows which of its cells or sensors an extreme belongs to."""

    def where(self, channel: str) -> str:
        """Name the cell or sensor behind the newest value of a channel such as `cell voltage max`; empty: unknown."""
        ...


@runtime_checkable
class RemembersFaults(Protocol):
    """A `BatteryManagement` that tells what it raised when it was last collected: that belongs to the row.

    It needs no second look at the bus in each scan, which costs as much as a tenth of the guard (measured).
    """

    def remembered_faults(self) -> tuple[BmsFault, ...]:
        """Fault bits of the messages that are known already; raises as `BatteryManagement.faults` does."""
        ...


@runtime_checkable
class KeepsAsking(Protocol):
    """A BMS driver that repeats its request between two scans, for as long as the test is known to be alive."""

    def keep_asking(self, silence: float) -> None:
        """Go on for `silence` s of real time without a scan, and a margin; then the node hears nothing any more."""
        ...


@runtime_checkable
class OpensWhenSilent(Protocol):
    """A BMS whose contactors open when nobody asks anything of it any more: because the computer has died."""

    def opens_when_silent(self) -> float | None:
        """Return after how many s of silence; None where nobody knows that they do."""
        ...
