"""Which meter a value comes from, which of two that disagree is wrong, and which cell or sensor a value is about.

A disagreement of two meters names both. Where a third one has measured the same, the majority says which of the two is
wrong: the sink's voltmeter, the sum of the emulated cells, the air around cells without heat of their own. A set point
is no meter: an instrument that regulates by its own wrong reading confirms it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isnan

from bench import columns
from bench.columns import INDEX, bms_label, label, raw_label
from bench.pack import PackFile
from bench.safety import coolant, events, plausibility, quantities
from bench.safety.guard import CONNECTED, Evidence, Meter
from bench.station import StationFile
from instruments.roles import AMPERES, VOLTS

Row = Sequence[float]
Suspects = Callable[[Row], tuple[str, ...]]
Place = Callable[[Row], str]

METER_NOISE = 0.002
"""Share of a voltage within which two good voltmeters may differ: no majority is told by less."""

_VOLTAGE, _CURRENT, _SET_CURRENT = INDEX[columns.VOLTAGE], INDEX[columns.CURRENT], INDEX[columns.SET_CURRENT]
_AIR, _STATE = INDEX[columns.AMBIENT], INDEX[columns.BMS_STATE]
_LOWEST, _HIGHEST = INDEX[columns.CELL_VOLTAGE_MIN], INDEX[columns.CELL_VOLTAGE_MAX]
_COLDEST, _HOTTEST = INDEX[columns.CELL_TEMPERATURE_MIN], INDEX[columns.CELL_TEMPERATURE_MAX]
_FROM_OUTSIDE = plausibility.OUTSIDE_HEAT, plausibility.UNLIKELY_HEAT, plausibility.OUTSIDE_COLD
_OF_COOLANT = columns.COOLANT_SUPPLY, columns.COOLANT_RETURN, coolant.SUPPLY, coolant.DEVIATION, coolant.GAP
_BMS_MEASURES = ("cell voltage", "pack voltage", "current", "temperature", "soc", "insulation", "state", "limits")


def evidence_for(
    pack: PackFile, station: StationFile, layout: Sequence[str], where: Callable[[str], str] | None = None
) -> Evidence:
    """What is known of the columns of `station`; `layout` names the values of a row.

    `where` is the BMS's own word on which cell or sensor one of its channels ("cell voltage max") is about.
    """
    bench = _Bench(pack, station, layout)
    return Evidence(bench.meters(), bench.suspects(), bench.places(where))


class _Bench:
    """The instruments of a station by role, and where their channels are in a row."""

    def __init__(self, pack: PackFile, station: StationFile, layout: Sequence[str]) -> None:
        self.pack, self.station, self.layout = pack, station, layout
        self.index = {name: position for position, name in enumerate(layout)}
        self.voltmeters = quantities.voltmeters(station) or station.players("charger") or ("source",)
        self.sources = station.players("source") or self.voltmeters[:1]
        self.sinks = station.players("sink") or self.voltmeters[:1]
        self.voltmeter = self.voltmeters[0]
        """The one whose voltage is recorded as that of the terminals."""
        self.heard = station.player("bms") is not None
        self.bms, self.chamber = station.whoever_is("bms"), station.whoever_is("chamber")
        self.coolant = station.player("coolant")
        self.scanners, self.emulator = station.players("temperatures") or ("temperatures",), station.player("emulator")
        self.cells = {} if self.emulator is None else self._channels(self.emulator, "cell", "V")
        self.sensors = {
            (word if len(self.scanners) == 1 else f"{name} {word}"): position
            for name in self.scanners
            for word, position in self._channels(name, "sensor", "degC").items()
        }

    def _channels(self, instrument: str, channel: str, unit: str) -> dict[str, int]:
        """Positions of an instrument's numbered channels, by what they are called: `sensor 2`."""
        prefix, suffix = label(instrument, f"{channel} 1", unit).rsplit("1", 1)
        found = [self.index[name] for name in self.layout if name.startswith(prefix) and name.endswith(suffix)]
        return {f"{channel} {number}": position for number, position in enumerate(found, 1)}

    def of_bms(self, channel: str) -> int:
        """Position of a channel of the BMS."""
        return self.index[bms_label(self.bms, channel)]

    # --- meters -------------------------------------------------------------------------------------------------------

    def meters(self) -> dict[str, tuple[Meter, ...]]:
        """The meters behind each column, recorded or derived."""
        voltage: Meter = self.voltmeter, "voltage"
        current = tuple((name, "current") for name in self.voltmeters)
        temperature, air = tuple((name, "temperature") for name in self.scanners), (self.chamber, "air")
        cell: Meter = (self.emulator or self.bms), "cell voltage"
        bms: dict[str, Meter] = {what: (self.bms, what) for what in _BMS_MEASURES}
        both = {
            quantities.BMS_VOLTAGE_DIFFERENCE: (voltage, bms["pack voltage"]),
            quantities.SINK_VOLTAGE_DIFFERENCE: tuple((name, "voltage") for name in self.voltmeters),
            quantities.BMS_CURRENT_DIFFERENCE: (*current, bms["current"]),
            **dict.fromkeys(
                (quantities.HIGHEST_CELL_DIFFERENCE, quantities.LOWEST_CELL_DIFFERENCE), (cell, bms["cell voltage"])
            ),
            **dict.fromkeys(
                (quantities.HOTTEST_DIFFERENCE, quantities.COLDEST_DIFFERENCE, plausibility.UNCONFIRMED_HEAT),
                (*temperature, bms["temperature"]),
            ),
            **dict.fromkeys((quantities.HOTTEST_JUMP, quantities.COLDEST_JUMP, quantities.SCANNER_FROZEN), temperature),
            **dict.fromkeys(_FROM_OUTSIDE, (air,)),
        }
        if self.coolant is not None:
            thermometers: Meter = self.coolant, "temperature"
            both |= dict.fromkeys(_FROM_OUTSIDE, (air, thermometers))
            both |= dict.fromkeys(_OF_COOLANT, (thermometers,))
        return {
            columns.VOLTAGE: (voltage,), columns.POWER: (voltage, *current), columns.AMBIENT: (air,),
            **dict.fromkeys(_CURRENTS, current),
            **dict.fromkeys((columns.CELL_VOLTAGE_MIN, columns.CELL_VOLTAGE_MAX, quantities.CELL_SPREAD), (cell,)),
            **dict.fromkeys(_TEMPERATURES, temperature),
            columns.SOC: (bms["soc"],), columns.BMS_STATE: (bms["state"],), columns.BMS_AGE: (bms["state"],),
            **dict.fromkeys((columns.CHARGE_LIMIT, columns.DISCHARGE_LIMIT), (bms["limits"],)),
            quantities.CHARGE_EXCESS: (*current, bms["limits"]), quantities.DISCHARGE_EXCESS: (*current, bms["limits"]),
            bms_label(self.bms, "cell temperature max"): (bms["temperature"],),
            quantities.BMS_TEMPERATURE_SPREAD: (bms["temperature"],),
            bms_label(self.bms, "insulation"): (bms["insulation"],),
            **dict.fromkeys(
                (plausibility.CHARGE_LEAP, plausibility.FULLEST_LEAP, quantities.CHARGE_SPREAD), (bms["soc"],)
            ),
            plausibility.CELL_SUM_GAP: (bms["cell voltage"], bms["pack voltage"]),
            plausibility.OPEN_YET_CARRYING: (bms["state"],),
            plausibility.DISORDER: (bms["cell voltage"], bms["temperature"], bms["soc"]),
            plausibility.FROZEN: (bms["cell voltage"], bms["pack voltage"], bms["soc"]),
            plausibility.FROZEN_TEMPERATURE: (bms["temperature"],),
            **dict.fromkeys((quantities.BMS_UNCHANGED, events.CONTRADICTIONS), tuple(bms.values())),
            **both,
        }  # fmt: skip

    # --- suspects -----------------------------------------------------------------------------------------------------

    def suspects(self) -> dict[str, Suspects]:
        """Whom a row speaks against, where it can say more than which meters were read."""
        found: dict[str, Suspects] = {
            **dict.fromkeys(_CARRIED, self._carrying),
            quantities.CURRENT_SHORTFALL: self._short,
            plausibility.UNASKED_CURRENT: self._unasked,
            events.INTERRUPTIONS: self._asked,
        }
        if self.coolant is not None:
            found |= dict.fromkeys(_FROM_OUTSIDE, self._around(self.coolant))
        if len(self.voltmeters) > 1:
            found[quantities.SINK_VOLTAGE_DIFFERENCE] = self._furthest()
        if self.heard:
            hottest, coldest = self.of_bms("cell temperature max"), self.of_bms("cell temperature min")
            found |= {
                quantities.BMS_VOLTAGE_DIFFERENCE: self._voltmeters(self.bms),
                quantities.BMS_CURRENT_DIFFERENCE: self._ammeters(),
                quantities.HOTTEST_DIFFERENCE: self._thermometers(_HOTTEST, hottest, 1.0),
                quantities.COLDEST_DIFFERENCE: self._thermometers(_COLDEST, coldest, -1.0),
                plausibility.UNCONFIRMED_HEAT: self._thermometers(_HOTTEST, hottest, 1.0),
            }
        if self.emulator is not None and self.heard:
            for column, read, bms in (
                (quantities.HIGHEST_CELL_DIFFERENCE, _HIGHEST, self.of_bms("cell voltage max")),
                (quantities.LOWEST_CELL_DIFFERENCE, _LOWEST, self.of_bms("cell voltage min")),
            ):
                found[column] = self._cell_meters(read, bms, self.emulator)
        return found

    def _around(self, unit: str) -> Suspects:
        """Who says what is around the cells: the chamber, and the coolant unit while its coolant flows."""
        flow, chamber = self.index[columns.COOLANT_FLOW], (self.chamber,)
        return lambda row: (*chamber, unit) if row[flow] > 0 else chamber

    def _furthest(self) -> Suspects:
        """Of the first voltmeter and the one that is furthest from it, the one that fewer others are near to."""
        others = {name: self.index[raw_label(name, VOLTS)] for name in self.voltmeters[1:]}
        judged = {name: self._voltmeters(name) for name in others}

        def suspects(row: Row) -> tuple[str, ...]:
            furthest = max(others, key=lambda name: abs(row[others[name]] - row[_VOLTAGE]))
            return judged[furthest](row)

        return suspects

    def _voltmeters(self, other: str) -> Suspects:
        """Of the terminals' voltmeter and `other`, the one that fewer of the station's voltages are near to."""
        tolerance = self.station.guard.voltage_disagreement * self.pack.voltage_max
        positions = {self.voltmeter: _VOLTAGE}
        if self.heard:
            positions[self.bms] = self.of_bms("pack voltage")
        positions |= {name: self.index[raw_label(name, VOLTS)] for name in self.voltmeters[1:]}
        pair = (self.voltmeter, other)
        thirds = [position for name, position in positions.items() if name not in pair]
        series, cells = self.pack.series, tuple(self.cells.values())

        def suspects(row: Row) -> tuple[str, ...]:
            witnesses = [row[position] for position in thirds]
            witnesses.append(sum(row[cell] for cell in cells) if cells else series * (row[_LOWEST] + row[_HIGHEST]) / 2)
            return _fewest({name: row[positions[name]] for name in pair}, witnesses, tolerance)

        return suspects

    def _ammeters(self) -> Suspects:
        """An instrument of which nothing is asked carries nothing; else the BMS or whoever carries the current."""
        tolerance = self.station.guard.current_disagreement * max(
            self.pack.limits.charge_current, self.pack.limits.discharge_current
        )
        bms = self.of_bms("pack current")
        meters = self._amperes()

        def suspects(row: Row) -> tuple[str, ...]:
            asked, seen = row[_SET_CURRENT], row[bms]
            wanted = () if isnan(asked) else self._asked(row)
            # One that carries a current though nothing is asked of it, where all others together agree with the BMS.
            for name, position in meters.items():
                rest = sum(row[other] for other in meters.values() if other != position)
                if len(meters) > 1 and name not in wanted and abs(row[position]) > tolerance >= abs(rest - seen):
                    return (name,)
            active = wanted or self._carrying(row)
            # What the BMS confirms of a set point does flow: then it is the instrument that cannot read it.
            return active if abs(asked - seen) <= tolerance else (*active, self.bms)

        return suspects

    def _cell_meters(self, read: int, bms: int, emulator: str) -> Suspects:
        """The emulated cells must add up to the voltage of the string."""
        cells, pack_voltage = tuple(self.cells.values()), self.of_bms("pack voltage")

        def suspects(row: Row) -> tuple[str, ...]:
            string = row[_VOLTAGE] if row[_STATE] in CONNECTED else row[pack_voltage]
            half, noise = abs(row[read] - row[bms]) / 2, METER_NOISE * string
            missing = abs(sum(row[cell] for cell in cells) - string)
            if missing > max(half, noise):
                return (emulator,)
            return (self.bms,) if half > noise else (emulator, self.bms)

        return suspects

    def _thermometers(self, scanner: int, bms: int, sign: float) -> Suspects:
        """Of scanner and BMS, the one further from the air, where it is the scanner that reads the extreme.

        A BMS that reads more than the scanner contradicts nobody: it has sensors where the scanner may have none.
        """

        def suspects(row: Row) -> tuple[str, ...]:
            if sign * (row[scanner] - row[bms]) <= 0:
                return ()
            nearer = abs(row[bms] - row[_AIR]) <= abs(row[scanner] - row[_AIR])
            return self.scanners if nearer else (self.bms,)

        return suspects

    def _carrying(self, row: Row) -> tuple[str, ...]:
        """Source or sink, whichever reads the most current."""
        positions = self._amperes()
        return (max(positions, key=lambda name: abs(row[positions[name]])),) if positions else self.voltmeters

    def _amperes(self) -> dict[str, int]:
        """Positions of the currents of those that measure their own: a charger does not."""
        labels = {name: raw_label(name, AMPERES) for name in self.voltmeters}
        return {name: self.index[label] for name, label in labels.items() if label in self.index}

    def _unasked(self, row: Row) -> tuple[str, ...]:
        """Whoever carries a current while another one is asked; else who carries the most."""
        return self._idle_with(row, plausibility.unasked_current(row)) or self._carrying(row)

    def _short(self, row: Row) -> tuple[str, ...]:
        """Whoever takes up what the asked one delivers, if that is what is missing; else who was asked."""
        return self._idle_with(row, abs(row[_SET_CURRENT] - row[_CURRENT]) / 2) or self._asked(row)

    def _idle_with(self, row: Row, least: float) -> tuple[str, ...]:
        """Of sources and sinks of which nothing is asked, those that read more than `least` A."""
        asked = row[_SET_CURRENT]
        wanted = self.voltmeters if isnan(asked) else self._asked(row)
        idle = [name for name in self.voltmeters if name not in wanted]
        amperes = self._amperes()
        return tuple(name for name in idle if name in amperes and abs(row[amperes[name]]) > least)

    def _asked(self, row: Row) -> tuple[str, ...]:
        """Sources or sinks, whichever are asked for a current."""
        return self.sinks if row[_SET_CURRENT] < 0 else self.sources

    # --- places -------------------------------------------------------------------------------------------------------

    def places(self, where: Callable[[str], str] | None) -> dict[str, Place]:
        """The cell or sensor that a column is about."""
        found: dict[str, Place] = {}
        if self.sensors:
            found |= dict.fromkeys(_HOT, _extreme(self.sensors, max))
            found |= dict.fromkeys(_COLD, _extreme(self.sensors, min))
        if where is not None:
            found |= {column: _told(where, channel) for column, channel in self._told_by_bms().items()}
            found[quantities.CELL_SPREAD] = self._stray_of_bms(where)
        if self.cells:
            found |= dict.fromkeys(
                (columns.CELL_VOLTAGE_MAX, quantities.HIGHEST_CELL_DIFFERENCE), _extreme(self.cells, max)
            )
            found |= dict.fromkeys(
                (columns.CELL_VOLTAGE_MIN, quantities.LOWEST_CELL_DIFFERENCE), _extreme(self.cells, min)
            )
            found[quantities.CELL_SPREAD] = _stray(tuple(self.cells.values()))
        if quantities.CELL_SPREAD in found:
            found[quantities.CHARGE_SPREAD] = found[quantities.CELL_SPREAD]
        return found

    def _stray_of_bms(self, where: Callable[[str], str]) -> Place:
        """The lowest or the highest cell, whichever is further from the mean of the string, in the BMS's words."""
        string, series = self.of_bms("pack voltage"), self.pack.series

        def place(row: Row) -> str:
            mean = row[string] / series
            low = mean - row[_LOWEST] > row[_HIGHEST] - mean
            return where("cell voltage min" if low else "cell voltage max")

        return place

    def _told_by_bms(self) -> dict[str, str]:
        """Channels of the BMS by the column that shows them; an emulator knows the cells that it plays by itself."""
        hottest = "cell temperature max"
        temperatures = {bms_label(self.bms, hottest): hottest, quantities.BMS_TEMPERATURE_SPREAD: hottest}
        if self.cells:
            return temperatures
        return temperatures | {
            columns.CELL_VOLTAGE_MAX: "cell voltage max", columns.CELL_VOLTAGE_MIN: "cell voltage min",
        }  # fmt: skip


_CURRENTS = (
    columns.CURRENT, columns.CHARGE_AH, columns.DISCHARGE_AH, columns.CHARGE_WH, columns.DISCHARGE_WH,
    plausibility.UNASKED_CURRENT, quantities.CURRENT_SHORTFALL, quantities.CHARGE_MOVED, events.INTERRUPTIONS,
)  # fmt: skip
_CARRIED = (
    columns.CURRENT, columns.POWER, quantities.CHARGE_EXCESS, quantities.DISCHARGE_EXCESS,
)  # fmt: skip
"""What source or sink is told from by the current that it reads."""
_HOT = (
    columns.CELL_TEMPERATURE_MAX, quantities.TEMPERATURE_RATE, quantities.TEMPERATURE_RISE, quantities.HOTTEST_JUMP,
    quantities.HOTTEST_DIFFERENCE, plausibility.UNCONFIRMED_HEAT,
)  # fmt: skip
_COLD = (columns.CELL_TEMPERATURE_MIN, quantities.COLDEST_JUMP, quantities.COLDEST_DIFFERENCE)
_TEMPERATURES = (
    columns.CELL_TEMPERATURE_MIN, columns.CELL_TEMPERATURE_MAX, columns.SURFACE, quantities.TEMPERATURE_RATE,
    quantities.TEMPERATURE_RISE,
)  # fmt: skip


def _fewest(values: Mapping[str, float], others: Sequence[float], near: float) -> tuple[str, ...]:
    """The one of two whose value fewer others are near to; both where that decides nothing."""
    witnesses = {name: sum(abs(other - value) <= near for other in others) for name, value in values.items()}
    fewest = min(witnesses.values())
    return tuple(name for name, count in witnesses.items() if count == fewest)


def _extreme(positions: Mapping[str, int], which: Callable[[Iterable[float]], float]) -> Place:
    """The channel with the highest or the lowest value; nothing where one is missing."""
    words = tuple(positions)

    def place(row: Row) -> str:
        values = [row[position] for position in positions.values()]
        return "" if any(isnan(value) for value in values) else words[values.index(which(values))]

    return place


def _stray(positions: Sequence[int]) -> Place:
    """Number of the cell that is furthest from all others together."""

    def place(row: Row) -> str:
        values = [row[position] for position in positions]
        mean = sum(values) / len(values)
        return f"cell {max(range(len(values)), key=lambda cell: abs(values[cell] - mean)) + 1}"

    return place


def _told(where: Callable[[str], str], channel: str) -> Place:
    return lambda _row: where(channel)
