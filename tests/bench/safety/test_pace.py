"""The test's clock as the supervisor judges it: wrong ones are found, late words are not taken for one."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.safety.pace import Pace

Told = tuple[float, float]


def found_wrong_at(pace: Pace, words: Iterable[Told]) -> float | None:
    """When (s) the clock is taken for wrong."""
    return next((own for own, test in words if not pace.told(own, test)), None)


def beats(period: float, seconds: float) -> list[float]:
    return [period * number for number in range(int(seconds / period))]


late = st.floats(0.0, 1.0)
"""s that a word may take on a loaded computer."""


@given(
    st.lists(st.tuples(st.floats(0.01, 600.0), late), max_size=200), st.sampled_from([1.0, 60.0]), st.floats(0.0, 1e6)
)
def test_a_clock_that_runs_is_never_taken_for_wrong_however_its_words_come(
    gaps: list[tuple[float, float]], speed: float, start: float
) -> None:
    pace, sent, heard = Pace(speed), 0.0, 0.0
    for gap, delay in gaps:
        sent += gap
        heard = max(heard, sent + delay)  # a pipe keeps the order
        assert pace.told(heard, (start + sent) * speed)


@given(st.integers(1, 50), st.floats(5.0, 100.0))
def test_a_word_that_was_read_late_for_once_is_no_wrong_clock(number: int, delay: float) -> None:
    times = beats(1.0, 200.0)
    words = [(own + (delay if index == number else 0.0), own) for index, own in enumerate(times)]
    after = [(max(own, words[number][0]), test) for own, test in words[number + 1 :]]
    # What had waited behind it is read at once, and only the last of that is compared.
    waited = [word for word in after if word[1] <= words[number][0]][-1:]
    later = [word for word in after if word[1] > words[number][0]]
    assert found_wrong_at(Pace(1.0), [*words[: number + 1], *waited, *later]) is None


@pytest.mark.parametrize("period", [0.1, 1.0])
def test_a_clock_that_stands_still_is_found_within_seconds(period: float) -> None:
    words = [(own, min(own, 50.0)) for own in beats(period, 100.0)]
    found = found_wrong_at(Pace(1.0), words)
    assert found is not None
    assert 52.0 < found < 53.0 + 2 * period


@given(st.floats(0.0, 0.85) | st.floats(1.15, 3.0), st.sampled_from([1.0, 60.0]))
def test_a_clock_of_the_wrong_rate_is_found(rate: float, speed: float) -> None:
    assert found_wrong_at(Pace(speed), [(own, own * rate * speed) for own in beats(1.0, 120.0)]) is not None


@given(st.floats(-100.0, -2.5) | st.floats(2.5, 100.0))
def test_a_clock_that_jumps_is_found_with_the_second_word_after_it(jump: float) -> None:
    words = [(own, own + (jump if own >= 50 else 0.0)) for own in beats(0.1, 100.0)]
    assert found_wrong_at(Pace(1.0), words) == pytest.approx(50.1)


@pytest.mark.parametrize(("test", "said"), [(0.0, "fell behind real time by 9.0 s"), (20.0, "ran ahead of real time")])
def test_it_says_which_way_and_how_far(test: float, said: str) -> None:
    pace = Pace(1.0)
    pace.told(0.0, 0.0)
    pace.told(10.0, test)
    assert said in str(pace)
