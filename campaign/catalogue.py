"""The faults of the campaign as data: what goes wrong, how it is injected, and what must come of it in each phase.

The files in `faults/` say what is expected and nothing about what was found. The words for causes, layers and blame are
those of the bench's own catalogue, `bench/safety/faults.yaml`, and of the faults that other packages bring.

A package with instruments and steps of its own has a catalogue of its own (`--catalogue`): its stations and packs are
files beside it, its `scenario` is a function of that package, and a phase of it is a step of that scenario by its name.
"""

import pkgutil
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast, get_args

from pydantic import Field, model_validator

from bench import files
from bench.recording.run import RunRecord
from bench.running.lifecycle import OpenBench
from bench.safety import faults
from bench.scenario import Step
from bench.testing import TestBench
from bench.verdicts import FAILED, Blame, InputError
from campaign.manager import MISBEHAVIOURS
from campaign.wires import MISBEHAVIOURS as ON_WIRES
from instruments.wording import nearest

FOLDER = Path(__file__).with_name("faults")

Level = Literal["transport", "dialect", "instrument", "physics", "CAN", "process"]
Phase = str
"""One of `PHASES`, or the name of a step of a scenario of somebody else's."""
Scenario = Callable[[Phase, OpenBench], Sequence[Step]]
"""What is run to be hit in a phase, on an open bench."""
Judge = Callable[[TestBench, RunRecord], None]
"""Takes the measurements of a run on an open bench, which its author concludes."""
Expectation = Literal["ends", "warns", "told", "passes", "alone"]
"""ends: the run ends with a cause that names the fault. warns: it goes on, and the fault is told. told: the run may end
as it likes, but the bench verdict says what could not be verified. passes: nothing comes of it. alone: nobody is left
to say anything, and everything goes off by itself."""

LEVELS: tuple[Level, ...] = get_args(Level)
PHASES: tuple[Phase, ...] = (
    "opening", "soak", "charge", "fast recharge", "rest", "discharge", "teardown", "judgement",
)  # fmt: skip
USUAL: tuple[Phase, ...] = ("soak", "charge", "fast recharge", "discharge", "teardown")
"""Of one scenario, in which most faults come; a rest and a judgement are scenarios of their own."""
SEEDED: frozenset[Phase] = frozenset({"opening", "judgement"})
"""Phases before which the fault is there already."""
WITHOUT_CURRENT: frozenset[Phase] = frozenset({"soak", "teardown"})
"""Phases in which a fault of what current does to a battery can do no harm yet, or none any more."""
VERDICTS: Mapping[Blame, str] = {
    **{who: str(verdict) for who, verdict in FAILED.items()},
    "bench": "BENCH FAULT", "operator": "ABORTED", "test": "TEST ERROR",
}  # fmt: skip
"""How a run ends by whose fault that is: INCONCLUSIVE is no answer to what could be read on the wire."""
CELLS_PER_MODULE = 12
"""of the simulated node, which says of a cell, or of the sensor on it, in which module and where in it."""
SENSORS = 8
"""of the simulated scanner, evenly over the cells; it says which of its own."""
REAL = "served"
"""How the names of stations begin whose instruments are behind real sockets."""


class Strike(files.FileModel):
    """How something goes wrong."""

    defects: tuple[str, ...] = Field(default=(), description="defects of the virtual bench")
    overdue: str = Field(default="", description="instrument whose calibration has run out")
    action: str = Field(default="", description="what is done to a process; a function of `campaign.victim`")
    lease: Literal["", "held", "left", "expired"] = Field(default="", description="how the bench's lease is found")
    manager: str = Field(default="", description="what the campaign's energy manager does; of `campaign.manager`")

    @model_validator(mode="after")
    def _one_way(self) -> "Strike":
        if sum(map(bool, (self.defects, self.overdue, self.action, self.lease, self.manager))) != 1:
            raise ValueError("one of `defects`, `overdue`, `action`, `lease`, `manager` says how a fault is injected")
        known = (*MISBEHAVIOURS, *ON_WIRES)
        if self.manager not in known:
            raise ValueError(f"`manager` has {self.manager!r}; {nearest(self.manager, known)}")
        return self


class Second(Strike):
    """The second of two faults: so much later, and where it must be listed, beside the one that leads."""

    after: float = Field(default=0.0, ge=0, description="s of bench time behind the first")
    named: tuple[str, ...] = Field(default=(), description="ids of which one must be listed, as a cause or a warning")
    told: str = Field(default="", description="what the bench verdict must say of it")


class Injection(Strike):
    """One fault, or two."""

    level: Level
    words: str = Field(min_length=1, description="what goes wrong, as the table calls it")
    dangerous: bool = Field(description="whether somebody or something could be hurt if nobody noticed")
    station: str = Field(
        default="virtual-module", description="shipped, or a file beside this one; a process is hit on a served one"
    )
    pack: str = Field(default="", description="shipped, or a file beside this one (default: the station's first)")
    scenario: str = Field(default="", description="`module:function` of an installed package (default: our own)")
    judge: str = Field(default="", description="`module:function` that measures what was run (default: nobody)")
    also: Second | None = Field(default=None, description="the second of two faults; the first leads")
    found: bool = Field(default=False, description="whether it is about how the bench is found, or left")
    expect: Expectation
    phases: tuple[Phase, ...] = USUAL
    but: dict[Phase, Expectation] = Field(default={}, description="phases of which something else is expected")
    named: tuple[str, ...] = Field(default=(), description="ids of the faults that may name it")
    blame: Blame | None = None
    verdict: str = Field(default="", description="of the run, where it does not follow from whom is to blame")
    locates: str = Field(default="", description="what the cause must say: which cell, which limit, which instrument")
    told: str = Field(default="", description="what the bench verdict must say where it is not safe")
    minutes: float = Field(
        default=0.5, gt=0, description="of bench time that a process is watched for, or a step by its name takes"
    )
    group: str = Field(default="", description="file that it stands in; set by the loader")

    @property
    def expectations(self) -> Mapping[Phase, Expectation]:
        """What is expected, by phase, in the order of the phases; steps by their names come last."""
        wanted = dict.fromkeys((*self.phases, *self.but))
        order = [phase for phase in PHASES if phase in wanted] + [phase for phase in wanted if phase not in PHASES]
        return {phase: self.but.get(phase, self.expect) for phase in order}

    @property
    def seeds(self) -> tuple[str, ...]:
        """Every defect of it."""
        return self.defects + (self.also.defects if self.also else ())

    @property
    def real(self) -> bool:
        """Whether it needs real sockets and processes."""
        processes = self.action or self.lease or (self.also is not None and self.also.action)
        return bool(processes) or Path(self.station).name.startswith(REAL)

    def located_in(self, text: str) -> bool:
        """Whether a cause says where it is; a cell by its number in the string, or as whoever measured it counts."""
        cell = self.locates.removeprefix("cell ")
        if cell == self.locates:
            return self.locates in text
        places = "|".join(_places_of(int(cell), 24 if "module" in self.station else 96))
        return re.search(rf"\b({places})\b(?! of module)", text) is not None

    @property
    def kinds(self) -> tuple[str, ...]:
        """What it counts as, beside a fault."""
        pack = self.blame == "pack" and "ends" in self.expectations.values()
        kinds = {
            "double": self.also is not None,
            "intermittent": any("/" in seed.partition("@")[2] for seed in self.seeds),
            "found or left": self.found,
            # Beside a fault of the bench, whose bench verdict may outrank it, a pack's failure is no plain FAIL.
            "pack fault": pack and self.also is None,
        }
        return tuple(kind for kind, holds in kinds.items() if holds)

    @model_validator(mode="after")
    def _has_a_scenario(self) -> "Injection":
        unknown = next((phase for phase in self.expectations if phase not in PHASES), None)
        if unknown is not None and not self.scenario:
            raise ValueError(f"{unknown!r} is no phase; {nearest(unknown, PHASES)}")
        if self.scenario:
            scenario_named(self.scenario)
            if "judgement" in self.expectations:
                raise ValueError("a `scenario` of its own has a `judge` of its own: leave the phase 'judgement' out")
        if self.judge:
            judge_named(self.judge)
            if self.real:
                raise ValueError("where time is real the test itself has to judge: leave `judge` out")
        return self

    @model_validator(mode="after")
    def _can_be_judged(self) -> "Injection":
        known = faults.ids()
        unknown = [name for name in (*self.named, *(self.also.named if self.also else ())) if name not in known]
        if unknown:
            raise ValueError(f"`named` has {unknown[0]!r}; {nearest(unknown[0], known)}")
        expected = set(self.expectations.values())
        if expected & {"ends", "warns"} and not (self.named and self.blame):
            raise ValueError("what is to be noticed needs `named` and `blame`")
        if "told" in expected and not self.told:
            raise ValueError("what the operator is to be told needs `told`")
        if "pack fault" in self.kinds and not self.locates:
            raise ValueError("a fault of the pack needs `locates`: the cell, or the limit, that the cause must name")
        waved = [phase for phase, what in self.expectations.items() if what == "passes"]
        if self.dangerous and set(waved) - WITHOUT_CURRENT and not self.found:
            raise ValueError("a dangerous fault may pass unnoticed only before or after any current can flow")
        return self


def scenario_named(name: str) -> Scenario:
    """The function behind `module:function`; raises `ValueError`, one sentence, where there is none."""
    return cast("Scenario", _function("scenario", name))


def judge_named(name: str) -> Judge:
    """The function behind `module:function`; raises `ValueError`, one sentence, where there is none."""
    return cast("Judge", _function("judge", name))


def _function(key: str, name: str) -> object:
    try:
        found = pkgutil.resolve_name(name)
    except Exception as error:  # what somebody's module does while it is imported is anything
        raise ValueError(f"`{key}` {name!r} cannot be imported: {error}; write package.module:function") from error
    if ":" not in name or not callable(found):
        raise ValueError(f"`{key}` {name!r} is no function; write package.module:function")
    return found


def _places_of(cell: int, series: int) -> list[str]:
    """How a cell (from 1) of a string may be called: by its number, by the node, by the scanner if it has a sensor."""
    module, place = (number + 1 for number in divmod(cell - 1, CELLS_PER_MODULE))
    scanned = [f"sensor {number + 1}" for number in range(SENSORS) if number * series // SENSORS == cell - 1]
    return [f"cell {cell}", f"cell {place} of module {module}", f"sensor {place} of module {module}", *scanned]


class Campaign(files.FileModel):
    """One file; what its faults have in common is said once, in `defaults`."""

    schema_version: Literal[1] = Field(alias="schema")
    defaults: dict[str, Any] = Field(default={}, description="keys of every fault that does not say otherwise")
    faults: dict[str, Injection] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _take_defaults(cls, content: Any) -> Any:
        defaults, faults = content.get("defaults"), content.get("faults")
        if not isinstance(defaults, dict) or not isinstance(faults, dict):
            return content
        filled = {name: {**defaults, **fault} if isinstance(fault, dict) else fault for name, fault in faults.items()}
        return {**content, "faults": filled}


def load_campaign(path: Path) -> Mapping[str, Injection]:
    """Faults by id, of a file or of every file in a folder; raises `InputError` with one sentence about what is wrong.

    The same id in two files is refused: one of the two would never be injected.
    """
    found: dict[str, Injection] = {}
    for file in sorted(path.glob("*.yaml")) if path.is_dir() else [path]:
        for name, fault in files.load(file, Campaign).faults.items():
            if name in found:
                raise InputError(f"{file}, key faults.{name}: {found[name].group}.yaml has a fault of that id already.")
            beside = {"station": _beside(file, fault.station), "pack": _beside(file, fault.pack)}
            found[name] = fault.model_copy(update={"group": file.stem, **beside})
    return found


def _beside(file: Path, name: str) -> str:
    """A station or pack as it is found from anywhere: a file is meant from where it is named, a shipped one is not."""
    return str(file.resolve().parent / name) if name.endswith((".yaml", ".yml")) else name


@cache
def campaign() -> Mapping[str, Injection]:
    """The campaign's own faults."""
    return load_campaign(FOLDER)
