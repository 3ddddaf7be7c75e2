"""Figures of the grid side, worked out by hand on a few rows."""

from collections.abc import Callable
from math import nextafter

import numpy as np
import pytest

from bench.verdicts import Measurement, Verdict
from models.grid.charger import Charger
from reports import kpi
from reports.recording import Recording
from reports.uncertainty import uncertainty
from tests.reports.worked import LOSSLESS, NAN, recorded


def followed(asked: list[float], given: list[float]) -> Recording:
    return recorded("FollowPower", {"Set Grid Power / W": asked, "Power / W": given}, LOSSLESS)


STEP = followed([0, 0, 500, 500, 500, 500, 500, 500], [0, 0, 0, 20, 300, 500, 500, 500])


def test_a_set_point_has_settled_from_when_on_it_stays_within_two_per_cent() -> None:
    """Asked for with the row at 1 s; 4 % of it at 3 s, 60 % at 4 s, all at 5 s."""
    assert kpi.settling_time(STEP, "it").value == 4.0
    assert kpi.dead_time(STEP, "it").value == 3.0


def test_what_never_settles_has_no_time() -> None:
    run = followed([0, 0, 500, 500, 500, 500], [0, 0, 0, 500, 500, 400])
    assert np.isnan(kpi.settling_time(run, "it").value)
    assert np.isnan(kpi.dead_time(followed([0, 0, 500, 500], [0, 0, 0, 0]), "it").value)


def test_of_a_step_without_a_row_nothing_is_known() -> None:
    empty = recorded("FollowPower", {"Set Grid Power / W": [], "Power / W": []}, LOSSLESS)
    assert np.isnan(kpi.power_error(empty, "it").value)


def test_what_is_on_its_way_is_no_error() -> None:
    """Of the charger's 1000 W/s both ways, dead time and two scans: 4.5 s after the change it counts, and before it."""
    asked, given = [0.0] + [500.0] * 9, [0.0, 0, 0, 0, 0, 0, 510, 490, 520, 500]
    assert kpi.power_bias(followed(asked, given), "it").value == pytest.approx(20 / 5)
    assert kpi.power_error(followed(asked, given), "it").value == pytest.approx(np.sqrt((100 + 100 + 400) / 5))


def test_a_power_at_the_grid_is_that_at_the_terminals_and_what_the_charger_lost() -> None:
    charger = Charger()
    names = ("charge", "discharge", "standby", "proportional", "quadratic", "idle", "dead_time", "ramp")
    told = {f"charger {name.replace('_', ' ')}": getattr(charger, name) for name in names}
    terminals = [charger.ac_to_dc(power) for power in (0.0, *[5000.0] * 9)]
    run = recorded("FollowPower", {"Set Grid Power / W": [0.0] + [5000.0] * 9, "Power / W": terminals}, told)
    assert kpi.power_error(run, "it").value == pytest.approx(0.0, abs=1e-6)


RESERVE = {**LOSSLESS, "nominal frequency": 50.0, "base": 0.0, "reserve": 1000.0}


def answered(hertz: list[float], asked: list[float], given: list[float]) -> Recording:
    columns = {"Grid Frequency / Hz": hertz, "Set Grid Power / W": asked, "Power / W": given}
    return recorded("FollowFrequency", columns, RESERVE)


def test_a_reserve_is_there_from_ninety_five_per_cent_on() -> None:
    run = answered(
        [50.0, 50.0, 49.8, 49.8, 49.8, 49.8, 49.8], [0, 0, -1000, -1000, -1000, -1000, -1000],
        [0, 0, 0, -940, -960, -1000, -1000],
    )  # fmt: skip
    assert kpi.activation_time(run, "it").value == 3.0
    assert kpi.sustained(run, "it").value == 2.0
    assert kpi.delivered(run, "it").value == pytest.approx(100 * (940 + 960 + 1000 + 1000) / 5000)


def test_a_second_that_nobody_read_is_neither_asked_for_nor_delivered() -> None:
    run = answered([50.0, 49.8, 49.8, 49.8, 49.8], [0, -1000, -1000, -1000, -1000], [0, -1000, NAN, -800, -800])
    assert kpi.delivered(run, "it").value == pytest.approx(100 * (1000 + 800 + 800) / 3000)


@pytest.mark.parametrize(
    ("asked", "count"),
    [([0, -1000, -1000, 0, 1000, 1000], 2), ([0, -900, -900, 0, 900, 900], 0)],
    ids=["all", "a part"],
)
def test_a_reserve_that_never_comes_or_that_nobody_asks_for_has_no_activation_time(
    asked: list[float], count: int
) -> None:
    """It gives what it takes as it should, and nothing back of what is taken from it."""
    found = kpi.activation_time(answered([50.0] * 6, asked, [max(each, 0.0) for each in asked]), "it")
    assert np.isnan(found.value)
    assert f"{count} times" in found.definition


def test_a_reserve_of_ninety_five_per_cent_is_there() -> None:
    run = answered([49.8] * 4, [-1000.0] * 4, [0.0, -950, -950, -950])
    assert kpi.sustained(run, "it").value == 2.0


@pytest.mark.parametrize("given", [[0.0] * 4, [0.0, -940.0, -949.0, 0.0], [0.0, -950.0, 0.0, -950.0]])
def test_a_reserve_that_was_never_there_for_two_rows_was_sustained_for_no_time(given: list[float]) -> None:
    assert kpi.sustained(answered([49.8] * 4, [-1000.0] * 4, given), "it").value == 0.0


def test_set_points_are_judged_where_there_were_any() -> None:
    def told(run: Recording) -> bool:
        return "set-point settling time" in {figure.name for figure in kpi.compute_all(run)}

    assert told(STEP)
    assert not told(followed([500.0] * 8, [500.0] * 8))


def stood(answers: dict[float, float], base: float = 0.0, asked: float = 100.0) -> Recording:
    """W given while the frequency stands for six rows each so many mHz off 50 Hz; it asks for `asked` W beyond 10."""
    hertz = [50.0] * 6 + [50 + size / 1000 for size in answers for _ in range(6)]
    given = [base] * 6 + [base + watts for watts in answers.values() for _ in range(6)]
    wanted = [0.0] * 6 + [asked * np.sign(size) * (abs(size) > 10) for size in answers for _ in range(6)]
    return answered(hertz, wanted, given)


def beyond(deadband: float, *sizes: float) -> dict[float, float]:
    """What a droop to 200 mHz gives of 1000 W at so many mHz, silent up to its deadband."""
    return {size: np.sign(size) * 1000 * max(abs(size) - deadband, 0) / (200 - deadband) for size in sizes}


NEAR = (5.0, 10.0, 11.0, 12.0, 13.0, 15.0, 20.0, 30.0)


@pytest.mark.parametrize("deadband", [0.0, 7.5, 10.0, 10.6, 12.0])
@pytest.mark.parametrize("zero", [0.0, 3.0])
def test_a_response_begins_where_the_line_of_its_first_answers_is_zero(deadband: float, zero: float) -> None:
    """Between two points as well, and whatever a meter's zero is off by."""
    found = kpi.insensitivity(stood(beyond(deadband, *NEAR), zero), "it")
    assert found.value == pytest.approx(deadband / 1000, abs=1e-6)
    assert uncertainty(found) < 5e-4


def test_a_charger_that_is_silent_and_then_gives_all_begins_where_it_does() -> None:
    """Silent up to 12 mHz, it gives from 13 on what a deadband of 10 mHz has: the line would say 10."""
    silent = {size: watts * (abs(size) > 12) for size, watts in beyond(10, *NEAR).items()}
    found = kpi.insensitivity(stood(silent), "it")
    assert found.value == pytest.approx(0.0125)
    assert uncertainty(found) == pytest.approx(0.0005, rel=0.1)


def test_the_worse_side_of_a_response_counts() -> None:
    both = {**beyond(10, *NEAR), **beyond(12, *(-size for size in NEAR))}
    assert kpi.insensitivity(stood(both), "it").value == pytest.approx(0.012, abs=1e-6)


def test_between_two_points_that_are_far_apart_nobody_knows_where_a_response_begins() -> None:
    """10 mHz and 30 mHz say nothing of 25: it is no 10 mHz; nor is a charger that never answers within the limit."""
    found = kpi.insensitivity(stood(beyond(25, 5, 20, 28, 100)), "it")
    assert found.value == pytest.approx(0.024)
    assert uncertainty(found) == pytest.approx(0.004, rel=0.1)
    assert kpi.insensitivity(stood(beyond(10, 5, 10, 30.1)), "it").unmeasurable.startswith("the frequency stood at too")
    assert kpi.insensitivity(stood(dict.fromkeys(NEAR, 0.0)), "it").value == pytest.approx(0.03)


def test_an_answer_is_off_by_a_share_of_what_is_asked() -> None:
    """3 % of the reserve where 5 % are asked are 2 % of the reserve and 40 % of the answer; a meter's zero is none."""
    run = stood({200.0: 30.0}, base=2.0, asked=50.0)
    assert kpi.answer_error(run, "it").value == pytest.approx(40.0)
    assert kpi.response_error(stood({200.0: 30.0}, asked=50.0), "it").value == pytest.approx(2.0)
    assert kpi.answer_error(stood({200.0: -50.0, -200.0: -50.0}, asked=50.0), "it").value == pytest.approx(200.0)


@pytest.mark.parametrize("watts", [1.0, -1.0, 0.5, 2.0])
def test_an_answer_of_a_small_reserve_is_one_however_many_watts_it_is(watts: float) -> None:
    """Of 50 W: from 4.5 s on it is a tenth more than what was asked for."""
    asked = [0.0] * 8 + [watts] * 12 + [0.0] * 8
    columns = {
        "Grid Frequency / Hz": [50.0 - each / 100 for each in asked], "Set Grid Power / W": asked,
        "Power / W": [1.1 * each for each in asked],
    }  # fmt: skip
    found = kpi.answer_error(recorded("FollowFrequency", columns, {**RESERVE, "reserve": 50.0}), "it")
    assert found.value == pytest.approx(10.0)
    assert "1 answers" in found.definition


def test_what_is_said_of_a_reserve_is_said_of_so_much_of_the_charger() -> None:
    figure = kpi.offered(recorded("FollowFrequency", _three([-50.0] * 3), {**RESERVE, "reserve": 160.0}), "it")
    assert figure.value == pytest.approx(16.0)
    assert "160 W, over the 1000 W" in figure.definition


def _three(power: list[float]) -> dict[str, list[float]]:
    return {"Grid Frequency / Hz": [49.9] * 3, "Set Grid Power / W": power, "Power / W": power}


def test_a_frequency_that_never_stands_is_tracked_row_by_row() -> None:
    """Twice as much here and nothing there deliver the energy, and are no answer."""
    asked = [-100.0, -120.0, -80.0, -100.0]
    run = answered([49.98, 49.976, 49.984, 49.98], asked, [-200.0, 0, -160, 0])
    assert kpi.delivered(run, "it").value == pytest.approx(100 * 160 / 300)
    assert kpi.tracking_error(run, "it").value == pytest.approx(
        100 * np.sqrt(np.mean([100**2, 120**2, 80**2, 100**2])) / 1000
    )
    assert kpi.tracking_error(answered([49.98] * 4, asked, asked), "it").value == 0.0


def test_the_way_to_a_base_is_no_answer() -> None:
    """From rest to 500 W out of the car: dead time, ramp and two scans are 4.5 s, before which nothing is owed."""
    hertz, asked = [49.98] * 10, [-600.0] * 10
    given = [0.0, 0.0, -500, *[-600.0] * 7]
    told = {**RESERVE, "base": -500.0}
    columns = {"Grid Frequency / Hz": hertz, "Set Grid Power / W": asked, "Power / W": given}
    run = recorded("FollowFrequency", columns, told)
    assert kpi.tracking_error(run, "it").value == 0.0
    assert kpi.delivered(run, "it").value == pytest.approx(100.0)
    assert kpi.tracking_error(answered(hertz, asked, given), "it").value > 10  # without one the beginning is owed


# --- a ramp -----------------------------------------------------------------------------------------------------------

WAY = [0.0, *np.linspace(0.0, 1000.0, 11).tolist(), *[1000.0] * 9]
"""W: over 1000 W in ten seconds, and then it stands."""


def late(rows: int, share: float = 1.0) -> list[float]:
    return [share * each for each in [0.0] * rows + WAY[: len(WAY) - rows]]


def test_a_ramp_is_followed_by_so_many_seconds_and_settled_at_its_end() -> None:
    run = followed(WAY, late(2))
    assert kpi.ramp_delay(run, "it").value == pytest.approx(2.0)
    assert kpi.ramp_error(run, "it").value == pytest.approx(20.0)
    assert kpi.ramp_settling(run, "it").value == pytest.approx(2.0)
    assert "10 % of it in a second" in kpi.ramp_error(run, "it").definition
    assert {"ramp delay", "ramp following error", "ramp settling time"} <= {each.name for each in kpi.compute_all(run)}


def test_a_ramp_whose_end_is_never_reached_is_not_settled() -> None:
    run = followed(WAY, late(0, share=0.9))
    assert np.isnan(kpi.ramp_settling(run, "it").value)
    assert not kpi.ramp_settling(run, "it").unmeasurable
    assert kpi.ramp_error(run, "it").value == pytest.approx(10.0)


def test_a_ramp_is_no_row_of_steps_however_often_it_is_recorded() -> None:
    """Each row asks for 10 % more: none of them can settle, and none has to."""
    figure = kpi.settling_time(followed(WAY, late(2)), "it")
    assert figure.unmeasurable == "no set point changed at once"
    assert not kpi.ramp_error(STEP, "it").value > 0
    assert kpi.ramp_error(STEP, "it").unmeasurable.startswith("no set point moved evenly")


@pytest.mark.parametrize(
    ("behind", "changes"),
    [
        ([1000.0, 1000.0, 1000.0], 0),  # it stands at its end
        ([500.0, 500.0, 500.0], 1),  # it changes at once with the first row behind its end
        ([1000.0, 500.0, 500.0], 1),
        ([500.0, 0.0, 0.0], 2),
    ],
)
@pytest.mark.parametrize("ahead", [0, 1, 2])
def test_a_set_point_that_changes_beside_a_ramp_is_no_part_of_it(ahead: int, behind: list[float], changes: int) -> None:
    """100 W more each second from -200 W on: the jump down to there is the first change."""
    ramp = [-200.0 + 100.0 * row for row in range(13)]
    run = followed([0.0, *[-200.0] * ahead, *ramp, *behind], [0.0] * (1 + ahead + len(ramp) + len(behind)))
    assert f"{1 + changes} of them" in kpi.settling_time(run, "it").definition
    assert f"{1 + changes} of them" in kpi.dead_time(run, "it").definition
    assert "1 of them" in kpi.ramp_error(run, "it").definition


WHAT_IS_UNREAD = [NAN if row in {3, 9, 15} else each for row, each in enumerate(late(2))]


def test_a_row_that_nobody_read_says_nothing_of_a_ramp() -> None:
    run = followed(WAY, WHAT_IS_UNREAD)
    assert kpi.ramp_delay(run, "it").value == pytest.approx(2.0)
    assert kpi.ramp_error(run, "it").value == pytest.approx(20.0)
    assert kpi.ramp_settling(run, "it").value == pytest.approx(2.0)
    silent = followed(WAY, [0.0] + [NAN] * (len(WAY) - 1))
    assert np.isnan(kpi.ramp_settling(silent, "it").value)


@pytest.mark.parametrize(("given", "limit"), [(NAN, 90.0), (10.0, 0.1)], ids=["unread", "cut"])
def test_a_ramp_that_nobody_saw_followed_has_neither_error_nor_delay(given: float, limit: float) -> None:
    """No row was read, or the BMS let none through: neither 0 %, which every limit allows, nor a charger's failure."""
    columns = {
        "Set Grid Power / W": WAY, "Power / W": [0.0] + [given] * (len(WAY) - 1), "Voltage / V": [100.0] * len(WAY),
        "Charge Current Limit / A": [limit] * len(WAY),
    }  # fmt: skip
    for each in (kpi.ramp_error, kpi.ramp_delay):
        figure = each(recorded("FollowPower", columns, LOSSLESS), "it")
        assert np.isnan(figure.value)
        assert figure.unmeasurable.startswith("no set point moved evenly where the power was read")


def test_a_ramp_is_asked_about_where_a_power_that_was_followed_had_one() -> None:
    ramps = {"ramp delay", "ramp following error", "ramp settling time"}
    assert ramps <= asked_of(followed(WAY, late(2)))
    assert not ramps & asked_of(STEP)
    assert not ramps & asked_of(answered([50.0] * len(WAY), WAY, WAY)), "a frequency moves as it likes"


@pytest.mark.parametrize(("rows", "ramps"), [(4, 0), (5, 1)])
def test_a_set_point_moves_evenly_from_five_rows_on(rows: int, ramps: int) -> None:
    """Fewer are steps, each of which has to settle."""
    asked = [0.0, 0.0, *np.linspace(100.0, 100.0 * rows, rows).tolist(), *[100.0 * rows] * 6]
    run = followed(asked, asked)
    assert f"{ramps} of them" in kpi.ramp_error(run, "it").definition
    assert f"{0 if ramps else rows} of them" in kpi.settling_time(run, "it").definition


@pytest.mark.parametrize(("slope", "ramps"), [(125.0, 1), (125.1, 2), (83.4, 1), (83.3, 2), (-100.0, 2)])
@pytest.mark.parametrize("apart", [1.0, 0.125])
def test_a_slope_that_changes_by_more_than_a_fifth_of_itself_begins_another_ramp(
    slope: float, ramps: int, apart: float
) -> None:
    """125 less 100 are a fifth of 125, and 100 less 83.4 hardly of 83.4: however often it is recorded."""
    asked = np.cumsum([0.0, *[100.0] * 6, *[slope] * 6, *[0.0] * 6]).tolist()
    run = hurried(followed(asked, asked), apart)
    assert f"{ramps} of them" in kpi.ramp_error(run, "it").definition


def test_a_set_point_moves_evenly_in_time_however_unevenly_it_is_recorded() -> None:
    """100 W more in each second, and then it stands."""
    time = np.array([0.0, 1, 2, 2.5, 4, 4.25, 6, 7, 7.5, 9, 11, 11.5, 12, 13, 14, 15, 16, 17])
    asked = (100.0 * (time - 1)).clip(0.0, 1000.0).tolist()
    run = followed(asked, asked)
    run.rows[:, run.columns.index("Test Time / s")] = time
    assert "1 of them" in kpi.ramp_error(run, "it").definition
    assert kpi.settling_time(run, "it").unmeasurable == "no set point changed at once"


@pytest.mark.parametrize("more", [[], [500.0] * 3], ids=["at the end of the step", "before another set point"])
@pytest.mark.parametrize(("rows", "seen"), [(4, False), (5, True)])
def test_what_a_ramp_ends_at_has_to_stand_for_five_rows(rows: int, seen: bool, more: list[float]) -> None:
    asked = [*WAY[:12], *[1000.0] * rows, *more]
    figure = kpi.ramp_settling(followed(asked, asked), "it")
    assert figure.value == pytest.approx(0.0 if seen else NAN, nan_ok=True)
    assert bool(figure.unmeasurable) is not seen


@pytest.mark.parametrize("short", [20.0, 20.1, -20.0, -20.1])
def test_a_ramp_has_settled_within_two_per_cent_of_the_charger_either_way(short: float) -> None:
    given = [each - short for each in WAY]
    assert np.isfinite(kpi.ramp_settling(followed(WAY, given), "it").value) == (abs(short) <= 20.0)


def test_of_two_ramps_the_later_and_the_steeper_count() -> None:
    """Up by 100 W/s with a second's delay, and down by 200 W/s with two."""
    asked = [0.0, *WAY[1:12], *[1000.0] * 6, *np.linspace(800.0, -1000.0, 10).tolist(), *[-1000.0] * 8]
    delayed = [0.0, *asked[:-1]][:18] + [1000.0, *asked[17:-2]][: len(asked) - 18]
    for each in (asked, [-watts for watts in asked]):
        given = [watts if each is asked else -watts for watts in delayed]
        run = followed(each, given)
        assert kpi.ramp_delay(run, "it").value == pytest.approx(2.0)
        assert kpi.ramp_error(run, "it").value == pytest.approx(40.0)
        assert kpi.ramp_settling(run, "it").value == pytest.approx(2.0)
        assert "2 of them, over the charger's own power, while it moves; the steepest moves by 20 %" in (
            kpi.ramp_error(run, "it").definition
        )


@pytest.mark.parametrize(("row", "delay"), [(2, 2.0), (6, 2.0), (7, 2.2), (11, 2.2), (12, 2.0)])
def test_only_the_second_half_of_a_ramp_says_how_late_it_is_followed(row: int, delay: float) -> None:
    """A charger has its dead time on the first half. Five rows: a second more in one of them is a fifth."""
    given = late(2)
    given[row] -= 100.0
    assert kpi.ramp_delay(followed(WAY, given), "it").value == pytest.approx(delay)


def asked_of(run: Recording) -> set[str]:
    """Keys of what is asked of a recording by itself, with an answer or without."""
    found = kpi.evaluate(run)
    return {each.key for each in (*found.figures, *found.unanswered)}


@pytest.mark.parametrize(
    ("watts", "changes"), [(19.0, False), (20.0, False), (21.0, True), (-20.0, False), (-21.0, True)]
)
def test_a_set_point_has_changed_by_more_than_two_per_cent_of_the_charger(watts: float, changes: bool) -> None:
    run = followed([0.0] * 3 + [watts] * 5, [0.0] * 3 + [watts] * 5)
    assert bool(kpi.settling_time(run, "it").unmeasurable) is not changes
    assert ("set-point settling time" in asked_of(run)) is changes


@pytest.mark.parametrize(("watts", "changes"), [(10.0, False), (11.0, True), (-10.0, False), (-11.0, True)])
def test_a_frequency_asks_for_something_else_by_more_than_one_per_cent_of_the_reserve(
    watts: float, changes: bool
) -> None:
    run = answered([50.0] * 3 + [50.1] * 9, [0.0] * 3 + [watts] * 9, [0.0] * 3 + [watts] * 9)
    assert bool(kpi.response_time(run, "it").unmeasurable) is not changes


@pytest.mark.parametrize(
    ("rows", "jumps", "timed"),
    [(20, 0, False), (20, 1, True), (20, 2, True), (20, 3, False), (29, 3, False), (30, 3, True)],
)
def test_a_step_that_jumps_in_up_to_a_tenth_of_its_rows_is_timed(rows: int, jumps: int, timed: bool) -> None:
    """One that asks for something else more often is a ramp."""
    asked = [-100.0 * min(row, jumps) for row in range(rows)]
    run = answered([50.0 + each / 1000 for each in asked], asked, asked)
    assert ("frequency response time" in asked_of(run)) is timed


# --- times ------------------------------------------------------------------------------------------------------------


def hurried(run: Recording, seconds: float) -> Recording:
    """The same rows, so many s apart."""
    rows = run.rows.copy()
    rows[:, run.columns.index("Test Time / s")] *= seconds
    return Recording(run.manifest, run.events, run.columns, rows)


OFF = {"Supply State / 1": [1.0, -1, -1, 1, -1, 1]}
FOR_A_SECOND = [0.0, 0.0, *[-1000.0] * 4]
TIMED: dict[str, tuple[float, Recording]] = {
    "settling_time": (4.0, STEP),
    "dead_time": (3.0, STEP),
    "activation_time": (2.0, answered([49.8] * 6, FOR_A_SECOND, [0.0, 0, 0, -960, -1000, -1000])),
    "sustained": (1.0, answered([49.8] * 6, FOR_A_SECOND, [0.0, 0, -960, -1000, -900, -960])),
    "response_time": (2.0, answered([49.8] * 6, FOR_A_SECOND, [0.0, 0, 0, -985, -1000, -1000])),
    "restart_time": (2.0, recorded("Supply", OFF, LOSSLESS)),
    "ramp_delay": (2.0, followed(WAY, late(2))),
    "ramp_settling": (2.0, followed(WAY, late(2))),
    "sample_interval": (1.0, answered([50.0] * 3, [0.0] * 3, [0.0] * 3)),
}


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize("apart", [1.0, 0.05])
def test_a_time_of_less_than_a_second_is_told_as_it_is(name: str, apart: float) -> None:
    """Who answers within two fifths of a second has no time of a whole one."""
    rows, run = TIMED[name]
    assert getattr(kpi, name)(hurried(run, apart), "it").value == pytest.approx(rows * apart)


def twice(first: float, second: float, one: int, other: int, last: int = 6) -> tuple[list[float], list[float]]:
    """W asked for from the row at 1 s and at 7 s on, and given so many rows later each time, from the row before on."""
    asked = [0.0] + [first] * 6 + [second] * last
    return asked, [0.0] * one + [first] * (6 - one + other) + [second] * (last + 1 - other)


SEVERAL: dict[str, Callable[[int, int], Recording]] = {
    **dict.fromkeys(("settling_time", "dead_time"), lambda *late: followed(*twice(500.0, -500.0, *late))),
    "activation_time": lambda *late: answered([50.0] * 13, *twice(-1000.0, 1000.0, *late)),
    "response_time": lambda *late: answered([50.0] * 30, *twice(-500.0, 300.0, *late, last=23)),
    "restart_time": lambda one, other: recorded(
        "Supply", {"Supply State / 1": [1.0, *[-1.0] * one, 1.0, *[-1.0] * other, 1.0]}, LOSSLESS
    ),
}


@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize(("one", "other"), [(1, 4), (4, 1), (3, 3)])
def test_of_several_answers_the_longest_counts_whichever_came_first(name: str, one: int, other: int) -> None:
    figure = getattr(kpi, name)(SEVERAL[name](one, other), "it")
    assert figure.value == max(one, other)
    assert any(words in figure.definition for words in ("2 of them", "2 times"))


UNREAD: dict[str, Callable[[list[float], list[float]], Recording]] = {
    "settling_time": followed,
    "response_time": lambda asked, given: answered([50.0] * len(asked), asked, given),
}


@pytest.mark.parametrize("name", UNREAD)
@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ([0.0, NAN, NAN, NAN, 500, 500], 4.0),  # it may have been there before, and nobody knows
        ([0.0, 0.0, NAN, 500, NAN, NAN], 3.0),
        ([0.0, 500, 500, NAN, 400, NAN], NAN),
        ([0.0, NAN, NAN, NAN, NAN, NAN], NAN),
    ],
)
def test_a_power_that_nobody_read_has_not_arrived(name: str, given: list[float], seconds: float) -> None:
    """A meter that is silent from the change on would show a charger that answers at once."""
    run = UNREAD[name]([0.0] + [500.0] * 20, given + given[-1:] * 15)
    assert getattr(kpi, name)(run, "it").value == pytest.approx(seconds, nan_ok=True)


def test_an_inverter_that_stays_off_has_been_off_until_the_last_row() -> None:
    for states, seconds in (([1.0, 1, -1, -1], 1.0), ([-1.0] * 4, 3.0), ([1.0, -1, -1, 1, 1, -1], 2.0)):
        run = recorded("Supply", {"Supply State / 1": states}, LOSSLESS)
        assert kpi.restart_time(run, "it").value == seconds
        assert kpi.restart_time(run, "it").definition.endswith(f"it tripped {kpi.trips(run, 'it').value:g} times.")


def test_whoever_sells_a_reserve_shows_it_as_often_as_its_longest_interval() -> None:
    run = answered([50.0] * 4, [0.0] * 4, [0.0] * 4)
    rows = run.rows.copy()
    rows[:, 0] = [0.0, 1.0, 1.5, 4.0]
    assert kpi.sample_interval(Recording(run.manifest, run.events, run.columns, rows), "it").value == 2.5
    assert kpi.sample_interval(Recording(run.manifest, run.events, run.columns, rows[:2]), "it").value == 1.0
    assert np.isnan(kpi.sample_interval(Recording(run.manifest, run.events, run.columns, rows[:1]), "it").value)


# --- a base -----------------------------------------------------------------------------------------------------------


def on_a_base(run: Recording, watts: float) -> Recording:
    """The same answers to the same frequency, by a charger that has so many W to carry besides."""
    rows = run.rows.copy()
    rows[:, [run.columns.index(each) for each in ("Set Grid Power / W", "Power / W")]] += watts
    started, ended = run.events
    return Recording(run.manifest, [{**started, "set_points": {**RESERVE, "base": watts}}, ended], run.columns, rows)


def long_before(run: Recording) -> Recording:
    """The same, behind six rows at the nominal frequency, in which it comes to its base."""
    rest = np.repeat(run.rows[:1], 6, axis=0)
    rest[:, [run.columns.index(each) for each in ("Set Grid Power / W", "Power / W")]] = 0.0
    rest[:, run.columns.index("Grid Frequency / Hz")] = 50.0
    rows = np.vstack([rest, run.rows])
    rows[:, 0] = np.arange(len(rows))
    return Recording(run.manifest, [run.events[0], {**run.events[1], "time": float(len(rows))}], run.columns, rows)


def all_of_it() -> Recording:
    return answered(
        [49.8, 49.8, 50.2, 50.2, 50.2], [-1000.0, -1000, 1000, 1000, 1000], [-300.0, -1000, -800, 960, 1000]
    )


BASED: dict[str, Callable[[], Recording]] = {
    **dict.fromkeys(("activation_time", "sustained", "delivered", "tracking_error", "offered"), all_of_it),
    **dict.fromkeys(("insensitivity", "response_error", "answer_error"), lambda: stood(beyond(10, *NEAR))),
    "response_time": lambda: answered([50.1] * 20, [500.0] * 20, [0.0, 0, 400, *[500.0] * 17]),
    "droop_error": lambda: answered(RAMP, answers(5.0), answers(4.0)),
    "decay_of_swings": lambda: swinging(0.8),
}


@pytest.mark.parametrize("base", [-400.0, 250.0])
@pytest.mark.parametrize("name", BASED)
def test_what_a_charger_carries_besides_is_no_part_of_its_answer(name: str, base: float) -> None:
    run, figure = long_before(BASED[name]()), getattr(kpi, name)
    # Of one with a base the way to it is left out: it is compared with one that has a watt.
    found, expected = figure(on_a_base(run, base), "it"), figure(on_a_base(run, 1.0), "it")
    assert np.isfinite(expected.value)
    assert found.value == pytest.approx(expected.value)
    assert found.definition == expected.definition


@pytest.mark.parametrize(("watts", "count"), [(10.0, 1), (-10.0, 1), (9.99, 0), (-9.99, 0), (10.01, 1)])
def test_an_answer_counts_from_one_per_cent_of_the_reserve_on(watts: float, count: int) -> None:
    figure = kpi.answer_error(stood({200.0: watts}, asked=watts), "it")
    assert f"{count} answers of 1 % of the reserve or more" in figure.definition
    assert bool(figure.unmeasurable) is (count == 0)


# --- what did not happen ----------------------------------------------------------------------------------------------

QUIET = {"Set Grid Power / W": [-100.0] * 6, "Power / W": [-100.0] * 6, "Voltage / V": [100.0] * 6,
         "Supply State / 1": [1.0] * 6, "SOC / 1": [0.5] * 6}  # fmt: skip
SUPPLY = {**LOSSLESS, "minimum": 0.1, "restart": 3.0}
NEVER: dict[str, tuple[str, Recording]] = {
    "restart_time": ("no load was too much for it", recorded("Supply", QUIET, SUPPLY)),
    "voltage_dip": ("no load grew at once that it carried", recorded("Supply", QUIET, SUPPLY)),
    "settling_time": ("no set point changed at once", followed([500.0] * 8, [500.0] * 8)),
    "dead_time": ("no set point changed at once", followed([500.0] * 8, [500.0] * 8)),
    "power_error": ("no set point stood", followed([500.0, 400.0], [500.0, 400.0])),
    "power_bias": ("no set point stood", followed([500.0, 400.0], [500.0, 400.0])),
    "activation_time": ("nothing asked for all", answered([49.99] * 4, [-50.0] * 4, [-50.0] * 4)),
    "sustained": ("nothing asked for all", answered([49.99] * 4, [-50.0] * 4, [-50.0] * 4)),
    "delivered": ("the frequency asked for nothing", answered([50.0] * 4, [0.0] * 4, [0.0] * 4)),
    "insensitivity": ("no frequency stood so far off", answered([50.0] * 9, [0.0] * 9, [0.0] * 9)),
    "answer_error": ("no frequency stood that asks", answered([50.0] * 9, [0.0] * 9, [0.0] * 9)),
    "response_time": ("no frequency changed at once", answered([50.0] * 9, [0.0] * 9, [0.0] * 9)),
    "response_error": ("no frequency stood", answered([49.9, 49.8], [-400.0, -900.0], [0.0, 0.0])),
    "decay_of_swings": ("no frequency stood for 3 s", answered([49.9, 49.8], [-400.0, -900.0], [0.0, 0.0])),
    "droop_error": ("no frequency moved along", answered([50.0] * 9, [0.0] * 9, [0.0] * 9)),
    "demands_met": ("nobody wanted anything", followed([0.0] * 9, [0.0] * 9)),
    "standby_power": ("it never rested", followed([500.0] * 9, [500.0] * 9)),
    "ramp_error": ("no set point moved evenly", followed([500.0] * 9, [500.0] * 9)),
    "ramp_delay": ("no set point moved evenly", followed([500.0] * 9, [500.0] * 9)),
    "ramp_settling": ("what a ramp ended at stood nowhere", followed([500.0] * 9, [500.0] * 9)),
    "power_without_link": (
        "nobody lost the link",
        recorded("Manage", {"Power / W": [9.0] * 3, "Plugged In / 1": [1.0] * 3}, {"scale": 1.0}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NEVER)
def test_what_did_not_happen_is_neither_good_nor_bad(name: str) -> None:
    """A load that never tripped started again after 0 s, and a link that was never lost let 0 W through: nobody saw."""
    why, run = NEVER[name]
    figure = getattr(kpi, name)(run, "it")
    assert np.isnan(figure.value)
    assert figure.unmeasurable.startswith(why)
    judged = Measurement(figure.name, figure.value, figure.unit, at_most=1e9, unmeasurable=figure.unmeasurable)
    assert judged.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("name", NEVER)
def test_how_often_it_did_not_happen_is_told_as_none(name: str) -> None:
    """Every word of the definition is filled in, and what it counts is 0."""
    _, run = NEVER[name]
    asked = getattr(kpi, name)
    definition = asked(run, "it").definition
    assert "{" not in definition
    before, counts, behind = asked.definition.partition("{count}")
    if counts:
        assert f"{before.rpartition('}')[2]}0{behind.partition('{')[0]}" in definition


def test_how_often_a_supply_tripped_is_counted() -> None:
    tripped = {**QUIET, "Supply State / 1": [1.0, -1, -1, 1, -1, 1]}
    assert kpi.trips(recorded("Supply", tripped, SUPPLY), "it").value == 2
    assert kpi.trips(recorded("Supply", QUIET, SUPPLY), "it").value == 0


def test_a_dip_is_one_at_the_load_where_somebody_measures_it_and_of_an_inverter_that_is_on() -> None:
    load = {**QUIET, "Set Grid Power / W": [-100.0, -100, -500, -500, -500, -500]}
    load["Voltage / V"] = [100.0, 100, 98, 99, 99, 99]
    load["Supply State / 1"] = [1.0, 1, 1, -1, -1, 1]
    assert kpi.voltage_dip(recorded("Supply", load, SUPPLY), "it").value == pytest.approx(2.0)
    assert "nothing measures at the load" in kpi.voltage_dip(recorded("Supply", load, SUPPLY), "it").definition
    there = {**load, "Mains Voltage / V": [230.0, 230, 207, 0, 0, 230]}
    assert kpi.voltage_dip(recorded("Supply", there, SUPPLY), "it").value == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("volts", "dip", "count"),
    [
        ([100.0, 100, NAN, 98, 100, 100], 2.0, 1),
        ([100.0, 100, NAN, NAN, NAN, NAN], NAN, 0),
        ([100.0, NAN, 98, 98, 98, 98], NAN, 0),
        ([100.0, 100, 100, 98, 97, 90], 2.0, 1),  # 2 s behind the row before it, and no more
        ([100.0, 100, 101, 101, 101, 101], 0.0, 1),
    ],
)
def test_a_dip_is_of_voltages_that_somebody_read(volts: list[float], dip: float, count: int) -> None:
    """It is not 0 % because nobody did."""
    load = {**QUIET, "Set Grid Power / W": [-100.0, -100, -500, -500, -500, -500], "Voltage / V": volts}
    figure = kpi.voltage_dip(recorded("Supply", load, SUPPLY), "it")
    assert figure.value == pytest.approx(dip, nan_ok=True)
    assert f"grows, {count} times," in figure.definition
    assert bool(figure.unmeasurable) is (count == 0)


def test_a_second_that_nobody_read_is_neither_taken_nor_served() -> None:
    load = {**QUIET, "Power / W": [-100.0, NAN, -50, -100, -100, -100]}
    assert kpi.served(recorded("Supply", load, SUPPLY), "it").value == pytest.approx(100 * 350 / 400)


def test_a_load_that_is_too_much_is_not_owed() -> None:
    columns = {
        "Set Grid Power / W": [-100.0, -100, -2000, -2000, -100, -100],
        "Power / W": [-100.0, -100, 0, 0, 0, -100],
        "Voltage / V": [100.0, 100, 100, 100, 100, 98],
        "Supply State / 1": [1.0, 1, -1, -1, -1, 1],
        "SOC / 1": [0.5, 0.5, 0.5, 0.5, 0.49, 0.48],
    }
    run = recorded("Supply", columns, {**LOSSLESS, "minimum": 0.1, "restart": 3.0})
    assert kpi.served(run, "it").value == pytest.approx(100 * 200 / 300)
    assert kpi.restart_time(run, "it").value == 3.0
    assert kpi.lowest_soc(run, "it").value == pytest.approx(48.0)


# --- a response -------------------------------------------------------------------------------------------------------


def test_each_step_of_a_frequency_is_timed_until_it_stays_answered() -> None:
    """5 % of it, 2 s later within 2 % of the reserve; all of it, 3 s later; the time counts from the row before."""
    asked = [0.0, 0, -50, -50, -50, -1000, -1000, -1000, -1000, *[-1000.0] * 20]
    given = [0.0, 0, 0, -45, -50, -50, -500, -970, -990, *[-1000.0] * 20]
    hertz = [50.0, 50, 49.8, 49.8, 49.8, 49.5, 49.5, 49.5, 49.5, *[49.5] * 20]
    assert kpi.response_time(answered(hertz, asked, given), "it").value == 4.0
    assert np.isnan(kpi.response_time(answered(hertz, asked, [*given[:-1], -900.0]), "it").value)
    quick = {"Grid Frequency / Hz": hertz, "Set Grid Power / W": asked, "Power / W": asked}
    quick["Test Time / s"] = [0.05 * number for number in range(len(hertz))]
    assert kpi.response_time(recorded("FollowFrequency", quick, RESERVE), "it").value == pytest.approx(0.05)
    assert kpi.response_error(answered(hertz, asked, [*given[:-1], -900.0]), "it").value == pytest.approx(10.0)


RAMP = [50.0 + 0.05 * number for number in range(31)]
RAMP += RAMP[::-1]


def answers(droop: float, late: int = 0) -> list[float]:
    """Beyond 0.2 Hz, so many % of 50 Hz for all of 1000 W, so many rows later."""
    given = [max(hertz - 50.2, 0.0) / (droop / 100 * 50) * 1000 for hertz in RAMP]
    return [0.0] * late + given[: len(given) - late]


def test_a_droop_is_found_through_a_lag_and_another_one_is_told() -> None:
    asked = answers(5.0)
    assert kpi.droop_error(answered(RAMP, asked, asked), "it").value == pytest.approx(0.0, abs=1e-9)
    assert kpi.droop_error(answered(RAMP, asked, answers(5.0, late=1)), "it").value < 5.0
    steep = kpi.droop_error(answered(RAMP, asked, answers(4.0)), "it")
    assert steep.value == pytest.approx(20.0)
    assert "5 %" in steep.definition
    assert "4 %" in steep.definition


TEN = [0.02 + 0.1 * number for number in range(9)] + [0.98]
"Shares of the reserve between 1 % and all of it."


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        (TEN, True),
        (TEN[1:], False),
        ([*TEN[1:], TEN[1]], False),  # one of them twice
        ([*TEN[1:], 0.01], False),  # that much is asked for by a noise as well
        ([*TEN[1:], 0.0101], True),
        ([*TEN[1:], 1.0], False),  # more is no slope any more
        ([*TEN[1:], 0.9999], True),
    ],
)
@pytest.mark.parametrize("way", [1.0, -1.0])
def test_a_droop_is_drawn_through_ten_deviations_on_its_slope(shares: list[float], told: bool, way: float) -> None:
    asked = [1000.0 * way * share for share in shares]
    run = answered([50.0 + 2.5 * way * share for share in shares], asked, [each * 1.25 for each in asked])
    assert ("droop error" in asked_of(run)) is told
    if told:
        assert kpi.droop_error(run, "it").value == pytest.approx(20.0)


def swinging(factor: float) -> Recording:
    """A frequency that stands from 10 s on, and a power that swings about its answer, each time by another factor."""
    swings = [0.3 * factor**number * (-1) ** number for number in range(60)]
    given = [0.0] * 10 + [
        400 + 1000 * swing * np.sin(np.pi * (part + 0.5) / 4) for swing in swings for part in range(4)
    ]
    return answered([50.0] * 10 + [50.5] * 240, [0.0] * 10 + [400.0] * 240, given)


@pytest.mark.parametrize("factor", [0.3, 0.8, 1.0, 1.1])
def test_swings_that_do_not_die_away_are_told_from_those_that_do(factor: float) -> None:
    found = kpi.decay_of_swings(swinging(factor), "it").value
    assert factor > 1 or found == pytest.approx(factor, abs=0.1)
    assert (found < 0.95) == (factor < 0.95)


def test_a_way_to_an_answer_is_no_swing() -> None:
    """From 0 to 400 W, over it once and back: one overshoot has nothing before it that it could be larger than."""
    given = [0.0] * 10 + [0.0, 200, 450, 420, 405] + [400.0] * 50
    run = answered([50.0] * 10 + [50.5] * 55, [0.0] * 10 + [400.0] * 55, given)
    assert kpi.decay_of_swings(run, "it").value == 0.0


def test_swings_count_from_the_first_sample_of_a_frequency_that_stands_for_three_seconds() -> None:
    """The way to 400 W, then 50 W too much, 20 W too little and 20 W too much: these three."""
    given = [0.0, 450.0, 380.0, 420.0]
    assert kpi.decay_of_swings(answered([50.5] * 4, [400.0] * 4, given), "it").value == pytest.approx(1.0)
    brief = kpi.decay_of_swings(answered([50.5] * 3, [400.0] * 3, given[:3]), "it")
    assert brief.unmeasurable == "no frequency stood for 3 s"


def test_what_the_bms_does_not_let_through_is_not_the_charger_s() -> None:
    """4 A of 100 V: of 500 W the pack takes 400 W, and the charger does what there is to be done."""
    asked, given = [0.0] + [500.0] * 9, [0.0] + [400.0] * 9
    columns = {"Set Grid Power / W": asked, "Power / W": given, "Voltage / V": [100.0] * 10}
    free = recorded("FollowPower", columns, LOSSLESS)
    limited = recorded("FollowPower", {**columns, "Charge Current Limit / A": [4.0] * 10}, LOSSLESS)
    assert kpi.power_error(free, "it").value == pytest.approx(np.sqrt(4 * 100.0**2 / 5))
    assert np.isnan(kpi.settling_time(free, "it").value)
    assert kpi.power_error(limited, "it").value == 0.0
    assert kpi.settling_time(limited, "it").value < 2.0


CHARGES, DISCHARGES = "Charge Current Limit / A", "Discharge Current Limit / A"


@pytest.mark.parametrize("way", [1.0, -1.0])
@pytest.mark.parametrize(
    ("mine", "other", "judged"),
    [
        (5.0, 10.0, True),
        (4.999, 10.0, False),
        (9.0, 10.0, True),
        (10.1, 10.0, True),
        (5.0, 0.0, True),
        (NAN, 1.0, True),
    ],
)
def test_only_less_than_was_asked_for_that_way_is_a_limit_of_the_bms(
    way: float, mine: float, other: float, judged: bool
) -> None:
    """500 W at 100 V are 5 A; what may flow the other way, or what nobody has said, cuts nothing."""
    limits = dict(zip((CHARGES, DISCHARGES)[:: int(way)], ([mine] * 10, [other] * 10), strict=True))
    columns = {
        "Set Grid Power / W": [0.0] + [500.0 * way] * 9, "Power / W": [0.0] + [400.0 * way] * 9,
        "Voltage / V": [100.0] * 10, **limits,
    }  # fmt: skip
    run = recorded("FollowPower", columns, LOSSLESS)
    assert kpi.power_error(run, "it").value == pytest.approx(np.sqrt(4 * 100.0**2 / 5) if judged else 0.0)
    assert bool(np.isnan(kpi.settling_time(run, "it").value)) is judged


def test_a_limit_counts_from_the_row_behind_the_one_that_showed_it() -> None:
    """What flowed in a row was asked for before its limit was read."""
    columns = {
        "Set Grid Power / W": [500.0] * 6, "Power / W": [500.0, 500, 500, 500, 500, 400], "Voltage / V": [100.0] * 6,
    }  # fmt: skip
    late = {CHARGES: [9.0, 9, 9, 9, 9, 4]}
    early = {CHARGES: [9.0, 9, 9, 9, 4, 9]}
    assert kpi.power_error(recorded("FollowPower", columns | late, LOSSLESS), "it").value == pytest.approx(100.0)
    assert kpi.power_error(recorded("FollowPower", columns | early, LOSSLESS), "it").unmeasurable
    # Nobody knows what was allowed ahead of the first row, so it is owed.
    first = _three([500.0] * 3) | {"Voltage / V": [100.0] * 3, CHARGES: [0.0] * 3, "Power / W": [400.0, 0.0, 0.0]}
    assert kpi.tracking_error(recorded("FollowFrequency", first, RESERVE), "it").value == pytest.approx(10.0)


# --- a standby --------------------------------------------------------------------------------------------------------


def idle(given: list[float], box: list[float] | None = None) -> Recording:
    """Two hours in rows of ten minutes, with a demand of 500 W in the eighth and ninth."""
    asked = [0.0] * 7 + [500.0, 500.0] + [0.0] * 4
    time = [600.0 * number for number in range(13)]
    columns = {"Test Time / s": time, "Set Grid Power / W": asked, "Power / W": given}
    told = {**LOSSLESS, "charger idle": 12.0}
    return recorded("FollowPower", columns | ({"Grid Power / W": box} if box else {}), told)


def test_what_a_standby_takes_is_measured_by_a_box_and_stated_where_nobody_measures() -> None:
    given = [0.0] * 7 + [500.0, 500.0] + [0.0] * 4
    assert kpi.standby_power(idle(given), "it").value == pytest.approx(12.0)
    assert "12 W" in kpi.standby_power(idle(given), "it").definition
    box = [8.0] * 7 + [500.0, 500.0] + [8.0] * 4
    assert kpi.standby_power(idle(given, box), "it").value == pytest.approx(8.0)


def test_a_demand_that_got_less_is_not_met() -> None:
    for given, share in ((480.0, 100.0), (475.0, 100.0), (nextafter(475.0, 0.0), 0.0), (300.0, 0.0)):
        figure = kpi.demands_met(idle([0.0] * 7 + [0.0, given] + [0.0] * 4), "it")
        assert figure.value == share
        assert "Share of the 1 demands" in figure.definition


# --- nothing at all ---------------------------------------------------------------------------------------------------

EMPTY: dict[str, list[float]] = {
    name: []
    for name in (
        "Set Grid Power / W", "Power / W", "Grid Frequency / Hz", "Supply State / 1", "Voltage / V", "SOC / 1",
        "Charge Current Limit / A", "Discharge Current Limit / A",
    )
}  # fmt: skip


@pytest.mark.parametrize(
    "asked",
    [each for each in kpi.found().kpis if each.steps == 1 and each.function.__module__.rpartition(".")[2] in
     {"grid", "ramps", "response", "onset", "standby"} and not each.counts],
    ids=lambda each: each.__name__,
)  # fmt: skip
@pytest.mark.parametrize("kind", ["FollowPower", "FollowFrequency", "Supply"])
def test_of_a_step_without_a_row_no_figure_of_the_grid_side_is_known(asked: kpi.KpiFunction[...], kind: str) -> None:
    figure = asked(recorded(kind, EMPTY, RESERVE), "it")
    assert figure.name == "reserve on offer" or np.isnan(figure.value)
