"""The list of requirements that tests are marked with: what each says, where it comes from, and which figure shows it.

Where a project has such a file, a test that is marked with an id which is not in it is refused before anything is
switched on, and the report goes through the list: which of its tests came out how, and what nobody has tested.

```yaml
schema: 1
requirements:
  PB-DIS-01:
    text: The pack holds its capacity at C/3.
    clause: GB 38031-2025, 8.1                # where it comes from; left out where it is the project's own
    kpi: [discharge capacity]                 # figures that show it
    limit: {C/3: {-10: 1.8, 25: 1.96}}        # as behind that figure in a pack file; of several figures, by their names
    source: GB 38031-2025, 8.1.2              # where the limit comes from
```

What judges is the limit of the pack file, or of the test. Where a pack has another one than the list, that is said.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isclose
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from bench import files
from bench.pack import PackFile
from bench.requirements import UNCONDITIONAL, Conditions, limit_at, read
from bench.verdicts import InputError
from instruments.wording import nearest

NAME = "requirements.yaml"
"""Looked for in the root folder of the tests, and beside them, where no other file is named."""
PLACES = (Path(), Path("test_cases"), Path("tests"))
SAME = 1e-9
"""Of a limit: what two files may differ by that mean the same."""


class Requirement(files.FileModel):
    """What is required, in own words, and where it comes from."""

    text: str = Field(min_length=1)
    clause: str = ""
    kpi: tuple[str, ...] = ()
    limit: Any = None
    source: str = ""

    @model_validator(mode="after")
    def _limit_can_be_read(self) -> "Requirement":
        _ = self.limits
        return self

    @property
    def limits(self) -> Mapping[str, Conditions]:
        """What is required, by KPI; raises `WrongAt` for what is no limit, or of nobody knows which figure."""
        if self.limit is None:
            return {}
        by_figure = isinstance(self.limit, Mapping) and self.limit and set(self.limit) <= set(self.kpi)
        if not by_figure and len(self.kpi) != 1:
            raise files.WrongAt(
                ("limit",), self.limit, "needs a limit for each figure that it is of, "
                f"{{figure: limit}}; allowed: {', '.join(self.kpi) or 'name one as kpi'}",
            )  # fmt: skip
        try:
            return read(self.limit if by_figure else {self.kpi[0]: self.limit})
        except files.WrongAt as wrong:
            where = wrong.where if by_figure else wrong.where[1:]
            raise files.WrongAt(("limit", *where), wrong.found, str(wrong)) from wrong

    def as_facts(self) -> dict[str, Any]:
        """For the record of a session: the limit is told where there is one, by figure, condition and temperature."""
        told = {"text": self.text, "clause": self.clause, "kpi": list(self.kpi)}
        return told | ({"limit": self.limits} if self.limits else {}) | ({"source": self.source} if self.source else {})


class RequirementFile(files.FileModel):
    """What the file holds: requirements by their id."""

    schema_version: Literal[1] = Field(alias="schema")
    requirements: dict[str, Requirement] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class RequirementList:
    """The requirements of a project by id; none, and no file, where it keeps no list."""

    file: Path | None = None
    requirements: Mapping[str, Requirement] = field(default_factory=dict)

    def refuse_unknown(self, test: str, identifiers: Iterable[str]) -> None:
        """Raise `InputError` for the first id of a test that is not in the list."""
        for identifier in identifiers if self.file is not None else ():
            if identifier not in self.requirements:
                raise InputError(
                    f"{test}: its requirement {identifier!r} is not in {self.file}: "
                    f"{nearest(identifier, self.requirements)}."
                )

    def as_facts(self) -> dict[str, Any]:
        """For the record of a session."""
        return {identifier: entry.as_facts() for identifier, entry in self.requirements.items()}

    def disagreements(self, packs: Iterable[PackFile]) -> list[str]:
        """One sentence for each limit that a pack file gives otherwise: it is the pack's that a figure is judged by."""
        return [
            f"{self.file}: {identifier} allows {ours:g} for {kpi!r}{_where(condition, temperature)}, and pack "
            f"{pack.name} {theirs:g}, which is what it is judged by: let one of them say the other."
            for pack in packs
            for identifier, entry in self.requirements.items()
            for kpi, conditions in entry.limits.items()
            for condition, temperature, ours, theirs in _apart(conditions, pack.requirements.get(kpi, {}))
        ]


def _apart(listed: Conditions, of_a_pack: Conditions) -> Iterator[tuple[str, float | None, float, float]]:
    """Where two sources both give a limit, and not the same: condition, temperature (degC; None: any), both limits."""
    for condition, ours in listed.items():
        for other, theirs in of_a_pack.items():
            if other != condition and UNCONDITIONAL not in (other, condition):
                continue
            anywhere = len(ours) == len(theirs) == 1
            for temperature in sorted({*ours, *theirs})[: 1 if anywhere else None]:
                both = limit_at(ours, temperature), limit_at(theirs, temperature)
                if both[0] is not None and both[1] is not None and not isclose(both[0], both[1], rel_tol=SAME):
                    yield other or condition, None if anywhere else temperature, both[0], both[1]


def _where(condition: str, temperature: float | None) -> str:
    at = [condition] if condition else []
    at += [f"{temperature:g} °C"] if temperature is not None else []
    return f" at {', '.join(at)}" if at else ""


def load(named: str | None, root: Path) -> RequirementList:
    """The list of a file, or of the first one at `PLACES` below `root` where none is named; raises `InputError`."""
    if named is not None and not Path(named).is_file():
        raise InputError(f"--requirements={named}: there is no such file; leave it out, or name a file like {NAME}.")
    places = [Path(named)] if named is not None else [root / place / NAME for place in PLACES]
    file = next((place for place in places if place.is_file()), None)
    return RequirementList() if file is None else RequirementList(file, files.load(file, RequirementFile).requirements)
