"""A drive at low charge: the pack's BMS holds it at what the pack allows, and that is a derating and no fault."""

from pathlib import Path

import numpy as np

from bench.pack import load_pack
from bench.profile import Points
from bench.recording.run import TestIdentity
from bench.running.setup import Setup
from bench.scenario import Profile
from bench.station import load_station
from bench.testing import TestBench
from bench.verdicts import Verdict
from reports import kpi
from reports.recording import Recording

PEAKS: Points = tuple((20.0 * at, -55e3 if at % 2 else -2e3) for at in range(31))
"""s and W: more than a cold pack gives at 8 % of charge."""


def test_a_cold_pack_at_low_charge_is_derated_by_its_bms_and_never_below_what_it_allows(tmp_path: Path) -> None:
    """Its cell's file allows 2.5 V, the pack 2.8 V: a BMS that knew the cell's alone let it go below the guard's."""
    station, file = load_station("virtual-vehicle")
    assert station.virtual is not None
    cold = station.virtual.model_copy(update={"soc": 0.08, "temperature": -10.0})
    pack, path = load_pack("nmc811-vehicle")
    bench = TestBench(
        Setup(station.model_copy(update={"virtual": cold}), file, pack, path), tmp_path, TestIdentity("x", "x", "x")
    )
    bench.open()
    run = Recording(*bench.run(Profile(PEAKS, quantity="power")))
    assert bench.conclude().verdict is Verdict.PASS
    step = run.step("profile")
    assert float(kpi.derating(run, step)) > 5.0
    assert np.nanmin(run.values("Cell Voltage Min / V", step)) > pack.limits.cell_voltage.min - 0.1
