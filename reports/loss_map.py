"""A picture of what a motor loses: over torque and speed, with a road's operating points on it, beside its comparators.

It can be read without colour: levels are written on their lines, points are dots whose size is their time.
"""

from collections.abc import Iterator
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.road import GARAGE, journey
from bench.verdicts import InputError
from models.vehicle.car import Driven
from models.vehicle.losses import Loss, drive_losses
from models.vehicle.motor import RPM, LossMap, loss_map
from reports.figure import DPI, INK, encode
from reports.panels import BLUE, GREY, ORANGE
from reports.pictures import Picture
from reports.recording import Floats, Recording, Step

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HOUR, PERIOD = "hour", 1.0
"""Set point of a step that drives: the time of day; and s between two points of the road that is drawn."""
WAY = frozenset({"road", "car", "season"})
"""Words that such a step has."""
SAME = 0.02
"""Share by which the consumption of a road may differ from the recorded one: it was scanned at another period."""
WIDTH, HEIGHT = 10.5, 4.6
LEVELS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
"""KW of loss that a line is drawn at."""
GRID = (40, 24)
"""Fields of speed and of torque in which a road's time is added up."""


def pictures(run: Recording) -> Iterator[Picture]:
    """One for each road, car and season that a run drove, worked out anew from their files."""
    drives = [step for step in run.steps if step.words.keys() >= WAY and HOUR in step.set_points]
    for step in {tuple(map(step.words.get, (*sorted(WAY), GARAGE))): step for step in drives}.values():
        name = f"Loss map of the motor, {Path(step.words['road']).stem}"
        try:
            driven = _driven(step)
            yield Picture(
                name, png(driven, f"{driven.car.name} on the road {driven.trace.name}, {step.words['season']}")
            )
        except (InputError, ValueError) as error:
            yield Picture(name, why=str(error))


def _driven(step: Step) -> Driven:
    """What the car did, by the files as they are now: raises `ValueError` where that is not what was driven."""
    words = step.words
    found = journey(words["road"], words["car"], words["season"], step.set_points[HOUR], PERIOD, GARAGE in words).driven
    if found is None:
        raise ValueError("a cycle of power says nothing of a motor.")
    recorded = step.set_points.get("consumption", nan)
    if not abs(1000 * found.consumption - recorded) <= SAME * recorded:
        raise ValueError("its road or its car is another one now than when it was driven: drive it anew.")
    return found


def png(driven: Driven, title: str) -> bytes:
    """Draw the map of a car's motor and the points at which it drove. Raises `ValueError` for a motor without a map."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    found = drive_losses(driven)
    if not found:
        raise ValueError(f"the motor of {driven.car.name} has one efficiency and no map: there is nothing to draw.")
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    of_map, of_bars = figure.subplots(1, 2, width_ratios=(1.7, 1.0))
    figure.subplots_adjust(left=0.07, right=0.97, top=0.86, bottom=0.13, wspace=0.42)
    _draw_map(of_map, loss_map(driven.car.machine, driven.car.torque))
    _draw_points(of_map, driven)
    _draw_bars(of_bars, found)
    figure.suptitle(title, x=0.07, ha="left", fontsize=10.5, color=INK)
    return encode(canvas)


def _draw_map(axis: "Axes", lossy: LossMap) -> None:
    rpm, kilowatts = lossy.speed / RPM, np.where(lossy.reached, lossy.loss / 1000, np.nan)
    lines = axis.contour(rpm, lossy.torque, kilowatts, levels=LEVELS, colors=GREY, linewidths=0.8)
    axis.clabel(lines, fmt="%g kW", fontsize=7)
    axis.plot(rpm, lossy.most, color=INK, linewidth=1.4)
    axis.set_xlabel("speed of the motor / rpm", fontsize=8.5)
    axis.set_ylabel("torque, of either sign / Nm", fontsize=8.5)
    axis.set_xlim(0, rpm[-1])
    axis.set_ylim(0, 1.05 * float(lossy.torque[-1]))
    axis.set_title(f"loss of motor and inverter, {lossy.machine.name}, excitation optimised", fontsize=8.5)
    axis.tick_params(labelsize=8)


def _draw_points(axis: "Axes", driven: Driven) -> None:
    """Dots as large as the time that was spent there: driven full, recovered hollow."""
    seconds = np.append(np.diff(driven.trace.time), 0.0)
    for way, filled, name in ((driven.torque >= 0, True, "driving"), (driven.torque < 0, False, "recovering")):
        speed, torque, spent = _fields(driven, np.where(way & (driven.shaft > 0), seconds, 0.0))
        axis.scatter(
            speed, torque, s=60 * spent / max(float(spent.max(initial=0.0)), 1e-9) + 2, label=name, linewidths=0.8,
            facecolors=BLUE if filled else "none", edgecolors=BLUE if filled else ORANGE, alpha=0.8,
        )  # fmt: skip
    axis.legend(fontsize=7.5, loc="upper right")


def _fields(driven: Driven, seconds: Floats) -> tuple[Floats, Floats, Floats]:
    """Speed (rpm), torque (Nm) and time (s) of the fields in which there was any."""
    rpm, torque = driven.shaft / RPM, np.abs(driven.torque)
    ranges = ((0.0, driven.car.machine.speed / RPM), (0.0, driven.car.torque))
    spent, across, up = np.histogram2d(rpm, torque, GRID, ranges, weights=seconds)
    column, row = np.nonzero(spent)
    middle = (across[:-1] + across[1:]) / 2, (up[:-1] + up[1:]) / 2
    return middle[0][column], middle[1][row], spent[column, row]


def _draw_bars(axis: "Axes", found: tuple[Loss, ...]) -> None:
    names = ["excitation optimised", *(each.machine.name for each in found[1:])]
    values = [each.per_way for each in found]
    places = np.arange(len(found))[::-1]
    axis.barh(places, values, color=[BLUE, *[GREY] * (len(found) - 1)], height=0.65)
    for place, each in zip(places.tolist(), found, strict=True):
        weak = f", too weak for {100 * each.lacking:.1f} % of the time" if each.lacking > 0 else ""
        apart = f" ({each.per_way / found[0].per_way - 1:+.1%})" if each is not found[0] else ""
        axis.annotate(f" {each.per_way:.2f}{apart}{weak}", (each.per_way, place), va="center", fontsize=7.5)
    axis.set_yticks(places, names, fontsize=7.5)
    axis.set_xlim(0, 1.35 * max(values))
    axis.set_title("lost on this road / kWh per 100 km", fontsize=8.5)
    axis.tick_params(axis="x", labelsize=8)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
