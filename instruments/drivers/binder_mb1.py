"""BINDER climatic chambers with an MB1 controller (MK, MKF), over Modbus RTU on a serial line or an XPort (TCP 10001).

Registers and flags of the "BINDER Interface Technical Specifications" (Art. 7001-0242, 2.11.7) as public driver code
quotes them: ovenctl of Solarflare, basil of Bonn (`binder_mk53.py`), and code of Prague for an MKFT 115. Where they
differ is said. Alarms are at addresses that ovenctl has found by trying. Tried on the simulator only.
"""

from math import nan

from instruments.driver import Setting, VisaDriver
from instruments.roles import CHAMBER_AIR, Identity, InstrumentFault, SetPointRejected
from instruments.wires.context import LinkContext
from instruments.wires.links import LinkProfile
from instruments.wires.modbus import ModbusRtu, Registers, check_unit

AIR, SET_POINT = 0x11A9, 0x1077
"""Floats, read only: process value 1, and the set point that is in force."""
SET_POINTS = 0x1581, 0x156F
"""Floats: which of the two is that of manual mode and which that of basic mode, ovenctl and Prague say the opposite; so
both are written, as ovenctl and basil do."""
MODE = 0x1A22
"""Flags of the mode, 0 for idle; writing one of them begins it."""
BASIC, MANUAL, PROGRAM = 0x1000, 0x0800, 0x0400
ALARM, ALARM_TEXT = 0x123D, 0x1228
TEXT_LENGTH = 20
"""Registers of the alarm's text, one character in each."""

EXCEPTIONS = {
    1: "it does not know that function",
    2: "it has no such parameter",
    3: "the value is outside its range",
    4: "it is not ready",
    5: "it denies writing to that parameter",
}
"""Error codes (as basil has them)."""
NOT_READY = frozenset({4, 6})
"""Those that mean "later": its own, and Modbus's for whoever stands between (an XPort)."""

_TEMPERATURE = Setting("air temperature", f"0x{SET_POINTS[0]:04X}", "degC")


class BinderMb1(VisaDriver):
    """A chamber in manual mode as `ClimateChamber`.

    `unit` is its Modbus address; `low` and `high` degC are its rated range (of an MK 53), which it does not tell.
    It has no ramp in manual mode: one that is asked for is refused, as it would be left out otherwise. Nor does it say
    what it is. The air is measured in every scan; the set point is read back when it is set and once at the first scan.
    `close` leaves the chamber as it is.
    """

    profile = LinkProfile(gap=0.01, timeout=2.0, baud_rate=9600, framing=ModbusRtu)
    channels = CHAMBER_AIR

    def __init__(
        self,
        resource: str,
        context: LinkContext,
        *,
        name: str,
        gap: float | None = None,
        timeout: float | None = None,
        unit: int = 1,
        low: float = -40.0,
        high: float = 180.0,
    ) -> None:
        if not low < high:
            raise ValueError(f"{name}: low {low!r} is not below high {high!r}; give the rated range, degC.")
        check_unit(name, unit)
        super().__init__(resource, context, name=name, gap=gap, timeout=timeout)
        self._registers = Registers(self._session, unit, word_order="little", exceptions=EXCEPTIONS, busy=NOT_READY)
        self._range = low, high
        self._set_point: float | None = None

    def identify(self) -> Identity:
        """Ask for its mode: it answers, and tells no more of itself."""
        self._mode()
        return Identity("BINDER", "MB1", "", "")

    @property
    def temperature_range(self) -> tuple[float, float]:
        """Rated range, degC."""
        return self._range

    def request(self) -> None:
        """Ask for the air temperature."""
        self._session.in_one_piece(self._start_scan)

    def _start_scan(self) -> None:
        if self._set_point is None:
            self._set_point = self._registers.read_float(SET_POINT)
        self._registers.request(AIR, 2)

    def collect(self) -> tuple[float, float]:
        """Air and set point, degC; `nan` for a set point that was being changed meanwhile and is not known."""
        air = self._registers.as_float(self._registers.collect())
        return air, nan if self._set_point is None else self._set_point

    def set_temperature(self, temperature: float, ramp: float | None = None) -> None:
        """Drive the air to `temperature` degC as fast as the chamber can; raises `SetPointRejected` for a ramp."""
        if ramp is not None:
            raise SetPointRejected(
                f"{self.name}: a ramp of {ramp:g} K/min was asked for, and an MB1 has none in manual mode; nothing was "
                "sent, leave the ramp out or use another chamber"
            )
        low, high = self._range
        _TEMPERATURE.check(self.name, temperature, high, low)
        self._session.in_one_piece(lambda: self._drive(temperature))

    def _drive(self, temperature: float) -> None:
        self._set_point = None
        for address in SET_POINTS:
            self._registers.write_float(address, temperature)
        if not self._mode() & MANUAL:
            self._registers.write(MODE, MANUAL)
        mode = self._mode()
        if not mode & MANUAL:
            raise InstrumentFault(
                f"{self.name} is in mode 0x{mode:04X} when it was told 0x{MANUAL:04X}; look at its panel"
            )
        held = self._registers.read_float(SET_POINT)
        if not abs(held - temperature) <= 0.01:
            raise _TEMPERATURE.refused(self._session, temperature, held)
        self._set_point = held

    def chamber_rest(self) -> None:
        """Leave every mode: idle."""
        with self._session.switching_off():
            self._registers.write(MODE, 0)

    def chamber_is_resting(self) -> bool:
        """Read back that it is in no mode that conditions."""
        return not self._mode() & (BASIC | MANUAL | PROGRAM)

    def alarm(self) -> str:
        """Return the text on its panel where an alarm is active, empty when there is none."""
        if not self._registers.read(ALARM)[0]:
            return ""
        text = "".join(chr(word & 0xFF) for word in self._registers.read(ALARM_TEXT, TEXT_LENGTH))
        return text.replace("\0", " ").strip() or "an alarm stands, its text is only on the chamber's panel"

    def _forget(self) -> None:
        self._set_point = None

    def _mode(self) -> int:
        return self._registers.read(MODE)[0]
