"""A user's cycle: speed or power over time, with a grade or without, from a CSV file.

The header names each column with its unit: `time / s,speed / km/h,grade / %` or `time_s,power_kW`, as in `Target speed,
mph` of the agencies' files, or in the words of FASTSim (`cycSecs,cycMps,cycGrade`). Lines in front of it that begin
with `#`, semicolons, decimal commas and a byte-order mark are read as they are. What no car can have driven is refused
with its line: most of it is a unit. A whole cycle is no livelier than roads let a car be either: a gentle one in a unit
that is too small breaks no limit of a car's in any one second. A file that calls itself a WLTC, or is as long as one,
has the regulation's statistics in each of its phases or is named as the damaged one it is.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np

from models import texttable
from models.tables import Vector
from models.texttable import TableError, TextTable
from models.vehicle.trace import Trace

FASTEST = 70.0
"""m/s: 252 km/h, what cars of series are held to and no certification cycle comes near."""
HARDEST = 6.0
"""m/s2: what no tyre gives between two seconds; US06, the hardest of the certification cycles, asks for 3.8."""
STEEPEST = 0.4
"""m per m: the steepest streets there are have 0.35 (Baldwin Street)."""
STRONGEST = 1e6
"""W of a car."""
LIVELIEST = 2.5
"""How much livelier than the regulation lets a trip on public roads be a cycle is at most. The certification cycles
have 0.35 (HWFET) to 1.03 (US06) of it; the same in km/h, read as m/s, 2.8 and more."""
SHORT = 300.0
"""s below which a cycle may be one that is all acceleration, as in a test of it."""
LIVELY_FROM = 0.1, 1.0
"""m/s2 from which on the regulation counts a car as accelerating, and km/h from which on as driving."""
MPH = 0.44704

UNITS: Mapping[str, Mapping[str, float]] = {
    "time": {"s": 1.0, "sec": 1.0, "secs": 1.0, "seconds": 1.0, "min": 60.0, "h": 3600.0},
    "speed": {
        **dict.fromkeys(("m/s", "m_per_s", "mps"), 1.0),
        **dict.fromkeys(("km/h", "kmh", "km_per_h", "kph"), 1 / 3.6),
        **dict.fromkeys(("mph", "mi/h"), MPH),
    },
    "grade": {"%": 0.01, "percent": 0.01, "1": 1.0, "m/m": 1.0},
    "power": {"W": 1.0, "kW": 1e3},
}
FASTSIM: Mapping[str, str] = {"cycsecs": "time / s", "cycmps": "speed / m/s", "cycgrade": "grade / 1"}
"""Columns of a cycle of NREL's FASTSim (its folder `resources/cycles`), as they are called here."""
_LABEL = re.compile(
    rf"(?<![A-Za-z])(?P<name>{'|'.join(UNITS)})(?:\s*[/\[(,]\s*|_|\s+|$)(?P<unit>[^\])]*?)\s*[\])]?\s*$", re.IGNORECASE
)


class CycleError(ValueError):
    """A cycle cannot be driven as it stands: one sentence with file, line, what was found and what is allowed."""


@dataclass(frozen=True, eq=False)
class PowerTrace:
    """Power (W) out of the pack at the times (s), which rise from 0."""

    name: str
    time: Vector
    power: Vector


@dataclass(frozen=True, slots=True)
class Phase:
    """What a phase of a certification cycle is known by: its end (s), distance (m) and top speed (m/s)."""

    name: str
    end: float
    distance: float
    fastest: float


SHOWN = 8
"""Columns that a sentence names, at most."""

WLTC_3B = (
    Phase("low", 589.0, 3094.5, 56.5 / 3.6),
    Phase("medium", 1022.0, 4755.9, 76.6 / 3.6),
    Phase("high", 1477.0, 7161.7, 97.4 / 3.6),
    Phase("extra-high", 1800.0, 8254.1, 131.3 / 3.6),
)
"""UN GTR 15, annex 1, class 3b."""
LIKE = 0.05
"""Share by which a cycle may be longer or shorter than a WLTC and still be taken for a damaged one."""
CLOSE = 0.002
"""Share by which a phase's figures may be off: speeds are written with one digit."""


def read_cycle(path: Path) -> Trace | PowerTrace:
    """Read a cycle; raises `CycleError`."""
    columns, lines = _columns(path)
    time = columns["time"]
    _check_times(path, time, lines)
    if ("speed" in columns) == ("power" in columns):
        both = "both" if "speed" in columns else "neither"
        raise CycleError(f"{path.name}: has {both} of speed and power; give one of them beside the time.")
    if "power" in columns:
        _check(path, "power", "W", columns["power"], lines, lambda value: abs(value) <= STRONGEST, "up to 1 MW")
        return PowerTrace(path.stem, time, columns["power"])
    grade = columns.get("grade", np.zeros_like(time))
    _check(path, "grade", "m/m", grade, lines, lambda value: abs(value) <= STEEPEST, "up to 40 %")
    trace = Trace(path.stem, time, columns["speed"], grade)
    _check_speeds(path, trace, lines)
    if not trace.distance > 0:
        raise CycleError(f"{path.name}: stands for all of its {trace.duration:g} s; a cycle of speeds goes somewhere.")
    _check_liveliness(path, trace)
    _check_statistics(path, trace)
    return trace


# --- the file ---------------------------------------------------------------------------------------------------------


def _columns(path: Path) -> tuple[dict[str, Vector], Sequence[int]]:
    """The known columns in SI units, and the line that each row stands in."""
    table = _table(path)
    points = len(table.rows) if table is not None else 0
    if table is None or points < 2:
        raise CycleError(f"{path.name}: has {points} points; a cycle needs a header and two at least.")
    wanted = _known(path, table.names)
    if "time" not in wanted:
        there = ", ".join(table.names[:SHOWN])
        raise CycleError(
            f"{path.name}: line {table.line}: no column of {there!r} is the time; name one as in 'time / s'."
        )
    decimal = "," if table.delimiter != "," else "."
    columns = {
        name: np.array([factor * _number(path, line, name, cells[position], decimal) for line, cells in table.rows])
        for name, (position, factor) in wanted.items()
    }
    return columns, [line for line, _ in table.rows]


def _table(path: Path) -> TextTable | None:
    try:
        return texttable.parse(texttable.read_text(path))
    except TableError as error:
        place = f"{path.name}: line {error.line}" if error.line is not None else path.name
        raise CycleError(f"{place}: {error}") from error


def _known(path: Path, labels: Sequence[str]) -> dict[str, tuple[int, float]]:
    """Position and factor to SI, by name, of each column that says a known one."""
    found: dict[str, tuple[int, float]] = {}
    for position, label in enumerate(labels):
        match = _LABEL.search(FASTSIM.get(label.strip().lower(), label))
        if match is None:
            continue
        name, unit = match["name"].lower(), match["unit"]
        units = UNITS[name]
        if unit not in units:
            given = f"has the unit {unit!r}" if unit else "has no unit"
            raise CycleError(
                f"{path.name}: column {label.strip()!r} {given}; write one of {', '.join(units)} behind it."
            )
        if name in found:
            first = labels[found[name][0]].strip()
            raise CycleError(
                f"{path.name}: {first!r} and {label.strip()!r} are both the {name}; leave the one that was driven."
            )
        found[name] = position, units[unit]
    return found


def _number(path: Path, line: int, name: str, text: str, decimal: str) -> float:
    try:
        value = float(text.replace(",", ".") if decimal == "," else text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise CycleError(f"{path.name}: line {line}: {name} is {text!r}; give a number.")
    return value


# --- what cannot be ---------------------------------------------------------------------------------------------------


def _check_times(path: Path, time: Vector, lines: Sequence[int]) -> None:
    if time[0] != 0.0:
        raise CycleError(f"{path.name}: line {lines[0]}: begins at {time[0]:g} s; a cycle begins at 0.")
    back = np.flatnonzero(np.diff(time) <= 0)
    if back.size:
        at = int(back[0]) + 1
        raise CycleError(
            f"{path.name}: line {lines[at]}: time goes from {time[at - 1]:g} s to {time[at]:g} s; it must rise."
        )
    usual = float(np.median(np.diff(time)))
    gaps = np.flatnonzero(np.diff(time) > 10 * usual)
    if len(time) > 10 and gaps.size:
        at = int(gaps[0]) + 1
        raise CycleError(
            f"{path.name}: line {lines[at]}: nothing between {time[at - 1]:g} s and {time[at]:g} s where a point comes "
            f"every {usual:g} s; fill the gap."
        )


def _check(
    path: Path, name: str, unit: str, values: Vector, lines: Sequence[int], fits: Callable[[float], bool], allowed: str
) -> None:
    for line, value in zip(lines, values.tolist(), strict=True):
        if not fits(value):
            raise CycleError(f"{path.name}: line {line}: {name} is {value:g} {unit}; a car's is {allowed}.")


def _check_speeds(path: Path, trace: Trace, lines: Sequence[int]) -> None:
    pull = np.abs(trace.acceleration)
    # A wrong unit makes all of it too fast; a spike is over in a moment.
    hint = "; is it km/h?" if float(np.median(trace.speed)) > FASTEST / 4 or (pull > HARDEST).sum() > 4 else ""
    for line, speed in zip(lines, trace.speed.tolist(), strict=True):
        if not 0.0 <= speed <= FASTEST:
            raise CycleError(
                f"{path.name}: line {line}: speed is {speed:.4g} m/s ({3.6 * speed:.0f} km/h); a car's is from 0 to "
                f"{3.6 * FASTEST:.0f} km/h{hint}."
            )
    hard = np.flatnonzero(pull > HARDEST)
    if hard.size:
        at = int(hard[0])
        raise CycleError(
            f"{path.name}: line {lines[at + 1]}: speed goes from {3.6 * trace.speed[at]:.1f} to "
            f"{3.6 * trace.speed[at + 1]:.1f} km/h in {trace.time[at + 1] - trace.time[at]:g} s; no tyre gives more "
            f"than {HARDEST:g} m/s2{hint}."
        )


def _check_liveliness(path: Path, trace: Trace) -> None:
    """Refuse what roads and their traffic let no car do for as long as that, though it could for a second.

    (EU) 2017/1151, annex IIIA, appendix 7a: of the products of speed and acceleration while a car accelerates, 95 % lie
    below a bound that rises with its mean speed.
    """
    accelerating, driving = LIVELY_FROM
    speed, pull = trace.speed, trace.acceleration
    lively, moving = (speed * pull)[pull > accelerating], 3.6 * speed[3.6 * speed >= driving]
    if trace.duration < SHORT or not lively.size or not moving.size:
        return
    mean, found = float(moving.mean()), float(np.percentile(lively, 95))
    allowed = 0.136 * mean + 14.44 if mean <= 74.6 else 0.0742 * mean + 18.966
    if found > LIVELIEST * allowed:
        raise CycleError(
            f"{path.name}: is {found / allowed:.1f} times as lively (speed x acceleration of {found:.0f} W/kg at "
            f"{mean:.0f} km/h in the mean) as a trip on roads may be; up to {LIVELIEST:g} is believed. "
            "Check the unit of the speed."
        )


def _check_statistics(path: Path, trace: Trace) -> None:
    """Refuse a WLTC that is none."""
    end, distance = WLTC_3B[-1].end, sum(phase.distance for phase in WLTC_3B)
    named = re.search("wlt[cp]", path.stem, re.IGNORECASE) is not None
    long = abs(trace.duration - end) <= 2.0 and abs(trace.distance / distance - 1) <= LIKE
    if not (named or long):
        return
    if abs(trace.duration - end) > 2.0:
        raise CycleError(
            f"{path.name}: is called a WLTC and takes {trace.duration:g} s; the class 3b cycle takes {end:g} s. Give "
            "it the name of what it is."
        )
    begin = 0.0
    for phase in WLTC_3B:
        part = trace.part(begin, phase.end)
        found = (
            ("distance", part.distance, phase.distance, "m"),
            ("top speed", part.speed.max(), phase.fastest, "m/s"),
        )
        for what, is_, should, unit in found:
            if abs(is_ / should - 1) > CLOSE:
                raise CycleError(
                    f"{path.name}: is a damaged WLTC: its phase {phase.name!r} ({begin:g} to {phase.end:g} s) has a "
                    f"{what} of {is_:.5g} {unit} where class 3b has {should:.5g} {unit}."
                )
        begin = phase.end
