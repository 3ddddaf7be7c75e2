"""Starting the command line: quick, and honest about what it was asked."""

import os
import subprocess
import sys

import pytest

from tests.bench.cli_support import ROOT, packbench, packbench_here

HEAVY = ("numpy", "pandas", "pyarrow", "pydantic", "pyvisa", "can", "matplotlib", "pytest", "rich.table", "yaml")


def test_help_waits_for_nothing_heavy() -> None:
    probe = (
        "import sys\n"
        "from packbench.cli import main\n"
        "sys.argv = ['packbench', '--help']\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert end.code == 0, end.code\n"
        f"print('LOADED', sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=ROOT, check=True)
    assert "Usage: packbench" in done.stdout
    assert "LOADED []" in done.stdout


def test_help_names_every_command_and_the_exit_statuses() -> None:
    answer = packbench("--help")
    assert answer.status == 0
    for command in ("check", "safe", "runs", "judge", "export", "report"):
        assert f"\n  {command} " in answer.out
    assert "2 wrong input" in " ".join(answer.out.split())


@pytest.mark.parametrize(
    "arguments",
    [("polish",), ("runs", "--last", "0"), ("export", "run"), ("export", "run", "--to", "mdf"), ("check", "--loudly")],
)
def test_a_command_that_makes_no_sense_is_wrong_input(arguments: tuple[str, ...]) -> None:
    answer = packbench_here(*arguments)
    assert answer.status == 2
    assert "Traceback" not in answer.err
    assert answer.err


def test_the_status_reaches_the_shell() -> None:
    answer = packbench("polish")
    assert answer.status == 2
    assert "polish" in answer.err


def test_it_says_which_version_it_is() -> None:
    from importlib.metadata import version

    answer = packbench("--version")
    assert (answer.status, answer.out.split()[:2]) == (0, ["packbench", version("packbench")])


def test_a_shell_can_be_taught_to_complete_its_commands() -> None:
    """As the script that `--install-completion` leaves in the shell's start-up file asks."""
    probe = "import sys; sys.argv = ['packbench']; from packbench.cli import main; main()"
    asked = {"_PACKBENCH_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "packbench ju"}
    done = subprocess.run(
        [sys.executable, "-c", probe],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **asked},
        check=False,
    )
    assert "judge" in done.stdout
