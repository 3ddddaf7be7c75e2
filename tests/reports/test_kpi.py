"""KPIs against figures worked out by hand from a few rows."""

from collections.abc import Callable
from math import isnan
from pathlib import Path

import numpy as np
import pytest

from reports import kpi
from reports.kpi import Kpi
from reports.kpi.readings import displayed_before
from reports.recording import Recording
from tests.reports.worked import COLUMNS, NAN, ROWS, STEPS, changed, recording, sampled_quickly, without

Figure = Callable[[Recording], Kpi]


@pytest.mark.parametrize(
    ("figure", "name", "value", "unit"),
    [
        (lambda run: kpi.capacity(run, "discharge"), "discharge capacity", 1.9, "Ah"),
        (lambda run: kpi.capacity(run, "charge"), "charge capacity", 2.0, "Ah"),
        (lambda run: kpi.energy(run, "discharge"), "discharge energy", 150.0, "Wh"),
        (lambda run: kpi.rated_capacity_ratio(run, "discharge"), "rated capacity ratio", 95.0, "%"),
        (lambda run: kpi.energy_round_trip_efficiency(run, "discharge", "charge"),
         "energy round-trip efficiency", 100 * 150 / 165, "%"),
        (lambda run: kpi.coulombic_efficiency(run, "discharge", "charge"), "coulombic efficiency", 95.0, "%"),
        # 10 % is one eighth of 1800 s after 3710 s; 80 % is seven tenths of 1800 s after 5510 s
        (lambda run: kpi.charge_time(run, "charge"), "charge time 10 to 80 %", 6770.0 - 3935.0, "s"),
        # 0.7 times 2 Ah from 0.2125 Ah on, at 3935 s; three quarters of the last 1000 s are too little: never reached
        (lambda run: kpi.charge_time_by_charge(run, "charge", 0.1, 0.7), "charge time 10 to 70 % by charge",
         5510.0 + 1800 * (0.225 + 1.2 - 1.1) / 0.5 - 3935.0, "s"),
        (lambda run: kpi.mean_power(run, "discharge"), "mean power", 150.0, "W"),
        (lambda run: kpi.temperature_rise(run, "discharge"), "temperature rise", 3.5, "K"),
        (lambda run: kpi.temperature_rise(run, "charge"), "temperature rise", 5.5, "K"),
        (
            lambda run: kpi.constant_voltage_share(run, "charge"), "constant-voltage share",
            50 * (0.9 - 0.5 * (87.5124 - 84.0) / (87.59 - 84.0)), "%",
        ),
        (lambda run: kpi.cell_spread(run, "discharge"), "cell spread at end", 0.08, "V"),
        (lambda run: kpi.largest_cell_spread(run, "discharge"), "largest cell spread", 0.09, "V"),
    ],
)  # fmt: skip
def test_worked_example(figure: Figure, name: str, value: float, unit: str) -> None:
    found = figure(recording())
    assert (found.name, found.unit) == (name, unit)
    assert float(found) == pytest.approx(value)


@pytest.mark.parametrize(("at", "value"), [(10.0, 1.25), (15.0, 1.5)])
def test_a_resistance_of_a_worked_example(at: float, value: float) -> None:
    found = kpi.dc_resistance(sampled_quickly(), "discharge", at=at)
    assert (found.name, found.unit) == (f"dc resistance {at:g} s", "Ω")
    assert found.value == pytest.approx(value)


R0, R1, TAU = 0.4, 0.5, 12.0
"""Ohm, Ohm, s of a pack whose resistance after t s is R0 + R1 (1 - exp(-t / TAU)) by definition."""


@pytest.mark.parametrize("at", [2.0, 10.0])
@pytest.mark.parametrize(("period", "edge"), [(0.1, 1.0), (0.1, 0.3), (1.0, 1.0), (1.0, 3.0)])
def test_a_resistance_is_counted_from_the_edge_of_the_current(at: float, period: float, edge: float) -> None:
    """Whatever had to be closed first: the step is `edge` s old when the current flows."""
    time = np.arange(0.0, 30.0, period)
    since = np.maximum(time - edge, 0.0)
    flows = since > 1e-9
    volts = 80.0 - np.where(flows, 2.0 * (R0 + R1 * (1 - np.exp(-since / TAU))), 0.0)
    table = {"Test Time / s": time, "Step Count / 1": np.ones(len(time)), "Voltage / V": volts,
             "Current / A": np.where(flows, -2.0, 0.0)}  # fmt: skip
    events = [{"type": "step started", "time": 0.0, "index": 1, "name": "pulse", "kind": "Pulse"}]
    run = Recording({}, events, list(table), np.column_stack(list(table.values())))
    assert kpi.dc_resistance(run, "pulse", at=at).value == pytest.approx(R0 + R1 * (1 - np.exp(-at / TAU)), rel=0.003)


def a_pulse(last: float = 30.0, amperes: float = 2.0, pack: dict[str, float] | None = None) -> Recording:
    """Each second until `last` s, of 1 Ohm; the edge lies right behind the sample at 1 s."""
    time = np.arange(0.0, last + 0.5, 1.0)
    flows = time > 1.0
    table = {"Test Time / s": time, "Step Count / 1": np.ones(len(time)),
             "Voltage / V": 80.0 - amperes * flows, "Current / A": -amperes * flows}  # fmt: skip
    events = [{"type": "step started", "time": 0.0, "index": 1, "name": "pulse", "kind": "Pulse"}]
    manifest = {} if pack is None else {"pack": pack}
    return Recording(manifest, events, list(table), np.column_stack(list(table.values())))


@pytest.mark.parametrize(("last", "known"), [(11.0, True), (10.0, False)])
def test_a_pulse_that_is_just_as_long_has_a_resistance_and_a_shorter_one_has_none(last: float, known: bool) -> None:
    found = kpi.dc_resistance(a_pulse(last), "pulse", at=10.0).value
    assert bool(np.isfinite(found)) is known


def pulse_of(time: np.ndarray, current: np.ndarray, voltage: np.ndarray) -> Recording:
    """One step from 0 s on, of these samples."""
    table = {
        "Test Time / s": time,
        "Step Count / 1": np.ones(len(time)),
        "Voltage / V": voltage,
        "Current / A": current,
    }
    events = [{"type": "step started", "time": 0.0, "index": 1, "name": "pulse", "kind": "Pulse"}]
    return Recording({}, events, list(table), np.column_stack(list(table.values())))


def test_an_edge_is_looked_for_from_the_first_sample_on_however_late_that_comes() -> None:
    """Of a step that began 20 s before, with so many samples that only a part of them is read."""
    time = np.arange(20.5, 60.0, 0.01)
    flows = time > 35.0
    run = pulse_of(time, -2.0 * flows, 80.0 - 2.0 * flows)
    assert kpi.dc_resistance(run, "pulse", at=10.0).value == pytest.approx(1.0)


@pytest.mark.parametrize(("part", "edge"), [(8.0, 3.0), (9.0, 2.0), (10.0, 2.0)])
def test_an_edge_is_the_first_sample_that_shows_nine_per_cent_of_it(part: float, edge: float) -> None:
    """100 A, a part of which flows a second before; nothing opposes a current but time, by a volt a second."""
    time = np.arange(0.0, 31.0, 1.0)
    current = np.where(time > 3.0, 100.0, np.where(time > 2.0, part, 0.0))
    run = pulse_of(time, current, 80.0 + time)
    before = part if edge == 3.0 else 0.0
    assert kpi.dc_resistance(run, "pulse", at=10.0).value == pytest.approx(10.0 / (100.0 - before), rel=1e-3)


@pytest.mark.parametrize(("amperes", "known"), [(0.019, False), (0.021, True)])
def test_a_current_that_changes_by_less_than_a_hundredth_of_the_capacity_has_no_resistance(
    amperes: float, known: bool
) -> None:
    """A display that counts is no pulse: of 2 Ah, 0.02 A. Where nobody knows the capacity any current is one."""
    figure = kpi.dc_resistance(a_pulse(amperes=amperes, pack={"capacity": 2.0}), "pulse", at=10.0).value
    assert figure == (pytest.approx(1.0) if known else pytest.approx(np.nan, nan_ok=True))
    assert kpi.dc_resistance(a_pulse(amperes=amperes, pack={}), "pulse", at=10.0).value == pytest.approx(1.0)


@pytest.mark.parametrize("late", [1, 2], ids=["behind the edge", "around the time asked for"])
@pytest.mark.parametrize(("apart", "known"), [(5.0, True), (6.0, True), (6.01, False)])
def test_one_late_sample_of_somebody_else_is_near_enough_by_three_fifths_of_the_time(
    apart: float, known: bool, late: int
) -> None:
    """Each 5 s but one; the voltage moves on, so that between two samples it is only known where they are near."""
    steps = [5.0] * 8
    steps[late - 1] = apart
    time = np.cumsum([0.0, *steps])
    run = pulse_of(time, np.where(time > 0.0, 100.0, 0.0), 80.0 + 5.0 * time)
    assert bool(np.isfinite(kpi.dc_resistance(run, "pulse", at=10.0).value)) is known


@pytest.mark.parametrize("unread", [slice(0, 1), slice(None)], ids=["before it", "at all"])
def test_a_pulse_whose_current_nobody_read_has_no_resistance(unread: slice) -> None:
    run = a_pulse()
    rows = run.rows.copy()
    rows[unread, run.columns.index("Current / A")] = NAN
    unread_run = Recording(run.manifest, run.events, run.columns, rows)
    assert isnan(kpi.dc_resistance(unread_run, "pulse", at=10.0).value)


@pytest.mark.parametrize(("amperes", "way"), [(0.001, "charge"), (0.0, "charge"), (-0.001, "discharge")])
def test_a_pulse_goes_the_way_that_its_current_went_however_small(amperes: float, way: str) -> None:
    rows = [[*row[:3], amperes, *row[4:]] for row in ROWS]
    run = recording(rows, steps=[("soak", "Soak", 0, 100), ("pulse", "Pulse", 100, 3700)])
    assert kpi.capacity(run, "pulse").name == f"{way} capacity"


def test_a_command_of_one_row_was_followed_for_no_time() -> None:
    run = commanded(1.0)
    rows = run.rows.copy()
    rows[6:, run.columns.index("Command Power / W")] = NAN
    short = Recording(run.manifest, run.events, run.columns, rows)
    for figure in (kpi.following_error, kpi.charge_cut, kpi.derating, kpi.power_off, kpi.energy_off):
        assert isnan(figure(short, "charge").value)


def test_no_word_of_a_definition_is_left_open() -> None:
    """Also where nobody recorded the cells one by one, which a spread would name."""
    told = {each.key: each.definition for each in kpi.compute_all(recording())}
    assert "largest cell spread" in told
    assert {key: words for key, words in told.items() if "{" in words} == {}


def test_a_display_that_has_jumped_in_the_rest_before_is_followed_back() -> None:
    """The charge begins at 5 % displayed and rises by 40 % in 1800 s: 2 % were 90 s before."""
    assert kpi.charge_time(recording(), "charge", start=0.03).value == pytest.approx(6770.0 + 90.0 - 3710.0)


def test_a_display_that_hardly_rises_is_not_followed_back() -> None:
    """It begins at the level and rises by 1 % until the step ends: its time begins with its first row."""
    levels = [0.1, 0.105, 0.11]
    events = [{"type": "step started", "time": 0.0, "index": 1, "name": "charge", "kind": "Charge"}]
    table = {"Test Time / s": [5.0, 65.0, 125.0], "Step Count / 1": [1.0] * 3, "SOC / 1": levels}
    run = Recording({}, events, list(table), np.column_stack(list(table.values())))
    assert kpi.charge_time(run, "charge", 0.1, 0.11).value == pytest.approx(120.0)


@pytest.mark.parametrize(("start", "way"), [(100, "discharge"), (3700, "charge")])
def test_a_pulse_is_told_by_what_it_did(start: int, way: str) -> None:
    whole = [("soak", "Soak", 0, 100), ("discharge", "Discharge", 100, 3700), ("charge", "Charge", 3700, 8310)]
    run = recording(
        steps=[("pulse", "Pulse", *rest) if rest[0] == start else (name, kind, *rest) for name, kind, *rest in whole]
    )
    assert kpi.capacity(run, "pulse").name == f"{way} capacity"


@pytest.mark.parametrize(("soc", "told"), [(1.0, True), (0.97, True), (0.965, False), (0.5, False)])
def test_only_a_discharge_from_full_is_compared_with_the_rated_capacity(soc: float, told: bool) -> None:
    names = {figure.name for figure in kpi.compute_all(recording(changed(1, "SOC / 1", soc)))}
    assert ("rated capacity ratio" in names) is told


@pytest.mark.parametrize("volts", [0.0, 30.0])
def test_terminals_behind_an_open_contactor_are_no_rest_voltage(volts: float) -> None:
    """Dead, or still falling."""
    assert isnan(kpi.dc_resistance(recording(changed(1, "Voltage / V", volts)), "discharge").value)


def test_a_resistance_is_of_the_change_of_the_current_and_not_of_the_current() -> None:
    """A charge that is turned into a discharge without a rest."""
    found = kpi.dc_resistance(sampled_quickly(before=1.0), "discharge")
    assert found.value == pytest.approx((77.5 - 80.0) / (-2.0 - 1.0))


def test_cells_have_risen_since_the_last_soak_before_the_step_whatever_was_soaked_otherwise() -> None:
    twice = [STEPS[0], ("soak again", "Soak", 100.0, 3700.0), STEPS[2]]
    assert kpi.temperature_rise(recording(steps=twice), "charge").value == pytest.approx(31.0 - 28.0)
    later = [*STEPS[:2], ("soak again", "Soak", 3700.0, 8310.0)]
    assert kpi.temperature_rise(recording(steps=later), "discharge").value == pytest.approx(29.0 - 25.5)


def test_a_cycle_is_closed_by_the_steps_beside_each_other_whatever_came_before_them() -> None:
    """Two discharges one behind the other close none; the second and the charge behind it do."""
    rows = changed(3, "SOC / 1", 0.98)
    for number, row in enumerate(rows):
        row[1] += number > 3
    run = recording(
        rows, [STEPS[0], ("first", "Discharge", 100.0, 115.0), ("second", "Discharge", 115.0, 3700.0), STEPS[2]]
    )
    cycles = [each for each in kpi.evaluate(run).figures if each.key == "coulombic efficiency"]
    assert [(each.step, "charge capacity of 'charge'" in each.definition) for each in cycles] == [("second", True)]


def test_the_definition_tells_the_choices() -> None:
    run = recording()
    efficiency = kpi.energy_round_trip_efficiency(run, "discharge", "charge")
    assert "ISO 12405-4:2018, 3.11" in efficiency.definition
    assert "the charge follows the discharge, the displayed SOC returns to within 1.0 %" in efficiency.definition
    assert "of the charge 'charge' that restores" in efficiency.definition
    coulombs = kpi.coulombic_efficiency(run, "discharge", "charge").definition
    assert "over the charge capacity of 'charge'; the charge follows the discharge" in coulombs
    assert "counter over the step, not integrated" in kpi.capacity(run, "charge").definition


@pytest.mark.parametrize(
    "figure",
    [
        lambda run: kpi.temperature_rise(run, "discharge"),
        lambda run: kpi.capacity(run, "discharge"),
        lambda run: kpi.mean_power(run, "discharge"),
        lambda run: kpi.charge_time(run, "charge"),
        lambda run: kpi.largest_cell_spread(run, "discharge"),
        lambda run: kpi.energy_round_trip_efficiency(run, "discharge", "charge"),
    ],
    ids=["temperature rise", "capacity", "mean power", "charge time", "spread", "efficiency"],
)
def test_of_a_run_without_a_row_nothing_is_known(figure: Figure) -> None:
    """It was stopped while its instruments were still asked for the first time."""
    run = recording()
    assert isnan(figure(Recording(run.manifest, run.events, run.columns, run.rows[:0])).value)


@pytest.mark.parametrize(
    "figure",
    [
        lambda run: kpi.dc_resistance(run, "discharge", at=4000),  # the step was shorter
        lambda run: kpi.dc_resistance(run, "soak"),  # no current step
        lambda run: kpi.charge_time(run, "charge", stop=0.995),  # never got there
        lambda run: kpi.charge_time(run, "charge", start=0.01),  # began above
        lambda run: kpi.constant_voltage_share(run, "discharge"),  # nothing was asked to be held
    ],
)
def test_what_the_recording_cannot_answer_is_not_a_number(figure: Figure) -> None:
    assert isnan(figure(recording()).value)


def test_a_charge_that_never_held_its_voltage_has_no_constant_voltage_share() -> None:
    assert kpi.constant_voltage_share(recording(ROWS[:-2]), "charge").value == 0.0


def test_a_voltage_is_held_once_it_is_reached_to_a_thousandth() -> None:
    """87.5124 V, on the way from 87.4 to 87.6 V, in which 0.4 of 2.0 Ah flow."""
    nearly = recording(changed(7, "Voltage / V", 87.4))
    assert kpi.constant_voltage_share(nearly, "charge").value == pytest.approx(20 * (87.6 - 87.5124) / 0.2)


def test_a_voltage_that_stays_at_that_thousandth_exactly_is_held() -> None:
    """From the sample on that shows it, at 1.6 of 2.0 Ah, and also where it is never more."""
    limit = 87.6 * (1 - 0.001)
    rows = changed(7, "Voltage / V", limit)
    rows[8][COLUMNS.index("Voltage / V")] = limit
    assert kpi.constant_voltage_share(recording(rows), "charge").value == pytest.approx(20.0)
    rows[8][COLUMNS.index("Voltage / V")] = rows[7][COLUMNS.index("Voltage / V")] = limit - 0.01
    assert kpi.constant_voltage_share(recording(rows), "charge").value == 0.0


def test_where_cells_are_measured_it_is_the_highest_one_that_is_held() -> None:
    """3.64635 V of 3.65 V, on the way from 3.5 to 3.65 V, whatever voltage the source was led to meanwhile."""
    run = recording(changed(8, "Set Voltage / V", 87.0))
    run.events[4]["set_points"] = {"voltage": 87.6}  # type: ignore[index]
    of_24 = Recording(run.manifest | {"pack": {"capacity": 2.0, "series": 24}}, run.events, run.columns, run.rows)
    share = kpi.constant_voltage_share(of_24, "charge")
    assert share.value == pytest.approx(50 * (0.9 - 0.5 * (3.64635 - 3.5) / 0.15))
    assert "the highest cell" in share.definition


def test_a_current_that_has_hardly_changed_has_no_resistance() -> None:
    """0.01 A of a pack of 2 Ah is C/200: what a display counts, over which a voltage would be divided."""
    flat = [[*row[:3], 0.01 if row[1] == 3 else 0.0, *row[4:]] for row in ROWS]
    assert isnan(kpi.dc_resistance(recording(flat), "charge").value)


def test_all_figures_that_the_steps_allow() -> None:
    found = {(figure.step, figure.name) for figure in kpi.compute_all(recording())}
    assert {step for step, _ in found} == {"discharge", "charge"}
    assert ("discharge", "energy round-trip efficiency") in found
    assert ("charge", "charge time 10 to 80 %") in found
    assert ("discharge", "charge time 10 to 80 %") not in found


@pytest.mark.parametrize(("soc", "told"), [(0.985, True), (0.975, False), (0.90, False)])
def test_a_round_trip_needs_a_charge_that_restores_the_state_of_charge(soc: float, told: bool) -> None:
    names = {figure.name for figure in kpi.compute_all(recording(changed(-1, "SOC / 1", soc)))}
    assert ("energy round-trip efficiency" in names) is told
    assert ("coulombic efficiency" in names) is told
    assert "discharge capacity" in names


@pytest.mark.parametrize(
    "column", ["SOC / 1", "Cell Temperature Max / degC", "Cell Voltage Min / V", "Set Voltage / V"]
)
def test_a_bench_without_a_sensor_still_gets_the_other_figures(column: str) -> None:
    names = {figure.name for figure in kpi.compute_all(without(column))}
    assert {"discharge capacity", "discharge energy", "mean power"} <= names
    assert len(names) < len({figure.name for figure in kpi.compute_all(recording())})


def commanded(limit: float) -> Recording:
    """The charge again, commanded 200 W from its first row on; the BMS allows `limit` A (nan: it never said)."""
    run, lost, rows = recording(), [NAN] * 5, 4
    power = [NAN] * 5 + [164.0, 168.0, 175.18, 8.76]
    more = {
        "Power / W": power, "Command Power / W": lost + [200.0] * rows,
        "Charge Current Limit / A": lost + [limit] * rows, "Discharge Current Limit / A": [NAN] * 9,
    }  # fmt: skip
    values = np.column_stack([run.rows, *map(np.array, more.values())])
    return Recording(run.manifest, run.events, [*run.columns, *more], values)


def test_a_command_is_followed_as_far_as_the_limit_received_before_allows() -> None:
    """By hand: nothing is known in the first row; then 1 A at 84, 87.59 and 87.6 V, for 1800, 1800 and 1000 s."""
    found = {figure.name: figure for figure in kpi.compute_all(commanded(1.0))}
    assert found["charge cut"].value == pytest.approx(100 * (116 * 1800 + 112.41 * 1800 + 112.4 * 1000) / (200 * 4600))
    assert "145.4 Wh, over that of the command, 255.6 Wh" in found["charge cut"].definition
    squares = 84**2 * 1800 + 87.59**2 * 1800 + 78.84**2 * 1000
    assert found["following error"].value == pytest.approx((squares / 4600) ** 0.5)
    assert "derating" not in found, "nothing was commanded the other way"
    assert {name: found[name].meters for name in ("charge cut", "following error")} == dict.fromkeys(
        ("charge cut", "following error"), ("source", "sink", "bms")
    )


def test_a_discharge_command_is_cut_by_the_limit_for_a_discharge() -> None:
    """By hand: nothing is known in the first row; then 1 A at 77 and 60 V, for 10 and 3585 s."""
    run, lost = recording(), [NAN] * 2
    more = {
        "Power / W": [*lost, -156.0, -77.0, -60.0, *lost, *lost],
        "Command Power / W": [*lost, -200.0, -200.0, -200.0, *lost, *lost],
        "Charge Current Limit / A": [0.1] * 9, "Discharge Current Limit / A": [1.0] * 9,
    }  # fmt: skip
    values = np.column_stack([run.rows, *map(np.array, more.values())])
    found = {
        each.name: each for each in kpi.compute_all(Recording(run.manifest, run.events, [*run.columns, *more], values))
    }
    assert found["derating"].value == pytest.approx(100 * (123 * 10 + 140 * 3585) / (200 * 3595))
    assert found["following error"].value == 0.0, "what was allowed is what flowed"
    assert "charge cut" not in found, "nothing was commanded the other way"


def test_a_bms_that_never_said_what_it_allows_has_cut_nothing() -> None:
    found = {figure.name: figure.value for figure in kpi.compute_all(commanded(NAN))}
    assert found["charge cut"] == 0.0
    assert found["following error"] > 0


def test_figures_can_be_taken_while_the_run_is_open() -> None:
    run = recording(ROWS[:5], steps=STEPS[:2])
    events = [event for event in run.events if event["type"] == "step started"]
    assert kpi.capacity(Recording(run.manifest, events, COLUMNS, run.rows), "discharge").value == pytest.approx(1.9)


def test_a_recorded_cycle_makes_physical_sense(cycle_run: Path) -> None:
    found = {(figure.step, figure.name): figure.value for figure in kpi.compute_all(Recording.load(cycle_run))}
    assert found["discharge", "discharge capacity"] == pytest.approx(2.26, abs=0.02)
    assert 90 < found["discharge", "energy round-trip efficiency"] < 100
    assert found["discharge", "coulombic efficiency"] == pytest.approx(100, abs=0.1)


def shown_from(row: int) -> Recording:
    """The worked run, whose BMS shows no charge before a row: with its contactors open a foxBMS knows of none."""
    rows = [list(each) for each in ROWS]
    for each in rows[:row]:
        each[COLUMNS.index("SOC / 1")] = NAN
    return recording(rows)


def test_a_charge_that_nobody_shows_yet_is_no_charge_of_nothing() -> None:
    run = recording()
    discharge = run.step("discharge")
    assert displayed_before(run, discharge) == 1.0
    assert displayed_before(shown_from(2), discharge) == 0.9
    assert displayed_before(shown_from(3), discharge) == 0.5
    assert isnan(displayed_before(shown_from(len(ROWS)), discharge))


def test_a_display_that_comes_late_delays_no_charge_time() -> None:
    expected = kpi.charge_time(recording(), "charge", 0.5, 0.8).value
    assert kpi.charge_time(shown_from(6), "charge", 0.5, 0.8).value == pytest.approx(expected)
