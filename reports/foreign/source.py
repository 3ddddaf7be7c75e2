"""What a format hands over, and what an examination finds: plain data, in our labels and SI units."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench import columns as labels
from bench.recording.rows import Values
from reports.foreign.pieces import any_finite

Floats = NDArray[np.float64]

TIME, VOLTAGE, CURRENT, STEP = labels.TEST_TIME, labels.VOLTAGE, labels.CURRENT, labels.STEP
WALL, POWER = labels.UNIX_TIME, labels.POWER
CHARGE_AH, DISCHARGE_AH = labels.CHARGE_AH, labels.DISCHARGE_AH
CHARGE_WH, DISCHARGE_WH = labels.CHARGE_WH, labels.DISCHARGE_WH
CYCLE = "Cycle Count / 1"
STEP_ID = "Step ID / 1"
"""Number of the step in the schedule: the same one comes again."""
STEP_TIME = "Step Time / s"
NET_AH, NET_WH = "Net Capacity / Ah", "Net Energy / Wh"
STEP_AH, STEP_WH = "Step Capacity / Ah", "Step Energy / Wh"
"""A counter without direction, as several makes keep it: what flowed since the step (or half cycle) began."""
WAY = "Direction / 1"
"""What the file itself says of the current: 1 charge, -1 discharge, 0 neither; nan where it does not say."""
INTO, OUT = "Charge Current / A", "Discharge Current / A"
"""The current of a file that has a column for each direction; its reading makes one current of them."""
UNCLEAR_TIME = "time of two fields"
"""The check of a time that may be read in two ways, and is not."""
COUNTERS_AH, COUNTERS_WH = (CHARGE_AH, DISCHARGE_AH), (CHARGE_WH, DISCHARGE_WH)


def counted(count: int, one: str, several: str) -> str:
    """How many, as a sentence says it: `1 record`, `1,265 records`."""
    return f"{count:,} {one if count == 1 else several}"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a recording that is not as it should be.

    `text` is one sentence with what was found where, and what follows. `withholds` are the columns, by their labels,
    that are not believed: no KPI that reads one of them is computed. A note withholds nothing.
    """

    check: str
    text: str
    withholds: frozenset[str] = frozenset()


@dataclass(slots=True)
class Source:
    """A recording as its file has it: columns by our labels, in SI units, one value per record.

    `magnitude` says that the format writes currents without a sign and tells the direction elsewhere. `told` are
    findings of the reading itself, such as lines that are no records. `cells` are the names of the cells that the
    records belong to, where the file says so.
    """

    path: Path
    format: str
    columns: dict[str, Values]
    magnitude: bool = False
    told: list[Finding] = field(default_factory=list)
    names: Mapping[str, str] = field(default_factory=dict)
    """What the file itself calls each column."""

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def has(self, label: str) -> bool:
        """Whether the column is there and holds a value."""
        column = self.columns.get(label)
        return column is not None and any_finite(column)

    def whole(self, label: str) -> Floats:
        """A column that is there, as an array: of a long file all of it is read now."""
        return np.asarray(self.columns[label], dtype=np.float64)
