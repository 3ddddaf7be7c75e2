"""A manager that is asked every fifteen minutes and is there no more in between: 0 W within the stated time."""

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import pytest

from bench.grid.steps import Manage
from bench.managing import link as http
from bench.managing.answer import NoAnswer
from bench.managing.link import Link
from bench.managing.links import LOST, OFF
from bench.testing import TestBench
from models.grid.week import Outage
from tests.bench.managing.clients import until
from tests.bench.managing.manager import manager
from tests.bench.running.test_managed_over_modbus import column, decisions, hours

On = Callable[..., TestBench]
MORTAL = '''
"""A manager that gives back, and ends by itself as soon as a file says so."""
import json, os, pathlib, sys, threading, time
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"power": -1000}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
def look():
    while not pathlib.Path(sys.argv[1]).exists():
        time.sleep(0.01)
    os._exit(3)
threading.Thread(target=look, daemon=True).start()
server = HTTPServer(("127.0.0.1", 0), Handler)
print("listening on http://127.0.0.1:%d" % server.server_address[1], flush=True)
server.serve_forever()
'''


def test_a_process_that_ends_between_two_questions_is_asked_for_nothing_more(on: On, tmp_path: Path) -> None:
    program, end = tmp_path / "manager.py", tmp_path / "end"
    program.write_text(MORTAL, encoding="utf-8")
    bench, links = on("virtual-module", soc=0.5), list[Link]()
    ended: list[float] = []

    def look(row: list[float]) -> None:
        if row[0] > 300.0 and not ended:
            end.touch()
            until(lambda: links[0].lost)
            ended.append(row[0])

    real = http.Link.decide

    def decide(link: Link, request: object) -> object:
        links.append(link)
        return real(link, request)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http.Link, "decide", decide)
        bench.engine.sampler.observers.append(look)
        run = bench.run(Manage(f"{sys.executable} {program} {end}", hours(0.25)))
    first, second = decisions(run)
    assert (first["power"], first["problem"]) == (-1000, "")
    assert (second["power"], bool(second["problem"])) == (0, True)
    time, power = column(run, "Test Time / s"), column(run, "Power / W")
    assert power[(time > 200) & (time <= ended[0])].max() < 0
    assert np.abs(power[time > ended[0] + LOST]).max() == 0.0


def test_where_time_is_real_it_is_noticed_that_nobody_listens_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LOOK", 0.02)
    with manager(lambda _: {"power": 5}) as (address, _):
        link = Link(address, beside=True)
        assert link.decide({})["power"] == 5
        assert not link.lost
    until(lambda: link.lost)
    with manager(lambda _: {"power": 5}, int(address.rpartition(":")[2])):
        until(lambda: not link.lost)
    link.close()


def test_where_time_is_real_it_is_noticed_that_a_manager_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system of a stopped process still takes calls for it: its last set point held for a quarter of an hour."""
    monkeypatch.setattr(http, "LOOK", 0.02)
    monkeypatch.setattr(http, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as hanging:
        link = Link(f"http://127.0.0.1:{hanging.getsockname()[1]}", beside=True)
        until(lambda: link.lost)
        with pytest.raises(NoAnswer):
            link.decide({})
        link.close()


def test_one_that_does_one_thing_at_a_time_is_not_lost_while_it_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LOOK", 0.02)
    looks, answer = list[bool](), threading.Event()
    real = Link._is_there

    def look(link: Link) -> bool:
        looks.append(real(link))
        if len(looks) > 2:
            answer.set()
        return looks[-1]

    def says(_: object) -> dict[str, int]:
        monkeypatch.setattr(http, "PATIENCE", 0.1)  # of what looks from now on
        assert answer.wait(60)
        return {"power": 5}

    monkeypatch.setattr(Link, "_is_there", look)
    with manager(says, one_at_a_time=True) as (address, _):
        link = Link(address, beside=True)
        assert link.decide({})["power"] == 5
        assert False in looks
        assert not link.lost
        link.close()


LOSES, COMES = 300.0, 600.0
"""s of the step at which the link is lost, and is back."""
ZERO = 10.0
"""W that a shunt of 0.1 A's worth of error shows where nothing flows, of 3000 that were asked for."""


@pytest.mark.parametrize("station", ["virtual-module", "virtual-wallbox"])
def test_a_lost_link_costs_the_power_and_then_the_outputs(on: On, station: str) -> None:
    """A box at rest is still the bench's: it is told to stop, and is asked anew once somebody is heard again."""
    bench = on(station, soc=0.5)
    world, outputs = bench.engine.bench.world, dict[float, bool]()
    assert world is not None
    bench.engine.sampler.observers.append(lambda row: outputs.update({row[0]: bool(world.outputs().load)}))
    with manager(lambda _: {"power": -3000}) as (address, _):
        run = bench.run(Manage(address, hours(0.25, outages=(Outage("link", LOSES, COMES),))))
    first = decisions(run)[0]["time"] - decisions(run)[0]["at"]
    time, power = column(run, "Test Time / s") - first, column(run, "Power / W")
    lost = (time > LOSES) & (time <= COMES)
    assert power[(time > 100) & (time <= LOSES)].max() < 0
    assert np.abs(power[lost & (time > LOSES + LOST)]).max() < ZERO
    behind = lost & (time > LOSES + OFF)
    assert behind.any()
    if station == "virtual-module":
        assert outputs.keys() >= set(time + first)
        assert not any(outputs[each] for each in time[behind] + first)
    else:
        asked = column(run, "Set Grid Power / W")
        assert (asked[lost & (time > LOSES + LOST) & (time < LOSES + OFF - 2 * LOST)] == 0.0).all()
        assert np.isnan(asked[behind]).all()  # asked for nothing, not even for a rest: it was told to stop
    assert power[time > COMES + 60.0].max() < 0


def test_a_car_that_rests_is_looked_at_when_its_outputs_are_due_to_go_off_and_then_as_in_a_rest(on: On) -> None:
    with manager(lambda _: {"power": 0}) as (address, _):
        run = on("virtual-module", soc=0.5).run(Manage(address, hours(0.25, outages=(Outage("link", LOSES, COMES),))))
    first = decisions(run)[0]["time"] - decisions(run)[0]["at"]
    time = np.round(column(run, "Test Time / s") - first, 3)
    off = LOSES + OFF - LOST
    assert (np.diff(time[(time >= LOSES) & (time <= COMES)]) <= 10.0).all()
    assert off in time
    assert list(time[(time > off) & (time < off + 25.0)]) == [off + 10.0, off + 20.0]


@pytest.mark.parametrize("said", [None, b"no JSON"])
def test_a_manager_that_says_nothing_valid_any_more_costs_the_outputs_too(on: On, said: bytes | None) -> None:
    answers: Iterator[object] = chain([{"power": -3000}], repeat(said))
    with manager(lambda _: next(answers)) as (address, _):  # type: ignore[arg-type, return-value]
        run = on("virtual-wallbox", soc=0.5).run(Manage(address, hours(0.5)))
    failed = next(event["time"] for event in decisions(run) if event["problem"])
    time, asked = column(run, "Test Time / s"), column(run, "Set Grid Power / W")
    assert np.isnan(asked[time > failed + OFF]).all()
    assert (asked[(time > failed) & (time < failed + OFF - 2 * LOST)] == 0.0).all()
