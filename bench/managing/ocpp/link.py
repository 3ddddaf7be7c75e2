"""Managers that are central systems of OCPP 2.1: the bench is a charging station with the car on it, and calls them.

`ws://HOST:PORT/PATH` or `wss://…` is one that listens (see `bench.managing.ocpp.address`); `ocpp:` before a command, or
before the name of one that ships, starts that, and it says `listening on ws://HOST:PORT`.

At each moment the station tells its meter values and the needs of its car. On a clock that waits for the manager, one
that accepts the needs has to set a profile, or says that it will not (`NoChargingProfile`). Where time is real, a
profile is obeyed from the next scan on, whenever it comes.
"""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from contextlib import suppress
from queue import Queue
from typing import Any

from bench.clock import monotonic
from bench.managing.answer import NoAnswer
from bench.managing.links import LOST, Seen, Standing
from bench.managing.ocpp.address import Address
from bench.managing.ocpp.calls import answer
from bench.managing.ocpp.line import LOST as LINE_LOST
from bench.managing.ocpp.line import Line, NoLine
from bench.managing.ocpp.rpc import Payload, Refused
from bench.managing.ocpp.station import HELD, Needs, Station
from bench.managing.process import BEGINS, Process, blame, command_of, end, listening, start
from bench.verdicts import InputError

WORD = "ocpp"
PATIENCE = 10.0
"""s of real time that a central system has to answer a call, and to set a profile that it has promised."""
AGAIN = 0.5
"""s of real time between two calls to one that hung up."""
METERED = 60.0
"""s between two meter values where time is real."""
LOOK = 0.005
LOST_LINE, NOT_ACCEPTED = "its line is lost.", "it does not accept the station."


class OcppLink:
    """A station on the line to a central system. Raises `InputError`, one sentence, where there is none."""

    live = True

    def __init__(self, which: str, *, beside: bool) -> None:
        self.which, self._beside = which, beside
        self._process: Process | None = None
        self._station: Station | None = None
        self._line: Line | None = None
        self._jobs: Queue[Callable[[], None] | None] = Queue()
        self._plugged = self._accepted = self._held = False
        self._fresh, self._reconnecting, self._tried = True, False, 0.0
        self._alive = self._metered = 0.0
        self._address = Address.of(which if not which.startswith(f"{WORD}:") else self._start(which))
        try:
            self._line = self._connected()
        except NoLine as error:
            self.close()
            raise InputError(f"manager {which}: {error} at {self._address.url}.") from error
        self.says = f"a charging station calls {self._address.url}, OCPP 2.1, security profile {self._address.profile}."
        self._worker = threading.Thread(target=self._work, name="ocpp station", daemon=True)
        self._worker.start()

    def _start(self, which: str) -> str:
        rest = which.removeprefix(f"{WORD}:")
        self._process = start(which, command_of(rest, "--over", WORD))
        found = listening(self._process)
        if not found:
            self.close()
            raise InputError(
                f"manager {which!r} never said `listening on ws://HOST:PORT`: give the name of one that ships, a "
                "command that starts one, or its address."
            )
        return found

    def _connected(self) -> Line:
        address = self._address
        return Line(address.url, self._answer, context=address.context, headers=address.headers)

    def _answer(self, action: str, payload: Payload) -> Payload:
        if self._station is None:
            raise Refused("InternalError", "the station has not begun yet.")
        return answer(self._station, action, payload)

    # --- see `Link` ------------------------------------------------------------------------------------------------

    def decide(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """Tell it what is and what the car wants; on a clock that waits, until it has set a profile."""
        done: Future[float] = Future()
        self._jobs.put(lambda: _settle(done, lambda: self._consult(request)))
        try:
            return {"power": done.result(timeout=4 * PATIENCE + BEGINS)}
        except (NoLine, Late, Refused) as error:
            self._at.forget()  # what it asked for before it failed ends with that
            blame(self.which, self._process)
            raise NoAnswer(f"{str(error.args[-1] if error.args else 'it did not answer').rstrip('.')}.") from error

    def follow(self, seen: Seen) -> Standing:
        """Show what is; hear what its profiles ask for."""
        if self._station is None:
            self._station = Station(seen)
            self._alive = self._metered = seen.time
        station = self._station
        station.show(seen)
        if not seen.linked:
            return self._unlinked(station, seen)
        self._keep_line(seen)
        self._keep_transaction(station, seen)
        if station.telling:
            self._jobs.put(self._tell)
        if not self._beside:
            self._jobs.join()  # or what is told of this moment would be told of another
        if self._up:
            self._alive = seen.time
        elif seen.stands_still or seen.time - self._alive > LOST:
            station.forget()
            return Standing(0.0, LOST_LINE)
        return Standing(station.power, acting=station.acting)

    def close(self) -> None:
        """See `Link`."""
        if hasattr(self, "_worker"):
            self._jobs.put(None)
        if self._line is not None:
            self._line.close()
        if hasattr(self, "_worker"):
            self._worker.join(timeout=PATIENCE)
        process, self._process = self._process, None
        end(process)

    # --- at each scan ----------------------------------------------------------------------------------------------

    @property
    def _up(self) -> bool:
        return self._line is not None and not self._line.lost.is_set()

    def _unlinked(self, station: Station, seen: Seen) -> Standing:
        self._alive = seen.time
        station.forget()
        if self._line is not None:
            self._line.close()
        return Standing(0.0, "no link")

    def _keep_line(self, seen: Seen) -> None:
        if self._fresh:
            self._fresh = False
            self._jobs.put(lambda: self._boot("PowerUp"))
        elif not self._up and not self._reconnecting and monotonic() - self._tried > AGAIN:
            self._reconnecting, self._tried = True, monotonic()
            self._jobs.put(self._reconnect)
        elif self._beside and seen.time - self._metered > METERED:
            self._metered = seen.time
            self._jobs.put(lambda: self._meter("tick"))

    def _keep_transaction(self, station: Station, seen: Seen) -> None:
        if seen.held != self._held:
            self._held = seen.held
            self._jobs.put(lambda: self._meter(HELD))
        if seen.car.plugged != self._plugged:
            self._plugged = seen.car.plugged
            if not self._plugged:
                station.stopped = False
                station.profiles.clear(station.profiles.matching(purpose="TxProfile"))
            self._jobs.put(self._come if self._plugged else lambda: self._go("EVCommunicationLost", "EVDisconnected"))
        if station.stopped and station.transaction:
            self._jobs.put(lambda: self._go("RemoteStop", "Remote"))
        if station.starts:
            station.starts = False
            self._jobs.put(self._begin)
        if station.resets:
            station.resets = False
            station.forget()
            self._jobs.put(self._restart)

    # --- in the worker's thread ------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                if job is None:
                    return
                with suppress(NoLine, Refused):  # a station tells it again at its next moment
                    job()
            except Exception:  # noqa: BLE001 - whatever went wrong here: the line is lost then, and that is 0 W
                if self._line is not None:
                    self._line.close()
            finally:
                self._jobs.task_done()

    def _call(self, action: str, payload: Payload) -> Payload:
        if self._line is None or self._line.lost.is_set():
            raise NoLine("its line is lost")
        if not self._accepted and action != "BootNotification":
            raise Refused("SecurityError", NOT_ACCEPTED)
        return self._line.call(action, payload, PATIENCE)

    @property
    def _at(self) -> Station:
        assert self._station is not None  # noqa: S101 - no job is given before it is there
        return self._station

    def _boot(self, reason: str) -> None:
        """Say who is there, until that is accepted."""
        self._accepted = False
        until, pause = monotonic() + BEGINS, threading.Event()
        while True:
            told = self._call("BootNotification", self._at.boots(reason))
            if told["status"] == "Accepted":
                break
            if monotonic() > until:
                raise Refused("SecurityError", NOT_ACCEPTED)
            pause.wait(min(max(float(told["interval"]), 0.1), 5.0))
        self._accepted = True
        self._call("StatusNotification", self._at.status())

    def _reconnect(self) -> None:
        try:
            if self._line is not None:
                self._line.close()
            self._line = self._connected()
            self._boot("ApplicationReset" if self._at.resets else "Unknown")
        finally:
            self._reconnecting = False

    def _restart(self) -> None:
        """A reset: what goes on ends, and the station comes back as a new one."""
        if self._at.transaction:
            self._call("TransactionEvent", self._at.ended("ResetCommand", "ImmediateReset"))
        if self._line is not None:
            self._line.close()
        self._line = self._connected()
        self._boot("RemoteReset")

    def _come(self) -> None:
        self._call("StatusNotification", self._at.status())
        self._begin()

    def _begin(self) -> None:
        told = self._call("TransactionEvent", self._at.began())
        _authorised(told)

    def _go(self, trigger: str, reason: str) -> None:
        if self._at.transaction:
            self._call("TransactionEvent", self._at.ended(trigger, reason))
        self._call("StatusNotification", self._at.status())

    def _meter(self, reason: str) -> None:
        if self._at.transaction:
            _authorised(self._call("TransactionEvent", self._at.goes_on(reason)))
        else:
            self._call("Heartbeat", {})

    def _tell(self) -> None:
        """Tell what the station has to tell by itself; what it cannot tell now is told no more."""
        while (told := self._at.told_next()) is not None:
            self._call(*told)

    def _consult(self, request: Mapping[str, Any]) -> float:
        station = self._at
        if not self._up:
            self._reconnect()
        if not station.seen.car.plugged or station.stopped:
            return 0.0
        if not station.transaction:
            self._begin()
        before, station.refusal = station.heard, ""
        self._meter(request["reason"])
        status = self._needed(request)
        if status == "Rejected":
            raise Refused("GenericError", "it rejected the needs of the car.")
        if status in {"Accepted", "Processing"} and not self._beside:
            self._await_profile(station, before)
        return station.power

    def _needed(self, request: Mapping[str, Any]) -> str:
        """What becomes of the car's needs; one that knows nothing of needs sets profiles when it likes."""
        trip, seen = request["trip"], self._at.seen
        needs = Needs(None if trip is None else trip["departure"], seen.wanted if trip else None, seen.kept)
        try:
            return str(self._call("NotifyEVChargingNeeds", self._at.needs(needs))["status"])
        except Refused as refused:
            if refused.code in {"NotImplemented", "NotSupported"}:
                return "NoChargingProfile"
            raise

    def _await_profile(self, station: Station, before: int) -> None:
        until, pause = monotonic() + PATIENCE, threading.Event()
        while station.heard == before:
            if monotonic() > until:
                raise Refused("GenericError", f"it accepted the needs of the car and set no profile{self._why_none()}.")
            if not self._up:
                raise NoLine(f"{LINE_LOST}{self._why_none()}")
            pause.wait(LOOK)

    def _why_none(self) -> str:
        """What may be behind a profile that never came, as the end of a sentence."""
        if self._at.refusal:
            return f" that could be used: {self._at.refusal.rstrip('.')}"
        return "" if self._line is None else self._line.behind


def _authorised(told: Payload) -> None:
    status = told.get("idTokenInfo", {}).get("status", "Accepted")
    if status != "Accepted":
        raise Refused("SecurityError", f"it does not authorise the car ({status}).")


def _settle(done: "Future[float]", work: Callable[[], float]) -> None:
    try:
        done.set_result(work())
    except Exception as error:  # noqa: BLE001 - told to whoever asked, in his own thread
        done.set_exception(error)
