"""What figures say of themselves, beside what is so: recorded and true, stated and actual uncertainty, counters.

The instruments of the bench are drawn anew for each seed, the pack stays the same. `within` is how often the truth lay
within the stated uncertainty (at least 95 % over all figures), `ratio` the stated uncertainty over twice the root mean
square of the errors (0.7 to 1.5), a counter is compared with the exact integral.
"""

import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.pack import PackFile, load_pack
from bench.scenario import (
    Charge,
    Discharge,
    FastRecharge,
    Pulse,
    Rest,
    Soak,
    Step,
    current_below,
    elapsed,
    full_discharge,
    soc_above,
    soc_below,
    standard_charge,
)
from reports.uncertainty import uncertainty
from truth.witness import Run, run

SEEDS = 20
TEMPERATURES = (25.0,)
STATIONS = ("virtual-module", "virtual-pack")
LEAST, RATIO = 0.95, (0.7, 1.5)
COUNTER = 0.0005
"""Of the exact integral, that a counter may be off by integrating alone."""


def nightly(pack: PackFile, temperature: float) -> dict[str, tuple[Step, ...]]:
    """The scenarios of the nightly."""
    rest = Rest(until=elapsed(minutes=30))
    taper = current_below("C/20")
    return {
        "charge": (full_discharge(pack, name="empty the pack"), Soak(temperature), Charge("1C", until=taper), rest),
        "cycle": (
            standard_charge("fill the pack"), Soak(temperature), full_discharge(pack, "C/3"), rest, standard_charge(),
        ),
        "1C": (standard_charge("fill the pack"), Soak(temperature), full_discharge(pack, "1C"), rest),
        "fast": (
            Discharge("C/3", until=soc_below(0.1), name="discharge to 10 %"), Soak(temperature),
            FastRecharge(until=[soc_above(0.8), current_below("C/20", hold=60)]), rest,
        ),
        "pulse": (
            Charge("C/3", until=[soc_above(0.5), taper], name="charge to 50 %"), Soak(temperature),
            Pulse("1C", duration=18), Rest(until=elapsed(minutes=10)),
        ),
    }  # fmt: skip


@dataclass
class Found:
    """Errors of one figure on several benches, and the uncertainties that it stated."""

    errors: list[float] = field(default_factory=list)
    stated: list[float] = field(default_factory=list)
    true: float = 0.0
    unit: str = ""

    @property
    def coverage(self) -> float:
        """How often the truth lay within what was stated."""
        return float(np.mean(np.abs(self.errors) <= np.array(self.stated)))

    @property
    def ratio(self) -> float:
        """Stated over actual: what 95 % of the errors stay within, by their spread where they are few."""
        actual = 2 * float(np.sqrt(np.mean(np.square(self.errors))))
        return float(np.mean(self.stated)) / actual if actual else float("inf")


def collect(runs: Sequence[Run], into: dict[tuple[str, str], Found]) -> None:
    """Take the errors of every figure of runs of one scenario."""
    for each in runs:
        for figure, true in each.figures():
            found = into[figure.name, figure.step]
            found.errors.append(figure.value - true)
            found.stated.append(uncertainty(figure))
            found.true, found.unit = true, figure.unit


def coverage(found: Mapping[tuple[str, str], Found]) -> float:
    """Over all figures, how often the truth lay within what was stated."""
    hits = [
        abs(error) <= stated for each in found.values() for error, stated in zip(each.errors, each.stated, strict=True)
    ]
    return sum(hits) / len(hits)


def shown(found: Mapping[tuple[str, str], Found]) -> str:
    """The table."""
    head = f"{'figure':36s} {'step':18s} {'true':>11s} {'stated U':>10s} {'2 rms':>10s} {'ratio':>6s} {'within':>7s}"
    lines = [head]
    for (name, step), each in found.items():
        actual = 2 * float(np.sqrt(np.mean(np.square(each.errors))))
        lines.append(
            f"{name:36s} {step:18s} {each.true:11.5g} {np.mean(each.stated):10.3g} {actual:10.3g} {each.ratio:6.2f} "
            f"{100 * each.coverage:6.0f}% {each.unit}"
        )
    return "\n".join(lines)


def counters(one: Run) -> dict[str, float]:
    """By how much (relative) each step's counter is off from the exact integral, the supply's own errors included."""
    found = {}
    for step in one.recorded.steps:
        way = {"charge": "Charging", "discharge": "Discharging"}.get(step.direction)
        if way and step.sample_count > 1:
            column, rows = f"{way} Capacity / Ah", step.rows
            counted, true = (
                float(each[rows.stop - 1] - each[max(rows.start - 1, 0)])
                for each in (one.recorded.column(column), one.true.true[column])  # type: ignore[attr-defined]
            )
            found[step.name] = counted / true - 1 if true else 0.0
    return found


def main(_data: Path | None = None, seeds: int = SEEDS) -> bool:
    """Print the tables of every station; whether they are as good as they should be."""
    good = True
    for station in STATIONS:
        found: dict[tuple[str, str], Found] = defaultdict(Found)
        with tempfile.TemporaryDirectory() as folder:
            for temperature in TEMPERATURES:
                scenarios = nightly(load_pack(_default(station))[0], temperature)
                for seed in range(seeds):
                    for steps in scenarios.values():
                        collect([run(steps, Path(folder), station=station, specimens=seed)], found)
            counted = {
                f"{scenario}: {step}": off
                for scenario, steps in scenarios.items()
                for step, off in counters(run(steps, Path(folder), station=station, exact=True)).items()
            }
        good &= coverage(found) >= LEAST and max(map(abs, counted.values())) <= COUNTER
        print(f"\n{station}, {seeds} benches: the truth within the stated uncertainty {100 * coverage(found):.1f} %")
        print(shown(found))
        print(
            "counters over the exact integral, with meters that only round: "
            + ", ".join(f"{step} {100 * off:+.3f} %" for step, off in counted.items())
        )
    return good


def _default(station: str) -> str:
    from bench.station import load_station

    return load_station(station)[0].packs[0]
