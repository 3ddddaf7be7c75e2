"""The guard as a mechanism: what violates for longer than it may, what follows, what latches, who is to blame."""

from math import inf, nan, nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.safety.guard import Guard, Limit, Recovery, Violation
from bench.verdicts import InputError
from instruments.roles import BmsState

LAYOUT = ("Test Time / s", "Voltage / V", "Current / A")
HIGH = Limit("cell-over-voltage", "Voltage / V", "V", at_most=4.2, debounce=2.0)
FAST = Limit("over-current", "Current / A", "A", at_least=-5.0, at_most=5.0)
WARNING = Limit("cell-spread", "Voltage / V", "V", at_most=4.0)
EXCURSION = Limit("chamber-excursion", "Voltage / V", "K", at_most=2.0, debounce=3.0, recovery=Recovery(0.5, 10.0))


def check(guard: Guard, *rows: tuple[float, float, float]) -> list[str | None]:
    """The name of what each row newly violates."""
    found = [guard.check(row) for row in rows]
    return [violations[0].limit.name if violations else None for violations in found]


# --- bounds and debounce ----------------------------------------------------------------------------------------------


def test_a_value_on_its_limit_is_allowed() -> None:
    assert check(Guard([HIGH, FAST], LAYOUT), (0, 4.2, -5.0), (9, 4.2, 5.0)) == [None, None]


def test_a_limit_without_debounce_trips_at_once() -> None:
    assert check(Guard([FAST], LAYOUT), (0, 4.0, -5.01)) == ["over-current"]


def test_a_violation_is_forgiven_for_the_debounce_and_no_longer() -> None:
    rows = [(10, 4.3, 0), (11.9, 4.3, 0), (12, 4.3, 0)]
    assert check(Guard([HIGH], LAYOUT), *rows) == [None, None, "cell over-voltage"]


def test_a_good_value_forgives_a_tenth_of_the_time_that_it_lasts() -> None:
    # 1.9 s of violation until the good row, 0.1 s of 1 s without one: what is left of 2 s is 0.2 s.
    rows = [(0, 4.3, 0), (1.9, 4.1, 0), (2.9, 4.3, 0), (3.05, 4.3, 0), (3.1, 4.3, 0)]
    assert check(Guard([HIGH], LAYOUT), *rows) == [None, None, None, None, "cell over-voltage"]


def test_each_limit_has_a_debounce_of_its_own() -> None:
    low = Limit("cell-under-voltage", "Voltage / V", "V", at_least=2.0, debounce=2.0)
    rows = [(0, 4.3, 0), (1, 1.9, 0), (2, 4.3, 0), (3, 4.3, 0), (4, 4.3, 0)]
    assert check(Guard([HIGH, low], LAYOUT), *rows) == [None, None, None, None, "cell over-voltage"]


LEAKING = Limit("insulation", "Voltage / V", "Ohm", at_least=1e4, debounce=2.0, when="measured")


@given(st.floats(allow_nan=True))
def test_what_is_guarded_while_it_is_measured_is_violated_by_a_value_and_by_none(ohms: float) -> None:
    guard = Guard([Limit("insulation", "Voltage / V", "Ohm", at_least=1e4, at_most=1e9, when="measured")], LAYOUT)
    assert (guard.check((0.0, ohms, 0.0)) == ()) is not (ohms < 1e4 or ohms > 1e9)


def test_a_value_that_is_not_there_to_be_guarded_lets_the_violation_before_it_leak_away() -> None:
    guard = Guard([LEAKING], LAYOUT)
    check(guard, (0, 1e3, 0), *((second, nan, 0) for second in range(1, 12)))
    assert check(guard, (12, 1e3, 0), (13.9, 1e3, 0), (14, 1e3, 0)) == [None, None, "insulation"]


def test_a_value_that_is_not_there_to_be_guarded_is_not_pending() -> None:
    guard = Guard([LEAKING, FAST], LAYOUT)
    check(guard, (0, 1e3, 0))
    assert [violation.limit for violation in guard.pending()] == [LEAKING]
    check(guard, (1, nan, 0))
    assert guard.pending() == ()


def test_a_value_that_is_not_there_to_be_guarded_is_none_of_what_else_is_violated() -> None:
    guard = Guard([Limit("insulation", "Voltage / V", "Ohm", at_least=1e4, when="measured"), FAST], LAYOUT)
    assert [violation.limit for violation in guard.check((0, nan, 9.9))] == [FAST]
    assert guard.causes[1:] == ()


def test_another_limit_on_the_same_column_still_misses_its_value() -> None:
    guard = Guard([LEAKING, Limit("value-missing", "Voltage / V", "Ohm", at_least=0.0)], LAYOUT)
    (violation,) = guard.check((0, nan, 0))
    assert violation.fault == "value-missing"
    assert violation.limit.at_least == 0.0


@given(st.floats(allow_nan=True), st.floats(allow_nan=True))
def test_nothing_outside_its_bounds_ever_passes(voltage: float, current: float) -> None:
    limits = [Limit("cell-over-voltage", "Voltage / V", "V", at_least=0.0, at_most=4.2), FAST]
    inside = 0.0 <= voltage <= 4.2 and -5.0 <= current <= 5.0
    guard = Guard(limits, LAYOUT)
    assert (guard.check((0.0, voltage, current)) == ()) is inside
    assert (guard.trip is None) is inside


def test_a_limit_on_a_column_that_is_not_scanned_is_no_guard() -> None:
    with pytest.raises(InputError, match="which nobody on this bench measures; allowed: "):
        Guard([HIGH], ("Test Time / s",))


def test_a_limit_of_a_fault_that_nobody_knows_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        _ = Limit("cell-to-hot", "Voltage / V", "V").blame


# --- trips ------------------------------------------------------------------------------------------------------------


def test_once_tripped_it_stays_tripped_for_the_first_reason() -> None:
    guard = Guard([HIGH, FAST], LAYOUT)
    assert check(guard, (0, 4.0, 6.0), (1, 4.0, 0.0), (9, 9.9, 0.0)) == ["over-current"] * 3
    assert guard.trip is not None
    assert (guard.trip.time, guard.trip.value) == (0, 6.0)


def test_of_two_limits_violated_in_one_row_the_first_is_the_cause() -> None:
    at_once = Limit("cell-over-voltage", "Voltage / V", "V", at_most=4.2)
    assert check(Guard([at_once, FAST], LAYOUT), (0, 9.9, 9.9)) == ["cell over-voltage"]
    assert check(Guard([FAST, at_once], LAYOUT), (0, 9.9, 9.9)) == ["over-current"]


def test_a_value_that_is_missing_is_a_violation_and_the_benchs_fault() -> None:
    guard = Guard([Limit("cell-over-voltage", "Voltage / V", "V", at_most=4.2)], LAYOUT)
    guard.check((7, nan, 0))
    assert guard.trip is not None
    cause = guard.trip.cause("charge")
    assert (cause.blame, cause.fault) == ("bench", "value-missing")
    assert cause.text == (
        "cell over-voltage: Voltage is missing from the scan in step 'charge' after 7 s. Its column of the recording "
        "is empty: a sensor is open, or nobody has told that instrument to measure it. Look at its wiring and at how "
        "it is set up."
    )


@pytest.mark.parametrize("limit", [WARNING, EXCURSION], ids=["warn", "hold"])
def test_a_value_that_is_missing_trips_whatever_its_limit_would_do(limit: Limit) -> None:
    guard = Guard([limit], LAYOUT)
    check(guard, (0, 9.0, 0), (3, 9.0, 0), (4, nan, 0), (4 + limit.debounce, nan, 0))
    assert guard.trip is not None
    assert guard.trip.fault == "value-missing"


def test_a_missing_value_is_debounced_on_its_own() -> None:
    guard = Guard([HIGH], LAYOUT)
    assert check(guard, (0, nan, 0), (1, 4.3, 0), (1.1, nan, 0), (2.0, nan, 0)) == [None] * 4
    assert check(guard, (2.2, nan, 0)) == ["cell over-voltage"]
    assert guard.trip is not None
    assert guard.trip.fault == "value-missing"


def test_a_reading_that_is_lost_does_not_forgive_what_came_before() -> None:
    assert check(Guard([HIGH], LAYOUT), (0, 4.3, 0), (1, nan, 0), (2, 4.3, 0))[-1] == "cell over-voltage"


# --- warnings ---------------------------------------------------------------------------------------------------------


def test_a_warning_is_given_once_and_ends_nothing() -> None:
    guard = Guard([WARNING], LAYOUT)
    assert check(guard, (0, 4.1, 0), (1, 4.1, 0), (2, 3.9, 0), (3, 4.1, 0)) == ["cell spread", None, None, None]
    assert guard.trip is None
    assert guard.hold is None


def test_a_warning_does_not_hide_the_trip_in_the_same_row() -> None:
    guard = Guard([WARNING, FAST], LAYOUT)
    assert [violation.action for violation in guard.check((0, 4.1, 9.0))] == ["warn", "trip"]
    assert guard.trip is not None


# --- holds ------------------------------------------------------------------------------------------------------------


def held(guard: Guard, *rows: tuple[float, float]) -> list[bool]:
    """Whether cycling is paused after each row of time and deviation."""
    return [(guard.check((time, value, 0.0)), guard.hold is not None)[1] for time, value in rows]


def test_a_hold_begins_after_the_debounce_and_ends_nothing() -> None:
    guard = Guard([EXCURSION], LAYOUT)
    assert held(guard, (0, 2.1), (2.9, 2.1), (3.0, 2.1)) == [False, False, True]
    assert guard.trip is None


def test_a_hold_is_told_once() -> None:
    assert check(Guard([EXCURSION], LAYOUT), (0, 3, 0), (3, 3, 0), (4, 3, 0)) == [None, "chamber excursion", None]


def test_back_on_the_limit_is_not_yet_recovered() -> None:
    guard = Guard([EXCURSION], LAYOUT)
    assert held(guard, (0, 3), (3, 3), (4, 1.9), (100, 1.6)) == [False, True, True, True]


def test_recovered_is_inside_by_the_hysteresis_for_the_settle_time() -> None:
    guard = Guard([EXCURSION], LAYOUT)
    assert held(guard, (0, 3), (3, 3), (4, 1.5), (13.9, 1.5), (14, 1.5)) == [False, True, True, True, False]


def test_leaving_the_inside_once_more_starts_the_settle_time_anew() -> None:
    guard = Guard([EXCURSION], LAYOUT)
    held(guard, (0, 3), (3, 3), (4, 1.0), (10, 1.8))
    assert held(guard, (11, 1.0), (20.9, 1.0), (21, 1.0)) == [True, True, False]


def test_after_a_recovery_it_may_hold_again() -> None:
    guard = Guard([EXCURSION], LAYOUT)
    held(guard, (0, 3), (3, 3), (4, 1.0), (14, 1.0))
    assert held(guard, (20, 3), (23, 3)) == [False, True]


def test_a_limit_can_still_trip_during_a_hold() -> None:
    guard = Guard([EXCURSION, FAST], LAYOUT)
    held(guard, (0, 3), (3, 3))
    assert check(guard, (4, 3, 9.0)) == ["over-current"]


# --- limits that do not always apply ----------------------------------------------------------------------------------

SITUATIONS = ("Test Time / s", "BMS State / 1", "Current / A", "Voltage / V")
STANDBY, CHARGE = 5.0, 9.0


def guarded(when: str) -> Guard:
    limit = Limit("pack-under-voltage", "Voltage / V", "V", at_least=10.0, debounce=2.0, when=when)  # type: ignore[arg-type]
    return Guard([limit], SITUATIONS)


def trips_at(guard: Guard, *rows: tuple[float, float, float, float]) -> float | None:
    return next((row[0] for row in rows if guard.check(row)), None)


@pytest.mark.parametrize(
    ("when", "inside", "outside"),
    [
        ("connected", (CHARGE, 0.0), (STANDBY, 9.0)),
        ("charging", (STANDBY, 0.2), (CHARGE, -9.0)),
        ("charging", (STANDBY, nextafter(0.1, 1.0)), (CHARGE, 0.1)),
    ],
)
def test_a_limit_applies_only_in_its_situation(
    when: str, inside: tuple[float, float], outside: tuple[float, float]
) -> None:
    assert trips_at(guarded(when), (0, *outside, 0.0), (9, *outside, 0.0)) is None
    assert trips_at(guarded(when), (0, *inside, 0.0), (2, *inside, 0.0)) == 2


def test_time_outside_its_situation_does_not_count_towards_the_debounce() -> None:
    guard = guarded("connected")
    rows = [(0, CHARGE, 0, 0.0), (1, STANDBY, 0, 0.0), (2, STANDBY, 0, 0.0), (3, CHARGE, 0, 0.0), (4, CHARGE, 0, 0.0)]
    assert trips_at(guard, *rows, (4.2, CHARGE, 0, 0.0)) == 4.2


def test_a_limit_on_open_contactors_applies_while_they_are_open() -> None:
    assert trips_at(guarded("open"), (0, CHARGE, 0.0, 0.0), (9, CHARGE, 0.0, 0.0)) is None
    assert trips_at(guarded("open"), (0, STANDBY, 0.0, 0.0), (2, STANDBY, 0.0, 0.0)) == 2


@pytest.mark.parametrize("state", BmsState)
def test_a_pack_is_connected_once_its_contactors_have_closed_and_not_while_they_close(state: BmsState) -> None:
    """While it precharges, the terminals are on their way to the pack's voltage."""
    connected = state in {BmsState.CLOSED, BmsState.DISCHARGE, BmsState.CHARGE}
    for when, applies in (("connected", connected), ("open", not connected)):
        rows = (0, float(state), 0.0, 0.0), (2, float(state), 0.0, 0.0)
        assert trips_at(guarded(when), *rows) == (2 if applies else None)


def test_whoever_knows_says_whether_the_chamber_has_settled() -> None:
    guard = guarded("conditioned")
    assert trips_at(guard, (0, STANDBY, 0, 0.0), (9, STANDBY, 0, 0.0)) is None
    guard.conditioned = True
    assert trips_at(guard, (10, STANDBY, 0, 0.0), (12, STANDBY, 0, 0.0)) == 12


def test_a_hold_is_over_when_its_limit_no_longer_applies() -> None:
    limit = Limit("chamber-excursion", "Voltage / V", "K", at_most=2.0, when="conditioned")
    guard = Guard([limit], LAYOUT)
    guard.conditioned = True
    assert held(guard, (0, 9.0)) == [True]
    guard.conditioned = False
    assert held(guard, (1, 9.0)) == [False]


# --- derived quantities and the last minute ---------------------------------------------------------------------------


def test_a_limit_may_be_on_what_is_derived_from_the_row() -> None:
    power = Limit("over-power", "Power / W", "W", at_most=20.0)
    guard = Guard([power], LAYOUT, {"Power / W": lambda row: row[1] * row[2]})
    assert check(guard, (0, 4.0, 5.0), (1, 4.0, 5.1)) == [None, "over-power"]


def test_the_last_minute_is_kept_with_what_was_derived_from_it() -> None:
    guard = Guard([HIGH], LAYOUT, {"Power / W": lambda row: row[1] * row[2]})
    for time in range(200):
        guard.check((float(time), 4.0, float(time)))
    kept = guard.recent()
    assert guard.columns == (*LAYOUT, "Power / W")
    assert [row[0] for row in kept] == list(range(139, 200))
    assert kept[-1] == [199.0, 4.0, 199.0, 796.0]


def test_the_row_that_tripped_is_the_last_one_kept() -> None:
    guard = Guard([FAST], LAYOUT)
    check(guard, (0, 4.0, 0.0), (1, 4.0, 9.0), (2, 4.0, 0.0))
    assert [row[0] for row in guard.recent()] == [0, 1]


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("violation", "step", "text"),
    [
        (
            Violation(HIGH, 12.4, 4.31),
            "charge",
            "cell over-voltage: 4.31 V is above the allowed 4.2 V in step 'charge' after 12 s.",
        ),
        (Violation(FAST, 3.0, -6.0), None, "over-current: -6 A is below the allowed -5 A after 3 s."),
        (
            Violation(Limit("bms-error", "State / 1", "", at_most=9.0, words="the BMS gave up"), 3.0, 10.0),
            None,
            "BMS error: the BMS gave up after 3 s.",
        ),
    ],
)
def test_a_cause_says_what_where_and_how_much_was_allowed(violation: Violation, step: str | None, text: str) -> None:
    cause = violation.cause(step)
    assert (cause.text, cause.blame, cause.step) == (text, violation.limit.blame, step)
    assert (cause.time, cause.limit, cause.fault) == (violation.time, violation.limit.name, violation.limit.fault)


def test_limits_that_share_a_fault_are_told_apart_by_their_labels() -> None:
    of_the_bms = Limit("cell-over-temperature", "T / degC", "°C", at_most=50, label="cell over-temperature (BMS)")
    assert Violation(of_the_bms, 0.0, 60.0).cause(None).text.startswith("cell over-temperature (BMS): 60 °C")
    assert of_the_bms.blame == "pack"


def test_a_missing_bound_is_stored_as_null() -> None:
    stored = Limit("over-current", "Voltage / V", "V", at_least=-inf, at_most=4.2).as_dict()
    assert (stored["at_least"], stored["at_most"]) == (None, 4.2)


def test_a_stored_limit_says_what_follows_and_who_is_to_blame() -> None:
    stored = EXCURSION.as_dict()
    assert (stored["fault"], stored["action"], stored["blame"]) == ("chamber-excursion", "hold", "bench")
