"""The faults of the campaign as data: what goes wrong, how it is injected, and what must come of it in each phase.

`faults.yaml` says what is expected and nothing about what was found. The words for causes, layers and blame are those
of the bench's own catalogue, `bench/safety/faults.yaml`.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field, model_validator

from bench import files
from bench.safety.faults import catalogue
from bench.verdicts import Blame

FILE = Path(__file__).with_name("faults.yaml")

Level = Literal["transport", "dialect", "instrument", "physics", "CAN", "process"]
Phase = Literal["opening", "soak", "charge", "fast recharge", "discharge", "teardown"]
Expectation = Literal["ends", "warns", "told", "passes"]
"""ends: the run ends with a cause that names the fault. warns: it goes on, and the fault is told. told: the run may end
as it likes, but the bench verdict says what could not be verified. passes: nothing comes of it."""

LEVELS: tuple[Level, ...] = get_args(Level)
PHASES: tuple[Phase, ...] = get_args(Phase)
USUAL: tuple[Phase, ...] = PHASES[1:]
WITHOUT_CURRENT: frozenset[Phase] = frozenset({"soak", "teardown"})
"""Phases in which a fault of what current does to a battery can do no harm yet, or none any more."""


class Injection(files.FileModel):
    """One fault."""

    level: Level
    words: str = Field(min_length=1, description="what goes wrong, as the table calls it")
    dangerous: bool = Field(description="whether somebody or something could be hurt if nobody noticed")
    station: str = Field(default="virtual-module", description="shipped station; a process is hit on a served one")
    defects: tuple[str, ...] = Field(default=(), description="defects of the virtual bench")
    overdue: str = Field(default="", description="instrument whose calibration has run out")
    action: str = Field(default="", description="what is done to a process; a function of `campaign.victim`")
    expect: Expectation
    phases: tuple[Phase, ...] = USUAL
    but: dict[Phase, Expectation] = Field(default={}, description="phases of which something else is expected")
    named: tuple[str, ...] = Field(default=(), description="ids of the faults that may name it")
    blame: Blame | None = None
    told: str = Field(default="", description="what the bench verdict must say where it is not safe")

    @model_validator(mode="after")
    def _can_be_judged(self) -> "Injection":
        if sum(map(bool, (self.defects, self.overdue, self.action))) != 1:
            raise ValueError("one of `defects`, `overdue` and `action` says how a fault is injected")
        unknown = [name for name in self.named if name not in catalogue()]
        if unknown:
            raise ValueError(f"`named` has {unknown[0]!r}; {files.nearest(unknown[0], catalogue())}")
        expected = set(self.expectations.values())
        if expected & {"ends", "warns"} and not (self.named and self.blame):
            raise ValueError("what is to be noticed needs `named` and `blame`")
        if "told" in expected and not self.told:
            raise ValueError("what the operator is to be told needs `told`")
        waved = [phase for phase, what in self.expectations.items() if what == "passes"]
        if self.dangerous and set(waved) - WITHOUT_CURRENT:
            raise ValueError("a dangerous fault may pass unnoticed only before or after any current can flow")
        return self

    @property
    def expectations(self) -> Mapping[Phase, Expectation]:
        """What is expected, by phase, in the order of the phases."""
        return {phase: self.but.get(phase, self.expect) for phase in PHASES if phase in {*self.phases, *self.but}}


class Campaign(files.FileModel):
    """The file."""

    schema_version: Literal[1] = Field(alias="schema")
    faults: dict[str, Injection] = Field(min_length=1)


def load_campaign(path: Path) -> Mapping[str, Injection]:
    """Faults by id; raises `InputError` with one sentence about what is wrong in the file."""
    return files.load(path, Campaign).faults


@cache
def campaign() -> Mapping[str, Injection]:
    """The campaign's own faults."""
    return load_campaign(FILE)
