"""Writes a repository of one's own that works: station, pack, one test, tox.ini, the nightly of a CI, README.

Station and pack are the shipped ones under a new name, so that they always are what this version reads.
"""

import re
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from string import Template

from bench.pack import SHIPPED as PACKS
from bench.station import SHIPPED as STATIONS
from bench.verdicts import InputError
from packbench.nightlies import Ci, nightly

TEMPLATES = Path(__file__).parent / "templates"
STATION, PACK = "virtual-module", "lfp-24s"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_SUFFIX, _DOT = ".template", "dot-"


def write_repository(folder: Path, ci: Ci = Ci.GITHUB) -> list[Path]:
    """Write the repository into `folder`, all of it or nothing; returns its files, relative to the folder, in order.

    Raises `InputError` for a name that a station cannot have, a folder that has something in it, a disk that refuses.
    """
    folder = folder.absolute()
    _check(folder)
    files = dict(_rendered(folder.name, ci))
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        partial.mkdir()
        for path, text in files.items():
            (partial / path).parent.mkdir(parents=True, exist_ok=True)
            (partial / path).write_text(text, encoding="utf-8", newline="\n")
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); nothing was.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return sorted(files)


def _check(folder: Path) -> None:
    if not _NAME.fullmatch(folder.name):
        raise InputError(
            f"{folder.name!r} is no name for a bench: allowed are up to 63 letters, digits, '.', '_' and '-', the "
            "first of them a letter or digit."
        )
    if not folder.parent.is_dir():
        raise InputError(f"{folder}: there is no folder {folder.parent} to write it into; make that first.")
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise InputError(f"{folder}: there is something already; name a folder that is new, or empty.")


def _rendered(name: str, ci: Ci) -> Iterator[tuple[Path, str]]:
    """Every file of the repository and what is in it."""
    station = (STATIONS / f"{STATION}.yaml").read_text(encoding="utf-8")
    # In quotes where it is a value of its own: a bench may be called 1e3, or null.
    station = station.replace(f": {STATION}", f': "{name}"').replace(STATION, name)
    pack = (PACKS / f"{PACK}.yaml").read_text(encoding="utf-8").replace(f"name: {PACK}", f"name: {name}-pack")
    words = {
        "name": name,
        "station": re.sub(r"(?m)^packs: .*$", "packs: [pack.yaml]", _without_first_comment(station)),
        "pack": pack.rstrip("\n"),
        "version": version("packbench"),
        "nightly": ci.place.as_posix(),
    }
    yield ci.place, nightly(name, ci)
    for template in sorted(TEMPLATES.rglob(f"*{_SUFFIX}")):
        yield _destination(template), Template(template.read_text(encoding="utf-8")).substitute(words)


def _without_first_comment(text: str) -> str:
    first, _, rest = text.partition("\n")
    return rest if first.startswith("#") else text


def _destination(template: Path) -> Path:
    """`dot-gitignore.template` is `.gitignore`: under its own name it would be obeyed here."""
    parts = template.relative_to(TEMPLATES).with_suffix("").parts
    return Path(*(f".{part.removeprefix(_DOT)}" if part.startswith(_DOT) else part for part in parts))
