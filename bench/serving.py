"""What `packbench serve` does between reading a station file and the signal that ends it.

The simulators and their wires belong to the world that the station names; this module only decides what is offered
where, tells about it, and ends in order.
"""

import ipaddress
import os
import signal
import socket
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EADDRINUSE, EADDRNOTAVAIL
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from bench.running.setup import Setup
from bench.running.worlds import open_world, world_maker
from bench.station import InstrumentEntry, StationFile
from bench.verdicts import BenchFault, InputError
from instruments.wording import digits, nearest

Listener = Callable[[dict[str, Any]], None]

FASTEST = 1000.0
_ENDING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


class Served(Protocol):
    """A world on real wires; `addresses` has the station-file form of every instrument's link."""

    addresses: dict[str, dict[str, Any]]

    def run(self) -> None:
        """Serve until told to stop."""
        ...

    def stop(self, why: str) -> None:
        """Make `run` return soon; safe in a signal handler."""
        ...

    def close(self) -> None:
        """Hang up and close the world."""
        ...


@dataclass(frozen=True, slots=True)
class Offer:
    """How a station is to be served: `speed` in bench seconds per second, `log` a file that is appended to.

    `control` is a descriptor on which lines come that begin and end defects, None: nobody says anything.
    """

    host: str
    speed: float
    exclusive: Sequence[str] = ()
    log: Path | None = None
    control: int | None = None


@contextmanager
def serving(setup: Setup, offer: Offer, listener: Listener) -> Iterator[Served]:
    """Open the world of a station and its wires; `listener` gets every event of the log.

    Raises `InputError` for what cannot be served by its file, `BenchFault` for a port that cannot be had.
    """
    station = setup.station
    _check(station, offer)
    maker = world_maker(station)
    links = {name: _link(number, entry) for number, (name, entry) in enumerate(station.instruments.items())}
    ports = {name: _port(station, name, entry) for name, entry in station.instruments.items()}
    world = open_world(setup, wait=lambda _seconds: None, links=links)
    try:
        # The module that makes a world also knows how to put it on real wires.
        server: Served = import_module(maker.module).serve_world(
            world, links=links, ports=ports, host=offer.host, speed=offer.speed, exclusive=offer.exclusive,
            log=offer.log, listener=listener, control=offer.control,
        )  # fmt: skip
    except OSError as error:
        world.close()
        if error.filename is not None:
            raise InputError(f"--log {offer.log}: cannot be written ({error.strerror}).") from error
        hint = "; is it being served already?" if error.errno == EADDRINUSE else "."
        raise BenchFault(f"Station {station.name}: {error.strerror or error}{hint}", "not-served") from error
    try:
        yield server
    finally:
        server.close()


def run_until_signalled(server: Served) -> None:
    """Serve until Ctrl-C or a request to end; the handlers of before are put back."""

    def stop(number: int, _frame: Any) -> None:
        server.stop(signal.Signals(number).name)

    # Names that this platform lacks are left out: SIGHUP on Windows, SIGBREAK elsewhere. What the caller has told this
    # process to ignore (nohup) stays ignored.
    numbers = [getattr(signal, name) for name in _ENDING if hasattr(signal, name)]
    before = {number: signal.signal(number, stop) for number in numbers if signal.getsignal(number) != signal.SIG_IGN}
    try:
        server.run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def refuse_host_of_others(host: str) -> None:
    """Raise `InputError` for a `--host` that is no address of this machine; nothing listens behind this."""
    try:
        socket.getaddrinfo(host, 0, socket.AF_INET, socket.SOCK_STREAM)
        socket.create_server((host, 0)).close()
    except (OSError, UnicodeError) as error:  # a name that IDNA cannot spell is a UnicodeError
        if not isinstance(error, socket.gaierror | UnicodeError) and error.errno != EADDRNOTAVAIL:
            return  # whoever listens there is told what else there is
        reason = "cannot be looked up" if isinstance(error, UnicodeError) else str(error.strerror).partition(" (")[0]
        raise InputError(
            f"--host {host:.80}: no address of this machine ({reason}); allowed: 127.0.0.1 for this machine alone, "
            "0.0.0.0 for whoever reaches it, or one of its own names or IPv4 addresses."
        ) from error


def warnings(station: StationFile, offer: Offer) -> Iterator[str]:
    """What whoever serves should know before somebody else finds out."""
    if not is_loopback(offer.host):
        yield f"listening on {offer.host}: whoever reaches this machine can command it. 127.0.0.1 is private."
    if station.clock == "wall" and offer.speed != station.speed:
        yield (
            f"speed {digits(offer.speed)}, but tests on station {station.name} count {station.speed:g} bench s per s: "
            "their times, charges and energies will be wrong by that. Set virtual.speed in the station file for both."
        )


def _check(station: StationFile, offer: Offer) -> None:
    if not 0 < offer.speed <= FASTEST:
        raise InputError(
            f"--speed {digits(offer.speed)}: allowed are more than 0 and at most {FASTEST:g} bench s per s."
        )
    if ":" in offer.host:
        raise InputError(f"--host {offer.host}: VISA names take no IPv6 address; give an IPv4 address or a name.")
    refuse_host_of_others(offer.host)
    if offer.control is not None and not _can_be_awaited(offer.control):
        raise InputError("--control: its lines come from a pipe, a socket or a terminal, and standard input is none.")
    for name in offer.exclusive:
        if name not in station.instruments:
            raise InputError(f"--exclusive {name}: no such instrument; {nearest(name, station.instruments)}.")


def _can_be_awaited(descriptor: int) -> bool:
    """Whether more can come from a descriptor later; of a file, or of /dev/null, there is all at once."""
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)


def _link(number: int, entry: InstrumentEntry) -> str:
    """Where the simulator is inside the serving process: ports may repeat (any free one), these do not."""
    tcp = entry.can is None and not _is_serial(entry)
    return f"TCPIP0::instrument{number}::1::SOCKET" if tcp else entry.address


def _is_serial(entry: InstrumentEntry) -> bool:
    return entry.resource.upper().startswith("ASRL") or "://" in entry.resource


def _port(station: StationFile, name: str, entry: InstrumentEntry) -> int:
    """TCP port that the station file wants an instrument on; 0 where it leaves the choice open.

    A virtual station has no real ports, a serial line none at all.
    """
    if station.clock == "virtual" or _is_serial(entry):
        return 0
    where = f"station {station.name}, instrument {name}"
    if entry.can is not None:
        if entry.can.get("interface") != "socketcand":
            raise InputError(
                f"{where}: a served CAN bus has interface socketcand, found {entry.can.get('interface')!r}."
            )
        return _number(entry.can.get("port", 0), where)
    parts = entry.resource.split("::")
    if len(parts) != 4 or not parts[0].upper().startswith("TCPIP") or parts[3].upper() != "SOCKET":
        raise InputError(f"{where}: {entry.resource!r} cannot be served; write TCPIP0::127.0.0.1::PORT::SOCKET.")
    return _number(parts[2], where)


def _number(port: object, where: str) -> int:
    try:
        number = int(str(port))
    except ValueError:
        number = -1
    if not 0 <= number <= 65535:
        raise InputError(f"{where}: TCP port {port!r} is not one; allowed are 1 to 65535, and 0 for any that is free.")
    return number
