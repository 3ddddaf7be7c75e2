"""A record of one cell: what a cycler and a thermometer wrote down while it was charged and discharged."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from models.fields import nearest
from models.tables import Vector

if TYPE_CHECKING:
    import pandas as pd

SECONDS_PER_HOUR = 3600.0

CELL_VOLTAGE = 6.0
"""V that no cell reaches: what lies above is a pack, or millivolts."""


MOMENT = 0.1
"""s within which a cycler's current and voltage are not of one instant."""


class RecordError(ValueError):
    """A record cannot be used; the message is one sentence: where, what was found, what is needed."""


class OtherFormatError(RecordError):
    """A file is not in the Battery Data Format, or has not all of its columns: somebody else may read it."""


@dataclass(frozen=True, eq=False)
class Record:
    """One test of one cell, a row per sample: `time` s (rising), `current` A (positive charges), `voltage` V.

    `temperature` is the cell's (degC), or the air's where nobody measured the cell (`of_air`); `charge` is Ah since the
    first row, by the cycler's counter where there is one. `held_out` marks rows that are compared and never fitted.
    `to_empty` is Ah that the cell held at the first row, where it was emptied afterwards and they were counted: two
    tests of a cell differ by some per cent of its capacity, by its age and by how it was filled. 0 is a cell that had
    just been emptied.
    """

    name: str
    time: Vector
    current: Vector
    voltage: Vector
    temperature: Vector
    charge: Vector
    held_out: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    of_air: bool = False
    to_empty: float | None = None

    @classmethod
    def of(
        cls,
        name: str,
        time: Vector,
        current: Vector,
        voltage: Vector,
        temperature: Vector,
        charge: Vector | None = None,
        *,
        of_air: bool = False,
        to_empty: float | None = None,
    ) -> Self:
        """Put columns together. Raises `RecordError` when they cannot be one cell's."""
        columns = {"time": time, "current": current, "voltage": voltage, "temperature": temperature}
        for what, values in columns.items():
            _check_finite(name, what, values)
        _check(name, time, current, voltage)
        counted = integrated(time, current) if charge is None else charge - charge[0]
        fitted = np.zeros(len(time), dtype=np.bool_)
        return cls(name, time, current, voltage, temperature, counted, fitted, of_air, to_empty)

    @property
    def ambient(self) -> float:
        """Temperature of the test, degC: what the cell had at its start."""
        return float(self.temperature[0])

    @property
    def rests(self) -> bool:
        """Whether it begins without a current, so that its first voltage is that of a cell at rest."""
        return bool(abs(self.current[0]) < 0.01 * np.abs(self.current).max())

    def start_under_current(self, capacity: float) -> float:
        """State of charge at the first row of a record that begins under a current, in a cell of `capacity` Ah.

        Full where it discharges, else empty; but never so that the record would go beyond empty or full later.
        """
        if self.current[0] < 0:
            return min(1.0, 1.0 - float(self.charge.max()) / capacity)
        return max(0.0, -float(self.charge.min()) / capacity)

    @property
    def at_an_edge(self) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
        """Rows in the very moment of a step: many cyclers write the new current beside the old voltage there."""
        changed = np.abs(np.diff(self.current)) > 0.01 * np.abs(self.current).max()
        return np.concatenate([[False], changed & (np.diff(self.time) < MOMENT)])

    def rows(self, kept: "np.ndarray[tuple[int, ...], np.dtype[np.intp]]") -> Self:
        """The same test with the rows `kept` alone; a row's current becomes what was moved since the one before."""
        time, charge = self.time[kept], self.charge[kept]
        return replace(
            self, time=time, current=self.current[kept], voltage=self.voltage[kept], charge=charge,
            temperature=self.temperature[kept], held_out=self.held_out[kept],
        )  # fmt: skip

    def thinned(self, *, relative: float = 0.05, longest: float = 60.0) -> Self:
        """Leave out rows where nothing happens: after a change of current they may lie `relative` of its age apart.

        `longest` is the largest distance (s). A drive cycle keeps its rows, a long constant current few.
        """
        threshold = 0.01 * float(np.abs(self.current).max())
        kept, changed, last = [0], self.time[0], self.time[0]
        for row in range(1, len(self.time)):
            now = self.time[row]
            if abs(self.current[row] - self.current[row - 1]) > threshold:
                kept += [row] if kept[-1] == row - 1 else [row - 1, row]
                changed = last = now
            elif now - last >= min(max(relative * (now - changed), 0.05), longest):
                kept.append(row)
                last = now
        return self.rows(np.unique(np.array([*kept, len(self.time) - 1], dtype=np.intp)))

    def holding_out(self, block: float, every: int) -> Self:
        """Hold out every `every`-th block of `block` s."""
        return replace(self, held_out=(np.floor((self.time - self.time[0]) / block) % every) == every - 1)


def integrated(time: Vector, current: Vector) -> Vector:
    """Ah since the first row; over a step flows the current of the row that ends it, as a cycler writes it down."""
    return np.concatenate([[0.0], np.cumsum(current[1:] * np.diff(time))]) / SECONDS_PER_HOUR


def _check_finite(name: str, what: str, values: Vector) -> None:
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        raise RecordError(f"{name}: {what} is not a number in row {wrong[0] + 1}; leave such rows out.")


def _check(name: str, time: Vector, current: Vector, voltage: Vector) -> None:
    if len(time) < 20:
        raise RecordError(f"{name}: {len(time)} rows; a fit needs 20 or more.")
    back = np.flatnonzero(np.diff(time) <= 0)
    if back.size:
        found = f"{time[back[0] + 1]:g} s after {time[back[0]]:g} s in row {back[0] + 2}"
        raise RecordError(f"{name}: time stands still or runs backwards ({found}); give one test with a rising time.")
    if not 0.5 < voltage.min() <= voltage.max() < CELL_VOLTAGE:
        found = f"{voltage.min():g} to {voltage.max():g} V"
        raise RecordError(f"{name}: {found} are not one cell's; give V of one cell, 0.5 to {CELL_VOLTAGE:g}.")
    if not current.any():
        raise RecordError(f"{name}: no current flows; a fit needs a charge or a discharge.")


TIME = ("Test Time / s", "test_time_second")
VOLTAGE = ("Voltage / V", "voltage_volt")
CURRENT = ("Current / A", "current_ampere")
TEMPERATURE = (
    "Surface Temperature / degC", "surface_temperature_celsius", "Temperature T1 / degC", "temperature_t1_celsius",
    "Ambient Temperature / degC", "ambient_temperature_celsius",
)  # fmt: skip
"""In the order of preference: the cell's own temperature, else the air's."""
OF_AIR = ("Ambient Temperature / degC", "ambient_temperature_celsius")
COUNTER = ("Net Capacity / Ah", "net_capacity_ah")
READERS = {".csv": "read_csv", ".parquet": "read_parquet"}


def load_record(path: Path) -> Record:
    """Read a record in the Battery Data Format (CSV or Parquet; ontology 1.3.0, labels or machine-readable names).

    Raises `OtherFormatError` for a file that is none or lacks a column, `RecordError` for what cannot be one cell's.
    """
    frame = _read(path)
    columns = [str(name).strip() for name in frame.columns]
    frame.columns = columns
    _check_one_cell(path, frame)
    picked = {what: _column(path, columns, names) for what, names in _NEEDED.items()}
    values = {what: _numbers(path, frame, label) for what, label in picked.items()}
    counter = next((name for name in COUNTER if name in columns), None)
    charge = None if counter is None else _numbers(path, frame, counter)
    return Record.of(
        path.name, values["time"], values["current"], values["voltage"], values["temperature"], charge,
        of_air=picked["temperature"] in OF_AIR,
    )  # fmt: skip


_NEEDED = {"time": TIME, "voltage": VOLTAGE, "current": CURRENT, "temperature": TEMPERATURE}


def _read(path: Path) -> "pd.DataFrame":
    import pandas as pd

    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise OtherFormatError(f"{path}: is neither .csv nor .parquet; export it in the Battery Data Format.")
    try:
        if not path.stat().st_size:
            raise RecordError(f"{path}: is empty; give the file that holds the record.")
        frame: pd.DataFrame = getattr(pd, reader)(path)
    except RecordError:
        raise
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror or error}); check the path.") from error
    except ValueError as error:  # what parsers raise, of CSV and of Parquet
        reason = " ".join(str(error).split())
        raise OtherFormatError(f"{path}: is no table ({reason}); export it in the Battery Data Format.") from error
    if not isinstance(frame.index, pd.RangeIndex) and path.suffix.lower() == ".csv":
        # Pandas takes the first of too many cells for names of the rows, and all others for what stands further left.
        raise OtherFormatError(
            f"{path}: has rows with more cells than its header; are there decimal commas in them? Export it in the "
            "Battery Data Format."
        )
    return frame


WHOSE = ("cell", "cell id", "cell name", "cell number", "channel", "channel id", "test id", "battery id", "barcode")
"""Columns that say whose records these are, in small letters and without `/ 1`."""


def _check_one_cell(path: Path, frame: "pd.DataFrame") -> None:
    for label in frame.columns:
        if " ".join(str(label).lower().removesuffix("/ 1").replace("_", " ").split()) in WHOSE:
            cells = frame[label].dropna().unique()
            if len(cells) > 1:
                shown = ", ".join(" ".join(str(cell).split())[:30] for cell in cells[:3])
                more = ", …" if len(cells) > 3 else ""
                raise RecordError(
                    f"{path}: holds records of {len(cells)} cells ({label}: {shown}{more}); a record is of one: put "
                    "each into a file of its own."
                )


def _column(path: Path, columns: Sequence[str], names: Sequence[str]) -> str:
    for name in names:
        if name in columns:
            return name
    hint = nearest(names[0], columns)
    raise OtherFormatError(f"{path}: has no column {names[0]!r}{hint}; a fit needs one of {', '.join(names)}.")


def _numbers(path: Path, frame: "pd.DataFrame", label: str) -> Vector:
    try:
        return np.asarray(frame[label], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise RecordError(f"{path}: column {label!r} holds more than numbers ({error}); give numbers only.") from error
