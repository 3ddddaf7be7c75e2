"""Chroma 63600: an electronic load in constant-current mode.

Facts from the "63600 Series Operation & Programming Manual" (version 2.2; status bits p5-86) and from public
driver code for the same family. Tried on the simulator only.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from math import inf
from typing import Any

from instruments.accuracy import Accuracy, DataSheet
from instruments.driver import Setting, VisaDriver
from instruments.roles import TERMINALS, InstrumentFault, Protections, Ratings, SetPointRejected
from instruments.wires.context import LinkContext
from instruments.wires.links import ErrorQueue, LinkProfile
from instruments.wires.numbers import check_whole
from instruments.yesno import is_number

CURRENT = Setting("discharging current", "CURR:STAT:L1", "A", "A")
LOAD_OFF_VOLTAGE = Setting("load-off voltage", "CONF:VOLT:OFF", "V", "V")

RANGES = ("CCL", "CCM", "CCH")
_RANGE_SHARES = (0.01, 0.1, 1.0)

STATUS = {
    0: "over-temperature (OTP)",
    1: "over-voltage (OVP)",
    2: "over-current (OCP)",
    3: "over-power (OPP)",
    4: "reversed polarity (REV)",
    5: "synchronisation (SYNC)",
    6: "beyond its limits (MAX LIM)",
    7: "fan failure (FAN)",
    8: "remote inhibit",
}
"""Bits of the channel condition register (manual p5-86)."""

REMOTE = "CONF:REM ON"
_MODEL = re.compile(r"636(?P<power>\d\d)-(?P<voltage>\d+)-(?P<current>\d+)")

SHEET = "Chroma, 63600 series data sheet, measurement section; the sheet was not at hand"


class Chroma63600(VisaDriver):
    """One channel of a 63600 mainframe as `Sink`, in constant current by the smallest range that fits.

    What it cannot do: hold a voltage or a power while it draws a constant current. `discharge` therefore only
    refuses a `power` that the current must exceed; the end voltage is the scenario's and the guard's to keep,
    and the load's own only with `off_voltage=True`, where the model has CONF:VOLT:OFF. Its over-voltage,
    -current and -power protections are fixed by its rating: `protect_sink` clears what they latched and
    reports none.

    A key at the panel selects another channel or ends remote control. The read-back of an input that was told OFF
    selects its channel again, and where that reads on takes control (CONF:REM ON, from public driver code of the
    family) and repeats it.

    `ratings` are (V, A, W). They may be left out where `*IDN?` names the module, a 63640-80-80 takes 80 V, 80 A, 400 W;
    a mainframe names itself (63600-5, manual p5-22) and tells of no module.
    `channel` counts from 1.
    """

    profile = LinkProfile(error_queue=ErrorQueue())
    channels = TERMINALS
    _selected: bool
    _on: bool | None
    _range: str | None
    _current: float | None

    def __init__(
        self,
        resource: str,
        context: LinkContext,
        *,
        name: str,
        gap: float | None = None,
        timeout: float | None = None,
        channel: int = 1,
        ratings: Sequence[float] | None = None,
        off_voltage: bool = False,
    ) -> None:
        check_whole(name, "channel", channel)
        if channel < 1:
            raise ValueError(f"{name}: channel {channel!r} is none; channels count from 1.")
        if ratings is not None and not _are_ratings(ratings):
            raise ValueError(f"{name}: ratings {ratings!r} must be voltage V, current A, power W, all above 0.")
        super().__init__(resource, context, name=name, gap=gap, timeout=timeout)
        self._channel = channel
        self._stated = ratings
        self._has_off_voltage = off_voltage
        self._used = False
        self._told: bool | None = None
        """What the input was last told, on or off; a new connection does not change that."""
        self._forget()

    @classmethod
    def data_sheet(cls, model: str, options: Mapping[str, Any]) -> DataSheet:
        """Voltage ±(0.025 % + 0.025 % of range), current ±(0.04 % + 0.04 % of range), in the range of the mode.

        `discharge` takes the smallest of the three that fits, and so does who asks how good a reading is.
        """
        found, ratings = _MODEL.search(model), options.get("ratings")
        if found is None and ratings is None:
            return {}
        volts, amperes = map(float, ratings[:2] if ratings else found.group("voltage", "current"))  # type: ignore[union-attr]
        currents = tuple(_stated(0.0004, share * amperes) for share in _RANGE_SHARES)
        return {"voltage": (_stated(0.00025, volts),), "current": currents}

    def request(self) -> None:
        """Ask for voltage and current of one instant."""
        self._session.in_one_piece(self._ask)

    def _ask(self) -> None:
        self._select_channel()
        self._session.request("MEAS:VOLT?;:MEAS:CURR?")

    def collect(self) -> tuple[float, float, float]:
        """Voltage V, current A, power W; what the load draws is negative."""
        reply = self._session.collect()
        voltage, drawn = self._session.numbers("MEAS:VOLT?;:MEAS:CURR?", reply, 2, ";", ("V", "A"))
        current = 0.0 - drawn  # not -drawn: no minus before a zero
        return voltage, current, voltage * current

    @cached_property
    def sink_ratings(self) -> Ratings:
        """Ratings as the station states them or as the name of the module does."""
        if self._stated is not None:
            return Ratings(*map(float, self._stated))
        model = self.identify().model
        match = _MODEL.search(model)
        if match is None:
            raise InstrumentFault(
                f"{self.name} calls itself {model!r}, which tells no rating (a module would, as 63640-80-80); "
                "state the option ratings, [V, A, W], in the station file"
            )
        return Ratings(float(match["voltage"]), float(match["current"]), 10 * float(match["power"]))

    def protect_sink(self, under_voltage: float, over_current: float, over_power: float) -> Protections:
        """Clear latched protections and arm the load-off voltage where there is one.

        Returns no threshold: the 63600 has none to program, and none to read back.
        """
        rating = self.sink_ratings
        LOAD_OFF_VOLTAGE.check(self.name, under_voltage, rating.voltage)
        for quantity, value in (
            ("over-current threshold", over_current),
            ("over-power threshold", over_power),
        ):
            if not 0 < value < inf:
                raise SetPointRejected(f"{self.name}: {quantity} {value:g} is no number above 0; nothing was sent")

        def arm() -> None:
            self._select_channel()
            self._session.write("LOAD:PROT:CLE")
            if self._has_off_voltage:
                LOAD_OFF_VOLTAGE.program(self._session, under_voltage, rating.voltage)

        self._session.in_one_piece(arm)
        return Protections()

    def discharge(self, current: float, voltage: float, power: float | None = None) -> None:
        """Draw `current` A (positive); see the class for what becomes of `voltage` and `power`."""
        rating = self.sink_ratings
        CURRENT.check(self.name, current, rating.current)
        LOAD_OFF_VOLTAGE.check(self.name, voltage, rating.voltage)
        at_most = rating.power if power is None else power
        if not current * voltage <= at_most:
            raise SetPointRejected(
                f"{self.name}: {current:g} A above {voltage:g} V is more than {at_most:g} W; "
                "nothing was sent, lower the current or raise the power limit"
            )
        if at_most == inf:
            raise SetPointRejected(f"{self.name}: a power limit of inf W is none; nothing was sent, leave it out")
        self._session.in_one_piece(lambda: self._draw(current))

    def _draw(self, current: float) -> None:
        """Hold a current (A) with the input on."""
        self._select_channel()
        if self._on is None and self._told:
            self._find_on()
        if not self._on:
            # Whoever was at the panel meanwhile may have set something else.
            self._range = self._current = None
        self._hold_current(current)
        if not self._on:
            self._switch_on()

    def sink_off(self) -> None:
        """Switch the input off now; what became of it `sink_is_off` knows."""
        self._on = None
        self._told = False
        with self._session.switching_off():
            self._select_channel()
            self._session.write("LOAD OFF")
            if not self._selected:  # over a connection that was made anew on the way, another channel may have heard it
                self._select_channel()
                self._session.write("LOAD OFF")
        self._on = False

    def sink_is_off(self) -> bool:
        """Read back the input; one that was told OFF and reads on is told again, under control taken anew."""
        self._selected = False  # a key at the panel may have chosen another
        if self._reads_off():
            return True
        if self._told is not False:
            return False
        self._session.note("refused to switch its input off, and is told again under control taken anew")
        with self._session.switching_off():
            self._session.write(REMOTE)
            self.sink_off()
        return self._reads_off()

    def alarms(self) -> tuple[str, ...]:
        """Conditions of the channel that stand now."""
        condition = self._session.query_whole("STAT:CHAN:COND?")
        return tuple(text for bit, text in STATUS.items() if condition >> bit & 1)

    def _farewell(self) -> None:
        """Input off; the link is closed all the same, and who needs it off reads it back."""
        if self._used and self._on is not False:
            with suppress(InstrumentFault):
                self.sink_off()
        self._used = False

    def _reads_off(self) -> bool:
        """Ask for the input; the 63600 answers with words or with a number."""
        self._select_channel()
        return not self._session.query_switch("LOAD?")

    def _forget(self) -> None:
        self._selected = False
        self._on = None
        self._range = None
        self._current = None

    def _find_on(self) -> None:
        """Find an input on that was told so before the connection was made anew; off, something switched it off."""
        if self._reads_off():
            raise InstrumentFault(
                f"{self.name} was told to switch its input on, and it is off since its connection was made anew: "
                "it was restarted, or a protection or a hand switched it off; look at its panel"
            )
        self._on = True
        held = self._session.query("MODE?").strip().upper()
        self._range = held if held in RANGES else None

    def _select_channel(self) -> None:
        if not self._selected:
            self._session.write(f"CHAN {self._channel}")
            self._selected = self._used = True

    def _hold_current(self, current: float) -> None:
        if current == self._current:
            return
        self._current = None
        wanted = self._range_for(current)
        if wanted != self._range:
            self._change_range(wanted)
        CURRENT.program(self._session, current, self.sink_ratings.current)
        self._current = current

    def _range_for(self, current: float) -> str:
        """Choose the smallest range that fits; while the load is on it only grows: a change interrupts."""
        full_scale = self.sink_ratings.current
        fitting = next(
            index for index, share in enumerate(_RANGE_SHARES) if current <= share * full_scale or share == 1.0
        )
        if self._on and self._range is not None:
            fitting = max(fitting, RANGES.index(self._range))
        return RANGES[fitting]

    def _change_range(self, wanted: str) -> None:
        if self._on is not False:
            self.sink_off()
        self._range = None
        self._session.write(f"MODE {wanted}")
        self._range = wanted

    def _switch_on(self) -> None:
        self._session.write("LOAD ON")
        self._told = True
        if self._reads_off():
            reasons = "; ".join((*self.alarms(), *self._session.errors())) or "it gives no reason"
            raise InstrumentFault(
                f"{self.name} did not switch its input on ({reasons}); look at its panel, whether somebody has it in "
                "local control, and at its wiring"
            )
        self._on = True


def _are_ratings(given: object) -> bool:
    """Whether a station file has given three numbers above 0."""
    if not isinstance(given, Sequence) or len(given) != 3:
        return False
    return all(is_number(each) and 0 < each < inf for each in given)


def _stated(share: float, full_scale: float) -> Accuracy:
    """As much of the reading as of the range, which ends at `full_scale` (V, A)."""
    return Accuracy(
        reading=share,
        span=share,
        full_scale=full_scale,
        resolution=1e-4,
        holds=(20.0, 30.0),
        source=SHEET,
        assumed=True,
    )
