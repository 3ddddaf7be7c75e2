"""Kinds of link by the scheme of an address: TCP, a serial device, and the addresses that are none."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from instruments.roles import InstrumentFault
from instruments.wires.context import InstrumentLink, LinkContext
from instruments.wires.links import LinkProfile
from instruments.wires.session import Session
from tests.instruments.scripted import Serve

BINARY = LinkProfile(timeout=0.5, framing=lambda _profile: pytest.fail("nothing is framed on a link that is refused"))


def echo(connection: socket.socket) -> None:
    """Answer each line in capitals until the other side hangs up."""
    for line in connection.makefile("rb"):
        connection.sendall(line.upper())


def test_a_tcp_address_is_a_connection_that_is_made_anew(serve: Serve, context: LinkContext) -> None:
    gone = threading.Event()

    def hang_up_after_one(connection: socket.socket) -> None:
        connection.sendall(connection.recv(100).upper())
        connection.shutdown(socket.SHUT_RDWR)
        gone.set()

    server = serve(hang_up_after_one)
    session = Session(f"tcp://127.0.0.1:{server.port}", context, LinkProfile(timeout=5.0), name="chamber")
    assert session.query("hello?") == "HELLO?"
    assert gone.wait(5)
    assert session.query("again?") == "AGAIN?"
    assert session.reconnections == 1
    session.close()


def test_nagle_is_switched_off_on_tcp_too(serve: Serve, context: LinkContext) -> None:
    session = Session(f"tcp://127.0.0.1:{serve(echo).port}", context, LinkProfile(), name="chamber")
    raw: socket.socket = session._link._stream._socket  # type: ignore[attr-defined]
    assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    session.close()


def test_nobody_at_a_tcp_address_is_a_sentence(context: LinkContext) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(InstrumentFault, match=rf"chamber \(tcp://127\.0\.0\.1:{port}\) cannot be opened: .*refused"):
        Session(f"tcp://127.0.0.1:{port}", context, LinkProfile(timeout=5.0), name="chamber")


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """An instrument's end of a pseudo-terminal, and the device that leads to it."""
    instrument, device = os.openpty()
    yield instrument, os.ttyname(device)
    os.close(instrument)
    os.close(device)


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_serial_device_is_a_link(terminal: tuple[int, str], context: LinkContext) -> None:
    import tty

    instrument, device = terminal
    tty.setraw(instrument)
    session = Session(f"serial://{device}", context, LinkProfile(timeout=5.0, baud_rate=9600), name="chamber")
    answering = threading.Thread(target=lambda: os.write(instrument, os.read(instrument, 100).upper()))
    answering.start()
    assert session.query("hello?") == "HELLO?"
    answering.join()
    session.close()


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("tcp://chamber", r"tcp://chamber has no host and port; write tcp://host:port"),
        ("tcp://:502", r"tcp://:502 has no host and port"),
        ("tcp://chamber:70000", r"tcp://chamber:70000 has no host and port"),
        ("tcp://[::1:502", r"tcp://\[::1:502 has no host and port; write tcp://host:port"),
        ("tcp://[::1]", r"tcp://\[::1\] has no host and port"),
        ("tcp://chamber:0", r"tcp://chamber:0 has no host and port"),
        ("tcp://chamber:-1", r"tcp://chamber:-1 has no host and port"),
        ("tcp://chamber:http", r"tcp://chamber:http has no host and port"),
        ("can://socketcan/can0", r"can://socketcan/can0 is no address: a CAN bus is given as can: \{interface: "),
        ("TCP://chamber", r"has no host and port"),
    ],
)
def test_an_address_that_is_none_is_refused_before_anything_is_opened(
    context: LinkContext, address: str, text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        Session(address, context, LinkProfile(), name="chamber")


def test_binary_frames_do_not_go_over_a_resource_that_carries_lines(context: LinkContext, wire: object) -> None:
    text = r"TCPIP0::script::5025::SOCKET carries lines of text, .* write its port as serial:"
    with pytest.raises(ValueError, match=text):
        Session("TCPIP0::script::5025::SOCKET", context, BINARY, name="chamber")
    assert wire.opened == wire.closed == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("link", "library"),
    [
        (InstrumentLink("TCPIP0::supply::5025::SOCKET"), "pyvisa"),
        (InstrumentLink("serial:///dev/ttyUSB0"), "serial"),
        (InstrumentLink("rfc2217://host:4000"), "serial"),
        (InstrumentLink(can={"interface": "virtual", "channel": "x"}), "can"),
    ],
)
def test_what_a_link_needs_is_imported_before_it_is_opened(link: InstrumentLink, library: str) -> None:
    """In a process of its own, as a supervisor's is: nothing else has imported it there."""
    program = (
        "import sys; from instruments.wires.context import InstrumentLink\n"
        f"link = InstrumentLink({link.resource!r}, {link.can!r})\n"
        f"assert {library!r} not in sys.modules\n"
        f"link.kind.prepare('@py'); sys.exit({library!r} not in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
