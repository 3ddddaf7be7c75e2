"""One piece of a search in an interpreter of its own: `python -m packbench.adversary.apart`.

What Hypothesis draws depends on the modules that are there when it does: it tries constants that it finds in them. An
interpreter that has just begun has the same ones, whoever starts it: a process of this computer, or a worker elsewhere.
"""

import os
import pickle
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from bench.verdicts import BenchFault

if TYPE_CHECKING:
    from packbench.adversary.piece import Outset, Piece


def apart(outset: "Outset") -> "Piece":
    """Search one piece; raises what the search raises, and `BenchFault` where its process was killed."""
    command = [sys.executable, "-m", __name__]
    found = b""
    with (
        suppress(BrokenPipeError),  # of one that is dead before it has heard all
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process,  # noqa: S603 - ours
    ):
        told: IO[bytes] = process.stdin  # type: ignore[assignment]  # both are pipes
        heard: IO[bytes] = process.stdout  # type: ignore[assignment]
        try:
            told.write(pickle.dumps(outset))
            told.flush()
            found = heard.read()  # stdin stays open: where this process dies, the other one sees its end
        finally:
            process.kill()
    if not found:
        raise BenchFault(
            "A process that searched weeks died (out of memory, or killed): nothing is known of them; run the same "
            "command again.",
            "process-died",
        )
    outcome = pickle.loads(found)  # noqa: S301 - of a process that is ours
    if isinstance(outcome, BaseException):
        raise outcome
    piece: Piece = outcome
    return piece


def _end_with_the_parent() -> None:
    """End with whoever has started this: nobody else would read what comes."""
    os.read(0, 1)  # not its buffer, which a thread that waits in it would lock at the end
    os._exit(1)


def main() -> None:
    """Read what to search from standard input, and write what came of it on standard output."""
    from tempfile import TemporaryDirectory

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a Ctrl-C ends all of a search, and one of them tells of it
    outset: Outset = pickle.load(sys.stdin.buffer)  # noqa: S301 - of a process that is ours
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    answer, sys.stdout = os.fdopen(os.dup(1), "wb"), sys.stderr
    with TemporaryDirectory() as folder, answer:
        # Hypothesis leaves a folder of its own wherever it is called.
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = folder
        answer.write(_found(outset))


def _found(outset: "Outset") -> bytes:
    from packbench.adversary.piece import one

    try:
        return pickle.dumps(one(outset))
    except Exception as error:  # noqa: BLE001 - it is raised where somebody waits for it
        return pickle.dumps(error)


if __name__ == "__main__":
    main()
