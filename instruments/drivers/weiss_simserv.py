"""Weiss and Vötsch climate chambers with S!MPAC, over the SimServ protocol (TCP 2049).

A message is a command number, the chamber's index and up to four arguments, parted by 0xB6 and ended by CR;
each is answered with a code (1: done) and data. Facts from public driver code; what they leave open is said
where it matters. Tried on the simulator only.
"""

from functools import cached_property
from math import nan

from instruments.driver import Setting, VisaDriver
from instruments.roles import CHAMBER_AIR, Identity, InstrumentFault, InstrumentRefusal
from instruments.wires.context import LinkContext
from instruments.wires.links import LinkProfile
from instruments.wires.numbers import parse_number

_PART = "\xb6"
_CHAMBER = 1
_TEMPERATURE = 1  # index of the control variable
_MANUAL_MODE = 1  # index of the digital output that runs the chamber; its own outputs start at 2

SET_POINT = Setting("air temperature", "11001", "degC")
RAMP = Setting("ramp", "11068", "K/min")

REFUSALS = {
    "-5": "it does not know that command",
    "-6": "it did not accept the arguments",
    "-8": "it could not read the data",
}


class WeissSimServ(VisaDriver):
    """A chamber in manual mode as `ClimateChamber`.

    SimServ has no remote control to be taken or lost, and answers every set with a code: one that is refused raises.

    The air is measured in every scan; the set point is read back when it is set and once at the first scan,
    not in every one. A ramp of 0 K/min means as fast as it can. `close` leaves the chamber as it is: what it
    does at the end of a run is the bench's decision.
    """

    profile = LinkProfile(write_termination="\r", read_termination="\r\n", encoding="latin-1", timeout=5.0)
    channels = CHAMBER_AIR
    _set_point: float | None
    _ramp: float | None

    def __init__(
        self,
        resource: str,
        context: LinkContext,
        *,
        name: str,
        gap: float | None = None,
        timeout: float | None = None,
    ) -> None:
        super().__init__(resource, context, name=name, gap=gap, timeout=timeout)
        self._ask_air = _message("11004", _TEMPERATURE)
        self._forget()

    def identify(self) -> Identity:
        """Ask what it is (99997): kind (1), serial number (3), controller version (5)."""
        kind, serial_number, version = (_optional(self, which) for which in (1, 3, 5))
        if not kind:
            raise InstrumentFault(f"{self.name} does not tell what it is (99997); check that it is a SimServ chamber")
        return Identity("Weiss Technik", kind, serial_number, version)

    @cached_property
    def temperature_range(self) -> tuple[float, float]:
        """Input limits of the controller, degC."""
        return self._number("11007", _TEMPERATURE), self._number("11009", _TEMPERATURE)

    def request(self) -> None:
        """Ask for the air temperature."""
        self._session.in_one_piece(self._start_scan)

    def _start_scan(self) -> None:
        if self._set_point is None:
            self._set_point = self._number("11002", _TEMPERATURE)
        self._session.request(self._ask_air)

    def collect(self) -> tuple[float, float]:
        """Air and set point, degC; `nan` for a set point that was being changed meanwhile and is not known."""
        reply = self._session.collect()
        code, _, data = reply.partition(_PART)
        if code != "1":
            raise self._refused(self._ask_air, reply)
        return self._session.number(self._ask_air, data), nan if self._set_point is None else self._set_point

    def set_temperature(self, temperature: float, ramp: float | None = None) -> None:
        """Drive the air to `temperature` degC at `ramp` K/min up or down; starts manual mode when idle."""
        low, high = self.temperature_range
        SET_POINT.check(self.name, temperature, high, low)
        rate = 0.0 if ramp is None else ramp
        RAMP.check(self.name, rate, 100.0)
        self._session.in_one_piece(lambda: self._drive(temperature, rate))

    def _drive(self, temperature: float, rate: float) -> None:
        self._set_ramp(rate)
        self._ask("11001", _TEMPERATURE, f"{temperature:.1f}")
        self._set_point = None
        held = self._number("11002", _TEMPERATURE)
        if not abs(held - temperature) <= 0.051:  # it keeps one decimal
            raise SET_POINT.refused(self._session, temperature, held)
        self._set_point = held
        if self.chamber_is_resting():
            self._ask("14001", _MANUAL_MODE, "1")

    def chamber_rest(self) -> None:
        """Leave manual mode: fans and compressor idle."""
        with self._session.switching_off():
            self._ask("14001", _MANUAL_MODE, "0")

    def chamber_is_resting(self) -> bool:
        """Read back the status: 1 idle, 3 running."""
        return not self._status() & 2

    def alarm(self) -> str:
        """Return the text of the first active alarm, empty when there is none."""
        if not self._status() & 8:
            return ""
        for message in range(1, self._whole("17002") + 1):
            is_alarm = self._whole("17005", message) == 1
            if is_alarm and self._whole("17009", message) == 1:
                return self._ask("17007", message)
        return "an alarm stands, its text is only on the chamber's panel"

    def _forget(self) -> None:
        self._set_point = None
        self._ramp = None

    def _status(self) -> int:
        """Status bits: 2 running, 4 warning, 8 alarm."""
        return self._whole("10012")

    def _set_ramp(self, rate: float) -> None:
        if rate == self._ramp:
            return
        self._ramp = None
        for command in ("11068", "11072"):  # upwards, downwards
            self._ask(command, _TEMPERATURE, f"{rate:g}")
        self._ramp = rate

    def _number(self, command: str, *arguments: object) -> float:
        data = self._ask(command, *arguments)
        try:
            return parse_number(data)
        except ValueError as error:
            raise self._session.unexpected(_message(command, *arguments), data, str(error)) from error

    def _whole(self, command: str, *arguments: object) -> int:
        value = self._number(command, *arguments)
        return self._session.whole(_message(command, *arguments), f"{value:g}", value)

    def _ask(self, command: str, *arguments: object) -> str:
        message = _message(command, *arguments)
        reply = self._session.query(message)
        code, _, data = reply.partition(_PART)
        if code != "1":
            raise self._refused(message, reply)
        return data.strip()

    def _refused(self, message: str, reply: str) -> InstrumentFault:
        code = reply.partition(_PART)[0]
        why = REFUSALS.get(code, "1 would mean done")
        readable = message.replace(_PART, " ")
        return InstrumentRefusal(f"{self.name} answered {code} to {readable!r}: {why}; check model and option")


def _message(command: str, *arguments: object) -> str:
    return _PART.join((command, str(_CHAMBER), *map(str, arguments)))


def _optional(chamber: WeissSimServ, which: int) -> str:
    """One entry of the chamber's own description; some controllers have not all of them, and say so."""
    try:
        return chamber._ask("99997", which)
    except InstrumentRefusal:
        return ""
