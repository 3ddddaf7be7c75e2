"""Which kinds of link there are, by the scheme of an address; a new kind is one more entry of `KINDS`.

An address without `://` is a VISA resource; a scheme that is not in the table is a handler of pyserial (`socket`,
`rfc2217`, ...). Whether lines or Modbus are spoken over a link is the driver's affair: `LinkProfile.framing`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from instruments.wires.links import Lines, Link, LinkProfile, Now

CAN = "can"
"""The kind of a bus, which has no address but settings of python-can; see `instruments.wires.can`."""


@dataclass(frozen=True, slots=True)
class LinkKind:
    """How links of one kind are opened.

    `open(address, visa_library, profile, now)` raises `LinkLost` where nobody is there, `ValueError` for an address
    that cannot be one. `prepare(visa_library)` imports what that needs, and opens no instrument.
    """

    open: Callable[[str, str, LinkProfile, Now], Link]
    prepare: Callable[[str], None]


def open_link(address: str, visa_library: str, profile: LinkProfile, now: Now) -> Link:
    """Open a link of the kind that its address says; see `LinkKind.open`."""
    return kind_of(address).open(address, visa_library, profile, now)


def kind_of(address: str) -> LinkKind:
    """The kind of link behind an address."""
    scheme, separator, _ = address.partition("://")
    return KINDS.get(scheme.lower() if separator else "", PYSERIAL)


def _open_visa(address: str, visa_library: str, profile: LinkProfile, now: Now) -> Link:
    from instruments.wires.streams import SocketStream, StreamLink
    from instruments.wires.visa import VisaConnection, VisaLink

    visa = VisaLink(address, visa_library, profile, now)
    if visa.raw_socket() is not None:
        return StreamLink(SocketStream(VisaConnection(visa), profile, now), profile, now)
    if profile.framing is not Lines:
        visa.close()
        raise ValueError(
            f"{address} carries lines of text, and this instrument speaks in binary frames; write its port as "
            "serial:///dev/ttyUSB0, its network address as tcp://host:port"
        )
    return visa


def _prepare_visa(visa_library: str) -> None:
    from instruments.wires.visa import resource_manager

    resource_manager(visa_library)


def _open_port(address: str, _visa_library: str, profile: LinkProfile, now: Now) -> Link:
    return _over_serial(address.partition("://")[2], profile, now)


def _open_url(address: str, _visa_library: str, profile: LinkProfile, now: Now) -> Link:
    return _over_serial(address, profile, now)


def _over_serial(port: str, profile: LinkProfile, now: Now) -> Link:
    from instruments.wires.streams import SerialStream, StreamLink

    return StreamLink(SerialStream(port, profile, now), profile, now)


def _prepare_serial(_visa_library: str) -> None:
    import serial  # noqa: F401


def _open_tcp(address: str, _visa_library: str, profile: LinkProfile, now: Now) -> Link:
    from instruments.wires.streams import SocketStream, StreamLink, TcpConnection

    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:  # a port that is no number, or none of 16 bits; half a pair of brackets
        host = port = None
    if not host or not port:
        raise ValueError(f"{address} has no host and port; write tcp://host:port, such as tcp://192.168.0.5:502")
    connection = TcpConnection(host, port, profile.timeout)
    return StreamLink(SocketStream(connection, profile, now), profile, now)


def _prepare_nothing(_visa_library: str) -> None:
    """What this kind needs is there."""


def _open_bus(address: str, *_: object) -> Link:
    raise ValueError(f"{address} is no address: a CAN bus is given as can: {{interface: ..., channel: ...}}")


def _prepare_can(_visa_library: str) -> None:
    import can  # noqa: F401


PYSERIAL = LinkKind(_open_url, _prepare_serial)
"""Handlers of pyserial URLs."""

KINDS: dict[str, LinkKind] = {
    "": LinkKind(_open_visa, _prepare_visa),
    "serial": LinkKind(_open_port, _prepare_serial),
    "tcp": LinkKind(_open_tcp, _prepare_nothing),
    CAN: LinkKind(_open_bus, _prepare_can),
}
