"""The grid's frequency: a synthetic trace with the statistics of the continental one, or a user's record.

No record ships: those that are published belong to somebody. The synthetic one follows Rydin Gorjao et al. 2020
(Data-driven model of the power-grid frequency dynamics, IEEE Access 8, 43082): the deviation w (Hz) and its integral t
go as dw/dt = -c1 w - c2 t + P + noise, dt/dt = w, with c1 (primary control and loads) and c2 (secondary control) as
found there for Continental Europe. P changes at each quarter of an hour, most at the full one, as schedules do. How
much of it all is noise is set so that the standard deviation is 20 mHz, near what is measured in Continental Europe,
whose memory fades over minutes (Schaefer et al. 2018, Non-Gaussian power grid frequency fluctuations, Nature Energy 3,
119). The heavy tails found there are not in it: noise is Gaussian, and no power station fails.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median_low

import numpy as np

from models.grid.reading import Row, SeriesError, rows
from models.tables import Vector

NOMINAL = 50.0
PRIMARY, SECONDARY = 0.008311, 0.000030
"""c1 (1/s) and c2 (1/s2)."""
DEVIATION = 0.020
"""Hz, standard deviation of it all."""
SCHEDULE = 3.1e-4
"""Hz/s, standard deviation of the change at a full hour: its peak, 200 s later, is 25 mHz; assumed."""
SHARES = (1.0, 0.35, 0.5, 0.35)
"""Of that, what changes at the full hour and at the quarters after it; assumed."""
BEFORE = 7200
"""s that a trace has behind it when it begins: its memory is shorter."""
LOWEST, HIGHEST = 45.0, 55.0
"""Hz: what no grid of 50 Hz is at while it is one."""


@dataclass(frozen=True, eq=False)
class Frequency:
    """Hz at times in s that rise evenly from 0; `source` says whose they are."""

    time: Vector = field(repr=False)
    value: Vector = field(repr=False)
    source: str

    @property
    def digest(self) -> str:
        """What tells this trace from any other."""
        found = hashlib.sha256(self.time.tobytes())
        found.update(self.value.tobytes())
        return found.hexdigest()[:16]

    def at(self, time: float) -> float:
        """Hz at a time (s), linear between two values; held at the ends."""
        return float(np.interp(time, self.time, self.value))


def synthetic_frequency(duration: float, *, step: float = 1.0, seed: int = 0, begins: float = 0.0) -> Frequency:
    """Give `duration` s of a trace every `step` s that `begins` so many s after a full hour.

    Another step of the same seed gives the same trace, linear between its seconds. Raises `ValueError` for a duration
    or a step that is not above 0.
    """
    if duration <= 0 or step <= 0:
        raise ValueError(f"a trace of {duration:g} s every {step:g} s; give both above 0.")
    count = int(np.ceil(duration)) + 1
    second: Vector = np.arange(-BEFORE, count, dtype=np.float64) + begins
    rng = np.random.default_rng((seed, 31))
    noise = rng.standard_normal(len(second)) * _noise()
    deviation = _answer(_schedule(second, rng) + noise)[BEFORE:]
    time = np.arange(0.0, duration + step / 2, step)
    value = NOMINAL + np.interp(time, np.arange(count), deviation)
    return Frequency(time, value, f"synthetic, seed {seed}, with the statistics of Continental Europe")


def _noise() -> float:
    """Hz/s of the noise in each second: what is left of the variance beside the schedules'."""
    hourly = SCHEDULE**2 * sum(share**2 for share in SHARES)
    scheduled = hourly / 3600 / (2 * PRIMARY * SECONDARY)
    return float(np.sqrt((DEVIATION**2 - scheduled) * 2 * PRIMARY))


def _schedule(second: Vector, rng: np.random.Generator) -> Vector:
    """P (Hz/s) in each second; it changes at quarters of an hour."""
    quarter = np.floor(second / 900).astype(int)
    number = quarter - quarter[0]
    changes = rng.standard_normal(number[-1] + 1) * np.array(SHARES)[np.arange(quarter[0], quarter[-1] + 1) % 4]
    return np.asarray(np.cumsum(changes * SCHEDULE)[number])


def _answer(force: Vector) -> Vector:
    """Deviation (Hz) at the beginning of each second of a force (Hz/s) that holds in it; from rest on.

    The two equations have one complex mode z with z' = m z + force, whose part w is: exact for a force that holds.
    """
    mode = complex(-PRIMARY / 2, np.sqrt(SECONDARY - PRIMARY**2 / 4))
    decay, drive = np.exp(mode), (np.exp(mode) - 1) / mode
    out, state = np.empty(len(force), dtype=np.complex128), 0j
    for begin in range(0, len(force), BLOCK):
        block = force[begin : begin + BLOCK]
        grown = decay ** np.arange(len(block) + 1)
        sums = np.concatenate([[0.0], np.cumsum(block * drive / grown[1:])])
        states = grown * (state + sums)
        out[begin : begin + len(block)] = states[:-1]
        state = states[-1]
    return np.asarray((mode * out).imag / mode.imag)


BLOCK = 2000
"""s over which the mode fades to e^-8: longer ones would lose digits."""


def read_frequency(path: Path) -> Frequency:
    """Read a record with the columns `time` (s, or ISO 8601) and `frequency` (Hz), one value each second or more.

    Raises `SeriesError`, one sentence, for a gap, a repeated time, what is no number and what is no Hz of such a grid.
    """
    found = rows(path, ("time", "frequency"))
    value = np.array([_hertz(row) for row in found])
    time = _times(found)
    return Frequency(time - time[0], value, str(path))


def _hertz(row: Row) -> float:
    value = row.number("frequency")
    if not LOWEST <= value <= HIGHEST:
        unit = "; it looks like mHz" if 1000 * LOWEST <= value <= 1000 * HIGHEST else ""
        raise SeriesError(f"{row.place}: frequency is {value:g}{unit}; give Hz from {LOWEST:g} up to {HIGHEST:g}.")
    return value


def _times(found: Sequence[Row]) -> Vector:
    """S of each row, which follow each other by a second or less, and evenly."""
    time = np.array([_seconds(row) for row in found])
    apart = np.diff(time)
    rising = apart[apart > 0]
    # Not the first one: where that is the gap, the row behind it is not to be blamed.
    usual = float(median_low(rising)) if rising.size else 1.0
    wrong = np.flatnonzero((apart <= 0) | (np.abs(apart - usual) > 1e-3) | (apart > 1.0 + 1e-3))
    if wrong.size:
        index = int(wrong[0])
        raise SeriesError(f"{found[index + 1].place}: {_amiss(float(apart[index]), usual)}.")
    return np.asarray(np.linspace(time[0], time[-1], len(time)))


def _amiss(apart: float, usual: float) -> str:
    if apart == 0:
        return "time is that of the row above; each time is there once, and they rise"
    if apart < 0:
        return f"time is {-apart:g} s before that of the row above; each time is there once, and they rise"
    expected = min(usual, 1.0)
    return f"{apart:g} s after the row above where {expected:g} s is the step; a record has no gap"


def _seconds(row: Row) -> float:
    """A number of s, or an ISO 8601 time."""
    text = str(row.content["time"]).strip()
    return row.number("time") if _NUMBER.fullmatch(text) else row.time().timestamp()


_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?nan|[-+]?inf", re.IGNORECASE)
