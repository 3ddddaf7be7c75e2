"""What is there, whoever it belongs to: VISA resources, serial ports, CAN channels, and who answers at an address.

It lists, and asks one question. What may be asked of whom, and for how long somebody waits, is for the caller; a
library that cannot look raises `Unseen` with one sentence.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from instruments.wires.kinds import open_link
from instruments.wires.links import LinkLost, LinkProfile, LinkTimeout, Now, reason_of

IDENTITY_QUERY = b"*IDN?\n"
"""IEEE 488.2, 10.14: changes nothing in an instrument that speaks it."""
SERIAL_PREFIXES = ("ASRL", "PRLGX-ASRL")
"""VISA's names of serial ports; they are listed as what they are."""
NO_HARDWARE = frozenset({"virtual", "udp_multicast", "packbench", "serial"})
"""Interfaces of python-can that are there on every computer, and serial ports once more."""


class Unseen(Exception):
    """A library could not look, or nobody is at an address; one sentence."""


def visa_resources(library: str) -> list[str]:
    """Resources that a VISA library lists, without serial ports; raises `Unseen`."""
    import pyvisa

    with _in_silence(), _told(f"VISA library {library}"):
        names = pyvisa.ResourceManager(library).list_resources("?*")
    return sorted(name for name in names if not name.startswith(SERIAL_PREFIXES))


def serial_ports() -> dict[str, str]:
    """Serial ports, and what the operating system knows of each; raises `Unseen`."""
    with _told("Serial ports"):
        from serial.tools.list_ports import comports

        return {port.device: "" if port.description == "n/a" else port.description for port in comports()}


def can_channels() -> list[tuple[str, str]]:
    """Interface and channel of every CAN controller that python-can finds; raises `Unseen`."""
    with _in_silence(), _told("CAN"):
        import can
        from can.interfaces import BACKENDS

        found = can.detect_available_configs([name for name in BACKENDS if name not in NO_HARDWARE])
    return sorted((str(config["interface"]), str(config["channel"])) for config in found)


def identity_at(address: str, visa_library: str, timeout: float, now: Now, *, ask: bool) -> str:
    """Answer to `*IDN?` at a VISA resource or URL; empty where there is none within `timeout` s, or nothing was asked.

    Raises `Unseen` where nobody can be reached.
    """
    profile = LinkProfile(timeout=timeout, encoding="latin-1")
    try:
        link = open_link(address, visa_library, profile, now)
    except (LinkLost, ValueError, OSError) as error:
        raise Unseen(f"{address}: {reason_of(error)}.") from error
    try:
        if not ask:
            return ""
        link.write(IDENTITY_QUERY)
        return link.read_line().decode("latin-1").strip()
    except LinkTimeout:
        return ""
    except LinkLost as error:
        raise Unseen(f"{address}: {reason_of(error)}.") from error
    finally:
        link.close()


def join_bus(settings: dict[str, Any]) -> None:
    """Join a CAN bus and leave it again, without a word; raises `Unseen` where it is not there."""
    import can

    with _in_silence(), _told(f"{settings.get('interface')}:{settings.get('channel')}"):
        can.Bus(**settings).shutdown()


@contextmanager
def _told(what: str) -> Iterator[None]:
    """A library fails in ways of its own: a backend that is missing, a right that one has not, a driver's own error."""
    try:
        yield
    except Exception as error:
        first = reason_of(error).split("\n", maxsplit=1)[0]
        raise Unseen(f"{what}: {first.rstrip(':. ')}.") from error


@contextmanager
def _in_silence() -> Iterator[None]:
    """Libraries tell of every driver that is not installed; nobody has asked for those."""
    loggers = [logging.getLogger(name) for name in ("can", "pyvisa")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
