"""Fits a shipped cell again to its public set: `python -m truth.refit CELL --data DIR`."""

import argparse
import sys
from pathlib import Path

from fitting.picture import draw
from fitting.run import Task, fit, said
from truth.sets import SETS


def main() -> int:
    """Write CELL.yaml and its picture here; the file in `models/cells` stays as it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cell", choices=[each.cell for each in SETS])
    parser.add_argument("--data", type=Path, required=True, help="folder below which the public files lie")
    asked = parser.parse_args()
    chosen = next(each for each in SETS if each.cell == asked.cell)
    records = chosen.read(asked.data)
    task = Task(
        [record for record in records if record.name not in chosen.held_out], asked.cell, chosen.prior or chosen.cell,
        chosen.source, [record for record in records if record.name in chosen.held_out],
        assume=bool(chosen.change), change=chosen.change,
    )  # fmt: skip
    path = Path(f"{asked.cell}.yaml")
    result = fit(task, path, lambda number, most: print(f"round {number} of {most} at most"))
    draw(result, path.with_suffix(".png"))
    for each in result.by_temperature:
        print(said(each))
    return 0


if __name__ == "__main__":
    sys.exit(main())
