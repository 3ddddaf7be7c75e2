"""Seeded defects: what a virtual bench can be asked to get wrong, as short words on a command line or in a test.

Parsing and checking only: `injection` puts them into effect. Behind `@` stands when: `silent:supply@120` from that
bench time (s after the world was opened) on; `silent:supply@120+3` for 3 s; `silent:supply@120+3/20` for 3 s every
20 s, as an intermittent fault does. Without the first number it begins at once: `silent:supply@+3/20`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, nan
from typing import Any

from instruments.wording import nearest


@dataclass(frozen=True, slots=True)
class DefectKind:
    """What can go wrong, and how.

    `form` is its name and its parts with their units; brackets hold a part that may be left out. A part is a number, a
    cell, a sensor, one of the simulator's own `words`, or else an instrument whose simulator knows this defect.
    `begin(part, defect, world)` brings it about in a simulator and returns how it is ended. `holder` is what a station
    lacks where no simulator knows it. Where a defect names no instrument and several know it, the least `rank` has it,
    then the first in the station. One that is `for_good` nobody can mend, and it does not end by itself either.
    """

    form: str
    begin: "Begin"
    holder: str = "instrument"
    rank: int = 0
    for_good: bool = False

    @property
    def name(self) -> str:
        """What it is called."""
        return self.form.partition(":")[0].partition("[")[0]

    @property
    def parts(self) -> tuple[str, ...]:
        """What its parts are."""
        return tuple(part.partition(">")[0] for part in self.form.split("<")[1:])


Part = float | int | str


@dataclass(frozen=True, slots=True)
class Known:
    """What a world has: `kinds` of defects by name, and what the parts of their forms may name.

    `words` are by defect the names that may stand where its form has this between its angle brackets; `holders` the
    instruments that know a defect, by its name.
    """

    cells: int
    sensors: int
    kinds: Mapping[str, DefectKind]
    words: Mapping[str, Mapping[str, Collection[str]]]
    holders: Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class Defect:
    """One defect: its word as given, its name, its parts in order, from when on (s after opening), for how long (s).

    Cells and sensors are counted from 0 here. A part that was left out is not in `parts`. One that comes and goes
    begins anew `every` so many s.
    """

    text: str
    name: str
    parts: tuple[Part, ...] = ()
    at: float = 0.0
    lasting: float = inf
    every: float = inf

    def number(self, place: int, default: float = nan) -> float:
        """A part that is a number, or `default` where it was left out."""
        return float(self.parts[place]) if place < len(self.parts) else default

    def index(self, place: int = 0) -> int:
        """A part that is a cell or a sensor."""
        return int(self.parts[place])

    def word(self, place: int = 0) -> str:
        """A part that is a name."""
        return str(self.parts[place])


Repair = Callable[[], object]
"""Ends a defect."""
Begin = Callable[[Any, Defect, Any], Repair | None]
"""Brings a defect about in a simulator of a world (`Inhabitants`); how it is ended, None for what is for good."""


def over() -> None:
    """End a defect that was over as soon as it had happened."""


def parse_defects(texts: Sequence[str], known: Known) -> tuple[Defect, ...]:
    """Read defects such as `weak-cell:7:0.7@60`.

    Raises ValueError, one sentence with the allowed form, for an unknown name, a wrong part, a cell outside the
    string or an instrument that the station does not have.
    """
    return tuple(_Reader(text, known).read() for text in texts)


def optional_parts(form: str) -> int:
    """How many parts of a form may be left out."""
    return form.count("[")


def unreadable(kind: DefectKind, words: Collection[str]) -> str:
    """What is wrong with a form that somebody declares, as the end of a sentence; empty when nothing is."""
    if kind.form.count("<") != kind.form.count(">") or not kind.name:
        return f"its form {kind.form!r} is none: write name:<part>[:<part that may be left out>]"
    names = _names(kind, words)
    if len(names) > 1:
        return f"its form {kind.form!r} has <{names[1]}> where a unit or one of its own words is needed"
    return ""


def instrument_part(kind: DefectKind, words: Collection[str]) -> int | None:
    """Which part of a defect names an instrument; None where none does."""
    names = _names(kind, words)
    return kind.parts.index(names[0]) if names else None


def _names(kind: DefectKind, words: Collection[str]) -> list[str]:
    """Its parts that are neither read as numbers nor words of its simulator."""
    return [part for part in kind.parts if part not in READERS and part not in words and part != "after s"]


@dataclass(slots=True)
class _Reader:
    """One word on its way to a defect."""

    text: str
    known: Known
    form: str = ""
    parts: list[Part] = field(default_factory=list)

    def read(self) -> Defect:
        word, at_sign, when = self.text.partition("@")
        name, *values = word.split(":")
        if name not in self.known.kinds:
            raise ValueError(f"unknown defect {name!r} in {self.text!r}; {nearest(name, self.known.kinds)}")
        defect_kind = self.known.kinds[name]
        self.form, kinds = defect_kind.form, defect_kind.parts
        if not len(kinds) - optional_parts(self.form) <= len(values) <= len(kinds):
            raise ValueError(f"defect {self.text!r} has {len(values)} parts behind its name: write {self.form}")
        at, lasting, every = self._times(defect_kind, when) if at_sign else (0.0, inf, inf)
        for kind, value in zip(kinds, values, strict=False):
            if kind == "after s":
                if when.partition("+")[0]:
                    raise ValueError(
                        f"defect {self.text!r} says twice when it begins: leave {':' + value!r} or {'@' + when!r} out"
                    )
                at = self._number(value, at_least=0.0)
            else:
                self.parts.append(self._part(name, kind, value))
        return Defect(self.text, name, tuple(self.parts), at, lasting, every)

    def _times(self, kind: DefectKind, when: str) -> tuple[float, float, float]:
        """When it begins, how long it lasts, after how long it comes again, s: `120`, `120+3`, `120+3/20`, `+3/20`."""
        since, plus, rest = when.partition("+")
        lasts, slash, again = rest.partition("/")
        at = self._number(since, at_least=0.0) if since or not plus else 0.0
        lasting = self._number(lasts, above=0.0) if plus else inf
        every = self._number(again, above=lasting) if slash else inf
        if plus and kind.for_good:
            raise ValueError(
                f"defect {self.text!r} cannot come and go: {kind.name} is for good, leave {'+' + rest!r} out"
            )
        return at, lasting, every

    def _part(self, name: str, kind: str, value: str) -> Part:
        read = READERS.get(kind)
        if read is not None:
            return read(self, value)
        return self._one_of(value, self.known.words.get(name, {}).get(kind) or self.known.holders[name], kind)

    def _check(self, value: str, read: Callable[[str], float], allowed: Callable[[float], bool], what: str) -> float:
        try:
            number = read(value)
        except ValueError:
            number = nan
        if not allowed(number):
            raise ValueError(f"defect {self.text!r} has {value!r} where {what} is needed: write {self.form}")
        return number

    def _number(self, value: str, *, above: float = -inf, at_least: float = -inf) -> float:
        bound = f" of at least {at_least:g}" if at_least > -inf else f" above {above:g}" if above > -inf else ""
        return self._check(value, float, lambda v: above < v < inf and v >= at_least, f"a number{bound}")

    def _index(self, value: str, count: int) -> int:
        return int(self._check(value, int, lambda v: 1 <= v <= count, f"a whole number from 1 to {count}")) - 1

    def _one_of(self, value: str, names: Collection[str], kind: str) -> str:
        if value not in names:
            known = nearest(value, names) if names else "there is none"
            raise ValueError(f"defect {self.text!r} names {value!r}, which is no {kind} of this bench: {known}")
        return value


Read = Callable[[_Reader, str], Part]

READERS: Mapping[str, Read] = {
    "cell from 1": lambda reader, value: reader._index(value, reader.known.cells),
    "sensor from 1": lambda reader, value: reader._index(value, reader.known.sensors),
    "replies": lambda reader, value: reader._index(value, 1_000_000) + 1,
    "capacity factor": lambda reader, value: reader._number(value, above=0.0),
    "resistance factor": lambda reader, value: reader._number(value, above=0.0),
    "factor": lambda reader, value: reader._number(value, above=0.0),
    "share left": lambda reader, value: reader._number(value, above=0.0),
    "share": lambda reader, value: reader._number(value),
    "share/h": lambda reader, value: reader._number(value),
    "K": lambda reader, value: reader._number(value),
    "K/h": lambda reader, value: reader._number(value),
    "A": lambda reader, value: reader._number(value),
    "A set": lambda reader, value: reader._number(value, above=0.0),
    "A leaking": lambda reader, value: reader._number(value, above=0.0),
    "W": lambda reader, value: reader._number(value, above=0.0),
    "degC": lambda reader, value: reader._number(value, above=-273.15),
    "Ohm": lambda reader, value: reader._number(value, above=0.0),
    "s": lambda reader, value: reader._number(value, above=0.0),
    "V": lambda reader, value: reader._number(value),
    "Pa": lambda reader, value: reader._number(value, above=0.0),
    "Hz": lambda reader, value: reader._number(value, above=0.0),
    "voltage or current": lambda reader, value: reader._one_of(value, ("voltage", "current"), "voltage or current"),
}
"""How a part is read, by what stands between its angle brackets; what is not here is a name."""
