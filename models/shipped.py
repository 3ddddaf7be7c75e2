"""Parameter files that ship: cells, negative electrodes, cars, roads and places, each kind in a folder of its own."""

from pathlib import Path

from models.fields import CellFileError, nearest


def names(folder: Path) -> tuple[str, ...]:
    """List what ships in a folder, in alphabetical order."""
    return tuple(sorted(entry.stem for entry in folder.glob("*.yaml")))


def is_file(name: str) -> bool:
    """Whether a file of one's own is meant, and none that ships."""
    return name.endswith((".yaml", ".yml"))


def find(kind: str, name_or_path: str | Path, folder: Path) -> Path:
    """Where the file of that name is in the folder, or a file of your own (`*.yaml`, or any `Path`).

    Raises `CellFileError`, naming the `kind`, when none of that name ships.
    """
    if isinstance(name_or_path, Path) or is_file(name_or_path):
        return Path(name_or_path)
    known = names(folder)
    if name_or_path not in known:
        raise CellFileError(
            f"no {kind} {name_or_path!r}{nearest(name_or_path, known)}; shipped are {', '.join(known)}, "
            "or give the path of a .yaml."
        )
    return folder / f"{name_or_path}.yaml"
