"""Scenarios of a car on the grid: named in `faults/grid.yaml`, and nowhere else.

Their phases are these steps by their names. What a box or a source and sink do wrong, the bench has to find; what an
energy manager does wrong fails the test by a figure that is the manager's, and is no fault of bench or pack.
"""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from bench import columns
from bench.grid.steps import FollowFrequency, FollowPower, Manage, Supply
from bench.recording.run import RunRecord
from bench.running.grid_side import charger_of
from bench.running.lifecycle import OpenBench
from bench.running.procedures.supply import SupplyState
from bench.scenario import Step
from bench.testing import TestBench
from campaign import manager
from campaign.catalogue import Phase
from models.grid.week import Days, Outage, Trip
from reports import kpi
from reports.kpi import Kpi
from reports.recording import Recording
from reports.uncertainty import uncertainty

MINUTES = 10.0
"""of each signal."""
SHARE = 0.9
"""of the charger's power that is asked for; what is asked of a load besides: less than any inverter gives."""
LOAD = 0.7
SWING = 30.0
"""s between a frequency that asks for everything one way and one that does the other way."""
OFF = 0.05
"""of the charger's power that its power may be off by, root mean square."""
SERVED = 98.0
"""% of a load."""
START = datetime(2026, 1, 12, 6, tzinfo=UTC)
HOUR = 4
"""in quarters."""
LEAVES = 3300.0
"""s into a managed hour."""
DISTANCE, RESERVE = 130.0, 50.0
"""km: more than a pack as it is delivered goes, and less than one that was charged for that hour."""
LAST = 60
"""scans at the end of a step that are looked at."""
HELD = 160.0
"""km that must not be given away: more than a pack as it is delivered goes."""
BROKEN = 60.0
"""s into it, from which on a link is down, or the car tells nothing, or something else; faults come before."""


def power(_phase: Phase, bench: OpenBench) -> tuple[Step, ...]:
    """Into the car, out of it, and as a frequency has it."""
    return (_signal(bench, 1, "into"), _signal(bench, -1, "back"), _reserve())


def back(_phase: Phase, bench: OpenBench) -> tuple[Step, ...]:
    """Nothing but out of the car."""
    return (_signal(bench, -1, "back"),)


def supply(_phase: Phase, bench: OpenBench) -> tuple[Step, ...]:
    """A load of one's own."""
    watts = LOAD * _rated(bench)
    return (Supply([(0.0, 0.0), (5.0, watts), (60 * MINUTES, 0.0), (60 * MINUTES + 10, 0.0)], name="supply"),)


def charged(_phase: Phase, _bench: OpenBench) -> tuple[Step, ...]:
    """A manager charges for a trip."""
    return (_to_leave(),)


def given(_phase: Phase, _bench: OpenBench) -> tuple[Step, ...]:
    """A manager gives back, from a car that has far more than its reserve."""
    return (_managed("give", _hour(0.0)),)


def charged_on_modbus(_phase: Phase, _bench: OpenBench) -> tuple[Step, ...]:
    """A client of the served box charges for a trip."""
    return (_to_leave("modbus"),)


def charged_on_ocpp(_phase: Phase, _bench: OpenBench) -> tuple[Step, ...]:
    """A central system charges for a trip."""
    return (_to_leave("ocpp"),)


def given_on_modbus(_phase: Phase, _bench: OpenBench) -> tuple[Step, ...]:
    """A client of the served box gives back, from a car that has far more than its reserve."""
    return (_managed("give", _hour(0.0), "modbus"),)


def given_on_ocpp(_phase: Phase, _bench: OpenBench) -> tuple[Step, ...]:
    """A central system does."""
    return (_managed("give", _hour(0.0), "ocpp"),)


def kept(_phase: Phase, _bench: OpenBench) -> tuple[Step, ...]:
    """A manager charges a car that has less than its reserve."""
    return (_managed("charge", _hour(HELD)),)


def unlinked(_phase: Phase, _bench: OpenBench) -> tuple[Step, ...]:
    """A manager gives back, and nobody hears it any more."""
    return _suffering("link")


def untold(_phase: Phase, _bench: OpenBench) -> tuple[Step, ...]:
    """A manager gives back, and is not told any more how much there is."""
    return _suffering("soc")


def mistold(_phase: Phase, _bench: OpenBench) -> tuple[Step, ...]:
    """A manager gives back, and is told of more than there is: that is less than the reserve."""
    return _suffering("jump", 0.4, HELD)


def _suffering(what: str, by: float = 0.0, reserve: float = 0.0) -> tuple[Step, ...]:
    days = _hour(reserve)
    return (_managed("give", replace(days, outages=(Outage(what, BROKEN, days.duration, by),))),)


def _to_leave(wire: str = "") -> Manage:
    days = _hour(RESERVE)
    trip = Trip(LEAVES, days.duration, DISTANCE)
    return _managed("charge", replace(days, trips=(trip,)), wire)


def _managed(policy: str, days: Days, wire: str = "") -> Manage:
    return Manage(manager.command(policy, wire), days, name="manage")


def _hour(reserve: float) -> Days:
    flat = np.ones(HOUR)
    return Days(
        START, "paris-january", outside=15 * flat, house=400 * flat, sun=0 * flat, buy=0.25 * flat, sell=0.1 * flat,
        reserve=reserve,
    )  # fmt: skip


def _rated(bench: OpenBench) -> float:
    """W of the station's charger."""
    charger = charger_of(bench)
    assert charger is not None
    return min(charger.charge, charger.discharge)


def _signal(bench: OpenBench, sign: float, name: str) -> FollowPower:
    watts = sign * SHARE * _rated(bench)
    return FollowPower([(0.0, 0.0), (5.0, watts), (60 * MINUTES, 0.0), (60 * MINUTES + 30, 0.0)], name=name)


def _reserve() -> FollowFrequency:
    swings = [(SWING * number, 49.8 if number % 2 else 50.2) for number in range(round(60 * MINUTES / SWING))]
    return FollowFrequency([*swings, (60 * MINUTES, 50.0), (60 * MINUTES + 30, 50.0)], name="reserve")


# --- what is judged ---------------------------------------------------------------------------------------------------


def judge_power(bench: TestBench, record: RunRecord) -> None:
    """Whether the power at the AC side is what was asked for."""
    run, most = Recording(*record), OFF * _rated(bench.engine.bench)
    for step in run.steps:
        if step.kind == "FollowPower":
            _verify(bench, kpi.power_error(run, step.name), at_most=most)


def judge_supply(bench: TestBench, record: RunRecord) -> None:
    """Whether the load got what it took while there was anything."""
    _verify(bench, kpi.served(Recording(*record), "supply"), at_least=SERVED)


def judge_floor(bench: TestBench, record: RunRecord) -> None:
    """Whether no cell came below its lowest voltage, and what the load did not get is so because none did."""
    judge_supply(bench, record)
    run = Recording(*record)
    (step,) = run.steps
    lowest = float(np.nanmin(run.values(columns.CELL_VOLTAGE_MIN, step)))
    bench.verify("lowest cell voltage", lowest, unit="V", at_least=bench.pack.limits.cell_voltage.min)
    left = float(np.nanmin(run.values(columns.SUPPLY_STATE, step)))
    bench.verify("supply state", left, unit="1", at_most=float(SupplyState.EMPTY))


def judge_manager(bench: TestBench, record: RunRecord) -> None:
    """Whether a manager answered, left the reserve in the car, and had it ready in time."""
    run = Recording(*record)
    _verify(bench, kpi.failures(run, "manage"), at_most=0.5)
    _verify(bench, kpi.below_reserve(run, "manage"), at_most=50.0)
    _verify(bench, kpi.departures(run, "manage"), at_most=0.5)


def judge_giving(bench: TestBench, record: RunRecord) -> None:
    """Whether what the manager did wrong has changed nothing: it was answered, and energy is given back to the end."""
    judge_manager(bench, record)
    run = Recording(*record)
    (step,) = run.steps
    given = run.values(columns.POWER, step)[-LAST:]
    bench.verify("power at the end", float(given.max()), unit="W", at_most=-1.0)


def judge_rest(bench: TestBench, record: RunRecord) -> None:
    """Whether nothing was given back from the moment on at which nobody heard the manager any more."""
    judge_manager(bench, record)
    run = Recording(*record)
    (step,) = run.steps
    time, watts = run.values(columns.TEST_TIME, step), run.values(columns.POWER, step)
    after = np.abs(watts[time > time[0] + BROKEN + 5 * bench.station.scan_period])
    bench.verify("power without a link", float(after.max()), unit="W", at_most=1.0)


def _verify(bench: TestBench, measured: Kpi, at_least: float | None = None, at_most: float | None = None) -> None:
    bench.verify(
        measured.name, measured.value, unit=measured.unit, at_least=at_least, at_most=at_most,
        uncertainty=uncertainty(measured, bench.station), step=measured.step, subject=measured.subject,
    )  # fmt: skip
