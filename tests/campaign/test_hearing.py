"""Signals that whoever started this does not hear are heard meanwhile, and by nobody afterwards."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from types import FrameType

import pytest

from campaign.hearing import hearing

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no such signals")
NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SLEEPER = "import sys, time; print('there', flush=True); time.sleep(60)"


@pytest.fixture(params=NUMBERS, ids=lambda number: number.name)
def deaf_to(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    """As a process that a shell without job control started in the background."""
    before = signal.signal(request.param, signal.SIG_IGN)
    yield request.param
    signal.signal(request.param, before)


def ended_by(number: signal.Signals) -> int | None:
    """How a process that is started now ends when it is sent this; None where it does not hear it."""
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"there\n"
        process.send_signal(number)
        try:
            return process.wait(30)
        finally:
            process.kill()


def test_what_is_started_meanwhile_hears_what_this_process_does_not(deaf_to: signal.Signals) -> None:
    with hearing():
        assert ended_by(deaf_to) == -deaf_to


def test_afterwards_it_is_as_deaf_as_before_also_where_something_went_wrong(deaf_to: signal.Signals) -> None:
    with suppress(RuntimeError), hearing():
        assert signal.getsignal(deaf_to) != signal.SIG_IGN
        raise RuntimeError
    assert signal.getsignal(deaf_to) == signal.SIG_IGN


def test_whoever_hears_a_signal_in_a_way_of_his_own_goes_on_doing_so() -> None:
    def mine(_number: int, _frame: FrameType | None) -> None:
        """What somebody does at SIGTERM."""

    before = signal.signal(signal.SIGTERM, mine)
    try:
        with hearing():
            assert signal.getsignal(signal.SIGTERM) is mine
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)
