"""What a pack file requires: limits by KPI, by condition, by temperature. What a KPI is, is for the reports to know.

```yaml
requirements:
  discharge capacity:                       # under several conditions, each named as the test asks for it
    C/3: {-10: 1.8, 25: 1.96}               # by temperature, degC
    1C: {-10: 1.7, 25: 1.94}
  dc resistance 10 s: {0: null, 25: 0.78}   # under any; null: nobody says what it must reach there, or beyond
  temperature rise: 15                      # at any temperature
```
"""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator

from bench import files

T = TypeVar("T")

ANYWHERE = 25.0
"""degC: where a limit that does not depend on the temperature is kept."""
UNCONDITIONAL = ""
"""The condition of a limit that depends on none."""
TOLERANCE = 2.0
"""K by which a test may be off the temperature that it is made at: 25 ± 2 °C (GB/T 31486-2024, 6.1)."""
Limits = Mapping[float, float | None]
"""Limits by temperature (degC), in the KPI's unit; None at one for which no limit is stated."""
Conditions = Mapping[str, Limits]
"""Limits of one KPI, by condition."""
TWICE = "is a temperature that is given twice"
BOTH_SENSES = ("at_least", "at_most", "at least", "at most", "min", "max")
"""Words that look like a condition, and mean that somebody has written both sides of a limit."""


def _ordered(table: dict[float, float]) -> dict[float, float]:
    if not table:
        raise ValueError("needs at least one temperature")
    return dict(sorted(table.items()))


def _no_temperature_twice(written: object) -> object:
    """Whatever is written, unless two of its keys are one temperature (25 and "25.0"): one of these would be lost."""
    seen: set[float | None] = {None}
    for key in written if isinstance(written, Mapping) else ():
        temperature = _as_number(key)
        if temperature is not None and temperature in seen:
            raise files.WrongAt((str(key),), key, TWICE)
        seen.add(temperature)
    return written


ByTemperature = Annotated[dict[float, float], BeforeValidator(_no_temperature_twice), AfterValidator(_ordered)]
"""Value over temperature (degC): linear between the points, the nearest point outside them."""


def at_temperature(table: Mapping[float, float], temperature: float) -> float:
    """Read a `ByTemperature` table at `temperature` degC."""
    points = sorted(table.items())
    below = [point for point in points if point[0] <= temperature]
    above = [point for point in points if point[0] >= temperature]
    if not below:
        return above[0][1]
    if not above:
        return below[-1][1]
    (t0, v0), (t1, v1) = below[-1], above[0]
    return v0 if t1 == t0 else v0 + (v1 - v0) * (temperature - t0) / (t1 - t0)


def limit_at(table: Limits, temperature: float) -> float | None:
    """What a figure at `temperature` (degC) is judged by; None where nothing is stated. One limit alone holds at any.

    Between a limit and none, and outside the table, there is nothing to interpolate: what is stated at a temperature
    holds within `TOLERANCE`.
    """
    if len(table) == 1:
        return next(iter(table.values()))
    low = max((point for point in table if point <= temperature), default=min(table))
    high = min((point for point in table if point >= temperature), default=max(table))
    known = {point: limit for point in (low, high) if (limit := table[point]) is not None}
    if len(known) == len({low, high}) and min(table) <= temperature <= max(table):
        return at_temperature(known, temperature)
    nearest = min(low, high, key=lambda point: abs(point - temperature))
    return table[nearest] if abs(nearest - temperature) <= TOLERANCE else None


def unstated(table: Limits, temperature: float) -> str:
    """Why nobody knows what is required at `temperature` (degC), in words; empty where the table says it.

    It says so where it has a limit, and where it has `null`, which holds beyond the end of a table too. What is
    required beyond its last limit nobody has said: that limit would blame a pack for the cold, or wave it through.
    """
    low, high = min(table), max(table)
    end = low if temperature < low else high
    if len(table) == 1 or abs(temperature - end) <= TOLERANCE or low <= temperature <= high or table[end] is None:
        return ""
    return f"it is required at {low:g} to {high:g} °C, and nobody says what at {temperature:g} °C"


def source_of(sources: Mapping[str, str], kpi: str, condition: str) -> str:
    """Where what is required of a KPI under a condition comes from; empty where the sources of a file do not say it."""
    place = f"requirements.{kpi}"
    return sources.get(f"{place}.{condition}", sources.get(place, ""))


def read(written: object) -> dict[str, Conditions]:
    """What stands under `requirements`; raises `WrongAt` for what is no requirement."""
    if not isinstance(written, Mapping):
        raise files.WrongAt((), written, "needs the keys of KPIs, each with its limit")
    return {_key(key): _at(_conditions, limit, key) for key, limit in written.items()}


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise files.WrongAt((str(key),), key, "a requirement begins with the key of a KPI")
    return key


def _conditions(written: object) -> Conditions:
    """The limits of one KPI, by condition."""
    if not isinstance(written, Mapping):
        return {UNCONDITIONAL: {ANYWHERE: _number(written)}}
    named = [key for key in written if _as_number(key) is None]
    if not named:
        return {UNCONDITIONAL: _table(written)}
    if len(named) < len(written):
        raise files.WrongAt(
            (str(named[0]),), named[0], "stands beside temperatures; write limits by condition, or one by temperature"
        )
    twice = next((name for name in named if name in BOTH_SENSES), None)
    if twice is not None:
        raise files.WrongAt((twice,), twice, "a requirement is one limit; the KPI says on which side of it is good")
    return {str(name): _at(_limit, limit, name) for name, limit in written.items()}


def _limit(written: object) -> dict[float, float | None]:
    return _table(written) if isinstance(written, Mapping) else {ANYWHERE: _number(written)}


def _table(written: Mapping[Any, object]) -> dict[float, float | None]:
    """A limit by temperature; null at one for which none is stated."""
    if not written:
        raise files.WrongAt((), dict(written), "needs at least one temperature")
    if all(value is None for value in written.values()):
        raise files.WrongAt((), dict(written), "requires nothing at any temperature; give one a limit, or leave it out")
    table: dict[float, float | None] = {}
    for key, value in written.items():
        temperature = _as_number(key)
        if temperature is None:
            raise files.WrongAt((str(key),), key, "should be a temperature, °C")
        if temperature in table:
            raise files.WrongAt((str(key),), key, TWICE)
        table[temperature] = None if value is None else _at(_number, value, key)
    return dict(sorted(table.items()))


def _number(written: object) -> float:
    number = _as_number(written)
    if number is None:
        raise files.WrongAt((), written, "should be a number, or numbers by temperature")
    return number


def _as_number(written: object) -> float | None:
    """A finite number, also one that YAML takes for a text (`1e-3`); None for anything else."""
    if isinstance(written, bool) or not isinstance(written, int | float | str):
        return None
    try:
        number = float(written)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) else None


def _at(read: Callable[[Any], T], written: object, key: object) -> T:
    """Read what stands under a key, which is where a complaint about it lies."""
    try:
        return read(written)
    except files.WrongAt as wrong:
        raise files.WrongAt((str(key), *wrong.where), wrong.found, str(wrong)) from wrong


Requirements = Annotated[dict[str, dict[str, dict[float, float | None]]], BeforeValidator(read)]
"""`Conditions` by the key of their KPI."""
