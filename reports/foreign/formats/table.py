"""A table of nobody in particular: any text with a line of headers that names a time, a voltage and a current.

What a header calls its unit is believed; one without has the SI unit, which the examination then tries.
"""

from reports.foreign import source as labels
from reports.foreign import values
from reports.foreign.tables import Column, TableFormat, way

FORMAT = TableFormat(
    title="a table with headers",
    columns=(
        Column(labels.TIME, ("time", "test time", "total time", "elapsed time", "time s", "t", "seconds", "run time",
                             "test time s", "timestamp s", "time elapsed", "testtime", "time sec", "zeit", "总时间",
                             "charge time", "discharge time")),
        Column(labels.TIME, ("time h", "hours", "test time h"), "h"),
        Column(labels.TIME, ("time min", "minutes"), "min"),
        Column(labels.STEP_TIME, ("step time", "relative time", "steptime", "时间")),
        Column(labels.WALL, ("unix time", "unix time s", "date time", "datetime", "date time iso", "timestamp",
                             "datenum d", "system time", "date", "absolute time", "systime",
                             "datum/uhrzeit", "datum", "zeitstempel", "数据时间", "绝对时间"), read=values.dates),
        Column(labels.STEP_ID, ("step index", "step", "step number", "step id", "ns", "segment key"), "1"),
        Column(labels.CYCLE, ("cycle index", "cycle", "cycle number", "cycle count", "cycle id"), "1"),
        Column(labels.CURRENT, ("current", "current a", "i", "i a", "amps", "cur", "current measured",
                              "battery current", "cell current", "pack current", "strom", "电流", "充放电电流")),
        Column(labels.CURRENT, ("current ma", "i ma"), "mA"),
        Column(labels.INTO, ("charge current", "charging current", "i chg", "i charge", "chg current", "current chg",
                             "current in", "ladestrom")),
        Column(labels.OUT, ("discharge current", "discharging current", "i dchg", "i dischg", "i discharge",
                            "dchg current", "current dchg", "current out", "entladestrom")),
        Column(labels.VOLTAGE, ("voltage", "voltage v", "u", "v", "e", "volts", "potential", "ecell", "u v",
                                "cell voltage",
                                "ewe", "terminal voltage", "voltage measured", "battery voltage", "pack voltage",
                                "spannung", "电压", "电池总电压")),
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
                                              "surface temperature", "temp", "t1",
                                              "temperature measured")),
        way("state", "status", "mode", "step type", "step name", "steptype", "operation", charge=1, chg=1, chrg=1,
            cc_charge=1, cc_chg=1, cccv_chg=1, cv_chg=1, cv_charge=1, cccv_charge=1, cha=1, discharge=-1, dchg=-1,
            dchrg=-1, dischrg=-1, cc_discharge=-1, cc_dchg=-1, cc_dch=-1, cccv_dchg=-1, cv_dchg=-1, dch=-1, dischg=-1,
            charging=1, discharging=-1, c=1, d=-1, r=0, rest=0, pause=0, ocv=0, idle=0),
    ),
)  # fmt: skip
