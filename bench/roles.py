"""Who plays what on an open bench, and what each role can leave switched on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import methodcaller
from typing import Any, Protocol, cast

from bench.station import Role, StationFile
from bench.verdicts import InputError
from instruments import roles
from instruments.roles import (
    BatteryEmulator,
    BatteryManagement,
    Channel,
    ClimateChamber,
    Instrument,
    Scanned,
    Sink,
    Source,
    TemperatureLogger,
)

PROTOCOLS: dict[Role, type] = {
    "source": roles.Source, "sink": roles.Sink, "emulator": roles.BatteryEmulator, "chamber": roles.ClimateChamber,
    "temperatures": roles.TemperatureLogger, "bms": roles.BatteryManagement,
}  # fmt: skip


MEASURED: dict[Role, tuple[Channel, ...]] = {
    "source": roles.TERMINALS, "sink": roles.TERMINALS, "chamber": roles.CHAMBER_AIR,
    "bms": tuple(channel for name, channel in roles.BMS_CHANNELS.items() if name != "soh"),
}  # fmt: skip
"""Channels that a player of a role must have: in which order it answers is its own affair."""


@dataclass(frozen=True, slots=True)
class Power:
    """What a player of a role can leave switched on, in words, and how that is read back and ended."""

    what: str
    still_on: str
    is_off: Callable[[Any], bool]
    off: Callable[[Any], object]


POWER: dict[Role, Power] = {
    "sink": Power("input", "input still reads on", methodcaller("sink_is_off"), methodcaller("sink_off")),
    "source": Power("output", "output still reads on", methodcaller("source_is_off"), methodcaller("source_off")),
    "emulator": Power(
        "channels", "a channel still reads on", methodcaller("emulator_is_off"), methodcaller("emulator_off")
    ),
    "chamber": Power(
        "conditioning", "still conditioning", methodcaller("chamber_is_resting"), methodcaller("chamber_rest")
    ),
}
"""The powerful roles, in the order in which they are switched off: they act on the pack whatever becomes of the PC."""


class Driver(Instrument, Scanned, Protocol):
    """What every instrument of a bench is, whatever roles it plays."""


@dataclass(frozen=True, slots=True)
class Roles:
    """The players, typed by what they can do."""

    source: Source
    sink: Sink
    chamber: ClimateChamber
    temperatures: TemperatureLogger
    bms: BatteryManagement
    emulator: BatteryEmulator | None = None

    def meters(self) -> tuple[Scanned, ...]:
        """What measures the current: one instrument where it plays both roles."""
        return tuple(cast("Scanned", meter) for meter in dict.fromkeys((self.source, self.sink)))

    def bms_scan(self) -> dict[str, float]:
        """Take what the BMS has sent since the last scan: its channels by name."""
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


def cast_roles(station: StationFile, drivers: Mapping[str, Driver]) -> Roles:
    """Give every role its player; raises `InputError` when a driver cannot play what the station asks of it.

    Nor can one that does not measure what the role must, by the names of its channels.
    """
    players: dict[str, object] = {}
    for name, entry in station.instruments.items():
        for role in entry.roles:
            if not isinstance(drivers[name], PROTOCOLS[role]):
                able = [word for word, protocol in PROTOCOLS.items() if isinstance(drivers[name], protocol)]
                raise InputError(
                    f"station {station.name}, instrument {name}: driver {entry.driver} cannot be the {role}; "
                    f"it can be: {', '.join(able) or 'nothing a bench needs'}."
                )
            wrong = _unfit(drivers[name].channels, MEASURED.get(role, ()))
            if wrong:
                raise InputError(
                    f"station {station.name}, instrument {name}: driver {entry.driver} {wrong}, which the {role} must "
                    "measure."
                )
            players[role] = drivers[name]
    return Roles(**players)  # type: ignore[arg-type] # each was checked against its protocol just above


def _unfit(found: Sequence[object], wanted: Sequence[Channel]) -> str:
    """Why an instrument with these channels cannot play a role that must have others, as a clause; empty: it can."""
    foreign = next((each for each in found if not isinstance(each, Channel)), None)
    if foreign is not None:
        return f"tells of its channel {foreign!r} neither quantity nor unit (an `instruments.roles.Channel` has them)"
    by_name = {channel.name: channel for channel in cast("Sequence[Channel]", found)}
    twice = len(by_name) < len(found)
    for channel in wanted:
        has = by_name.get(channel.name)
        if has is None:
            return f"has no channel {channel.name!r} (it has {', '.join(by_name) or 'none'})"
        if has != channel:
            is_, should_be = (f"{each.quantity} in {each.unit}" for each in (has, channel))
            return f"measures as {channel.name!r} a {is_} and not a {should_be}"
    return "has two channels of one name" if twice else ""
