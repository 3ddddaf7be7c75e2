"""Private copies of the tree: what is mutated, and what tests run in, is never the work tree itself."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".tox", ".venv", ".mutation", ".*_cache", ".hypothesis", "__pycache__", "*.egg-info", "runs",
    "allure-*", "fault-*", "node_modules", "build", "dist",
)  # fmt: skip

_SECONDS = count(start=1)
"""Of 1970, when no file of ours was written."""


def digest(text: str) -> str:
    """Of the text of a file."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@contextmanager
def copy_of(root: Path = ROOT) -> Iterator[Path]:
    """A copy of the tree as it is now, without what builds and tests leave; it is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="mutant-", ignore_cleanup_errors=True) as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(root, tree, ignore=NOT_COPIED)
        yield tree


@contextmanager
def mutated(tree: Path, file: str, source: str) -> Iterator[None]:
    """`file` of a copy says `source` for a while.

    Python knows the byte code of a file by its size and its second of change: every mutant has a second of its own.
    """
    path = tree / file
    original, stat = path.read_bytes(), path.stat()
    path.write_text(source, encoding="utf-8")
    second = next(_SECONDS)
    os.utime(path, (second, second))
    try:
        yield
    finally:
        path.write_bytes(original)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
