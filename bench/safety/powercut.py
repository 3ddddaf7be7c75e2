"""What goes on when the computer loses power, and with it the test and its supervisor: said before and afterwards.

Nothing on this computer can switch anything off then. What an instrument does by itself is all there is: its own
communication watchdog, and a BMS that opens its contactors when nobody asks anything of it any more. Simulators that
end with the test leave nothing on.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.roles import POWER, Driver
from bench.station import StationFile
from instruments.roles import CommunicationWatchdog, OpensWhenSilent

CONTACTOR = "contactor"
ADVICE = (
    "Add an instrument with a communication watchdog, a BMS that opens its contactors when requests stop, or a relay "
    "that drops out with this computer"
)

LeftOn = dict[str, Any]
"""`instrument`, `what` of it, and `stays_on_for` s; None: for ever."""


def left_on(station: StationFile, drivers: Mapping[str, Driver]) -> list[LeftOn]:
    """What a power cut of the computer leaves on, and for how long, as far as drivers can tell; for the manifest."""
    if station.clock == "virtual":
        return []
    return [
        {"instrument": name, "what": what, "stays_on_for": _time(station, name, what, drivers.get(name))}
        for name, entry in station.instruments.items()
        for what in _whats(entry.roles)
    ]


def warning(left: Sequence[LeftOn]) -> str:
    """What a power cut leaves on, and what to add, in one sentence or two; empty where it leaves nothing on."""
    if not left:
        return ""
    for_ever = _named(each for each in left if each["stays_on_for"] is None)
    bounded = [f"{_name(each)} after {each['stays_on_for']:g} s" for each in left if each["stays_on_for"] is not None]
    stays = f"{for_ever} for ever" if for_ever else "nothing for ever"
    ends = f"; by itself ends {', '.join(bounded)}" if bounded else ""
    advice = f" {ADVICE}." if for_ever else ""
    return f"A power cut of this computer leaves on: {stays}{ends}.{advice}"


def afterwards(left: Sequence[LeftOn]) -> str:
    """What to say of a run that nobody ended: what may still be on."""
    for_ever = _named(each for each in left if each["stays_on_for"] is None)
    if not for_ever:
        return ""
    look = "Look at the bench before anyone touches it."
    return f"No supervisor has acted, so what was on may be on still: {for_ever}. {look}"


def _whats(roles: Iterable[str]) -> list[str]:
    """What of an instrument stays on; a bidirectional supply has one output."""
    powers = [power.what for role, power in POWER.items() if role in roles]
    return powers[-1:] or ([CONTACTOR] if "bms" in roles else [])


def _time(station: StationFile, name: str, what: str, driver: Driver | None) -> float | None:
    if what == CONTACTOR:
        return driver.opens_when_silent() if isinstance(driver, OpensWhenSilent) else None
    return station.watchdog(name) if isinstance(driver, CommunicationWatchdog) else None


def _named(left: Iterable[LeftOn]) -> str:
    return ", ".join(map(_name, left))


def _name(each: LeftOn) -> str:
    return f"{each['instrument']} ({each['what']})"
