"""Figures of a manager and of what giving back costs, worked out by hand on a few rows."""

from math import nextafter
from typing import Any

import numpy as np
import pytest

from models.grid.wear import wear_of
from reports import kpi
from reports.recording import Recording
from reports.uncertainty import budget, uncertainty
from tests.reports.worked import INSTRUMENTS, LOSSLESS, NAN, recorded

# --- a manager --------------------------------------------------------------------------------------------------------


def managed(power: list[float], in_hand: list[float], plugged: list[float], *events: dict[str, Any]) -> Recording:
    count = len(power)
    columns = {
        "Power / W": power, "Set Grid Power / W": power, "Range / km": [50 + each for each in in_hand],
        "Range Needed / km": [50.0] * count, "Plugged In / 1": plugged, "House Power / W": [36.0] * count,
        "Sun Power / W": [0.0] * count, "Buying Price / 1": [0.25] * count, "Selling Price / 1": [0.1] * count,
    }  # fmt: skip
    return recorded("Manage", columns, {**LOSSLESS, "scale": 0.01, "reserve": 50.0}, list(events))


def test_only_what_a_manager_takes_below_the_reserve_counts() -> None:
    """36 W of a bench of a hundredth for a second are 1 Wh of the car: below the reserve, plugged in, and out of it."""
    run = managed([-36.0, -36, -36, 36, -36, NAN], [5, -0.5, -3, -4, -9, -9], [1, 1, 1, 1, 0, 1])
    assert kpi.below_reserve(run, "it").value == pytest.approx(1.0)
    assert kpi.given_back(run, "it").value == pytest.approx(2.0)  # the first row has no time


@pytest.mark.parametrize("watts", [0.0, 0.5, 36.0])
def test_what_a_car_takes_is_not_taken_off_what_it_gave_back(watts: float) -> None:
    """However little: a hundredth of the car's, half a watt is what a display may show."""
    run = managed([0.0, watts, -36.0, watts], [-9.0] * 4, [1] * 4)
    assert kpi.given_back(run, "it").value == pytest.approx(1.0)
    assert kpi.below_reserve(run, "it").value == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("power", "plugged", "lowest"),
    [
        ([-36.0, -36.0, -36.0, 36.0], [1, 1, 1, 1], "47.0 km"),
        ([36.0, 0.0, -36.0, 36.0], [1, 1, 1, 1], "52.0 km"),  # only while it gives
        ([-36.0, -36.0, -36.0, 36.0], [1, 0, 1, 1], "52.0 km"),  # and is plugged in
        ([36.0, 0.0, 0.0, 36.0], [1, 1, 1, 1], "nan km"),
    ],
)
def test_the_lowest_range_while_a_manager_gave_is_that_of_one_row(
    power: list[float], plugged: list[float], lowest: str
) -> None:
    """The car has least where least is needed of it: what is in hand is lowest in another row."""
    run = managed(power, [25.0, 17.0, 2.0, -30.0], plugged)
    rows = run.rows.copy()
    rows[:, run.columns.index("Range Needed / km")] = [30.0, 30.0, 50.0, 50.0]
    rows[:, run.columns.index("Range / km")] = [55.0, 47.0, 52.0, 20.0]
    found = kpi.below_reserve(Recording(run.manifest, run.events, run.columns, rows), "it")
    assert f"it was {lowest} at the lowest" in found.definition


def test_a_departure_that_was_warned_of_is_kept() -> None:
    def departure(short: float, leaves: float) -> dict[str, Any]:
        return {"type": "departure", "time": 2.0, "short": short, "leaves": leaves}

    def warning(time: float, leaves: float) -> dict[str, Any]:
        return {"type": "manager", "time": time, "problem": "", "warned": [leaves]}

    told = [warning(1.0, 100.0), departure(5.0, 100.0), departure(0.5, 200.0), departure(-9.0, 300.0)]
    assert kpi.departures(managed([0.0] * 4, [0] * 4, [1] * 4, *told), "it").value == 0.0
    # Of another departure, and of this one when it has left.
    late = [warning(1.0, 900.0), departure(5.0, 100.0), warning(3.0, 100.0)]
    broken = managed([0.0] * 4, [0] * 4, [1] * 4, *late)
    assert kpi.departures(broken, "it").value == 1.0
    assert "5.0 km" in kpi.departures(broken, "it").definition


def test_what_a_pack_did_not_take_of_what_it_promises_is_not_the_manager_s() -> None:
    def departure(short: float, withheld: float) -> dict[str, Any]:
        return {"type": "departure", "time": 2.0, "short": short, "leaves": 100.0, "withheld": withheld}

    def of(*told: dict[str, Any]) -> tuple[float, float]:
        run = managed([0.0] * 4, [0] * 4, [1] * 4, *told)
        return kpi.departures(run, "it").value, kpi.missed_by_the_pack(run, "it").value

    assert of(departure(30.0, 0.0)) == (1, 0)
    assert of(departure(30.0, 40.0)) == (0, 1)
    assert of(departure(30.0, 10.0)) == (1, 0)  # what is left of it is the manager's
    assert of(departure(-5.0, 40.0)) == (0, 0)


@pytest.mark.parametrize(
    ("short", "withheld", "missed", "by_the_pack", "late"),
    [
        (1.0, 0.0, 0, 0, 0),  # as much as two models of a range differ by
        (nextafter(1.0, 2.0), 0.0, 1, 0, 1),
        (nextafter(1.0, 2.0), 0.5, 0, 1, 1),
        (3.0, 2.0, 0, 1, 1),
        (3.0, nextafter(2.0, 0.0), 1, 0, 1),
        (1.0, 1.0, 0, 0, 0),
    ],
)
def test_a_departure_is_missed_by_more_than_a_kilometre(
    short: float, withheld: float, missed: int, by_the_pack: int, late: int
) -> None:
    left = {"type": "departure", "time": 2.0, "short": short, "leaves": 100.0, "withheld": withheld}
    run = managed([0.0] * 4, [0] * 4, [1] * 4, decided(0.0, departure=100.0, lacks=20.0), left)
    figures = [each(run, "it") for each in (kpi.departures, kpi.missed_by_the_pack, kpi.late_warnings)]
    assert [each.value for each in figures] == [missed, by_the_pack, late]
    assert all("Departures of 1 " in each.definition for each in figures)
    assert f"it did not take is {withheld:.1f} km" in figures[1].definition
    assert f"the most that lacked is {short - withheld:.1f} km" in figures[0].definition


def test_who_never_left_has_missed_nothing() -> None:
    figures = [
        each(managed([0.0] * 4, [0] * 4, [1] * 4), "it")
        for each in (kpi.departures, kpi.missed_by_the_pack, kpi.late_warnings)
    ]
    assert [each.value for each in figures] == [0.0] * 3
    assert all("Departures of 0 " in each.definition for each in figures)
    assert "it did not take is 0.0 km" in figures[1].definition
    assert "the most that lacked is 0.0 km" in figures[0].definition


def test_a_warning_does_not_excuse_what_a_manager_has_given_back_itself() -> None:
    def broken(given: float) -> float:
        left = {"type": "departure", "time": 2.0, "short": 20.0, "leaves": 100.0, "given": given}
        said = {"type": "manager", "time": 1.0, "problem": "", "warned": [100.0]}
        return kpi.departures(managed([0.0] * 4, [0] * 4, [1] * 4, said, left), "it").value

    assert broken(10.0) == 0
    assert broken(25.0) == 1


@pytest.mark.parametrize(
    ("lacks", "broken"),
    [
        ([-30.0, 20.0], 1),  # it waited for too long, and then it warned
        ([20.0, 20.0], 0),  # nobody could have reached it
        ([-4.0, 20.0], 0),  # models of a range differ by that
        ([-5.1, 20.0], 1),
        ([20.0, -30.0], 0),  # what it looked like when it was told: more came in the car than anybody knew
        ([-30.0, None, 20.0], 0),  # nobody heard it, or it was told another charge, until it was too late
        ([-30.0, None, -20.0, 20.0], 1),  # and from then on it would still have been in time
        ([None, None], 0),  # a recording from before does not say it
    ],
)
def test_a_warning_excuses_only_what_full_power_could_not_reach_when_it_was_told(
    lacks: list[float | None], broken: int
) -> None:
    left = {"type": "departure", "time": 3.0, "short": 20.0, "leaves": 100.0, "given": 0.0}

    def of(departure: float) -> float:
        said = [
            decided(each / 4, warned=[100.0], lacks=km, departure=None if km is None else departure)
            for each, km in enumerate(lacks)
        ]
        behind = decided(3.0, warned=[100.0], lacks=-50.0, departure=departure)
        return kpi.departures(managed([0.0] * 5, [0] * 5, [1] * 5, *said, left, behind), "it").value

    assert of(100.0) == broken
    assert of(900.0) == 0  # it was told another departure, and this one too late


def test_a_moment_that_ends_one_step_and_begins_the_next_is_told_of_one_of_them() -> None:
    """What is logged before a step has ended is its own, and what is logged behind it is not: at the same time."""
    run = managed([0.0] * 4, [0] * 4, [1] * 4, decided(0.0, 3.0, problem="it said nothing"), decided(4.0, 5.0))
    more = [
        {**run.events[0], "time": 4.0, "index": 2, "name": "next"},
        decided(4.0, -3.0, problem="it is no JSON", departure=9.0, lacks=30.0), decided(5.0, 3.0, warned=[9.0]),
        {"type": "departure", "time": 8.0, "short": 20.0, "leaves": 9.0, "given": 30.0, "withheld": 30.0},
        {**run.events[-1], "time": 8.0, "index": 2}, decided(8.0, -4.0, problem="it is gone"),
    ]  # fmt: skip
    both = Recording(run.manifest, [*run.events, *more], run.columns, run.rows)

    def of(step: str) -> dict[str, float]:
        counting = (
            kpi.failures, kpi.departures, kpi.missed_by_the_pack, kpi.late_warnings, kpi.turns, kpi.in_kilowatts,
        )  # fmt: skip
        return {each.key: each(both, step).value for each in counting}

    assert of("it") == {
        "manager failures": 1, "departures not kept": 0, "departures missed by the pack": 0,
        "warnings that came late": 0, "turns of the power": 0, "answers that look like kW": 0,
    }  # fmt: skip
    assert of("next") == {
        "manager failures": 1, "departures not kept": 0, "departures missed by the pack": 1,
        "warnings that came late": 1, "turns of the power": 1, "answers that look like kW": 0,
    }  # fmt: skip
    assert kpi.failures(both, "it").definition.endswith("0.00 h into it: it said nothing.")
    assert kpi.failures(both, "next").definition.endswith("0.00 h into it: it is no JSON.")


def test_a_lost_link_is_not_the_manager_s_failure() -> None:
    events = [{"type": "manager", "time": 1.0, "problem": problem} for problem in ("", "no link", "it said nothing")]
    found = kpi.failures(managed([0.0] * 4, [0] * 4, [1] * 4, *events), "it")
    assert found.value == 1.0
    assert found.definition.endswith("it said nothing.")  # a reviewer reads why, beside the figure
    none = kpi.failures(managed([0.0] * 4, [0] * 4, [1] * 4, *events[:2]), "it")
    assert (none.value, none.definition.endswith("or none that the contract knows.")) == (0.0, True)


def test_what_is_bought_and_sold_is_that_of_house_and_car_together() -> None:
    """36 W of house and 3600 W of the car, each a second: 1.01 Wh bought at 0.25 a kWh; 0.99 Wh sold at 0.1."""
    run = managed([0.0, 36.0, -36.0, 0.0], [9] * 4, [1] * 4)
    bought = 0.25 * (3636 + 36) / 3.6e6
    sold = 0.1 * 3564 / 3.6e6
    assert kpi.cost(run, "it").value == pytest.approx(bought - sold)
    away = managed([0.0, 36.0, -36.0, 0.0], [9] * 4, [0] * 4)  # what a car does elsewhere is not bought here
    assert kpi.cost(away, "it").value == pytest.approx(0.25 * 3 * 36 / 3.6e6)


# --- how a manager behaves in between ---------------------------------------------------------------------------------


def decided(time: float, power: float = 0.0, **more: Any) -> dict[str, Any]:
    return {"type": "manager", "time": time, "power": power, "problem": "", "warned": [], **more}


def test_a_warning_has_to_come_with_the_first_decision_at_which_it_could_be_known() -> None:
    left = {"type": "departure", "time": 3.0, "short": 30.0, "leaves": 100.0}

    def late(*said: dict[str, Any]) -> float:
        return kpi.late_warnings(managed([0.0] * 5, [0] * 5, [1] * 5, *said, left), "it").value

    known, unknown = {"departure": 100.0, "lacks": 20.0}, {"departure": 100.0, "lacks": 3.0}
    assert late(decided(0.0, **known)) == 1
    assert late(decided(0.0, **known), decided(1.0, warned=[100.0], **known)) == 1
    assert late(decided(0.0, warned=[100.0], **known)) == 0
    assert late(decided(0.0, **unknown), decided(1.0, warned=[100.0], **known)) == 0
    assert late(decided(0.0, departure=900.0, lacks=20.0)) == 0  # of another departure
    assert late(decided(0.0)) == 0  # a recording from before does not say it


@pytest.mark.parametrize(
    ("powers", "told"),
    [
        ((3.7, -7.4, 11.0), 3),  # of 100 kW: kW
        ((3.7, 0.0, 3.7), 2),
        ((0.0, 0.0, 0.0), 0),  # who asks for nothing has said so
        ((8.0,), 0),
        ((3.7, 7.4, 3700.0), 0),  # small once, and W
        ((250.0, 300.0), 0),
        ((3.7, 199.9), 2),
        ((3.7, 200.0), 0),  # as much as a charger of 100 kW can
    ],
)
def test_who_never_asks_for_more_than_a_charger_cannot_do_speaks_kilowatts(
    powers: tuple[float, ...], told: int
) -> None:
    said = [decided(number, power) for number, power in enumerate(powers)]
    found = kpi.in_kilowatts(managed([0.0] * 5, [9] * 5, [1] * 5, *said), "it")
    assert found.value == told
    assert "200 W" in found.definition
    assert f"the largest is {max(map(abs, powers)):.3g} W" in found.definition


def test_who_was_never_asked_has_asked_for_nothing() -> None:
    figure = kpi.in_kilowatts(managed([0.0] * 5, [9] * 5, [1] * 5), "it")
    assert figure.value == 0.0
    assert "the largest is 0 W" in figure.definition


def test_turns_are_those_within_an_hour() -> None:
    def most(*said: tuple[float, float]) -> float:
        return kpi.turns(managed([0.0] * 5, [0] * 5, [1] * 5, *(decided(*each) for each in said)), "it").value

    assert most((0, 100), (1, 0), (2, 200)) == 0
    assert most((0, 100), (1, -100), (2, 0), (3, 100), (4, -100)) == 3


def test_a_car_below_its_reserve_is_charged_unless_nobody_hears_the_manager() -> None:
    in_hand = [-10.0] * 6
    assert kpi.rest_below(managed([0.0] * 6, in_hand, [1] * 6), "it").value == 5.0
    assert kpi.rest_below(managed([0.0, 0, 0, 100, 0, 0], in_hand, [1] * 6), "it").value == 2.0
    # Less than a hundredth of what the charger can is no charging.
    assert kpi.rest_below(managed([9.0] * 6, in_hand, [1] * 6), "it").value == 5.0
    assert kpi.rest_below(managed([0.0] * 6, in_hand, [0] * 6), "it").value == 0.0
    # The longest of several counts, from the first row of all on; 1 km too few is enough, and 1 % is charging.
    assert kpi.rest_below(managed([0.0, 0, 99, 0, 0, 0], in_hand, [1] * 6), "it").value == 2.0
    assert kpi.rest_below(managed([0.0, 0, 0, 99, 0, 0], in_hand, [1] * 6), "it").value == 2.0
    assert kpi.rest_below(managed([10.0] * 6, in_hand, [1] * 6), "it").value == 0.0
    assert kpi.rest_below(managed([0.0] * 6, [-1.0] * 6, [1] * 6), "it").value == 0.0
    assert kpi.rest_below(managed([0.0] * 6, [-1.001] * 6, [1] * 6), "it").value == 5.0
    lost = [decided(1.0, problem="no link"), decided(4.0)]
    assert kpi.rest_below(managed([0.0] * 6, in_hand, [1] * 6, *lost), "it").value == 0.0


def test_nothing_flows_where_nobody_is_heard() -> None:
    power = [-100.0] * 8 + [-50.0] * 3 + [0.0] * 3
    lost = [decided(2.0, problem="no link"), decided(12.0)]
    assert kpi.power_without_link(managed(power, [9] * 14, [1] * 14, *lost), "it").value == pytest.approx(50 / 0.01)
    rests = [-100.0] * 8 + [0.0] * 6
    assert kpi.power_without_link(managed(rests, [9] * 14, [1] * 14, *lost), "it").value == 0.0
    assert kpi.power_without_link(managed(power, [9] * 14, [1] * 14), "it").unmeasurable == "nobody lost the link"
    heard = [decided(0.0), decided(1.0)]
    assert kpi.power_without_link(managed(power, [9] * 14, [1] * 14, *heard), "it").unmeasurable
    # It is lost from the first time on that nobody answers, until the first time that somebody does, or the end.
    again = [*heard, decided(2.0, problem="no link"), decided(4.0, problem="no link"), decided(12.0), decided(13.0)]
    late = kpi.power_without_link(managed([-100.0] * 8 + [0.0] * 4 + [-80.0] * 2, [9] * 14, [1] * 14, *again), "it")
    assert late.value == 0.0
    assert "after its manager was not heard any more, 1 times" in late.definition
    never = kpi.power_without_link(
        managed([-100.0] * 8 + [0.0] * 4 + [-80.0] * 2, [9] * 14, [1] * 14, *again[:4]), "it"
    )
    assert never.value == pytest.approx(80 / 0.01)


# --- what giving back costs -------------------------------------------------------------------------------------------


def compared(
    chemistry: str = "LFP", given: float = 1.0, driven: float = 0.0, kept: float = 0.0, scale: float = 1.0
) -> Recording:
    """Two hours of a car of 10 kWh: 1 kWh given and charged again with 0.5 kWh more, or nothing done.

    Or another amount `given` (kWh); `driven` is what it gave on a trip beside, and `kept` in the days without giving
    back. The bench's pack is `scale` of the car's.
    """
    out, without = 1000 * (given + driven), 1000 * kept
    columns = {
        "Test Time / s": [0.0, 3600, 7200, 7201, 10801, 14401], "Step Count / 1": [1.0] * 3 + [2.0] * 3,
        "Power / W": [0.0, -1000 * given, 1500, 0, 0, 0], "Set Grid Power / W": [0.0, -1000 * given, 1500, 0, 0, 0],
        "House Power / W": [0.0] * 6, "Sun Power / W": [0.0] * 6, "Buying Price / 1": [0.2] * 6,
        "Selling Price / 1": [0.5] * 6, "Plugged In / 1": [1.0] * 6, "SOC / 1": [0.5, 0.4, 0.5, 0.5, 0.5, 0.5],
        "Charging Energy / Wh": [0.0, 0, 1500, 1500, 1500, 1500],
        "Discharging Energy / Wh": [0.0, *[out] * 4, out + without],
    }  # fmt: skip
    for column in ("Power / W", "Set Grid Power / W", "Charging Energy / Wh", "Discharging Energy / Wh"):
        columns[column] = [scale * each for each in columns[column]]
    events: list[dict[str, Any]] = []
    for index, name, begin, end in ((1, "giving", 0.0, 7200.0), (2, "keeping", 7201.0, 14401.0)):
        told = {**LOSSLESS, "charger charge": 2000.0, "scale": scale, "reserve": 50.0, "car energy": 10000.0}
        events += [
            {"type": "step started", "time": begin, "index": index, "name": name, "kind": "Manage", "direction": "both",
             "resumable": True, "set_points": told},
            {"type": "step ended", "time": end, "index": index, "ended_by": "time"},
        ]  # fmt: skip
    manifest = {"instruments": INSTRUMENTS, "pack": {"chemistry": chemistry}}
    return Recording(manifest, events, list(columns), np.array(list(columns.values())).T)


def test_a_kwh_given_back_costs_its_energy_and_its_ageing() -> None:
    """1 kWh sold for 0.50, 1.5 bought for 0.30: 0.20 gained; 1 kWh out of it at the ageing of LFP."""
    wear = wear_of("LFP")
    assert wear is not None
    figure = kpi.price_of_giving_back(compared(), "giving", "keeping")
    assert figure.value == pytest.approx(-0.20 + wear.middle)
    assert kpi.more_through(compared(), "giving", "keeping").value == pytest.approx(2500)
    assert figure.unit == "EUR/kWh"
    assert "2.5 kWh went through the pack, and 0.0 kWh without" in figure.definition
    assert f"with the ageing's {wear.low:.3f} to {wear.high:.3f}" in figure.definition.lower()
    # The meters of this recording are exact beside it: what nobody knows is the ageing.
    assert uncertainty(figure) == pytest.approx(wear.spread, rel=0.05)
    assert [each.source for each in budget(figure).contributions][:1] == ["ageing by use"]


@pytest.mark.parametrize(("given", "driven"), [(1.0, 1.0), (2.0, 0.0), (2.0, 1.0), (0.5, 0.25)])
def test_a_kwh_given_back_bears_the_ageing_of_all_that_the_pack_gave_more(given: float, driven: float) -> None:
    """For its price as for what nobody knows of it."""
    wear = wear_of("LFP")
    assert wear is not None
    figure = kpi.price_of_giving_back(compared(given=given, driven=driven), "giving", "keeping")
    assert figure.value == pytest.approx((1.5 * 0.2 - given * 0.5 + wear.middle * (given + driven)) / given)
    (ageing,) = [each for each in budget(figure).contributions if each.source == "ageing by use"]
    assert 2 * ageing.standard == pytest.approx(wear.spread * (given + driven) / given)
    assert f"each of the {given:.1f} kWh given back" in figure.definition
    assert f"{given + driven:.1f} kWh more" in figure.definition


@pytest.mark.parametrize(
    ("chemistry", "given", "names"),
    [("LFP", 1.0, ("keeping", "giving")), ("LNMO", 1.0, ("giving", "keeping")), ("LFP", 0.099, ("giving", "keeping"))],
)
def test_who_gave_nothing_back_and_what_nobody_rates_has_no_price(
    chemistry: str, given: float, names: tuple[str, str]
) -> None:
    """Nor has less than a tenth of a kWh; and no word of the definition is left open."""
    figure = kpi.price_of_giving_back(compared(chemistry, given), *names)
    assert np.isnan(figure.value)
    assert "{" not in figure.definition
    assert "each of the nan kWh given back" in figure.definition


def test_the_days_without_giving_back_wear_the_pack_as_well() -> None:
    """What it gave on its trips in both costs nothing: only 2 of 2.5 kWh are more than without."""
    wear = wear_of("LFP")
    assert wear is not None
    figure = kpi.price_of_giving_back(compared(driven=1.5, kept=0.5), "giving", "keeping")
    assert figure.value == pytest.approx(-0.20 + 2.0 * wear.middle)
    assert "2.0 kWh more" in figure.definition
    assert "4.0 kWh went through the pack, and 0.5 kWh without" in figure.definition
    assert kpi.more_through(compared(driven=1.5, kept=0.5), "giving", "keeping").value == pytest.approx(3500)


def test_what_went_through_the_pack_is_told_to_a_tenth_of_a_kwh_with_and_without_giving_back() -> None:
    """400 kWh given and 1.5 charged again, and 300 out of it without."""
    found = kpi.price_of_giving_back(compared(given=400.0, kept=300.0), "giving", "keeping").definition
    assert "401.5 kWh went through the pack, and 300.0 kWh without" in found
    assert "each of the 400.0 kWh given back" in found
    assert "100.0 kWh more" in found


@pytest.mark.parametrize("scale", [0.01, 0.5])
def test_a_price_is_of_the_car_however_small_the_pack_on_the_bench(scale: float) -> None:
    whole, small = compared(driven=0.5, kept=0.25), compared(driven=0.5, kept=0.25, scale=scale)
    for figure in (kpi.price_of_giving_back, kpi.more_through):
        expected, found = (figure(each, "giving", "keeping") for each in (whole, small))
        assert found.value == pytest.approx(expected.value)
        assert found.definition == expected.definition


@pytest.mark.parametrize("pack", [{}, {"pack": None}, {"pack": {}}])
def test_a_pack_whose_chemistry_nobody_has_said_has_no_price(pack: dict[str, Any]) -> None:
    run = compared()
    unsaid = Recording({"instruments": INSTRUMENTS, **pack}, run.events, run.columns, run.rows)
    assert np.isnan(kpi.price_of_giving_back(unsaid, "giving", "keeping").value)


def test_a_tenth_of_a_kwh_has_a_price() -> None:
    assert np.isfinite(kpi.price_of_giving_back(compared(given=0.1), "giving", "keeping").value)


def test_the_price_of_ageing_is_that_of_a_pack_over_what_it_gives_in_its_life() -> None:
    """109 EUR/kWh (BloombergNEF 2024) over 3000 to 6000 cycles lie inside, and over 10 times as many do not."""
    lfp, nmc = wear_of("LFP"), wear_of("NMC811")
    assert lfp is not None
    assert nmc is not None
    assert lfp.low < 109 / 6000 < lfp.middle < 109 / 3000 < lfp.high
    assert nmc.low < 109 / 1750 < nmc.high
    assert lfp.high < nmc.high
