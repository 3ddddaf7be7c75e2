"""Driving a road: the car's power, scaled to this pack, within what its file allows.

Beyond that a peak is cut, as the car's own controller cuts it, and counts as a derating. A road that is too much for
the pack at its own voltage is refused before anything is switched on.

A pack that has a car's heat around it stands in the season's air. A car's pack gets the coolant that the car's heater
and chiller would give it for its cells as they are measured. Of a smaller one, whose heat is another,
coolant (or chamber) leads the cells to what those of the car's are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isnan

import numpy as np

from bench import columns
from bench.pack import PackFile
from bench.profile import Interpolation, Quantity, Survey, survey
from bench.road import CAR_SCALE, GARAGE, Drive, pack_energy
from bench.running.declared import Place
from bench.running.procedures.base import BeyondThePack, Control, Envelope, Extremes, Stage
from bench.running.procedures.leading import FINE, LEAD, Leading, cells, conditioner
from bench.running.procedures.profile import Following
from bench.running.sampling import Row
from models.vehicle.heat import OnTheWay

STEEP, MOST_SHORT = 4.0, 3.0
"""How much more is asked for each K that a unit is behind, and K that this comes to at most: cells that warm by
themselves would have their heat taken by coolant that lags behind them by half a K."""


@dataclass(frozen=True, eq=False)
class Asked:
    """What a drive asks of a pack: the road, and what conditions the pack meanwhile."""

    step: Drive
    pack: PackFile
    quantity: Quantity = "power"
    interpolation: Interpolation = "previous"

    @cached_property
    def points(self) -> Sequence[tuple[float, float]]:
        """See `Followed`; of the car's own pack."""
        step = self.step
        return step.journey.with_more(step.on_the_way(self.pack).power) if step.heated else step.points

    @property
    def survey(self) -> Survey:
        """See `Followed`."""
        return survey(self.points, self.quantity) if self.step.heated else self.step.survey


class DriveProcedure(Following[Drive]):
    """Drives."""

    kind = Drive

    def __init__(self, step: Drive, place: Place) -> None:
        super().__init__(step, place, Asked(step, place.pack), step.scale_for(place.pack))
        limits = place.pack.limits
        self.most_charged, self.most_discharged = limits.charge_current, limits.discharge_current
        self._by = conditioner(place)

    def envelope(self) -> Envelope:
        """See `Procedure`; with a car's heat, what chamber and coolant do as well."""
        found = dict(super().envelope())
        if self.step.heated:
            outside = self.step.journey.outside
            found |= {("chamber", "temperature"): Extremes(outside, outside)} if "chamber" in self.place.roles else {}
            found |= self._leading.envelope
        return found

    @cached_property
    def _way(self) -> OnTheWay:
        return self.step.on_the_way(self.place.pack)

    @property
    def _leading(self) -> Leading:
        lead = 0.0 if self._by == "chamber" else LEAD
        low, high = float(self._way.cells.min()), float(self._way.cells.max())
        found, target = Leading(self.place, self._by, low - lead, high + lead), self.step.precondition
        if target is not None:  # in any case it may be asked for that: pre-flight says if it can, wherever cells get to
            found.low, found.high = min(found.low, target), max(found.high, target)
        return found

    @property
    def _is_a_cars(self) -> bool:
        return abs(self.scale) >= CAR_SCALE and self._by == "coolant"

    def begin(self, stage: Stage) -> Control:
        """See `Procedure`."""
        follow = super().begin(stage)
        if not self.step.heated:
            return follow
        leading = self._leading
        if self._by != "chamber":
            outside = self.step.journey.outside
            Leading.around(self.place, "chamber", outside).ask(stage, outside)

        condition = self._as_the_car(stage, leading) if self._is_a_cars else self._as_the_twin(stage, leading)

        def control(row: Row, time: float) -> None:
            follow(row, time)
            condition(row, time)

        return control

    def _as_the_car(self, stage: Stage, leading: Leading) -> Control:
        """The car's own controller, on the cells as they are; the plate is as far from them as the model's."""
        way, thermal, duration = self._way, self.step.journey.car.thermal, self.step.survey.duration
        supply = self.place.index[columns.COOLANT_SUPPLY]

        def control(row: Row, time: float) -> None:
            warm, plate = way.at(time)
            target = thermal.target(duration - time, self.step.precondition)
            heat = thermal.heat(cells(row), target, way.lost_at(time))
            wanted = cells(row) + plate - warm + heat / way.carries
            # A unit follows a rising set point from below: as much as it is short, more is asked for.
            behind = 0.0 if isnan(row[supply]) else wanted - row[supply]
            if not isnan(wanted):
                short = min(max(STEEP * behind, -MOST_SHORT), MOST_SHORT)
                leading.ask(stage, FINE * round((wanted + short) / FINE))

        return control

    def _as_the_twin(self, stage: Stage, leading: Leading) -> Control:
        """Cells are led to what those of the car's are."""
        way = self._way
        return lambda row, time: leading.lead(stage, row, FINE * round(way.at(time)[0] / FINE), FINE)

    def words(self) -> dict[str, str]:
        """See `Procedure`: by these the road can be worked out again."""
        way = {"road": str(self.step.road), "car": str(self.step.car), "season": self.step.season}
        way |= {GARAGE: "yes"} if self.step.garage else {}
        return {**way, "conditioned by": self._by} if self.step.heated else way

    def problems(self) -> Iterable[str]:
        """See `Procedure`: where the road asks for more than the pack may give."""
        pack, journey = self.place.pack, self.step.journey
        voltage = pack_energy(pack) / pack.rated_capacity
        currents = self.scale * journey.power / voltage
        at = int(currents.argmax())
        most = self.most_discharged
        if currents[at] > most:
            share = float(np.mean(currents > most))
            yield BeyondThePack(
                f"{journey.car.name} needs {currents[at]:.3g} A of this pack at {journey.where(at)} (scale "
                f"{self.scale:.3g}), its discharge_current allows {most:g} A, and {100 * share:.1f} % of the time is "
                "beyond it: give another road, car or pack, or a smaller scale."
            )

    def set_points(self) -> dict[str, float]:
        """See `Procedure`: what the car does, and how much smaller this pack is."""
        journey = self.step.journey
        found = {**super().set_points(), "scale": self.scale, "outside": journey.outside, "hour": self.step.hour}
        if journey.position is not None:
            found["distance"] = float(journey.position[-1])
        if journey.driven is not None:
            found["consumption"] = 1000 * journey.driven.consumption
        if self.step.heated:
            found |= {"expected arrival": float(self._way.cells[-1]), "heater and chiller": self._way.energy}
        if self.step.precondition is not None:
            found["target"] = self.step.precondition
        return found
