"""Whether a pack that was cycled meets what its file requires: the measurements of the test cases, all of one cycle."""

from collections.abc import Iterator

from bench.recording.run import RunRecord
from bench.testing import TestBench
from reports import kpi
from reports.kpi import Kpi
from reports.recording import Recording
from reports.requirements import limits_of
from reports.uncertainty import uncertainty

TEMPERATURE = 25.0
"""degC, of the chamber: a virtual bench is opened at it."""


def judge(bench: TestBench, record: RunRecord) -> None:
    """Take every measurement; the run is concluded by whoever opened the bench."""
    for measured, at in _figures(Recording(*record)):
        limits = limits_of(measured, bench.pack, at=at, temperature=TEMPERATURE)
        bench.verify(
            measured.name, measured.value, unit=measured.unit, at_least=limits.at_least, at_most=limits.at_most,
            uncertainty=uncertainty(measured, bench.station), step=measured.step,
        )  # fmt: skip


def _figures(run: Recording) -> Iterator[tuple[Kpi, str]]:
    """What the test cases measure, and the condition under which the pack requires it."""
    yield kpi.dc_resistance(run, "pulse", at=10.0), ""
    yield kpi.capacity(run, "discharge"), "1C"
    yield kpi.charge_time(run, "fast recharge", 0.10, 0.80), ""
    yield kpi.temperature_rise(run, "fast recharge"), ""
    yield kpi.cell_spread(run, "rest"), ""
