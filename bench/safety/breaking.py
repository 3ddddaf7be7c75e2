"""Whether a contactor may be opened while a current flows: the last resort, and never beyond what it can break.

A contactor that opens under more than its rated breaking current welds or burns, and then nothing is left that opens.
One that stays closed on a current that nobody asked for overcharges a pack. So it is opened when no current flows;
with one that would not go, only for a reason, and only within its rating; else it stays closed and somebody is told.
"""

from collections.abc import Mapping
from math import isnan

from bench.pack import PackFile
from bench.safety.limits import CELL_MARGIN, UNDER_VOLTAGE_MARGIN
from bench.station import SafeState

BY_HAND = "switch off by hand"
LAST_RESORT = "the supervisor acts as the last resort"


def refusal(amps: float, safe: SafeState, reason: str) -> str:
    """Why a contactor that carries `amps` (nan: nobody knows) must stay closed; empty when it may be opened.

    `reason` is why it should be opened all the same: a limit that is violated, or a last resort; empty: there is none.
    """
    flows = "nobody can read the current" if isnan(amps) else f"{amps:.2f} A still flow"
    if not reason:
        return f"left closed because {flows} and no limit is violated; {BY_HAND}"
    if safe.breaking_current is None:
        return f"left closed because {flows} and the station file states no safe_state.breaking_current; {BY_HAND}"
    # Written so that an unknown current (nan) is not taken for one within the rating.
    if not amps <= safe.breaking_current:
        return f"left closed because {flows} and the contactor may break {safe.breaking_current:g} A; {BY_HAND}"
    return ""


def cell_danger(pack: PackFile, heard: Mapping[str, float]) -> str:
    """The limit of a cell that what a BMS sends (channels by name) violates, in words; empty when none does.

    The safe state has no guard beside it any more, and these are what a current that does not go violates first.
    """
    cell, temperature = (
        pack.limits.cell_voltage,
        max(pack.limits.charge_temperature.max, pack.limits.discharge_temperature.max),
    )
    bounds = (
        ("cell voltage max", cell.max + CELL_MARGIN, 1, "V"),
        ("cell voltage min", cell.min - UNDER_VOLTAGE_MARGIN, -1, "V"),
        ("cell temperature max", temperature, 1, "°C"),
    )
    for channel, bound, sign, unit in bounds:
        if sign * (heard[channel] - bound) > 0:
            word = "above" if sign > 0 else "below"
            return f"{channel} {heard[channel]:.4g} {unit} is {word} the allowed {bound:.4g} {unit}"
    return ""
