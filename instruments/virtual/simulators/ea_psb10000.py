"""Simulated EA Elektro-Automatik PSB 10000, a bidirectional DC supply, at the level of its SCPI messages.

Dialect, quirks and status model follow the vendor's programming guide (PGMBEN rev. 24, 2023-05-15, chapter 5;
page numbers below are its own) and, for what the interface monitor does, the manual of the ELR 10000 (33200840),
whose interfaces are the same. Not simulated: ModBus, master-slave, the function generator, the built-in
battery test, R mode (resistance set points are kept and read back; the mode stays UIP) and the analogue
interface.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from pydantic import Field

from instruments.virtual import scpi
from instruments.virtual.defects.grammar import DefectKind, Repair
from instruments.virtual.defects.of_instruments import ERROR_QUEUE_FULL, OF_AN_OUTPUT
from instruments.virtual.dialect import ErrorQueue, Instrument, StatusRegister
from instruments.virtual.metering import meter_of
from instruments.virtual.ports import Source
from instruments.virtual.scpi import Call, Fault, Grammar, ScpiError
from instruments.virtual.simulator import Limits, Place, Simulator, Specimen
from instruments.virtual.simulator import Settings as Base
from instruments.virtual.terminals import OperatingPoint, Regulation, Settling, StuckSupplyPort, SupplyPort

SET_LIMIT = 1.02  # of nominal, p45
PROTECTION_LIMIT = 1.10  # of nominal, p51
MOST_COMMANDS = 5  # in one message, p38
BUFFER = 256  # bytes, p38
IDLE_CLOSE = 5.0  # s, p9 and p14

ERRORS = {
    0: "No error",
    -100: "Command error",
    -102: "Syntax error",
    -108: "Parameter not allowed",
    -200: "Execution error",
    -201: "Invalid while in local",
    -220: "Parameter error",
    -221: "Settings conflict",
    -222: "Data out of range",
    -223: "Too much data",
    -224: "Illegal parameter value",
    -225: "Out of memory",
}
# The guide has fewer numbers than SCPI-99 (p38): what it calls the faults that the grammar finds.
DIALECT: dict[int, int] = {
    Fault.UNDEFINED_HEADER: -100,
    Fault.SUFFIX_OUT_OF_RANGE: -100,
    Fault.CANNOT_QUERY: -100,
    Fault.MUST_QUERY: -100,
    Fault.MISSING_PARAMETER: -220,
    Fault.NUMERIC_DATA: -220,
    Fault.INVALID_SUFFIX: -220,
    Fault.INVALID_EXPRESSION: -102,
}

INVALID_IN_LOCAL = -201

OVP, OCP, OPP, OVD, UVD, OCD, UCD, OPD = (1 << bit for bit in (0, 1, 2, 4, 5, 6, 7, 8))
REMOTE, OUTPUT_ON = 1 << 10, 1 << 11
CTO, CV, CC, CP, SINKING = (1 << bit for bit in (7, 8, 9, 10, 12))
REGULATION = {Regulation.OFF: 0, Regulation.VOLTAGE: CV, Regulation.CURRENT: CC, Regulation.POWER: CP}
SMALL = 30.0
"""Rating below which all five digits are shown: 20 A to 1 mA, 30 A to 10 mA (PSB 9000 3U manual, 1.9.6.4)."""
SHEET = {
    "V": ("voltage", Limits(range=0.0005)),
    "A": ("current", Limits(range=0.001)),
    "W": ("power", Limits(range=0.001)),
}
"""Limits of error at 23 ± 5 °C: 0.05 % of the rated voltage, 0.1 % of the rated current (data sheet; assumed)."""
COUNTED = {"OVOL": OVP, "OCUR": OCP, "OPOW": OPP}


class Settings(Base):
    """Ratings in V, A and W; `idle_close` s after which it closes a silent socket, 0 for its keep-alive option."""

    voltage: float = Field(default=200.0, gt=0)
    current: float = Field(default=420.0, gt=0)
    power: float = Field(default=30000.0, gt=0)
    idle_close: float = Field(default=IDLE_CLOSE, ge=0)


@dataclass(slots=True)
class Value:
    """A set value with its adjustment range, in the unit its replies carry."""

    present: float
    low: float
    high: float
    unit: str
    decimals: int

    def text(self, value: float | None = None) -> str:
        """Print a value as the device does: display decimals and unit."""
        return f"{self.present if value is None else value:.{self.decimals}f}{self.unit}"

    def read(self, text: str) -> float:
        """Read a parameter; raises `ScpiError` outside the adjustment range: the device ignores it (p54)."""
        return scpi.number(text, self.unit, minimum=self.low, maximum=self.high)


@dataclass(slots=True)
class Supervision:
    """A user event (UVD, OVD, ...) and what it does: NONE, SIGN, WARN or ALAR (p53)."""

    threshold: Value
    bit: int
    exceeded: Callable[[float, float], bool]
    action: str = "NONE"


class EaPsb10000(Instrument):
    """One specimen. `port` is what its power stage tries to do; the world tells it what became of that.

    Ratings in V, A and W; `clock` is the world's time in s and `settling` brings the measured values up to date.
    `idle_close` is the time (s, real) after which it closes a silent socket, 5 s as it is delivered (p9, p14); 0 stands
    for its keep-alive option.
    """

    SWITCHING = ("OUTP", "SYST:LOCK")
    QUANTITIES = {"voltage": "V", "current": "A"}  # noqa: RUF012 - a constant

    def __init__(
        self,
        specimen: Specimen,
        *,
        voltage: float,
        current: float,
        power: float,
        clock: Callable[[], float],
        settling: Settling,
        idle_close: float = IDLE_CLOSE,
    ) -> None:
        self.port = SupplyPort()
        self._source = Source(self)
        self.ports = (self._source,)
        self.hangs_up_after = idle_close or None
        self.nominal = {"V": voltage, "A": current, "W": power}
        self._specimen, self._clock, self._settling = specimen, clock, settling
        self._user_text = ""
        self._errors = ErrorQueue(5, ERRORS)
        self._ques, self._oper, self._second = StatusRegister(), StatusRegister(), StatusRegister()
        self._event_status, self._event_enable, self._service_enable = 0x80, 0, 0
        self._alarms = self._causes = 0
        self._counters = dict.fromkeys(COUNTED, 0)
        self._remote = False
        self._local = False
        self._off_after_remote = True
        self._monitored, self._monitor_time, self._heard = False, 5, 0.0
        self._timed_out = False
        self._point = OperatingPoint()
        self._charge = {"source": 0.0, "sink": 0.0}  # Ah
        self._energy = {"source": 0.0, "sink": 0.0}  # kWh
        self._settings: dict[str, str] = {
            "SPE": "SLOW",
            "REST": "OFF",
            "PFA": "OFF",
            "OTEM": "AUTO",
            "MOD": "UIP",
        }
        self._make_values()
        self._meters = {
            unit: meter_of(specimen, quantity, sheet, self.nominal[unit], self._decimals(unit))
            for unit, (quantity, sheet) in SHEET.items()
        }

    def _make_values(self) -> None:
        rated = {"VOLT": "V", "CURR": "A", "POW": "W", "SINK:CURR": "A", "SINK:POW": "W"}
        self.sets = {name: self._value(unit, 0.0, SET_LIMIT) for name, unit in rated.items()}
        self.sets["POW"].present, self.sets["SINK:POW"].present = self.nominal["W"], self.nominal["W"]
        self.sets["RES"] = Value(0.0, 0.0, self._resistance_maximum, "OHM", 3)
        self.sets["SINK:RES"] = Value(0.0, 0.0, self._resistance_maximum, "OHM", 3)
        self.protections = {name: self._value(unit, 1.0, PROTECTION_LIMIT) for name, unit in rated.items()}
        for protection in self.protections.values():
            protection.present = protection.high
        self.supervisions = {
            "UVD": Supervision(self._value("V", 0.0, PROTECTION_LIMIT), UVD, float.__lt__),
            "OVD": Supervision(self._value("V", 1.0, PROTECTION_LIMIT), OVD, float.__gt__),
            "UCD": Supervision(self._value("A", 0.0, PROTECTION_LIMIT), UCD, float.__lt__),
            "OCD": Supervision(self._value("A", 1.0, PROTECTION_LIMIT), OCD, float.__gt__),
            "OPD": Supervision(self._value("W", 1.0, PROTECTION_LIMIT), OPD, float.__gt__),
        }
        for name in ("UCD", "OCD", "OPD"):
            source = self.supervisions[name]
            threshold = self._value(source.threshold.unit, 0.0 if name == "UCD" else 1.0, PROTECTION_LIMIT)
            self.supervisions[f"SINK:{name}"] = Supervision(threshold, source.bit, source.exceeded)
        self.watching: list[str] = []
        """Supervisions that do anything."""
        self._apply()

    @property
    def _resistance_maximum(self) -> float:
        return 30.0 * self.nominal["V"] / self.nominal["A"]

    def _value(self, unit: str, fraction: float, limit: float) -> Value:
        nominal = self.nominal[unit]
        return Value(fraction * nominal, 0.0, limit * nominal, unit, self._decimals(unit))

    def _decimals(self, unit: str) -> int:
        """Five digits on the display, at most two of them behind the point; all five of the smallest ratings."""
        digits = max(0, 5 - len(str(int(self.nominal[unit]))))
        return digits if self.nominal[unit] < SMALL else min(2, digits)

    # ---- the world's side ----

    def observe(self, point: OperatingPoint) -> bool:
        """Take note of what the terminals settled at; True when a protection has switched the output off."""
        self._point = point
        was_on = self.port.on
        causes = self._find_causes(point)
        tripped = causes & ~self._alarms & (OVP | OCP | OPP)
        if tripped:
            for name, bit in COUNTED.items():
                self._counters[name] += bool(tripped & bit)
        self._causes = causes
        self._alarms |= causes
        if causes and was_on and self._switching(causes):
            self.port.on = False
        self._update_registers()
        return was_on and not self.port.on

    def elapse(self, duration: float) -> None:
        """Let `duration` s pass at the present operating point: counters run, the interface monitor watches."""
        if self.port.on:
            hours, supply = duration / 3600, self._point.supply
            direction = "source" if supply > 0 else "sink"
            self._charge[direction] += abs(supply) * hours
            self._energy[direction] += abs(supply * self._point.voltage) * hours / 1000
        if self._remote and self._monitored and self._clock() - self._heard > self._monitor_time:
            # The monitor watches whoever has remote control, and takes it away (ELR 10000 manual, 3.5.3.3).
            self._timed_out = True
            self.lock(remote=False)

    def _find_causes(self, point: OperatingPoint) -> int:
        """The alarm conditions that are present. At equal values a protection beats its set point (p51)."""
        voltage, current, sinks = point.voltage, abs(point.supply), point.supply < 0
        protections = self.protections
        causes = OVP if voltage >= protections["VOLT"].present else 0
        if not self.port.on:
            return causes
        if current >= protections["SINK:CURR" if sinks else "CURR"].present:
            causes |= OCP
        if current * voltage >= protections["SINK:POW" if sinks else "POW"].present:
            causes |= OPP
        if not self.watching:
            return causes
        return causes | self._exceeded({"V": voltage, "A": current, "W": current * voltage}, sinks)

    def supervise(self, name: str, action: str) -> None:
        """Have a supervision do something, or nothing."""
        self.supervisions[name].action = action
        self.watching = [name for name, event in self.supervisions.items() if event.action != "NONE"]

    def _exceeded(self, measured: Mapping[str, float], sinks: bool) -> int:
        causes = 0
        for name in self.watching:
            if "VD" in name or name.startswith("SINK:") == sinks:
                event = self.supervisions[name]
                value = float(measured[event.threshold.unit])
                causes |= event.bit if event.exceeded(value, event.threshold.present) else 0
        return causes

    def _switching(self, causes: int) -> int:
        """Those of the causes that switch the output off."""
        deadly = OVP | OCP | OPP
        for event in self.supervisions.values():
            deadly |= event.bit if event.action == "ALAR" else 0
        return causes & deadly

    def _update_registers(self) -> None:
        questionable, operation = self._alarms, CTO if self._timed_out else 0
        if self._remote:
            questionable |= REMOTE
        if self.port.on:
            questionable |= OUTPUT_ON
            operation |= REGULATION[self._point.regulation] | (SINKING if self._point.supply < 0 else 0)
        # Nothing latches where nothing changes, as in nearly every step.
        if questionable != self._ques.condition:
            self._ques.update(questionable)
        if operation != self._oper.condition:
            self._oper.update(operation)

    def _apply(self) -> None:
        """Hand the set values to the power stage."""
        port, sets = self.port, self.sets
        port.voltage, port.source_current, port.source_power = (sets[name].present for name in ("VOLT", "CURR", "POW"))
        port.sink_current, port.sink_power = sets["SINK:CURR"].present, sets["SINK:POW"].present

    # ---- the wire's side ----

    def handle(self, message: str) -> str | None:
        """Act on one message. Errors are only queued; a reply that overflows the buffer is not sent (p38)."""
        self._heard = self._clock()
        units = GRAMMAR.parse(message)
        if len(message) > BUFFER or len(units) > MOST_COMMANDS:
            self._complain(-225 if len(message) > BUFFER else -223)
            return None
        replies = []
        for unit in units:
            try:
                if isinstance(unit, ScpiError):
                    raise unit
                self._settling.stale |= not unit.query
                reply = unit.target(self, unit)
            except ScpiError as error:
                self._complain(DIALECT.get(error.number, error.number))
                continue
            if reply is not None:
                replies.append(reply)
        text = ";".join(replies)
        if len(text) > BUFFER:
            self._complain(-225)
            return None
        return text if replies else None

    def _complain(self, number: int) -> None:
        self._errors.push(number)
        self._event_status |= 0x20 if number > -200 else 0x10

    def status_byte(self) -> int:
        """STB (p41): 0 second QUES, 2 error queue, 3 QUES, 5 ESR, 6 master summary, 7 OPER."""
        byte = 0x01 * self._second.summary | 0x04 * bool(self._errors) | 0x08 * self._ques.summary
        byte |= 0x20 * bool(self._event_status & self._event_enable) | 0x80 * self._oper.summary
        return byte | 0x40 * bool(byte & self._service_enable)

    def require_remote(self) -> None:
        """Raise for a command that changes something while the device is not in remote control (p38, p39)."""
        if self._local:
            raise ScpiError(INVALID_IN_LOCAL, "local")
        if not self._remote:
            raise ScpiError(Fault.SETTINGS_CONFLICT, "not in remote control")

    def lock(self, remote: bool) -> None:
        """Take or leave remote control (p49); what the output does then is `POW:STAG:AFT:REM` (p58)."""
        if remote and self._local:
            raise ScpiError(INVALID_IN_LOCAL, "local")
        if not remote and self._off_after_remote:
            self.port.on = False
        self._remote = remote
        self._update_registers()

    def owner(self) -> str:
        """Who controls the device (p49)."""
        return "REMOTE" if self._remote else "LOCAL" if self._local else "NONE"

    def take_local(self) -> Repair:
        """A defect: somebody works at the front panel; the output stays as it is. How it is ended."""
        self._remote, self._local = False, True
        self._update_registers()

        def leave() -> None:
            self._local = False

        return leave

    def press_local(self) -> None:
        """A defect: somebody presses LOCAL and lets go: the output stays as it is, and nobody has control."""
        self.take_local()()
        self._update_registers()

    def set_by_hand(self, voltage: float, current: float) -> Repair:
        """A defect: somebody has set V and A at the panel and left. They stay until somebody sets others."""
        self.sets["VOLT"].present, self.sets["CURR"].present = voltage, current
        self._apply()
        return lambda: None

    def switch_by_hand(self, voltage: float, current: float) -> Repair:
        """A defect: somebody sets V and A at the panel and presses ON. How it is ended: OFF."""
        self.set_by_hand(voltage, current)
        self.switch(on=True)
        return lambda: self.switch(on=False)

    def stay_on(self) -> Repair:
        """A defect: once on, the power stage cannot be switched off, and says so. How it is ended."""
        self._source.replace(StuckSupplyPort(**_set_points(self.port)))
        return lambda: self._source.replace(SupplyPort(**_set_points(self.port)))

    def lie_about_output(self) -> Repair:
        """A defect: once on, the power stage conducts whatever it is told, and reads off. How it is ended."""
        return self._source.conduct_on()

    def die(self) -> Repair:
        """A defect: the power stage conducts nothing, whatever it is told, and reads on. How it is ended."""
        return self._source.conduct_nothing()

    def surge(self, factor: float) -> Repair:
        """A defect: the regulation lets `factor` times the set current through. How it is ended."""

        def rise(healthy: Callable[[], None]) -> Callable[[], None]:
            def apply() -> None:
                healthy()
                self.port.source_current *= factor

            return apply

        calm = self.swap("_apply", rise)
        self._apply()

        def end() -> None:
            calm()
            self._apply()

        return end

    def trip(self) -> Repair:
        """A defect: an over-voltage alarm without a cause; it stands until it is acknowledged. How it is ended."""
        self._alarms |= OVP
        self._counters["OVOL"] += 1
        self.port.on = False
        self._update_registers()
        return self.acknowledge

    def refuse(self) -> None:
        """Queue an execution error."""
        self._complain(-200)

    @property
    def errors(self) -> ErrorQueue:
        """The error queue."""
        return self._errors

    def switch(self, on: bool) -> None:
        """Switch the DC output. Refused while an alarm has not been acknowledged."""
        if on and self._switching(self._alarms):
            raise ScpiError(Fault.SETTINGS_CONFLICT, "alarm not acknowledged")
        self.port.on = on
        self._update_registers()

    def acknowledge(self) -> None:
        """Clear the alarms whose cause is gone: what reading the error queue does on this device (p42, p50)."""
        self._alarms &= self._causes
        self._timed_out = False
        self._update_registers()

    def measure(self, unit: str) -> str:
        """Print a measured value; negative current and power belong to sink mode (p48)."""
        self._settling.settle()
        return self._shown(unit)

    def measure_all(self) -> str:
        """Print voltage, current and power of one moment."""
        self._settling.settle()
        return f"{self._shown('V')}, {self._shown('A')}, {self._shown('W')}"

    def _shown(self, unit: str) -> str:
        point = self._point
        value = point.voltage if unit == "V" else point.supply if unit == "A" else point.supply * point.voltage
        if unit != "V" and not self.port.on:
            value = 0.0
            return f"{value:.{self._decimals(unit)}f}{unit}"
        return self._meters[unit].text(value) + unit


def _set_points(port: SupplyPort) -> dict[str, Any]:
    return {each.name: getattr(port, each.name) for each in fields(SupplyPort)}


Handler = Callable[[EaPsb10000, Call[object]], str | None]


def _remote_only(action: Callable[[EaPsb10000, str], None]) -> Handler:
    """A command with one parameter that needs remote control."""

    def handler(device: EaPsb10000, call: Call[object]) -> None:
        text = call.only()
        device.require_remote()
        action(device, text)

    return handler


def _either(query: Callable[[EaPsb10000], str], action: Callable[[EaPsb10000, str], None]) -> Handler:
    """A command with a query form: the query is free, the setting needs remote control."""
    setter = _remote_only(action)

    def handler(device: EaPsb10000, call: Call[object]) -> str | None:
        return query(device) if call.query else setter(device, call)

    return handler


def _query(answer: Callable[[EaPsb10000], str]) -> Handler:
    def handler(device: EaPsb10000, call: Call[object]) -> str:
        if call.parameters:
            raise ScpiError(Fault.PARAMETER_NOT_ALLOWED, ",".join(call.parameters))
        return answer(device)

    return handler


def _set_value(name: str) -> Handler:
    def change(device: EaPsb10000, text: str) -> None:
        value = device.sets[name]
        value.present = value.read(text)
        device._apply()

    return _either(lambda device: device.sets[name].text(), change)


def _limit(name: str, end: str) -> Handler:
    """An adjustment limit: never on the wrong side of the set value it belongs to (p54)."""

    def change(device: EaPsb10000, text: str) -> None:
        value = device.sets[name]
        limit = scpi.number(
            text, value.unit, minimum=0.0, maximum=device.nominal.get(value.unit, value.high) * SET_LIMIT
        )
        if (limit > value.present) if end == "low" else (limit < value.present):
            raise ScpiError(Fault.SETTINGS_CONFLICT, text)
        setattr(value, end, limit)

    return _either(lambda device: device.sets[name].text(getattr(device.sets[name], end)), change)


def _protection(name: str) -> Handler:
    def change(device: EaPsb10000, text: str) -> None:
        value = device.protections[name]
        value.present = value.read(text)

    return _either(lambda device: device.protections[name].text(), change)


def _threshold(name: str) -> Handler:
    def change(device: EaPsb10000, text: str) -> None:
        value = device.supervisions[name].threshold
        value.present = value.read(text)

    return _either(lambda device: device.supervisions[name].threshold.text(), change)


def _action(name: str) -> Handler:
    def change(device: EaPsb10000, text: str) -> None:
        device.supervise(name, scpi.choice(text, "NONE", "SIGNal", "WARNing", "ALARm"))

    return _either(lambda device: device.supervisions[name].action, change)


def _setting(name: str, *patterns: str) -> Handler:
    """A configuration word that is kept and read back."""

    def change(device: EaPsb10000, text: str) -> None:
        device._settings[name] = scpi.choice(text, *patterns)

    return _either(lambda device: device._settings[name], change)


def _on_off(value: bool) -> str:
    return "ON" if value else "OFF"


def _register(name: str) -> dict[str, Handler]:
    """The commands of one status register: `<name>?` is its event register (p43)."""
    attribute = {"QUEStionable": "_ques", "OPERation": "_oper", "SECond:QUEStionable": "_second"}[name]

    def register(device: EaPsb10000) -> StatusRegister:
        chosen: StatusRegister = getattr(device, attribute)
        return chosen

    def enable(device: EaPsb10000, call: Call[object]) -> str | None:
        if call.query:
            return str(register(device).enable)
        register(device).enable = int(scpi.number(call.only(), minimum=0, maximum=32767))
        return None

    return {
        f"STATus:{name}[:EVENt]?": _query(lambda device: str(register(device).take_event())),
        f"STATus:{name}:CONDition?": _query(lambda device: str(register(device).condition)),
        f"STATus:{name}:ENABle[?]": enable,
    }


def _identity(device: EaPsb10000) -> str:
    firmware = "V2.14 14.05.2018 V2.24 04.06.2018 V1.6.5"  # the form of p39: three parts and their dates
    fields = [
        "EA Elektro-Automatik GmbH&Co.KG",
        device._specimen.model,
        device._specimen.serial_number,
        firmware,
    ]
    return ", ".join(fields + [device._user_text] * bool(device._user_text))


def _reset(device: EaPsb10000, _call: Call[object]) -> None:
    """`*RST` (p40): remote control, output off, alarms and status registers cleared."""
    device.port.on = False
    device._remote = True
    device._alarms = device._causes & OVP
    device._timed_out = False
    device._update_registers()
    device._ques.take_event()
    device._oper.take_event()


def _clear_status(device: EaPsb10000, _call: Call[object]) -> None:
    """`*CLS` (p40): errors, STB and ESR."""
    device._errors.clear()
    device._event_status = 0
    device._ques.take_event()
    device._oper.take_event()


def _next_error(device: EaPsb10000) -> str:
    device.acknowledge()
    return device._errors.pop()


def _all_errors(device: EaPsb10000) -> str:
    device.acknowledge()
    return ", ".join(device._errors.pop() for _ in range(max(1, len(device._errors))))


def _event_status(device: EaPsb10000) -> str:
    status, device._event_status = device._event_status, 0
    return str(status)


def _mask(name: str) -> Handler:
    def handler(device: EaPsb10000, call: Call[object]) -> str | None:
        if call.query:
            return str(getattr(device, name))
        setattr(device, name, int(scpi.number(call.only(), minimum=0, maximum=255)))
        return None

    return handler


def _set_lock(device: EaPsb10000, call: Call[object]) -> None:
    device.lock(scpi.boolean(call.only()))


def _count(name: str) -> Handler:
    def take(device: EaPsb10000) -> str:
        count, device._counters[name] = device._counters[name], 0
        return str(count)

    return _query(take)


def _monitor(device: EaPsb10000, text: str) -> None:
    device._monitored = scpi.boolean(text)


def _monitor_time(device: EaPsb10000, text: str) -> None:
    device._monitor_time = int(scpi.number(text, "s", minimum=1, maximum=36000))


def _after_remote(device: EaPsb10000, text: str) -> None:
    device._off_after_remote = scpi.choice(text, "AUTO", "OFF") == "OFF"


def _user_text(device: EaPsb10000, text: str) -> None:
    device._user_text = scpi.string(text)[:40]


def _nominal(unit: str) -> Handler:
    return _query(lambda device: f"{device.nominal[unit]:.{device._decimals(unit)}f}{unit}")


def _set_table() -> Mapping[str, Handler]:
    table: dict[str, Handler] = {}
    long = {"VOLT": "VOLTage", "CURR": "CURRent", "POW": "POWer", "RES": "RESistance"}
    for short, word in long.items():
        table[f"[SOURce:]{word}[?]"] = _set_value(short)
        table[f"[SOURce:]{word}:LIMit:HIGH[?]"] = _limit(short, "high")
        if short in {"VOLT", "CURR"}:
            table[f"[SOURce:]{word}:LIMit:LOW[?]"] = _limit(short, "low")
        if short != "RES":
            table[f"[SOURce:]{word}:PROTection[:LEVel][?]"] = _protection(short)
        if short != "VOLT":
            table[f"SINK:{word}[?]"] = _set_value(f"SINK:{short}")
            table[f"SINK:{word}:LIMit:HIGH[?]"] = _limit(f"SINK:{short}", "high")
    table["SINK:CURRent:LIMit:LOW[?]"] = _limit("SINK:CURR", "low")
    for short in ("CURR", "POW"):
        table[f"SINK:{long[short]}:PROTection[:LEVel][?]"] = _protection(f"SINK:{short}")
    for name in ("UVD", "OVD", "UCD", "OCD", "OPD"):
        table[f"SYSTem:CONFig:{name}[?]"] = _threshold(name)
        table[f"SYSTem:CONFig:{name}:ACTion[?]"] = _action(name)
    for name in ("UCD", "OCD", "OPD"):
        table[f"SYSTem:SINK:CONFig:{name}[?]"] = _threshold(f"SINK:{name}")
        table[f"SYSTem:SINK:CONFig:{name}:ACTion[?]"] = _action(f"SINK:{name}")
    return table


GRAMMAR: Grammar[Handler] = Grammar(
    {
        "*IDN?": _query(_identity),
        "*RST": _reset,
        "*CLS": _clear_status,
        "*STB?": _query(lambda device: str(device.status_byte())),
        "*ESR?": _query(_event_status),
        "*ESE[?]": _mask("_event_enable"),
        "*SRE[?]": _mask("_service_enable"),
        **_set_table(),
        **_register("QUEStionable"),
        **_register("OPERation"),
        **_register("SECond:QUEStionable"),
        "MEASure[:SCALar]:VOLTage[:DC]?": _query(lambda device: device.measure("V")),
        "MEASure[:SCALar]:CURRent[:DC]?": _query(lambda device: device.measure("A")),
        "MEASure[:SCALar]:POWer[:DC]?": _query(lambda device: device.measure("W")),
        "MEASure[:SCALar]:ARRay?": _query(lambda device: device.measure_all()),
        "OUTPut[?]": _either(
            lambda device: _on_off(device.port.on), lambda device, text: device.switch(scpi.boolean(text))
        ),
        "SYSTem:LOCK": _set_lock,
        "SYSTem:LOCK:OWNer?": _query(lambda device: device.owner()),
        "SYSTem:ERRor[:NEXT]?": _query(_next_error),
        "SYSTem:ERRor:ALL?": _query(_all_errors),
        "SYSTem:NOMinal:VOLTage?": _nominal("V"),
        "SYSTem:NOMinal:CURRent?": _nominal("A"),
        "SYSTem:NOMinal:POWer?": _nominal("W"),
        "SYSTem:NOMinal:RESistance:MINimum?": _query(lambda device: device.sets["RES"].text(0.0)),
        "SYSTem:NOMinal:RESistance:MAXimum?": _query(
            lambda device: device.sets["RES"].text(device._resistance_maximum)
        ),
        "SYSTem:ALARm:COUNt:OVOLtage?": _count("OVOL"),
        "SYSTem:ALARm:COUNt:OCURrent?": _count("OCUR"),
        "SYSTem:ALARm:COUNt:OPOWer?": _count("OPOW"),
        "SYSTem:ALARm:ACTion:PFAil[?]": _setting("PFA", "AUTO", "OFF"),
        "SYSTem:ALARm:ACTion:OTEMperature[?]": _setting("OTEM", "AUTO", "OFF"),
        "SYSTem:COMMunicate:MONitoring:ACTion[?]": _either(lambda device: _on_off(device._monitored), _monitor),
        "SYSTem:COMMunicate:MONitoring:TIMeout[?]": _either(lambda device: str(device._monitor_time), _monitor_time),
        "SYSTem:CONFig:OUTPut:RESTore[?]": _setting("REST", "AUTO", "OFF"),
        "SYSTem:CONFig:MODe[?]": _setting("MOD", "UIP"),
        "SYSTem:CONFig:CONTroller:SPEed[?]": _setting("SPE", "FAST", "SLOW", "NORMal"),
        "SYSTem:CONFig:USER:TEXT[?]": _either(lambda device: device._user_text, _user_text),
        "POWer:STAGe:AFTer:REMote[?]": _either(
            lambda device: "OFF" if device._off_after_remote else "AUTO", _after_remote
        ),
        "FETCh:AHOur?": _query(lambda device: f"{device._charge['source']:.2f}Ah"),
        "FETCh:WHOur?": _query(lambda device: f"{device._energy['source']:.2f}kWh"),
        "FETCh:SINK:AHOur?": _query(lambda device: f"{device._charge['sink']:.2f}Ah"),
        "FETCh:SINK:WHOur?": _query(lambda device: f"{device._energy['sink']:.2f}kWh"),
    }
)


def _build(settings: Settings, place: Place) -> EaPsb10000:
    return EaPsb10000(place.specimen, clock=place.clock, settling=place.settling, **settings.model_dump())


SIMULATOR = Simulator(
    "ea-psb10000",
    "PSB 10200-420",
    Settings,
    _build,
    ports=(Source,),
    defects=(
        ERROR_QUEUE_FULL,
        *OF_AN_OUTPUT,
        DefectKind("local-mode:<supply>", lambda supply, _defect, _world: supply.take_local()),
        DefectKind("surge:<supply>:<factor>", lambda supply, defect, _world: supply.surge(defect.number(1))),
    ),
)
