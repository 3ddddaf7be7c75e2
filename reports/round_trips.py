"""The map of what comes back of what was put in, by power and temperature: with its uncertainty, beside a measured car.

Less than came back of that car is for the pack file to judge; more is told, and no fault.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, groupby
from math import isfinite

from reports.figure import DPI, INK, encode
from reports.kpi.cycles import closed_cycles
from reports.kpi.grid import MEASURED_CAR, SET, beside_a_car, grid_round_trip
from reports.panels import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY
from reports.pictures import Picture
from reports.recording import Recording, Step
from reports.uncertainty import uncertainty

FULL = 87.0
"""% of the measured car at 3 x 16 A, between 25 and 75 %."""
COLORS = (BLUE, ORANGE, GREEN, SKY, PURPLE)
WIDTH, HEIGHT = 7.0, 3.6


@dataclass(frozen=True, slots=True)
class Point:
    """A round trip: its power over the charger's own (%), its efficiency and that one's uncertainty, %.

    `air` is what the chamber was set to, degC; None where nobody set it.
    """

    power: float
    efficiency: float
    spread: float
    air: float | None = None

    def __str__(self) -> str:
        air = "" if self.air is None else f"{self.air:5.1f} °C  "
        beside = f"{beside_a_car(self.efficiency)} the {MEASURED_CAR[0]:g} to {MEASURED_CAR[1]:g} % of a measured car"
        return f"{air}{self.power:5.1f} %  {self.efficiency:.2f} ± {self.spread:.2f} %, {beside}"


def points(run: Recording) -> list[Point]:
    """Every round trip of a run that closes, by temperature and the power out of the car."""
    cycles = [each for each in closed_cycles(run) if all(step.kind == "FollowPower" for step in each)]
    found = [(out, grid_round_trip(run, out, into)) for out, into in cycles]
    told = [
        Point(
            100 * _power(run, out) / out.set_points["charger discharge"],
            figure.value,
            uncertainty(figure),
            figure.temperature,
        )
        for out, figure in found
        if isfinite(figure.value)
    ]
    return sorted(told, key=lambda each: (each.air is not None and each.air, each.power))


def _power(run: Recording, step: Step) -> float:
    """What was asked for out of the car, W."""
    return float(-run.values(SET, step).min())


def pictures(run: Recording) -> Iterator[Picture]:
    """One, where a run has two round trips or more."""
    if not any(step.kind == "FollowPower" for step in run.steps):
        return
    found = points(run)
    if len(found) > 1:
        yield Picture("Round trip by power and temperature", png(found), text="\n".join(map(str, found)))


def png(found: Sequence[Point]) -> bytes:
    """Draw them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, facecolor="white", layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axis = figure.subplots()
    axis.axhspan(*MEASURED_CAR, color=GREY, alpha=0.2, label="a measured car, all conditions")
    axis.axhline(FULL, color=INK, linestyle="--", linewidth=1, label="the same at 11 kW")
    by_air = groupby(found, key=lambda each: each.air)
    for (air, some), color in zip(by_air, cycle(COLORS), strict=False):
        power, efficiency, spread = zip(*((each.power, each.efficiency, each.spread) for each in some), strict=True)
        label = "this run" if air is None else f"this run, {air:g} °C"
        axis.errorbar(power, efficiency, spread, fmt="o-", color=color, capsize=3, label=label)
    axis.set_xlabel("power at the AC side, % of the charger's")
    axis.set_ylabel("comes back / %")
    axis.set_xlim(left=0)
    axis.legend(fontsize=8, loc="lower right", frameon=False)
    return encode(canvas)
