"""Files that are written whole: what was there stays until all of the new one is, and a full disk costs neither.

What is renamed over something takes its place, whatever it was. So a device, a pipe or a folder is refused: a null
device that has become a table is the end of a machine.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.verdicts import InputError


def refuse_no_file(path: Path, option: str = "--output") -> None:
    """Raise `InputError` where something stands at `path` that is no file, and so cannot be replaced by one."""
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "a device or a pipe"
        raise InputError(f"{option} {path}: is {kind}, and no file that can be replaced; name another one.")


@contextmanager
def replacing(path: Path, option: str = "--output") -> Iterator[Path]:
    """A place beside `path` to write to; it becomes the file when the block ends well, and goes away when it does not.

    A link stays one: what it leads to is replaced. Raises `InputError` for what is no file (`option` is what named it),
    `OSError` from the disk.
    """
    refuse_no_file(path, option)
    path = Path(os.path.realpath(path))
    partial = path.with_name(f"{path.name}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
