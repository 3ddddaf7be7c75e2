"""Neware, text export of BTSDA, one line per record: counters begin anew with each step or cycle.

Sources: headers of published exports (cellpy's test data), battery-data-format at 1412b98 and battery-data-standard.
Positive current charges. `Time` counts within the step; a time since the start is `Cumulative Time` or `Total Time`.
"""

from reports.foreign import source as labels
from reports.foreign import values
from reports.foreign.tables import Column, TableFormat, way

COLUMNS = (
    Column(labels.TIME, ("cumulative time", "total time", "test time")),
    Column(labels.STEP_TIME, ("time", "step time", "relative time")),
    Column(labels.WALL, ("date", "real time", "absolute time", "datetime"), read=values.dates),
    Column(labels.STEP_ID, ("step index", "step number", "step id", "step"), "1"),
    Column(labels.CYCLE, ("cycle index", "cycle id", "cycle"), "1"),
    Column(labels.CURRENT, ("current", "cur")),
    Column(labels.VOLTAGE, ("voltage", "volt")),
    Column(labels.POWER, ("power",)),
    Column(labels.CHARGE_AH, ("chg. cap.", "charge capacity", "capacitance chg", "capacity of charge")),
    Column(labels.DISCHARGE_AH, ("dchg. cap.", "discharge capacity", "capacitance dchg", "capacity of discharge")),
    Column(labels.CHARGE_WH, ("chg. energy", "charge energy", "engy chg", "energy of charge")),
    Column(labels.DISCHARGE_WH, ("dchg. energy", "discharge energy", "engy dchg", "energy of discharge")),
    Column(labels.STEP_AH, ("capacity", "cap")),
    Column(labels.STEP_WH, ("energy",)),
    Column("Surface Temperature / degC", ("t1", "temperature", "aux t1", "auxiliary channel tu1 t")),
    way("step type", "status", "state", cc_chg=1, cccv_chg=1, cv_chg=1, cp_chg=1, cr_chg=1, charge=1, chg=1, cc_dchg=-1,
        cccv_dchg=-1, cv_dchg=-1, cp_dchg=-1, cr_dchg=-1, discharge=-1, dchg=-1, rest=0, pause=0, c=1, d=-1, r=0),
)  # fmt: skip

FORMAT = TableFormat(title="Neware text", needs=("step type", "cycle index"), columns=COLUMNS)
