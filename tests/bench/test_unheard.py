"""Whoever reads the terminal may go: the session ends as it would have, with the exit status of its verdict."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TESTS = """
import time
from bench.scenario import Rest, elapsed

def test_it(bench):
    bench.run(Rest(until=elapsed(seconds=5)))
    open("hit", "w").close()
    while {waits}:
        time.sleep(0.05)

def test_another(bench):
    bench.verify("voltage", 3.0, unit="V", at_most={at_most})
"""
COMMAND = [sys.executable, "-m", "pytest", "-p", "bench.plugin", "-p", "no:cacheprovider", "--rootdir=."]
COMMAND += ["--station=virtual-module", "test_it.py"]


@pytest.fixture
def prepared(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Write the tests; returns the environment of the process."""

    def prepare(*, waits: bool, at_most: float = 4.0) -> dict[str, str]:
        (tmp_path / "test_it.py").write_text(TESTS.format(waits=waits, at_most=at_most), encoding="utf-8")
        ours = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
        return {**ours, "PYTHONPATH": str(Path(__file__).parents[2])}

    return prepare


@pytest.mark.parametrize(("at_most", "status"), [(4.0, 0), (2.0, 1)])
def test_a_pipe_whose_reader_has_ended_keeps_the_exit_status(
    prepared: Callable[..., dict[str, str]], tmp_path: Path, at_most: float, status: int
) -> None:
    """As in `pytest | head -1`."""
    environment = prepared(waits=False, at_most=at_most)
    with subprocess.Popen(
        COMMAND, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        told = process.stderr.read()
        assert (process.wait(60), told) == (status, "")
    assert json.loads((tmp_path / "runs" / "session.json").read_text())["exit_status"] == status


ON_A_TERMINAL = """
import os, pty, sys, time
process, terminal = pty.fork()
if process == 0:
    os.execv(sys.argv[1], sys.argv[1:])
os.set_blocking(terminal, False)
deadline = time.monotonic() + 60
while not os.path.exists("hit") and time.monotonic() < deadline:
    try:
        os.read(terminal, 1 << 16)  # or it waits for somebody to read
    except BlockingIOError:
        time.sleep(0.02)
os.close(terminal)
print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"""
"""Runs a command on a terminal of its own and closes that once the test says so; prints the exit status."""


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of POSIX")
def test_a_terminal_that_is_closed_asks_the_session_to_end_and_keeps_its_exit_status(
    prepared: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    command = [sys.executable, "-c", ON_A_TERMINAL, *COMMAND]
    told = subprocess.run(command, cwd=tmp_path, env=prepared(waits=True), capture_output=True, text=True, check=True)
    assert told.stdout == "130\n"
    session = json.loads((tmp_path / "runs" / "session.json").read_text())
    assert (session["exit_status"], session["verdicts"]) == (130, {"ABORTED": 1, "NOT RUN": 1})
