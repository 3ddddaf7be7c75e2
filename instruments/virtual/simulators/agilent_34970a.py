"""Simulated Agilent 34970A data acquisition unit with three 34901A multiplexers (channels 101-120, 201-220, 301-320).

Only what a temperature scan needs: configure, scan list, trigger, initiate, fetch. An open thermocouple reads
+9.90000000E+37 (34970A/34972A Command Reference, "overload") where its channel is checked for that, which it is not
after power-on, and the temperature of the terminal block where it is not: an open input measures next to no voltage.
A channel that was never configured for temperature reads volts, as the real one does.
"""

from collections.abc import Callable, Mapping

from pydantic import Field

from instruments.virtual import scpi
from instruments.virtual.defects.grammar import DefectKind, Repair
from instruments.virtual.defects.of_instruments import ERROR_QUEUE_FULL, OF_SENSORS
from instruments.virtual.dialect import QUEUE_OVERFLOW, ErrorQueue, Instrument, Meter
from instruments.virtual.ieee4882 import COMMON, Status
from instruments.virtual.metering import meter_of
from instruments.virtual.ports import Feels, Thermometer
from instruments.virtual.scpi import Call, Fault, Grammar, ScpiError
from instruments.virtual.simulator import Limits, Place, Simulator, Specimen
from instruments.virtual.simulator import Settings as Base

CHANNELS = tuple(slot * 100 + channel for slot in (1, 2, 3) for channel in range(1, 21))
OPEN_SENSOR = 9.9e37
TERMINALS = 25.0  # degC, of the reference junction
KELVIN_PER_VOLT = 24390.0  # type K near room temperature: 41 uV/K
DATA_STALE = -230

ERRORS = {
    0: "No error",
    -102: "Syntax error",
    -108: "Parameter not allowed",
    -109: "Missing parameter",
    -113: "Undefined header",
    -114: "Header suffix out of range",
    -120: "Numeric data error",
    -131: "Invalid suffix",
    -171: "Invalid expression",
    -200: "Execution error",
    -221: "Settings conflict",
    -222: "Data out of range",
    -223: "Too much data",
    -224: "Illegal parameter value",
    DATA_STALE: "Data stale",
    QUEUE_OVERFLOW: "Queue overflow",
}

SHEET = Limits(offset=1.0)
"""K: limit of error of a channel with a thermocouple of type K, its reference junction included (specifications)."""


class Settings(Base):
    """`channels` have a thermocouple, on cells spread over the string; `places` says where else those of some are.

    Without `channels` there are as many as cells, from 101 on. A place is named as the world names it: `air`, `cell 7`,
    `air of` a chamber.
    """

    channels: tuple[int, ...] | None = Field(default=None, min_length=1)
    places: dict[int, str] = Field(default_factory=dict)


class Agilent34970A(Instrument):
    """One unit. `wired` maps a channel to the place of its thermocouple; a channel without one is open."""

    def __init__(self, specimen: Specimen, wired: Mapping[int, str], name: str = "34970A") -> None:
        unknown = set(wired) - set(CHANNELS)
        if unknown:
            raise ValueError(
                f"34970A channel {min(unknown)} does not exist: wire sensors to 101-120, 201-220 or 301-320"
            )
        self._specimen = specimen
        self.ports = (Thermometer(name, self, wired),)
        self._sensors, self._healthy = dict[int, Feels](), dict[int, Feels]()
        self.status = Status()
        self.errors = ErrorQueue(10, ERRORS, '{:+d},"{}"', overflow=QUEUE_OVERFLOW, noted=self.status.note)
        self._meters = {channel: meter_of(specimen, "temperature", SHEET, 100.0, 8) for channel in CHANNELS}
        self.reset()

    def reset(self) -> None:
        """`*RST`: no scan list, every channel measures volts, units degC, no thermocouple is checked."""
        self.scan_list: tuple[int, ...] = ()
        self.temperature: dict[int, str] = {}
        self.units: dict[int, str] = {}
        self.checks: set[int] = set()
        self.trigger = {"SOUR": "IMM", "COUN": "1", "TIM": "10"}
        self._readings: tuple[float, ...] | None = None

    def handle(self, message: str) -> str | None:
        """Act on one message; a unit in error is queued and the rest of the message dropped."""
        replies = []
        for unit in GRAMMAR.parse(message):
            try:
                if isinstance(unit, ScpiError):
                    raise unit
                reply = unit.target(self, unit)
            except ScpiError as error:
                header = error.number in {Fault.CANNOT_QUERY, Fault.MUST_QUERY}
                self.errors.push(Fault.UNDEFINED_HEADER if header else error.number)
                break
            if reply is not None:
                replies.append(reply)
        return ";".join(replies) if replies else None

    def status_byte(self) -> int:
        """STB: 2 error queue, 5 an enabled event, 6 master summary."""
        return self.status.byte(0x04 * bool(self.errors))

    def initiate(self) -> None:
        """Scan now: the readings are those of this moment, whenever they are fetched."""
        if not self.scan_list:
            raise ScpiError(Fault.SETTINGS_CONFLICT, "no scan list")
        self._readings = tuple(self._all_celsius() or [self._read(channel) for channel in self.scan_list])

    def fetch(self) -> str:
        """Print the readings of the last scan."""
        if self._readings is None:
            raise ScpiError(DATA_STALE, "no readings")
        return ("%+.8E," * len(self._readings) % self._readings)[:-1]

    def _all_celsius(self) -> list[float]:
        """The readings where every channel has a thermocouple and shows degC: without its question for each of them."""
        sensors, meters, channels = self._sensors, self._meters, self.scan_list
        if self.units or not (sensors.keys() >= set(channels) <= self.temperature.keys()):
            return []
        return Meter.read_all(map(meters.__getitem__, channels), [sensors[each]() for each in channels])

    def _read(self, channel: int) -> float:
        sensor = self._sensors.get(channel)
        if sensor is None and channel in self.checks:
            return OPEN_SENSOR
        felt = self._meters[channel].read(sensor() if sensor else TERMINALS)
        if channel not in self.temperature:
            return (felt - 25.0) / KELVIN_PER_VOLT
        if not self.units:
            return felt
        unit = self.units.get(channel, "C")
        return felt if unit == "C" else felt + 273.15 if unit == "K" else felt * 1.8 + 32.0

    def checked(self, channels: tuple[int, ...]) -> tuple[int, ...]:
        """Return channels that exist; raises -222 for one that does not."""
        if not set(channels) <= set(CHANNELS):
            raise ScpiError(Fault.OUT_OF_RANGE, str(channels))
        return channels

    def lay(self, channel: int, feels: Feels) -> None:
        """Have the thermocouple of a channel feel this (degC)."""
        self._sensors[channel] = self._healthy[channel] = feels

    def rewire(self, channel: int, change: Callable[[Feels], Feels | None]) -> Callable[[], None]:
        """A defect: what the thermocouple of a channel feels from now on, None for an open one. How it is ended."""
        healthy = self._healthy[channel]
        changed = change(healthy)

        def wire(feels: Feels | None) -> None:
            if feels is None:
                self._sensors.pop(channel, None)
            else:
                self._sensors[channel] = feels

        return self.lasting.thing(("sensor", channel), lambda: healthy, wire, lambda _before: changed)

    def change_unit(self) -> Repair:
        """A defect: somebody has set every channel to degrees Fahrenheit. How it is ended."""
        self.units |= dict.fromkeys(CHANNELS, "F")
        return self.lasting.until_the_last("unit", self.units.clear)

    def refuse(self) -> None:
        """Queue an execution error."""
        self.errors.push(-200)

    def identity(self) -> str:
        """The four fields of `*IDN?`; Agilent's has no serial number: the third is 0."""
        return f"HEWLETT-PACKARD,{self._specimen.model},0,13-2-2"


Handler = Callable[[Agilent34970A, Call[object]], str | None]


def _configure(unit: Agilent34970A, call: Call[object]) -> None:
    """`CONF:TEMP TC,K,(@...)` also makes these channels the scan list (Command Reference, CONFigure)."""
    kind, *rest = call.parameters or ("DEF",)
    sensor = scpi.choice(kind, "TCouple", "RTD", "FRTD", "THERmistor", "DEF")
    if sensor in {"TC", "DEF"} and rest:
        scpi.choice(rest[0], *"BEJKNRST", "DEF")
    channels = unit.checked(call.channels or unit.scan_list)
    if not channels:
        raise ScpiError(Fault.MISSING_PARAMETER, "channel list")
    unit.temperature |= dict.fromkeys(channels, sensor)
    unit.checks.difference_update(channels)  # whether CONFigure leaves them is not at hand; without them is worse
    unit.scan_list = channels
    unit._readings = None


def _scan(unit: Agilent34970A, call: Call[object]) -> str | None:
    if call.query:
        text = f"(@{','.join(map(str, unit.scan_list))})"
        return f"#{len(str(len(text)))}{len(text)}{text}"
    unit.scan_list = unit.checked(call.channels)
    unit._readings = None
    return None


def _units(unit: Agilent34970A, call: Call[object]) -> str | None:
    if call.query:
        return ",".join(unit.units.get(channel, "C") for channel in unit.checked(call.channels or unit.scan_list))
    chosen = scpi.choice(call.only(), "C", "F", "K")
    unit.units |= dict.fromkeys(unit.checked(call.channels or CHANNELS), chosen)
    return None


def _check(unit: Agilent34970A, call: Call[object]) -> str | None:
    channels = unit.checked(call.channels or unit.scan_list)
    if call.query:
        return ",".join(str(int(channel in unit.checks)) for channel in channels)
    change = unit.checks.update if scpi.boolean(call.only()) else unit.checks.difference_update
    change(channels)
    return None


def _trigger(name: str, read: Callable[[str], str]) -> Handler:
    def handler(unit: Agilent34970A, call: Call[object]) -> str | None:
        if call.query:
            return unit.trigger[name]
        unit.trigger[name] = read(call.only())
        return None

    return handler


def _read(unit: Agilent34970A, _call: Call[object]) -> str:
    unit.initiate()
    return unit.fetch()


def _clear(unit: Agilent34970A, _call: Call[object]) -> None:
    unit.errors.clear()
    unit.status.event = 0


GRAMMAR: Grammar[Handler] = Grammar(
    {
        "*IDN?": lambda unit, call: unit.identity(),
        "*RST": lambda unit, call: unit.reset(),
        "*CLS": _clear,
        **COMMON,
        "SYSTem:ERRor[:NEXT]?": lambda unit, call: unit.errors.pop(),
        "CONFigure:TEMPerature": _configure,
        "ROUTe:SCAN[?]": _scan,
        "[SENSe:]TEMPerature:TRANsducer:TCouple:CHECk[?]": _check,
        "UNIT:TEMPerature[?]": _units,
        "TRIGger:SOURce[?]": _trigger("SOUR", lambda text: scpi.choice(text, "IMMediate", "BUS", "EXTernal", "TIMer")),
        "TRIGger:COUNt[?]": _trigger("COUN", lambda text: f"{scpi.number(text, minimum=1, maximum=50000):+.8E}"),
        "TRIGger:TIMer[?]": _trigger("TIM", lambda text: f"{scpi.number(text, 'S', minimum=0, maximum=359999):+.8E}"),
        "INITiate": lambda unit, call: unit.initiate(),
        "FETCh?": lambda unit, call: unit.fetch(),
        "READ?": _read,
    }
)


def _build(settings: Settings, place: Place) -> Agilent34970A:
    series, channels = place.series, settings.channels or CHANNELS[: min(place.series, len(CHANNELS))]
    count = len(channels)
    wired = {}
    for sensor, channel in enumerate(channels):
        cell = sensor * series // count if count <= series else min(sensor, series - 1)
        wired[channel] = f"cell {cell + 1}"
    return Agilent34970A(place.specimen, wired | settings.places, place.name)


SIMULATOR = Simulator(
    "agilent-34970a",
    "34970A",
    Settings,
    _build,
    ports=(Thermometer,),
    defects=(
        ERROR_QUEUE_FULL,
        *OF_SENSORS,
        DefectKind("unit-changed:<logger>", lambda logger, _defect, _world: logger.change_unit()),
    ),
)
