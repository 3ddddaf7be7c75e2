"""What one specimen has shown in its own acceptance runs: the figures that its later ones are held against.

A pack file says what the type must reach, as wide as its source. That a specimen has lost 5 % since it came is found by
comparison with itself: `packbench accept` keeps the figures of runs that somebody accepts, one file per specimen, and
`require` judges by both from then on. The files are meant to be kept beside the tests; those of the virtual packs that
ship come with the package.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from pydantic import AwareDatetime, Field

from bench import files
from bench.pack import SHIPPED as PACKS
from bench.pack import PackFile
from bench.verdicts import InputError
from bench.whole import replacing

OF_THIS_SPECIMEN = " of this specimen"
"""What the name of a figure ends with that is judged against the accepted one."""
FOLDER = Path("accepted")
"""Where they are kept where nobody names another folder."""
SHIPPED = PACKS / "accepted"
"""Those of the virtual packs that ship, of their nightly."""
NAMELESS = "unknown"
"""Serial number of a pack whose file gives none."""


def figure_named(name: str) -> str:
    """The name of the figure itself, whatever it was judged against."""
    return name.removesuffix(OF_THIS_SPECIMEN)


class AcceptedValue(files.FileModel):
    """One figure of an accepted run: as the pack file requires it, its value and uncertainty (half-width) in `unit`."""

    kpi: str = Field(min_length=1)
    at: str = ""
    temperature: float | None = Field(default=None, description="°C")
    value: float
    uncertainty: float = Field(ge=0)
    unit: str
    run: str

    @property
    def place(self) -> tuple[str, str, float | None]:
        """What it is a figure of: there is one for each."""
        return self.kpi, self.at, self.temperature

    @property
    def figure(self) -> str:
        """The same in words."""
        at = f" at {self.at}" if self.at else ""
        where = "" if self.temperature is None else f", {self.temperature:g} °C"
        return f"{self.kpi}{at}{where}"

    def __str__(self) -> str:
        return f"{self.figure}: {self.value:.6g} ± {self.uncertainty:.2g} {self.unit}"


class AcceptedFile(files.FileModel):
    """What the file of a specimen holds."""

    schema_version: Literal[1] = Field(alias="schema")
    pack: str
    serial_number: str
    accepted: AwareDatetime
    values: tuple[AcceptedValue, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """The accepted figures of one specimen; none where there is no file."""

    values: tuple[AcceptedValue, ...] = ()

    def find(self, kpi: str, at: str, temperature: float | None) -> AcceptedValue | None:
        """The accepted figure of a KPI under a condition, at a temperature (°C)."""
        return next((value for value in self.values if value.place == (kpi, at, temperature)), None)

    def renewed(self, newer: Iterable[AcceptedValue]) -> "Accepted":
        """With newer figures in the place of those of the same kind, beside all others."""
        merged = {value.place: value for value in (*self.values, *newer)}
        return Accepted(tuple(merged[place] for place in sorted(merged, key=_order)))


def _order(place: tuple[str, str, float | None]) -> tuple[str, str, float]:
    kpi, at, temperature = place
    return kpi, at, float("-inf") if temperature is None else temperature


def file_of(folder: Path, pack: str, serial_number: str) -> Path:
    """Where the figures of a specimen are; raises `InputError` where nobody knows which one it is."""
    if serial_number == NAMELESS:
        raise InputError(
            f"Pack {pack} has no serial number: a specimen is compared with itself, so its pack file must say which "
            "one it is (serial_number)."
        )
    return folder / f"{pack}.{re.sub(r'[^A-Za-z0-9._-]', '_', serial_number)}.yaml"


def load(folder: Path | None, pack: PackFile) -> Accepted:
    """The accepted figures of the pack under test, as `folder` has them.

    None: as `FOLDER` has them, and as they ship where that says nothing. Raises `InputError`, one sentence, for a
    file that is wrong.
    """
    if pack.serial_number == NAMELESS:
        return Accepted()
    if folder is not None:
        return _read(folder, pack)
    return _read(SHIPPED, pack).renewed(_read(FOLDER, pack).values)


def _read(folder: Path, pack: PackFile) -> Accepted:
    return read(file_of(folder, pack.name, pack.serial_number), pack.name, pack.serial_number)


def read(file: Path, pack: str, serial_number: str) -> Accepted:
    """The figures in a file; none where there is no file. Raises `InputError` where it is another specimen's."""
    if not file.is_file():
        return Accepted()
    kept = files.load(file, AcceptedFile)
    if (kept.pack, kept.serial_number) != (pack, serial_number):
        raise InputError(
            f"{file}: holds the accepted figures of {kept.pack}, {kept.serial_number}, and not of {pack}, "
            f"{serial_number}; restore it, or accept a run anew."
        )
    twice = next((value for value in kept.values if sum(each.place == value.place for each in kept.values) > 1), None)
    if twice is not None:
        raise InputError(f"{file}: {twice.figure} is there twice; keep one.")
    return Accepted(kept.values)


def write(file: Path, kept: AcceptedFile) -> None:
    """Write the file of a specimen; raises `InputError` where that cannot be."""
    header = "# Written by `packbench accept`: later figures of this specimen are held against these.\n"
    content = yaml.safe_dump(kept.model_dump(mode="json", by_alias=True), sort_keys=False, allow_unicode=True)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file, "--accepted") as partial:
            partial.write_text(header + content, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{file}: cannot be written ({error.strerror}); name another folder (--accepted).") from error
