"""`packbench check --scan`: what is there, what is asked of whom, and how the station file compares."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from bench.discovery import ANOTHER, ELSEWHERE, FOUND, MISSING, Scan, scan
from bench.pack import load_pack
from bench.running.setup import Setup
from bench.safety.lease import BenchLease
from bench.station import load_station
from instruments import discovery
from instruments.discovery import Unseen
from tests.bench.cli_support import WriteStation, packbench_here

SUPPLY, METER = "USB0::0x2A8D::0x0101::MY1::0::INSTR", "TCPIP0::10.0.0.9::5025::SOCKET"
IDENTITIES = {SUPPLY: "EA,PSB 10750-06,1,V2", METER: "ACME,Kettle,7,1", "serial:///dev/ttyUSB0": "ACME,Modem,1,1"}


class Surroundings:
    """A computer with a supply on USB, a socket that somebody has configured, a serial port and a CAN controller."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gone: set[str] = set()

    def visa_resources(self, library: str) -> list[str]:
        return [SUPPLY, METER] if library == "@py" else []

    def serial_ports(self) -> dict[str, str]:
        return {"/dev/ttyUSB0": "FT232R"}

    def can_channels(self) -> list[tuple[str, str]]:
        return [("socketcan", "can0")]

    def identity_at(self, address: str, _library: str, _timeout: float, _now: Callable[[], float], *, ask: bool) -> str:
        if address in self.gone:
            raise Unseen(f"{address}: Connection refused.")
        if ask:
            self.asked.append(address)
        return IDENTITIES.get(address, "") if ask else ""

    def join_bus(self, settings: dict[str, Any]) -> None:
        raise Unseen(f"{settings['channel']}: No such device.")


@pytest.fixture
def around(monkeypatch: pytest.MonkeyPatch) -> Surroundings:
    there = Surroundings()
    for name in ("visa_resources", "serial_ports", "can_channels", "identity_at", "join_bus"):
        monkeypatch.setattr(discovery, name, getattr(there, name))
    return there


@pytest.fixture
def real(write_station: WriteStation) -> Callable[..., Setup]:
    """A station on the wall clock, with resources of one's own."""

    def setup(**resources: str) -> Setup:
        def change(station: dict[str, Any]) -> None:
            station |= {"clock": "wall", "visa_library": "@py"}
            for name, resource in resources.items():
                station["instruments"][name]["resource"] = resource

        return Setup(*load_station(str(write_station(change))), *load_pack("lfp-24s"))

    return setup


def states(found: Scan) -> dict[str, str]:
    return {entry.name: entry.state for entry in found.compared}


@pytest.mark.parametrize("station", ["virtual-module", "virtual-pack"])
def test_a_virtual_station_is_all_there(station: str) -> None:
    answer = packbench_here("check", station, "--scan", "--json")
    assert answer.status == 0, answer.err
    told = json.loads(answer.out)
    names = list(load_station(station)[0].instruments)
    assert [(entry["name"], entry["state"]) for entry in told["compared"]] == [(name, FOUND) for name in names]
    assert {entry["name"] for entry in told["candidates"]} == set(names)  # and nothing of this computer
    assert any("PSB" in entry["identity"] for entry in told["candidates"])


def test_an_instrument_that_is_missing_is_told_and_is_a_bench_fault(write_station: WriteStation) -> None:
    def without_chamber(station: dict[str, Any]) -> None:
        del station["virtual"]["simulators"]["chamber"]

    answer = packbench_here("check", write_station(without_chamber), "--scan")
    assert answer.status == 3
    (line,) = [line for line in answer.out.splitlines() if line.strip().startswith("chamber")]
    assert MISSING in line


def test_nobody_is_written_to_whom_it_might_harm(around: Surroundings) -> None:
    found = scan(None, ask=False, limit=5)
    assert around.asked == [SUPPLY]
    assert [(each.kind, each.address, each.identity) for each in found.candidates] == [
        ("VISA", SUPPLY, IDENTITIES[SUPPLY]), ("VISA", METER, ""), ("serial", "/dev/ttyUSB0", ""),
        ("CAN", "socketcan:can0", ""),
    ]  # fmt: skip
    assert (found.compared, found.problems, found.complete) == ((), (), True)


def test_who_says_so_asks_everybody(around: Surroundings) -> None:
    found = scan(None, ask=True, limit=5)
    assert around.asked == [SUPPLY, METER, "serial:///dev/ttyUSB0"]
    assert IDENTITIES["serial:///dev/ttyUSB0"] in {each.identity for each in found.candidates}


def test_a_library_that_fails_is_a_sentence_and_no_end(around: Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> dict[str, str]:
        raise Unseen("Serial ports: Permission denied.")

    monkeypatch.setattr(discovery, "serial_ports", refused)
    found = scan(None, ask=False, limit=5)
    assert found.problems == ("Serial ports: Permission denied.",)
    assert [each.kind for each in found.candidates] == ["VISA", "VISA", "CAN"]


@pytest.fixture
def for_ever() -> Iterator[Event]:
    """What hangs until the test has ended."""
    event = Event()
    yield event
    event.set()


def test_a_library_that_hangs_is_left_behind(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch, for_ever: Event
) -> None:
    monkeypatch.setattr(discovery, "can_channels", for_ever.wait)
    found = scan(None, ask=False, limit=0.2)
    assert len(found.problems) == 1
    assert "did not come back within 0.2 s" in found.problems[0]
    assert [each.kind for each in found.candidates] == ["VISA", "VISA", "serial"]


def test_an_instrument_at_another_address_is_found_there(around: Surroundings, real: Callable[..., Setup]) -> None:
    around.gone = {"TCPIP0::10.0.0.1::5025::SOCKET"}
    found = scan(real(supply="TCPIP0::10.0.0.1::5025::SOCKET"), ask=False, limit=5)
    supply = next(entry for entry in found.compared if entry.name == "supply")
    assert (supply.state, supply.detail) == (ELSEWHERE, SUPPLY)
    assert not found.complete


def test_another_instrument_at_its_address_is_told(around: Surroundings, real: Callable[..., Setup]) -> None:
    found = scan(real(load=METER), ask=False, limit=5)
    load = next(entry for entry in found.compared if entry.name == "load")
    assert (load.state, load.detail) == (ANOTHER, f"it should be 63640-150-60 and is {IDENTITIES[METER]}")


def test_a_bus_that_is_not_there_is_missing(around: Surroundings, real: Callable[..., Setup]) -> None:
    found = scan(real(), ask=False, limit=5)
    assert states(found)["bms"] == MISSING
    assert next(entry.detail for entry in found.compared if entry.name == "bms") == "virtual-module: No such device."


def test_modbus_is_connected_to_and_asked_nothing(around: Surroundings, real: Callable[..., Setup]) -> None:
    found = scan(real(chamber="tcp://10.0.0.3:502"), ask=True, limit=5)
    assert states(found)["chamber"] == FOUND
    assert "tcp://10.0.0.3:502" not in around.asked


def test_a_bench_that_somebody_uses_is_not_disturbed(
    write_station: WriteStation, tmp_path: Path, around: Surroundings
) -> None:
    lease = tmp_path / "bench.lease"

    def leased(station: dict[str, Any]) -> None:
        station |= {"clock": "wall", "visa_library": "@py", "lease": {"file": str(lease)}}

    path = write_station(leased)
    held = BenchLease(lease, load_station(str(path))[0].name)
    try:
        answer = packbench_here("check", path, "--scan")
    finally:
        held.release()
    assert answer.status == 3
    assert around.asked == []
