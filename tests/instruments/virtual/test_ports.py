"""Where simulators touch the world: power stages that are broken, places at which temperatures are felt."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import permutations

import pytest

from instruments.virtual.plants import Pack, cell_string
from instruments.virtual.ports import Air, Load, Outlet, Source, Surroundings, Thermometer
from instruments.virtual.properties import Properties
from instruments.virtual.terminals import LoadPort, OperatingPoint, StuckSupplyPort, SupplyPort
from models.cell import load_cell
from tests.instruments.virtual.conftest import CELL, NO_SPREAD


@dataclass
class Supply:
    """Who stands behind a port and trips on nothing."""

    port: SupplyPort = field(default_factory=SupplyPort)

    def observe(self, point: OperatingPoint) -> bool:
        return False


@dataclass
class Consumer(Supply):
    port: LoadPort = field(default_factory=LoadPort)  # type: ignore[assignment]


@pytest.fixture
def world() -> Surroundings:
    string = cell_string(load_cell(CELL), 3, 1, NO_SPREAD, seed=1, soc=0.5, temperature=20.0)
    return Surroundings(Pack(string), Properties(), 18.0)


# --- power stages -----------------------------------------------------------------------------------------------------


def test_a_stage_that_conducts_on_is_what_it_was_until_it_was_on_once() -> None:
    source = Source(Supply())
    repair = source.conduct_on()
    assert not source.stage.on
    source.owner.port.on = True
    assert source.stage.on
    source.owner.port.on = False
    assert source.stage.on
    repair()
    assert not source.stage.on


def test_a_stage_that_conducts_on_still_follows_the_set_points() -> None:
    load = Load(Consumer(LoadPort(on=True, value=5.0)))
    load.conduct_on()
    load.owner.port.on, load.owner.port.value = False, 7.0
    assert (load.stage.on, load.stage.value) == (True, 7.0)


def test_a_dead_stage_conducts_nothing_and_its_instrument_does_not_know() -> None:
    source = Source(Supply(SupplyPort(on=True, voltage=90.0)))
    repair = source.conduct_nothing()
    assert (source.stage.on, source.owner.port.on, source.stage.voltage) == (False, True, 90.0)
    repair()
    assert source.stage.on


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_of_several_the_newest_that_lasts_counts(order: tuple[int, ...]) -> None:
    source = Source(Supply(SupplyPort(on=True)))
    repairs = [source.conduct_on(), source.conduct_nothing(), source.conduct_on()]
    source.owner.port.on = False
    # One that conducts on was on before it broke.
    conducts, left = [True, False, True], [0, 1, 2]
    for number in order:
        assert source.stage.on is conducts[left[-1]]
        repairs[number]()
        repairs[number]()
        left.remove(number)
    assert source.stage is source.owner.port


def test_another_stage_is_the_one_that_its_instrument_switches() -> None:
    source = Source(Supply())
    source.replace(StuckSupplyPort())
    source.owner.port.on = True
    source.owner.port.on = False
    assert source.stage.on
    assert source.stage is source.owner.port


# --- places -----------------------------------------------------------------------------------------------------------


class Scanner:
    """Sensors by channel."""

    def __init__(self) -> None:
        self.laid: dict[int, Callable[[], float]] = {}

    def lay(self, channel: int, feels: Callable[[], float]) -> None:
        self.laid[channel] = feels

    def rewire(
        self, channel: int, change: Callable[[Callable[[], float]], Callable[[], float] | None]
    ) -> Callable[[], None]:
        raise NotImplementedError


def test_the_cells_stand_in_the_first_chamber_and_else_in_the_room(world: Surroundings) -> None:
    assert world.air_temperature() == 18.0
    warm = {"first": 40.0, "second": -10.0}
    Air("first", lambda: warm["first"]).join(world)
    Air("second", lambda: warm["second"]).join(world)
    assert world.air_temperature() == world.place("air", "x")() == 40.0
    assert world.place("air of second", "x")() == -10.0
    warm["first"] = 41.0
    assert world.air_temperature() == 41.0


def test_a_sensor_feels_what_its_place_has_now(world: Surroundings) -> None:
    scanner = Scanner()
    Thermometer("logger", scanner, {101: "cell 3", 105: "air"}).join(world)
    assert {channel: feels() for channel, feels in scanner.laid.items()} == {101: 20.0, 105: 18.0}
    world.plant.transfer(2, 0.0, 500.0)
    assert scanner.laid[101]() > 20.0
    assert world.sensors == [(scanner, 101), (scanner, 105)]


@pytest.mark.parametrize("place", ["cell 0", "cell 4", "air of chamber", ""])
def test_a_place_that_is_not_there_is_told_with_those_that_are(world: Surroundings, place: str) -> None:
    with pytest.raises(ValueError, match=f"channel 101 of logger is at '{place}', which is no place of this world; .*"):
        Thermometer("logger", Scanner(), {101: place}).join(world)


def test_who_takes_power_at_the_grid_is_known_by_name(world: Surroundings) -> None:
    Outlet("house", lambda: 700.0).join(world)
    Outlet("roof", lambda: -2000.0).join(world)
    assert world.ac.settle().power == -1300.0
