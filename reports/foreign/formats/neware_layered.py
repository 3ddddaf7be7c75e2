"""Neware, layered text export of BTSDA: lines of cycles and steps between records, which begin with two commas.

Source: a published export (cellpy's test data). The lines of cycles and steps have other columns and are no records.
"""

from reports.foreign.formats.neware import COLUMNS
from reports.foreign.tables import TableFormat

FORMAT = TableFormat(title="Neware text (layered)", needs=("datapoint", "total time"), columns=COLUMNS, blank=(0, 1))
