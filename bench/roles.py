"""Who plays what on an open bench."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from bench.station import StationFile
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

PROTOCOLS: dict[str, type] = {
    "source": roles.Source, "sink": roles.Sink, "emulator": roles.BatteryEmulator, "chamber": roles.ClimateChamber,
    "temperatures": roles.TemperatureLogger, "bms": roles.BatteryManagement,
}  # fmt: skip


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


def cast_roles(station: StationFile, drivers: Mapping[str, Driver]) -> Roles:
    """Give every role its player; raises `InputError` when a driver cannot play what the station asks of it."""
    players: dict[str, object] = {}
    for name, entry in station.instruments.items():
        for role in entry.roles:
            if not isinstance(drivers[name], PROTOCOLS[role]):
                able = [word for word, protocol in PROTOCOLS.items() if isinstance(drivers[name], protocol)]
                raise InputError(
                    f"station {station.name}, instrument {name}: driver {entry.driver} cannot be the {role}; "
                    f"it can be: {', '.join(able) or 'nothing a bench needs'}."
                )
            players[role] = drivers[name]
    return Roles(**players)  # type: ignore[arg-type] # each was checked against its protocol just above
