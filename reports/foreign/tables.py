"""The form of a table format: which headers mean what. A make's text export is one such table and nothing else."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from bench.recording.rows import Values
from bench.verdicts import InputError
from reports.foreign import source as labels
from reports.foreign import units, values
from reports.foreign.facts import Places
from reports.foreign.head import Head
from reports.foreign.pieces import all_finite, missing
from reports.foreign.source import UNCLEAR_TIME, Finding, Floats, Source, counted
from reports.foreign.text import Layout, Records, is_followed_by_records, layouts_of, read_records


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: our label, and what its header may be called, in small letters and without its unit.

    `unit` is meant where the header has none (by itself that of the label). `read` makes values of the cells: numbers,
    unless the column says otherwise. `sign` is -1 where the file counts the other way round than its label.
    """

    label: str
    names: tuple[str, ...]
    unit: str | None = None
    read: Callable[[Any], Floats] = values.floats
    sign: float = 1.0


def way(*names: str, **meaning: int) -> Column:
    """A column of words or letters that says which way the current flows: 1 charge, -1 discharge, 0 neither."""
    known = MappingProxyType({key.replace("_", " "): value for key, value in meaning.items()})
    return Column(labels.WAY, names, "1", lambda cells: values.words(cells, known))


CELL_NAMES = ("cell", "cell id", "cell name", "cell nr", "cellnr", "cell number", "barcode", "channel", "channel id",
              "channel index", "test id", "battery id", "battery", "serial number")  # fmt: skip
"""Headers of columns that say whose records these are."""


Named = tuple[str, str | None, int]
"""A header: its plain name, its unit, and its position."""
TIMES = (labels.TIME, labels.STEP_TIME, labels.WALL)
"""Labels of what says when a record was taken; one of them is enough."""
NOTHING: Mapping[str, Values] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a table a column is, and what its values are multiplied with to be in SI units."""

    position: int
    factor: float
    column: Column
    header: str
    last_field: float | None = None
    """Of a time that is written in two fields: how many s the last of them counts."""


@dataclass(frozen=True, kw_only=True)
class TableFormat:
    """A format that is a table with a line of headers, in a delimited text or in a sheet.

    `needs` are names that a header of this format always has, and others have not.
    """

    title: str
    columns: Sequence[Column]
    needs: Sequence[str] = ()
    begins: Sequence[str] = ()
    """How its text begins, in small letters, where that tells it from others."""
    must: Sequence[str] = ()
    """Labels of columns that it always has, besides a time, a voltage and a current."""
    magnitude: bool = False
    blank: Sequence[int] = ()
    """Positions under which a record has nothing: lines of other tables in the same text have."""
    ready: Callable[[Source], None] = field(default=lambda source: None)
    """What is to be done to a source of this format before anybody sees it."""

    def recognises(self, head: Head) -> int:
        """See `Format`."""
        found = self._best(head) if head.is_text else None
        if found is None:
            return 0
        return (
            len(found[1])
            + 10 * (len(self.needs) + len(self.must))
            + (50 if self.begins and head.begins_with(*self.begins) else 0)
        )

    def read(self, head: Head) -> Source:
        """See `Format`."""
        found = self._best(head)
        if found is None:
            raise InputError(f"{head.path} has no line of headers that belongs to {self.title}.")
        return self._read(head, *found)

    def places(self, header: Sequence[str]) -> dict[str, Place] | None:
        """Where the columns are in a table with these headers; None where it is none of this format."""
        found = self.named(header)
        timed = any(label in found for label in TIMES)
        return found if timed and {labels.VOLTAGE, *self.must} <= found.keys() and _currents(found) else None

    def named(self, header: Sequence[str]) -> dict[str, Place]:
        """The columns that these headers name, also where one that is needed is missing; none of another format."""
        named = [(*units.split_header(cell), position) for position, cell in enumerate(header)]
        if not set(self.needs) <= {name for name, _, _ in named}:
            return {}
        found = self._found(named, header)
        first = None if labels.VOLTAGE in found and _currents(found) else min(self._channels(named), default=None)
        if first is None:
            return found
        return self._found([(_without(first, name), unit, position) for name, unit, position in named], header)

    def _channels(self, named: Sequence[Named]) -> set[int]:
        """The numbers under which there are a voltage and a current."""
        return self._numbered(named, labels.VOLTAGE).keys() & self._numbered(named, labels.CURRENT).keys()

    def _numbered(self, named: Sequence[Named], label: str) -> dict[int, int]:
        """Where a column is that has a number, by that."""
        names = {name for column in self.columns if column.label == label for name in column.names}
        known = [(units.channel_of(name), position) for name, _, position in named if name not in names]
        return {channel[1]: position for channel, position in known if channel is not None and channel[0] in names}

    def _found(self, named: Sequence[Named], header: Sequence[str]) -> dict[str, Place]:
        found: dict[str, Place] = {}
        for column in self.columns:
            if column.label in found:
                continue
            taken = {each.position for each in found.values()}  # what a header says is one thing, never two
            place = next(self._fitting(column, [each for each in named if each[2] not in taken], header), None)
            if place is not None:
                found[column.label] = place
        return found

    def _fitting(self, column: Column, named: Sequence[Named], header: Sequence[str]) -> Iterator[Place]:
        """Places of a column, the likeliest first: by the order of its names, and of one name by its unit.

        Of two columns `Step` and `Step (Sec)` the first is a number and the second a time.
        """
        own = units.unit_of(column.label)
        numbers = {name for each in self.columns if units.unit_of(each.label) == "1" for name in each.names}
        for wanted in column.names:
            fitting = [(unit, position) for name, unit, position in named if name == wanted]
            for unit, position in sorted(fitting, key=lambda each: (each[0] is None) != (own == "1")):
                if unit is None and own != "1" and wanted in numbers:
                    continue
                written = unit if unit is not None else (column.unit or own)
                known = units.factor(written, own)
                if column.read is not values.floats and known is None:
                    known = 1.0
                if known is not None:
                    last = units.TWO_FIELDS.get(written.strip().lower())
                    yield Place(position, known * column.sign, column, on_one_line(header[position]), last)

    def refuse_twins(self, head: Head, header: Sequence[str], places: Mapping[str, Place]) -> None:
        """Raise `InputError` where there are several voltages or currents, by one name or by numbers: of several cells.

        What one of them tells would be told of all.
        """
        named = [(*units.split_header(cell), position) for position, cell in enumerate(header)]
        alone = [(name, unit) for name, unit, _ in named]
        for label in _measured_of(places):
            place = places[label]
            alike = alone.count(alone[place.position])
            if alike > 1:
                raise InputError(
                    f"{head.path} has {alike} columns {place.header!r}, as of several cells; a recording is of one: "
                    "put each into a file of its own."
                )
        shown = self._other_channel(named, header, places)
        if shown:
            raise InputError(
                f"{head.path} has columns of several channels ({', '.join(shown)}); a recording is of one: put each "
                "into a file of its own."
            )

    def _other_channel(self, named: Sequence[Named], header: Sequence[str], places: Mapping[str, Place]) -> list[str]:
        """Headers of the voltage and the current of this channel and of another one; none where there is no other."""
        taken = {place.position for place in places.values()}
        volts, amperes = (self._numbered(named, label) for label in (labels.VOLTAGE, labels.CURRENT))
        others = [n for n in sorted(volts.keys() & amperes.keys()) if not {volts[n], amperes[n]} & taken]
        if not others:
            return []
        mine = [places[label].header for label in _measured_of(places)]
        return [*mine, *(on_one_line(header[found[others[0]]]) for found in (volts, amperes))]

    def _best(self, head: Head) -> tuple[Layout, dict[str, Place]] | None:
        candidates = [(layout, places) for layout in layouts_of(head) if (places := self.places(layout.header))]
        good = [each for each in candidates if is_followed_by_records(head, each[0], _measured(each[1]))]
        return max(good or candidates, key=lambda each: len(each[1]), default=None)

    def _read(self, head: Head, layout: Layout, places: Mapping[str, Place]) -> Source:
        self.refuse_twins(head, layout.header, places)
        whose = cell_columns(layout.header, places)
        numbers = [each.position for each in places.values() if each.column.read is values.floats]
        texts = [each.position for each in places.values() if each.column.read is not values.floats]
        found = read_records(head, layout, numbers, [*texts, *whose, *self.blank])
        found = _without_lines_of_others(found, self.blank)
        for position in whose:
            refuse_several_cells(head, layout.header[position], found.columns[position])
        source = self.made_of(head, places, found.columns)
        if found.skipped:
            left = counted(found.skipped, "line is no record and is", "lines are no records and are")
            source.told.append(Finding("lines", f"{left} left out."))
        return source

    def made_of(
        self, head: Head, places: Mapping[str, Place], cells: Mapping[int, Any], read: Mapping[str, Values] = NOTHING
    ) -> Source:
        """A source of cells (arrow columns, by position in the table), and of what was `read` of it already."""
        source = Source(head.path, self.title, {}, magnitude=self.magnitude)
        for label, place in places.items():
            if label in read:
                source.columns[label] = read[label]
                _tell_lost(source, place, missing(read[label]))
            else:
                source.columns[label] = self._converted(place, cells[place.position], source)
        source.names = {label: place.header for label, place in places.items()}
        _join_currents(source)
        rows = len(source)
        _leave_empty_rows_out(source)
        if not len(source):
            raise InputError(_without_records(head, places, cells, rows))
        self.ready(source)
        return source

    def _converted(self, place: Place, cells: Any, source: Source) -> Floats:
        column = place.column
        if not len(cells):
            return np.empty(0)
        if column.read is values.floats and column.label in (labels.TIME, labels.STEP_TIME) and values.is_text(cells):
            written = values.times(cells, place.last_field)
            if written is not None:
                return written
            if values.has_two_fields(cells):
                source.told.append(Finding(UNCLEAR_TIME, _of_two_fields(source, place, cells)))
        found = column.read(cells)
        if column.read is values.floats:
            _tell_lost(source, place, missing(found) - cells.null_count)
        return found * place.factor if place.factor != 1 else found


def _without_records(head: Head, places: Mapping[str, Place], cells: Mapping[int, Any], rows: int) -> str:
    """Why a table with lines has no record."""
    if not rows:
        return f"{head.path} has headers and no records."
    seen = []
    for place in (places[label] for label in _measured_of(places)):
        cell = next(iter(cells[place.position].drop_null()[:1].to_pylist()), None)
        seen.append(
            f"{place.header!r} is {on_one_line(str(cell))!r}" if cell is not None else f"{place.header!r} is empty"
        )
    return (
        f"{head.path} has {rows:,} lines below its headers and no record with a voltage and a current that are numbers "
        f"(first: {', '.join(seen)})."
    )


def _tell_lost(source: Source, place: Place, lost: int) -> None:
    if lost > 0:
        one = f"value of {place.header!r} is no number and is"
        several = f"values of {place.header!r} are no numbers and are"
        source.told.append(Finding("lines", f"{counted(lost, one, several)} left out."))


def _measured(places: Mapping[str, Place]) -> list[int]:
    return [places[label].position for label in _measured_of(places)]


def _measured_of(places: Mapping[str, Place]) -> tuple[str, ...]:
    return labels.VOLTAGE, *_currents(places)


def _currents(places: Mapping[str, Place]) -> tuple[str, ...]:
    """The labels of the current: one column, or one for each direction; none where there is neither."""
    if labels.CURRENT in places:
        return (labels.CURRENT,)
    return (labels.INTO, labels.OUT) if {labels.INTO, labels.OUT} <= places.keys() else ()


def _without(channel: int, name: str) -> str:
    """A name without the number of this channel."""
    found = units.channel_of(name)
    return found[0] if found is not None and found[1] == channel else name


def _of_two_fields(source: Source, place: Place, cells: Any) -> str:
    """Why a time of two fields is not read."""
    written = cells.drop_null()[0].as_py().strip()
    return (
        f"{source.path}: {place.header!r} is written in two fields ({written!r}), which may be minutes and seconds, or "
        "hours and minutes; say which in the header, as in 'Time (mm:ss)' or 'Time (hh:mm)'."
    )


def _join_currents(source: Source) -> None:
    """Make one current, positive into the battery, of a column for each direction.

    That of the discharge may have a sign or none, all of it alike. Where both flow at once nobody knows which way.
    """
    pair = [source.columns.pop(label, None) for label in (labels.INTO, labels.OUT)]
    into, out = (None if each is None else np.asarray(each, dtype=np.float64) for each in pair)
    if labels.CURRENT in source.columns or into is None or out is None:
        return
    told = np.isfinite(into) | np.isfinite(out)
    into, out = np.nan_to_num(into), np.nan_to_num(out)
    out = -out if out.max(initial=0.0) <= 0.0 else out
    source.columns[labels.CURRENT] = np.where(told, into - out, np.nan)
    wrong = np.flatnonzero((into < 0.0) | (out < 0.0) | ((into > 0.0) & (out > 0.0)))
    if len(wrong):
        source.told.append(Finding("current of two columns", _both_ways(source, wrong, into, out), ALL_OF_CURRENT))


def _both_ways(source: Source, wrong: Places, into: Floats, out: Floats) -> str:
    first = int(wrong[0])
    return (
        f"{source.names[labels.INTO]!r} and {source.names[labels.OUT]!r} are no currents of one direction each in "
        f"{len(wrong):,} records (first record {first + 1:,}: {into[first]:.4g} A and {out[first]:.4g} A): which way "
        "it flowed is not known, and nothing that depends on the current is computed."
    )


ALL_OF_CURRENT = frozenset({labels.CURRENT, labels.POWER, *labels.COUNTERS_AH, *labels.COUNTERS_WH})

EXTRA = "cyclers"


@contextmanager
def reader_of(head: Head, what: str, instead: str) -> Iterator[None]:
    """Around the import of a reader that not everybody has: raises `InputError` with how to get it, or do without."""
    try:
        yield
    except ImportError as error:
        raise InputError(
            f"{head.path} is {what}, and its reader is not installed: pip install 'packbench[{EXTRA}]', or {instead}."
        ) from error


def _without_lines_of_others(found: Records, blank: Sequence[int]) -> Records:
    import pyarrow.compute as pc

    for position in blank:
        mine = pc.equal(pc.fill_null(found.columns[position], ""), "")
        kept = {place: cells.filter(mine) for place, cells in found.columns.items()}
        found = Records(kept, len(kept[position]), found.skipped)
    return found


def cell_columns(header: Sequence[str], places: Mapping[str, Place]) -> list[int]:
    """Where the columns are that say whose records these are."""
    used = {place.position for place in places.values()}
    return [n for n, cell in enumerate(header) if n not in used and units.split_header(cell)[0] in CELL_NAMES]


def refuse_several_cells(head: Head, header: str, names: Any, rows: int | None = None) -> None:
    """Raise `InputError` where a column that says whose records these are has more than one answer.

    `rows` are how many records there are, where `names` has each answer only some of the times.
    """
    import pyarrow.compute as pc

    different = [on_one_line(str(name)) for name in pc.unique(names).drop_null().to_pylist()]
    # A number that changes with nearly every record counts records, whatever its header says.
    if 1 < len(different) <= max(2, (len(names) if rows is None else rows) // 5):
        shown = ", ".join(different[:3]) + (", …" if len(different) > 3 else "")
        raise InputError(
            f"{head.path} holds records of {len(different)} cells ({on_one_line(header)}: {shown}); "
            "a recording is of one: put each into a file of its own."
        )


def on_one_line(text: str) -> str:
    """What a file calls something, as a sentence can hold it."""
    return " ".join(text.split())[:60]


def _leave_empty_rows_out(source: Source) -> None:
    """A record is one with a voltage and a current: totals and empty lines behind them are none."""
    if all(all_finite(source.columns[label]) for label in (labels.VOLTAGE, labels.CURRENT)):
        return
    known = np.isfinite(source.whole(labels.VOLTAGE)) & np.isfinite(source.whole(labels.CURRENT))
    source.columns = {label: column[known] for label, column in source.columns.items()}
    without = "without a voltage or a current"
    left = counted(int((~known).sum()), f"record {without} is", f"records {without} are")
    source.told.append(Finding("lines", f"{left} left out."))
