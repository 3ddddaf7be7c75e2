"""Maccor, text export: current without a sign, its direction in `State`; counters begin anew with each step.

Sources: headers of published exports (cellpy's and beep's test data), docs/plugins.rst of battery-data-format at
1412b98, and of the states beep's conversion tables. `S` is a suspended test, `P` a pause, `O` and `A` records of the
tester itself. Newer exports write the sign as well: a sign that contradicts the state is for the examination.
"""

from reports.foreign import source as labels
from reports.foreign import values
from reports.foreign.tables import Column, TableFormat, way

FORMAT = TableFormat(
    title="Maccor text",
    needs=("step",),
    must=(labels.WAY,),
    begins=("today's date", "today''s date", "name:"),
    magnitude=True,
    columns=(
        Column(labels.TIME, ("test", "testtime", "test time")),
        Column(labels.STEP_TIME, ("steptime", "step time", "step")),
        Column(labels.WALL, ("dpt time", "dpt"), read=values.dates),
        Column(labels.STEP_ID, ("step",), "1"),
        Column(labels.CYCLE, ("cyc#", "cyc", "cycle", "cycle c", "cycle p"), "1"),
        Column(labels.CURRENT, ("amps", "current")),
        Column(labels.CURRENT, ("mamps",), "mA"),
        Column(labels.VOLTAGE, ("volts", "voltage")),
        Column(labels.STEP_AH, ("amp-hr", "cap.", "capacity")),
        Column(labels.STEP_AH, ("mamp-hr",), "mAh"),
        Column(labels.STEP_WH, ("watt-hr", "ener.", "energy")),
        Column(labels.STEP_WH, ("mwatt-hr",), "mWh"),
        way("state", "md", c=1, d=-1, r=0, s=0, p=0),
        Column("Surface Temperature / degC", ("temp 1", "eval temp", "temp1")),
    ),
)
