"""A test may freeze or patch its clocks as it likes: safety goes on by a clock that it cannot reach."""

import ast
import datetime as dt
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import freezegun
import pytest
import time_machine
from filelock import FileLock

from bench.clock import WallClock, monotonic, pause, utc_now
from bench.safety.lease import BenchLease
from bench.safety.timelimit import OutOfTime, in_time
from bench.verdicts import BenchInUse
from tests.bench.rig import ROOT, Rig, ended

pytestmark = pytest.mark.real_time(35)

LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
FUNCTIONS = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "clock_gettime")


@contextmanager
def patched() -> Iterator[None]:
    """What `monkeypatch` and `unittest.mock` do to a module that was imported as one."""
    with ExitStack() as patches:
        for name in FUNCTIONS:
            patches.enter_context(mock.patch.object(time, name, return_value=1.0))
        patches.enter_context(mock.patch.object(time, "sleep"))
        yield


FREEZERS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "freezegun": lambda: freezegun.freeze_time(LONG_AGO),
    "freezegun that ignores nothing": lambda: freezegun.freeze_time(LONG_AGO, ignore=[]),
    "time-machine": lambda: time_machine.travel(LONG_AGO, tick=False),
    "mock": patched,
}


@pytest.fixture(params=FREEZERS.values(), ids=FREEZERS)
def frozen(request: pytest.FixtureRequest) -> Iterator[None]:
    with request.param():
        assert time.time() < 1.6e9  # it has worked
        yield


def civil(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


# --- piece by piece -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("frozen")
def test_real_time_passes_all_the_same() -> None:
    before = monotonic()
    threading.Event().wait(0.01)
    assert monotonic() - before >= 0.01


@pytest.mark.usefixtures("frozen")
def test_a_pause_is_one() -> None:
    before = monotonic()
    pause(0.05)
    assert monotonic() - before >= 0.05


@pytest.mark.usefixtures("frozen")
def test_civil_time_is_that_of_the_system(tmp_path: Path) -> None:
    stamped = tmp_path / "stamped"
    stamped.touch()
    assert abs(utc_now().timestamp() - stamped.stat().st_mtime) < 60


@pytest.mark.usefixtures("frozen")
def test_the_bench_s_clock_goes_on_sleeps_and_calls() -> None:
    clock, called = WallClock(), threading.Event()
    assert abs((utc_now() - clock.epoch).total_seconds()) < 60
    clock.every(0.001, called.set)
    before = clock.now()
    clock.sleep(0.01)
    assert clock.now() - before >= 0.01
    assert called.wait(10)
    clock.close()


@pytest.mark.usefixtures("frozen")
def test_a_time_limit_is_kept() -> None:
    with pytest.raises(OutOfTime):
        in_time(threading.Event().wait, 0.05)


@pytest.mark.usefixtures("frozen")
def test_a_lease_is_dated_by_the_system_and_waits_no_longer_than_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = BenchLease(tmp_path / "bench.lock", "rig-1")
    assert abs(civil(held.as_dict()["since"]) - utc_now()) < dt.timedelta(minutes=1)
    held.release()
    monkeypatch.setattr("bench.safety.lease.PATIENCE", 0.05)
    busy = FileLock(tmp_path / "bench.lock")
    with busy.acquire(), pytest.raises(BenchInUse, match="was busy"):
        BenchLease(tmp_path / "bench.lock", "rig-1")


# --- a whole test -------------------------------------------------------------------------------------------------

FREEZING = """
import time
from unittest import mock
import freezegun, pytest, time_machine
from bench.scenario import Charge, elapsed
from tests.bench.safety.test_unpatchable_time import FREEZERS

@pytest.fixture(autouse=True)
def frozen():
    with FREEZERS[{name!r}]():
        yield

def test_charge(bench):
    assert time.time() < 1.6e9
    bench.run(Charge(1.0, until=elapsed(seconds={seconds})))
    assert time.time() < 1.6e9
"""


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize("name", FREEZERS)
def test_a_frozen_test_charges_as_long_as_it_says_and_its_evidence_is_dated_rightly(rig: Rig, name: str) -> None:
    began = utc_now()
    status, output = ended(rig.start(FREEZING.format(name=name, seconds=1)))
    assert status == 0, output
    rig.outlet.wait_for("output OFF")
    manifest = rig.manifest()
    assert began <= civil(manifest["started"]) < civil(manifest["ended"]) <= utc_now()
    assert manifest["duration"] >= 1.0
    (path,) = rig.folder.glob("runs/*/*/events.jsonl")
    events = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert all(began <= civil(event["utc"]) <= utc_now() for event in events)
    (step,) = [event for event in events if event["type"] == "step ended"]
    assert step["duration"] >= 1.0
    assert rig.reports() == []


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize("name", FREEZERS)
def test_a_frozen_test_runs_on_the_virtual_bench_too(tmp_path: Path, name: str) -> None:
    (tmp_path / "test_mine.py").write_text(FREEZING.format(name=name, seconds=60), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "bench.plugin", "-p", "no:cacheprovider", "--rootdir=."]
    done = subprocess.run(
        [*command, "--station=virtual-module", "test_mine.py"], cwd=tmp_path, text=True, capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


# --- the house rule -----------------------------------------------------------------------------------------------

THE_CLOCK = ROOT / "bench" / "clock.py"
OTHER_PROCESSES = ROOT / "instruments" / "virtual" / "served"
"""A served bench is a process of its own, whose simulated instruments have clocks of their own."""
OF_DATETIME = {"now", "utcnow", "today"}


def asks_for_the_time(tree: ast.AST) -> Iterator[int]:
    """Lines on which a module asks Python, and so whoever has patched it, for the time, or waits with it."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names) if any(name.name == "time" for name in names):
                yield node.lineno
            case ast.ImportFrom(module="time"):
                yield node.lineno
            case ast.Attribute(value=ast.Name(id="datetime" | "date"), attr=attribute) if attribute in OF_DATETIME:
                yield node.lineno
            case ast.Attribute(value=ast.Attribute(attr="datetime" | "date"), attr=attribute) if (
                attribute in OF_DATETIME
            ):
                yield node.lineno


SOURCES = sorted(
    path for floor in ("models", "instruments", "bench", "reports") for path in (ROOT / floor).rglob("*.py")
)


@pytest.mark.parametrize(
    "path",
    [path for path in SOURCES if path != THE_CLOCK and OTHER_PROCESSES not in path.parents],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_nobody_but_the_clock_asks_python_for_the_time(path: Path) -> None:
    lines = list(asks_for_the_time(ast.parse(path.read_text(encoding="utf-8"))))
    assert lines == [], f"{path.name}:{lines}: use bench.clock"


@pytest.mark.parametrize(
    "text",
    ["import time", "from time import sleep", "datetime.now(UTC)", "dt.datetime.now()", "date.today()"],
)
def test_the_rule_finds_every_way_to_ask(text: str) -> None:
    assert list(asks_for_the_time(ast.parse(text))) == [1]
