"""ESPEC climatic chambers with a P300 or SCP-220 controller, on a serial line (RS-232C, RS-485).

A message is a line of text, on RS-485 with the chamber's address before it; a command is answered with `OK:` and what
it was, or with `NA:` and why not. Facts from ESPEC's "User's Manual, Communication Function RS-485" (4013304025610, 1.3
and 3.2) and from ESPEC North America's ChamberConnectLibrary (p300.py, especinteract.py). Tried on the simulator only.
"""

from dataclasses import replace
from functools import cached_property

from instruments.driver import Setting, VisaDriver
from instruments.roles import CHAMBER_AIR, Identity, InstrumentFault, InstrumentRefusal, SetPointRejected
from instruments.wires.context import LinkContext
from instruments.wires.links import LinkProfile
from instruments.wires.numbers import check_whole

SET_POINT = Setting("air temperature", "TEMP, S", "degC")
_DECIMAL = 0.051
"""K by which a set point may differ that is kept with one decimal."""
BAUD_RATE = 19200
"""As ChamberConnectLibrary's README opens a P300; the controller's own setting counts."""

RESTING = frozenset({"OFF", "STANDBY"})
"""Modes in which nothing is conditioned; the others are CONSTANT and RUN (a program)."""

REFUSALS = {
    "CMD ERR": "it does not know that command",
    "ADDR ERR": "that address is another chamber's",
    "CONT NOT READY": "its controller has no such function, or not in this state",
    "CHB NOT READY": "it cannot do that in its present state",
    "DATA NOT READY": "there is no such program",
    "PARA ERR": "it did not understand the parameter",
    "DATA OUT OF RANGE": "the value is outside what it accepts",
    "PROTECT ON": "it is protected against changes at its panel",
    "INVALID REQ": "it does not have that option",
}
"""What stands behind `NA:` (especinteract.py); some are followed by a number."""


class EspecP300(VisaDriver):
    """A chamber in constant mode as `ClimateChamber`.

    `address` is its number on RS-485 (1 to 16), None on RS-232C, where there is none; `baud_rate` is its panel's.
    It has no ramp in constant mode: one that is asked for is refused, as it would be left out otherwise. Set points are
    accepted inside the temperature limits of its panel. `close` leaves the chamber as it is.
    """

    profile = LinkProfile(write_termination="\r\n", read_termination="\r\n", gap=0.3, timeout=5.0)
    channels = CHAMBER_AIR

    def __init__(
        self,
        resource: str,
        context: LinkContext,
        *,
        name: str,
        gap: float | None = None,
        timeout: float | None = None,
        address: int | None = None,
        baud_rate: int = BAUD_RATE,
    ) -> None:
        if address is not None:
            check_whole(name, "address", address)
            if not 1 <= address <= 16:
                raise ValueError(f"{name}: address {address!r} is outside 1 to 16; leave it out on RS-232C.")
        self._prefix = "" if address is None else f"{address},"
        profile = replace(self.profile, baud_rate=baud_rate)
        super().__init__(resource, context, name=name, gap=gap, timeout=timeout, profile=profile)

    def identify(self) -> Identity:
        """Ask for its type (sensors, controller, highest temperature) and its software; it tells no serial number."""
        kind = self._ask("TYPE?").split(",")
        if len(kind) not in {3, 4}:
            raise self._unexpected("TYPE?", ",".join(kind), "sensors, controller and highest temperature were expected")
        return Identity("ESPEC", f"{kind[-2]} {kind[-1]} degC", "", self._ask("ROM?"))

    @cached_property
    def temperature_range(self) -> tuple[float, float]:
        """Temperature limits of its panel, degC."""
        _, _, high, low = self._temperatures("TEMP?", self._ask("TEMP?"))
        return low, high

    def request(self) -> None:
        """Ask for temperature and set point."""
        self._session.request(f"{self._prefix}TEMP?")

    def collect(self) -> tuple[float, float]:
        """Air and set point, degC."""
        air, set_point, _, _ = self._temperatures("TEMP?", self._accepted("TEMP?", self._session.collect()))
        return air, set_point

    def set_temperature(self, temperature: float, ramp: float | None = None) -> None:
        """Drive the air to `temperature` degC as fast as the chamber can; raises `SetPointRejected` for a ramp."""
        if ramp is not None:
            raise SetPointRejected(
                f"{self.name}: a ramp of {ramp:g} K/min was asked for, and a P300 has none in constant mode; nothing "
                "was sent, leave the ramp out or use another chamber"
            )
        low, high = self.temperature_range
        SET_POINT.check(self.name, temperature, high, low)
        self._session.in_one_piece(lambda: self._drive(temperature))

    def _drive(self, temperature: float) -> None:
        self._ask(f"TEMP, S{temperature:.1f}")
        _, held, _, _ = self._temperatures("TEMP?", self._ask("TEMP?"))
        if not abs(held - temperature) <= _DECIMAL:
            raise SET_POINT.refused(self._session, temperature, held)
        mode = self._mode()
        if mode == "OFF":
            self._ask("POWER,ON")
            mode = self._mode()
        if mode != "CONSTANT":
            self._ask("MODE,CONSTANT")
            mode = self._mode()
        if mode != "CONSTANT":
            raise InstrumentFault(f"{self.name} is in mode {mode} when it was told CONSTANT; look at its panel")

    def chamber_rest(self) -> None:
        """Stop conditioning: standby."""
        with self._session.switching_off():
            self._ask("MODE,STANDBY")

    def chamber_is_resting(self) -> bool:
        """Read back the mode."""
        return self._mode() in RESTING

    def alarm(self) -> str:
        """Return the first active alarm by its number; what it means stands in the chamber's manual."""
        count, *numbers = self._ask("ALARM?").split(",")
        if count.strip() == "0":
            return ""
        return f"alarm {numbers[0].strip()}" if numbers else "an alarm stands, its number is only on the panel"

    def _forget(self) -> None:
        self.__dict__.pop("temperature_range", None)

    def _mode(self) -> str:
        return self._ask("MODE?").strip()

    def _temperatures(self, message: str, reply: str) -> list[float]:
        """Air, set point, upper and lower limit, degC."""
        return self._session.numbers(message, reply, 4)

    def _ask(self, message: str) -> str:
        return self._accepted(message, self._session.query(f"{self._prefix}{message}"))

    def _accepted(self, message: str, reply: str) -> str:
        """An answer that is no refusal; what is no question must be answered with OK. Raises `InstrumentFault`."""
        if reply.startswith("NA"):
            reason = reply.partition(":")[2].strip()
            why = next(
                (text for start, text in REFUSALS.items() if reason.startswith(start)), "no reason that is known"
            )
            raise InstrumentRefusal(
                f"{self.name} answered {reply!r} to {message!r}: {why}; check mode, limits and its panel"
            )
        if "?" not in message and not reply.startswith("OK"):
            raise self._unexpected(message, reply, "OK: was expected")
        return reply

    def _unexpected(self, message: str, reply: str, why: str) -> InstrumentFault:
        return self._session.unexpected(message, reply, why)
