"""The sink: discharges the pack."""

from bench import columns
from bench.roles.driving import CURRENT_GONE, ParallelSinks, no_more_than
from bench.roles.record import Allowed, Column, Power, Role, SafeStep
from instruments.roles import TERMINALS, Protections, Sink


def protect(player: Sink, allowed: Allowed, share: float) -> Protections:
    """See `Role.protect`."""
    power = no_more_than(allowed.discharge_current * allowed.voltage_max, share, player.sink_ratings.power)
    return player.protect_sink(allowed.voltage_min, share * allowed.discharge_current, power)


ROLE = Role(
    name="sink",
    protocol=Sink,
    channels=TERMINALS,
    most=None,
    together=ParallelSinks,
    opens_after=("emulator", "bms", "chamber", "coolant", "temperatures"),
    asks={"discharge": ("current", "voltage", "power")},
    power=Power(
        "input", "input still reads on", "sink_is_off", "sink_off",
        moves_current=True, opens_first=True, insist=True,
    ),
    protect=protect,
    steps=(SafeStep("sink off", rank=0), CURRENT_GONE),
    columns=(Column(columns.VOLTAGE, "voltage", unless="source"), Column(columns.CURRENT, "current", "sum")),
)  # fmt: skip
