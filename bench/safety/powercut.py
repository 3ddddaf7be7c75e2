"""What goes on when the computer loses power, and with it the test and its supervisor: said before and afterwards.

Nothing on this computer can switch anything off then. What an instrument does by itself is all there is: its own
communication watchdog, and a BMS that opens its contactors when nobody asks anything of it any more. Simulators that
end with the test leave nothing on.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.players import Driver
from bench.safety.asfound import powers_of
from bench.station import StationFile
from instruments.roles import CommunicationWatchdog, OpensWhenSilent

CONTACTOR = "contactor"
ADVICE = (
    "Add an instrument with a communication watchdog, a BMS that opens its contactors when requests stop, or a relay "
    "that drops out with this computer"
)
ISOLATED = "from then on no current flows through the pack"
ADVICE_BEHIND_A_CONTACTOR = "To end the rest, add communication watchdogs, or a relay that drops out with this computer"

LeftOn = dict[str, Any]
"""`instrument`, `what` of it, and `stays_on_for` s of whoever stands beside it; None: for ever."""


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
    # The contactor last: what is said behind it follows from it.
    ending = sorted(
        (each for each in left if each["stays_on_for"] is not None), key=lambda each: each["what"] == CONTACTOR
    )
    bounded = [f"{_name(each)} after {each['stays_on_for']:g} s" for each in ending]
    stays = f"{for_ever} for ever" if for_ever else "nothing for ever"
    ends = f"; by itself ends {', '.join(bounded)}" if bounded else ""
    isolated = any(each["what"] == CONTACTOR and each["stays_on_for"] is not None for each in left)
    ends += f": {ISOLATED}" if isolated else ""
    advice = f" {ADVICE_BEHIND_A_CONTACTOR if isolated else ADVICE}." if for_ever else ""
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
    powers = [power.what for power in powers_of(roles)]
    return powers[-1:] or ([CONTACTOR] if "bms" in roles else [])


def _time(station: StationFile, name: str, what: str, driver: Driver | None) -> float | None:
    if what == CONTACTOR:
        return driver.opens_when_silent() if isinstance(driver, OpensWhenSilent) else None
    silence = station.watchdog(name) if isinstance(driver, CommunicationWatchdog) else None
    # A simulated one counts the seconds of its bench, whoever reads this does not.
    return None if silence is None else silence / station.speed


def _named(left: Iterable[LeftOn]) -> str:
    return ", ".join(map(_name, left))


def _name(each: LeftOn) -> str:
    return f"{each['instrument']} ({each['what']})"
