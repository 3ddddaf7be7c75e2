"""Vocabulary of this suite: a scenario returns a recording, and a KPI is required to lie within limits."""

from collections.abc import Callable
from math import hypot

import pytest

from packbench import Kpi, Recording, StationFile, Step, TestBench, Verdict, Verify

RunScenario = Callable[..., Recording]
Require = Callable[..., Verdict]


@pytest.fixture
def run_scenario(bench: TestBench) -> RunScenario:
    """Run steps on the bench and return what was recorded."""

    def run(*steps: Step) -> Recording:
        return Recording(*bench.run(*steps))

    return run


@pytest.fixture
def require(verify: Verify, station: StationFile) -> Require:
    """Verify a KPI: `require(kpi.capacity(run, "discharge"), at_least=2.0)`."""

    def judge(measured: Kpi, *, at_least: float | None = None, at_most: float | None = None) -> Verdict:
        return verify(
            measured.name, measured.value, unit=measured.unit, at_least=at_least, at_most=at_most,
            uncertainty=uncertainty(measured, station), step=measured.step,
        )  # fmt: skip

    return judge


def uncertainty(measured: Kpi, station: StationFile) -> float:
    """Half-width of the interval that the station's accuracies give a KPI, in its unit.

    Gain errors of the same meter cancel in ratios of energies and of capacities; a resistance is a difference of
    voltages over a current, whose offsets count twice.
    """
    entry = station.instruments[station.player("source") or ""]
    sensor = station.instruments[station.player("temperatures") or ""].accuracy.temperature
    voltage, current = entry.accuracy.voltage, entry.accuracy.current
    relative = {
        "Ah": current, "Wh": hypot(voltage, current), "W": hypot(voltage, current), "Ω": hypot(2 * voltage, current),
        "V": voltage,
    }  # fmt: skip
    absolute = {"K": sensor, "s": station.scan_period}
    return absolute.get(measured.unit, abs(measured.value) * relative.get(measured.unit, 0.0))
