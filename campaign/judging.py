"""Whether a pack that was cycled meets what its file requires, and is what it was when it was accepted.

The measurements are those of the test cases, all of one cycle. What the type must reach is as wide as its source: that
cells have aged is found against the specimen's own accepted figures, which are the nightly's.
"""

from collections.abc import Iterator

from bench import accepted
from bench.recording.run import RunRecord
from bench.testing import TestBench
from campaign.catalogue import Injection, Judge, Phase, judge_named
from reports import kpi, specimen
from reports.kpi import Kpi
from reports.recording import Recording
from reports.requirements import limits_of
from reports.uncertainty import uncertainty

TEMPERATURE = 25.0
"""degC, of the chamber: a virtual bench is opened at it."""


def judge_of(injection: Injection, phase: Phase) -> Judge | None:
    """Who measures what was run: the fault's own judge, ours in the phase of a judgement, else nobody."""
    if injection.judge:
        return judge_named(injection.judge)
    return judge if phase == "judgement" else None


def judge(bench: TestBench, record: RunRecord) -> None:
    """Take every measurement; the run is concluded by whoever opened the bench."""
    known = accepted.load(accepted.SHIPPED, bench.pack)
    for measured, at in _figures(Recording(*record)):
        limits = limits_of(measured, bench.pack, at=at, temperature=TEMPERATURE)
        spread = uncertainty(measured, bench.station)
        bench.verify(
            measured.name, measured.value, unit=measured.unit, at_least=limits.at_least, at_most=limits.at_most,
            uncertainty=spread, step=measured.step,
        )  # fmt: skip
        own = specimen.limits_of(measured, spread, known, at, TEMPERATURE)
        if own is not None:
            bench.verify(
                specimen.name_of(measured), measured.value, unit=measured.unit, at_least=own.at_least,
                at_most=own.at_most, step=measured.step,
            )  # fmt: skip


def _figures(run: Recording) -> Iterator[tuple[Kpi, str]]:
    """What the test cases measure, and the condition under which the pack requires it.

    Without the fast recharge's time: that a chemistry cannot yet what a car does is no fault of a pack.
    """
    yield kpi.dc_resistance(run, "pulse", at=10.0), ""
    yield kpi.capacity(run, "discharge"), "1C"
    yield kpi.temperature_rise(run, "fast recharge"), "charge"
    yield kpi.cell_spread(run, "rest"), ""
