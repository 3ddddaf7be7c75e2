"""Looking for what is there: every library in its own way, and its failures in one sentence."""

from collections.abc import Iterator
from types import SimpleNamespace

import can
import pytest
import pyvisa

from instruments import discovery
from instruments.discovery import Unseen
from instruments.virtual.wires.exchange import open_exchange

ADDRESS = "TCPIP0::somebody::5025::SOCKET"


class Parrot:
    """Says its name, or nothing."""

    ends_with = b"\n"
    hangs_up_after = None

    def __init__(self, answer: str | None) -> None:
        self.answer = answer
        self.heard: list[str] = []

    def frames(self, data: bytes) -> tuple[list[bytes], bytes]:
        *messages, rest = data.split(b"\n")
        return messages, rest

    def handle(self, message: str) -> str | None:
        self.heard.append(message)
        return self.answer

    def status_byte(self) -> int:
        return 0


@pytest.fixture
def parrot(request: pytest.FixtureRequest) -> Iterator[Parrot]:
    device = Parrot(getattr(request, "param", "ACME,Parrot,1,1"))
    exchange = open_exchange()
    exchange.plug(ADDRESS, device, lambda _seconds: None)
    yield device
    exchange.close()


def at(address: str, *, ask: bool = True) -> str:
    return discovery.identity_at(address, "@packbench", 0.1, lambda: 0.0, ask=ask)


def test_who_answers_is_known(parrot: Parrot) -> None:
    assert at(ADDRESS) == "ACME,Parrot,1,1"
    assert parrot.heard == ["*IDN?"]


def test_who_is_not_asked_hears_nothing(parrot: Parrot) -> None:
    assert at(ADDRESS, ask=False) == ""
    assert parrot.heard == []


@pytest.mark.parametrize("parrot", [None], indirect=True)
def test_who_says_nothing_is_there_all_the_same(parrot: Parrot) -> None:
    assert at(ADDRESS) == ""


@pytest.mark.parametrize("address", ["TCPIP0::nobody::1::SOCKET", "no address", "tcp://host", "spy://x"])
def test_nobody_is_one_sentence_with_the_address(address: str) -> None:
    with pytest.raises(Unseen) as told:
        at(address)
    assert str(told.value).startswith(f"{address}: ")
    assert "\n" not in str(told.value)


def test_serial_ports_are_listed_as_such_and_not_as_visa(parrot: Parrot, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("ASRL/dev/ttyS0::INSTR", "PRLGX-ASRL::/dev/ttyS0::INTFC", "GPIB0::5::INSTR")
    monkeypatch.setattr(pyvisa.ResourceManager, "list_resources", lambda *_: names)
    assert discovery.visa_resources("@packbench") == ["GPIB0::5::INSTR"]


def test_a_visa_library_that_is_missing_is_one_sentence() -> None:
    with pytest.raises(Unseen, match=r"^VISA library @nonesuch: .*\.$") as told:
        discovery.visa_resources("@nonesuch")
    assert "\n" not in str(told.value)


def test_ports_are_told_with_what_the_system_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    ports = [SimpleNamespace(device="COM3", description="FT232R"), SimpleNamespace(device="COM1", description="n/a")]
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: ports)
    assert discovery.serial_ports() == {"COM3": "FT232R", "COM1": ""}


def test_a_right_that_one_has_not_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> list[object]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("serial.tools.list_ports.comports", refused)
    with pytest.raises(Unseen, match=r"^Serial ports: .*Permission denied"):
        discovery.serial_ports()


def test_only_controllers_are_can_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def configured(interfaces: list[str]) -> list[dict[str, object]]:
        asked.extend(interfaces)
        return [{"interface": "socketcan", "channel": "can1"}, {"interface": "kvaser", "channel": 0}]

    monkeypatch.setattr(can, "detect_available_configs", configured)
    assert discovery.can_channels() == [("kvaser", "0"), ("socketcan", "can1")]
    assert "socketcan" in asked
    assert {"virtual", "udp_multicast", "serial", "packbench"}.isdisjoint(asked)


def test_a_bus_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(Unseen, match=r"^packbench:nowhere: no open world has"):
        discovery.join_bus({"interface": "packbench", "channel": "nowhere"})
