"""The guard: what violates for longer than it may, latches, and who is to blame for it."""

from collections.abc import Callable
from math import inf, nan
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import columns
from bench.guard import Guard, Limit, Trip, limits_for
from bench.pack import PackFile, load_pack
from bench.station import StationFile, load_station

WriteFile = Callable[[str, str], Path]

LAYOUT = ("Test Time / s", "Voltage / V", "Current / A")
HIGH = Limit("over-voltage", "Voltage / V", "V", at_most=4.2, debounce=2.0)
FAST = Limit("over-current", "Current / A", "A", at_least=-5.0, at_most=5.0, blame="bench")


def check(guard: Guard, *rows: tuple[float, float, float]) -> list[str | None]:
    """The name of the tripped limit after each row."""
    trips = [guard.check(row) for row in rows]
    return [trip.limit.name if trip else None for trip in trips]


def test_a_value_on_its_limit_is_allowed() -> None:
    assert check(Guard([HIGH, FAST], LAYOUT), (0, 4.2, -5.0), (9, 4.2, 5.0)) == [None, None]


def test_a_limit_without_debounce_trips_at_once() -> None:
    assert check(Guard([FAST], LAYOUT), (0, 4.0, -5.01)) == ["over-current"]


def test_a_violation_is_forgiven_for_the_debounce_and_no_longer() -> None:
    assert check(Guard([HIGH], LAYOUT), (10, 4.3, 0), (11.9, 4.3, 0), (12, 4.3, 0)) == [None, None, "over-voltage"]


def test_a_good_value_starts_the_debounce_anew() -> None:
    rows = [(0, 4.3, 0), (1.9, 4.1, 0), (2.0, 4.3, 0), (3.9, 4.3, 0), (4.0, 4.3, 0)]
    assert check(Guard([HIGH], LAYOUT), *rows) == [None, None, None, None, "over-voltage"]


def test_each_limit_has_a_debounce_of_its_own() -> None:
    low = Limit("under-voltage", "Voltage / V", "V", at_least=2.0, debounce=2.0)
    rows = [(0, 4.3, 0), (1, 1.9, 0), (2, 4.3, 0), (3, 4.3, 0), (4, 4.3, 0)]
    assert check(Guard([HIGH, low], LAYOUT), *rows) == [None, None, None, None, "over-voltage"]


def test_once_tripped_it_stays_tripped_for_the_first_reason() -> None:
    guard = Guard([HIGH, FAST], LAYOUT)
    assert check(guard, (0, 4.0, 6.0), (1, 4.0, 0.0), (9, 9.9, 0.0)) == ["over-current"] * 3
    assert guard.trip is not None
    assert (guard.trip.time, guard.trip.value) == (0, 6.0)


def test_a_value_that_is_missing_is_a_violation_and_the_benchs_fault() -> None:
    guard = Guard([Limit("over-voltage", "Voltage / V", "V", at_most=4.2)], LAYOUT)
    guard.check((7, nan, 0))
    assert guard.trip is not None
    cause = guard.trip.cause("charge")
    assert cause.blame == "bench"
    assert cause.text == "over-voltage: Voltage is missing from the scan in step 'charge' after 7 s."


@given(st.floats(allow_nan=True), st.floats(allow_nan=True))
def test_nothing_outside_its_bounds_ever_passes(voltage: float, current: float) -> None:
    limits = [Limit("v", "Voltage / V", "V", at_least=0.0, at_most=4.2), FAST]
    inside = 0.0 <= voltage <= 4.2 and -5.0 <= current <= 5.0
    assert (Guard(limits, LAYOUT).check((0.0, voltage, current)) is None) is inside


def test_a_limit_on_a_column_that_is_not_scanned_is_no_guard() -> None:
    with pytest.raises(KeyError):
        Guard([HIGH], ("Test Time / s",))


@pytest.mark.parametrize(
    ("trip", "step", "text"),
    [
        (
            Trip(HIGH, 12.4, 4.31),
            "charge",
            "over-voltage: 4.31 V is above the allowed 4.2 V in step 'charge' after 12 s.",
        ),
        (Trip(FAST, 3.0, -6.0), None, "over-current: -6 A is below the allowed -5 A after 3 s."),
    ],
)
def test_a_cause_says_what_where_and_how_much_was_allowed(trip: Trip, step: str | None, text: str) -> None:
    cause = trip.cause(step)
    assert (cause.text, cause.blame, cause.step) == (text, trip.limit.blame, step)
    assert (cause.time, cause.limit) == (trip.time, trip.limit.name)


def test_a_missing_bound_is_stored_as_null() -> None:
    stored = Limit("x", "Voltage / V", "V", at_least=-inf, at_most=4.2).as_dict()
    assert (stored["at_least"], stored["at_most"]) == (None, 4.2)


# --- the limits of a pack on a station --------------------------------------------------------------------------------


@pytest.fixture
def little_station(write: WriteFile, station_text: str) -> StationFile:
    return load_station(str(write("station.yaml", station_text)))[0]


def test_the_guard_of_a_pack_follows_its_datasheet_and_the_wiring(
    four_cells: PackFile, little_station: StationFile
) -> None:
    limits = {limit.column: limit for limit in limits_for(four_cells, little_station)}
    assert limits[columns.CELL_VOLTAGE_MAX].at_most == pytest.approx(3.45, abs=0.03)
    assert limits[columns.CELL_VOLTAGE_MIN].at_least == pytest.approx(3.05, abs=0.2)
    assert limits[columns.VOLTAGE].at_most == pytest.approx(4 * 3.45, abs=0.2)
    assert limits[columns.CURRENT].at_least == pytest.approx(-5, abs=0.6)
    assert limits[columns.CURRENT].at_most == pytest.approx(4, abs=0.6)
    assert limits[columns.CELL_TEMPERATURE_MAX].at_most == 50
    assert limits[columns.CELL_TEMPERATURE_MIN].at_least <= -20


def test_the_guard_is_never_tighter_than_what_pre_flight_allows(
    four_cells: PackFile, little_station: StationFile
) -> None:
    limits = {limit.column: limit for limit in limits_for(four_cells, little_station)}
    assert limits[columns.CELL_VOLTAGE_MAX].at_most > four_cells.limits.cell_voltage.max
    assert limits[columns.CELL_VOLTAGE_MIN].at_least < four_cells.limits.cell_voltage.min
    assert limits[columns.CURRENT].at_most > four_cells.limits.charge_current
    assert limits[columns.CURRENT].at_least < -four_cells.limits.discharge_current


def test_the_pack_is_never_blamed_for_what_the_bench_does() -> None:
    station, pack = load_station("virtual-module")[0], load_pack("lfp-24s")[0]
    blames = {limit.name: limit.blame for limit in limits_for(pack, station)}
    assert {name for name, blame in blames.items() if blame == "bench"} == {
        "over-current", "cell under-temperature", "BMS silent",
    }  # fmt: skip


def test_weak_wiring_lowers_what_is_guarded(four_cells: PackFile, station_text: str, write: WriteFile) -> None:
    weak = station_text.replace("wiring: {voltage: 40, current: 6}", "wiring: {voltage: 10, current: 1}")
    station = load_station(str(write("weak.yaml", weak)))[0]
    limits = {limit.column: limit for limit in limits_for(four_cells, station)}
    assert limits[columns.VOLTAGE].at_most == 10
    assert limits[columns.CURRENT].at_most == pytest.approx(1.1)
