"""Continues a scenario that stopped: what was done is skipped, and the pack is looked at before a current flows again.

The test runs from its start. As long as it asks for the steps that the run before has finished, in the same order, it
is given their records; at the first other one the engine restores what the bench was set to, and goes on there.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from hashlib import sha256
from math import isnan
from typing import Any

import numpy as np

from bench import columns as labels
from bench.columns import INDEX
from bench.pack import PackFile, at_temperature
from bench.recording.past import PastRun, PastStep
from bench.recording.run import RunRecord
from bench.running.sampling import Row
from bench.running.setup import PackState, Setup, setup_manifest
from bench.safety.limits import limits_for
from bench.scenario import Soak, Step
from bench.verdicts import InputError

LONG_GAP = 3600.0
"""s after which a pack has left the temperature it was soaked at, to its core."""
REST, LONG_REST = 300.0, 1800.0
"""s of rest before the pack is looked at, after a short and after a long gap. Most of a cell's relaxation is over after
some minutes; half an hour is what ISO 12405-4 has a pack stand between two cycles."""
SOC_TOLERANCE = 0.02
"""By which the displayed state of charge may differ: SOC is not known better (ISO 12405-4 restores it as well)."""
VOLTAGE_TOLERANCE = 0.02
"""V per cell: the meters of two readings, self-discharge, a few kelvin."""
RELAXATION = 1800.0
"""s for which a current still shows in the voltage of a cell."""
DIFFUSION = 2.0
"""How much more than its 10 s resistance shows of a cell that was loaded for long."""
MISMATCH = "resume-mismatch"

_LOW, _HIGH, _SOC = INDEX[labels.CELL_VOLTAGE_MIN], INDEX[labels.CELL_VOLTAGE_MAX], INDEX[labels.SOC]


def fingerprint(step: Step) -> str:
    """What a step is, in a word: another one for every change of its kind or of any of its fields."""
    return sha256(step.identity.encode()).hexdigest()[:16]


def check_unchanged(past: PastRun, setup: Setup) -> None:
    """Raise `InputError` with everything in which station, pack or limits differ from those of the run before."""
    then, now = past.manifest, setup_manifest(setup)
    found = [
        f"the {what} was {old!r} and is {new!r}"
        for what, old, new in (
            ("station", then["station"]["name"], now["station"]["name"]),
            ("pack", then["pack"]["name"], now["pack"]["name"]),
            ("pack's serial number", then["pack"]["serial_number"], now["pack"]["serial_number"]),
        )
        if old != new
    ]
    found += _changed_files(then, now)
    found += _changed_limits(then["limits"], [limit.as_dict() for limit in limits_for(setup.pack, setup.station)])
    if found:
        raise InputError(
            f"--resume: run {past.run_id} cannot be resumed: {'; '.join(found)}. "
            "Put back what it ran with, or run its test anew.",
            MISMATCH,
        )


def _changed_files(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    changed = [what for what in ("station", "pack") if then[what]["sha256"] != now[what]["sha256"]]
    return [f"the {what} file {now[what]['file']} is another one than it was" for what in changed]


def _changed_limits(then: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> list[str]:
    """The first limit that is not what it was; one is enough to refuse."""
    if list(then) == list(now):
        return []
    different = next((new for old, new in zip(then, now, strict=False) if old != new), None)
    name = different["name"] if different else "their number"
    return [f"the guard's limits have changed ({name} first)"]


def pack_state(past: PastRun) -> PackState | None:
    """Where a simulated or emulated pack goes on, at rest; None where nobody knows."""
    state = PackState(past.last(labels.SOC), past.last(labels.SURFACE))
    return None if isnan(state.soc) or isnan(state.temperature) else state


class Resumption:
    """What is left to skip, and what must be so before the first step that is not skipped."""

    def __init__(self, past: PastRun, pack: PackFile, gap: float) -> None:
        self.past = past
        self._pack = pack
        self._steps = deque(step for step in past.steps if step.ended is not None)
        self.soak: Soak | None = None
        """The last soak that was skipped: the temperature to restore."""
        self.pending = True
        """Whether the pack still has to be looked at."""
        self.index = 0
        """Index of the last step that was skipped."""
        self.rest = LONG_REST if gap > LONG_GAP else REST
        """s to rest before the pack is looked at."""

    @property
    def left(self) -> Sequence[PastStep]:
        """Steps that were begun and that the test has not asked for."""
        return (*self._steps, *([self.past.interrupted] if self.pending and self.past.interrupted else []))

    def skip(self, steps: Sequence[Step]) -> int:
        """How many of `steps`, from the first on, were finished; raises `InputError` where they are others."""
        if not self.pending:
            return 0
        count = 0
        for step in steps:
            if not self._steps:
                self._must_be(self.past.interrupted, step)
                break
            past = self._steps.popleft()
            self._must_be(past, step)
            self.index, count = past.index, count + 1
            self.soak = step if isinstance(step, Soak) else self.soak
        return count

    def record(self, manifest: dict[str, Any], events: Sequence[dict[str, Any]]) -> RunRecord:
        """What the run held when the last step that was skipped had just ended."""
        rows, names = self.past.rows, tuple(self.past.columns)
        mine = np.flatnonzero(rows[:, names.index(labels.STEP)] == self.index)
        ended = next(
            place
            for place, event in enumerate(events)
            if event["type"] == "step ended" and event["index"] == self.index
        )
        return RunRecord(manifest, list(events[: ended + 1]), names, rows[: int(mine[-1]) + 1 if len(mine) else 0])

    def interrupted_in(self) -> PastStep | None:
        """The step to go on with, if the run stopped in one; None once it was."""
        return self.past.interrupted if self.pending else None

    def check_pack(self, row: Row) -> None:
        """Raise `InputError` unless the rested pack of `row` can be the one of the run before."""
        self.pending = False
        problems = [*self._soc_problem(row[_SOC]), *self._voltage_problem(row)]
        if problems:
            raise InputError(
                f"The pack is not as run {self.past.run_id} left it: {'; '.join(problems)}. It was used or exchanged "
                "since: run the test anew.",
                MISMATCH,
            )

    def _must_be(self, past: PastStep | None, step: Step) -> None:
        if past is not None and past.fingerprint != fingerprint(step):
            raise InputError(
                f"The test has changed since run {self.past.run_id}: its step {past.index} was {past.name!r} and is "
                f"now {step.name!r}{' with other settings' if past.name == step.name else ''}. Run it anew.",
                MISMATCH,
            )

    def _soc_problem(self, found: float) -> list[str]:
        left = self.past.last(labels.SOC)
        # With its contactors open a BMS may show no charge at all; then the cells' voltages tell.
        if isnan(found) or abs(found - left) <= SOC_TOLERANCE:
            return []
        return [f"its BMS shows {100 * found:.1f} % where it showed {100 * left:.1f} % (± {100 * SOC_TOLERANCE:g} %)"]

    def _voltage_problem(self, row: Row) -> list[str]:
        """Where the mean cell is after its rest, and where relaxation can have brought it."""
        past = self.past
        left = (past.last(labels.CELL_VOLTAGE_MIN) + past.last(labels.CELL_VOLTAGE_MAX)) / 2
        found = (row[_LOW] + row[_HIGH]) / 2
        low, high = self._relaxed(left)
        if low <= found <= high:
            return []
        return [f"a cell has {found:.3f} V at rest, {left:.3f} V then allow {low:.3f} to {high:.3f} V"]

    def _relaxed(self, left: float) -> tuple[float, float]:
        """V that a cell may have at rest after `left`: a charge leaves it too high, a discharge too low."""
        past, names = self.past, list(self.past.columns)
        time = past.rows[:, names.index(labels.TEST_TIME)]
        recent = past.rows[int(np.argmax(time >= past.stopped - RELAXATION)) :]
        current = np.nan_to_num(recent[:, names.index(labels.CURRENT)])
        charged, discharged = max(0.0, float(current.max())), max(0.0, float(-current.min()))
        resistance = at_temperature(self._pack.resistance, past.last(labels.SURFACE))
        per_ampere = DIFFUSION * resistance / self._pack.series
        return (
            left - VOLTAGE_TOLERANCE - per_ampere * charged,
            left + VOLTAGE_TOLERANCE + per_ampere * discharged,
        )
