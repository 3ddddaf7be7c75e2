"""A scenario in which the coolant unit conditions the pack: named in `faults/coolant.yaml`, and nowhere else.

The unit is sent off before the first step, as a step of preconditioning does it. Its phases are these steps by their
names: the coolant warms the pack, then it is charged and discharged warm.
"""

from bench.running.lifecycle import OpenBench
from bench.scenario import Charge, Discharge, Rest, Step, elapsed
from campaign.catalogue import Phase
from campaign.scenario import currents

WARM, FLOW = 35.0, 8.0
"""degC and L/min: 10 K above the pack, so that a unit that fails has something to fail at."""
MINUTES = 20.0


def steps(_phase: Phase, bench: OpenBench) -> tuple[Step, ...]:
    """Warm the pack by its plate, charge it, discharge it."""
    unit = bench.roles.coolant
    unit.set_flow(FLOW)
    unit.set_temperature(WARM)
    return _steps(bench)


def unused(_phase: Phase, bench: OpenBench) -> tuple[Step, ...]:
    """The same steps without the coolant: what is wrong with it then is nobody's."""
    return _steps(bench)


def _steps(bench: OpenBench) -> tuple[Step, ...]:
    until = elapsed(minutes=MINUTES)
    return (
        Rest(until=until, name="warming"),
        Charge("C/3", until=until, name="warm charge"),
        Discharge(currents(bench).discharge / 2, until=until, name="warm discharge"),
    )
