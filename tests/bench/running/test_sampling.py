"""What a row is made of (scan), when temperatures have settled, how an emulator is given its pack."""

from collections.abc import Iterable, Sequence
from itertools import accumulate, repeat
from math import isnan, nan, nextafter

import numpy as np
import pytest

from bench import columns
from bench.clock import VirtualClock
from bench.columns import DERIVED, INDEX, raw_label
from bench.pack import PackFile
from bench.running import emulation
from bench.running.emulation import EmulatedPack, cell_of
from bench.running.scan import Scanner
from bench.running.settling import TemperatureSettling
from bench.station import ChamberLimits
from bench.verdicts import InputError
from instruments.roles import BMS_CHANNELS, CHAMBER_AIR, TERMINALS, CellTable, Channel, InstrumentFault

# --- scan -------------------------------------------------------------------------------------------------------------


KNOWN = {channel.name: channel for channel in (*TERMINALS, *CHAMBER_AIR, *BMS_CHANNELS.values())}


def channel_called(name: str) -> Channel:
    if "sensor" in name:
        return Channel(name, "temperature", "degC")
    return KNOWN.get(name, Channel(name, "voltage", "V"))


class Meter:
    """Answers with what it was given, and keeps when it was asked and read."""

    log: list[str]

    def __init__(self, name: str, log: list[str], **values: float) -> None:
        self.name, self.log = name, log
        self.channels = tuple(channel_called(name.replace("_", " ")) for name in values)
        self.values = list(values.values())

    def request(self) -> None:
        self.log.append(f"ask {self.name}")

    def collect(self) -> Sequence[float]:
        self.log.append(f"read {self.name}")
        return self.values


ROLES = {
    "source": "supply", "sink": "load", "chamber": "chamber", "temperatures": "scanner", "bms": "bms",
    "emulator": "emulator",
}  # fmt: skip


@pytest.fixture
def meters() -> dict[str, Meter]:
    log: list[str] = []
    return {
        "bms": Meter("bms", log, state=9.0, soc_min=0.4, charge_current_limit=3.0, cell_voltage_min=3.1,
                     cell_voltage_max=3.3, cell_temperature_min=20.0, cell_temperature_max=31.0, age=0.2),
        "chamber": Meter("chamber", log, air=24.0, set_point=25.0),
        "scanner": Meter("scanner", log, sensor_1=22.0, sensor_2=28.0),
        "emulator": Meter("emulator", log, cell_1=3.25, cell_2=3.15),
        "load": Meter("load", log, voltage=13.1, current=-0.5, power=-6.55),
        "supply": Meter("supply", log, voltage=13.2, current=2.0, power=26.4),
    }  # fmt: skip


def scanned(meters: dict[str, Meter], **changes: str) -> dict[str, float]:
    players = {role: [name] for role, name in (ROLES | changes).items() if name}
    scanner = Scanner(meters, players)
    return dict(zip(scanner.columns, scanner.scan(), strict=True))


def test_every_instrument_is_asked_before_any_answer_is_read(meters: dict[str, Meter]) -> None:
    scanned(meters)
    log = meters["bms"].log
    assert [entry.split()[0] for entry in log] == ["ask"] * 6 + ["read"] * 6


def test_raw_channels_follow_the_derived_ones_under_their_instruments_names(meters: dict[str, Meter]) -> None:
    row = scanned(meters)
    assert tuple(row)[: len(DERIVED)] == DERIVED
    assert row["Emulator Cell 2 / V"] == 3.15
    assert row["Scanner Sensor 1 / degC"] == 22.0
    assert row["Bms Charge Current Limit / A"] == 3.0
    assert row["Chamber Set Point / degC"] == 25.0
    assert len(set(row)) == len(DERIVED) + 20


def test_what_the_terminals_see_is_the_sum_of_source_and_sink(meters: dict[str, Meter]) -> None:
    row = scanned(meters)
    assert row[columns.VOLTAGE] == 13.2
    assert row[columns.CURRENT] == 1.5
    assert row[columns.POWER] == pytest.approx(13.2 * 1.5)


def test_a_meter_that_answers_in_another_order_is_read_by_the_names_of_its_channels(meters: dict[str, Meter]) -> None:
    meters["supply"] = Meter("supply", [], power=26.4, current=2.0, voltage=13.2)
    meters["chamber"] = Meter("chamber", [], set_point=25.0, air=24.0)
    row = scanned(meters)
    assert (row[columns.VOLTAGE], row[columns.CURRENT], row[columns.AMBIENT]) == (13.2, 1.5, 24.0)


def test_a_bidirectional_supply_is_counted_once(meters: dict[str, Meter]) -> None:
    assert scanned(meters, sink="supply")[columns.CURRENT] == 2.0


def test_cells_are_read_from_the_emulator_where_there_is_one(meters: dict[str, Meter]) -> None:
    row = scanned(meters)
    assert (row[columns.CELL_VOLTAGE_MIN], row[columns.CELL_VOLTAGE_MAX]) == (3.15, 3.25)


def test_cells_are_read_from_the_bms_where_there_is_no_emulator(meters: dict[str, Meter]) -> None:
    row = scanned(meters, emulator="")
    assert (row[columns.CELL_VOLTAGE_MIN], row[columns.CELL_VOLTAGE_MAX]) == (3.1, 3.3)


def test_the_scanner_tells_the_temperature_of_the_cells_and_the_bms_keeps_its_own(meters: dict[str, Meter]) -> None:
    row = scanned(meters)
    assert (row[columns.CELL_TEMPERATURE_MIN], row[columns.CELL_TEMPERATURE_MAX]) == (22.0, 28.0)
    assert (row["Bms Cell Temperature Min / degC"], row["Bms Cell Temperature Max / degC"]) == (20.0, 31.0)
    assert (row[columns.SURFACE], row[columns.AMBIENT]) == (25.0, 24.0)


def test_a_sensor_that_is_open_leaves_no_extreme(meters: dict[str, Meter]) -> None:
    meters["scanner"].values[0] = nan
    assert isnan(scanned(meters)[columns.CELL_TEMPERATURE_MAX])


def test_what_a_player_does_not_measure_is_missing_and_nothing_else_is(meters: dict[str, Meter]) -> None:
    meters["scanner"] = Meter("scanner", [], humidity=0.4)
    row = scanned(meters)
    assert all(isnan(row[name]) for name in (columns.CELL_TEMPERATURE_MIN, columns.CELL_TEMPERATURE_MAX))
    assert (row[columns.CELL_VOLTAGE_MIN], row[columns.AMBIENT]) == (3.15, 24.0)


def test_a_slow_instrument_is_asked_when_it_is_due_and_shown_with_how_old_its_answer_is(
    meters: dict[str, Meter],
) -> None:
    """A sum of periods is rounded: a scan that comes within a microsecond of it is in time."""
    now, log = [0.0], meters["scanner"].log
    scanner = Scanner(meters, {"temperatures": ["scanner"]}, {"scanner": 5.0}, lambda: now[0])
    shown = list[tuple[float, ...]]()
    times = [0.0, 4.0, nextafter(5.0 - 1e-6, 0.0), 5.0 - 1e-6, 9.0, 11.0, 16.0]
    asked = list[float]()
    for time in times:
        now[0] = time
        meters["scanner"].values = [time, time + 1.0]
        before = log.count("ask scanner")
        row = dict(zip(scanner.columns, scanner.scan(), strict=True))
        asked += [time] * (log.count("ask scanner") - before)
        shown.append((row[columns.CELL_TEMPERATURE_MIN], row["Scanner Sensor 2 / degC"], row["Scanner Sample Age / s"]))
    due = times[3]
    assert asked == [0.0, due, 11.0, 16.0]
    assert shown == [
        (0.0, 1.0, 0.0), (0.0, 1.0, 4.0), (0.0, 1.0, times[2]), (due, due + 1, 0.0), (due, due + 1, 9.0 - due),
        (11.0, 12.0, 0.0), (16.0, 17.0, 0.0),
    ]  # fmt: skip
    assert log.count("read scanner") == len(asked)


def test_the_displayed_state_is_the_bmss(meters: dict[str, Meter]) -> None:
    row = scanned(meters)
    assert [row[name] for name in (columns.SOC, columns.CHARGE_LIMIT, columns.BMS_STATE, columns.BMS_AGE)] == [
        0.4, 3.0, 9.0, 0.2,
    ]  # fmt: skip


def test_one_cell_that_cannot_be_read_hides_no_other_value(meters: dict[str, Meter]) -> None:
    meters["emulator"].values[1] = nan
    row = scanned(meters)
    assert isnan(row[columns.CELL_VOLTAGE_MIN])
    assert isnan(row[columns.CELL_VOLTAGE_MAX])
    assert row[columns.CURRENT] == 1.5


@pytest.mark.parametrize(
    ("instrument", "channel", "label"),
    [
        ("emulator", Channel("cell 12", "voltage", "V"), "Emulator Cell 12 / V"),
        ("bms", BMS_CHANNELS["state"], "Bms State / 1"),
        ("temperatures", Channel("sensor 3", "temperature", "degC"), "Temperatures Sensor 3 / degC"),
        ("bms", BMS_CHANNELS["insulation"], "Bms Insulation / Ohm"),
        ("bms", BMS_CHANNELS["age"], "Bms Age / s"),
    ],
)
def test_a_raw_column_carries_its_unit(instrument: str, channel: Channel, label: str) -> None:
    assert raw_label(instrument, channel) == label


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("first", 1), ("last", 1), ("last", 2),
        *((name, more) for name in ("bms", "chamber", "scanner", "emulator", "load", "supply") for more in (-1, 1)),
    ],
)  # fmt: skip
def test_whoever_delivers_other_values_than_it_declares_is_named(
    meters: dict[str, Meter], name: str, more: int
) -> None:
    """Whatever stands beside it: an instrument without a channel has no values of its own to be told by."""
    meters = {"first": Meter("first", []), **meters, "last": Meter("last", [])}
    found, scanner = meters[name], Scanner(meters, {"source": ["supply"]}, {"emulator": 5.0})
    declared = len(found.channels)
    found.values = [*found.values, 1.0, 2.0][: declared + more]
    with pytest.raises(InstrumentFault) as fault:
        scanner.scan()
    assert str(fault.value).startswith(f"{name} declares {declared} channels and delivered {declared + more} values: ")


# --- settling ---------------------------------------------------------------------------------------------------------

LIMITS = ChamberLimits(band=1.0, cell_band=2.0, drift=1.0)


def row_at(time: float, air: float, coldest: float, hottest: float) -> list[float]:
    row = [nan] * len(DERIVED)
    row[INDEX[columns.TEST_TIME]], row[INDEX[columns.AMBIENT]] = time, air
    row[INDEX[columns.CELL_TEMPERATURE_MIN]], row[INDEX[columns.CELL_TEMPERATURE_MAX]] = coldest, hottest
    return row


def settled_after(rows: Sequence[list[float]], period: float = 10.0, limits: ChamberLimits = LIMITS) -> float | None:
    """Time of the row that settled it."""
    settling = TemperatureSettling(25.0, limits, period)
    return next((row[0] for row in rows if settling.settled(row)), None)


def steady(period: float = 10.0, until: float = 3600.0, **at: float) -> list[list[float]]:
    values = {"air": 25.0, "coldest": 25.0, "hottest": 25.0} | at
    return [row_at(i * period, **values) for i in range(1, int(until / period) + 1)]


def test_settled_means_for_ten_minutes() -> None:
    assert settled_after(steady()) == 600.0


@pytest.mark.parametrize("at", [{"air": 26.0}, {"coldest": 23.0}, {"hottest": 27.0}])
def test_the_edge_of_a_band_is_inside(at: dict[str, float]) -> None:
    assert settled_after(steady(**at)) == 600.0


@pytest.mark.parametrize(
    "at", [{"air": 26.01}, {"air": 23.9}, {"coldest": 22.9}, {"hottest": 27.1}, {"air": nan}, {"coldest": nan}]
)
def test_outside_a_band_or_unseen_is_not_settled(at: dict[str, float]) -> None:
    assert settled_after(steady(**at)) is None


@pytest.mark.parametrize(("drift", "settles"), [(0.9, True), (-0.9, True), (1.1, False), (-1.1, False)])
@pytest.mark.parametrize("which", ["coldest", "hottest"])
def test_cells_that_drift_are_not_settled(drift: float, settles: bool, which: str) -> None:
    cells = {"coldest": 25.0, "hottest": 25.0}
    rows = []
    for time in range(10, 3600, 10):
        cells[which] = 25.0 - drift / 2 + drift * time / 3600  # within the band for the whole hour
        rows.append(row_at(time, 25.0, **cells))
    assert (settled_after(rows) is not None) is settles


def test_cells_that_have_stopped_drifting_settle_ten_minutes_later() -> None:
    rows = [row_at(t, 25.0, 25.0, 25.0 + max(0.0, 1.5 - t / 600)) for t in range(10, 7200, 10)]
    settled = settled_after(rows)
    assert settled is not None
    assert 900 < settled <= 1500


@pytest.mark.parametrize("period", [1.0, 60.0, 300.0, 600.0])
def test_any_scan_period_of_a_station_will_do(period: float) -> None:
    settled = settled_after(steady(period), period)
    assert settled is not None
    assert 600 <= settled + period <= 1200 + period


def test_what_did_not_settle_is_told_with_the_numbers_and_what_they_should_have_been() -> None:
    settling = TemperatureSettling(40.0, LIMITS, 10.0)
    assert settling.failure(row_at(0, 20.04, 21.0, 22.0), 120.0, "") == (
        "The chamber did not settle at 40 °C within 2 min 00 s: air is at 20.0 °C, cells between 21.0 and 22.0 °C, "
        f"and settled is {settling}; check that it conditions, its door and its set-point limits."
    )


# --- emulation --------------------------------------------------------------------------------------------------------


class Emulator:
    """Keeps what it is told to be."""

    def __init__(self, cell_count: int = 4) -> None:
        self.cell_count = cell_count
        self.cells: Sequence[CellTable] = ()
        self.resistances: list[Sequence[float]] = []
        """Of the whole table, each time that its last row was written."""
        self.rows: list[int] = []
        self.told: list[float] = []
        """What each row opposes now, Ohm."""

    def emulate(self, cells: Sequence[CellTable]) -> None:
        self.cells = cells
        self.told = list(cells[0].resistance)

    def update_resistance(self, resistance: Sequence[float], rows: Iterable[int] | None = None) -> None:
        chosen = list(range(len(resistance)) if rows is None else rows)
        self.told = [resistance[row] if row in chosen else old for row, old in enumerate(self.told)]
        self.rows += chosen
        if self.rows[-1] == len(resistance) - 1:
            self.resistances.append(resistance)

    def emulator_off(self) -> None: ...

    def emulator_is_off(self) -> bool:
        return True


def test_an_emulator_gets_one_rising_table_per_cell(four_cells: PackFile) -> None:
    emulator = Emulator()
    EmulatedPack(emulator, four_cells, soc=0.3, temperature=25.0)
    table = emulator.cells[0]
    assert len(emulator.cells) == 4
    assert len(table.state_of_charge) == len(table.voltage) == len(table.resistance)
    assert (table.state_of_charge[0], table.state_of_charge[-1], table.initial) == (0.0, 1.0, 0.3)
    assert list(table.voltage) == sorted(table.voltage)
    assert min(table.resistance) > 0


@pytest.mark.parametrize("parallel", [1, 3])
def test_the_table_of_an_emulated_cell_is_that_of_its_parameters(four_cells: PackFile, parallel: int) -> None:
    """A minute behind the beginning of a current; and on above the voltage that ends a charge by a hundredth of a V."""
    pack, emulator = four_cells.model_copy(update={"parallel": parallel}), Emulator()
    cell = cell_of(pack)
    EmulatedPack(emulator, pack, soc=0.3, temperature=12.0)
    assert (
        emulator.cells
        == [
            CellTable(
                state_of_charge=tuple(cell.soc.tolist()),
                voltage=(*cell.ocv[:-1].tolist(), max(float(cell.ocv[-1]), cell.voltage_max + 0.01)),
                resistance=tuple((cell.resistance_after(60.0, cell.soc, 12.0) / parallel).tolist()),
                capacity=parallel * cell.nominal_capacity,
                initial=0.3,
            )
        ]
        * 4
    )
    assert cell.ocv[-1] < cell.voltage_max + 0.01, "or nothing was tested"


@pytest.mark.parametrize("way", [1, -1])
def test_new_resistances_are_those_of_cells_that_are_a_kelvin_away_and_no_less(four_cells: PackFile, way: int) -> None:
    emulator, clock = Emulator(), VirtualClock()
    emulated, cell = EmulatedPack(emulator, four_cells, 0.3, 25.0, clock.now), cell_of(four_cells)
    for temperature in (nextafter(25.0 + way, 25.0), 25.0 + way, 25.0 + 1.9 * way, 25.0, 25.0 + 3 * way):
        emulated.follow([temperature + 1.0, temperature - 1.0])
    tables = [cell.resistance_after(60.0, cell.soc, at).tolist() for at in (25.0 + way, 25.0, 25.0 + 3 * way)]
    assert [list(table) for table in emulator.resistances] == [pytest.approx(table) for table in tables]


def test_behind_an_edge_a_current_is_looked_at_ever_more_rarely(
    four_cells: PackFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a tenth of the time since it began: as far off a second behind the edge as an hour behind it."""
    monkeypatch.setattr(emulation, "CLOSE", 0.0)
    emulator, looked = Emulator(), list[int]()
    emulated = EmulatedPack(emulator, four_cells, 0.505, 25.0)
    for second in range(37):
        before = len(emulator.rows)
        emulated.follow([25.0], 0.0 if second < 5 else 0.5, float(second))
        looked += [second - 5] if len(emulator.rows) > before and second >= 5 else []
    # Each second while that is more than a tenth of what has passed; then, as far as whole seconds go, by a tenth.
    assert looked == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 21, 24, 27, 30]


@pytest.mark.parametrize(("beyond", "noticed"), [(-1, None), (0, 17), (1, 16)])
def test_a_hundredth_of_the_c_rate_is_a_current_and_by_more_than_that_it_changes(
    four_cells: PackFile, monkeypatch: pytest.MonkeyPatch, beyond: int, noticed: int | None
) -> None:
    """A change is looked at at once; a current of which it is not known that it has changed, when it is its turn."""
    monkeypatch.setattr(emulation, "CLOSE", 0.0)
    emulator, rate = Emulator(), 0.01 * cell_of(four_cells).nominal_capacity
    current = nextafter(rate, rate + beyond) if beyond else rate
    emulated, seen = EmulatedPack(emulator, four_cells, 0.502, 25.0), None
    for second in range(18):
        before = len(emulator.rows)
        emulated.follow([25.0], 0.0 if second < 16 else current, float(second))
        seen = second if second and len(emulator.rows) > before and seen is None else seen
    assert seen == noticed


def test_what_is_close_enough_is_within_two_thousandths(four_cells: PackFile) -> None:
    """Of what is uploaded: a resting cell that begins to oppose more is written anew once that is more."""
    emulator = Emulator()
    emulated = EmulatedPack(emulator, four_cells, 0.502, 25.0)
    here = int(np.searchsorted(cell_of(four_cells).soc, 0.5))
    uploaded, steps = emulator.cells[0].resistance[here], list[float]()
    for scan in range(40):
        before = emulator.told[here]
        emulated.follow([25.0], 0.0 if scan < 5 else 0.5, 0.01 * scan)
        if emulator.told[here] != before and scan > 5:
            steps.append((emulator.told[here] - before) / uploaded)
    assert 0.002 < min(steps) < 0.0025


def test_cells_in_parallel_share_the_current(four_cells: PackFile) -> None:
    one, two = Emulator(), Emulator()
    EmulatedPack(one, four_cells, 0.3, 25.0)
    EmulatedPack(two, four_cells.model_copy(update={"parallel": 2}), 0.3, 25.0)
    assert two.cells[0].capacity == pytest.approx(2 * one.cells[0].capacity)
    assert list(two.cells[0].resistance) == pytest.approx([value / 2 for value in one.cells[0].resistance])


def test_cells_in_parallel_remember_the_current_of_each_of_them(four_cells: PackFile) -> None:
    one, two = Emulator(), Emulator()
    packs = [
        (EmulatedPack(one, four_cells, 0.3, 25.0), 1),
        (EmulatedPack(two, four_cells.model_copy(update={"parallel": 2}), 0.3, 25.0), 2),
    ]
    for second in range(40):
        for emulated, parallel in packs:
            emulated.follow([25.0], parallel * (0.0, 1.0, -2.0, -1.5)[second // 10], float(second))
        assert list(two.told) == pytest.approx([value / 2 for value in one.told])
    assert two.told != two.cells[0].resistance


def test_the_resistance_follows_the_sensors_by_whole_kelvins(four_cells: PackFile) -> None:
    emulator = Emulator()
    emulated = EmulatedPack(emulator, four_cells, 0.3, temperature=25.0)
    for mean in (25.0, 25.9, 24.2):
        emulated.follow([mean - 1, mean + 1])
    assert emulator.resistances == []
    emulated.follow([0.0, 0.0])
    emulated.follow([0.5, 0.5])
    (cold,) = emulator.resistances
    assert min(cold) > min(emulator.cells[0].resistance)


def test_a_sensor_that_is_missing_changes_nothing(four_cells: PackFile) -> None:
    emulator = Emulator()
    emulated = EmulatedPack(emulator, four_cells, 0.3, temperature=25.0)
    emulated.follow([nan, 40.0])
    assert emulator.resistances == []
    emulated.follow([40.0, 40.0])
    assert len(emulator.resistances) == 1


def _opposed(emulator: Emulator, four_cells: PackFile) -> float:
    """Ohm that the row opposes on which the cells are; the other rows oppose what they did."""
    return float(emulator.told[np.searchsorted(cell_of(four_cells).soc, 0.5)])


def test_a_cell_opposes_less_to_a_current_that_has_only_begun(four_cells: PackFile) -> None:
    """R0 at rest, and behind the edge of the current what its pairs have come to, worked out here."""
    cell, emulator = cell_of(four_cells), Emulator()
    emulated = EmulatedPack(emulator, four_cells, 0.5, temperature=25.0)
    r0, *pairs = (float(each) for each in cell.resistances(0.5, 25.0))
    taus = [
        float(np.interp(25.0, cell.temperature, tau)) for tau in (cell.tau1, cell.tau2, cell.tau3) if tau is not None
    ]
    for second in range(10):
        emulated.follow([25.0], 0.0, float(second))
    assert _opposed(emulator, four_cells) == pytest.approx(r0, rel=0.003)
    for second in range(10, 31):
        emulated.follow([25.0], -2.0, float(second))
    since = 30 - 9 + 1  # what it will be by the next look
    by_then = r0 + sum(each * (1 - np.exp(-since / tau)) for each, tau in zip(pairs, taus, strict=True))
    assert _opposed(emulator, four_cells) == pytest.approx(by_then, rel=0.01)
    for second in range(31, 1500):
        emulated.follow([25.0], -0.01 * (second % 2) - 0.5, float(second))
    assert _opposed(emulator, four_cells) <= 1.001 * (r0 + sum(pairs))


def test_a_current_that_changes_with_every_scan_is_never_opposed_by_what_others_have_left(four_cells: PackFile) -> None:
    """A BMS in the cold allows 0, 1 and 3 A by turns: what is written in one scan meets the current of the next."""
    cell, emulator = cell_of(four_cells), Emulator()
    emulated = EmulatedPack(emulator, four_cells, 0.5, temperature=25.0)
    for second in range(600):
        emulated.follow([25.0], (0.0, 1.0, 3.0)[second % 3], float(second))
        fresh = float(cell.resistance_after(4.0, 0.5, 25.0))  # two scans of it, and looking two ahead
        assert _opposed(emulator, four_cells) <= 1.01 * fresh or not second


@pytest.mark.parametrize("parallel", [1, 2])
@pytest.mark.parametrize("temperature", [25.0, 3.5])
def test_at_each_edge_a_cell_opposes_what_its_pairs_have_left_of_what_flowed_until_then(
    four_cells: PackFile, monkeypatch: pytest.MonkeyPatch, parallel: int, temperature: float
) -> None:
    """Worked out here second by second, and looked at a second ahead: that long what is written is met."""
    monkeypatch.setattr(emulation, "CLOSE", 0.0)
    pack = four_cells.model_copy(update={"parallel": parallel})
    cell, emulator = cell_of(pack), Emulator()
    here = int(np.searchsorted(cell.soc, 0.5))
    middle = float(cell.soc[here] + cell.soc[here + 1]) / 2
    emulated = EmulatedPack(emulator, pack, middle, temperature)
    r0, *pairs = cell.resistances(cell.soc, temperature)[:, here].tolist()
    known = [each for each in (cell.tau1, cell.tau2, cell.tau3) if each is not None]
    taus = [float(np.interp(temperature, cell.temperature, each)) for each in known]
    held, before, begun, second = [0.0] * cell.pairs, 0.0, nan, 0.0
    # Never half of the 74 A s that an interval of the table has: the cells stay in it.
    course = [(0.0, 5), (2.0, 12), (1.0, 6), (3.0, 1), (2.5, 1), (-1.5, 9), (-0.4, 30), (0.0, 4), (-2.0, 18), (-1.0, 2)]
    course += [(-0.1, 9), (-0.15, 3)]
    for current, seconds in course:
        if before * current <= 0.0:
            begun = second - 1.0 if second else 0.0
        for number in range(seconds):
            emulated.follow([temperature], parallel * current, second)
            passed = 1.0 if second else 0.0
            held = [
                current * pair + (volts - current * pair) * np.exp(-passed / tau)
                for pair, tau, volts in zip(pairs, taus, held, strict=True)
            ]
            if not number:
                opposed, ahead = 0.0, passed
                for pair, tau, volts in zip(pairs, taus, held, strict=True) if current else ():
                    then = current * pair + (volts - current * pair) * np.exp(-ahead / tau)
                    most = pair * (1 - np.exp(-(second - begun + ahead) / tau))
                    opposed += min(max(then / current, 0.0), most)
                expected = (r0 + opposed) / parallel
                assert emulator.told[here] == pytest.approx(expected, rel=1e-9), (current, second)
            second += 1.0
        before = current


@pytest.mark.parametrize(("soc", "way", "row"), [(0.0, 1, 2), (1.0, -1, -3)])
def test_cells_that_are_empty_or_full_stay_so_whatever_flows_on_and_come_back_at_once(
    four_cells: PackFile, monkeypatch: pytest.MonkeyPatch, soc: float, way: int, row: int
) -> None:
    """Of their last interval the further half is left once half of it has flowed: then the row behind it is met."""
    monkeypatch.setattr(emulation, "CLOSE", 0.0)
    cell, emulator = cell_of(four_cells), Emulator()
    emulated = EmulatedPack(emulator, four_cells, soc, 25.0)
    half = 3600 * cell.nominal_capacity * float(cell.soc[1] - cell.soc[0]) / 2
    third = row % len(cell.soc)
    for second in range(100):
        emulated.follow([25.0], -way * (1.9 + 0.2 * (second % 2)), float(second))  # an edge each time: it is looked at
    assert third not in emulator.rows
    flowed = 0.0
    while third not in emulator.rows:
        second += 1
        flowed += 1.0
        emulated.follow([25.0], way * (0.9 + 0.2 * (second % 2)), float(second))
    assert half < flowed <= half + 1.2


def test_rows_that_the_cells_are_not_on_are_left_alone(four_cells: PackFile) -> None:
    emulator = Emulator()
    emulated = EmulatedPack(emulator, four_cells, 0.5, temperature=25.0)
    for second in range(60):
        emulated.follow([25.0], 2.0, float(second))
    assert 0 < len(set(emulator.rows)) <= 8


@pytest.mark.parametrize("row", [0, 1, 7, -3, -2])
@pytest.mark.parametrize(("part", "first"), [(0.25, -1), (0.75, 0)])
def test_the_rows_that_the_cells_run_on_and_the_nearest_beside_them_are_written(
    four_cells: PackFile, row: int, part: float, first: int
) -> None:
    """Cells differ a little, and move on: both ends of the interval that they are in, and the next on their side."""
    table, emulator = cell_of(four_cells).soc, Emulator()
    here = row % len(table)
    soc = float(table[here] + part * (table[here + 1] - table[here]))
    EmulatedPack(emulator, four_cells, soc, temperature=25.0).follow([25.0], 2.0, 0.0)
    assert sorted(emulator.rows) == [each for each in range(here + first, here + first + 3) if 0 <= each < len(table)]


def test_a_row_that_is_off_by_no_more_than_is_close_is_not_written(
    four_cells: PackFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def written(close: float) -> Emulator:
        monkeypatch.setattr(emulation, "CLOSE", close)
        emulator = Emulator()
        EmulatedPack(emulator, four_cells, 0.5, temperature=25.0).follow([25.0], 2.0, 0.0)
        return emulator

    known = written(0.0)
    row = known.rows[0]
    before = known.cells[0].resistance[row]
    off = abs(known.told[row] - before)
    just = off / before
    just = next(each for each in (just, nextafter(just, 0.0), nextafter(just, 1.0)) if each * before == off)
    assert row not in written(just).rows
    less = next(each for each in accumulate(repeat(0.0, 9), nextafter, initial=just) if each * before < off)
    assert row in written(less).rows


def test_cells_that_change_their_temperature_oppose_what_they_then_do_from_that_scan_on(four_cells: PackFile) -> None:
    """Behind an edge of the current nothing is looked at for a while; what is uploaded is for a minute behind it."""
    emulator, warm, cool = Emulator(), Emulator(), Emulator()
    for other, temperature in ((warm, 25.0), (cool, 23.0)):
        EmulatedPack(other, four_cells, 0.5, temperature)
    emulated = EmulatedPack(emulator, four_cells, 0.5, temperature=25.0)
    for second in range(30):
        emulated.follow([25.0], 2.0 if second >= 10 else 0.0, float(second))
    share = _opposed(emulator, four_cells) / _opposed(warm, four_cells)
    assert share < 0.9
    emulated.follow([23.0], 2.0, 29.1)
    assert _opposed(emulator, four_cells) == pytest.approx(share * _opposed(cool, four_cells), rel=0.03)


def test_a_missing_current_changes_nothing(four_cells: PackFile) -> None:
    emulator = Emulator()
    EmulatedPack(emulator, four_cells, 0.5, temperature=25.0).follow([25.0], nan, 1.0)
    assert emulator.rows == []


def test_a_pack_that_the_emulator_cannot_be_is_refused(four_cells: PackFile) -> None:
    with pytest.raises(InputError, match="pack four has 4 cells in series, the emulator 24: choose a pack that fits"):
        EmulatedPack(Emulator(24), four_cells, 0.3, 25.0)


def test_a_cell_that_nobody_knows_is_named_with_the_nearest(four_cells: PackFile) -> None:
    with pytest.raises(InputError, match=r"pack four, key cell: .*lfp-26650"):
        cell_of(four_cells.model_copy(update={"cell": "lfp-26550"}))


@pytest.mark.parametrize(("takes", "a_scan"), [(0.6, 1), (0.125, 1), (0.1, 2), (0.0625, 2), (0.05, 3)])
def test_a_slow_emulator_gets_what_fits_into_a_tenth_of_a_second_and_a_row_at_least(
    four_cells: PackFile, takes: float, a_scan: int
) -> None:
    """Two messages a row with 0.3 s after each, as its guide wants: a whole table would keep the guard from looking."""
    passed = [0.0]

    class Slow(Emulator):
        def update_resistance(self, resistance: Sequence[float], rows: Iterable[int] | None = None) -> None:
            chosen = list(range(len(resistance)) if rows is None else rows)
            passed[0] += takes * len(chosen)
            super().update_resistance(resistance, chosen)

    emulator = Slow()
    emulated = EmulatedPack(emulator, four_cells, 0.3, 25.0, lambda: passed[0])
    each = list[int]()
    while not emulator.resistances:
        before, passed[0] = len(emulator.rows), 0.0
        emulated.follow([40.0, 40.0])
        each.append(len(emulator.rows) - before)
    assert set(each[:-1]) == {a_scan}
    assert emulator.rows == list(range(sum(each)))


def test_an_emulator_that_needs_no_gap_gets_all_of_it_in_one_scan(four_cells: PackFile) -> None:
    emulator = Emulator()
    emulated = EmulatedPack(emulator, four_cells, 0.3, 25.0, VirtualClock().now)
    emulated.follow([40.0, 40.0])
    assert len(emulator.resistances) == 1
