"""The battery management system: the pack's own controller, and its contactors."""

from bench import columns
from bench.roles.record import Column, Role, SafeStep
from instruments.roles import BMS_CHANNELS, BatteryManagement

ROLE = Role(
    name="bms",
    protocol=BatteryManagement,
    channels=tuple(channel for name, channel in BMS_CHANNELS.items() if name != "soh"),
    steps=(
        SafeStep(
            "contactor open", rank=20, acts=False, after={"current gone": "the contactor would open under load"}
        ),
        SafeStep(
            "bus discharged", rank=30, acts=False, after={"contactor open": "the pack itself still holds the bus up"},
            fact="bus voltage", look_at=("source", "sink"),
        ),
    ),
    columns=(
        # Where only a charger moves current, nobody else measures at the pack.
        Column(columns.VOLTAGE, "pack voltage", unless=("source", "sink")),
        Column(columns.CURRENT, "pack current", unless=("source", "sink")),
        Column(columns.CHARGE_LIMIT, "charge current limit"),
        Column(columns.DISCHARGE_LIMIT, "discharge current limit"),
        Column(columns.BMS_STATE, "state"),
        Column(columns.BMS_AGE, "age"),
        Column(columns.SOC, "soc min"),
        Column(columns.CELL_VOLTAGE_MIN, "cell voltage min", unless="emulator"),
        Column(columns.CELL_VOLTAGE_MAX, "cell voltage max", unless="emulator"),
    ),
)  # fmt: skip
