"""What a central system may call the station for, by the package ocpp, and what the station makes of it."""

from collections.abc import Iterator, Mapping
from math import nan
from typing import Any

import pytest
from ocpp.messages import get_validator

from bench.managing.answer import NoAnswer
from bench.managing.links import Mains, Standing
from bench.managing.ocpp import periods, profiles
from bench.managing.ocpp.calls import answer
from bench.managing.ocpp.link import OcppLink
from tests.bench.managing.central import Central, central, profile
from tests.bench.managing.clients import seen, until

pytestmark = pytest.mark.real_time

EPOCH = 1768176000.0
"""2026-01-12T00:00:00Z."""


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


def told_as(system: Central, action: str) -> list[Any]:
    """What the system was told by an action."""
    return [told for each, told in system.told if each == action]


def put(system: Central, *periods: tuple[int, dict[str, Any]], evse: int = 1, **changed: Any) -> Any:
    """Set a profile; what the station says. What is changed to None is not told."""
    told = profile(system.transaction, periods or [(0, {"setpoint": 2000})], **changed)
    content = {name: value for name, value in told.items() if value is not None}
    return system.ask("SetChargingProfile", evse_id=evse, charging_profile=content)


def scheduled(*periods: tuple[int, dict[str, Any]], **changed: Any) -> dict[str, Any]:
    """What makes a profile one of a schedule that begins as these tests do."""
    schedule = {
        "id": 1, "charging_rate_unit": "W", "start_schedule": "2026-01-12T00:00:00Z",
        "charging_schedule_period": [{"start_period": start, **period} for start, period in periods], **changed,
    }  # fmt: skip
    return {"charging_profile_kind": "Absolute", "charging_schedule": [schedule]}


def station_wide(watts: int, **changed: Any) -> dict[str, Any]:
    """What makes a profile one that limits the station."""
    return {
        "evse": 0, "charging_profile_purpose": "ChargingStationMaxProfile", "transaction_id": None,
        **scheduled((0, {"limit": watts})), **changed,
    }  # fmt: skip


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
        ({"operation_mode": "ChargingOnly", "setpoint": -3000, "discharge_limit": -900}, 0),
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
        ({"valid_to": "soon"}, "InvalidValue"), ({"valid_to": "2026-01-13T00:00:00"}, "InvalidValue"),
        ({"transaction_id": None}, "TxNotFound"), ({"evse": 0}, "InvalidValue"), ({"evse": 7}, "InvalidValue"),
        ({"charging_profile_purpose": "TxDefaultProfile"}, "TxNotFound"), (station_wide(9, evse=1), "InvalidValue"),
        (station_wide(9, charging_profile_purpose="ChargingStationExternalConstraints"), "UnsupportedPurpose"),
        ({"id": 2}, "DuplicateProfile"), ({"charging_profile_kind": "Absolute"}, "InvalidSchedule"),
        ({"charging_profile_kind": "Recurring", "recurrency_kind": "Daily"}, "InvalidSchedule"),
        (scheduled((0, {"setpoint": 1})) | {"charging_profile_kind": "Relative"}, "InvalidSchedule"),
        (scheduled((0, {"setpoint": 1})) | {"charging_profile_kind": "Recurring"}, "InvalidSchedule"),
        (scheduled((0, {"setpoint": 1})) | {"recurrency_kind": "Daily"}, "InvalidSchedule"),
        (scheduled((0, {"setpoint": 1}), start_schedule="2026-01-12T00:00:00"), "InvalidValue"),
        (scheduled((0, {"setpoint": 1}), (9, {"setpoint": 2})) | {"charging_profile_kind": "Dynamic"}, "InvalidSched"),
        (scheduled((0, {"limit": 1})) | {"evse": 0, "charging_profile_purpose": "ChargingStationMaxProfile",
         "transaction_id": None, "charging_profile_kind": "Relative"}, "InvalidSchedule"),
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
    put(system, id=3, **station_wide(1500))
    assert power(link, 2.0) == 1500
    put(system, id=4, stack_level=1, **station_wide(2500))
    assert power(link, 2.0) == 2500  # of one purpose the highest level counts, not the least power
    system.ask("ClearChargingProfile", charging_profile_id=4)
    system.ask("ClearChargingProfile", charging_profile_criteria={"stack_level": 5})
    assert power(link, 3.0) == 1500
    system.ask("ClearChargingProfile", charging_profile_id=3)
    assert power(link, 4.0) == 2000


def test_a_limit_of_the_station_leaves_of_what_is_given_back_what_it_says(link: OcppLink, system: Central) -> None:
    limits = scheduled((0, {"limit": 1500, "discharge_limit": -800}))
    put(system, (0, {"setpoint": -3000}))
    put(system, id=3, **station_wide(0, **limits))
    assert power(link, 1.0) == -800


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


def test_a_dynamic_limit_is_raised_as_it_is_lowered(link: OcppLink, system: Central) -> None:
    put(system, (0, {"limit": 3000}), charging_profile_kind="Dynamic")
    for limit in (1000, 7000):
        system.ask("UpdateDynamicSchedule", charging_profile_id=1, schedule_update={"limit": limit})
        assert power(link, 1.0) == limit
    said_back = answer(link._at, "UpdateDynamicSchedule", {"chargingProfileId": 1, "scheduleUpdate": {"limit_L2": 500}})
    assert (said_back["status"], power(link, 1.0)) == ("Rejected", 7000)


def test_a_relative_default_begins_with_each_transaction(link: OcppLink, system: Central) -> None:
    """Set long before a car comes, it would be over when one does."""
    default = {"charging_profile_purpose": "TxDefaultProfile", "transaction_id": None}
    schedule = {
        "id": 1, "charging_rate_unit": "W", "duration": 600,
        "charging_schedule_period": [{"start_period": 0, "setpoint": 900}],
    }  # fmt: skip
    assert put(system, charging_schedule=[schedule], **default).status == "Accepted"
    assert [power(link, time) for time in (599.0, 601.0)] == [900, 0]
    link.follow(seen(time=1000.0, epoch=EPOCH + 1000.0, plugged=False))
    until(lambda: events(system)[-1]["eventType"] == "Ended")
    link.follow(seen(time=2000.0, epoch=EPOCH + 2000.0))
    until(lambda: events(system)[-1]["eventType"] == "Started")
    assert [power(link, time) for time in (2001.0, 2599.0, 2601.0)] == [900, 900, 0]


HONOURED: Mapping[str, frozenset[str]] = {
    "ChargingProfileType": profiles.KNOWN, "ChargingScheduleType": profiles.KNOWN_OF_SCHEDULE,
    "ChargingSchedulePeriodType": periods.KNOWN,
}  # fmt: skip
SCHEMA = get_validator(2, "SetChargingProfile", "2.1").schema["definitions"]


@pytest.mark.parametrize(
    ("place", "name"),
    [(place, name) for place, known in HONOURED.items() for name in sorted(SCHEMA[place]["properties"].keys() - known)],
)
def test_what_a_profile_may_say_and_nobody_here_does_is_refused(link: OcppLink, place: str, name: str) -> None:
    """Whoever set it would believe it done: a limit of one phase, a delay, a local time, a limit by the charge."""
    period: dict[str, Any] = {"startPeriod": 0, "setpoint": 1000}
    schedule: dict[str, Any] = {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [period]}
    content: dict[str, Any] = {
        "id": 1, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
        "transactionId": link._at.transaction, "chargingSchedule": [schedule],
    }  # fmt: skip
    said = {"ChargingProfileType": content, "ChargingScheduleType": schedule, "ChargingSchedulePeriodType": period}
    assert answer(link._at, "SetChargingProfile", {"evseId": 1, "chargingProfile": content})["status"] == "Accepted"
    said[place][name] = 1
    said_back = answer(link._at, "SetChargingProfile", {"evseId": 1, "chargingProfile": content})
    assert (said_back["status"], said_back["statusInfo"]["reasonCode"]) == ("Rejected", "UnsupportedParam")
    assert name in said_back["statusInfo"]["additionalInfo"]


def test_profiles_are_told_as_they_were_set(link: OcppLink, system: Central) -> None:
    assert system.ask("GetChargingProfiles", request_id=7, charging_profile={}).status == "NoProfiles"
    put(system, (0, {"setpoint": 100}), charging_profile_kind="Dynamic")
    put(system, id=3, **station_wide(2500))
    system.ask("UpdateDynamicSchedule", charging_profile_id=1, schedule_update={"setpoint": -900})
    assert system.ask("GetChargingProfiles", request_id=7, charging_profile={}).status == "Accepted"
    power(link, 1.0)
    until(lambda: len(told_as(system, "ReportChargingProfiles")) == 2)
    first, second = told_as(system, "ReportChargingProfiles")
    assert [(each["requestId"], each["evseId"], each["tbc"]) for each in (first, second)] == [
        (7, 1, True), (7, 0, False),
    ]  # fmt: skip
    (told,) = first["chargingProfile"]
    assert told["chargingSchedule"][0]["chargingSchedulePeriod"] == [{"startPeriod": 0, "setpoint": -900}]
    only = {"charging_profile_purpose": "ChargingStationMaxProfile"}
    assert system.ask("GetChargingProfiles", request_id=8, charging_profile=only).status == "Accepted"
    power(link, 2.0)
    until(lambda: len(told_as(system, "ReportChargingProfiles")) == 3)
    assert told_as(system, "ReportChargingProfiles")[-1]["chargingProfile"][0]["id"] == 3


def test_the_composite_schedule_of_what_follows_the_frequency_tells_how_it_does(
    link: OcppLink, system: Central
) -> None:
    link.follow(seen(time=1.0, epoch=EPOCH + 1.0, mains=Mains(230.0, 50.0)))
    local = {
        "operation_mode": "LocalFrequency", "v2x_freq_watt_curve": DROOP, "v2x_baseline": 500, "limit": 3000,
    }  # fmt: skip
    put(system, (0, local), (60, {"setpoint": 300}))
    put(system, id=3, **station_wide(2500))
    first, second = system.ask("GetCompositeSchedule", duration=90, evse_id=1).schedule["charging_schedule_period"]
    assert (first["operation_mode"], first["v2x_baseline"], first["limit"]) == ("LocalFrequency", 500, 2500)
    assert first["v2x_freq_watt_curve"] == DROOP
    assert (second["start_period"], second["setpoint"]) == (60, 300)


def test_a_stop_ends_the_transaction_and_no_limit_of_the_station(link: OcppLink, system: Central) -> None:
    put(system, id=3, **station_wide(1500))
    put(system)
    system.ask("RequestStopTransaction", transaction_id=system.transaction)
    assert power(link, 1.0) == 0
    until(lambda: events(system)[-1]["eventType"] == "Ended")
    system.ask("RequestStartTransaction", id_token={"id_token": "x", "type": "Central"}, remote_start_id=1)
    power(link, 2.0)
    until(lambda: events(system)[-1]["eventType"] == "Started")
    put(system)
    assert power(link, 3.0) == 1500


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
