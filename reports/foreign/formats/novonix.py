"""Novonix, text export of a HPC or UHPC: signed capacity since the start, run time in hours.

Sources: headers of a published export (beep's test data), docs/plugins.rst of battery-data-format at 1412b98. Positive
current charges. The capacity goes up in charge and down in discharge.
"""

from reports.foreign import source as labels
from reports.foreign import values
from reports.foreign.tables import Column, TableFormat

FORMAT = TableFormat(
    title="Novonix text",
    needs=("step number", "cycle number", "potential"),
    columns=(
        Column(labels.TIME, ("run time", "test time"), "h"),
        Column(labels.STEP_TIME, ("step time",), "h"),
        Column(labels.WALL, ("date and time",), read=values.dates),
        Column(labels.STEP_ID, ("step number",), "1"),
        Column(labels.CYCLE, ("cycle number",), "1"),
        Column(labels.CURRENT, ("current",)),
        Column(labels.VOLTAGE, ("potential",)),
        Column(labels.NET_AH, ("capacity",)),
        Column(labels.NET_WH, ("energy",)),
        Column("Surface Temperature / degC", ("temperature",)),
    ),
)
