"""Mutants that are the same program, listed by hand in `equivalent.yaml` with why: they are counted apart.

An entry goes stale when its line changes, and that is told, so that nobody is excused by a reason that is gone.
"""

from collections.abc import Sequence
from pathlib import Path

import pydantic
import yaml

from mutation.mutants import Mutant
from mutation.trees import ROOT

LIST = Path(__file__).with_name("equivalent.yaml")


class StaleError(ValueError):
    """An entry that fits nothing any more, or was never right."""


class Equivalent(pydantic.BaseModel, extra="forbid", frozen=True):
    """One entry: the line without indentation (several joined by a blank), what the mutation makes of it, and why."""

    file: str
    line: str
    mutation: str
    why: str = pydantic.Field(min_length=10)

    def is_(self, mutant: Mutant) -> bool:
        """Whether a mutant is this one."""
        return (self.file, self.line, self.mutation) == (mutant.file, mutant.before, mutant.after)


def load(file: Path = LIST, root: Path = ROOT) -> list[Equivalent]:
    """The entries of a list; raises `StaleError` where it cannot be read or a line is not in its file any more."""
    try:
        entries = [Equivalent.model_validate(entry) for entry in yaml.safe_load(file.read_text(encoding="utf-8")) or []]
    except (yaml.YAMLError, pydantic.ValidationError, TypeError) as error:
        raise StaleError(f"{file.name} cannot be read: {' '.join(str(error).split())}.") from error
    for entry in entries:
        _refuse_stale(entry, file.name, root)
    return entries


def _refuse_stale(entry: Equivalent, name: str, root: Path) -> None:
    path = root / entry.file
    source = path.read_text(encoding="utf-8") if path.is_file() else ""
    if entry.line not in " ".join(line.strip() for line in source.splitlines()):
        raise StaleError(
            f"{name}: {entry.file} has no line {entry.line!r} any more; look whether {entry.mutation!r} is still the "
            "same program, and change the entry or take it out."
        )


def why(mutant: Mutant, entries: Sequence[Equivalent]) -> str:
    """Why a mutant is the same program; empty where nobody says so."""
    return next((entry.why for entry in entries if entry.is_(mutant)), "")
