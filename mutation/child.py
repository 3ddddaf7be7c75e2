"""What runs in the child process that tries one mutant; it imports nothing of ours but from the copy of the tree.

The copy of the tree becomes the only one there is, also for the processes that its tests start.
"""

import os
import resource
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

MEMORY, FILE = 8 << 30, 1 << 30
"""Bytes of data that a child may have and write to one file: a loop without an end must not take the computer along."""
OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-seed=0")
STATUS, FAILURE, OUTPUT = "status", "first-failure", "output"
"""Files in the scratch folder: pytest's exit status, the first failed test and why, and all that was printed."""


def run(tree: str, scratch: str, arguments: Sequence[str]) -> None:
    """Run pytest with `arguments` in `tree`, write to `scratch` what came of it, and end this process."""
    os.setsid()
    os.chdir(tree)
    os.environ["PYTHONPATH"] = tree
    # Whatever is usual here: hundreds of children import the same files.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    sys.path[:] = [tree, *(folder for folder in sys.path if folder != tree)]
    for kind, most in ((resource.RLIMIT_DATA, MEMORY), (resource.RLIMIT_FSIZE, FILE)):
        resource.setrlimit(kind, (most, resource.getrlimit(kind)[1]))
    with Path(scratch, OUTPUT).open("w", encoding="utf-8") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
        with redirect_stdout(output), redirect_stderr(output):
            status = _pytest([*OPTIONS, *arguments], Path(scratch, FAILURE))
        output.flush()
    Path(scratch, STATUS).write_text(str(status), encoding="utf-8")
    # Not `sys.exit`: what a mutant has left running must not keep the child.
    os._exit(0)


def _pytest(arguments: list[str], failure: Path) -> int:
    import pytest  # the server has it already

    from mutation.noting import FirstFailure

    return int(pytest.main(arguments, plugins=[FirstFailure(failure)]))
