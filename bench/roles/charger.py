"""The charger: the grid's side of what charges the pack and takes energy back, set by its power alone.

It hangs on the pack as a source and a sink do, and keeps to the pack's limits by itself, so that it has no protection
to arm: what guards the pack here is the BMS and the guard.
"""

from bench import columns
from bench.roles.driving import CURRENT_GONE
from bench.roles.record import Column, Power, Role, SafeStep
from instruments.roles import CHARGER_CHANNELS, Charger

ROLE = Role(
    name="charger",
    protocol=Charger,
    channels=CHARGER_CHANNELS,
    # As source and sink: nothing can deliver power before everything that could stop it has answered.
    opens_after=("sink", "source", "emulator", "bms", "chamber", "coolant", "temperatures"),
    asks={"set_grid_power": ("power",)},
    power=Power(
        "charger", "still charges or discharges", "charger_is_off", "charger_off",
        moves_current=True, opens_first=True, insist=True,
    ),
    steps=(SafeStep("charger off", rank=2), CURRENT_GONE),
    columns=(
        Column(columns.GRID_POWER, "grid power"),
        Column(columns.SET_GRID_POWER, "set grid power"),
        Column(columns.CHARGER_STATE, "charger state"),
        Column(columns.CHARGER_SOC, "displayed state of charge"),
    ),
)  # fmt: skip
