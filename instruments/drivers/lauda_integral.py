"""LAUDA Integral process thermostats with a flow controller (IN ... XT FC, or XT with MID), on a serial line.

A message is a line of text, each is answered: a question with a number, a set with `OK` or `ERR_` and a number. Facts
from LAUDA's operation manuals of the interface modules LRZ 926 (Q4DA-E_13-021: p19 syntax, p20 and 21 monitoring of the
communication, p22 pump and flow) and LRZ 913 (Q4DA-E_13-012: p18 RS 232, p22 rights and status, p24 write commands, p26
START and STOP), of the Integral IN (V6: p53 protocol and example, p55 heating output restriction) and of the PRO (V6:
p51 errors). The commands that set the heating output restriction and the timeout are the counterparts of those that
read them (IN_SP_13, IN_SP_08); the page that has them was not at hand. Tried on the simulator only.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from math import ceil, floor, inf, isfinite, nan
from typing import Any

from instruments.accuracy import Accuracy, DataSheet
from instruments.driver import Setting, VisaDriver
from instruments.roles import (
    COOLANT_CHANNELS,
    CoolantAlarm,
    Identity,
    InstrumentFault,
    InstrumentRefusal,
    SetPointRejected,
)
from instruments.wires.context import LinkContext
from instruments.wires.links import LinkProfile

TEMPERATURE = Setting("coolant temperature", "OUT_SP_00", "degC")
FLOW = Setting("coolant flow", "OUT_SP_09", "L/min")
HEATING = Setting("heating output restriction", "OUT_SP_13", "%")
LOWEST, HIGHEST = Setting("lower limit TiL", "OUT_SP_05", "degC"), Setting("upper limit TiH", "OUT_SP_04", "degC")
WATCHDOG = Setting("communication timeout", "OUT_SP_08", "s")
WATCHDOG_RANGE = 1, 60
"""s that the communication monitoring can be set to (Integral IN p55)."""
_DIGIT = 0.0051
"""By which a value may differ that is kept with two decimals."""
SHEET = "LAUDA Integral IN: outflow temperature shown to 0.01 K"

REFUSALS = {
    "ERR_2": "the message was too long for it",
    "ERR_3": "it does not know that command",
    "ERR_5": "it did not understand the value",
    "ERR_6": "the value is not permitted",
    "ERR_8": "it has no such module or value; is its flow controller connected",
    "ERR_31": "its set point comes from its analogue input",
    "ERR_32": "its upper limit would not lie above its lower one",
    "ERR_33": "it has no external temperature probe",
    "ERR_36": "its programmer is running",
    "ERR_38": "it is in its Safe Mode, in which that cannot be changed",
}
"""PRO p51 and MC p43; what else it may say stands in its own manual."""
_ERROR, _ALARM, _TOO_HOT, _LOW_LEVEL = 0, 1, 3, 4
"""Places in the answer to STAT (LRZ 913 p22)."""
WORDS = {
    CoolantAlarm.NONE: "",
    CoolantAlarm.LOW_LEVEL: "low level",
    CoolantAlarm.TOO_HOT: "over-temperature",
    CoolantAlarm.OTHER: "an alarm, its text is only on the panel",
    CoolantAlarm.SWITCHED_OFF: "it was switched off at its panel",
}


class LaudaIntegral(VisaDriver):
    """A thermostat that pumps coolant at a controlled flow, as `CoolantUnit`.

    `flow_limit` (L/min) is the largest flow of its flow controller, which it does not tell; `return_probe` whether its
    external Pt100 lies in the return; `rest_temperature` (degC) what it cools to at rest. Heating is held off by its
    heating output restriction, at which pump and refrigerator go on; in standby everything stands.
    """

    profile = LinkProfile(write_termination="\r\n", read_termination="\r\n", timeout=3.0, baud_rate=9600)
    channels = COOLANT_CHANNELS

    def __init__(  # noqa: PLR0913 - what stands behind `*` has a default and a name
        self,
        resource: str,
        context: LinkContext,
        *,
        name: str,
        gap: float | None = None,
        timeout: float | None = None,
        flow_limit: float = 20.0,
        return_probe: bool = True,
        rest_temperature: float = 20.0,
        baud_rate: int = 9600,
    ) -> None:
        if not flow_limit > 0:
            raise ValueError(f"{name}: flow_limit {flow_limit!r} is no flow; give the L/min of its flow controller.")
        if not isfinite(rest_temperature):
            raise ValueError(f"{name}: rest_temperature {rest_temperature!r} is no temperature; give degC.")
        profile = replace(self.profile, baud_rate=baud_rate)
        super().__init__(resource, context, name=name, gap=gap, timeout=timeout, profile=profile)
        self._flow_limit, self._return_probe, self._rest = flow_limit, return_probe, rest_temperature
        self._watched = False
        self._asked, self._asked_flow = nan, 0.0

    @classmethod
    def data_sheet(cls, model: str, options: Mapping[str, Any]) -> DataSheet:
        """Its resolution; how well it measures stands on its calibration certificate, the Pt100 class B until then."""
        pt100 = Accuracy(reading=0.005, offset=0.3, resolution=0.01, source=SHEET)
        return {"supply": (pt100,), "return": (pt100,)}

    def identify(self) -> Identity:
        """Ask for its type and the software of its controller; it tells no serial number here."""
        return Identity("LAUDA", self._ask("TYPE"), "", self._ask("VERSION_R"))

    @cached_property
    def temperature_range(self) -> tuple[float, float]:
        """Limits of its outflow, TiL and TiH, degC."""
        return self._number("IN_SP_05"), self._number("IN_SP_04")

    @property
    def flow_range(self) -> tuple[float, float]:
        """From a twentieth of its flow controller's largest flow on, L/min."""
        return self._flow_limit / 20, self._flow_limit

    def protect_coolant(self, lowest: float, highest: float) -> tuple[float, float]:
        """Set TiL and TiH, whole degC: towards each other, so that the one never comes to lie above the other.

        Raises `SetPointRejected` for limits between which nothing lies.
        """
        if not -inf < lowest < highest < inf:
            raise SetPointRejected(
                f"{self.name}: from {lowest:g} to {highest:g} degC there is no range for its supply; nothing was sent, "
                "give two temperatures of which the first is the lower one"
            )
        low, high = self.temperature_range
        for setting, value, held in (
            (LOWEST, max(ceil(lowest), low), low), (HIGHEST, min(floor(highest), high), high),
        ):  # fmt: skip
            if value != held:
                self._set(setting, value, f"{value:.0f}")
        self._forget()
        return self.temperature_range

    def request(self) -> None:
        """Ask for the supply's temperature; it answers one question at a time, so the others follow that."""
        self._session.request("IN_PV_00")

    def collect(self) -> tuple[float, float, float, float, float, float]:
        """Supply, return, what was asked for, flow and what was asked for, alarm."""
        supply = self._session.number("IN_PV_00", self._accepted("IN_PV_00", self._session.collect()))
        back = self._number("IN_PV_03") if self._return_probe else nan
        flow, alarm = self.flow(), self._alarm()
        if alarm is CoolantAlarm.NONE and self._asked_flow and not flow and self._stands_by():
            alarm = CoolantAlarm.SWITCHED_OFF
        return supply, back, self._asked, flow, self._asked_flow, float(alarm)

    def set_temperature(self, temperature: float) -> None:
        """Set the outflow temperature, let it heat again, and start it if it stands by; all of it is read back."""
        low, high = self.temperature_range
        TEMPERATURE.check(self.name, temperature, high, low)
        self._session.in_one_piece(lambda: self._condition(temperature))
        self._asked = temperature

    def _condition(self, temperature: float) -> None:
        self._set(TEMPERATURE, temperature, f"{temperature:.2f}")
        self._set(HEATING, 100.0, "100")
        if self._stands_by():
            self.pump(on=True)
        self._asked_flow = self._number("IN_SP_09")

    def set_flow(self, flow: float) -> None:
        """Set the flow and have it controlled: at once where the pump is on, else once it is."""
        low, high = self.flow_range
        FLOW.check(self.name, flow, high, low)
        self._set(FLOW, flow, f"{flow:.2f}")
        if self._asked_flow:
            self._asked_flow = flow

    def pump(self, *, on: bool) -> None:
        """START, or STOP: then pump, heater and refrigerator stand (LRZ 913 p26)."""
        self._ask("START" if on else "STOP")
        stands = self._stands_by()
        if stands == on:
            raise self._fault_of_the_pump("does not start" if on else "does not stop")
        self._asked_flow = self._number("IN_SP_09") if on else 0.0
        if not on:
            self._asked = nan

    def temperature(self) -> float:
        """Of the outflow, degC."""
        return self._number("IN_PV_00")

    def flow(self) -> float:
        """L/min, as its flow controller measures it."""
        return self._number("IN_PV_07")

    def coolant_rest(self) -> None:
        """Restrict the heater to nothing, set the rest temperature, start the pump.

        A unit that does not let its heater be restricted is stopped, pump and all. A pump that an alarm holds back is
        not complained of here: the heater stands as well. At rest it needs no computer, so its monitoring ends.
        """
        self._asked, self._asked_flow = nan, 0.0
        with self._session.switching_off():
            try:
                self._ask(f"{HEATING.command}_0")
            except InstrumentFault:
                self._ask("STOP")
                raise
            self._ask(f"{TEMPERATURE.command}_{self._rest:.2f}")
            self._ask("START")
            self._leave_alone()
            if self._stands_by() and not self.alarm():
                raise self._fault_of_the_pump("stands")

    def coolant_is_resting(self) -> bool:
        """Read back standby, or the heating output restriction."""
        return self._stands_by() or self._number("IN_SP_13") == 0.0

    def alarm(self) -> str:
        """What STAT says, in words."""
        return WORDS[self._alarm()]

    def arm_watchdog(self, silence: float) -> float:
        """Arm its communication monitoring (LRZ 926 p20), whole seconds rounded up: any message keeps it quiet.

        When it runs out everything stands (alarm 22); a unit whose Safe Mode was activated at its panel goes on at the
        rest temperature instead.
        """
        least, most = WATCHDOG_RANGE
        seconds = WATCHDOG.rounded_up(self.name, silence, most, least)
        self._ask(f"OUT_SP_07_{self._rest:.2f}")
        self._set(WATCHDOG, seconds, f"{seconds}")
        self._watched = True
        return float(seconds)

    def _forget(self) -> None:
        self.__dict__.pop("temperature_range", None)

    def _farewell(self) -> None:
        """Let it be silent."""
        if self._watched:
            self._leave_alone()

    def _leave_alone(self) -> None:
        self._ask(f"{WATCHDOG.command}_0")
        self._watched = False

    def _alarm(self) -> CoolantAlarm:
        """The worst that the error diagnosis tells; warnings are none."""
        said = self._ask("STAT")
        if len(said) != 7 or set(said) - {"0", "1"}:
            raise self._session.unexpected("STAT", said, "seven digits, each 0 or 1, were expected")
        for place, alarm in (
            (_LOW_LEVEL, CoolantAlarm.LOW_LEVEL), (_TOO_HOT, CoolantAlarm.TOO_HOT),
            (_ERROR, CoolantAlarm.OTHER), (_ALARM, CoolantAlarm.OTHER),
        ):  # fmt: skip
            if said[place] == "1":
                return alarm
        return CoolantAlarm.NONE

    def _stands_by(self) -> bool:
        said = self._ask("IN_MODE_02")
        if said not in {"0", "1"}:
            raise self._session.unexpected("IN_MODE_02", said, "0 (on) or 1 (standby) was expected")
        return said == "1"

    def _set(self, setting: Setting, value: float, text: str) -> None:
        """Send a value and read it back by the question of the same number; raises `SetPointRejected`."""
        try:
            self._ask(f"{setting.command}_{text}")
        except InstrumentRefusal as refused:
            raise SetPointRejected(str(refused)) from refused
        held = self._number(setting.command.replace("OUT", "IN"))
        if not abs(held - value) <= _DIGIT:
            raise setting.refused(self._session, value, held)

    def _number(self, message: str) -> float:
        return self._session.number(message, self._ask(message))

    def _ask(self, message: str) -> str:
        return self._accepted(message, self._session.query(message))

    def _accepted(self, message: str, reply: str) -> str:
        """An answer that is no refusal; a set must be answered with OK. Raises `InstrumentFault`."""
        said = reply.strip()
        if said.startswith("ERR"):
            why = REFUSALS.get(said, "its manual says what that means")
            raise InstrumentRefusal(
                f"{self.name} answered {said!r} to {message!r}: {why}; check its panel and the station file"
            )
        if message.startswith(("OUT", "START", "STOP")) and said != "OK":
            raise self._session.unexpected(message, reply, "OK was expected")
        return said

    def _fault_of_the_pump(self, what: str) -> InstrumentFault:
        said = self.alarm() or "it reports no alarm"
        return InstrumentFault(f"{self.name}: its pump {what} ({said}); fill it, look at its panel and its hoses")
