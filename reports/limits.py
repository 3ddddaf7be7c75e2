"""Limits that a recording is judged by later than it was made: those of a pack file, or of a file of limits alone.

```yaml
schema: 2
rated_capacity: 2.3                # Ah, where a limit is relative to it
requirements: {discharge capacity: 2.2, dc resistance 10 s: 0.012}
```
"""

from math import nan
from pathlib import Path
from typing import Literal

from pydantic import Field

from bench import files
from bench.pack import load_pack
from bench.requirements import UNCONDITIONAL, Requirements, source_of
from bench.verdicts import InputError
from reports.kpi import found


class LimitsFile(files.FileModel):
    """A file of nothing but limits: requirements as in a pack file, and the rated capacity where one is meant."""

    schema_version: Literal[2] = Field(default=2, alias="schema")
    name: str = ""
    rated_capacity: float = Field(default=nan, description="Ah", allow_inf_nan=True)
    requirements: Requirements
    sources: dict[str, str] = Field(default_factory=dict)

    def source_of(self, kpi: str, condition: str = UNCONDITIONAL) -> str:
        """Where what is required of a KPI under a condition comes from; empty where the file does not say it."""
        return source_of(self.sources, kpi, condition)


def load_limits(name: str) -> LimitsFile:
    """Limits of a pack file, a shipped pack or a file of limits alone; raises `InputError`, also for an unknown KPI."""
    path = Path(name)
    if path.is_file() and _holds_limits_alone(path):
        limits = files.load(path, LimitsFile)
    else:
        pack, path = load_pack(name)
        limits = LimitsFile.model_construct(
            name=pack.name,
            rated_capacity=pack.rated_capacity,
            requirements=pack.requirements,
            sources=pack.sources,
        )
    for key in limits.requirements:
        if found().named(key) is None:
            raise InputError(f"{files.place(path, 'requirements', key)}: unknown KPI; {found().nearest(key)}.")
    return limits


def _holds_limits_alone(path: Path) -> bool:
    """Whether none of what makes a pack file stands in it."""
    import yaml

    from models import yamltext

    try:
        written = yamltext.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return False
    return (
        isinstance(written, dict) and "requirements" in written and not {"limits", "chemistry", "series"} & set(written)
    )
