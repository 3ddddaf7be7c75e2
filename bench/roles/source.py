"""The source: charges the pack."""

from bench import columns
from bench.roles.driving import CURRENT_GONE, ParallelSources, no_more_than
from bench.roles.record import Allowed, Column, Power, Role, SafeStep
from instruments.roles import TERMINALS, Protections, Source


def protect(player: Source, allowed: Allowed, share: float) -> Protections:
    """See `Role.protect`."""
    power = no_more_than(allowed.charge_current * allowed.voltage_max, share, player.source_ratings.power)
    return player.protect_source(allowed.voltage_max, share * allowed.charge_current, power)


ROLE = Role(
    name="source",
    protocol=Source,
    channels=TERMINALS,
    most=None,
    together=ParallelSources,
    # Nothing can deliver current before everything that could stop it has answered.
    opens_after=("sink",),
    asks={"charge": ("current", "voltage", "power")},
    power=Power(
        "output", "output still reads on", "source_is_off", "source_off",
        moves_current=True, opens_first=True, insist=True,
    ),
    protect=protect,
    steps=(SafeStep("source off", rank=1), CURRENT_GONE),
    columns=(Column(columns.VOLTAGE, "voltage"), Column(columns.CURRENT, "current", "sum")),
)  # fmt: skip
