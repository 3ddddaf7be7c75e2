"""OCPP 2.1: a central system to which charging stations come, by the package ocpp.

A station tells its meter values and the needs of its car; it is answered with a charging profile: a set point from now
on. What OCPP has no word for, prices and weather, the owner tells (`managers.home`).
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from ocpp.routing import after, on
from ocpp.v21 import ChargePoint, call, call_result
from ocpp.v21.enums import Action
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as listen
from websockets.exceptions import ConnectionClosed

from managers.contract import ContractError, Manager
from managers.home import Home, Sight
from managers.serving import failed
from managers.wires import Said, Told

SUBPROTOCOL = "ocpp2.1"
INTERVAL = 300
"""s between two heartbeats that a station is told."""
PROFILE = 1
REASONS: Mapping[str, str] = {"CablePluggedIn": "arrival", "SoCLimitReached": "reserve"}
"""Why a transaction's event came, as the contract says it."""


class Station(ChargePoint):  # type: ignore[misc]  # the package has no hints
    """One station, and the car that is on it."""

    def __init__(self, name: str, line: ServerConnection, manager: Manager, home: Home) -> None:
        super().__init__(name, line)
        self._manager, self._home, self._said = manager, home, Said()
        self._transaction = ""
        self._reason = "start"
        self._measured: dict[str, float] = {}

    @on(Action.boot_notification)
    def on_boot(self, **_told: Any) -> Any:
        """Accept it."""
        self._reason = "start"
        return call_result.BootNotification(current_time=_now(), interval=INTERVAL, status="Accepted")

    @on(Action.heartbeat)
    def on_heartbeat(self, **_told: Any) -> Any:
        """Tell the time."""
        return call_result.Heartbeat(current_time=_now())

    @on(Action.status_notification)
    def on_status(self, **_told: Any) -> Any:
        """Take it."""
        return call_result.StatusNotification()

    @on(Action.transaction_event)
    def on_transaction(
        self, event_type: str, trigger_reason: str, transaction_info: Mapping[str, Any], **told: Any
    ) -> Any:
        """Follow what goes on."""
        self._transaction = "" if event_type == "Ended" else str(transaction_info["transaction_id"])
        if self._reason != "start":
            self._reason = REASONS.get(trigger_reason, "tick")
        for value in (each for one in told.get("meter_value", ()) for each in one["sampled_value"]):
            self._measured[str(value.get("measurand"))] = float(value["value"])
        return call_result.TransactionEvent(id_token_info={"status": "Accepted"})

    @on(Action.notify_ev_charging_needs)
    def on_needs(self, **_told: Any) -> Any:
        """A profile will come, where anybody can charge."""
        return call_result.NotifyEVChargingNeeds(status="Accepted" if self._transaction else "Rejected")

    @after(Action.notify_ev_charging_needs)
    async def after_needs(self, charging_needs: Mapping[str, Any], timestamp: str | None = None, **_told: Any) -> None:
        """Decide, and say it in a profile."""
        if not self._transaction:
            return
        try:
            power = await asyncio.get_running_loop().run_in_executor(None, self._power, charging_needs, timestamp)
        except Exception as error:  # noqa: BLE001 - whatever a rule raises; nobody waits for this task, and hears it
            self._said.tell(f"the station {self.id}: no decision, {failed(error)}")
            return
        period = {"start_period": 0, "operation_mode": "CentralSetpoint", "setpoint": power}
        schedule = {"id": PROFILE, "charging_rate_unit": "W", "charging_schedule_period": [period]}
        profile = {
            "id": PROFILE, "stack_level": 0, "charging_profile_purpose": "TxProfile",
            "charging_profile_kind": "Relative", "transaction_id": self._transaction, "charging_schedule": [schedule],
        }  # fmt: skip
        with suppress(ConnectionClosed, TimeoutError):
            await self.call(call.SetChargingProfile(evse_id=1, charging_profile=profile))

    def _power(self, needs: Mapping[str, Any], timestamp: str | None) -> float:
        sight, self._reason = self._sight(needs, timestamp), "tick"
        try:
            power = float(self._manager.decide(self._home.request(sight))["power"])
        except ContractError as error:
            self._said.tell(f"the station {self.id}: it rests, for what it tells cannot be: {error}")
            return 0.0
        return min(max(power, -sight.discharge), sight.charge)

    def _sight(self, needs: Mapping[str, Any], timestamp: str | None) -> Sight:
        v2x, measured = needs.get("v2x_charging_parameters", {}), self._measured
        percent, energy = measured.pop("SoC", None), measured.get("Display.BatteryEnergyCapacity", 0.0)
        stored = None if percent is None else percent / 100 * energy
        most, least = float(v2x.get("max_charge_power", 0.0)), float(v2x.get("max_discharge_power", 0.0))
        leaves = needs.get("departure_time")
        return Sight(
            time=_time(timestamp), reason=self._reason, plugged=bool(self._transaction),
            soc=None if percent is None else min(max(percent / 100, 0.0), 1.0), energy=energy,
            charge=most, discharge=least, takes=most, gives=least, leaves=None if leaves is None else _time(leaves),
            wanted=_level(stored, v2x.get("ev_target_energy_request")),
            kept=_level(stored, v2x.get("ev_min_v2x_energy_request")),
        )  # fmt: skip


def _level(stored: float | None, request: float | None) -> float | None:
    """Wh that are to be in the car, of those that it asks for on top of what it has."""
    return None if stored is None or request is None else stored + float(request)


def _time(told: str | None) -> datetime:
    found = datetime.now(UTC) if told is None else datetime.fromisoformat(told)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def serve(manager: Manager, told: Told) -> None:
    """Accept stations until SIGTERM or Ctrl-C; raises `OSError` where it cannot listen."""
    logging.getLogger("ocpp").setLevel(logging.CRITICAL)
    asyncio.run(_serve(manager, told))


async def _serve(manager: Manager, told: Told) -> None:
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(over.set))
    loop = asyncio.get_running_loop()

    async def attend(line: ServerConnection) -> None:
        name = line.request.path.rpartition("/")[2] if line.request else ""
        with suppress(ConnectionClosed):
            await Station(name, line, manager, told.home).start()

    async with listen(attend, "127.0.0.1", told.port, subprotocols=[SUBPROTOCOL], compression=None) as server:  # type: ignore[list-item]
        port = next(iter(server.sockets)).getsockname()[1]
        sys.stdout.write(f"listening on ws://127.0.0.1:{port}\n")
        sys.stdout.flush()
        await over.wait()
