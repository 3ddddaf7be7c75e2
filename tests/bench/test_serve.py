"""`packbench serve` from outside: a bench in a process of its own that tests use, and that outlives them."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from bench import columns
from bench.clock import WallClock
from bench.pack import load_pack
from bench.running.setup import Setup
from bench.serving import Offer, is_loopback, run_until_signalled, serving, warnings
from bench.station import SHIPPED, StationFile, load_station
from bench.verdicts import BenchFault, InputError
from campaign.served import ServedBench, served, serving_process
from instruments.roles import InstrumentFault
from instruments.wires.context import LinkContext
from instruments.wires.links import LinkProfile
from instruments.wires.session import Session
from tests.bench.cli_support import ROOT, packbench, packbench_here

pytestmark = pytest.mark.real_time(35)

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")

SHORT_TEST = """
from bench.scenario import Charge, Rest, elapsed

def test_short_charge(bench, verify):
    record = bench.run(Charge("C/3", until=elapsed(seconds={seconds}), name="charge"), Rest(until=elapsed(seconds=1)))
    verify("rows", len(record.rows), at_least=10)
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedBench]:
    """A served module for the tests that leave it as they found it."""
    with served(tmp_path_factory.mktemp("served")) as opened:
        yield opened


def run_pytest(
    folder: Path, station: Path, *, seconds: float = 4, text: str = SHORT_TEST
) -> "subprocess.CompletedProcess[str]":
    (folder / "test_short.py").write_text(text.format(seconds=seconds), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "bench.plugin", "-p", "no:cacheprovider", "--station", str(station),
         "--runs", "runs", "test_short.py"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=180,
        check=False,
    )  # fmt: skip


def the_run(folder: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    (manifest,) = (folder / "runs").glob("*/*/run.json")
    return json.loads(manifest.read_text(encoding="utf-8")), pd.read_parquet(manifest.with_name("samples.parquet"))


# --- a test on a served bench -------------------------------------------------------------------------------------


def test_a_scenario_runs_over_real_sockets(tmp_path: Path) -> None:
    with served(tmp_path) as bench:
        done = run_pytest(tmp_path, bench.station, seconds=4)
        assert done.returncode == 0, done.stdout + done.stderr
        bench.wait_for("state", supply=True)
        bench.wait_for("state", supply=False, load=False, contactor=False, emulator=False)
        assert bench.end() == 0
    manifest, samples = the_run(tmp_path)
    assert manifest["verdict"] == "PASS"
    assert manifest["bench_verdict"]["safe"]
    assert manifest["station"]["virtual"], "a reader must see that this was simulated"
    assert manifest["clock"]["kind"] == "wall"
    charging = samples[samples[columns.CURRENT] > 0.3]
    assert charging[columns.CURRENT].max() == pytest.approx(0.7, abs=0.3)
    assert {event["instrument"] for event in bench.logged("command")} == set(manifest_names(manifest))


def manifest_names(manifest: dict[str, Any]) -> list[str]:
    return [entry["name"] for entry in manifest["instruments"]]


@pytest.mark.long
def test_a_fast_bench_and_its_tests_count_the_same_seconds(tmp_path: Path) -> None:
    with served(tmp_path, speed=4) as bench:
        done = run_pytest(tmp_path, bench.station, seconds=20)
        assert done.returncode == 0, done.stdout + done.stderr
        on = bench.wait_for("state", supply=True)
        off = bench.wait_for("state", supply=False)
    _, samples = the_run(tmp_path)
    hours = (off["bench"] - on["bench"]) / 3600
    current = samples.loc[samples[columns.CURRENT] > 0.3, columns.CURRENT].median()
    # Were the clocks apart, this would be wrong by a factor of 4.
    assert samples[columns.CHARGE_AH].max() == pytest.approx(current * hours, rel=0.5)


RESTING_TEST = """
from bench.scenario import Charge, Rest, elapsed

def test_rests(bench, verify):
    charge = Charge("C/3", until=elapsed(seconds=5), name="charge")
    record = bench.run(charge, Rest(until=elapsed(seconds=40)), charge)
    verify("rows", len(record.rows), at_least=10)
"""


@pytest.mark.long
def test_a_rest_outlasts_the_patience_of_the_supply_which_closes_silent_sockets(tmp_path: Path) -> None:
    """At 10 bench s a scan and a tenth of it in real time, against a supply that waits for less than that."""
    simulators = yaml.safe_load((SHIPPED / "served-module.yaml").read_text(encoding="utf-8"))["virtual"]["simulators"]
    simulators["supply"]["idle_close"] = 0.35
    with served(tmp_path, speed=10, simulators=simulators) as bench:
        content = yaml.safe_load(bench.station.read_text(encoding="utf-8"))
        bench.station.write_text(
            yaml.safe_dump(content | {"scan_period": 1.0, "rest_scan_period": 10.0}), encoding="utf-8"
        )
        done = run_pytest(tmp_path, bench.station, text=RESTING_TEST)
    assert done.returncode == 0, done.stdout + done.stderr
    closed = [event for event in bench.logged("disconnected") if event["instrument"] == "supply"]
    assert [event["text"] for event in closed].count("silent for 0.35 s") >= 3
    manifest, _ = the_run(tmp_path)
    assert (manifest["verdict"], manifest["bench_verdict"]["safe"]) == ("PASS", True)
    wire = next((tmp_path / "runs").glob("*/*/transcript.log")).read_text(encoding="utf-8")
    assert wire.count("supply was lost while nothing was asked of it") + wire.count("keeps a connection open;") >= 3


def test_the_output_outlives_a_client_and_safe_switches_it_off(tmp_path: Path) -> None:
    with served(tmp_path) as bench:
        with socket.create_connection(("127.0.0.1", bench.port("supply"))) as client:
            client.sendall(b"SYST:LOCK ON\nVOLT 80;CURR 1;POW 1kW\nOUTP ON\n")
            bench.wait_for("state", supply=True)
        bench.wait_for("disconnected", instrument="supply")
        assert bench.logged("state")[-1]["supply"] is True
        assert packbench("safe", bench.station).status == 0
        bench.wait_for("state", supply=False)
        assert any(event["message"].startswith("OUTP") for event in bench.logged("command"))


@posix_only
def test_defects_begin_and_end_while_it_is_served(tmp_path: Path) -> None:
    with served(tmp_path, "--control") as bench:
        bench.command("inject", "panel-on:supply:2")
        assert bench.wait_for("injected")["defects"] == ["panel-on:supply:2"]
        assert bench.wait_for("state", supply=True)
        bench.command("repair", "panel-on")
        assert bench.wait_for("state", supply=False)
        bench.command("inject", "panel-on:lamp:2")
        assert "names 'lamp'" in bench.wait_for("not understood")["text"]


def test_check_finds_every_instrument(bench: ServedBench) -> None:
    answer = packbench("check", bench.station)
    assert answer.status == 0, answer.out + answer.err
    assert "Ready: a test can start." in answer.out


# --- links that break ---------------------------------------------------------------------------------------------


def session_to(bench: ServedBench, *, timeout: float) -> Session:
    clock = WallClock()
    context = LinkContext("@py", now=clock.now, sleep=clock.sleep)
    resource = f"TCPIP0::127.0.0.1::{bench.port('supply')}::SOCKET"
    return Session(resource, context, LinkProfile(timeout=timeout), name="supply")


@posix_only
def test_the_late_reply_of_a_stopped_instrument_is_not_taken_for_the_next_one(tmp_path: Path) -> None:
    with served(tmp_path) as bench:
        session = session_to(bench, timeout=2)
        assert session.query("SYST:NOM:VOLT?") == "750.00V"
        bench.process.send_signal(signal.SIGSTOP)
        with pytest.raises(InstrumentFault, match=r"did not answer 'SYST:NOM:CURR\?'"):
            session.query("SYST:NOM:CURR?")
        bench.process.send_signal(signal.SIGCONT)
        assert session.query("SYST:NOM:VOLT?") == "750.00V"
        session.close()
        assert [event["message"] for event in bench.logged("command")][:2] == ["SYST:NOM:VOLT?", "SYST:NOM:CURR?"]


def test_a_killed_instrument_is_found_out_at_once_and_its_successor_is_used(tmp_path: Path) -> None:
    with served(tmp_path) as bench:
        session = session_to(bench, timeout=3600)  # longer than any test may take
        session.query("*IDN?")
        bench.process.kill()
        bench.process.wait()
        with pytest.raises(InstrumentFault, match=r"supply .* (was lost|did not take)"):
            session.query("SYST:NOM:VOLT?")
        with serving_process(bench.station) as successor:
            assert successor.stdout is not None
            assert json.loads(successor.stdout.readline())["type"] == "ready"
            assert session.query("SYST:NOM:VOLT?") == "750.00V"
        session.close()


# --- beginning and end --------------------------------------------------------------------------------------------


@posix_only
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_it_in_order(tmp_path: Path, name: str) -> None:
    with serving_process("virtual-pack", "--log", tmp_path / "log.jsonl") as process:
        assert process.stdout is not None
        # A pseudo-terminal is connected as soon as it is there.
        first = next(event for event in map(json.loads, process.stdout) if event["type"] != "connected")
        process.send_signal(signal.Signals[name])
        *_, last = map(json.loads, process.stdout)
        assert process.wait() == 0
    assert first["type"] == "ready"
    assert (last["type"], last["text"]) == ("ended", name)
    assert json.loads((tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1]) == last


class Recipient:
    """A served bench that gets two signals while it runs."""

    addresses: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self) -> None:
        self.stopped: list[str] = []

    def run(self) -> None:
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGTERM)

    def stop(self, why: str) -> None:
        self.stopped.append(why)

    def close(self) -> None:
        """Nothing is open."""


@posix_only
def test_what_nohup_ignores_stays_ignored_and_handlers_are_put_back() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGTERM)}
    server = Recipient()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        run_until_signalled(server)
        assert server.stopped == ["SIGTERM"]
        assert signal.getsignal(signal.SIGTERM) == before[signal.SIGTERM]
    finally:
        signal.signal(signal.SIGHUP, before[signal.SIGHUP])


def test_people_read_where_it_listens_and_what_is_on() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "from packbench.cli import main; main()", "serve", "virtual-module"],
        stdout=subprocess.PIPE, encoding="utf-8", env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(9)]
        process.kill()
    assert told[0] == "virtual-module with pack lfp-24s, 1 bench s per s, on 127.0.0.1:\n"
    assert told[1].split()[0] == "supply"
    assert told[1].split()[1].startswith("TCPIP0::127.0.0.1::")
    assert "interface socketcand host 127.0.0.1 port" in told[6]
    assert told[7] == "Ready. Ctrl-C ends it.\n"
    assert "supply off, load off, contactor off, emulator off" in told[8]


def test_a_second_server_of_the_same_station_is_told_so(bench: ServedBench) -> None:
    answer = packbench("serve", bench.station)
    assert answer.status == 3
    port = bench.port("supply")
    assert f"supply cannot be served on 127.0.0.1 port {port}" in answer.err
    assert "is it being served already?" in answer.err
    assert len(answer.err.splitlines()) == 1


def test_a_log_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    answer = packbench("serve", "virtual-pack", "--log", tmp_path / "nowhere" / "log.jsonl")
    assert answer.status == 2
    assert f"--log {tmp_path / 'nowhere' / 'log.jsonl'}" in answer.err
    assert len(answer.err.splitlines()) == 1


# --- what may be served -------------------------------------------------------------------------------------------


def setup_of(change: dict[str, Any], tmp_path: Path, shipped: str = "served-module") -> Setup:
    content = yaml.safe_load((SHIPPED / f"{shipped}.yaml").read_text(encoding="utf-8"))
    path = tmp_path / "station.yaml"
    path.write_text(yaml.safe_dump(_merged(content, change)), encoding="utf-8")
    return Setup(*load_station(str(path)), *load_pack("lfp-24s"))


def _merged(content: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(content.get(key), dict):
            _merged(content[key], value)
        else:
            content[key] = value
    return content


def supply_at(resource: str) -> dict[str, Any]:
    return {"instruments": {"supply": {"resource": resource}}}


@pytest.mark.parametrize(
    ("change", "offer", "says"),
    [
        ({"virtual": None}, Offer("127.0.0.1", 1.0), "has no virtual section: it is hardware"),
        ({}, Offer("127.0.0.1", 0.0), "--speed 0: allowed are more than 0"),
        ({}, Offer("127.0.0.1", 1e6), "--speed 1000000: allowed are more than 0 and at most 1000"),
        ({}, Offer("127.0.0.1", float("nan")), "--speed nan: allowed"),
        ({}, Offer("::1", 1.0), "--host ::1: VISA names take no IPv6 address"),
        ({}, Offer("127.0.0.1", 1.0, ("suply",)), "--exclusive suply: no such instrument; did you mean 'supply'?"),
        (supply_at("GPIB0::7::INSTR"), Offer("127.0.0.1", 1.0), "supply: 'GPIB0::7::INSTR' cannot be served"),
        (supply_at("TCPIP0::127.0.0.1::77777::SOCKET"), Offer("127.0.0.1", 1.0), "TCP port '77777' is not one"),
        (supply_at("TCPIP0::127.0.0.1::x::SOCKET"), Offer("127.0.0.1", 1.0), "TCP port 'x' is not one"),
        ({"instruments": {"bms": {"can": {"interface": "kvaser", "channel": 0}}}}, Offer("127.0.0.1", 1.0),
         "a served CAN bus has interface socketcand, found 'kvaser'"),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_one_sentence(tmp_path: Path, change: dict[str, Any], offer: Offer, says: str) -> None:
    with pytest.raises(InputError) as caught, serving(setup_of(change, tmp_path), offer, lambda _event: None):
        pass
    assert says in str(caught.value)


@pytest.mark.parametrize("host", ["192.0.2.1", "a b", "x" * 300])  # TEST-NET-1, RFC 5737: nobody's
@pytest.mark.parametrize("command", ["serve", "live"])
def test_a_host_that_is_not_ours_is_wrong_input(tmp_path: Path, command: str, host: str) -> None:
    answer = packbench_here(command, *(() if command == "serve" else (tmp_path / "runs",)), "--host", host)
    assert answer.status == 2
    assert f"--host {host:.80}: no address of this machine (" in answer.err
    assert "allowed: 127.0.0.1 for this machine alone, 0.0.0.0" in answer.err


def test_control_lines_that_cannot_come_are_wrong_input(tmp_path: Path) -> None:
    with (tmp_path / "lines").open("w+") as nothing, pytest.raises(InputError, match="--control: its lines come from"):
        _check_served(tmp_path, Offer("127.0.0.1", 1.0, control=nothing.fileno()))


def test_a_port_that_somebody_has_is_a_bench_fault(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(BenchFault, match=r"cannot be served on 127.0.0.1 port \d+: Address already in use; is it"),
    ):
        _check_served(
            tmp_path, Offer("127.0.0.1", 1.0), supply_at(f"TCPIP0::127.0.0.1::{taken.getsockname()[1]}::SOCKET")
        )


def _check_served(tmp_path: Path, offer: Offer, change: dict[str, Any] | None = None) -> None:
    with serving(setup_of(change or {}, tmp_path), offer, lambda _event: None):
        pass


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *[("127.0.0.1", True), ("127.8.8.8", True), ("localhost", True)],
        *[("0.0.0.0", False), ("10.0.0.5", False), ("bench7", False)],
    ],
)
def test_only_loopback_is_served_without_a_warning(host: str, loopback: bool) -> None:
    station, _ = load_station("served-module")
    assert is_loopback(host) is loopback
    assert [text.partition(":")[0] for text in warnings(station, Offer(host, 1.0))] == (
        [] if loopback else [f"listening on {host}"]
    )


def test_a_speed_that_the_tests_do_not_know_is_warned_of() -> None:
    served_station, virtual = load_station("served-module")[0], load_station("virtual-module")[0]
    assert "speed 60, but tests on station served-module count 1" in "".join(
        warnings(served_station, Offer("127.0.0.1", 60.0))
    )
    assert not list(warnings(virtual, Offer("127.0.0.1", 60.0))), "its own tests do not use the served bench"


# --- the shipped stations -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["module", "pack"])
def test_a_served_station_is_the_virtual_one_on_real_wires(kind: str) -> None:
    def core(station: StationFile) -> dict[str, Any]:
        dumped = station.model_dump(
            exclude={"name", "description", "clock", "visa_library", "scan_period", "rest_scan_period"}
        )
        for entry in dumped["instruments"].values():
            del entry["resource"], entry["can"]
        # Requests go on between two scans where time is real, and only there.
        dumped["instruments"]["bms"]["options"].pop("opens_when_silent", None)
        dumped["virtual"]["simulators"]["bms"].pop("request_timeout", None)
        # So does a watchdog, which is armed where time is real unless a file says otherwise.
        dumped["instruments"].get("coolant", {}).pop("watchdog", None)
        return dumped

    served_station, virtual = load_station(f"served-{kind}")[0], load_station(f"virtual-{kind}")[0]
    assert core(served_station) == core(virtual)
    assert (served_station.clock, served_station.visa_library, served_station.speed) == ("wall", "@py", 1.0)


def test_shipped_ports_are_on_loopback_and_do_not_meet() -> None:
    ports = []
    for name in ("served-module", "served-pack"):
        for entry in load_station(name)[0].instruments.values():
            host, port = (entry.can["host"], entry.can["port"]) if entry.can else entry.resource.split("::")[1:3]
            assert host == "127.0.0.1"
            ports.append(int(port))
    assert len(set(ports)) == len(ports)
    assert all(1024 < port < 32768 for port in ports), "below the ports that clients are given at random"
