"""Digatron, text export of BTS-600: `Program Time`, counters of the step, of the cycle and of the program.

Source: docs/plugins.rst of battery-data-format at 1412b98. Positive current charges.
"""

from reports.foreign import source as labels
from reports.foreign import values
from reports.foreign.tables import Column, TableFormat

FORMAT = TableFormat(
    title="Digatron text",
    needs=("prog time", "step time"),
    columns=(
        Column(labels.TIME, ("prog time", "program time")),
        Column(labels.STEP_TIME, ("step time",)),
        Column(labels.WALL, ("time stamp",), read=values.dates),
        Column(labels.STEP_ID, ("step",), "1"),
        Column(labels.CYCLE, ("cycle",), "1"),
        Column(labels.CURRENT, ("current",)),
        Column(labels.VOLTAGE, ("voltage",)),
        Column(labels.CHARGE_AH, ("ahcha", "ahch", "ahcharge")),
        Column(labels.DISCHARGE_AH, ("ahdch", "ahdischarge")),
        Column(labels.NET_AH, ("ahaccu", "ahbal", "capacity")),
        Column(labels.CHARGE_WH, ("whcha", "whch")),
        Column(labels.DISCHARGE_WH, ("whdch",)),
        Column(labels.NET_WH, ("whaccu", "energy")),
        Column("Surface Temperature / degC", ("logtemp", "temperature", "logtemp001")),
    ),
)
