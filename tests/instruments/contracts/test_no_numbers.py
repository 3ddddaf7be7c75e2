"""Every verb of every driver that takes a number: what is none, and what makes no sense, is refused unsaid."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from inspect import getmembers, isfunction, signature
from math import inf, nan
from typing import Any

import pytest

from bench.clock import VirtualClock
from instruments.registry import driver_class, driver_names
from instruments.roles import BmsMode, SetPointRejected
from instruments.virtual import open_world
from instruments.wires.context import InstrumentLink, LinkContext
from tests.instruments.contracts.outputs import CHROMA, EA
from tests.instruments.contracts.stand import CELL, SERIES, Case
from tests.instruments.contracts.test_bms import FOXBMS
from tests.instruments.contracts.test_chamber import BINDER, ESPEC, WEISS
from tests.instruments.contracts.test_charger import QUASAR
from tests.instruments.contracts.test_coolant import LAUDA
from tests.instruments.contracts.test_emulator import CAN, SCPI, TABLE, tables

SENSIBLE: Mapping[str, Mapping[str, Any]] = {
    "charge": {"current": 2.0, "voltage": 90.0, "power": 500.0},
    "discharge": {"current": 2.0, "voltage": 80.0, "power": 500.0},
    "protect_source": {"over_voltage": 100.0, "over_current": 20.0, "over_power": 1000.0},
    "protect_sink": {"under_voltage": 60.0, "over_current": 20.0, "over_power": 1000.0},
    "arm_watchdog": {"silence": 10.0},
    "set_temperature": {"temperature": 30.0, "ramp": None},
    "set_flow": {"flow": 8.0},
    "protect_coolant": {"lowest": 5.0, "highest": 60.0},
    "set_grid_power": {"power": 1000.0},
    "keep_asking": {"silence": 5.0},
    "update_resistance": {"resistance": (0.02, 0.02, 0.02), "rows": (0, 2)},
    "emulate": {"cells": tables()},
}
"""Numbers that every driver of a verb takes."""
SIGNED = {("set_temperature", "temperature"), ("protect_coolant", "lowest"), ("protect_coolant", "highest"),
          ("set_grid_power", "power")}  # fmt: skip
"""What may be below 0."""
CASES = (EA, CHROMA, SCPI, CAN, WEISS, ESPEC, BINDER, QUASAR, LAUDA, FOXBMS)
PREPARED: Mapping[str, Callable[[Any], object]] = {
    "update_resistance": lambda driver: driver.emulate(tables()),
    "keep_asking": lambda driver: driver.request_mode(BmsMode.STANDBY),
}
"""What is done before a verb."""


def verbs(driver: str) -> list[str]:
    """Every public verb that takes numbers."""
    taking = ("float", "CellTable")
    return [
        name
        for name, verb in getmembers(driver_class(driver), isfunction)
        if not name.startswith("_")
        and any(word in str(each.annotation) for each in signature(verb).parameters.values() for word in taking)
    ]


def spoilt(verb: str, what: str, good: Any) -> Iterator[Any]:
    """What a number of a verb cannot be, or each of the numbers of a sequence."""
    if what == "rows":
        yield from ((3,), (-1,), (0.5,))
    elif what == "cells":
        for number in (inf, nan, -1.0):
            yield [replace(TABLE, resistance=(0.01, number, 0.01)), *good[1:]]
            yield [*good[1:], replace(TABLE, voltage=(3.0, 3.5, number))]
            yield [replace(TABLE, capacity=number), *good[1:]]
    elif isinstance(good, tuple):
        yield from ((*good[:-1], number) for number in (inf, nan, -inf, -0.01))
    else:
        yield from (inf, nan, -inf, *(() if (verb, what) in SIGNED else (-1.0,)))


def wrong() -> Iterator[Any]:
    for case in CASES:
        for verb in verbs(case.driver):
            for what, good in SENSIBLE[verb].items():
                if what not in signature(getattr(driver_class(case.driver), verb)).parameters:
                    continue
                for number, value in enumerate(spoilt(verb, what, good)):
                    yield pytest.param(case, verb, what, value, id=f"{case.driver}-{verb}-{what}-{number}")


def test_every_driver_with_such_a_verb_is_asked() -> None:
    assert {case.driver for case in CASES} == {name for name in driver_names() if verbs(name)}


@pytest.fixture
def heard() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def opened(request: pytest.FixtureRequest, heard: list[tuple[str, str]]) -> Iterator[Any]:
    """The driver of a case, in front of its simulator; `heard` is what is said on its line."""
    case: Case = request.getfixturevalue("case")
    clock = VirtualClock()
    world = open_world(
        {"simulators": {"it": dict(case.simulator)}, "soc": 0.5}, links={"it": case.address},
        cell=CELL, series=SERIES, parallel=1, serial_number="SN-1", seed=1, defects=(), wait=clock.sleep,
    )  # fmt: skip
    clock.advance = world.advance
    resource, can = world.reached(case.link.resource, case.link.can)
    context = LinkContext(world.visa_library, clock.now, clock.sleep, lambda way, text: heard.append((way, text)))
    driver = driver_class(case.driver).open(InstrumentLink(resource, can, gap=0.0), context, "it", case.options)
    try:
        yield driver
    finally:
        driver.close()
        world.close()


@pytest.mark.parametrize(("case", "verb", "what", "value"), wrong())
def test_a_number_that_makes_no_sense_is_refused_before_anything_is_said(
    opened: Any, heard: list[tuple[str, str]], case: Case, verb: str, what: str, value: Any
) -> None:
    opened.identify()
    PREPARED.get(verb, lambda _driver: None)(opened)
    taken = {name: good for name, good in SENSIBLE[verb].items() if name in signature(getattr(opened, verb)).parameters}
    getattr(opened, verb)(**taken)  # so that all is known that is asked once: what it is rated for, its limits
    heard.clear()
    with pytest.raises(SetPointRejected, match="it: ") as refused:
        getattr(opened, verb)(**taken | {what: value})
    assert [text for way, text in heard if way == ">"] == []
    assert "\n" not in str(refused.value)
