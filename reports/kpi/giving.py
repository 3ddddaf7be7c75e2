"""What it costs to give back: the same days with and without it, the pack's ageing by use included.

Two steps of one run are compared, in both of which a manager was in charge of the same days: in one of them it could
give back, in the other it could only charge.
"""

from math import nan

import numpy as np

from models.grid.wear import Wear, wear_of
from reports.kpi.base import Explained, Registered, of_cycle
from reports.kpi.grid import SET
from reports.kpi.managing import BUY, HOUSE, PLUGGED, SELL, SUN, cost, given_back, managed, throughput
from reports.kpi.readings import CHARGE_WH, DISCHARGE_WH, POWER, SOC, TIME, counted
from reports.recording import Recording, Step

_COLUMNS = (TIME, POWER, HOUSE, SUN, BUY, SELL, PLUGGED, SOC, CHARGE_WH, DISCHARGE_WH)
WORDS = ("given", "out", "low", "high", "least", "most", "wear", "through", "without")
"""What a price is told with."""
ENOUGH = 0.1
"""kWh given back from which on a price for each of them means anything."""


def _value(kpi: Registered, run: Recording, step: Step) -> float:
    """As computed, without the words."""
    return kpi(run, step).value


class _Compared:
    """Two steps that a manager was in charge of: with and without giving back. Amounts in kWh and EUR, of the car."""

    def __init__(self, run: Recording, giving: Step, keeping: Step) -> None:
        self.run, self.giving, self.keeping = run, giving, keeping
        self.given = _value(given_back, run, giving) / 1000
        self.out = self._out(giving) - self._out(keeping)
        self.wear = wear_of((run.manifest.get("pack") or {}).get("chemistry"))

    @property
    def known(self) -> bool:
        """Whether both were managed, and one of them gave enough for a price."""
        both = managed(self.run, self.giving) and managed(self.run, self.keeping)
        return both and self.given >= ENOUGH and self.wear is not None

    def _out(self, step: Step) -> float:
        """What the pack gave, on its trips as well: by that it ages, whether it is charged again in time or not."""
        return counted(self.run, step, DISCHARGE_WH) / step.set_points["scale"] / 1000

    def price(self, wear: float) -> float:
        """EUR/kWh given back at a wear in EUR for each kWh that the pack gives."""
        return (self.energy + wear * self.out) / self.given

    @property
    def energy(self) -> float:
        """EUR by which the days with giving back cost more for energy, what is left in the car at its price."""
        spent = self._spent(self.giving) - self._spent(self.keeping)
        return spent - (self._left(self.giving) - self._left(self.keeping)) * self._price()

    def _spent(self, step: Step) -> float:
        return _value(cost, self.run, step)

    def _left(self, step: Step) -> float:
        """What is in the car at the end beyond what was in it at the beginning, kWh."""
        shown, energy = self.run.values(SOC, step), step.set_points.get("car energy", nan) / 1000
        return float(shown[-1] - shown[0]) * energy

    def _price(self) -> float:
        """EUR of a kWh in the car: the lower quarter of what buying it costs in these days."""
        return float(np.nanquantile(self.run.values(BUY, self.giving), 0.25))

    def told(self) -> dict[str, float]:
        """For the definition."""
        wear = self.wear or Wear(nan, nan, nan)
        return {
            "given": self.given, "out": self.out, "low": self.price(wear.low), "high": self.price(wear.high),
            "least": wear.low, "most": wear.high, "wear": wear.middle,
            "through": _value(throughput, self.run, self.giving) / 1000,
            "without": _value(throughput, self.run, self.keeping) / 1000,
        }  # fmt: skip


@of_cycle(
    "price of giving back", symbol="p_back", unit="EUR/kWh", sense="at_most", columns=_COLUMNS, also=(SET,),
    subject="manager",
)  # fmt: skip
def price_of_giving_back(run: Recording, giving: Step, keeping: Step) -> Explained:
    """What each of the {given:.1f} kWh given back cost, against the same days without: energy, what is left in the car
    at the lower quarter of the prices, and ageing at {wear:.3f} EUR/kWh that the pack gives, {out:.1f} kWh more.
    Negative is a gain. With the ageing's {least:.3f} to {most:.3f} it is {low:.3f} to {high:.3f}. Charged and
    discharged, {through:.1f} kWh went through the pack, and {without:.1f} kWh without giving back.
    """
    both = _Compared(run, giving, keeping)
    if not both.known:
        return Explained(nan, **dict.fromkeys(WORDS, nan))
    assert both.wear is not None  # noqa: S101 - it is known
    ageing = {"ageing by use": both.wear.spread * abs(both.out) / both.given}
    return Explained(both.price(both.wear.middle), ageing, **both.told())


@of_cycle(
    "more energy through the pack", symbol="ΔW_thr", unit="Wh", sense="at_most", columns=_COLUMNS, subject="manager",
)  # fmt: skip
def more_through(run: Recording, giving: Step, keeping: Step) -> float:
    """Energy charged and discharged, added up, beyond that of the same days without giving back."""
    return _value(throughput, run, giving) - _value(throughput, run, keeping)
