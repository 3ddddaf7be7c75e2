"""Names of the recorded columns: Battery Data Format labels where it has one, `Name / unit` in its style elsewhere.

Source of the labels: battery-data-format ontology 1.3.0, preferred labels; positive current charges.
"""

from instruments.roles import BMS_CHANNELS, Channel

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
COOLANT_SUPPLY = "Coolant Supply Temperature / degC"
COOLANT_RETURN = "Coolant Return Temperature / degC"
COOLANT_FLOW = "Coolant Flow Rate / L/min"
COOLANT_ALARM = "Coolant Unit Alarm / 1"
SET_COOLANT_TEMPERATURE = "Set Coolant Temperature / degC"
SET_COOLANT_FLOW = "Set Coolant Flow Rate / L/min"
GRID_POWER = "Grid Power / W"
CHARGER_STATE = "Charger State / 1"
CHARGER_SOC = "Displayed State Of Charge / 1"
SET_GRID_POWER = "Set Grid Power / W"
FREQUENCY = "Grid Frequency / Hz"
MAINS_VOLTAGE, MAINS_FREQUENCY = "Mains Voltage / V", "Mains Frequency / Hz"
CONNECTION_POWER = "Connection Power / W"
SUPPLY_STATE = "Supply State / 1"
HOUSE, SUN = "House Power / W", "Sun Power / W"
RANGE, RANGE_NEEDED = "Range / km", "Range Needed / km"
BUY, SELL = "Buying Price / 1", "Selling Price / 1"
PLUGGED, MANAGER_POWER = "Plugged In / 1", "Manager Power / W"

GRID = (
    SET_GRID_POWER, FREQUENCY, SUPPLY_STATE, HOUSE, SUN, RANGE, RANGE_NEEDED, BUY, SELL, PLUGGED, MANAGER_POWER,
)  # fmt: skip
"""What the bench itself knows of the grid side, where a station has one; W are positive where they charge the car."""

DERIVED = (
    TEST_TIME, VOLTAGE, CURRENT, UNIX_TIME, STEP, AMBIENT, POWER, SURFACE,
    CHARGE_AH, DISCHARGE_AH, CHARGE_WH, DISCHARGE_WH,
    SET_CURRENT, SET_VOLTAGE, SET_TEMPERATURE, COMMAND_POWER,
    CELL_VOLTAGE_MIN, CELL_VOLTAGE_MAX, CELL_TEMPERATURE_MIN, CELL_TEMPERATURE_MAX, SOC,
    CHARGE_LIMIT, DISCHARGE_LIMIT, BMS_STATE, BMS_AGE, SCAN_DURATION,
)  # fmt: skip
"""What every recording has, in this order; those of coolant and charger, and the raw channels, follow."""

INDEX = {name: index for index, name in enumerate(DERIVED)}


SAMPLE_AGE = Channel("sample age", "time", "s")
"""How long ago an instrument with a scan period of its own was asked."""


def raw_label(instrument: str, channel: Channel) -> str:
    """Column of one raw channel, e.g. `Emulator Cell 7 / V`."""
    return label(instrument, channel.name, channel.unit)


def label(instrument: str, channel: str, unit: str) -> str:
    """Column of a raw channel by its name and unit, as the one above: what it measures is not told by it."""
    return f"{instrument.title()} {channel.title()} / {unit}"


def bms_label(instrument: str, channel: str) -> str:
    """Column of a channel that every BMS has, by its name."""
    return raw_label(instrument, BMS_CHANNELS[channel])
