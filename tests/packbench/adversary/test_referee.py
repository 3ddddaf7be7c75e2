"""What counts as a breach, with managers so simple that what they do is known."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from packbench.adversary import Away, Trouble, Week
from packbench.adversary.drawing import weeks
from packbench.adversary.living import Lived, live
from packbench.adversary.referee import (
    CHATTER,
    DISCHARGED,
    SILENT,
    UNWARNED,
    USED_UP,
    Baseline,
    breaches,
    counted,
)  # fmt: skip

Rule = Callable[[dict[str, Any]], dict[str, Any]]


class Told:
    """Answers by a rule, and keeps what it was asked."""

    def __init__(self, rule: Rule) -> None:
        self.rule, self.asked = rule, []  # type: Rule, list[dict[str, Any]]

    def decide(self, request: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(request)
        return self.rule(request)


def lived(week: Week, rule: Rule) -> Lived:
    return live(week.plant(), Told(rule))


def kinds(week: Week, rule: Rule) -> set[str]:
    return {each.kind for each in counted(lived(week, rule))}


def always(power: float) -> Rule:
    return lambda _: {"power": power}


def warns(request: dict[str, Any], power: float) -> dict[str, Any]:
    trip = request["trip"]
    return {"power": power, "warnings": [{"departure": trip["departure"], "short": 1}] if trip else []}


COMMUTE = Week(soc=0.3, trips=(Away(home=40, away=20, distance=100),))
FAR = Week(soc=0.3, trips=(Away(home=4, away=40, distance=250, road="motorway-130"),))


def test_a_rest_breaks_nothing_where_nobody_goes_anywhere() -> None:
    assert kinds(Week(days=2), always(0)) == set()


def test_what_goes_on_below_the_reserve_is_a_breach_and_stopping_at_it_is_none() -> None:
    assert kinds(Week(), always(-7000)) == {DISCHARGED}
    assert kinds(Week(), lambda asked: {"power": 0 if asked["reason"] == "reserve" else -2000 * _early(asked)}) == set()


def _early(asked: dict[str, Any]) -> bool:
    return asked["car"]["soc"] > 0.4


def test_who_comes_down_to_the_reserve_is_asked_there() -> None:
    manager = Told(always(-7000))
    live(Week().plant(), manager)
    assert [each["reason"] for each in manager.asked].count("reserve") == 1


def test_a_trip_that_was_told_in_time_is_kept_or_broken() -> None:
    assert kinds(COMMUTE, always(7400)) == set()
    assert kinds(COMMUTE, always(0)) == {USED_UP}


def test_a_warning_does_not_excuse_what_could_have_been_charged() -> None:
    assert kinds(COMMUTE, lambda asked: warns(asked, 0)) == {USED_UP}


def test_what_nobody_could_charge_has_to_be_warned_of() -> None:
    assert kinds(FAR, always(7400)) == {UNWARNED}
    assert kinds(FAR, lambda asked: warns(asked, 0)) == set()


def test_a_warning_that_comes_late_is_none() -> None:
    late: Rule = lambda asked: warns(asked, 0) if asked["time"] > "2026-04-12T00:30" else {"power": 0}  # noqa: E731
    assert kinds(FAR, late) == {UNWARNED}


def test_a_lost_link_stands_still_and_is_no_reason_of_a_managers() -> None:
    """What full power would not have reached either, for the link was lost, it has not used up."""
    week = Week(soc=0.3, trips=(Away(home=12, away=20, distance=60),), troubles=(Trouble("link", 0, 11),))
    record = lived(week, always(7400))
    assert all(each.power == 0 for each in record.stretches if each.begin < 11 * 900)
    assert USED_UP not in {each.kind for each in counted(record)}
    manager = Told(always(7400))
    live(week.plant(), manager)
    assert manager.asked[0]["reason"] == "link"


def test_an_earlier_departure_is_judged_from_when_it_was_told() -> None:
    week = Week(soc=0.3, trips=(Away(home=20, away=20, distance=100, early=8, notice=1),))
    told: Rule = lambda asked: warns(asked, 7400) if asked["reason"] == "trip" else {"power": 0}  # noqa: E731
    assert kinds(week, told) == set()
    assert kinds(week, always(0)) == {UNWARNED}


@pytest.mark.parametrize(
    "answer", [{}, {"power": "7 kW"}, {"power": float("nan")}, {"power": None}, {"power": 0, "warnings": [{}]}, []]
)
def test_what_is_no_answer_is_the_managers_failure_and_0_watts(answer: Any) -> None:
    record = lived(Week(), lambda _: answer)
    assert {each.kind for each in breaches(record)} == {SILENT}
    assert all(each.power == 0 for each in record.stretches)


def test_a_power_that_turns_at_each_decision_is_chatter() -> None:
    def turning() -> Rule:
        sign = [1]

        def rule(_: dict[str, Any]) -> dict[str, Any]:
            sign[0] = -sign[0]
            return {"power": 3000.0 * sign[0]}

        return rule

    assert kinds(Week(soc=0.8, reserve=20), turning()) == {CHATTER}
    assert kinds(Week(soc=0.8, reserve=20), always(3000)) == set()


def test_power_is_cut_to_what_charger_house_and_car_allow() -> None:
    record = lived(Week(connection=6000.0, house=3.0, soc=0.2), always(1e6))
    plant = record.plant
    for each in record.stretches:
        quarter = plant.days.quarter(each.begin)
        assert each.power + plant.days.house[quarter] - plant.days.sun[quarter] <= 6000.0 + 1e-6
    assert max(each.soc for each in record.stretches) <= 1.0


def test_a_faulty_state_of_charge_is_told_and_a_stale_forecast_is_the_old_one() -> None:
    troubles = (Trouble("soc", 8, 4), Trouble("jump", 20, 4, 0.25), Trouble("forecast", 40, 20))
    manager = Told(always(0))
    live(Week(soc=0.5, troubles=troubles, price="night").plant(), manager)
    assert [each["car"]["soc"] for each in manager.asked[8:12]] == [None] * 4
    assert [each["car"]["soc"] for each in manager.asked[20:24]] == [0.75] * 4
    assert manager.asked[50]["forecast"] == manager.asked[39]["forecast"] != manager.asked[61]["forecast"]


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(week=weeks(2))
def test_the_baseline_never_breaks_what_it_is_the_measure_of(week: Week) -> None:
    found = {each.kind for each in breaches(live(week.plant(), Baseline()))}
    assert not found & {DISCHARGED, SILENT, CHATTER}
