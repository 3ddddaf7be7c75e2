"""The driver: Keysight (formerly Agilent) B2985A/B and B2987A/B, electrometers with a voltage source of 1 kV.

Declared in `pyproject.toml`, group `packbench.drivers`, name `keysight-b2985`. The instrument listens on TCP port 5025
for SCPI: `TCPIP0::<host>::5025::SOCKET`.

Commands, ranges and answers are those of the *Keysight B2980 Series SCPI Command Reference* as the public driver of
the family has them (PyMeasure, `agilentB298x.py`, and the transcripts of its tests); the manual's own page numbers were
not at hand. Tried on the simulator only.

How it is wired: the source over a resistor in the test lead (`series_resistance`) to the poles of the pack, joined; the
case of the pack to the ammeter. So the current tells both what leaks and what is left on the insulation once the source
is at 0 V: the residual voltage is that of the resistor. Without the resistor nothing but the source's own 1 mA (1000 V
range) would limit a breakdown, and nothing would tell of the residual voltage. A lead that is open tells of none
either: whoever touches the pack measures first.
"""

from contextlib import suppress
from math import inf, isnan, nan

from packbench import (
    Channel,
    ErrorQueue,
    InstrumentFault,
    LinkContext,
    LinkProfile,
    Setting,
    VisaDriver,
)

from insulation_bench.role import CHANNELS, TOUCHABLE

HIGHEST = 1000.0
"""V of the source's upper range; its lower one ends at 20 V, above which the interlock must be closed."""
VOLTAGE = Setting("test voltage", ":SOUR:VOLT", "V")
STATE = ":OUTP?;:SOUR:VOLT?;:MEAS:CURR?"
"""One message, so that the three answers belong to one instant (IEEE 488.2: answers are joined by semicolons)."""


class KeysightB2985(VisaDriver):
    """One instrument as `insulation_bench.role.InsulationTester`.

    `series_resistance` (Ohm) is in the test lead, `highest` (V) is what leads and pack may see, at most the source's
    1000 V. When its output is off the source stays connected at 0 V (`:OUTP:OFF:MODE ZERO`) and so discharges the
    pack's insulation; in its other modes it lets go of it, charged as it is.
    """

    profile = LinkProfile(error_queue=ErrorQueue(query=":SYST:ERR?"))

    def __init__(
        self,
        resource: str,
        context: LinkContext,
        *,
        name: str,
        gap: float | None = None,
        timeout: float | None = None,
        series_resistance: float = 1e6,
        highest: float = HIGHEST,
    ) -> None:
        if not 0 < series_resistance < inf:
            raise ValueError(f"{name}: series_resistance {series_resistance!r} must be above 0 Ohm.")
        if not 0 < highest <= HIGHEST:
            raise ValueError(f"{name}: highest {highest!r} must be above 0 and at most {HIGHEST:g} V.")
        super().__init__(resource, context, name=name, gap=gap, timeout=timeout)
        self._in_the_lead, self._highest = float(series_resistance), float(highest)
        self._used = False

    @property
    def highest_test_voltage(self) -> float:
        """See `InsulationTester`."""
        return self._highest

    @property
    def channels(self) -> tuple[Channel, ...]:
        """`resistance` Ohm, `test voltage` V, `leakage current` A."""
        return CHANNELS

    def request(self) -> None:
        """Measure now."""
        self._session.request(STATE)

    def collect(self) -> list[float]:
        """Resistance, nan while the output is off; voltage across the insulation; current through it."""
        on, volts, amps = self._session.numbers(STATE, self._session.collect(), 3, separator=";")
        across = (volts if on else 0.0) - amps * self._in_the_lead
        return [_ohms(across, amps) if on else nan, across, amps]

    def apply_test_voltage(self, voltage: float) -> None:
        """See `InsulationTester`; also raises `InstrumentFault` where the interlock is open."""
        VOLTAGE.check(self.name, voltage, at_most=self._highest)
        self._session.in_one_piece(lambda: self._program(voltage))

    def test_voltage_off(self) -> None:
        """See `InsulationTester`."""
        with self._session.switching_off():
            # In this order: whoever used it before may have left it in a mode that lets go of what is charged.
            for message in (":OUTP:OFF:MODE ZERO", ":INP 1", ":SOUR:VOLT 0", ":OUTP 0"):
                self._session.write(message)

    def test_voltage_is_off(self) -> bool:
        """See `InsulationTester`. What is left can be measured once the ammeter was connected, as OFF does."""
        output, ammeter = self._session.numbers(":OUTP?;:INP?", self._session.query(":OUTP?;:INP?"), 2, separator=";")
        if output:
            return False
        amps = self._session.query_number(":MEAS:CURR?") if ammeter else 0.0
        # Written so that a current that cannot be read (nan) is not taken for none.
        return abs(amps) * self._in_the_lead < TOUCHABLE

    def _program(self, voltage: float) -> None:
        self._used = True
        with self._session.lock:
            if self._session.query_number(":SYST:INT:TRIP?"):
                raise InstrumentFault(
                    f"{self.name} has an open interlock and puts on no more than 20 V; close the cover of the fixture"
                )
            for message in (":OUTP:OFF:MODE ZERO", ":FUNC 'CURR'", f":SOUR:VOLT:RANG {HIGHEST:g}", ":INP 1"):
                self._session.write(message)
            VOLTAGE.program(self._session, voltage, at_most=HIGHEST)
            self._session.write(":OUTP 1")
            if not self._session.query_number(":OUTP?"):
                why = "; ".join(self._session.errors()) or "its error queue says nothing"
                raise InstrumentFault(f"{self.name} did not put its test voltage on ({why}); check its interlock")

    def _farewell(self) -> None:
        """Off, where it may be on; the link is closed all the same, and who needs it off reads it back."""
        if self._used:
            with suppress(InstrumentFault):
                self.test_voltage_off()


def _ohms(volts: float, amps: float) -> float:
    """More than can be measured where nothing flows."""
    return volts / amps if amps > 0 else nan if isnan(amps) else inf
