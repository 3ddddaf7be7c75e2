"""What figures say of themselves beside what is so, on benches whose meters are drawn anew: the table, reduced."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from bench.pack import load_pack
from bench.running.emulation import cell_of
from reports import kpi
from truth.tables.meters import LEAST, Found, collect, counters, coverage, nightly
from truth.witness import run

SEEDS = range(6)
SCENARIOS = nightly(load_pack("lfp-24s")[0], 25.0)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Found]:
    """Every figure of a pulse and of a fast recharge, on several benches."""
    figures: dict[tuple[str, str], Found] = defaultdict(Found)
    folder = tmp_path_factory.mktemp("runs")
    for seed in SEEDS:
        runs = [run(SCENARIOS[name], folder, station="virtual-module", specimens=seed) for name in ("pulse", "fast")]
        collect(runs, figures)
    return figures


def test_the_truth_lies_within_the_stated_uncertainty(found: dict[tuple[str, str], Found]) -> None:
    assert len(found) >= 25
    assert coverage(found) >= LEAST


def test_the_stated_uncertainty_is_about_as_large_as_the_errors(found: dict[tuple[str, str], Found]) -> None:
    """By six benches a single figure's errors are not known well: in the middle of all of them they are."""
    ratios = [each.ratio for each in found.values() if np.isfinite(each.ratio)]
    assert 0.7 <= float(np.median(ratios)) <= 1.6


def test_other_specimens_are_off_by_something_else(found: dict[tuple[str, str], Found]) -> None:
    errors = found["charge capacity", "fast recharge"].errors
    assert len({round(error, 6) for error in errors}) == len(SEEDS)


@pytest.mark.parametrize("scenario", ["pulse", "fast"])
def test_counters_are_the_exact_integral_of_what_meters_show(scenario: str, tmp_path: Path) -> None:
    """With meters that only round; 0.05 % on every step."""
    off = counters(run(SCENARIOS[scenario], tmp_path, station="virtual-module", exact=True))
    assert off
    assert {step: error for step, error in off.items() if abs(error) > 0.0005} == {}


def test_the_emulated_module_opposes_less_to_a_current_that_has_only_begun(tmp_path: Path) -> None:
    """By the cell's own pairs, and the open-circuit voltage that falls on the way; an emulator that is only a table
    would oppose the same after 2 s and after 10 s."""
    pulse = run(SCENARIOS["pulse"], tmp_path, station="virtual-module", exact=True)
    found = {at: kpi.dc_resistance(pulse.recorded, "pulse", at=at).asked for at in (2.0, 10.0)}
    cell = cell_of(load_pack("lfp-24s")[0])
    for at, asked in found.items():
        model = 24 * float(cell.resistance_after(at, 0.5, 25.0))
        assert asked is not None
        assert asked.again(pulse.true) == pytest.approx(model, rel=0.01)
