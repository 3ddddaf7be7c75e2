"""What a kWh through a car's pack costs in ageing: its price over what it gives before it has faded to 80 %.

The simplest model that is in use: each kWh that is given costs the same, whatever depth, rate and temperature it is
given at, and the calendar costs nothing more. So it is right to a factor, and its range says which: the energy that a
pack gives in its life is its rated energy times its full equivalent cycles.

Prices: BloombergNEF's survey of December 2024, the mean of all packs 115 $/kWh (109 EUR), of electric cars 97 $, of
packs in Europe 48 % above China's 94 $, so 139 $; in EUR at the survey's 0.95. Cycles to 80 %: what packs of the
chemistry are rated for, 3000 to 6000 of LFP and 1500 to 2000 of nickel-rich NMC; nobody rates packs of LNMO or of
lithium metal yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True, slots=True)
class Span:
    """A value that lies from `low` to `high`, and is taken as their geometric mean."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """The value that is as many times the lowest as the highest is times it."""
        return sqrt(self.low * self.high)

    @property
    def factor(self) -> float:
        """By which the ends differ from it, times or over."""
        return sqrt(self.high / self.low)


PACK = Span(92.0, 132.0)
"""EUR for each kWh of a pack: 97 to 139 $."""
CYCLES: Mapping[str, Span] = {"LFP": Span(3000.0, 6000.0), "NMC811": Span(1500.0, 2000.0)}
"""Full equivalent cycles to 80 % of the capacity, by chemistry."""


@dataclass(frozen=True, slots=True)
class Wear:
    """EUR for each kWh that a pack gives, from `low` to `high`."""

    low: float
    middle: float
    high: float

    @property
    def spread(self) -> float:
        """Half of what lies between the ends, EUR/kWh."""
        return (self.high - self.low) / 2


def wear_of(chemistry: str | None) -> Wear | None:
    """What ageing by use costs a pack of that chemistry; None where nobody rates one, or nobody has said which."""
    cycles = CYCLES.get(chemistry or "")
    if cycles is None:
        return None
    return Wear(PACK.low / cycles.high, PACK.middle / cycles.middle, PACK.high / cycles.low)
