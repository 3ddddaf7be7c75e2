"""The grid meter: what the grid is like at the house's connection, and what goes through it."""

from bench import columns
from bench.roles.record import Column, Role
from instruments.roles import GRID_METER_CHANNELS, GridMeter

ROLE = Role(
    name="grid_meter",
    protocol=GridMeter,
    channels=GRID_METER_CHANNELS,
    columns=(
        Column(columns.MAINS_VOLTAGE, "mains voltage"),
        Column(columns.MAINS_FREQUENCY, "mains frequency"),
        Column(columns.CONNECTION_POWER, "connection power"),
    ),
)
