"""What a station file says of a CAN bus, held against what python-can's interfaces take; none is opened."""

from collections.abc import Mapping
from typing import Any

import can.interfaces
import pytest

from instruments.wires.context import InstrumentLink

SOMEBODYS = "interface_of_somebody"


class Forwarding:
    """An interface of another package, which hands on what it does not know."""

    def __init__(self, channel: str, **kwargs: object) -> None:
        pytest.fail("nothing is opened")


class Exact:
    """One that takes what it names."""

    def __init__(self, channel: str, gateway: str = "") -> None:
        pytest.fail("nothing is opened")


def check(**settings: object) -> None:
    InstrumentLink(can=settings).check()


@pytest.mark.parametrize(
    "settings",
    [
        {"interface": "socketcan", "channel": "can0", "bitrate": 500_000, "receive_own_messages": False},
        {"interface": "socketcan", "channel": "can0", "ignore_rx_error_frames": True},
        {"interface": "socketcand", "host": "127.0.0.1", "port": 15204, "channel": "can0", "tcp_tune": True},
        {"interface": "pcan", "channel": "PCAN_USBBUS1", "fd": True, "f_clock_mhz": 80, "nom_brp": 2},
        {"interface": "kvaser", "channel": 0, "bitrate": 500_000, "driver_mode": True},
        {"interface": "slcan", "channel": "/dev/ttyACM0", "bitrate": 500_000, "btr": "00"},
        {"interface": "vector", "channel": 0, "app_name": "packbench", "f_clock": 8_000_000, "brp": 1},
        {"interface": "packbench", "channel": "x", "world": "0"},
        {"interface": "virtual", "channel": "x", "can_filters": [], "config_context": "bench"},
    ],
)
def test_what_an_interface_takes_by_name_by_its_papers_or_by_its_code_is_right(settings: Mapping[str, Any]) -> None:
    check(**settings)


@pytest.mark.parametrize(
    ("interface", "key", "meant"),
    [
        ("socketcan", "bitrat", "bitrate"),
        ("socketcand", "hots", "host"),
        ("packbench", "chanel", "channel"),
        ("virtual", "kwargs", ""),
        ("socketcan", "_testing", ""),
    ],
)
def test_a_key_that_an_interface_does_not_know_is_told_with_the_nearest(interface: str, key: str, meant: str) -> None:
    said = f"has a key {key!r} that the interface {interface!r} does not know; "
    with pytest.raises(ValueError, match=said + (f"did you mean {meant!r}" if meant else "")):
        check(interface=interface, channel="x", **{key: "1"})


@pytest.fixture
def somebodys(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """An interface that another package brings."""
    monkeypatch.setitem(can.interfaces.BACKENDS, SOMEBODYS, (__name__, request.param))
    monkeypatch.setattr(can, "VALID_INTERFACES", can.VALID_INTERFACES | {SOMEBODYS})


@pytest.mark.parametrize("somebodys", ["Forwarding", "NotThere"], indirect=True)
@pytest.mark.usefixtures("somebodys")
def test_of_an_interface_that_may_take_anything_nothing_is_called_wrong() -> None:
    check(interface=SOMEBODYS, channel="x", gatewya="10.0.0.1")


@pytest.mark.parametrize("somebodys", ["Exact"], indirect=True)
@pytest.mark.usefixtures("somebodys")
def test_an_interface_that_takes_what_it_names_takes_nothing_else() -> None:
    check(interface=SOMEBODYS, channel="x", gateway="10.0.0.1")
    with pytest.raises(ValueError, match=r"'gatewya' .* does not know; did you mean 'gateway'"):
        check(interface=SOMEBODYS, channel="x", gatewya="10.0.0.1")
