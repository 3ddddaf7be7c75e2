"""What a charging station does when its central system calls it: one function for each action of OCPP 2.1.

Each is called with the station's lock held, and answers by what the protocol has for that; raises `Refused`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bench.managing.ocpp.der import Control, NotSupported
from bench.managing.ocpp.periods import Payload, Unusable
from bench.managing.ocpp.profiles import ANYWHERE, read
from bench.managing.ocpp.rpc import Refused
from bench.managing.ocpp.station import Station

Answer = Callable[[Station, Payload], Payload]
LIMIT_SOURCE = "CSO"
"""Who set a profile, as a report has it: the operator, through his central system."""
LONGEST_COMPOSITE = 1024
"""Periods of a composite schedule; where there are more it is told as far as they reach."""
MONTH = 31 * 86400
MOST_TOLD = 64
"""Messages that may wait to be told before no more reports are begun."""


def _status(status: str, why: Unusable | None = None) -> dict[str, Any]:
    if why is None:
        return {"status": status}
    code, words = why.args
    return {"status": status, "statusInfo": {"reasonCode": code[:20], "additionalInfo": words[:1024]}}


# --- profiles ---------------------------------------------------------------------------------------------------------


def _set(station: Station, payload: Payload) -> Payload:
    content = payload["chargingProfile"]
    try:
        if payload["evseId"] not in ANYWHERE:
            raise Unusable("InvalidValue", f"there is no EVSE {payload['evseId']}.")
        measured = station.seen.mains is not None
        profile = read(content, station.seen.epoch, evse=payload["evseId"], measured=measured)
        if profile.purpose == "TxProfile" and content["transactionId"] != station.transaction:
            raise Unusable("TxNotFound", "that is not the transaction that goes on.")
        station.profiles.put(profile)
    except Unusable as unusable:
        station.refusal = str(unusable.args[1])
        return _status("Rejected", unusable)
    station.heard += 1
    return _status("Accepted")


def _update(station: Station, payload: Payload) -> Payload:
    try:
        station.profiles.update(payload["chargingProfileId"], payload["scheduleUpdate"])
    except Unusable as unusable:
        return _status("Rejected", unusable)
    station.heard += 1
    return _status("Accepted")


def _clear(station: Station, payload: Payload) -> Payload:
    which, profiles = payload.get("chargingProfileCriteria", {}), station.profiles
    numbers = [payload["chargingProfileId"]] if "chargingProfileId" in payload else []
    found = profiles.matching(
        numbers, which.get("chargingProfilePurpose"), which.get("stackLevel"), which.get("evseId")
    )
    return _status("Accepted" if profiles.clear(found) else "Unknown")


def _get(station: Station, payload: Payload) -> Payload:
    which = payload["chargingProfile"]
    sources = which.get("chargingLimitSource", [LIMIT_SOURCE])
    found = station.profiles.matching(
        which.get("chargingProfileId", ()), which.get("chargingProfilePurpose"), which.get("stackLevel"),
        payload.get("evseId"),
    ) if LIMIT_SOURCE in sources else []  # fmt: skip
    _check_free(station)
    for each in found:  # one a message: a profile may be as long as a message may be
        station.tell("ReportChargingProfiles", {
            "requestId": payload["requestId"], "chargingLimitSource": LIMIT_SOURCE, "evseId": each.evse,
            "chargingProfile": [each.content], "tbc": each is not found[-1],
        })  # fmt: skip
    return _status("Accepted" if found else "NoProfiles")


def _check_free(station: Station) -> None:
    """Raise `Refused` where much is to be told already: who asks faster than he listens has to wait."""
    if len(station.telling) >= MOST_TOLD:
        raise Refused("GenericError", "reports that were asked for are still to be told.")


def _composite(station: Station, payload: Payload) -> Payload:
    duration, unit = payload["duration"], payload.get("chargingRateUnit", "W")
    if unit != "W" or payload["evseId"] not in ANYWHERE or not 0 < duration <= MONTH:
        return _status("Rejected")
    # Of two changes within one second the later one holds when it is over.
    periods = {int(start): told for start, told in station.planned(duration)}
    starts = sorted(periods)
    if len(starts) > LONGEST_COMPOSITE:
        duration = starts[LONGEST_COMPOSITE]
    schedule = {
        "evseId": payload["evseId"], "duration": duration, "scheduleStart": station.now, "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": each, **periods[each]} for each in starts[:LONGEST_COMPOSITE]],
    }  # fmt: skip
    return {"status": "Accepted", "schedule": schedule}


# --- DER controls -----------------------------------------------------------------------------------------------------


def _set_der(station: Station, payload: Payload) -> Payload:
    try:
        superseded = station.controls.put(payload, station.seen.epoch, measured=station.seen.mains is not None)
    except NotSupported as error:
        return _status("NotSupported", Unusable("UnsupportedParam", str(error)))
    except Unusable as unusable:
        return _status("Rejected", unusable)
    station.look()
    return _status("Accepted") | ({"supersededIds": superseded} if superseded else {})


def _of_der(station: Station, payload: Payload) -> list[Control]:
    return station.controls.matching(
        default=payload.get("isDefault"), kind=payload.get("controlType"), number=payload.get("controlId")
    )


def _get_der(station: Station, payload: Payload) -> Payload:
    found = _of_der(station, payload)
    if not found:
        return _status("NotFound")
    _check_free(station)
    station.tell("ReportDERControl", station.report_of(found, payload["requestId"]))
    return _status("Accepted")


def _clear_der(station: Station, payload: Payload) -> Payload:
    gone = station.controls.clear(_of_der(station, payload))
    station.look()
    return _status("Accepted" if gone else "NotFound")


# --- transactions and the rest ----------------------------------------------------------------------------------------


def _reset(station: Station, payload: Payload) -> Payload:
    if payload.get("evseId") is not None:
        return _status("Rejected")
    if payload["type"] == "OnIdle" and station.transaction:
        return _status("Rejected")
    station.resets = True
    return _status("Accepted")


def _stop(station: Station, payload: Payload) -> Payload:
    if not station.transaction or payload["transactionId"] != station.transaction:
        return _status("Rejected")
    station.stopped = True
    return _status("Accepted")


def _start(station: Station, payload: Payload) -> Payload:
    if station.transaction or not station.seen.car.plugged or "chargingProfile" in payload:
        return _status("Rejected")
    station.stopped, station.starts, station.remote = False, True, payload["remoteStartId"]
    return _status("Accepted")


def _variables(key: str, status: str) -> Answer:
    def told_of_each(_station: Station, payload: Payload) -> Payload:
        asked = payload[f"{key}Data"]
        told = [
            {"attributeStatus": status, "component": each["component"], "variable": each["variable"]} for each in asked
        ]
        return {f"{key}Result": told}

    return told_of_each


def _ongoing(station: Station, payload: Payload) -> Payload:
    return {
        "ongoingIndicator": payload.get("transactionId") == (station.transaction or None), "messagesInQueue": False,
    }  # fmt: skip


ANSWERS: Mapping[str, Answer] = {
    "SetChargingProfile": _set, "UpdateDynamicSchedule": _update, "ClearChargingProfile": _clear,
    "GetChargingProfiles": _get, "GetCompositeSchedule": _composite,
    "SetDERControl": _set_der, "GetDERControl": _get_der, "ClearDERControl": _clear_der,
    "Reset": _reset, "RequestStopTransaction": _stop, "RequestStartTransaction": _start,
    "GetTransactionStatus": _ongoing,
    "GetVariables": _variables("getVariable", "UnknownComponent"),
    "SetVariables": _variables("setVariable", "UnknownComponent"),
    "TriggerMessage": lambda _station, _payload: _status("NotImplemented"),
    "DataTransfer": lambda _station, _payload: _status("UnknownVendorId"),
}  # fmt: skip
"""What it does, by the action. Whatever is not here is known and not supported."""


def answer(station: Station, action: str, payload: Payload) -> Payload:
    """What a station answers to a call; raises `Refused`."""
    if action not in ANSWERS:
        raise Refused("NotSupported", f"{action} is nothing that is done here.")
    with station.lock:
        return ANSWERS[action](station, payload)
