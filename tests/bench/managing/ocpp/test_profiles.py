"""Charging profiles by themselves: what they ask for at any time, and what a composite schedule tells of it."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.managing.ocpp.periods import Unusable, period
from bench.managing.ocpp.profiles import MOST, ChargingProfile, Profiles, epoch, read

BEGINS = 1.7e9
"""s of the epoch: 2023-11-14T22:13:20Z."""


def when(seconds: float) -> str:
    return datetime.fromtimestamp(BEGINS + seconds, UTC).isoformat()


def content(number: int = 1, kind: str = "Absolute", purpose: str = "TxDefaultProfile", **changed: Any) -> Any:
    """A profile as it is told; `schedule` are more keys of its only schedule, `periods` what that asks for."""
    schedule = {
        "id": 1, "chargingRateUnit": "W",
        "chargingSchedulePeriod": changed.pop("periods", [{"startPeriod": 0, "setpoint": 1000}]),
        **({"startSchedule": when(0)} if kind in {"Absolute", "Recurring"} else {}), **changed.pop("schedule", {}),
    }  # fmt: skip
    of_kind = {"recurrencyKind": "Daily"} if kind == "Recurring" else {}
    of_purpose = {"transactionId": "t"} if purpose == "TxProfile" else {}
    return {
        "id": number, "stackLevel": 0, "chargingProfilePurpose": purpose, "chargingProfileKind": kind, **of_kind,
        **of_purpose, "chargingSchedule": [schedule], **changed,
    }  # fmt: skip


def profiles(*contents: Any) -> Profiles:
    found = Profiles()
    for each in contents:
        found.put(read(each, BEGINS, evse=0 if "Station" in each["chargingProfilePurpose"] else 1, measured=True))
    return found


def steps(*powers: float, each: float = 60.0) -> list[dict[str, float]]:
    """Periods of so many s, one for each W."""
    return [{"startPeriod": int(number * each), "setpoint": power} for number, power in enumerate(powers)]


# --- at a time --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "power"),
    [(-1, 0), (0, 1000), (59.9, 1000), (60, -2000), (119.9, -2000), (120, 0), (1e6, 0)],
)
def test_an_absolute_schedule_asks_from_its_beginning_to_the_end_of_its_duration(seconds: float, power: float) -> None:
    found = profiles(content(periods=steps(1000, -2000), schedule={"duration": 120}))
    assert found.power(BEGINS + seconds) == power


def test_a_schedule_without_a_duration_has_no_end() -> None:
    assert profiles(content(periods=steps(1000, -2000))).power(BEGINS + 1e8) == -2000


@pytest.mark.parametrize(("recurrence", "day"), [("Daily", 86400.0), ("Weekly", 7 * 86400.0)])
def test_a_recurring_schedule_begins_anew_each_time_and_asks_for_nothing_between(recurrence: str, day: float) -> None:
    told = content(kind="Recurring", periods=steps(1000, 2000), schedule={"duration": 120}, recurrencyKind=recurrence)
    found = profiles(told)
    for lap in (0, 1, 5):
        asked = [found.power(BEGINS + lap * day + seconds) for seconds in (0, 60, 120, day - 1)]
        assert asked == [1000, 2000, 0, 0]
    assert found.power(BEGINS - day + 30) == 0, "it had not begun"
    assert found.power(BEGINS + 86400.0) == (1000 if recurrence == "Daily" else 0)


def test_a_profile_holds_while_it_is_valid_and_counts_its_time_from_its_schedule() -> None:
    found = profiles(content(periods=steps(1000, 2000, 3000), validFrom=when(70), validTo=when(130)))
    assert [found.power(BEGINS + seconds) for seconds in (69, 70, 119, 120, 129.9, 130)] == [
        0,
        2000,
        2000,
        3000,
        3000,
        0,
    ]


def test_a_relative_profile_begins_with_its_transaction_and_again_with_the_next() -> None:
    found = profiles(content(kind="Relative", periods=steps(1000, 2000)))
    for began in (BEGINS + 500, BEGINS + 9000):
        found.begin_anew(began)
        assert [found.power(began + seconds) for seconds in (-1, 0, 60)] == [0, 1000, 2000]


def test_a_transaction_moves_no_schedule_that_has_a_time_of_its_own() -> None:
    found = profiles(content(periods=steps(1000, 2000)))
    found.begin_anew(BEGINS + 500)
    assert found.power(BEGINS + 60) == 2000


def test_what_the_transaction_asks_for_goes_before_the_default_and_the_default_comes_back() -> None:
    found = profiles(
        content(1, periods=steps(1000)),
        content(2, purpose="TxProfile", periods=steps(-500), schedule={"duration": 60}, stackLevel=0),
    )
    assert [found.power(BEGINS + seconds) for seconds in (0, 59, 60)] == [-500, -500, 1000]


def test_of_one_purpose_the_highest_level_that_has_a_period_then_counts() -> None:
    low, high = (
        content(1, periods=steps(1000)),
        content(2, periods=steps(2000), stackLevel=7, schedule={"duration": 60}),
    )
    assert [profiles(low, high).power(BEGINS + seconds) for seconds in (0, 60)] == [2000, 1000]
    assert [profiles(high, low).power(BEGINS + seconds) for seconds in (0, 60)] == [2000, 1000]


def test_a_limit_of_the_station_cuts_both_ways_and_asks_for_nothing_by_itself() -> None:
    limit = content(
        9, purpose="ChargingStationMaxProfile",
        periods=[{"startPeriod": 0, "limit": 800, "dischargeLimit": -300, "operationMode": "CentralSetpoint"}],
    )  # fmt: skip
    assert profiles(limit).period_at(BEGINS) is None
    assert profiles(limit, content(periods=steps(1000, -1000))).power(BEGINS) == 800
    assert profiles(limit, content(periods=steps(1000, -1000))).power(BEGINS + 60) == -300
    charging = content(9, purpose="ChargingStationMaxProfile", periods=[{"startPeriod": 0, "limit": 800}])
    assert profiles(charging, content(periods=steps(-1000))).power(BEGINS) == 0, "of what only charges nothing is given"


# --- what a composite schedule tells ----------------------------------------------------------------------------------


POWERS = st.lists(st.sampled_from([-3000, -1000, 0, 1000, 2000]), min_size=1, max_size=4)
MOMENTS = st.integers(-400, 400)
SEVERAL = st.lists(
    st.tuples(
        st.sampled_from(["Absolute", "Recurring", "Relative"]), POWERS, st.integers(1, 200) | st.none(), MOMENTS,
        MOMENTS | st.none(), MOMENTS | st.none(), st.sampled_from([7, 60]),
    ),
    max_size=4,
)  # fmt: skip


def several(told: Any) -> Profiles:
    found = Profiles()
    for number, (kind, powers, duration, begins, since, until, each) in enumerate(told):
        schedule = {"duration": duration} if duration is not None else {}
        schedule |= {"startSchedule": when(begins)} if kind != "Relative" else {}
        valid = {"validFrom": when(since)} if since is not None else {}
        valid |= {"validTo": when(until)} if until is not None else {}
        found.put(read(
            content(number, kind, periods=steps(*powers, each=each), schedule=schedule, stackLevel=number, **valid),
            BEGINS,
        ))  # fmt: skip
    return found


@given(SEVERAL, MOMENTS, st.integers(1, 900))
def test_a_composite_schedule_tells_what_will_be_asked_for_at_every_moment(told: Any, start: int, lasts: int) -> None:
    found = several(told)
    schedule = list(found.composite(BEGINS + start, lasts))
    times = [time for time, _ in schedule]
    assert times[0] == 0
    assert times == sorted(set(times))
    assert times[-1] < lasts
    for seconds in range(0, lasts, 3):
        (_, holds) = [each for each in schedule if each[0] <= seconds][-1]
        assert holds["setpoint"] == found.power(BEGINS + start + seconds)


@given(SEVERAL, MOMENTS)
def test_a_composite_schedule_says_nothing_twice(told: Any, start: int) -> None:
    powers = [holds["setpoint"] for _, holds in several(told).composite(BEGINS + start, 900.0)]
    assert all(before != after for before, after in pairwise(powers))


def test_a_composite_schedule_tells_when_a_profile_becomes_valid_and_when_no_longer() -> None:
    found = profiles(content(periods=steps(1000, 2000), validFrom=when(30), validTo=when(90)))
    told = [(time, holds["setpoint"]) for time, holds in found.composite(BEGINS, 900.0)]
    assert told == [(0, 0), (30, 1000), (60, 2000), (90, 0)]


def test_a_composite_schedule_of_days_tells_each_of_them() -> None:
    found = profiles(content(kind="Recurring", periods=steps(1000), schedule={"duration": 3600}))
    told = [(time, holds["setpoint"]) for time, holds in found.composite(BEGINS + 1800, 2 * 86400.0)]
    assert told == [(0, 1000), (1800, 0), (84600, 1000), (88200, 0), (171000, 1000)]


# --- which there are --------------------------------------------------------------------------------------------------


def test_one_of_the_same_number_takes_the_place_of_the_other() -> None:
    found = profiles(content(1, periods=steps(1000)), content(1, periods=steps(2000)))
    assert (len(found.kept), found.power(BEGINS)) == (1, 2000)


@pytest.mark.parametrize(
    ("changed", "collides"),
    [
        ({}, True), ({"stackLevel": 1}, False), ({"purpose": "TxProfile"}, False),
        ({"validFrom": when(100)}, False), ({"validFrom": when(99)}, True), ({"validTo": when(-5)}, True),
    ],
)  # fmt: skip
def test_two_of_a_purpose_and_level_that_hold_at_one_time_are_refused(changed: dict[str, Any], collides: bool) -> None:
    found = profiles(content(1, validTo=when(100)))
    other = read(content(2, **changed), BEGINS)
    if not collides:
        found.put(other)
        assert set(found.kept) == {1, 2}
        return
    with pytest.raises(
        Unusable, match="profile 1 has that purpose and level: clear it, or use its id or another level"
    ):
        found.put(other)
    assert set(found.kept) == {1}


def test_a_station_keeps_so_many_and_takes_another_in_the_place_of_one() -> None:
    found = profiles(*(content(number, stackLevel=number) for number in range(MOST)))
    with pytest.raises(Unusable, match=f"a station keeps {MOST} profiles"):
        found.put(read(content(MOST, stackLevel=MOST), BEGINS))
    found.put(read(content(0, periods=steps(2000)), BEGINS))
    assert len(found.kept) == MOST


def test_they_are_found_by_number_or_by_all_that_is_said_of_them() -> None:
    found = profiles(
        content(1), content(2, stackLevel=1), content(3, purpose="TxProfile"),
        content(4, purpose="ChargingStationMaxProfile"),
    )  # fmt: skip

    def numbers(*asked: Any, **more: Any) -> list[int]:
        return [each.number for each in found.matching(*asked, **more)]

    assert numbers() == [1, 2, 3, 4]
    assert numbers([3, 1, 9]) == [1, 3]
    assert numbers(purpose="TxDefaultProfile") == [1, 2]
    assert numbers(level=0) == [1, 3, 4]
    assert numbers(level=0, purpose="TxDefaultProfile", evse=1) == [1]
    assert numbers(evse=0) == [4]
    assert numbers([2], purpose="TxProfile") == [2], "a number alone says which"
    assert found.clear(found.matching(level=0))
    assert set(found.kept) == {2}
    assert not found.clear(found.matching(purpose="TxProfile"))


def test_only_a_dynamic_profile_is_changed_and_one_that_cannot_be_stays_as_it_was() -> None:
    found = profiles(content(1, "Dynamic"), content(2, stackLevel=1, schedule={"duration": 60}))
    found.update(1, {"setpoint": -700})
    assert found.power(BEGINS + 60) == -700
    assert found.kept[1].content["chargingSchedule"][0]["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "setpoint": -700}
    ]
    for number in (2, 9):
        with pytest.raises(Unusable, match=f"there is no dynamic profile {number}"):
            found.update(number, {"setpoint": 1})
    with pytest.raises(Unusable, match="setpoint is no number of W"):
        found.update(1, {"setpoint": 1e12})
    assert found.power(BEGINS + 60) == -700


def test_what_follows_the_frequency_is_set_anew_and_not_changed() -> None:
    curve = [{"frequency": 49.8, "power": -1000}, {"frequency": 50.2, "power": 1000}]
    follows = {"startPeriod": 0, "operationMode": "LocalFrequency", "v2xBaseline": 200, "v2xFreqWattCurve": curve}
    found = profiles(content(1, "Dynamic", periods=[follows]))
    asked = {hertz: found.acting(BEGINS, hertz) for hertz in (49.0, 49.9, 50.0, 50.2, 51.0)}
    assert asked == pytest.approx({49.0: -800, 49.9: -300, 50.0: 200, 50.2: 1200, 51.0: 1200})
    assert found.acting(BEGINS, nan) == 0
    assert profiles(content()).acting(BEGINS, 50.0) is None
    with pytest.raises(Unusable, match="what follows the frequency is set anew"):
        found.update(1, {"setpoint": 1})
    with pytest.raises(Unusable, match="nobody measures the frequency here"):
        read(content(1, periods=[follows]), BEGINS)


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "code", "says"),
    [
        (content(purpose="PriorityCharging"), "UnsupportedPurpose", "PriorityCharging is nothing that a central"),
        (content(chargingSchedule=[]), "InvalidSchedule", "give one schedule"),
        (content(schedule={"chargingRateUnit": "A"}), "UnsupportedRateUnit", "give W: what a current is worth"),
        (content(schedule={"useLocalTime": True}), "UnsupportedParam", "useLocalTime is nothing"),
        (content(kind="Relative", schedule={"startSchedule": when(0)}), "InvalidSchedule", "it has no startSchedule"),
        (content(recurrencyKind="Daily"), "InvalidSchedule", "recurrencyKind and the kind Recurring go together"),
        (content(transactionId="t"), "TxNotFound", "a TxProfile has a transactionId, others have none"),
        (content(periods=[{"startPeriod": 5, "setpoint": 1}]), "InvalidSchedule", "periods begin at 0 and rise"),
        (content(periods=steps(1, 2)[::-1]), "InvalidSchedule", "periods begin at 0 and rise"),
        (content(periods=steps(1, 2, each=0)), "InvalidSchedule", "periods begin at 0 and rise"),
        (content(kind="Dynamic", periods=steps(1, 2)), "InvalidSchedule", "a dynamic profile has one period"),
        (content(schedule={"startSchedule": "noon"}), "InvalidValue", "'noon' is no time"),
        (content(validTo="2026-01-12T00:00:00"), "InvalidValue", "'2026-01-12T00:00:00' has no offset from UTC"),
        (content(schedule={"duration": 1e12}), "InvalidValue", "duration is no number of W, or s"),
        (content(schedule={"randomizedDelay": 5}), "UnsupportedParam", "randomizedDelay is nothing that is done here"),
        (content(chargingSchedule=[{}, {}]), "InvalidSchedule", "give one schedule"),
    ],
)  # fmt: skip
def test_a_profile_that_cannot_be_followed_is_refused_with_its_code(wrong: Any, code: str, says: str) -> None:
    with pytest.raises(Unusable, match=says) as refused:
        read(wrong, BEGINS)
    assert refused.value.args[0] == code


@pytest.mark.parametrize("kind", ["Absolute", "Recurring"])
def test_a_schedule_at_a_time_of_its_own_says_when(kind: str) -> None:
    wrong = content(kind=kind)
    del wrong["chargingSchedule"][0]["startSchedule"]
    with pytest.raises(Unusable, match=f"a profile of kind {kind} has a startSchedule"):
        read(wrong, BEGINS)


@pytest.mark.parametrize(
    ("purpose", "evse", "taken"),
    [
        ("TxDefaultProfile", 0, True), ("TxDefaultProfile", 1, True), ("TxDefaultProfile", 2, False),
        ("TxProfile", 0, False), ("TxProfile", 1, True), ("ChargingStationMaxProfile", 0, True),
        ("ChargingStationMaxProfile", 1, False),
    ],
)  # fmt: skip
def test_a_purpose_is_for_the_evses_that_it_can_be_for(purpose: str, evse: int, taken: bool) -> None:
    if taken:
        assert read(content(purpose=purpose), BEGINS, evse=evse).evse == evse
        return
    with pytest.raises(Unusable, match=rf"a {purpose} is for EVSE .*, not {evse}\."):
        read(content(purpose=purpose), BEGINS, evse=evse)


@pytest.mark.parametrize("empty", [None, 0, False, "", [], {}])
def test_what_nobody_does_may_be_said_to_be_nothing(empty: object) -> None:
    found = read(content(schedule={"randomizedDelay": empty, "limitAtSoC": empty}), BEGINS)
    assert isinstance(found, ChargingProfile)


# --- a period ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "power"),
    [
        ({"setpoint": 1000}, 1000), ({"setpoint": -1000}, -1000), ({"limit": 3000}, 3000), ({}, 0),
        ({"setpoint": 5000, "limit": 3000}, 3000), ({"setpoint": -5000, "dischargeLimit": -3000}, -3000),
        ({"operationMode": "Idle", "setpoint": 1000}, 0), ({"operationMode": "Idle", "limit": 3000}, 0),
        ({"operationMode": "ChargingOnly", "setpoint": -1000}, 0), ({"operationMode": "ChargingOnly"}, 0),
        ({"operationMode": "ChargingOnly", "setpoint": 500, "limit": 300}, 300),
        ({"operationMode": "CentralSetpoint", "limit": 3000}, 0), ({"limit": 0}, 0), ({"setpoint": 0.5}, 0.5),
    ],
)  # fmt: skip
def test_a_period_asks_for_its_set_point_or_else_its_limit(told: dict[str, Any], power: float) -> None:
    found = period({"startPeriod": 0, **told})
    assert found.power == power
    assert found.composed() == {"operationMode": "CentralSetpoint", "setpoint": power}


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"limit": -1}, "InvalidValue"), ({"dischargeLimit": 1}, "InvalidValue"), ({"setpoint": inf}, "InvalidValue"),
        ({"setpoint": nan}, "InvalidValue"), ({"limit": 10**400}, "InvalidValue"),
        ({"operationMode": "ExternalLimits"}, "UnsupportedParam"), ({"setpointReactive": 5}, "UnsupportedParam"),
        ({"v2xBaseline": 5}, "InvalidSchedule"), ({"operationMode": "LocalFrequency"}, "InvalidSchedule"),
        ({"v2xFreqWattCurve": [{"frequency": 50, "power": 0}]}, "InvalidSchedule"),
        ({"operationMode": "LocalFrequency",
          "v2xFreqWattCurve": [{"frequency": 50, "power": 0}, {"frequency": 50, "power": 9}]}, "InvalidSchedule"),
    ],
)  # fmt: skip
def test_a_period_that_nobody_can_follow_is_refused_with_its_code(told: dict[str, Any], code: str) -> None:
    with pytest.raises(Unusable) as refused:
        period({"startPeriod": 0, **told})
    assert refused.value.args[0] == code


def test_what_is_told_of_a_curve_is_a_period_that_says_the_same() -> None:
    curve = [{"frequency": 49.8, "power": -1000.0}, {"frequency": 50.2, "power": 1000.0}]
    told = {
        "operationMode": "LocalFrequency",
        "v2xBaseline": 200.0,
        "v2xFreqWattCurve": curve,
        "dischargeLimit": -500.0,
    }
    found = period({"startPeriod": 0, **told})
    assert found.composed() == told
    assert period({"startPeriod": 0, **found.composed()}) == found
    assert [found.at_frequency(hertz) for hertz in (49.8, 50.2)] == [-500, 1200]


@given(st.integers(0, 7 * 10**12), st.integers(-14 * 60, 14 * 60))
def test_a_time_with_an_offset_is_one_moment_however_it_is_written(milliseconds: int, minutes: int) -> None:
    moment = datetime.fromtimestamp(milliseconds / 1000, timezone(timedelta(minutes=minutes)))
    assert epoch(moment.isoformat(), nan) == pytest.approx(milliseconds / 1000, abs=1e-3)
    assert epoch(moment.astimezone(UTC).isoformat().replace("+00:00", "Z"), nan) == moment.timestamp()
    assert epoch(None, -inf) == -inf
