"""What came of a field: figures with their uncertainty, a verdict, and why there is none where there is none."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from dataclasses import field as of
from math import isfinite, nan
from typing import Any

from bench.verdicts import Verdict
from packbench.mapping import fields
from reports import kpi
from reports.kpi.several import comparable

MEASURED, FITTED, ASSUMED = "measured", "fitted", "assumed"
BASES = frozenset({MEASURED, FITTED, ASSUMED})
CANNOT = "CANNOT"
"""Verdict of a field that was refused before anything was switched on: the pack is not made for it."""
TIME, LEAVES, ENERGY = "charge time", "departure", "energy"
MARGIN, DERATING, POWER = kpi.plating_margin.key, kpi.derating.key, kpi.mean_power.key
ARRIVES, OFF = kpi.arrival_temperature.key, kpi.arrival_off_the_cars.key
CONSUMPTION, CONDITIONING = kpi.consumption.key, kpi.preconditioning_energy.key


@dataclass(frozen=True, slots=True)
class Figure:
    """A value, half the width of its interval, and their unit; nan where it is not known."""

    value: float = nan
    uncertainty: float = 0.0
    unit: str = ""

    @property
    def known(self) -> bool:
        """Whether there is a value."""
        return isfinite(self.value)


UNKNOWN = Figure()


@dataclass(frozen=True, slots=True)
class FieldResult:
    """A field that is done. `curve` is power of the car's pack (kW) over state of charge (%).

    `rests_on` is what its figures rest on: measured on hardware, or a model that is fitted, or partly assumed; `rests`
    says it of those that rest on something else, by their names (on hardware as well, a margin is a model's). `assumed`
    is what is, in words. `scale` is the power of this pack for each W of the car's. `run` is the folder of its
    recording, below the folder of all runs. `inputs` is a digest of everything that it depends on.
    """

    field: fields.Field
    verdict: str
    reason: str = ""
    run: str = ""
    figures: Mapping[str, Figure] = of(default_factory=dict)
    curve: Sequence[tuple[float, float]] = ()
    rests_on: str = ASSUMED
    rests: Mapping[str, str] = of(default_factory=dict)
    assumed: Sequence[str] = ()
    chemistry: str = ""
    scale: float = 1.0
    inputs: str = ""
    duration: float = 0.0

    def figure(self, name: str) -> Figure:
        """One of its figures."""
        return self.figures.get(name, UNKNOWN)

    def basis(self, name: str) -> str:
        """What one of its figures rests on."""
        return self.rests.get(name, self.rests_on)

    @property
    def comparable(self) -> bool:
        """Whether its time is that of a car: a smaller pack is so only as warm as a car's would be."""
        return comparable(self.scale, self.figure(OFF).value)

    @property
    def time(self) -> Figure:
        """Of the recharge, s; unknown where it is not comparable."""
        return self.figure(TIME) if self.comparable else UNKNOWN

    def as_dict(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "FieldResult":
        """From a file; raises `TypeError`, `ValueError` or `KeyError` for one that holds something else."""
        figures = {
            name: Figure(_number(each["value"]), _number(each["uncertainty"]), _text(each["unit"]))
            for name, each in stored["figures"].items()
        }
        curve = [(float(soc), float(power)) for soc, power in stored["curve"]]
        texts = {name: _text(stored[name]) for name in _TEXTS}
        numbers = {name: float(stored[name]) for name in ("scale", "duration")}
        rests = {str(name): _text(each) for name, each in stored["rests"].items()}
        if texts["verdict"] not in (*Verdict, CANNOT) or not {texts["rests_on"], *rests.values()} <= BASES:
            raise ValueError("a verdict, or what figures rest on, that there is not")
        more = {
            "rests": rests,
            "field": fields.Field(**stored["field"]),
            "assumed": [_text(each) for each in stored["assumed"]],
        }
        return cls(**{**stored, **texts, **numbers, **more, "figures": figures, "curve": curve})


_TEXTS = ("verdict", "reason", "run", "rests_on", "chemistry", "inputs")


def _number(value: float | None) -> float:
    return nan if value is None else float(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value
