"""Basytec, text export: time in hours or seconds by its header, signed or separate counters.

Sources: docs/plugins.rst of battery-data-format at 1412b98 and the published exports that it lists.
"""

from reports.foreign import source as labels
from reports.foreign.tables import Column, TableFormat, way

FORMAT = TableFormat(
    title="Basytec text",
    needs=("dataset",),
    begins=("~resultfile from basytec", "resultfile from basytec", "basytec"),
    columns=(
        Column(labels.TIME, ("time",), "s"),
        Column(labels.STEP_TIME, ("t-step", "t-set"), "s"),
        Column(labels.STEP_ID, ("line",), "1"),
        Column(labels.CYCLE, ("cyc-count",), "1"),
        way("command", charge=1, discharge=-1, pause=0),
        Column(labels.CURRENT, ("i",)),
        Column(labels.VOLTAGE, ("u",)),
        Column(labels.CHARGE_AH, ("ah-cyc-charge", "ah-charge"), "Ah"),
        Column(labels.DISCHARGE_AH, ("ah-cyc-discharge", "ah-discharge"), "Ah"),
        Column(labels.NET_AH, ("ah",), "Ah"),
        Column(labels.NET_WH, ("wh",), "Wh"),
        Column("Surface Temperature / degC", ("t1",)),
    ),
)
