"""Who plays what on an open bench, and what each role can leave switched on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import methodcaller
from typing import Any, Protocol, cast

from bench.station import Role, StationFile
from bench.verdicts import InputError
from instruments import roles
from instruments.roles import (
    BatteryEmulator,
    BatteryManagement,
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


MEASURED: dict[Role, tuple[str, ...]] = {
    "source": ("voltage", "current", "power"), "sink": ("voltage", "current", "power"), "chamber": ("air", "set point"),
    "bms": (
        "state", "soc min", "soc max", "charge current limit", "discharge current limit", "cell voltage min",
        "cell voltage max", "cell temperature min", "cell temperature max", "pack voltage", "pack current",
        "insulation", "age",
    ),
}  # fmt: skip
"""Channels that a player of a role must have, by name: in which order it answers is its own affair."""


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
        return dict(zip(node.channels, node.collect(), strict=True))


def measured(meter: Scanned, channel: str) -> float:
    """Ask a meter now, for one channel by its name; raises what the instrument raises."""
    meter.request()
    return meter.collect()[meter.channels.index(channel)]


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
            missing = [channel for channel in MEASURED.get(role, ()) if channel not in drivers[name].channels]
            if missing:
                raise InputError(
                    f"station {station.name}, instrument {name}: driver {entry.driver} has no channel {missing[0]!r}, "
                    f"which the {role} must measure; it has {', '.join(drivers[name].channels)}."
                )
            players[role] = drivers[name]
    return Roles(**players)  # type: ignore[arg-type] # each was checked against its protocol just above
