"""A time limit for one action: kept by a thread, and done without where there is no thread to be had."""

from threading import Event, Thread

import pytest

from bench.safety.timelimit import OutOfTime, in_time


def test_an_action_that_hangs_is_left_behind() -> None:
    with pytest.raises(OutOfTime, match=r"did not come back within 0\.05 s"):
        in_time(Event().wait, 0.05)


def test_whether_it_is_still_wanted_is_asked_twenty_times_a_second() -> None:
    asked: list[bool] = []

    def given_up() -> bool:
        asked.append(len(asked) == 2)
        return asked[-1]

    with pytest.raises(OutOfTime, match="was given up for something more urgent"):
        in_time(Event().wait, 60.0, given_up)
    assert asked == [False, False, True]
    asked = [True] * 5
    with pytest.raises(OutOfTime, match=r"did not come back within 0\.2 s"):
        in_time(Event().wait, 0.2, given_up)
    assert asked[5:] == [False] * 4


@pytest.mark.parametrize("refusal", [RuntimeError("can't start new thread"), MemoryError()])
def test_an_action_is_carried_out_though_no_thread_can_be_had(
    refusal: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_thread: Thread) -> None:
        raise refusal

    monkeypatch.setattr(Thread, "start", refused)
    assert in_time(lambda: "done", 1.0) == "done"
    with pytest.raises(ZeroDivisionError):
        in_time(lambda: 1 / 0, 1.0)
