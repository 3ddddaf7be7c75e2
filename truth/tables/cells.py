"""The shipped cells against public measurements, by the tool that fitted them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fitting.measure import TELLING, Comparison, capacity_of, charge_of, compare, figures
from fitting.records import Record
from models.cell import CellParameters, load_cell
from truth.report import Row, Skipped, markdown
from truth.sets import SETS, NotFoundHere, PublicSet

TITLE = "Cells: the shipped parameters against public measurements (RMSE over 10 to 95 % of charge, and over all)"
HEADER = (
    "cell", "record", "specimen", "RMSE 10-95 %", "RMSE", "worst", "capacity", "10 s resistance", "its worst", "goal",
    "reached",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be reached on records whose names begin so: V over the whole record, shares of 1."""

    records: str
    rmse: float | None = None
    capacity: float | None = None
    resistance: float | None = None

    def __str__(self) -> str:
        parts = [
            "" if self.rmse is None else f"{1e3 * self.rmse:.0f} mV",
            "" if self.capacity is None else f"capacity ±{self.capacity:.0%}",
            "" if self.resistance is None else f"R ±{self.resistance:.0%}",
        ]
        return ", ".join(filter(None, parts))


DRIVE_CYCLES = tuple(Goal(f"A123_DYN_{name}", rmse=0.015) for name in
                     ("10_N15", "30_N05", "45_P05", "45_P15", "50_P25", "50_P35", "50_P45"))  # fmt: skip
GOALS = {
    "lfp-26650": (*DRIVE_CYCLES, Goal("A123_OCV_P25_S1", capacity=0.01)),
    "nmc811-21700": (
        Goal("T25_0p1C", capacity=0.01), Goal("T25_0p5C", capacity=0.01), Goal("T25_1C", capacity=0.01),
        Goal("T25_SoC", resistance=0.10), Goal("T0_1C", rmse=0.060, capacity=0.03),
    ),
    "lnmo-1ah": (
        Goal("0.05C", 0.015, 0.01), Goal("0.2C", 0.015, 0.01), Goal("0.5C", 0.020, 0.01), Goal("1C", 0.025, 0.01),
        Goal("2C", 0.030, 0.01),
    ),
}  # fmt: skip
"""Issue: LFP drive cycles from -15 to 45 degC; NMC811 at 25 degC, and 1C at 0 degC; LNMO from C/20 to 2C."""


def main(data: Path | None) -> bool:
    """Print the table; whether every goal that was measured is reached."""
    if data is None:
        print("skipped: it needs public files, and no --data was given")
        return True
    found = list(rows(data))
    lines = [each for each in found if isinstance(each, Row)]
    if lines:
        print(markdown(TITLE, HEADER, lines))
    for each in found:
        if isinstance(each, Skipped):
            print(f"skipped: {each.why}")
    return not any(line.reached is False for line in lines)


def rows(data: Path) -> Iterator[Row | Skipped]:
    """A row per record and one for pulses of a kind; what is not below `data` is skipped, and said."""
    for public in SETS:
        try:
            records = public.read(data)
        except NotFoundHere as missing:
            yield Skipped(f"{public.cell}: {missing}")
        else:
            yield from _of(public, records)


def _of(public: PublicSet, records: Sequence[Record]) -> Iterator[Row]:
    cell = load_cell(public.cell)
    groups: dict[str, list[Comparison]] = {}
    for record in records:
        groups.setdefault(record.name.partition("SoC")[0] + ("SoC" if "SoC" in record.name else ""), []).append(
            compare(cell, record)
        )
    for name, comparisons in groups.items():
        goal = next((each for each in GOALS[public.cell] if name.startswith(each.records)), Goal(""))
        yield _row(public, cell, name, comparisons, goal)


def _row(public: PublicSet, cell: CellParameters, name: str, comparisons: Sequence[Comparison], goal: Goal) -> Row:
    found = figures(name, comparisons)
    held = " (held out)" if name in public.held_out else ""
    cells = (
        public.cell, f"{name}{held}", _specimen(cell, comparisons), _mv(_between(cell, comparisons)), _mv(found.rmse),
        _mv(found.worst), _percent(found.capacity), _percent(found.resistance), _percent(found.resistance_worst),
        str(goal),
    )  # fmt: skip
    reached = [
        value is not None and abs(value) <= most
        for value, most in (
            (found.rmse, goal.rmse),
            (found.capacity, goal.capacity),
            (found.resistance, goal.resistance),
        )
        if most is not None
    ]
    return Row((*cells, "" if not reached else "yes" if all(reached) else "NO"), None if not reached else all(reached))


def _specimen(cell: CellParameters, comparisons: Sequence[Comparison]) -> str:
    """What the recorded specimen held between full and empty, as a share of the cell, where it was counted."""
    counted = [each.record for each in comparisons if each.record.to_empty]
    return ", ".join(f"{capacity_of(cell, record) / cell.nominal_capacity:.1%}" for record in counted)


def _between(cell: CellParameters, comparisons: Sequence[Comparison]) -> float:
    """Root mean square error (V) between 10 and 95 % of charge; nan where no row lies there."""
    low, high = TELLING
    errors = []
    for each in comparisons:
        soc = charge_of(cell, each.record)
        errors.append(each.error[each.compared & (soc > low) & (soc < high)])
    together = np.concatenate(errors)
    return float(np.sqrt(np.mean(together**2))) if together.size else float("nan")


def _mv(volts: float | None) -> str:
    return "" if volts is None or np.isnan(volts) else f"{1e3 * volts:.1f} mV"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:+.1f} %"
