"""The adapter in front of EMHASS: what it makes of a request, and of EMHASS's answers. EMHASS itself is not here."""

import http.client
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ADAPTER = Path(__file__).parents[2] / "examples" / "emhass_manager" / "adapter.py"
COUNT = 96


class FakeEmhass:
    """Speaks EMHASS 0.18's REST API: keeps what it was asked, answers what it was told to."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.status, self.words, self.run = 200, b"EMHASS >> Action naive-mpc-optim executed... \n", "ok"
        self.battery = 430.0

    def answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        if path == "/action/naive-mpc-optim":
            self.asked.append(json.loads(body))
            return self.status, self.words
        plan = [{"timestamp": "2026-01-12T17:00:00.000Z", "P_batt": self.battery}, {"P_batt": 9999.0}]
        answers = {"/api/v1/last-run": {"status": self.run}, "/api/v1/plan": {"status": "ok", "plan": plan}}
        return (200, json.dumps(answers[path]).encode()) if path in answers else (404, b"")


@pytest.fixture
def emhass() -> FakeEmhass:
    return FakeEmhass()


@pytest.fixture
def url(emhass: FakeEmhass) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = emhass.answer(self.path, self.rfile.read(int(self.headers.get("Content-Length", "0"))))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the library's name

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def address(url: str) -> Iterator[str]:
    command = [sys.executable, str(ADAPTER), "--emhass", url, "--consumption", "130"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:")
        yield line.strip().removeprefix("listening on http://")
        process.terminate()
        assert process.wait(timeout=30) == 0


def request(**car: object) -> dict[str, Any]:
    """18:05 on a winter's evening; a trip of 42 km at 07:40."""
    return {
        "contract": 1, "time": "2026-01-12T18:05:00+01:00", "reason": "tick",
        "car": {"plugged": True, "soc": 0.62, "cells": 6.5, "energy": 52000, "charge": 3720, "discharge": 7000} | car,
        "charger": {"charge": 7400, "discharge": 7400, "least": 0, "efficiency": 0.93},
        "site": {"house": 430, "sun": 0, "import": 12000, "export": 9000},
        "trip": {"departure": "2026-01-13T07:40:00+01:00", "distance": 42, "road": "country"},
        "reserve": {"distance": 50, "road": "country"}, "season": "paris-january", "model": "renault-5-class",
        "forecast": {"step": 900, "outside": [3.1] * COUNT, "house": [430] * COUNT, "sun": [20] * COUNT,
                     "buy": [0.27] * COUNT, "sell": [0.1] * COUNT},
    }  # fmt: skip


def ask(address: str, body: object, path: str = "/decide") -> tuple[int, Any]:
    link = http.client.HTTPConnection(address, timeout=60)
    link.request("POST", path, json.dumps(body).encode())
    answer = link.getresponse()
    told = json.loads(answer.read())
    link.close()
    return answer.status, told


@pytest.mark.parametrize("battery", [430.0, -6500.0, 0.0])
def test_the_power_is_the_plans_first_step_with_the_contracts_sign(
    emhass: FakeEmhass, address: str, battery: float
) -> None:
    emhass.battery = battery
    status, answer = ask(address, request())
    assert (status, answer["power"]) == (200, -battery)


def test_emhass_is_told_the_house_the_prices_and_the_battery(emhass: FakeEmhass, address: str) -> None:
    ask(address, request())
    (asked,) = emhass.asked
    assert asked["prediction_horizon"] == COUNT
    assert asked["optimization_time_step"] == 15
    assert asked["load_power_forecast"] == [430] * COUNT
    assert asked["pv_power_forecast"] == [20] * COUNT
    assert asked["load_cost_forecast"] == [0.27] * COUNT
    assert asked["prod_price_forecast"] == [0.1] * COUNT
    assert (asked["maximum_power_from_grid"], asked["maximum_power_to_grid"]) == (12000, 9000)
    assert (asked["soc_init"], asked["battery_nominal_energy_capacity"]) == (0.62, 52000)
    assert asked["battery_charge_efficiency"] == asked["battery_discharge_efficiency"] == 0.93


def test_the_least_of_car_and_charger_is_the_limit_at_the_ac_side(emhass: FakeEmhass, address: str) -> None:
    ask(address, request())
    assert emhass.asked[0]["battery_charge_power_max"] == pytest.approx(4000)  # 3720 W into the car at 93 %
    assert emhass.asked[0]["battery_discharge_power_max"] == pytest.approx(6510)


def test_kilometres_become_a_state_of_charge_by_the_one_figure_whatever_road_and_cold(
    emhass: FakeEmhass, address: str
) -> None:
    cold = request(cells=-15.0)
    cold["reserve"]["road"] = "motorway"
    for each in (request(), cold):
        ask(address, each)
    for asked in emhass.asked:
        assert asked["battery_minimum_state_of_charge"] == pytest.approx(50 * 130 / 52000)
        assert asked["soc_target"] == pytest.approx(92 * 130 / 52000)


def test_what_does_not_fit_into_the_battery_is_all_of_it(emhass: FakeEmhass, address: str) -> None:
    far = request()
    far["trip"]["distance"] = 900
    ask(address, far)
    assert emhass.asked[0]["soc_target"] == 1.0


@pytest.mark.parametrize(
    ("departure", "step"),
    [
        ("2026-01-13T07:40:00+01:00", 53),  # 54 whole quarters from 18:00 on: the last of them ends at 07:30
        ("2026-01-13T06:30:00+00:00", 53),
        ("2026-01-12T18:16:00+01:00", 0),
        ("2026-01-12T18:06:00+01:00", 0),
        ("2026-01-13T18:00:00+01:00", 95),
    ],
)
def test_the_departure_is_the_end_of_the_last_whole_step(
    emhass: FakeEmhass, address: str, departure: str, step: int
) -> None:
    soon = request()
    soon["trip"]["departure"] = departure
    ask(address, soon)
    assert emhass.asked[0]["soc_target_timestep"] == step


def test_what_is_not_known_or_beyond_the_forecast_is_not_told(emhass: FakeEmhass, address: str) -> None:
    later, none = request(soc=None), request() | {"trip": None}
    later["trip"]["departure"] = "2026-01-13T18:15:00+01:00"
    for each in (later, none):
        assert ask(address, each)[0] == 200
    assert "soc_init" not in emhass.asked[0]
    assert not any("soc_target" in asked or "soc_target_timestep" in asked for asked in emhass.asked)


def test_a_forecast_too_short_for_emhass_is_held(emhass: FakeEmhass, address: str) -> None:
    short = request()
    short["forecast"] |= {"house": [1, 2], "sun": [3, 4], "buy": [0.1, 0.2], "sell": [0.0, 0.1]}
    ask(address, short)
    assert emhass.asked[0]["prediction_horizon"] == 5
    assert emhass.asked[0]["load_power_forecast"] == [1, 2, 2, 2, 2]
    assert emhass.asked[0]["load_cost_forecast"] == [0.1, 0.2, 0.2, 0.2, 0.2]


def test_a_car_that_is_away_is_nothing_to_ask_of(emhass: FakeEmhass, address: str) -> None:
    status, answer = ask(address, request(plugged=False))
    assert (status, answer["power"], emhass.asked) == (200, 0, [])


def test_no_plan_is_no_answer_even_though_an_old_plan_is_still_there(emhass: FakeEmhass, address: str) -> None:
    emhass.status = 400
    emhass.words = (
        b'["INFO - x - begins", "ERROR - x - Relaxed optimization also failed: infeasible", "INFO - x - done"]'
    )
    status, answer = ask(address, request())
    assert status == 502
    assert "400" in answer["error"]
    assert "Relaxed optimization also failed: infeasible" in answer["error"]


def test_a_run_that_emhass_calls_infeasible_is_no_plan(emhass: FakeEmhass, address: str) -> None:
    emhass.run = "infeasible"
    status, answer = ask(address, request())
    assert status == 502
    assert "infeasible" in answer["error"]


@pytest.mark.parametrize("body", [{}, [], None, "text", {"car": {"plugged": True}}, {"car": 1}])
def test_what_is_no_request_is_refused_and_the_next_is_answered(emhass: FakeEmhass, address: str, body: object) -> None:
    status, answer = ask(address, body)
    assert status == 400
    assert "contract 1" in answer["error"]
    assert emhass.asked == []
    assert ask(address, request())[0] == 200


def test_there_is_only_one_thing_to_ask(address: str) -> None:
    assert ask(address, request(), "/elsewhere")[0] == 404
    link = http.client.HTTPConnection(address, timeout=60)
    link.request("GET", "/")
    assert link.getresponse().status == 200
    link.close()


def test_a_python_without_emhass_is_told_so_at_once() -> None:
    ended = subprocess.run([sys.executable, str(ADAPTER)], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "EMHASS does not start" in ended.stderr
    assert "listening" not in ended.stdout
