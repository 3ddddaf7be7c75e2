"""Eastron SDM630-Modbus three-phase energy meters, over Modbus RTU on RS-485.

Registers of its user manual V1.6B (1.2.1 input registers, function 4; 1.3.1 holding registers, function 3), as far as
its public pages quote them: parameters are floats in two registers, the high word first, and one message asks for 40
of them at most. Serial number and meter code are at the addresses that public code has. Tried on the simulator only.
"""

from collections.abc import Mapping
from math import nan
from typing import Any

from instruments.accuracy import Accuracy, DataSheet
from instruments.driver import VisaDriver
from instruments.roles import GRID_METER_CHANNELS, Identity
from instruments.wires.context import LinkContext
from instruments.wires.links import LinkProfile
from instruments.wires.modbus import ModbusRtu, Registers, check_unit

VOLTS, POWER, FREQUENCY = 0x0000, 0x0034, 0x0046
"""Input registers: 30001, 30003 and 30005 volts of the phases, 30053 total system power, 30071 frequency."""
COUNT = FREQUENCY + 2
"""Registers that one message asks for, from the first on: fewer than the 80 that it gives at most."""
SERIAL, METER_CODE = 0xFC00, 0xFC02
"""Holding registers: its serial number in two, and 0x0070 for an SDM630."""
CONNECTED = 1.0
"""V from which on a phase is one: what it does not measure reads 0."""


class EastronSdm630(VisaDriver):
    """A meter at a house's connection, as `GridMeter`; import is positive, `unit` its Modbus address."""

    profile = LinkProfile(gap=0.06, timeout=1.0, baud_rate=9600, framing=ModbusRtu)
    channels = GRID_METER_CHANNELS
    phases = 3

    def __init__(
        self,
        resource: str,
        context: LinkContext,
        *,
        name: str,
        gap: float | None = None,
        timeout: float | None = None,
        unit: int = 1,
    ) -> None:
        check_unit(name, unit)
        super().__init__(resource, context, name=name, gap=gap, timeout=timeout)
        self._inputs = Registers(self._session, unit, inputs=True)
        self._holding = Registers(self._session, unit)

    @classmethod
    def data_sheet(cls, model: str, options: Mapping[str, Any]) -> DataSheet:
        """Its manual: 0.5 % of the voltage, 0.2 % of mid-frequency, 1 % of the active power."""
        source = "user manual V1.6B, accuracy"
        return {
            "mains voltage": (Accuracy(reading=0.005, source=source),),
            "mains frequency": (Accuracy(reading=0.002, source=source),),
            "connection power": (Accuracy(reading=0.01, offset=5.0, source=f"{source}; offset assumed", assumed=True),),
        }

    def identify(self) -> Identity:
        """Ask for its serial number and its meter code."""
        high, low, code = self._holding.read(SERIAL, 3)
        return Identity(
            "Eastron", "SDM630" if code == 0x0070 else f"meter code 0x{code:04X}", str(high << 16 | low), ""
        )

    def request(self) -> None:
        """Ask for all that a scan wants, in one message."""
        self._inputs.request(VOLTS, COUNT)

    def collect(self) -> tuple[float, float, float]:
        """V (mean of the phases that there are), Hz, W."""
        words = self._inputs.collect()

        def at(address: int) -> float:
            return self._inputs.as_float(words[address : address + 2])

        phases = [volts for volts in map(at, range(VOLTS, VOLTS + 6, 2)) if volts > CONNECTED]
        return sum(phases) / len(phases) if phases else nan, at(FREQUENCY), at(POWER)
