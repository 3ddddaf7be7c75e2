"""EMHASS as a manager under test: packbench's contract on one side, EMHASS's REST API, unchanged, on the other.

It translates and decides nothing. The car is EMHASS's battery. What EMHASS has no word for is not told it: how cold
the cells are, the road, when the car comes back, and a departure beyond the forecast. Kilometres become a state of
charge by one figure, `--consumption`, as in anybody's home automation: EMHASS knows a battery by per cent only.
Where EMHASS has no plan (it answers other than 200, or calls it infeasible), neither has this: 502 with its words.

Facts are from EMHASS 0.18.7 (MIT): POST /action/naive-mpc-optim with runtime parameters, then GET /api/v1/plan, whose
`P_batt` (W, AC side) is positive when the battery is discharged. The standard library is all it needs; run by the
Python that has EMHASS it starts an EMHASS of its own on loopback, with the config.json beside it, and ends it.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).parent
CONSUMPTION = 150.0
"""Wh/km: about what the sheet of a small car of 52 kWh says."""
LEAST = 5
"""Steps: EMHASS refuses a shorter horizon, and the forecast's last value is held that long."""
BEGINS = 28.0
"""s that EMHASS has until it listens."""
PATIENCE = 9.0
"""s that EMHASS has to answer."""


class NoPlan(Exception):
    """EMHASS has no answer; its words."""


def asked_of_emhass(request: Mapping[str, Any], consumption: float) -> dict[str, Any]:
    """Runtime parameters of EMHASS's model predictive controller for a request; `consumption` in Wh/km."""
    forecast, car, site = request["forecast"], request["car"], request["site"]
    asked = {
        "optimization_time_step": round(forecast["step"] / 60),
        "prediction_horizon": max(len(forecast["buy"]), LEAST),
        "load_power_forecast": _held(forecast["house"]),
        "pv_power_forecast": _held(forecast["sun"]),
        "load_cost_forecast": _held(forecast["buy"]),
        "prod_price_forecast": _held(forecast["sell"]),
        "maximum_power_from_grid": site["import"],
        "maximum_power_to_grid": site["export"],
        "battery_nominal_energy_capacity": car["energy"],
        "battery_minimum_state_of_charge": _share(request, request["reserve"]["distance"], consumption),
        **_limits(car, request["charger"]),
        **_departure(request, consumption),
    }
    return asked if car["soc"] is None else asked | {"soc_init": car["soc"]}


def _held(values: list[float]) -> list[float]:
    return values + values[-1:] * (LEAST - len(values))


def _limits(car: Mapping[str, Any], charger: Mapping[str, Any]) -> dict[str, float]:
    """What charger and car can do, W at the AC side."""
    efficiency = charger["efficiency"]
    return {
        "battery_charge_power_max": min(charger["charge"], car["charge"] / efficiency),
        "battery_discharge_power_max": min(charger["discharge"], car["discharge"] * efficiency),
        "battery_charge_efficiency": efficiency,
        "battery_discharge_efficiency": efficiency,
    }


def _departure(request: Mapping[str, Any], consumption: float) -> dict[str, float]:
    """Trip and reserve as a state of charge at the end of the last whole step before the departure."""
    trip, forecast = request["trip"], request["forecast"]
    if trip is None:
        return {}
    now = datetime.fromisoformat(request["time"]).timestamp()
    begin = now // forecast["step"] * forecast["step"]
    steps = int((datetime.fromisoformat(trip["departure"]).timestamp() - begin) // forecast["step"])
    if steps > len(forecast["buy"]):
        return {}
    wanted = _share(request, trip["distance"] + request["reserve"]["distance"], consumption)
    return {"soc_target": wanted, "soc_target_timestep": max(steps - 1, 0)}


def _share(request: Mapping[str, Any], distance: float, consumption: float) -> float:
    """Kilometres as a state of charge; EMHASS refuses more than 1."""
    return min(distance * consumption / float(request["car"]["energy"]), 1.0)


class Emhass:
    """EMHASS's web server at a URL."""

    def __init__(self, url: str) -> None:
        self._url = url

    def power(self, asked: Mapping[str, Any]) -> float:
        """Of the plan's first step, W, positive into the car; raises `NoPlan`."""
        self._open("/action/naive-mpc-optim", json.dumps(asked).encode())
        run = json.loads(self._open("/api/v1/last-run"))
        if run["status"] != "ok":
            raise NoPlan(f"EMHASS's last run: {run['status']}.")
        return -float(json.loads(self._open("/api/v1/plan"))["plan"][0]["P_batt"])

    def there(self) -> bool:
        """Whether it answers."""
        try:
            self._open("/api/v1/last-run")
        except NoPlan:
            return False
        return True

    def _open(self, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(self._url + path, body, {"Content-Type": "application/json"})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:  # noqa: S310 - the user's own URL
                return bytes(response.read())
        except urllib.error.HTTPError as error:
            raise NoPlan(f"EMHASS answered {error.code}: {_worst(error.read())}") from error
        except OSError as error:
            raise NoPlan(f"EMHASS at {self._url} does not answer: {error}.") from error


def _worst(body: bytes) -> str:
    """The last error of the log that EMHASS answers with."""
    text = body.decode("utf-8", "replace")
    try:
        lines = [str(line) for line in json.loads(text)]
    except (ValueError, TypeError):
        return text[:200]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or [text])[-1][:200]


class Adapter:
    """Decides nothing."""

    def __init__(self, emhass: Emhass, consumption: float) -> None:
        self._emhass, self._consumption = emhass, consumption

    def decide(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a request; raises `NoPlan`, and `KeyError`, `TypeError` or `ValueError` for what is no request."""
        if not request["car"]["plugged"]:
            return {"power": 0, "say": "the car is away: EMHASS was not asked"}
        asked = asked_of_emhass(request, self._consumption)
        percent = 100 * asked["battery_minimum_state_of_charge"]
        return {"power": self._emhass.power(asked), "say": f"EMHASS's plan above {percent:.0f} %"}


def handler_of(adapter: Adapter) -> type[BaseHTTPRequestHandler]:
    """What answers for it: one request at a time, for EMHASS keeps one plan."""
    one_at_a_time = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._answer(200 if self.path == "/" else 404, {"contract": 1})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            if self.path != "/decide":
                self._answer(404, {"error": f"There is no {self.path}; POST /decide."})
                return
            self._answer(*self._decided(body))

        def _decided(self, body: bytes) -> tuple[int, dict[str, Any]]:
            try:
                with one_at_a_time:
                    return 200, adapter.decide(json.loads(body))
            except NoPlan as error:
                return 502, {"error": str(error)}
            except (KeyError, TypeError, ValueError) as error:
                return 400, {"error": f"That is no request of contract 1 ({type(error).__name__}: {error})."}

        def _answer(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    return Handler


@contextmanager
def started(config: Path) -> Iterator[str]:
    """Start EMHASS's own web server with this Python, on loopback and a free port; ends it. Yields its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "emhass.web_server:app", "--host", "127.0.0.1", "--port", str(port)]
    with TemporaryDirectory() as data:
        Path(data, "log.txt").touch()
        paths = {"DATA_PATH": data, "CONFIG_PATH": str(config), "SECRETS_PATH": str(HERE / "secrets_emhass.yaml")}
        with Path(data, "log.txt").open("wb") as log:
            process = subprocess.Popen(command, env=os.environ | paths, stdout=log, stderr=log)  # noqa: S603
        try:
            _wait(process, Emhass(f"http://127.0.0.1:{port}"), Path(data, "log.txt"))
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", emhass: Emhass, log: Path) -> None:
    end = time.monotonic() + BEGINS
    while not emhass.there():
        if process.poll() is not None or time.monotonic() > end:
            words = log.read_text("utf-8", "replace").strip().splitlines()[-1:]
            sys.exit(f"EMHASS does not start with {sys.executable}: {' '.join(words) or 'not in time'}")
        time.sleep(0.2)


def serve(adapter: Adapter, port: int) -> None:
    """Answer on loopback until SIGTERM or Ctrl-C; port 0 is one that is free."""
    server = ThreadingHTTPServer(("127.0.0.1", port), handler_of(adapter))
    server.daemon_threads = True

    def end(*_: object) -> None:
        threading.Thread(target=server.shutdown, daemon=True).start()  # it waits for the loop that it would stop

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    sys.stdout.write(f"listening on http://127.0.0.1:{server.server_address[1]}\n")
    sys.stdout.flush()
    with server:
        server.serve_forever(poll_interval=0.05)


def main() -> None:
    """Serve an EMHASS that runs, or one of its own."""
    parser = argparse.ArgumentParser(description="EMHASS as a manager under test.")
    parser.add_argument("--emhass", help="URL of its web server; without it one is started by this Python")
    parser.add_argument("--config", type=Path, default=HERE / "config.json", help="of the EMHASS that is started")
    parser.add_argument("--consumption", type=float, default=CONSUMPTION, help="Wh/km; %(default)s")
    parser.add_argument("--port", type=int, default=0, help="0: one that is free")
    given = parser.parse_args()
    if given.emhass:
        serve(Adapter(Emhass(given.emhass.rstrip("/")), given.consumption), given.port)
        return
    with started(given.config) as url:
        serve(Adapter(Emhass(url), given.consumption), given.port)


if __name__ == "__main__":
    main()
