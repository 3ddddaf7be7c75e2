"""The power stage of a PSB 10000: what it regulates to, what it protects, what it measures and counts.

Pages are those of the vendor's programming guide (PGMBEN rev. 24, 2023-05-15).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from instruments.virtual import scpi
from instruments.virtual.metering import meter_of
from instruments.virtual.scpi import Fault, ScpiError
from instruments.virtual.simulator import Limits, Specimen
from instruments.virtual.terminals import OperatingPoint, SupplyPort

SET_LIMIT = 1.02  # of nominal, p45
PROTECTION_LIMIT = 1.10  # of nominal, p51

OVP, OCP, OPP, OVD, UVD, OCD, UCD, OPD = (1 << bit for bit in (0, 1, 2, 4, 5, 6, 7, 8))
TRIPS = OVP | OCP | OPP
SMALL = 30.0
"""Rating below which all five digits are shown: 20 A to 1 mA, 30 A to 10 mA (PSB 9000 3U manual, 1.9.6.4)."""
SHEET = {
    "V": ("voltage", Limits(range=0.0005)),
    "A": ("current", Limits(range=0.001)),
    "W": ("power", Limits(range=0.001)),
}
"""Limits of error at 23 ± 5 °C: 0.05 % of the rated voltage, 0.1 % of the rated current (data sheet; assumed)."""
COUNTED = {"OVOL": OVP, "OCUR": OCP, "OPOW": OPP}


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


class PowerStage:
    """One specimen's, with its ratings in V, A and W. `port` is what it tries to do; `point` is what became of that."""

    def __init__(self, specimen: Specimen, *, voltage: float, current: float, power: float) -> None:
        self.nominal = {"V": voltage, "A": current, "W": power}
        self.port = SupplyPort()
        self.point = OperatingPoint()
        """What the terminals have settled at."""
        self.alarms = self._causes = 0
        self.counters = dict.fromkeys(COUNTED, 0)
        self.charge = {"source": 0.0, "sink": 0.0}
        """Ah."""
        self.energy = {"source": 0.0, "sink": 0.0}
        """kWh."""
        self._make_values()
        self._meters = {
            unit: meter_of(specimen, quantity, sheet, self.nominal[unit], self.decimals(unit))
            for unit, (quantity, sheet) in SHEET.items()
        }

    def _make_values(self) -> None:
        rated = {"VOLT": "V", "CURR": "A", "POW": "W", "SINK:CURR": "A", "SINK:POW": "W"}
        self.sets = {name: self._value(unit, 0.0, SET_LIMIT) for name, unit in rated.items()}
        self.sets["POW"].present, self.sets["SINK:POW"].present = self.nominal["W"], self.nominal["W"]
        self.sets["RES"] = Value(0.0, 0.0, self.resistance_maximum, "OHM", 3)
        self.sets["SINK:RES"] = Value(0.0, 0.0, self.resistance_maximum, "OHM", 3)
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
        self.apply()

    @property
    def resistance_maximum(self) -> float:
        """Ohm."""
        return 30.0 * self.nominal["V"] / self.nominal["A"]

    def _value(self, unit: str, fraction: float, limit: float) -> Value:
        nominal = self.nominal[unit]
        return Value(fraction * nominal, 0.0, limit * nominal, unit, self.decimals(unit))

    def decimals(self, unit: str) -> int:
        """Five digits on the display, at most two of them behind the point; all five of the smallest ratings."""
        digits = max(0, 5 - len(str(int(self.nominal[unit]))))
        return digits if self.nominal[unit] < SMALL else min(2, digits)

    def protect(self, point: OperatingPoint) -> None:
        """Take note of what the terminals settled at, and switch off where a protection or a supervision wants it."""
        self.point = point
        causes = self._find_causes(point)
        tripped = causes & ~self.alarms & TRIPS
        if tripped:
            for name, bit in COUNTED.items():
                self.counters[name] += bool(tripped & bit)
        self._causes = causes
        self.alarms |= causes
        if causes and self.port.on and self._switching(causes):
            self.port.on = False

    def count(self, duration: float) -> None:
        """Let `duration` s pass at the present operating point."""
        hours, supply = duration / 3600, self.point.supply
        direction = "source" if supply > 0 else "sink"
        self.charge[direction] += abs(supply) * hours
        self.energy[direction] += abs(supply * self.point.voltage) * hours / 1000

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
        deadly = TRIPS
        for event in self.supervisions.values():
            deadly |= event.bit if event.action == "ALAR" else 0
        return causes & deadly

    def apply(self) -> None:
        """Hand the set values to the port."""
        port, sets = self.port, self.sets
        port.voltage, port.source_current, port.source_power = (sets[name].present for name in ("VOLT", "CURR", "POW"))
        port.sink_current, port.sink_power = sets["SINK:CURR"].present, sets["SINK:POW"].present

    def switch(self, on: bool) -> None:
        """Switch the DC output. Refused while an alarm has not been acknowledged."""
        if on and self._switching(self.alarms):
            raise ScpiError(Fault.SETTINGS_CONFLICT, "alarm not acknowledged")
        self.port.on = on

    def acknowledge(self) -> None:
        """Clear the alarms whose cause is gone."""
        self.alarms &= self._causes

    def start_anew(self) -> None:
        """Off, and without alarms but for an over-voltage that is still there (`*RST`, p40)."""
        self.port.on = False
        self.alarms = self._causes & OVP

    def raise_over_voltage(self) -> None:
        """Have an over-voltage alarm without a cause."""
        self.alarms |= OVP
        self.counters["OVOL"] += 1
        self.port.on = False

    def shown(self, unit: str) -> str:
        """Print a measured value; negative current and power belong to sink mode (p48)."""
        point = self.point
        value = point.voltage if unit == "V" else point.supply if unit == "A" else point.supply * point.voltage
        if unit != "V" and not self.port.on:
            value = 0.0
            return f"{value:.{self.decimals(unit)}f}{unit}"
        return self._meters[unit].text(value) + unit
