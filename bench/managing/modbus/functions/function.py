"""What a grid function is: a SunSpec model with curves or controls of its own, and what the box does by it.

The first curve (or control) of a model acts and can only be read; the second can be written, and is adopted as the
first one by `AdptCrvReq` 2 if it is one. Source: the definitions' own words.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from bench.managing.links import Mains

NOMINAL = 230.0
"""V between a phase and neutral: what a curve's % are of."""
ACTIVE, STORED = 1, 2
Settings = Mapping[str, float]
"""Of one model, the points that can be written or adopted, by their names."""


@dataclass(frozen=True, slots=True)
class Area:
    """What a function sees: the grid, the largest power that there is (W), and the time of the bench (s)."""

    mains: Mains
    largest: float
    time: float

    @property
    def percent(self) -> float:
        """The voltage, % of the nominal one."""
        return 100 * self.mains.volts / NOMINAL


class Shaping(Protocol):
    """Makes another power of one."""

    def shaped(self, power: float, area: Area, settings: Settings) -> float:
        """W of a source, below 0 charges; told again at the same time it says the same."""
        ...


class Tripping(Protocol):
    """Says when nothing may flow any more."""

    def trips(self, area: Area, settings: Settings) -> bool:
        """Whether it does, at a time; told again at the same time it says the same."""
        ...


def _none_fits(_stored: Settings) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class GridFunction:
    """A model by its number; `group` is what it repeats, `counts` and `factors` as in `points`.

    `first` are its settings at first, by their names within the group. `mode` is its bit of `702.CtrlModes`, `fits`
    whether what is stored can be adopted. It shapes the power, in the order of `rank`, or trips it and raises an
    `alarm` of 701; with neither the box does not have it, and its model can be read alone.
    """

    number: int
    group: str
    counts: Mapping[str, int]
    factors: Mapping[str, int]
    first: Mapping[str, float]
    mode: str = ""
    rank: int = 0
    fits: Callable[[Settings], bool] = _none_fits
    shape: Callable[[], Shaping] | None = None
    trip: Callable[[], Tripping] | None = None
    alarm: str = ""

    @property
    def there(self) -> bool:
        """Whether the box has it."""
        return self.shape is not None or self.trip is not None

    @property
    def request(self) -> str:
        """The point that has what is stored adopted."""
        return "AdptCtlReq" if self.group == "Ctl" else "AdptCrvReq"

    @property
    def result(self) -> str:
        """The point that says what became of that."""
        return "AdptCtlRslt" if self.group == "Ctl" else "AdptCrvRslt"

    def names(self, which: int) -> tuple[str, ...]:
        """Its settings' points in the first or the second of its group."""
        return tuple(f"{self.group}.{which}.{name}" for name in self.first)
