"""PEC, text export of LifeTest: mV, mA and mAh, negative current discharges, counters of each step or cycle.

Sources: headers of published exports (cellpy's test data). What the file calls `Charge Capacity (mWh)` is an energy.
"""

from reports.foreign import source as labels
from reports.foreign import values
from reports.foreign.tables import Column, TableFormat

FORMAT = TableFormat(
    title="PEC text",
    needs=("load on time", "real time"),
    columns=(
        Column(labels.TIME, ("total time",)),
        Column(labels.STEP_TIME, ("step time",)),
        Column(labels.WALL, ("real time",), read=values.dates),
        Column(labels.STEP_ID, ("step",), "1"),
        Column(labels.CYCLE, ("cycle",), "1"),
        Column(labels.CURRENT, ("current",)),
        Column(labels.VOLTAGE, ("voltage",)),
        Column(labels.CHARGE_AH, ("charge capacity",)),
        Column(labels.DISCHARGE_AH, ("discharge capacity",)),
        Column(labels.CHARGE_WH, ("charge energy", "charge capacity")),
        Column(labels.DISCHARGE_WH, ("discharge energy", "discharge capacity")),
    ),
)
