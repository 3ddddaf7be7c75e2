"""The independent error sources behind a figure, each with the moves that tell how much it counts.

A source has one move, or several that are alternatives of equal weight: roundings and the many channels of one
instrument have no single direction. The root mean square of what the moves change is what the source counts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from bench import columns
from instruments.accuracy import LIMIT_OF_ERROR, ROUNDED, Accuracy, range_for
from reports.recording import Floats, Recording, Step
from reports.uncertainty.endings import ended_by
from reports.uncertainty.meters import Meter, Meters
from reports.uncertainty.move import Move, Off

QUARTZ = 100e-6
"""Limit of error of a computer's clock, a share of the time (assumed; a wall clock alone has one)."""
LATE = 1 / LIMIT_OF_ERROR
"""Of a scan: what came true since the one before is seen by this one, and never too early. By up to a scan, half of one
on average, and nobody corrects that (GUM, F.2.4.5): the root mean square of a rectangle that begins at 0."""
PATTERNS = 16
"""Roundings that are tried: a difference of two readings is then known to 12 %."""
DRAWS = 32
"""Sets of errors that are drawn for the channels of one instrument: more than most have channels."""
APART = 0.5
"""Median of how far channels are really apart where they are most alike, over their errors, before they are read."""
SHARES = 1 / (1 + (APART * np.tan((np.arange(2048) + 0.5) / 2048 * np.pi / 2)) ** 2)
"""Shares of a variance that are tried, the largest first: evenly in the angle is half-Cauchy in the scale."""
PLACES = 6
"""Places of the last half of a step at which it is tried how far straight on misses what came."""
LOOKS = 25
"""Rows of a step that are looked at for the one in which channels are most alike."""
LONG = 300_000
"""Rows of a step from which on rounding is taken for a constant (which counts for more), and extremes by themselves."""


@dataclass(frozen=True, slots=True)
class Source:
    """One error source: in words, and its moves by a standard uncertainty.

    `bounds` are moves that happen together and independently of each other; where they change more, they count. How far
    an `assumed` one may be off, nobody has read.
    """

    name: str
    moves: tuple[Move, ...]
    bounds: tuple[Move, ...] = ()
    assumed: bool = False


CLOCK = Source("clock", (Move(clock=QUARTZ / sqrt(3)),), assumed=True)
SAMPLING = Source("sampling", (Move(late=LATE),))


def sources_of(run: Recording, meters: Meters, read: Sequence[str], steps: Sequence[Step]) -> Iterator[Source]:
    """The sources behind what is computed from the columns `read` of these steps, and from when they ended."""
    used = dict.fromkeys([*read, *(each for step in steps if (each := ended_by(step, tuple(run.columns))))])
    raw = _Raw(run, meters, steps)
    for column in dict.fromkeys(each for name in used for each in _behind(name, meters)):
        yield from raw.single(column)
    groups = {meters.derivation(each).columns: each for name in used for each in _MADE_OF.get(name, (name,))}
    for column in groups.values():
        yield from raw.together(column)
    if run.manifest.get("clock", {}).get("kind") == "wall":
        yield CLOCK
    yield SAMPLING


def _behind(column: str, meters: Meters) -> Iterator[str]:
    """Raw columns of which each is moved by itself."""
    for source in _MADE_OF.get(column, (column,)):
        made = meters.derivation(source)
        if not (made.combine in {"lowest", "highest", "mean"} and len(made.columns) > 1):
            yield from made.columns[:1] if made.combine == "first" else made.columns


_MADE_OF: Mapping[str, tuple[str, ...]] = dict.fromkeys(
    (columns.POWER, columns.CHARGE_WH, columns.DISCHARGE_WH), (columns.VOLTAGE, columns.CURRENT)
) | dict.fromkeys((columns.CHARGE_AH, columns.DISCHARGE_AH), (columns.CURRENT,))
"""Columns that the bench computes from others, and from which."""


class _Raw:
    """Raw channels of one recording over some steps."""

    def __init__(self, run: Recording, meters: Meters, steps: Sequence[Step]) -> None:
        self._run, self._meters, self._steps = run, meters, steps

    def single(self, column: str) -> Iterator[Source]:
        """Gain, offset and rounding of one channel, where it measures and has read anything."""
        if not self._meters.is_measured(column):
            return
        largest = self._largest(column)
        if not largest:
            return
        meter = self._meters.meter(column)
        accuracy = range_for(meter.ranges, largest)
        key = column, accuracy, self._long, self._ends(column)
        if key not in self._meters.sources:
            self._meters.sources[key] = tuple(self._of(meter, accuracy))
        yield from self._meters.sources[key]

    def _of(self, meter: Meter, accuracy: Accuracy) -> Iterator[Source]:
        zero = meter.column.endswith(" / A")
        if accuracy.reading:
            yield self._by(meter, "gain", Off(gain=accuracy.reading / accuracy.divisor), accuracy)
        if accuracy.constant:
            yield self._by(meter, "offset", Off(offset=accuracy.constant / accuracy.divisor, zero=zero), accuracy)
        if accuracy.resolution:
            yield self._rounding(meter, accuracy, zero)

    def together(self, column: str) -> Iterator[Source]:
        """All channels that an extreme or a mean is made of, each with errors of its own, drawn together."""
        made = self._meters.derivation(column)
        several = made.combine in {"lowest", "highest", "mean"} and len(made.columns) > 1
        if several:
            name = f"{self._meters.meter(made.columns[0]).family}s"
            assumed = any(self._meters.meter(each).ranges[0].assumed for each in made.columns)
            if self._long:
                yield Source(name, (), tuple(self._bounds(made.columns)), assumed=assumed)
            else:
                yield Source(name, self._draws(made.columns), assumed=assumed)
                yield from self._rounded(name, made.columns)

    def _rounded(self, name: str, names: tuple[str, ...]) -> Iterator[Source]:
        """What the displays of channels make of their extremes: another reading is rounded by something else."""
        accuracy, extremes = self._meters.meter(names[0]).ranges[0], self._meters.extremes_of(names)
        key = names, "display", tuple(step.index for step in self._steps)
        if accuracy.resolution and extremes and key not in self._meters.sources:
            rounded = [
                Off(rounding=accuracy.resolution / ROUNDED, resolution=accuracy.resolution, pattern=each)
                for each in range(PATTERNS)
            ]
            moves = tuple(
                Move(extremes=dict.fromkeys(extremes, off), missed=place)
                for off, place in zip(rounded, _places(PATTERNS), strict=True)
            )
            self._meters.sources[key] = Source(f"{name}, display", moves, assumed=accuracy.assumed)
        if key in self._meters.sources:
            yield self._meters.sources[key]

    def _draws(self, names: tuple[str, ...]) -> tuple[Move, ...]:
        """The same errors for the same channels of the same steps whenever they are asked for."""
        key = names, tuple(step.index for step in self._steps)
        if key not in self._meters.sources:
            self._meters.sources[key] = tuple(_drawn(names, self._meters, self._most_alike(names)))
        moves: tuple[Move, ...] = self._meters.sources[key]
        return moves

    def _most_alike(self, names: tuple[str, ...]) -> Floats:
        """What these channels read when they were alike: then what they have in common are their errors.

        That is the first moment, beginning ahead of the current, at which they were no further apart than errors make
        them, else the one at which they were closest: of several the closest is the one at which what they really
        differ by hides their errors.
        """
        read = self._looked_at(names)
        apart = np.nan_to_num(read.var(axis=1, ddof=1), nan=np.inf)
        error = _variance([self._meters.meter(name).ranges[0] for name in names], read[int(np.argmin(apart))])
        chance = error * (1.0 + 2.0 * sqrt(2.0 / (len(names) - 1)))
        alike = np.flatnonzero(apart <= chance)
        return np.asarray(read[int(alike[0] if len(alike) else np.argmin(apart))])

    def _looked_at(self, names: tuple[str, ...]) -> Floats:
        """Some rows of the steps, of these channels."""
        places = [np.linspace(max(step.rows.start - 1, 0), step.rows.stop - 1, LOOKS) for step in self._steps]
        rows = np.unique(np.concatenate(places).astype(int))
        return np.array([[self._run.at(name, row) for name in names] for row in rows])

    def _bounds(self, names: tuple[str, ...]) -> Iterator[Move]:
        """How far the extremes of these channels may be off: of several that may be alike, the worst one is shown."""
        accuracy = self._meters.meter(names[0]).ranges[0]
        for column in self._meters.extremes_of(names):
            highest = self._meters.derivation(column).combine == "highest"
            alike = max((self._alike(names, step, accuracy, highest) for step in self._steps), default=1)
            # Mean square of the largest of n numbers from -1 to 1; 1/3 for one, 1 for very many.
            share = sqrt(1 - 4 * alike / ((alike + 1) * (alike + 2)))
            width = accuracy.half_width(self._largest(names[0]))
            width *= LIMIT_OF_ERROR / accuracy.divisor
            by = sqrt((width * share) ** 2 + (accuracy.resolution / ROUNDED) ** 2)
            yield Move(extremes={column: Off(offset=by)})

    def _alike(self, names: tuple[str, ...], step: Step, accuracy: Accuracy, highest: bool) -> int:
        """How many channels may be the extreme one at the end of a step, by what they read and how far it is off."""
        if not step.sample_count:
            return 1
        last = np.array([self._run.at(name, step.rows.stop - 1) for name in names])
        extreme = last.max() if highest else last.min()
        return max(int((np.abs(last - extreme) <= 2 * accuracy.half_width(extreme)).sum()), 1)

    @property
    def _rows(self) -> int:
        return sum(step.sample_count for step in self._steps)

    @property
    def _long(self) -> bool:
        return self._rows > LONG

    def _rounding(self, meter: Meter, accuracy: Accuracy, zero: bool) -> Source:
        amplitude, digit = accuracy.resolution / ROUNDED, accuracy.resolution
        if self._long:
            return self._by(meter, "display", Off(offset=amplitude, zero=zero), accuracy)
        offs = [Off(rounding=amplitude, resolution=digit, pattern=each, zero=zero) for each in range(PATTERNS)]
        places = _places(PATTERNS)
        moves = tuple(Move({meter.column: off}, missed=place) for off, place in zip(offs, places, strict=True))
        return Source(f"{meter.name}, display", moves, assumed=accuracy.assumed)

    def _by(self, meter: Meter, what: str, off: Off, accuracy: Accuracy) -> Source:
        """Both ways: what a figure does at its ends (a threshold at the first sample) need not be alike for both."""
        places = _places(PLACES) if self._ends(meter.column) and not self._long else [None]
        one_way = [Move({meter.column: off}, missed=place) for place in places]
        moves = one_way if self._long else [each for move in one_way for each in (move, move.turned())]
        return Source(f"{meter.name}, {what}", tuple(moves), assumed=accuracy.assumed)

    def _ends(self, column: str) -> bool:
        """Whether a step was ended by what this channel read."""
        ended = [ended_by(step, tuple(self._run.columns)) for step in self._steps]
        return any(each and column in self._meters.derivation(each).columns for each in ended)

    def _largest(self, column: str) -> float:
        """The largest reading of these steps, and of the row before each; looked for once."""
        known, key = self._meters.largest, (column, *(step.index for step in self._steps))
        if key not in known:
            cuts = [self._run.cut(column, slice(max(each.rows.start - 1, 0), each.rows.stop)) for each in self._steps]
            tops = [np.nanmax(np.abs(cut)) for cut in cuts if np.isfinite(cut).any()]
            known[key] = float(max(tops, default=0.0))
        return known[key]


def _drawn(names: Sequence[str], meters: Meters, alike: Floats) -> Iterator[Move]:
    """Errors of several channels at once, the same ones for the same channels whenever they are asked for.

    Channels that look at the same pack tell of their own errors: where they are no further apart than meters like
    these show of one and the same value, that is what it is, and no cell or sensor is really the highest. How far they
    are really apart is not known: each draw has another share of the distance that is error, as likely as what was
    read makes it. A channel's error is then expected at that share of its distance from the mean, and known to the
    rest of it (normal prior of the data sheet's width, Gaussian updating; GUM supplement 1, 5.4 and 6.4). The maximum
    of what is left is that draw's maximum, whichever channel that is.
    """
    own = [meters.meter(name).ranges[0] for name in names]
    distance = np.nan_to_num(alike - np.mean(alike))
    shares = _explained(distance, _variance(own, alike))[:, np.newaxis]
    gains, offsets = (np.sqrt(1.0 - shares) * each for each in _errors(own))
    for gain, offset, place in zip(gains, offsets - shares * distance, _places(DRAWS), strict=True):
        yield _all_off(names, gain, offset, place)


def _places(number: int) -> list[float | None]:
    """So many places of the last half of a step, each as often as the others."""
    return [each % PLACES / PLACES for each in range(number)]


def _variance(own: Sequence[Accuracy], read: Floats) -> float:
    """Of the errors of several channels, in the mean of them."""
    return float(np.mean([each.standard(value) ** 2 for each, value in zip(own, read, strict=True)]))


def _all_off(names: Sequence[str], gains: Floats, offsets: Floats, place: float | None) -> Move:
    each = zip(names, gains.tolist(), offsets.tolist(), strict=True)
    return Move({name: Off(gain, offset) for name, gain, offset in each}, missed=place)


def _explained(distance: Floats, error: float) -> Floats:
    """Which share of the variance between channels their errors (their variance) are, one for each draw.

    What the channels really differ by has a scale of which nobody knows more than that it is rather smaller than that
    of the errors, and may be much larger: half-Cauchy, which leaves both ends possible (Gelman, Bayesian Analysis 1(3),
    2006). The quantiles of what it is then by so many readings.
    """
    if not error > 0.0:
        return np.zeros(DRAWS)
    likely = (len(distance) - 1) / 2 * np.log(SHARES) - SHARES * float(distance @ distance) / error / 2
    sure = np.cumsum(np.exp(likely - likely.max()))
    return np.asarray(np.interp((np.arange(DRAWS) + 0.5) / DRAWS, sure / sure[-1], SHARES))


def _errors(own: Sequence[Accuracy]) -> tuple[Floats, Floats]:
    """Gains and offsets of several channels: a line for each draw, a column for each channel."""
    gains, offsets = (_independent(len(own), seed) for seed in range(2))
    gain, offset = (
        np.array([getattr(each, part) / each.divisor for each in own]) for part in ("reading", "constant")
    )  # fmt: skip
    return gains * gain, offsets * offset


def _independent(channels: int, seed: int) -> Floats:
    """Draws of mean square 1, exactly uncorrelated as far as there are fewer channels than draws."""
    drawn = np.random.default_rng([channels, seed]).uniform(-1.0, 1.0, (DRAWS, channels))
    drawn -= drawn.mean(axis=0)
    if channels < DRAWS:
        drawn = np.linalg.qr(drawn)[0]
    return np.asarray(drawn / np.sqrt(np.mean(drawn**2, axis=0)))
