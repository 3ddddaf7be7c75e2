"""Managers that are clients of a wall box on Modbus TCP: the bench serves the box and obeys what is written there.

`modbus://HOST:PORT` is where a manager of one's own finds it (port 0: one that is free); `modbus:` before a command, or
before the name of one that ships, starts that with the address: as its last argument, or where it says {address}.
Nobody is let in, and nothing is started, before there is a car to be shown: a client takes a box that says nothing for
a dead one, or for one whose models begin elsewhere.

Where the bench's clock waits for nobody, a set point holds until it is written anew, ends by its own reversion time, or
nobody is there any more. On a virtual clock the bench waits at each moment until the manager has answered it: see
SunSpec model 64901 in docs/manager-contract.md.
"""

import ipaddress
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from bench.clock import monotonic
from bench.managing.answer import NoAnswer
from bench.managing.links import LOST, Seen, Standing
from bench.managing.modbus.orders import Moment, Orders
from bench.managing.modbus.registers import ServedBox
from bench.managing.modbus.server import ModbusServer
from bench.managing.process import BEGINS, Process, blame, check, command_of, end, start
from bench.verdicts import InputError

PATIENCE = 10.0
"""s of real time that a manager has to answer a moment."""
LOOK = 0.02
"""s of real time between two looks whether it has."""
WORD = "modbus"
NOBODY = "no manager is connected."


class ModbusLink:
    """Serves the car to whoever connects. Raises `InputError`, one sentence, where it cannot."""

    live = True

    def __init__(self, which: str, *, beside: bool) -> None:
        self.which, self._beside = which, beside
        self._orders = Orders(waits=not beside)
        self._process: Process | None = None
        self._came = False
        self._gone = 0.0
        self._open = False
        host, port = _address(which)
        self._command = None if which.startswith(f"{WORD}://") else _command(which)
        with self._serving(f"{host}:{port}"):
            self._server = ModbusServer(ServedBox(self._orders), host, port, heard=self._hear)
        self.address = "{}:{}".format(*self._server.address)
        where = f"{self.address}, Modbus TCP, unit 1"
        self.says = f"a wall box listens at {where}, from when the car tells its charge on." + _warning(host)

    @contextmanager
    def _serving(self, where: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(f"manager {self.which}: nobody can be served at {where} ({error.strerror}).") from error

    def _begin(self) -> None:
        """Let the manager in, once there is something to be shown."""
        if self._open:
            return
        self._open = True
        with self._serving(self.address):
            self._server.begin()
        if self._command is not None:
            placed = [each.replace("{address}", self.address) for each in self._command]
            told = placed if placed != self._command else [*placed, self.address]
            self._process = start(self.which, told, heard=False)

    def _hear(self) -> None:
        self._came = True
        self._orders.heard = self._orders.now

    # --- see `Link` ------------------------------------------------------------------------------------------------

    def decide(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """Show it the moment; on a clock that waits, until it has answered."""
        told = datetime.fromisoformat(request["time"])
        offset = told.utcoffset()
        moment = Moment(self._orders.moment.number + 1, request["reason"], offset.total_seconds() if offset else 0.0)
        self._orders.ask(moment)
        if not self._beside:
            self._wait(moment.number)
        problem = self._problem()
        if problem:
            raise NoAnswer(problem)
        return {"power": self._orders.power}

    def follow(self, seen: Seen) -> Standing:
        """Show what is; hear what is asked for."""
        if self._orders.seen is None:  # a step that goes on begins at a time of its own
            self._gone = self._orders.heard = seen.time
        self._orders.show(seen)
        self._server.hang_up(not seen.linked)
        self._begin()
        if not seen.linked:
            self._gone = seen.time
            self._orders.rest()
            return Standing(0.0, "no link")
        if seen.stands_still and not self._server.clients:
            self._orders.rest()  # whoever has left again is not obeyed by a step that goes on later
        problem = self._problem()
        if problem:
            self._orders.rest()
        return Standing(self._orders.power, problem, acting=0.0 if problem else self._orders.acting)

    def close(self) -> None:
        """See `Link`."""
        process, self._process = self._process, None
        end(process)
        self._server.close()

    # --- who is there ----------------------------------------------------------------------------------------------

    def _problem(self) -> str:
        """What is wrong with the manager; empty where nothing is."""
        now = self._orders.now
        if self._server.clients:
            self._gone = now
            silent = now - self._orders.heard
            return (
                f"it said nothing for {self._orders.box[88]} s."
                if self._beside and silent > self._orders.box[88]
                else ""
            )
        return NOBODY if now - self._gone > (LOST if self._came else BEGINS) else ""

    def _wait(self, number: int) -> None:
        """Until it has answered; raises `NoAnswer` where it does not, `BenchFault` where its process was killed."""
        until = monotonic() + (PATIENCE if self._came else BEGINS)
        pause = threading.Event()
        while self._orders.sun[64901, "Done"] != number:
            if monotonic() > until or (self._process is not None and self._process.is_over):
                self._orders.rest()
                blame(self.which, self._process)
                raise NoAnswer(f"it did not answer moment {number}." if self._server.clients else NOBODY)
            pause.wait(LOOK)


def _command(which: str) -> list[str]:
    """What starts it; raises `InputError` for what is nowhere."""
    command = command_of(which.removeprefix(f"{WORD}:"), "--over", WORD, "--at")
    check(which, command)
    return command


def _address(which: str) -> tuple[str, int]:
    """Where it is served: as a URL says, else on this machine alone, at a port that is free."""
    if not which.startswith(f"{WORD}://"):
        return "127.0.0.1", 0
    try:
        parts = urlsplit(which)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or port is None or parts.path or parts.query:
        raise InputError(f"manager {which!r}: give {WORD}://HOST:PORT, where the bench is to listen; port 0 is any.")
    return host, port


def _warning(host: str) -> str:
    """What to say of a host that programs on other machines can reach."""
    try:
        private = ipaddress.ip_address(host).is_loopback
    except ValueError:
        private = host == "localhost"
    return "" if private else " Whoever reaches this machine can command it; 127.0.0.1 is private."
