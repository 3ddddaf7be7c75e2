"""How a command ends: nothing but a verdict on the pack has the pack's status, and an empty value is none."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.running import lifecycle
from packbench.commands import prune
from tests.bench.cli_support import ROOT, packbench, packbench_here

ENTRY = "from packbench.cli import main; main()"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("check", ""), "An argument"),
        (("check", "virtual-module", "--pack", ""), "--pack"),
        (("check", "virtual-module", "--pack="), "--pack"),
        (("safe", " "), "An argument"),
        (("live", "--host", ""), "--host"),
        (("gate", "--baseline="), "--baseline"),
        (("judge", "--", ""), "An argument"),
    ],
)
def test_an_empty_value_stands_for_nothing(arguments: tuple[str, ...], what: str) -> None:
    """A variable that is not set must not have the virtual bench looked at in the place of a real one."""
    answer = packbench_here(*arguments)
    assert answer.status == 2
    assert answer.err.startswith(f"packbench: {what} is empty, as of a variable that is not set")
    assert answer.out == ""


def test_a_mistake_of_packbench_is_never_the_pack_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*_: object, **__: object) -> None:
        raise RuntimeError("two and two")

    monkeypatch.setattr("packbench.pruning.plan", stumble)
    answer = packbench_here(prune.__name__.rpartition(".")[2], tmp_path)
    assert answer.status == 3
    assert answer.err.splitlines()[-1].startswith("packbench: it stumbled (RuntimeError: two and two)")


def test_a_disk_that_refuses_a_command_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path / "x"))

    monkeypatch.setattr("packbench.pruning.plan", refuse)
    answer = packbench_here("prune", tmp_path)
    assert (answer.status, answer.err) == (2, f"packbench: {tmp_path / 'x'}: Permission denied.\n")


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe of another kind")
def test_the_verdict_survives_whoever_does_not_read_it() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-c", ENTRY, "safe"], stdout=writing, stderr=subprocess.PIPE, cwd=ROOT, check=False
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="no disk that is always full")
def test_what_a_full_disk_has_not_taken_is_not_good() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-c", ENTRY, "prune", "--json", "."],
            stdout=full, stderr=subprocess.PIPE, encoding="utf-8", cwd=ROOT, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "packbench: what was to be printed is lost (No space left on device).\n"


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM that a process hears")
def test_a_cancelled_job_ends_a_command_as_ctrl_c_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("packbench.pruning.plan", lambda *_, **__: signal.raise_signal(signal.SIGTERM))
    assert packbench_here("prune", tmp_path).status == 130
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_call_for_safety_is_carried_out_before_it_ends(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever closes the terminal on it has a bench that is half safe otherwise, and no word of it."""
    made = lifecycle.safe_state

    def asked_meanwhile(*arguments: Any, **options: Any) -> object:
        signal.raise_signal(getattr(signal, name))
        return made(*arguments, **options)

    monkeypatch.setattr(lifecycle, "safe_state", asked_meanwhile)
    answer = packbench_here("safe")
    assert answer.status == 130
    assert "The bench is safe." in answer.out


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    answer = packbench("live", "file", cwd=tmp_path)
    assert answer.status == 2
    assert answer.err == "packbench: file: cannot hold recordings (File exists); name another folder.\n"


@pytest.mark.parametrize(("number", "status"), [(errno.ENOSPC, 3), (errno.EROFS, 3), (errno.ENOENT, 3)])
def test_a_machine_that_is_full_is_one_sentence_and_no_mistake_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, status: int
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("packbench.pruning.plan", refused)
    answer = packbench_here("prune", tmp_path)
    assert (answer.status, answer.err.count("\n")) == (status, 1)
    assert answer.err.startswith(f"packbench: {os.strerror(number)}: what was to be written is missing or not whole; ")


@pytest.mark.parametrize("module", [("packbench", "runs"), ("pytest", "--co", "--station=virtual-module")])
def test_without_docstrings_figures_have_no_definition(tmp_path: Path, module: tuple[str, ...]) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-OO", "-m", *module], capture_output=True, encoding="utf-8", cwd=tmp_path, env=environment,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "packbench: Python was told to leave out docstrings (-OO" in done.stdout + done.stderr
    assert "Error" not in done.stdout + done.stderr
