"""Which cell or sensor was an extreme, where a recording has them one by one: by the numbers of their columns.

An emulator records the cells that it plays, a BMS those that it measures where the station file says how its pack is
made up, a scanner its sensors. Of several the one is asked that the extreme itself was read from.
"""

import re
from collections.abc import Mapping

import numpy as np

from reports.recording import Recording

_NUMBERED = re.compile(r"^(?P<who>.+) (?P<what>Cell|Sensor) (?P<number>\d+) / (?:V|degC)$")
EXTREMES: Mapping[str, tuple[str, bool]] = {
    "Cell Voltage Min / V": ("Cell", False),
    "Cell Voltage Max / V": ("Cell", True),
    "Cell Temperature Min / degC": ("Sensor", False),
    "Cell Temperature Max / degC": ("Sensor", True),
}
"""Columns of extremes: what they are of, and whether they are the highest."""
NEAR = 0.02
"""V or K within which a column and an extreme are the same reading: single cells of a BMS come within seconds."""


def extreme_at(run: Recording, column: str, row: int) -> str:
    """Name the cell or sensor that a column of `EXTREMES` was read from in a row; empty where nobody can tell."""
    what, highest = EXTREMES[column]
    extreme = run.at(column, row)
    for numbers in _by_instrument(run, what).values():
        values = np.array([run.at(name, row) for name in numbers.values()])
        if not np.isfinite(values).all():
            continue
        place = int(values.argmax() if highest else values.argmin())
        if abs(values[place] - extreme) <= NEAR:
            return f"{what.lower()} {list(numbers)[place]}"
    return ""


def extreme_of(run: Recording, column: str) -> str:
    """Name what was most extreme in a whole run: see `extreme_at`."""
    values = run.column(column) if column in EXTREMES and run.has(column) else np.array([])
    if not np.isfinite(values).any():
        return ""
    return extreme_at(run, column, int(np.nanargmax(values) if EXTREMES[column][1] else np.nanargmin(values)))


def each_of(run: Recording, column: str) -> dict[str, str]:
    """Columns of the cells or sensors behind a column of `EXTREMES`, by name: of the instrument with most of them."""
    what = EXTREMES[column][0]
    numbers = max(_by_instrument(run, what).values(), key=len, default={})
    return {f"{what.lower()} {number}": name for number, name in sorted(numbers.items()) if run.has(name)}


def _by_instrument(run: Recording, what: str) -> dict[str, dict[int, str]]:
    """Columns of numbered cells or sensors, by number, of each instrument that has them."""
    found: dict[str, dict[int, str]] = {}
    for name in run.columns:
        match = _NUMBERED.match(name)
        if match and match["what"] == what:
            found.setdefault(match["who"], {})[int(match["number"])] = name
    return found
