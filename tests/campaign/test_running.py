"""A run of the campaign: by seed the same, and an expectation that is not met is its exit status."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.recording.run import RunRecord
from bench.running.lifecycle import OpenBench
from bench.scenario import Rest, Step, elapsed
from bench.testing import TestBench
from campaign import outcome, processes, table, virtual
from campaign.catalogue import Injection, campaign
from campaign.scenario import instant
from campaign.virtual import Witness
from instruments.virtual import World, open_world

pytestmark = pytest.mark.real_time(40)

ROOT = Path(__file__).parents[2]

CATALOGUE = """\
schema: 1
faults:
  leak:
    level: physics
    words: a cell leaks too little to be noticed
    dangerous: true
    station: virtual-pack
    defects: ["self-discharge:7:0.1"]
    phases: [discharge]
    expect: {expect}
    named: [cell-spread]
    blame: pack
    locates: cell 7
"""


def run_campaign(folder: Path, catalogue: str, *options: str) -> tuple[int, str]:
    (folder / "faults.yaml").write_text(catalogue, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", ROOT / "campaign", "-p", "no:cacheprovider", "--tb=short"]
    options = ("--catalogue=faults.yaml", "--outcomes=outcomes", "--runs=runs", *options)
    done = subprocess.run(
        [*map(str, command), *options], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


@pytest.fixture
def sensor() -> Injection:
    return campaign()["sensor-open"]


def test_a_dangerous_fault_that_nobody_notices_is_the_exit_status(tmp_path: Path) -> None:
    status, output = run_campaign(tmp_path, CATALOGUE.format(expect="ends"))
    assert status == 1, output
    assert "nobody noticed; it should be named cell-spread" in output
    (found,) = outcome.read(tmp_path / "outcomes")
    assert found.undetected
    assert found.verdict == "PASS"


def test_a_bench_that_does_not_open_proves_nothing(tmp_path: Path, sensor: Injection) -> None:
    broken = sensor.model_copy(update={"defects": (), "overdue": "load"})
    found = virtual.run("sensor-open", broken, "charge", 0, tmp_path)
    assert found.undetected
    assert found.problems[0].startswith("it was never injected: the run ended before")


def test_a_level_that_is_none_is_refused_in_one_sentence(tmp_path: Path) -> None:
    status, output = run_campaign(tmp_path, CATALOGUE.format(expect="ends"), "--levels=chemistry")
    assert status in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.USAGE_ERROR)
    assert "'chemistry' is none of: transport, dialect" in output


def test_the_same_seed_gives_the_same_outcome_and_another_one_another_instant(
    tmp_path: Path, sensor: Injection
) -> None:
    one, two = (virtual.run("sensor-open", sensor, "charge", 3, tmp_path / name) for name in ("one", "two"))
    assert one == two
    assert one.problems == ()
    assert one.injected is not None
    other = virtual.run("sensor-open", sensor, "charge", 4, tmp_path / "other")
    assert other.injected != one.injected
    assert other.problems == ()


def test_instants_differ_between_faults_and_phases_and_leave_half_of_the_phase() -> None:
    drawn = {instant(0, fault, phase) for fault in ("a", "b") for phase in ("charge", "discharge")}
    assert len(drawn) == 4
    assert all(60 <= each <= 300 for each in drawn)


def resting(phase: str, _bench: OpenBench) -> list[Step]:
    """A scenario of another package: what is hit is the second of two steps of one kind."""
    return [Rest(elapsed(minutes=1), name="first"), Rest(elapsed(minutes=10), name=phase)]


def test_a_step_of_another_packages_scenario_is_hit_by_its_name(tmp_path: Path, sensor: Injection) -> None:
    own = {"scenario": f"{__name__}:resting", "phases": ("long rest",), "but": {}, "minutes": 5.0}
    found = virtual.run("sensor-open", sensor.model_copy(update=own), "long rest", 0, tmp_path)
    assert found.problems == ()
    assert found.injected is not None
    assert 60 + 0.1 * 300 <= found.injected <= 60 + 0.5 * 300 + 10


def too_short(bench: TestBench, record: RunRecord) -> None:
    """A judge of another package, which wants more of the run than there is."""
    bench.verify("duration", float(len(record.rows)), unit="s", at_least=1e6)


def test_a_fault_may_bring_its_own_judge(tmp_path: Path, sensor: Injection) -> None:
    own = {
        "defects": ("self-discharge:7:0.001",), "scenario": f"{__name__}:resting", "judge": f"{__name__}:too_short",
        "phases": ("long rest",), "but": {}, "named": ("requirement-missed",), "blame": "pack", "locates": "duration",
    }  # fmt: skip
    found = virtual.run("judged", sensor.model_copy(update=own), "long rest", 0, tmp_path)
    assert (found.verdict, found.named, found.problems) == ("FAIL", "requirement-missed", ())


def sleeping(_phase: str, _bench: OpenBench) -> list[Step]:
    return [Rest(elapsed(minutes=1), name="light")]


def test_a_step_that_the_scenario_does_not_have_was_never_hit(tmp_path: Path, sensor: Injection) -> None:
    unknown = sensor.model_copy(update={"scenario": f"{__name__}:sleeping", "phases": ("deep",), "but": {}})
    assert "it was never injected" in virtual.run("it", unknown, "deep", 0, tmp_path).problems[0]


def test_steps_by_their_names_stand_behind_the_phases_in_the_table(sensor: Injection) -> None:
    own = sensor.model_copy(update={"scenario": f"{__name__}:resting", "phases": ("a rest", "charge"), "but": {}})
    outcomes = [outcome.of("it", own, phase) for phase in ("a rest", "charge")]
    assert "| charge, a rest |" in table.markdown(outcomes, 0)


def test_the_second_of_two_faults_comes_behind_the_first(tmp_path: Path) -> None:
    both = campaign()["insulation-and-load-stays-on"]
    found = virtual.run("both", both, "discharge", 0, tmp_path)
    assert found.injected is not None
    assert found.second == found.injected + 1
    assert not found.off
    assert "sink off: input still reads on" in found.bench
    assert found.problems == ()


def test_a_second_fault_that_comes_too_late_proves_nothing(tmp_path: Path) -> None:
    late = campaign()["sensor-and-load-stays-on"]
    assert late.also is not None
    late = late.model_copy(update={"also": late.also.model_copy(update={"after": 60})})
    found = virtual.run("late", late, "discharge", 0, tmp_path)
    assert found.second is None
    assert any("the second fault was never injected" in problem for problem in found.problems)


def test_a_pack_that_misses_a_requirement_is_failed_by_the_measurement_that_says_so(tmp_path: Path) -> None:
    found = virtual.run("capacity-lfp", campaign()["capacity-lfp"], "judgement", 0, tmp_path)
    assert found.problems == ()
    assert (found.verdict, found.named) == ("FAIL", "requirement-missed")
    assert found.text.startswith("discharge capacity: ")


def test_a_pack_that_is_as_it_should_be_meets_every_requirement(tmp_path: Path) -> None:
    healthy = campaign()["capacity-lfp"].model_copy(update={"defects": ("duplicate-reply:supply@1000000",)})
    found = virtual.run("healthy", healthy, "judgement", 0, tmp_path)
    assert found.verdict == "PASS"


@pytest.fixture
def world() -> Iterator[World]:
    """A supply on a pack, its contactor closed by somebody."""
    simulators = {"supply": {"simulator": "ea-psb10000"}, "bms": {"simulator": "foxbms"}}
    opened = open_world(
        {"simulators": simulators},
        links={"supply": "TCPIP::supply.witness::5025::SOCKET", "bms": "packbench:witness"}, cell="lfp-26650", series=4,
        parallel=1, serial_number="seen", seed=1, defects=("contactor-closed",), wait=lambda _seconds: None,
    )  # fmt: skip
    yield opened
    opened.close()


def test_a_witness_sees_when_the_last_current_flowed(world: World) -> None:
    witness = Witness()
    witness.watch(world)
    world.advance(5)
    witness.injected = 5.0
    world.inject("panel-on:supply:1@7+3")
    world.advance(2)
    for _ in range(10):
        world.advance(1)
    assert witness.off_after == pytest.approx(5.0)  # on from 7 s to 10 s, injected at 5 s
    assert not witness.on


posix_only = pytest.mark.skipif(sys.platform == "win32", reason="a served bench takes control lines from a pipe")


@posix_only
def test_the_instruments_of_a_served_bench_are_hit_when_the_test_says_so(tmp_path: Path) -> None:
    found = processes.run("real", campaign()["real-load-stays-on"], "discharge", 0, tmp_path)
    assert found.problems == ()
    assert not found.off
    assert found.status == 3


@posix_only
def test_nothing_is_sent_to_a_bench_that_somebody_else_holds(tmp_path: Path) -> None:
    found = processes.run("held", campaign()["lease-held"], "opening", 0, tmp_path)
    assert found.problems == ()
    assert (found.named, found.touched, found.status) == ("bench-in-use", False, 3)


def collected(folder: Path, *options: str) -> list[str]:
    """Ids of the cases that would be run."""
    _, output = run_campaign(folder, CATALOGUE.format(expect="ends"), "--collect-only", "-q", *options)
    return [line for line in output.splitlines() if "::" in line]


@pytest.mark.long
def test_a_part_of_the_campaign_can_be_chosen_by_file_and_by_sample(tmp_path: Path) -> None:
    catalogue = f"--catalogue={ROOT / 'campaign' / 'faults'}"
    every = collected(tmp_path, catalogue)
    of_requirements = collected(tmp_path, catalogue, "--groups=requirement")
    assert len(of_requirements) == sum(fault.group == "requirement" for fault in campaign().values())
    assert len(collected(tmp_path, catalogue, "--sample=10")) == -(-len(every) // 10)
