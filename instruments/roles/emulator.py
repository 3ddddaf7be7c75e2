"""Emulators: what stands in for the pack, cell by cell."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import hypot, inf
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class CellTable:
    """What an emulated cell is: open-circuit voltage and series resistance over state of charge.

    `state_of_charge` rises from 0 to 1; `voltage` (V) and `resistance` (Ohm) have its length.
    `capacity` in Ah, `initial` a state of charge.
    """

    state_of_charge: Sequence[float]
    voltage: Sequence[float]
    resistance: Sequence[float]
    capacity: float
    initial: float

    @property
    def flaw(self) -> str:
        """What nobody could emulate of it, as a clause; empty where nothing is wrong."""
        if not all(low < high for low, high in pairwise(self.state_of_charge)):
            return "its states of charge do not rise: give each row more than the one before"
        numbers = (*self.state_of_charge, *self.voltage, *self.resistance, self.capacity, self.initial)
        if not all(0.0 <= each < inf for each in numbers):
            return "it has a value that is no number from 0 on"
        return ""


def unfit_resistance(resistance: Sequence[float], rows: Sequence[int]) -> str:
    """What no emulator could take of new resistances (Ohm, one per row) for `rows`, as a clause; empty: nothing."""
    # The length of a vector is no number where one of its parts is none: two calls, for each row that is written.
    if not (hypot(*resistance) < inf and min(resistance, default=0.0) >= 0.0):
        for row, ohms in enumerate(resistance):
            if not 0.0 <= ohms < inf:
                return f"{ohms!r} Ohm for row {row} is no resistance: give a number from 0 on"
    for row in rows:
        if row not in range(len(resistance)):
            return f"there is no row {row!r}: rows are counted from 0 to {len(resistance) - 1}"
    return ""


@runtime_checkable
class BatteryEmulator(Protocol):
    """Stands in for the pack, cell by cell. Channels of its scan: `cell 1` V, `cell 2` V, ..."""

    @property
    def cell_count(self) -> int:
        """Channels in series."""
        ...

    def emulate(self, cells: Sequence[CellTable]) -> None:
        """Load one table per channel and switch all channels on; `len(cells)` must equal `cell_count`."""
        ...

    def update_resistance(self, resistance: Sequence[float], rows: Iterable[int] | None = None) -> None:
        """Give the running tables a new resistance (Ohm, one value per table row), e.g. at another temperature.

        Only `rows` are written, counted from 0, where they are given: a whole table may take longer than a scan.
        """
        ...

    def emulator_off(self) -> None:
        """Switch every channel off; may be called first of all, before `identify`."""
        ...

    def emulator_is_off(self) -> bool:
        """Read back that every channel is off; same rules as `Source.source_is_off`."""
        ...


@runtime_checkable
class FollowsCells(Protocol):
    """An emulator that says how fast the resistance of its running cells can be changed."""

    @property
    def follows(self) -> float:
        """How long (s) it takes to give the rows that cells run on, `ROWS_AT_ONCE` of them, other resistances."""
        ...


ROWS_AT_ONCE = 4
"""Rows of a table around the state of charge of all cells: they differ a little, and move on."""
