"""Fields that nobody has measured, with the figures that a test wants of them."""

from math import nan
from pathlib import Path

from packbench.mapping import outcome
from packbench.mapping.fields import Field, Task
from packbench.mapping.outcome import CANNOT, FieldResult, Figure

TASK = Task("virtual-vehicle", version="0.1.0")
HOP = "name: hop\ndescription: 1.2 km\nsources: [a test]\nlegs:\n  - {length: 1200, limit: 50, stop: 5}\n"
SEASON = "paris-spring@8"


def hop(folder: Path, name: str = "hop.yaml") -> str:
    """A road that takes two minutes."""
    path = folder / name
    path.write_text(HOP, encoding="utf-8")
    return str(path)


def done(
    road: str = "urban", season: str = "oslo-winter@7", minutes: float = 30.0, uncertainty: float = 0.0, *,
    pack: str = "lfp-vehicle", strategy: str = "follow-limit", warm: bool = False, verdict: str = "PASS",
    margin: float = 12.0, conditioning: float = 0.0, derating: float = 0.0, off: float = 0.5, scale: float = 0.97,
    **more: object,
) -> FieldResult:  # fmt: skip
    """An outcome; times in min, everything else as in the map."""
    figures = {
        outcome.TIME: Figure(60 * minutes, 60 * uncertainty, "s"),
        outcome.MARGIN: Figure(margin, 1.0, "mV"),
        outcome.CONDITIONING: Figure(conditioning, 0.0, "Wh"),
        outcome.DERATING: Figure(derating, 0.1, "%"),
        outcome.OFF: Figure(off, 0.2, "K"),
        outcome.CONSUMPTION: Figure(15.0, 0.1, "kWh/100km"),
        outcome.ENERGY: Figure(scale * 36000.0, 10.0, "Wh"),
        outcome.POWER: Figure(scale * 60e3, 50.0, "W"),
    }
    curve = [(10.0, 40.0), (45.0, 90.0), (80.0, 50.0)]
    return FieldResult(
        Field(pack, road, season, strategy, warm), verdict,
        **{"figures": figures, "curve": curve, "scale": scale, "inputs": "x", "chemistry": "LFP", **more},
    )  # fmt: skip


def failed(road: str = "urban", verdict: str = "FAIL", **more: object) -> FieldResult:
    """One that never got there."""
    return done(road, minutes=nan, verdict=verdict, reason="over-temperature: 61 °C (allowed: at most 60)", **more)


def cannot(road: str = "urban", **more: object) -> FieldResult:
    """One that was refused."""
    return done(road, verdict=CANNOT, figures={}, curve=(), reason="not enough for it", **more)
