"""What a home has and has not, a manager that is begun anew, and what a pack does not take of what it promises."""

import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from math import inf, nan
from typing import Any

import numpy as np
import pytest

from bench import columns
from bench.columns import INDEX
from bench.grid.steps import FollowPower, Manage
from bench.managing.links import Seen, Standing
from bench.recording.run import RunRecord
from bench.running.procedures import manage
from bench.running.procedures.managed import line
from bench.scenario import soc_above
from bench.testing import TestBench
from bench.verdicts import InputError
from models.grid.week import Days, Outage, Trip
from tests.bench.managing.clients import until
from tests.bench.managing.manager import manager

On = Callable[..., TestBench]
START = datetime(2026, 1, 12, tzinfo=UTC)
CLOCKWORK = """
import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version, count = "HTTP/1.1", 0
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        Handler.count += 1
        body = json.dumps({"power": -1000, "say": "answer %d" % Handler.count}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
server = HTTPServer(("127.0.0.1", 0), Handler)
print("listening on http://127.0.0.1:%d" % server.server_address[1], flush=True)
server.serve_forever()
"""
"""A manager that counts its answers, and so shows which of its lives it is in."""


class Standby:
    """A manager that gives back 1000 W, in no process of its own."""

    live, says, closed = False, "", False

    def decide(self, _request: dict[str, Any]) -> dict[str, Any]:
        return {"power": -1000}

    def close(self) -> None:
        self.closed = True


class Speaks(Standby):
    """One that speaks by itself, and after 30 and after 60 s says that something is wrong, each time for as long."""

    live = True

    def decide(self, _request: dict[str, Any]) -> dict[str, Any]:
        return {"power": 0}

    def follow(self, seen: Seen) -> Standing:
        wrong = ["", "its clock is wrong", "its meter is wrong"][min(int(max(seen.time, 0.0) // 30), 2)]
        return Standing(0.0, problem=wrong)


class Watches(Standby):
    """One that speaks by itself, asks for nothing, and keeps all that it is shown."""

    live = True

    def __init__(self) -> None:
        self.seen: list[Seen] = []

    def decide(self, _request: dict[str, Any]) -> dict[str, Any]:
        return {"power": 0}

    def follow(self, seen: Seen) -> Standing:
        self.seen.append(seen)
        return Standing(0.0)


class Fails(Standby):
    """One that asks for `power`, and keeps why it was asked; it is `lost` when a test says so, and answers still."""

    def __init__(self, power: float) -> None:
        self.power, self.asked, self.lost = power, list[str](), False

    def decide(self, request: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(request["reason"])
        return {"power": self.power}


def slowly(may: threading.Event, links: list[Any]) -> Callable[..., Standby]:
    """What opens a link, and keeps it in `links`: the first at once, others when they `may`."""

    def opened(_which: str, *, beside: bool) -> Standby:
        if links:
            assert may.wait(60), "nobody scanned meanwhile"
        links.append(Standby())
        return links[-1]

    return opened


def hours(count: float, **given: Any) -> Days:
    """So many hours of a winter in which nothing changes."""
    flat = np.ones(round(4 * count))
    return Days(
        START, "paris-january", outside=5 * flat, house=400 * flat, sun=100 * flat, buy=0.25 * flat, sell=0.1 * flat,
        **given,
    )  # fmt: skip


def column(run: RunRecord, name: str) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([row[run.columns.index(name)] for row in run.rows])


def events(run: RunRecord, kind: str) -> list[Any]:
    return [event for event in run.events if event["type"] == kind]


def scale_of(run: RunRecord) -> float:
    return float(events(run, "step started")[-1]["set_points"]["scale"])


def test_a_manager_is_begun_anew_in_mid_discharge_and_nothing_acts_meanwhile(on: On, tmp_path: Any) -> None:
    script = tmp_path / "clockwork.py"
    script.write_text(CLOCKWORK, encoding="utf-8")
    days = hours(0.75, outages=(Outage("restart", 300.0, 600.0),))
    run = on("virtual-module", soc=0.6).run(Manage(f"{sys.executable} {script}", days))
    assert [(each["reason"], each["say"]) for each in events(run, "manager")] == [
        ("start", "answer 1"), ("tick", ""), ("link", "answer 1"), ("tick", "answer 2"), ("tick", "answer 3"),
    ]  # fmt: skip
    time = column(run, "Test Time / s") - column(run, "Test Time / s")[0]
    power = column(run, "Power / W")
    assert power[(time > 100) & (time < 295)].max() < 0
    assert power[(time > 310) & (time < 595)].min() == 0.0
    assert power[(time > 615) & (time < 900)].max() < 0


@pytest.mark.parametrize("comes", [True, False], ids=["in the step", "after its end"])
def test_where_time_is_real_the_bench_scans_on_while_a_manager_takes_its_time_to_come_back(
    on: On, monkeypatch: pytest.MonkeyPatch, comes: bool
) -> None:
    """Where it comes after the step's end, it is hung up on at once."""
    may, links = threading.Event(), list[Any]()

    def look(row: list[float]) -> None:
        if comes and row[0] > 900.0 and not may.is_set():
            may.set()
            until(lambda: len(links) == 2)

    monkeypatch.setattr(line, "open_link", slowly(may, links))
    monkeypatch.setattr(manage.ManageProcedure, "on_the_wall", True)
    bench = on("virtual-module", soc=0.6)
    bench.engine.sampler.observers.append(look)
    run = bench.run(Manage("http://127.0.0.1:9", hours(0.5, outages=(Outage("restart", 300.0, 600.0),))))
    may.set()
    until(lambda: len(links) == 2 and links[0].closed and links[1].closed)
    power, time = column(run, "Power / W"), column(run, "Test Time / s")
    assert power[(time > 100) & (time < 295)].max() < 0
    assert power[(time > 310) & (time < 900)].min() == 0.0
    assert bool(power[time > 1000].min() < 0) is comes


def test_a_manager_that_goes_down_again_before_it_is_back_leaves_no_link_behind(
    on: On, monkeypatch: pytest.MonkeyPatch
) -> None:
    may, links = threading.Event(), list[Any]()

    monkeypatch.setattr(line, "open_link", slowly(may, links))
    monkeypatch.setattr(manage.ManageProcedure, "on_the_wall", True)
    bench = on("virtual-module", soc=0.6)
    bench.engine.sampler.observers.append(lambda row: may.set() if row[0] > 1000.0 else None)
    outages = (Outage("restart", 300.0, 600.0), Outage("restart", 700.0, 800.0))
    bench.run(Manage("http://127.0.0.1:9", hours(0.5, outages=outages)))
    until(lambda: len(links) == 3 and all(each.closed for each in links))


def test_what_is_wrong_with_a_manager_is_told_once_and_again_when_it_is_something_else(
    on: On, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though it asks for 0 W all the time."""
    monkeypatch.setattr(line, "open_link", lambda _which, *, beside: Speaks())
    run = on("virtual-module", soc=0.6).run(Manage("http://127.0.0.1:9", hours(0.25)))
    assert [each["problem"] for each in events(run, "manager") if each["reason"] == "order"] == [
        "its clock is wrong", "its meter is wrong",
    ]  # fmt: skip


@pytest.mark.parametrize(("power", "again"), [(-1000.0, ["tick", "tick"]), (1000.0, ["tick", "tick"]), (0.0, [])])
def test_a_manager_that_seems_to_be_lost_is_asked_once_each_time_where_it_had_asked_for_something(
    on: On, monkeypatch: pytest.MonkeyPatch, power: float, again: list[str]
) -> None:
    """And not in every scan in which it is, if it still answers."""
    found = Fails(power)
    monkeypatch.setattr(line, "open_link", lambda _which, *, beside: found)
    bench = on("virtual-module", soc=0.6)
    spans = ((100.0, 200.0), (300.0, 400.0))
    bench.engine.sampler.observers.append(
        lambda row: setattr(found, "lost", any(begins <= row[0] < ends for begins, ends in spans))
    )
    bench.run(Manage("http://127.0.0.1:9", hours(0.25)))
    assert found.asked == ["start", *again]


@pytest.mark.parametrize("trips", [(), (Trip(600.0, 800.0, 10.0),)], ids=["no trip", "a trip"])
def test_what_has_to_stay_in_a_car_is_shown_once_it_is_known_and_what_its_trip_takes_where_it_has_one(
    on: On, monkeypatch: pytest.MonkeyPatch, trips: tuple[Trip, ...]
) -> None:
    """Before the step begins nobody has reckoned."""
    found = Watches()
    monkeypatch.setattr(line, "open_link", lambda _which, *, beside: found)
    days = replace(hours(0.25, trips=trips), reserve=20.0)
    run = on("virtual-module", soc=0.6).run(Manage("http://127.0.0.1:9", days))
    assert "order" not in {each["reason"] for each in events(run, "manager")}, "it always wanted what it wants"
    shown = {(each.kept, each.wanted) for each in found.seen if not each.begun}
    assert shown == {(None, None)}
    first = next(each for each in found.seen if each.begun)
    assert first.kept is not None
    assert first.kept > 0
    assert (first.wanted is not None) == bool(trips)
    if first.wanted is not None:
        assert first.wanted > first.kept
        assert found.seen[-1].wanted is None  # it is back, and has no other


@pytest.mark.parametrize(
    ("house", "imports", "exports", "asked", "flows"),
    [
        (300.0, 300.0, 0.0, 1000.0, 0.0),  # the house alone takes all that the connection carries
        (300.0, 300.5, 0.0, 1000.0, 0.5),
        (-600.0, 300.0, 500.0, -1000.0, 0.0),  # the sun alone gives more than that, which no car has to take
        (-600.0, 300.0, 600.5, -1000.0, -0.5),
    ],
)
def test_a_car_takes_and_gives_what_its_house_leaves_of_the_connection(
    on: On, monkeypatch: pytest.MonkeyPatch, house: float, imports: float, exports: float, asked: float, flows: float
) -> None:
    """`house` is W that it takes beyond what its sun gives."""
    monkeypatch.setattr(line, "open_link", lambda _which, *, beside: Fails(asked))
    flat = np.ones(1)
    days = replace(hours(0.25), house=max(house, 0.0) * flat, sun=max(-house, 0.0) * flat)
    run = on("virtual-module", soc=0.5).run(Manage("http://127.0.0.1:9", days, imports=imports, exports=exports))
    power = column(run, "Set Grid Power / W")
    assert np.unique(power[~np.isnan(power)]).tolist() == pytest.approx([flows * scale_of(run)])
    assert events(run, "manager link") == [], "there is nothing to say of this one"


def test_what_whoever_runs_a_step_should_know_of_its_link_is_told_each_time_that_there_is_one(
    on: On, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = Standby()
    monkeypatch.setattr(link, "says", "nobody else is let in")
    monkeypatch.setattr(line, "open_link", lambda _which, *, beside: link)
    days = hours(0.25, outages=(Outage("restart", 100.0, 200.0),))
    told = events(on("virtual-module", soc=0.5).run(Manage("http://127.0.0.1:9", days)), "manager link")
    assert [each["says"] for each in told] == ["nobody else is let in"] * 2
    assert told[1]["time"] - told[0]["time"] > 190.0


def test_what_was_given_before_one_trip_does_not_count_for_the_next(on: On) -> None:
    days = hours(0.5, trips=(Trip(600.0, 800.0, 2.0), Trip(1200.0, 1400.0, 2.0)))
    with manager(lambda asked: {"power": -3000 if asked["reason"] == "start" else 0}) as (address, _):
        run = on("virtual-module", soc=0.6).run(Manage(address, days))
    first, second = events(run, "departure")
    assert first["given"] > 1
    assert (second["given"], second["withheld"]) == (0.0, 0.0)
    # Whole metres of a way, and ten of what is only foreseen: nobody knows it better.
    told = [(each[name], 3) for each in (first, second) for name in ("short", "given", "withheld")]
    reckoned = [each[name] for each in events(run, "manager") for name in ("range", "lacks")]
    told += [(value, 2) for value in reckoned if value is not None]
    assert [round(value, digits) for value, digits in told] == [value for value, _ in told]
    assert any(round(value, digits - 1) != value for value, digits in told[:6])
    assert any(round(value, digits - 1) != value for value, digits in told[6:])


def test_a_home_that_gives_nothing_back_charges_and_drives_all_the_same(on: On) -> None:
    days = hours(1, trips=(Trip(1800.0, 3000.0, 10.0),))
    with manager(lambda asked: {"power": -3000 if asked["reason"] == "start" else 2000}) as (address, asked):
        run = on("virtual-module", soc=0.6).run(Manage(address, days, gives=False))
    assert asked[0]["charger"]["discharge"] == 0.0
    plugged = column(run, "Plugged In / 1") == 1
    assert column(run, "Power / W")[plugged].min() == 0.0
    assert column(run, "Power / W")[plugged].max() > 0
    assert column(run, "Power / W")[~plugged & np.isfinite(column(run, "Plugged In / 1"))].min() < 0


@pytest.mark.parametrize(("then", "asked_again"), [(-7000, False), (7000, True)], ids=["on below it", "and up again"])
def test_a_manager_is_asked_once_each_time_that_giving_brings_its_car_below_the_reserve(
    on: On, then: int, asked_again: bool
) -> None:
    """Not in every scan in which it is below; and again only once it has been clearly above."""
    with manager(lambda asked: {"power": then if asked["reason"] == "reserve" else -7000}) as (address, _):
        whole = on("virtual-module", soc=0.6).run(Manage(address, hours(0.25)))
        reserve = float(np.nanmax(column(whole, "Range / km"))) - 0.5
        run = on("virtual-module", soc=0.6).run(Manage(address, replace(hours(0.75), reserve=reserve)))
    reasons = [each["reason"] for each in events(run, "manager")]
    assert reasons[:2] == ["start", "reserve"]
    assert ("reserve" in reasons[2:]) is asked_again


def test_a_home_has_its_own_charger_road_and_forecast(on: On) -> None:
    with manager(lambda _asked: {"power": 9000}) as (address, asked):
        step = Manage(address, hours(0.5), charger=3700.0, reserve_road="motorway-130", foreseen=0.5, garage=False)
        run = on("virtual-module", soc=0.5).run(step)
    assert asked[0]["charger"]["charge"] == pytest.approx(3700.0)
    assert asked[0]["reserve"]["road"] == "motorway-130"
    assert asked[0]["forecast"]["house"][1] == pytest.approx(200.0)
    assert asked[0]["forecast"]["sun"][1] == pytest.approx(50.0)
    assert asked[0]["forecast"]["buy"][1] == pytest.approx(0.25)
    assert np.nanmax(column(run, "Set Grid Power / W")) == pytest.approx(3700 * scale_of(run))
    with manager(lambda _asked: {"power": 0}) as (address, _):
        near = on("virtual-module", soc=0.5).run(Manage(address, hours(0.25)))
    assert np.nanmax(column(run, "Range / km")) < 0.8 * np.nanmax(column(near, "Range / km"))


def test_a_home_without_a_charger_is_refused(on: On) -> None:
    with pytest.raises(InputError, match="does nothing: give more than 0"):
        on("virtual-module").run(Manage("http://127.0.0.1:9", hours(0.25), charger=0.0))


@pytest.mark.parametrize("given", [{"imports": inf}, {"imports": nan}, {"exports": inf}, {"foreseen": nan}])
def test_a_home_that_nobody_can_be_told_is_refused(on: On, given: dict[str, float]) -> None:
    """Told in JSON, which has no such numbers, a manager would be blamed for not understanding it."""
    bench = on("virtual-module", soc=0.5)
    with pytest.raises(InputError, match="give"):
        bench.run(Manage("reference", hours(0.25), **given))


def test_what_the_car_does_not_tell_is_null(on: On) -> None:
    bench = on("virtual-module", soc=0.5)
    cells = INDEX[columns.CELL_TEMPERATURE_MIN]
    bench.engine.sampler.observers.append(lambda row: row.__setitem__(cells, nan))
    with manager(lambda _: {"power": 0}) as (address, asked):
        bench.run(Manage(address, hours(0.25)))
    assert [each["car"]["cells"] for each in asked] == [None]


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize(("defects", "withheld"), [((), False), (("charge-limit:0.1",), True)])
def test_what_the_pack_does_not_take_of_what_its_file_promises_is_counted(
    on: On, defects: tuple[str, ...], withheld: bool
) -> None:
    """A BMS that allows a twentieth of the charge, and a manager that asks for all that there is."""
    days = hours(2, trips=(Trip(5400.0, 7100.0, 250.0),))
    with manager(lambda _asked: {"power": 11000}) as (address, _):
        run = on("virtual-module", soc=0.3, defects=defects).run(Manage(address, replace(days, reserve=20.0)))
    (departure,) = events(run, "departure")
    assert (departure["withheld"] > 30) == withheld
    assert (departure["withheld"] == 0) == (not withheld)


def test_a_signal_ends_where_it_is_told_to(on: On) -> None:
    run = on("virtual-module", soc=0.5).run(FollowPower([(0.0, 100.0), (36000.0, 100.0)], until=[soc_above(0.55)]))
    assert events(run, "step ended")[-1]["ended_by"] == "SOC at least 0.55"
    assert column(run, "SOC / 1")[-1] == pytest.approx(0.55, abs=0.01)


def test_a_car_that_rests_is_looked_at_as_in_a_rest_and_in_time_for_what_happens(on: On) -> None:
    """Each second while something flows or is about to; the trip is driven for its first and last minutes."""
    days = hours(1.5, trips=(Trip(1000.0, 4000.0, 20.0),), outages=(Outage("link", 4103.0, 4200.0),))
    with manager(lambda asked: {"power": 2000 if "00:00" in asked["time"] else 0}) as (address, _):
        bench = on("virtual-module", soc=0.5)
        run = bench.run(Manage(address, days))
    time = column(run, "Test Time / s")
    time, power = time - time[0], column(run, "Power / W")
    apart = np.diff(time)
    slow = bench.station.rest_scan_period
    assert apart.max() == pytest.approx(slow)
    # What flowed in an interval is what its two rows say: none that is slow begins or ends with a power.
    moving = (np.abs(power[1:]) > 1) | (np.abs(power[:-1]) > 1)
    assert apart[moving].max() == pytest.approx(1.0)
    assert (apart > 1.5).sum() * slow > 0.3 * time[-1]
    assert [each["at"] for each in events(run, "departure")] == [1000.0]
    asked = [each["at"] for each in events(run, "manager")]
    assert asked == pytest.approx([0.0, 900.0, 1800.0, 2700.0, 3600.0, 4000.0, 4103.0, 4200.0, 4500.0], abs=1.0)
    away = column(run, "Plugged In / 1") == 0
    assert time[away & (power < -1)].min() == pytest.approx(1001.0, abs=3.5)


def test_what_full_power_cannot_reach_is_known_with_the_decision(on: On) -> None:
    """And not while the car does not tell how full it is, nor without a link: nobody could know it then."""
    lost = (Outage("soc", 600.0, 1200.0), Outage("link", 1300.0, 1700.0))
    days = hours(1, trips=(Trip(2700.0, 3300.0, 400.0),), outages=lost)
    with manager(lambda _asked: {"power": 0}) as (address, _):
        run = on("virtual-module", soc=0.5).run(Manage(address, days))
    told = {round(each["at"]): (each["departure"], each["lacks"]) for each in events(run, "manager")}
    leaves = days.at(2700.0).timestamp()
    assert told[0][0] == leaves
    assert told[600] == told[900] == told[1300] == (None, None)
    assert 5 < told[0][1] < told[1800][1]
    (departure,) = events(run, "departure")
    assert departure["short"] > told[1800][1]
    # The air of a winter in which nothing changes is asked for once.
    assert len(events(run, "set point")) == 1
