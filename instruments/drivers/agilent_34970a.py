"""Agilent/Keysight 34970A and 34972A: thermocouples on a scanner.

Facts from the family's SCPI (CONF:TEMP, TEMP:TRAN:TC:CHEC, ROUT:SCAN, READ?). A scan takes about 17 ms per channel,
which is why it is asked for before and collected after all other instruments. Tried on the simulator only.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from instruments.accuracy import Accuracy, DataSheet
from instruments.driver import VisaDriver
from instruments.roles import Channel, InstrumentFault
from instruments.wires.context import LinkContext
from instruments.wires.links import ErrorQueue, LinkProfile

READING_TIME = 0.1
"""s that a channel takes at most: about 21 ms at 1 PLC, as much again for autozero, and again for the resistance of the
thermocouple, which is its check, and the relay that selects it.
Whoever integrates longer gives the link a `timeout` of its own; while a scan is waited for the guard sees nothing."""

CHECK = "TEMP:TRAN:TC:CHEC"

SHEET = (
    "Agilent, 34970A specifications: one year at 18 to 28 °C, ITS-90 and reference junction included, the probe's own "
    "error not; that much was read there, the table of types was not at hand"
)
LESS_SENSITIVE = frozenset("BRS")
"""Types of thermocouple with ±1.2 K, where the others have ±1.0 K."""


class Agilent34970a(VisaDriver):
    """A list of thermocouple channels as `TemperatureLogger`.

    `channels` are the instrument's own numbers, slot first (101 is slot 1, channel 1), scanned in rising
    order; `thermocouple` is its type. The scan list is written once, before the first scan, and read back.
    An open sensor reads 9.9E+37 and becomes `nan`: that needs the thermocouple check, which is off after power-on (an
    open input then reads some temperature or other). It is switched on with the scan list, and read back.
    """

    profile = LinkProfile(error_queue=ErrorQueue())

    def __init__(
        self,
        resource: str,
        context: LinkContext,
        *,
        name: str,
        gap: float | None = None,
        timeout: float | None = None,
        channels: Sequence[int] = (101,),
        thermocouple: str = "K",
    ) -> None:
        numbers = tuple(channels) if isinstance(channels, Sequence) else ()
        if not numbers or list(numbers) != sorted({n for n in numbers if isinstance(n, int) and 101 <= n <= 322}):
            raise ValueError(f"{name}: channels {channels!r} must be rising numbers from 101 to 322, in a list.")
        if thermocouple not in tuple("BEJKNRST"):
            raise ValueError(f"{name}: thermocouple {thermocouple!r} must be one of B, E, J, K, N, R, S, T.")
        patience = self.profile.timeout + READING_TIME * len(numbers) if timeout is None else timeout
        super().__init__(resource, context, name=name, gap=gap, timeout=patience)
        self._channels = tuple(
            Channel(f"sensor {number}", "temperature", "degC") for number in range(1, len(numbers) + 1)
        )
        self._list = f"(@{','.join(map(str, numbers))})"
        self._thermocouple = thermocouple
        self._forget()

    @classmethod
    def data_sheet(cls, model: str, options: Mapping[str, Any]) -> DataSheet:
        """±1.0 K, or ±1.2 K for the types B, R and S; 0.03 K for each K of the room beyond 18 to 28 °C."""
        limit = 1.2 if options.get("thermocouple", "K") in LESS_SENSITIVE else 1.0
        said = Accuracy(
            offset=limit, offset_per_kelvin=0.03, holds=(18.0, 28.0), resolution=1e-8, source=SHEET, assumed=True
        )
        return {"sensor": (said,)}

    @property
    def sensor_count(self) -> int:
        """Number of scanned sensors."""
        return len(self._channels)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """`sensor 1`, `sensor 2`, ..."""
        return self._channels

    def request(self) -> None:
        """Start a scan; its readings are sent as soon as it is done."""
        self._session.in_one_piece(self._start_scan)

    def collect(self) -> list[float]:
        """Temperatures, degC; `nan` where the sensor is open."""
        return self._session.numbers("READ?", self._session.collect(), len(self._channels))

    def _forget(self) -> None:
        self._configured = False

    def _start_scan(self) -> None:
        if not self._configured:
            self._configure()
        self._session.request("READ?")

    def _configure(self) -> None:
        with self._session.lock:
            self._session.write(f"CONF:TEMP TC,{self._thermocouple},{self._list}")
            self._session.write(f"{CHECK} ON,{self._list}")
            self._session.write(f"ROUT:SCAN {self._list}")
            held = self._session.query("ROUT:SCAN?")
            # A definite-length block: #16(@101) is six characters of list.
            if not held.endswith(self._list):
                reasons = "; ".join(self._session.errors()) or "it gives no reason"
                raise InstrumentFault(
                    f"{self.name} keeps the scan list {held} when {self._list} was sent ({reasons}); "
                    "check which slots hold a multiplexer"
                )
            question = f"{CHECK}? {self._list}"
            reply = self._session.query(question)
            if set(self._session.numbers(question, reply, len(self._channels))) != {1.0}:
                raise self._session.unexpected(question, reply, "ON was set, so that an open sensor is told")
            self._configured = True
