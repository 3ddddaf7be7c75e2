"""Neware, sheet of BTS 7.6 with one line per record: `Record Index`, `Relative Time` within the step, `Absolute Time`.

Source: a published export (cellpy's test data).
"""

from reports.foreign import source as labels
from reports.foreign.formats.neware import COLUMNS
from reports.foreign.tables import TableFormat

FORMAT = TableFormat(
    title="Neware text (detail)", needs=("record index", "jumpto"), must=(labels.WAY,), columns=COLUMNS
)
