"""What is no message of OCPP on the station's line: it answers as the protocol says, lives, and nothing changes."""

import json
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ocpp.v21.enums import Action

from bench.managing.answer import NoAnswer
from bench.managing.ocpp import line
from bench.managing.ocpp.calls import ANSWERS, answer
from bench.managing.ocpp.link import OcppLink
from bench.managing.ocpp.rpc import Refused, Result, received
from bench.managing.ocpp.station import Station
from tests.bench.managing.central import Central, central, profile
from tests.bench.managing.clients import seen, until

FUZZ = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
CODES = {
    "RpcFrameworkError", "MessageTypeNotSupported", "NotImplemented", "NotSupported", "FormatViolation",
    "ProtocolError", "TypeConstraintViolation", "PropertyConstraintViolation", "OccurrenceConstraintViolation",
}  # fmt: skip


@pytest.fixture
def station() -> Station:
    """One that has been asked for 2000 W."""
    found = Station(seen())
    found.began()
    asked = {
        "id": 1, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
        "transactionId": found.transaction,
        "chargingSchedule": [
            {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, "setpoint": 2000}]}
        ],
    }  # fmt: skip
    answer(found, "SetChargingProfile", {"evseId": 1, "chargingProfile": asked})
    return found


def answered(station: Station, message: str | bytes) -> Any:
    """What comes back, as JSON."""
    said_back = received(message, partial(answer, station))
    assert not isinstance(said_back, Result)
    return None if said_back is None else json.loads(said_back)


@FUZZ
@given(st.text(max_size=100) | st.binary(max_size=100) | JSON.map(json.dumps))
def test_what_is_no_message_is_answered_as_none(station: Station, message: str | bytes) -> None:
    found = received(message, partial(answer, station))
    if isinstance(found, str):
        kind, _, code, *_ = json.loads(found)
        assert kind == 4
        assert code in CODES
    assert station.power == 2000


@pytest.mark.parametrize(
    ("message", "number", "code"),
    [
        ("{", "-1", "RpcFrameworkError"), ("[]", "-1", "RpcFrameworkError"), ("{}", "-1", "RpcFrameworkError"),
        ('[2, 5, "Reset", {}]', "-1", "RpcFrameworkError"), ('[2, "", "Reset", {}]', "-1", "RpcFrameworkError"),
        (b"\xff\xfe", "-1", "RpcFrameworkError"), ('[2, "a", "Reset", {"type": NaN}]', "-1", "RpcFrameworkError"),
        ('[2, "a", "Reset"]', "a", "RpcFrameworkError"), ('[9, "a", "Reset", {}]', "a", "MessageTypeNotSupported"),
        ('[2, "a", "Explode", {}]', "a", "NotImplemented"), ('[2, "a", "../../v16/Reset", {}]', "a", "NotImplemented"),
        ('[2, "a", "GetLog", {"logType": "SecurityLog", "requestId": 1, "log": {"remoteLocation": "x"}}]', "a",
         "NotSupported"),
        ('[2, "a", "GetReport", {"requestId": 1}]', "a", "NotSupported"),
        ('[2, "a", "Reset", {}]', "a", "ProtocolError"), ('[2, "a", "Reset", []]', "a", "FormatViolation"),
        ('[2, "a", "Reset", {"type": 1}]', "a", "TypeConstraintViolation"),
        ('[2, "a", "Reset", {"type": "Now"}]', "a", "PropertyConstraintViolation"),
        ('[2, "a", "Reset", {"type": "OnIdle", "more": 1}]', "a", "FormatViolation"),
        ("[" * 100000, "-1", "RpcFrameworkError"),
    ],
)  # fmt: skip
def test_each_mistake_has_its_code(station: Station, message: str | bytes, number: str, code: str) -> None:
    assert answered(station, message)[:3] == [4, number, code]
    assert station.power == 2000


@FUZZ
@given(action=st.sampled_from([str(each.value) for each in Action]), payload=st.dictionaries(st.text(max_size=8), JSON))
def test_whatever_a_call_carries_is_answered_and_never_by_a_fault_of_its_own(
    station: Station, action: str, payload: dict[str, Any]
) -> None:
    kind, number, code, *_ = answered(station, json.dumps([2, "a", action, payload]))
    assert number == "a"
    assert kind == 3 or code in CODES


PERIOD = st.fixed_dictionaries(
    {"startPeriod": st.integers() | st.floats(allow_nan=False)},
    optional={
        "setpoint": st.floats(allow_nan=False, allow_infinity=False) | st.integers(),
        "limit": st.floats(allow_nan=False, allow_infinity=False), "operationMode": st.text(max_size=4),
        "dischargeLimit": st.floats(allow_nan=False, allow_infinity=False),
    },
)  # fmt: skip


@FUZZ
@given(periods=st.lists(PERIOD, max_size=3), kind=st.sampled_from(["Relative", "Absolute", "Dynamic", "Recurring"]))
def test_a_profile_is_taken_whole_or_changes_nothing(station: Station, periods: list[Any], kind: str) -> None:
    asked = {
        "id": 1, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": kind,
        "transactionId": station.transaction,
        "chargingSchedule": [{"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": periods}],
    }  # fmt: skip
    before = station.profiles.kept.copy()
    call = json.dumps([2, "a", "SetChargingProfile", {"evseId": 1, "chargingProfile": asked}])
    kind, _, told, *_ = answered(station, call)
    if kind == 4 or told["status"] == "Rejected":
        assert station.profiles.kept == before
    assert abs(station.power) <= 1e9


def test_what_answers_nothing_that_was_asked_is_left_alone(station: Station) -> None:
    assert isinstance(received('[3, "never", {}]', partial(answer, station)), Result)
    assert received('[6, "a", "NotifyPeriodicEventStream", {}]', partial(answer, station)) is None


def test_a_fault_of_the_station_s_own_is_told_as_one() -> None:
    def broken(_action: str, _payload: Any) -> Any:
        raise ZeroDivisionError

    found = received('[2, "a", "Reset", {"type": "OnIdle"}]', broken)
    assert isinstance(found, str)
    assert json.loads(found)[:3] == [4, "a", "InternalError"]


def test_every_action_that_it_does_is_one_of_the_protocol(station: Station) -> None:
    assert set(ANSWERS) <= {str(each.value) for each in Action}
    with pytest.raises(Refused):
        answer(station, "GetReport", {})


# --- on the line ------------------------------------------------------------------------------------------------------


@pytest.fixture
def asked() -> Iterator[tuple[Central, OcppLink]]:
    """A system that has asked for 2000 W, and the link to it."""
    with central() as system:
        link = OcppLink(system.address, beside=True)
        link.follow(seen())
        until(lambda: system.transaction)
        told = profile(system.transaction, [(0, {"setpoint": 2000})])
        assert system.ask("SetChargingProfile", evse_id=1, charging_profile=told).status == "Accepted"
        yield system, link
        link.close()


def test_nonsense_on_the_line_is_answered_and_the_line_goes_on(asked: tuple[Central, OcppLink]) -> None:
    system, link = asked
    for each in ("nonsense", b"\0\1\2", '[2, "a", "Explode", {}]'):
        system.say(each)
    until(lambda: '[4,"a","NotImplemented"' in "".join(map(str, system.raw[-3:])))
    assert link.follow(seen(time=2.0)).power == 2000


def test_a_message_that_is_too_long_ends_the_line_and_it_comes_back(
    asked: tuple[Central, OcppLink], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.managing.ocpp.link.AGAIN", 0.0)
    system, link = asked
    system.say("x" * (line.LARGEST + 1))
    until(lambda: link._line is not None and link._line.lost.is_set())
    link.follow(seen(time=2.0))
    until(lambda: [action for action, _ in system.told].count("BootNotification") == 2)


def test_a_flood_is_answered_as_by_one_that_is_busy_and_changes_nothing(
    asked: tuple[Central, OcppLink], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read as slowly as it is carried out, its pings would be answered so late that the station was taken for lost."""
    monkeypatch.setattr(line, "RATE", 1.0)
    system, link = asked
    before = len(system.raw)
    for number in range(400):
        system.say(
            f'[2, "{number}", "ClearChargingProfile", {{}}]' if number > 300 else f'[2, "{number}", "Explode", {{}}]'
        )
    system.ping()
    answers = system.raw[before:]
    assert sum('"GenericError"' in each for each in answers) > 300
    assert all(each.startswith(f'[4,"{number}"') for number, each in enumerate(answers[:400]))
    assert link._line is not None
    assert not link._line.lost.is_set()
    assert link.follow(seen(time=2.0)).power == 2000


def test_a_central_system_that_hangs_is_found_by_its_pings_and_told_in_a_sentence_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(line, "ALIVE", 0.2)
    monkeypatch.setattr("bench.managing.ocpp.link.PATIENCE", 0.5)
    goes_on = threading.Event()
    with central() as system:
        link = OcppLink(system.address, beside=True)
        link.follow(seen())
        until(lambda: system.transaction)
        system.loop.call_soon_threadsafe(goes_on.wait, 60)
        try:
            until(lambda: link._line is not None and link._line.lost.is_set())
            assert link.follow(seen(time=7.0)).problem == "its line is lost."
            link.close()
        finally:
            goes_on.set()
            link.close()
    assert caplog.records == []


def test_an_error_without_a_code_is_the_manager_s_failure() -> None:
    with central("codeless") as system:
        link = OcppLink(system.address, beside=False)
        link.follow(seen())
        with pytest.raises(NoAnswer, match="NotifyEVChargingNeeds: an error without a code"):
            link.decide({"reason": "start", "trip": None})
        link.close()


def test_a_message_that_ends_its_reader_ends_the_line(
    asked: tuple[Central, OcppLink], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that nobody reads any more would look as alive as any other, and its last set point would hold."""

    def received(*_: Any) -> Any:
        raise ZeroDivisionError

    system, link = asked
    first = link._line
    assert first is not None
    monkeypatch.setattr("bench.managing.ocpp.rpc.received", received)
    system.say("[]")
    until(first.lost.is_set)
    monkeypatch.undo()
    link.follow(seen(time=2.0))
    until(lambda: [action for action, _ in system.told].count("BootNotification") == 2)


def test_a_profile_that_was_rejected_is_told_as_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.managing.ocpp.link.PATIENCE", 0.5)
    with central({"setpoint": 1000, "setpoint_reactive": 5}) as system:
        link = OcppLink(system.address, beside=False)
        link.follow(seen())
        with pytest.raises(NoAnswer, match="no profile that could be used: setpointReactive is nothing that is done"):
            link.decide({"reason": "start", "trip": None})
        link.close()


def test_what_a_flood_has_kept_from_being_done_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.managing.ocpp.link.PATIENCE", 1.0)
    monkeypatch.setattr(line, "RATE", 5.0)
    with central("silent") as system:
        link = OcppLink(system.address, beside=False)
        link.follow(seen())
        for number in range(20):
            system.say(f'[2, "{number}", "Explode", {{}}]')
        until(lambda: link._line is not None and link._line.floods)
        with pytest.raises(NoAnswer, match=r"of what it calls for no more than 5 a second are carried out"):
            link.decide({"reason": "start", "trip": None})
        link.close()
