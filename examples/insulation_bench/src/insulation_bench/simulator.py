"""The simulator: the same electrometers, in front of the insulation of the pack of the virtual world.

Declared in `pyproject.toml`, group `packbench.simulators`, name `keysight-b2985`. It shares nothing with the driver
but the grammar of SCPI. What it answers follows the *Keysight B2980 Series SCPI Command Reference* as public code has
it (see the driver); where that says nothing the numbers of its errors are those of SCPI-1999.

The insulation is a resistance, which a BMS sees as well, with the Y capacitors between pack and case beside it:

    source (0 V when off) -- resistor in the test lead -- poles of the pack == leak and capacitors == case -- ammeter
"""

from collections.abc import Callable
from math import exp, inf
from types import MappingProxyType

from packbench.simulation import (
    Call,
    DefectKind,
    ErrorQueue,
    Fault,
    Grammar,
    Instrument,
    Meter,
    Place,
    Port,
    Property,
    Repair,
    ScpiError,
    Settings,
    Simulator,
    Specimen,
    Surroundings,
    boolean,
    choice,
    number,
    string,
)
from pydantic import Field

LEAK = "insulation"
"""The property of the world: the resistance from the pack to its case, Ohm. The BMS of a station measures it too."""
WITHOUT_INTERLOCK = 21.0
"""V that the source puts on with its interlock open."""
NOT_A_NUMBER = "+9.910000E+37"
"""SCPI-1999, volume 1, 7.2.1.5."""
MICRO = 1e-6

ERRORS = {
    0: "No error",
    -102: "Syntax error",
    -108: "Parameter not allowed",
    -109: "Missing parameter",
    -113: "Undefined header",
    -120: "Numeric data error",
    -131: "Invalid suffix",
    -200: "Execution error",
    -221: "Settings conflict",
    -222: "Data out of range",
    -224: "Illegal parameter value",
}


class TesterSettings(Settings):
    """`insulation` Ohm leaks from the pack to its case, where the BMS of the station does not say so already.

    `capacitance` F are its Y capacitors, `series_resistance` Ohm is in the test lead.
    """

    insulation: float | None = Field(default=None, gt=0)
    capacitance: float = Field(default=1e-7, gt=0, le=1e-3)
    series_resistance: float = Field(default=1e6, gt=0)


class TestLead(Port):
    """Where it touches the world: whoever looks on from outside sees whether a test voltage is on."""

    kind = "test lead"
    __test__ = False

    def __init__(self, name: str, is_on: Callable[[], bool]) -> None:
        self._name, self._is_on = name, is_on

    def join(self, world: Surroundings) -> None:
        """Be seen."""
        world.others[self._name] = self._is_on


class B2985(Instrument):
    """One electrometer. `volts` V are on the insulation, `output` is whether its source is told to be on."""

    SWITCHING = (":OUTP",)
    QUANTITIES = MappingProxyType({"current": "current"})

    def __init__(self, settings: TesterSettings, place: Place, leak: Property) -> None:
        self._specimen: Specimen = place.specimen
        self._lead, self._capacitance, self._leak = settings.series_resistance, settings.capacitance, leak
        self._meters = {"current": Meter.drawn(place.specimen.random, place.specimen.accuracy, 1.0, 6)}
        """Of the ammeter, in uA."""
        self.errors = ErrorQueue(10, ERRORS, '{:+d},"{}"')
        self.ports = (TestLead(place.name, lambda: self.output and self.level > WITHOUT_INTERLOCK),)
        self.volts, self.interlock_open = 0.0, False
        self.reset()

    def reset(self) -> None:
        """`*RST`: the source is off and lets go of what it has charged, the ammeter is disconnected."""
        self.output, self.input, self.level, self.range, self.off_mode = False, False, 0.0, 20.0, "NORM"
        self.function = "CURR"

    def handle(self, message: str) -> str | None:
        """Act on one message; a unit in error is queued and the rest of the message dropped."""
        replies = []
        for unit in GRAMMAR.parse(message):
            try:
                if isinstance(unit, ScpiError):
                    raise unit
                reply = unit.target(self, unit)
            except ScpiError as error:
                self.errors.push(error.number if error.number in ERRORS else Fault.UNDEFINED_HEADER)
                break
            if reply is not None:
                replies.append(reply)
        return ";".join(replies) if replies else None

    def refuse(self) -> None:
        """Queue an execution error."""
        self.errors.push(-200)

    def identity(self) -> str:
        """The four fields of `*IDN?`."""
        return f"Keysight Technologies,{self._specimen.model},{self._specimen.serial_number},3.4.2016.1004"

    def elapse(self, duration: float) -> None:
        """Charge or discharge the insulation over what is connected to it."""
        final, through = self._settles_at()
        self.volts = final + (self.volts - final) * exp(-duration / (through * self._capacitance))

    @property
    def current(self) -> float:
        """A out of the source; negative while the insulation discharges into it."""
        return (self._source - self.volts) / self._lead if self._connected else 0.0

    @property
    def _connected(self) -> bool:
        return self.output or self.off_mode == "ZERO"

    @property
    def _source(self) -> float:
        return self.level if self.output else 0.0

    def _settles_at(self) -> tuple[float, float]:
        """V that the insulation comes to, and the resistance (Ohm) over which it does."""
        leak = self._leak.value
        if not self._connected:
            return 0.0, leak
        if leak == inf:
            return self._source, self._lead
        return self._source * leak / (leak + self._lead), self._lead * leak / (leak + self._lead)

    def read_current(self) -> str:
        """What the ammeter shows; no number while it is disconnected."""
        return f"{self._meters['current'].read(self.current / MICRO) * MICRO:+.6E}" if self.input else NOT_A_NUMBER

    def switch(self, on: bool) -> None:
        """Source on or off; above 21 V it stays off with an open interlock, and complains."""
        if on and self.interlock_open and abs(self.level) > WITHOUT_INTERLOCK:
            raise ScpiError(Fault.SETTINGS_CONFLICT, "interlock")
        self.output = on

    def set_level(self, volts: float) -> None:
        """V of the source, within its range."""
        if not abs(volts) <= self.range * (1.05 if self.range == 20.0 else 1.0):
            raise ScpiError(Fault.OUT_OF_RANGE, f"{volts:g}")
        self.level = volts

    def open_interlock(self) -> Repair:
        """A defect: somebody opens the cover, and the source goes off by itself. How it is ended."""
        close = self.lasting.attribute(self, "interlock_open", lambda _open: True)
        if abs(self.level) > WITHOUT_INTERLOCK:
            self.output = False
        return close

    def stay_on(self) -> Repair:
        """A defect: the source takes OFF, and 0 V, and does neither. How it is ended."""
        keeps = self.swap("switch", lambda healthy: lambda on: healthy(on or self.output))
        level = self.swap("set_level", lambda healthy: lambda volts: None if self.output else healthy(volts))

        def repair() -> None:
            keeps()
            level()

        return repair

    def switch_by_hand(self, volts: float) -> Repair:
        """A defect: somebody has put a test voltage on at the panel. How it is ended."""
        self.range, self.level, self.output = 1000.0, volts, True
        return self.lasting.until_the_last("by hand", lambda: self.switch(False))

    def discharge_slowly(self, factor: float) -> Repair:
        """A defect: so many times the capacitance hangs between pack and case. How it is ended."""
        return self.lasting.attribute(self, "_capacitance", lambda before: before * factor)

    def leak(self, ohms: float) -> Repair:
        """A defect of the pack: whoever measures its insulation sees it. How it is ended."""
        return self._leak.change(ohms)


Handler = Callable[[B2985, Call[object]], str | None]


def _output(tester: B2985, call: Call[object]) -> str | None:
    if call.query:
        return str(int(tester.output))
    tester.switch(boolean(call.only()))
    return None


def _input(tester: B2985, call: Call[object]) -> str | None:
    if call.query:
        return str(int(tester.input))
    tester.input = boolean(call.only())
    return None


def _off_mode(tester: B2985, call: Call[object]) -> str | None:
    if call.query:
        return tester.off_mode
    tester.off_mode = choice(call.only(), "ZERO", "HIZ", "NORMal")
    return None


def _level(tester: B2985, call: Call[object]) -> str | None:
    if call.query:
        return f"{tester.level:+.6E}"
    tester.set_level(number(call.only(), "V"))
    return None


def _range(tester: B2985, call: Call[object]) -> str | None:
    if call.query:
        return f"{tester.range:+.6E}"
    tester.range = 20.0 if number(call.only(), "V", minimum=-1000, maximum=1000, default=20.0) <= 20 else 1000.0
    return None


def _function(tester: B2985, call: Call[object]) -> str | None:
    if call.query:
        return f'"{tester.function}"'
    tester.function = choice(string(call.only()), "CURRent", "CHARge", "VOLTage", "RESistance")
    return None


def _resistance(tester: B2985, _call: Call[object]) -> str:
    """V of the source over the current: the resistor in the lead is none of the instrument's."""
    amps = float(tester.read_current())
    return f"{tester.level / amps:+.6E}" if tester.output and 0 < amps < 1 else NOT_A_NUMBER


def _clear(tester: B2985, _call: Call[object]) -> None:
    tester.errors.clear()


def _reset(tester: B2985, _call: Call[object]) -> None:
    tester.reset()


GRAMMAR: Grammar[Handler] = Grammar(
    {
        "*IDN?": lambda tester, _call: tester.identity(),
        "*RST": _reset,
        "*CLS": _clear,
        "*OPC?": lambda _tester, _call: "1",
        "SYSTem:ERRor[:NEXT]?": lambda tester, _call: tester.errors.pop(),
        "SYSTem:INTerlock:TRIPped?": lambda tester, _call: str(int(tester.interlock_open)),
        "OUTPut[:STATe][?]": _output,
        "OUTPut:OFF:MODE[?]": _off_mode,
        "INPut[:STATe][?]": _input,
        "SOURce:VOLTage[:LEVel][:IMMediate][:AMPLitude][?]": _level,
        "SOURce:VOLTage:RANGe[?]": _range,
        "[SENSe]:FUNCtion[?]": _function,
        "MEASure:CURRent?": lambda tester, _call: tester.read_current(),
        "MEASure:RESistance?": _resistance,
    }
)


def _build(settings: TesterSettings, place: Place) -> B2985:
    see, bring = place.properties.see, place.properties.bring
    if settings.insulation is None:
        return B2985(settings, place, see(LEAK, "Ohm", by=place.name, absent=inf))
    leak = bring(LEAK, "Ohm", by=place.name, default=settings.insulation, value=settings.insulation)
    return B2985(settings, place, leak)


SIMULATOR = Simulator(
    "keysight-b2985",
    "B2985B",
    TesterSettings,
    _build,
    ports=(TestLead,),
    defects=(
        DefectKind("leak:<Ohm>", lambda tester, defect, _world: tester.leak(defect.number(0)), "insulation tester"),
        DefectKind("interlock-opens:<tester>", lambda tester, _defect, _world: tester.open_interlock()),
        DefectKind("test-voltage-stays-on:<tester>", lambda tester, _defect, _world: tester.stay_on()),
        DefectKind(
            "test-voltage-by-hand:<tester>:<V>", lambda tester, defect, _world: tester.switch_by_hand(defect.number(1))
        ),
        DefectKind(
            "discharge-slow:<tester>:<factor>", lambda tester, defect, _world: tester.discharge_slowly(defect.number(1))
        ),
    ),
)
