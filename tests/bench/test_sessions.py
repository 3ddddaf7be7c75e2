"""Whole pytest sessions on the virtual bench: verdicts, exit statuses, and one sentence for each thing that is wrong.

Sessions run inside this process, so that each costs a fraction of a second; what only a process of its own can show
(signals, a full disk, the same bytes twice) is in `test_processes.py`.
"""

import json
import os
import re
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from bench.recording.owner import Owner, beginning_of
from bench.recording.session_log import Session as RecordedSession
from bench.recording.session_log import SessionLog, last_session
from bench.scenario import Discharge, elapsed
from bench.testing import TestBench
from bench.verdicts import Verdict

SCENARIO = """
from bench.scenario import Charge, Discharge, FastRecharge, Rest, Soak, elapsed, soc_above

SHORT = Discharge("1C", until=elapsed(seconds=20))
"""


@dataclass(frozen=True)
class Session:
    """How a session ended and what it left."""

    status: int
    output: str
    runs: dict[str, dict[str, Any]]
    """Manifests by the name of the test."""

    @property
    def sentence(self) -> str:
        """What a session that could not start says."""
        (line,) = {line.removeprefix("Exit: ") for line in self.output.splitlines() if line.startswith("Exit: ")}
        return line


RunSession = Callable[..., Session]
OpenTestBench = Callable[..., TestBench]

_number = count()


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunSession:
    """Run one test file in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(tests: str, *options: str) -> Session:
        # One process imports a name once: every session gets a file of its own.
        file = tmp_path / f"test_mine_{next(_number)}.py"
        file.write_text(SCENARIO + tests, encoding="utf-8")
        capsys.readouterr()
        arguments = [
            "-p",
            "packbench.plugin",
            "-p",
            "bench.plugin",
            "-p",
            "no:cacheprovider",
            "--import-mode=importlib",
        ]
        status = pytest.main([*arguments, "--rootdir", str(tmp_path), "--temperatures=25", *options, file.name])
        captured = capsys.readouterr()
        return Session(int(status), captured.out + captured.err, manifests(tmp_path / "runs"))

    return run


def manifests(runs: Path) -> dict[str, dict[str, Any]]:
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(runs.glob("*/*/run.json"))]
    return {manifest["test"]["name"]: manifest for manifest in found}


def assert_off(manifest: dict[str, Any]) -> None:
    """Every output was switched off, and another instrument confirms it; a chamber nobody else can see."""
    assert manifest["state"] == "ended"
    assert manifest["bench_verdict"]["safe"] is True
    steps = {step["name"]: step["verified"] for step in manifest["bench_verdict"]["steps"] if step["done"]}
    assert all(steps[name] for name in ("sink off", "source off", "contactor open"))
    assert steps["chamber to rest"] is None


# --- how a test can end -----------------------------------------------------------------------------------------------

ENDINGS = """
import pytest

def test_pass(bench, verify):
    bench.run(SHORT)
    verify("x", 2.0, at_least=1.0)

def test_fail(bench, verify):
    bench.run(SHORT)
    verify("x", 0.5, unit="Ah", at_least=1.0)
    verify("y", 9.0)

def test_assertion(bench):
    bench.run(SHORT)
    assert 1 == 2, "capacity is off"

def test_pytest_fail(bench):
    bench.run(SHORT)
    pytest.fail("capacity is off")

def test_inconclusive(bench, verify):
    bench.run(SHORT)
    verify("x", 1.01, at_least=1.0, uncertainty=0.1)

def test_exception(bench):
    bench.run(SHORT)
    {}["nothing"]

def test_exception_in_engine(bench):
    def observe(row):
        if row[0] > 10:
            raise RuntimeError("observer broke")
    bench.engine.sampler.observers.append(observe)
    bench.run(SHORT)

def test_input(bench):
    bench.run(Charge("9C", until=elapsed(seconds=1)))
"""


def test_every_ending_has_its_verdict_and_leaves_the_outputs_verified_off(session: RunSession) -> None:
    ended = session(ENDINGS)
    verdicts = {name: (run["verdict"], (run["cause"] or {"blame": None})["blame"]) for name, run in ended.runs.items()}
    assert verdicts == {
        "test_pass": ("PASS", None),
        "test_fail": ("FAIL", "pack"),
        "test_assertion": ("FAIL", "pack"),
        "test_pytest_fail": ("FAIL", "pack"),
        "test_inconclusive": ("INCONCLUSIVE", None),
        "test_exception": ("TEST ERROR", "test"),
        "test_exception_in_engine": ("TEST ERROR", "test"),
        "test_input": ("TEST ERROR", "test"),
    }
    for run in ended.runs.values():
        assert_off(run)
    assert "3 failed, 1 passed, 3 errors, 1 inconclusive" in ended.output
    assert "INCONCLUSIVE" in ended.output
    assert ended.runs["test_fail"]["cause"]["text"] == "x: 0.5 Ah (allowed: at least 1 Ah)"
    assert [m["name"] for m in ended.runs["test_fail"]["measurements"]] == ["x", "y"]
    assert ended.runs["test_exception_in_engine"]["cause"]["step"] == "discharge"


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize(
    ("chosen", "status"),
    [
        ("test_pass", 0),
        ("test_fail", 1),
        ("test_inconclusive", 1),
        ("test_fail or test_input", 2),
        ("test_fail or test_exception and not engine", 2),
    ],
)
def test_the_exit_status_is_that_of_the_worst_test(session: RunSession, chosen: str, status: int) -> None:
    assert session(ENDINGS, "-k", chosen).status == status


# --- wrong before it starts -------------------------------------------------------------------------------------------

ONE = """
def test_one(bench, temperature):
    bench.run(SHORT)
"""


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--station=virtual-modul"], "station 'virtual-modul' is neither a file nor a shipped name; did you mean"),
        (["--station=mine.yaml"], "station file mine.yaml: there is no such file"),
        (["--pack=lfp-24"], "pack 'lfp-24' is neither a file nor a shipped name; did you mean 'lfp-24s'?"),
        (["--defect=weak-sell:7:0.7"], "unknown defect 'weak-sell' in 'weak-sell:7:0.7'; did you mean 'weak-cell'?"),
        (["--defect=weak-cell:99:0.7"], "99"),
        (["--pack=lfp-96s"], "Pack lfp-96s reaches 345.6 V, the wiring of station virtual-module"),
        (["--temperatures=warm"], "--temperatures='warm': write degrees Celsius with commas between"),
        (["--temperatures=900"], "--temperatures='900': 900 °C is outside -60 to 120 °C"),
        (["--runs=broken.yaml"], "--runs=broken.yaml: cannot hold recordings"),
        (["--pack=unknown.yaml"], "line 5, key chemistry: found 'unobtainium'; allowed: LFP, LNMO, Li-metal, NMC811"),
        (["--station=broken.yaml"], "line 4, key clok: unknown key; did you mean 'clock'?"),
        (["--station=typo.yaml"], "pack 'lfp-24x' is neither a file nor a shipped name; did you mean 'lfp-24s'?"),
    ],
)
def test_a_wrong_option_is_one_sentence_and_nothing_is_opened(
    session: RunSession, tmp_path: Path, options: list[str], says: str
) -> None:
    from bench import pack, station

    shipped = (station.SHIPPED / "virtual-module.yaml").read_text(encoding="utf-8")
    (tmp_path / "broken.yaml").write_text("# mine\nschema: 1\nname: x\nclok: wall\n", encoding="utf-8")
    (tmp_path / "typo.yaml").write_text(shipped.replace("nmc811-24s", "lfp-24x"), encoding="utf-8")
    text = (
        (pack.SHIPPED / "lfp-24s.yaml").read_text(encoding="utf-8").replace("chemistry: LFP", "chemistry: unobtainium")
    )
    (tmp_path / "unknown.yaml").write_text(text.split("\n", maxsplit=1)[1], encoding="utf-8")
    ended = session(ONE, *options)
    assert ended.status == 2
    assert ended.sentence.startswith("packbench: ")
    assert says in ended.sentence
    assert ended.runs == {}


@pytest.mark.parametrize("option", ["--setup-plan", "--fixtures", "--fixtures-per-test", "--collect-only"])
def test_a_session_that_only_shows_what_there_is_leaves_nothing(
    session: RunSession, tmp_path: Path, option: str
) -> None:
    ended = session(ONE, option)
    assert ended.status == 0, ended.output
    assert not (tmp_path / "runs").exists()
    assert "bench failed" not in ended.output


def test_a_session_that_would_open_the_bench_and_run_nothing_is_refused(session: RunSession, tmp_path: Path) -> None:
    ended = session(ONE, "--setup-only", "--seed=1")
    assert ended.status == 2
    assert "--setup-plan shows the fixtures and opens nothing" in ended.sentence
    assert not (tmp_path / "runs").exists()


def test_a_session_without_a_plugin_of_pytest_s_own_ends_as_any_other(session: RunSession) -> None:
    # That of the test's own session goes on in this process.
    ended = session(ONE, "-p", "no:capture", "-p", "no:junitxml", "-p", "no:warnings", "-p", "no:logging")
    assert ended.status == 0, ended.output


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="no folder that takes nothing from anybody")
def test_a_folder_that_takes_no_recording_is_told_before_the_first_test(session: RunSession) -> None:
    ended = session(ONE, "--runs=/proc/self/task")
    assert ended.status == 2
    assert "--runs=/proc/self/task: cannot hold recordings (" in ended.sentence
    assert "TEST ERROR" not in ended.output


def test_an_older_record_that_cannot_be_replaced_does_not_speak_for_a_session(
    session: RunSession, tmp_path: Path
) -> None:
    (tmp_path / "runs" / "session.json" / "full").mkdir(parents=True)
    ended = session(ONE)
    assert ended.status == 2
    assert "can be neither replaced nor removed (" in ended.sentence
    assert ended.runs == {}


@pytest.mark.skipif(sys.platform == "win32", reason="nobody says when a process began")
def test_where_another_session_still_records_it_is_told_and_its_record_stays(
    session: RunSession, tmp_path: Path
) -> None:
    number = os.getppid()
    owner = Owner(socket.gethostname(), number, beginning_of(number))
    log = SessionLog(tmp_path / "runs", replace(RecordedSession.new({}), process=owner))
    log.begin()
    ended = session(ONE)
    assert ended.status == 3
    assert f"(process {number}) still records there; wait until it has ended, or name another" in ended.sentence
    assert last_session(tmp_path / "runs") == log.session
    assert session(ONE, "--runs=other").status == 0


def test_a_bench_on_a_wall_clock_is_not_driven_by_several_processes(
    session: RunSession, tmp_path: Path, station_text: str
) -> None:
    (tmp_path / "mine.yaml").write_text(station_text, encoding="utf-8")
    ended = session(ONE, "--trust", "--station=mine.yaml", "--pack=lfp-24s", "-p", "xdist", "-n", "2")
    assert ended.status == 2
    assert ended.sentence.startswith("packbench: Station little is one bench: run it without -n")


def test_a_test_that_every_worker_would_run_has_no_one_end(session: RunSession) -> None:
    ended = session(ONE, "-p", "xdist", "-n", "2", "--dist", "each")
    assert ended.status == 2
    assert ended.sentence.startswith("packbench: --dist=each runs every test once for each worker")


def test_a_bench_in_use_is_told_with_its_user(session: RunSession, tmp_path: Path) -> None:
    from bench import station
    from bench.safety.lease import BenchLease

    shipped = (station.SHIPPED / "virtual-module.yaml").read_text(encoding="utf-8")
    lock = tmp_path / "bench.lock"
    (tmp_path / "leased.yaml").write_text(f"{shipped}\nlease: {{file: {lock.as_posix()}}}\n", encoding="utf-8")
    other = BenchLease(lock, "virtual-module")
    refused = session(ONE, "--station=leased.yaml")
    other.release()
    assert refused.status == 3
    assert refused.sentence.startswith("packbench: Bench virtual-module is in use by ")
    assert refused.runs == {}
    assert session(ONE, "--station=leased.yaml").status == 0
    # It was given back at the end.
    BenchLease(lock, "virtual-module").release()


# --- wrong once it has started ----------------------------------------------------------------------------------------


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize(
    ("tests", "options", "status", "verdict", "says"),
    [
        (ONE.replace("SHORT", "Soak(300)"), [], 2, "TEST ERROR", "Step 'soak': 300 °C, the chamber takes"),
        (ONE.replace("SHORT", "Charge('9C', until=elapsed(hours=1))"), [], 2, "TEST ERROR", "pack's charge_current"),
        (ONE, ["--defect=wrong-identity:supply"], 3, "BENCH FAULT", "should be 'PSB 10750-06' and is 'X-9000'"),
        (
            ONE.replace("SHORT", "Soak(40.0, timeout=3600)"), ["--defect=chamber-stuck:20"], 3, "BENCH FAULT",
            "The chamber did not settle at 40 °C within 1 h 00 min: air is at 2",
        ),
        (
            ONE.replace("seconds=20", "hours=1").replace("SHORT", "Discharge('C/3', until=elapsed(hours=1))"),
            ["--defect=bms-silent:60"], 3, "BENCH FAULT", "BMS silent",
        ),
        (
            ONE.replace("SHORT", "Discharge('C/3', until=elapsed(hours=1))"), ["--defect=silent:load:30"], 3,
            "BENCH FAULT", "load",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence_with_its_own_exit_status(
    session: RunSession, tests: str, options: list[str], status: int, verdict: str, says: str
) -> None:
    ended = session(tests, *options)
    (run,) = ended.runs.values()
    assert (ended.status, run["state"], run["verdict"]) == (status, "ended", verdict)
    assert says in run["cause"]["text"]
    assert says in ended.output
    assert run["cause"]["blame"] == ("test" if status == 2 else "bench")


MISTAKES = """
import pytest
from pathlib import Path
from bench.pack import load_pack

@pytest.fixture
def wrong_before():
    raise ValueError("wrong before")

@pytest.fixture
def wrong_after(bench):
    raise ValueError("wrong after")

@pytest.fixture
def asserts(bench):
    bench.run(SHORT)
    assert 1 == 2, "my surroundings are wrong"

@pytest.fixture
def wrong_at_the_end(bench):
    yield
    bench.run(SHORT)

def test_unknown_argument(bench):
    bench.run(Discharge("1C", until=elapsed(minute=1)))

def test_no_condition(bench):
    bench.run(Discharge("1C"))

def test_condition_of_another_kind(bench):
    bench.run(Discharge("1C", until=3))

def test_no_step(bench):
    bench.run("charge")

def test_no_number(bench, verify):
    verify("capacity", "two", unit="Ah")

async def test_async(bench):
    bench.run(SHORT)

def test_limit_of_nan(bench, verify):
    verify("capacity", 2.0, unit="Ah", at_least=float("nan"))

def test_limits_that_cross(bench, verify):
    verify("capacity", 2.0, unit="Ah", at_least=3.0, at_most=1.0)

def test_set_point(bench):
    bench.run(Soak(300))

def test_name(bench):
    bench.run(SHORT)
    nothing_of_this_name()

def test_file(bench):
    Path("nothing").read_text()

def test_wrong_pack(bench):
    load_pack("lfp-24")

def test_observer(bench):
    bench.engine.sampler.observers.append(lambda row: row["voltage"])
    bench.run(SHORT)

def test_exit(bench):
    raise SystemExit(0)

def test_before(wrong_before, bench): ...

def test_after(bench, wrong_after): ...

def test_asserts(bench, asserts): ...

def test_end(wrong_at_the_end, bench): ...

def test_lookup(bench, request):
    request.getfixturevalue("nothing_of_this_name")
"""


def test_a_mistake_is_nobody_s_fault_but_the_test_s_and_leaves_the_outputs_verified_off(
    session: RunSession, tmp_path: Path
) -> None:
    ended = session(MISTAKES)
    assert ended.status == 2, ended.output
    record = json.loads((tmp_path / "runs" / "session.json").read_text(encoding="utf-8"))
    (file,) = tmp_path.glob("test_mine_*.py")
    for test in record["tests"]:
        assert test["verdict"] == "TEST ERROR", test
        assert test["nodeid"].endswith("lookup") or re.search(rf"\({file.name}:\d+\)$", test["cause"]), test
    assert len(record["tests"]) == 19
    for name, run in ended.runs.items():
        assert_off(run)
        if name != "test_end":  # its run was over, and good, when its fixture went wrong
            assert (run["verdict"], run["cause"]["blame"], run["cause"]["fault"]) == (
                "TEST ERROR",
                "test",
                "test-error",
            )


def test_the_line_that_is_named_is_the_test_s_own(session: RunSession, tmp_path: Path) -> None:
    (run,) = session(MISTAKES, "-k", "test_condition_of_another_kind").runs.values()
    (file,) = tmp_path.glob("test_mine_*.py")
    lines = file.read_text(encoding="utf-8").splitlines()
    number = next(number for number, line in enumerate(lines, start=1) if "until=3" in line)
    assert run["cause"]["text"].endswith(f"({file.name}:{number})")


OF_THE_BENCH = """
import errno

def test_driver(bench, monkeypatch):
    monkeypatch.setattr(bench.engine, "clock", None)
    bench.run(SHORT)

def test_memory(bench):
    raise MemoryError

def test_disk(bench):
    raise OSError(errno.ENOSPC, "No space left on device")
"""


def test_what_comes_out_of_the_bench_or_a_full_computer_is_no_mistake_of_a_test(session: RunSession) -> None:
    ended = session(OF_THE_BENCH)
    assert ended.status == 3
    assert {(run["verdict"], run["cause"]["blame"]) for run in ended.runs.values()} == {("BENCH FAULT", "bench")}
    assert len(ended.runs) == 3


LOCAL_DRIVER = """
from tests.bench.fakes import FakeBms

class MyBms(FakeBms):
    @classmethod
    def open(cls, *arguments):
        driver = super().open(*arguments)
        driver.request_mode = lambda mode: {}["nothing"]
        return driver
"""


def test_a_driver_of_one_s_own_is_the_bench_s_wherever_it_lies(
    new_bench: OpenTestBench, station_text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_driver.py").write_text(LOCAL_DRIVER, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    bench = new_bench(station=station_text.replace("tests.bench.fakes:FakeBms", "my_driver:MyBms"))
    bench.open()
    with pytest.raises(KeyError) as caught:
        bench.run(Discharge("1C", until=elapsed(seconds=5)))
    assert bench.conclude(caught.value).verdict is Verdict.BENCH_FAULT
    assert bench.run_log.cause is not None
    assert bench.run_log.cause.blame == "bench"


TOO_MUCH = """
import pytest
from bench.road import Drive
from packbench.roads import to_departure

FAR = Drive("motorway-130", season="winter", hour=8.0)

MARK
def test_too_fast(bench):
    bench.run(FAR)

MARK
def test_too_far(bench):
    bench.run(*to_departure(FAR, bench.pack, arrival=0.9), FAR)

MARK
def test_wrong_as_well(bench):
    bench.run(FAR, Discharge("50C", until=elapsed(seconds=20)), Rest(until=[]))
"""


def test_a_pack_that_is_not_made_for_what_a_test_asks_is_skipped_with_the_reason(session: RunSession) -> None:
    told = session(TOO_MUCH.replace("MARK", "@pytest.mark.skip_unsuited"), "--pack=li-metal-24s", "-rs")
    fast, far, wrong = (told.runs[f"test_{name}"] for name in ("too_fast", "too_far", "wrong_as_well"))
    assert (fast["verdict"], far["verdict"], wrong["verdict"]) == ("INCONCLUSIVE", "INCONCLUSIVE", "TEST ERROR")
    said = " ".join(told.output.split())
    assert "li-metal-24s is not made for it: Scenario refused before it started: Step 'drive': renault-5-class" in said
    assert "its discharge_current allows 2.85 A" in said
    assert "li-metal-24s is not made for it: li-metal-24s has not enough for motorway-130 in winter" in said
    assert all(run["bench_verdict"]["safe"] for run in (fast, far, wrong))


def test_a_test_that_asks_too_much_of_a_pack_and_does_not_say_that_it_may_is_wrong(session: RunSession) -> None:
    told = session(TOO_MUCH.replace("MARK", ""), "--pack=li-metal-24s")
    assert {run["verdict"] for run in told.runs.values()} == {"TEST ERROR"}
    assert told.status == 2


def test_what_skips_itself_on_an_open_bench_is_not_judged_and_not_aborted(session: RunSession) -> None:
    ended = session("""
import pytest

def test_skips(bench):
    bench.run(SHORT)
    pytest.skip("the pack is too warm")
""")
    (run,) = ended.runs.values()
    assert (ended.status, run["verdict"]) == (1, "INCONCLUSIVE")
    assert_off(run)


def test_a_bms_that_fell_silent_cannot_vouch_for_its_contactor(session: RunSession) -> None:
    tests = ONE.replace("SHORT", "Discharge('C/3', until=elapsed(hours=1))")
    (run,) = session(tests, "--defect=bms-silent:60").runs.values()
    verified = {step["name"]: step["verified"] for step in run["bench_verdict"]["steps"]}
    for step in ("sink off", "source off", "current gone", "contactor open"):
        assert verified[step] is False, "it does not hear that it should open, and nobody else can tell"


def test_the_same_tests_run_on_the_other_station(session: RunSession) -> None:
    ended = session(ONE, "--station=virtual-pack")
    assert ended.status == 0
    (run,) = ended.runs.values()
    assert run["pack"]["series"] == 96
    assert_off(run)


@pytest.mark.long
def test_another_seed_is_another_individual(session: RunSession, tmp_path: Path) -> None:
    def recorded(seed: int) -> bytes:
        folder = tmp_path / f"runs-{next(_number)}"
        assert session(ONE, f"--seed={seed}", f"--runs={folder}").status == 0
        (path,) = folder.glob("*/*/samples.parquet")
        return path.read_bytes()

    assert recorded(3) != recorded(4)


WEAK = """
def test_capacity(bench, verify, pack):
    from bench.scenario import full_discharge
    run = bench.run(full_discharge(pack, "1C"))
    discharged = run.rows[-1, run.columns.index("Discharging Capacity / Ah")]
    verify("capacity from 30 %", discharged, unit="Ah", at_least=0.25 * pack.rated_capacity)
"""


def test_a_weak_cell_fails_the_pack_and_not_the_bench(session: RunSession) -> None:
    good = session(WEAK)
    assert good.status == 0
    weak = session(WEAK, "--defect=weak-cell:7:0.7")
    (run,) = weak.runs.values()
    assert (weak.status, run["verdict"], run["cause"]["blame"]) == (1, "FAIL", "pack")
    assert run["defects"] == ["weak-cell:7:0.7"]
    assert_off(run)


# --- how tests are made -----------------------------------------------------------------------------------------------


def test_a_test_runs_once_per_temperature_unless_it_brings_its_own(session: RunSession) -> None:
    tests = """
import pytest

def test_each(temperature): ...

@pytest.mark.parametrize("temperature", [5.0])
def test_own(temperature): ...

@pytest.mark.parametrize("temperature_rise", [1, 2])
def test_other(temperature, temperature_rise): ...
"""
    output = session(tests, "--temperatures=-10,0.5", "--collect-only", "-q").output
    collected = [line.split("::")[1] for line in output.splitlines() if "::" in line]
    assert collected == [
        "test_each[-10C]", "test_each[0.5C]", "test_own[5.0]",
        "test_other[-10C-1]", "test_other[-10C-2]", "test_other[0.5C-1]", "test_other[0.5C-2]",
    ] or sorted(collected) == sorted([
        "test_each[-10C]", "test_each[0.5C]", "test_own[5.0]",
        "test_other[1--10C]", "test_other[1-0.5C]", "test_other[2--10C]", "test_other[2-0.5C]",
    ])  # fmt: skip


def test_other_packs_are_those_of_the_station_unless_one_is_named(session: RunSession) -> None:
    tests = """
import pytest

@pytest.mark.other_packs
def test_others(pack): ...
"""
    collected = session(tests, "--collect-only", "-q").output
    assert "test_others[nmc811-24s]" in collected
    assert "test_others[lfp-24s]" not in collected
    assert session(tests, "--pack=lfp-24s", "--collect-only", "-q").status == 5


def test_what_needs_a_role_is_left_out_where_nobody_plays_it(session: RunSession) -> None:
    tests = """
import pytest

@pytest.mark.needs("chamber", "bms")
def test_cold(bench): ...

@pytest.mark.needs("chamber", "grid_meter")
def test_at_home(bench): ...
"""
    collected = session(tests, "--collect-only", "-q").output
    assert "test_cold" in collected
    assert "test_at_home" not in collected
    assert "1 deselected" in collected


def test_a_role_that_there_is_not_is_told_before_anything_is_run(session: RunSession) -> None:
    tests = """
import pytest

@pytest.mark.needs("grid-meter")
def test_at_home(bench): ...
"""
    done = session(tests)
    assert "test_at_home needs 'grid-meter', and there is no such role" in done.output
    assert "grid_meter" in done.output
    assert done.status == 2


def test_a_title_is_the_docstring_with_its_parameters(session: RunSession) -> None:
    tests = '''
import pytest

@pytest.mark.requirement("PB-1")
def test_titled(bench, temperature):
    """Soak at {temperature} °C.

    More about it.
    """

def test_braces(bench, temperature):
    """What {temperature.nothing} and {unknown} are."""
'''
    runs = session(tests).runs
    assert runs["test_titled[25C]"]["test"]["title"] == "Soak at 25 °C"
    assert runs["test_titled[25C]"]["test"]["requirements"] == ["PB-1"]
    assert runs["test_braces[25C]"]["test"]["title"] == "What {temperature.nothing} and {unknown} are"
