"""Arbin, text export of MITS Pro: counters since the start of the test, or of the schedule's last reset of them.

Sources: headers of published exports (Toyota Research Institute's fast-charging data, battery-data-toolkit), and
docs/plugins.rst of battery-data-format at 1412b98. Positive current charges.
"""

from reports.foreign import source as labels
from reports.foreign import values
from reports.foreign.tables import Column, TableFormat

FORMAT = TableFormat(
    title="Arbin text",
    needs=("test time", "step index", "cycle index"),
    columns=(
        Column(labels.TIME, ("test time",)),
        Column(labels.WALL, ("datetime", "date time", "date"), read=values.dates),
        Column(labels.STEP_TIME, ("step time",)),
        Column(labels.STEP_ID, ("step index",), "1"),
        Column(labels.CYCLE, ("cycle index",), "1"),
        Column(labels.CURRENT, ("current",)),
        Column(labels.VOLTAGE, ("voltage",)),
        Column(labels.POWER, ("power",)),
        Column(labels.CHARGE_AH, ("charge capacity",)),
        Column(labels.DISCHARGE_AH, ("discharge capacity",)),
        Column(labels.CHARGE_WH, ("charge energy",)),
        Column(labels.DISCHARGE_WH, ("discharge energy",)),
        Column("Surface Temperature / degC", ("temperature", "aux temperature 1", "temperature 1")),
    ),
)
