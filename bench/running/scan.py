"""One scan: every instrument is asked, then every answer is collected, and the pack's quantities derived from them.

Which channels make which columns, the roles say (`bench.roles`). An instrument that is not asked in a scan, because it
is slower than others, is in the row with what it answered last, and how old that is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isnan, nan
from operator import itemgetter

from bench import columns, roles
from bench.columns import INDEX, SAMPLE_AGE, raw_label
from bench.roles import Column, Combine
from instruments.roles import Channel, InstrumentFault, Scanned

Derive = Callable[[list[float]], None]
"""Fills one or two columns of a row in from others."""

_VOLTAGE, _CURRENT, _POWER = INDEX[columns.VOLTAGE], INDEX[columns.CURRENT], INDEX[columns.POWER]
EARLY = 1e-6
"""s by which a scan may come before an instrument is due: a sum of periods is rounded."""


@dataclass(slots=True)
class _Slow:
    """An instrument that is asked each `period` s (of `now`), and what it said last."""

    instrument: Scanned
    period: float
    now: Callable[[], float]
    asked: float = -inf
    due: bool = True
    said: Sequence[float] = field(default_factory=list)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Its own, and the age of what they say."""
        return (*self.instrument.channels, SAMPLE_AGE)

    def request(self) -> None:
        """Ask it, if it is due."""
        now = self.now()
        self.due = now - self.asked >= self.period - EARLY
        if self.due:
            self.asked = now
            self.instrument.request()

    def collect(self) -> Sequence[float]:
        """What it says now, or said last."""
        if self.due:
            self.said = self.instrument.collect()
        return [*self.said, self.now() - self.asked]


class Scanner:
    """Scans instruments by name; `players` has the names of those that play each role.

    `periods` are s between two questions to an instrument that is slower than the scans, by its name, on the clock
    `now`. `noted` are further columns, that nobody measures: whoever knows fills them in.
    """

    def __init__(
        self,
        instruments: Mapping[str, Scanned],
        players: Mapping[str, Sequence[str]],
        periods: Mapping[str, float] | None = None,
        now: Callable[[], float] = float,
        noted: Sequence[str] = (),
    ) -> None:
        slow = {name: _Slow(instruments[name], period, now) for name, period in (periods or {}).items()}
        scanned: dict[str, Scanned] = {name: slow.get(name, instrument) for name, instrument in instruments.items()}
        self._own, self._scanned, self._instruments = instruments, scanned, list(scanned.values())
        shown = [(role, each) for role in players for each in roles.role(role).columns if each.shown_among(players)]
        own = tuple(dict.fromkeys([*(each.name for _, each in shown if each.name not in INDEX), *noted]))
        self.columns = (
            *columns.DERIVED, *own,
            *(raw_label(name, channel) for name, instrument in scanned.items() for channel in instrument.channels),
        )  # fmt: skip
        self._width = len(columns.DERIVED) + len(own)
        self._collected, end = list[tuple[Scanned, int]](), self._width
        for instrument in scanned.values():
            end += len(instrument.channels)
            self._collected.append((instrument, end))
        index = {name: position for position, name in enumerate(self.columns)}
        places = self._places(scanned, players)
        self._derivations = list(_derivations(_by_name(shown, places), index))

    def scan(self) -> list[float]:
        """A row in the order of `columns`; set points, counters and time are left for the engine to fill in.

        Raises what an instrument raises, and `InstrumentFault` where one delivers other channels than it declares.
        """
        for instrument in self._instruments:
            instrument.request()
        row = [nan] * self._width
        for instrument, end in self._collected:
            row += instrument.collect()
            # One value less, and every later one would be taken for somebody else's.
            if len(row) != end:
                raise self._miscounted(instrument, len(row) - end)
        for derive in self._derivations:
            derive(row)
        row[_POWER] = row[_VOLTAGE] * row[_CURRENT]
        return row

    def _miscounted(self, instrument: Scanned, more: int) -> InstrumentFault:
        name = next(name for name, each in self._scanned.items() if each is instrument)
        declared = len(self._own[name].channels)  # without the age that a slow one has beside them
        return InstrumentFault(
            f"{name} declares {declared} channels and delivered {declared + more} values: its driver does not do what "
            "it says; nothing of this scan is believed."
        )

    def _places(
        self, instruments: Mapping[str, Scanned], players: Mapping[str, Sequence[str]]
    ) -> dict[tuple[str, str], list[int]]:
        """Where the channels of each role stand in a row, by role and by name without a number."""
        start, first = self._width, dict[str, int]()
        for name, instrument in instruments.items():
            first[name] = start
            start += len(instrument.channels)
        found: dict[tuple[str, str], list[int]] = {}
        for role, name in ((role, name) for role, names in players.items() for name in names):
            for place, channel in enumerate(instruments[name].channels, first[name]):
                found.setdefault((role, channel.name), []).append(place)
                stem = channel.name.rstrip("0123456789").rstrip()
                if stem != channel.name:
                    found.setdefault((role, stem), []).append(place)
        return found


def _by_name(
    shown: Iterable[tuple[str, Column]], places: Mapping[tuple[str, str], Sequence[int]]
) -> dict[str, tuple[Combine, tuple[int, ...]]]:
    """What each column is made of: how, and of which values of a row. Two roles of one instrument show it once."""
    found: dict[str, tuple[Combine, tuple[int, ...]]] = {}
    for role, column in shown:
        _, known = found.get(column.name, ("first", ()))
        values = (*known, *places.get((role, column.channel), ()))
        found[column.name] = column.combine, tuple(dict.fromkeys(values))
    return found


def _derivations(made: Mapping[str, tuple[Combine, tuple[int, ...]]], index: Mapping[str, int]) -> Iterator[Derive]:
    """As few as possible, for they are carried out in every scan."""
    copies = [(values[0], index[name]) for name, (how, values) in made.items() if how == "first" and values]
    if copies:
        yield _copy(copies)
    for name, (how, values) in made.items():
        if how == "sum" and values:
            yield _sum(values, index[name])
        elif how == "mean" and values:
            yield _mean(values, index[name])
    ends: dict[tuple[int, ...], dict[Combine, int]] = {}
    for name, (how, values) in made.items():
        if how in {"lowest", "highest"} and values:
            ends.setdefault(values, {})[how] = index[name]
    for values, targets in ends.items():
        yield _extremes(values, targets.get("lowest"), targets.get("highest"))


def _copy(pairs: Sequence[tuple[int, int]]) -> Derive:
    def derive(row: list[float]) -> None:
        for value, target in pairs:
            row[target] = row[value]

    return derive


def _sum(values: Sequence[int], target: int) -> Derive:
    of = _taken(values)

    def derive(row: list[float]) -> None:
        row[target] = sum(of(row))

    return derive


def _mean(values: Sequence[int], target: int) -> Derive:
    of = _taken(values)

    def derive(row: list[float]) -> None:
        found = of(row)
        row[target] = sum(found) / len(found)

    return derive


def _extremes(values: Sequence[int], lowest: int | None, highest: int | None) -> Derive:
    """Lowest and highest; nan when any is missing, so that a guard notices."""
    of = _taken(values)

    def derive(row: list[float]) -> None:
        found = of(row)
        missing = isnan(sum(found))
        if lowest is not None:
            row[lowest] = nan if missing else min(found)
        if highest is not None:
            row[highest] = nan if missing else max(found)

    return derive


def _taken(values: Sequence[int]) -> Callable[[list[float]], Sequence[float]]:
    """These values of a row; side by side they are one slice, which is faster."""
    if tuple(values) == tuple(range(values[0], values[0] + len(values))):
        return itemgetter(slice(values[0], values[0] + len(values)))
    return itemgetter(*values)
