"""What each kind of step declares before anything is switched on, of the little pack: worked out by hand.

Four cells of 3.05 to 3.45 V and 2 Ah, which take 4 A and give 5 A, on a bench of 60 V, 8 A and 400 W.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import inf, nan, nextafter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench.asking import AskOperator
from bench.columns import INDEX
from bench.grid.steps import FollowFrequency, FollowPower, Manage, Supply, containment
from bench.pack import PackFile, load_pack
from bench.players import Players
from bench.road import Drive, Precondition, pack_energy
from bench.running.declared import Place
from bench.running.procedures import Procedure, procedure_for
from bench.scenario import (
    Charge,
    ConstantPower,
    Discharge,
    FastRecharge,
    Profile,
    Pulse,
    Rest,
    Soak,
    Step,
    elapsed,
    soc_above,
)
from bench.station import StationFile, load_station
from bench.strategies import FollowLimit
from instruments.roles import BmsMode, ChargerRatings, Ratings
from models.grid.frequency import synthetic_frequency
from models.grid.week import Trip
from models.vehicle.reach import going
from tests.bench.conftest import WriteFile
from tests.bench.running.test_managed_homes import hours

LOW, HIGH = 4 * 3.05, 4 * 3.45
FLOOR = 0.9 * LOW
SOON = elapsed(seconds=60)
ONE_SECOND, TEN = 1.0, 10.0
"""Scan periods of the station, while a current can flow and in a rest."""
BOX = ChargerRatings(charge=20.0, discharge=15.0, least=2.0, efficiency=0.9, dead_time=4.0, ramp=50.0)
LOSSLESS = "charger: {charge: 20, discharge: 15, standby: 0, proportional: 0, quadratic: 0, idle: 3, ramp: 50}\n"
PLAYERS: Mapping[str, Any] = {
    "source": SimpleNamespace(source_ratings=Ratings(60.0, 8.0, 400.0)),
    "sink": SimpleNamespace(sink_ratings=Ratings(60.0, 8.0, 400.0)),
    "chamber": SimpleNamespace(temperature_range=(-40.0, 90.0), alarm=lambda: ""),
    "coolant": SimpleNamespace(temperature_range=(-10.0, 45.0)),
    "charger": SimpleNamespace(charger_ratings=BOX),
}


@pytest.fixture
def station(station_text: str, write: WriteFile) -> StationFile:
    """With what source and sink stand for at the AC side."""
    return load_station(str(write("station.yaml", station_text + LOSSLESS)))[0]


Found = tuple[Procedure[Any], dict[str, Any]]


def declared(step: Step, pack: PackFile, station: StationFile, *roles: str, charger: bool = True) -> Found:
    """The procedure of a step where some roles are played, and its envelope as lists."""
    station = station if charger else station.model_copy(update={"charger": None})
    players = Players({role: {role: PLAYERS[role]} for role in roles or ("source", "sink", "chamber")})
    place = SimpleNamespace(pack=pack, station=station, roles=players, index=INDEX)
    found = procedure_for(step, cast("Place", place))
    return found, {" ".join(of): [span.low, span.high] for of, span in found.envelope().items()}


def near(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, str) else pytest.approx(value) for name, value in values.items()}


CURVE = [(0.0, 2.0), (10.0, -1.0), (30.0, 0.0)]
FREQUENCY = [(0.0, 50.0), (5.0, 49.9), (8.0, 50.2)]


@pytest.mark.parametrize(
    ("step", "direction", "mean", "envelope", "points", "words"),
    [
        (
            Charge("1C", SOON), "charge", 2.0,
            {"source current": [0.0, 2.0], "source voltage": [0.0, HIGH], "source power": [0.0, 2 * HIGH]},
            {"current": 2.0, "voltage": HIGH}, {},
        ),
        (
            FastRecharge(SOON), "charge", 4.0, {"source current": [0.0, 4.0], "source voltage": [0.0, HIGH]},
            {"current": 4.0, "voltage": HIGH}, {"strategy": "follow-limit"},
        ),
        (
            FastRecharge(SOON, condition=30.0), "charge", 4.0,
            {"source current": [0.0, 4.0], "source voltage": [0.0, HIGH], "chamber temperature": [30.0, 30.0]},
            {"current": 4.0, "voltage": HIGH, "conditioned to": 30.0},
            {"strategy": "follow-limit", "conditioned by": "chamber"},
        ),
        *[
            (
                step, "discharge", 1.0,
                {"sink current": [0.0, 1.0], "sink voltage": [FLOOR, HIGH], "sink power": [0.0, HIGH]},
                {"current": -1.0}, {},
            )
            for step in (Discharge("C/2", SOON), Pulse("C/2"))
        ],
        (
            ConstantPower(26.0, until=SOON), "charge", 2.0,
            {"source current": [0.0, 26 / LOW], "source voltage": [0.0, HIGH], "source power": [0.0, 26.0]},
            {"power": 26.0}, {},
        ),
        (
            ConstantPower(-26.0, until=SOON), "discharge", 2.0,
            {"sink current": [0.0, 26 / LOW], "sink voltage": [FLOOR, HIGH], "sink power": [0.0, 26.0]},
            {"power": -26.0}, {},
        ),
        (
            Profile(CURVE), "both", 4 / 3,
            {
                "source current": [0.0, 2.0], "source voltage": [0.0, HIGH], "source power": [0.0, 2 * HIGH],
                "sink current": [0.0, 1.0], "sink voltage": [FLOOR, HIGH], "sink power": [0.0, HIGH],
            },
            {"largest current": 2.0, "smallest current": -1.0}, None,
        ),
        (
            Profile(CURVE, quantity="power", scale=-6.5), "both", 6.5 * 4 / 3 / 13.0,
            {
                "source current": [0.0, 6.5 / LOW], "source voltage": [0.0, HIGH], "source power": [0.0, 6.5],
                "sink current": [0.0, 13 / LOW], "sink voltage": [FLOOR, HIGH], "sink power": [0.0, 13.0],
            },
            {"largest power": 6.5, "smallest power": -13.0}, None,
        ),
        (
            Profile([(0.0, 2.0), (10.0, 0.0)]), "charge", 2.0,
            {"source current": [0.0, 2.0], "source voltage": [0.0, HIGH], "source power": [0.0, 2 * HIGH]},
            {"largest current": 2.0, "smallest current": 0.0}, None,
        ),
        (
            Profile([(0.0, -2.0), (10.0, 0.0)]), "discharge", 2.0,
            {"sink current": [0.0, 2.0], "sink voltage": [FLOOR, HIGH], "sink power": [0.0, 2 * HIGH]},
            {"largest current": 0.0, "smallest current": -2.0}, None,
        ),
        (Rest(SOON), "none", 0.0, {}, {}, {}),
        (Soak(40.0), "none", 0.0, {"chamber temperature": [40.0, 40.0]}, {"temperature": 40.0}, {}),
        (
            Precondition(40.0), "none", 0.0, {"chamber temperature": [40.0, 40.0]}, {"target": 40.0},
            {"conditioned by": "chamber"},
        ),
        (AskOperator("Is it warm?"), "none", 0.0, {}, {}, {"asked": "Is it warm?"}),
    ],
)  # fmt: skip
def test_what_it_may_ask_for_and_what_is_recorded_of_it(
    four_cells: PackFile, station: StationFile, step: Step, direction: str, mean: float, envelope: dict[str, Any],
    points: dict[str, float], words: dict[str, str] | None,
) -> None:  # fmt: skip
    found, asks = declared(step, four_cells, station)
    assert asks == near(envelope)
    assert (found.direction, found.mean_current()) == (direction, pytest.approx(mean))
    assert found.set_points() == near(points)
    assert words is None or found.words() == words
    modes = {"charge": BmsMode.CHARGE, "discharge": BmsMode.DISCHARGE, "both": BmsMode.DISCHARGE, "none": None}
    assert found.mode is modes[direction]
    period = 0.1 if isinstance(step, Pulse) else ONE_SECOND if found.mode else TEN
    assert (found.scan_period, found.steady_pace, found.pace(3.0)) == (period, period, period)


@pytest.mark.parametrize(
    ("step", "may_pause", "resumable"),
    [
        (Charge(1.0, SOON), True, True), (FastRecharge(SOON), True, True), (Discharge(1.0, SOON), True, True),
        (Pulse(1.0), False, False), (ConstantPower(9.0, until=SOON), True, True), (Profile(CURVE), True, True),
        (Rest(SOON), True, True), (Soak(30.0), False, True), (Precondition(30.0), False, True),
        (AskOperator("?"), False, False), (FollowPower([(0.0, 9.0), (9.0, 0.0)]), True, True),
        (FollowFrequency(FREQUENCY), True, True), (Supply([(0.0, 9.0), (9.0, 0.0)]), True, True),
        (Manage("nobody", hours(1)), True, True),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_is_over_too_soon_is_not_paused_and_begins_anew(
    four_cells: PackFile, station: StationFile, step: Step, may_pause: bool, resumable: bool
) -> None:
    found, _ = declared(step, four_cells, station)
    assert (found.may_pause, found.resumable) == (may_pause, resumable)
    assert found.preparation == (40.0 if isinstance(step, Manage) else 0.0)


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (Charge(1.0, SOON), ["Step Time at least 60 s"]),
        (Soak(30.0), ["air within 2 K, cells within 2 K and drifting less than 1 K/h"]),
        (Precondition(30.0), ["cells within 2 K of 30 °C", "Step Time at least 3600 s"]),
        (AskOperator("?", answers=("yes", "no")), ["the operator says 'yes' or 'no'"]),
    ],
)
def test_what_ends_it_is_said_in_words(four_cells: PackFile, station: StationFile, step: Step, says: list[str]) -> None:
    assert declared(step, four_cells, station)[0].until() == says


# --- what is conditioned ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "chamber", "coolant"),
    [
        (Soak(40.0), 40.0, [40.0, 40.0]), (Soak(60.0), 60.0, [45.0, 45.0]), (Soak(-20.0), -20.0, [-10.0, -10.0]),
        # Coolant leads by 20 K at most, as far as unit (-10 to 45 degC) and pack (-10 to 50 degC) go.
        (Precondition(20.0), None, [0.0, 40.0]), (Precondition(20.0, lead=5.0), None, [15.0, 25.0]),
        (Precondition(30.0), None, [10.0, 45.0]), (Precondition(0.0), None, [-10.0, 20.0]),
        (Precondition(48.0), None, [28.0, 48.0]),  # that cannot be: pre-flight says so
        (Precondition(20.0, by="chamber"), 20.0, None),
        (FastRecharge(SOON, condition=30.0), None, [10.0, 45.0]),
    ],
)  # fmt: skip
def test_what_chamber_and_coolant_unit_may_be_asked_for(
    four_cells: PackFile, station: StationFile, step: Step, chamber: float | None, coolant: list[float] | None
) -> None:
    found, asks = declared(step, four_cells, station, "source", "sink", "chamber", "coolant")
    assert asks.get("chamber temperature") == (None if chamber is None else [chamber, chamber])
    assert asks.get("coolant temperature") == coolant
    if not isinstance(step, Soak):
        assert found.words()["conditioned by"] == ("chamber" if coolant is None else "coolant")


# --- at the AC side ---------------------------------------------------------------------------------------------------

TERMINALS = {
    "source current": [0.0, 8 / LOW], "source voltage": [0.0, HIGH], "source power": [0.0, 8.0],
    "sink current": [0.0, 12 / LOW], "sink voltage": [FLOOR, HIGH], "sink power": [0.0, 12.0],
}  # fmt: skip
SIGNAL = [(0.0, 8.0), (0.5, -12.0), (5.0, 0.0)]
TOLD = {
    "charger charge": 20.0, "charger discharge": 15.0, "charger standby": 0.0, "charger proportional": 0.0,
    "charger quadratic": 0.0, "charger idle": 3.0, "charger dead time": 0.5, "charger ramp": 50.0,
}  # fmt: skip


def sinks(watts: float) -> dict[str, Any]:
    return {"sink current": [0.0, watts / LOW], "sink voltage": [FLOOR, HIGH], "sink power": [0.0, watts]}


def sources(watts: float) -> dict[str, Any]:
    return {"source current": [0.0, watts / LOW], "source voltage": [0.0, HIGH], "source power": [0.0, watts]}


@pytest.mark.parametrize(
    ("step", "direction", "charge", "discharge", "more"),
    [
        (FollowPower(SIGNAL), "both", 8.0, 12.0, {}), (FollowPower(SIGNAL, scale=-0.5), "both", 6.0, 4.0, {}),
        (FollowPower([(0.0, 8.0), (5.0, 0.0)]), "charge", 8.0, 0.0, {}),
        (FollowPower([(0.0, -8.0), (5.0, 0.0)]), "discharge", 0.0, 8.0, {}),
        # 0.09 of 0.19 Hz beyond the deadband, and all of it at 0.2 Hz; of the less of 20 and 15 W.
        (
            FollowFrequency(FREQUENCY), "both", 15.0, 15 * 9 / 19,
            {"nominal frequency": 50.0, "base": 0.0, "reserve": 15.0},
        ),
        (
            FollowFrequency(FREQUENCY, base=-5.0), "both", 5.0, 5 + 10 * 9 / 19,
            {"nominal frequency": 50.0, "base": -5.0, "reserve": 10.0},
        ),
        (
            FollowFrequency([(0.0, 50.2), (5.0, 50.0)], power=7.0, nominal=50.3), "both", 0.0, 7.0,
            {"nominal frequency": 50.3, "base": 0.0, "reserve": 7.0},
        ),
        (Supply([(0.0, 8.0), (5.0, 0.0)]), "discharge", 0.0, 8.0, {"minimum": 0.1, "restart": 10.0}),
        (Supply([(0.0, 99.0), (5.0, 0.0)]), "discharge", 0.0, 45.0, {"minimum": 0.1, "restart": 10.0}),
    ],
)  # fmt: skip
def test_what_a_step_at_the_ac_side_may_ask_for_and_what_is_recorded_of_it(
    four_cells: PackFile, station: StationFile, step: Step, direction: str, charge: float, discharge: float,
    more: dict[str, float],
) -> None:  # fmt: skip
    found, asks = declared(step, four_cells, station, "source", "sink")
    wanted = {**(sources(charge) if charge else {}), **(sinks(discharge) if discharge else {})}
    assert asks == near(wanted)
    assert (found.direction, found.mode) == (
        direction, BmsMode.CHARGE if direction == "charge" else BmsMode.DISCHARGE,
    )  # fmt: skip
    assert found.mean_current() == pytest.approx(max(charge, discharge) / 26.0)
    assert found.set_points() == near({**TOLD, **more})
    assert list(found.problems()) == []


@pytest.mark.parametrize(
    ("step", "period", "paces"),
    [
        (FollowPower(SIGNAL), 0.5, [0.5, 0.5]), (FollowPower([(0.0, 8.0), (5.0, 0.0)]), 1.0, [1.0, 1.0]),
        (FollowFrequency(FREQUENCY), 1.0, [1.0, 1.0]), (FollowFrequency(FREQUENCY, period=0.05), 0.05, [0.05, 0.05]),
        (Supply([(0.0, 8.0), (5.0, 0.0)]), 0.2, [0.2, 0.2]),
        (Supply([(0.0, 8.0), (5.0, 0.0)], period=2.5), 2.5, [2.5, 2.5]),
        (Profile([(0.0, 1.0), (0.3, 2.0), (1.0, 0.0)]), 0.3, [1.0, 1.0]),
    ],
)  # fmt: skip
def test_a_step_is_scanned_as_its_points_need(
    four_cells: PackFile, station: StationFile, step: Step, period: float, paces: list[float]
) -> None:
    found, _ = declared(step, four_cells, station)
    assert found.scan_period == pytest.approx(period)
    assert [found.pace(time) for time in (0.0, 0.25)] == pytest.approx(paces)
    assert found.steady_pace == (None if period == 0.3 else pytest.approx(period))


def test_the_answer_to_a_frequency_is_recorded_in_words(four_cells: PackFile, station: StationFile) -> None:
    words = declared(FollowFrequency(FREQUENCY, containment()), four_cells, station)[0].words()
    assert words == {
        "response": "-0.5 Hz -100 %, -0.2 Hz -5 %, -0.015 Hz +0 %, +0.015 Hz +0 %, +0.2 Hz +5 %, +0.5 Hz +100 %"
    }
    made = synthetic_frequency(60, seed=3)
    assert declared(FollowFrequency(made), four_cells, station)[0].words()["frequency"] == made.source


def test_a_box_is_asked_for_powers_at_its_own_side_and_its_losses_are_as_it_is_rated(
    four_cells: PackFile, station: StationFile
) -> None:
    found, asks = declared(FollowPower(SIGNAL), four_cells, station, "charger")
    assert asks == {"charger power": [-12.0, 8.0]}
    assert found.set_points() == near(
        {
            "charger charge": 20.0, "charger discharge": 15.0, "charger standby": 0.0, "charger proportional": 0.1,
            "charger quadratic": 0.0, "charger idle": 0.0, "charger dead time": 4.0, "charger ramp": 50.0,
        }
    )  # fmt: skip


NO_CHARGER = (
    "it needs a charger at the AC side, and station little names none: give it the section `charger:`, for which "
    "its source and sink stand, or an instrument that plays the role charger."
)


@pytest.mark.parametrize(
    ("step", "roles", "charger", "says"),
    [
        (FollowPower([(0.0, 20.0), (1.0, -15.0), (2.0, 0.0)]), (), True, []),
        (
            FollowPower([(0.0, 20.1), (1.0, -15.1), (2.0, 0.0)]), (), True,
            [
                "it asks to charge with 20.1 W, the charger allows 20 W.",
                "it asks to discharge with 15.1 W, the charger allows 15 W.",
            ],
        ),
        # A sum that is a little more than it should be is no more than that.
        (FollowPower([(0.0, 20.0 * (1 + 1e-7)), (2.0, 0.0)]), (), True, []),
        (
            FollowPower([(0.0, 20.0 * (1 + 1e-5)), (2.0, 0.0)]), (), True,
            ["it asks to charge with 20.0002 W, the charger allows 20 W."],
        ),
        (FollowPower([(0.0, 20.1), (2.0, 0.0)]), (), False, [NO_CHARGER]),
        (FollowFrequency(FREQUENCY), (), False, [NO_CHARGER]),
        (Manage("nobody", hours(1)), (), False, [NO_CHARGER]),
        (Manage("nobody", hours(1)), (), True, []),
        (Supply([(0.0, 45.0), (5.0, 0.0)]), (), True, []),
        (
            Supply([(0.0, 9.0), (5.0, 0.0)]), ("charger",), False,
            ["a box at a grid carries no load of its own: use a station whose source and sink are the charger."],
        ),
    ],
)  # fmt: skip
def test_what_a_charger_cannot_do_is_told(
    four_cells: PackFile, station: StationFile, step: Step, roles: tuple[str, ...], charger: bool, says: list[str]
) -> None:
    assert list(declared(step, four_cells, station, *roles, charger=charger)[0].problems()) == says


# --- a manager --------------------------------------------------------------------------------------------------------

TRIPS = (Trip(600.0, 3000.0, 30.0),)
NO_DRIVE = (
    "its days have trips, and a drive needs a sink in place of a box at the AC side: give days without any, or another "
    "station."
)


@pytest.mark.parametrize(
    ("charger", "trips", "sink"),
    [
        ("discharge: 12000", TRIPS, 12000.0),  # the car drives with less than that
        ("discharge: 1000", TRIPS, None), ("discharge: 0", TRIPS, None),
        ("discharge: 1000", (), 1000.0), ("discharge: 0", (), 0.0),
    ],
)  # fmt: skip
def test_a_managed_car_may_be_driven_whatever_its_charger_gives_back(
    station_text: str, write: WriteFile, charger: str, trips: tuple[Trip, ...], sink: float | None
) -> None:
    """The sink takes the more of what the charger gives and what the way takes; None: the way."""
    file = write(
        "station.yaml",
        f"{station_text}charger: {{charge: 9000, {charger}, standby: 0, proportional: 0, quadratic: 0}}\n",
    )
    pack, step = load_pack("lfp-vehicle")[0], Manage("nobody", hours(1, trips=trips), scale=0.5)
    _, asks = declared(step, pack, load_station(str(file))[0])
    most = 0.5 * going("renault-5-class", "country", 5.0).power if sink is None else sink
    assert 1000 < 0.5 * going("renault-5-class", "country", 5.0).power < 12000
    driven = {
        "sink current": [0.0, most / 260.0], "sink voltage": [0.9 * 260.0, 374.4], "sink power": [0.0, most],
    }  # fmt: skip
    assert asks == near(
        {
            "source current": [0.0, 9000 / 260.0], "source voltage": [0.0, 374.4], "source power": [0.0, 9000.0],
            "chamber temperature": [10.0, 10.0], **(driven if most else {}),
        }
    )  # fmt: skip


def test_a_managed_pack_gives_no_more_amperes_than_it_may(four_cells: PackFile, station: StationFile) -> None:
    _, asks = declared(Manage("nobody", hours(1, trips=TRIPS), scale=1.0), four_cells, station)
    assert asks["sink current"] == [0.0, 5.0]
    assert asks["sink power"] == [0.0, pytest.approx(going("renault-5-class", "country", 5.0).power)]


@pytest.mark.parametrize(
    ("given", "power"),
    [
        ({"nominal": 50.3}, [-15.0, 0.0]), ({"nominal": 49.7}, [0.0, 15.0]),
        ({"power": 2.0, "base": 5.0}, [0.0, 7.0]), ({"power": 2.0, "base": -5.0}, [-5 - 18 / 19, 0.0]),
    ],
)  # fmt: skip
def test_a_box_may_always_be_asked_to_rest(
    four_cells: PackFile, station: StationFile, given: dict[str, float], power: list[float]
) -> None:
    """Though the frequency never lets it: at the end of a step it is stopped."""
    _, asks = declared(FollowFrequency(FREQUENCY, **given), four_cells, station, "charger")
    assert asks == near({"charger power": power})


def test_a_managed_box_is_asked_for_all_that_the_station_s_can_and_chambers_for_each_air(
    four_cells: PackFile, station: StationFile
) -> None:
    days = replace(hours(0.75), outside=hours(0.75).outside * [1, -1, 2])
    _, asks = declared(Manage("nobody", days, charger=1.0), four_cells, station, "charger")
    assert asks == {"charger power": [-15.0, 20.0]}
    _, asks = declared(Manage("nobody", days, garage=False), four_cells, station, "source", "sink", "chamber")
    assert asks["chamber temperature"] == [-5.0, 10.0]


@pytest.mark.parametrize(
    ("roles", "trips", "says"),
    [
        (("source", "sink"), TRIPS, []), (("source",), TRIPS, [NO_DRIVE]), (("source",), (), []),
        (("charger",), TRIPS, [NO_DRIVE]), (("charger", "source", "sink"), TRIPS, [NO_DRIVE]),
        (
            ("source", "sink"), (*TRIPS, Trip(3000.0, 3000.0, 1.0), Trip(2999.0, 4000.0, 1.0)),
            [
                "the trip that leaves at 3000 s is back at 3000 s, which is not after that; let it return later.",
                "the trip that leaves at 2999 s does so before the one before it is back, at 3000 s; let it leave "
                "later.",
            ],
        ),
        (
            ("source", "sink"), (Trip(-0.5, 10.0, 1.0),),
            [
                "the trip that leaves at -0.5 s does so before its days begin, which is 0 s: nobody is on it; give 0 "
                "or more."
            ],
        ),
    ],
)  # fmt: skip
def test_what_no_car_can_drive_here_is_told(
    four_cells: PackFile, station: StationFile, roles: tuple[str, ...], trips: tuple[Trip, ...], says: list[str]
) -> None:
    assert list(declared(Manage("nobody", hours(1, trips=trips)), four_cells, station, *roles)[0].problems()) == says


def test_a_managed_step_says_what_car_it_is_and_how_large(four_cells: PackFile, station: StationFile) -> None:
    days = replace(hours(1), reserve=40.0)
    found, _ = declared(Manage("nobody", days, scale=0.25, charger=40.0, gives=False), four_cells, station)
    assert found.set_points() == near(
        {
            **TOLD,
            "charger charge": 10.0,
            "charger discharge": 0.0,
            "scale": 0.25,
            "reserve": 40.0,
            "car energy": 52000.0,
        }
    )
    assert found.words() == {"manager": "nobody", "season": "paris-january", "car": "renault-5-class"}
    assert (found.direction, found.mean_current()) == ("both", pytest.approx(10.0 / 26.0))
    assert found.pace(0.0) == found.scan_period == ONE_SECOND
    assert found.steady_pace is None


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"imports": 0.0}, "a connection carries more than 0 W in"), ({"imports": inf}, "a connection carries"),
        ({"exports": -1.0}, "a connection carries"), ({"exports": inf}, "a connection carries"),
        ({"foreseen": -0.1}, "a forecast of -0.1 times what will be is none: give 0 or more, or None."),
        ({"foreseen": inf}, "a forecast of inf times"), ({"foreseen": nan}, "a forecast of nan times"),
        ({"charger": 0.0}, "a home's charger of 0 W does nothing"), ({"charger": nan}, "a home's charger of nan W"),
        ({"imports": nextafter(0.0, 1.0), "exports": 0.0, "foreseen": 0.0, "charger": 1e-9}, ""),
    ],
)  # fmt: skip
def test_a_home_that_cannot_be_is_refused(
    four_cells: PackFile, station: StationFile, given: dict[str, float], says: str
) -> None:
    step = Manage("nobody", hours(1), **given)
    if not says:
        declared(step, four_cells, station)
        return
    with pytest.raises(ValueError, match=says):
        declared(step, four_cells, station)


# --- a road -----------------------------------------------------------------------------------------------------------


def test_what_a_drive_may_ask_for_is_what_the_pack_takes_and_gives_of_the_road(
    four_cells: PackFile, station: StationFile, tmp_path: Path
) -> None:
    """Of 10 kW for ten seconds and of 5 kW back for ten, two hundredths, each of which is more than it may."""
    path = tmp_path / "mine.csv"
    path.write_text("time / s;power / kW\n0;10,0\n10;-5,0\n20;0\n", encoding="utf-8")
    step = Drive(path, scale=0.02, season="oslo-july", hour=12.0)
    found, asks = declared(step, four_cells, station)
    assert asks == near(
        {
            "source current": [0.0, 4.0], "source voltage": [0.0, HIGH], "source power": [0.0, 100.0],
            "sink current": [0.0, 5.0], "sink voltage": [FLOOR, HIGH], "sink power": [0.0, 200.0],
        }
    )  # fmt: skip
    assert (found.direction, found.mean_current()) == ("both", pytest.approx(150 / 13.0))
    assert found.set_points() == near(
        {"largest power": 100.0, "smallest power": -200.0, "scale": 0.02, "outside": step.journey.outside, "hour": 12.0}
    )
    assert found.words() == {"road": str(path), "car": "renault-5-class", "season": "oslo-july"}
    (problem,) = found.problems()
    amperes = 200.0 / (pack_energy(four_cells) / 2.0)
    assert problem == (
        f"renault-5-class needs {amperes:.3g} A of this pack at 0 s into the cycle mine (scale 0.02), its "
        "discharge_current allows 5 A, and 33.3 % of the time is beyond it: give another road, car or pack, or a "
        "smaller scale."
    )


def test_a_drive_says_where_the_car_stood_how_far_it_goes_and_what_it_takes(
    four_cells: PackFile, station: StationFile
) -> None:
    step = Drive("short-hop", season="paris-spring", garage=True)
    found, asks = declared(step, four_cells, station)
    journey = step.journey
    assert journey.position is not None
    assert journey.driven is not None
    told = found.set_points()
    assert told["distance"] == journey.position[-1]
    assert told["consumption"] == 1000 * journey.driven.consumption
    assert told["scale"] == pytest.approx(pack_energy(four_cells) / 52000, rel=0.01)
    assert found.words() == {
        "road": "short-hop", "car": "renault-5-class", "season": "paris-spring", "garage": "yes",
    }  # fmt: skip
    assert "chamber temperature" not in asks
    assert list(found.problems()) == []


@pytest.mark.parametrize("by", ["coolant", "chamber"])
def test_a_drive_with_a_car_s_heat_may_ask_for_what_its_cells_get_to_and_twenty_kelvin_more_of_coolant(
    station: StationFile, by: str
) -> None:
    pack = load_pack("lfp-vehicle")[0]
    step = Drive("short-hop", season="paris-spring", heat="car", start=12.0, precondition=14.0)
    roles = ("source", "sink", "chamber", *(("coolant",) if by == "coolant" else ()))
    found, asks = declared(step, pack, station, *roles)
    way = step.on_the_way(pack)
    low, high = min(float(way.cells.min()), 14.0), max(float(way.cells.max()), 14.0)
    outside = step.journey.outside
    if by == "coolant":
        low, high = max(float(way.cells.min()) - 20, -10.0), min(float(way.cells.max()) + 20, 45.0)
        assert asks["coolant temperature"] == pytest.approx([low, high])
        assert asks["chamber temperature"] == [outside, outside]
    else:
        assert asks["chamber temperature"] == pytest.approx([low, high])
    told = found.set_points()
    assert (told["expected arrival"], told["heater and chiller"], told["target"]) == (
        float(way.cells[-1]), way.energy, 14.0,
    )  # fmt: skip
    assert found.words()["conditioned by"] == by
    assert (
        found.mean_current() > declared(replace(step, heat="held", precondition=None), pack, station)[0].mean_current()
    )


def test_a_charge_by_a_strategy_that_has_promised_a_time_says_so(four_cells: PackFile, station: StationFile) -> None:
    class Promising(FollowLimit):
        promised = 1234.0

    found, _ = declared(FastRecharge(soc_above(0.8), strategy=Promising()), four_cells, station)
    assert found.set_points()["promised time"] == 1234.0
