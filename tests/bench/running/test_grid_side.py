"""A box at the AC side is told what it is to do once, and only what the BMS lets through."""

from math import isnan, nan
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench import columns
from bench.columns import DERIVED, INDEX
from bench.pack import PackFile
from bench.running.grid_side import Box, Direct, charger_of, envelope
from bench.verdicts import TestError
from models.grid.charger import Charger

CHARGER = Charger(1000, 1000, standby=0, proportional=0, quadratic=0, idle=0, dead_time=0.0, ramp=1000)


LOWEST, HIGHEST = 4 * 3.05, 4 * 3.45
"""V of the little pack, which takes 4 A and gives 5 A."""


class Player:
    """A charger that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[float] = []

    def set_grid_power(self, power: float) -> None:
        self.told.append(power)

    def charger_off(self) -> None:
        self.told.append(nan)


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


def test_a_box_is_switched_off_once_and_told_anew_what_it_is_to_do_behind_that() -> None:
    """Its outputs are off from then on, and 0 W would start it."""
    box, told = a_box("charger", "bms")
    box.off()
    box.off()
    box.stop()
    assert [isnan(each) for each in told] == [True]
    for asked in (200.0, 200.0):
        box.follow(asked, row(100.0, 100.0), 0.0)
    box.off()
    box.off()
    box.stop()
    box.follow(200.0, row(100.0, 100.0), 1.0)
    box.stop()
    box.off()
    assert [None if isnan(each) else each for each in told[1:]] == [200.0, None, 200.0, 0.0, None]


@pytest.mark.parametrize(
    ("asked", "charge", "discharge", "told"),
    [
        (200.0, 2.0, 0.0, 200.0), (201.0, 2.0, 0.0, 200.0), (200.0, -1.0, 0.0, 0.0), (-200.0, 0.0, 2.0, -200.0),
        (-201.0, 0.0, 2.0, -200.0), (-200.0, 9.0, -1.0, 0.0), (0.0, 0.0, 0.0, 0.0), (5000.0, 99.0, 99.0, 1000.0),
        (-5000.0, 99.0, 99.0, -1000.0), (200.4, 99.0, 99.0, 200.0), (200.6, 99.0, 99.0, 201.0),
    ],
)  # fmt: skip
def test_a_box_is_told_whole_watts_within_what_bms_and_charger_allow(
    asked: float, charge: float, discharge: float, told: float
) -> None:
    """At 100 V; a limit below 0 is one of 0."""
    box, found = a_box("charger", "bms")
    box.follow(asked, row(charge, discharge), 0.0)
    assert found == [told]


def test_a_box_knows_no_other_side_than_the_grids() -> None:
    box, told = a_box("charger")
    box.terminals(0.0, row(1.0, 1.0), 0.0)
    with pytest.raises(TestError, match="a box at the AC side cannot drive a car: it needs a source and a sink"):
        box.terminals(-0.1, row(1.0, 1.0), 0.0)
    assert told == []


# --- source and sink as the charger -------------------------------------------------------------------------------

LOSSY = Charger(1000, 1000, standby=0, proportional=0.1, quadratic=0, idle=0, dead_time=0.5, ramp=20)
"""Begins half a second after it is asked, and then goes by 20 W each second; a tenth of what it converts is lost."""


class Direction:
    """Flow and sampler of a step: keeps what is asked of source and sink, and what is noted."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, float]] = []
        self.commands: list[float] = []
        self.grid: list[float] = []
        self.voltages: list[float] = []

    def charge(self, current: float, voltage: float) -> None:
        self.asked.append(("charge", current))
        self.voltages.append(voltage)

    def discharge(self, current: float, voltage: float) -> None:
        self.asked.append(("discharge", current))
        self.voltages.append(voltage)

    def off(self) -> None:
        self.asked.append(("off", 0.0))

    def command(self, power: float) -> None:
        self.commands.append(power)

    def note(self, column: str, value: float) -> None:
        assert column == columns.SET_GRID_POWER
        self.grid.append(value)


def a_direct(pack: PackFile, *roles: str, charger: Charger = LOSSY) -> tuple[Direct, Direction]:
    said = Direction()
    place = SimpleNamespace(roles=dict.fromkeys(roles), pack=pack)
    return Direct(charger, cast("Any", SimpleNamespace(place=place, flow=said, sampler=said))), said


def measured(voltage: float = 13.0, charge: float = 99.0, discharge: float = 99.0, lowest: float = 3.2) -> list[float]:
    values = row(charge, discharge)
    for name, value in (
        (columns.VOLTAGE, voltage), (columns.CELL_VOLTAGE_MIN, lowest), (columns.CELL_VOLTAGE_MAX, lowest + 0.05),
    ):  # fmt: skip
        values[INDEX[name]] = value
    return values


def test_source_and_sink_do_what_the_charger_would_when_it_would(four_cells: PackFile) -> None:
    direct, said = a_direct(four_cells, "bms")
    # W asked for each second, and what the charger does at the AC side by then: until then it was asked the one before.
    course = [(30, 0), (30, 10), (30, 30), (-10, 30), (-10, 20), (-10, 0), (0, -10), (0, -0), (0, 0)]
    for time, (asked, _) in enumerate(course):
        direct.follow(float(asked), measured(), float(time))
    at_terminals = [done - 0.1 * abs(done) for _, done in course]
    assert said.grid == [asked for asked, _ in course]
    assert said.commands == pytest.approx(at_terminals)
    ways = {True: "charge", False: "discharge"}
    assert said.asked == [
        (ways[power > 0], pytest.approx(abs(power) / 13.0)) if power else ("off", 0.0) for power in at_terminals
    ]
    assert sorted(set(said.voltages)) == pytest.approx([0.9 * LOWEST, HIGHEST])


def test_a_charger_that_was_stopped_begins_anew_from_rest(four_cells: PackFile) -> None:
    """What it was asked before does not act on for as long as it stood."""
    direct, said = a_direct(four_cells, "bms")
    for time in range(4):
        direct.follow(30.0, measured(), float(time))
    direct.stop()
    asked = len(said.asked)
    direct.follow(30.0, measured(), 100.0)
    direct.follow(30.0, measured(), 101.0)
    assert said.commands[-2:] == pytest.approx([0.0, 9.0])
    assert said.grid[4:] == [0.0, 30.0, 30.0]
    direct.off()
    assert said.grid[-1] == said.commands[-1] == 0.0
    assert said.asked[asked:] == [("off", 0.0), ("charge", pytest.approx(9.0 / 13.0)), ("off", 0.0)]


def test_a_row_that_is_older_than_the_last_takes_nothing_back(four_cells: PackFile) -> None:
    direct, said = a_direct(four_cells)
    for time in (0.0, 2.0, 1.0):
        direct.follow(30.0, measured(), time)
    assert said.commands == pytest.approx([0.0, 27.0, 27.0])


@pytest.mark.parametrize(
    ("power", "row", "current"),
    [
        (26.0, measured(), 2.0), (26.0, measured(voltage=10.0), 26 / LOWEST), (130.0, measured(), 4.0),
        (26.0, measured(charge=1.5), 1.5), (26.0, measured(charge=0.0), 0.0), (26.0, measured(charge=nan), 0.0),
        (-26.0, measured(), -2.0), (-26.0, measured(voltage=10.0), -26 / LOWEST), (-130.0, measured(), -5.0),
        (-26.0, measured(discharge=1.5), -1.5), (-26.0, measured(discharge=-1.5), 0.0),
        (-26.0, measured(discharge=nan), 0.0),
        (-26.0, measured(lowest=3.05 + 0.03), -2.0), (-26.0, measured(lowest=3.05 + 0.015), -1.0),
        (-26.0, measured(lowest=3.05 + 0.003), -0.2), (-26.0, measured(lowest=3.05), 0.0),
        (-26.0, measured(lowest=3.0), 0.0), (-26.0, measured(discharge=1.0, lowest=3.065), -0.5),
    ],
)  # fmt: skip
def test_what_pack_and_bms_allow_cuts_a_power_at_the_terminals_and_the_command_stays(
    four_cells: PackFile, power: float, row: list[float], current: float
) -> None:
    """A cell that nears its lowest voltage gives less and less; a BMS that has said nothing yet allows nothing."""
    direct, said = a_direct(four_cells, "bms")
    direct.terminals(power, row, 0.0)
    [(way, asked)] = said.asked
    assert (way, asked) == ("charge" if power > 0 else "discharge", pytest.approx(abs(current), abs=1e-12))
    assert said.commands == [power]


@pytest.mark.parametrize("power", [26.0, -26.0])
def test_a_limit_that_is_missing_is_the_last_one_and_where_there_is_no_bms_none(
    four_cells: PackFile, power: float
) -> None:
    for roles, allowed in ((("bms",), [1.5, 1.5]), ((), [2.0, 2.0])):
        direct, said = a_direct(four_cells, *roles)
        for limit in (1.5, nan):
            direct.terminals(power, measured(charge=limit, discharge=limit) if roles else measured(13, nan, nan), 0.0)
        assert [current for _, current in said.asked] == pytest.approx(allowed)


# --- who carries it out -------------------------------------------------------------------------------------------


def test_a_box_is_the_charger_as_it_is_rated_and_else_it_is_what_source_and_sink_stand_for() -> None:
    rated = SimpleNamespace(charge=11e3, discharge=7e3, least=1400.0, efficiency=0.94, dead_time=0.3, ramp=2500.0)

    class Roles(dict[str, Any]):
        charger = SimpleNamespace(charger_ratings=rated)

    box, other = Roles(charger=None), object()
    settings = SimpleNamespace(made=lambda: other)

    def found(roles: Any, section: Any) -> Any:
        return charger_of(cast("Any", SimpleNamespace(roles=roles, station=SimpleNamespace(charger=section))))

    assert found(box, settings) == Charger(
        charge=11e3, discharge=7e3, least=1400.0, standby=0.0, quadratic=0.0, idle=0.0,
        proportional=pytest.approx(0.06), dead_time=0.3, ramp=2500.0,
    )  # fmt: skip
    assert found({}, settings) is other
    assert found({}, None) is None


# --- what may be asked for ----------------------------------------------------------------------------------------


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
