"""LANDT (LAND), text export: counters of each cycle or step in one record.

Sources: headers of a published export (SINTEF's LiGrR2032 in battery-data-format at 1412b98), battery-data-standard.
"""

from reports.foreign import source as labels
from reports.foreign import values
from reports.foreign.tables import Column, TableFormat, way

FORMAT = TableFormat(
    title="LANDT text",
    must=(labels.WAY,),
    columns=(
        Column(labels.TIME, ("test time s", "testtime", "test time")),
        Column(labels.STEP_TIME, ("step time s", "steptime")),
        Column(labels.WALL, ("date time iso string", "systime", "sys time"), read=values.dates),
        Column(labels.STEP_ID, ("step index", "step"), "1"),
        Column(labels.CYCLE, ("cycle index", "cycle"), "1"),
        Column(labels.CURRENT, ("current a", "current")),
        Column(labels.VOLTAGE, ("voltage v", "voltage")),
        Column(labels.CHARGE_AH, ("charge capacity ah", "cha capacity")),
        Column(labels.DISCHARGE_AH, ("discharge capacity ah", "dchg capacity")),
        Column(labels.CHARGE_WH, ("charge energy wh",)),
        Column(labels.DISCHARGE_WH, ("discharge energy wh",)),
        Column(labels.STEP_AH, ("capacity",)),
        Column("Surface Temperature / degC", ("temperature 1 c",)),
        way("step name", "work mode", "workmode", "status", rest=0, ccc=1, ccd=-1, cccv=1, charge=1, discharge=-1),
    ),
)
