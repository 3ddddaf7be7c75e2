"""What is repeated turn by turn: who sends goes first, each period by itself, and what has ended is over."""

from collections.abc import Callable
from itertools import permutations

import pytest

from instruments.wires.wheel import SWITCH, Wheel


class Clock:
    """Calls back when it is told to, also those whose ending it has not heard of yet."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, Callable[[], None]]] = []
        self.ended = 0

    def every(self, period: float, callback: Callable[[], None]) -> Callable[[], None]:
        self.calls.append((period, callback))

        def end() -> None:
            self.ended += 1

        return end

    def strike(self, number: int = -1) -> None:
        self.calls[number][1]()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def turn(heard: list[str], name: str) -> tuple[Callable[[], None], Callable[[], None]]:
    return lambda: heard.append(f"{name} sends"), lambda: heard.append(f"{name} reads")


def test_everybody_sends_before_anybody_reads(clock: Clock) -> None:
    wheel, heard = Wheel(clock.every), list[str]()
    for name in "ab":
        wheel.add(0.1, *turn(heard, name))
    clock.strike()
    assert heard == ["a sends", "b sends", "a reads", "b reads"]
    assert [period for period, _ in clock.calls] == [0.1]


def test_periods_turn_by_themselves(clock: Clock) -> None:
    wheel, heard = Wheel(clock.every), list[str]()
    wheel.add(0.1, *turn(heard, "fast"))
    wheel.add(1.0, *turn(heard, "slow"))
    clock.strike(0)
    clock.strike(1)
    assert heard == ["fast sends", "fast reads", "slow sends", "slow reads"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_clock_is_let_go_with_the_last_of_a_period(clock: Clock, order: tuple[int, ...]) -> None:
    wheel, heard = Wheel(clock.every), list[str]()
    ends = [wheel.add(0.1, *turn(heard, name)) for name in "abc"]
    left = list("abc")
    for number in order:
        assert clock.ended == 0
        ends[number]()
        left.remove("abc"[number])
        heard.clear()
        clock.strike()
        assert heard == [f"{name} sends" for name in left] + [f"{name} reads" for name in left]
    assert clock.ended == 1


def test_who_ends_in_the_middle_of_a_turn_leaves_the_others_theirs(clock: Clock) -> None:
    wheel, heard = Wheel(clock.every), list[str]()
    ends: list[Callable[[], None]] = []

    def leave() -> None:
        ends[0]()

    ends.append(wheel.add(0.1, leave, lambda: heard.append("a reads")))
    wheel.add(0.1, *turn(heard, "b"))
    clock.strike()
    clock.strike()
    assert heard == ["b sends", "a reads", "b reads", "b sends", "b reads"]


def test_a_turn_that_was_on_its_way_when_it_was_put_off_does_not_count(clock: Clock) -> None:
    """The node would hear two requests with less than a period between them."""
    wheel, heard = Wheel(clock.every), list[str]()
    wheel.add(0.1, *turn(heard, "a"))
    wheel.begin_anew(0.1)
    assert clock.ended == 1
    clock.strike(0)
    assert heard == []
    clock.strike(1)
    assert heard == ["a sends", "a reads"]


def test_what_does_not_turn_cannot_be_put_off_and_can_begin_again(clock: Clock) -> None:
    wheel, heard = Wheel(clock.every), list[str]()
    wheel.begin_anew(0.1)
    assert clock.calls == []
    wheel.add(0.1, *turn(heard, "a"))()
    wheel.begin_anew(0.1)
    assert len(clock.calls) == clock.ended == 1
    wheel.add(0.1, *turn(heard, "b"))
    clock.strike(0)  # of the turns that were over
    assert heard == []
    clock.strike(1)
    assert heard == ["b sends", "b reads"]


@pytest.mark.parametrize("real_time", [True, False])
def test_threads_let_go_sooner_only_where_time_is_real_and_only_while_it_turns(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, real_time: bool
) -> None:
    needs: list[float] = []

    def let_go_within(interval: float) -> Callable[[], None]:
        needs.append(interval)
        return needs.clear

    monkeypatch.setattr("instruments.wires.wheel.let_go_within", let_go_within)
    wheel = Wheel(clock.every, real_time=real_time)
    ends = [wheel.add(0.1, *turn([], name)) for name in "ab"]
    wheel.begin_anew(0.1)
    assert needs == ([SWITCH] if real_time else [])
    ends[0]()
    assert needs == ([SWITCH] if real_time else [])
    ends[1]()
    assert needs == []
