"""Steps on the grid side: what reaches the pack of what a grid asks for, and what is refused before that."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.grid.steps import FollowFrequency, FollowPower, Manage, Response, Supply, containment, droop, limited
from bench.recording.run import RunRecord
from bench.testing import TestBench
from bench.verdicts import InputError
from models.grid.charger import Charger
from models.grid.frequency import synthetic_frequency
from models.grid.week import Days, Outage, Trip
from tests.bench.conftest import STATION
from tests.bench.fakes import Plant
from tests.bench.managing.manager import manager

On = Callable[..., TestBench]
CHARGER = Charger(charge=11000, discharge=11000, dead_time=0.5, ramp=5000)


def column(run: RunRecord, name: str) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([row[run.columns.index(name)] for row in run.rows])


def power_at(run: RunRecord, asked: float) -> float:
    """W at the terminals at the end of the time for which so many were asked at the AC side."""
    rows = np.flatnonzero(column(run, "Set Grid Power / W") == asked)
    return float(column(run, "Power / W")[rows[-1]])


# --- a power ----------------------------------------------------------------------------------------------------------


def test_the_terminals_get_what_the_charger_lets_through(on: On) -> None:
    run = on("virtual-vehicle").run(FollowPower([(0, 0), (5, 11000), (25, -5500), (45, 0), (60, 0)]))
    # The round trip through charger and back is that of the measured car: see models.grid.charger.
    assert power_at(run, 11000) == pytest.approx(11000 - 300 - 0.03 * 11000 - 6.6e-7 * 11000**2, rel=2e-3)
    assert power_at(run, -5500) == pytest.approx(-(5500 + 300 + 0.03 * 5500 + 6.6e-7 * 5500**2), rel=2e-3)
    assert column(run, "Power / W")[-1] == 0.0
    assert np.isnan(column(run, "Set Current / A")[-1])


def test_a_set_point_is_reached_by_the_charger_s_ramp_and_dead_time(on: On) -> None:
    run = on("virtual-vehicle").run(FollowPower([(0, 0), (5, 11000), (25, 0), (30, 0)]))
    asked, command = column(run, "Set Grid Power / W"), column(run, "Command Power / W")
    first = int(np.flatnonzero(asked == 11000)[0])
    ramp = [CHARGER.ac_to_dc(5000 * (seconds - 0.5)) for seconds in (1.0, 2.0)]
    assert command[first : first + 4] == pytest.approx([0.0, *ramp, CHARGER.ac_to_dc(11000)])


@pytest.mark.parametrize(
    "step",
    [
        FollowPower([(0, 1000), (1, 2000), (1.7, 1000), (2.7, 3000), (3.4, 2000), (4.4, 0)]),
        Supply([(0, 1000), (1, 2000), (1.7, 1000), (2.7, 3000), (3.4, 2000), (4.4, 0)], period=0.8),
    ],
)
def test_every_point_is_asked_for_when_it_is_due(on: On, step: FollowPower | Supply) -> None:
    run = on("virtual-vehicle").run(step)
    time, asked = column(run, "Test Time / s"), column(run, "Set Grid Power / W")
    rows = [row for row in range(1, len(asked)) if abs(asked[row]) > 0 and asked[row] != asked[row - 1]]
    due = [float(time[row - 1] - time[rows[0] - 1]) for row in rows]
    assert due[:5] == pytest.approx([0, 1, 1.7, 2.7, 3.4], abs=1e-6)


@pytest.mark.parametrize(
    ("station", "step", "why"),
    [
        ("virtual-pack", FollowPower([(0, 0), (5, 100), (9, 0)]), "names none"),
        ("virtual-vehicle", FollowPower([(0, 0), (5, 12000), (9, 0)]), "the charger allows 11000 W"),
        ("virtual-vehicle", FollowPower([(0, 0), (9, 0)]), "0 throughout"),
        ("virtual-vehicle", FollowFrequency([(0, 50.0), (5, 49.9), (5, 50)]), "times that rise"),
        ("virtual-vehicle", FollowFrequency([(0, 50.0), (5, 49900.0)]), "in mHz it would be 49.9 Hz"),
        ("virtual-vehicle", FollowFrequency([(0, 50.0), (5, 60.0)]), r"60 Hz at 5 s, a grid has 45 to 55 Hz\.$"),
        ("virtual-vehicle", FollowFrequency([(0, 50.0), (5, float("nan"))]), "a grid has 45 to 55 Hz"),
        ("virtual-vehicle", FollowFrequency([(0, 50.0)]), "less than two points"),
        ("virtual-vehicle", FollowFrequency([(0, 50.0), (5, 50.1)], base=11000), "answers nothing"),
        ("virtual-vehicle", Supply([(0, 0), (5, -100), (9, 0)]), "gives something back"),
        ("virtual-wallbox", Supply([(0, 0), (5, 100), (9, 0)]), "no load of its own"),
        ("virtual-vehicle", Supply([(0, 0), (5, 100), (9, 0)], minimum=-0.01), "give a state of charge from 0 to 1"),
        ("virtual-vehicle", Supply([(0, 0), (5, 100), (9, 0)], minimum=1.0), "give a state of charge from 0 to 1"),
        ("virtual-vehicle", FollowFrequency([(0, 50.0), (5, 49.9)], period=10.01), "a sample each 10.01 s: give 0.02"),
        ("virtual-vehicle", FollowFrequency([(0, 50.0), (5, 49.9)], period=0.0199), "a sample each 0.0199 s: give 0.0"),
        ("virtual-vehicle", FollowFrequency([(0, 50.0), (5, 49.9)], period=nan), "a sample each nan s: give 0.02 to"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_switched_on(on: On, station: str, step: Any, why: str) -> None:
    bench = on(station)
    with pytest.raises(InputError, match=why):
        bench.run(step)


def test_a_wall_box_is_asked_as_source_and_sink_are(on: On) -> None:
    """No step knows who carries it out."""
    run = on("virtual-wallbox", soc=0.5).run(FollowPower([(0, 0), (10, 5000), (60, -5000), (110, 0), (130, 0)]))
    grid, time = column(run, "Grid Power / W"), column(run, "Test Time / s")
    assert np.interp(55, time - time[0], grid) == pytest.approx(5000, rel=0.03)
    assert np.interp(105, time - time[0], grid) == pytest.approx(-5000, rel=0.03)
    assert column(run, "Current / A")[int(np.searchsorted(time, time[0] + 55))] > 5
    (told,) = [event["set_points"] for event in run.events if event["type"] == "step started"]
    assert told["charger proportional"] == pytest.approx(1 - 0.94)  # one way, as the box is rated


@pytest.mark.parametrize(("allowed", "flows"), [(nan, False), (10.0, True)])
def test_until_a_bms_says_how_much_may_be_drawn_nothing_is(
    new_bench: Callable[..., TestBench], plant: Plant, allowed: float, flows: bool
) -> None:
    plant.discharge_limit = allowed
    bench = new_bench(station=STATION + "charger: {charge: 20, discharge: 20, standby: 0, ramp: 100}\n")
    bench.open()
    try:
        run = bench.run(FollowPower([(0, 0), (1, -8), (3, 0), (4, 0)]))
    finally:
        bench.conclude()
    assert np.nanmin(column(run, "Set Grid Power / W")) == -8
    assert bool(np.nanmin(column(run, "Current / A")) < 0) is flows


# --- a frequency ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (droop(0.2, 0.01), {-0.2: -1.0, -0.3: -1.0, -0.005: 0.0, 0.105: 0.5, 0.2: 1.0}),
        # Dynamic Containment: nothing within 15 mHz, 5 % at 0.2 Hz, all at 0.5 Hz.
        (containment(), {0.015: 0.0, 0.2: 0.05, -0.2: -0.05, 0.35: 0.525, 0.5: 1.0, -0.6: -1.0}),
        # (EU) 2016/631: a droop of 5 % takes all of it over 2.5 Hz beyond the threshold.
        (limited(0.2, 0.05), {0.2: 0.0, 1.45: 0.5, 2.7: 1.0, -1.45: -0.5}),
    ],
)
def test_a_response_is_what_the_rules_say(response: Response, expected: dict[float, float]) -> None:
    assert {each: response.share(each) for each in expected} == pytest.approx(expected)


@pytest.mark.parametrize(
    "points",
    [
        (), ((0.0, 0.0),), ((0.0, 0.0), (-1.0, 1.0)), ((0.0, 0.0), (1.0, 1.5)), ((0.0, 0.0), (1.0, nan)),
        ((nan, 0.0), (1.0, 1.0)), ((0.0, 0.0), (nan, 1.0)), ((-inf, -1.0), (inf, 1.0)),
    ],
)  # fmt: skip
def test_a_response_that_is_none_is_refused(points: Sequence[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="response of"):
        Response(tuple(points))


def test_a_falling_frequency_is_answered_by_giving(on: On) -> None:
    run = on("virtual-vehicle").run(FollowFrequency([(0, 50.0), (10, 49.9), (40, 50.3), (70, 50.0), (80, 50.0)]))
    hertz, asked = column(run, "Grid Frequency / Hz"), column(run, "Set Grid Power / W")
    assert asked[np.flatnonzero(hertz == 49.9)[-1]] == pytest.approx(-11000 * 0.09 / 0.19)
    assert asked[np.flatnonzero(hertz == 50.3)[-1]] == 11000
    assert column(run, "Power / W")[np.flatnonzero(hertz == 49.9)[-1]] < -5000


@pytest.mark.parametrize("period", [0.02, 10.0])
def test_a_sample_may_come_fifty_times_a_second_and_each_ten_seconds(on: On, period: float) -> None:
    run = on("virtual-vehicle").run(FollowFrequency([(0, 50.0), (20 * period, 49.9)], period=period))
    time = column(run, "Test Time / s")[~np.isnan(column(run, "Grid Frequency / Hz"))]
    assert np.diff(time) == pytest.approx(period)


def test_a_fast_response_is_recorded_twenty_times_a_second(on: On) -> None:
    run = on("virtual-vehicle").run(FollowFrequency([(0, 50.0), (1, 49.5), (3, 49.5)], containment(), period=0.05))
    time = column(run, "Test Time / s")[~np.isnan(column(run, "Grid Frequency / Hz"))]
    assert np.diff(time) == pytest.approx(0.05)


def test_a_record_of_a_frequency_is_answered_as_a_trace_that_is_written_down(on: On, tmp_path: Path) -> None:
    """A file of a user's, and what was made of the statistics: each step says whose it is."""
    file = tmp_path / "mains.csv"
    hertz = [50.0] * 5 + [49.9] * 5 + [50.0]
    file.write_text("time,frequency\n" + "".join(f"{time},{each}\n" for time, each in enumerate(hertz, 100)))
    run = on("virtual-vehicle").run(FollowFrequency(file, period=0.5), FollowFrequency(synthetic_frequency(10, seed=3)))
    asked, count = column(run, "Set Grid Power / W"), column(run, "Step Count / 1")
    assert np.nanmin(asked[count == 1]) == pytest.approx(-11000 * 0.09 / 0.19)
    first, second = (event for event in run.events if event["type"] == "step started")
    assert first["words"]["frequency"] == str(file)
    assert "seed 3" in second["words"]["frequency"]
    assert second["set_points"]["reserve"] == 11000


def test_a_frequency_is_what_it_holds(tmp_path: Path) -> None:
    """A run goes on only with the same trace, though the file is called the same."""
    file = tmp_path / "mains.csv"
    seen = set[str]()
    for last in (50.0, 50.02):
        file.write_text(f"time,frequency\n0,50.0\n1,49.98\n2,{last}\n")
        os.utime(file, ns=(0, round(1e9 * last)))
        seen.add(FollowFrequency(file).identity)
    made = [FollowFrequency(synthetic_frequency(60, seed=seed)).identity for seed in (1, 2, 1)]
    assert (len(seen), len(set(made))) == (2, 2)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, r"frequency .*mains\.csv cannot be read: No such file"),
        ("time,frequency\n0,50\n1,50\n5,50\n", r"mains\.csv, line 4: 4 s after the row above where 1 s is the step"),
        (
            "time,frequency\n0,50000\n1,50000\n",
            r"line 2: frequency is 50000; it looks like mHz; give Hz from 45 up to 55",
        ),
        ("time,frequenzy\n0,50\n1,50\n", r"line 2: has no frequency.*each row needs time, frequency"),
        ("time,frequency\n0,50\n1,\n", r"line 3: frequency is ''; give a finite number"),
        ("time,frequency\n0,50\n", r"has 1 rows; give two or more with time, frequency"),
    ],
)
def test_a_record_that_is_none_is_refused_before_anything_is_switched_on(
    on: On, tmp_path: Path, text: str | None, why: str
) -> None:
    file = tmp_path / "mains.csv"
    if text is not None:
        file.write_text(text)
    bench = on("virtual-vehicle")
    with pytest.raises(InputError, match=why) as raised:
        bench.run(FollowFrequency(str(file)))
    assert "\n" not in str(raised.value)


# --- a load -----------------------------------------------------------------------------------------------------------


def test_an_overload_is_carried_for_a_while_and_a_short_circuit_is_not(on: On) -> None:
    load = [(0, 0), (5, 3700), (10, 13000), (30, 2000), (40, 50000), (40.4, 2000), (60, 0), (62, 0)]
    run = on("virtual-vehicle").run(Supply([(float(time), float(power)) for time, power in load]))
    asked, power = column(run, "Set Grid Power / W"), column(run, "Power / W")
    state, time = column(run, "Supply State / 1"), column(run, "Test Time / s")
    over = time[asked == -13000]
    off = time[(asked == -13000) & (state == -1)]
    assert off[0] - over[0] == pytest.approx(5.0, abs=0.5)
    assert (state[asked == -50000] == -1).all()
    assert (power[asked == -50000][1:] == 0.0).all()
    assert state[-1] == 1
    assert power[(asked == -2000) & (state == 1)][-1] == pytest.approx(-2000 - 300 - 60, rel=0.02)


def test_limits_that_are_just_allowed_are(on: On) -> None:
    """A car that keeps nothing, a connection that gives nothing, a sample each ten seconds."""
    run = on("virtual-module", soc=0.3).run(
        Supply([(0.0, 100.0), (5.0, 0.0)], minimum=0.0),
        FollowFrequency([(0, 50.0), (20, 49.9), (40, 50.0)], period=10.0),
    )
    assert np.nanmin(column(run, "Power / W")) < -95
    with manager(lambda _asked: {"power": -2000}) as (address, _):
        run = on("virtual-module", soc=0.5).run(Manage(address, hours(0.25), exports=0.0))
    scale = next(event for event in run.events if event["type"] == "step started")["set_points"]["scale"]
    # The house takes 400 W of its own; beyond that nothing goes out.
    assert np.nanmin(column(run, "Set Grid Power / W")) == pytest.approx(-400 * scale)


def test_a_load_ends_at_the_minimum_that_the_car_keeps(on: On) -> None:
    run = on("virtual-module", soc=0.3).run(Supply([(0.0, 100.0), (3600.0, 100.0)], minimum=0.25, period=1.0))
    state, charge = column(run, "Supply State / 1"), column(run, "SOC / 1")
    assert state[-1] == -2
    assert np.nanmin(charge) == pytest.approx(0.25, abs=0.002)
    assert column(run, "Power / W")[-1] == 0.0


# --- a manager --------------------------------------------------------------------------------------------------------

START = datetime(2026, 1, 12, tzinfo=UTC)


def hours(count: float, **given: Any) -> Days:
    """So many hours of a winter in which nothing changes."""
    flat = np.ones(round(4 * count))
    return Days(
        START, "paris-january", outside=5 * flat, house=400 * flat, sun=0 * flat, buy=0.25 * flat, sell=0.1 * flat,
        **given,
    )  # fmt: skip


def decisions(run: RunRecord) -> list[Any]:
    return [event for event in run.events if event["type"] == "manager"]


def test_a_manager_is_asked_each_quarter_and_obeyed_at_the_scale_of_the_bench(on: On) -> None:
    with manager(lambda asked: {"power": 3000 if "00:30" in asked["time"] else 0, "say": "x"}) as (address, asked):
        bench = on("virtual-module", soc=0.5)
        run = bench.run(Manage(address, hours(1)))
    assert [each["time"][11:16] for each in asked] == ["00:00", "00:15", "00:30", "00:45"]
    assert asked[0]["reason"] == "start"
    assert asked[0]["car"]["soc"] == pytest.approx(0.5, abs=0.03)
    assert asked[0]["car"]["energy"] == pytest.approx(52000, rel=0.01)
    scale = next(event for event in run.events if event["type"] == "step started")["set_points"]["scale"]
    assert np.nanmax(column(run, "Set Grid Power / W")) == pytest.approx(3000 * scale)
    assert [each["power"] for each in decisions(run)] == [0, 0, 3000, 0]


@pytest.mark.parametrize("said", [b"NaN", None, b'{"power": "lots"}'])
def test_who_answers_nonsense_gets_nothing_and_is_blamed(on: On, said: bytes | None) -> None:
    answers = iter([{"power": 2000}, said])
    with manager(lambda _asked: next(answers)) as (address, _):
        run = on("virtual-module", soc=0.5).run(Manage(address, hours(0.5)))
    first, second = decisions(run)
    assert first["problem"] == ""
    assert second["problem"]
    assert column(run, "Set Grid Power / W")[-1] == 0.0
    assert np.nanmax(column(run, "Set Grid Power / W")) > 0


def test_what_the_connection_does_not_carry_is_cut(on: On) -> None:
    """In kW instead of W would be nothing, the other way round is everything that there is."""
    with manager(lambda _asked: {"power": 1e9}) as (address, _):
        run = on("virtual-module", soc=0.5).run(Manage(address, hours(0.25), imports=3000))
    scale = next(event for event in run.events if event["type"] == "step started")["set_points"]["scale"]
    assert np.nanmax(column(run, "Set Grid Power / W")) == pytest.approx((3000 - 400) * scale)


def test_without_a_link_the_car_rests_and_is_not_asked(on: On) -> None:
    days = hours(0.75, outages=(Outage("link", 300.0, 1500.0),))
    with manager(lambda _asked: {"power": -2000}) as (address, asked):
        run = on("virtual-module", soc=0.6).run(Manage(address, days))
    began = column(run, "Test Time / s")[np.flatnonzero(~np.isnan(column(run, "Plugged In / 1")))[0]]
    time, power = column(run, "Test Time / s") - began, column(run, "Power / W")
    assert power[(time > 100) & (time < 295)].max() < 0
    assert power[(time > 305) & (time < 1495)].min() == 0.0
    assert power[(time > 1510) & (time < 1700)].max() < 0
    assert [each["reason"] for each in asked] == ["start", "link", "tick"]


def test_a_car_on_its_way_is_driven_and_its_departure_is_judged(on: On) -> None:
    days = hours(2, trips=(Trip(1800.0, 5400.0, 400.0),))
    with manager(lambda _asked: {"power": 0}) as (address, asked):
        run = on("virtual-module", soc=0.5).run(Manage(address, days))
    (departure,) = [event for event in run.events if event["type"] == "departure"]
    assert departure["short"] > 100
    assert departure["given"] == 0.0
    assert departure["leaves"] == days.at(1800.0).timestamp()
    assert column(run, "Power / W")[column(run, "Plugged In / 1") == 0].min() < 0
    assert [each["car"]["plugged"] for each in asked if "00:45" in each["time"]] == [False]
    assert "arrival" in [each["reason"] for each in asked]


def test_what_was_asked_before_a_trip_does_not_act_behind_it(on: On) -> None:
    """It gave when it left; when it is back it rests until somebody asks."""
    days = hours(1, trips=(Trip(600.0, 1800.0, 5.0),))
    with manager(lambda asked: {"power": -3000 if asked["reason"] == "start" else 0}) as (address, _):
        run = on("virtual-module", soc=0.6).run(Manage(address, days))
    time, power, plugged = (column(run, name) for name in ("Test Time / s", "Power / W", "Plugged In / 1"))
    assert power[plugged == 1][60] < 0
    (departure,) = [event for event in run.events if event["type"] == "departure"]
    # 3 kW for ten minutes are 0.5 kWh and what the charger loses, of a car that needs 0.1 to 0.25 kWh for a km.
    assert 2.0 < departure["given"] < 6.0
    assert (column(run, "Set Grid Power / W")[plugged == 0] == 0.0).all()
    back = time[np.flatnonzero(plugged == 0)[-1]]
    assert power[time > back].min() == 0.0


def test_days_that_differ_in_anything_are_others(on: On) -> None:
    """A run goes on only with the same."""
    days = hours(1)
    others = [replace(days, soc=0.4), replace(days, house=days.house + 1), replace(days, trips=(Trip(1.0, 2.0, 3.0),))]
    assert len({Manage("reference", each).identity for each in (days, hours(1), *others)}) == 4


def test_a_charge_that_the_car_does_not_tell_is_null_and_one_that_jumps_is_told(on: On) -> None:
    days = hours(0.75, outages=(Outage("soc", 800.0, 1000.0), Outage("jump", 1700.0, 2700.0, by=-0.2)))
    with manager(lambda _asked: {"power": 0}) as (address, asked):
        on("virtual-module", soc=0.5).run(Manage(address, days))
    told = {each["time"][11:16]: each["car"]["soc"] for each in asked}
    assert told["00:15"] is None
    assert told["00:30"] == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize(
    ("station", "given", "why"),
    [
        ("virtual-module", {"manager": "nobody"}, "never said"),
        ("virtual-module", {"scale": -1.0}, "leaves nothing"),
        ("virtual-module", {"imports": 0.0}, "more than 0 W"),
        ("virtual-module", {"exports": -1.0}, "0 W or more out"),
        (
            "virtual-module",
            {"days": hours(1, trips=(Trip(100.0, 50.0, 10.0),))},
            "at 100 s is back at 50 s, which is not",
        ),
        (
            "virtual-module",
            {"days": hours(1, trips=(Trip(-9.0, 50.0, 10.0),))},
            "at -9 s does so before its days begin",
        ),
        (
            "virtual-module",
            {"days": hours(1, trips=(Trip(100.0, 900.0, 10.0), Trip(800.0, 950.0, 10.0)))},
            "at 800 s does so before the one before it is back, at 900 s",
        ),
        (
            "virtual-module",
            {"days": hours(1, trips=(Trip(100.0, 100.0, 10.0),))},
            "at 100 s is back at 100 s, which is",
        ),
        ("virtual-wallbox", {"days": hours(1, trips=(Trip(100.0, 500.0, 10.0),))}, "needs a sink"),
    ],
)
def test_days_that_cannot_be_managed_are_refused(on: On, station: str, given: dict[str, Any], why: str) -> None:
    bench = on(station)
    with pytest.raises(InputError, match=why):
        bench.run(Manage(**{"manager": "http://127.0.0.1:9", "days": hours(0.25), **given}))


def test_a_car_may_leave_as_its_days_begin_and_again_as_soon_as_it_is_back(on: On) -> None:
    trips = (Trip(0.0, 300.0, 2.0), Trip(300.0, 600.0, 2.0))
    with manager(lambda _asked: {"power": 0}) as (address, _):
        run = on("virtual-module", soc=0.5).run(Manage(address, hours(0.25, trips=trips)))
    assert [event["at"] for event in run.events if event["type"] == "departure"] == [0.0, pytest.approx(300.0, abs=1)]
    (started,) = [event for event in run.events if event["type"] == "step started"]
    assert started["words"] == {"manager": address, "season": "paris-january", "car": hours(1).car}
