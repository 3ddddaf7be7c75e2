"""What a run knows of its bench before the first step, as it stands on disk."""

import json
import signal
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path
from threading import Event, current_thread
from typing import Any, ClassVar

import numpy as np
import pytest

from bench.clock import VirtualClock, WallClock, monotonic
from bench.pack import PackFile, load_pack
from bench.running import lifecycle
from bench.running.emulation import cell_of
from bench.running.setup import Setup, check_fit, setup_manifest
from bench.safety import powercut
from bench.station import load_station
from bench.testing import TestBench
from bench.verdicts import BenchFault, InputError
from instruments.roles import InstrumentFault
from instruments.wires.context import InstrumentLink, LinkContext
from models.cell import load_cell
from models.construction import Construction
from models.string import CellString
from tests.bench.fakes import Fake, FakeChamber, FakeSupply, Plant

pytestmark = pytest.mark.real_time


def test_a_run_keeps_what_it_takes_to_have_it_again(little_bench: TestBench) -> None:
    manifest = json.loads((little_bench.run_log.folder / "run.json").read_text(encoding="utf-8"))
    assert (manifest["seed"], manifest["defects"]) == (0, [])
    assert manifest["pack"]["series"] == 4
    assert manifest["pack"]["capacity"] == 2.0


def test_a_run_keeps_who_each_instrument_said_it_is(on: Callable[..., TestBench]) -> None:
    manifest = json.loads((on("virtual-module").run_log.folder / "run.json").read_text(encoding="utf-8"))
    told = {entry["name"]: (entry.get("manufacturer"), entry.get("model")) for entry in manifest["instruments"]}
    assert told["supply"][0] == "EA Elektro-Automatik GmbH&Co.KG"
    assert told["supply"][1].startswith("PSB")
    assert len({model for _, model in told.values()}) == len(told)


def test_what_is_said_on_each_wire_is_kept_under_the_name_of_its_instrument(on: Callable[..., TestBench]) -> None:
    bench = on("virtual-module")
    bench.conclude()
    lines = (bench.run_log.folder / "transcript.log").read_text(encoding="utf-8").splitlines()
    assert {line.split()[1] for line in lines if len(line.split()) > 2} == set(bench.station.instruments)


def test_a_pump_that_the_run_before_has_left_on_is_stopped_before_any_step(on: Callable[..., TestBench]) -> None:
    """It goes on in the safe state; coolant that no step has asked for would heat what a chamber cools."""
    folder = on("virtual-pack").run_log.folder
    said = (folder / "transcript.log").read_text(encoding="utf-8")
    assert [line.split(" coolant > ")[1] for line in said.splitlines() if " coolant > STOP" in line][-1:] == ["STOP"]


def test_a_run_keeps_what_its_instruments_were_told_to_protect(little_bench: TestBench, plant: Plant) -> None:
    manifest = json.loads((little_bench.run_log.folder / "run.json").read_text(encoding="utf-8"))
    assert manifest["clock"].keys() == {"kind", "epoch", "speed"}
    assert manifest["clock"]["speed"] == little_bench.station.speed
    told = [(kept["over_voltage"], kept["over_current"], kept["over_power"]) for kept in manifest["protections"]]
    # A sink protects from a voltage that is too low, which is no over-voltage.
    assert told == [plant.armed["source"], (None, *plant.armed["sink"][1:])]


def test_an_instrument_that_hangs_while_it_is_prepared_is_left_behind_where_time_is_real(
    new_bench: Callable[..., TestBench], station_text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    released, in_short = Event(), "{bus_meter: supply, insist: 0, discharge: 0.1, settle: 0.1}"
    monkeypatch.setattr(lifecycle, "WallClock", WallClock)
    monkeypatch.setattr(lifecycle, "PREPARE_LIMIT", 0.1)
    monkeypatch.setattr(FakeSupply, "identify", lambda _self: released.wait(60))
    try:
        with pytest.raises(InstrumentFault, match=r"being prepared did not come back within 0\.1 s"):
            new_bench(station=station_text.replace("{bus_meter: supply}", in_short)).open()
    finally:
        released.set()


@pytest.mark.parametrize(
    ("stopped_by", "requests", "hurries"),
    [
        (KeyboardInterrupt(), 0, False), (KeyboardInterrupt(), 1, True),
        (InstrumentFault("nobody"), 0, False), (InstrumentFault("nobody"), 1, False),
        (InstrumentFault("nobody"), 2, True),
    ],
)  # fmt: skip
def test_the_second_request_to_end_cuts_giving_up_short_wherever_the_first_one_came(
    new_bench: Callable[[], TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch,
    stopped_by: BaseException, requests: int, hurries: bool,
) -> None:  # fmt: skip
    """The first one may be why the bench is given up; a fault is no request."""
    called, left = plant.called, [signal.SIGINT] * requests

    def interrupted(what: str) -> None:
        called(what)
        if what == "identify supply" and plant.calls.count(what) == 1:
            plant.source_on = True
            raise stopped_by
        while left and plant.source_on and what == "source_off":
            signal.raise_signal(left.pop())

    monkeypatch.setattr(plant, "called", interrupted)
    opening = lifecycle.Opening()
    asked = requests or isinstance(stopped_by, KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt if asked else InstrumentFault):
        lifecycle.OpenBench(new_bench().setup, opening=opening)
    assert left == []
    assert not plant.source_on
    assert opening.hurry.is_set() is hurries
    assert opening.safe is not None


@pytest.mark.parametrize(
    ("error", "why"),
    [(InstrumentFault("silent"), "silent"), (ValueError("no number"), "no number"), (TimeoutError(), "TimeoutError")],
)
def test_why_an_instrument_is_not_known_to_be_itself_is_told_with_the_safe_state(
    new_bench: Callable[[], TestBench], plant: Plant, error: Exception, why: str
) -> None:
    """An error without a word is told by its name. To be switched off nobody must say who he is."""
    plant.fail["identify supply"], plant.source_on = error, True
    opening = lifecycle.Opening()
    with pytest.raises(type(error)):
        lifecycle.OpenBench(new_bench().setup, opening=opening)
    assert opening.safe is not None
    details = {step.name: step.detail for step in opening.safe.steps}
    assert details["current gone"] == why
    assert details["source off"].startswith(f"{why}; ")
    assert not plant.source_on


class GivenUp(BaseException):
    """Whatever ends the process."""


@pytest.mark.parametrize(("driver", "begun"), [("FakeChamber", True), ("FakeChamberr", False)])
def test_a_bench_that_was_touched_and_left_in_the_middle_is_not_known_to_be_safe(
    new_bench: Callable[..., TestBench], station_text: str, monkeypatch: pytest.MonkeyPatch, driver: str, begun: bool
) -> None:
    """Nothing has to be known of one to which nothing was said: its station file names no bench."""

    def left(*_: object, **__: object) -> None:
        raise GivenUp

    monkeypatch.setattr(lifecycle, "safe_state", left)
    monkeypatch.setattr(FakeSupply, "identify", left)
    setup = new_bench(station=station_text.replace("FakeChamber", driver)).setup
    opening = lifecycle.Opening()
    with pytest.raises(GivenUp if begun else InputError):
        lifecycle.OpenBench(setup, opening=opening)
    assert opening.begun is begun
    assert (opening.left is not None) is begun
    if opening.left is not None:
        assert opening.left.state == "not verified"
        assert "nobody has read an output back since" in str(opening.left)


class Timeless(VirtualClock):
    """Says that its time is real, and waits for none; `period` is what it was asked to call somebody back at, s."""

    kind = "wall"  # type: ignore[assignment]

    def every(self, period: float, callback: Callable[[], None]) -> Callable[[], None]:
        self.period = period
        return super().every(period, callback)


@pytest.mark.parametrize(("real", "speed"), [(True, 1.0), (True, 4.0), (False, 1.0)])
def test_links_live_in_real_time_where_the_clock_does(
    new_bench: Callable[..., TestBench], plant: Plant, station_text: str, monkeypatch: pytest.MonkeyPatch, real: bool,
    speed: float,
) -> None:  # fmt: skip
    """At any speed of the bench, and their frames are kept there alone: a virtual bus keeps its own."""
    clock = Timeless() if real else VirtualClock()
    contexts: dict[str, LinkContext] = {}
    said: list[tuple[str, str, str]] = []
    frames: list[object] = []

    def opened(
        cls: type[FakeChamber], link: InstrumentLink, context: LinkContext, name: str, options: Mapping[str, object]
    ) -> Fake:
        contexts[name] = context
        return opens(link, context, name, options)

    opens = FakeChamber.open
    monkeypatch.setattr(FakeChamber, "open", classmethod(opened))
    monkeypatch.setattr(lifecycle, "WallClock", lambda _speed, _start: clock)
    station = f"{station_text}visa_library: '@mine'\nvirtual: {{speed: {speed}, simulators: {{}}}}\n"
    bench = lifecycle.OpenBench(
        new_bench(station=station).setup, lambda name: lambda way, text: said.append((name, way, text)),
        frames=frames.append,
    )  # fmt: skip
    context = contexts["chamber"]
    assert context.transcript is not None
    context.transcript(">", "TEMP?")
    assert said == [("chamber", ">", "TEMP?")]
    assert (context.visa_library, context.now, context.sleep) == ("@mine", clock.now, clock.sleep)
    assert context.real_time is real
    assert (context.passing, context.frames) == ((monotonic, frames.append) if real else (None, None))
    assert context.every is not None
    context.every(0.5, lambda: None)
    if isinstance(clock, Timeless):
        assert clock.period == 0.5 * speed
    bench.close()


def test_a_bench_whose_wire_nobody_wants_keeps_none(
    new_bench: Callable[..., TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    contexts: list[LinkContext] = []
    opens = FakeSupply.open
    monkeypatch.setattr(
        FakeSupply, "open", classmethod(lambda _cls, *given: contexts.append(given[1]) or opens(*given))
    )
    lifecycle.OpenBench(new_bench().setup).close()
    assert (contexts[0].transcript, contexts[0].frames) == (None, None)


def test_a_bench_is_closed_in_reverse_whoever_fails_at_it_and_once(
    new_bench: Callable[..., TestBench], plant: Plant
) -> None:
    bench = lifecycle.OpenBench(new_bench().setup)
    opened = list(bench.drivers)
    plant.calls.clear()
    plant.fail["close bms"] = InstrumentFault("gone")
    bench.close()
    assert [call.split()[1] for call in plant.calls] == opened[::-1]
    bench.close()
    assert (len(plant.calls), opened) == (4, ["bms", "chamber", "temperatures", "supply"])
    assert bench.drivers == {}


def in_threads(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[bool]]:
    """By verb whether somebody else than this very thread has told the supply: that can be left behind."""
    found: dict[str, set[bool]] = {}
    here = current_thread()
    for verb in ("identify", "protect_source", "close"):
        does = getattr(FakeSupply, verb)

        def told(self: FakeSupply, *values: float, _verb: str = verb, _does: Callable[..., Any] = does) -> Any:
            found.setdefault(_verb, set()).add(current_thread() is not here)
            return _does(self, *values)

        monkeypatch.setattr(FakeSupply, verb, told)
    return found


@pytest.mark.parametrize("real", [True, False])
def test_what_may_hang_is_told_from_elsewhere_where_time_is_real_and_from_here_where_it_is_not(
    new_bench: Callable[..., TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch, real: bool
) -> None:
    """On a virtual clock everything happens in one thread, in its order."""
    found = in_threads(monkeypatch)
    monkeypatch.setattr(lifecycle, "WallClock", lambda _speed, _start: Timeless() if real else VirtualClock())
    lifecycle.OpenBench(new_bench().setup).close()
    assert found == {"identify": {real}, "protect_source": {real}, "close": {real}}


def test_a_link_that_hangs_while_it_is_closed_keeps_no_other_open(
    new_bench: Callable[..., TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = Event()
    monkeypatch.setattr(lifecycle, "WallClock", lambda _speed, _start: Timeless())
    monkeypatch.setattr(lifecycle, "STEP_LIMIT", 0.05)
    monkeypatch.setattr(FakeSupply, "close", lambda _self: released.wait(60))
    bench = lifecycle.OpenBench(new_bench().setup)
    try:
        bench.close()
    finally:
        released.set()
    assert [call for call in plant.calls if call.startswith("close")] == [
        "close temperatures",
        "close chamber",
        "close bms",
    ]


class Elsewhere:
    """A world that reaches every link at another place."""

    visa_library = "@elsewhere"
    made: ClassVar[list["Elsewhere"]] = []

    def __init__(self, _settings: Mapping[str, Any], **_everything_else: Any) -> None:
        self.advanced, self.closed = 0.0, 0
        self.made.append(self)

    def reached(self, resource: str, can: Mapping[str, Any] | None) -> tuple[str, Mapping[str, Any] | None]:
        return f"{resource} there" if resource else "", None if can is None else {**can, "channel": "there"}

    def advance(self, seconds: float) -> None:
        self.advanced += seconds

    def close(self) -> None:
        self.closed += 1


def test_on_a_virtual_station_every_link_is_looked_for_in_its_own_world(
    new_bench: Callable[..., TestBench], plant: Plant, station_text: str, install: Callable[[str, str, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """And the station stays as its file has it: that is what a run keeps."""
    install("packbench.worlds", "elsewhere", f"{__name__}:Elsewhere")
    Fake.plants["plant there"] = plant
    links: dict[str, InstrumentLink] = {}
    libraries: set[str] = set()
    opens = Fake.open.__func__  # type: ignore[attr-defined]

    def opened(cls: type[Fake], link: InstrumentLink, context: LinkContext, name: str, options: Any) -> Fake:
        links[name] = link
        libraries.add(context.visa_library)
        return opens(cls, InstrumentLink("plant there"), context, name, options)

    monkeypatch.setattr(Fake, "open", classmethod(opened))
    text = station_text.replace("clock: wall", "clock: virtual").replace(
        'FakeBms", resource: plant', 'FakeBms", can: {interface: virtual, channel: here}'
    )
    setup = new_bench(station=f"{text}virtual: {{world: elsewhere, simulators: {{}}}}\n").setup
    bench = lifecycle.OpenBench(setup)
    world = Elsewhere.made.pop()
    assert bench.world is world
    assert {name: link.resource for name, link in links.items()} == {
        "supply": "plant there", "chamber": "plant there", "temperatures": "plant there", "bms": "",
    }  # fmt: skip
    assert links["bms"].can == {"interface": "virtual", "channel": "there"}
    assert libraries == {"@elsewhere"}
    assert bench.station.instruments["supply"].resource == "plant"
    before = bench.clock.now()
    bench.clock.sleep(3.0)
    assert world.advanced == bench.clock.now() == before + 3.0
    bench.close()
    bench.close()
    assert (world.closed, bench.world) == (1, None)


def test_what_was_found_on_is_known_by_who_was_on_and_what_they_were(
    new_bench: Callable[..., TestBench], plant: Plant
) -> None:
    plant.source_on = True
    opening = lifecycle.Opening()
    lifecycle.OpenBench(new_bench().setup, opening=opening).close()
    assert opening.found == {"supply": True, "chamber": False, "bms": False}
    assert opening.in_words == {"supply": opening.was["supply"][0]}
    assert (opening.begun, opening.safe is None, opening.left is None) == (True, True, False)


def test_an_output_that_does_not_switch_off_is_told_with_its_address(
    new_bench: Callable[..., TestBench], plant: Plant
) -> None:
    plant.source_on = plant.switches_stuck = True
    with pytest.raises(
        BenchFault, match=r"^Instrument supply at plant was switched on as it was found, and does"
    ) as on:
        lifecycle.OpenBench(new_bench().setup)
    assert on.value.fault == "stays-on"
    assert "identify supply" in plant.calls, "for the safe state alone"


@pytest.mark.parametrize(("clock", "refused"), [("wall", True), ("virtual", False)])
def test_defects_are_seeded_where_the_simulators_are_ones_own(four_cells: PackFile, clock: str, refused: bool) -> None:
    station, path = load_station("virtual-pack")
    setup = Setup(
        station.model_copy(update={"clock": clock}), path, four_cells, Path("four.yaml"), defects=("weak-cell:1:0.5",)
    )
    with pytest.raises(InputError, match="seeded defects need simulators of its own") if refused else nullcontext():
        check_fit(setup)


@pytest.mark.parametrize(("carried", "refused"), [(13.8, False), (13.7, True)])
def test_a_pack_may_have_the_voltage_that_the_wiring_carries_and_no_more(
    four_cells: PackFile, carried: float, refused: bool
) -> None:
    station, path = load_station("virtual-pack")
    wiring = station.wiring.model_copy(update={"voltage": carried})
    setup = Setup(station.model_copy(update={"wiring": wiring}), path, four_cells, Path("four.yaml"))
    with pytest.raises(InputError, match=r"reaches 13\.8 V, the wiring of station") if refused else nullcontext():
        check_fit(setup)


@pytest.mark.parametrize("virtual", [True, False])
def test_a_run_that_could_not_start_knows_what_was_to_be_opened(
    write: Callable[[str, str], Path], station_text: str, pack_text: str, virtual: bool
) -> None:
    text = station_text + ("virtual: {speed: 4, simulators: {}}\n" if virtual else "")
    station, path = load_station(str(write("station.yaml", text)))
    changed = pack_text.replace("series: 4", "series: 4\nparallel: 3\nserial_number: B7")
    pack, file = load_pack(str(write("pack.yaml", changed)))
    found = setup_manifest(Setup(station, path, pack, file, seed=3, defects=("weak-cell:1:0.5",)))
    cell, anode = cell_of(pack), found["pack"].pop("anode")
    assert anode["capacity"] == pytest.approx(3 * cell.nominal_capacity)
    assert anode["parameters"]
    assumed = {"cell": "lfp-26650", "assumed": list(cell.assumed)} if virtual else {}
    assert found == {
        "station": {
            "name": "little", "file": path.as_posix(), "sha256": sha256(path.read_bytes()).hexdigest(),
            "virtual": virtual,
        },
        "pack": {
            "name": "four", "file": file.as_posix(), "sha256": sha256(file.read_bytes()).hexdigest(),
            "chemistry": "LFP", "series": 4, "parallel": 3, "capacity": 2.0, "serial_number": "B7", **assumed,
        },
        "instruments": [], "protections": [], "found": {}, "power_cut": [], "limits": [],
        "safe_state": {**station.safe_state.model_dump(), "order": list(station.safe_order)},
        "clock": {"kind": "wall", "epoch": None, "speed": 4.0 if virtual else 1.0},
        "seed": 3, "defects": ["weak-cell:1:0.5"],
    }  # fmt: skip


def test_a_cell_that_nobody_knows_stops_no_run_from_being_one(four_cells: PackFile) -> None:
    """That is told when the bench is opened."""
    station, path = load_station("virtual-pack")
    pack = four_cells.model_copy(update={"cell": "lfp-26550"})
    found = setup_manifest(Setup(station, path, pack, path))["pack"]
    assert not {"cell", "assumed", "anode"} & set(found)


def test_an_open_bench_tells_all_of_itself_that_a_run_keeps(new_bench: Callable[..., TestBench], plant: Plant) -> None:
    bench = lifecycle.OpenBench(new_bench().setup)
    found = bench.manifest()
    assert found["clock"] == {
        "kind": bench.clock.kind, "epoch": bench.clock.epoch.strftime("%Y-%m-%dT%H:%M:%SZ"), "speed": 1.0,
    }  # fmt: skip
    assert found["limits"] == [limit.as_dict() for limit in bench.limits]
    assert [each["name"] for each in found["instruments"]] == ["supply", "chamber", "temperatures", "bms"]
    assert {each["model"] for each in found["instruments"]} == {"FAKE 100"}
    assert [each["instrument"] for each in found["protections"]] == ["supply", "supply (sink)"]
    assert found["power_cut"] == powercut.left_on(bench.station, bench.drivers)
    assert set(found) == {"instruments", "protections", "power_cut", "limits", "clock"}
    bench.close()


def test_a_run_says_which_parameters_of_its_simulated_cell_nobody_has_measured() -> None:
    for name, measured in (("li-metal-24s", False), ("nmc811-24s", True)):
        setup = Setup(*load_station("virtual-module"), *load_pack(name))
        pack = setup_manifest(setup)["pack"]
        assert ("resistance" in pack["assumed"]) is not measured
        assert "charge_limit" in pack["assumed"]
        assert pack["cell"] == setup.pack.cell


def test_a_run_on_hardware_assumes_nothing_of_a_cell() -> None:
    station, path = load_station("virtual-module")
    players = {name: entry for name, entry in station.instruments.items() if "emulator" not in entry.roles}
    hardware = station.model_copy(update={"virtual": None, "instruments": players})
    assert "assumed" not in setup_manifest(Setup(hardware, path, *load_pack("li-metal-24s")))["pack"]


@pytest.mark.parametrize("name", ["nmc811-vehicle", "lfp-vehicle", "lnmo-vehicle", "li-metal-vehicle"])
def test_a_vehicle_pack_has_52_kwh_and_soaks_for_hours(name: str) -> None:
    pack, _ = load_pack(name)
    cell = cell_of(pack)
    energy = float(np.trapezoid(cell.ocv, cell.soc)) * cell.nominal_capacity * pack.parallel * pack.series
    assert energy == pytest.approx(54_000, rel=0.06)  # Wh, gross: the car's is 55
    built = Construction(**pack.construction.model_dump())
    string = CellString(load_cell(pack.cell), pack.series, pack.parallel, construction=built)
    for _ in range(6 * 60):
        string.step(0.0, 60.0, 0.0)
    assert 3 < string.temperature.mean() < 15, "six hours after 25 degC in air of 0 degC"


@pytest.mark.parametrize("half", ["coupling: 3", "loss: 3", "housing_heat_capacity: 3"])
def test_half_a_housing_is_refused(write: Callable[[str, str], Path], pack_text: str, half: str) -> None:
    path = write("half.yaml", pack_text.replace("limits:", f"construction: {{{half}}}\nlimits:"))
    with pytest.raises(InputError, match=r"half\.yaml.*construction.*a housing needs"):
        load_pack(str(path))
