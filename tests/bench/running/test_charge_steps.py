"""A limit that a BMS sends in steps: followed at once, and taken for no fault, of whomever."""

from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from bench.pack import ChargeSteps, Management, PackFile, load_pack
from bench.recording.run import RunRecord, TestIdentity
from bench.running.emulation import cell_of, charge_steps_of
from bench.running.setup import Setup
from bench.scenario import FastRecharge, current_below, soc_above
from bench.station import load_station
from bench.testing import TestBench
from bench.verdicts import InputError, Verdict
from models.steps import StepTable, steps_of


def recharged(pack: PackFile, path: Path, folder: Path) -> RunRecord:
    bench = TestBench(Setup(*load_station("virtual-module"), pack, path), folder, TestIdentity("x", "x", "x"))
    bench.open()
    run = bench.run(FastRecharge(until=[soc_above(0.38), current_below("C/50", hold=60)]))
    assert bench.conclude().verdict is Verdict.PASS
    return run


def test_a_limit_that_steps_down_in_mid_charge_is_no_fault(tmp_path: Path) -> None:
    """From 2C to a tenth of that within one scan, and in the end to nothing at all."""
    pack, path = load_pack("lfp-24s")
    steps = ChargeSteps(temperature=(0.0,), soc=(0.0, 0.32, 0.34, 0.36), c_rate=((1.0, 0.5, 0.25, 0.0),))
    run = recharged(pack.model_copy(update={"bms": Management(charge_limit=steps)}), path, tmp_path)
    assert [event["type"] for event in run.events if event["type"] in {"trip", "warning"}] == []
    limit, current = (
        np.array([row[run.columns.index(name)] for row in run.rows])
        for name in ("Charge Current Limit / A", "Current / A")
    )
    sent = [lower for lower, _ in groupby(limit.tolist())]
    assert sent[-3:] == [1.0, 0.5, 0.0]
    assert max(sent) == 2.0
    for lower in sent[-3:]:
        stepped = int(np.flatnonzero(limit > lower)[-1]) + 1
        assert np.nanmax(current[stepped + 2 :]) <= lower + 0.02


def test_the_steps_of_a_pack_are_its_files_and_else_those_that_its_cell_gives(four_cells: PackFile) -> None:
    given = ChargeSteps(temperature=(0.0, 20.0), soc=(0.0, 0.5), c_rate=((0.5, 0.1), (1.0, 0.3)))
    told = four_cells.model_copy(update={"bms": Management(charge_limit=given)})
    assert charge_steps_of(told) == StepTable(temperature=(0.0, 20.0), soc=(0.0, 0.5), c_rate=((0.5, 0.1), (1.0, 0.3)))
    assert charge_steps_of(four_cells) == steps_of(cell_of(four_cells)) != charge_steps_of(told)


@pytest.mark.parametrize(
    ("update", "says"),
    [
        ({"cell": "lfp-26550"}, r"^pack four, key cell: .*lfp-26650"),
        (
            {"chemistry": "NMC"},
            r"^pack four, key cell: lfp-26650 is a cell of LFP, and the pack one of NMC: name a cell",
        ),
    ],
)
def test_a_pack_whose_cell_cannot_be_its_own_has_no_steps_either(
    four_cells: PackFile, update: dict[str, str], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        charge_steps_of(four_cells.model_copy(update=update))
