"""What a managed step declares before anything is switched on, and which homes and days are refused."""

from dataclasses import replace
from math import inf, nan, nextafter

import pytest

from bench.grid.steps import Manage
from bench.pack import PackFile, load_pack
from bench.station import StationFile, load_station
from models.grid.week import Trip
from models.vehicle.reach import going
from tests.bench.conftest import WriteFile
from tests.bench.running.declaring import ONE_SECOND, TOLD, declared, near, station
from tests.bench.running.test_managed_homes import hours

__all__ = ["station"]

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
