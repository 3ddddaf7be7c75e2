"""Whose a record is, and whether he still lives: a number alone may be another's by now."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.recording import life
from bench.recording.owner import Owner, beginning_of
from bench.recording.spare import Descriptors

knows_beginnings = pytest.mark.skipif(beginning_of(os.getpid()) == "", reason="this system tells nobody's beginning")


@pytest.fixture
def other() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that does nothing until it is told to end."""
    found = subprocess.Popen([sys.executable, "-S", "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    yield found
    found.kill()
    found.wait()
    assert found.stdin is not None
    found.stdin.close()


def owner_of(number: int) -> Owner:
    return Owner(socket.gethostname(), number, beginning_of(number))


def test_it_is_read_as_it_was_kept() -> None:
    found = Owner.this_process()
    assert (found.number, found.host) == (os.getpid(), socket.gethostname())
    assert Owner.from_dict(found.as_dict()) == found


@pytest.mark.parametrize("kept", [{}, {"host": "h", "number": 1}, {"host": "h", "number": "one", "began": "x"}, None])
def test_what_is_no_process_is_none(kept: dict[str, object] | None) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Owner.from_dict(kept)  # type: ignore[arg-type]


@knows_beginnings
def test_a_process_lives_until_it_ends_and_not_after_that(other: "subprocess.Popen[bytes]") -> None:
    assert Owner.this_process().lives
    found = owner_of(other.pid)
    assert found.lives
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert not found.lives, "it has ended, though nobody has taken note of that yet"
    other.wait()
    assert not found.lives
    assert beginning_of(other.pid) == ""


@knows_beginnings
@pytest.mark.parametrize("changed", [{"began": "earlier"}, {"began": ""}, {"host": "another"}])
def test_the_same_number_with_another_beginning_or_elsewhere_is_somebody_else(
    other: "subprocess.Popen[bytes]", changed: dict[str, str]
) -> None:
    found = replace(owner_of(other.pid), **changed)
    assert not found.lives
    assert found.is_elsewhere is ("host" in changed)
    with pytest.raises(ProcessLookupError, match=rf"Process {other.pid} on .* has ended"):
        found.send(signal.SIGKILL)
    assert other.poll() is None, "whoever has the number now hears nothing"


@knows_beginnings
def test_a_signal_reaches_the_process_and_leaves_no_handle_open(other: "subprocess.Popen[bytes]") -> None:
    before = _open_files()
    owner_of(other.pid).send(signal.SIGTERM)
    assert other.wait(timeout=30) == -signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        owner_of(other.pid).send(signal.SIGTERM)
    assert _open_files() == before


def _open_files() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def test_nobody_has_a_number_that_is_none() -> None:
    assert beginning_of(2**22 + 1) == ""
    assert not Owner(socket.gethostname(), 2**22 + 1, "").lives, "that nobody tells a beginning is none of anybody's"


# --- whether a run is still written -----------------------------------------------------------------------------------


def test_a_run_is_alive_while_it_is_claimed_and_leaves_nothing(tmp_path: Path) -> None:
    assert not life.is_alive(tmp_path)
    lock = life.claim(tmp_path)
    assert life.is_alive(tmp_path)
    life.release(lock)
    assert not life.is_alive(tmp_path)
    assert list(tmp_path.iterdir()) == []
    life.release(lock)


def test_a_lock_that_a_dead_process_left_says_that_nobody_writes(tmp_path: Path) -> None:
    (tmp_path / life.NAME).write_text("", encoding="utf-8")
    assert not life.is_alive(tmp_path)
    assert not life.is_alive(tmp_path), "a look takes nobody's place"


def test_a_folder_that_holds_no_lock_keeps_no_test_from_running(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    lock = life.claim(tmp_path / "file")
    life.release(lock)
    assert not life.is_alive(tmp_path / "file")


# --- descriptors for the end of a run ---------------------------------------------------------------------------------


def test_descriptors_are_held_until_they_are_given_back_and_no_longer() -> None:
    before = _open_files()
    held = Descriptors(3)
    assert (held.count, _open_files() - before) in {(3, 3), (3, 0)}
    held.give_back()
    held.give_back()
    assert (held.count, _open_files()) == (0, before)


def test_where_there_are_too_few_none_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    opened, closed = list[int](), list[int]()
    really_open, really_close = os.open, os.close

    def two(path: str, flags: int) -> int:
        if len(opened) == 2:
            raise OSError(24, "Too many open files")
        opened.append(really_open(path, flags))
        return opened[-1]

    def noted(file: int) -> None:
        closed.append(file)
        really_close(file)

    monkeypatch.setattr(os, "open", two)
    monkeypatch.setattr(os, "close", noted)
    with pytest.raises(OSError, match="Too many open files"):
        Descriptors(3)
    assert sorted(closed) == sorted(opened)
