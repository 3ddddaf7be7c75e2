"""Scenarios of a road, of preconditioning and of charge strategies: named in `faults/road.yaml`, and nowhere else.

Their phases are these steps by their names. A fault of a drive comes in the middle of it, whatever the car does at that
moment: what its power is then is the road's, drawn with the instant.
"""

from bench.recording.run import RunRecord
from bench.road import Drive, Precondition
from bench.running.lifecycle import OpenBench
from bench.scenario import FastRecharge, Soak, Step, Until, current_below, elapsed, soc_above
from bench.strategies import ConstantCurrent, MultiStage
from bench.testing import TestBench
from campaign.catalogue import Phase
from reports import kpi
from reports.kpi import Kpi
from reports.recording import Recording
from reports.uncertainty import uncertainty

MINUTES = 10.0
"""of a motorway: all of it would empty a pack that is delivered at 30 %."""
WARM, COLD = 42.0, 10.0
"""degC: what a pack is brought to for a charge from a cold day, and from a hot one."""
OFF = 1.0
"""% that a drive may lack, and that it may be off its command, cut by what the BMS allows."""
STAGES = MultiStage(((0.4, 2.0), (0.55, 1.5), (1.0, 0.9)))
"""An et al. 2019, with ends that a pack reaches from 30 %."""


def drive(_phase: Phase, _bench: OpenBench) -> tuple[Step, ...]:
    """Through a town, along a motorway, over a pass."""
    return (
        Drive("urban", name="town"),
        Drive("motorway-110", until=elapsed(minutes=MINUTES), name="motorway"),
        Drive("mountain-pass", name="pass"),
    )


def motorway(_phase: Phase, _bench: OpenBench) -> tuple[Step, ...]:
    """Nothing but a motorway: where time is real, nobody waits for what comes before."""
    return (Drive("motorway-110", until=elapsed(minutes=1), name="motorway"),)


def warmed(_phase: Phase, _bench: OpenBench) -> tuple[Step, ...]:
    """A short way through the town, the pack warmed for the charger, and charged in stages."""
    return (*_way_to_the_charger(WARM), _recharge())


def cooled(_phase: Phase, _bench: OpenBench) -> tuple[Step, ...]:
    """The same on a day on which the pack is to be cooled."""
    return (*_way_to_the_charger(COLD), _recharge())


def fast(_phase: Phase, _bench: OpenBench) -> tuple[Step, ...]:
    """A charge at 2C, as far as the BMS allows it."""
    return (Soak(30.0), FastRecharge(until=_until(0.8), strategy=ConstantCurrent(2.0), name="recharge"))


def staged(_phase: Phase, _bench: OpenBench) -> tuple[Step, ...]:
    """A charge in stages that only the state of charge ends."""
    return (Soak(30.0), _recharge())


def _way_to_the_charger(temperature: float) -> tuple[Step, ...]:
    town = Drive("urban", until=elapsed(minutes=MINUTES), name="town")
    return (town, Precondition(temperature, within=3600.0, name="precondition"))


def _recharge() -> FastRecharge:
    return FastRecharge(until=soc_above(0.8), strategy=STAGES, name="recharge")


def _until(soc: float) -> list[Until]:
    """As a test case ends a recharge: where hardly any current flows any more it is over as well."""
    return [soc_above(soc), current_below("C/20", hold=60)]


def judge_drives(bench: TestBench, record: RunRecord) -> None:
    """Whether the pack gave what each road asked for, and the bench asked for no more than the BMS allowed."""
    run = Recording(*record)
    for step in run.steps:
        if "scale" in step.set_points:
            _verify(bench, kpi.derating(run, step.name), at_most=OFF)
            _verify(bench, kpi.energy_off(run, step.name), at_least=-OFF, at_most=OFF)


def judge_charge(bench: TestBench, record: RunRecord) -> None:
    """Whether the negative electrode kept its margin against lithium plating."""
    _verify(bench, kpi.plating_margin(Recording(*record), "recharge"), at_least=0.0)


def _verify(bench: TestBench, measured: Kpi, at_least: float | None = None, at_most: float | None = None) -> None:
    bench.verify(
        measured.name, measured.value, unit=measured.unit, at_least=at_least, at_most=at_most,
        uncertainty=uncertainty(measured, bench.station), step=measured.step,
    )  # fmt: skip
