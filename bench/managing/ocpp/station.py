"""A charging station with one car on it: what it tells its central system, and what it does when it is called.

One EVSE with one connector, both number 1. It does what smart charging and bidirectional power transfer need; actions
that it knows and has no part in are not supported, and say so. A reset ends what is asked for and begins anew.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isnan, nan
from threading import RLock
from typing import Any

from bench.clock import utc_text
from bench.managing.links import Seen
from bench.managing.ocpp.profiles import Profiles, Unusable, read
from bench.managing.ocpp.rpc import Payload, Refused

EVSE = {"id": 1, "connectorId": 1}
TOKEN = {"idToken": "packbench", "type": "Central"}
VENDOR, MODEL = "packbench", "served car"
MOVES = 50.0
"""W from which on energy moves."""
REASONS: Mapping[str, str] = {
    "start": "CablePluggedIn", "arrival": "CablePluggedIn", "tick": "MeterValuePeriodic", "trip": "MeterValuePeriodic",
    "link": "MeterValuePeriodic", "reserve": "SoCLimitReached",
}  # fmt: skip
"""Why a bench asks, as a transaction's event says it."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What the car wants: a departure (local, ISO 8601), and Wh to what is wanted then and to what stays in it."""

    departure: str | None
    wanted: float | None
    kept: float | None


@dataclass
class Station:
    """What it is in, and what was asked of it; read and changed in several threads, each time with `lock`."""

    seen: Seen
    profiles: Profiles = field(default_factory=Profiles)
    transaction: str = ""
    stopped: bool = False
    starts: bool = False
    resets: bool = False
    remote: int | None = None
    heard: int = 0
    told: int = 0
    count: int = 0
    lock: RLock = field(default_factory=RLock)

    @property
    def power(self) -> float:
        """W that are asked for now."""
        with self.lock:
            return self.profiles.power(self.seen.epoch) if self.transaction else 0.0

    @property
    def acting(self) -> float | None:
        """W that a profile makes of the frequency, in place of `power`; None where none follows it."""
        with self.lock:
            hertz = self.seen.mains.hertz if self.seen.mains is not None else nan
            return self.profiles.acting(self.seen.epoch, hertz) if self.transaction else None

    def show(self, seen: Seen) -> None:
        """Take what is."""
        with self.lock:
            self.seen = seen

    def forget(self) -> None:
        """Nothing is asked for any more."""
        with self.lock:
            self.profiles = Profiles()

    # --- what it tells ---------------------------------------------------------------------------------------------

    @property
    def now(self) -> str:
        """The time, as a bench has it, in UTC."""
        return utc_text(datetime.fromtimestamp(self.seen.epoch, UTC))

    def boots(self, reason: str) -> Payload:
        """BootNotification."""
        return {"reason": reason, "chargingStation": {"vendorName": VENDOR, "model": MODEL, "serialNumber": "1"}}

    def status(self) -> Payload:
        """StatusNotification."""
        told = "Occupied" if self.seen.car.plugged else "Available"
        return {"timestamp": self.now, "connectorStatus": told, "evseId": 1, "connectorId": 1}

    def began(self) -> Payload:
        """TransactionEvent that begins one: the car is plugged in and authorised."""
        with self.lock:
            self.count, self.told = self.count + 1, 0
            self.transaction = f"packbench-{self.count}"
            remote, self.remote = self.remote, None
        event = self._event("Started", "CablePluggedIn" if remote is None else "RemoteStart")
        info = event["transactionInfo"] | ({} if remote is None else {"remoteStartId": remote})
        return event | {"idToken": TOKEN, "transactionInfo": info}

    def goes_on(self, reason: str) -> Payload:
        """TransactionEvent of one that goes on."""
        return self._event("Updated", REASONS.get(reason, "MeterValuePeriodic"))

    def ended(self, trigger: str, reason: str) -> Payload:
        """TransactionEvent that ends one; what was asked for in it ends with it."""
        event = self._event("Ended", trigger)
        info = event["transactionInfo"] | {"stoppedReason": reason}
        with self.lock:
            self.transaction = ""
            self.profiles.clear(purpose="TxProfile")
        return event | {"transactionInfo": info}

    def _event(self, kind: str, trigger: str) -> dict[str, Any]:
        seen = self.seen
        moves = not isnan(seen.power) and abs(seen.power) > MOVES
        state = "EVConnected" if not moves else "Charging"
        event = {
            "eventType": kind, "timestamp": self.now, "triggerReason": trigger, "seqNo": self.told, "evse": EVSE,
            "transactionInfo": {"transactionId": self.transaction, "chargingState": state},
            "meterValue": [{"timestamp": self.now, "sampledValue": list(self._sampled())}],
        }  # fmt: skip
        self.told += 1
        return event

    def _sampled(self) -> Iterator[Payload]:
        seen, car = self.seen, self.seen.car
        power = 0.0 if isnan(seen.power) else seen.power
        told = {
            "Power.Active.Import": (max(power, 0.0), "W"), "Power.Active.Export": (max(-power, 0.0), "W"),
            "Power.Active.Setpoint": (self.power, "W"),
            "Energy.Active.Import.Register": (seen.taken, "Wh"), "Energy.Active.Export.Register": (seen.given, "Wh"),
            "Display.BatteryEnergyCapacity": (car.energy, "Wh"),
        }  # fmt: skip
        if car.soc is not None:
            told["SoC"] = (100 * car.soc, "Percent")
        for measurand, (value, unit) in told.items():
            yield {"value": round(value, 3), "measurand": measurand, "unitOfMeasure": {"unit": unit}}

    def needs(self, needs: Needs) -> Payload:
        """NotifyEVChargingNeeds: what the car takes and gives, and what is wanted of it; Wh from now on."""
        car, charger = self.seen.car, self.seen.charger
        v2x: dict[str, Any] = {
            "minChargePower": 0, "maxChargePower": _whole(min(charger.charge, charger.dc_to_ac(car.charge))),
            "minDischargePower": 0,
            "maxDischargePower": _whole(min(charger.discharge, -charger.dc_to_ac(-car.discharge))),
        }  # fmt: skip
        if car.soc is not None:
            v2x["evMaxEnergyRequest"] = _whole((1 - car.soc) * car.energy)
            for name, level in (("evTargetEnergyRequest", needs.wanted), ("evMinV2XEnergyRequest", needs.kept)):
                if level is not None:
                    v2x[name] = _whole(level - car.soc * car.energy)
        told: dict[str, Any] = {
            "requestedEnergyTransfer": "AC_BPT", "controlMode": "ScheduledControl", "v2xChargingParameters": v2x,
        }  # fmt: skip
        if needs.departure is not None:
            told["departureTime"] = needs.departure
        return {"evseId": 1, "timestamp": self.now, "chargingNeeds": told}

    # --- what it is called for -------------------------------------------------------------------------------------

    def answer(self, action: str, payload: Payload) -> Payload:
        """Answer a call; raises `Refused`."""
        if action not in ANSWERS:
            raise Refused("NotSupported", f"{action} is nothing that is done here.")
        with self.lock:
            return ANSWERS[action](self, payload)


def _whole(value: float) -> float:
    return 0.0 if isnan(value) else round(value, 1)


def _status(status: str, why: Unusable | None = None) -> Payload:
    if why is None:
        return {"status": status}
    code, words = why.args
    return {"status": status, "statusInfo": {"reasonCode": code[:20], "additionalInfo": words[:1024]}}


def _set(station: Station, payload: Payload) -> Payload:
    content = payload["chargingProfile"]
    try:
        if payload["evseId"] not in {0, 1}:
            raise Unusable("InvalidValue", f"there is no EVSE {payload['evseId']}.")
        profile = read(content, station.seen.epoch, measured=station.seen.mains is not None)
        if profile.purpose == "TxProfile" and content.get("transactionId") != (station.transaction or None):
            raise Unusable("TxNotFound", "that is not the transaction that goes on.")
        station.profiles.put(profile)
    except Unusable as unusable:
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
    which = payload.get("chargingProfileCriteria", {})
    found = which.get("evseId", 1) in {0, 1} and station.profiles.clear(
        payload.get("chargingProfileId"), which.get("chargingProfilePurpose"), which.get("stackLevel")
    )
    return _status("Accepted" if found else "Unknown")


def _composite(station: Station, payload: Payload) -> Payload:
    duration, unit = payload["duration"], payload.get("chargingRateUnit", "W")
    if unit != "W" or payload["evseId"] not in {0, 1} or not 0 < duration <= 31 * 86400:
        return _status("Rejected")
    powers = station.profiles.composite(station.seen.epoch, duration) if station.transaction else iter([(0.0, 0.0)])
    periods = [
        {"startPeriod": int(start), "setpoint": round(power, 1), "operationMode": "CentralSetpoint"}
        for start, power in powers
    ]
    schedule = {
        "evseId": payload["evseId"], "duration": duration, "scheduleStart": station.now, "chargingRateUnit": "W",
        "chargingSchedulePeriod": periods[:1024],
    }  # fmt: skip
    return {"status": "Accepted", "schedule": schedule}


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
    station.forget()
    return _status("Accepted")


def _start(station: Station, payload: Payload) -> Payload:
    if station.transaction or not station.seen.car.plugged or "chargingProfile" in payload:
        return _status("Rejected")
    station.stopped, station.starts, station.remote = False, True, payload["remoteStartId"]
    return _status("Accepted")


def _variables(key: str, status: str) -> "Answer":
    def answer(_station: Station, payload: Payload) -> Payload:
        asked = payload[f"{key}Data"]
        told = [
            {"attributeStatus": status, "component": each["component"], "variable": each["variable"]} for each in asked
        ]
        return {f"{key}Result": told}

    return answer


def _ongoing(station: Station, payload: Payload) -> Payload:
    return {
        "ongoingIndicator": payload.get("transactionId") == (station.transaction or None), "messagesInQueue": False,
    }  # fmt: skip


Answer = Callable[[Station, Payload], Payload]
ANSWERS: Mapping[str, Answer] = {
    "SetChargingProfile": _set, "UpdateDynamicSchedule": _update, "ClearChargingProfile": _clear,
    "GetCompositeSchedule": _composite, "Reset": _reset, "RequestStopTransaction": _stop,
    "RequestStartTransaction": _start, "GetTransactionStatus": _ongoing,
    "GetVariables": _variables("getVariable", "UnknownComponent"),
    "SetVariables": _variables("setVariable", "UnknownComponent"),
    "TriggerMessage": lambda _station, _payload: _status("NotImplemented"),
    "DataTransfer": lambda _station, _payload: _status("UnknownVendorId"),
}  # fmt: skip
"""What it does, by the action. Whatever is not here is known and not supported."""
