"""A central system of a few lines on a real WebSocket, by the package ocpp, which says what a test wants said."""

import asyncio
import json
import logging
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from ocpp.routing import after, on
from ocpp.v21 import ChargePoint, call, call_result
from ocpp.v21.enums import Action
from websockets.asyncio.server import ServerConnection, basic_auth, serve
from websockets.exceptions import ConnectionClosed

Says = str | dict[str, Any] | Sequence[tuple[int, dict[str, Any]]]
"""Of the needs of a car: a status, "silent", "hang up" or "codeless" (an error that has none), a profile's one period,
or its periods by their start."""
TIME = "2026-01-01T00:00:00Z"


class Station(ChargePoint):  # type: ignore[misc]
    """What a central system knows of one station."""

    system: "Central"

    async def route_message(self, raw_msg: str) -> None:
        self.system.raw.append(raw_msg)
        message = json.loads(raw_msg)
        if self.system.says[0] == "codeless" and message[2] == "NotifyEVChargingNeeds":
            await self._connection.send(json.dumps([4, message[1], "", "", {}]))
            return
        await super().route_message(raw_msg)

    @on(Action.boot_notification, skip_schema_validation=False)
    def boot(self, **told: Any) -> Any:
        self.system.hear("BootNotification", told)
        status = self.system.boots.pop(0) if self.system.boots else "Accepted"
        return call_result.BootNotification(current_time=TIME, interval=1, status=status)

    @on(Action.status_notification)
    def status(self, **told: Any) -> Any:
        self.system.hear("StatusNotification", told)
        return call_result.StatusNotification()

    @on(Action.transaction_event)
    def transaction(self, **told: Any) -> Any:
        self.system.hear("TransactionEvent", told)
        self.system.transaction = told["transaction_info"]["transaction_id"]
        return call_result.TransactionEvent(id_token_info={"status": self.system.token})

    @on(Action.report_charging_profiles)
    def profiles(self, **told: Any) -> Any:
        self.system.hear("ReportChargingProfiles", told)
        return call_result.ReportChargingProfiles()

    @on(Action.report_der_control)
    def controls(self, **told: Any) -> Any:
        self.system.hear("ReportDERControl", told)
        return call_result.ReportDERControl()

    @on(Action.notify_der_start_stop)
    def turn(self, **told: Any) -> Any:
        self.system.hear("NotifyDERStartStop", told)
        return call_result.NotifyDERStartStop()

    @on(Action.notify_ev_charging_needs)
    async def needs(self, **told: Any) -> Any:
        self.system.hear("NotifyEVChargingNeeds", told)
        says = self.system.says
        self.wish = says.pop(0) if len(says) > 1 else says[0]
        if self.wish == "hang up":
            await self._connection.close()
        known = self.wish if self.wish in ("Rejected", "NoChargingProfile") else "Accepted"
        return call_result.NotifyEVChargingNeeds(status=known)

    @after(Action.notify_ev_charging_needs)
    async def profile(self, **_told: Any) -> None:
        if isinstance(self.wish, str):
            return
        periods = [(0, self.wish)] if isinstance(self.wish, dict) else self.wish
        with suppress(ConnectionClosed):
            await self.call(
                call.SetChargingProfile(evse_id=1, charging_profile=profile(self.system.transaction, periods))
            )


def profile(transaction: str, periods: Sequence[tuple[int, dict[str, Any]]], **changed: Any) -> dict[str, Any]:
    """One for a transaction, from now on, in snake case as the package wants it."""
    schedule = {
        "id": 1, "charging_rate_unit": "W",
        "charging_schedule_period": [{"start_period": start, **period} for start, period in periods],
    }  # fmt: skip
    return {
        "id": 1, "stack_level": 0, "charging_profile_purpose": "TxProfile", "charging_profile_kind": "Relative",
        "transaction_id": transaction, "charging_schedule": [schedule], **changed,
    }  # fmt: skip


class Central:
    """Serves stations in a thread of its own; `told` is what it was, action by action, `raw` each message."""

    def __init__(
        self, says: list[Says], context: ssl.SSLContext | None = None, password: tuple[str, str] | None = None,
        speaks: str = "ocpp2.1",
    ) -> None:  # fmt: skip
        self.says, self._context, self._speaks = says, context, speaks
        self._checked = None if password is None else basic_auth(realm="central", credentials=password)
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.raw: list[str] = []
        self.boots: list[str] = []
        self.headers: list[Any] = []
        self.certificates: list[Any] = []
        self.token, self.transaction = "Accepted", ""
        self.stations: list[Station] = []
        self.address = ""
        self.ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def hear(self, action: str, told: dict[str, Any]) -> None:
        """Keep what was told, in camel case as it was on the wire."""
        self.told.append((action, json.loads(self.raw[-1])[3]))

    def ask(self, action: str, **payload: Any) -> Any:
        """Call the newest station; what it answers."""
        request = getattr(call, action)(**payload)
        return asyncio.run_coroutine_threadsafe(self.stations[-1].call(request, suppress=False), self.loop).result(
            timeout=20
        )

    def say(self, text: str | bytes) -> None:
        """Send it as it is."""
        asyncio.run_coroutine_threadsafe(self.stations[-1]._connection.send(text), self.loop).result(timeout=20)

    def ping(self) -> None:
        """Ask whether the newest station is there, and wait until it says so."""

        async def asked() -> None:
            await (await self.stations[-1]._connection.ping())

        asyncio.run_coroutine_threadsafe(asked(), self.loop).result(timeout=20)

    async def _serve(self) -> None:
        self.loop, self.over = asyncio.get_running_loop(), asyncio.Event()
        scheme = "ws" if self._context is None else "wss"
        async with serve(
            self._attend, "127.0.0.1", 0, ssl=self._context, process_request=self._checked,
            subprotocols=[self._speaks],  # type: ignore[list-item]
        ) as server:  # fmt: skip
            self.address = f"{scheme}://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/ocpp"
            self.ready.set()
            await self.over.wait()

    async def _attend(self, line: ServerConnection) -> None:
        assert line.request is not None
        self.headers.append((line.request.path, dict(line.request.headers)))
        tls = line.transport.get_extra_info("ssl_object")
        self.certificates.append(tls.getpeercert() if tls else None)
        station = Station(line.request.path.rpartition("/")[2], line)
        station.system = self
        self.stations.append(station)
        with suppress(ConnectionClosed):
            await station.start()


@contextmanager
def central(*says: Says, **given: Any) -> Iterator[Central]:
    """One that says these one after the other, the last of them from then on; `given` as `Central` has it."""
    logging.getLogger("ocpp").setLevel(logging.CRITICAL)
    system = Central(list(says) or ["NoChargingProfile"], **given)
    system.thread.start()
    assert system.ready.wait(20)
    try:
        yield system
    finally:
        system.loop.call_soon_threadsafe(system.over.set)
        system.thread.join(20)
