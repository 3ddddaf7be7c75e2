"""The climatic chamber: sets the temperature of the air around the pack."""

from bench import columns
from bench.roles.record import Column, Power, Range, Role, SafeStep
from instruments.roles import CHAMBER_AIR, ClimateChamber

ROLE = Role(
    name="chamber",
    protocol=ClimateChamber,
    channels=CHAMBER_AIR,
    asks={"set_temperature": ("temperature",)},
    ranges={"temperature": Range("temperature_range", "°C", "the chamber takes")},
    power=Power("conditioning", "still conditioning", "chamber_is_resting", "chamber_rest"),
    steps=(
        SafeStep(
            "chamber to rest",
            rank=50,
            after=dict.fromkeys(
                ("sink off", "source off", "charger off"), "the cells would go on heating without conditioning"
            ),
        ),
    ),
    columns=(Column(columns.AMBIENT, "air"),),
)
