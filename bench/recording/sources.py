"""What a run was made from, as it was: copies of station and pack files by their hash, and which test file it was.

A hash says that something has changed; the copy says what. One of each content is kept, in `files/` beside the runs.
"""

import os
import subprocess
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

FOLDER = "files"
"""Below the folder of runs."""


def kept(runs: Path, digest: str) -> Path:
    """Where the file of a hash is kept, if it is."""
    return runs / FOLDER / f"{digest}.yaml"


def keep(runs: Path, file: Path) -> None:
    """Keep what a file holds now, where that is not kept already; a disk that refuses it costs the copy alone."""
    with suppress(OSError):
        content = file.read_bytes()
        target = kept(runs, sha256(content).hexdigest())
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            # Workers that begin at the same time write the same; what a reader finds is whole.
            new = target.with_suffix(f".{os.getpid()}.tmp")
            try:
                new.write_bytes(content)
                new.replace(target)
            finally:
                new.unlink(missing_ok=True)


@cache
def about_test(file: Path, root: Path) -> dict[str, Any]:
    """The file that a test stands in: its path from `root`, SHA-256, and whether that is what git has of it.

    `committed` is None where nobody can say: outside a repository, or without git. Empty for a file that is gone.
    """
    try:
        digest = sha256(file.read_bytes()).hexdigest()
    except OSError:
        return {}
    shown = file.relative_to(root) if file.is_relative_to(root) else file
    return {"file": shown.as_posix(), "sha256": digest, "committed": _is_committed(file)}


def _is_committed(file: Path) -> bool | None:
    command = ["git", "-C", str(file.parent), "status", "--porcelain", "--ignored", "--untracked-files=all", "--"]
    try:
        done = subprocess.run([*command, file.name], capture_output=True, text=True, check=True, timeout=10)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return not done.stdout.strip()
