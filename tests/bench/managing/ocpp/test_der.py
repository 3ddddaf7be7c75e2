"""DER controls by the package ocpp: which the station takes, which of them act when, and what it tells of them."""

from collections.abc import Iterator
from math import nan
from typing import Any

import pytest
from ocpp.v21.enums import DERControlEnumType

from bench.managing.links import Mains, Standing
from bench.managing.ocpp.der import TYPES
from bench.managing.ocpp.link import OcppLink
from tests.bench.managing.central import Central, central
from tests.bench.managing.clients import seen, until
from tests.bench.managing.ocpp.test_calls import EPOCH, put, told_as

DROOP = {
    "priority": 1, "over_freq": 50.2, "under_freq": 49.8, "over_droop": 0.05, "under_droop": 0.04, "response_time": 0,
}  # fmt: skip
HALF = {"priority": 1, "pct_max_discharge_power": 50}
SOON = {"start_time": "2026-01-12T00:01:00Z", "duration": 60}
"""A minute of it, a minute from the beginning on."""


@pytest.fixture
def link(system: Central) -> Iterator[OcppLink]:
    """A station with a car, whose transaction has begun, and a meter at the grid; its time is real."""
    found = OcppLink(system.address, beside=True)
    standing(found, 0.0)
    until(lambda: system.transaction)
    yield found
    found.close()


def standing(link: OcppLink, time: float, hertz: float = 50.0) -> Standing:
    return link.follow(seen(time=time, epoch=EPOCH + time, mains=Mains(230.0, hertz)))


def control(system: Central, name: str, kind: str = "FreqDroop", **settings: Any) -> Any:
    """Set one: a default one where nothing else is said; what the station says."""
    default = not any("start_time" in each for each in settings.values())
    return system.ask("SetDERControl", is_default=default, control_id=name, control_type=kind, **settings)


@pytest.mark.parametrize(
    ("hertz", "asked", "expected"),
    [
        (50.0, -2000, -2000), (50.1, -2000, -2000), (50.3, -2000, -1560), (49.7, -2000, -2550), (nan, -2000, 0),
        (51.0, 0, 3520), (48.0, 0, -9000),  # all that the charger gives back
    ],
)  # fmt: skip
def test_a_droop_moves_the_power_by_what_the_frequency_is_off(
    link: OcppLink, system: Central, hertz: float, asked: float, expected: float
) -> None:
    """Of 11 kW, so much per 50 Hz times its droop, beyond where it begins."""
    put(system, (0, {"setpoint": asked}))
    assert standing(link, 1.0, hertz).acting is None
    assert control(system, "d", freq_droop=DROOP).status == "Accepted"
    assert standing(link, 2.0, hertz).acting == pytest.approx(expected)
    assert standing(link, 2.0, hertz).power == asked


def test_a_limit_cuts_what_is_given_back_and_nothing_else(link: OcppLink, system: Central) -> None:
    assert control(system, "l", "LimitMaxDischarge", limit_max_discharge=HALF).status == "Accepted"
    for asked, expected in ((-9000, -4500), (-100, -100), (3000, 3000)):
        put(system, (0, {"setpoint": asked}))
        assert standing(link, 1.0).acting == pytest.approx(expected)
    put(system, (0, {"setpoint": -4400}))
    control(system, "d", freq_droop=DROOP)
    assert standing(link, 2.0, 49.7).acting == pytest.approx(-4500)  # what limits comes last


def test_what_follows_the_frequency_by_its_profile_is_moved_as_well(link: OcppLink, system: Central) -> None:
    curve = [{"frequency": 49.0, "power": -1000}, {"frequency": 51.0, "power": 1000}]
    put(system, (0, {"operation_mode": "LocalFrequency", "v2x_freq_watt_curve": curve}))
    control(system, "d", freq_droop=DROOP)
    assert standing(link, 1.0, 50.3).acting == pytest.approx(300 + 440)


SETTINGS: dict[str, Any] = {
    "EnterService": {"enter_service": {
        "priority": 0, "high_voltage": 253, "low_voltage": 207, "high_freq": 50.1, "low_freq": 49.5,
    }},
    "Gradients": {"gradient": {"priority": 0, "gradient": 1, "soft_gradient": 1}},
    "FixedVar": {"fixed_var": {"priority": 0, "setpoint": 10, "unit": "PctMaxVar"}},
}  # fmt: skip
CURVE = {"curve": {"priority": 0, "y_unit": "PctMaxW", "curve_data": [{"x": 1, "y": 2}]}}


@pytest.mark.parametrize("kind", [str(each.value) for each in DERControlEnumType if each not in TYPES])
def test_a_control_that_the_station_has_not_is_not_supported_and_says_why(
    link: OcppLink, system: Central, kind: str
) -> None:
    answer = control(system, "c", kind, **SETTINGS.get(kind, CURVE))
    assert answer.status == "NotSupported"
    assert kind in answer.status_info["additional_info"]
    assert standing(link, 1.0, 48.0).acting is None
    assert system.ask("GetDERControl", request_id=1).status == "NotFound"


def test_a_curve_whose_axes_nobody_names_is_not_guessed(link: OcppLink, system: Central) -> None:
    answer = control(
        system, "l", "LimitMaxDischarge", limit_max_discharge={**HALF, "power_monitoring_must_trip": CURVE["curve"]}
    )
    assert answer.status == "NotSupported"
    assert "axes" in answer.status_info["additional_info"]


def test_without_a_meter_at_the_grid_there_is_no_droop() -> None:
    with central() as system:
        link = OcppLink(system.address, beside=True)
        link.follow(seen(time=0.0, epoch=EPOCH))
        until(lambda: system.transaction)
        assert control(system, "d", freq_droop=DROOP).status == "NotSupported"
        assert control(system, "l", "LimitMaxDischarge", limit_max_discharge=HALF).status == "Accepted"
        link.close()


@pytest.mark.parametrize(
    "settings",
    [
        {}, {"limit_max_discharge": HALF}, {"freq_droop": DROOP, "gradient": SETTINGS["Gradients"]["gradient"]},
        {"freq_droop": {**DROOP, "over_freq": 49.9}}, {"freq_droop": {**DROOP, "under_freq": 30}},
        {"freq_droop": {**DROOP, "over_droop": 0}}, {"freq_droop": {**DROOP, "under_droop": -0.05}},
        {"freq_droop": {**DROOP, "response_time": -1}}, {"freq_droop": {**DROOP, "over_freq": 1e30}},
        {"freq_droop": {**DROOP, "duration": 60}}, {"freq_droop": {**DROOP, "start_time": "2026-01-12T00:00:00Z"}},
        {"freq_droop": {**DROOP, "start_time": "2026-01-11T00:00:00Z", "duration": 60}},
        {"freq_droop": {**DROOP, "start_time": "2026-01-13T00:00:00", "duration": 60}},
    ],
)  # fmt: skip
def test_a_control_that_cannot_be_is_rejected_and_changes_nothing(
    link: OcppLink, system: Central, settings: dict[str, Any]
) -> None:
    control(system, "d", freq_droop=DROOP)
    answer = control(system, "d", **settings)
    assert (answer.status, answer.status_info["reason_code"]) == ("Rejected", "InvalidValue")
    assert standing(link, 1.0, 50.3).acting == pytest.approx(440)


@pytest.mark.parametrize("share", [-1, 101, None])
def test_a_limit_is_a_share(link: OcppLink, system: Central, share: float | None) -> None:
    told = {"priority": 1} if share is None else {"priority": 1, "pct_max_discharge_power": share}
    assert control(system, "l", "LimitMaxDischarge", limit_max_discharge=told).status == "Rejected"


def test_a_scheduled_control_goes_before_a_default_one_and_tells_when_it_does(link: OcppLink, system: Central) -> None:
    control(system, "default", freq_droop=DROOP)
    scheduled = {**DROOP, "over_droop": 0.1, "priority": 9, **SOON}
    assert control(system, "scheduled", freq_droop=scheduled).status == "Accepted"
    acting = [standing(link, time, 50.3).acting for time in (59.0, 60.0, 119.0, 120.0)]
    assert acting == pytest.approx([440, 220, 220, 440])
    until(lambda: len(told_as(system, "NotifyDERStartStop")) == 2)
    began, ended = told_as(system, "NotifyDERStartStop")
    assert (began["controlId"], began["started"], began["supersededIds"]) == ("scheduled", True, ["default"])
    assert began["timestamp"] == "2026-01-12T00:01:00.000Z"
    assert (ended["controlId"], ended["started"]) == ("scheduled", False)
    assert "supersededIds" not in ended


def test_of_two_the_lower_priority_number_acts_and_the_report_tells_which_is_superseded(
    link: OcppLink, system: Central
) -> None:
    control(system, "first", freq_droop=DROOP)
    answer = control(system, "second", freq_droop={**DROOP, "priority": 0, "over_droop": 0.1})
    assert answer.superseded_ids == ["first"]
    assert standing(link, 1.0, 50.3).acting == pytest.approx(220)
    control(system, "l", "LimitMaxDischarge", limit_max_discharge=HALF)
    assert system.ask("GetDERControl", request_id=5, control_type="FreqDroop").status == "Accepted"
    standing(link, 2.0)
    until(lambda: told_as(system, "ReportDERControl"))
    (report,) = told_as(system, "ReportDERControl")
    assert report["requestId"] == 5
    assert {each["id"]: each["isSuperseded"] for each in report["freqDroop"]} == {"first": True, "second": False}
    assert report["freqDroop"][0]["freqDroop"]["overDroop"] == 0.05
    assert "limitMaxDischarge" not in report


def test_controls_are_cleared_by_their_id_their_type_or_as_default_ones(link: OcppLink, system: Central) -> None:
    def clear(**which: Any) -> str:
        return str(system.ask("ClearDERControl", **({"is_default": True} | which)).status)

    control(system, "a", freq_droop=DROOP)
    control(system, "b", freq_droop={**DROOP, **SOON})
    standing(link, 70.0)
    assert clear(control_id="nobody") == "NotFound"
    assert clear(control_type="LimitMaxDischarge") == "NotFound"
    assert clear(is_default=False) == "Accepted"
    standing(link, 71.0)
    until(lambda: len(told_as(system, "NotifyDERStartStop")) == 2)
    assert told_as(system, "NotifyDERStartStop")[-1]["started"] is False
    assert standing(link, 72.0, 50.3).acting == pytest.approx(440)
    assert clear() == "Accepted"
    assert standing(link, 73.0, 50.3).acting is None


def test_a_lost_line_leaves_no_control_that_moves_a_power(
    link: OcppLink, system: Central, monkeypatch: pytest.MonkeyPatch
) -> None:
    control(system, "d", freq_droop=DROOP)
    assert standing(link, 1.0, 50.3).acting == pytest.approx(440)
    monkeypatch.setattr("bench.managing.ocpp.link.AGAIN", 1e9)
    assert link._line is not None
    link._tried = 1e12
    link._line.close()
    assert standing(link, 6.1, 50.3) == Standing(0.0, "its line is lost.")


def test_a_station_keeps_so_many_controls(link: OcppLink, system: Central) -> None:
    for number in range(24):
        assert control(system, str(number), freq_droop=DROOP).status == "Accepted"
    answer = control(system, "one more", freq_droop=DROOP)
    assert (answer.status, answer.status_info["reason_code"]) == ("Rejected", "OutOfStorage")
    assert control(system, "7", freq_droop=DROOP).status == "Accepted"
