"""Judges lived days: what a manager broke, and whether a car that charges at once would have kept it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from managers.contract import read
from managers.vehicle import Range
from models.grid.week import Trip
from packbench.adversary.home import Plant
from packbench.adversary.living import Decision, Lived, live

DISCHARGED = "discharged below the reserve while plugged in"
USED_UP = "departed with too little, which could have been in it when the departure was told"
UNWARNED = "departed with too little, unwarned"
SILENT = "gave no valid answer"
CHATTER = "changed the sign of its power too often"

TOLERANCE = 1.0
"""Km by which a reserve is undercut or a departure short that nobody minds."""
CLEAR = 5.0
"""Km by which full power must miss a departure before whoever does not warn of it is blamed: models differ by that."""
DECEIVING = ("soc", "jump", "forecast")
"""Who is told wrongly how full the car is need not know that it will not do."""
TURNS = 2
"""Changes of sign within an hour that nobody minds."""


@dataclass(frozen=True, slots=True)
class Breach:
    """What was broken (`kind`), when (s), and a sentence; `departure` (s) where it is of one."""

    kind: str
    time: float
    text: str
    departure: float | None = None

    def __str__(self) -> str:
        """As a sentence, which is what fails a test."""
        return f"{self.kind}: {self.text}"


class Baseline:
    """The causal baseline: full power whenever there is not yet reserve and trip in the car, as far as it is told."""

    def decide(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer; the warnings are of what full power from now on does not reach."""
        asked = read(request)
        ways, soc = Range(asked), asked.soc
        wanted = max(ways.need(), ways.reserve()) + 0.02
        power = asked.charge if asked.plugged and (soc is None or soc < wanted) else 0.0
        return {"power": power}


def counted(lived: Lived) -> list[Breach]:
    """Breaches that the baseline would not have made on the same days; none is the word for a kept one."""
    found = list(breaches(lived))
    if not any(each.departure is not None for each in found):
        return found
    kept = live(lived.plant, Baseline())
    shorts = {trip.leaves: lived.plant.short(car, trip) for trip, car in kept.departures}
    return [each for each in found if each.kind != USED_UP or shorts[each.departure or 0.0] <= TOLERANCE]


def breaches(lived: Lived) -> Iterator[Breach]:
    """All that a manager broke, kind by kind."""
    yield from _silence(lived)
    yield from _below(lived)
    yield from _chatter(lived)
    for trip, car in lived.departures:
        short = lived.plant.short(car, trip)
        if short > TOLERANCE:
            yield from _departed(lived, trip, short)


def _silence(lived: Lived) -> Iterator[Breach]:
    for each in lived.decisions:
        if each.problem:
            yield Breach(SILENT, each.time, f"{_at(lived, each.time)}: {each.problem}")


def _below(lived: Lived) -> Iterator[Breach]:
    for each in lived.stretches:
        if each.power < 0 and each.above[1] < -TOLERANCE:
            text = f"{-each.power:.0f} W out of it {-each.above[1]:.1f} km below the reserve"
            yield Breach(DISCHARGED, each.end, f"{_at(lived, each.end)}: {text}.")


def _chatter(lived: Lived) -> Iterator[Breach]:
    turns: list[float] = []
    sign = 0
    for each in lived.stretches:
        now = (each.power > 0) - (each.power < 0)
        if now and sign and now != sign:
            turns.append(each.begin)
            if len(turns) > TURNS and turns[-1] - turns[-1 - TURNS] < 3600:
                text = f"{TURNS + 1} changes of sign within {turns[-1] - turns[-1 - TURNS]:.0f} s"
                yield Breach(CHATTER, each.begin, f"{_at(lived, each.begin)}: {text}.")
        sign = now or sign


def _departed(lived: Lived, trip: Trip, short: float) -> Iterator[Breach]:
    """Used up where full power from when it was told would have reached it; unwarned where it was not told in time."""
    home = max((each.returns for each in lived.plant.days.trips if each.returns <= trip.leaves), default=0.0)
    told = [each for each in lived.decisions if each.trip is trip and each.told == trip.leaves and each.time >= home]
    words = f"{_at(lived, trip.leaves)}: {short:.1f} km too few for {trip.distance:g} km on the road {trip.road}"
    if told and _missed(lived.plant, told[0], trip, heard=True) <= TOLERANCE:
        yield Breach(USED_UP, trip.leaves, f"{words}; full power from {_at(lived, told[0].time)} reaches.", trip.leaves)
        return
    plain = (each for each in told if not any(lived.plant.days.suffers(what, each.time) for what in DECEIVING))
    late = next((each for each in plain if _missed(lived.plant, each, trip) > CLEAR), None)
    if late is not None and not _warned(lived, trip, late):
        text = f"{words}, and no warning by {_at(lived, late.time)}, when it could be known."
        yield Breach(UNWARNED, trip.leaves, text, trip.leaves)


def _missed(plant: Plant, decision: Decision, trip: Trip, *, heard: bool = False) -> float:
    """Km that lack at the departure after full power from a decision on."""
    return plant.short(plant.charged(decision.car, decision.time, trip.leaves, heard=heard), trip)


def _warned(lived: Lived, trip: Trip, late: Decision) -> bool:
    departure = lived.plant.days.at(trip.leaves).timestamp()
    return any(departure in each.warned for each in lived.decisions if each.time <= late.time)


def _at(lived: Lived, time: float) -> str:
    return lived.plant.days.at(time).strftime("%a %H:%M:%S")
