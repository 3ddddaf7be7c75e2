"""What is left of a test that has died: its forks, found by the pipe that they hold."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.safety import remains

OPENED = Path("/proc/self/fd")
pytestmark = pytest.mark.skipif(not OPENED.is_dir(), reason="the system does not tell what a process has opened")


def waiting(*ends: int) -> subprocess.Popen[bytes]:
    """A process that waits, and holds ends of pipes."""
    return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=ends)


def test_whoever_holds_the_other_end_is_ended_and_told_by_his_number() -> None:
    here, there = os.pipe()
    with waiting(there) as fork, waiting() as bystander:
        assert remains.end_forks(here) == [fork.pid]
        assert fork.wait(30) < 0
        assert bystander.poll() is None
        assert remains.end_forks(here) == []
        bystander.communicate(b"\n")
    os.close(here)
    os.close(there)


def test_who_was_never_the_parent_is_gone_at_once_and_nothing_is_left_open() -> None:
    with waiting() as stranger:
        before = len(list(OPENED.iterdir()))
        remains.wait_until_gone(stranger.pid)
        assert len(list(OPENED.iterdir())) == before
        stranger.communicate(b"\n")


def test_a_process_that_cannot_be_ended_keeps_nobody_from_making_the_bench_safe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_process: int, _signal: int) -> None:
        raise OSError(errno.EINVAL, "The parameter is incorrect")  # what Windows says of a number that nobody has

    monkeypatch.setattr(os, "kill", refuse)
    monkeypatch.setattr(remains, "DEATH", 0.0)
    assert remains.end_process(os.getppid(), dying=False)
