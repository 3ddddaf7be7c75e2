"""A BMS that gives up: outputs off at once, and then whose fault it is, on evidence."""

import json
from collections.abc import Iterator
from math import inf, nextafter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench import columns
from bench.columns import INDEX, bms_label, raw_label
from bench.pack import PackFile, load_pack
from bench.recording.run import TestIdentity
from bench.running.engine import DETOUR_AFTER
from bench.running.setup import Setup
from bench.safety.bms_errors import Circumstances, Reason, listen, reason_of, told
from bench.scenario import Charge, Discharge, Rest, elapsed
from bench.station import load_station
from bench.testing import TestBench
from bench.verdicts import BenchFault, PackFailure
from instruments.drivers.foxbms.blame import fault_of
from instruments.roles import CONTRADICTIONS, BmsFault, BmsMode, BmsState, ErrorOrigin, InstrumentFault, ModeLosses
from instruments.virtual import World
from tests.bench.conftest import WriteStation
from tests.bench.fakes import Plant

LONG = elapsed(minutes=10)


# --- on the virtual bench ---------------------------------------------------------------------------------------------


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[TestBench]:
    setup = Setup(*load_station("virtual-pack"), *load_pack("lfp-96s"))
    opened = TestBench(setup, tmp_path / "runs", TestIdentity("test_x.py::test_it", "test_it", "A title"))
    opened.open()
    yield opened
    opened.conclude()


def world(bench: TestBench) -> World:
    found = bench.engine.bench.world
    assert isinstance(found, World)
    return found


def gives_up(bench: TestBench, fault: str, at: float = 60.0) -> None:
    """Have the node go to ERROR for a fault, whose bits it raises with the same frame."""
    node = world(bench).part("bms")
    assert node is not None
    bench.engine.clock.every(at, lambda: node.fail(fault))


@pytest.mark.parametrize(
    ("why", "fault_id", "verdict", "words"),
    [
        ("interlock", "bms-link", "BENCH FAULT", "for what the bench did: InterlockState, INTERLOCK_FEEDBACK"),
        ("clamp 30c", "bms-link", "BENCH FAULT", "Clamp30cError"),
        ("over-current charge", "bms-link", "BENCH FAULT", "PackOvercurrentChargeError"),
        ("over-voltage", "bms-error", "FAIL", "for what it found in the pack: CELL_VOLTAGE_OVERVOLTAGE_MSL"),
        ("over-temperature", "bms-error", "FAIL", "TEMP_OVERTEMPERATURE_DISCHARGE_MSL"),
        ("something else", "bms-error-unexplained", "BENCH FAULT", "(it went from NORMAL to OPEN_CONTACTORS"),
    ],
)
def test_whose_fault_it_is_that_a_bms_gives_up(
    bench: TestBench, why: str, fault_id: str, verdict: str, words: str
) -> None:
    gives_up(bench, why)
    with pytest.raises((PackFailure, BenchFault)) as ended:
        bench.run(Charge("C/3", until=LONG))
    bench.conclude(ended.value)
    manifest = json.loads((bench.run_log.folder / "run.json").read_text(encoding="utf-8"))
    (trip,) = [event for event in bench.run_log.events if event["type"] == "trip"]
    assert manifest["verdict"] == verdict
    assert (manifest["cause"]["fault"], trip["fault"]) == (fault_id, fault_id)
    assert manifest["cause"]["blame"] == trip["blame"] == ("pack" if verdict == "FAIL" else "bench")
    assert words in manifest["cause"]["text"] == trip["text"]


def test_the_outputs_are_off_before_the_reason_is_looked_for(bench: TestBench, monkeypatch: pytest.MonkeyPatch) -> None:
    bms = bench.engine.bench.roles.bms
    seen: list[tuple[bool | None, ...]] = []

    def asked() -> ErrorOrigin:
        seen.append(world(bench).outputs().switches[:2])
        return ErrorOrigin("unknown")

    monkeypatch.setattr(bms, "error_blame", asked)
    gives_up(bench, "something else")
    with pytest.raises(BenchFault):
        bench.run(Charge("C/3", until=LONG))
    assert len(seen) > 5
    assert set(seen) == {(False, None)}  # one supply plays both roles


def test_a_reason_that_comes_a_little_later_still_counts(bench: TestBench) -> None:
    node = world(bench).part("bms")
    assert node is not None
    gives_up(bench, "something else")
    bench.engine.clock.every(60.4, lambda: node.faults.add("interlock"))
    with pytest.raises(BenchFault, match="for what the bench did: InterlockState"):
        bench.run(Charge("C/3", until=LONG))


def test_a_precharge_that_fails_is_the_packs_unless_the_bench_held_the_bus(bench: TestBench) -> None:
    world(bench).inject("precharge-fails")
    with pytest.raises(PackFailure, match="when asked for CHARGE for what it found in the pack: PrechargeVoltageError"):
        bench.run(Charge("C/3", until=LONG))


def test_a_cell_that_the_bms_finds_beyond_its_limit_is_named(bench: TestBench) -> None:
    node = world(bench).part("bms")
    assert node is not None
    bench.engine.clock.every(60.2, lambda: node.misread(cell=6, gain=1.12))
    gives_up(bench, "over-voltage", at=60.5)  # sooner than a guard that forgives a reading for a second
    with pytest.raises(PackFailure, match=r"CELL_VOLTAGE_OVERVOLTAGE_MSL; 3\.\d+ V were read at cell 7 of module 1"):
        bench.run(Charge("C/3", until=LONG))


def test_a_node_that_hears_no_request_any_more_blames_the_bench(tmp_path: Path, write_station: WriteStation) -> None:
    def impatient(station: dict[str, Any]) -> None:
        station["virtual"]["simulators"]["bms"]["request_timeout"] = 2.4

    setup = Setup(*load_station(str(write_station(impatient))), *load_pack("lfp-24s"))
    bench = TestBench(setup, tmp_path / "runs", TestIdentity("test_x.py::test_it", "test_it", "A title"))
    bench.open()
    bms = bench.engine.bench.roles.bms
    bench.engine.clock.every(60.0, lambda: vars(bms).__setitem__("request", lambda: None))
    with pytest.raises(BenchFault, match="for what the bench did: CanTimingError") as ended:
        bench.run(Charge("C/3", until=LONG))
    assert ended.value.fault == "bms-link"
    bench.conclude(ended.value)


# --- by what was measured ---------------------------------------------------------------------------------------------

PACK: PackFile = load_pack("lfp-24s")[0]
LAYOUT = (
    *(columns.TEST_TIME, columns.CURRENT, columns.SET_CURRENT, columns.AMBIENT),
    *(bms_label("bms", f"cell {what} {end}") for what in ("voltage", "temperature") for end in ("min", "max")),
    raw_label("bms", CONTRADICTIONS),
)
CALM = dict(zip(LAYOUT, (0.0, 1.0, 1.0, 25.0, 3.3, 3.4, 24.0, 26.0, 0.0), strict=True))


class Node:
    """A BMS that raises nothing of its own."""

    def __init__(self, signals: tuple[str, ...] = (), doubt: str = "") -> None:
        self.signals, self.doubt = signals, doubt

    def faults(self) -> tuple[BmsFault, ...]:
        return tuple(map(fault_of, self.signals))

    def contradiction(self) -> str:
        return self.doubt

    def left_mode(self) -> ModeLosses:
        return ModeLosses()

    def where(self, _channel: str) -> str:
        return "cell 7"


Located = dict[str, tuple[float, str]]


def reason(node: Any, *rows: dict[str, float], driving: bool = True, located: Located | None = None) -> Reason:
    values = [list((CALM | row).values()) for row in rows]
    return reason_of(node, told(node), Circumstances(PACK, LAYOUT, values, "bms", driving, located or {}))


def at(seconds: float, **values: float) -> dict[str, float]:
    """A row at `seconds`; `values` by the words of their column."""
    found = {name: value for word, value in values.items() for name in LAYOUT if word in name.lower().replace(" ", "_")}
    assert len(found) == len(values)
    return {columns.TEST_TIME: seconds} | found


CELLS = PACK.limits.cell_voltage


@pytest.mark.parametrize(
    ("row", "side", "words"),
    [
        (at(9.0), "unknown", "nobody says why"),
        (at(9.0, cell_voltage_max=CELLS.max + 0.01), "pack", "V were read at a cell, at most"),
        (at(9.0, cell_voltage_min=CELLS.min - 0.01), "pack", "V were read at a cell, at least"),
        (at(9.0, cell_voltage_max=CELLS.max), "unknown", ""),
        (at(9.0, cell_temperature_max=PACK.limits.charge_temperature.max + 1), "pack", "°C were read at a cell"),
        (at(9.0, cell_temperature_max=80.0, ambient=75.0), "unknown", ""),
        (at(9.0, cell_voltage_max=float("nan")), "unknown", ""),
    ],
)
def test_without_a_bit_what_was_read_before_decides(row: dict[str, float], side: str, words: str) -> None:
    found = reason(Node(), at(0.0), row, at(10.0))
    assert found.side == side
    assert words in found.text


def test_only_of_its_newest_extreme_does_a_bms_say_where_it_is() -> None:
    """Once the current is off another cell is the highest: the place of that one is none of the one before."""
    beyond = {"cell_voltage_max": CELLS.max + 0.01}
    assert "V were read at cell 7, at most" in reason(Node(), at(0.0), at(9.0, **beyond)).text
    assert "V were read at a cell, at most" in reason(Node(), at(0.0), at(9.0, **beyond), at(10.0)).text


@pytest.mark.parametrize(("noted", "place"), [(0.01, "cell 3"), (0.013, "cell 3"), (0.02, "a cell")])
def test_of_an_earlier_extreme_the_guard_has_noted_where_it_was(noted: float, place: str) -> None:
    """A joint that is loose for a moment: by the time that anybody asks, another cell is the highest.

    The guard may look at cells that an emulator reads back, a few mV from what the BMS says of them.
    """
    rows = at(0.0), at(9.0, cell_voltage_max=CELLS.max + 0.01), at(10.0)
    found = reason(Node(), *rows, located={columns.CELL_VOLTAGE_MAX: (CELLS.max + noted, "cell 3")})
    assert f"V were read at {place}, at most" in found.text


def test_a_cell_that_burns_beyond_what_can_be_read_is_named_by_its_node() -> None:
    hot = Node(("OvertemperatureDischargeMslError",))
    assert reason(hot, at(9.0)).text.endswith("OvertemperatureDischargeMslError; the hottest is cell 7")
    measured = reason(hot, at(9.0, cell_temperature_max=PACK.limits.charge_temperature.max + 1)).text
    assert "°C were read at cell 7" in measured.replace("a cell", "cell 7")
    assert "the hottest is" not in measured


def test_a_pulse_of_the_supply_explains_a_cell_above_its_limit() -> None:
    most = PACK.limits.charge_current
    pulse = at(9.0, cell_voltage_max=CELLS.max + 0.1) | {columns.CURRENT: 1.5 * most}
    found = reason(Node(), at(0.0), pulse, at(10.0))
    assert found.side == "bench"
    assert f"{1.5 * most:.4g} A flowed, at most {1.05 * most:.4g} A are allowed" in found.text


def test_what_is_long_past_explains_nothing() -> None:
    for time, side in ((15.0, "pack"), (nextafter(15.0, inf), "unknown"), (16.0, "unknown")):
        assert reason(Node(), at(0.0, cell_voltage_max=CELLS.max + 0.1), at(time)).side == side


@pytest.mark.parametrize(("left", "words"), [("", ""), ("it went to OPEN", " (it went to OPEN)")])
def test_where_nobody_says_why_what_it_was_asked_for_last_stands_beside_it(left: str, words: str) -> None:
    class Leaving(Node):
        def left_mode(self) -> ModeLosses:
            return ModeLosses(1, text=left)

    told = f"and nobody says why{words}; look at its own log, its supply and its wiring"
    assert reason(Leaving(), at(0.0)) == Reason("unknown", told)


def test_a_node_that_contradicts_itself_is_no_evidence() -> None:
    node = Node(("MainFuseBlown",), doubt="a second node sends 0x220 as well")
    assert reason(node, at(0.0), at(5.0)).side == "pack"
    found = reason(node, at(0.0), at(5.0, contradictions=3.0))
    assert (found.side, "a second node" in found.text) == ("unknown", True)


@pytest.mark.parametrize(("driving", "side"), [(True, "bench"), (False, "pack")])
def test_precharge_fails_for_the_bench_when_it_holds_the_bus(driving: bool, side: str) -> None:
    assert reason(Node(("PrechargeVoltageError",)), at(0.0), driving=driving).side == side


def test_a_node_that_cannot_be_heard_blames_nobody() -> None:
    class Silent(Node):
        def faults(self) -> tuple[BmsFault, ...]:
            raise InstrumentFault("never heard")

    assert reason(Silent(), at(0.0)).side == "unknown"


def test_the_reason_is_waited_for_no_longer_than_it_takes() -> None:
    now, node = [0.0], Node(("GeneralError",))
    found = listen(node, lambda: now[0], lambda seconds: now.__setitem__(0, round(now[0] + seconds, 9)))  # type: ignore[arg-type]
    assert found.side == "unknown"
    assert now == [1.0]  # ten looks, a tenth of a second apart


# --- asking for a mode ------------------------------------------------------------------------------------------------


def test_a_node_that_changes_its_mode_only_by_way_of_standby_is_led_there(
    little_bench: TestBench, plant: Plant
) -> None:
    """A foxBMS in DISCHARGE listens to nothing but STANDBY."""
    little_bench.run(Discharge(1.0, until=elapsed(seconds=30)))
    wanted = {BmsMode.CHARGE: BmsState.CHARGE, BmsMode.STANDBY: BmsState.STANDBY, BmsMode.DISCHARGE: BmsState.DISCHARGE}

    def stubborn() -> None:
        state = plant.bms_state or BmsState.DISCHARGE
        if plant.bms_mode is BmsMode.STANDBY or state is BmsState.STANDBY:
            plant.bms_state = wanted[plant.bms_mode]
        else:
            plant.bms_state = state

    plant.on_scan.append(stubborn)
    plant.calls.clear()
    asked = plant.now()
    little_bench.run(Charge(1.0, until=elapsed(seconds=30)))
    requests = [call for call in plant.calls if call.startswith("request")]
    assert requests[:3] == ["request CHARGE", "request STANDBY", "request CHARGE"]
    assert plant.now() - asked > DETOUR_AFTER


def test_the_bms_hears_its_request_until_the_next_scan_and_no_longer(
    bench: TestBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    promised: list[float] = []
    monkeypatch.setattr(bench.engine.bench.roles.bms, "keep_asking", promised.append)
    bench.run(Rest(until=elapsed(seconds=60)))
    station = bench.engine.bench.station
    assert promised[:-1] == pytest.approx([station.rest_scan_period] * 6)
    assert promised[-1] == station.supervisor.idle


def test_a_bms_that_wants_to_be_asked_stays_closed_through_a_rest(tmp_path: Path, write_station: WriteStation) -> None:
    """Scans are 10 s apart there; the clock of the bench asks in between, a virtual one as well where it is told to."""

    def impatient(station: dict[str, Any]) -> None:
        station["virtual"]["simulators"]["bms"]["request_timeout"] = 1.4
        station["instruments"]["bms"]["options"] = {"cyclic_request": True}

    setup = Setup(*load_station(str(write_station(impatient))), *load_pack("lfp-24s"))
    bench = TestBench(setup, tmp_path / "runs", TestIdentity("test_x.py::test_it", "test_it", "A title"))
    bench.open()
    record = bench.run(Charge("C/3", until=elapsed(seconds=30)), Rest(until=elapsed(minutes=2)))
    assert record.rows[-5:, INDEX[columns.BMS_STATE]].tolist() == [BmsState.CLOSED] * 5
    bench.conclude()


@pytest.mark.parametrize(("clock", "real", "period"), [("virtual", False, 2.0), ("wall", True, 2.0 * 60)])
def test_links_live_in_real_time_where_the_clock_does(
    monkeypatch: pytest.MonkeyPatch, bench: TestBench, clock: str, real: bool, period: float
) -> None:
    """On a served bench that runs 60 times as fast, a cycle of 2 s on the bus is two minutes of the bench."""
    opened, periods = bench.engine.bench, list[float]()
    noting = SimpleNamespace(kind=clock, now=None, sleep=None, every=lambda period, _callback: periods.append(period))
    with monkeypatch.context() as patched:
        patched.setattr(opened, "clock", noting)
        patched.setattr(type(opened.station), "speed", 60.0)
        context = opened._context("bms")
        assert context.every is not None
        context.every(2.0, lambda: None)
    assert (context.real_time, periods) == (real, [period])


@pytest.mark.parametrize(
    ("why", "fault_id", "verdict"),
    [("over-temperature", "outside-heat", "BENCH FAULT"), ("over-voltage", "bms-error", "FAIL")],
)
def test_a_chamber_that_heats_excuses_the_bit_for_a_hot_cell_and_no_other(
    bench: TestBench, why: str, fault_id: str, verdict: str
) -> None:
    """The node gives up while more heat is suspected from outside than the guard ends a run for."""
    heat = bench.engine.sampler.guard
    world(bench).inject("chamber-lies:300")
    node = world(bench).part("bms")
    assert node is not None

    def give_up(_row: list[float]) -> None:
        if heat.explanation("cell-over-temperature") is not None:
            node.fail(why)

    bench.engine.sampler.observers.append(give_up)
    with pytest.raises((PackFailure, BenchFault)) as ended:
        bench.run(Charge("C/2", until=LONG))
    bench.conclude(ended.value)
    manifest = json.loads((bench.run_log.folder / "run.json").read_text(encoding="utf-8"))
    assert (manifest["cause"]["fault"], manifest["verdict"]) == (fault_id, verdict)
