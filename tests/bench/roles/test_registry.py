"""Roles by their names, and the order of several: which steps come first, who is opened behind whom."""

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import columns, roles
from bench.roles import RoleError, SafeStep
from bench.roles.registry import rules
from instruments.roles import Channel
from tests.bench.conftest import Install

OURS = roles.own_names()
SOME = st.lists(st.sampled_from(OURS), min_size=1, unique=True)
WITNESS = replace(roles.role("temperatures"), name="witness", columns=(), steps=(SafeStep("witness off", rank=3),))
LOOP = replace(WITNESS, name="loop", opens_after=("loop",))
TWO = replace(
    WITNESS, name="two",
    steps=(
        SafeStep("first", rank=1, after={"second": "it would be too soon"}),
        SafeStep("second", rank=2, after={"first": "it would be too late"}),
    ),
)  # fmt: skip


# --- the safe state ---------------------------------------------------------------------------------------------------


@given(SOME)
def test_every_step_of_some_roles_is_there_once_and_no_rule_of_theirs_is_broken(played: list[str]) -> None:
    order = roles.safe_order(played)
    steps = {step.name: step for name in played for step in roles.role(name).steps}
    assert sorted(order) == sorted(steps)
    for first, then, why in rules(steps.values()):
        assert order.index(first) < order.index(then), why
    assert roles.safe_order(played[::-1]) == order, "whoever is written first in a station file"


def test_a_current_is_gone_before_a_contactor_opens_and_the_bus_falls_behind_it() -> None:
    for driver in ("sink", "source", "charger"):
        order = roles.safe_order((driver, "bms", "chamber", "emulator"))
        assert order == (
            f"{driver} off", "current gone", "contactor open", "bus discharged", "emulator off", "chamber to rest"
        )  # fmt: skip


def test_a_step_of_two_roles_belongs_to_both() -> None:
    step, owners = roles.steps_of(("sink", "source", "sink"))["current gone"]
    assert (owners, step.acts, step.fact) == (("sink", "source"), False, "pack current")
    assert roles.steps_of(()) == {}
    assert roles.safe_order(()) == ()


def test_steps_that_each_want_to_come_behind_another_have_no_order(install: Install) -> None:
    install("packbench.roles", "two", f"{__name__}:TWO")
    with pytest.raises(RoleError, match="the steps first, second of the safe state each want to come behind another"):
        roles.safe_order(("two", "bms"))


# --- opening ----------------------------------------------------------------------------------------------------------


@given(st.dictionaries(st.text(max_size=4), st.sampled_from(OURS), min_size=1, max_size=8))
def test_an_instrument_is_opened_behind_all_whose_role_its_own_waits_for(played: dict[str, str]) -> None:
    """Nothing can deliver power before everything that could stop it has answered."""
    order = roles.opening_order({name: [role] for name, role in played.items()})
    assert sorted(order) == sorted(played)
    for one, other in product(order, order):
        if played[other] in roles.role(played[one]).opens_after:
            assert order.index(other) < order.index(one)


def test_of_one_that_plays_several_roles_the_last_counts() -> None:
    order = roles.opening_order({"all in one": ["bms", "source", "sink"], "oven": ["chamber"], "cells": ["emulator"]})
    assert order == ["oven", "cells", "all in one"]


@pytest.mark.parametrize("names", [("a", "z"), ("z", "a")])
def test_of_two_sources_the_one_that_is_a_sink_as_well_is_opened_first(names: tuple[str, str]) -> None:
    alone, both = names
    for order in permutations(names):
        played = {alone: ["source"], both: ["source", "sink"]}
        assert roles.opening_order({name: played[name] for name in order}) == [both, alone]


def test_the_order_of_opening_does_not_depend_on_that_of_the_file() -> None:
    played = {"bms": ["bms"], "oven": ["chamber"], "load": ["sink"], "supply": ["source"]}
    for order in permutations(played):
        found = roles.opening_order({name: played[name] for name in order})
        assert found == ["bms", "oven", "load", "supply"]


def test_a_role_that_wants_to_be_opened_behind_itself_is_told(install: Install) -> None:
    install("packbench.roles", "loop", f"{__name__}:LOOP")
    with pytest.raises(RoleError, match="roles loop, loop each want to be opened behind another"):
        roles.opening_order({"x": ["loop"]})


# --- columns ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "played", "by"),
    [
        (columns.VOLTAGE, ("source", "bms"), ("source",)), (columns.VOLTAGE, ("charger", "bms"), ("bms",)),
        (columns.VOLTAGE, ("sink", "source"), ("source",)), (columns.VOLTAGE, (), ()),
        (columns.CELL_VOLTAGE_MIN, ("bms", "emulator"), ("emulator",)), (columns.CELL_VOLTAGE_MIN, ("bms",), ("bms",)),
        (columns.AMBIENT, ("chamber", "chamber", "of nobody any more"), ("chamber",)), ("Nothing / 1", OURS, ()),
    ],
)  # fmt: skip
def test_a_column_is_filled_in_by_who_knows_it_best(column: str, played: tuple[str, ...], by: tuple[str, ...]) -> None:
    assert roles.measured_by(column, played) == by


@pytest.mark.parametrize(
    ("column", "advice"),
    [
        (columns.AMBIENT, "add an instrument that plays chamber"),
        (columns.GRID_POWER, "add an instrument that plays charger"),
        (columns.CELL_VOLTAGE_MIN, "add an instrument that plays bms or emulator"),
        ("Chamber Air / degC", "add an instrument that plays chamber"),
        ("Nothing / 1", "no role of ours measures it"),
    ],
)
def test_who_could_measure_a_column_is_told_as_advice(column: str, advice: str) -> None:
    assert roles.who_measures(column) == advice


def test_columns_of_others_are_theirs_alone(install: Install) -> None:
    assert roles.columns_of_others((*OURS, "of nobody any more")) == ()
    install("packbench.roles", "witness", f"{__name__}:WITNESS")
    assert roles.columns_of_others(("witness", "bms")) == ()


# --- what a player must measure ---------------------------------------------------------------------------------------

Change = Callable[[tuple[Channel, ...]], tuple[object, ...]]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda found: found, ""),
        (lambda found: (*found, Channel("more", "voltage", "V")), ""),
        (lambda found: found[::-1], ""),
        (lambda found: found[1:], "has no channel 'grid power' (it has "),
        (lambda _found: (), "has no channel 'grid power' (it has none)"),
        (lambda found: (replace(found[0], unit="kW"), *found[1:]), "measures as 'grid power' a power in kW and not a "),
        (
            lambda found: (replace(found[0], quantity="voltage"), *found[1:]),
            "measures as 'grid power' a voltage in W and",
        ),
        (lambda found: (*found, found[0]), "has two channels of one name"),
        (lambda found: ("grid power", *found), "tells of its channel 'grid power' neither quantity nor unit"),
    ],
)
def test_an_instrument_that_does_not_measure_what_a_role_must_is_told_why(change: Change, why: str) -> None:
    record = roles.role("charger")
    found = record.unfit(change(record.channels))
    assert found.startswith(why)
    assert bool(found) is bool(why)


# --- which there are --------------------------------------------------------------------------------------------------


def test_every_role_of_ours_is_found_by_its_name_and_nothing_else_is() -> None:
    assert {roles.role(name).name for name in OURS} == set(OURS) <= set(roles.names())
    for name in ("", "Bms", "nobody"):
        with pytest.raises(RoleError, match=f"there is no role {name!r}"):
            roles.role(name)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("witness", "OURS", "is no Role: its entry point must name one"),
        ("eyewitness", "WITNESS", "calls itself 'witness': name its entry point so"),
        ("witness", "NOWHERE", "The role 'witness'"),
    ],
)
def test_a_role_of_a_package_that_cannot_be_used_is_one_sentence(
    install: Install, name: str, value: str, says: str
) -> None:
    install("packbench.roles", name, f"{__name__}:{value}")
    with pytest.raises(RoleError, match=says) as refused:
        roles.role(name)
    assert "\n" not in str(refused.value)
