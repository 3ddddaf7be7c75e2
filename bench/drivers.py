"""One instrument of a station, opened by the driver that the station file names; or what stands in for a dead one.

It opens and nothing more. What is opened when, and what happens to it then, is for the callers: a test
(`bench.running.lifecycle`), a look at the bench (`bench.checkup`) and the supervisor (`bench.safety.rescue`), which
must start fast.
"""

from typing import Any, NoReturn, cast

from bench.origin import adopt
from bench.roles import Driver
from bench.station import StationFile
from bench.verdicts import InputError
from instruments.registry import UnknownDriver, driver_class
from instruments.roles import InstrumentFault, Scanned
from instruments.session import InstrumentLink, LinkContext


def open_driver(station: StationFile, name: str, context: LinkContext) -> Driver:
    """Open the instrument that `station` calls `name`.

    Raises `InputError` when the station file asks for what its driver cannot do, `InstrumentFault` when nobody
    answers at its address.
    """
    entry = station.instruments[name]
    link = InstrumentLink(resource=entry.resource, can=entry.can, gap=entry.gap, timeout=entry.timeout)
    try:
        kind = driver_class(entry.driver)
        adopt(kind)
        driver = kind.open(link, context, name, entry.options)
    except UnknownDriver as error:
        raise InputError(f"station {station.name}, instrument {name}: {error}") from error
    except InstrumentFault:
        raise
    except (ValueError, TypeError) as error:
        raise InputError(f"station {station.name}, instrument {name}: {error}") from error
    if not isinstance(driver, Scanned):
        raise InputError(f"station {station.name}, instrument {name}: driver {entry.driver} measures nothing.")
    return cast("Driver", driver)


class Unreachable:
    """Stands in for an instrument that could not be opened: whatever is asked of it, it says why not."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __getattr__(self, verb: str) -> Any:
        """Every verb of every role, each raising `InstrumentFault`."""
        if verb.startswith("__"):
            raise AttributeError(verb)

        def refuse(*_arguments: object) -> NoReturn:
            raise InstrumentFault(self.reason)

        return refuse
