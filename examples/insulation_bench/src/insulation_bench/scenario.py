"""What the fault campaign runs on this bench: `python -m campaign --catalogue=…/insulation_bench/files/faults.yaml`.

Named in that catalogue, and nowhere else. Its phases are the steps of this scenario by their names.
"""

from collections.abc import Sequence

from packbench import Charge, Place, Step, elapsed

from insulation_bench.step import InsulationTest

VOLTS, DWELL = 500.0, 60.0


def steps(_phase: str, _bench: Place) -> Sequence[Step]:
    """A short charge, so that contactors are closed, then the insulation test that opens them."""
    return Charge("C/3", until=elapsed(minutes=10)), InsulationTest(VOLTS, dwell=DWELL)


def alone(_phase: str, _bench: Place) -> Sequence[Step]:
    """Where time is real, nobody waits for what comes before."""
    return (InsulationTest(VOLTS, dwell=DWELL),)
