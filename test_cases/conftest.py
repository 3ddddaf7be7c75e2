"""Vocabulary of this suite: a scenario returns a recording, and a KPI is required to lie within limits."""

from collections.abc import Callable
from math import hypot

import pytest

from packbench import Kpi, PackFile, Recording, StationFile, Step, TestBench, Verdict, Verify, limits_of
from reports.requirements import temperature_of

RunScenario = Callable[..., Recording]
Require = Callable[..., Verdict]


@pytest.fixture
def run_scenario(bench: TestBench) -> RunScenario:
    """Run steps on the bench and return what was recorded."""

    def run(*steps: Step) -> Recording:
        return Recording(*bench.run(*steps))

    return run


@pytest.fixture
def require(request: pytest.FixtureRequest, verify: Verify, station: StationFile, pack: PackFile) -> Require:
    """Verify a KPI by what the pack requires of it, or by a limit of one's own.

    `require(kpi.capacity(run, "discharge"), at="C/3")`, `require(kpi.capacity(run, "charge"), at_least=2.0)`; what the
    pack does not require is recorded without a limit, as is everything with `at=None`.
    """

    def judge(
        measured: Kpi, *, at_least: float | None = None, at_most: float | None = None, at: str | None = "",
        temperature: float | None = None,
    ) -> Verdict:  # fmt: skip
        limits = limits_of(
            measured, pack, at_least=at_least, at_most=at_most, at=at,
            temperature=temperature_of(request.node) if temperature is None else temperature,
        )  # fmt: skip
        return verify(
            measured.name, measured.value, unit=measured.unit, at_least=limits.at_least, at_most=limits.at_most,
            uncertainty=uncertainty(measured, station), step=measured.step, required=limits.required,
        )  # fmt: skip

    return judge


def uncertainty(measured: Kpi, station: StationFile) -> float:
    """Half-width of the interval that the station's accuracies give a KPI, in its unit.

    Gain errors of the same meter cancel in ratios of energies and of capacities; a resistance is a difference of
    voltages over a current, whose offsets count twice. Of several meters the worst counts.
    """
    # What the cells' meters tell of a spread is taken for as good as the source, which was the rule so far.
    meters = [role for role in ("source", "sink") if role in measured.meters] or ["source"]
    accuracies = [station.instruments[station.player(role) or ""].accuracy for role in meters]
    voltage, current = max(each.voltage for each in accuracies), max(each.current for each in accuracies)
    sensor = station.instruments[station.player("temperatures") or ""].accuracy.temperature
    relative = {
        "Ah": current, "Wh": hypot(voltage, current), "W": hypot(voltage, current), "Ω": hypot(2 * voltage, current),
        "V": voltage,
    }  # fmt: skip
    absolute = {"K": sensor, "s": station.scan_period}
    return absolute.get(measured.unit, abs(measured.value) * relative.get(measured.unit, 0.0))
