"""Driving a road: the car's power, scaled to this pack, within what its file allows.

Beyond that a peak is cut, as the car's own controller cuts it, and counts as a derating. A road that is too much for
the pack at its own voltage is refused before anything is switched on.
"""

from collections.abc import Iterable

import numpy as np

from bench.road import Drive, pack_energy
from bench.running.declared import Place
from bench.running.procedures.profile import Following


class DriveProcedure(Following[Drive]):
    """Drives."""

    kind = Drive

    def __init__(self, step: Drive, place: Place) -> None:
        super().__init__(step, place, step, step.scale_for(place.pack))
        limits = place.pack.limits
        self.most_charged, self.most_discharged = limits.charge_current, limits.discharge_current

    def problems(self) -> Iterable[str]:
        """See `Procedure`: where the road asks for more than the pack may give."""
        pack, journey = self.place.pack, self.step.journey
        voltage = pack_energy(pack) / pack.rated_capacity
        currents = self.scale * journey.power / voltage
        at = int(currents.argmax())
        most = self.most_discharged
        if currents[at] > most:
            share = float(np.mean(currents > most))
            yield (
                f"{journey.car.name} needs {currents[at]:.3g} A of this pack at {journey.where(at)} (scale "
                f"{self.scale:.3g}), its discharge_current allows {most:g} A, and {100 * share:.1f} % of the time is "
                "beyond it: give another road, car or pack, or a smaller scale."
            )

    def set_points(self) -> dict[str, float]:
        """See `Procedure`: what the car does, and how much smaller this pack is."""
        journey = self.step.journey
        found = {**super().set_points(), "scale": self.scale, "outside": journey.outside}
        if journey.position is not None:
            found["distance"] = float(journey.position[-1])
        if journey.driven is not None:
            found["consumption"] = 1000 * journey.driven.consumption
        return found
