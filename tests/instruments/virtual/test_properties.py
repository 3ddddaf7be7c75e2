"""Properties of one world: brought, seen and changed by several who know nothing of each other."""

from collections.abc import Callable
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments.virtual.properties import Properties, Property
from tests.instruments.virtual.conftest import OpenBench


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_newest_change_that_lasts_counts_in_whatever_order_they_end(order: tuple[int, ...]) -> None:
    leak = Property("insulation", "Ohm", 2e7)
    ends = [leak.change(ohms) for ohms in (1e6, 0.0, 3e5)]
    left = {0: 1e6, 1: 0.0, 2: 3e5}
    for place in order:
        assert leak.value == left[max(left)]
        ends[place]()
        ends[place]()
        del left[place]
    assert leak.value == 2e7
    leak.value = 4e6
    ends[0]()
    assert leak.value == 4e6


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.floats(0, 1e9)), max_size=30))
def test_whatever_comes_and_goes_leaves_the_property_as_it_was(steps: list[tuple[bool, int, float]]) -> None:
    leak, ends = Property("insulation", "Ohm", 2e7), list[Callable[[], None]]()
    for comes, which, ohms in steps:
        if comes or not ends:
            ends.append(leak.change(ohms))
            assert leak.value == ohms
        else:
            ends.pop(which % len(ends))()
    for end in ends:
        end()
    assert leak.value == 2e7


def test_of_two_leaks_the_second_outlasts_the_first_and_leaves_nothing_behind(open_bench: OpenBench) -> None:
    bench = open_bench("supply", "bms")
    leak = bench.world.part("bms").leak
    sound = leak.value
    bench.world.inject("insulation:1e6@10+10", "insulation:5e5@15+10")
    seen = []
    for _ in range(3):
        bench.world.advance(6.0)
        seen.append(leak.value)
    bench.world.advance(4.0)  # the first has ended
    seen.append(leak.value)
    bench.world.advance(4.0)
    assert seen == [sound, 1e6, 5e5, 5e5]
    assert leak.value == sound


def test_who_only_looks_sees_what_is_brought_later() -> None:
    properties = Properties()
    seen = properties.see("insulation", "Ohm", by="tester", absent=1e9)
    assert seen.value == 1e9
    assert properties.see("insulation", "Ohm", by="another", absent=7.0).value == 1e9
    properties.bring("insulation", "Ohm", by="bms", default=2e7)
    assert seen.value == 2e7
    properties.bring("insulation", "Ohm", by="tester", default=3e7)
    assert seen.value == 2e7


def test_two_may_give_the_same_value_and_one_may_correct_itself() -> None:
    properties = Properties()
    leak = properties.bring("insulation", "Ohm", by="bms", default=2e7, value=5e6)
    properties.bring("insulation", "Ohm", by="tester", default=1e9, value=5e6)
    properties.bring("insulation", "Ohm", by="bms", default=2e7, value=6e6)
    assert leak.value == 6e6


def test_a_value_of_0_is_one_that_was_given() -> None:
    assert Properties().bring("insulation", "Ohm", by="bms", default=2e7, value=0.0).value == 0.0


def test_worlds_have_properties_of_their_own() -> None:
    one, other = (Properties().bring("insulation", "Ohm", by="bms", default=2e7) for _ in range(2))
    one.change(1.0)
    assert other.value == 2e7
