"""What a field depends on, all of it: another of anything is another input.

That is what is asked (field and task), what every file that a field is read from says, whoever wrote it, and the code
that measures and judges it: packbench's own, that of packages which bring something, and what calculates for them. What
only the page shows, as a tariff, is none.
"""

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import yaml

from bench import files
from bench.origin import HOUSE, OURS, brought
from bench.pack import SHIPPED as PACKS
from bench.pack import load_pack
from bench.road import CYCLES
from bench.station import SHIPPED as STATIONS
from bench.verdicts import InputError
from models import shipped, yamltext
from models.cell import CellFileError, load_cell
from models.vehicle.season import place_of
from packbench.mapping.fields import Field, Task

LENGTH = 16
"""Of a digest: among all maps there ever are, no two are the same by chance."""
CALCULATE = ("numpy", "scipy")
"""Packages whose version decides what comes out; the second one is there where something is searched or fitted."""
COMPILED = "__pycache__"


def digest(field: Field, task: Task) -> str:
    """Of everything that a field depends on; raises `InputError` for a file that is not there, or is none."""
    said = (f"{kind} {_says(path)}" for kind, path in files_of(field, task).items())
    content = (repr(field), repr(task), task.version, code(), *said)
    return hashlib.sha256("\n".join(content).encode("utf-8", "surrogateescape")).hexdigest()[:LENGTH]


def files_of(field: Field, task: Task) -> Mapping[str, Path]:
    """Every file that a field is read from, by its kind, those that ship as well.

    Raises `InputError` for one that is not there, or for a pack or a cell that is none.
    """
    pack = files.find(field.pack, PACKS, "pack")
    cycle = Path(field.road).suffix.lower() in CYCLES
    try:
        cell, anode = _made_of(field.pack, _read(pack))
        return {
            "station": files.find(task.station, STATIONS, "station"),
            "pack": pack,
            "cell": shipped.find("cell", cell),
            **({"anode": shipped.find("anode", anode)} if anode else {}),
            "car": shipped.find("car", task.car),
            "road": Path(field.road) if cycle else shipped.find("road", field.road),
            "place": shipped.find("place", place_of(field.season.partition("@")[0])),
        }
    except CellFileError as error:
        raise InputError(str(error)) from error


def _made_of(pack: str, content: bytes) -> tuple[str, str | None]:
    """The cell of a pack, and the negative electrode of it."""
    cell = _cell_of(pack, content)
    return cell, _anode_of(cell, _read(shipped.find("cell", cell)))


@lru_cache(maxsize=64)
def _cell_of(pack: str, _content: bytes) -> str:
    return load_pack(pack)[0].cell


@lru_cache(maxsize=64)
def _anode_of(cell: str, _content: bytes) -> str | None:
    return load_cell(cell).anode


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); check the path.") from error


def _says(path: Path) -> str:
    """What a file holds; of one in YAML what it says, so that nothing is measured again for a comment."""
    return _said(_read(path), shipped.is_file(path.name))


@lru_cache(maxsize=256)
def _said(content: bytes, is_yaml: bool) -> str:
    try:
        if is_yaml:
            return repr(yamltext.parse(content.decode("utf-8")))
    except (UnicodeDecodeError, yaml.YAMLError):
        pass  # whoever reads it says what is wrong with it
    return hashlib.sha256(content).hexdigest()


@cache
def code() -> str:
    """Of what measures and judges: read once, for a process goes on with the code that it began with."""
    found = hashlib.sha256()
    for folder in map(Path, OURS):
        _take(found, folder, folder.relative_to(HOUSE).as_posix())
    for module, version in sorted(brought().items()):
        found.update(f"{module} {version}\n".encode())
        for folder in () if _is_ours(module) else _folders_of(module):
            _take(found, folder, module)
    for name in CALCULATE:
        found.update(f"{name} {_version(name)}\n".encode())
    return found.hexdigest()


def _is_ours(module: str) -> bool:
    return any(Path(room).name == module for room in OURS)


def _folders_of(module: str) -> Iterator[Path]:
    """Where a package's code lies, or the one file of it; nothing of one that is not there: it brings nothing then."""
    spec = find_spec(module)
    if spec is not None and spec.submodule_search_locations is not None:
        yield from map(Path, spec.submodule_search_locations)
    elif spec is not None and spec.origin is not None:
        yield Path(spec.origin)


def _take(found: "hashlib._Hash", folder: Path, name: str) -> None:
    paths = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    for path in paths:
        if COMPILED not in path.parts:
            found.update(f"{name} {path.relative_to(folder).as_posix()}\n".encode())
            found.update(path.read_bytes())


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"
