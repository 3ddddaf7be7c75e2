"""Each flawed manager on a hostile night of the shipped suite, on the plant model: its own flaw, and no other."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pytest

from bench.managing.answer import Manager, NoAnswer
from managers.contract import read
from managers.vehicle import Range
from models.grid.charger import Charger
from packbench.adversary.home import Home, Plant
from packbench.adversary.managers import opened
from packbench.adversary.referee import DISCHARGED, SILENT, USED_UP
from packbench.adversary.replaying import played_on
from test_cases.test_managed import CHARGERS, HOSTILE

COLD = "cold cells give less than they tell"
UNHEARD = "the car is not heard while it gives back"
SEES_IT = {
    "percent": {COLD: DISCHARGED, UNHEARD: ""},
    "myopic": {"the link is lost": USED_UP, COLD: ""},
    "stubborn": {UNHEARD: DISCHARGED, COLD: ""},
}
"""By the manager, what comes of a night: a kind of breach, or none."""


@cache
def broken(manager: str, case: str) -> frozenset[str]:
    """Kinds of breaches of a manager on a hostile night."""
    with opened(manager) as who:
        return kinds(who, case)


def kinds(manager: Manager, case: str) -> frozenset[str]:
    power = CHARGERS.get(case, 7400.0)
    plant = Plant(HOSTILE[case](), Home(Charger(charge=power, discharge=power)))
    return frozenset(each.kind for each in played_on(plant, manager))


@pytest.mark.parametrize(("manager", "case"), [(who, case) for who, nights in SEES_IT.items() for case in nights])
def test_a_hostile_night_shows_a_flaw_where_it_matters_and_only_there(manager: str, case: str) -> None:
    kind = SEES_IT[manager][case]
    assert broken(manager, case) == ({kind} if kind else set())


@pytest.mark.parametrize("case", HOSTILE)
def test_the_reference_keeps_its_word_on_each_hostile_night(case: str) -> None:
    assert broken("reference", case) == set()


# --- the field's own bugs, each in a manager that has nothing else wrong ----------------------------------------------

BOOST = "a boost from below the reserve ends long before the departure"
PER_CENT = "an efficiency of 85 for 0.85 begins to charge too late"
ANEW = "a manager that is begun anew keeps a reserve that is not the usual one"


class Boosts:
    """Charges at full power up to the reserve, and from as late on as it takes to be ready; `hangs` behind a boost."""

    def __init__(self, hangs: Callable[[], float] | None = None, efficiency: float = 0.85) -> None:
        self._hangs, self._efficiency = hangs, efficiency
        self._boosted = False

    def decide(self, request: dict[str, Any]) -> Mapping[str, Any]:
        asked = read(request)
        ways, soc = Range(asked), asked.soc or 0.0
        if soc < ways.reserve() + 0.02:
            self._boosted = True
            return {"power": asked.charge}
        if self._boosted and self._hangs is not None:
            return {"power": self._hangs()}
        left = asked.hours_to(asked.trip.departure) - 1.0 if asked.trip else 0.0
        late = soc + asked.charge * self._efficiency * left / asked.energy < ways.need() + 0.05
        return {"power": asked.charge if late else 0.0}


def hangs_up() -> float:
    raise NoAnswer("it did not answer.")


@pytest.mark.parametrize(("hangs", "kind"), [(lambda: 0.0, USED_UP), (hangs_up, SILENT)])
def test_a_hang_at_the_end_of_a_boost_is_seen(hangs: Callable[[], float], kind: str) -> None:
    assert kinds(Boosts(), BOOST) == set()
    assert kind in kinds(Boosts(hangs), BOOST)


def test_an_efficiency_in_per_cent_is_seen() -> None:
    assert kinds(Boosts(), PER_CENT) == set()
    assert kinds(Boosts(efficiency=85.0), PER_CENT) == {USED_UP}


class Configured:
    """Gives back down to a reserve (km) that its owner has set; begun anew it `finds` another one."""

    def __init__(self, reserve: float, finds: float) -> None:
        self._reserve, self._finds = reserve, finds

    def begin_anew(self) -> None:
        self._reserve = self._finds

    def decide(self, request: dict[str, Any]) -> Mapping[str, Any]:
        asked = read({**request, "reserve": {**request["reserve"], "distance": self._reserve}})
        spare = (asked.soc or 0.0) - Range(asked).reserve() - 0.05
        return {"power": -asked.discharge if spare > 0 else 0.0}


def test_a_reserve_that_is_overwritten_at_a_restart_is_seen() -> None:
    assert kinds(Configured(90.0, finds=90.0), ANEW) == set()
    assert kinds(Configured(90.0, finds=20.0), ANEW) == {DISCHARGED}
