"""Fixtures of the bench tests: files to write and change, and a bench of fakes on a virtual clock."""

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import yaml

from bench.clock import VirtualClock
from bench.pack import PackFile, load_pack
from bench.recording.past import PastRun
from bench.recording.run import TestIdentity
from bench.roles import registry
from bench.running import lifecycle
from bench.running.setup import Setup
from bench.safety import faults
from bench.station import SHIPPED, load_station
from bench.testing import TestBench
from campaign.hearing import hearing
from instruments import extensions
from tests.bench.cli_support import Change, WriteStation
from tests.bench.fakes import Fake, Plant
from tests.bench.rig import Rig, running_rig

STATION = """\
schema: 1
name: little
clock: wall
instruments:
  supply: {driver: "tests.bench.fakes:FakeSupply", resource: plant, roles: [source, sink]}
  chamber: {driver: "tests.bench.fakes:FakeChamber", resource: plant, roles: [chamber]}
  temperatures: {driver: "tests.bench.fakes:FakeLogger", resource: plant, roles: [temperatures]}
  bms: {driver: "tests.bench.fakes:FakeBms", resource: plant, roles: [bms]}
wiring: {voltage: 40, current: 6}
safe_state: {bus_meter: supply}
"""

PACK = """\
schema: 1
name: four
chemistry: LFP
cell: lfp-26650
series: 4
rated_capacity: 2
limits:
  cell_voltage: {min: 3.05, max: 3.45}
  charge_temperature: {min: -10, max: 50}
  discharge_temperature: {min: -20, max: 50}
  charge_current: 4
  discharge_current: 5
requirements:
  capacity_c3: {25: 0.9}
  capacity_1c: {25: 0.9}
  energy_efficiency: {25: 0.9}
  charge_time_c3: {25: 4}
  charge_time_1c: {25: 2}
  fast_recharge_time: {25: 45}
  dc_resistance: {25: 1}
  temperature_rise: 10
  cell_spread: 0.1
"""

WriteFile = Callable[[str, str], Path]
Install = Callable[[str, str, str], None]
OpenTestBench = Callable[..., TestBench]


@pytest.fixture(scope="session", autouse=True)
def _hearing() -> Iterator[None]:
    with hearing():
        yield


@pytest.fixture
def station_text() -> str:
    """A station file that is right, to be made wrong."""
    return STATION


@pytest.fixture
def pack_text() -> str:
    """A pack file that is right, to be made wrong."""
    return PACK


@pytest.fixture
def write(tmp_path: Path) -> WriteFile:
    """Write a file: `write("station.yaml", text)`."""

    def written(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return written


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a package that brings something: `install("packbench.roles", "tester", "module:attribute")`."""
    brought = extensions.brought
    found: dict[str, dict[str, tuple[EntryPoint, ...]]] = {}

    def installed(group: str, name: str, value: str) -> None:
        of_group = found.setdefault(group, dict(brought(group)))
        of_group[name] = (*of_group.get(name, ()), EntryPoint(name, value, group))

    caches = (registry._from_outside, faults._brought)
    monkeypatch.setattr(extensions, "brought", lambda group: found.get(group) or brought(group))
    for cache in caches:
        cache.cache_clear()
    yield installed
    for cache in caches:
        cache.cache_clear()


@pytest.fixture
def four_cells(write: WriteFile) -> PackFile:
    """The little pack."""
    return load_pack(str(write("pack.yaml", PACK)))[0]


@pytest.fixture
def plant() -> Iterator[Plant]:
    """What the fakes of the little station share."""
    Fake.plants["plant"] = Plant()
    yield Fake.plants["plant"]
    Fake.plants.clear()


@pytest.fixture
def new_bench(plant: Plant, write: WriteFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenTestBench:
    """Make a closed bench of fakes whose station says that time is real, and whose clock says otherwise."""
    monkeypatch.setattr(lifecycle, "WallClock", lambda _speed, start: VirtualClock(start=start))

    def new(
        *, station: str = STATION, pack: str = PACK, name: str = "test_it", past: PastRun | None = None
    ) -> TestBench:
        setup = Setup(
            *load_station(str(write("station.yaml", station))),
            *load_pack(str(write("pack.yaml", pack))),
        )
        identity = TestIdentity(f"test_x.py::{name}", name, "A title")
        return TestBench(setup, tmp_path / "runs", identity, supervised=False, past=past)

    return new


@pytest.fixture
def little_bench(new_bench: OpenTestBench) -> Iterator[TestBench]:
    """An open bench of fakes."""
    bench = new_bench()
    bench.open()
    yield bench
    bench.conclude()


@pytest.fixture
def on(tmp_path: Path) -> Iterator[Callable[..., TestBench]]:
    """Open a shipped station by its name, with its first `pack` or another, as its file has it or begun otherwise.

    `begun` is the pack's `temperature` (degC) and `soc`, `past` a run to go on with. What a test has not concluded is
    concluded behind it.
    """
    opened: list[TestBench] = []

    def open_on(
        name: str, pack: str | None = None, *, seed: int = 0, defects: tuple[str, ...] = (),
        past: PastRun | None = None, **begun: float,
    ) -> TestBench:  # fmt: skip
        station, file = load_station(name)
        assert station.virtual is not None
        station = station.model_copy(update={"virtual": station.virtual.model_copy(update=begun)})
        setup = Setup(station, file, *load_pack(pack or station.packs[0]), seed=seed, defects=defects)
        identity = TestIdentity("tests", name, "running")
        bench = TestBench(setup, tmp_path / f"runs-{len(opened)}", identity, past=past)
        opened.append(bench)
        bench.open()
        return bench

    yield open_on
    for bench in opened:
        if bench.run_log.manifest.get("verdict") in {None, "RUNNING"}:
            bench.conclude()


@pytest.fixture
def rig(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A supply that outlives every test; an indirect parameter is how long (s) it takes to measure."""
    with running_rig(tmp_path, PACK, getattr(request, "param", 0.0)) as running:
        yield running


@pytest.fixture
def write_station(tmp_path: Path) -> WriteStation:
    """A copy of virtual-module with something changed."""

    def write(change: Change) -> Path:
        station = yaml.safe_load((SHIPPED / "virtual-module.yaml").read_text(encoding="utf-8"))
        change(station)
        path = tmp_path / "station.yaml"
        path.write_text(yaml.safe_dump(station, sort_keys=False), encoding="utf-8")
        return path

    return write
