"""Private copies of the tree: what is mutated, and what tests run in, is never the work tree itself."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".tox", ".venv", ".mutation", ".*_cache", ".hypothesis", "__pycache__", "*.egg-info", "runs",
    "allure-*", "fault-*", "node_modules", "build", "dist",
)  # fmt: skip


@contextmanager
def copy_of(root: Path = ROOT) -> Iterator[Path]:
    """A copy of the tree as it is now, without what builds and tests leave; it is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="mutant-", ignore_cleanup_errors=True) as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(root, tree, ignore=NOT_COPIED)
        yield tree


@contextmanager
def mutated(tree: Path, file: str, source: str) -> Iterator[None]:
    """`file` of a copy says `source` for a while; byte code that was compiled from either is not used for the other."""
    path = tree / file
    original = path.read_bytes()
    _forget_byte_code(path)
    path.write_text(source, encoding="utf-8")
    try:
        yield
    finally:
        path.write_bytes(original)
        _forget_byte_code(path)


def _forget_byte_code(path: Path) -> None:
    """By size and time (of a second) alone, Python would take the byte code of one mutant for that of the next."""
    for stale in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        stale.unlink()
