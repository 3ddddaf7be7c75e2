"""Battery Data Format, delimited text: preferred labels and machine names.

Source: battery-data-format ontology 1.3.0 (repository at 1412b98). Positive current charges. A label with another unit
(`Test Time / h`) is read by that unit, as the format's own library does.
"""

from reports.foreign import source as labels
from reports.foreign.tables import Column, TableFormat, way

COLUMNS = (
    Column(labels.TIME, ("test time", "test time second", "test time millisecond")),
    Column(labels.VOLTAGE, ("voltage", "voltage volt")),
    Column(labels.CURRENT, ("current", "current ampere")),
    Column(labels.WALL, ("unix time", "unix time second")),
    Column(labels.STEP, ("step count",)),
    Column(labels.STEP_ID, ("step id", "step index"), "1"),
    Column(labels.CYCLE, ("cycle count",)),
    Column(labels.STEP_TIME, ("step time", "step time second")),
    Column("Ambient Temperature / degC", ("ambient temperature", "ambient temperature celsius")),
    Column("Surface Temperature / degC", ("surface temperature", "surface temperature celsius", "temperature t1",
                                          "temperature t1 celsius")),
    Column(labels.POWER, ("power", "power watt")),
    Column(labels.CHARGE_AH, ("charging capacity", "charging capacity ah", "charge capacity", "cycle charging capacity",
                              "cycle charging capacity ah", "step charging capacity", "step charging capacity ah")),
    Column(labels.DISCHARGE_AH, ("discharging capacity", "discharging capacity ah", "discharge capacity",
                                 "cycle discharging capacity", "cycle discharging capacity ah",
                                 "step discharging capacity", "step discharging capacity ah")),
    Column(labels.CHARGE_WH, ("charging energy", "charging energy wh", "charge energy", "cycle charging energy",
                              "cycle charging energy wh", "step charging energy", "step charging energy wh")),
    Column(labels.DISCHARGE_WH, ("discharging energy", "discharging energy wh", "discharge energy",
                                 "cycle discharging energy", "cycle discharging energy wh", "step discharging energy",
                                 "step discharging energy wh")),
    way("step type", cc_chg=1, cv_chg=1, cccv_chg=1, cp_chg=1, cc_dch=-1, cv_dch=-1, cccv_dch=-1, cp_dch=-1, rest=0,
        ocv=0, charge=1, discharge=-1),
    Column(labels.NET_AH, ("net capacity", "net capacity ah")),
    Column(labels.NET_WH, ("net energy", "net energy wh")),
)  # fmt: skip
"""Sizes that count since the start, the cycle or the step are told apart by what they do, not by their names."""

FORMAT = TableFormat(title="Battery Data Format", columns=COLUMNS)
