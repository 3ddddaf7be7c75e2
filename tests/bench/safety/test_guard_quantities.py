"""What the guard derives from rows: only that which tells of a fault, and a missing value stays missing."""

from collections.abc import Sequence
from math import isnan, nan, nextafter

import pytest

from bench import columns
from bench.columns import DERIVED, INDEX
from bench.pack import PackFile, load_pack
from bench.safety import quantities
from bench.safety.limits import limits_for
from bench.safety.plausibility import UNASKED_CURRENT
from bench.safety.quantities import ChargeBalance, FaultBits, SelfHeating, difference, quantities_for
from bench.station import load_station
from instruments.drivers.foxbms.blame import fault_of
from instruments.roles import BmsFault, InstrumentFault, Side

BMS = (
    "pack voltage", "pack current", "soc min", "soc max", "cell voltage min", "cell voltage max",
    "cell temperature min", "cell temperature max",
)  # fmt: skip
"""Channels that every BMS has."""
COOLANT = (
    columns.COOLANT_SUPPLY, columns.COOLANT_RETURN, columns.SET_COOLANT_TEMPERATURE, columns.COOLANT_FLOW,
    columns.SET_COOLANT_FLOW, columns.COOLANT_ALARM,
)  # fmt: skip
"""Columns of a station that has a coolant unit."""


def row(time: float = 0.0, **values: float) -> list[float]:
    """A row of the derived columns; keywords are names of `bench.columns` in lower case."""
    found = [nan] * len(DERIVED)
    found[0] = time
    for name, value in values.items():
        found[INDEX[getattr(columns, name.upper())]] = value
    return found


# --- differences ------------------------------------------------------------------------------------------------------


def test_a_difference_has_no_sign_and_needs_both() -> None:
    apart = difference(0, 1)
    assert apart([1.0, 3.0]) == apart([3.0, 1.0]) == 2.0
    assert isnan(apart([1.0, nan]))
    assert isnan(apart([nan, 1.0]))


@pytest.mark.parametrize(("age", "found"), [(0.1, 3.0), (2.0, 3.0), (2.1, 0.0), (60.0, 0.0), (nan, 3.0)])
def test_what_a_bms_said_long_ago_contradicts_nobody(age: float, found: float) -> None:
    """That it is not heard any more has a limit of its own, which names it and nobody else."""
    apart = quantities.while_fresh(INDEX[columns.CURRENT], INDEX[columns.SURFACE])
    assert apart(row(current=5.0, surface=2.0, bms_age=age)) == found
    assert isnan(apart(row(current=5.0, bms_age=0.1)))


def test_a_limit_of_the_bms_binds_from_the_row_on_in_which_it_could_be_known() -> None:
    charging = quantities.Excess(INDEX[columns.CHARGE_LIMIT], 1.0)
    rows = [(10.0, 10.0), (2.0, 10.0), (2.0, 10.0), (2.0, 2.0), (9.0, 2.0), (2.0, 9.0)]
    assert [charging(row(charge_limit=limit, current=current)) for limit, current in rows] == [0, 0, 8, 0, -7, 0]
    discharging = quantities.Excess(INDEX[columns.DISCHARGE_LIMIT], -1.0)
    assert discharging(row(discharge_limit=2.0, current=-3.0)) == 1.0


def test_cells_rise_above_the_air_that_they_have(four_cells: PackFile) -> None:
    layout = (*DERIVED, *(columns.bms_label("bms", name) for name in BMS), *COOLANT)
    rise = quantities_for(four_cells, load_station("virtual-pack")[0], layout, tuple)[quantities.TEMPERATURE_RISE]
    assert rise([*row(cell_temperature_max=60.0, set_temperature=25.0, ambient=55.0), *[0.0 for _ in BMS]]) == 5.0
    assert rise([*row(cell_temperature_max=60.0, set_temperature=25.0, ambient=20.0), *[0.0 for _ in BMS]]) == 35.0


def test_cells_rise_above_the_plate_that_was_warmed_as_well(four_cells: PackFile) -> None:
    """It is what is around them where coolant flows: what that has brought is no heat of their own."""
    layout = (*DERIVED, *(columns.bms_label("bms", name) for name in BMS), *COOLANT)
    found = quantities_for(four_cells, load_station("virtual-pack")[0], layout, tuple)
    values = [*row(cell_temperature_max=60.0, set_temperature=25.0, ambient=20.0), *[0.0 for _ in (*BMS, *COOLANT)]]
    values[layout.index(columns.COOLANT_SUPPLY)], values[layout.index(columns.COOLANT_FLOW)] = 50.0, 8.0
    for quantity in found.values():  # in the order in which a guard looks
        quantity(values)
    assert found[quantities.TEMPERATURE_RISE](values) == 10.0


# --- self-heating -----------------------------------------------------------------------------------------------------


def rates(temperatures: Sequence[float], air: float = 25.0, period: float = 1.0) -> list[float]:
    heating = SelfHeating()
    return [heating(row(i * period, cell_temperature_max=value, ambient=air)) for i, value in enumerate(temperatures)]


@pytest.mark.parametrize("period", [0.1, 1.0, 10.0, 60.0])
def test_a_steady_rise_is_told_in_kelvin_per_minute_at_any_pace_of_scanning(period: float) -> None:
    rising = [26.0 + 3.0 * i * period / 60 for i in range(int(300 / period))]
    assert rates(rising, period=period)[-1] == pytest.approx(3.0)


def test_a_runaway_is_seen_within_seconds() -> None:
    trace = [26.0] * 120 + [26.0 + 2.0 * i for i in range(1, 10)]
    assert rates(trace)[120 + 4] > 5.0


def test_a_step_of_the_sensors_resolution_is_no_runaway() -> None:
    trace = [26.0 + 0.17 * (i // 7 % 2) for i in range(300)]
    assert max(rates(trace)) < 0.5


def test_cells_that_the_chamber_heats_do_not_heat_themselves() -> None:
    assert max(rates([-10.0 + i / 6 for i in range(200)], air=60.0)) == 0.0


def test_the_first_half_minute_says_nothing() -> None:
    assert rates([26.0 + i for i in range(29)]) == [0.0] * 29


def test_a_rate_is_told_over_a_minute_to_65_seconds_of_values_five_seconds_apart() -> None:
    """A kelvin at 100 s: what is looked back to is the newest that is a minute old, 40 s, and 45 s from 105 s on."""
    found = rates([26.0] * 100 + [27.0] * 100)
    assert set(found[:100]) == {0.0}
    assert found[100:107] == pytest.approx([1.0, 60 / 61, 60 / 62, 60 / 63, 60 / 64, 1.0, 60 / 61])
    assert found[159:161] == pytest.approx([60 / 64, 0.0])


def test_a_rate_is_told_from_half_a_minute_on_of_cells_that_are_warmer_than_their_air() -> None:
    assert rates([25.0 + number for number in range(31)], air=30.0)[29:] == [0.0, 60.0]
    assert rates([25.0 + number for number in range(31)], air=55.0)[30] == 0.0
    assert rates([25.0 + number for number in range(31)], air=nextafter(55.0, 0.0))[30] == 60.0


def test_a_sensor_that_is_lost_is_missing_while_it_is_lost_and_no_longer() -> None:
    found = rates([26.0] * 60 + [nan] + [26.0] * 60)
    assert isnan(found[60])
    assert not any(isnan(value) for value in found[61:])


# --- charge balance ---------------------------------------------------------------------------------------------------


def moved(*counters: tuple[float, float], lowest: float = 3.2, highest: float = 3.3) -> float:
    """Ah after the last of (charged, discharged) for cells from 2.5 to 3.6 V."""
    balance = ChargeBalance(2.5, 3.6)
    rows = [
        row(charge_ah=charged, discharge_ah=drawn, cell_voltage_min=lowest, cell_voltage_max=highest)
        for charged, drawn in counters
    ]
    return [balance(each) for each in rows][-1]


def test_charge_counts_from_the_start_either_way() -> None:
    assert moved((0, 0), (1.5, 0)) == 1.5
    assert moved((0, 0), (0, 1.5)) == 1.5


def test_what_goes_in_and_comes_out_again_is_not_counted_twice() -> None:
    assert moved((0, 0), (2, 0), (2, 2), (4, 2), (4, 4)) == pytest.approx(2.0)


def test_an_empty_pack_begins_a_new_charge_and_a_full_one_a_new_discharge() -> None:
    balance = ChargeBalance(2.5, 3.6)
    drift = 0.1  # Ah that each charge takes more than the discharge gives back
    charged = drawn = 0.0
    for _ in range(50):
        charged += 2 + drift
        balance(row(charge_ah=charged, discharge_ah=drawn, cell_voltage_min=3.4, cell_voltage_max=3.6))
        drawn += 2
        found = balance(row(charge_ah=charged, discharge_ah=drawn, cell_voltage_min=2.5, cell_voltage_max=2.6))
        assert found < 2.2


@pytest.mark.parametrize(("highest", "left"), [(3.6 - 0.01, 2.0), (nextafter(3.6 - 0.01, 0.0), 2.5), (nan, 2.5)])
def test_a_discharge_begins_anew_from_a_hundredth_of_a_volt_below_full(highest: float, left: float) -> None:
    """It was charged by 3 Ah before, and only to 2.5 Ah again."""
    balance = ChargeBalance(2.5, 3.6)
    for charged, drawn, most in ((0.0, 0.0, 3.3), (3.0, 0.0, 3.3), (3.0, 0.5, highest)):
        balance(row(charge_ah=charged, discharge_ah=drawn, cell_voltage_min=3.2, cell_voltage_max=most))
    assert balance(row(charge_ah=3.0, discharge_ah=2.5, cell_voltage_min=3.2, cell_voltage_max=3.3)) == left


@pytest.mark.parametrize(("lowest", "left"), [(2.5 + 0.01, 2.0), (nextafter(2.5 + 0.01, 3.0), 2.5), (nan, 2.5)])
def test_a_charge_begins_anew_from_a_hundredth_of_a_volt_above_empty(lowest: float, left: float) -> None:
    balance = ChargeBalance(2.5, 3.6)
    for charged, drawn, least in ((0.0, 0.0, 3.3), (0.0, 3.0, 3.3), (0.5, 3.0, lowest)):
        balance(row(charge_ah=charged, discharge_ah=drawn, cell_voltage_min=least, cell_voltage_max=3.4))
    assert balance(row(charge_ah=2.5, discharge_ah=3.0, cell_voltage_min=3.2, cell_voltage_max=3.3)) == left


def test_a_full_pack_that_goes_on_taking_charge_is_counted_on() -> None:
    # A cell that leaks inside holds the voltage at its limit and never ends the charge.
    assert moved((0, 0), (2, 0), (3, 0), (4, 0), lowest=3.59, highest=3.6) == 4.0


def test_an_empty_pack_that_goes_on_giving_is_counted_on() -> None:
    assert moved((0, 0), (0, 2), (0, 4), lowest=2.5, highest=2.6) == 4.0


# --- a current that is missing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "limit", "voltage", "current", "missing"),
    [
        (4.0, 14.4, 13.0, 1.0, 0.75),  # far below the voltage that holds a charge down
        (4.0, 14.4, 14.39, 1.0, 0.0),  # at it
        (4.0, 14.4, 14.6, 1.0, 0.0),  # beyond it
        (-4.0, 12.0, 13.0, -1.0, 0.75),  # far above the voltage that holds a discharge up
        (-4.0, 12.0, 12.01, -1.0, 0.0),
        (-4.0, 12.0, 11.8, -1.0, 0.0),
        (4.0, 14.4, 13.0, 4.0, 0.0),
        (0.1, 14.4, 13.0, 0.0, 0.0),  # less than anybody counts on
        (nan, 14.4, 13.0, 0.0, 0.0),
    ],
)
def test_a_current_is_missing_where_no_voltage_limit_holds_it(
    asked: float, limit: float, voltage: float, current: float, missing: float
) -> None:
    taken = row(set_current=asked, set_voltage=limit, voltage=voltage, current=current)
    assert quantities.current_shortfall(taken) == pytest.approx(missing)


# --- fault bits -------------------------------------------------------------------------------------------------------


def bits(*signals: str) -> tuple[float, float]:
    """Of the pack, of the link."""
    counts = FaultBits(lambda: [fault_of(signal) for signal in signals])
    return counts.of_the_pack(row(0.0)), counts.link


def test_bits_that_the_bench_brings_about_are_not_the_packs() -> None:
    assert bits() == (0, 0)
    assert bits("InsulationError", "AlertFlag") == (2, 0)
    assert bits("InterlockState", "CanTimingError", "MainFuseBlown") == (1, 2)


@pytest.mark.parametrize(
    ("sides", "pack", "link"),
    [
        (["unknown"], 1, 0),
        (["unknown", "unknown", "pack"], 3, 0),
        (["bench", "unknown"], 0, 2),  # what is raised beside whatever else there is goes with that
        (["bench", "bench", "unknown", "unknown"], 0, 4),
        (["bench", "pack", "unknown"], 2, 1),
        (["bench", "bench", "pack"], 1, 2),
    ],
)
def test_bits_that_are_raised_beside_any_other_go_with_the_rest(sides: list[Side], pack: int, link: int) -> None:
    counts = FaultBits(lambda: [BmsFault(f"bit {number}", side=side) for number, side in enumerate(sides)])
    assert (counts.of_the_pack(row(0.0)), counts.link) == (pack, link)


def test_bits_are_read_once_a_second() -> None:
    reads: list[None] = []
    counts = FaultBits(lambda: (reads.append(None), ())[1])  # type: ignore[func-returns-value]
    for tenth in range(101):
        counts.of_the_pack(row(tenth / 10))
    assert len(reads) == 11


def test_a_node_that_cannot_be_heard_raises_no_bits() -> None:
    def silent() -> tuple[BmsFault, ...]:
        raise InstrumentFault("never heard")

    assert FaultBits(silent).of_the_pack(row(0.0)) == 0.0


# --- on a station -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("station", "pack"), [("virtual-module", "lfp-24s"), ("virtual-pack", "lfp-96s")])
def test_every_limit_is_on_a_column_that_is_scanned_or_derived(station: str, pack: str) -> None:
    loaded, datasheet = load_station(station)[0], load_pack(pack)[0]
    bms = [columns.bms_label("bms", name) for name in (*BMS, "insulation")]
    ages = ("Chamber Sample Age / s", "Coolant Sample Age / s")
    layout = (*DERIVED, *bms, *COOLANT, *ages, "Supply Voltage / V", "Load Voltage / V")
    known = {*layout, *quantities_for(datasheet, loaded, layout, tuple)}
    assert {limit.column for limit in limits_for(datasheet, loaded)} <= known


@pytest.mark.parametrize(
    ("asked", "supply", "load", "unasked"),
    [
        (-5.0, 0.3, -5.0, 0.3),  # the supply gives while the load is asked
        (5.0, 5.0, -0.4, 0.4),
        (5.0, 5.5, 0.0, 0.5),  # more than was asked for
        (5.0, 5.0, 0.0, 0.0),
        (-5.0, 0.0, -5.0, 0.0),
    ],
)
@pytest.mark.parametrize(("rarely", "both"), [((), ()), (("supply",), ()), (("load",), ()), ((), ("supply", "load"))])
def test_each_of_two_instruments_is_looked_at_while_the_other_is_asked(
    four_cells: PackFile, asked: float, supply: float, load: float, unasked: float, rarely: tuple[str, ...],
    both: tuple[str, ...],
) -> None:  # fmt: skip
    """But for those that are asked more rarely than the bench is scanned, and for those that play both roles."""
    station = load_station("virtual-module")[0]
    changed = {
        name: entry.model_copy(
            update={"scan_period": 5.0 if name in rarely else None}
            | ({"roles": ("source", "sink")} if name in both else {})
        )
        for name, entry in station.instruments.items()
    }
    layout = (*DERIVED, *(columns.bms_label("bms", name) for name in BMS))
    layout = (*layout, *(f"{name} {what}" for name in ("Supply", "Load") for what in ("Voltage / V", "Current / A")))
    of = station.model_copy(update={"instruments": changed})
    found = quantities_for(four_cells, of, layout, tuple)[UNASKED_CURRENT]
    values = [*row(set_current=asked, current=supply + load), *[0.0 for _ in BMS], 13.0, supply, 13.0, load]
    idle = "supply" if asked < 0 else "load"
    beyond = max(abs(supply + load) - 5.0, 0.0)
    assert found(values) == pytest.approx(beyond if both or idle in rarely else unasked)


@pytest.mark.parametrize(("share", "unchanged"), [(0.05, 30.0), (-0.05, 30.0), (nextafter(0.05, 0.0), 0.0), (nan, 0.0)])
def test_a_bms_stands_still_while_a_twentieth_of_the_rated_capacity_flows(
    four_cells: PackFile, share: float, unchanged: float
) -> None:
    layout = (*DERIVED, *(columns.bms_label("bms", name) for name in BMS), *COOLANT)
    found = quantities_for(four_cells, load_station("virtual-pack")[0], layout, tuple)[quantities.BMS_UNCHANGED]
    current = share * four_cells.rated_capacity
    rows = [[*row(time, current=current, soc=0.5), *[1.0 for _ in BMS]] for time in (10.0, 20.0, 40.0)]
    assert [found(each) for each in rows][-1] == unchanged
    moved = [*row(50.0, current=current, soc=0.5), *[1.5 for _ in BMS]]
    assert found(moved) == 0.0


@pytest.mark.parametrize("seconds", [1.0, 0.5, 0.25])
def test_fault_bits_are_decoded_once_a_second_however_often_the_bench_is_scanned(seconds: float) -> None:
    reads: list[float] = []
    counts = FaultBits(lambda: reads.append(0.0) or ())  # type: ignore[func-returns-value]
    for number in range(int(8 / seconds) + 1):
        counts.of_the_pack(row(number * seconds))
    assert len(reads) == 9


def test_only_meters_that_are_two_can_disagree() -> None:
    module, pack = load_station("virtual-module")[0], load_station("virtual-pack")[0]
    limited = {limit.column for limit in limits_for(load_pack("lfp-24s")[0], module)}
    assert {quantities.SINK_VOLTAGE_DIFFERENCE, quantities.HIGHEST_CELL_DIFFERENCE} <= limited
    limited = {limit.column for limit in limits_for(load_pack("lfp-96s")[0], pack)}
    assert not {quantities.SINK_VOLTAGE_DIFFERENCE, quantities.HIGHEST_CELL_DIFFERENCE} & limited


def test_full_and_empty_are_the_packs_own(four_cells: PackFile) -> None:
    station = load_station("virtual-pack")[0]
    layout = (*DERIVED, *(columns.bms_label("bms", name) for name in BMS), *COOLANT)
    balance = quantities_for(four_cells, station, layout, tuple)[quantities.CHARGE_MOVED]
    balance(row(charge_ah=0, discharge_ah=0, cell_voltage_min=3.2, cell_voltage_max=3.3))
    balance(row(charge_ah=0, discharge_ah=2, cell_voltage_min=3.05, cell_voltage_max=3.1))
    assert balance(row(charge_ah=2, discharge_ah=2, cell_voltage_min=3.2, cell_voltage_max=3.3)) == 2.0


@pytest.mark.parametrize(
    ("scanner", "bms", "jump"),
    [(45.0, 25.0, 20.0), (45.0, 45.0, 0.0), (25.0, 45.0, 0.0), (nan, 25.0, 0.0), (45.0, nan, 0.0)],
)
def test_a_jump_is_the_scanners_when_it_alone_has_moved(scanner: float, bms: float, jump: float) -> None:
    quantity = quantities.Jump(0, 1)
    assert quantity([25.0, 25.0]) == 0.0
    assert quantity([scanner, bms]) == jump
