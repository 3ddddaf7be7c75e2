"""An energy manager that keeps the contract until it is told otherwise: `python -m campaign.manager ORDER POLICY`.

It charges what the car takes, or gives back what it can (POLICY "charge" or "give"), asked or not whether that is
wise. ORDER is a file that holds, once something is to go wrong, the name of one of the functions in `MISBEHAVIOURS`.
It shares nothing with the bench but the line, and that file.
"""

import json
import os
import shlex
import signal
import sys
import tempfile
import time
from atexit import register
from collections.abc import Callable, Mapping
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import rmtree
from typing import Any

LATE = 12.0
"""s of real time: more than the bench waits for an answer."""
NEVER = 600.0
DRIP = 0.5
"""s of real time between two bytes of an answer that does not end."""
HALF = 0.5
FLOOD = 1 << 20
"""Bytes at once of one that does not end either."""

Request = Mapping[str, Any]


# --- the campaign's end -----------------------------------------------------------------------------------------------


@cache
def order() -> Path:
    """The file through which this process tells its managers what to do."""
    folder = tempfile.mkdtemp()
    register(rmtree, folder, ignore_errors=True)
    return Path(folder) / "order"


def command(policy: str, wire: str = "") -> str:
    """What starts one that obeys, as a step of the bench is told it; on a `wire` of its own: see `campaign.wires`."""
    tell("")
    if not wire:
        return shlex.join([sys.executable, "-m", "campaign.manager", str(order()), policy])
    return f"{wire}:{shlex.join([sys.executable, '-m', 'campaign.wires', str(order()), policy, wire])}"


def tell(misbehaviour: str) -> None:
    """What every manager of this process does from now on; nothing for the contract."""
    order().write_text(misbehaviour, encoding="utf-8")


# --- the manager ------------------------------------------------------------------------------------------------------


def charge(request: Request) -> float:
    """W: all that charger and car take."""
    return float(min(request["charger"]["charge"], request["car"]["charge"] or 0.0))


def give(request: Request) -> float:
    """W: all that the charger gives back."""
    return -float(request["charger"]["discharge"])


POLICIES: Mapping[str, Callable[[Request], float]] = {"charge": charge, "give": give}


class Handler(BaseHTTPRequestHandler):
    """Answers `POST /decide`."""

    protocol_version = "HTTP/1.1"
    order, policy = Path(), charge
    asked: Request

    def do_POST(self) -> None:
        """One decision."""
        self.asked = request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        power = type(self).policy(request)
        MISBEHAVIOURS[type(self).order.read_text(encoding="utf-8")](self, power)

    def answer(self, body: object, status: int = 200) -> None:
        """Say it, in JSON where it is not bytes already."""
        told = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def _obey(handler: Handler, power: float) -> None:
    handler.answer({"power": power})


def _late(handler: Handler, power: float) -> None:
    time.sleep(LATE)
    handler.answer({"power": power})


def _never(_handler: Handler, _power: float) -> None:
    time.sleep(NEVER)


def _drip(handler: Handler, _power: float) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    while True:
        handler.wfile.write(b" ")
        time.sleep(DRIP)


def _flood(handler: Handler, _power: float) -> None:
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    while True:
        handler.wfile.write(b" " * FLOOD)


def _believe(handler: Handler, power: float) -> None:
    """Give back above half of a charge, whatever was told before, and stumble over one that is not told."""
    told = handler.asked["car"]["soc"]
    if told is None:
        handler.answer({"error": "'>' not supported between instances of 'NoneType' and 'float'"}, 500)
    else:
        handler.answer({"power": power if told > HALF else 0.0})


def _hang_up(handler: Handler, _power: float) -> None:
    handler.close_connection = True


def _die(name: str) -> "Misbehaviour":
    def die(_handler: Handler, _power: float) -> None:
        os.kill(os.getpid(), getattr(signal, name))
        time.sleep(NEVER)

    return die


Misbehaviour = Callable[[Handler, float], None]
MISBEHAVIOURS: Mapping[str, Misbehaviour] = {
    "": _obey,
    "late": _late,
    "never": _never,
    "drips": _drip,
    "floods": _flood,
    "hangs up": _hang_up,
    "nan": lambda handler, _: handler.answer({"power": float("nan")}),
    "text": lambda handler, power: handler.answer(f"{power:.0f} W, please".encode()),
    "quoted": lambda handler, power: handler.answer({"power": f"{power:.0f} W"}),
    "empty": lambda handler, _: handler.answer({}),
    "believes": _believe,
    "refuses": lambda handler, _: handler.answer({"error": "out of memory"}, 500),
    "wrong sign": lambda handler, power: handler.answer({"power": -power}),
    "kilowatts": lambda handler, power: handler.answer({"power": power / 1000}),
    "too much": lambda handler, power: handler.answer({"power": 1e6 * power}),
    "wrong and too much": lambda handler, power: handler.answer({"power": -1e6 * power}),
    "exits": lambda _handler, _: os._exit(1),
    "crashes": _die("SIGABRT"),
    "is killed": _die("SIGKILL"),
}


def main(order_file: str, policy: str) -> None:
    """Listen until somebody ends it."""
    Handler.order, Handler.policy = Path(order_file), staticmethod(POLICIES[policy])  # type: ignore[assignment]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(f"listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
