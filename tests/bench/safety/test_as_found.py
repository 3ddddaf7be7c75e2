"""The bench as it is found: OFF to what is powerful first, whatever is wrong with the rest, and what was on is told.

On served benches over real sockets where it matters what was sent and what is on afterwards; on fakes where an order
does.
"""

import gc
import json
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import date
from math import nan
from pathlib import Path
from threading import Event, Thread
from threading import enumerate as enumerate_threads
from typing import Any

import pytest
import yaml

from bench.clock import Clock, VirtualClock, WallClock
from bench.pack import load_pack
from bench.players import position as position_of
from bench.recording.run import TestIdentity
from bench.running import lifecycle
from bench.running.setup import Setup
from bench.safety import asfound, livebus, powercut
from bench.scenario import Charge, elapsed
from bench.station import load_station
from bench.testing import TestBench
from bench.verdicts import BenchFault
from campaign.served import ServedBench, served
from instruments.roles import BmsMode, BmsState, InstrumentFault
from instruments.wires import kinds
from instruments.wires.context import LinkContext
from tests.bench.cli_support import Change, packbench_here
from tests.bench.fakes import FakeBms, FakeChamber, FakeSupply, Plant

pytestmark = pytest.mark.real_time(65)

OFF = {"supply": "OUTP OFF", "load": "LOAD OFF", "emulator": "OUTP:ONOFF 0"}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedBench]:
    """One served module for the whole file: whoever was here before is part of what is tested."""
    with served(tmp_path_factory.mktemp("found"), speed=5) as running:
        yield running


def left_on(bench: ServedBench) -> None:
    """Somebody switches supply and load on from another computer, and goes."""
    commands = {"supply": ["SYST:LOCK 1", "VOLT 50", "CURR 1", "OUTP ON"], "load": ["CHAN 1", "LOAD ON"]}
    for name, messages in commands.items():
        with socket.create_connection(("127.0.0.1", bench.port(name)), timeout=10) as line, line.makefile("rw") as wire:
            wire.write("".join(f"{message}\n" for message in [*messages, "*IDN?"]))
            wire.flush()
            assert wire.readline()
    bench.wait_for("state", supply=True)


def changed(bench: ServedBench, folder: Path, change: Change) -> Setup:
    station = yaml.safe_load(bench.station.read_text(encoding="utf-8"))
    change(station)
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(station, sort_keys=False), encoding="utf-8")
    return Setup(*load_station(str(path)), *load_pack("lfp-24s"))


def under_test(setup: Setup, folder: Path) -> TestBench:
    return TestBench(setup, folder / "runs", TestIdentity("x", "x", "x"), supervised=False)


@contextmanager
def saying_nothing() -> Iterator[int]:
    """A gateway that accepts and then says nothing, for ever; its port."""
    held: list[socket.socket] = []

    def accept(server: socket.socket) -> None:
        while True:
            try:
                held.append(server.accept()[0])
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=accept, args=(server,), daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    for connection in held:
        connection.close()


def is_off(bench: ServedBench) -> bool:
    last = bench.logged("state")[-1]
    return not (last["supply"] or last["load"])


def closed_chamber(station: dict[str, Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    station["instruments"]["chamber"]["resource"] = f"TCPIP0::127.0.0.1::{port}::SOCKET"


def overdue(station: dict[str, Any]) -> None:
    station["instruments"]["load"]["calibration_due"] = date(2020, 1, 1)


def somebody_else(station: dict[str, Any]) -> None:
    station["instruments"]["supply"]["expect"] = {"model": "PSB 11000-80"}


def too_weak_wiring(station: dict[str, Any]) -> None:
    station["wiring"]["voltage"] = 60


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (closed_chamber, "chamber"), (overdue, "its calibration was due"), (somebody_else, "its model should be"),
        (too_weak_wiring, "the wiring of station"),
    ],
)  # fmt: skip
def test_whatever_keeps_a_bench_from_opening_what_was_on_is_off_and_told(
    bench: ServedBench, tmp_path: Path, wrong: Change, said: str
) -> None:
    left_on(bench)
    test = under_test(changed(bench, tmp_path, wrong), tmp_path)
    with pytest.raises(Exception, match=said):
        test.open()
    assert is_off(bench)
    manifest = json.loads((test.run_log.folder / "run.json").read_text(encoding="utf-8"))
    assert (manifest["found"]["supply"], manifest["found"]["load"]) == (True, True)
    assert manifest["bench_verdict"] is not None
    told = [event["instrument"] for event in test.run_log.events if event["type"] == "found on"]
    assert {"supply", "load"} <= set(told)
    warned = [event["text"] for event in test.run_log.events if event.get("fault") == "found-on"]
    assert any("supply was switched on when the bench was opened" in text for text in warned)


def test_who_is_not_who_he_should_be_was_told_off_and_is_not_believed(bench: ServedBench, tmp_path: Path) -> None:
    left_on(bench)
    test = under_test(changed(bench, tmp_path, somebody_else), tmp_path)
    with pytest.raises(BenchFault):
        test.open()
    steps = {step["name"]: step for step in test.run_log.manifest["bench_verdict"]["steps"]}
    assert is_off(bench)
    assert steps["source off"]["verified"] is False
    assert "its model should be 'PSB 11000-80'" in steps["source off"]["detail"]
    assert steps["sink off"]["verified"] is True


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_gateway_that_says_nothing_keeps_nobody_from_being_switched_off(
    bench: ServedBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asfound, "OPEN_LIMIT", 1.0)
    left_on(bench)
    with saying_nothing() as port:
        mute: Change = lambda station: station["instruments"]["bms"]["can"].update(port=port)  # noqa: E731
        test = under_test(changed(bench, tmp_path, mute), tmp_path)
        with pytest.raises(InstrumentFault, match="bms could not be opened within 1 s"):
            test.open()
    assert is_off(bench)
    assert test.run_log.manifest["found"]["supply"] is True
    assert test.run_log.manifest["bench_verdict"]["state"] == "not verified"
    # python-can leaves the socket of a handshake that failed to the collector: its warning belongs to this test.
    for left_behind in [thread for thread in enumerate_threads() if thread.name == "packbench-limited"]:
        left_behind.join(5)
    gc.collect()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_while_a_gateway_says_nothing_ends_with_what_was_on_off_and_told(
    bench: ServedBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asfound, "OPEN_LIMIT", 1.0)
    left_on(bench)
    asked: list[float] = []

    def tired(futures: Any, limit: float) -> Any:
        if not asked:
            asked.append(limit)
            raise KeyboardInterrupt
        return wait(futures, limit)

    monkeypatch.setattr(asfound, "wait", tired)
    with saying_nothing() as port:
        mute: Change = lambda station: station["instruments"]["bms"]["can"].update(port=port)  # noqa: E731
        test = under_test(changed(bench, tmp_path, mute), tmp_path)
        with pytest.raises(KeyboardInterrupt) as ended:
            test.open()
        conclusion = test.conclude(ended.value)
    assert is_off(bench)
    assert (test.run_log.manifest["found"]["supply"], test.run_log.manifest["found"]["load"]) == (True, True)
    steps = {step.name: step for step in conclusion.bench.steps}
    assert (steps["source off"].verified, steps["contactor open"].verified) == (True, False)
    del ended  # what was going on holds the link that failed
    for left_behind in [thread for thread in enumerate_threads() if thread.name == "packbench-limited"]:
        left_behind.join(5)
    gc.collect()


def test_a_bench_that_was_left_on_is_opened_off_and_the_first_words_say_so(bench: ServedBench, tmp_path: Path) -> None:
    left_on(bench)
    before = len(bench.logged("command"))
    test = under_test(changed(bench, tmp_path, lambda _station: None), tmp_path)
    test.open()
    try:
        assert is_off(bench)
        said = bench.logged("command")[before:]
        for name, off in OFF.items():
            words = [event["message"] for event in said if event["instrument"] == name]
            before_off = words[: next(index for index, word in enumerate(words) if word.startswith(off))]
            assert all("?" in word or word.startswith(("SYST:LOCK", "CHAN")) for word in before_off), words
        kept = test.run_log.manifest
        assert (kept["found"]["supply"], kept["found"]["load"]) == (True, True)
        assert {each["instrument"] for each in kept["power_cut"]} == {"supply", "load", "emulator", "chamber", "bms"}
    finally:
        assert test.conclude().verdict == "PASS"


def test_check_tells_what_it_found_on_and_what_a_power_cut_leaves_on(bench: ServedBench) -> None:
    left_on(bench)
    answer = packbench_here("check", bench.station)
    assert answer.status == 0, answer.out
    assert "FOUND ON  supply: it was switched on when the bench was opened." in answer.out
    (line,) = [line for line in answer.out.splitlines() if line.startswith("POWER CUT")]
    for_ever, _, by_itself = line.partition(" for ever")
    for name in ("load (input)", "emulator (channels)", "chamber (conditioning)"):
        assert name in for_ever
    assert "by itself ends supply (output) after" in by_itself
    assert "bms (contactor) after 5 s: from then on no current flows through the pack" in by_itself
    assert powercut.ADVICE_BEHIND_A_CONTACTOR in line
    assert is_off(bench)


# --- on fakes -----------------------------------------------------------------------------------------------------


def test_off_comes_before_anybody_is_asked_who_he_is(new_bench: Callable[..., TestBench], plant: Plant) -> None:
    plant.source_on = True
    bench = new_bench()
    bench.open()
    off = [plant.calls.index(word) for word in ("sink_off", "source_off")]
    asked = [index for index, call in enumerate(plant.calls) if call.startswith(("identify", "protect"))]
    assert max(off) < min(asked)
    assert bench.run_log.manifest["found"] == {"bms": False, "chamber": False, "supply": True}
    bench.conclude()


@pytest.mark.parametrize("says", [True, InstrumentFault("supply does not answer")])
def test_who_says_that_he_is_off_or_says_nothing_is_told_off_before_it_is_known_who_he_is(
    new_bench: Callable[..., TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch, says: bool | Exception
) -> None:
    plant.source_on = True

    def answer(_self: FakeSupply) -> bool:
        if isinstance(says, Exception):
            raise says
        return says

    with monkeypatch.context() as patch:
        patch.setattr(FakeSupply, "source_is_off", answer)
        patch.setattr(FakeSupply, "sink_is_off", answer)
        plant.fail["identify supply"] = InstrumentFault("supply is somebody else")
        with pytest.raises(InstrumentFault):
            new_bench().open()
    before = plant.calls[: plant.calls.index("identify supply")]
    assert {"sink_off", "source_off"} <= set(before)


def test_an_output_that_cannot_be_switched_off_keeps_the_bench_closed(
    new_bench: Callable[..., TestBench], plant: Plant
) -> None:
    plant.source_on = plant.switches_stuck = True
    bench = new_bench()
    with pytest.raises(BenchFault, match="was switched on as it was found, and does not switch off"):
        bench.open()
    assert bench.run_log.manifest["cause"]["fault"] == "stays-on"
    assert "request CHARGE" not in plant.calls


def test_what_does_not_say_whether_it_is_on_is_told_off_all_the_same(
    new_bench: Callable[..., TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.source_on = True
    plant.fail["source_is_off"] = plant.fail["sink_is_off"] = InstrumentFault("supply does not answer")
    plant.fail["identify supply"] = InstrumentFault("supply does not answer")
    with pytest.raises(InstrumentFault):
        new_bench().open()
    assert not plant.source_on


def test_who_does_not_answer_once_is_told_off_before_anything_else_is_asked(
    new_bench: Callable[..., TestBench], plant: Plant
) -> None:
    """A question that nobody answers takes seconds, and OFF would wait behind each of them."""
    plant.source_on = True
    for verb in ("source_is_off", "sink_is_off", "identify supply"):
        plant.fail[verb] = InstrumentFault("supply does not answer")
    with pytest.raises(InstrumentFault):
        new_bench().open()
    before = plant.calls[: min(plant.calls.index(verb) for verb in ("source_off", "sink_off"))]
    assert sum(verb in {"source_is_off", "sink_is_off"} for verb in before) == 1


def test_a_chamber_that_conditions_is_told_and_left_alone(new_bench: Callable[..., TestBench], plant: Plant) -> None:
    plant.conditioning = True
    bench = new_bench()
    bench.open()
    assert plant.conditioning
    assert bench.run_log.manifest["found"]["chamber"] is True
    bench.conclude()


# --- opening that does not come to its end ------------------------------------------------------------------------


EMULATOR = '  emulator: {driver: "tests.bench.fakes:FakeEmulator", resource: plant, roles: [emulator]}\nwiring'


def test_channels_that_were_left_on_go_off_behind_the_outputs_and_before_anybody_is_asked_who_he_is(
    new_bench: Callable[..., TestBench], plant: Plant, station_text: str
) -> None:
    plant.source_on = plant.emulator_on = True
    bench = new_bench(station=station_text.replace("wiring", EMULATOR))
    bench.open()
    first = min(index for index, call in enumerate(plant.calls) if call.startswith("identify"))
    assert plant.calls.index("source_off") < plant.calls.index("emulator_off") < first
    assert bench.run_log.manifest["found"]["emulator"] is True
    bench.conclude()


# --- on fakes, in real time ---------------------------------------------------------------------------------------


@pytest.fixture
def setup(plant: Plant, station_text: str, pack_text: str, write: Callable[[str, str], Path]) -> Setup:
    """Of the bench of fakes, whose links are opened in threads."""
    files = str(write("station.yaml", station_text)), str(write("pack.yaml", pack_text))
    return Setup(*load_station(files[0]), *load_pack(files[1]))


def test_what_links_are_opened_with_is_imported_before_the_first_is_opened(
    setup: Setup, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads that asked for the first VISA library at once could each get one."""
    visa = replace(kinds.KINDS[""], prepare=lambda _library: plant.calls.append("prepare"))
    monkeypatch.setitem(kinds.KINDS, "", visa)
    lifecycle.OpenBench(setup).close()
    opened = [call for call in plant.calls if call == "prepare" or call.startswith("open ")]
    assert opened[:4] == ["prepare"] * 4
    assert len(opened) == 8


def test_a_link_that_takes_more_than_a_look_to_open_is_waited_for(
    setup: Setup, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It opens while it is looked for the second time."""
    looks, reached, called = list[float](), Event(), plant.called

    def look(futures: Any, limit: float) -> Any:
        looks.append(limit)
        if len(looks) == 2:
            reached.set()
        return wait(futures, limit)

    def slowly(what: str) -> None:
        if what == "open supply":
            reached.wait(60)
        called(what)

    monkeypatch.setattr(asfound, "wait", look)
    monkeypatch.setattr(plant, "called", slowly)
    try:
        lifecycle.OpenBench(setup).close()
    finally:
        reached.set()
    assert len(looks) >= 2


def test_a_driver_that_does_not_close_keeps_no_other_link_open(
    setup: Setup, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The links close in the reverse order of their opening: it is the first, and goes once the last has gone."""
    bench, closed, waited, called = lifecycle.OpenBench(setup), Event(), list[bool](), plant.called
    order = list(bench.drivers)

    def hang(what: str) -> None:
        called(what)
        if what == f"close {order[-1]}":
            waited.append(closed.wait(20))
        elif what == f"close {order[0]}":
            closed.set()

    monkeypatch.setattr(plant, "called", hang)
    monkeypatch.setattr(lifecycle, "STEP_LIMIT", 0.05)
    bench.close()
    assert {f"close {name}" for name in order} <= set(plant.calls)
    for left_behind in [thread for thread in enumerate_threads() if thread.name == "packbench-limited"]:
        left_behind.join(60)
    assert waited == [True]


def raising_once(kind: type, verb: str, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a verb of a fake raise when it is called the next time, and do what it does from then on."""
    whole, left = getattr(kind, verb), [error]

    def once(*arguments: Any) -> Any:
        if left:
            raise left.pop()
        return whole(*arguments)

    monkeypatch.setattr(kind, verb, once)


def test_ctrl_c_while_links_are_opened_leaves_what_was_on_off_and_verified_and_told(
    new_bench: Callable[..., TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.source_on = True
    raising_once(FakeBms, "open", KeyboardInterrupt(), monkeypatch)
    bench = new_bench()
    with pytest.raises(KeyboardInterrupt) as asked:
        bench.open()
    conclusion = bench.conclude(asked.value)
    kept = bench.run_log.manifest
    assert (conclusion.verdict, kept["found"]["supply"], kept["bench_verdict"]["safe"]) == ("ABORTED", True, True)
    assert {"source_off", "chamber_rest", "close supply", "close bms"} <= set(plant.calls)
    assert "supply" in [event["instrument"] for event in bench.run_log.events if event["type"] == "found on"]


def test_an_output_that_stays_on_when_opening_was_interrupted_is_told_as_not_verified(
    new_bench: Callable[..., TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.source_on = plant.switches_stuck = True

    def impatient(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(FakeBms, "open", impatient)
    bench = new_bench()
    with pytest.raises(KeyboardInterrupt) as asked:
        bench.open()
    bench.conclude(asked.value)
    steps = {step["name"]: step for step in bench.run_log.manifest["bench_verdict"]["steps"]}
    assert steps["source off"]["verified"] is steps["contactor open"]["verified"] is False
    assert plant.calls[-1] == "close supply"


def test_a_request_while_a_bench_is_given_up_waits_until_it_is_safe(
    new_bench: Callable[..., TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.fail["identify chamber"] = InstrumentFault("chamber does not answer")
    rest = FakeChamber.chamber_rest

    def asked_meanwhile(chamber: FakeChamber) -> None:
        signal.raise_signal(signal.SIGINT)
        rest(chamber)

    monkeypatch.setattr(FakeChamber, "chamber_rest", asked_meanwhile)
    bench = new_bench()
    with pytest.raises(KeyboardInterrupt) as asked:
        bench.open()
    assert {"chamber_rest", "close supply"} <= set(plant.calls)
    assert bench.conclude(asked.value).bench is not None


def test_a_safe_state_that_fails_itself_is_not_verified_and_the_links_close(
    new_bench: Callable[..., TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.fail["identify chamber"] = InstrumentFault("chamber does not answer")

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(lifecycle, "safe_state", fails)
    bench = new_bench()
    with pytest.raises(InstrumentFault, match="chamber does not answer"):
        bench.open()
    verdict = bench.run_log.manifest["bench_verdict"]
    assert verdict["state"] == "not verified"
    assert "a mistake of ours" in verdict["steps"][0]["detail"]
    assert "close supply" in plant.calls


def test_a_run_ends_and_its_links_close_though_its_safe_state_fails_itself(
    new_bench: Callable[..., TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("a mistake of ours")

    bench = new_bench()
    bench.open()
    monkeypatch.setattr(lifecycle, "safe_state", fails)
    conclusion = bench.conclude()
    assert conclusion.verdict == "BENCH FAULT"
    assert bench.run_log.manifest["bench_verdict"]["state"] == "not verified"
    assert "close supply" in plant.calls
    assert bench.conclude().bench == conclusion.bench


@pytest.mark.parametrize("verb", ["identify chamber", "source_is_off", "source_off"])
def test_a_driver_that_stumbles_over_an_answer_keeps_nobody_from_being_switched_off(
    new_bench: Callable[..., TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    plant.source_on = plant.sink_on = True
    plant.fail[verb] = ValueError("invalid literal for int(): '7#'")
    plant.fail.setdefault("identify supply", InstrumentFault("supply does not say who it is"))
    bench = new_bench()
    with pytest.raises((ValueError, InstrumentFault, BenchFault)):
        bench.open()
    assert not plant.sink_on
    assert plant.source_on is (verb == "source_off")
    assert bench.run_log.manifest["bench_verdict"]["safe"] is False
    assert "close supply" in plant.calls


# --- a contactor --------------------------------------------------------------------------------------------------


def test_a_contactor_that_was_left_closed_is_opened_first_and_told(
    new_bench: Callable[..., TestBench], plant: Plant
) -> None:
    plant.source_on, plant.bms_mode = True, BmsMode.CHARGE
    bench = new_bench()
    bench.open()
    calls = plant.calls
    opened = calls.index("request STANDBY")
    assert max(calls.index(word) for word in ("sink_off", "source_off")) < opened
    assert opened < min(index for index, call in enumerate(calls) if call.startswith(("identify", "protect")))
    assert bench.run_log.manifest["found"]["bms"] is True
    assert "bms" in [event["instrument"] for event in bench.run_log.events if event["type"] == "found on"]
    (told,) = [
        event["text"] for event in bench.run_log.events if "bms had its contactor closed" in event.get("text", "")
    ]
    assert told.endswith("when the bench was opened; whoever used it before left it on.")
    bench.conclude()


def test_a_contactor_is_left_to_the_safe_state_while_an_output_does_not_say_that_it_is_off(
    new_bench: Callable[..., TestBench], plant: Plant
) -> None:
    plant.source_on = plant.switches_stuck = True
    plant.bms_mode = BmsMode.CHARGE
    plant.fail["source_is_off"] = plant.fail["identify supply"] = InstrumentFault("supply does not answer")
    with pytest.raises(InstrumentFault, match="supply does not answer"):
        new_bench().open()
    identified = min(index for index, call in enumerate(plant.calls) if call.startswith("identify"))
    assert "request STANDBY" not in plant.calls[:identified]


@pytest.mark.parametrize("state", [BmsState.PRECHARGE, BmsState.CLOSED, BmsState.DISCHARGE, BmsState.CHARGE])
def test_a_contactor_that_does_not_open_keeps_the_bench_closed(
    new_bench: Callable[..., TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch, state: BmsState
) -> None:
    """One that precharges is about to close, and has one closed already."""
    monkeypatch.setattr(FakeBms, "state", lambda _self: state)
    with pytest.raises(BenchFault, match="contactor still reads closed") as refused:
        new_bench().open()
    assert refused.value.fault == "stays-on"


def test_a_bms_that_stumbles_over_being_asked_to_open_keeps_the_bench_closed(
    new_bench: Callable[..., TestBench], plant: Plant
) -> None:
    plant.bms_mode = BmsMode.CHARGE
    plant.fail["request STANDBY"] = ValueError("invalid literal for int(): '7#'")
    with pytest.raises(BenchFault, match="contactor still reads closed") as refused:
        new_bench().open()
    assert refused.value.fault == "stays-on"


@pytest.mark.parametrize(("takes", "opens"), [(3.7, True), (60.0, False)])
def test_a_contactor_that_is_opening_is_waited_for_as_long_as_that_may_take(
    new_bench: Callable[..., TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch, takes: float, opens: bool
) -> None:
    """A foxBMS waits 3 s for a current to fall, and says meanwhile that it is opening: it stays on in no sense."""
    plant.source_on, plant.bms_mode = True, BmsMode.CHARGE
    looks = round(takes / asfound.LOOK)
    state = FakeBms.state

    def opening(bms: FakeBms) -> BmsState:
        nonlocal looks
        if "request STANDBY" not in plant.calls or looks == 0:
            return state(bms)
        looks -= 1
        return BmsState.OPENING

    monkeypatch.setattr(FakeBms, "state", opening)
    bench = new_bench()
    with nullcontext() if opens else pytest.raises(BenchFault, match="has been opening for 6 s") as refused:
        bench.open()
    assert bench.run_log.manifest["found"]["bms"] is True
    if opens:
        bench.conclude()
    else:
        assert refused.value.fault == "stays-on"


def test_of_a_node_that_is_opening_only_that_is_told_and_it_is_asked_all_the_same(
    new_bench: Callable[..., TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A foxBMS that was only just switched on opens contactors that nobody has ever closed."""
    state, since = FakeBms.state, plant.now()
    monkeypatch.setattr(FakeBms, "state", lambda bms: BmsState.OPENING if plant.now() < since + 0.7 else state(bms))
    bench = new_bench()
    bench.open()
    assert "request STANDBY" in plant.calls
    assert plant.now() >= since + 0.7
    assert bench.run_log.manifest["found"]["bms"] is True
    (told,) = (each["text"] for each in bench.run_log.events if each.get("fault") == "found-on")
    assert "bms was opening its contactors when the bench was opened; they had been closed, or it was only" in told
    assert "left it on" not in told
    bench.conclude()


@pytest.mark.parametrize(("silent", "found"), [(0.95, True), (1.25, None)])
def test_a_bms_is_listened_to_for_a_second(
    new_bench: Callable[..., TestBench],
    plant: Plant,
    monkeypatch: pytest.MonkeyPatch,
    silent: float,
    found: bool | None,
) -> None:
    """It sends its state ten times in that: who is not heard by then is not waited for."""
    plant.bms_mode = BmsMode.CHARGE
    state, first = FakeBms.state, list[float]()

    def unheard(bms: FakeBms) -> BmsState:
        first.append(plant.now())
        if plant.now() - first[0] < silent:
            raise InstrumentFault("bms has never sent its state")
        return state(bms)

    monkeypatch.setattr(FakeBms, "state", unheard)
    bench = new_bench()
    bench.open()
    assert bench.run_log.manifest["found"]["bms"] is found
    bench.conclude()


@pytest.mark.parametrize(
    ("says", "takes", "refusal"),
    [
        (BmsState.CHARGE, 1.95, ""),
        (BmsState.CHARGE, 2.25, "contactor still reads closed"),
        (BmsState.OPENING, 5.95, ""),
        (BmsState.OPENING, 6.25, "contactor has been opening for 6 s"),
    ],
)
def test_a_contactor_may_take_two_seconds_to_begin_and_six_to_be_open(
    new_bench: Callable[..., TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch, says: BmsState, takes: float,
    refusal: str,
) -> None:  # fmt: skip
    plant.bms_mode = BmsMode.CHARGE
    state, since = FakeBms.state, list[float]()

    def slow(bms: FakeBms) -> BmsState:
        if "request STANDBY" not in plant.calls:
            return state(bms)
        since.append(plant.now())
        return says if plant.now() - since[0] < takes else BmsState.STANDBY

    monkeypatch.setattr(FakeBms, "state", slow)
    bench = new_bench()
    with pytest.raises(BenchFault, match=refusal) if refusal else nullcontext():
        bench.open()
    if not refusal:
        bench.conclude()


@pytest.mark.parametrize("broken", ["open supply", "source_is_off", "sink_is_off"])
def test_a_contactor_is_not_opened_where_nobody_knows_whether_a_current_flows(
    new_bench: Callable[..., TestBench], plant: Plant, broken: str
) -> None:
    """A supply that cannot be opened, or does not say that it is off, may be charging."""
    plant.source_on = plant.switches_stuck = True
    plant.bms_mode, plant.set_current, plant.set_voltage = BmsMode.CHARGE, 1.0, 14.0
    plant.fail[broken] = plant.fail["identify supply"] = InstrumentFault("supply does not answer")
    with pytest.raises((InstrumentFault, BenchFault)):
        new_bench().open()
    assert "request STANDBY" not in plant.calls
    assert plant.state is BmsState.CHARGE


def test_a_bms_that_is_not_heard_does_not_say_and_is_not_told(
    new_bench: Callable[..., TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = FakeBms.state

    def state(bms: FakeBms) -> BmsState:
        if not any(call.startswith("identify") for call in plant.calls):
            raise InstrumentFault("bms has never sent its state")
        return heard(bms)

    monkeypatch.setattr(FakeBms, "state", state)
    bench = new_bench()
    bench.open()
    assert bench.run_log.manifest["found"]["bms"] is None
    bench.conclude()


# --- a live bus ---------------------------------------------------------------------------------------------------


# The pack has 13 V; meters may differ by 0.28 V.
@pytest.mark.parametrize("volts", [61.0, 400.0, 20.0, 13.5, float("nan")])
def test_no_contactor_closes_onto_a_bus_that_is_not_the_pack_s(
    little_bench: TestBench, plant: Plant, volts: float
) -> None:
    plant.bus = volts
    asked = little_bench.engine.clock.now()
    with pytest.raises(BenchFault, match="The contactors were not asked to close: supply reads") as refused:
        little_bench.run(Charge(1.0, elapsed(seconds=5)))
    waited, discharge = little_bench.engine.clock.now() - asked, little_bench.station.safe_state.discharge
    assert discharge <= waited < 1.5 * discharge
    assert refused.value.fault == "live-bus"
    assert f"request {BmsMode.CHARGE.name}" not in plant.calls
    plant.bus = None


@pytest.mark.parametrize("volts", [0.0, 5.0, 12.5, 13.0])
def test_a_dead_bus_and_one_with_the_pack_s_voltage_are_closed_onto(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch, volts: float
) -> None:
    plant.bus = volts
    plant.on_scan.append(lambda: setattr(plant, "bus", None if plant.bms_mode is BmsMode.CHARGE else volts))
    little_bench.run(Charge(1.0, elapsed(seconds=5)))
    assert f"request {BmsMode.CHARGE.name}" in plant.calls


@pytest.mark.parametrize(("volts", "refused"), [(0.0, False), (12.19, False), (12.2, True), (61.0, True)])
def test_behind_a_bms_that_tells_no_voltage_only_a_bus_that_is_safe_to_touch_is_closed_onto(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch, volts: float, refused: bool
) -> None:
    """Some nodes measure it only once they precharge: then a pack is taken to have its lowest voltage."""
    bench, plant.bus = little_bench.engine.bench, volts
    assert bench.pack.voltage_min == pytest.approx(12.2)
    collect = FakeBms.collect

    def blind(self: FakeBms) -> list[float]:
        values = collect(self)
        values[position_of(FakeBms.channels, "pack voltage")] = nan
        return values

    with monkeypatch.context() as patch, pytest.raises(BenchFault) if refused else nullcontext():
        patch.setattr(FakeBms, "collect", blind)
        livebus.refuse(bench.roles, bench.station, bench.pack, bench.clock, lambda _seconds: None)
    plant.bus = None


@pytest.mark.parametrize(
    ("volts", "dead"),
    [(4.9, True), (5.0, False), (5.1, False), (-4.9, True), (-5.0, False), (12.71, False), (12.73, True)],
)
def test_a_bus_is_dead_below_the_voltage_that_the_station_states(
    little_bench: TestBench, plant: Plant, volts: float, dead: bool
) -> None:
    """5 V here, either way; and a pack of 13 V has a bus of 13 V, to 0.28 V."""
    bench, plant.bus = little_bench.engine.bench, volts
    safe = bench.station.safe_state.model_copy(update={"bus_voltage": 5.0})
    station = bench.station.model_copy(update={"safe_state": safe})
    with nullcontext() if dead else pytest.raises(BenchFault, match="were not asked to close"):
        livebus.refuse(bench.roles, station, bench.pack, bench.clock, lambda _seconds: None)
    plant.bus = None


@pytest.mark.parametrize(("discharge", "looks"), [(0.0, 0), (0.1, 1), (0.2, 2), (0.25, 3)])
def test_a_bus_is_looked_at_until_it_may_have_discharged_and_not_once_more(
    little_bench: TestBench, plant: Plant, discharge: float, looks: int
) -> None:
    """Every tenth of a second, and whoever watches is told each time how long two answers may take."""
    bench, plant.bus, told = little_bench.engine.bench, 61.0, list[float]()
    safe = bench.station.safe_state.model_copy(update={"discharge": discharge})
    station, clock = bench.station.model_copy(update={"safe_state": safe}), VirtualClock()
    with pytest.raises(BenchFault, match=r"supply reads 61\.0 V on the bus, and the pack has 13\.0 V"):
        livebus.refuse(bench.roles, station, bench.pack, clock, told.append)
    assert told == [livebus.LOOK_TAKES] * looks
    assert clock.now() == pytest.approx(0.1 * looks)
    plant.bus = None


def test_a_bus_that_is_still_falling_is_waited_for(little_bench: TestBench, plant: Plant) -> None:
    plant.bus = 80.0

    def fall() -> None:
        plant.bus = None if (plant.bus or 0.0) < 20.0 else (plant.bus or 0.0) - 10.0

    cancel = little_bench.engine.clock.every(0.5, fall)
    little_bench.run(Charge(1.0, elapsed(seconds=5)))
    cancel()
    assert f"request {BmsMode.CHARGE.name}" in plant.calls


def test_where_nobody_measures_the_bus_there_is_nothing_to_refuse(
    new_bench: Callable[..., TestBench], plant: Plant, station_text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = new_bench(station=station_text.replace("safe_state: {bus_meter: supply}", ""))
    bench.open()
    asked: list[float] = []
    monkeypatch.setattr(FakeSupply, "source_is_off", lambda _self: asked.append(0.0) or True)
    bench.run(Charge(1.0, elapsed(seconds=5)))
    bench.conclude()
    assert f"request {BmsMode.CHARGE.name}" in plant.calls


@pytest.mark.parametrize("clock", [WallClock, VirtualClock])
def test_each_instrument_is_opened_in_a_context_of_its_own(
    station_text: str, write: Callable[[str, str], Path], plant: Plant, clock: Callable[[], Clock]
) -> None:
    """By its name: what passes over its link is written down under it."""
    station, _ = load_station(str(write("station.yaml", station_text)))
    time, asked = clock(), list[str]()

    def context(name: str) -> LinkContext:
        asked.append(name)
        return LinkContext(station.visa_library, time.now, time.sleep)

    found = asfound.Finding(station, tuple(station.instruments), context, time).go_on()
    assert sorted(asked) == sorted(found) == sorted(station.instruments)
    assert all(each.driver is not None for each in found.values())


@pytest.mark.parametrize(
    ("error", "says"), [(InstrumentFault("nobody answers"), "nobody answers"), (TimeoutError(), "TimeoutError")]
)
def test_who_is_not_there_says_why_whatever_is_asked_of_him(error: Exception, says: str) -> None:
    absent = asfound.Found(None, error).player
    with pytest.raises(InstrumentFault, match=f"^{says}$"):
        absent.source_off()  # type: ignore[union-attr]
