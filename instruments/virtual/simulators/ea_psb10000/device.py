"""What a PSB 10000 does around its power stage: who has control of it, what its status registers say, its errors.

Pages are those of the vendor's programming guide (PGMBEN rev. 24, 2023-05-15); for the interface monitor, the manual of
the ELR 10000 (33200840).
"""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from instruments.virtual.defects.grammar import Repair
from instruments.virtual.dialect import ErrorQueue, Instrument, StatusRegister
from instruments.virtual.ports import Source
from instruments.virtual.scpi import Fault, ScpiError
from instruments.virtual.simulator import Specimen
from instruments.virtual.simulators.ea_psb10000.stage import PowerStage
from instruments.virtual.terminals import OperatingPoint, Regulation, Settling, StuckSupplyPort, SupplyPort

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

INVALID_IN_LOCAL = -201

REMOTE, OUTPUT_ON = 1 << 10, 1 << 11
CTO, CV, CC, CP, SINKING = (1 << bit for bit in (7, 8, 9, 10, 12))
REGULATION = {Regulation.OFF: 0, Regulation.VOLTAGE: CV, Regulation.CURRENT: CC, Regulation.POWER: CP}


class Device(PowerStage, Instrument):
    """One specimen but for the language that it is spoken to in.

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
        super().__init__(specimen, voltage=voltage, current=current, power=power)
        self._source = Source(self)
        self.ports = (self._source,)
        self.hangs_up_after = idle_close or None
        self._specimen, self.clock, self.settling = specimen, clock, settling
        self.user_text = ""
        self.errors = ErrorQueue(5, ERRORS)
        self.questionable, self.operation, self.second = StatusRegister(), StatusRegister(), StatusRegister()
        self.event_status, self.event_enable, self.service_enable = 0x80, 0, 0
        self.remote = self._local = False
        self.off_after_remote = True
        self.monitored, self.monitor_time, self.heard = False, 5, 0.0
        self._timed_out = False
        self.words = {"SPE": "SLOW", "REST": "OFF", "PFA": "OFF", "OTEM": "AUTO", "MOD": "UIP"}
        """Settings that are kept and read back."""

    # ---- the world's side ----

    def observe(self, point: OperatingPoint) -> bool:
        """Take note of what the terminals settled at; True when a protection has switched the output off."""
        was_on = self.port.on
        self.protect(point)
        self.update_registers()
        return was_on and not self.port.on

    def elapse(self, duration: float) -> None:
        """Let `duration` s pass at the present operating point: counters run, the interface monitor watches."""
        if self.port.on:
            self.count(duration)
        if self.remote and self.monitored and self.clock() - self.heard > self.monitor_time:
            # The monitor watches whoever has remote control, and takes it away (ELR 10000 manual, 3.5.3.3).
            self._timed_out = True
            self.lock(remote=False)

    def update_registers(self) -> None:
        """Have the conditions of the status registers say what is so."""
        questionable, operation = self.alarms, CTO if self._timed_out else 0
        if self.remote:
            questionable |= REMOTE
        if self.port.on:
            questionable |= OUTPUT_ON
            operation |= REGULATION[self.point.regulation] | (SINKING if self.point.supply < 0 else 0)
        # Nothing latches where nothing changes, as in nearly every step.
        if questionable != self.questionable.condition:
            self.questionable.update(questionable)
        if operation != self.operation.condition:
            self.operation.update(operation)

    # ---- who has control ----

    def status_byte(self) -> int:
        """STB (p41): 0 second QUES, 2 error queue, 3 QUES, 5 ESR, 6 master summary, 7 OPER."""
        byte = 0x01 * self.second.summary | 0x04 * bool(self.errors) | 0x08 * self.questionable.summary
        byte |= 0x20 * bool(self.event_status & self.event_enable) | 0x80 * self.operation.summary
        return byte | 0x40 * bool(byte & self.service_enable)

    def require_remote(self) -> None:
        """Raise for a command that changes something while the device is not in remote control (p38, p39)."""
        if self._local:
            raise ScpiError(INVALID_IN_LOCAL, "local")
        if not self.remote:
            raise ScpiError(Fault.SETTINGS_CONFLICT, "not in remote control")

    def lock(self, remote: bool) -> None:
        """Take or leave remote control (p49); what the output does then is `POW:STAG:AFT:REM` (p58)."""
        if remote and self._local:
            raise ScpiError(INVALID_IN_LOCAL, "local")
        if not remote and self.off_after_remote:
            self.port.on = False
        self.remote = remote
        self.update_registers()

    def owner(self) -> str:
        """Who controls the device (p49)."""
        return "REMOTE" if self.remote else "LOCAL" if self._local else "NONE"

    def take_local(self) -> Repair:
        """A defect: somebody works at the front panel; the output stays as it is. How it is ended."""
        self.remote, self._local = False, True
        self.update_registers()

        def leave() -> None:
            self._local = False

        return self.lasting.until_the_last("local", leave)

    def press_local(self) -> None:
        """A defect: somebody presses LOCAL and lets go: the output stays as it is, and nobody has control."""
        self.take_local()()
        self.update_registers()

    def set_by_hand(self, voltage: float, current: float) -> Repair:
        """A defect: somebody has set V and A at the panel and left. They stay until somebody sets others."""
        self.sets["VOLT"].present, self.sets["CURR"].present = voltage, current
        self.apply()
        return lambda: None

    def switch_by_hand(self, voltage: float, current: float) -> Repair:
        """A defect: somebody sets V and A at the panel and presses ON. How it is ended: OFF."""
        self.set_by_hand(voltage, current)
        self.switch(on=True)
        return self.lasting.until_the_last("switched by hand", lambda: self.switch(on=False))

    # ---- what can be wrong with it ----

    def stay_on(self) -> Repair:
        """A defect: once on, the power stage cannot be switched off, and says so. How it is ended."""
        self._source.replace(StuckSupplyPort(**_set_points(self.port)))
        return self.lasting.until_the_last(
            "stays on", lambda: self._source.replace(SupplyPort(**_set_points(self.port)))
        )

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

        calm = self.swap("apply", rise)
        self.apply()

        def end() -> None:
            calm()
            self.apply()

        return end

    def trip(self) -> Repair:
        """A defect: an over-voltage alarm without a cause; it stands until it is acknowledged. How it is ended."""
        self.raise_over_voltage()
        self.update_registers()
        return self.lasting.until_the_last("alarm", self.acknowledge)

    def complain(self, number: int) -> None:
        """Queue an error."""
        self.errors.push(number)
        self.event_status |= 0x20 if number > -200 else 0x10

    def refuse(self) -> None:
        """Queue an execution error."""
        self.complain(-200)

    # ---- what commands do ----

    def switch(self, on: bool) -> None:
        """Switch the DC output. Refused while an alarm has not been acknowledged."""
        super().switch(on)
        self.update_registers()

    def acknowledge(self) -> None:
        """Clear the alarms whose cause is gone: what reading the error queue does on this device (p42, p50)."""
        super().acknowledge()
        self._timed_out = False
        self.update_registers()

    def reset(self) -> None:
        """`*RST` (p40): remote control, output off, alarms and status registers cleared."""
        self.start_anew()
        self.remote, self._timed_out = True, False
        self.update_registers()
        self.questionable.take_event()
        self.operation.take_event()

    def clear_status(self) -> None:
        """`*CLS` (p40): errors, STB and ESR."""
        self.errors.clear()
        self.event_status = 0
        self.questionable.take_event()
        self.operation.take_event()

    @property
    def identity(self) -> str:
        """What it answers when asked who it is (p39)."""
        firmware = "V2.14 14.05.2018 V2.24 04.06.2018 V1.6.5"  # the form of p39: three parts and their dates
        words = ["EA Elektro-Automatik GmbH&Co.KG", self._specimen.model, self._specimen.serial_number, firmware]
        return ", ".join(words + [self.user_text] * bool(self.user_text))


def _set_points(port: SupplyPort) -> dict[str, Any]:
    return {each.name: getattr(port, each.name) for each in fields(SupplyPort)}
