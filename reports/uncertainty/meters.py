"""Which meter measured each column of a recording, and how well: from a derived column to the raw channels behind it.

A run keeps the accuracy of its instruments in its manifest. One recorded before that has the data sheets of the drivers
that it names, or what is assumed of a quantity that nobody says anything of.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bench import columns, roles
from bench.accuracies import is_told
from bench.roles.record import Combine
from instruments.accuracy import Accuracy, HasDataSheet, Ranges, stem, unstated
from instruments.registry import driver_class
from reports.recording import Floats, Recording
from reports.uncertainty.move import Move

QUANTITY_OF_UNIT = {"V": "voltage", "A": "current", "degC": "temperature", "Ohm": "resistance"}
"""What a column measures, by its unit."""
PAIR = 2
"""Rows that are not worth being kept."""


@dataclass(frozen=True, slots=True)
class Meter:
    """One raw channel: its column, its instrument, what it is called there, and its accuracy in each range."""

    column: str
    instrument: str
    channel: str
    ranges: Ranges

    @property
    def name(self) -> str:
        """In words: `supply current`."""
        return f"{self.instrument} {self.channel}".strip()

    @property
    def family(self) -> str:
        """What it shares with its neighbours: `emulator cell`."""
        return f"{self.instrument} {stem(self.channel)}".strip()


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a column comes from raw ones."""

    combine: Combine
    columns: tuple[str, ...]


def meters_of_run(run: Recording) -> "Meters":
    """The meters of a recording, found once: they stay with it."""
    kept: Meters = vars(run).setdefault("_meters", Meters(run))
    return kept


class Meters:
    """The meters of one recording, by their raw columns, and what is derived from which."""

    def __init__(self, run: Recording) -> None:
        self._run = run
        self._instruments: Sequence[Mapping[str, Any]] = run.manifest.get("instruments") or ()
        self._stacked: tuple[object, Floats] | None = None
        self._scratch: Floats = np.empty((0, 0))
        self._extremes: dict[Combine, tuple[Floats, Floats]] = {}
        self.moved: dict[object, Recording] = {}
        """Moved recordings, kept for the next figure where they are short."""
        self.kept: list[object] = []
        self.sources: dict[object, Any] = {}
        """Error sources by channel and range: the same object each time, by which what it has moved is known."""
        self._sums: tuple[tuple[int, int], dict[object, Floats]] = (0, 0), {}
        self.largest: dict[object, float] = {}
        """The largest reading of a channel in some steps."""
        self.endings: dict[int, Any] = {}
        """What ended each step, as far as it was looked for."""

    @cached_property
    def by_column(self) -> Mapping[str, Meter]:
        """Every raw channel that measures something."""
        return {meter.column: meter for meter in self._found()}

    def derivation(self, column: str) -> Derivation:
        """What a column is made of: itself, where it is a raw one or nobody knows."""
        known = self._derived.get(column)
        return Derivation("first", (column,)) if known is None else known

    def together(self, names: Sequence[str], rows: slice) -> Floats:
        """Several columns as one table, a line for each; the last one is kept: it is asked for again and again."""
        if rows.stop - rows.start <= PAIR:
            return np.stack([self._run.cut(name, rows) for name in names])
        key = tuple(names), rows.start, rows.stop
        if self._stacked is None or self._stacked[0] != key:
            self._stacked = key, np.stack([self._run.cut(name, rows) for name in names])
        return self._stacked[1]

    def off_by(self, read: Floats, gains: Floats, offsets: Floats) -> Floats:
        """What columns that are `together` read where each has a gain and an offset; good until the next call."""
        if read.shape[1] <= PAIR:
            moved = np.empty_like(read)
        else:
            moved = self._scratch = self._scratch if self._scratch.shape == read.shape else np.empty_like(read)
        if gains.any():
            np.multiply(read, 1.0 + gains[:, np.newaxis], out=moved)
            moved += offsets[:, np.newaxis]
        else:
            np.add(read, offsets[:, np.newaxis], out=moved)
        return moved

    def extreme(self, read: Floats, combine: Combine) -> Floats:
        """The lowest or the highest of columns that are `together`, kept for as long as they are."""
        table, known = self._extremes.get(combine, (None, None))
        if table is read and known is not None:
            return known
        found: Floats = read.min(axis=0) if combine == "lowest" else read.max(axis=0)
        if read.shape[1] > PAIR:
            self._extremes[combine] = read, found
        return found

    def sum_of(self, counter: str, unit: Move, rows: slice, made: Callable[[str, Move], Floats]) -> Floats:
        """What a counter makes of a move by 1, row by row; kept for as long as the same rows are asked for."""
        place = rows.start, rows.stop
        if self._sums[0] != place:
            self._sums = place, {}
        ((column, off),) = unit.channels.items()
        key = counter, column, off
        if key not in self._sums[1]:
            self._sums[1][key] = made(counter, unit)
        return self._sums[1][key]

    def extremes_of(self, names: Sequence[str]) -> list[str]:
        """Columns that are the lowest or the highest of these raw ones."""
        return [
            name
            for name, made in self._derived.items()
            if made.columns == tuple(names) and made.combine in {"lowest", "highest"}
        ]

    def meter(self, column: str) -> Meter:
        """The meter of a raw column; of a column that no instrument of the recording has, what is assumed of it."""
        found = self.by_column.get(column)
        return found or Meter(column, "", column.partition(" / ")[0].lower(), (_assumed(column),))

    def is_measured(self, column: str) -> bool:
        """Whether anybody has measured a raw column: nobody did a set point, a limit or the time."""
        return column in self.by_column or (column in _MEASURED and column in self._run.columns)

    def _found(self) -> Iterator[Meter]:
        for column in self._run.columns:
            if column not in columns.INDEX:
                yield from self._of(column)

    def _of(self, column: str) -> Iterator[Meter]:
        """The meter of one raw column; the longest name that fits: "load" must not be taken for "load bank"."""
        named = [each for each in self._instruments if column.startswith(f"{each['name'].title()} ")]
        for entry in sorted(named, key=lambda each: len(each["name"]))[-1:]:
            channel = column[len(entry["name"]) + 1 :].partition(" / ")[0].lower()
            ranges = self._accuracies(entry["name"]).get(stem(channel))
            if ranges:
                yield Meter(column, entry["name"], channel, ranges)

    def _accuracies(self, name: str) -> Mapping[str, Ranges]:
        if name not in self._known:
            entry = next(each for each in self._instruments if each["name"] == name)
            self._known[name] = _accuracies(entry, self._run)
        return self._known[name]

    @cached_property
    def _known(self) -> dict[str, Mapping[str, Ranges]]:
        return {}

    @cached_property
    def _derived(self) -> Mapping[str, Derivation]:
        """Every column that roles make of raw ones which the recording has."""
        found: dict[str, Derivation] = {}
        played = {role for entry in self._instruments for role in entry.get("roles", ())}
        for name in sorted(played):
            with suppress(roles.RoleError):
                for shown in roles.role(name).columns:
                    if shown.shown_among(played):
                        known = found.get(shown.name, Derivation(shown.combine, ())).columns
                        raw = dict.fromkeys((*known, *self._raw(name, shown.channel)))
                        found[shown.name] = Derivation(shown.combine, tuple(raw))
        return {name: each for name, each in found.items() if each.columns}

    def _raw(self, role: str, channel: str) -> Iterator[str]:
        """Raw columns of a channel name, of all that play a role."""
        playing = {entry["name"] for entry in self._instruments if role in entry.get("roles", ())}
        for column, meter in self.by_column.items():
            if meter.instrument in playing and channel in {meter.channel, stem(meter.channel)}:
                yield column


def _accuracies(entry: Mapping[str, Any], run: Recording) -> Mapping[str, Ranges]:
    """By channel: as recorded, else by the data sheet of the driver, else assumed."""
    recorded = entry.get("accuracy")
    if recorded is not None:
        return {channel: [Accuracy.of(each) for each in ranges] for channel, ranges in recorded.items()}
    with suppress(Exception):  # a driver that is gone, or that says nothing of what there was then
        driver = driver_class(str(entry.get("driver")))
        if isinstance(driver, HasDataSheet):
            return dict(driver.data_sheet(str(entry.get("model") or ""), {})) or _by_unit(entry, run)
    return _by_unit(entry, run)


def _by_unit(entry: Mapping[str, Any], run: Recording) -> Mapping[str, Ranges]:
    prefix = f"{entry['name'].title()} "
    found = {}
    for column in run.columns:
        name, _, unit = column.partition(" / ")
        channel = stem(name[len(prefix) :].lower())
        measured = unit in QUANTITY_OF_UNIT or channel.startswith("soc")
        if column.startswith(prefix) and measured and not is_told(channel):
            found[channel] = (_assumed(column),)
    return found


def _assumed(column: str) -> Accuracy:
    name, _, unit = column.partition(" / ")
    return unstated(QUANTITY_OF_UNIT.get(unit, "state of charge" if "soc" in name.lower() else ""))


_MEASURED = frozenset(
    {
        columns.VOLTAGE, columns.CURRENT, columns.AMBIENT, columns.SURFACE, columns.SOC, columns.CELL_VOLTAGE_MIN,
        columns.CELL_VOLTAGE_MAX, columns.CELL_TEMPERATURE_MIN, columns.CELL_TEMPERATURE_MAX,
    }
)  # fmt: skip
"""Columns that somebody measured even where nobody says who: of a recording from elsewhere."""
