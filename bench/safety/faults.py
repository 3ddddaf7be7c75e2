"""The fault catalogue: everything that can go wrong on a bench, who notices, what follows, and who is to blame.

`faults.yaml` is the one vocabulary of limits, causes, seeded defects and reports. It decides nothing by itself: whoever
notices a fault names it, and takes its words, its action and its blame from here.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from bench import files
from bench.verdicts import Blame, InputError
from instruments import extensions

GROUP = "packbench.faults"
"""Entry points of other packages: each a `Fault`, named by its id."""
CATALOGUE = Path(__file__).with_name("faults.yaml")

Layer = Literal["guard", "engine", "opening", "link", "recorder", "safe state", "supervisor", "map", "test", "operator"]
Action = Literal["warn", "hold", "trip", "refuse", "judge", "end"]


class Fault(files.FileModel):
    """One thing that can go wrong; the sentences are for people."""

    name: str = Field(min_length=1, description="as reports call it")
    meaning: str = Field(min_length=1)
    detection: str = Field(min_length=1)
    layer: Layer
    action: Action
    blame: Blame
    advice: str = Field(default="", description="what to do next, behind the cause, where that cannot say it")
    defects: tuple[str, ...] = Field(default=(), description="defects of the virtual bench that bring it about")


class Catalogue(files.FileModel):
    """The file."""

    schema_version: Literal[1] = Field(alias="schema")
    faults: dict[str, Fault] = Field(min_length=1)

    @field_validator("faults")
    @classmethod
    def _ids_and_names_are_distinct(cls, faults: dict[str, Fault]) -> dict[str, Fault]:
        bad = [fault for fault in faults if not fault.replace("-", "").isalnum() or fault != fault.lower()]
        if bad:
            raise ValueError(f"{bad[0]!r} is no id: write lower case letters, digits and hyphens")
        names = [fault.name for fault in faults.values()]
        double = next((name for name in names if names.count(name) > 1), None)
        if double is not None:
            raise ValueError(f"two faults are called {double!r}; a report could not tell them apart")
        return faults


def load_catalogue(path: Path) -> Mapping[str, Fault]:
    """Faults by id, in the order of the file; raises `InputError` with one sentence about what is wrong in it."""
    return files.load(path, Catalogue).faults


@cache
def catalogue() -> Mapping[str, Fault]:
    """The shipped faults by id."""
    return load_catalogue(CATALOGUE)


def fault(fault_id: str) -> Fault:
    """One fault, shipped or of another package; raises `KeyError` for an id that nobody knows: a mistake in the code.

    Raises `InputError` for one that a package brings and that is none.
    """
    known = catalogue().get(fault_id)
    return known if known is not None else _brought(fault_id)


def refuse_ours_from_others() -> None:
    """Raise `InputError` where a package brings a fault of ours: whoever is to blame by it would not be."""
    for fault_id in sorted(catalogue().keys() & extensions.brought(GROUP).keys()):
        try:
            extensions.refuse_ours(GROUP, fault_id, f"The fault {fault_id!r}")
        except extensions.ExtensionError as error:
            raise InputError(str(error)) from error


def ids() -> frozenset[str]:
    """Of every fault, shipped or of another package."""
    return frozenset({*catalogue(), *extensions.brought(GROUP)})


@cache
def _brought(fault_id: str) -> Fault:
    what = f"The fault {fault_id!r}"
    try:
        found = extensions.load(GROUP, fault_id, what)
    except extensions.ExtensionError as error:
        raise InputError(str(error)) from error
    if not isinstance(found, Fault):
        (entry,) = extensions.brought(GROUP)[fault_id]
        raise InputError(f"{extensions.where(entry, what)} is no Fault.")
    return found
