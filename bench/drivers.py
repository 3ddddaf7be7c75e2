"""One instrument of a station, opened by the driver that the station file names; or what stands in for a dead one.

It opens and nothing more. What is opened when, and what happens to it then, is for the callers: a test
(`bench.running.lifecycle`), a look at the bench (`bench.checkup`) and the supervisor (`bench.safety.rescue`), which
must start fast.
"""

from collections.abc import Iterable
from typing import Any, NoReturn, cast

from bench import roles
from bench.origin import adopt
from bench.players import Driver
from bench.station import Expected, StationFile
from bench.verdicts import InputError
from instruments.driver import DriverClass
from instruments.registry import UnknownDriver, driver_class
from instruments.roles import Identity, InstrumentFault, Scanned, Waking, has_verbs
from instruments.wires.context import InstrumentLink, LinkContext


def driver_of(station: StationFile, name: str) -> DriverClass:
    """The class that the station file names for an instrument; raises `InputError` when there is none."""
    try:
        return driver_class(station.instruments[name].driver)
    except UnknownDriver as error:
        raise InputError(f"station {station.name}, instrument {name}: {error}") from error


def check_entry(station: StationFile, name: str) -> None:
    """Raise `InputError` for an instrument whose driver or link nobody could open; opens nothing."""
    entry = station.instruments[name]
    driver_of(station, name)
    try:
        InstrumentLink(entry.resource, entry.can).check()
    except ValueError as error:
        raise InputError(f"station {station.name}, instrument {name}: {error}.") from error


def open_driver(station: StationFile, name: str, context: LinkContext) -> Driver:
    """Open the instrument that `station` calls `name`.

    Raises `InputError` when the station file asks for what its driver cannot do, `InstrumentFault` when nobody
    answers at its address.
    """
    entry = station.instruments[name]
    link = InstrumentLink(resource=entry.resource, can=entry.can, gap=entry.gap, timeout=entry.timeout)
    try:
        kind = driver_of(station, name)
        adopt(kind)
        driver = kind.open(link, context, name, entry.options)
    except (InstrumentFault, InputError):
        raise
    except (ValueError, TypeError) as error:
        raise InputError(f"station {station.name}, instrument {name}: {error}") from error
    except SystemExit as error:  # it would end the session, or the supervisor, without a word
        raise InstrumentFault(
            f"{name}: driver {entry.driver} ends the program ({error}) where it cannot be opened."
        ) from error
    if not has_verbs(driver, Scanned):
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


TOWARDS_SAFETY = frozenset({"request_mode", "close"})
"""What may be said to whoever answers at an address, beside OFF. Of the modes a safe state asks for standby alone."""


class Doubted(Unreachable):
    """Stands in for whoever answers at an instrument's address and is not that instrument, or does not say who it is.

    To switch it off needs no identity. What it reads back or measures proves nothing, and so is not asked.
    """

    def __init__(self, driver: Driver, reason: str, played: Iterable[str]) -> None:
        super().__init__(reason)
        self._driver = driver
        powers = (roles.role(name).power for name in played)
        self._allowed = TOWARDS_SAFETY | {power.off_verb for power in powers if power}

    def __getattr__(self, verb: str) -> Any:
        """Commands towards safety reach whoever is there; every other verb raises `InstrumentFault`."""
        return getattr(self._driver, verb) if verb in self._allowed else super().__getattr__(verb)


def is_there(player: object) -> bool:
    """Whether anybody hears what is said to a player."""
    return not isinstance(player, Unreachable) or isinstance(player, Doubted)


def mismatch(expected: Expected, found: Identity) -> str:
    """What is wrong with an identity where the station file, or whoever identified it before, expects another.

    Empty when it is right.
    """
    for what, wanted, is_ in (
        ("model", expected.model, found.model),
        ("serial number", expected.serial_number, found.serial_number),
    ):
        if wanted is not None and wanted not in is_:
            return f"its {what} should be {wanted!r} and is {is_!r}"
    return ""


def warm_up(station: StationFile, names: Iterable[str]) -> None:
    """Import the drivers of `names`, and what they open links with; opens no instrument.

    Before links are opened in threads: those that asked for the first VISA library at once could each get one.
    Raises `UnknownDriver`.
    """
    for name in names:
        entry = station.instruments[name]
        driver_class(entry.driver)
        InstrumentLink(entry.resource, entry.can).kind.prepare(station.visa_library)


def identified(driver: Driver) -> Identity:
    """Ask an instrument that has just been opened who it is; raises `InstrumentFault` where it does not say."""
    identity: Identity = driver.identify_awaking() if isinstance(driver, Waking) else driver.identify()
    return identity
