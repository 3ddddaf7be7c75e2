"""What somebody may ask for: so many at once, then as many as time has passed for, and never more saved up."""

import pytest

from bench.managing import allowance
from bench.managing.allowance import Allowance


class Time:
    """Real time that passes when a test says so, s."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    found = Time()
    monkeypatch.setattr(allowance, "monotonic", found)
    return found


def taken(who: Allowance, tries: int) -> int:
    """How many of so many are carried out, where 16 a second may: sixteenths of a second are exact."""
    return sum(who.take(16.0) for _ in range(tries))


def made(time: Time, burst: float) -> Allowance:
    return Allowance(burst, seen=time.now)


@pytest.mark.parametrize(("burst", "admitted"), [(3.0, 3), (1.0, 1), (0.5, 0), (2.9, 2)])
def test_so_many_may_come_at_once(time: Time, burst: float, admitted: int) -> None:
    assert taken(made(time, burst), 20) == admitted


def test_it_grows_again_by_the_rate(time: Time) -> None:
    who = made(time, 5.0)
    assert taken(who, 9) == 5
    time.now += 2 / 16
    assert taken(who, 9) == 2
    for admitted in (0, 1, 0, 1):
        time.now += 1 / 32
        assert taken(who, 9) == admitted, "halves of one make one"


def test_nothing_is_saved_up_beyond_what_may_come_at_once(time: Time) -> None:
    who = made(time, 5.0)
    time.now += 3600.0
    assert taken(who, 99) == 5


def test_who_asks_in_vain_loses_nothing_by_it(time: Time) -> None:
    patient, impatient = made(time, 1.0), made(time, 1.0)
    assert taken(patient, 1) == taken(impatient, 1) == 1
    for _ in range(4):
        assert taken(impatient, 50) == 0
        time.now += 1 / 64
    assert taken(patient, 1) == taken(impatient, 1) == 1
