"""What counts as a breach, with managers so simple that what they do is known."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from packbench.adversary import Away, Trouble, Week, replay
from packbench.adversary.drawing import weeks
from packbench.adversary.living import Lived, live
from packbench.adversary.managers import There, opened
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
from packbench.adversary.space import SPACE

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


class Mortal(Told):
    """Counts how often it was begun anew, and when it was asked last before."""

    anew: tuple[str, ...] = ()

    def begin_anew(self) -> None:
        self.anew = (*self.anew, self.asked[-1]["time"])


def test_behind_a_restart_it_is_another_that_is_asked_and_nothing_flows_meanwhile() -> None:
    manager = Mortal(always(3000))
    record = live(Week(soc=0.3, troubles=(Trouble("restart", 8, 3),)).plant(), manager)
    assert manager.anew == ("2026-04-12T01:45:00+01:00",)
    assert [each["reason"] for each in manager.asked[7:10]] == ["tick", "link", "tick"]
    assert {each.power for each in record.stretches if 8 * 900 <= each.begin < 11 * 900} == {0.0}


def test_one_in_a_process_of_its_own_is_begun_anew_as_well() -> None:
    with opened(f"{sys.executable} -m managers reference") as manager:
        assert isinstance(manager, There)
        before = manager.link
        manager.begin_anew()
        (decision, *_) = live(Week().plant(), manager).decisions
        assert manager.link is not before
        assert not decision.problem


def told(value: Any) -> str:
    """A range as the document has it."""
    match value:
        case Mapping():
            return "; ".join(f"{name} {told(each)}" for name, each in value.items())
        case (int() | float() as low, int() | float() as high) if not isinstance(low, bool):
            return f"{low:g} to {high:g}"
        case tuple():
            return ", ".join(told(each) for each in value)
        case str() | bool():
            return str(value)
    return f"{value:g}"


def test_the_space_is_written_down() -> None:
    document = (Path(__file__).parents[3] / "docs" / "manager-contract.md").read_text(encoding="utf-8")
    assert [
        f"| {name} | {told(value)} |" for name, value in SPACE.items() if f"| {name} | {told(value)} |" not in document
    ] == []


def test_a_link_can_be_lost_for_longer_than_the_reference_once_was_ready_before() -> None:
    """Found by hand in the wider space: with three hours of grace it left 38 km short."""
    week = Week(
        days=2, season="paris-july", soc=0.4, reserve=96, connection=6000.0, house=1.65, foreseen=0.68,
        trips=(Away(home=62, away=39, distance=220, road="urban"),), troubles=(Trouble("link", begins=40, lasts=19),),
    )  # fmt: skip
    assert replay(week, "reference") == []


def test_a_manager_that_is_begun_anew_is_not_deceived_by_a_charge_that_jumped_meanwhile() -> None:
    week = Week(
        soc=0.9, reserve=100, price="evening", season="paris-april", trips=(Away(40, 32, 220),),
        troubles=(Trouble("restart", 73, 2), Trouble("jump", 73, 22, 0.3)),
    )  # fmt: skip
    assert replay(week, "reference") == []


def test_what_house_and_connection_cut_is_not_taken_for_charged_where_the_car_tells_nothing() -> None:
    """Found by hand: it asked for 11 kW, 3.5 of them were there, and it left 17 km short."""
    week = Week(
        days=2, season="paris-january", soc=0.35, charger=11000.0, connection=6000.0, house=3.0,
        trips=(Away(home=60, away=8, distance=60), Away(home=20, away=60, distance=60)),
        troubles=(Trouble("soc", begins=68, lasts=24),),
    )  # fmt: skip
    assert replay(week, "reference") == []


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(week=weeks(2))
def test_the_baseline_never_breaks_what_it_is_the_measure_of(week: Week) -> None:
    found = {each.kind for each in breaches(live(week.plant(), Baseline()))}
    assert not found & {DISCHARGED, SILENT, CHATTER}
