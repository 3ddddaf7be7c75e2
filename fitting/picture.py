"""Draws a cell against its records: voltages by temperature, errors below, and what was made of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fitting.measure import Comparison
from fitting.run import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 2000
"""Points of a line: more are not seen."""


def draw(result: Result, path: Path) -> None:
    """Write the picture to `path`, in the format of its ending (.png, .svg, .pdf)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 9), layout="constrained")
    (voltages, curve), (errors, resistances) = figure.subplots(2, 2, width_ratios=(2, 1))
    _voltages(voltages, errors, [*result.comparisons, *result.held_out])
    _curve(curve, result)
    _resistances(resistances, result)
    figure.suptitle(f"{result.cell.name}: recorded (grey) and simulated")
    figure.savefig(path, dpi=110)


def _voltages(above: "Axes", below: "Axes", comparisons: Sequence[Comparison]) -> None:
    """Over the charge that was moved, which tells slow and fast tests alike."""
    ambient = np.array([each.record.ambient for each in comparisons])
    share = (ambient - ambient.min()) / (float(np.ptp(ambient)) or 1.0)
    for each, warmth in zip(comparisons, share, strict=True):
        rows = np.flatnonzero(each.compared)[:: max(1, len(each.voltage) // MOST)]
        colour = (float(warmth), 0.25, float(1 - warmth))
        above.plot(each.record.charge[rows], each.record.voltage[rows], color="0.7", linewidth=2)
        above.plot(each.record.charge[rows], each.voltage[rows], color=colour, linewidth=0.7)
        below.plot(each.record.charge[rows], 1e3 * each.error[rows], color=colour, linewidth=0.7)
    above.set_ylabel("V")
    below.set(
        ylabel="error / mV", xlabel="charge since the start of the test / Ah (blue cold, red warm)", ylim=(-100, 100)
    )
    below.grid(visible=True)


def _curve(axes: "Axes", result: Result) -> None:
    cell = result.cell
    axes.plot(100 * cell.soc, cell.ocv, color="black")
    if cell.hysteresis is not None:
        axes.fill_between(100 * cell.soc, cell.ocv - cell.hysteresis, cell.ocv + cell.hysteresis, color="0.8")
    axes.set(xlabel="state of charge / %", ylabel="open-circuit voltage / V")


def _resistances(axes: "Axes", result: Result) -> None:
    """After 10 s, at three states of charge."""
    grid = np.linspace(result.cell.temperature[0], result.cell.temperature[-1], 60)
    for soc in (0.2, 0.5, 0.8):
        axes.semilogy(grid, 1e3 * result.cell.resistance_after(10.0, soc, grid), label=f"{soc:.0%}")
    axes.set(xlabel="temperature / °C", ylabel="resistance after 10 s / mΩ")
    axes.legend()
