"""A user's cycle: speed or power over time, with a grade or without, from a CSV file.

The header names each column with its unit: `time / s,speed / km/h,grade / %` or `time_s,power_kW`. Semicolons, decimal
commas and a byte-order mark are read as they are. What no car can have driven is refused with its line: most of it is a
unit. A file that calls itself a WLTC, or is as long as one, has the regulation's statistics in each of its phases or is
named as the damaged one it is.
"""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np

from models.tables import Vector
from models.vehicle.trace import Trace

FASTEST = 100.0
"""m/s: what no road car reaches."""
HARDEST = 6.0
"""m/s2: what no tyre gives between two seconds; US06, the hardest of the certification cycles, asks for 3.8."""
STEEPEST = 0.4
"""m per m: the steepest streets there are have 0.35 (Baldwin Street)."""
STRONGEST = 1e6
"""W of a car."""
MPH = 0.44704

UNITS: Mapping[str, Mapping[str, float]] = {
    "time": {"s": 1.0, "min": 60.0, "h": 3600.0},
    "speed": {"m/s": 1.0, "m_per_s": 1.0, "km/h": 1 / 3.6, "kmh": 1 / 3.6, "km_per_h": 1 / 3.6, "mph": MPH},
    "grade": {"%": 0.01, "percent": 0.01, "1": 1.0, "m/m": 1.0},
    "power": {"W": 1.0, "kW": 1e3},
}
_LABEL = re.compile(r"^\s*(?P<name>[A-Za-z]+)(?:\s*[/\[(]\s*|_|\s+)(?P<unit>[^\])]+?)\s*[\])]?\s*$")


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
    _check_statistics(path, trace)
    return trace


# --- the file ---------------------------------------------------------------------------------------------------------


def _columns(path: Path) -> tuple[dict[str, Vector], Sequence[int]]:
    """The known columns in SI units, and the line that each row stands in."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CycleError(f"{path}: cannot be read ({error.strerror or error}); check the path.") from error
    except UnicodeDecodeError as error:
        raise CycleError(f"{path.name}: byte {error.start} is not UTF-8; save the file as UTF-8 text.") from error
    rows = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip(" \t,;")]
    if len(rows) < 3:
        raise CycleError(f"{path.name}: has {max(len(rows) - 1, 0)} points; a cycle needs a header and two at least.")
    mark = max(";\t,", key=rows[0][1].count)
    labels = next(csv.reader([rows[0][1]], delimiter=mark))
    wanted = dict(_known(path, labels))
    if "time" not in wanted:
        raise CycleError(f"{path.name}: line {rows[0][0]}: no column is the time; name one as in 'time / s'.")
    values = {name: [] for name in wanted}  # type: dict[str, list[float]]
    for number, line in rows[1:]:
        cells = next(csv.reader([line], delimiter=mark))
        for name, (position, factor) in wanted.items():
            values[name].append(
                factor * _number(path, number, name, cells, position, decimal="," if mark != "," else ".")
            )
    return {name: np.array(column) for name, column in values.items()}, [number for number, _ in rows[1:]]


def _known(path: Path, labels: Sequence[str]) -> Iterator[tuple[str, tuple[int, float]]]:
    """Name, position and factor to SI of each column that says a known name."""
    seen = set[str]()
    for position, label in enumerate(labels):
        match = _LABEL.match(label)
        name = (match["name"] if match else label.strip()).lower()
        if name not in UNITS:
            continue
        units = UNITS[name]
        if match is None or match["unit"].strip() not in units:
            given = f"has the unit {match['unit'].strip()!r}" if match else "has no unit"
            raise CycleError(
                f"{path.name}: column {label.strip()!r} {given}; write one of {', '.join(units)} behind it."
            )
        if name in seen:
            raise CycleError(f"{path.name}: column {label.strip()!r} is a second {name}; one of them would be lost.")
        seen.add(name)
        yield name, (position, units[match["unit"].strip()])


def _number(path: Path, line: int, name: str, cells: Sequence[str], position: int, decimal: str) -> float:
    text = cells[position].strip() if position < len(cells) else ""
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
