"""The buttons of the live page reach the process of the session, and never somebody else's."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bench.clock import utc_now
from bench.recording.owner import Owner, beginning_of
from bench.recording.session_log import NAME, Session, SessionLog, last_session
from packbench.live.control import SessionControl

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends no such signals")
BUTTONS = ("stop", "make_safe")
HEARS = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
os.write(1, b"ready\\n")
for _ in range({times}):
    signal.sigwait([signal.SIGINT])
    os.write(1, b"heard\\n")
"""
"""Waits for them instead of being interrupted: a handler that prints may come in the middle of another print."""


@contextmanager
def process(times: int = 1) -> Iterator["subprocess.Popen[str]"]:
    """One that ends when it has heard so many Ctrl-C."""
    command = [sys.executable, "-c", HEARS.format(times=times)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            assert running.stdout.readline() == "ready\n"
            yield running
        finally:
            running.kill()


def owner_of(running: "subprocess.Popen[str]") -> Owner:
    return replace(Owner.this_process(), number=running.pid, began=beginning_of(running.pid))


def record(runs: Path, owner: Owner | None) -> None:
    session = Session.new({})
    session.process = owner
    SessionLog(runs, session).begin()


def press(runs: Path, button: str) -> str:
    said: str = getattr(SessionControl(runs), button)()
    return said


@pytest.mark.parametrize(("button", "times"), [("stop", 1), ("make_safe", 2)])
def test_the_process_of_the_session_hears_ctrl_c_as_often_as_a_terminal_would_press_it(
    tmp_path: Path, button: str, times: int
) -> None:
    with process(times) as running:
        record(tmp_path, owner_of(running))
        assert press(tmp_path, button).startswith("Asked")
        assert running.communicate()[0] == times * "heard\n"
        assert running.returncode == 0


def test_one_that_ends_by_the_first_request_needs_no_second(tmp_path: Path) -> None:
    with process() as running:
        record(tmp_path, owner_of(running))
        assert press(tmp_path, "make_safe").startswith("Asked")
        assert running.wait() == 0


STRANGERS = {
    "began later": (lambda owner: replace(owner, began=Owner.this_process().began), "died without an end"),
    "of an earlier boot": (lambda owner: replace(owner, began=f"x{owner.began}"), "died without an end"),
    "nobody knows when": (lambda owner: replace(owner, began=""), "died without an end"),
    "on another computer": (lambda owner: replace(owner, host="the-bench"), "runs on the-bench, not on this computer"),
    "not said": (lambda owner: None, "does not say which process it is"),
}


@pytest.mark.parametrize("button", BUTTONS)
@pytest.mark.parametrize("who", STRANGERS)
def test_whoever_has_the_number_of_a_session_that_is_gone_hears_nothing(tmp_path: Path, who: str, button: str) -> None:
    change, said = STRANGERS[who]
    with process() as running:
        record(tmp_path, change(owner_of(running)))
        assert said in press(tmp_path, button)
        record(tmp_path, owner_of(running))
        press(tmp_path, "stop")  # only this one is heard
        assert running.communicate()[0] == "heard\n"


@pytest.mark.parametrize("button", BUTTONS)
def test_a_session_whose_process_has_ended_says_so(tmp_path: Path, button: str) -> None:
    with process() as running:
        record(tmp_path, owner_of(running))
        running.kill()
        os.waitid(os.P_PID, running.pid, os.WEXITED | os.WNOWAIT)  # ended, and its number is its own still
        assert "died without an end" in press(tmp_path, button)
        running.wait()
        assert "died without an end" in press(tmp_path, button)


@pytest.mark.parametrize("button", BUTTONS)
def test_a_session_that_is_over_and_none_at_all_are_not_asked(tmp_path: Path, button: str) -> None:
    assert press(tmp_path, button) == f"There is no session at work in {tmp_path}."
    with process() as running:
        log = SessionLog(tmp_path, Session.new({}))
        log.session.process = owner_of(running)
        log.end(0)
        assert press(tmp_path, button) == f"There is no session at work in {tmp_path}."
        assert running.poll() is None


@pytest.mark.parametrize("button", BUTTONS)
def test_on_windows_a_page_says_who_can_ask(tmp_path: Path, button: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with process() as running:
        record(tmp_path, owner_of(running))
        monkeypatch.setattr("packbench.live.control.sys.platform", "win32")
        said = press(tmp_path, button)
        monkeypatch.undo()
        assert "On Windows" in said
        assert "press Ctrl-C at its own terminal" in said
        assert running.poll() is None


@pytest.mark.parametrize("kept", [{}, None, 7, {"host": "h"}, {"host": "h", "number": "x", "began": ""}])
def test_a_record_that_does_not_say_whose_it_is_tells_the_rest(tmp_path: Path, kept: object) -> None:
    record(tmp_path, None)
    path = tmp_path / NAME
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | {"process": kept}), encoding="utf-8")
    session = last_session(tmp_path)
    assert session is not None
    assert session.process is None


@pytest.mark.skipif(not Path("/bin/ps").exists(), reason="has no ps")
def test_where_there_is_no_proc_ps_tells_when_a_process_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.recording.owner._BOOT", tmp_path / "nothing")
    with process() as running:
        assert str(utc_now().year) in beginning_of(running.pid)
        running.kill()
        running.wait()
        assert beginning_of(running.pid) == ""


def test_a_session_is_of_the_process_that_began_it(tmp_path: Path) -> None:
    SessionLog(tmp_path, Session.new({})).begin()
    session = last_session(tmp_path)
    assert session is not None
    assert session.process == Owner.this_process()
    assert session.process.lives
