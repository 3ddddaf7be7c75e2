"""One scan: every instrument is asked, then every answer is collected, and the pack's quantities derived from them."""

from collections.abc import Mapping, Sequence
from math import isnan, nan

from bench import columns
from bench.columns import INDEX, raw_label
from bench.roles import position
from instruments.roles import Scanned

_BMS_COLUMNS = {
    "charge current limit": columns.CHARGE_LIMIT,
    "discharge current limit": columns.DISCHARGE_LIMIT,
    "state": columns.BMS_STATE,
    "age": columns.BMS_AGE,
    "soc min": columns.SOC,
}

_VOLTAGE, _CURRENT, _POWER = INDEX[columns.VOLTAGE], INDEX[columns.CURRENT], INDEX[columns.POWER]
_AMBIENT, _SURFACE = INDEX[columns.AMBIENT], INDEX[columns.SURFACE]
_CELL_V_MIN, _CELL_V_MAX = INDEX[columns.CELL_VOLTAGE_MIN], INDEX[columns.CELL_VOLTAGE_MAX]
_CELL_T_MIN, _CELL_T_MAX = INDEX[columns.CELL_TEMPERATURE_MIN], INDEX[columns.CELL_TEMPERATURE_MAX]
_DURATION = INDEX[columns.SCAN_DURATION]


class Scanner:
    """Scans instruments by name; `roles` says whose channels mean what."""

    def __init__(self, instruments: Mapping[str, Scanned], roles: Mapping[str, str]) -> None:
        self._instruments = list(instruments.values())
        self.columns = columns.DERIVED + tuple(
            raw_label(name, channel) for name, instrument in instruments.items() for channel in instrument.channels
        )
        self._width = len(columns.DERIVED)
        start, self._slices = self._width, dict[str, slice]()
        for name, instrument in instruments.items():
            self._slices[name] = slice(start, start + len(instrument.channels))
            start += len(instrument.channels)
        # A bidirectional supply plays both roles and is read once.
        meters = dict.fromkeys(roles[role] for role in ("source", "sink") if role in roles)
        self._volts, self._amps = (
            [self._position(instruments, name, channel) for name in meters] for channel in ("voltage", "current")
        )
        self._emulator = self._slices.get(roles.get("emulator", ""))
        self._sensors = self._slices.get(roles.get("temperatures", ""))
        self._air = self._position(instruments, roles["chamber"], "air") if "chamber" in roles else None
        self._bms = self._bms_positions(instruments, roles)

    def scan(self) -> list[float]:
        """A row in the order of `columns`; set points, counters and time are left for the engine to fill in."""
        for instrument in self._instruments:
            instrument.request()
        row = [nan] * self._width
        for instrument in self._instruments:
            row += instrument.collect()
        self._derive(row)
        return row

    def _derive(self, row: list[float]) -> None:
        row[_VOLTAGE] = voltage = row[self._volts[0]]
        row[_CURRENT] = current = sum([row[position] for position in self._amps])
        row[_POWER] = voltage * current
        if self._air is not None:
            row[_AMBIENT] = row[self._air]
        for source, target in self._bms:
            row[target] = row[source]
        if self._emulator is not None:
            row[_CELL_V_MIN], row[_CELL_V_MAX] = _extremes(row[self._emulator])
        if self._sensors is not None:
            sensors = row[self._sensors]
            row[_CELL_T_MIN], row[_CELL_T_MAX] = _extremes(sensors)
            row[_SURFACE] = _mean(sensors)

    def _position(self, instruments: Mapping[str, Scanned], name: str, channel: str) -> int:
        """Where a channel stands in a row, by its name: another driver may answer in another order."""
        start: int = self._slices[name].start
        return start + position(instruments[name].channels, channel)

    def _bms_positions(self, instruments: Mapping[str, Scanned], roles: Mapping[str, str]) -> list[tuple[int, int]]:
        name = roles.get("bms")
        if name is None:
            return []
        wanted = dict(_BMS_COLUMNS)
        if "emulator" not in roles:
            wanted |= {
                "cell voltage min": columns.CELL_VOLTAGE_MIN,
                "cell voltage max": columns.CELL_VOLTAGE_MAX,
            }
        start = self._slices[name].start
        channels = enumerate(instruments[name].channels, start)
        return [(place, INDEX[wanted[channel.name]]) for place, channel in channels if channel.name in wanted]


def _extremes(values: Sequence[float]) -> tuple[float, float]:
    """Lowest and highest; nan when any is missing, so that a guard notices."""
    total = sum(values)
    return (nan, nan) if isnan(total) else (min(values), max(values))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else nan
