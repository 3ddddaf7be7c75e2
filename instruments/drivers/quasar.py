"""Bidirectional wall boxes with the register profile of the Wallbox Quasar, over Modbus TCP (port 502, unit 1).

Holding registers as its maker has given them to the V2G Liberty project, whose public code quotes them with their
meanings (`wallbox_quasar_1.py`, `charger-mocks/quasar/register_map.py` and `states.py`); powers are those of the AC
side in W, 16 bit and signed, positive charges. Where that says nothing, what is taken here is called assumed. Tried on
the simulator only.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import inf, isfinite, nan
from typing import Any

from instruments.accuracy import Accuracy, DataSheet
from instruments.driver import Setting, VisaDriver
from instruments.roles import (
    CHARGER_CHANNELS,
    ChargerRatings,
    ChargerState,
    Identity,
    InstrumentFault,
    SetPointRejected,
)
from instruments.wires.context import LinkContext
from instruments.wires.links import LinkProfile
from instruments.wires.modbus import ModbusTcp, Registers, check_unit

FIRMWARE, SERIAL_HIGH = 1, 2
"""Read only: its firmware, and its serial number in two registers, the high word first."""
CONTROL, AUTOSTART, SET_POINT_TYPE = 81, 82, 83
"""Who controls it (0 the user's app, 1 Modbus), whether it charges when a car is plugged in, and whether its set point
is a current (0) or a power (1): what is set below works under remote control alone."""
IDLE_TIMEOUT = 88
"""s without a message after which it stops by itself."""
ACTION, START, STOP = 257, 1, 2
POWER = 260
MOST_POWER = 514
"""The largest power that its installation lets it take, W; 1380 to 7400 (6 to 32 A at 230 V)."""
ACTUAL_POWER, STATE, CHARGE, ERRORS = 526, 537, 538, 539
ERROR_REGISTERS = 4
REMOTE, BY_POWER = 1, 1

LARGEST_WORD = 32767
"""W that a signed register holds."""
STATES: Mapping[int, ChargerState] = {
    **{number: ChargerState(number) for number in (0, 1, 2, 3, 4, 5, 6, 7, 11)},
    8: ChargerState.QUEUED,  # by other boxes
    9: ChargerState.ERROR,  # it was not configured for them
    10: ChargerState.QUEUED,  # by the house
}
MOVING = frozenset({ChargerState.CHARGING, ChargerState.DISCHARGING})
NO_CAR = frozenset({ChargerState.NO_CAR, ChargerState.LOCKED})
RESTING = 50.0
"""W at most of a box that stands by, as its own meter counts them (assumed)."""
WATCHDOG_RANGE = 1, 3600
"""s; V2G Liberty sets 900 and 1800, its largest value is assumed."""

_GRID = Setting("grid power", f"register {POWER}", "W")
_WATCHDOG = Setting("idle timeout", f"register {IDLE_TIMEOUT}", "s")


def word_of(watts: float) -> int:
    """A power in W as its register holds it: whole, 16 bit, two's complement; `watts` within ±32767."""
    return round(watts) & 0xFFFF


def watts_of(word: int) -> float:
    """A power, W, from its register; 0 has no sign."""
    return float(word - 0x10000 if word & 0x8000 else word)


class Quasar(VisaDriver):
    """A wall box that a car hangs on, as `Charger`.

    `charge` and `discharge` are its ratings in W, `least` its smallest power other than 0; `efficiency` (one way),
    `dead_time` s and `ramp` W/s are what its data sheet says or somebody has measured: it tells none of these (those
    that are given here are assumed). `unit` is its Modbus address. `close` leaves it under remote control: given
    back to its user it would begin to charge by itself.
    """

    profile = LinkProfile(timeout=2.0, framing=ModbusTcp)
    channels = CHARGER_CHANNELS

    def __init__(  # noqa: PLR0913 - what stands behind `*` has a default and a name
        self,
        resource: str,
        context: LinkContext,
        *,
        name: str,
        gap: float | None = None,
        timeout: float | None = None,
        unit: int = 1,
        charge: float = 7400.0,
        discharge: float = 7400.0,
        least: float = 1380.0,
        efficiency: float = 0.94,
        dead_time: float = 5.0,
        ramp: float = 2000.0,
    ) -> None:
        check_unit(name, unit)
        self._rated = ChargerRatings(charge, discharge, least, efficiency, dead_time, ramp)
        _check(name, self._rated)
        super().__init__(resource, context, name=name, gap=gap, timeout=timeout)
        self._registers = Registers(self._session, unit)
        self._asked = nan
        self._most: float | None = None
        self._scanned: ChargerState | None = None
        """What the last scan has told of it, until something is commanded: then nobody knows."""

    @classmethod
    def data_sheet(cls, model: str, options: Mapping[str, Any]) -> DataSheet:
        """Its meter as one of class B of EN 50470-3 (1 %), with 1 W shown: assumed, its maker states no class."""
        source = "class B of EN 50470-3 (MID), 1 % of reading; assumed for the meter of a wall box"
        watts = Accuracy(reading=0.01, offset=10.0, resolution=1.0, source=source, assumed=True)
        shown = Accuracy(offset=0.03, resolution=0.01, source="the car's own display; assumed", assumed=True)
        return {"grid power": (watts,), "displayed state of charge": (shown,)}

    def identify(self) -> Identity:
        """Ask for its firmware and its serial number; it does not say what it is."""
        firmware, high, low = self._registers.read(FIRMWARE, 3)
        self._ask_for_limit()
        return Identity("Wallbox", "Quasar", str(high << 16 | low), str(firmware))

    @property
    def charger_ratings(self) -> ChargerRatings:
        """Its ratings, and once it was asked who it is, no more than its installation lets it take.

        Nothing is said here: whoever looks what a driver can do touches this.
        """
        own, most = self._rated, inf if self._most is None else self._most
        return replace(own, charge=min(own.charge, most), discharge=min(own.discharge, most))

    def _ask_for_limit(self) -> None:
        """The largest power of its installation, once per connection; some write it with a sign."""
        if self._most is None:
            self._most = abs(watts_of(self._registers.read(MOST_POWER)[0]))

    def request(self) -> None:
        """Ask for the power; it answers one question at a time, so the rest follows that."""
        self._registers.request(ACTUAL_POWER, 1)

    def collect(self) -> tuple[float, float, float, float]:
        """Power and what was asked for, W, its state, and the state of charge that it shows: 0 % is that of none."""
        (power,) = self._registers.collect()
        state, shown = self._registers.read(STATE, 2)
        self._scanned = _state(state)
        return watts_of(power), self._asked, float(self._scanned), shown / 100 if 0 < shown <= 100 else nan

    def set_grid_power(self, power: float) -> None:
        """See `Charger`; whole W, as its register is."""
        self._check_power(power)
        self._session.in_one_piece(lambda: self._drive(power))
        self._asked = float(round(power))

    def _check_power(self, power: float) -> None:
        self._ask_for_limit()
        ratings = self.charger_ratings
        _GRID.check(self.name, power, min(ratings.charge, LARGEST_WORD), -min(ratings.discharge, LARGEST_WORD))
        if 0 < abs(power) < ratings.least:
            raise SetPointRejected(
                f"{self.name}: grid power {power:g} W is less than the {ratings.least:g} W that it can do; nothing was "
                "sent, ask for 0 or for more"
            )

    def _drive(self, power: float) -> None:
        scanned, self._scanned = self._scanned, None
        # A set point follows its scan at once: what that has read is not asked for again, on its way to the power.
        state = self.charger_state() if scanned is None else scanned
        self._refuse_in_vain(state, power)
        self._take_control()
        self._keep(POWER, word_of(power), power)
        moves = state in MOVING
        if power and not moves:
            self._registers.write(ACTION, START)
        elif not power and moves:
            self._registers.write(ACTION, STOP)

    def _refuse_in_vain(self, state: ChargerState, power: float) -> None:
        """Raise where no power can flow; a rest is taken by everybody."""
        if not power:
            return
        if state in NO_CAR:
            raise InstrumentFault(f"{self.name} says that no car is plugged in: plug it in, and unlock the box")
        if state is ChargerState.ERROR:
            raise InstrumentFault(f"{self.name} is in error ({self.charger_error()}); look at its display and its app")

    def _take_control(self) -> None:
        """Remote control; it would otherwise ignore every set point without a word."""
        if self._registers.read(CONTROL, 3) == [REMOTE, 0, BY_POWER]:
            return
        for register, value in ((CONTROL, REMOTE), (AUTOSTART, 0), (SET_POINT_TYPE, BY_POWER)):
            self._registers.write(register, value)
        if self._registers.read(CONTROL)[0] != REMOTE:
            raise InstrumentFault(f"{self.name} stays under control of its user; end that in its app")

    def _keep(self, register: int, word: int, power: float) -> None:
        """Write a set point and read it back."""
        self._registers.write(register, word)
        held = self._registers.read(register)[0]
        if held != word:
            raise _GRID.refused(self._session, power, watts_of(held))

    def charger_off(self) -> None:
        """Stop, and ask for 0 W: whichever of the two it takes ends it."""
        self._asked, self._scanned = nan, None
        with self._session.switching_off():
            try:
                self._registers.write(ACTION, STOP)
            finally:
                self._registers.write(POWER, 0)

    def charger_is_off(self) -> bool:
        """Read its state and its power; one that goes on is told again, under remote control taken anew."""
        off = self.charger_state() not in MOVING and abs(self._power()) <= RESTING
        if not off:
            with self._session.switching_off():
                self._registers.write(CONTROL, REMOTE)
            self.charger_off()
        return off

    def charger_state(self) -> ChargerState:
        """What it does, asked now."""
        return _state(self._registers.read(STATE)[0])

    def charger_error(self) -> str:
        """Its error registers in hexadecimal, which its maker explains; empty where all are 0."""
        words = self._registers.read(ERRORS, ERROR_REGISTERS)
        return "error registers " + " ".join(f"{word:04X}" for word in words) if any(words) else ""

    def arm_watchdog(self, silence: float) -> float:
        """Set its idle timeout, whole seconds rounded up: then it stops by itself. Any message keeps it quiet.

        That takes control of it: under its user's it would ignore this without a word as well.
        """
        least, most = WATCHDOG_RANGE
        seconds = _WATCHDOG.rounded_up(self.name, silence, most, least)
        self._take_control()
        self._registers.write(IDLE_TIMEOUT, seconds)
        held = self._registers.read(IDLE_TIMEOUT)[0]
        if held != seconds:
            raise _WATCHDOG.refused(self._session, seconds, held)
        return float(held)

    def _power(self) -> float:
        return watts_of(self._registers.read(ACTUAL_POWER)[0])

    def _forget(self) -> None:
        self._most = self._scanned = None


def _state(number: int) -> ChargerState:
    return STATES.get(number, ChargerState.UNKNOWN)


def _check(name: str, rated: ChargerRatings) -> None:
    """Raise `ValueError` for a rating that no box can have; asked before its link is opened."""
    for key in ("charge", "discharge", "ramp"):
        value = getattr(rated, key)
        if not (isfinite(value) and value > 0):
            raise ValueError(f"{name}: {key} {value!r} is no rating; give a number above 0, in W (ramp: W/s).")
    if not 0 < rated.efficiency <= 1:
        raise ValueError(f"{name}: efficiency {rated.efficiency!r} is outside 0 to 1; give 0.94 for 94 %.")
    if not 0 <= rated.least <= min(rated.charge, rated.discharge):
        raise ValueError(f"{name}: least {rated.least!r} is outside 0 to its ratings, W.")
    if not (isfinite(rated.dead_time) and rated.dead_time >= 0):
        raise ValueError(f"{name}: dead_time {rated.dead_time!r} is no time; give s, 0 or more.")
