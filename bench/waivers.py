"""Waivers: failures that somebody answers for, up to a day and within a range of values.

A test whose failure is waived stays FAIL wherever it is shown. What a waiver changes is the exit status of a session in
which nothing else failed, so that a nightly is red for what is new. It covers measurements that missed a requirement,
and nothing else: no limit that ended a run, no bench fault, no worse value, and nothing after its last day.

```yaml
schema: 1
waivers:
  - requirement: PB-FST-01
    pack: nmc811-24s
    kpi: charge time 10 to 80 %        # as the pack file requires it, or as the report calls the figure
    temperature: -10                   # °C of the requirement; left out: any
    value: {min: 9000, max: 14000}     # in the figure's unit: what was seen, with room; beyond it is news
    reason: The anode allows no more in the cold; a heated plate is ordered.
    owner: A. Person
    expires: 2027-03-31                # last day on which it holds
```
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from bench import files
from bench.verdicts import FAILED, MISSED, InputError, Measurement, Verdict

NAME = "waivers.yaml"
"""Looked for in the root folder of the tests where no other file is named."""


class ValueRange(files.FileModel):
    """A closed range, in the unit of the figure."""

    min: float
    max: float

    @model_validator(mode="after")
    def _rising(self) -> "ValueRange":
        if self.min > self.max:
            raise ValueError(f"min {self.min:g} must not lie above max {self.max:g}")
        return self


class Waiver(files.FileModel):
    """One failure that is known: of which requirement, pack and figure, and who answers for it until when."""

    requirement: str = Field(min_length=1)
    pack: str = Field(min_length=1)
    kpi: str = Field(min_length=1)
    at: str | None = Field(default=None, description="condition of the requirement; any when absent")
    temperature: float | None = Field(default=None, description="°C; any when absent")
    value: ValueRange
    reason: str = Field(min_length=1)
    owner: str = Field(min_length=1)
    expires: date

    def is_about(self, pack: str, measured: Measurement) -> bool:
        """Whether this measurement is the one that is meant, whatever its value."""
        asked = measured.required or {}
        return (
            (self.pack, self.requirement) == (pack, measured.requirement)
            and self.kpi in (asked.get("key"), measured.name)
            and self.at in (None, asked.get("at"))
            and self.temperature in (None, asked.get("temperature"))
        )

    def objection(self, measured: Measurement, today: date) -> str:
        """Why it does not cover a measurement that it is about, as the end of a sentence; empty where it does."""
        if today > self.expires:
            return f"expired on {self.expires}"
        if not self.value.min <= measured.value <= self.value.max:  # so that one that was never taken (nan) is news
            found = f"{measured.value:.6g}".replace("nan", "no value")
            return f"covers {self.value.min:g} to {self.value.max:g} {measured.unit}, and {found} was found"
        return ""

    def __str__(self) -> str:
        return f"waiver of {self.requirement} for {self.kpi} (until {self.expires}, {self.owner}: {self.reason})"


class WaiverFile(files.FileModel):
    """What the file holds."""

    schema_version: Literal[1] = Field(alias="schema")
    waivers: tuple[Waiver, ...] = ()


@dataclass(frozen=True, slots=True)
class Waived:
    """What the waivers say of a failed run: whether every failure in it is covered, and a sentence about each."""

    covered: bool = False
    told: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join(self.told)


@dataclass(frozen=True, slots=True)
class Waivers:
    """The waivers of a session, from `file` (None: there is none)."""

    file: Path | None = None
    waivers: tuple[Waiver, ...] = ()

    def expired(self, today: date) -> list[Waiver]:
        """Those whose last day is over: they cover nothing any more, and somebody has to look at them."""
        return [waiver for waiver in self.waivers if today > waiver.expires]

    def judge(
        self,
        pack: str,
        verdict: Verdict,
        measurements: Iterable[Measurement],
        causes: Sequence[Mapping[str, Any]],
        today: date,
    ) -> Waived:
        """What they say of a run of a pack that ended with `verdict`, for these `causes` (as in the manifest)."""
        if verdict not in {*FAILED.values(), Verdict.INCONCLUSIVE} or not self.waivers:
            return Waived()
        missed = [each for each in measurements if each.verdict is not Verdict.PASS]
        # What the test asserts by itself is a requirement that was missed as well, and no measurement.
        known = {(MISSED[each.subject], each.name) for each in missed}
        told, covered = list[str](), all((cause.get("fault"), cause.get("limit")) in known for cause in causes)
        for measured in missed:
            found, sentence = self._look(pack, measured, today)
            told += [sentence] if sentence else []
            covered = covered and found
        # A run that failed without a measurement that did has failed for something that nobody can waive.
        return Waived(covered and bool(told), tuple(told))

    def _look(self, pack: str, measured: Measurement, today: date) -> tuple[bool, str]:
        """Whether one covers this measurement, and what is to be said of it."""
        about = [waiver for waiver in self.waivers if waiver.is_about(pack, measured)]
        covering = next((waiver for waiver in about if not waiver.objection(measured, today)), None)
        if covering is not None:
            return True, f"Waived: {measured.name}, by the {covering}."
        if about:
            return False, f"Not waived: {measured.name}, the {about[0]} {about[0].objection(measured, today)}."
        return False, ""


def load(named: str | None, root: Path) -> Waivers:
    """The waivers of a file, or of the one in `root` where none is named; raises `InputError`, one sentence."""
    file = Path(named) if named is not None else root / NAME
    if named is None and not file.is_file():
        return Waivers()
    if not file.is_file():
        raise InputError(f"--waivers={named}: there is no such file; leave it out, or name a file like {root / NAME}.")
    return Waivers(file, files.load(file, WaiverFile).waivers)
