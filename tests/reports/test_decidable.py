"""What a bench is not expected to decide, told before the hours are spent: with what would do."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from math import inf
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.accepted import Accepted, AcceptedValue
from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running.setup import Setup
from bench.scenario import (
    Charge,
    Discharge,
    Pulse,
    Rest,
    Soak,
    Step,
    elapsed,
    full_discharge,
    standard_charge,
)
from bench.station import SHIPPED, load_station
from bench.testing import TestBench
from bench.verdicts import InputError
from reports.decidable import Bench, doubts
from reports.uncertainty.budget import Budget, Contribution

pytestmark = pytest.mark.dear(65)

LARGE = {"simulator": "ea-psb10000", "model": "PSB 10200-420", "voltage": 200, "current": 420, "power": 30000}
ROOT = Path(__file__).parents[2]
MINUTE = elapsed(minutes=1)
Opened = Callable[..., TestBench]
Change = Callable[[dict[str, Any]], None]


def large(station: dict[str, Any]) -> None:
    """A supply of 420 A without a certificate."""
    supply = station["instruments"]["supply"]
    del supply["calibration"], supply["expect"]
    station["virtual"]["simulators"]["supply"] = LARGE | {"accuracy": 0.0}


def as_shipped(_station: dict[str, Any]) -> None:
    """Nothing is changed."""


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Open a bench like virtual-module, whose scenarios are foreseen."""

    def open_one(change: Change = as_shipped, pack: str = "lfp-24s", **keys: Any) -> TestBench:
        text = yaml.safe_load((SHIPPED / "virtual-module.yaml").read_text(encoding="utf-8"))
        change(text)
        path = tmp_path / "bench.yaml"
        path.write_text(yaml.safe_dump(text | keys), encoding="utf-8")
        bench = TestBench(
            Setup(*load_station(str(path)), *load_pack(pack)), tmp_path / "runs", TestIdentity("x", "x", "x")
        )
        bench.adviser = lambda planned, state: doubts(planned, Bench(bench.run_log.manifest, bench.pack, *state))
        bench.open()
        return bench

    return open_one


def told(bench: TestBench, *steps: Step) -> list[str]:
    """What is told of a scenario, as it stands in the run on the disk."""
    try:
        bench.run(*steps)
    finally:
        bench.conclude()
    manifest = json.loads((bench.run_log.folder / "run.json").read_text(encoding="utf-8"))
    return list(manifest.get("doubts", ()))


CYCLE = (standard_charge("fill the pack"), Rest(until=MINUTE))


def test_of_a_bench_that_fits_its_module_nothing_is_told(opened: Opened) -> None:
    pack = load_pack("lfp-24s")[0]
    bench = opened()
    steps = (standard_charge("fill the pack"), full_discharge(pack, "C/3"), standard_charge())
    try:
        found = bench.engine.adviser(_planned(bench, steps), (0.3, 25.0))
    finally:
        bench.conclude()
    assert found == []


def _planned(bench: TestBench, steps: tuple[Step, ...]) -> Any:
    from bench.running import preflight

    return preflight.plan(preflight.check(steps, bench.engine.bench).procedures)


def test_a_supply_of_420_amperes_is_not_to_judge_a_third_of_one(opened: Opened) -> None:
    found = told(opened(large), Charge("C/3", until=MINUTE))
    assert any(
        "supply (PSB 10200-420) may be off by 0.42 A, 63 % of the 0.667 A that step 'charge' asks for" in text
        and "take a range or an instrument of at most 6.7 A" in text
        for text in found
    )


def test_of_a_discharge_it_is_the_load_that_counts(opened: Opened) -> None:
    assert told(opened(large), Discharge("C/3", until=MINUTE)) == []


def test_a_limit_that_is_too_near_for_the_meters_is_told_with_the_most_of_it(opened: Opened) -> None:
    """Round-trip efficiency needs 90 %, 97 % are expected, and the supply's amperes are anybody's guess."""
    bench = opened(large)
    steps = (standard_charge("fill the pack"), full_discharge(bench.pack, "C/3"), standard_charge())
    try:
        found = bench.engine.adviser(_planned(bench, steps), (0.3, 25.0))
    finally:
        bench.conclude()
    [text] = [text for text in found if text.startswith("energy round-trip efficiency")]
    assert "the limit is 90 %" in text
    assert "supply current, offset most of all" in text
    assert "would do: take a range or an instrument of at most" in text


def test_a_figure_that_is_lost_within_the_error_of_a_meter_is_told_without_inf_and_nan(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moved by what its meter may be off, a charge that begins and ends where its figure does has none."""
    lost = Budget(inf, (Contribution("bms soc min, offset", inf),))
    monkeypatch.setattr("reports.decidable.budget", lambda _figure: lost)
    bench = opened()
    steps = (standard_charge("fill the pack"), full_discharge(bench.pack, "C/3"), standard_charge())
    try:
        found = bench.engine.adviser(_planned(bench, steps), (0.3, 25.0))
    finally:
        bench.conclude()
    said = [text for text in found if text.startswith("energy round-trip efficiency")]
    assert said
    for text in said:
        assert not {"inf", "nan"} & set(text.split())
        assert "within what bms soc min, offset may be off there is no such figure" in text
        assert "Let its steps begin before and end behind" in text


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((), "by the twin"),
        ((("energy round-trip efficiency", "", 95.2),), "95.2 ± "),
        ((("energy round-trip efficiency", "", 95.2),), "as in the accepted run 2026/R-1"),
        ((("energy round-trip efficiency", "1C", 95.2),), "by the twin"),  # that was under another condition
    ],
)
def test_what_is_expected_is_what_the_specimen_has_shown_else_what_the_twin_does(
    opened: Opened, values: Sequence[tuple[str, str, float]], words: str
) -> None:
    bench = opened(large)
    steps = (standard_charge("fill the pack"), Soak(25.0), full_discharge(bench.pack, "C/3"), standard_charge())
    shown = Accepted(tuple(
        AcceptedValue(kpi=key, at=at, temperature=25.0, value=value, uncertainty=0.1, unit="%", run="2026/R-1")
        for key, at, value in values
    ))  # fmt: skip
    try:
        found = doubts(_planned(bench, steps), Bench(bench.run_log.manifest, bench.pack, 0.3, 25.0, shown))
    finally:
        bench.conclude()
    [text] = [text for text in found if text.startswith("energy round-trip efficiency")]
    assert words in text


def test_an_accepted_figure_far_from_its_limit_is_decided_though_the_twin_is_near(opened: Opened) -> None:
    """The supply's amperes are known to 2 %: of 150 % it can be said that it is more than 95."""
    bench = opened(large)
    steps = (standard_charge("fill the pack"), Soak(25.0), full_discharge(bench.pack, "C/3"), standard_charge())
    far = AcceptedValue(
        kpi="energy round-trip efficiency", temperature=25.0, value=5000.0, uncertainty=0.1, unit="%", run="R"
    )
    try:
        found = doubts(_planned(bench, steps), Bench(bench.run_log.manifest, bench.pack, 0.3, 25.0, Accepted((far,))))
    finally:
        bench.conclude()
    assert not [text for text in found if text.startswith("energy round-trip efficiency")]


def test_it_is_a_warning_of_the_run(opened: Opened) -> None:
    bench = opened(large)
    told(bench, Charge("C/3", until=MINUTE))
    warnings = [event["text"] for event in bench.run_log.events if event.get("level") == "warning"]
    assert any(text.startswith("Pre-flight: supply (PSB 10200-420)") for text in warnings)


def test_a_station_may_refuse_what_it_cannot_decide(opened: Opened) -> None:
    bench = opened(large, undecidable="refuse")
    try:
        with pytest.raises(InputError, match=r"Scenario refused before it started: supply .*0\.42 A"):
            bench.run(Charge("C/3", until=MINUTE))
        assert not [event for event in bench.run_log.events if event["type"] == "step started"]
    finally:
        bench.conclude()


def _clueless(_planned: object, _state: object) -> list[str]:
    raise LookupError("no such cell")


def test_whoever_fails_to_foresee_costs_nothing_but_that(opened: Opened) -> None:
    bench = opened()
    bench.engine.adviser = _clueless
    assert told(bench, Pulse("1C", duration=1)) == []
    assert any("could not foresee" in event.get("text", "") for event in bench.run_log.events)


TWICE = """
import pytest
from packbench import Charge, elapsed

@pytest.mark.parametrize("number", [1, 2])
def test_it(run_scenario, number):
    run_scenario(Charge("C/3", until=elapsed(minutes=1)))
"""


def test_the_terminal_tells_it_once(tmp_path: Path) -> None:
    station = yaml.safe_load((SHIPPED / "virtual-module.yaml").read_text(encoding="utf-8"))
    large(station)
    (tmp_path / "bench.yaml").write_text(yaml.safe_dump(station), encoding="utf-8")
    (tmp_path / "test_twice.py").write_text(TWICE, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(tmp_path / "test_twice.py")]
    command += ["--station", str(tmp_path / "bench.yaml"), "--runs", str(tmp_path / "runs")]
    command += ["--alluredir", str(tmp_path / "allure")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert "2 passed" in done.stdout
    assert done.stdout.count("PRE-FLIGHT: supply (PSB 10200-420) may be off") == 1
