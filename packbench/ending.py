"""How a command ends: by its own verdict, whoever reads what it says, whatever it stumbles over, whoever ends it.

Python's own ways to end have the statuses of others: 1 for an exception that nobody caught would blame the pack, 143
for a cancelled job is none of ours. And an empty value is a variable that somebody forgot to set: what stands in the
place of a value that was not given, the virtual bench for one, must not stand in for that.
"""

import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import NoReturn, TextIO, cast

from bench.unheard import Unheard
from bench.verdicts import OUT_OF_RESOURCES, BenchFault, ExitStatus, InputError
from instruments.roles import InstrumentFault
from packbench import hidden
from packbench.console import say

ENDING = ("SIGTERM", "SIGHUP", "SIGBREAK")
"""Requests to end that are none from the keyboard; names that a platform lacks are left out."""


def end_with(command: Callable[[], object], arguments: Sequence[str]) -> NoReturn:
    """Call a command that ends by `SystemExit` or by an exception, and exit with what that means."""
    out, err = Unheard(sys.stdout), Unheard(sys.stderr)
    with redirect_stdout(cast("TextIO", out)), redirect_stderr(cast("TextIO", err)), _asked_as_by_ctrl_c():
        status = _status(command, arguments)
        out.flush()
        if out.lost is not None and status == ExitStatus.GOOD:
            say(f"packbench: what was to be printed is lost ({out.lost.strerror or out.lost}).", err=True)
            status = ExitStatus.WRONG_INPUT
        err.flush()
    sys.exit(status)


def _status(command: Callable[[], object], arguments: Sequence[str]) -> int:
    try:
        _refuse_empty(arguments)
        _refuse_no_docstrings()
        command()
    except SystemExit as end:
        return int(end.code) if isinstance(end.code, int) else ExitStatus.GOOD
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - whatever it is, it says nothing about a pack
        sentence, status = _meaning(error)
        say(f"packbench: {sentence}", err=True)
        return status
    return ExitStatus.GOOD


def _meaning(error: Exception) -> tuple[str, ExitStatus]:
    """The sentence and the exit status of an exception."""
    if isinstance(error, InputError):
        return str(error), ExitStatus.WRONG_INPUT
    if isinstance(error, BenchFault | InstrumentFault):
        return str(error), ExitStatus.BENCH_FAULT
    if isinstance(error, OSError) and error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror or error}.", ExitStatus.WRONG_INPUT
    if isinstance(error, OSError) and error.errno in {*OUT_OF_RESOURCES, errno.ENOENT}:
        # Without a name: what was open already could not be written, or there is no place for temporary files.
        what = f"{error.strerror or error}: what was to be written is missing or not whole"
        return f"{what}; make room, also where TMPDIR leads, and begin anew.", ExitStatus.BENCH_FAULT
    # A mistake of ours: whoever mends it needs the traceback, and nobody may take the bench for looked after.
    traceback.print_exception(error)
    what = f"it stumbled ({type(error).__name__}: {error}); that is a mistake in packbench, please report it."
    return what, ExitStatus.BENCH_FAULT


def _refuse_no_docstrings() -> None:
    problem = hidden.without_docstrings()
    if problem is not None:
        raise InputError(problem)


def _refuse_empty(arguments: Sequence[str]) -> None:
    """Raise `InputError` for an empty argument: it stands where somebody meant a value."""
    for before, argument in zip(("", *arguments), arguments, strict=False):
        name, _, value = argument.partition("=")
        if argument.strip() and (value.strip() or not argument.startswith("--") or "=" not in argument):
            continue
        what = name if argument.strip() else before if before.startswith("-") and before != "--" else "An argument"
        raise InputError(f"{what} is empty, as of a variable that is not set; give a value, or leave it out.")


@contextmanager
def _asked_as_by_ctrl_c() -> Iterator[None]:
    """A cancelled job and a closed terminal end a command as Ctrl-C does; who ignores them (`nohup`) goes on."""
    numbers = [number for name in ENDING if (number := getattr(signal, name, None)) is not None]
    ours = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
