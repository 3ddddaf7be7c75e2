"""Whether a pack that was cycled meets what its file requires: the measurements of the test cases, all of one cycle."""

from collections.abc import Iterator

from bench.pack import PackFile, at_temperature
from bench.recording.run import RunRecord
from bench.testing import TestBench
from reports import kpi
from reports.kpi import Kpi
from reports.recording import Recording
from reports.uncertainty import uncertainty

TEMPERATURE = 25.0
"""degC, of the chamber: a virtual bench is opened at it."""

Requirement = tuple[Kpi, float | None, float | None]
"""A figure, what it is at least, and what it is at most."""


def judge(bench: TestBench, record: RunRecord) -> None:
    """Take every measurement; the run is concluded by whoever opened the bench."""
    for measured, at_least, at_most in _requirements(Recording(*record), bench.pack):
        bench.verify(
            measured.name, measured.value, unit=measured.unit, at_least=at_least, at_most=at_most,
            uncertainty=uncertainty(measured, bench.station), step=measured.step,
        )  # fmt: skip


def _requirements(run: Recording, pack: PackFile) -> Iterator[Requirement]:
    required = pack.requirements
    yield kpi.dc_resistance(run, "pulse", at=10.0), None, at_temperature(required.dc_resistance, TEMPERATURE)
    capacity = pack.rated_capacity * at_temperature(required.capacity_1c, TEMPERATURE)
    yield kpi.capacity(run, "discharge"), capacity, None
    recharge = 60 * at_temperature(required.fast_recharge_time, TEMPERATURE)
    yield kpi.charge_time(run, "fast recharge", 0.10, 0.80), None, recharge
    yield kpi.temperature_rise(run, "fast recharge"), None, required.temperature_rise
    yield kpi.cell_spread(run, "rest"), None, required.cell_spread
