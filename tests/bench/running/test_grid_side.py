"""A box at the AC side is told what it is to do once, and only what the BMS lets through."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench import columns
from bench.columns import DERIVED, INDEX
from bench.pack import PackFile
from bench.running.grid_side import Box, envelope
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


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        (columns.VOLTAGE, [200.0, -100.0]), (columns.CHARGE_LIMIT, [200.0, -100.0, -400.0]),
        (columns.DISCHARGE_LIMIT, [200.0, 500.0, -100.0]),
    ],
)  # fmt: skip
def test_what_is_missing_for_a_scan_leaves_it_what_it_was_allowed_before(missing: str, told: list[float]) -> None:
    box, found = a_box("charger", "bms")
    gap = row(5.0, 4.0)
    gap[INDEX[missing]] = float("nan")
    for asked in (600.0, -600.0):
        box.follow(asked, row(2.0, 1.0), 0.0)
        box.follow(asked, gap, 1.0)
    assert found == told


@pytest.mark.parametrize(("roles", "told"), [(("charger",), [500.0]), (("charger", "bms"), [])])
def test_a_bms_that_has_said_nothing_yet_lets_nothing_through_and_where_there_is_none_all_is(
    roles: tuple[str, ...], told: list[float]
) -> None:
    box, found = a_box(*roles)
    box.follow(500.0, row(float("nan"), float("nan")), 0.0)
    assert [each for each in found if each] == told


# --- what may be asked for ----------------------------------------------------------------------------------------

LOWEST, HIGHEST = 4 * 3.05, 4 * 3.45
"""V of the little pack, which takes 4 A and gives 5 A."""


def declared(
    pack: PackFile, charge: float, discharge: float, *roles: str
) -> dict[tuple[str, str], tuple[float, float]]:
    place = SimpleNamespace(roles=dict.fromkeys(roles), pack=pack)
    found = envelope(CHARGER, cast("Any", place), charge, discharge)
    return {of: (each.low, each.high) for of, each in found.items()}


def test_source_and_sink_may_be_asked_for_what_is_behind_the_charger(four_cells: PackFile) -> None:
    """The lowest voltage has the most current; a sink ends a tenth below it, a source may hold any."""
    assert declared(four_cells, 20.0, 30.0) == {
        ("source", "current"): (0.0, pytest.approx(20 / LOWEST)), ("source", "voltage"): (0.0, pytest.approx(HIGHEST)),
        ("source", "power"): (0.0, 20.0),
        ("sink", "current"): (0.0, pytest.approx(30 / LOWEST)),
        ("sink", "voltage"): (pytest.approx(0.9 * LOWEST), pytest.approx(HIGHEST)), ("sink", "power"): (0.0, 30.0),
    }  # fmt: skip


def test_no_current_is_asked_for_that_the_pack_does_not_allow_and_no_power_that_the_charger_has_not(
    four_cells: PackFile,
) -> None:
    found = declared(four_cells, 5000.0, 5000.0)
    assert (found["source", "current"], found["sink", "current"]) == ((0.0, 4.0), (0.0, 5.0))
    assert found["source", "power"] == found["sink", "power"] == (0.0, 1000.0)


@pytest.mark.parametrize(("charge", "discharge", "who"), [(1.0, 0.0, {"source"}), (0.0, 1.0, {"sink"}), (0, 0, set())])
def test_who_is_not_needed_is_not_asked(four_cells: PackFile, charge: float, discharge: float, who: set[str]) -> None:
    assert {role for role, _ in declared(four_cells, charge, discharge)} == who


def test_a_box_is_asked_for_all_that_the_step_wants_each_way(four_cells: PackFile) -> None:
    assert declared(four_cells, 5000.0, 300.0, "charger") == {("charger", "power"): (-300.0, 5000.0)}
