"""What only a process of its own can show: signals, a kill, a full disk, the same bytes from another process."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.recording.recorder import read_journal
from bench.recording.transcript import PERIOD
from bench.verdicts import ExitStatus
from reports.forensics import wire

ROOT = Path(__file__).parents[2]

SCENARIO = """
import os
import signal

from bench.scenario import Charge, Discharge, Rest, Soak, elapsed

LONG = Discharge("C/3", until=elapsed(minutes=30))

def at_time(bench, seconds, act):
    def observe(row):
        if row[0] >= seconds:
            bench.engine.sampler.observers.clear()
            act()
    bench.engine.sampler.observers.append(observe)
"""

Start = Callable[..., subprocess.Popen[str]]

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="these signals and limits are POSIX's"),
    pytest.mark.real_time,
]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start a session of one test file in a folder, by default the test's own."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

    def started(tests: str, *options: str, folder: str = ".", **variables: str) -> subprocess.Popen[str]:
        cwd = tmp_path / folder
        cwd.mkdir(exist_ok=True)
        (cwd / "test_mine.py").write_text(SCENARIO + tests, encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "packbench.plugin",
            "-p",
            "bench.plugin",
            "-p",
            "no:cacheprovider",
            "--temperatures=25",
        ]
        return subprocess.Popen(
            [*command, "--rootdir", str(cwd), *options, "test_mine.py"],
            cwd=cwd, env=environment | variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    return started


def run_folder(cwd: Path) -> Path:
    """The folder of the only run."""
    (manifest,) = cwd.glob("runs/*/*/run.json")
    return manifest.parent


def manifest_in(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return manifest


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_repeated_request_to_end_cuts_the_safe_state_short_with_the_outputs_verified_off(
    start: Start, tmp_path: Path, name: str
) -> None:
    # Whoever asked once asks again while the bench is being made safe.
    process = start(f"""
def test_asked(bench):
    ask = lambda: os.kill(os.getpid(), signal.{name})
    bms = bench.engine.bench.roles.bms
    request = bms.request_mode
    def impatient(mode):
        if mode == 0:
            ask()
        request(mode)
    bms.request_mode = impatient
    at_time(bench, 60, ask)
    bench.run(LONG, Charge("C/3", until=elapsed(minutes=5)))

def test_never_reached(bench):
    bench.run(LONG)
""")
    output, _ = process.communicate(timeout=100)
    manifest = manifest_in(run_folder(tmp_path))
    # Nobody verified the contactor and the chamber, and that comes before the interruption.
    assert process.returncode == ExitStatus.BENCH_FAULT, output
    assert "NOT VERIFIED SAFE" in output.rstrip().splitlines()[-1]
    assert (manifest["state"], manifest["verdict"], manifest["cause"]["blame"]) == ("ended", "ABORTED", "operator")
    assert manifest["cause"]["step"] == "discharge"
    # Outputs off now, nothing else: what was left out is said, and is no clean end.
    steps = {step["name"]: step["verified"] for step in manifest["bench_verdict"]["steps"]}
    assert (steps["sink off"], steps["source off"]) == (True, True)
    assert manifest["bench_verdict"]["safe"] is False
    assert (run_folder(tmp_path) / "samples.parquet").exists()
    if name != "SIGINT":
        assert name in manifest["cause"]["text"]


WITHOUT_LINES = """
def ask():
    os.kill(os.getpid(), signal.SIGINT)
ask = type(ask)(ask.__code__.replace(co_linetable=b""), globals())  # as instructions are that the compiler adds
"""


@pytest.mark.parametrize(
    ("tests", "status"),
    [
        ("def test_asked():\n    os.kill(os.getpid(), signal.SIGINT)", ExitStatus.INTERRUPTED),
        (f"{WITHOUT_LINES}def test_asked():\n    ask()\n    signal.pause()", ExitStatus.INTERRUPTED),
        ("import nothing_of_this_name", ExitStatus.WRONG_INPUT),
    ],
    ids=["in the test", "where there is no line", "a failed import"],
)
def test_only_somebody_s_request_to_end_is_an_interruption(start: Start, tests: str, status: int) -> None:
    process = start(tests)
    output, _ = process.communicate(timeout=100)
    assert process.returncode == status, output


def test_a_killed_session_leaves_a_run_that_says_it_never_ended(start: Start, tmp_path: Path) -> None:
    process = start(f"""
import time

def test_killed(bench):
    def killed_after_a_second():
        time.sleep({PERIOD})
        at_time(bench, 150, lambda: os.kill(os.getpid(), signal.SIGKILL))

    at_time(bench, 80, killed_after_a_second)
    bench.run(Discharge("C/3", until=elapsed(minutes=1)), Charge("C/3", until=elapsed(minutes=30)))
""")
    process.communicate(timeout=100)
    assert process.returncode == -signal.SIGKILL
    folder = run_folder(tmp_path)
    assert manifest_in(folder)["state"] == "running"
    _, rows = read_journal(folder / "samples.journal")
    assert rows[-1, 0] >= 149.0
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    assert (events[-1]["type"], events[-1]["name"]) == ("step started", "charge")
    said = wire.cut(folder, 0.0, 1000.0, ended=False)
    assert float(said.lines[-1].split()[0]) >= 80.0, "what went over the wire until a second before it"
    (missing,) = said.missing
    assert missing.startswith("transcript.log ends at ")
    assert missing.endswith("s: the process died, and what it had not written by then is lost.")


def test_a_full_disk_ends_safe_with_one_sentence_and_what_was_recorded(start: Start, tmp_path: Path) -> None:
    process = start("""
import resource

def test_full(bench):
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    bench.run(LONG)
""")
    output, _ = process.communicate(timeout=100)
    assert process.returncode == 3, output
    folder = run_folder(tmp_path)
    manifest = manifest_in(folder)
    assert (manifest["state"], manifest["verdict"], manifest["cause"]["blame"]) == ("ended", "BENCH FAULT", "bench")
    assert manifest["cause"]["text"].startswith("Samples cannot be recorded: ")
    assert manifest["bench_verdict"]["safe"] is True
    columns, rows = read_journal(folder / "samples.journal")
    header = 5_000
    assert len(rows) >= (100_000 - header) // (8 * len(columns) + 4)
    assert manifest["cause"]["time"] - rows[-1, 0] <= 2.0


def test_the_same_seed_gives_the_same_bytes_in_another_process(start: Start, tmp_path: Path) -> None:
    tests = """
def test_recorded(bench):
    bench.run(Discharge("C/3", until=elapsed(minutes=5)), Rest(until=elapsed(minutes=1)))
"""
    processes = [start(tests, "--seed=3", folder=f"hash {seed}", PYTHONHASHSEED=seed) for seed in ("1", "2")]
    for process in processes:
        assert process.communicate(timeout=100)[0]
        assert process.returncode == 0
    one, two = ((run_folder(tmp_path / f"hash {seed}") / "samples.parquet").read_bytes() for seed in ("1", "2"))
    assert one == two
