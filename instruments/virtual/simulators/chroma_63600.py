"""Simulated Chroma 63600 electronic load: a mainframe whose modules all hang on the same two terminals.

Commands and status bits as in the 63600 operation manual p202 and public driver code. A command before an
invalid one in a line is carried out, those behind it are dropped. Its interfaces take control with the first command;
a LOCAL key ends that, and until CONF:REM ON it refuses every setting with -221 (an assumption: public driver code shows
the command, not what becomes of settings without it). Not simulated: dynamic, sweep and sine modes,
short circuit, slew rates in time (they are kept and read back: a step of the world is far longer than any of
them).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import inf

from pydantic import Field

from instruments.virtual import scpi
from instruments.virtual.defects.grammar import Repair
from instruments.virtual.defects.of_instruments import ERROR_QUEUE_FULL, OF_AN_OUTPUT
from instruments.virtual.dialect import QUEUE_OVERFLOW, ErrorQueue, Instrument, Meter
from instruments.virtual.ieee4882 import COMMON, Status
from instruments.virtual.metering import meter_of
from instruments.virtual.ports import Load
from instruments.virtual.scpi import Call, Fault, Grammar, ScpiError
from instruments.virtual.simulator import Limits, Place, Simulator, Specimen
from instruments.virtual.simulator import Settings as Base
from instruments.virtual.terminals import LoadMode, LoadPort, OperatingPoint, Settling

OTP, OVP, OCP, OPP, REVERSE = (1 << bit for bit in range(5))
TRIP_LEVEL = 1.05  # of rating; the hardware's own thresholds, not adjustable

RANGES = {"L": 0.01, "M": 0.1, "H": 1.0}  # of the module's rating, as on a 63640-80-80: 0.8 / 8 / 80 A
FAMILIES = {"CC": LoadMode.CURRENT, "CR": LoadMode.RESISTANCE, "CV": LoadMode.VOLTAGE, "CP": LoadMode.POWER}
MODES = {family + size: (mode, fraction) for family, mode in FAMILIES.items() for size, fraction in RANGES.items()}

SHEET = {
    "VOLT": ("voltage", Limits(reading=0.00025, range=0.00025)),
    "CURR": ("current", Limits(reading=0.0004, range=0.0004)),
    "POW": ("power", Limits(reading=0.001, range=0.001)),
}
"""Limits of error of its measurement section, of the range of the mode (series data sheet; assumed)."""

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
    QUEUE_OVERFLOW: "Queue overflow",
}


class Settings(Base):
    """Ratings of each module in V, A and W; `channels` is how many modules there are.

    `numeric_load_reply`: `LOAD?` answers 0 or 1, as some firmware does, and not OFF or ON.
    """

    voltage: float = Field(default=150.0, gt=0)
    current: float = Field(default=60.0, gt=0)
    power: float = Field(default=400.0, gt=0)
    channels: int = Field(default=1, ge=1, le=10)
    numeric_load_reply: bool = False


@dataclass(slots=True)
class Module:
    """One load module: what is programmed into it, and its latched protection bits."""

    number: int
    mode: str = "CCH"
    on: bool = False
    active: bool = True
    tripped: int = 0
    levels: dict[tuple[str, str], float] = field(default_factory=dict)

    def level(self, name: str = "L1") -> float:
        """The programmed level of the present mode; unprogrammed current, power are 0 and a resistance is open."""
        unset = {"CR": 1e4, "CV": 1e9}.get(self.mode[:2], 0.0)
        return self.levels.get((self.mode, name), unset)


class Chroma63600(Instrument):
    """One mainframe. Ratings of each module in V, A and W. `port` is what all modules together ask of the terminals."""

    SWITCHING = ("LOAD", "CHAN")
    QUANTITIES = {"voltage": "VOLT", "current": "CURR"}  # noqa: RUF012 - a constant

    def __init__(
        self,
        specimen: Specimen,
        *,
        voltage: float,
        current: float,
        power: float,
        settling: Settling,
        channels: int = 1,
        numeric_load_reply: bool = False,
    ) -> None:
        self.port = LoadPort()
        self._load = Load(self)
        self.ports = (self._load,)
        self.rated = {LoadMode.VOLTAGE: voltage, LoadMode.CURRENT: current, LoadMode.POWER: power}
        self._trips = voltage * TRIP_LEVEL, current * TRIP_LEVEL, power * TRIP_LEVEL
        self.modules = [Module(number) for number in range(1, channels + 1)]
        self.status = Status()
        self.errors = ErrorQueue(10, ERRORS, '{:+d},"{}"', overflow=QUEUE_OVERFLOW, noted=self.status.note)
        self.selected = self.modules[0]
        self.remote = True
        self._specimen, self._settling, self._numeric = specimen, settling, numeric_load_reply
        self._point = OperatingPoint()
        full_scale = {"VOLT": voltage, "CURR": current, "POW": power}
        self._meters = {name: meter_of(specimen, *SHEET[name], scale, 4) for name, scale in full_scale.items()}
        self._of_range = self._meters["CURR"].offset

    # ---- the world's side ----

    def observe(self, point: OperatingPoint) -> bool:
        """Take note of what the terminals settled at; True when a protection has switched a module off."""
        self._point, voltage = point, point.voltage
        tripped, (over_voltage, over_current, over_power) = False, self._trips
        for module in self.modules:
            current = self.share(module) if module.on else 0.0
            causes = OVP if voltage > over_voltage else 0
            causes |= OCP if current > over_current else 0
            causes |= OPP if current * voltage > over_power else 0
            causes |= REVERSE if voltage < -0.5 else 0
            if causes:
                module.tripped |= causes
                tripped = tripped or module.on
                module.on = False
        if tripped:
            self.apply()
        return tripped

    def share(self, module: Module) -> float:
        """Current of one module, A: in proportion to what each was asked for."""
        if not module.on:
            return 0.0
        running = [other for other in self.modules if other.on]
        weights = [1.0 / other.level() if other.mode.startswith("CR") else other.level() for other in running]
        total = sum(weights)
        return self._point.load * weights[running.index(module)] / total if total else 0.0

    def apply(self) -> None:
        """Add up what the running modules ask for."""
        running = [module for module in self.modules if module.on]
        self.port.on = bool(running)
        if not running:
            return
        mode, _ = MODES[running[0].mode]
        levels = [module.level() for module in running]
        self.port.mode = mode
        self.port.current_limit = len(running) * self.rated[LoadMode.CURRENT]
        if mode is LoadMode.VOLTAGE:
            self.port.value = min(levels)
            limits = [module.levels.get((module.mode, "ILIM"), inf) for module in running]
            self.port.current_limit = min(self.port.current_limit, sum(limits))
        elif mode is LoadMode.RESISTANCE:
            self.port.value = 1.0 / sum(1.0 / level for level in levels)
        else:
            self.port.value = sum(levels)

    # ---- the wire's side ----

    def handle(self, message: str) -> str | None:
        """Act on one message, up to the first unit that is in error."""
        replies = []
        for unit in GRAMMAR.parse(message):
            try:
                if isinstance(unit, ScpiError):
                    raise unit
                self._settling.stale |= not unit.query
                if not (unit.query or self.remote or unit.target is _remote):
                    raise ScpiError(Fault.SETTINGS_CONFLICT, "local")
                reply = unit.target(self, unit)
            except ScpiError as error:
                # -115 and -116 are other makers' numbers: here such a header simply does not exist.
                header = error.number in {Fault.CANNOT_QUERY, Fault.MUST_QUERY}
                self.errors.push(Fault.UNDEFINED_HEADER if header else error.number)
                break
            if reply is not None:
                replies.append(reply)
        return ";".join(replies) if replies else None

    def status_byte(self) -> int:
        """STB: 2 error queue, 3 a module is in protection, 5 an enabled event, 6 master summary."""
        return self.status.byte(0x04 * bool(self.errors) | 0x08 * any(module.tripped for module in self.modules))

    def trip(self) -> Repair:
        """A defect: every module in over-voltage protection, without a cause. How it is ended."""
        for module in self.modules:
            module.tripped |= OVP
            module.on = False
        self.apply()

        def clear() -> None:
            for module in self.modules:
                module.tripped &= ~OVP

        return self.lasting.until_the_last("protection", clear)

    def press_local(self) -> None:
        """A defect: somebody presses LOCAL: the input stays as it is, and the interfaces have lost control."""
        self.remote = False

    def set_by_hand(self, _voltage: float, current: float) -> Repair:
        """A defect: somebody has set the selected module to A (constant current) at the panel and left."""
        self.selected.mode = "CCH"
        self.selected.levels["CCH", "L1"] = current
        self.apply()
        return lambda: None

    def switch_by_hand(self, voltage: float, current: float) -> Repair:
        """A defect: somebody sets A at the panel and presses LOAD. How it is ended: LOAD again."""
        self.set_by_hand(voltage, current)
        self.switch(on=True)
        return self.lasting.until_the_last("switched by hand", lambda: self.switch(on=False))

    def stay_on(self) -> Repair:
        """A defect: once on, the selected module cannot be switched off, and says so. How it is ended."""
        return self.swap("switch", lambda healthy: lambda on: healthy(True) if on else None)

    def lie_about_output(self) -> Repair:
        """A defect: once on, the modules conduct whatever they are told, and read off. How it is ended."""
        return self._load.conduct_on()

    def die(self) -> Repair:
        """A defect: the modules conduct nothing, whatever they are told, and read on. How it is ended."""
        return self._load.conduct_nothing()

    def refuse(self) -> None:
        """Queue an execution error."""
        self.errors.push(-200)

    def switch(self, on: bool) -> None:
        """Switch the selected module; refused while it is inactive or in protection, or beside one in another mode."""
        module = self.selected
        families = {other.mode[:2] for other in self.modules if other.on} | {module.mode[:2]}
        if on and (module.tripped or not module.active or len(families) > 1):
            raise ScpiError(Fault.SETTINGS_CONFLICT, "LOAD ON")
        module.on = on
        self.apply()

    def set_mode(self, mode: str) -> None:
        """Change the mode of the selected module; a running module changes over with the levels of the new mode."""
        self.selected.mode = mode
        if len({module.mode[:2] for module in self.modules if module.on}) > 1:
            self.selected.on = False
        self.apply()

    def ceiling(self, mode: LoadMode, fraction: float) -> float:
        """Largest level of a mode's range: A, Ohm, V or W."""
        if mode is LoadMode.RESISTANCE:
            return 50.0 * self.rated[LoadMode.VOLTAGE] / self.rated[LoadMode.CURRENT] / fraction
        return self.rated[mode] * fraction

    def measure(self, name: str, module: Module) -> str:
        """Print a measured value of one module: V, A (drawn, >= 0) or W."""
        self._settling.settle()
        voltage = self._point.voltage
        value = voltage if name == "VOLT" else self.share(module) * (voltage if name == "POW" else 1.0)
        if not value:
            return "0.0000"
        meter = self._meters[name]
        if name == "CURR" and self._of_range:
            meter = _in_range(meter, (1.0 - MODES[module.mode][1]) * self._of_range)
        return meter.text(value)

    def identity(self) -> str:
        """The four fields of `*IDN?`."""
        return f"CHROMA,{self._specimen.model},{self._specimen.serial_number},01.00"


@lru_cache
def _in_range(meter: Meter, less: float) -> Meter:
    """The meter of a smaller range, which is off at 0 A by so much less: the data sheet's part goes with the range."""
    return replace(meter, offset=meter.offset - less)


Handler = Callable[[Chroma63600, Call[object]], str | None]


def _measure(name: str) -> Handler:
    return lambda load, call: load.measure(name, load.selected)


def _measure_all(name: str) -> Handler:
    return lambda load, call: ",".join(load.measure(name, module) for module in load.modules)


def _level(family: str, name: str, unit: str, limited_by: LoadMode | None = None) -> Handler:
    """A level of one mode family; it belongs to the range that the selected module's mode names, the high one else."""

    def handler(load: Chroma63600, call: Call[object]) -> str | None:
        module = load.selected
        mode = module.mode if module.mode.startswith(family) else f"{family}H"
        kind, fraction = MODES[mode]
        ceiling = load.ceiling(kind, fraction) if limited_by is None else load.rated[limited_by]
        floor = ceiling * 1e-6 if kind is LoadMode.RESISTANCE else 0.0
        if call.query and call.parameters:
            return f"{scpi.number(call.only(), unit, minimum=floor, maximum=ceiling):.4f}"
        if call.query:
            return f"{module.levels.get((mode, name), floor):.4f}"
        module.levels[mode, name] = scpi.number(call.only(), unit, minimum=floor, maximum=ceiling)
        load.apply()
        return None

    return handler


def _load(load: Chroma63600, call: Call[object]) -> str | None:
    """`LOAD?` answers ON/OFF or a number, by firmware: both have been seen."""
    if call.query:
        return str(int(load.selected.on)) if load._numeric else "ON" if load.selected.on else "OFF"
    load.switch(scpi.boolean(call.only()))
    return None


def _remote(load: Chroma63600, call: Call[object]) -> str | None:
    if call.query:
        return "ON" if load.remote else "OFF"
    load.remote = scpi.boolean(call.only())
    return None


def _mode(load: Chroma63600, call: Call[object]) -> str | None:
    if call.query:
        return load.selected.mode
    load.set_mode(scpi.choice(call.only(), *MODES))
    return None


def _channel(load: Chroma63600, call: Call[object]) -> str | None:
    if call.query:
        return str(load.selected.number)
    number = int(scpi.number(call.only(), minimum=1, maximum=len(load.modules)))
    load.selected = load.modules[number - 1]
    return None


def _active(load: Chroma63600, call: Call[object]) -> str | None:
    if call.query:
        return "ON" if load.selected.active else "OFF"
    load.selected.active = scpi.boolean(call.only())
    if not load.selected.active:
        load.switch(on=False)
    return None


def _clear_protection(load: Chroma63600, _call: Call[object]) -> None:
    load.selected.tripped = 0
    load.observe(load._point)


def _reset(load: Chroma63600, _call: Call[object]) -> None:
    load.modules = [Module(module.number, tripped=module.tripped) for module in load.modules]
    load.selected = load.modules[0]
    load.apply()


def _clear_errors(load: Chroma63600, _call: Call[object]) -> None:
    load.errors.clear()
    load.status.event = 0


GRAMMAR: Grammar[Handler] = Grammar(
    {
        "*IDN?": lambda load, call: load.identity(),
        "*RST": _reset,
        "*CLS": _clear_errors,
        **COMMON,
        "SYSTem:ERRor[:NEXT]?": lambda load, call: load.errors.pop(),
        "CONFigure:REMote[?]": _remote,
        "CHANnel[:LOAD][?]": _channel,
        "CHANnel:ACTive[?]": _active,
        "LOAD[:STATe][?]": _load,
        "LOAD:PROTection:CLEar": _clear_protection,
        "MODE[?]": _mode,
        "CURRent:STATic:L1[?]": _level("CC", "L1", "A"),
        "CURRent:STATic:L2[?]": _level("CC", "L2", "A"),
        "CURRent:STATic:RISE[?]": _level("CC", "RISE", "A/US", LoadMode.CURRENT),
        "CURRent:STATic:FALL[?]": _level("CC", "FALL", "A/US", LoadMode.CURRENT),
        "RESistance:STATic:L1[?]": _level("CR", "L1", "OHM"),
        "RESistance:STATic:L2[?]": _level("CR", "L2", "OHM"),
        "VOLTage:STATic:L1[?]": _level("CV", "L1", "V"),
        "VOLTage:STATic:L2[?]": _level("CV", "L2", "V"),
        "VOLTage:STATic:ILIMit[?]": _level("CV", "ILIM", "A", LoadMode.CURRENT),
        "POWer:STATic:L1[?]": _level("CP", "L1", "W"),
        "POWer:STATic:L2[?]": _level("CP", "L2", "W"),
        "MEASure:VOLTage?": _measure("VOLT"),
        "MEASure:CURRent?": _measure("CURR"),
        "MEASure:POWer?": _measure("POW"),
        "MEASure:ALLVoltage?": _measure_all("VOLT"),
        "MEASure:ALLCurrent?": _measure_all("CURR"),
        "MEASure:ALLPower?": _measure_all("POW"),
        "FETCh:VOLTage?": _measure("VOLT"),
        "FETCh:CURRent?": _measure("CURR"),
        "FETCh:POWer?": _measure("POW"),
        "STATus:CHANnel:CONDition?": lambda load, call: str(load.selected.tripped),
    }
)


def _build(settings: Settings, place: Place) -> Chroma63600:
    return Chroma63600(place.specimen, settling=place.settling, **settings.model_dump())


SIMULATOR = Simulator(
    "chroma-63600", "63640-150-60", Settings, _build, ports=(Load,), defects=(ERROR_QUEUE_FULL, *OF_AN_OUTPUT)
)
