"""A picture of what comes back of what was put in, by power: with its uncertainty, beside a measured car."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

from reports.figure import DPI, INK, encode
from reports.kpi.cycles import closed_cycles
from reports.kpi.grid import SET, grid_round_trip
from reports.panels import BLUE, GREY
from reports.pictures import Picture
from reports.recording import Recording, Step
from reports.uncertainty import uncertainty

MEASURED = (79.1, 87.8)
"""% of a V2G car, over all conditions; 87.0 % at 3 x 16 A between 25 and 75 % (Schram et al. 2020, SEST)."""
FULL = 87.0
WIDTH, HEIGHT = 7.0, 3.6


@dataclass(frozen=True, slots=True)
class Point:
    """A round trip: its power over the charger's own (%), its efficiency and that one's uncertainty, %."""

    power: float
    efficiency: float
    spread: float


def points(run: Recording) -> list[Point]:
    """Every round trip of a run that closes, by the power out of the car."""
    cycles = [each for each in closed_cycles(run) if all(step.kind == "FollowPower" for step in each)]
    found = [(out, grid_round_trip(run, out, into)) for out, into in cycles]
    told = [
        Point(100 * _power(run, out) / out.set_points["charger discharge"], figure.value, uncertainty(figure))
        for out, figure in found
        if isfinite(figure.value)
    ]
    return sorted(told, key=lambda each: each.power)


def _power(run: Recording, step: Step) -> float:
    """What was asked for out of the car, W."""
    return float(-run.values(SET, step).min())


def pictures(run: Recording) -> Iterator[Picture]:
    """One, where a run has two round trips or more."""
    if not any(step.kind == "FollowPower" for step in run.steps):
        return
    found = points(run)
    if len(found) > 1:
        lines = [f"{each.power:5.1f} %  {each.efficiency:.2f} ± {each.spread:.2f} %" for each in found]
        yield Picture("Round trip by power", png(found), text="\n".join(lines))


def png(found: Sequence[Point]) -> bytes:
    """Draw them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, facecolor="white", layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axis = figure.subplots()
    axis.axhspan(*MEASURED, color=GREY, alpha=0.2, label="a measured car, all conditions")
    axis.axhline(FULL, color=INK, linestyle="--", linewidth=1, label="the same at 11 kW")
    axis.errorbar(
        [each.power for each in found], [each.efficiency for each in found], [each.spread for each in found],
        fmt="o-", color=BLUE, capsize=3, label="this run",
    )  # fmt: skip
    axis.set_xlabel("power at the AC side, % of the charger's")
    axis.set_ylabel("comes back / %")
    axis.set_xlim(left=0)
    axis.legend(fontsize=8, loc="lower right", frameon=False)
    return encode(canvas)
