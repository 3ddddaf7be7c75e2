"""A field that was really measured, for all who want to look at one."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from packbench.mapping.fields import Field
from packbench.mapping.measuring import measure
from packbench.mapping.outcome import FieldResult
from tests.packbench.mapping.outcomes import SEASON, TASK, hop


@dataclass(frozen=True)
class Measured:
    """A recharge after a hop, where its recording is below, and the road."""

    outcome: FieldResult
    runs: Path
    road: str

    @property
    def folder(self) -> Path:
        return self.runs / self.outcome.run


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """Preconditioned, for everything that can be asked of it is then there."""
    folder = tmp_path_factory.mktemp("measured")
    field = Field("lfp-vehicle", hop(folder), SEASON, conditioned=True)
    return Measured(measure(field, TASK, folder / "runs"), folder / "runs", field.road)
