"""Seeded defects: what a virtual bench can be asked to get wrong, as short words on a command line or in a test.

Parsing and checking only; the world puts them into effect.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

# name: what its parts are, for the error message
FORMS = {
    "weak-cell": "weak-cell:<cell from 1>:<capacity factor>",
    "high-resistance": "high-resistance:<cell from 1>:<resistance factor>",
    "chamber-stuck": "chamber-stuck:<degC>",
    "chamber-alarm": "chamber-alarm:<after s>",
    "bms-silent": "bms-silent:<after s>",
    "insulation": "insulation:<Ohm>",
    "open-sensor": "open-sensor:<sensor from 1>",
    "wrong-identity": "wrong-identity:<instrument>",
    "silent": "silent:<instrument>:<after s>",
}


@dataclass(frozen=True, slots=True)
class Defects:
    """All defects of a world; cells and sensors are counted from 0 here."""

    capacity_factors: tuple[tuple[int, float], ...] = ()
    resistance_factors: tuple[tuple[int, float], ...] = ()
    chamber_stuck_at: float | None = None
    chamber_alarm_after: float | None = None
    bms_silent_after: float | None = None
    insulation: float | None = None
    open_sensors: tuple[int, ...] = ()
    wrong_identities: frozenset[str] = frozenset()
    silent_after: tuple[tuple[str, float], ...] = ()


def parse_defects(texts: Sequence[str], *, series: int, instruments: Collection[str]) -> Defects:
    """Read defects such as `weak-cell:7:0.7`.

    Raises ValueError, one sentence with the allowed form, for an unknown name, a wrong part, a cell outside the
    string or an instrument that the station does not have.
    """
    parsed = [_Parts.of(text) for text in texts]

    def each(name: str) -> list[_Parts]:
        return [parts for parts in parsed if parts.name == name]

    def last(name: str, *, above: float) -> float | None:
        values = [parts.number(0, above=above) for parts in each(name)]
        return values[-1] if values else None

    return Defects(
        tuple((p.index(0, series), p.number(1, above=0.0)) for p in each("weak-cell")),
        tuple((p.index(0, series), p.number(1, above=0.0)) for p in each("high-resistance")),
        last("chamber-stuck", above=-273.15),
        last("chamber-alarm", above=-1.0),
        last("bms-silent", above=-1.0),
        last("insulation", above=0.0),
        tuple(p.index(0, series) for p in each("open-sensor")),
        frozenset(p.one_of(0, instruments) for p in each("wrong-identity")),
        tuple((p.one_of(0, instruments), p.number(1, above=-1.0)) for p in each("silent")),
    )


@dataclass(frozen=True, slots=True)
class _Parts:
    text: str
    name: str
    values: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> "_Parts":
        name, *values = text.split(":")
        if name not in FORMS:
            raise ValueError(f"unknown defect {name!r} in {text!r}: {_nearest(name, FORMS)}")
        if len(values) != FORMS[name].count(":"):
            raise ValueError(f"defect {text!r} has {len(values)} parts behind its name: write {FORMS[name]}")
        return cls(text, name, tuple(values))

    def _read(self, place: int, read: Callable[[str], float], allowed: Callable[[float], bool], what: str) -> float:
        try:
            value = read(self.values[place])
        except ValueError:
            value = float("nan")
        if not allowed(value):
            raise ValueError(
                f"defect {self.text!r} has {self.values[place]!r} where {what} is needed: write {FORMS[self.name]}"
            )
        return value

    def number(self, place: int, *, above: float) -> float:
        return self._read(place, float, lambda value: above < value < float("inf"), f"a number above {above:g}")

    def index(self, place: int, count: int) -> int:
        return int(self._read(place, int, lambda value: 1 <= value <= count, f"a whole number from 1 to {count}")) - 1

    def one_of(self, place: int, names: Collection[str]) -> str:
        name = self.values[place]
        if name not in names:
            raise ValueError(
                f"defect {self.text!r} names {name!r}, which the station does not have: {_nearest(name, names)}"
            )
        return name


def _nearest(name: str, allowed: Collection[str]) -> str:
    """The end of an error sentence: the nearest allowed name, or all of them."""
    near = get_close_matches(name, allowed, n=1)
    listed = ", ".join(sorted(allowed))
    return f"did you mean {near[0]!r}? Allowed are {listed}" if near else f"allowed are {listed}"
