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
```
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from bench import files
from bench.verdicts import InputError
from instruments.wording import nearest

NAME = "requirements.yaml"
"""Looked for in the root folder of the tests, and beside them, where no other file is named."""
PLACES = (Path(), Path("test_cases"), Path("tests"))


class Requirement(files.FileModel):
    """What is required, in own words, and where it comes from."""

    text: str = Field(min_length=1)
    clause: str = ""
    kpi: tuple[str, ...] = ()


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
        return {identifier: entry.model_dump(mode="json") for identifier, entry in self.requirements.items()}


def load(named: str | None, root: Path) -> RequirementList:
    """The list of a file, or of the first one at `PLACES` below `root` where none is named; raises `InputError`."""
    if named is not None and not Path(named).is_file():
        raise InputError(f"--requirements={named}: there is no such file; leave it out, or name a file like {NAME}.")
    places = [Path(named)] if named is not None else [root / place / NAME for place in PLACES]
    file = next((place for place in places if place.is_file()), None)
    return RequirementList() if file is None else RequirementList(file, files.load(file, RequirementFile).requirements)
