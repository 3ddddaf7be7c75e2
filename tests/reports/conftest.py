"""Writes run folders as the bench would leave them: a 24-cell LFP module through charge, rest and discharge.

The physics is only as good as a figure needs to look real; what a test relies on is stated there.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.verdicts import Measurement
from tests.bench.conftest import install

__all__ = ["install"]

SERIES, CAPACITY, RESISTANCE = 24, 2.3, 0.010
OCV = (
    [0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.97, 1.0],
    [2.3, 3.0, 3.18, 3.24, 3.28, 3.31, 3.33, 3.35, 3.40, 3.61],
)
COLUMNS = [
    "Test Time / s", "Voltage / V", "Current / A", "Unix Time / s", "Step Count / 1",
    "Ambient Temperature / degC", "Power / W", "Surface Temperature / degC",
    "Charging Capacity / Ah", "Discharging Capacity / Ah", "Charging Energy / Wh", "Discharging Energy / Wh",
    "Set Current / A", "Set Voltage / V", "Set Temperature / degC",
    "Cell Voltage Min / V", "Cell Voltage Max / V",
    "Cell Temperature Min / degC", "Cell Temperature Max / degC", "SOC / 1",
    "Supply Voltage / V", "Bms Charge Current Limit / A",
]  # fmt: skip
CAUSE = ("blame", "text", "step", "time")
LIMITS = [
    ("cell over-voltage", "Cell Voltage Max / V", None, 3.7, "V", "pack"),
    ("cell under-voltage", "Cell Voltage Min / V", 2.4, None, "V", "pack"),
    ("cell over-temperature", "Cell Temperature Max / degC", None, 55.0, "°C", "pack"),
    ("over-current", "Current / A", -8.0, 8.0, "A", "pack"),
]


@dataclass
class Module:
    """The state of the pretended battery and everything it has recorded."""

    temperature: float = 25.0
    soc: float = 0.2
    weak_cell: float = 0.0
    noise: float = 0.0
    interval: float = 10.0
    time: float = 0.0
    cell_temperature: float = 23.0
    counters: list[float] = field(default_factory=lambda: [0.0] * 4)
    rows: list[list[float]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    index: int = 0

    def log(self, event: str, /, **fields: object) -> None:
        self.events.append({"time": self.time, "type": event, **fields})

    def cell(self, current: float, soc: float) -> float:
        return float(np.interp(soc, *OCV)) + RESISTANCE * current

    def advance(self, current: float, set_current: float, set_voltage: float) -> None:
        """One scan: hold `current`, or what keeps the terminals within `set_voltage`."""
        open_circuit = float(np.interp(self.soc, *OCV))
        if current > 0:
            current = max(0.0, min(current, (set_voltage / SERIES - open_circuit) / RESISTANCE))
        hours = self.interval / 3600
        self.time += self.interval
        self.soc += current * hours / CAPACITY
        heat = 0.02 * current**2
        target = self.temperature + 20 * heat
        self.cell_temperature += (target - self.cell_temperature) * (1 - np.exp(-self.interval / 900))
        cell = self.cell(current, self.soc)
        low = self.cell(current, self.soc - self.weak_cell * (1.02 - self.soc)) - 0.004 * abs(current)
        high = cell + 0.002
        voltage = cell * SERIES
        for slot, value in enumerate((current, -current, voltage * current, -voltage * current)):
            self.counters[slot] += max(0.0, value) * hours
        self.rows.append([
            self.time, voltage, current, 1.8e9 + self.time, self.index, self.temperature, voltage * current,
            self.cell_temperature, *self.counters, set_current, set_voltage, self.temperature, low, high,
            self.cell_temperature - 0.6, self.cell_temperature + 0.9, self.soc,
            voltage, 6.9 * (1.02 - self.soc),
        ])  # fmt: skip

    def step(
        self,
        name: str,
        kind: str,
        step_type: str,
        stop: Callable[["Module"], bool],
        current: float = 0.0,
        voltage: float = float("nan"),
    ) -> bool:
        """Run one step until `stop`; True when a guarded limit ended it."""
        self.index += 1
        start, asked = self.time, {"current": current, "voltage": voltage}
        self.log("step started", index=self.index, name=name, kind=kind, step_type=step_type,
                 set_points={key: value for key, value in asked.items() if not isnan(value)},
                 until=["the condition of the step", "time 20 h"], expected_duration=3600.0)  # fmt: skip
        tripped = False
        while not tripped:
            self.advance(current, current or float("nan"), voltage)
            tripped = self._guard(name)
            if stop(self):
                break
        row = dict(zip(COLUMNS, self.rows[-1], strict=True))
        reached = {key: row[key] for key in ("Voltage / V", "Current / A", "SOC / 1")}
        ended_by = "the guard: cell under-voltage" if tripped else "the condition of the step"
        self.log("step ended", index=self.index, name=name, duration=self.time - start, ended_by=ended_by,
                 reached=reached, verdict="FAIL" if tripped else "PASS")  # fmt: skip
        return tripped

    def _guard(self, step: str) -> bool:
        row = dict(zip(COLUMNS, self.rows[-1], strict=True))
        for name, column, low, high, unit, blame in LIMITS:
            if (low is not None and row[column] < low) or (high is not None and row[column] > high):
                allowed = low if high is None else high
                text = f"{name}: {row[column]:.3f} {unit} in step {step!r} (allowed: {allowed})."
                self.log("trip", limit=name, column=column, value=row[column], at_least=low, at_most=high,
                         unit=unit, blame=blame, step=step, text=text)  # fmt: skip
                return True
        return False

    def measure(self, **fields: object) -> dict[str, Any]:
        judged = Measurement(**{"requirement": "PB-DIS-01", **fields}).as_dict()
        self.log("measurement", **judged)
        return judged


def cycle(module: Module, rate: float = 1.0) -> None:
    """Soak, charge to the cut-off, rest, discharge to the limit, charge back."""
    current = rate * CAPACITY
    before = module.time
    module.step("soak", "Soak", "REST", lambda m: m.time - before >= 3600)
    module.step("charge", "Charge", "CCCV_CHG", lambda m: m.rows[-1][2] < 0.115, current, 86.4)
    before = module.time
    module.step("rest", "Rest", "REST", lambda m: m.time - before >= 1800)
    if module.step("discharge", "Discharge", "CC_DCH", lambda m: m.rows[-1][1] < 60.0, -current, 60.0):
        return
    module.step("restoring charge", "Charge", "CCCV_CHG", lambda m: m.rows[-1][2] < 0.115, current, 86.4)


@dataclass
class RunWriter:
    """Lays out a module's recording in a run folder."""

    runs: Path

    def __call__(self, test: str = "test_cycle[1-25]", **options: object) -> Path:
        module = Module(**{key: options.pop(key) for key in list(options) if key in Module.__dataclass_fields__})
        cycle(module, options.get("rate", 1.0))
        options["measurements"] = [module.measure(**check) for check in options.pop("checks", ())]
        trips = [event for event in module.events if event["type"] == "trip"]
        if trips:
            limit = trips[0]["limit"]
            cause = {"limit": limit, "fault": limit.replace(" ", "-"), **{key: trips[0][key] for key in CAUSE}}
            options = {"verdict": "FAIL", "cause": cause, **options}
        return self.write(module, test, **options)

    def manifest(self, module: Module, test: str, **options: object) -> dict[str, Any]:
        verdict = options.get("verdict", "PASS")
        return {
            "schema": 1,
            "run_id": f"2026-11-22/194501-{test.replace('[', '_').replace(']', '').replace('/', '')}",
            "state": options.get("state", "ended"),
            "test": {
                "nodeid": options.get("nodeid", f"test_cases/test_cycle.py::{test}"), "name": test,
                "title": options.get("title", f"Capacity and energy at 1C, {module.temperature:g} °C"),
                "requirements": ["PB-DIS-01"],
                "parameters": {"rate": options.get("rate", 1.0), "temperature": module.temperature},
            },
            "station": {"name": "virtual-module", "file": "bench/stations/virtual-module.yaml",
                        "sha256": "0" * 64, "virtual": True},
            "pack": {"name": "lfp-24s", "file": "bench/packs/lfp-24s.yaml", "sha256": "1" * 64,
                     "chemistry": "LFP", "series": SERIES, "parallel": 1, "capacity": CAPACITY,
                     "serial_number": "VIRTUAL-0001"},
            "instruments": [
                {"name": name, "driver": driver, "resource": f"TCPIP0::{name}::5025::SOCKET", "roles": [role],
                 "manufacturer": maker, "model": model, "serial_number": f"SN-{name}", "firmware": "2.09",
                 "calibration_due": due}
                for name, driver, role, maker, model, due in [
                    ("supply", "ea-psb10000", "source", "EA", "PSB 10200-420", "2027-06-30"),
                    ("chamber", "weiss-simserv", "chamber", "Weiss", "LabEvent T/110", "2025-01-31"),
                ]
            ],
            "protections": [{"instrument": "supply", "over_voltage": 92.0, "over_current": 12.0,
                             "over_power": 900.0}],
            "limits": [
                {"name": name, "column": column, "at_least": low, "at_most": high, "unit": unit,
                 "debounce": 0.0, "blame": blame}
                for name, column, low, high, unit, blame in LIMITS
            ],
            "clock": {"kind": "virtual", "epoch": "2026-01-01T00:00:00Z"},
            "seed": 0,
            "defects": options.get("defects", []),
            "versions": {"packbench": "0.1.0", "python": "3.11.7", "git": "abc1234", "git_dirty": False},
            "started": "2026-11-22T19:45:01.123Z",
            "ended": "2026-11-22T19:45:06.001Z",
            "duration": module.time,
            "verdict": verdict,
            "cause": options.get("cause"),
            "bench_verdict": {"safe": True, "steps": [{"name": "sink off", "done": True, "verified": True,
                                                       "detail": "INP OFF", "duration": 0.0}]},
            "measurements": options.get("measurements", []),
            "kpis": [],
        }  # fmt: skip

    def write(self, module: Module, test: str, **options: object) -> Path:
        manifest = self.manifest(module, test, **options)
        folder = self.runs / manifest["run_id"]
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
        ended = {
            "time": module.time,
            "type": "run ended",
            "verdict": manifest["verdict"],
            "cause": manifest["cause"],
        }
        lines = [{"time": 0.0, "type": "run started", "run_id": manifest["run_id"]}, *module.events, ended]
        (folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        (folder / "transcript.log").write_text("0.000 supply > VOLT 86.4\n", encoding="utf-8")
        table = pa.table(dict(zip(COLUMNS, np.array(module.rows).T, strict=True)))
        pq.write_table(table, folder / "samples.parquet", compression="zstd")
        return folder


@pytest.fixture
def write_run(tmp_path: Path) -> RunWriter:
    """Call it to get a run folder; `tmp_path / "runs"` then holds it."""
    return RunWriter(tmp_path / "runs")


@pytest.fixture(scope="session")
def cycle_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One plain run at 25 °C that several tests only read."""
    return RunWriter(tmp_path_factory.mktemp("recorded") / "runs")()


SUITE_CONFTEST = """
import json
import os
import shutil
from pathlib import Path

import pytest

from bench import hooks
from bench.verdicts import BenchFault, PackFailure

pytest_plugins = ["reports.plugin"]
RUNS = Path(__file__).parent / "runs"
RAISED = {"FAIL": PackFailure, "BENCH FAULT": BenchFault}


def pytest_addhooks(pluginmanager):
    pluginmanager.add_hookspecs(hooks)


def find(item):
    for path in RUNS.glob("*/*/run.json"):
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if manifest["test"]["name"] == item.name:
            return path.parent, manifest
    return None, {"verdict": "PASS", "cause": {"text": ""}}


@pytest.fixture
def bench(request):
    if request.node.get_closest_marker("broken_bench"):
        raise BenchFault("chamber: set 25.0 degC, read 20.0 degC after 3600 s; check its compressor.")


@pytest.fixture
def run(request, bench):
    folder, manifest = find(request.node)
    yield manifest
    if folder:
        request.config.hook.pytest_packbench_run_ended(item=request.node, folder=folder)


@pytest.fixture
def judge(run):
    def judged():
        verdict, cause = run["verdict"], run["cause"] or {}
        if verdict == "ABORTED":
            raise KeyboardInterrupt
        if verdict == "INCONCLUSIVE":
            pytest.skip("INCONCLUSIVE: " + cause["text"])
        if verdict in RAISED:
            raise RAISED[verdict](cause["text"])

    return judged
"""


@dataclass
class SampleSuite:
    """A project of its own with a few test cases, run by a real pytest in a process of its own."""

    root: Path

    def __post_init__(self) -> None:
        (self.root / "test_cases").mkdir(parents=True)
        (self.root / "pytest.ini").write_text("[pytest]\nmarkers =\n    requirement(id)\n    broken_bench\n")
        (self.root / "conftest.py").write_text(SUITE_CONFTEST)

    @property
    def results(self) -> Path:
        return self.root / "allure-results"

    @property
    def write_run(self) -> RunWriter:
        return RunWriter(self.root / "runs")

    def test_case(self, name: str, text: str) -> None:
        (self.root / "test_cases" / f"{name}.py").write_text(f"import pytest\n\n{dedent(text)}")

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        environment.pop("PYTEST_XDIST_WORKER", None)
        return subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, check=False)

    def told(self) -> dict[str, dict[str, Any]]:
        """The Allure results by test function."""
        found = [json.loads(path.read_text(encoding="utf-8")) for path in self.results.glob("*-result.json")]
        return {result["fullName"].split("#")[1] + param_text(result): result for result in found}


def param_text(result: dict[str, Any]) -> str:
    values = [entry["value"] for entry in result.get("parameters", ()) if not entry.get("excluded")]
    return f"[{'-'.join(values)}]" if values else ""


@pytest.fixture
def sample_suite(tmp_path: Path) -> SampleSuite:
    """An empty suite to put test cases into."""
    return SampleSuite(tmp_path / "project")


CAPACITY_CHECK = {
    "name": "discharge capacity",
    "value": 2.262,
    "unit": "Ah",
    "at_least": 2.2,
    "step": "discharge",
}
CLOSE_CHECK = {**CAPACITY_CHECK, "at_least": 2.258, "uncertainty": 0.01}


@pytest.fixture(scope="session")
def finished_suite(tmp_path_factory: pytest.TempPathFactory) -> SampleSuite:
    """A session with one test of every outcome, ended by Ctrl-C before its last test."""
    suite = SampleSuite(tmp_path_factory.mktemp("finished") / "project")
    for temperature in (0, 25):
        suite.write_run(f"test_capacity[{temperature}]", temperature=float(temperature), interval=20.0,
                        checks=[CAPACITY_CHECK])  # fmt: skip
    suite.write_run("test_weak_cell", weak_cell=0.35, soc=0.5, interval=5.0, checks=[CAPACITY_CHECK],
                    title="Capacity with a weak cell, 25 °C")  # fmt: skip
    suite.write_run("test_close", interval=20.0, checks=[CLOSE_CHECK], verdict="INCONCLUSIVE",
                    title="Capacity close to its limit, 25 °C",
                    cause={"blame": "pack", "text": "it is near its limit."})  # fmt: skip
    suite.write_run("test_stopped", interval=20.0, verdict="ABORTED", title="Stopped, 25 °C",
                    cause={"blame": "operator", "text": "Ctrl-C", "step": "charge", "time": 5e3,
                           "fault": "interrupted"})  # fmt: skip
    suite.test_case("test_discharge", SUITE_CASES)
    suite.run("test_cases", "-p", "no:randomly")
    return suite


SUITE_CASES = """
    import time

    @pytest.mark.requirement("PB-DIS-01")
    @pytest.mark.parametrize("temperature", [0, 25])
    def test_capacity(judge, temperature):
        \"\"\"Capacity and energy at 1C.\"\"\"
        judge()

    @pytest.mark.requirement("PB-DIS-02")
    def test_weak_cell(judge):
        judge()

    def test_close(judge):
        judge()

    @pytest.mark.broken_bench
    @pytest.mark.requirement("PB-DIS-03")
    def test_cold_chamber(judge):
        \"\"\"Capacity at 1C in a chamber that never gets there.\"\"\"
        judge()

    @pytest.mark.timeout(0.2, method="signal")
    def test_hangs(bench):
        time.sleep(30)

    def test_stopped(judge):
        judge()

    def test_never_begun(judge):
        judge()
"""
