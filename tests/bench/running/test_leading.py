"""Leading cells to a temperature: how far coolant goes beyond it, by hand, and that nothing is asked for twice."""

from math import nan
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench.columns import CELL_TEMPERATURE_MAX, CELL_TEMPERATURE_MIN, DERIVED, INDEX
from bench.pack import PackFile
from bench.running.procedures.base import Stage
from bench.running.procedures.leading import AHEAD, FINE, Leading, cells, conditioner
from tests.bench.running.test_managed_stretch import Roles


class Instruments:
    """A chamber and a coolant unit of -30 to 60 degC, and all that is asked of them and told of it."""

    def __init__(self, pack: PackFile, can: tuple[float, float] = (-30.0, 60.0)) -> None:
        self.asked, self.noted, self.told = list[tuple[Any, ...]](), list[float](), list[dict[str, Any]]()
        ask = self.asked.append
        roles = Roles(
            chamber=SimpleNamespace(set_temperature=lambda *what: ask(("chamber", *what))),
            coolant=SimpleNamespace(set_temperature=lambda *what: ask(("coolant", *what)), temperature_range=can),
        )
        self.place: Any = SimpleNamespace(pack=pack, roles=roles)
        event = lambda kind, **what: self.told.append({"kind": kind, **what})  # noqa: E731
        sampler = SimpleNamespace(ask_temperature=self.noted.append)
        self.stage = cast("Stage", SimpleNamespace(place=self.place, sampler=sampler, log=SimpleNamespace(event=event)))


@pytest.fixture
def bench(four_cells: PackFile) -> Instruments:
    """Of the little pack, which may be charged from -10 to 50 degC."""
    return Instruments(four_cells)


def row(cold: float, hot: float | None = None) -> list[float]:
    found = [nan] * len(DERIVED)
    found[INDEX[CELL_TEMPERATURE_MIN]], found[INDEX[CELL_TEMPERATURE_MAX]] = cold, cold if hot is None else hot
    return found


def test_cells_are_as_warm_as_the_mean_of_the_coldest_and_the_hottest() -> None:
    assert cells(row(10.0, 16.0)) == 13.0


@pytest.mark.parametrize(
    ("at", "target", "more", "asked"),
    [
        # Three times as far as the cells are away, in 2 K, within what is led at most and the pack may have.
        (25.0, 25.0, {}, 25.0), (24.5, 25.0, {}, 25.0), (24.4, 25.0, {}, 27.0), (24.0, 25.0, {}, 27.0),
        (22.0, 25.0, {}, 31.0), (28.0, 25.0, {}, 19.0), (10.0, 25.0, {}, 45.0), (-30.0, 25.0, {}, 45.0),
        (60.0, 25.0, {}, 5.0), (20.0, 35.0, {}, 50.0), (20.0, 0.0, {}, -10.0),
        # In half a kelvin, for what follows a curve.
        (24.9, 25.0, {"step": FINE}, 25.0), (24.8, 25.0, {"step": FINE}, 25.5), (24.0, 25.0, {"step": FINE}, 27.0),
        # At most so far ahead of the cells, beside a charge.
        (10.0, 25.0, {"ahead": AHEAD}, 21.0), (22.0, 25.0, {"ahead": AHEAD}, 31.0),
        (40.0, 25.0, {"ahead": AHEAD}, 29.0),
    ],
)  # fmt: skip
def test_coolant_goes_beyond_the_target_by_what_the_cells_are_away(
    bench: Instruments, at: float, target: float, more: dict[str, float], asked: float
) -> None:
    Leading.around(bench.place, "coolant", target).lead(bench.stage, row(at - 1, at + 1), target, **more)
    assert bench.asked == [("coolant", asked)]
    assert bench.told == [
        {"kind": "set point", "instrument": "coolant", "quantity": "temperature", "value": asked, "unit": "°C"}
    ]
    assert bench.noted == []


def test_a_chamber_is_asked_for_just_the_target_wherever_the_cells_are(bench: Instruments) -> None:
    leading = Leading.around(bench.place, "chamber", 25.0)
    for at in (10.0, nan, 40.0):
        leading.lead(bench.stage, row(at), 25.0)
    assert bench.asked == [("chamber", 25.0, None)]
    assert bench.noted == [25.0]
    assert [each["instrument"] for each in bench.told] == ["chamber"]


def test_nothing_is_asked_for_twice_nor_while_nobody_knows_the_cells(bench: Instruments) -> None:
    leading = Leading.around(bench.place, "coolant", 25.0)
    for at in (nan, 22.0, 22.0, 22.1, nan, 25.0, 22.0):
        leading.lead(bench.stage, row(at), 25.0)
    leading.ask(bench.stage, nan)
    assert bench.asked == [("coolant", 31.0), ("coolant", 25.0), ("coolant", 31.0)]
    assert len(bench.told) == 3


@pytest.mark.parametrize(
    ("by", "target", "lead", "low", "high"),
    [
        ("coolant", 25.0, 20.0, 5.0, 45.0), ("coolant", 25.0, 5.0, 20.0, 30.0), ("chamber", 25.0, 5.0, 25.0, 25.0),
        ("coolant", 40.0, 20.0, 20.0, 50.0), ("coolant", 0.0, 20.0, -10.0, 20.0),
        # What cannot be: it is asked for all the same, for pre-flight to refuse it.
        ("coolant", 80.0, 20.0, 50.0, 80.0), ("coolant", -60.0, 20.0, -60.0, -10.0),
        ("chamber", 80.0, 20.0, 80.0, 80.0),
    ],
)  # fmt: skip
def test_what_leads_to_a_target_may_be_asked_for_that_and_its_lead(
    bench: Instruments, by: str, target: float, lead: float, low: float, high: float
) -> None:
    (of,), (span,) = zip(*Leading.around(bench.place, by, target, lead).envelope.items(), strict=True)
    assert (of, span.low, span.high) == ((by, "temperature"), low, high)


def test_a_unit_that_can_less_than_the_pack_bounds_it(four_cells: PackFile) -> None:
    bench = Instruments(four_cells, (8.0, 33.0))
    leading = Leading.around(bench.place, "coolant", 25.0)
    assert (leading.low, leading.high) == (8.0, 33.0)
    for asked in (7.0, 34.0):
        leading.ask(bench.stage, asked)
    assert bench.asked == [("coolant", 8.0), ("coolant", 33.0)]


def test_the_coolant_unit_conditions_where_there_is_one_and_nobody_says_otherwise(bench: Instruments) -> None:
    assert (conditioner(bench.place), conditioner(bench.place, "chamber")) == ("coolant", "chamber")
    del bench.place.roles["coolant"]
    assert conditioner(bench.place) == "chamber"
