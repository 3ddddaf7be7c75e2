"""The temperature logger: reads sensors on the cells."""

from bench import columns
from bench.roles.record import Column, Role
from instruments.roles import TemperatureLogger

ROLE = Role(
    name="temperatures",
    protocol=TemperatureLogger,
    most=None,
    columns=(
        Column(columns.CELL_TEMPERATURE_MIN, "sensor", "lowest"),
        Column(columns.CELL_TEMPERATURE_MAX, "sensor", "highest"),
        Column(columns.SURFACE, "sensor", "mean"),
    ),
)
