"""Basytec, text export: time in hours or seconds by its header, signed or separate counters.

Sources: docs/plugins.rst of battery-data-format at 1412b98 and the published exports that it lists.
"""

from reports.foreign import source as labels
from reports.foreign.tables import Column, TableFormat

FORMAT = TableFormat(
    title="Basytec text",
    begins=("~resultfile from basytec", "resultfile from basytec", "basytec"),
    columns=(
        Column(labels.TIME, ("time", "run time"), "s"),
        Column(labels.STEP_TIME, ("t-step", "step time"), "s"),
        Column(labels.STEP_ID, ("line", "step"), "1"),
        Column(labels.CYCLE, ("cyc-count", "cycle"), "1"),
        Column(labels.CURRENT, ("i", "c cur")),
        Column(labels.VOLTAGE, ("u", "c vol")),
        Column(labels.CHARGE_AH, ("ah-cyc-charge", "ah-charge", "ah ch", "ah-ch"), "Ah"),
        Column(labels.DISCHARGE_AH, ("ah-cyc-discharge", "ah-discharge", "ah dch", "ah-dch"), "Ah"),
        Column(labels.NET_AH, ("ah",), "Ah"),
        Column(labels.NET_WH, ("wh",), "Wh"),
        Column("Surface Temperature / degC", ("t1", "c temp")),
    ),
)
