"""The interpreter's interval is left as it was, whoever of several that needed it shorter ends first."""

import sys
from itertools import permutations

import pytest

from instruments.attention import let_go_within

WHOLE_MICROSECONDS = 2e-6
"""s: Python keeps the interval in whole microseconds, cut off."""


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_shortest_of_those_who_still_need_it_counts_in_whatever_order_they_end(order: tuple[int, ...]) -> None:
    before = sys.getswitchinterval()
    needs = (0.0004, 0.0001, 0.0002)
    ends = [let_go_within(need) for need in needs]
    left = dict(enumerate(needs))
    for place in order:
        assert sys.getswitchinterval() == pytest.approx(min(before, *left.values()), abs=WHOLE_MICROSECONDS)
        ends[place]()
        del left[place]
    assert sys.getswitchinterval() == pytest.approx(before, abs=WHOLE_MICROSECONDS)


def test_who_has_ended_ends_nobody_else() -> None:
    before = sys.getswitchinterval()
    first, second = let_go_within(0.0001), let_go_within(0.0003)
    first()
    first()
    assert sys.getswitchinterval() == pytest.approx(min(before, 0.0003), abs=WHOLE_MICROSECONDS)
    second()
    assert sys.getswitchinterval() == pytest.approx(before, abs=WHOLE_MICROSECONDS)


def test_nobody_has_it_longer_than_it_was() -> None:
    before = sys.getswitchinterval()
    end = let_go_within(1.0)
    assert sys.getswitchinterval() == pytest.approx(before, abs=WHOLE_MICROSECONDS)
    end()


def test_what_somebody_else_has_set_comes_back_to_the_microsecond() -> None:
    before = sys.getswitchinterval()
    try:
        sys.setswitchinterval(0.0002)
        found = sys.getswitchinterval()
        for _ in range(20):
            let_go_within(0.0001)()
        assert sys.getswitchinterval() == pytest.approx(found, abs=1.5e-6)
    finally:
        sys.setswitchinterval(before)
