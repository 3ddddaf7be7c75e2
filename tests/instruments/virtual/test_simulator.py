"""What a simulator is to its world: its place, its specimen, and what a defect puts in the place of a method."""

from collections.abc import Callable
from itertools import permutations, product
from random import Random
from statistics import fmean, stdev
from typing import Any

import pytest
from pydantic import ValidationError

from instruments.virtual.properties import Properties
from instruments.virtual.simulator import Limits, Part, Place, Specimen
from instruments.virtual.terminals import Settling
from models.cell import load_cell
from tests.instruments.virtual.conftest import CELL, OpenBench


class Voice(Part):
    """Says who has had a hand in it, the last one first."""

    def say(self, word: str = "", *, twice: bool = False) -> str:
        return f"voice {word}{word if twice else ''}".strip()


def prefixed(by: str) -> Callable[[Callable[..., str]], Callable[..., str]]:
    return lambda healthy: lambda *arguments, **named: f"{by} {healthy(*arguments, **named)}"


@pytest.mark.parametrize("order", list(permutations("abc")))
def test_each_change_of_a_method_lasts_until_it_is_ended_itself(order: tuple[str, ...]) -> None:
    voice = Voice()
    ends = {name: voice.swap("say", prefixed(name)) for name in "abc"}
    assert voice.say("on") == "c b a voice on"
    left = list("cba")
    for name in order:
        ends[name]()
        left.remove(name)
        assert voice.say("on") == " ".join([*left, "voice on"])
    assert "say" not in vars(voice)


@pytest.mark.parametrize(("first", "then"), list(product("ab", "cd")))
def test_one_that_comes_again_stands_on_those_that_last(first: str, then: str) -> None:
    voice = Voice()
    ends = {name: voice.swap("say", prefixed(name)) for name in "ab"}
    ends[first]()
    kept = "b" if first == "a" else "a"
    ends |= {name: voice.swap("say", prefixed(name)) for name in "cd"}
    assert voice.say() == f"d c {kept} voice"
    ends[then]()
    assert voice.say() == f"{'d' if then == 'c' else 'c'} {kept} voice"


def test_to_end_a_change_twice_ends_no_other() -> None:
    voice = Voice()
    first, _second = voice.swap("say", prefixed("a")), voice.swap("say", prefixed("a"))
    for _ in range(3):
        first()
    assert voice.say("on", twice=True) == "a voice onon"


def test_a_change_is_of_one_specimen_and_of_one_method() -> None:
    voice, other = Voice(), Voice()
    end = voice.swap("say", lambda _healthy: lambda: "nothing")
    voice.swap("transmit", lambda _healthy: lambda: "sent")
    end()
    assert (voice.say(), voice.transmit()) == ("voice", "sent")
    assert other.transmit() is None


def test_of_two_defects_of_one_instrument_each_is_mended_by_itself(open_bench: OpenBench) -> None:
    """They are put in the place of the same method."""
    bench = open_bench("supply", "load")
    bench.world.inject("refuses-sets:supply", "ignores-set:supply")
    bench.world.repair("ignores-set")
    bench.say("supply", "SYST:LOCK ON")
    assert bench.ask("supply", "SYST:ERR?") == '-200,"Execution error"'
    bench.world.inject("ignores-set:supply")
    bench.world.repair("refuses-sets")
    bench.say("supply", "SYST:LOCK ON", "VOLT 12")
    assert bench.ask("supply", "SYST:ERR?;:VOLT?") == '0,"No error";0.00V'
    bench.world.repair("ignores-set")
    bench.say("supply", "SYST:LOCK ON", "VOLT 12")
    assert bench.ask("supply", "VOLT?") == "12.00V"


# --- its place --------------------------------------------------------------------------------------------------------


def place(**changes: Any) -> Place:
    given: dict[str, Any] = {
        "name": "meter", "specimen": Specimen("M", "1"), "clock": lambda: 0.0, "settling": Settling(),
        "cell": load_cell(CELL), "series": 4, "parallel": 1, "temperature": 25.0, "properties": Properties(),
    }  # fmt: skip
    return Place(**given | changes)


def test_who_stands_in_for_the_battery_is_told_that_there_is_none_yet() -> None:
    with pytest.raises(ValueError, match="meter has an emulator port, so that it is there before the battery"):
        _ = place().plant


def test_who_is_on_a_line_is_told_that_it_has_no_bus() -> None:
    with pytest.raises(
        ValueError, match="meter is registered for a line, so that it is on no bus: register it for CAN"
    ):
        _ = place().channel


def test_without_a_table_of_the_pack_the_cell_s_own_steps_hold() -> None:
    steps = place().steps
    assert steps.most > 0
    assert place(table=steps).steps is steps


# --- its errors -------------------------------------------------------------------------------------------------------


def test_an_error_of_a_limit_is_anywhere_within_it_and_never_beyond() -> None:
    random = Random(1)
    drawn = [Limits(offset=0.3).drawn(random, 0.3) for _ in range(2000)]
    assert all(abs(each) <= 0.3 for each in drawn)
    assert (min(drawn), max(drawn)) == pytest.approx((-0.3, 0.3), abs=0.01)
    assert fmean(drawn) == pytest.approx(0.0, abs=0.02)


def test_an_error_of_a_certificate_has_its_expanded_uncertainty_divided_by_its_coverage() -> None:
    random = Random(1)
    drawn = [Limits(offset=0.3, coverage=2.0).drawn(random, 0.3) for _ in range(2000)]
    assert stdev(drawn) == pytest.approx(0.15, rel=0.05)
    assert max(drawn) > 0.3


@pytest.mark.parametrize(
    "wrong", [{"reading": -0.1}, {"reading": 1.0}, {"range": 1.0}, {"offset": -1.0}, {"coverage": 0.0}, {"gain": 1.0},
              {"offset": float("inf")}, {"reading": float("nan")}],
)  # fmt: skip
def test_limits_that_no_meter_has_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Limits(**wrong)
