"""What a central system may call the station for, by the package ocpp, and what the station makes of it."""

from collections.abc import Iterator
from math import nan
from typing import Any

import pytest

from bench.managing.answer import NoAnswer
from bench.managing.links import Mains, Standing
from bench.managing.ocpp.link import OcppLink
from tests.bench.managing.central import Central, central, profile
from tests.bench.managing.clients import seen, until

EPOCH = 1768176000.0
"""2026-01-12T00:00:00Z."""


@pytest.fixture
def system() -> Iterator[Central]:
    with central() as found:
        yield found


@pytest.fixture
def link(system: Central) -> Iterator[OcppLink]:
    """A station with a car, whose transaction has begun; its time is real."""
    found = OcppLink(system.address, beside=True)
    found.follow(seen(time=0.0, epoch=EPOCH))
    until(lambda: system.transaction)
    yield found
    found.close()


DROOP = [{"frequency": 49.8, "power": -4000}, {"frequency": 50.0, "power": 0}, {"frequency": 50.2, "power": 4000}]
"""A curve that gives back where the frequency is too low."""


def power(link: OcppLink, time: float) -> float:
    return link.follow(seen(time=time, epoch=EPOCH + time)).power


def events(system: Central) -> list[Any]:
    """Each event of a transaction."""
    return [told for action, told in system.told if action == "TransactionEvent"]


def put(system: Central, *periods: tuple[int, dict[str, Any]], **changed: Any) -> Any:
    """Set a profile; what the station says."""
    told = profile(system.transaction, periods or [(0, {"setpoint": 2000})], **changed)
    return system.ask("SetChargingProfile", evse_id=1, charging_profile=told)


def test_a_set_point_acts_from_the_next_scan_on(link: OcppLink, system: Central) -> None:
    assert power(link, 1.0) == 0
    assert put(system, (0, {"setpoint": -2000})).status == "Accepted"
    assert power(link, 2.0) == -2000
    assert system.ask("ClearChargingProfile", charging_profile_id=1).status == "Accepted"
    assert power(link, 3.0) == 0
    assert system.ask("ClearChargingProfile", charging_profile_id=1).status == "Unknown"


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ({"limit": 4000}, 4000), ({"setpoint": 3000, "limit": 1000}, 1000),
        ({"setpoint": -3000, "discharge_limit": -500}, -500), ({"operation_mode": "Idle"}, 0),
        ({"operation_mode": "ChargingOnly", "limit": 3000}, 3000), ({}, 0),
    ],
)  # fmt: skip
def test_a_period_asks_for_its_set_point_within_its_limits(
    link: OcppLink, system: Central, period: dict[str, Any], expected: float
) -> None:
    assert put(system, (0, period)).status == "Accepted"
    assert power(link, 1.0) == expected


@pytest.mark.parametrize(
    ("period", "reason"),
    [
        ({"limit": -1}, "InvalidValue"), ({"setpoint": 1e30}, "InvalidValue"),
        ({"operation_mode": "LocalFrequency"}, "InvalidSchedule"), ({"setpoint": 10**400}, "InvalidValue"),
        ({"operation_mode": "CentralFrequency"}, "UnsupportedParam"), ({"setpoint_reactive": 100}, "UnsupportedParam"),
        ({"operation_mode": "LocalFrequency", "v2x_freq_watt_curve": DROOP}, "UnsupportedParam"),
        ({"setpoint": 0, "v2x_freq_watt_curve": DROOP}, "InvalidSchedule"),
        ({"operation_mode": "LocalFrequency", "v2x_freq_watt_curve": DROOP[::-1]}, "InvalidSchedule"),
    ],
)  # fmt: skip
def test_a_period_that_nobody_can_follow_is_rejected_and_changes_nothing(
    link: OcppLink, system: Central, period: dict[str, Any], reason: str
) -> None:
    put(system)
    answer = put(system, (0, period))
    assert (answer.status, answer.status_info["reason_code"]) == ("Rejected", reason)
    assert power(link, 1.0) == 2000


@pytest.mark.parametrize(
    ("period", "hertz", "expected"),
    [
        ({}, 49.9, -2000), ({}, 50.0, 0), ({}, 50.15, 3000), ({}, 49.0, -4000), ({}, 51.0, 4000), ({}, nan, 0),
        ({"v2x_baseline": 1000}, 49.9, -1000), ({"v2x_baseline": 1000}, 50.0, 1000), ({"v2x_baseline": 1000}, nan, 0),
        ({"discharge_limit": -500}, 49.9, -500), ({"limit": 700}, 50.2, 700),
    ],
)  # fmt: skip
def test_a_period_that_follows_the_frequency_acts_by_its_curve(
    link: OcppLink, system: Central, period: dict[str, Any], hertz: float, expected: float
) -> None:
    def standing(time: float) -> Standing:
        return link.follow(seen(time=time, epoch=EPOCH + time, mains=Mains(230.0, hertz)))

    assert standing(1.0).acting is None
    local = {"operation_mode": "LocalFrequency", "v2x_freq_watt_curve": DROOP, **period}
    assert put(system, (0, local), (60, {"setpoint": 300})).status == "Accepted"
    assert standing(2.0).acting == pytest.approx(expected)
    assert standing(2.0).power == period.get("v2x_baseline", 0)
    assert (standing(70.0).power, standing(70.0).acting) == (300, None)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"transaction_id": "another"}, "TxNotFound"), ({"charging_profile_purpose": "PriorityCharging"}, "Unsupp"),
        ({"charging_profile_kind": "Absolute", "valid_to": "soon"}, "InvalidValue"),
    ],
)  # fmt: skip
def test_a_profile_for_somebody_else_is_rejected(
    link: OcppLink, system: Central, changed: dict[str, Any], reason: str
) -> None:
    put(system)
    answer = put(system, (0, {"setpoint": 1}), **changed)
    assert answer.status == "Rejected"
    assert answer.status_info["reason_code"].startswith(reason)
    assert power(link, 1.0) == 2000


def test_periods_that_do_not_rise_are_rejected(link: OcppLink, system: Central) -> None:
    answer = put(system, (10, {"setpoint": 1}), (0, {"setpoint": 2}))
    assert (answer.status, answer.status_info["reason_code"]) == ("Rejected", "InvalidSchedule")
    assert power(link, 1.0) == 0


def test_the_higher_level_asks_and_a_station_s_own_limit_cuts(link: OcppLink, system: Central) -> None:
    put(system, (0, {"setpoint": 2000}))
    put(system, (0, {"setpoint": 3000}), id=2, stack_level=5)
    assert power(link, 1.0) == 3000
    put(system, (0, {"limit": 1500}), id=3, charging_profile_purpose="ChargingStationMaxProfile", transaction_id=None)
    assert power(link, 2.0) == 1500
    system.ask("ClearChargingProfile", charging_profile_criteria={"stack_level": 5})
    assert power(link, 3.0) == 1500
    system.ask("ClearChargingProfile", charging_profile_id=3)
    assert power(link, 4.0) == 2000


def test_an_absolute_schedule_holds_between_its_times(link: OcppLink, system: Central) -> None:
    schedule = {
        "id": 1, "charging_rate_unit": "W", "start_schedule": "2026-01-12T01:00:00+01:00", "duration": 100,
        "charging_schedule_period": [{"start_period": 0, "setpoint": 500}, {"start_period": 60, "setpoint": -700}],
    }  # fmt: skip
    assert put(system, charging_profile_kind="Absolute", charging_schedule=[schedule]).status == "Accepted"
    assert [power(link, time) for time in (1.0, 59.0, 60.0, 99.0, 100.0)] == [500, 500, -700, -700, 0]


def test_a_daily_schedule_comes_back(link: OcppLink, system: Central) -> None:
    schedule = {
        "id": 1, "charging_rate_unit": "W", "start_schedule": "2026-01-11T00:00:00Z", "duration": 3600,
        "charging_schedule_period": [{"start_period": 0, "setpoint": 500}],
    }  # fmt: skip
    put(system, charging_profile_kind="Recurring", recurrency_kind="Daily", charging_schedule=[schedule])
    assert [power(link, time) for time in (1.0, 3599.0, 3601.0, 86401.0)] == [500, 500, 0, 500]


def test_a_dynamic_profile_is_changed_while_it_holds(link: OcppLink, system: Central) -> None:
    put(system, (0, {"setpoint": 100}), charging_profile_kind="Dynamic")
    answer = system.ask("UpdateDynamicSchedule", charging_profile_id=1, schedule_update={"setpoint": -900})
    assert (answer.status, power(link, 1.0)) == ("Accepted", -900)
    answer = system.ask("UpdateDynamicSchedule", charging_profile_id=1, schedule_update={"discharge_limit": -400})
    assert (answer.status, power(link, 2.0)) == ("Accepted", -400)
    assert system.ask("UpdateDynamicSchedule", charging_profile_id=7, schedule_update={"limit": 1}).status == "Rejected"


def test_the_composite_schedule_is_what_will_be_done(link: OcppLink, system: Central) -> None:
    put(system, (0, {"setpoint": 3000}), (60, {"setpoint": -500}), (120, {"limit": 0}))
    answer = system.ask("GetCompositeSchedule", duration=90, evse_id=1)
    assert answer.status == "Accepted"
    assert answer.schedule["schedule_start"] == "2026-01-12T00:00:00.000Z"
    told = [(each["start_period"], each["setpoint"]) for each in answer.schedule["charging_schedule_period"]]
    assert told == [(0, 3000), (60, -500)]
    assert [power(link, start + 0.5) for start, _ in told] == [asked for _, asked in told]
    assert system.ask("GetCompositeSchedule", duration=90, evse_id=7).status == "Rejected"


def test_a_reset_ends_what_is_asked_for_and_begins_anew(link: OcppLink, system: Central) -> None:
    put(system)
    before = system.transaction
    assert system.ask("Reset", type="OnIdle").status == "Rejected"
    assert power(link, 1.0) == 2000
    assert system.ask("Reset", type="Immediate").status == "Accepted"
    assert power(link, 2.0) == 0
    until(lambda: [action for action, _ in system.told].count("BootNotification") == 2)
    boot = [told for action, told in system.told if action == "BootNotification"][-1]
    assert boot["reason"] == "RemoteReset"
    ended = events(system)[-1]
    assert (ended["eventType"], ended["transactionInfo"]["transactionId"]) == ("Ended", before)


def test_a_transaction_that_is_stopped_rests_until_one_is_started(link: OcppLink, system: Central) -> None:
    put(system)
    assert system.ask("RequestStopTransaction", transaction_id="another").status == "Rejected"
    assert power(link, 1.0) == 2000
    assert system.ask("RequestStopTransaction", transaction_id=system.transaction).status == "Accepted"
    assert power(link, 2.0) == 0
    until(lambda: events(system)[-1]["eventType"] == "Ended")
    assert put(system).status == "Rejected"
    token = {"id_token": "x", "type": "Central"}
    assert system.ask("RequestStartTransaction", id_token=token, remote_start_id=77).status == "Accepted"
    assert power(link, 3.0) == 0
    until(lambda: events(system)[-1]["eventType"] == "Started")
    assert events(system)[-1]["transactionInfo"]["remoteStartId"] == 77
    assert put(system).status == "Accepted"
    assert power(link, 4.0) == 2000


@pytest.mark.parametrize("action", ["GetVariables", "SetVariables"])
def test_a_variable_that_it_has_not_is_of_an_unknown_component(link: OcppLink, system: Central, action: str) -> None:
    key = action[:3].lower() + "_variable"
    asked = {"component": {"name": "AlignedDataCtrlr"}, "variable": {"name": "Interval"}}
    answer = system.ask(action, **{f"{key}_data": [asked | ({"attribute_value": "1"} if key[0] == "s" else {})]})
    (result,) = getattr(answer, f"{key}_result")
    assert result["attribute_status"] == "UnknownComponent"


def test_the_line_that_is_lost_rests_within_its_time(
    link: OcppLink, system: Central, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(system)
    assert power(link, 1.0) == 2000
    monkeypatch.setattr("bench.managing.ocpp.link.AGAIN", 1e9)
    assert link._line is not None
    link._tried = 1e12
    link._line.close()
    assert power(link, 5.9) == 2000
    heard = link.follow(seen(time=6.1, epoch=EPOCH + 6.1))
    assert (heard.power, heard.problem) == (0.0, "its line is lost.")


REQUEST = {"reason": "start", "trip": None}


def test_a_station_that_has_to_wait_asks_again_before_it_says_anything_else() -> None:
    with central({"setpoint": 500}) as system:
        system.boots = ["Pending"]
        link = OcppLink(system.address, beside=False)
        link.follow(seen())
        assert [action for action, _ in system.told][:3] == [
            "BootNotification",
            "BootNotification",
            "StatusNotification",
        ]
        assert link.decide(REQUEST)["power"] == 500
        link.close()


def test_a_station_that_is_not_accepted_says_nothing_and_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.managing.ocpp.link.BEGINS", 0.0)
    with central({"setpoint": 500}) as system:
        system.boots = ["Rejected"] * 9
        link = OcppLink(system.address, beside=False)
        link.follow(seen())
        with pytest.raises(NoAnswer, match="does not accept the station"):
            link.decide(REQUEST)
        assert {action for action, _ in system.told} == {"BootNotification"}
        link.close()


def test_a_car_that_is_not_authorised_is_asked_for_nothing() -> None:
    with central({"setpoint": 500}) as system:
        system.token = "Blocked"
        link = OcppLink(system.address, beside=False)
        link.follow(seen())
        with pytest.raises(NoAnswer, match=r"does not authorise the car \(Blocked\)"):
            link.decide(REQUEST)
        link.close()
