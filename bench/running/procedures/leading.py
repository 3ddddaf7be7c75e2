"""Leading cells to a temperature: coolant goes beyond it while they are away, and comes back as they get there.

One law for whatever conditions: a step that waits for it, a charge that goes on meanwhile, a drive that follows what a
car would do. Where a station has no coolant unit the chamber does it, which is not like a car: the record says which.
"""

from math import inf, isnan, nan

from bench import columns
from bench.columns import INDEX
from bench.running.declared import Place
from bench.running.procedures.base import Envelope, Extremes, Stage
from bench.running.sampling import Row

GAIN = 2.0
"""K that coolant leads by for each K that the cells are away."""
COARSE, FINE = 2.0, 0.5
"""K in which coolant is asked for: a unit is not asked for what it cannot hold."""
LEAD = 20.0
"""K beyond the target that coolant goes at most."""
AHEAD = 10.0
"""K that coolant is ahead of the cells where a car's heater of 5 kW warms a pack of 52 kWh."""
_COLDEST, _HOTTEST = INDEX[columns.CELL_TEMPERATURE_MIN], INDEX[columns.CELL_TEMPERATURE_MAX]


def cells(row: Row) -> float:
    """Temperature of the cells, degC; nan where nobody measures it."""
    return float(row[_COLDEST] + row[_HOTTEST]) / 2


def conditioner(place: Place, by: str | None = None) -> str:
    """Which role conditions: what was asked for, else the coolant unit where there is one."""
    return by or ("coolant" if "coolant" in place.roles else "chamber")


class Leading:
    """Asks one instrument for temperatures, each only once; `low` to `high` (degC) is what may be asked for."""

    def __init__(self, place: Place, by: str, low: float, high: float) -> None:
        self.by, (self.low, self.high) = by, _possible(place, by, low, high)
        self._asked = nan

    @classmethod
    def around(cls, place: Place, by: str, target: float, lead: float = LEAD) -> "Leading":
        """What leads to a target (degC): in any case it may be asked for that: pre-flight says if it can."""
        lead = 0.0 if by == "chamber" else lead
        found = cls(place, by, target - lead, target + lead)
        found.low, found.high = min(found.low, target), max(found.high, target)
        return found

    @property
    def envelope(self) -> Envelope:
        """What it asks for."""
        return {(self.by, "temperature"): Extremes(self.low, self.high)}

    def ask(self, stage: Stage, temperature: float) -> None:
        """Ask for a temperature, degC, as far as there is such."""
        wanted = min(max(temperature, self.low), self.high)
        if isnan(wanted) or wanted == self._asked:
            return
        if self.by == "chamber":
            stage.place.roles.chamber.set_temperature(wanted, None)
            stage.sampler.ask_temperature(wanted)
        else:
            stage.place.roles.coolant.set_temperature(wanted)
        self._asked = wanted
        stage.log.event("set point", instrument=self.by, quantity="temperature", value=wanted, unit="°C")

    def lead(self, stage: Stage, row: Row, target: float, step: float = COARSE, ahead: float = inf) -> None:
        """Ask for what brings cells to `target`: beyond it while they are away, and at most so far `ahead` of them (K).

        A chamber is asked for just the target.
        """
        away = 0.0 if self.by == "chamber" else target - cells(row)
        if not isnan(away):
            further = min(max((1 + GAIN) * away, -ahead), ahead) - away
            self.ask(stage, target + step * round(further / step))


def _possible(place: Place, by: str, low: float, high: float) -> tuple[float, float]:
    """What coolant may be asked for: as far as unit and pack allow. A chamber that cannot is refused by pre-flight."""
    if by == "chamber":
        return low, high
    lowest, highest = place.roles.coolant.temperature_range
    allowed = place.pack.limits.charge_temperature
    low, high = max(low, lowest, allowed.min), min(high, highest, allowed.max)
    return min(low, high), max(low, high)
