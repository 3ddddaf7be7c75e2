"""What ends a step: which of its conditions, from when on, and what no condition may end."""

from math import inf, nan, nextafter
from types import SimpleNamespace
from typing import cast

import pytest

from bench import columns
from bench.columns import DERIVED, INDEX
from bench.pack import PackFile
from bench.running.declared import Place
from bench.running.ending import Conditions, Ending
from bench.running.procedures import procedure_for
from bench.running.procedures.soak import Settled
from bench.running.settling import TemperatureSettling
from bench.scenario import Charge, Discharge, FastRecharge, Rest, Soak, Step, Until, current_below, elapsed, soc_above
from bench.station import ChamberLimits
from bench.testing import TestBench
from bench.verdicts import BenchFault


def row(time: float, current: float = 0.0, soc: float = 0.5) -> list[float]:
    values = [0.0] * len(DERIVED)
    values[INDEX[columns.TEST_TIME]], values[INDEX[columns.CURRENT]], values[INDEX[columns.SOC]] = time, current, soc
    return values


def ends_at(ending: Ending, *rows: list[float]) -> float | None:
    return next((each[INDEX[columns.TEST_TIME]] for each in rows if ending.reached(each)), None)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_current_is_compared_by_its_magnitude_whichever_way_it_flows(four_cells: PackFile, sign: float) -> None:
    """A discharge of 2 A is not below 0.1 A."""
    ending = Conditions(Discharge(2.0, until=[current_below(0.1, hold=1.0), elapsed(hours=1)]), four_cells, 0.0)
    assert ends_at(ending, *[row(time, 2.0 * sign) for time in range(5)]) is None
    assert ends_at(ending, *[row(time, 0.05 * sign) for time in range(5, 10)]) == 6.0


ROUNDING = 1e-6
"""By which a value, a time and a hold may be short of what was asked for: a sum of periods is never quite that."""


@pytest.mark.parametrize(
    ("condition", "edge", "beyond"),
    [
        (soc_above(0.5), row(1.0, soc=0.5 - ROUNDING), row(1.0, soc=nextafter(0.5 - ROUNDING, 0.0))),
        (current_below(0.5, hold=0.0), row(1.0, 0.5 + ROUNDING), row(1.0, nextafter(0.5 + ROUNDING, inf))),
        (elapsed(seconds=9), row(9.0 - ROUNDING), row(nextafter(9.0 - ROUNDING, 0.0))),
    ],
    ids=["above", "below", "elapsed"],
)
def test_a_condition_forgives_the_rounding_of_a_sum_and_no_more(
    four_cells: PackFile, condition: Until, edge: list[float], beyond: list[float]
) -> None:
    step = Charge(1.0, until=condition)
    assert Conditions(step, four_cells, 0.0).reached(beyond) is None
    assert Conditions(step, four_cells, 0.0).reached(edge) == str(condition)


def test_a_hold_forgives_the_rounding_of_a_sum_and_no_more(four_cells: PackFile) -> None:
    ending = Conditions(Charge(1.0, until=current_below(0.5, hold=4.0)), four_cells, 0.0)
    just = 4.0 - ROUNDING
    assert ends_at(ending, row(0.0, 0.1), row(nextafter(just, 0.0), 0.1), row(just, 0.1)) == just


def test_what_held_before_a_pause_must_hold_anew_after_it(four_cells: PackFile) -> None:
    """Outputs are off in a pause: that no current flows then tells nothing of the pack."""
    ending = Conditions(Charge(1.0, until=current_below(0.1, hold=10.0)), four_cells, 0.0)
    assert ends_at(ending, *[row(time, 0.05) for time in range(9)]) is None
    ending.postpone(100.0)
    assert ends_at(ending, *[row(time, 0.05) for time in range(109, 130)]) == 119.0


def test_what_held_before_its_meter_was_distrusted_must_hold_anew_after_it(four_cells: PackFile) -> None:
    ending = Conditions(Charge(1.0, until=Until(columns.SOC, ">=", 0.9, hold=10.0)), four_cells, 0.0)
    assert ends_at(ending, *[row(time, soc=0.95) for time in range(9)]) is None
    assert ending.reached(row(9, soc=0.95), {columns.SOC}) is None
    assert ends_at(ending, *[row(time, soc=0.95) for time in range(10, 30)]) == 20.0


def test_nothing_ends_on_the_word_of_a_distrusted_meter_but_on_others_it_does(four_cells: PackFile) -> None:
    step = Charge(1.0, until=[soc_above(0.9), elapsed(seconds=60)])
    ending = Conditions(step, four_cells, 0.0)
    assert ending.reached(row(10, soc=0.95), {columns.SOC}) is None
    assert ending.reached(row(60, soc=0.95), {columns.SOC}) == "Step Time at least 60 s"


def test_a_soak_that_was_put_off_may_end_and_is_too_late_as_much_later() -> None:
    limits = ChamberLimits()
    place = SimpleNamespace(roles=SimpleNamespace(chamber=SimpleNamespace(alarm=lambda: "")))
    ending = Settled(TemperatureSettling(25.0, limits, 10.0), cast("Place", place), 0.0, timeout=3600.0, at_least=0.0)
    ending.postpone(1000.0)
    assert ending.reached(row(4600.0)) is None, "at 0 °C nothing has settled"
    with pytest.raises(BenchFault) as late:
        ending.reached(row(4601.0))
    assert late.value.fault == "chamber-not-settled"


def soaked(time: float, air: float = 25.0, cold: float = 25.0, hot: float = 25.0) -> list[float]:
    found = row(time)
    for name, value in (
        (columns.AMBIENT, air), (columns.CELL_TEMPERATURE_MIN, cold), (columns.CELL_TEMPERATURE_MAX, hot),
    ):  # fmt: skip
        found[INDEX[name]] = value
    return found


@pytest.mark.parametrize(
    ("before", "now", "settled"),
    [
        ({}, {}, True), ({}, {"air": 27.0}, True), ({}, {"air": nextafter(27.0, 30.0)}, False),
        ({}, {"air": nan}, False),
        # A drift of 1 K/h is a sixth of a kelvin in ten minutes.
        ({"cold": 23.0}, {"cold": 23.16}, True), ({"cold": 23.0}, {"cold": 23.17}, False),
        ({"hot": 27.0}, {"hot": 26.84}, True), ({"hot": 27.0}, {"hot": 26.83}, False),
        ({"cold": 22.9}, {"cold": 22.99}, False), ({"hot": 27.1}, {"hot": 27.01}, False),
        ({}, {"cold": nan}, False), ({}, {"hot": nan}, False), ({"cold": nan}, {}, False), ({"hot": nan}, {}, False),
    ],
)  # fmt: skip
def test_air_and_every_cell_have_settled_where_both_are_known_to_have(
    before: dict[str, float], now: dict[str, float], settled: bool
) -> None:
    settling = TemperatureSettling(25.0, ChamberLimits(), 10.0)
    assert settling.settled(soaked(0.0, **before)) is False
    assert settling.settled(soaked(600.0, **now)) is settled


class Settles:
    """Says when air and cells have settled, as it is told."""

    def __init__(self) -> None:
        self.so, self.asked = False, list[tuple[float, str]]()

    def settled(self, _row: object) -> bool:
        return self.so

    def failure(self, _row: object, waited: float, alarm: str) -> str:
        self.asked.append((waited, alarm))
        return "it is cold."

    def __str__(self) -> str:
        return "all is warm"


def test_a_soak_that_has_settled_ends_no_sooner_than_it_has_to_take() -> None:
    place = SimpleNamespace(roles=SimpleNamespace(chamber=SimpleNamespace(alarm=lambda: "its door")))
    settles = Settles()
    ending = Settled(cast("TemperatureSettling", settles), cast("Place", place), 100.0, timeout=7200.0, at_least=60.0)
    settles.so = True
    assert [ending.reached(row(time)) for time in (100.0, nextafter(160.0, 0.0), 160.0)] == [None, None, "all is warm"]
    settles.so = False
    assert ending.reached(row(7300.0)) is None
    with pytest.raises(BenchFault, match="it is cold"):
        ending.reached(row(nextafter(7300.0, inf)))
    assert settles.asked == [(7200.0, "its door")]


@pytest.mark.parametrize(
    ("given", "at_least", "longest", "told"),
    [
        (None, 0.0, 43_200.0, "12 h 00 min"), (600.0, 0.0, 600.0, "10 min 00 s"), (600.0, 3600.0, 3600.0, "1 h 00 min"),
        (None, 1e5, 1e5, "27 h 46 min"), (600.0, 600.0, 600.0, "10 min 00 s"),
    ],
)  # fmt: skip
def test_a_soak_may_take_what_it_is_given_or_what_the_chamber_is_and_never_less_than_it_has_to(
    little_bench: TestBench, given: float | None, at_least: float, longest: float, told: str
) -> None:
    soak = procedure_for(Soak(40.0, timeout=given), little_bench.engine.bench)
    ending = soak.ending(100.0, at_least)
    assert ending.reached(row(100.0 + longest)) is None
    with pytest.raises(BenchFault, match=f"within {told}: air is at"):
        ending.reached(row(nextafter(100.0 + longest, inf)))


def test_a_step_that_does_not_end_says_how_things_stood(four_cells: PackFile) -> None:
    """A strategy that waits for a charge that its BMS does not allow: nobody should have to open the recording."""
    ending = Conditions(FastRecharge(until=soc_above(0.8), timeout=60.0), four_cells, 0.0)
    last = row(61.0)
    for name, value in ((columns.SOC, 0.352), (columns.CURRENT, 0.0), (columns.CHARGE_LIMIT, 0.0)):
        last[INDEX[name]] = value
    last[INDEX[columns.DISCHARGE_LIMIT]] = nan
    with pytest.raises(BenchFault) as late:
        ending.reached(last)
    text = "In the end: at 35.2% by the BMS, 0 A flow, it allows 0 A to be charged with."
    assert str(late.value).endswith(text)


@pytest.mark.parametrize(
    ("step", "hours"),
    [
        (Rest(elapsed(hours=1)), None),  # ends by its time
        (Discharge("1C", until=soc_above(1.0)), 5.0),  # an hour is expected
        (Discharge("C/3", until=soc_above(1.0)), 13.0),
        (Discharge("1C", until=soc_above(1.0), timeout=1800.0), 0.5),
        # The BMS says how fast: down to the current that ends it, and that is no fault of the bench.
        (FastRecharge(until=[soc_above(0.8), current_below("C/20", hold=60)]), 20.0),
        (FastRecharge(until=[soc_above(0.8), current_below("C/2")]), 3.0),
        (FastRecharge(until=[soc_above(0.8), current_below("C/20")], timeout=1800.0), 0.5),
        (FastRecharge(until=soc_above(0.8)), 3.0),
        (Charge("1C", until=current_below("C/20")), 20.0),
    ],
)
def test_a_step_may_take_four_times_as_long_as_is_expected_and_an_hour(
    four_cells: PackFile, step: Step, hours: float | None
) -> None:
    ending = Conditions(step, four_cells, 100.0)
    if hours is None:
        assert ending.reached(row(100 + 3600.0)) is not None
        return
    assert ending.reached(row(100 + 3600 * hours)) is None
    with pytest.raises(BenchFault, match="did not end within") as late:
        ending.reached(row(100 + 3600 * hours + 1))
    assert late.value.fault == "step-not-ended"
