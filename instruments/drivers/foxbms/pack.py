"""How the pack behind a foxBMS is made up, and what its messages tell of each cell, sensor and string.

Nothing on the bus tells how many there are, so the owner of the node says so, as its battery_system_cfg.h does. Cells
and sensors are counted from 1 through all strings and modules; the node counts them from 0 in its frames.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import inf, isnan, nan
from typing import Final, Self

from instruments.drivers.foxbms.layout import (
    CELL_VOLTAGES,
    EACH_TEMPERATURE,
    EACH_VOLTAGE,
    STRING_ESTIMATION,
    STRING_STATE,
    STRING_VALUES,
    place,
)
from instruments.roles import Channel
from instruments.wording import nearest

MOST: Final = {"strings": 8, "modules": 16, "cells": 255, "sensors": 255}
"""Of each what a message has room for: three bits of a string's number in 0x243, four of a module's, one byte."""
GROUPS: Final = 256
OLD: Final = 5.0
"""s beyond its turn after which a value is none any more: what a BMS may be silent for."""
INDEX_BITS: Final = 4
"""Of a cell's place in its module, where the extremes are told: from the 17th cell on it begins anew."""


@dataclass(frozen=True, slots=True)
class Makeup:
    """`strings` in parallel, each of so many `modules`, each of these with so many `cells` and `sensors`.

    None where nobody has said: of those nothing is told one by one.
    """

    strings: int | None = None
    modules: int = 1
    cells: int | None = None
    sensors: int | None = None

    @classmethod
    def of(cls, name: str, said: object) -> Self:
        """What the option `pack` of an instrument says; raises `ValueError`, one sentence, for what cannot be."""
        if said is None:
            return cls()
        if not isinstance(said, Mapping):
            raise ValueError(f"{name}: pack {said!r} must be keys and numbers, of {', '.join(MOST)}.")
        for key in said:
            if key not in MOST:
                raise ValueError(f"{name}: pack has no {key!r}; {nearest(str(key), MOST)}.")
        made = cls(**{key: value for key, value in said.items() if value is not None})
        made.check(name)
        return made

    def check(self, name: str) -> None:
        """Raise `ValueError`, one sentence, for what no foxBMS can have."""
        for key, most in MOST.items():
            found = getattr(self, key)
            if found is not None and (type(found) is not int or not 1 <= found <= most):
                raise ValueError(f"{name}: pack has {key}: {found!r}, which must be a whole number from 1 to {most}.")
        for key, each in (("cells", VOLTAGES), ("sensors", TEMPERATURES)):
            if self.count(key) > GROUPS * each.size:
                raise ValueError(
                    f"{name}: {self.count(key)} {key} in all are more than the {GROUPS * each.size} that a foxBMS "
                    f"tells one by one; leave out {key}, or say less strings or modules."
                )

    def count(self, key: str) -> int:
        """How many `cells` or `sensors` there are in all; 0 where nobody has said."""
        return (self.strings or 1) * self.modules * (getattr(self, key) or 0)

    def channels(self) -> tuple[Channel, ...]:
        """What is told one by one, in the order of `Details.values`."""
        cells = (Channel(f"cell {number}", "voltage", "V") for number in self._numbers("cells"))
        sensors = (Channel(f"sensor {number}", "temperature", "degC") for number in self._numbers("sensors"))
        strings = range(1, 1 + (self.strings or 0))
        of_strings = (Channel(f"{what} {number}", *of) for number in strings for what, of in STRING_CHANNELS.items())
        return (*cells, *sensors, *of_strings)

    def _numbers(self, key: str) -> range:
        return range(1, 1 + self.count(key))


@dataclass(frozen=True, slots=True)
class Each:
    """A message that tells of `size` places at a time, which its group says: signal stem, value of 1, cycle (s)."""

    identifier: int
    signal: str
    size: int
    factor: float
    cycle: float

    def values(self, frame: int) -> Iterator[float]:
        """Value of each place in a frame, SI; nan where the node says that it is not valid.

        The flag that tells so is called invalidFlag in the original, and 1 is valid (CANTX_VoltageSetData).
        """
        for number in range(self.size):
            valid = place(self.identifier, f"Valid{number}").sent(frame)
            yield place(self.identifier, f"{self.signal}{number}").decode(frame) * self.factor if valid else nan


VOLTAGES: Final = Each(EACH_VOLTAGE, "Voltage", 4, 1e-3, 0.1)
TEMPERATURES: Final = Each(EACH_TEMPERATURE, "Temperature", 6, 1.0, 0.2)
STRING_CHANNELS: Final = {
    "string connected": ("state", "1"),
    "string balancing": ("state", "1"),
    "string voltage": ("voltage", "V"),
    "string current": ("current", "A"),
    "string soc min": ("state of charge", "1"),
    "string soc max": ("state of charge", "1"),
}
"""What each string tells, whether it is connected or not."""
_STRING_SIGNALS: Final = {
    STRING_STATE: (("IsStringConnected", 1.0), ("IsBalancingActive", 1.0)),
    STRING_VALUES: (("Voltage", 1.0), ("Current", 1.0)),
    STRING_ESTIMATION: (("MinimumSoc", 0.01), ("MaximumSoc", 0.01)),
}


class Group:
    """Places of one message, `count` of them from `first` of the values on: when each group of them came."""

    def __init__(self, each: Each, values: list[float], first: int, count: int) -> None:
        self._each, self._values, self._first, self._count = each, values, first, count
        self.came: dict[int, float] = {}
        """When (s, of reception) each group came last."""
        groups = -(-count // each.size)
        self.allowed = OLD + groups * each.cycle
        self.complete: Callable[[], bool] = lambda: len(self.came) == groups

    def hear(self, data: bytes, time: float) -> None:
        """Take the next frame; one of places that nobody has is none of ours."""
        frame = int.from_bytes(data, "big")
        group = place(self._each.identifier, "Group").sent(frame)
        start = group * self._each.size
        if start >= self._count:
            return
        self.came[group] = time
        for number, value in enumerate(self._each.values(frame), start):
            if number < self._count:
                self._values[self._first + number] = value

    def forget(self, age: Callable[[float], float]) -> None:
        """Have no values of groups that have not come for too long."""
        for group, time in tuple(self.came.items()):
            if age(time) > self.allowed:
                del self.came[group]
                start = group * self._each.size
                for number in range(start, min(start + self._each.size, self._count)):
                    self._values[self._first + number] = nan


class Details:
    """What is told one by one: `values` in the order of `Makeup.channels`, nan what nobody has told, or not lately."""

    def __init__(self, makeup: Makeup, turn: float) -> None:
        self.makeup = makeup
        cells, sensors = makeup.count("cells"), makeup.count("sensors")
        self.values = [nan] * len(makeup.channels())
        self.cells = Group(VOLTAGES, self.values, 0, cells)
        self.sensors = Group(TEMPERATURES, self.values, cells, sensors)
        self._strings_at, self._turn = cells + sensors, turn
        self._strings: dict[tuple[int, int], float] = {}

    @property
    def followers(self) -> Mapping[int, Callable[[bytes, float], None]]:
        """Who takes the frames of each message that is worth taking."""
        wanted = {
            EACH_VOLTAGE: (self.cells.hear, self.makeup.cells),
            EACH_TEMPERATURE: (self.sensors.hear, self.makeup.sensors),
            STRING_VALUES: (self._hear_values, self.makeup.strings),
            STRING_ESTIMATION: (self._hear_estimation, self.makeup.strings),
        }
        return {identifier: hear for identifier, (hear, count) in wanted.items() if count}

    def forget(self, age: Callable[[float], float]) -> None:
        """Have no values that are too old by the ages (s) that `age` makes of times of reception."""
        self.cells.forget(age)
        self.sensors.forget(age)
        for (identifier, string), time in tuple(self._strings.items()):
            if age(time) > OLD + 1.0:
                del self._strings[identifier, string]
                self._put(identifier, string, [nan, nan])

    def hear_state(self, string: int, frame: int, time: float) -> None:
        """Take f_StringState of a string (from 0)."""
        self._hear(STRING_STATE, string, frame, time)

    def _hear_values(self, data: bytes, time: float) -> None:
        frame = int.from_bytes(data, "big")
        self._hear(STRING_VALUES, place(STRING_VALUES, "StringNumber").sent(frame), frame, time)

    def _hear_estimation(self, data: bytes, time: float) -> None:
        frame = int.from_bytes(data, "big")
        self._hear(STRING_ESTIMATION, place(STRING_ESTIMATION, "StringNumber").sent(frame), frame, time)

    def _hear(self, identifier: int, string: int, frame: int, time: float) -> None:
        if string >= (self.makeup.strings or 0):
            return
        self._strings[identifier, string] = time
        found = [place(identifier, name).decode(frame) * factor for name, factor in _STRING_SIGNALS[identifier]]
        if identifier == STRING_VALUES:
            found[1] *= self._turn
        self._put(identifier, string, found)

    def _put(self, identifier: int, string: int, found: list[float]) -> None:
        first = self._strings_at + string * len(STRING_CHANNELS) + 2 * list(_STRING_SIGNALS).index(identifier)
        self.values[first : first + len(found)] = found

    # ---- places ----

    def name_of(self, message: int, string: int, module: int, number: int, value: float) -> str:
        """Name a cell or sensor by what an extreme says of its place (each from 0) and its value, V or degC."""
        kind, key = ("cell", "cells") if message == CELL_VOLTAGES else ("sensor", "sensors")
        of_string = f" of string {string + 1}" if string or (self.makeup.strings or 1) > 1 else ""
        size = getattr(self.makeup, key)
        first = (string * self.makeup.modules + module) * (size or 0)
        found = None if size is None else self._nearest(key, first, range(number, size, 1 << INDEX_BITS), value)
        inside = f"{kind} {(number if found is None else found) + 1} of module {module + 1}{of_string}"
        if found is None:
            return inside
        alone = self.makeup.modules == 1 and not of_string
        return f"{kind} {first + found + 1}" + ("" if alone else f" ({inside})")

    def _nearest(self, key: str, first: int, candidates: range, value: float) -> int | None:
        """Of the places in a module that an index may mean, the one whose own value is next to the extreme's."""
        offset = 0 if key == "cells" else self.makeup.count("cells")

        def gap(candidate: int) -> float:
            position = offset + first + candidate
            told = self.values[position] if position < offset + self.makeup.count(key) else nan
            return inf if isnan(told) else abs(told - value)

        return min(candidates, key=gap, default=None)
