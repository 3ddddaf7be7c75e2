"""What the reference does where the field's managers fail; each is a request and what must not be answered."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from managers.reference import Reference


def later(request: dict[str, Any], minutes: int, reason: str = "tick", **car: Any) -> dict[str, Any]:
    time = datetime.fromisoformat(request["time"]) + timedelta(minutes=minutes)
    return {**request, "time": time.isoformat(), "reason": reason, "car": {**request["car"], **car}}


def test_the_same_reserve_holds_more_of_the_charge_in_the_cold(request_: dict[str, Any]) -> None:
    """What is a third more than warm cells need are not enough for cold ones on a motorway in winter."""
    request_["reserve"] = {"distance": 60, "road": "motorway-130"}
    request_["trip"] = None
    request_["car"]["soc"] = 0.42
    warm = {**request_, "forecast": {**request_["forecast"], "outside": [25.0]}}
    warm["car"] = {**request_["car"], "cells": 25.0}
    cold = {**request_, "forecast": {**request_["forecast"], "outside": [-12.0]}}
    cold["car"] = {**request_["car"], "cells": -12.0}
    assert Reference().decide(warm)["power"] <= 0
    assert Reference().decide(cold)["power"] == 7400


def test_below_the_reserve_it_charges_whatever_it_costs(request_: dict[str, Any]) -> None:
    request_["car"]["soc"] = 0.1
    assert Reference().decide(request_)["power"] == 7400


def test_a_missing_state_of_charge_is_never_discharged(request_: dict[str, Any]) -> None:
    manager = Reference()
    assert manager.decide(request_)["power"] < 0
    for minutes in range(15, 240, 15):
        assert manager.decide(later(request_, minutes, soc=None))["power"] >= 0


def test_who_never_told_it_is_taken_for_empty(request_: dict[str, Any]) -> None:
    request_["car"]["soc"] = None
    assert Reference().decide(request_)["power"] == 7400


def test_a_state_of_charge_that_jumps_up_gives_nothing(request_: dict[str, Any]) -> None:
    request_["car"]["soc"] = 0.3
    manager = Reference()
    manager.decide(request_)
    for minutes in range(15, 180, 15):
        assert manager.decide(later(request_, minutes, soc=0.9))["power"] >= 0


def test_a_full_car_that_was_taken_for_less_is_believed_again(request_: dict[str, Any]) -> None:
    manager = Reference()
    request_["car"]["soc"] = 0.3
    manager.decide(request_)
    assert manager.decide(later(request_, 15, soc=0.99, charge=0.0))["power"] < 0


def test_who_is_begun_anew_gives_nothing_that_a_car_may_only_tell(request_: dict[str, Any]) -> None:
    """It has no reckoning of its own to hold against what is told; a full car proves it, and so does half a day."""
    anew = {**request_, "reason": "link"}
    assert Reference().decide(request_)["power"] < 0
    manager = Reference()
    answers = [manager.decide(anew), *(manager.decide(later(request_, minutes)) for minutes in range(15, 180, 15))]
    assert all(each["power"] >= 0 for each in answers)
    assert answers[0]["say"] == "rest: its charge is not sure"
    assert manager.decide(later(request_, 180, soc=0.99, charge=0.0))["power"] < 0
    manager = Reference()
    manager.decide(anew)
    asked = {**later(request_, 13 * 60), "trip": None}
    assert manager.decide(asked)["power"] < 0


def test_it_is_ready_long_before_the_departure_that_was_told(request_: dict[str, Any]) -> None:
    """Hours before, it charges with all there is, at whatever price: as long as a router is off at night."""
    request_["car"]["soc"] = 0.3
    request_["trip"] |= {"departure": "2026-01-13T02:00:00+01:00", "distance": 120}
    assert Reference().decide(request_)["power"] == 7400


@pytest.mark.parametrize("jitter", [0.01, -0.01])
def test_prices_that_tremble_do_not_turn_the_power_around(request_: dict[str, Any], jitter: float) -> None:
    manager, signs = Reference(), []
    request_["trip"] = None
    for quarter in range(16):
        asked = later(request_, 15 * quarter)
        buy = 0.3 + 40 * jitter * (-1) ** quarter
        asked["forecast"] = {**asked["forecast"], "buy": [buy, 0.3], "sell": [buy, 0.3]}
        signs.append(manager.decide(asked)["power"])
    turned = [at for at in range(len(signs) - 1) if signs[at] * signs[at + 1] < 0]
    assert all(after - before >= 4 for before, after in pairwise(turned))


@pytest.mark.parametrize("soc", [0.3, 0.9])
def test_a_departure_that_is_past_is_now_and_said(request_: dict[str, Any], soc: float) -> None:
    """Whoever has not left is about to: what lacks is charged and warned of."""
    request_["trip"] = {**request_["trip"], "departure": later(request_, -30)["time"], "distance": 120}
    request_["car"]["soc"] = soc
    answer = Reference().decide(request_)
    assert "the departure that was told is past" in answer["say"]
    assert (answer["power"] == 7400) is (soc == 0.3)
    assert [each["departure"] for each in answer["warnings"]] == [request_["trip"]["departure"]] * (soc == 0.3)


def test_a_car_that_is_away_is_asked_for_nothing(request_: dict[str, Any]) -> None:
    request_["car"]["plugged"] = False
    assert Reference().decide(request_)["power"] == 0


def test_a_house_that_takes_nothing_now_takes_nothing_whatever_was_forecast(request_: dict[str, Any]) -> None:
    """What is told of now goes before what was foreseen of it: 0 W is told as well."""
    request_["car"]["soc"] = 0.5
    request_["site"] |= {"import": 6000}
    request_["forecast"] |= {"house": [6000, 400], "buy": [0.05, 0.5], "sell": [0.0]}
    request_["trip"] = None
    request_["site"]["house"] = 6000
    assert Reference().decide(request_)["power"] == 0  # the connection carries no more
    request_["site"]["house"] = 0
    assert Reference().decide(request_)["power"] == pytest.approx(6000)
    request_["site"]["house"] = None
    assert Reference().decide(request_)["power"] == 0


@pytest.mark.parametrize("distance", [42, 400])
def test_a_warning_is_of_what_full_power_does_not_reach_and_of_no_car_that_is_away(
    request_: dict[str, Any], distance: float
) -> None:
    request_["trip"] |= {"departure": later(request_, 60)["time"], "distance": distance}
    warnings = Reference().decide(request_)["warnings"]
    assert [each["departure"] for each in warnings] == [request_["trip"]["departure"]] * (distance == 400)
    assert all(100 < each["short"] < 400 for each in warnings)
    request_["car"]["plugged"] = False
    assert Reference().decide(request_)["warnings"] == []
    request_["car"]["plugged"], request_["trip"] = True, None
    assert Reference().decide(request_)["warnings"] == []


def test_a_power_below_what_the_charger_can_is_a_rest(request_: dict[str, Any]) -> None:
    """Of a house that is dear to feed in the evening, and takes less than the charger can give."""
    request_["trip"] = None
    request_["site"] |= {"house": 900, "export": 0}
    request_["forecast"] |= {"house": [900]}
    assert Reference().decide(request_)["power"] == pytest.approx(-900, rel=0.02)
    request_["charger"]["least"] = 1380
    assert Reference().decide(request_)["power"] == 0


def test_a_charger_that_is_another_is_planned_with_its_own_efficiency(request_: dict[str, Any]) -> None:
    request_["trip"] = None
    manager, lossy = Reference(), {**request_, "charger": {**request_["charger"], "efficiency": 0.4}}
    assert manager.decide(lossy)["power"] == 0  # no price of the evening is worth its losses
    assert manager.decide(later(request_, 15))["power"] < 0


def test_habits_are_changed_in_one_manager_and_in_no_other(request_: dict[str, Any]) -> None:
    request_["trip"] = None
    calm = Reference().careful(wear=5.0)
    assert calm.decide(request_)["power"] == 0
    assert Reference().decide(request_)["power"] < 0


@pytest.mark.parametrize(("what", "value"), [("model", "renault-6-class"), ("road", "moon")])
def test_a_car_and_a_road_that_are_not_known_here_are_told_with_the_nearest(
    request_: dict[str, Any], what: str, value: str
) -> None:
    section = request_ if what == "model" else request_["reserve"]
    section[what] = value
    with pytest.raises(ValueError, match=f"{value}.*shipped are"):
        Reference().decide(request_)
