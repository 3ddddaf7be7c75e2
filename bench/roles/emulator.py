"""The battery emulator: stands in for the pack, cell by cell."""

from bench import columns
from bench.roles.record import Column, Power, Role, SafeStep
from instruments.roles import BatteryEmulator

ROLE = Role(
    name="emulator",
    protocol=BatteryEmulator,
    opens_after=("bms", "chamber", "temperatures"),
    power=Power(
        "channels", "a channel still reads on", "emulator_is_off", "emulator_off", opens_first=True, insist=True
    ),
    steps=(
        SafeStep(
            "emulator off",
            rank=40,
            after={
                "sink off": "a sink would pull on channels that are off",
                "source off": "a source would push into channels that are off",
                "charger off": "a charger would push into channels that are off",
            },
            fact="cell voltage",
        ),
    ),
    columns=(
        Column(columns.CELL_VOLTAGE_MIN, "cell", "lowest"),
        Column(columns.CELL_VOLTAGE_MAX, "cell", "highest"),
    ),
)
