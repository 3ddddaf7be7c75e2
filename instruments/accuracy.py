"""How far a reading may be from the truth, as a data sheet or a calibration certificate says it.

A data sheet gives a *limit of error*: a share of the reading, a share of the range, counts of the display, each more by
every kelvin outside of the temperatures that it holds for. A certificate gives an *expanded uncertainty*. Both are the
same record with another divisor: what its half-width is divided by for a standard uncertainty (GUM, JCGM 100:2008:
4.3.7 for a limit of a rectangular distribution, 2.3.5 and 7.2.3 for an expanded one).

An error of the share of the reading is a *gain*, all else an *offset*: two independent errors of one meter, and the
rounding of the display a third.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import inf, sqrt
from typing import Any, Protocol, runtime_checkable

LIMIT_OF_ERROR = sqrt(3.0)
"""Divisor of the half-width of a rectangular distribution (GUM 4.3.7): a data sheet says no more than its limits."""
EXPANDED = 2.0
"""Divisor of an expanded uncertainty: the coverage factor of about 95 % that certificates state (GUM 7.2.3)."""
ROUNDED = sqrt(12.0)
"""Divisor of one count of a display (GUM, F.2.2.1)."""
ANY_ROOM = (-inf, inf)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Errors of one quantity in one range. Everything in the quantity's SI unit, shares of 1, and per K.

    `reading` is a share of the reading, `span` a share of `full_scale`, `offset` absolute, `digits` a count of
    `resolution`, the least count of the display. `holds` are the temperatures (degC) of the room that all of these are
    stated for, the `…_per_kelvin` what every kelvin outside adds. `divisor` makes the half-widths standard
    uncertainties. `source` says where it is from, `assumed` that nobody could look it up.
    """

    reading: float = 0.0
    span: float = 0.0
    full_scale: float = inf
    offset: float = 0.0
    digits: float = 0.0
    resolution: float = 0.0
    reading_per_kelvin: float = 0.0
    span_per_kelvin: float = 0.0
    offset_per_kelvin: float = 0.0
    holds: tuple[float, float] = ANY_ROOM
    divisor: float = LIMIT_OF_ERROR
    source: str = ""
    assumed: bool = False

    def __post_init__(self) -> None:
        """Refuse a share of a range that is not stated; raises `ValueError`, one sentence."""
        if (self.span or self.span_per_kelvin) and self.full_scale == inf:
            raise ValueError(f"an accuracy of {_of_range(self)} needs the range: give its full scale")
        if self.digits and not self.resolution:
            raise ValueError(f"an accuracy of {self.digits:g} digits needs what a digit is: give the resolution")

    @property
    def constant(self) -> float:
        """Half-width of everything that does not grow with the reading, in the quantity's unit."""
        return self.offset + self.digits * self.resolution + (self.span * self.full_scale if self.span else 0.0)

    def half_width(self, reading: float) -> float:
        """How far a `reading` may be off, without the rounding of the display."""
        return abs(reading) * self.reading + self.constant

    def standard(self, reading: float) -> float:
        """Standard uncertainty of a `reading`: gain, offset and rounding are independent of each other."""
        parts = abs(reading) * self.reading / self.divisor, self.constant / self.divisor, self.resolution / ROUNDED
        return sqrt(sum(part * part for part in parts))

    def expanded(self, reading: float) -> float:
        """Expanded uncertainty of a `reading`, coverage factor 2."""
        return EXPANDED * self.standard(reading)

    def in_room(self, temperatures: tuple[float, float]) -> "Accuracy":
        """The same in a room of these temperatures (degC, lowest and highest), its coefficients used up."""
        low, high = self.holds
        beyond = max(0.0, low - temperatures[0], temperatures[1] - high)
        return replace(
            self,
            reading=self.reading + beyond * self.reading_per_kelvin,
            span=self.span + beyond * self.span_per_kelvin,
            offset=self.offset + beyond * self.offset_per_kelvin,
            reading_per_kelvin=0.0, span_per_kelvin=0.0, offset_per_kelvin=0.0, holds=ANY_ROOM,
        )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """As stored in a manifest: what is not its default."""
        return {key: value for key, value in asdict(self).items() if value != _DEFAULTS[key]}

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Accuracy":
        """From what was stored; what a later version has added is left out."""
        known = {key: value for key, value in stored.items() if key in _DEFAULTS}
        return cls(**{**known, **({"holds": tuple(known["holds"])} if "holds" in known else {})})


def _of_range(accuracy: Accuracy) -> str:
    """The share of a range that somebody has given, in words."""
    shares = (accuracy.span, "of range"), (accuracy.span_per_kelvin, "of range per K")
    return " and ".join(f"{100 * share:g} % {what}" for share, what in shares if share)


_DEFAULTS: Mapping[str, Any] = {name: spec.default for name, spec in Accuracy.__dataclass_fields__.items()}

Ranges = Sequence[Accuracy]
"""The same quantity in each range of an instrument, the smallest full scale first."""
DataSheet = Mapping[str, Ranges]
"""What a data sheet says of each channel, by its name without a number: `voltage`, `current`, `cell`, `sensor`."""


def range_for(ranges: Ranges, largest: float) -> Accuracy:
    """The smallest range that shows `largest`, the largest reading; the widest where none does."""
    return next((each for each in ranges if abs(largest) <= each.full_scale * ALL_BUT), ranges[-1])


ALL_BUT = 1.05
"""Of its full scale, that a range shows: what belongs to its very end reads a little more by an error of the meter."""


@runtime_checkable
class HasDataSheet(Protocol):
    """A driver that knows what the data sheet of its family says."""

    @classmethod
    def data_sheet(cls, model: str, options: Mapping[str, Any]) -> DataSheet:
        """What it says of a `model`, with a station's `options`; nothing of one that it does not know."""
        ...


_NOBODY = "nobody says: neither data sheet nor station file"
_UNSTATED: Mapping[str, Accuracy] = {
    "voltage": Accuracy(reading=0.001, divisor=EXPANDED, source=_NOBODY, assumed=True),
    "current": Accuracy(reading=0.002, divisor=EXPANDED, source=_NOBODY, assumed=True),
    "temperature": Accuracy(offset=0.5, divisor=EXPANDED, source=_NOBODY, assumed=True),
    "resistance": Accuracy(reading=0.05, divisor=EXPANDED, source=_NOBODY, assumed=True),
    "state of charge": Accuracy(offset=0.03, source=_NOBODY, assumed=True),
}
"""The figures that a station file had when it said nothing; the state of charge is that of any BMS's display."""


def unstated(quantity: str) -> Accuracy:
    """What is taken for a quantity of which nobody says anything: a per cent of the reading where it has no name."""
    return _UNSTATED.get(quantity, Accuracy(reading=0.01, source=_NOBODY, assumed=True))


def stem(channel: str) -> str:
    """The name of a channel without its number: `cell 7` is one of the `cell`s."""
    return channel.rstrip("0123456789").rstrip()
