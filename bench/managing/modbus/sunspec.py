"""SunSpec models as registers: where each point stands, and how a value is written there.

The definitions are those of the SunSpec Alliance (Apache-2.0), as the package pysunspec2 carries them; none is typed
here. Source of the types and of what stands in a point that a device does not have: SunSpec Device Information Model
Specification V1.1, 4.
"""

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import isfinite
from pathlib import Path
from typing import Any

from bench.verdicts import InputError

Value = float | str | None
"""What a point holds, in the unit of its definition, or by the name that this has for it.

None: nothing, as of a point that the device does not have.
"""
OWN = Path(__file__).with_name("models")


@dataclass(frozen=True, slots=True)
class Kind:
    """How a number is packed, and the number that stands for none."""

    form: str
    none: int

    @property
    def words(self) -> int:
        """Registers that it takes."""
        return struct.calcsize(">" + self.form) // 2


_U16, _U32, _U64 = 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
KINDS: Mapping[str, Kind] = {
    "int16": Kind("h", -0x8000), "pad": Kind("h", -0x8000), "sunssf": Kind("h", -0x8000),
    "uint16": Kind("H", _U16), "enum16": Kind("H", _U16), "bitfield16": Kind("H", _U16),
    "count": Kind("H", 0), "acc16": Kind("H", 0),
    "int32": Kind("i", -0x80000000), "uint32": Kind("I", _U32), "enum32": Kind("I", _U32),
    "bitfield32": Kind("I", _U32), "acc32": Kind("I", 0), "ipaddr": Kind("I", 0),
    "int64": Kind("q", -0x8000000000000000), "uint64": Kind("Q", _U64), "bitfield64": Kind("Q", _U64),
    "acc64": Kind("Q", 0),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a model: `at` is its place, in words from the model's first one, `size` its words.

    `factor` names the point that holds its power of ten, `writable` whether the definition lets anybody write it, and
    `symbols` are the names that its values have.
    """

    name: str
    kind: str
    at: int
    size: int
    factor: str | None
    writable: bool
    symbols: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Model:
    """A model's points in their order, its number and the words that it takes behind number and length."""

    number: int
    points: tuple[Point, ...]

    @property
    def length(self) -> int:
        """Words behind number and length."""
        last = self.points[-1]
        return last.at + last.size - 2

    def named(self, name: str) -> Point:
        """One point by its name, that of a group before it with a dot."""
        return next(each for each in self.points if each.name == name)


@cache
def symbol(number: int, point: str, name: str) -> int:
    """The value that a model's definition gives a name of one of its points; raises `InputError` as `model` does."""
    return model(number).named(point).symbols[name]


@cache
def model(number: int, **counts: int) -> Model:
    """The model of a number; `counts` are how often a group repeats, by the point that tells so.

    Raises `InputError` where its definition is not to be had.
    """
    return Model(number, tuple(_laid_out(_definition(number)["group"], counts)))


def _definition(number: int) -> Any:
    own = OWN / f"model_{number}.json"
    if own.exists():
        return json.loads(own.read_text(encoding="utf-8"))
    try:
        found = files("sunspec2") / "models" / "json" / f"model_{number}.json"
        return json.loads(found.read_text(encoding="utf-8"))
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise InputError(
            f"A manager over Modbus needs the definition of SunSpec model {number}: "
            "python3 -m pip install 'packbench[v2x]'."
        ) from error


def _laid_out(group: Mapping[str, Any], counts: Mapping[str, int]) -> Iterator[Point]:
    at = 0
    for prefix, each in _flat(group, "", counts):
        size = KINDS[each["type"]].words if each["type"] in KINDS else int(each["size"])
        name = prefix + each["name"]
        symbols = {symbol["name"]: int(symbol["value"]) for symbol in each.get("symbols", ())}
        yield Point(name, each["type"], at, size, each.get("sf"), each.get("access") == "RW", symbols)
        at += size


def _flat(group: Mapping[str, Any], prefix: str, counts: Mapping[str, int]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Points with the names of the groups that they are in: those of a group stand before those of the groups in it."""
    for point in group.get("points", ()):
        yield prefix, point
    for inner in group.get("groups", ()):
        times = inner.get("count", 1)
        for number in range(counts[times] if isinstance(times, str) else times):
            repeated = f".{number + 1}" if times != 1 else ""
            yield from _flat(inner, f"{prefix}{inner['name']}{repeated}.", counts)


def words(point: Point, value: Value, power: int = 0) -> tuple[int, ...]:
    """A value as it stands in registers, with its power of ten; what does not fit stands there as none."""
    if point.kind not in KINDS:
        return _text(point, "" if value is None else str(value))
    kind, value = KINDS[point.kind], point.symbols[value] if isinstance(value, str) else value
    number = kind.none if value is None or not isfinite(value) else round(value / 10**power)
    try:
        packed = struct.pack(">" + kind.form, number)
    except struct.error:
        packed = struct.pack(">" + kind.form, kind.none)
    return struct.unpack(f">{kind.words}H", packed)


def number(point: Point, found: tuple[int, ...], power: int = 0) -> float | None:
    """The value that registers hold; None for that of a point that there is not."""
    kind = KINDS[point.kind]
    (value,) = struct.unpack(">" + kind.form, struct.pack(f">{kind.words}H", *found))
    return None if value == kind.none and kind.none else value * 10.0**power


def _text(point: Point, text: str) -> tuple[int, ...]:
    data = text.encode("ascii", "replace")[: 2 * point.size].ljust(2 * point.size, b"\0")
    return struct.unpack(f">{point.size}H", data)
