"""Names of the recorded columns: Battery Data Format labels where it has one, `Name / unit` in its style elsewhere.

Source of the labels: battery-data-format ontology 1.3.0, preferred labels; positive current charges.
"""

from collections.abc import Mapping

TEST_TIME = "Test Time / s"
VOLTAGE = "Voltage / V"
CURRENT = "Current / A"
UNIX_TIME = "Unix Time / s"
STEP = "Step Count / 1"
AMBIENT = "Ambient Temperature / degC"
POWER = "Power / W"
SURFACE = "Surface Temperature / degC"
CHARGE_AH = "Charging Capacity / Ah"
DISCHARGE_AH = "Discharging Capacity / Ah"
CHARGE_WH = "Charging Energy / Wh"
DISCHARGE_WH = "Discharging Energy / Wh"
SET_CURRENT = "Set Current / A"
SET_VOLTAGE = "Set Voltage / V"
SET_TEMPERATURE = "Set Temperature / degC"
COMMAND_POWER = "Command Power / W"
CELL_VOLTAGE_MIN = "Cell Voltage Min / V"
CELL_VOLTAGE_MAX = "Cell Voltage Max / V"
CELL_TEMPERATURE_MIN = "Cell Temperature Min / degC"
CELL_TEMPERATURE_MAX = "Cell Temperature Max / degC"
SOC = "SOC / 1"
CHARGE_LIMIT = "Charge Current Limit / A"
DISCHARGE_LIMIT = "Discharge Current Limit / A"
BMS_STATE = "BMS State / 1"
BMS_AGE = "BMS Age / s"
SCAN_DURATION = "Scan Duration / s"

DERIVED = (
    TEST_TIME, VOLTAGE, CURRENT, UNIX_TIME, STEP, AMBIENT, POWER, SURFACE,
    CHARGE_AH, DISCHARGE_AH, CHARGE_WH, DISCHARGE_WH,
    SET_CURRENT, SET_VOLTAGE, SET_TEMPERATURE, COMMAND_POWER,
    CELL_VOLTAGE_MIN, CELL_VOLTAGE_MAX, CELL_TEMPERATURE_MIN, CELL_TEMPERATURE_MAX, SOC,
    CHARGE_LIMIT, DISCHARGE_LIMIT, BMS_STATE, BMS_AGE, SCAN_DURATION,
)  # fmt: skip
"""What every recording has, in this order; the raw channels of the instruments follow."""

INDEX = {name: index for index, name in enumerate(DERIVED)}

_METERS = (("source",), ("sink",))
_BMS = (("bms",),)
MEASURED_BY: Mapping[str, tuple[tuple[str, ...], ...]] = {
    VOLTAGE: _METERS[:1], CURRENT: _METERS, POWER: _METERS,
    CHARGE_AH: _METERS, DISCHARGE_AH: _METERS, CHARGE_WH: _METERS, DISCHARGE_WH: _METERS,
    AMBIENT: (("chamber",),), SURFACE: (("temperatures",),),
    CELL_TEMPERATURE_MIN: (("temperatures",),), CELL_TEMPERATURE_MAX: (("temperatures",),),
    CELL_VOLTAGE_MIN: (("emulator", "bms"),), CELL_VOLTAGE_MAX: (("emulator", "bms"),),
    SOC: _BMS, CHARGE_LIMIT: _BMS, DISCHARGE_LIMIT: _BMS, BMS_STATE: _BMS, BMS_AGE: _BMS,
}  # fmt: skip
"""The roles that a column is derived from, as a scan does it; of several in one place the first that a bench has.

What is not here was measured by nobody: set points, commands, the clock.
"""

_UNITS = {
    "voltage": "V", "current": "A", "power": "W", "cell": "V", "air": "degC", "set point": "degC", "sensor": "degC",
    "insulation": "Ohm", "age": "s", "charge current limit": "A", "discharge current limit": "A",
    "cell voltage min": "V", "cell voltage max": "V", "cell temperature min": "degC", "cell temperature max": "degC",
    "pack voltage": "V", "pack current": "A",
}  # fmt: skip


def raw_label(instrument: str, channel: str) -> str:
    """Column of one raw channel, e.g. `Emulator Cell 7 / V`."""
    stem = channel.rstrip("0123456789 ")
    return f"{instrument.title()} {channel.title()} / {_UNITS.get(stem, '1')}"
