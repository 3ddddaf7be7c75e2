"""Who plays what on an open bench: players by role, typed by what they can do, several of one role as one."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

from bench import roles
from bench.station import StationFile
from bench.verdicts import InputError
from instruments.roles import (
    BatteryEmulator,
    BatteryManagement,
    Channel,
    Charger,
    ClimateChamber,
    CoolantUnit,
    Instrument,
    Scanned,
    Sink,
    Source,
    has_verbs,
)


class Driver(Instrument, Scanned, Protocol):
    """What every instrument of a bench is, whatever roles it plays."""


class NotPlayed(InputError):
    """A role that nobody plays on this station is asked for something."""


class Players:
    """The instruments of a bench by role and name; where several play one role, they act as one.

    `cast` has for each role its players by instrument.
    """

    def __init__(self, cast: Mapping[str, Mapping[str, Any]]) -> None:
        self.cast = {name: dict(players) for name, players in cast.items() if players}
        self._acting: dict[str, Any] = {}

    def __contains__(self, role: str) -> bool:
        return role in self.cast

    def __getitem__(self, role: str) -> Any:
        """Whoever plays a role; raises `NotPlayed` where nobody does."""
        if role not in self._acting:
            self._acting[role] = self._together(role)
        return self._acting[role]

    def of(self, role: str) -> Mapping[str, Any]:
        """Each player of a role by its instrument's name; none where nobody plays it."""
        return self.cast.get(role, {})

    def _together(self, role: str) -> Any:
        players = self.of(role)
        if not players:
            raise NotPlayed(f"nobody plays the {role} on this station; add the role to an instrument of it")
        if len(players) == 1:
            return next(iter(players.values()))
        together = roles.role(role).together
        if together is None:
            raise NotPlayed(f"{' and '.join(players)} play the {role}, and nothing makes them act as one")
        return together(players)

    @property
    def source(self) -> Source:
        """Charges; raises `NotPlayed`, as those below do."""
        return cast("Source", self["source"])

    @property
    def sink(self) -> Sink:
        """Discharges."""
        return cast("Sink", self["sink"])

    @property
    def chamber(self) -> ClimateChamber:
        """Sets the temperature of the air."""
        return cast("ClimateChamber", self["chamber"])

    @property
    def coolant(self) -> CoolantUnit:
        """Pumps coolant through the pack's plate."""
        return cast("CoolantUnit", self["coolant"])

    @property
    def charger(self) -> Charger:
        """Charges from the grid, and gives back to it."""
        return cast("Charger", self["charger"])

    @property
    def bms(self) -> BatteryManagement:
        """The pack's own controller."""
        return cast("BatteryManagement", self["bms"])

    @property
    def emulator(self) -> BatteryEmulator:
        """Stands in for the pack."""
        return cast("BatteryEmulator", self["emulator"])

    def shares(self, role: str) -> dict[str, float]:
        """The part (0 to 1) of what is common that each player of a role takes; 1 for one that plays it alone."""
        return getattr(self[role], "shares", None) or dict.fromkeys(self.of(role), 1.0)

    def moving(self) -> Iterator[tuple[Any, roles.Power]]:
        """Everybody who can move a current through the pack, and how that is ended, in the order of the safe state."""
        powers = {name: power for name in self.cast if (power := roles.role(name).power) and power.moves_current}
        for name in sorted(powers, key=lambda name: min(step.rank for step in roles.role(name).steps)):
            yield from ((player, powers[name]) for player in self.of(name).values())

    def meters(self) -> Mapping[str, Scanned]:
        """What measures the current, by instrument: one that plays both roles once."""
        return {**self.of("source"), **self.of("sink")}

    def bms_scan(self) -> dict[str, float]:
        """Take what the BMS has sent since the last scan: its channels by name; raises `NotPlayed`."""
        node = cast("Scanned", self.bms)
        node.request()
        return dict(zip([channel.name for channel in node.channels], node.collect(), strict=True))


def measured(meter: Scanned, channel: str) -> float:
    """Ask a meter now, for one channel by its name; raises what the instrument raises."""
    meter.request()
    return meter.collect()[position(meter.channels, channel)]


def position(channels: Sequence[Channel], name: str) -> int:
    """Where a channel stands among others; raises `ValueError` when it is not there."""
    return [channel.name for channel in channels].index(name)


def cast_players(station: StationFile, drivers: Mapping[str, Driver]) -> Players:
    """Give every role its players; raises `InputError` when a driver cannot play what the station asks of it.

    Nor can one that does not measure what the role must, by the names, quantities and units of its channels.
    """
    players: dict[str, dict[str, object]] = {}
    for name, entry in station.instruments.items():
        for role in entry.roles:
            driver, record = drivers[name], roles.role(role)
            if not has_verbs(driver, record.protocol):
                able = [word for word in roles.names() if _could_play(driver, word)]
                raise InputError(
                    f"station {station.name}, instrument {name}: driver {entry.driver} cannot be the {role}; "
                    f"it can be: {', '.join(able) or 'nothing a bench needs'}."
                )
            wrong = record.unfit(driver.channels)
            if wrong:
                raise InputError(
                    f"station {station.name}, instrument {name}: driver {entry.driver} {wrong}, which the {role} must "
                    "measure."
                )
            players.setdefault(role, {})[name] = driver
    return Players(players)


def _could_play(driver: object, role: str) -> bool:
    try:
        return has_verbs(driver, roles.role(role).protocol)
    except roles.RoleError:
        return False
