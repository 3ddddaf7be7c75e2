"""What a shipped station guards for a shipped pack: the whole table, as a reviewer reads it beside this file.

A margin, a debounce or a blame that changes is a change of that table, in a line that somebody looks at: what one limit
does is tested in `test_guard_limits.py`, that none of the others moved by accident is tested here.
"""

import csv
from pathlib import Path

import pytest

from bench.pack import load_pack
from bench.safety.guard import Limit
from bench.safety.limits import limits_for
from bench.station import load_station

FOLDER = Path(__file__).with_name("tables")
MARKS = ("contradiction", "advisory", "suspicion")


def line(limit: Limit) -> dict[str, str]:
    """One limit as a line of the table; numbers to six digits, in the unit of its column."""
    recovery = limit.recovery
    return {
        "fault": limit.fault,
        "name": limit.name,
        "column": limit.column,
        "at least": f"{limit.at_least:.6g}",
        "at most": f"{limit.at_most:.6g}",
        "unit": limit.unit,
        "debounce / s": f"{limit.debounce:g}",
        "when": limit.when,
        "recovers": f"{recovery.hysteresis:g} inside for {recovery.settle:g} s" if limit.action == "hold" else "",
        "speaks against": limit.instrument,
        "marks": " ".join(mark for mark in MARKS if getattr(limit, mark)),
        "explains": " ".join(sorted(limit.explains)),
    }


@pytest.mark.parametrize(
    ("station", "pack"),
    [("virtual-module", "lfp-24s"), ("virtual-pack", "nmc811-96s"), ("virtual-wallbox", "nmc811-vehicle")],
)
def test_a_shipped_station_guards_what_its_table_says(station: str, pack: str) -> None:
    guarded = [line(limit) for limit in limits_for(load_pack(pack)[0], load_station(station)[0])]
    with (FOLDER / f"{station}_{pack}.csv").open(encoding="utf-8", newline="") as file:
        assert guarded == list(csv.DictReader(file))
