"""The inverter that supplies a load from a car: what it carries, for how long, when it tries again, what it tells."""

from collections.abc import Callable
from math import inf, nan, nextafter

import pytest

from bench import columns
from bench.columns import DERIVED, INDEX
from bench.grid.steps import Supply
from bench.running.procedures.pointwise import ROUNDING
from bench.running.procedures.supply import Inverter, SupplyState
from bench.testing import TestBench
from bench.verdicts import InputError

On = Callable[..., TestBench]
RATED, LOWEST, MINIMUM = 10000.0, 3.0, 0.2
ON, TRIPPED, EMPTY = SupplyState.ON, SupplyState.TRIPPED, SupplyState.EMPTY
OVER, SHORT = 11000.0, 3 * RATED
LATE, EARLY = 5.0 + ROUNDING, 10.0 - ROUNDING
"""s that an overload is carried, and after which it tries again: a sum of periods is never quite what it should be."""


def row(soc: float = 0.5, cell: float = 3.6) -> list[float]:
    found = [nan] * len(DERIVED)
    found[INDEX[columns.SOC]], found[INDEX[columns.CELL_VOLTAGE_MIN]] = soc, cell
    return found


def inverter() -> Inverter:
    """Carries more than its power for 5 s, and tries again after 10 s."""
    return Inverter(Supply([(0.0, 1.0), (60.0, 1.0)], minimum=MINIMUM, overload=5.0, restart=10.0), RATED, LOWEST)


def states(*loads: tuple[float, float]) -> list[SupplyState]:
    """Behind each load of so many W at a time, s; what is given is the load or nothing."""
    found, one = [], inverter()
    for time, load in loads:
        assert one.gives(load, row(), time) == (load if one.state is ON else 0.0)
        found.append(one.state)
    return found


def test_its_own_power_it_carries_for_ever_and_the_least_more_for_as_long_as_stated() -> None:
    more = nextafter(RATED, inf)
    assert states((0.0, RATED), (1000.0, RATED), (2000.0, RATED)) == [ON, ON, ON]
    assert states((0.0, more), (LATE, more), (nextafter(LATE, inf), more)) == [ON, ON, TRIPPED]


def test_an_overload_counts_from_where_it_began_and_anew_where_it_was_over() -> None:
    assert states((0.0, RATED), (4.0, OVER), (9.0, OVER), (9.1, OVER)) == [ON, ON, ON, TRIPPED]
    assert states((0.0, OVER), (4.0, RATED), (6.0, OVER), (11.0, OVER), (11.1, OVER)) == [ON, ON, ON, ON, TRIPPED]


def test_a_short_circuit_is_not_carried_at_all_and_what_is_just_none_is() -> None:
    assert states((0.0, SHORT)) == [ON]
    assert states((0.0, nextafter(SHORT, inf))) == [TRIPPED]


def test_one_that_has_switched_off_tries_again_when_its_time_is_over_and_an_overload_counts_anew() -> None:
    tripped = ((0.0, 2 * SHORT), (nextafter(EARLY, 0.0), 100.0))
    assert states(*tripped, (EARLY, 100.0)) == [TRIPPED, TRIPPED, ON]
    assert states((-1.0, OVER), *tripped, (10.0, OVER), (15.0, OVER), (15.1, OVER)) == [
        ON, TRIPPED, TRIPPED, ON, ON, TRIPPED,
    ]  # fmt: skip
    assert states(*tripped, (10.0, 2 * SHORT), (19.9, 100.0), (20.0, 100.0)) == [
        TRIPPED, TRIPPED, TRIPPED, TRIPPED, ON,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"soc": MINIMUM}, EMPTY), ({"soc": nextafter(MINIMUM, 1.0)}, ON), ({"soc": 0.0}, EMPTY),
        ({"cell": LOWEST}, EMPTY), ({"cell": nextafter(LOWEST, 4.0)}, ON),
        ({"soc": nan}, ON), ({"cell": nan}, ON),  # what is missing has a limit of its own
    ],
)  # fmt: skip
def test_at_the_least_charge_or_the_lowest_voltage_it_is_empty(values: dict[str, float], state: SupplyState) -> None:
    one = inverter()
    assert one.gives(100.0, row(**values), 0.0) == (100.0 if state is ON else 0.0)
    assert one.state is state


@pytest.mark.parametrize("before", [100.0, 2 * SHORT], ids=["on", "tripped"])
def test_one_that_is_empty_stays_so_whatever_there_is_afterwards(before: float) -> None:
    one = inverter()
    one.gives(before, row(), 0.0)
    one.gives(100.0, row(soc=MINIMUM), 1.0)
    assert one.gives(100.0, row(soc=0.9), 100.0) == 0.0
    assert one.gives(2 * SHORT, row(soc=0.9), 200.0) == 0.0
    assert one.state is EMPTY


def test_each_change_of_the_inverter_is_told_once(on: On) -> None:
    load = [(0.0, 2000.0), (4.0, 50000.0), (4.4, 2000.0), (20.0, 2000.0)]
    run = on("virtual-vehicle").run(Supply(load, restart=10.0))
    told = [event["text"] for event in run.events if event["type"] == "message" and "inverter" in event["text"]]
    assert told == [
        "The inverter is tripped at 5e+04 W, 4 s into the step.", "The inverter is on at 2000 W, 14 s into the step.",
    ]  # fmt: skip
    (started,) = [event for event in run.events if event["type"] == "step started"]
    assert (started["set_points"]["minimum"], started["set_points"]["restart"]) == (0.1, 10.0)


@pytest.mark.parametrize(
    ("load", "minimum", "why"),
    [
        ([(0.0, 100.0), (9.0, -1.0)], 0.1, "a load of -1 W gives something back"),
        ([(0.0, 0.0), (9.0, 0.0)], 0.1, "the load is 0 throughout"),
        ([(0.0, 100.0), (9.0, 0.0)], -0.01, "a minimum of -0.01: give a state of charge from 0 to 1"),
        ([(0.0, 100.0), (9.0, 0.0)], 1.0, "a minimum of 1: give a state of charge from 0 to 1"),
    ],
)
def test_what_no_load_and_no_minimum_can_be_is_refused(
    on: On, load: list[tuple[float, float]], minimum: float, why: str
) -> None:
    with pytest.raises(InputError, match=why):
        on("virtual-vehicle").run(Supply(load, minimum=minimum))
