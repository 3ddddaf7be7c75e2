"""A table of nobody in particular: any text with a line of headers that names a time, a voltage and a current.

What a header calls its unit is believed; one without has the SI unit, which the examination then tries.
"""

from reports.foreign import source as labels
from reports.foreign import values
from reports.foreign.tables import Column, TableFormat

FORMAT = TableFormat(
    title="a table with headers",
    columns=(
        Column(labels.TIME, ("time", "test time", "total time", "elapsed time", "time s", "t", "seconds", "run time",
                             "test time s", "timestamp s", "time elapsed", "testtime")),
        Column(labels.TIME, ("time h", "hours", "test time h"), "h"),
        Column(labels.TIME, ("time min", "minutes"), "min"),
        Column(labels.STEP_TIME, ("step time", "relative time", "steptime")),
        Column(labels.WALL, ("unix time", "unix time s", "date time", "datetime", "date time iso", "timestamp",
                             "datenum d", "system time", "date", "absolute time", "systime"), read=values.dates),
        Column(labels.STEP_ID, ("step index", "step", "step number", "step id", "ns", "segment key", "state"), "1"),
        Column(labels.CYCLE, ("cycle index", "cycle", "cycle number", "cycle count", "cycle id"), "1"),
        Column(labels.CURRENT, ("current", "current a", "i", "i a", "amps", "cur")),
        Column(labels.CURRENT, ("current ma", "i ma"), "mA"),
        Column(labels.VOLTAGE, ("voltage", "voltage v", "u", "v", "e", "volts", "potential", "ecell", "u v",
                                "cell voltage",
                "ewe", "terminal voltage")),
        Column(labels.VOLTAGE, ("voltage mv",), "mV"),
        Column(labels.CHARGE_AH, ("charge capacity", "charge capacity ah", "charging capacity", "q charge",
                                  "cycle charge")),
        Column(labels.DISCHARGE_AH, ("discharge capacity", "discharge capacity ah", "discharging capacity",
                                     "q discharge", "cycle discharge")),
        Column(labels.CHARGE_WH, ("charge energy", "charge energy wh", "charging energy")),
        Column(labels.DISCHARGE_WH, ("discharge energy", "discharge energy wh", "discharging energy")),
        Column(labels.STEP_AH, ("capacity",)),
        Column(labels.STEP_WH, ("energy",)),
        Column(labels.POWER, ("power", "power w")),
        Column("Surface Temperature / degC", ("temperature", "cell temperature c", "temperature c", "cell temperature",
                                              "surface temperature", "temp", "t1")),
    ),
)  # fmt: skip
