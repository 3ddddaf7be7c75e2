"""The reference cycles, where they are: in the folder PACKBENCH_CYCLES names, or in `shared/cycles` beside the project.

They are certification cycles that are not ours to ship.
"""

import os
from pathlib import Path

import pytest

from models.vehicle.cycles import read_cycle
from models.vehicle.trace import Trace

FOLDER = Path(os.environ.get("PACKBENCH_CYCLES", Path(__file__).resolve().parents[4] / "shared" / "cycles"))


def path_of(name: str) -> Path:
    """The file of a cycle; skips the test where there is none."""
    path = FOLDER / f"{name}.csv"
    if not path.exists():
        pytest.skip(f"no {path.name}: PACKBENCH_CYCLES names the folder that has it")
    return path


def cycle(name: str) -> Trace:
    """A speed cycle."""
    trace = read_cycle(path_of(name))
    assert isinstance(trace, Trace)
    return trace
