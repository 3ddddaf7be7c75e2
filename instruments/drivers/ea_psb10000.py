"""EA Elektro-Automatik PSB 9000/10000: a bidirectional supply, source and sink over one session.

Facts from the vendor's "Programming Guide ModBus & SCPI" (PGMBEN rev. 24); page numbers are its own. Its sign
is ours already: negative current and power belong to sink mode (p48). What the interface monitoring does is told by
the series' device manuals alone (ELR 10000, 33200840, section 3.5.3.3). Tried on the simulator only.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from instruments.accuracy import Accuracy, DataSheet
from instruments.driver import Setting, VisaDriver
from instruments.roles import TERMINALS, InstrumentFault, Protections, Ratings, SetPointRejected
from instruments.wires.context import LinkContext
from instruments.wires.links import ErrorQueue, LinkProfile
from instruments.wires.numbers import parse_number
from instruments.wires.session import SWITCHES

VOLTAGE = Setting("voltage", "VOLT", "V", "V")
SOURCE_CURRENT = Setting("charging current", "CURR", "A", "A")
SOURCE_POWER = Setting("charging power", "POW", "W", "W")
SINK_CURRENT = Setting("discharging current", "SINK:CURR", "A", "A")
SINK_POWER = Setting("discharging power", "SINK:POW", "W", "W")

OVER_VOLTAGE = Setting("over-voltage threshold", "VOLT:PROT", "V", "V")
SOURCE_OVER_CURRENT = Setting("over-current threshold", "CURR:PROT", "A", "A")
SOURCE_OVER_POWER = Setting("over-power threshold", "POW:PROT", "W", "W")
SINK_OVER_CURRENT = Setting("sink over-current threshold", "SINK:CURR:PROT", "A", "A")
SINK_OVER_POWER = Setting("sink over-power threshold", "SINK:POW:PROT", "W", "W")
UNDER_VOLTAGE = Setting("under-voltage threshold", "SYST:CONF:UVD", "V", "V")

WATCHDOG = Setting("communication watchdog", "SYST:COMM:MON:TIM", "s")
WATCHDOG_RANGE = (1, 36000)
"""s (p60)"""

CONTROL_PERIOD = 10.0
"""s of bench time between two looks at who has control while the output is on: one query more in ten scans."""

PROTECTION_REACH = 1.1
"""Thresholds go to 110 % of the rating (p51)."""

SETTINGS_CONFLICT = '-221,"Settings conflict"'
"""What a set is refused with while this interface has no control, or while somebody is in the setup menu (p38)."""

ALARMS = {
    0: "over-voltage (OVP)",
    1: "over-current (OCP)",
    2: "over-power (OPP)",
    3: "over-temperature (OT)",
    4: "over-voltage event (OVD)",
    5: "under-voltage event (UVD)",
    6: "over-current event (OCD)",
    7: "under-current event (UCD)",
    8: "over-power event (OPD)",
    13: "power fail (PF)",
    14: "master-slave protection (MSP)",
}
"""Bits of the questionable status register (p41)."""


_MODEL = re.compile(r"PSB (?P<series>9|1[01])(?P<voltage>\d{3})-(?P<current>\d+)")
"""The series, its rated voltage behind it (a PSB 11500 has 1500 V), the rated current."""
SHEET = "EA, PSB 10000 series data sheet: limits at 23 ± 5 °C; the sheet was not at hand"


@dataclass(frozen=True, slots=True)
class _Direction:
    """The set points of one direction, and the current that must be zero so that it stays that direction."""

    current: Setting
    power: Setting
    opposite: Setting


_CHARGE = _Direction(SOURCE_CURRENT, SOURCE_POWER, SINK_CURRENT)
_DISCHARGE = _Direction(SINK_CURRENT, SINK_POWER, SOURCE_CURRENT)


class EaPsb10000(VisaDriver):
    """A PSB as `Source` and `Sink`: one output, one voltage, separate currents and powers for each direction.

    Set points are read back, since one beyond an adjustment limit is ignored (p54). Remote control is taken
    with the first command that needs it and given back, output off first, by `close`. An output that an alarm
    switched off stays off: it is switched on again only after `source_off` or `sink_off`.

    Whoever presses LOCAL at the panel takes remote control away, and every set is refused from then on, OUTP OFF
    included (-201 while LOCAL is locked, -221 afterwards). The read-back of an output that was told OFF therefore
    takes control again and repeats it. While the output is on its owner is asked for every `CONTROL_PERIOD`, and where
    a set point is refused: control that was lost then is told, and not taken by force. Somebody works at the supply.
    REMOTE means any interface (p49): one that another of its interfaces controls says so too, and refuses with -221.
    """

    profile = LinkProfile(
        gap=0.01,  # p12: at least 5 ms, 10 to 15 ms recommended
        hangs_up_after=5.0,  # p9 and p14: a socket without traffic, unless its keep-alive option is on
        error_queue=ErrorQueue(depth=5, before="STAT:QUES?"),  # p42: reading errors acknowledges alarms
    )
    channels = TERMINALS
    _remote: bool
    _controlled: float
    """When (s) control was last seen to be ours."""
    _on: bool | None
    """What the output does as far as this driver knows; None: it would have to be asked."""

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
        self._watchdog: int | None = None
        self._used = False
        self._told: bool | None = None
        """What the output was last told, on or off; a new connection does not change that."""
        self._held: dict[str, float] = {}
        self._done: tuple[_Direction, float, float, float | None] | None = None
        """What was asked for last, if all of it is held: in most scans it is asked for again."""
        self._armed: dict[Setting, tuple[float, float]] = {}
        """Protections and their ranges, programmed anew whenever control had to be taken anew."""
        self._forget()

    @classmethod
    def data_sheet(cls, model: str, options: Mapping[str, Any]) -> DataSheet:
        """Voltage ±0.05 %, current ±0.1 % of the rated value, with the last of the five digits that it shows."""
        found = _MODEL.search(model)
        if found is None:
            return {}
        volts, amperes = int(found["voltage"]) + 1000.0 * (found["series"] == "11"), float(found["current"])
        rated = {"voltage": (0.0005, volts), "current": (0.001, amperes)}
        return {
            name: (
                Accuracy(
                    span=share, full_scale=scale, resolution=_last_digit(scale), holds=(18.0, 28.0), source=SHEET,
                    assumed=True,
                ),
            )
            for name, (share, scale) in rated.items()
        }  # fmt: skip

    def request(self) -> None:
        """Ask for all three actual values at once."""
        self._session.request("MEAS:ARR?")

    def collect(self) -> tuple[float, float, float]:
        """Voltage V, current A, power W; positive charges. Raises `InstrumentFault` where control was lost."""
        reply = self._session.collect()
        if self._on and self._session.now() - self._controlled >= CONTROL_PERIOD:
            self._check_control()
        try:
            voltage, current, power = reply.split(",")
            return parse_number(voltage, "V"), parse_number(current, "A"), parse_number(power, "W")
        except ValueError as error:
            raise self._session.unexpected("MEAS:ARR?", reply, "voltage, current and power expected") from error

    @cached_property
    def source_ratings(self) -> Ratings:
        """Nominal values as the supply states them (p56)."""
        ask = self._session.query_number
        return Ratings(ask("SYST:NOM:VOLT?", "V"), ask("SYST:NOM:CURR?", "A"), ask("SYST:NOM:POW?", "W"))

    @property
    def sink_ratings(self) -> Ratings:
        """A PSB absorbs what it delivers."""
        return self.source_ratings

    def protect_source(self, over_voltage: float, over_current: float, over_power: float) -> Protections:
        """Arm OVP, OCP and OPP (V, A, W); at equal values they act before the set point limits (p51)."""
        return self._arm(
            (OVER_VOLTAGE, SOURCE_OVER_CURRENT, SOURCE_OVER_POWER), (over_voltage, over_current, over_power)
        )

    def protect_sink(self, under_voltage: float, over_current: float, over_power: float) -> Protections:
        """Arm the sink's OCP and OPP and the under-voltage event with action ALARM, which switches off (p53).

        The over-voltage threshold belongs to the terminals, not to a direction, and is reported as it stands.
        """
        rating = self.sink_ratings
        UNDER_VOLTAGE.check(self.name, under_voltage, rating.voltage)
        for setting, value in ((SINK_OVER_CURRENT, over_current), (SINK_OVER_POWER, over_power)):
            setting.check(self.name, value, self._reach(setting))

        def arm() -> Protections:
            self._take_remote()
            self._program_protection(UNDER_VOLTAGE, under_voltage, rating.voltage)
            current = self._program_protection(SINK_OVER_CURRENT, over_current, self._reach(SINK_OVER_CURRENT))
            power = self._program_protection(SINK_OVER_POWER, over_power, self._reach(SINK_OVER_POWER))
            return Protections(OVER_VOLTAGE.read(self._session)[0], current, power)

        return self._session.in_one_piece(arm)

    def arm_watchdog(self, silence: float) -> float:
        """Arm the interface monitoring, in whole seconds rounded up (p60): any message keeps it quiet.

        When it runs out the supply leaves remote control, and only `POW:STAG:AFT:REM OFF` (p58) makes it switch its
        output off as well: that is set and read back too. The supply keeps all of it after `close`.
        """
        least, most = WATCHDOG_RANGE
        seconds = WATCHDOG.rounded_up(self.name, silence, most, least)

        def arm() -> None:
            self._take_remote()
            self._watchdog = seconds
            self._program_watchdog(seconds)

        self._session.in_one_piece(arm)
        return float(seconds)

    def charge(self, current: float, voltage: float, power: float | None = None) -> None:
        """Charge at `current` A until `voltage` V, at most `power` W; the sink side is held at 0 A."""
        self._run(_CHARGE, current, voltage, power)

    def discharge(self, current: float, voltage: float, power: float | None = None) -> None:
        """Discharge at `current` A down to `voltage` V, at most `power` W; the source side is held at 0 A."""
        self._run(_DISCHARGE, current, voltage, power)

    def source_off(self) -> None:
        """Switch the output off now: one message, two before remote control is ours; waits for no answer.

        What became of it `source_is_off` knows: a supply that is not under our control refuses without a word.
        """
        self._on = None
        self._told = False
        with self._session.switching_off():
            if not self._remote:
                self._used = True
                self._session.write("SYST:LOCK 1")
            self._session.write("OUTP OFF")
        self._on = False

    def source_is_off(self) -> bool:
        """Read back the output; one that was told OFF and reads on is told again, under control taken anew.

        May be called until it says True: while LOCAL is locked at the panel control cannot be taken.
        """
        if self._reads_off():
            return True
        if self._told is not False:
            return False
        self._remote = False  # whoever believes that it is ours has just been proved wrong
        self._session.note("refused to switch its output off, and is told again under control taken anew")
        self.source_off()
        return self._reads_off()

    def sink_off(self) -> None:
        """Switch the output off now: both directions share it."""
        self.source_off()

    def sink_is_off(self) -> bool:
        """Read back the output."""
        return self.source_is_off()

    def alarms(self) -> tuple[str, ...]:
        """Alarms that stand now; reading them acknowledges nothing."""
        condition = self._session.query_whole("STAT:QUES:COND?")
        return tuple(text for bit, text in ALARMS.items() if condition >> bit & 1)

    def _farewell(self) -> None:
        """Output off, then remote control back; each attempted whatever happened before."""
        for give_back in (self.source_off, self.source_is_off, lambda: self._session.write("SYST:LOCK 0")):
            if self._used:
                with suppress(InstrumentFault):
                    give_back()
        self._used = False

    def _reads_off(self) -> bool:
        return not self._session.query_switch("OUTP?")

    def _forget(self) -> None:
        self._remote = False
        self._controlled = self._session.now()
        self._on = None
        self._held.clear()

    def _run(self, direction: _Direction, current: float, voltage: float, power: float | None) -> None:
        asked = direction, current, voltage, power
        if asked == self._done and self._on and self._remote:
            return
        rating = self.source_ratings
        power = rating.power if power is None else power
        VOLTAGE.check(self.name, voltage, rating.voltage)
        direction.current.check(self.name, current, rating.current)
        direction.power.check(self.name, power, rating.power)
        wanted = (
            (direction.opposite, 0.0, rating.current),
            (VOLTAGE, voltage, rating.voltage),
            (direction.power, power, rating.power),
            (direction.current, current, rating.current),
        )
        self._done = None
        self._session.in_one_piece(lambda: self._move(wanted))
        self._done = asked

    def _move(self, wanted: tuple[tuple[Setting, float, float], ...]) -> None:
        """Hold each setting at its value (SI; the last is the end of its range), with the output on."""
        self._keep_remote()
        if self._on is None and self._told:
            self._find_on()
        if not self._on:
            # Whoever was at the panel or on another interface meanwhile may have set something else.
            self._held.clear()
        for setting, value, at_most in wanted:
            self._hold(setting, value, at_most)
        if not self._on:
            self._switch_on()

    def _hold(self, setting: Setting, value: float, at_most: float) -> None:
        # By command: the hash of a whole setting is worked out anew each time, four times a scan.
        if self._held.get(setting.command) == value:
            return
        self._held.pop(setting.command, None)
        self._program(setting, value, at_most)
        self._held[setting.command] = value

    def _program(self, setting: Setting, value: float, at_most: float) -> float:
        """Program one setting (SI); one that is refused for want of control is told as that."""
        try:
            return setting.program(self._session, value, at_most)
        except SetPointRejected as refusal:
            self._check_control(refusal)
            raise

    def _find_on(self) -> None:
        """Find an output on that was told so before the connection was made anew; off, something switched it off."""
        if self._reads_off():
            raise InstrumentFault(
                f"{self.name} was told to switch its output on, and its output is off since its connection was made "
                "anew: it was restarted, or an alarm or a hand switched it off; look at its panel"
            )
        self._on = True

    def _switch_on(self) -> None:
        self._session.write("OUTP ON")
        self._told = True
        if self._reads_off():
            reasons = "; ".join((*self.alarms(), *self._session.errors())) or "it gives no reason"
            refusal = InstrumentFault(f"{self.name} did not switch its output on ({reasons}); check wiring and alarms")
            self._check_control(refusal)
            raise refusal
        self._on = True

    def _check_control(self, refusal: InstrumentFault | None = None) -> None:
        """Raise `InstrumentFault` unless remote control is still ours: without it every set is refused."""
        owner = self._session.query("SYST:LOCK:OWN?")
        if not _is_remote(owner):
            self._remote = False
            raise InstrumentFault(
                f"{self.name} is not under remote control any more, SYST:LOCK:OWN? says {owner}: "
                "somebody pressed LOCAL at its panel, or another interface took it; leave it alone while a test runs"
            ) from refusal
        if refusal is not None and SETTINGS_CONFLICT in str(refusal):
            raise InstrumentFault(
                f"{self.name} refuses what it is told with {SETTINGS_CONFLICT}, and SYST:LOCK:OWN? says {owner}: "
                "another of its interfaces (analog, USB, web page) has control, or somebody is in its setup menu; "
                "release it there"
            ) from refusal
        self._controlled = self._session.now()

    def _take_remote(self) -> None:
        """Take remote control (p49), which the supply never gives by itself, and empty its error queue.

        Whoever had it meanwhile may have changed protections and watchdog: those that were armed are armed again, and
        control counts as ours only after that.
        """
        if self._remote:
            return
        with self._session.lock:
            self._session.write("SYST:LOCK 1")
            owner = self._session.query("SYST:LOCK:OWN?")
            if not _is_remote(owner):
                raise InstrumentFault(
                    f"{self.name} answered {owner!r} to SYST:LOCK:OWN? after SYST:LOCK 1; "
                    "release LOCAL on its panel or the other interface that holds it"
                )
            self._session.errors()
            self._used = True
            for setting, (value, at_most) in tuple(self._armed.items()):
                self._program_protection(setting, value, at_most)
            if self._watchdog is not None:
                self._program_watchdog(self._watchdog)
            self._remote = True
            self._controlled = self._session.now()

    def _keep_remote(self) -> None:
        """Take remote control again where the watchdog ended it: with the output off, a silence harms nobody."""
        if self._remote and not self._on and self._watchdog is not None:
            self._remote = _is_remote(self._session.query("SYST:LOCK:OWN?"))
            if not self._remote:
                self._held.clear()
        self._take_remote()

    def _program_watchdog(self, seconds: int) -> None:
        for setting, wanted in (
            ("POW:STAG:AFT:REM", "OFF"),
            ("SYST:COMM:MON:TIM", str(seconds)),
            ("SYST:COMM:MON:ACT", "ON"),
        ):
            self._session.write(f"{setting} {wanted}")
            held = self._session.query(f"{setting}?")
            if SWITCHES.get(held.upper(), held) != SWITCHES.get(wanted, wanted):
                raise self._session.unexpected(f"{setting}?", held, f"{wanted} was set for the watchdog")

    def _arm(self, settings: tuple[Setting, ...], values: tuple[float, ...]) -> Protections:
        for setting, value in zip(settings, values, strict=True):
            setting.check(self.name, value, self._reach(setting))

        def arm() -> list[float]:
            self._take_remote()
            return [
                self._program_protection(setting, value, self._reach(setting))
                for setting, value in zip(settings, values, strict=True)
            ]

        return Protections(*self._session.in_one_piece(arm))

    def _program_protection(self, setting: Setting, value: float, at_most: float) -> float:
        """Arm one threshold (SI), and what it does where that is a setting of its own; returns what is read back."""
        held = self._program(setting, value, at_most)
        if setting is UNDER_VOLTAGE:
            self._session.write("SYST:CONF:UVD:ACT ALARM")
            action = self._session.query("SYST:CONF:UVD:ACT?")
            if not action.upper().startswith("ALAR"):
                raise self._session.unexpected("SYST:CONF:UVD:ACT?", action, "ALARM was set")
        self._armed[setting] = (value, at_most)
        return held

    def _reach(self, setting: Setting) -> float:
        rating = self.source_ratings
        by_unit = {"V": rating.voltage, "A": rating.current, "W": rating.power}
        return by_unit[setting.unit] * PROTECTION_REACH


def _is_remote(owner: str) -> bool:
    """Whether SYST:LOCK:OWN? says that whoever asks has control: REMote (p37), in its long or its short form."""
    return owner.strip().upper() in {"REMOTE", "REM"}


def _last_digit(rated: float) -> float:
    """What the last of five digits weighs: 0.01 V of 200 V, 0.001 A of 20 A (PSB 9000 3U manual, 1.9.6.4)."""
    return 10.0 ** max(len(str(int(rated))) - 5, -4 if rated < SMALL else -2)


SMALL = 30.0
"""Rating from which on the display has at most two digits behind the point (1.9.6.4)."""
