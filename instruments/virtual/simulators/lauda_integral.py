"""Simulated LAUDA Integral thermostat with a flow controller: lines that end on CR, CRLF or LFCR, each answered.

A question is answered with a number in a fixed format (`XXX.XX`), a set with `OK`, what cannot be done with `ERR_` and
a number; `_` and blank are the same. Sources: LAUDA's operation manuals of the interface modules LRZ 926 (p19 to p22,
p36) and LRZ 913 (p18 to p26), of Integral IN (p53 to p55) and PRO (p51). Not simulated: external control, programs, the
data logger, RS 485 addresses. What these sources leave open: a unit that an alarm has stopped says OK to START and
stays in standby, until the alarm is gone; low level stops everything; a wrong digit is a syntax error before it is a
wrong value; the powers, flows and volumes of a specimen are the station's.
"""

from collections.abc import Callable
from typing import Any

from pydantic import Field

from instruments.virtual.defects.grammar import DefectKind, Repair
from instruments.virtual.dialect import Instrument
from instruments.virtual.metering import meter_of
from instruments.virtual.ports import Coolant
from instruments.virtual.simulator import Limits, Place, Simulator
from instruments.virtual.simulator import Settings as Base
from models.coolant import Bath, Stream, capacity_flow

BUFFER, COMMAND, SYNTAX, VALUE, ABSENT, CROSSED, NO_PROBE = 2, 3, 5, 6, 8, 32, 33
LONGEST = 64
"""Characters of a message that fit into its buffer."""
LONGEST_WATCHDOG = 60
PT100 = Limits(reading=0.005, offset=0.3)
"""IEC 60751 class B."""
FLOWMETER = Limits(reading=0.02)
"""A magnetic-inductive one."""


class Settings(Base):
    """Temperatures in degC (`temperature`: of the bath at first), powers in W, `volume` of the bath in L.

    `low` and `high` are its working range, `most_flow` (L/min) its flow controller's; `loss` in W/K to the `room`,
    `lag` (s) the time constant of its controller; `probe`: whether an external Pt100 lies in the return; `safe_mode`
    whether that was activated at its panel.
    """

    temperature: float | None = Field(default=None, gt=-273.15)
    low: float = Field(default=-40.0, gt=-273.15)
    high: float = 120.0
    heating: float = Field(default=4000.0, gt=0)
    cooling: float = Field(default=3000.0, gt=0)
    most_flow: float = Field(default=20.0, gt=0)
    volume: float = Field(default=8.0, gt=0)
    loss: float = Field(default=3.0, ge=0)
    room: float = Field(default=25.0, gt=-273.15)
    lag: float = Field(default=60.0, gt=0)
    probe: bool = True
    safe_mode: bool = False


class Refused(Exception):
    """A message that is answered with ERR and a number, the argument."""


class LaudaIntegral(Instrument):
    """One thermostat: its bath, what of it flows, and what it holds.

    `values` are its settings by the number behind `OUT_SP_`, `standby` whether it was stopped, `level` whether there is
    enough in it.
    """

    SWITCHING = ("START", "STOP")

    ends_on = ends_with = b"\r\n"

    def __init__(self, settings: Settings, place: Place) -> None:
        start = place.temperature if settings.temperature is None else settings.temperature
        self._settings, self._specimen = settings, place.specimen
        self.bath = Bath(
            start, volume=settings.volume, heating=settings.heating, cooling=settings.cooling, loss=settings.loss,
            room=settings.room, lag=settings.lag,
        )  # fmt: skip
        self.stream = Stream(start)
        self.ports = (Coolant(place.name, self.stream),)
        self.values = {
            "00": 20.0, "04": settings.high, "05": settings.low, "07": 20.0, "08": 0.0, "09": settings.most_flow / 2,
            "13": 100.0, "14": 0.0,
        }  # fmt: skip
        self.standby, self.full, self.lost_contact, self.locked = True, True, False, False
        self._silent, self._speed = 0.0, 1.0
        self._returning = start
        self._meters = {
            "supply": meter_of(place.specimen, "temperature", PT100, 100.0, 2),
            "return": meter_of(place.specimen, "temperature", PT100, 100.0, 2),
            "flow": meter_of(place.specimen, "flow", FLOWMETER, settings.most_flow, 2),
        }

    # ---- physics ----

    @property
    def running(self) -> bool:
        """Whether pump, heater and refrigerator may run."""
        return not self.standby and self.full and not (self.lost_contact and not self._settings.safe_mode)

    def elapse(self, duration: float) -> None:
        """Let `duration` s pass: what the plate gave comes back to the bath, which is driven on."""
        self._listen_for(duration)
        stream, set_point = self.stream, self.values["00"] if self.running else None
        brought = stream.hand_over()
        carried = capacity_flow(stream.flow) * duration
        self._returning = self.bath.temperature + (brought / carried if carried else 0.0)
        self.bath.heating = self._settings.heating * self.values["13"] / 100
        self.drive(duration, set_point, brought)
        stream.temperature = self.bath.temperature

    def drive(self, duration: float, set_point: float | None, brought: float) -> None:
        """Heat or cool the bath towards a set point by what its own sensor says of it."""
        wrong = self.felt() - self.bath.temperature
        self.bath.step(duration, None if set_point is None else set_point - wrong, brought)

    def felt(self) -> float:
        """What its outflow sensor feels, degC."""
        return self.bath.temperature

    def pumps(self) -> float:
        """L/min that it moves."""
        return self.values["09"] if self.running else 0.0

    def refresh_flow(self) -> None:
        """Let what was switched or set take effect on the flow."""
        self.stream.flow = self.pumps()

    def _listen_for(self, duration: float) -> None:
        """Count the silence, in s of its own time, and act on a line that was lost (LRZ 926 p20)."""
        self._silent += duration / self._speed
        if 0 < self.values["08"] < self._silent and not self.lost_contact:
            self.lost_contact = True
            if self._settings.safe_mode:
                self.values["00"], self.values["13"] = self.values["07"], self.values["14"]
            self.refresh_flow()

    def hasten(self, speed: float) -> None:
        """See `Part.hasten`."""
        self._speed = speed

    # ---- the wire's side ----

    def frames(self, data: bytes) -> tuple[list[bytes], bytes]:
        """CR, CRLF and LFCR end a message."""
        *messages, rest = data.replace(b"\r\n", b"\r").replace(b"\n\r", b"\r").split(b"\r")
        return [message.strip(b"\n") for message in messages], rest.lstrip(b"\n")

    def asks(self, message: str) -> bool:
        """Everything that neither sets nor switches."""
        return not message.upper().startswith(("OUT", *self.SWITCHING))

    def refuse(self) -> str:
        """Answer that the value is not permitted."""
        return f"ERR_{VALUE}"

    def agree(self) -> str:
        """Answer that it is done."""
        return "OK"

    def handle(self, message: str) -> str | None:
        """Answer one message; an empty one is none."""
        self._silent = 0.0
        if not message:
            return None
        try:
            return self._answer(message)
        except Refused as refused:
            return f"ERR_{refused}"

    def _answer(self, message: str) -> str:
        if len(message) > LONGEST:
            raise Refused(BUFFER)
        words = message.strip().upper().replace(" ", "_")
        found = COMMANDS.get(words)
        if found is not None:
            return found(self)
        head, _, value = words.rpartition("_")
        if head.startswith("OUT_SP_") and head[-2:] in self.values:
            self._take(head[-2:], _number(value))
        elif head == "OUT_MODE_00":
            self.locked = bool(_one_of(value, "01"))
        elif head == "OUT_MODE_05":  # flow control is always on in this model
            _one_of(value, "1")
        else:
            raise Refused(COMMAND)
        return self.agree()

    def _take(self, number: str, value: float) -> None:
        """A set value; raises `Refused` for one that is not permitted."""
        low, high = self._allowed(number)
        lower, upper = (value if number == limit else self.values[limit] for limit in ("05", "04"))
        if lower >= upper:
            raise Refused(CROSSED)
        if not low <= value <= high:
            raise Refused(VALUE)
        self.values[number] = value
        if number == "08":
            self.lost_contact = False
        self.refresh_flow()

    def _allowed(self, number: str) -> tuple[float, float]:
        settings, (low, high) = self._settings, (self.values["05"], self.values["04"])
        return {
            "00": (low, high), "07": (low, high), "04": (settings.low, settings.high),
            "05": (settings.low, settings.high), "08": (0.0, LONGEST_WATCHDOG), "09": (0.0, settings.most_flow),
        }.get(number, (0.0, 100.0))  # fmt: skip

    def switch(self, *, on: bool) -> str:
        """START or STOP; one that an alarm holds back says OK as well."""
        self.standby = not on
        self.refresh_flow()
        return self.agree()

    def reading(self, which: str, value: float) -> str:
        """What a meter shows."""
        return _fixed(self._meters[which].read(value))

    def returned(self) -> str:
        """IN_PV_03; without a probe there is nothing to read."""
        if not self._settings.probe:
            raise Refused(NO_PROBE)
        return self.reading("return", self.felt_in_return())

    def felt_in_return(self) -> float:
        """What the external probe feels, degC; standing coolant is that of the bath."""
        return self._returning

    def diagnosis(self) -> str:
        """STAT: error, alarm, warning, over-temperature, low level, high level, external value missing."""
        alarm = not self.full or (self.lost_contact and not self._settings.safe_mode)
        flags = (False, alarm, self.lost_contact and not alarm, False, not self.full, False, False)
        return "".join("01"[flag] for flag in flags)

    @property
    def model(self) -> str:
        """What TYPE tells."""
        return self._specimen.model


def _fixed(value: float) -> str:
    """XXX.XX, or -XXX.XX."""
    return f"{value:07.2f}" if value < 0 else f"{value:06.2f}"


def _number(text: str) -> float:
    """Up to four places before and two behind the point, either of which may be left out (LRZ 926 p19)."""
    whole, _, decimals = text.removeprefix("-").partition(".")
    digits = whole + decimals
    if not (digits.isascii() and digits.isdigit()) or len(whole) > 4 or len(decimals) > 2:
        raise Refused(SYNTAX)
    return float(text)


def _one_of(text: str, allowed: str) -> int:
    if text not in set(allowed):
        raise Refused(VALUE)
    return int(text)


def _held(number: str) -> Callable[[LaudaIntegral], str]:
    return lambda unit: _fixed(unit.values[number])


COMMANDS: dict[str, Callable[[LaudaIntegral], str]] = {
    "TYPE": lambda unit: unit.model,
    "VERSION_R": lambda unit: "3.39",
    "STATUS": lambda unit: "0" if "1" not in unit.diagnosis()[:2] else "-1",
    "STAT": LaudaIntegral.diagnosis,
    "START": lambda unit: unit.switch(on=True),
    "STOP": lambda unit: unit.switch(on=False),
    "IN_PV_00": lambda unit: unit.reading("supply", unit.felt()),
    "IN_PV_01": lambda unit: unit.reading("supply", unit.felt()),
    "IN_PV_03": LaudaIntegral.returned,
    "IN_PV_05": lambda unit: _fixed(6.0 if unit.full else 0.0),
    "IN_PV_07": lambda unit: unit.reading("flow", unit.stream.flow),
    "IN_PV_08": lambda unit: _fixed(unit.bath.power),
    "IN_MODE_00": lambda unit: str(int(unit.locked)),
    "IN_MODE_02": lambda unit: str(int(not unit.running)),
    "IN_MODE_05": lambda unit: "1",
    "IN_MODE_06": lambda unit: str(int(unit.lost_contact and unit._settings.safe_mode)),
    **{f"IN_SP_{number}": _held(number) for number in ("00", "04", "05", "07", "08", "09", "13", "14")},
}


# ---- what can be wrong with one ----


def _run_away(unit: LaudaIntegral, rate: float) -> Repair:
    """The bath warms by `rate` K/s whatever is asked: a heater's relay that sticks."""

    def drive(duration: float, _set_point: float | None, _brought: float) -> None:
        unit.bath.temperature += rate * duration

    return unit.swap("drive", lambda _healthy: drive)


def _lie(unit: LaudaIntegral, rate: float) -> Repair:
    """The bath warms by `rate` K/s and its sensor shows the set point."""
    stop = _run_away(unit, rate)
    tell = unit.swap("felt", lambda _healthy: lambda: unit.values["00"])

    def end() -> None:
        stop()
        tell()

    return end


def _stick(unit: LaudaIntegral, temperature: float | None) -> Repair:
    """The bath stays at its temperature, or at a given one, whatever is asked; it says nothing of that."""
    at = unit.bath.temperature if temperature is None else temperature

    def drive(_duration: float, _set_point: float | None, _brought: float) -> None:
        unit.bath.temperature = at

    return unit.swap("drive", lambda _healthy: drive)


def _reverse(unit: LaudaIntegral) -> Repair:
    """The outflow sensor goes the other way round from the temperature it has now, and its controller believes it."""
    start = unit.bath.temperature
    return unit.swap("felt", lambda _healthy: lambda: 2 * start - unit.bath.temperature)


def _mislead(unit: LaudaIntegral, kelvin: float) -> Repair:
    """The probe in the return reads so many K wrong."""
    return unit.swap("felt_in_return", lambda healthy: lambda: healthy() + kelvin)


def _empty(unit: LaudaIntegral) -> Repair:
    """There is too little in it: it stops everything and says so. Ends when it is filled."""

    def level(full: object) -> None:
        unit.full = bool(full)
        unit.refresh_flow()

    return unit.lasting.thing("level", lambda: True, level, lambda _full: False)


def _stand_still(unit: LaudaIntegral) -> Repair:
    """The pump's impeller has come loose: nothing flows, and nothing says so but the flow."""
    repair = unit.swap("pumps", lambda _healthy: lambda: 0.0)
    unit.refresh_flow()

    def end() -> None:
        repair()
        unit.refresh_flow()

    return end


def _choke(unit: LaudaIntegral, share: float) -> Repair:
    """A hose is bent: only a share of the flow is left."""
    repair = unit.swap("pumps", lambda healthy: lambda: share * healthy())
    unit.refresh_flow()

    def end() -> None:
        repair()
        unit.refresh_flow()

    return end


def _switch_off(unit: LaudaIntegral) -> Repair:
    """Somebody puts it into standby at its panel."""
    return _panel(unit, on=False)


def _panel(unit: LaudaIntegral, *, on: bool) -> Repair:
    """Somebody has switched it at its panel, which somebody undoes when it ends."""
    was = not unit.standby
    return unit.lasting.thing("switch", lambda: was, lambda now: unit.switch(on=now), lambda _was: on)


def _switch_on(unit: LaudaIntegral, temperature: float) -> Repair:
    """Somebody has switched it on at its panel, to a temperature."""
    ends = _set_by_hand(unit, temperature), _panel(unit, on=True)

    def end() -> None:
        for each in ends:
            each()

    return end


def _set_by_hand(unit: LaudaIntegral, temperature: float) -> Repair:
    """Somebody sets another temperature at its panel."""
    return unit.lasting.item(unit.values, "00", lambda _before: temperature)


def _defect(form: str, act: Callable[[LaudaIntegral, Any], Repair]) -> DefectKind:
    return DefectKind(form, lambda part, defect, _world: act(part, defect), "coolant unit")


DEFECTS = (
    _defect("coolant-empty", lambda unit, _: _empty(unit)),
    _defect("coolant-pump-stopped", lambda unit, _: _stand_still(unit)),
    _defect("coolant-hose-bent:<share left>", lambda unit, defect: _choke(unit, defect.number(0))),
    _defect("coolant-stuck[:<degC>]", lambda unit, defect: _stick(unit, defect.number(0) if defect.parts else None)),
    _defect("coolant-runaway:<K/h>", lambda unit, defect: _run_away(unit, defect.number(0) / 3600)),
    _defect("coolant-lies:<K/h>", lambda unit, defect: _lie(unit, defect.number(0) / 3600)),
    _defect("coolant-sensor-reversed", lambda unit, _: _reverse(unit)),
    _defect("coolant-return-wrong:<K>", lambda unit, defect: _mislead(unit, defect.number(0))),
    _defect("coolant-off", lambda unit, _: _switch_off(unit)),
    _defect("coolant-on:<degC>", lambda unit, defect: _switch_on(unit, defect.number(0))),
    _defect("coolant-set-by-hand:<degC>", lambda unit, defect: _set_by_hand(unit, defect.number(0))),
)


def _build(settings: Settings, place: Place) -> LaudaIntegral:
    return LaudaIntegral(settings, place)


SIMULATOR = Simulator("lauda-integral", "INT", Settings, _build, ports=(Coolant,), defects=DEFECTS)
