"""Neware, text export of BTS 7 and older, whose records are numbered by `Record ID` and whose status is one letter."""

from reports.foreign.formats.neware import COLUMNS
from reports.foreign.tables import TableFormat

FORMAT = TableFormat(title="Neware text (BTS 7)", needs=("record id", "step id"), columns=COLUMNS)
