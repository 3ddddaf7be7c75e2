"""Writes a fitted cell as a file of `models.cell`: what was fitted, what was taken over, and what that makes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml

from fitting.estimate import LEAST_RISE, Estimate
from fitting.layout import KNOTS
from models.tables import Vector

BEYOND = 0.02
"""V that a curve may lie beyond the limits of the cell that it is like, and they still stand for this one's."""
ENTROPIC_DIGITS = 6
"""Of V/K: what is 0 to so many is none."""

TAKEN_OVER = (
    "coulombic_efficiency", "heat_capacity", "thermal_conductance", "discharge_c_rate_max", "charge_temperature_min",
    "charge_temperature_max", "discharge_temperature_min", "discharge_temperature_max", "charge_limit",
)  # fmt: skip
"""What no such record tells."""


@dataclass(frozen=True, eq=False)
class Origin:
    """Where a fitted cell comes from: its `name`, `sources` (a sentence each), and the measured span, degC.

    `anode` is the set of its negative electrode, where somebody knows it.
    """

    name: str
    sources: Sequence[str]
    coldest: float
    warmest: float
    anode: str | None = None


def rising(ocv: Vector) -> Vector:
    """The nearest curve that rises everywhere by `LEAST_RISE`, in V."""
    ramp = LEAST_RISE * np.arange(len(ocv))
    upper, lower = np.maximum.accumulate(ocv - ramp), np.minimum.accumulate((ocv - ramp)[::-1])[::-1]
    return (upper + lower) / 2 + ramp


def contents(estimate: Estimate, origin: Origin, base: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of the file; `base` are those of the cell whose values are taken over."""
    layout, values = estimate.layout, estimate.values
    grid = np.linspace(0, 1, layout.points)
    hysteresis = np.interp(grid, KNOTS, values[layout.hysteresis])
    ocv = rising(values[layout.ocv])
    found: dict[str, Any] = {
        "name": origin.name,
        "chemistry": base["chemistry"],
        **({"anode": origin.anode} if origin.anode else {}),
        "sources": list(origin.sources),
        "assumed": assumed(estimate, origin),
        "nominal_capacity": round(estimate.capacity, 4),
        "voltage_min": base["voltage_min"] if ocv[0] > base["voltage_min"] - BEYOND else round(float(ocv[0]), 2),
        "voltage_max": base["voltage_max"] if ocv[-1] < base["voltage_max"] + BEYOND else round(float(ocv[-1]), 2),
        "ocv": _rounded(ocv, 4),
        "entropic": _curve(np.interp(grid, KNOTS, values[layout.entropic]), ENTROPIC_DIGITS),
        "hysteresis": _curve(hysteresis, 5),
        "hysteresis_span": estimate.span,
        "temperature": [float(t) for t in layout.temperature],
        "resistance_soc": _rounded(KNOTS, 2),
    }
    for which in range(layout.pairs + 1):
        found[f"r{which}"] = [_significant(row) for row in estimate.resistance(which)]
    for pair in range(1, layout.pairs + 1):
        found[f"tau{pair}"] = round(estimate.tau(pair), 2)
    return found | {key: base[key] for key in TAKEN_OVER}


def assumed(estimate: Estimate, origin: Origin) -> list[str]:
    """Keys whose values no record stands behind, with the range where that is all."""
    beyond = [
        f"resistance {word} {bound:.0f} degC"
        for word, bound, there in (
            ("below", origin.coldest, estimate.layout.temperature[0] < origin.coldest - 1),
            ("above", origin.warmest, estimate.layout.temperature[-1] > origin.warmest + 1),
        )
        if there
    ]
    if not _curve(estimate.values[estimate.layout.entropic], ENTROPIC_DIGITS):
        beyond.append("entropic")
    return [*beyond, *TAKEN_OVER]


def _rounded(values: Vector, digits: int) -> list[float]:
    return [round(float(value), digits) for value in values]


def _curve(values: Vector, digits: int) -> list[float] | None:
    """None for a curve that is 0 everywhere: it costs the string nothing then."""
    found = _rounded(values, digits)
    return found if any(found) else None


def _significant(values: Vector) -> list[float]:
    return [float(f"{value:.4g}") for value in values]


def text(content: Mapping[str, Any]) -> str:
    """The file, with lists of numbers on lines of their own."""
    return yaml.dump(dict(content), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=116)


class _Dumper(yaml.SafeDumper):
    """Writes a list of numbers in a line, a list of anything else in lines."""


def _list(dumper: yaml.SafeDumper, value: list[Any]) -> yaml.Node:
    numbers = all(isinstance(item, int | float) for item in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=numbers)


_Dumper.add_representer(list, _list)
