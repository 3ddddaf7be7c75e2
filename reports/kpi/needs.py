"""What a figure needs of the bench that is to show it, so that a bench which has not got it says so and shows none.

A need is a function of what a bench has (`Means`) and of the numbers that the figure is asked with; it returns why the
figure cannot be measured there and what could do it, or nothing.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any

import numpy as np

from bench.recording.rows import Floats
from reports.recording import Recording, Step

TIME = "Test Time / s"
LOOKED_AT = 50
"""Samples at the beginning of a step by which it is known how often there is one."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a bench has for one step: `period` s between two samples (nan: unknown), its entries of the manifest.

    An instrument that is asked more rarely than scans are made counts as often as it is asked.
    """

    period: float = nan
    instruments: Sequence[Mapping[str, Any]] = ()

    @classmethod
    def of(cls, run: Recording, step: Step, meters: Collection[str]) -> "Means":
        """What a recording shows that its bench had, where `meters` (roles, names) measure."""
        rows = slice(step.rows.start, min(step.rows.stop, step.rows.start + LOOKED_AT))
        between = np.diff(run.cut(TIME, rows))
        usual = float(np.median(between)) if len(between) else nan
        instruments = run.manifest.get("instruments") or ()
        columns = {f"{each['name'].title()} Sample Age / s" for each in _measuring(instruments, meters)}
        ages = [_oldest(run.cut(name, rows)) for name in run.columns if name in columns]
        return cls(max([usual, *(age + usual for age in ages if age > 0)]), instruments)

    @classmethod
    def planned(cls, period: float, instruments: Sequence[Mapping[str, Any]], meters: Collection[str]) -> "Means":
        """What a bench will have that scans each `period` s, and asks some of its instruments more rarely."""
        own = [float(each.get("scan_period") or 0.0) for each in _measuring(instruments, meters)]
        return cls(max([period, *own]), instruments)


def _measuring(instruments: Sequence[Mapping[str, Any]], meters: Collection[str]) -> list[Mapping[str, Any]]:
    return [each for each in instruments if each["name"] in meters or set(each.get("roles", ())) & set(meters)]


def _oldest(ages: Floats) -> float:
    return float(np.nanmax(ages)) if np.isfinite(ages).any() else 0.0


Need = Callable[[Means, Mapping[str, object]], str]


def samples_before(word: str, several: int = 2) -> Need:
    """`several` samples within the time (s) that a figure is asked with as `word`."""

    def missing(means: Means, words: Mapping[str, object]) -> str:
        wanted = float(str(words.get(word, nan))) / several
        if not isfinite(means.period) or means.period <= wanted * (1 + ROUNDING):
            return ""
        return (
            f"there is a sample each {means.period:.3g} s, and {several * wanted:g} s after a current begins wants one "
            f"each {wanted:g} s; a station with a scan_period of at most {wanted:g} s would do"
        )

    return missing


def dynamics_before(word: str, several: int = 2) -> Need:
    """A pack whose resistance grows with time as a cell's does: an emulator has that as fast as it can be told."""

    def missing(means: Means, words: Mapping[str, object]) -> str:
        wanted = float(str(words.get(word, nan))) / several
        slow = next((each for each in means.instruments if float(each.get("follows") or 0.0) > wanted), None)
        if slow is None:
            return ""
        return (
            f"{slow['name']} takes {slow['follows']:.2g} s until its cells oppose what cells would by then, and "
            f"{several * wanted:g} s after a current begins wants that within {wanted:g} s; a station with a real pack "
            "would do, or one whose emulator takes messages faster"
        )

    return missing


ROUNDING = 1e-6
"""Share by which a sum of periods is rounded."""
