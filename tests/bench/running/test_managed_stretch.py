"""A stretch of a managed step scan by scan: what it looks at, asks, obeys, shows and records, worked out by hand.

The car is one whose reach is so many km for each state of charge, the bench is twice as large as it, and the manager
answers in the same scan.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from math import inf, nan, nextafter
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from bench import columns
from bench.columns import DERIVED
from bench.grid.steps import Manage
from bench.managing.answer import NoAnswer
from bench.managing.links import Mains, Seen, Standing
from bench.managing.request import Telling
from bench.pack import load_pack
from bench.running.procedures.manage import ManageProcedure
from bench.running.procedures.managed import line
from bench.running.procedures.managed.car import Car, Departure
from bench.running.procedures.managed.course import Course
from bench.running.procedures.managed.line import Line
from bench.running.procedures.managed.stretch import ENDURED, SETTLED, Stretch
from bench.running.procedures.pointwise import ROUNDING
from models.grid.charger import Charger
from models.grid.week import QUARTER, Days, Outage, Trip
from tests.bench.managing.clients import until
from tests.bench.running.test_managed_homes import START, Standby, hours

NAMES = (*DERIVED, *columns.GRID)
INDEX = {name: position for position, name in enumerate(NAMES)}
PACK = load_pack("lfp-vehicle")[0]
CHARGER = Charger(14000, 14000, standby=0, proportional=0, quadratic=0, idle=0, dead_time=0, ramp=1e9)
SCALE, KM, PER_KM, DRIVES = 2.0, 400.0, 200.0, 9000.0
"""Of the bench beside the car; km of a full car, Wh for each, and W while it drives."""
VOLTS, HALF, RESERVE = 350.0, 0.5, 40.0
ABOVE, BELOW = (RESERVE + 5) / KM, (RESERVE - 5) / KM
"""States of charge."""
STILL = 0.02 * PACK.rated_capacity
TRIP = Trip(13.0, 27.0, 30.0)


class Known(Car):
    """A car of which everything is known without a drive."""

    knows = True

    @property
    def ready(self) -> bool:
        return self.knows

    def reach(self, row: Any, time: float) -> float:
        return KM * float(row[INDEX[columns.SOC]])

    def kept(self, cells: float, time: float) -> float | None:
        return 1000.0 + cells

    def wanted(self, cells: float, time: float) -> float | None:
        return 2000.0 + time

    def departs(self, row: Any, time: float, trip: Trip) -> Departure:
        return Departure(trip.distance + self.days.reserve - self.reach(row, time) + 0.00049, PER_KM)

    def lacks_at_best(self, soc: float, cells: float, time: float, trip: Trip) -> float:
        return trip.distance - KM * soc + cells / 1e4

    def driving(self, time: float) -> float:
        return DRIVES if self.days.trip_at(time) is not None else 0.0


class Asked(Standby):
    """A manager that keeps what it was asked and answers the next of `answers`, the last for ever."""

    def __init__(self, *answers: Any) -> None:
        self.asked, self._answers = list[dict[str, Any]](), list(answers or [0.0])

    def decide(self, request: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, dict) else {"power": answer}

    @property
    def reasons(self) -> list[str]:
        return [each["reason"] for each in self.asked]


class Follows(Asked):
    """One that is shown all, too, and wants what `stands` says of it."""

    live = True

    def __init__(self, stands: Callable[[Seen], Standing] = lambda _: Standing(0.0), *answers: Any) -> None:
        super().__init__(*answers)
        self.seen, self._stands = list[Seen](), stands

    def follow(self, seen: Seen) -> Standing:
        self.seen.append(seen)
        return self._stands(seen)


class Player:
    """Whoever plays a role: keeps what it is told, in its order."""

    temperature_range = -30.0, 60.0

    def __init__(self, told: list[Any]) -> None:
        self._told = told

    def set_grid_power(self, power: float) -> None:
        self._told.append(power)

    def charger_off(self) -> None:
        self._told.append("off")

    def set_temperature(self, *asked: float | None) -> None:
        self._told.append(("air", *asked))


class Roles(dict[str, Any]):
    """Players by role, as a bench has them."""

    def __getattr__(self, role: str) -> Any:
        return self[role]


class Scans:
    """A stretch, and whatever it does to a bench."""

    def __init__(
        self, link: Any, days: Days | None = None, *, roles: Iterable[str] = (), begins: float = 0.0,
        more: Iterable[str] = (), charger: Charger = CHARGER, course: Course | None = None,
        beside: bool = False, **given: Any,
    ) -> None:  # fmt: skip
        self.told, self.events, self.noted = list[Any](), list[tuple[str, dict[str, Any]]](), dict[str, list[Any]]()
        self.index = {name: position for position, name in enumerate((*INDEX, *more))}
        self.time, self.commands = 0.0, list[float]()
        step = Manage("nobody", days or hours(4), **{"scale": SCALE, "garage": False, **given})
        self.car = Known(step, PACK, charger)
        flow = SimpleNamespace(
            charge=lambda amperes, _: self.told.append(amperes),
            discharge=lambda amperes, _: self.told.append(-amperes),
            off=lambda: self.told.append("off"),
        )
        sampler = SimpleNamespace(
            note=lambda column, value: self.noted.setdefault(column, []).append((self.time, value)),
            command=self.commands.append, ask_temperature=lambda _: None,
        )  # fmt: skip
        self.stage: Any = SimpleNamespace(
            place=SimpleNamespace(
                index=self.index, pack=PACK, roles=Roles.fromkeys(roles, Player(self.told))
            ),
            flow=flow, sampler=sampler, begins=begins, had=tuple,
            log=SimpleNamespace(event=lambda kind, **what: self.events.append((kind, what))),
        )  # fmt: skip
        self.course = course or Course.of(self.car, self.stage)
        self.one = Stretch(self.car, Line("nobody", beside=beside), self.stage, self.course, beside=beside)
        self.link = link

    def row(self, soc: float = HALF, current: float = 0.0, **other: float) -> list[float]:
        found = [nan] * len(self.index)
        known: Mapping[str, float] = {
            columns.VOLTAGE: VOLTS, columns.CURRENT: current, columns.POWER: VOLTS * current, columns.SOC: soc,
            columns.CHARGE_LIMIT: 200.0, columns.DISCHARGE_LIMIT: 100.0, columns.CELL_VOLTAGE_MIN: 3.3,
            columns.CELL_VOLTAGE_MAX: 3.3, columns.CELL_TEMPERATURE_MIN: 20.0, columns.CELL_TEMPERATURE_MAX: 22.0,
            **{getattr(columns, name): value for name, value in other.items()},
        }  # fmt: skip
        for name, value in known.items():
            found[self.index[name]] = value
        return found

    def __call__(self, *times: float, **row: float) -> "Scans":
        """Scan at so many s of the step."""
        for self.time in times:
            self.one.control(self.row(**row), self.time)
        return self

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [what for name, what in self.events if name == kind]

    def at(self, column: str) -> list[float]:
        """When that was noted, s."""
        return [time for time, _ in self.noted.get(column, [])]

    def value(self, column: str) -> float:
        return float(self.noted[column][-1][1])


Scan = Callable[..., Scans]


def managing(scans: Scans, monkeypatch: pytest.MonkeyPatch, *times: float) -> ManageProcedure:
    """The procedure of such a step on a bench that scans each second, and each ten in a rest; scanned at some s."""
    monkeypatch.setattr(ManageProcedure, "on_the_wall", False)
    monkeypatch.setattr(Car, "reach", Known.reach)
    station = SimpleNamespace(scan_period=1.0, rest_scan_period=10.0, charger=SimpleNamespace(made=lambda: CHARGER))
    place = scans.stage.place
    procedure = ManageProcedure(scans.car.step, cast("Any", SimpleNamespace(**vars(place), station=station)))
    control = procedure.begin(scans.stage)
    for time in times or (0.0,):
        control(scans.row(), time)
    return procedure


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> Scan:
    def made(link: Any = None, *given: Any, **named: Any) -> Scans:
        link = Asked() if link is None else link
        monkeypatch.setattr(line, "open_link", lambda _which, *, beside: link)
        return Scans(link, *given, **named)

    return made


# --- a look -----------------------------------------------------------------------------------------------------------


def test_it_looks_how_far_the_car_gets_each_ten_seconds_and_when_it_leaves_and_is_back(scans: Scan) -> None:
    found = scans(days=hours(1, trips=(TRIP,)))(*range(48))
    assert found.at(columns.RANGE) == [0.0, 10.0, 13.0, 23.0, 27.0, 37.0, 47.0]


def test_a_stretch_that_goes_on_looks_at_once_and_then_each_ten_seconds(scans: Scan) -> None:
    course = Course(time=33.0, counted=33.0)
    assert scans(course=course)(33.0, *range(34, 56)).at(columns.RANGE) == [33.0, 43.0, 53.0]


def test_what_a_look_sees_is_noted(scans: Scan) -> None:
    flat = np.arange(1.0, 5.0)
    days = Days(START, "x", 5 * flat, 400 * flat, 100 * flat, 0.25 * flat, 0.1 * flat, (Trip(905.0, 920.0, 9.0),))
    found = scans(days=replace(days, reserve=RESERVE))(900.0, soc=0.6)
    names = (columns.RANGE, columns.RANGE_NEEDED, columns.HOUSE, columns.SUN, columns.BUY, columns.SELL)
    assert [found.value(name) for name in names] == [240.0, RESERVE, 800.0, 200.0, 0.5, 0.2]
    assert found.value(columns.PLUGGED) == 1.0
    found(905.0, soc=0.55)
    assert (found.value(columns.RANGE), found.value(columns.PLUGGED)) == (pytest.approx(220.0), 0.0)


def test_what_is_not_known_yet_is_not_noted_and_known_as_soon_as_it_is(scans: Scan) -> None:
    found = scans(Follows())
    found.car.knows = False
    found(*range(13))
    assert found.at(columns.RANGE) == []
    assert {(each.kept, each.wanted) for each in found.link.seen} == {(None, None)}
    found.car.knows = True
    found(13.0, 14.0)
    assert found.at(columns.RANGE) == [13.0]


def test_an_air_that_changes_is_asked_of_the_chamber_once_at_a_look(scans: Scan) -> None:
    outside = np.array([5.0, 5.0, 8.1, 8.2])
    days = replace(hours(1), outside=outside)
    found = scans(days=days, roles=("chamber",))(*range(0, 3600, 20))
    assert [each for each in found.told if isinstance(each, tuple)] == [("air", 5.0, None), ("air", 8.0, None)]
    assert [each["value"] for each in found.of("set point")] == [5.0, 8.0]
    assert scans(days=days)(*range(0, 3600, 20)).of("set point") == []


@pytest.mark.parametrize(
    ("power", "soc", "asked"),
    [
        (-2000.0, BELOW, ["start", "reserve"]), (-2000.0, ABOVE, ["start"]), (0.0, BELOW, ["start"]),
        (2000.0, BELOW, ["start"]), (-2000.0, RESERVE / KM, ["start"]),
    ],
)  # fmt: skip
def test_who_gives_is_asked_when_the_car_comes_down_to_its_reserve_and_who_rests_or_takes_is_not(
    scans: Scan, power: float, soc: float, asked: list[str]
) -> None:
    found = scans(Asked(power), hours(1, reserve=RESERVE))(0.0)
    found(*range(1, 60), soc=soc)
    assert found.link.reasons == asked


def test_what_the_car_gave_and_was_not_given_until_it_left_is_told_in_km(scans: Scan) -> None:
    """3600 W of the car's are 1 Wh in a second; its departure is told to a metre."""
    days = hours(1, trips=(replace(TRIP, leaves=20.0, returns=40.0),), reserve=RESERVE)
    found = scans(Asked(-1000.0), days)(*range(21), current=-SCALE * 3600 / VOLTS)
    assert found.of("departure") == [
        {
            "at": 20.0, "leaves": days.at(20.0).timestamp(), "short": -130.0, "distance": 30.0, "road": "country",
            "withheld": 0.0, "given": pytest.approx(10 / PER_KM),
        }
    ]  # fmt: skip
    found(*range(21, 60))
    assert len(found.of("departure")) == 1


def test_what_the_pack_did_not_take_of_full_power_until_the_car_left_is_told_in_km(scans: Scan) -> None:
    """1 A of a pack that promises more than the charger has: 14000 W but for 350 W, at the bench's scale."""
    days = hours(1, trips=(replace(TRIP, leaves=20.0, returns=40.0),))
    found = scans(Asked(7000.0), days, imports=20000.0)(*range(21), CHARGE_LIMIT=1.0)
    (departure,) = found.of("departure")
    assert departure["withheld"] == pytest.approx((14000.0 - 350.0) / SCALE * 10 / 3600 / PER_KM, abs=6e-4)


# --- what is asked for ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "flows"),
    [
        (3000.0, 3000.0), (-1500.0, -1500.0), (1e9, 4700.0), (-1e9, -2300.0), (4700.0, 4700.0), (-2300.0, -2300.0),
    ],
)  # fmt: skip
def test_what_a_manager_says_flows_within_what_the_connection_has_left_at_the_scale_of_the_bench(
    scans: Scan, said: float, flows: float
) -> None:
    """A house of 400 W and a sun of 100 W, of a connection that carries 5 kW in and 2 kW out."""
    found = scans(Asked(said), imports=5000.0, exports=2000.0)(0.0)
    assert found.value(columns.SET_GRID_POWER) == pytest.approx(SCALE * flows)
    found(1.0)
    assert found.commands[-1] == pytest.approx(SCALE * flows)


def test_the_car_drives_with_the_charger_at_rest_and_goes_on_resting_behind_it(scans: Scan) -> None:
    found = scans(Asked(3000.0, 0.0), hours(1, trips=(TRIP,)))(0.0, 1.0)
    assert found.told[-1] == pytest.approx(SCALE * 3000 / VOLTS)
    found(13.0)
    assert found.told[-1] == pytest.approx(-SCALE * DRIVES / VOLTS)
    assert (found.commands[-1], found.value(columns.SET_GRID_POWER)) == (-SCALE * DRIVES, 0.0)
    found(27.0, 28.0)
    assert (found.commands[-1], found.told[-1], found.link.reasons) == (0.0, "off", ["start", "arrival"])


def test_what_is_said_of_a_car_that_is_away_is_recorded_and_moves_nothing(scans: Scan) -> None:
    days = hours(1, trips=(Trip(890.0, 910.0, 30.0),))
    found = scans(Asked(3000.0), days)(0.0, 890.0, 900.0)
    assert [(each["reason"], each["power"]) for each in found.of("manager")] == [("start", 3000.0), ("tick", 0.0)]


@pytest.mark.parametrize(("time", "asked"), [(QUARTER - ROUNDING, True), (nextafter(QUARTER - ROUNDING, 0.0), False)])
def test_a_moment_is_due_when_the_scan_is_that_is_meant_for_it(scans: Scan, time: float, asked: bool) -> None:
    found = scans()(0.0, time)
    assert found.link.reasons == ["start", *(["tick"] if asked else [])]


def test_of_several_moments_between_two_scans_one_is_told_and_none_is_left_over(scans: Scan) -> None:
    days = hours(1, outages=(Outage("link", 100.0, 900.0),))
    found = scans(days=days)(0.0, 90.0, 900.0, 901.0, 1799.0)
    assert found.link.reasons == ["start", "link"]
    assert found.one.next_moment == 1800.0


def test_where_nobody_is_heard_the_car_rests_and_is_not_asked_about(scans: Scan) -> None:
    days = hours(1, outages=(Outage("link", 100.0, 200.0),))
    found = scans(Asked(3000.0), days)(0.0, 99.0)
    assert found.value(columns.SET_GRID_POWER) == SCALE * 3000.0
    found(100.0, 150.0)
    assert (found.value(columns.SET_GRID_POWER), found.told[-1]) == (0.0, "off")
    assert found.of("manager")[-1]["problem"] == "no link"
    found(200.0)
    assert (found.value(columns.SET_GRID_POWER), found.link.reasons) == (SCALE * 3000.0, ["start", "link"])


def test_who_has_nothing_valid_to_say_for_long_has_the_outputs_switched_off(scans: Scan) -> None:
    """From the first scan at which he had not; what he says afterwards is another beginning."""
    wrong = NoAnswer("it is asleep.")
    found = scans(Asked(3000.0, wrong, wrong, 2000.0), roles=("charger",))(0.0)
    assert found.told == [6000.0]
    found(900.0)
    assert (found.told, found.one.next_moment) == ([6000.0, 0.0], 900.0 + ENDURED)
    found(nextafter(900.0 + ENDURED - ROUNDING, 0.0))
    assert found.told == [6000.0, 0.0]
    found(900.0 + ENDURED - ROUNDING)
    assert (found.told, found.one.next_moment) == ([6000.0, 0.0, "off"], 1800.0)
    found(1800.0)
    assert (found.told, found.one.next_moment) == ([6000.0, 0.0, "off"], 2700.0)
    found(2700.0)
    assert (found.told, found.one.next_moment) == ([6000.0, 0.0, "off", 4000.0], 3600.0)
    assert [each["problem"] for each in found.of("manager")] == ["", "it is asleep.", "it is asleep.", ""]


def test_what_happens_next_is_known_and_behind_the_last_nothing(scans: Scan) -> None:
    found = scans(days=hours(0.5, trips=(Trip(100.0, 200.0, 5.0, told=50.0, known=30.0),)))
    nexts = [found(time).one.next_moment for time in (0.0, 30.0, 150.0, 200.0, 900.0)]
    assert nexts == [30.0, 200.0, 200.0, 900.0, inf]


# --- a rest -----------------------------------------------------------------------------------------------------------


def test_a_car_rests_five_seconds_after_the_last_power_that_was_asked_for(scans: Scan) -> None:
    found = scans(Asked({"power": 1000}, 0.0))(0.0, 899.0)
    found(900.0)
    assert (found.one.rests(899.0 + SETTLED), found.one.rests(nextafter(899.0 + SETTLED, 0.0))) == (True, False)


@pytest.mark.parametrize(
    ("current", "rests"),
    [
        (STILL, True), (-STILL, True), (nextafter(STILL, inf), False), (nextafter(-STILL, -inf), False), (nan, False),
    ],
)  # fmt: skip
def test_a_car_in_which_something_flows_does_not_rest(scans: Scan, current: float, rests: bool) -> None:
    found = scans()(0.0, 10.0, current=current)
    assert found.one.rests(10.0) is rests


def test_a_car_whose_manager_speaks_by_itself_never_rests(scans: Scan) -> None:
    assert not scans(Follows())(0.0, 100.0).one.rests(100.0)
    assert scans(Asked())(0.0, 100.0).one.rests(100.0)


def test_where_time_is_real_it_goes_on_while_a_manager_thinks_and_does_not_rest(scans: Scan) -> None:
    """Nobody is asked a second thing meanwhile; what has happened by then is asked for afterwards."""
    may, link = threading.Event(), Asked()

    def decide(request: dict[str, Any]) -> dict[str, Any]:
        link.asked.append(request)
        assert may.wait(60)
        return {"power": 1000.0}

    link.decide = decide  # type: ignore[method-assign]
    found = scans(link, beside=True)(0.0, 100.0, 900.0)
    assert (found.of("manager"), found.one.rests(900.0)) == ([], False)
    may.set()
    until(lambda: found(901.0).of("manager"))
    assert found.one.rests(901.0) is False
    until(lambda: len(found(902.0).of("manager")) == 2)
    assert link.reasons == ["start", "tick"]
    assert [each["power"] for each in found.of("manager")] == [1000.0, 1000.0]


def test_an_answer_that_comes_when_the_link_is_lost_is_heard_by_nobody(scans: Scan) -> None:
    may, link = threading.Event(), Asked()

    def decide(_: dict[str, Any]) -> dict[str, Any]:
        assert may.wait(60)
        return {"power": 1000.0}

    link.decide = decide  # type: ignore[method-assign]
    found = scans(link, hours(1, outages=(Outage("link", 50.0, 60.0),)), beside=True)(0.0, 49.0, 50.0)
    may.set()
    until(lambda: found(51.0).of("manager"))
    assert {(each["power"], each["problem"]) for each in found.of("manager")} == {(0.0, "no link")}
    assert found.value(columns.SET_GRID_POWER) == 0.0


@pytest.mark.parametrize(
    ("time", "pace"),
    [
        (0.0, 1.0), (4.9, 1.0), (5.0, 10.0), (100.0, 10.0),
        # In time for a quarter of an hour, for a way's beginning and end, and for the end of the days.
        (890.0, 10.0), (893.0, 7.0), (893.5, 6.0), (898.5, 1.0), (899.5, 1.0), (899.9, 1.0),
        (890.0 + ROUNDING / 2, 10.0), (890.0 + 3 * ROUNDING, 9.0),
    ],
)  # fmt: skip
def test_a_car_that_rests_is_looked_at_as_in_a_rest_and_in_time_for_what_happens_next(
    scans: Scan, monkeypatch: pytest.MonkeyPatch, time: float, pace: float
) -> None:
    procedure = managing(scans(days=hours(1)), monkeypatch)
    assert procedure.pace(time) == pace


@pytest.mark.parametrize(("time", "pace"), [(1790.0, 10.0), (1797.0, 3.0), (1799.0, 1.0)])
def test_a_car_that_rests_is_looked_at_in_time_for_the_end_of_its_days(
    scans: Scan, monkeypatch: pytest.MonkeyPatch, time: float, pace: float
) -> None:
    found = scans(days=hours(0.5))
    procedure = managing(found, monkeypatch, 0.0, 900.0)
    assert procedure.pace(time) == pace


def test_a_car_that_is_away_is_looked_at_in_time_for_where_its_drives_end_and_begin(
    scans: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = scans(days=hours(4, trips=(Trip(20.0, 14000.0, 30.0),)))
    _, there, back, _ = Car(found.car.step, PACK, CHARGER).edges_behind(0.0)
    assert there < QUARTER - 20
    procedure = managing(found, monkeypatch, 0.0)
    assert [procedure.pace(time) for time in (13.5, there - 6.5, there + 0.1)] == [6.0, 6.0, 10.0]
    quarters = QUARTER * np.arange(back // QUARTER + 1)
    assert back - quarters[-1] > 20
    assert managing(found, monkeypatch, *quarters).pace(back - 6.5) == 6.0


# --- what is recorded of a decision -----------------------------------------------------------------------------------


def test_a_decision_is_recorded_with_all_that_it_rests_on(scans: Scan) -> None:
    trip = Trip(2000.0, 3000.0, 300.0)
    days = hours(1, trips=(trip,), reserve=RESERVE)
    late, soon = days.at(3000.0), days.at(2000.0)
    warnings = [{"departure": each.isoformat()} for each in (late, soon)]
    found = scans(Asked({"power": 1500, "say": "sunny", "warnings": warnings}), days)(0.0, soc=0.512345)
    assert found.of("manager") == [
        {
            "at": 0.0, "reason": "start", "power": 1500.0, "say": "sunny", "problem": "", "range": 204.94,
            "needed": RESERVE, "warned": [soon.timestamp(), late.timestamp()], "told_soc": 0.512345, "foreseen": 0.0,
            "departure": soon.timestamp(), "lacks": 95.06,
        }
    ]  # fmt: skip
    assert found.noted[columns.MANAGER_POWER] == [(0.0, 1500.0)]


@pytest.mark.parametrize(
    ("days", "known"),
    [
        ({}, True), ({"trips": ()}, False),
        *[({"outages": (Outage(what, 0.0, 10.0),)}, False) for what in ("soc", "jump", "forecast", "link", "restart")],
        ({"trips": (Trip(0.0, 10.0, 5.0), Trip(2000.0, 3000.0, 300.0))}, False),
        ({"outages": (Outage("soc", 5.0, 10.0),)}, True),
    ],
)  # fmt: skip
def test_what_will_lack_is_recorded_where_somebody_could_know_it(
    scans: Scan, days: dict[str, Any], known: bool
) -> None:
    """Not where the car tells nothing or something else, where nobody hears it, and not while it is away."""
    found = scans(days=hours(1, **{"trips": (Trip(2000.0, 3000.0, 300.0),), **days}))(0.0)
    told = found.of("manager")[0]
    assert (told["departure"] is not None, told["lacks"] is not None) == (known, known)


def test_a_departure_is_recorded_as_it_is_known(scans: Scan) -> None:
    days = hours(1, trips=(Trip(2000.0, 3000.0, 300.0, told=2500.0, known=1000.0),))
    found = scans(days=days)(0.0, 1000.0)
    assert [each["departure"] for each in found.of("manager")] == [
        days.at(2500.0).timestamp(),
        days.at(2000.0).timestamp(),
    ]


def test_a_forecast_that_grows_stale_says_of_when_it_is(scans: Scan) -> None:
    days = hours(1, outages=(Outage("forecast", 800.0, 1900.0),))
    found = scans(days=days)(0.0, 800.0, 900.0, 1800.0, 1900.0)
    assert [each["foreseen"] for each in found.of("manager")] == [0.0, 0.0, 0.0, 0.0, 1900.0]


# --- what a manager is told -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({}, {}),
        ({"CHARGE_LIMIT": nan}, {"charge": 0.0}), ({"DISCHARGE_LIMIT": nan}, {"discharge": 0.0}),
        ({"VOLTAGE": nan}, {"charge": 0.0, "discharge": 0.0}),
        ({"SOC": nan}, {"soc": None}), ({"CELL_TEMPERATURE_MIN": nan}, {"cells": None}),
        ({"CELL_TEMPERATURE_MIN": -3.5}, {"cells": -3.5}), ({"SOC": 0.0}, {"soc": 0.0}),
    ],
)  # fmt: skip
def test_a_manager_is_told_of_the_car_what_its_bms_says_at_the_scale_of_the_car(
    scans: Scan, row: dict[str, float], told: dict[str, Any]
) -> None:
    """200 A in and 100 A out at 350 V, of a bench of twice its size; what is not known is not allowed."""
    found = scans()(0.0, **row)
    (asked,) = found.link.asked
    usual = {"plugged": True, "soc": HALF, "cells": 20.0, "energy": pytest.approx(52000, rel=0.01)}
    assert asked["car"] == {**usual, "charge": 100 * VOLTS, "discharge": 50 * VOLTS, **told}


def test_a_manager_is_told_of_the_site_what_is_and_of_the_charger_what_the_home_has(scans: Scan) -> None:
    days = replace(hours(1, reserve=RESERVE), house=np.array([1.0, 2.0, 3.0, 4.0]), sun=np.array([5.0, 6.0, 7.0, 8.0]))
    found = scans(days=days, imports=5000.0, exports=4000.0, reserve_road="motorway-130")(0.0, 900.0)
    first, second = found.link.asked
    assert (first["site"], second["site"]) == (
        {"house": 1.0, "sun": 5.0, "import": 5000.0, "export": 4000.0},
        {"house": 2.0, "sun": 6.0, "import": 5000.0, "export": 4000.0},
    )
    assert first["charger"] == {"charge": 7000.0, "discharge": 7000.0, "least": 0.0, "efficiency": 1.0}
    assert first["reserve"] == {"distance": RESERVE, "road": "motorway-130"}


@pytest.mark.parametrize("share", [0.0, 0.5, 2.0])
def test_a_forecast_may_be_another_share_of_house_and_sun_and_the_rest_of_it_as_it_will_be(
    scans: Scan, share: float
) -> None:
    rising = np.arange(1.0, 9.0)
    names = ("outside", "house", "sun", "buy", "sell")
    days = replace(hours(2), **{name: rising + number for number, name in enumerate(names)})
    asked = scans(days=days, foreseen=share)(0.0, 900.0).link.asked[1]["forecast"]
    told = {
        name: (rising + number)[1:] * (share if name in {"house", "sun"} else 1.0) for number, name in enumerate(names)
    }
    assert asked == {"step": 900, **{name: values.tolist() for name, values in told.items()}}


def test_a_forecast_reaches_a_day_ahead(scans: Scan) -> None:
    for share in (None, 1.0):
        (asked,) = scans(days=hours(30), foreseen=share)(0.0).link.asked
        assert {len(each) for name, each in asked["forecast"].items() if name != "step"} == {96}


# --- who follows ------------------------------------------------------------------------------------------------------


def test_who_follows_is_shown_each_scan_what_car_and_box_show_at_the_scale_of_the_car(scans: Scan) -> None:
    days = hours(1)
    found = scans(Follows(), days)(0.0, 10.0, current=-20.0)
    seen = found.link.seen[-1]
    power = -20.0 * VOLTS / SCALE
    assert seen == Seen(
        10.0, START.timestamp() + 10.0, True,
        Telling(True, HALF, 20.0, found.car.pack.energy, 100 * VOLTS, 50 * VOLTS), found.car.own_charger,
        power, VOLTS, -10.0, 0.0, pytest.approx(-power * 10 / 3600), 1020.0, 2010.0, None,
    )  # fmt: skip
    assert (seen.begun, seen.held) == (True, False)


def test_who_follows_a_car_that_is_away_is_shown_no_power_of_its_box(scans: Scan) -> None:
    found = scans(Follows(), hours(1, trips=(TRIP,)))(0.0, 13.0, 20.0, current=-20.0)
    assert [(each.power, each.car.plugged) for each in found.link.seen if each.time >= 13.0] == [(0.0, False)] * 2
    assert found.link.seen[-1].given == 0.0


def test_who_follows_is_shown_where_nobody_is_heard(scans: Scan) -> None:
    found = scans(Follows(lambda _: Standing(2000.0)), hours(1, outages=(Outage("link", 10.0, 20.0),)))
    found(0.0, 1.0, 9.0, 10.0, 19.0, 20.0)
    assert {each.time: each.linked for each in found.link.seen} == {
        0.0: True, 1.0: True, 9.0: True, 10.0: False, 19.0: False, 20.0: True,
    }  # fmt: skip
    assert [(each["at"], each["reason"], each["power"], each["problem"]) for each in found.of("manager")] == [
        (0.0, "start", 0.0, ""), (1.0, "order", 2000.0, ""), (10.0, "tick", 0.0, "no link"), (20.0, "link", 0.0, ""),
    ]  # fmt: skip


def test_who_follows_is_obeyed_when_he_wants_something_else_or_says_that_something_else_is_wrong(scans: Scan) -> None:
    said = [
        Standing(0.0), Standing(0.0), Standing(500.0, say="now"), Standing(500.0, say="still"), Standing(500.0, "hot"),
        Standing(500.0, "hot"), Standing(500.0), Standing(0.0, "cold"),
    ]  # fmt: skip
    found = scans(Follows(lambda seen: said[int(seen.time)]))(*map(float, range(8)))
    told = [(each["at"], each["reason"], each["power"], each["say"], each["problem"]) for each in found.of("manager")]
    assert told == [
        (0.0, "start", 0.0, "", ""), (2.0, "order", 500.0, "now", ""), (4.0, "order", 500.0, "", "hot"),
        (7.0, "order", 0.0, "", "cold"),
    ]  # fmt: skip


def test_what_a_served_box_makes_of_it_is_what_flows_and_the_manager_s_word_what_is_recorded(scans: Scan) -> None:
    acts = {0.0: 800.0, 1.0: 0.0, 2.0: None}
    found = scans(Follows(lambda seen: Standing(1000.0, acting=acts[seen.time]), 1000.0))
    flows = [found(time).value(columns.SET_GRID_POWER) for time in (0.0, 1.0, 2.0)]
    assert flows == [SCALE * 800.0, 0.0, SCALE * 1000.0]
    assert [each["power"] for each in found.of("manager")] == [1000.0]


def test_a_step_that_is_paused_is_shown_as_one_of_which_the_car_takes_and_gives_nothing(scans: Scan) -> None:
    found = scans(Follows())(0.0, 10.0)
    found.one.held(found.row(current=0.0))
    seen, before = found.link.seen[-1], found.link.seen[-2]
    assert seen == replace(before, held=True, car=replace(before.car, charge=0.0, discharge=0.0))
    asked_only = scans(Asked())(0.0)
    asked_only.one.held(asked_only.row())  # there is nobody to show it to


@pytest.mark.parametrize(("soc", "shown"), [(HALF, True), (0.0, True), (nan, False)])
def test_a_car_is_shown_before_its_step_begins_as_soon_as_it_tells_its_charge(
    scans: Scan, soc: float, shown: bool
) -> None:
    found = scans(Follows(), begins=70.0)
    found.one.show(found.row(soc=soc))
    assert [(each.time, each.begun, each.car.soc) for each in found.link.seen] == [(70.0, False, soc)] * shown


# --- behind a meter ---------------------------------------------------------------------------------------------------

METER = (columns.MAINS_VOLTAGE, columns.MAINS_FREQUENCY, columns.CONNECTION_POWER)


def test_behind_a_meter_house_and_sun_are_what_it_measures_without_the_charger(scans: Scan) -> None:
    """1000 W into the car and 1600 W through the connection, of a bench of twice the size."""
    found = scans(Follows(), more=METER)
    measured = {"MAINS_VOLTAGE": 231.0, "MAINS_FREQUENCY": 49.98, "CONNECTION_POWER": 1600.0}
    found(0.0, current=1000.0 / VOLTS, **measured)
    assert (found.value(columns.HOUSE), found.value(columns.SUN)) == (pytest.approx(300.0), 0.0)
    assert found.link.seen[-1].mains == Mains(231.0, 49.98)
    assert found.link.asked[0]["site"]["house"] == pytest.approx(300.0)
    found(10.0, current=1000.0 / VOLTS, **{**measured, "CONNECTION_POWER": 400.0})
    assert (found.value(columns.HOUSE), found.value(columns.SUN)) == (0.0, pytest.approx(300.0))
