"""A limit that a BMS sends in steps: followed at once, and taken for no fault, of whomever."""

from itertools import groupby
from pathlib import Path

import numpy as np

from bench.pack import ChargeSteps, Management, PackFile, load_pack
from bench.recording.run import RunRecord, TestIdentity
from bench.running.setup import Setup
from bench.scenario import FastRecharge, current_below, soc_above
from bench.station import load_station
from bench.testing import TestBench
from bench.verdicts import Verdict


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
