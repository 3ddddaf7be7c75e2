"""A charging station with one car on it: what it tells its central system, and what it does when it is called.

One EVSE with one connector, both number 1. It does what smart charging and bidirectional power transfer need; actions
that it knows and has no part in are not supported, and say so. A reset ends what is asked for and begins anew.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isnan, nan
from threading import RLock
from typing import Any

from bench.clock import utc_text
from bench.managing.links import Seen
from bench.managing.ocpp.der import TYPES, Control, Controls
from bench.managing.ocpp.periods import Period
from bench.managing.ocpp.profiles import Profiles
from bench.managing.ocpp.rpc import Payload

EVSE = {"id": 1, "connectorId": 1}
TOKEN = {"idToken": "packbench", "type": "Central"}
VENDOR, MODEL = "packbench", "served car"
MOVES = 50.0
"""W from which on energy moves."""
HELD = "held"
"""Why it tells that the bench has paused, or goes on; nobody is asked for anything then."""
REASONS: Mapping[str, str] = {
    "start": "CablePluggedIn", "arrival": "CablePluggedIn", "tick": "MeterValuePeriodic", "trip": "MeterValuePeriodic",
    "link": "MeterValuePeriodic", "reserve": "SoCLimitReached", HELD: "ChargingStateChanged",
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
    """What it is in, and what was asked of it; read and changed in several threads, each time with `lock`.

    `telling` is what it has to tell by itself: actions with their payloads. `refusal` is why the last profile that was
    rejected was.
    """

    seen: Seen
    profiles: Profiles = field(default_factory=Profiles)
    controls: Controls = field(default_factory=Controls)
    telling: list[tuple[str, Payload]] = field(default_factory=list)
    transaction: str = ""
    stopped: bool = False
    starts: bool = False
    resets: bool = False
    remote: int | None = None
    heard: int = 0
    refusal: str = ""
    told: int = 0
    count: int = 0
    lock: RLock = field(default_factory=RLock)

    @property
    def flows(self) -> bool:
        """Whether anything may: in a transaction that nobody has stopped."""
        return bool(self.transaction) and not self.stopped

    @property
    def power(self) -> float:
        """W that are asked for now."""
        with self.lock:
            return self.profiles.power(self.seen.epoch) if self.flows else 0.0

    @property
    def acting(self) -> float | None:
        """W that frequency and DER controls make of `power`; None where nothing does."""
        with self.lock:
            if not self.flows:
                return None
            hertz = self.seen.mains.hertz if self.seen.mains is not None else nan
            followed = self.profiles.acting(self.seen.epoch, hertz)
            made = self.controls.made(self.power if followed is None else followed, self.seen)
            return followed if made is None else made

    def planned(self, duration: float) -> Iterator[tuple[float, Payload]]:
        """What profiles ask for in the next s: s from now, and a period's content, wherever that changes."""
        if self.flows:
            return self.profiles.composite(self.seen.epoch, duration)
        return iter([(0.0, Period(0.0, 0.0).composed())])

    def show(self, seen: Seen) -> None:
        """Take what is."""
        with self.lock:
            self.seen = seen
            self.look()

    def look(self) -> None:
        """See which DER controls act now, and tell of those that have begun or ended."""
        for turn in self.controls.look(self.seen.epoch):
            told = {"controlId": turn.number, "started": turn.started, "timestamp": self.now}
            self.tell("NotifyDERStartStop", told | ({"supersededIds": turn.superseded} if turn.superseded else {}))

    def forget(self) -> None:
        """Nothing is asked for any more."""
        with self.lock:
            self.profiles, self.controls = Profiles(), Controls()
            self.telling.clear()

    # --- what it tells ---------------------------------------------------------------------------------------------

    def tell(self, action: str, payload: Payload) -> None:
        """Tell it as soon as the line is free."""
        self.telling.append((action, payload))

    def told_next(self) -> tuple[str, Payload] | None:
        """What is to be told next, once."""
        with self.lock:
            return self.telling.pop(0) if self.telling else None

    def report_of(self, controls: Sequence[Control], request: int) -> Payload:
        """ReportDERControl."""
        told: dict[str, Any] = {"requestId": request}
        for each in controls:
            superseded = self.controls.superseded(each, self.seen.epoch)
            told.setdefault(TYPES[each.kind].settings, []).append(each.told(superseded=superseded))
        return told

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
            self.profiles.begin_anew(self.seen.epoch)
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
            self.profiles.clear(self.profiles.matching(purpose="TxProfile"))
        return event | {"transactionInfo": info}

    def _event(self, kind: str, trigger: str) -> dict[str, Any]:
        seen = self.seen
        moves = not isnan(seen.power) and abs(seen.power) > MOVES
        # Paused it is who supplies that has stopped, whatever the car wants.
        state = "SuspendedEVSE" if seen.held else "Charging" if moves else "EVConnected"
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


def _whole(value: float) -> float:
    return 0.0 if isnan(value) else round(value, 1)
