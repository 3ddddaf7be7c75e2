"""A box at the AC side is told what it is to do once, and only what the BMS lets through."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench import columns
from bench.columns import DERIVED, INDEX
from bench.running.grid_side import Box
from models.grid.charger import Charger

CHARGER = Charger(1000, 1000, standby=0, proportional=0, quadratic=0, idle=0, dead_time=0.0, ramp=1000)


class Player:
    """A charger that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[float] = []

    def set_grid_power(self, power: float) -> None:
        self.told.append(power)


def row(charge: float, discharge: float) -> list[float]:
    values = [0.0] * len(DERIVED)
    for name, value in ((columns.CHARGE_LIMIT, charge), (columns.DISCHARGE_LIMIT, discharge), (columns.VOLTAGE, 100.0)):
        values[INDEX[name]] = value
    return values


def a_box(*roles: str) -> tuple[Box, list[float]]:
    player = Player()

    class Roles(dict[str, Any]):
        charger = player

    stage = SimpleNamespace(place=SimpleNamespace(roles=Roles.fromkeys(roles)))
    return Box(CHARGER, cast("Any", stage)), player.told


def test_a_box_is_told_only_what_is_new() -> None:
    box, told = a_box("charger", "bms")
    for asked in (500.0, 500.0, 500.2, -300.0, -300.0, 0.0, 0.0):
        box.follow(asked, row(100.0, 100.0), 0.0)
    box.stop()
    assert told == [500.0, -300.0, 0.0]
    box.follow(200.0, row(100.0, 100.0), 1.0)
    box.stop()
    box.stop()
    assert told[3:] == [200.0, 0.0]


def test_it_is_told_no_more_than_the_bms_sent_last() -> None:
    box, told = a_box("charger", "bms")
    box.follow(500.0, row(2.0, 1.0), 0.0)
    box.follow(-500.0, row(2.0, 1.0), 1.0)
    box.follow(-500.0, row(float("nan"), float("nan")), 2.0)
    assert [CHARGER.ac_to_dc(each) for each in told] == [pytest.approx(200, abs=1), pytest.approx(-100, abs=1)]


@pytest.mark.parametrize(("roles", "told"), [(("charger",), [500.0]), (("charger", "bms"), [])])
def test_a_bms_that_has_said_nothing_yet_lets_nothing_through_and_where_there_is_none_all_is(
    roles: tuple[str, ...], told: list[float]
) -> None:
    box, found = a_box(*roles)
    box.follow(500.0, row(float("nan"), float("nan")), 0.0)
    assert [each for each in found if each] == told
