"""What a BMS may say, what heat a current can make, which events a run may have: one row after the other."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import inf, isnan, nan, nextafter
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import columns
from bench.columns import DERIVED, INDEX
from bench.pack import PackFile
from bench.safety import events, plausibility
from bench.safety.formulas import Quantity, Row
from bench.safety.plausibility import ChargeLeap, OutsideHeat, frozen_temperatures, frozen_voltages
from instruments.roles import BmsState

CHARGE, STANDBY, STARTING, ERROR, OPENING = (
    float(state) for state in (BmsState.CHARGE, BmsState.STANDBY, BmsState(1), BmsState.ERROR, BmsState.OPENING)
)
STRING, TEMPERATURE, COUNT = len(DERIVED), len(DERIVED) + 1, len(DERIVED) + 2
"""Where the BMS's string voltage, a temperature of its, and a count are in these rows."""


def row(time: float, string: float = nan, temperature: float = nan, count: float = nan, **values: float) -> list[float]:
    """A row of the derived columns and three more; keywords are names of `bench.columns` in lower case."""
    found = [nan] * len(DERIVED)
    found[0] = time
    for name, value in values.items():
        found[INDEX[getattr(columns, name.upper())]] = value
    return [*found, string, temperature, count]


# --- order, rate, range -----------------------------------------------------------------------------------------------


def test_a_minimum_above_its_maximum_is_out_of_order() -> None:
    count = plausibility.disorder([(0, 1), (2, 3)])
    assert [count(each) for each in ([1, 1, 2, 3], [2, 1, 2, 3], [2, 1, 4, 3], [nan, 1, 2, nan])] == [0, 1, 2, 0]


def leaps(shown: Sequence[float], current: float = 2.0, asked: float = 2.0, period: float = 1.0) -> list[float]:
    """Of a pack of 2 Ah."""
    leap = ChargeLeap(2.0)
    return [
        leap(row(number * period, soc=value, current=current, set_current=asked)) for number, value in enumerate(shown)
    ]


def test_a_charge_that_jumps_has_left_what_the_current_can_do_and_stays_there() -> None:
    found = leaps([0.3] * 10 + [0.7] * 10)
    assert found[:10] == [0.0] * 10
    assert min(found[10:]) > 0.25


def test_a_charge_that_creeps_faster_than_any_cell_has_jumped_as_well() -> None:
    assert max(leaps([0.3 + 0.03 * number for number in range(20)])) > 0.2


@given(st.floats(0.2, 3.0), st.sampled_from([0.1, 1.0, 10.0]), st.floats(0.05, 1.0), st.sampled_from([1e-3, 5e-3]))
def test_a_charge_that_the_current_moves_is_believed_whatever_is_left_of_the_cell(
    current: float, period: float, left: float, digit: float
) -> None:
    per_row = current * period / 3600 / (2.0 * left)
    shown = [round(min(1.0, 0.1 + per_row * number) / digit) * digit for number in range(100)]
    assert max(leaps(shown, current, current, period)) <= digit + 1e-9


def test_a_short_that_drains_the_lowest_cell_is_believed() -> None:
    assert max(leaps([max(0.0, 0.6 - 0.03 * number) for number in range(30)], current=0.0)) == 0.0


def test_the_fullest_cell_falls_no_faster_than_the_current_drains_it() -> None:
    """The emptiest may have a short inside: that lets its charge fall, and nobody else's."""
    emptiest, fullest = ChargeLeap(2.0), ChargeLeap(2.0, STRING, falling=plausibility.RISING)
    rows = [
        row(float(number), string=0.5 if number < 10 else 0.35, current=2.0, set_current=2.0) for number in range(20)
    ]
    assert min([fullest(each) for each in rows][10:15]) > 0.05
    same = [row(each[0], soc=each[STRING], current=2.0, set_current=2.0) for each in rows]
    assert max([emptiest(each) for each in same][12:]) == 0.0
    slow = [
        row(10.0 * number, string=0.9 - 2.0 * number / 720, current=-2.0, set_current=-2.0) for number in range(200)
    ]
    assert max(map(ChargeLeap(2.0, STRING, falling=plausibility.RISING), slow)) < 1e-9


def test_a_bms_that_corrects_itself_at_rest_is_believed() -> None:
    assert leaps([0.3, 0.3, 0.45, 0.45], current=0.0, asked=nan) == [0.0] * 4


def followed(shown: Sequence[float], current: Sequence[float], asked: Sequence[float], times: Sequence[float],
             falling: float) -> Iterator[float]:  # fmt: skip
    """How far a display is from where it can be, in a pack of 2 Ah, written down from its definition.

    A cell with a twentieth of its charge left moves twenty times as fast; without a current a display may rise by
    0.0005 a second, and fall by `falling`.
    """
    follower = nan
    owed = flowed = 0.0
    last = nan
    for now, display, flows, wanted in zip(times, shown, current, asked, strict=True):
        seconds, last = now - last, now
        if isnan(display):
            yield 0.0
            continue
        flowed, before = (0.0 if isnan(flows) else abs(flows)), flowed
        if seconds > 0:
            owed += 20.0 * max(flowed, before) * seconds / 3600 / 2.0
        if display == follower:
            yield 0.0
        elif isnan(wanted) or isnan(follower):
            follower, owed = display, 0.0
            yield 0.0
        else:
            low, high = follower - owed - falling * seconds, follower + owed + 0.0005 * seconds
            follower, owed = min(max(display, low), high), 0.0
            yield abs(display - follower)


@pytest.mark.parametrize(("falling", "arguments"), [(0.05, {}), (0.0005, {"falling": plausibility.RISING})])
@pytest.mark.parametrize("seed", range(10))
def test_a_display_is_followed_by_the_book(seed: int, falling: float, arguments: dict[str, float]) -> None:
    draw = Random(seed)
    times, soc = [0.0], [0.5]
    for _ in range(99):
        times.append(times[-1] + draw.choice([0.1, 1.0, 5.0]))
        soc.append(draw.choice([soc[-1], soc[-1], soc[-1] + draw.gauss(0.0, 0.05), soc[-1] + 0.001]))
    shown = [draw.choice([each] * 9 + [nan]) for each in soc]
    current = [draw.choice([0.0, 0.0, 0.5, -2.0, 2.0, nan]) for _ in soc]
    asked = [draw.choice([1.0] * 6 + [nan]) for _ in soc]
    leap = ChargeLeap(2.0, **arguments)
    rows = zip(times, shown, current, asked, strict=True)
    found = [leap(row(now, soc=display, current=flows, set_current=wanted)) for now, display, flows, wanted in rows]
    assert found == pytest.approx(list(followed(shown, current, asked, times, falling)), abs=1e-12)
    assert max(found) > 0.02


@pytest.mark.parametrize("rows_per_frame", [1, 10, 30])
def test_a_display_that_is_renewed_less_often_than_rows_come_has_not_leapt(rows_per_frame: int) -> None:
    # Six seconds a row at 1C, as on a served bench that runs sixty times as fast; then only a trickle is asked for,
    # and the frame that is still on the way tells of the current before.
    per_row, leap = 6.0 / 3600, ChargeLeap(2.0)
    found = []
    for number in range(90):
        shown = 0.1 + per_row * (number - number % rows_per_frame)
        current = 2.0 if number % rows_per_frame or not number else 0.1
        found.append(leap(row(6.0 * number, soc=shown, current=current, set_current=current)))
    assert max(found) < 0.001


def test_a_display_that_was_late_at_the_end_of_a_step_has_not_leapt_in_the_next() -> None:
    leap = ChargeLeap(2.0)
    before = [leap(row(6.0 * number, soc=0.2, current=2.0, set_current=2.0)) for number in range(60)]
    rest = [leap(row(360.0, soc=0.2, current=0.0, set_current=nan))]
    assert [*before, *rest, leap(row(360.1, soc=0.3, current=0.1, set_current=0.1))] == [0.0] * 62


def test_a_display_that_has_stood_for_a_digit_may_not_leap_for_it() -> None:
    assert max(leaps([0.3] * 10 + [0.55] * 5)) > 0.15


def test_a_charge_that_is_missing_is_somebody_elses_matter() -> None:
    assert leaps([0.3, nan, 0.3]) == [0.0] * 3


@pytest.mark.parametrize(("string", "gap"), [(40.0, 0.0), (36.0, 0.0), (44.0, 0.0), (35.0, 1.0), (46.0, 2.0)])
def test_a_string_lies_between_its_cells_at_their_lowest_and_at_their_highest(string: float, gap: float) -> None:
    quantity = plausibility.cell_sum_gap(0, 1, 2, series=10)
    assert quantity([3.6, 4.4, string]) == pytest.approx(gap)


@pytest.mark.parametrize(
    ("state", "asked", "current", "bms", "found"),
    [
        (STANDBY, 2.0, 2.0, 2.0, 1.0),
        (STANDBY, -2.0, -2.0, -2.0, 1.0),
        (STANDBY, 2.0, 2.0, 0.0, 0.0),  # the BMS's own meter agrees that it is open
        (STANDBY, 2.0, 0.0, 2.0, 0.0),  # a current of the moment before
        (STANDBY, 20.0, 3.0, 3.0, 0.0),  # far less than was asked for: it fades
        (STANDBY, 0.5, 0.3, 0.3, 1.0),
        (STANDBY, 2.0, nextafter(1.0, 2.0), -nextafter(1.0, 2.0), 1.0),
        (STANDBY, 2.0, 1.0, 2.0, 0.0),  # half of what was asked for, to the last digit
        (STANDBY, 2.0, 2.0, 1.0, 0.0),
        (STANDBY, 0.0, 2.0, 2.0, 0.0),
        (OPENING, 2.0, 2.0, 2.0, 0.0),  # it waits for the current to fall
        (STANDBY, nan, 2.0, 2.0, 0.0),  # somebody else's current has a limit of its own
        (CHARGE, 2.0, 2.0, 2.0, 0.0),
        (ERROR, 2.0, 2.0, 2.0, 0.0),
        (nan, 2.0, 2.0, 2.0, 0.0),
    ],
)
def test_contactors_that_are_open_carry_no_current(
    state: float, asked: float, current: float, bms: float, found: float
) -> None:
    quantity = plausibility.open_yet_carrying(COUNT)
    assert quantity(row(0.0, count=bms, bms_state=state, set_current=asked, current=current)) == found


# --- channels that stand still ----------------------------------------------------------------------------------------


def frozen(
    *rows: tuple[float, float, float, float], state: float = CHARGE, soc: float = nan, period: float = 1.0,
    current: float = 0.0, before: tuple[float, float] = (0.0, 0.0),
) -> float:  # fmt: skip
    """The most that was found in rows of lowest cell, highest cell, string and terminals, of ten cells of 2 Ah.

    `before` is what had gone in and come out by then, Ah.
    """
    quantity = frozen_voltages((INDEX[columns.CELL_VOLTAGE_MIN], INDEX[columns.CELL_VOLTAGE_MAX]), STRING, 10, 2.0)
    return max(
        quantity(
            row(
                number * period,
                string=string,
                bms_state=state,
                voltage=terminals,
                cell_voltage_min=lowest,
                cell_voltage_max=highest,
                soc=soc,
                charge_ah=before[0] + max(current, 0.0) * number * period / 3600,
                discharge_ah=before[1] + max(-current, 0.0) * number * period / 3600,
            )
        )
        for number, (lowest, highest, string, terminals) in enumerate(rows)
    )


def rising(lowest: float = 1.0, highest: float = 1.0, string: float = 1.0, terminals: float = 1.0) -> float:
    """Cells from 3.3 V up, a millivolt a row for a minute; each channel moves with that share."""
    rows = [
        (3.3 + lowest * mv, 3.31 + highest * mv, 33.0 + 10 * string * mv, 33.0 + 10 * terminals * mv)
        for mv in (number / 1000 for number in range(60))
    ]
    # At 4C, so that after 45 s a twentieth of the charge has flowed.
    return frozen(*rows, current=8.0)


def test_what_moves_together_is_not_frozen() -> None:
    assert rising() < 0.2


@pytest.mark.parametrize("channel", ["lowest", "highest", "string"])
def test_one_channel_that_stands_still_while_the_others_move_is_frozen(channel: str) -> None:
    assert rising(**{channel: 0.0}) > 1.0


def moving(cells: int, volts: float, start: float = 3.3) -> list[tuple[float, float, float, float]]:
    """Of ten cells so many move from `start` by so much within a minute, the others stand at it to their last digit."""
    rows = []
    for number in range(61):
        moved = start + volts * number / 60
        string = cells * moved + (10 - cells) * start
        rows.append((min(moved, start), max(moved, start), string, string))
    return rows


@pytest.mark.parametrize(("cells", "volts"), [(1, -1.0), (1, 0.3), (4, -0.3), (9, 0.3), (9, -0.3)])
def test_the_extreme_of_cells_may_stand_while_others_move(cells: int, volts: float) -> None:
    # One weak cell dives while the highest is on a plateau; all but the emptiest climb.
    assert frozen(*moving(cells, volts), current=2.0) < 0.1


@pytest.mark.parametrize("current", [8.0, -8.0])
@pytest.mark.parametrize("before", [(0.0, 0.0), (7.0, 0.0), (0.0, 7.0), (3.0, 3.0)])
def test_no_cell_stands_still_while_so_much_charge_flows_whatever_has_flowed_before(
    before: tuple[float, float], current: float
) -> None:
    """A twentieth of the charge is 0.1 Ah: 45 s of 8 A."""
    rows = [(3.28, 3.33, 32.9 + number * 0.006, 32.9 + number * 0.006) for number in range(61)]
    assert frozen(*rows[:44], current=current, before=before) == 0.0
    assert frozen(*rows, current=current, before=before) > 1.0


@pytest.mark.parametrize("volts", [0.3, -0.3])
def test_the_extreme_of_cells_may_not_stand_where_all_have_gone_beyond_it(volts: float) -> None:
    # The string says that every cell has moved: there is no room for them below their highest, above their lowest.
    rows = [(3.29, 3.31, string, terminals) for _, _, string, terminals in moving(10, volts)]
    assert frozen(*rows) > 1.0


def test_a_voltmeter_that_drifts_alone_does_not_accuse_the_bms() -> None:
    assert rising(lowest=0.0, highest=0.0, string=0.0) == 0.0
    assert rising(lowest=0.0, highest=0.0, terminals=0.0) == 0.0


def test_cells_on_a_plateau_may_stand_still_for_minutes() -> None:
    assert frozen(*[(3.300, 3.305, 33.0 + number % 2 / 10, 33.03) for number in range(600)]) < 0.5


def test_terminals_behind_an_open_contactor_move_without_the_cells() -> None:
    rows = [(3.3, 3.31, 33.0 + number / 10, float(number)) for number in range(40)]
    assert frozen(*rows, state=STANDBY) == 0.0


def test_a_contactor_that_closes_moves_the_terminals_and_not_the_cells() -> None:
    assert frozen((3.3, 3.31, 33.0, 0.0), (3.3, 3.31, 33.0, 0.0), *[(3.3, 3.31, 33.1, 33.0)] * 30) < 0.5


@pytest.mark.parametrize(
    ("opened", "closed", "first"), [(-1.0, 0.0, 10.0), (-1.0, 3.0, 15.0), (-1.0, 5.0, 15.0), (7.0, 12.0, 25.0)]
)
def test_terminals_count_from_the_second_look_on_at_a_contactor_that_has_closed(
    opened: float, closed: float, first: float
) -> None:
    """Until the first one they may still have come to the string; what has moved behind the second, the next finds."""
    cells = INDEX[columns.CELL_VOLTAGE_MIN], INDEX[columns.CELL_VOLTAGE_MAX]
    quantity = frozen_voltages(cells, STRING, 10, 2.0)
    found = {
        time: quantity(
            row(
                time, string=33.05 + time, voltage=33.05 + time, cell_voltage_min=3.3, cell_voltage_max=3.31,
                bms_state=STANDBY if opened <= time < closed else CHARGE,
            )
        )
        for time in map(float, range(40))
    }  # fmt: skip
    assert next(time for time, share in found.items() if share > 1.0) == first


def charge_shown(soc: float) -> float:
    """The most that was found while 0.4 Ah of 2 Ah went in and the display stood at `soc`."""
    quantity = frozen_voltages((INDEX[columns.CELL_VOLTAGE_MIN], INDEX[columns.CELL_VOLTAGE_MAX]), STRING, 10, 2.0)
    return max(quantity(row(time, soc=soc, charge_ah=time / 100, discharge_ah=0.0)) for time in range(40))


def test_a_charge_that_stands_still_while_charge_is_counted_is_frozen() -> None:
    assert charge_shown(0.5) > 1.0


@pytest.mark.parametrize(("end", "inside"), zip(plausibility.ENDS_OF_SCALE, (1.0, 0.0), strict=True))
def test_a_display_short_of_the_end_of_its_scale_may_not(end: float, inside: float) -> None:
    assert charge_shown(end) == 0.0
    assert charge_shown(nextafter(end, inside)) > 1.0


@pytest.mark.parametrize("soc", [0.0, 1.0])
def test_a_display_at_the_end_of_its_scale_may_stand_still(soc: float) -> None:
    assert charge_shown(soc) == 0.0


@pytest.mark.parametrize(
    ("coldest", "hottest", "air", "found"),
    [
        (1, 1, 1, True),  # the chamber heats everything but what the BMS says
        (0, 1, 0, False),  # one sensor drifts
        (1, 1, 0, False),  # the whole scanner drifts, or the cells heat themselves
        (0, 0, 1, False),  # the chamber's own sensor drifts
    ],
)
def test_a_temperature_is_frozen_where_all_sensors_and_the_air_have_moved(
    coldest: float, hottest: float, air: float, found: bool
) -> None:
    quantity = frozen_temperatures([TEMPERATURE])
    rows = [
        row(
            10.0 * number, temperature=25.0, ambient=25 + air * number,
            cell_temperature_min=25 + coldest * number, cell_temperature_max=25 + hottest * number,
        )
        for number in range(10)
    ]  # fmt: skip
    assert (max(quantity(each) for each in rows) > 1.0) is found


@pytest.mark.parametrize("first", ["ambient", "cell_temperature"])
@pytest.mark.parametrize(("one", "other", "found"), [(10.0, 10.0, 2.0), (10.0, 5.0, 1.0), (5.0, -10.0, 1.0)])
def test_what_has_moved_in_front_of_the_others_has_moved(first: str, one: float, other: float, found: float) -> None:
    """The air warms up while the cells stand, and then they do, or the other way round: 5 K of both are suspicious."""
    quantity, told = frozen_temperatures([TEMPERATURE]), 0.0
    for number in range(21):
        early, late = 25 + one * min(number, 10) / 10, 25 + other * max(number - 10, 0) / 10
        air, cells = (early, late) if first == "ambient" else (late, early)
        told = quantity(
            row(
                10.0 * number, temperature=25.0, ambient=air, cell_temperature_min=cells,
                cell_temperature_max=cells,
            )
        )  # fmt: skip
    assert told == pytest.approx(found)


@pytest.mark.parametrize(
    ("hottest", "coldest", "found"), [(0.6, 0.6, True), (0.6, 0.0, False), (0.0, 0.6, False), (-0.6, -0.6, True)]
)
def test_a_sensor_of_the_scanner_stands_still_where_every_cell_has_moved(
    hottest: float, coldest: float, found: bool
) -> None:
    quantity = plausibility.frozen_sensors([TEMPERATURE, COUNT])
    rows = [
        row(
            10.0 * number, temperature=25 + hottest * number, count=25 + coldest * number,
            cell_temperature_min=25.0, cell_temperature_max=25 + hottest * number,
        )
        for number in range(10)
    ]  # fmt: skip
    assert (max(quantity(each) for each in rows) > 1.0) is found


@pytest.mark.parametrize(
    ("asked", "current", "bms", "apart", "found"),
    [
        (2.0, 0.0, 0.0, 8.0, 1.0),
        (-2.0, 0.0, 0.0, 8.0, 1.0),
        (2.0, 0.1, -0.1, 8.0, 1.0),  # offsets of two ammeters
        (2.0, 0.5, 0.5, 8.0, 0.0),  # a quarter of it flows: whatever that is, it is no open path
        (2.0, 0.0, 0.0, 0.5, 0.0),  # an output that is dead, or at its voltage limit
        (2.0, 0.0, 0.0, 1.0, 0.0),
        (2.0, 0.0, 0.0, 1.0 + 1e-9, 1.0),
        (2.0, 0.0, 0.0, -1.0 - 1e-9, 1.0),
        (2.0, 0.2, 0.0, 8.0, 0.0),
        (2.0, nextafter(0.2, 0.0), 0.0, 8.0, 1.0),  # a tenth of it may be an offset
        (2.0, 0.0, -0.2, 8.0, 0.0),
        (2.0, 0.0, -nextafter(0.2, 0.0), 8.0, 1.0),
        (0.2, 0.0, 0.0, 8.0, 1.0),
        (nextafter(0.2, 0.0), 0.0, 0.0, 8.0, 0.0),  # nobody counts on less
        (2.0, 2.0, 2.0, 8.0, 0.0),  # a voltmeter that is wrong
        (2.0, 0.0, 2.0, 8.0, 0.0),  # and an ammeter with it
        (0.0, 0.0, 0.0, 8.0, 0.0),
        (nan, 0.0, 0.0, 8.0, 0.0),  # at rest nobody counts on a current
        (2.0, nan, 0.0, 8.0, 0.0),
    ],
)
def test_a_path_is_open_where_nothing_flows_and_its_ends_differ(
    asked: float, current: float, bms: float, apart: float, found: float
) -> None:
    quantity = plausibility.PathOpen(STRING, COUNT, 1.0, 0.2)
    values = row(0.0, string=70.0, count=bms, set_current=asked, current=current, voltage=70.0 + apart)
    assert quantity(values) == found


@pytest.mark.parametrize(("apart_before", "found"), [(0.5, 1.0), (8.0, 0.0)])
def test_a_voltmeter_that_was_wrong_while_a_current_flowed_is_no_open_path(apart_before: float, found: float) -> None:
    quantity = plausibility.PathOpen(STRING, COUNT, 1.0, 0.2)
    flowing, open_ = (
        row(time, string=70.0, count=amps, set_current=2.0, current=amps, voltage=70.0 + apart)
        for time, amps, apart in ((0.0, 2.0, apart_before), (1.0, 0.0, 8.0))
    )
    assert [quantity(flowing), quantity(open_)] == [0.0, found]


@pytest.mark.parametrize(
    ("asked", "flows", "found"),
    [
        (2.0, 2.0, 0.0), (2.0, 1.5, 0.0), (2.0, 2.5, 0.5), (-2.0, -2.5, 0.5),
        (2.0, -1.5, 1.5), (-2.0, 1.5, 1.5),  # the other way: leads that were exchanged
        (nan, 0.3, 0.3), (nan, -0.3, 0.3), (0.0, 0.3, 0.3),
        (2.0, nan, 0.0), (nan, nan, 0.0),
    ],
)  # fmt: skip
def test_what_flows_beyond_what_was_asked_for_or_against_it_was_not_asked_for(
    asked: float, flows: float, found: float
) -> None:
    assert plausibility.unasked_current(row(0.0, set_current=asked, current=flows)) == pytest.approx(found)


@pytest.mark.parametrize(
    ("asked", "source", "sink", "found"),
    [
        (-5.0, 0.0, -5.0, 0.0),
        (-5.0, 2.0, -5.0, 2.0),  # a source that has stayed on feeds the sink: their sum is less than was asked for
        (-5.0, 0.0, -8.0, 3.0),
        (5.0, 5.0, -1.5, 1.5),
        (5.0, 5.0, 0.0, 0.0),
        (0.4, 0.4, -1.5, 1.5),  # however little is asked for
        (-0.4, 1.5, -0.4, 1.5),
        (0.0, 0.4, 0.0, 0.4),
        (nan, 0.0, -0.4, 0.4),
        (-5.0, nan, -5.0, 0.0),
    ],
)
def test_what_one_of_two_carries_while_the_other_is_asked_was_not_asked_for(
    asked: float, source: float, sink: float, found: float
) -> None:
    unasked = plausibility.unasked_of([STRING], [COUNT])
    values = row(0.0, string=source, count=sink, set_current=asked, current=source + sink)
    assert unasked(values) == pytest.approx(found)


@pytest.mark.parametrize(
    ("scanner", "bms", "found"),
    [(56.0, 49.0, 6.0), (53.0, 49.0, 0.0), (49.0, 20.0, 0.0), (56.0, 56.0, 0.0), (56.0, 60.0, 0.0)],
)
def test_a_cell_that_is_too_hot_is_unconfirmed_where_the_bms_finds_none_that_is_nearly_as_hot(
    scanner: float, bms: float, found: float
) -> None:
    """Of cells that may have 50 degC, by sensors that may differ by 5 K."""
    quantity = plausibility.unconfirmed_heat(TEMPERATURE, 50.0, 5.0)
    assert quantity(row(0.0, cell_temperature_max=scanner, temperature=bms)) == pytest.approx(found)


# --- heat from outside ------------------------------------------------------------------------------------------------


VOLTAGE, AMPERES = len(DERIVED) + 3, len(DERIVED) + 4
"""Where the BMS's string voltage and current are."""


class Balance(NamedTuple):
    """K of the last row."""

    impossible: float
    unlikely: float
    cold: float


def balanced(
    pack: PackFile, cells: Sequence[float], air: float | Sequence[float] = 25.0, current: float | Sequence[float] = 0.0,
    volts_per_ampere: float = 0.0, bms: float | None = None,
) -> Balance:  # fmt: skip
    """A balance of `cells` (degC, one a minute), as BMS and scanner see them; the current (A) begins with the second.

    The terminals have no voltage before, as in front of a contactor that closes.
    """
    heat = OutsideHeat(pack, (TEMPERATURE, TEMPERATURE, VOLTAGE, AMPERES))
    found = Balance(nan, nan, nan)
    for number, cell in enumerate(cells):
        flows = (current if isinstance(current, float) else current[number]) if number else 0.0
        values = row(
            60.0 * number,
            temperature=cell if bms is None else bms,
            cell_temperature_min=cell,
            cell_temperature_max=cell,
            current=flows,
            ambient=air if isinstance(air, float) else air[number],
            bms_state=CHARGE,
            voltage=13.0 if number else 0.0,
        )
        values += [13.0 + volts_per_ampere * flows, flows]
        found = Balance(heat.impossible(values), heat.doubtful, heat.lack)
    return found


def outside(pack: PackFile, cells: Sequence[float], air: float | Sequence[float] = 25.0, **named: Any) -> float:
    """K of the last of `cells` that no such pack could have heated."""
    return balanced(pack, cells, air, **named).impossible


WARMING = [25.0 + number for number in range(20)]


def test_cells_that_warm_up_without_a_current_in_air_that_does_not_are_heated_from_outside(
    four_cells: PackFile,
) -> None:
    assert outside(four_cells, WARMING) == pytest.approx(19.0)


def test_a_temperature_beyond_all_measure_is_heat_and_one_that_is_missing_is_none(four_cells: PackFile) -> None:
    assert outside(four_cells, [25.0, inf]) == inf
    assert balanced(four_cells, [25.0, nan]) == (0.0, 0.0, 0.0)


def test_cells_that_follow_their_air_are_not(four_cells: PackFile) -> None:
    assert outside(four_cells, WARMING, air=[value + 5 for value in WARMING]) == 0.0


def test_cells_that_cool_slower_than_their_air_are_not(four_cells: PackFile) -> None:
    assert outside(four_cells, [60.0 - number for number in range(30)], air=25.0) == 0.0


def test_cells_that_were_cold_before_have_to_be_explained_from_there_on(four_cells: PackFile) -> None:
    assert outside(four_cells, [60.0 - number for number in range(30)] + [31.0 + number for number in range(10)]) > 5


def test_what_the_current_can_heat_is_not_from_outside(four_cells: PackFile) -> None:
    # 2 A in 1 Ohm, the most that the file allows, are 4 W: 3 K a minute at twice that, in 83 J/K.
    assert outside(four_cells, WARMING, current=2.0) == 0.0
    # 0.5 A are 0.36 K a minute, and 0.15 by entropy.
    assert outside(four_cells, WARMING, current=0.5) == pytest.approx(19 * (1 - 0.51), rel=0.02)


def test_what_a_current_has_heated_goes_on_coming_once_it_has_fallen(four_cells: PackFile) -> None:
    """20 min of 2 A, then none: diffusion relaxes and cores warm the surfaces, while the air stays where it was."""
    heated, flows = [25.0 + number for number in range(20)], [2.0] * 20
    later = [45.0, 46.5, 48.0, 49.0, 50.0]
    assert outside(four_cells, heated + later, current=flows + [0.0] * len(later)) == 0.0


def test_an_hour_after_a_current_nothing_of_it_is_left_to_heat_the_cells(four_cells: PackFile) -> None:
    quiet = [44.0] * 60
    cells = [*WARMING, *quiet, *(44.0 + number for number in range(1, 20))]
    assert outside(four_cells, cells, current=[2.0] * 20 + [0.0] * (len(cells) - 20)) > 18.0


def test_a_pack_with_more_resistance_than_it_should_have_heats_itself(four_cells: PackFile) -> None:
    assert balanced(four_cells, WARMING, current=0.5, volts_per_ampere=8.0)[:2] == (0.0, 0.0)


def test_a_pack_with_less_than_it_may_have_is_doubted_before_it_is_impossible(four_cells: PackFile) -> None:
    """2 A in twice 0.4 Ohm make 2.3 K a minute, in twice the 1 Ohm of the file 5.8 K."""
    found = balanced(four_cells, [25.0 + 3 * number for number in range(20)], current=2.0, volts_per_ampere=0.4)
    assert (found.impossible, found.unlikely) == (0.0, pytest.approx(19 * (3 - 2.31), rel=0.02))


def test_a_pack_whose_resistance_nobody_has_measured_yet_is_taken_to_have_what_it_may_have(
    four_cells: PackFile,
) -> None:
    """Not more: 0.5 A in that make 0.36 K a minute, and 0.15 by entropy, which is not likely."""
    found = balanced(four_cells, WARMING, current=0.5)
    assert found.unlikely == pytest.approx(19 * (1 - 0.36), rel=0.01)
    assert found.impossible == pytest.approx(19 * (1 - 0.51), rel=0.02)


def test_a_voltmeter_that_is_slower_than_its_ammeter_makes_no_pack_free_of_resistance(four_cells: PackFile) -> None:
    """A third of what the file allows are 1.93 K a minute."""
    found = balanced(four_cells, [25.0 + 3 * number for number in range(20)], current=2.0, volts_per_ampere=1e-6)
    assert found.unlikely == pytest.approx(19 * (3 - 1.93), rel=0.02)


class Taken(NamedTuple):
    """What one row says of the heat of a pack: s, degC, A, V; coldest and hottest as scanner and BMS read them."""

    time: float
    coldest: tuple[float, float]
    hottest: tuple[float, float]
    air: float
    current: float
    bms_current: float
    volts: float


def by_the_book(rows: Sequence[Taken], allowed: float) -> Iterator[Balance]:
    """The same balance of four cells of 2 Ah with 12.2 to 13.8 V and `allowed` Ohm, written down from its definition.

    3.2 J/K per Wh, twice the resistance while diffusion relaxes (1000 s), 0.34 mV/K at 300 K in each cell; a resistance
    is measured by steps of more than C/10, between a third and ten times of what is allowed.
    """
    kelvin_per_watt_second, entropy = 1 / (3.2 * 13.0 * 2.0), 0.34e-3 * 300.0 * 4
    most = own = floor = slow = measured = 0.0
    for before, now in pairwise([None, *rows]):
        assert now is not None
        coldest, hottest = min(now.coldest), max(now.hottest)
        if before is None:
            most, own, floor = coldest, coldest, hottest
        else:
            seconds, flows = now.time - before.time, abs(now.current)
            slow += (flows - slow) * min(seconds / 1000.0, 1.0)
            if flows > 0.0 or slow > 0.02:
                step = abs(now.bms_current - before.bms_current)
                if step > 0.2:
                    measured = max(measured, min(abs(now.volts - before.volts) / step / allowed, 10.0))
                ohms = allowed * (max(measured, 1 / 3) if measured else 1.0)
                watts = 2.0 * max(flows, slow) ** 2
                most += (watts * allowed * max(measured, 1.0) + flows * entropy) * seconds * kelvin_per_watt_second
                own += watts * ohms * seconds * kelvin_per_watt_second
                floor -= flows * entropy * seconds * kelvin_per_watt_second
            most, own = max(most, now.air), max(own, now.air)
            floor = min(floor, now.air)
        most, own, floor = min(most, coldest), min(own, coldest), max(floor, hottest)
        yield Balance(coldest - most, coldest - own, floor - hottest)


def drawn(seed: int) -> list[Taken]:
    """Cells that wander with the heat of what flows, by meters that disagree a little."""
    draw = Random(seed)
    rows, time, cell, air, flows = [], 0.0, 25.0, 25.0, 0.0
    resistance = draw.choice([0.2, 0.5, 1.0, 3.0, 15.0])
    for _ in range(80):
        time += draw.choice([1.0, 10.0, 10.0, 60.0, 600.0, 2000.0])
        flows = draw.choice([flows, flows, 0.0, 0.0, 0.02, 0.1, 0.3, 1.0, 2.0, -0.5, -2.0])
        cell += draw.gauss(0.3 * abs(flows), 2.0) + draw.choice([0.0] * 9 + [40.0, -40.0])
        air += draw.gauss(0.0, 0.5)
        apart = [draw.uniform(-1.0, 1.0) for _ in range(4)]
        bms = flows + draw.choice([0.0, 0.01])
        rows.append(
            Taken(
                time, (cell + apart[0], cell + apart[1]), (cell + 1 + apart[2], cell + 1 + apart[3]), air, flows, bms,
                13.0 + resistance * bms * draw.uniform(0.7, 1.3),
            )
        )  # fmt: skip
    return rows


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("allowed", [1.0, 0.4])
def test_the_heat_of_a_pack_is_balanced_by_the_book(four_cells: PackFile, seed: int, allowed: float) -> None:
    required = four_cells.requirements | {"dc resistance 10 s": {"": {25.0: allowed}}}
    pack, coldest, hottest = four_cells.model_copy(update={"requirements": required}), TEMPERATURE, COUNT
    heat = OutsideHeat(pack, (coldest, hottest, VOLTAGE, AMPERES))
    rows, found = drawn(seed), []
    for taken in rows:
        values = row(
            taken.time, temperature=taken.coldest[1], count=taken.hottest[1], cell_temperature_min=taken.coldest[0],
            cell_temperature_max=taken.hottest[0], current=taken.current, ambient=taken.air,
        )  # fmt: skip
        found.append(Balance(heat.impossible([*values, taken.volts, taken.bms_current]), heat.doubtful, heat.lack))
    expected = list(by_the_book(rows, allowed))
    assert max(map(max, found)) > 0.5
    for which in range(3):
        assert [each[which] for each in found] == pytest.approx([each[which] for each in expected], abs=1e-9)


# --- cold from outside ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "air", "current", "found"),
    [
        ([25.0, 15.0, 5.0], 25.0, 0.0, 20.0),  # the chamber cools and says that it does not
        ([25.0, 24.0, 23.0], [25.0, 10.0, 0.0], 0.0, 0.0),  # as asked
        ([5.0, 4.0, 3.0], 25.0, 0.0, 2.0),  # they were cold before
        ([5.0, 30.0, 26.0], 25.0, 0.0, 0.0),  # what a current had heated
        ([25.0, 24.5, 24.0], 25.0, 2.0, 0.0),  # entropy takes 0.6 K a minute at 2 A, at most
    ],
)
def test_cells_become_no_colder_than_they_were_or_their_air(
    four_cells: PackFile, cells: list[float], air: float | list[float], current: float, found: float
) -> None:
    assert balanced(four_cells, cells, air, current).cold == pytest.approx(found)


def test_two_meters_must_have_seen_it(four_cells: PackFile) -> None:
    assert outside(four_cells, WARMING, bms=25.0) == 0.0


@pytest.mark.parametrize(
    ("hottest", "bms", "air", "found"),
    [(56.0, 55.0, 57.0, 6.0), (56.0, 58.0, 57.0, 0.0), (58.0, 56.0, 57.0, 0.0), (49.0, 49.0, 57.0, 0.0)],
)
def test_a_cell_that_is_no_warmer_than_its_air_is_heated_by_it(
    hottest: float, bms: float, air: float, found: float
) -> None:
    quantity = plausibility.air_heat(TEMPERATURE, 50.0)
    assert quantity(row(0.0, temperature=bms, cell_temperature_max=hottest, ambient=air)) == found


# --- events -----------------------------------------------------------------------------------------------------------


def counted(
    count: Quantity, *rows: tuple[float, float, float], voltage: float = 35.0, string: float = 35.0
) -> list[float]:
    """After each row of BMS state, current and set current; up to 40 V are asked for."""
    return [
        count(
            row(
                number,
                string=string,
                bms_state=state,
                current=current,
                set_current=asked,
                voltage=voltage,
                set_voltage=40.0,
            )
        )
        for number, (state, current, asked) in enumerate(rows)
    ]


UNDER_LOAD, AT_REST = (CHARGE, 2.0, 2.0), (CHARGE, 0.0, nan)


def test_a_contactor_that_opens_under_load_is_counted_each_time() -> None:
    rows = [UNDER_LOAD, (STANDBY, 0.0, 2.0), (STANDBY, 0.0, 2.0), UNDER_LOAD, (STANDBY, 0.0, 2.0)]
    assert counted(events.StateChanges(), *rows) == [0, 1, 1, 1, 2]


@pytest.mark.parametrize("state", [STANDBY, ERROR, nan])
def test_a_contactor_that_was_asked_to_open_gave_up_or_is_unknown_is_not_counted(state: float) -> None:
    asked = 2.0 if state != STANDBY else nan
    assert counted(events.StateChanges(), UNDER_LOAD, (state, 0.0, asked)) == [0, 0]


def test_a_node_that_starts_anew_is_counted_at_rest_as_well() -> None:
    rows = [(0.0, 0.0, nan), (STARTING, 0.0, nan), AT_REST, (STARTING, 0.0, nan), (2.0, 0.0, nan), AT_REST]
    changes = events.StateChanges()

    def restarts(values: Row) -> float:
        changes(values)
        return changes.restarts

    assert counted(restarts, *rows) == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("after", "interrupted"),
    [
        ((CHARGE, 0.0, 2.0), True),
        ((CHARGE, 0.9, 2.0), False),  # a taper
        ((CHARGE, 0.0, 0.1), False),  # the BMS allows no more
        ((CHARGE, 0.0, nan), False),  # the step is over
        ((CHARGE, nan, 2.0), False),  # a missing value has limits of its own
    ],
)
def test_a_current_is_interrupted_when_it_is_gone_at_once_though_it_is_asked_for(
    after: tuple[float, float, float], interrupted: bool
) -> None:
    assert counted(events.EventCount(events.interrupted(STRING, 1.0)), UNDER_LOAD, after)[-1] == interrupted


@pytest.mark.parametrize(
    ("before", "after", "interrupted"),
    [
        ((0.2, 0.2), (0.0, 0.2), True),
        ((0.19, 0.19), (0.0, 0.19), False),  # so little is an ammeter's offset
        ((0.1, 0.1), (0.0, 0.2), True),  # what is asked for now counts
        ((2.0, 2.0), (0.0, 2.1), True),  # more than before, and it is gone
        ((2.0, 2.0), (0.0, 1.9), False),  # less than before: a taper
        ((1.01, 2.0), (0.0, 2.0), True),
        ((1.0, 2.0), (0.0, 2.0), False),  # no more than half of it flowed
        ((2.0, 2.0), (0.039, 2.0), True),
        ((2.0, 2.0), (0.04, 2.0), False),  # a fiftieth is left
        ((-2.0, -2.0), (0.0, -2.0), True),  # a discharge
        ((nan, 2.0), (0.0, 2.0), False),
    ],
)
def test_what_flowed_and_what_is_asked_for_say_whether_a_current_is_interrupted(
    before: tuple[float, float], after: tuple[float, float], interrupted: bool
) -> None:
    """A that flow, and A that are asked for."""
    count = events.EventCount(events.interrupted(STRING, 1.0))
    assert counted(count, (CHARGE, *before), (CHARGE, *after))[-1] == interrupted


@pytest.mark.parametrize(
    ("voltage", "string", "interrupted"),
    [
        (40.0, 40.0, False), (39.0, 39.0, True),
        # A hundredth of what is set, either way, and as far from the string as its meters may differ.
        (40 - 0.4, 39.6, False), (nextafter(39.6, 0.0), 39.6, True), (40.401, 40.401, True), (40.399, 40.399, False),
        (40.0, 39.0, False), (40.0, nextafter(39.0, 0.0), True), (40.0, 41.0, False),
        (40.0, nextafter(41.0, 42.0), True),
    ],
)  # fmt: skip
def test_a_voltage_limit_may_hold_a_current_down_at_once(voltage: float, string: float, interrupted: bool) -> None:
    gone = UNDER_LOAD, (CHARGE, 0.0, 2.0)
    count = events.EventCount(events.interrupted(STRING, 1.0))
    assert counted(count, *gone, voltage=voltage, string=string)[-1] == interrupted


def test_terminals_at_their_limit_without_the_string_are_an_open_circuit() -> None:
    count = events.EventCount(events.interrupted(STRING, 1.0))
    assert counted(count, UNDER_LOAD, (CHARGE, 0.0, 2.0), voltage=40.0, string=35.0)[-1] == 1


def test_links_are_counted_while_a_current_is_asked_for() -> None:
    totals = iter([0, 3, 3, 4, 9])
    count = events.CountUnderLoad(lambda: next(totals))
    asked = [2.0, 2.0, nan, nan, 2.0, 2.0, 2.0]
    found = [count(row(10.0 * number, set_current=each)) for number, each in enumerate(asked)]
    assert found == [0, 3, 3, 3, 3, 4, 9]


def test_links_are_looked_at_every_five_seconds_and_nothing_is_missed_in_between() -> None:
    now = [0.0]
    count = events.CountUnderLoad(lambda: now[0])

    def after(second: float, asked: float = 2.0) -> float:
        now[0] = second
        return count(row(second, set_current=asked))

    times = [0.0, 1.0, nextafter(5.0, 0.0), 5.0, 6.0, nextafter(10.0, 0.0), 10.0]
    assert [after(each) for each in times] == [0, 0, 0, 5, 5, 5, 10]
    # In a rest links come and go; behind it a first look is taken at once.
    assert [after(11.0, nan), after(12.0), after(13.0), after(17.0)] == [10, 10, 10, 15]


def test_a_count_grows_by_what_the_last_minute_has_added() -> None:
    growth = events.growth(COUNT)
    rises = {0: 7, 10: 8, 30: 10, nextafter(70, 0): 10, 70: 10, nextafter(90, 0): 11, 90: 11, 150: 11}
    assert [growth(row(time, count=count)) for time, count in rises.items()] == [0, 1, 3, 3, 2, 3, 1, 0]


def test_a_count_that_falls_or_is_missing_has_not_grown_and_grows_from_there() -> None:
    growth = events.growth(COUNT)
    counts = [5.0, 2.0, 3.0, nan, 9.0, 9.0, 10.0]
    assert [growth(row(time, count=count)) for time, count in enumerate(counts)] == [0, 0, 1, 1, 1, 1, 2]


def test_what_a_bms_does_not_count_has_not_grown() -> None:
    assert events.growth(None)(row(0.0)) == 0.0


def test_a_resistance_that_was_measured_in_the_cold_is_not_that_of_a_warm_pack(four_cells: PackFile) -> None:
    """A share of what is allowed at its temperature: half of 10 Ohm at -10 degC is half of 1 Ohm at 25 degC."""
    required = four_cells.requirements | {"dc resistance 10 s": {"": {-10.0: 10.0, 25.0: 1.0}}}
    cold = four_cells.model_copy(update={"requirements": required})
    heat, found = OutsideHeat(cold, (TEMPERATURE, TEMPERATURE, VOLTAGE, AMPERES)), 0.0
    cells = [-10.0, -10.0, *[25.0 + 4 * number for number in range(20)]]
    air = [-10.0, -10.0, *[25.0] * 20]
    for number, (cell, around) in enumerate(zip(cells, air, strict=True)):
        flows = 1.0 if number != 0 else 0.0
        values = row(
            60.0 * number, temperature=cell, cell_temperature_min=cell, cell_temperature_max=cell, current=flows,
            ambient=around,
        )  # fmt: skip
        found = heat.impossible([*values, 13.0 + 5.0 * flows, flows])
    assert found > 19 * (4 - 1.8)
