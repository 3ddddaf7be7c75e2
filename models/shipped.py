"""Parameter files that ship with the project, by the names of their folders: cells, cars, roads, places."""

from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

from models.fields import CellFileError, nearest


def names(package: str, folder: str) -> tuple[str, ...]:
    """List what ships in a folder of a package, in alphabetical order."""
    entries = (files(package) / folder).iterdir()
    return tuple(sorted(Path(entry.name).stem for entry in entries if entry.name.endswith(".yaml")))


@cache
def find(kind: str, name_or_path: str | Path, package: str, folder: str) -> Path:
    """Where a shipped file of that name is, or a file of your own (`*.yaml`, or any `Path`).

    Raises `CellFileError`, naming the `kind`, when none of that name ships.
    """
    if isinstance(name_or_path, Path) or name_or_path.endswith((".yaml", ".yml")):
        return Path(name_or_path)
    known = names(package, folder)
    if name_or_path not in known:
        raise CellFileError(
            f"no {kind} {name_or_path!r}{nearest(name_or_path, known)}; shipped are {', '.join(known)}, "
            "or give the path of a .yaml."
        )
    with as_file(files(package) / folder / f"{name_or_path}.yaml") as path:
        return path
