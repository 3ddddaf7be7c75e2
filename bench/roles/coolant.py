"""The coolant unit: pumps coolant of a temperature through the plate under the cells.

Its pump goes on in the safe state, so that a pack that is hot is cooled, and is stopped when the next bench is opened:
coolant that no step has asked for would heat what a chamber cools.
"""

from bench import columns
from bench.roles.record import Allowed, Column, Power, Range, Role, SafeStep
from instruments.roles import COOLANT_CHANNELS, CoolantUnit, Protections


def protect(player: CoolantUnit, allowed: Allowed, _share: float) -> Protections:
    """See `Role.protect`."""
    low, high = player.protect_coolant(allowed.temperature_min, allowed.temperature_max)
    return Protections(under_temperature=low, over_temperature=high)


def prepare(player: CoolantUnit) -> None:
    """See `Role.prepare`."""
    player.pump(on=False)


ROLE = Role(
    name="coolant",
    protocol=CoolantUnit,
    channels=COOLANT_CHANNELS,
    asks={"set_temperature": ("temperature",), "set_flow": ("flow",)},
    ranges={
        "temperature": Range("temperature_range", "°C", "the coolant unit takes"),
        "flow": Range("flow_range", "L/min", "the coolant unit pumps"),
    },
    power=Power("heater", "still heating", "coolant_is_resting", "coolant_rest"),
    protect=protect,
    prepare=prepare,
    steps=(
        SafeStep(
            "coolant to rest",
            rank=51,
            after=dict.fromkeys(
                ("sink off", "source off", "charger off"), "the cells would go on heating without conditioning"
            ),
        ),
    ),
    columns=(
        Column(columns.COOLANT_SUPPLY, "supply"),
        Column(columns.COOLANT_RETURN, "return"),
        Column(columns.SET_COOLANT_TEMPERATURE, "set point"),
        Column(columns.COOLANT_FLOW, "flow"),
        Column(columns.SET_COOLANT_FLOW, "set flow"),
        Column(columns.COOLANT_ALARM, "alarm"),
    ),
)
