"""Steps that a central system of OCPP 2.1 is in charge of: on a clock that waits for it, with real processes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bench.grid.steps import Manage
from bench.testing import TestBench
from models.grid.week import Outage, Trip
from tests.bench.managing.central import Central, central
from tests.bench.running.test_managed_over_modbus import column, decisions, hours, scale_of

On = Callable[..., TestBench]


def test_what_a_profile_says_is_done_at_the_scale_of_the_bench(on: On) -> None:
    with central({"setpoint": 3000}, {"setpoint": -2000}) as system:
        run = on("virtual-module", soc=0.5).run(Manage(system.address, hours(0.5)))
    assert [(each["reason"], each["power"], each["problem"]) for each in decisions(run)] == [
        ("start", 3000, ""), ("tick", -2000, ""),
    ]  # fmt: skip
    asked = column(run, "Set Grid Power / W")
    assert np.nanmax(asked) == pytest.approx(3000 * scale_of(run))
    assert np.nanmin(asked) == pytest.approx(-2000 * scale_of(run))


def test_it_is_told_who_is_there_what_is_measured_and_what_the_car_needs(on: On) -> None:
    days = hours(0.5, trips=(Trip(1200.0, 1500.0, 42.0),))
    with central({"setpoint": 3000}, {"setpoint": 3000}, {"setpoint": 0}) as system:
        on("virtual-module", soc=0.5).run(Manage(system.address, days))
    actions = [action for action, _ in system.told]
    assert actions[:3] == ["BootNotification", "StatusNotification", "StatusNotification"]
    events = [told for action, told in system.told if action == "TransactionEvent"]
    assert [each["eventType"] for each in events] == ["Started", "Updated", "Updated", "Ended", "Started", "Updated"]
    assert [each["seqNo"] for each in events] == [0, 1, 2, 3, 0, 1]
    assert events[0]["timestamp"] == "2026-01-12T00:00:00.000Z"
    assert measured(events[2], "SoC") == pytest.approx(50, abs=3)
    assert measured(events[2], "Power.Active.Import") == pytest.approx(3000, rel=0.02)
    assert measured(events[3], "Energy.Active.Import.Register") == pytest.approx(3000 * 1200 / 3600, rel=0.05)
    first = next(told for action, told in system.told if action == "NotifyEVChargingNeeds")["chargingNeeds"]
    assert first["departureTime"].startswith("2026-01-12T00:20:00")
    needs = first["v2xChargingParameters"]
    assert -22000 < needs["evMinV2XEnergyRequest"] < 0  # the car has more than its reserve of 50 km
    assert needs["evMinV2XEnergyRequest"] < needs["evTargetEnergyRequest"] < needs["evMaxEnergyRequest"]


def test_where_a_box_moves_the_current_its_own_meter_is_told(on: On) -> None:
    with central({"setpoint": 3000}) as system:
        run = on("virtual-wallbox").run(Manage(system.address, hours(0.5)))
    events = [told for action, told in system.told if action == "TransactionEvent"]
    assert measured(events[-1], "Power.Active.Import") == pytest.approx(3000, rel=0.03)
    assert column(run, "Grid Power / W")[-1] == pytest.approx(3000 * scale_of(run), rel=0.03)


def measured(event: Any, measurand: str) -> float:
    values = [each for one in event["meterValue"] for each in one["sampledValue"]]
    return float(next(each["value"] for each in values if each["measurand"] == measurand))


def test_a_profile_is_followed_through_its_periods(on: On) -> None:
    with central([(0, {"setpoint": 3000}), (300, {"limit": 1000}), (600, {"setpoint": -500})]) as system:
        run = on("virtual-module", soc=0.5).run(Manage(system.address, hours(0.25)))
    assert [(round(each["at"], -1), each["power"]) for each in decisions(run)] == [(0, 3000), (300, 1000), (600, -500)]


@pytest.mark.parametrize("said", ["Rejected", "silent", "hang up"])
def test_who_promises_a_profile_and_sets_none_is_blamed(on: On, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.managing.ocpp.link.PATIENCE", 0.5)
    with central({"setpoint": 3000}, said) as system:
        run = on("virtual-module", soc=0.5).run(Manage(system.address, hours(0.5)))
    first, second = decisions(run)[:2]
    assert (first["problem"], bool(second["problem"])) == ("", True)
    assert column(run, "Set Grid Power / W")[-1] == 0.0
    assert column(run, "Power / W")[-1] == 0.0


def test_one_that_sets_no_profile_says_so_and_its_last_one_holds(on: On) -> None:
    with central({"setpoint": 3000}, "NoChargingProfile") as system:
        run = on("virtual-module", soc=0.5).run(Manage(system.address, hours(0.5)))
    assert [(each["power"], each["problem"]) for each in decisions(run)] == [(3000, ""), (3000, "")]


def test_without_a_link_the_car_rests_and_the_station_comes_back(on: On) -> None:
    days = hours(0.75, outages=(Outage("link", 300.0, 1500.0),))
    with central({"setpoint": 3000}, {"setpoint": 3000}, {"setpoint": 3000}) as system:
        run = on("virtual-module", soc=0.5).run(Manage(system.address, days))
    began = column(run, "Test Time / s")[np.flatnonzero(~np.isnan(column(run, "Plugged In / 1")))[0]]
    time, power = column(run, "Test Time / s") - began, column(run, "Power / W")
    assert power[(time > 100) & (time < 295)].min() > 0
    assert np.abs(power[(time > 305) & (time < 1495)]).max() == 0.0
    assert power[(time > 1510) & (time < 1700)].min() > 0
    assert [action for action, _ in system.told].count("BootNotification") == 2


def test_what_was_asked_before_a_trip_does_not_act_behind_it(on: On) -> None:
    days = hours(1, trips=(Trip(600.0, 1800.0, 5.0),))
    with central({"setpoint": -3000}, {"setpoint": 0}) as system:
        run = on("virtual-module", soc=0.6).run(Manage(system.address, days))
    plugged = column(run, "Plugged In / 1")
    assert column(run, "Power / W")[plugged == 1][60] < 0
    assert (column(run, "Set Grid Power / W")[plugged == 0] == 0.0).all()
    assert isinstance(system, Central)
