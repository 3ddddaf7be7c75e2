"""Scenarios are data: rates as an engineer writes them, steps that always have an end, sentences about both."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.asking import AskOperator
from bench.grid.steps import FollowPower
from bench.pack import PackFile
from bench.road import Drive
from bench.scenario import (
    Charge,
    Discharge,
    FastRecharge,
    Profile,
    Pulse,
    Rest,
    Soak,
    Step,
    Until,
    amperes,
    c_rate,
    cell_voltage_above,
    cell_voltage_below,
    current_below,
    elapsed,
    full_discharge,
    soc_above,
    soc_below,
    standard_charge,
)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("1C", 1.0), ("C", 1.0), ("C/3", 1 / 3), ("0.5C", 0.5), (".5C", 0.5), ("2C/3", 2 / 3), (" 2 C / 20 ", 0.1)],
)
def test_a_rate_is_read_as_it_is_written(text: str, rate: float) -> None:
    assert c_rate(text) == pytest.approx(rate)


@pytest.mark.parametrize(
    "text", ["", "3", "C3", "1c", "-1C", "C/", "C/0", "C/0.0", "1C/3/2", "one C", "1C\nC", "infC", "1e3C"]
)
def test_what_is_no_rate_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="is no C-rate"):
        c_rate(text)


@given(times=st.decimals(0, 100, places=3), hours=st.decimals("0.001", 1000, places=3))
def test_times_c_over_hours(times: object, hours: object) -> None:
    assert c_rate(f"{times}C/{hours}") == pytest.approx(float(str(times)) / float(str(hours)))


@given(st.text(max_size=12))
def test_any_text_is_a_positive_rate_or_refused(text: str) -> None:
    try:
        assert c_rate(text) >= 0
    except ValueError:
        with pytest.raises(ValueError, match=re.escape(repr(text))):
            c_rate(text)


def test_a_rate_refers_to_the_rated_capacity_and_a_number_is_amperes(four_cells: PackFile) -> None:
    assert amperes("C/2", four_cells) == pytest.approx(1.0)
    assert amperes(3, four_cells) == 3.0


@pytest.mark.parametrize(
    "step",
    [
        Rest([], name="r"), Charge("1C", []), Discharge("1C", ()), FastRecharge([]),
        Rest(), Charge("C/3"), Discharge(1.0), FastRecharge(),
    ],
)  # fmt: skip
def test_a_step_without_an_end_condition_has_none(step: Step) -> None:
    with pytest.raises(ValueError, match=rf"step {step.name!r} has no end condition: give it an `until`"):
        _ = step.conditions


@pytest.mark.parametrize("until", [30, "C/20", None, [elapsed(minutes=1), 0.8]])
def test_what_is_no_end_condition_is_refused_with_an_example(until: object) -> None:
    with pytest.raises(ValueError, match=r"has the end condition .*: write for example elapsed\(minutes=30\)"):
        _ = Rest(until).conditions  # type: ignore[arg-type]


WITH_AN_END_OF_ITS_OWN: Mapping[str, Callable[[Any], Step]] = {
    "profile": lambda until: Profile([(0, 1), (10, 0)], until=until),
    "follow power": lambda until: FollowPower([(0, 100), (10, 0)], until=until),
    "drive": lambda until: Drive("short-hop", until=until),
}  # fmt: skip


@pytest.mark.parametrize("name", WITH_AN_END_OF_ITS_OWN)
def test_a_step_that_ends_by_itself_may_end_before_by_one_condition_or_several(name: str) -> None:
    step = WITH_AN_END_OF_ITS_OWN[name]
    (end,) = step(()).conditions
    assert end.column == "Step Time / s"
    assert step([]).conditions == (end,)
    assert step(soc_above(0.8)).conditions == (soc_above(0.8), end)
    assert step([soc_above(0.8), current_below(1.0)]).conditions == (soc_above(0.8), current_below(1.0), end)


@pytest.mark.parametrize("name", WITH_AN_END_OF_ITS_OWN)
@pytest.mark.parametrize("until", ["30 min", 30, [0.8]])
def test_what_cannot_end_such_a_step_before_is_refused_with_an_example(name: str, until: object) -> None:
    says = rf"step {name!r} has the end condition .*: write for example elapsed\(minutes=30\)"
    with pytest.raises(ValueError, match=says):
        _ = WITH_AN_END_OF_ITS_OWN[name](until).conditions


def test_a_step_cannot_be_changed_once_it_is_made() -> None:
    with pytest.raises(AttributeError):
        Soak(25.0).temperature = 30.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        (elapsed(minutes=30), "Step Time at least 1800 s"),
        (elapsed(hours=1, minutes=1, seconds=1), "Step Time at least 3661 s"),
        (current_below("C/20"), "Current at most C/20 for 10 s"),
        (current_below(0.1, hold=0), "Current at most 0.1 A"),
        (cell_voltage_above(3.6), "Cell Voltage Max at least 3.6 V"),
        (cell_voltage_below(2.5), "Cell Voltage Min at most 2.5 V"),
        (soc_above(0.8), "SOC at least 0.8"),
        (soc_below(0.1), "SOC at most 0.1"),
        (Until("Ambient Temperature / degC", ">=", 40.0, hold=60), "Ambient Temperature at least 40 °C for 60 s"),
    ],
)
def test_a_condition_reads_as_a_sentence(condition: Until, sentence: str) -> None:
    assert str(condition) == sentence


def test_the_expected_duration_of_a_step(four_cells: PackFile) -> None:
    durations = {
        "rest": Rest(elapsed(minutes=30)).expected_duration(four_cells),
        "rest until the earlier of two": Rest([elapsed(hours=2), elapsed(minutes=1)]).expected_duration(four_cells),
        "pulse": Pulse("1C", duration=18).expected_duration(four_cells),
        "discharge": full_discharge(four_cells, "1C").expected_duration(four_cells),
        "discharge with a time": Discharge("1C", elapsed(seconds=60)).expected_duration(four_cells),
        "fast recharge": FastRecharge(soc_above(0.8)).expected_duration(four_cells),
    }
    assert durations == pytest.approx({
        "rest": 1800, "rest until the earlier of two": 60, "pulse": 18, "discharge": 3600,
        "discharge with a time": 60, "fast recharge": 1800,
    })  # fmt: skip
    # Constant voltage takes longer than the charge alone.
    assert standard_charge().expected_duration(four_cells) > 3 * 3600
    assert FastRecharge(elapsed(seconds=60)).expected_duration(four_cells) == 60


def test_a_duration_that_neither_a_time_nor_the_kind_of_step_tells_is_foreseen_by_nobody(four_cells: PackFile) -> None:
    steps = Rest(elapsed(minutes=1)), Pulse("1C", duration=18), Soak(25.0), Rest(soc_above(0.5)), AskOperator("Plug")
    foreseen = [step.foreseen_duration(four_cells) for step in steps]
    assert foreseen == [60.0, 18.0, 7200.0, None, None]


def test_a_full_discharge_ends_at_the_packs_own_limit(four_cells: PackFile) -> None:
    assert full_discharge(four_cells).conditions == (cell_voltage_below(3.05),)


def test_steps_are_named_after_what_they_do() -> None:
    steps = [Soak(0), Rest(elapsed(seconds=1)), FastRecharge(soc_above(1)), Pulse(1.0), standard_charge()]
    assert [(step.kind, step.name, step.step_type) for step in steps] == [
        ("Soak", "soak", "REST"),
        ("Rest", "rest", "REST"),
        ("FastRecharge", "fast recharge", "CCCV_CHG"),
        ("Pulse", "pulse", "CC_DCH"),
        ("Charge", "standard charge", "CCCV_CHG"),
    ]
