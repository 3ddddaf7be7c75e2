"""Parameter files that ship: cells, negative electrodes, cars, roads and places, each kind in a folder of its own."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from models.fields import CellFileError, nearest

_MODELS = Path(__file__).parent
FOLDERS: Mapping[str, Path] = MappingProxyType({
    "cell": _MODELS / "cells", "anode": _MODELS / "anode" / "sets", "car": _MODELS / "vehicle" / "cars",
    "road": _MODELS / "vehicle" / "roads", "place": _MODELS / "vehicle" / "places",
})  # fmt: skip
"""Every kind of file that there is, and where those that ship lie."""


def names(kind: str) -> tuple[str, ...]:
    """List what ships of a kind, in alphabetical order."""
    return tuple(sorted(entry.stem for entry in FOLDERS[kind].glob("*.yaml")))


def is_file(name: str) -> bool:
    """Whether a file of one's own is meant, and none that ships."""
    return name.endswith((".yaml", ".yml"))


def changed(name_or_path: str | Path) -> int:
    """When a file of somebody's own was changed last, ns; 0 for what ships, or is not there.

    Whoever remembers what came of a name remembers this with it: the file behind it may be another by then.
    """
    try:
        return Path(name_or_path).stat().st_mtime_ns
    except OSError:
        return 0


def find(kind: str, name_or_path: str | Path) -> Path:
    """Where the file of that name and kind is, or a file of your own (`*.yaml`, or any `Path`).

    Raises `CellFileError`, naming the `kind`, when none of that name ships.
    """
    if isinstance(name_or_path, Path) or is_file(name_or_path):
        return Path(name_or_path)
    known = names(kind)
    if name_or_path not in known:
        raise CellFileError(
            f"no {kind} {name_or_path!r}{nearest(name_or_path, known)}; shipped are {', '.join(known)}, "
            "or give the path of a .yaml."
        )
    return FOLDERS[kind] / f"{name_or_path}.yaml"
