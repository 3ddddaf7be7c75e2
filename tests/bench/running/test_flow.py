"""The current changes its way safely, and nothing is sent that was not declared."""

from math import inf, nextafter
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.players import Players
from bench.running.declared import Undeclared, Workplace, check
from bench.running.flow import Flow
from bench.running.procedures import Extremes

DECLARED = {
    (role, quantity): Extremes(low, high)
    for role in ("source", "sink")
    for quantity, low, high in (("current", 0.0, 5.0), ("voltage", 10.0, 40.0))
}


class Recorder:
    """A source, a sink, or both: keeps what it is told in a list that others may share."""

    def __init__(self, said: list[str], name: str) -> None:
        self._said, self._name = said, name

    def charge(self, current: float, voltage: float) -> None:
        self._said.append(f"{self._name} charge {current:g} A {voltage:g} V")

    def discharge(self, current: float, voltage: float) -> None:
        self._said.append(f"{self._name} discharge {current:g} A {voltage:g} V")

    def source_off(self) -> None:
        self._said.append(f"{self._name} off")

    sink_off = source_off


def players(said: list[str], *, one: bool) -> Players:
    """Two instruments, or one that is both."""
    supply = Recorder(said, "supply")
    sink = {"supply": supply} if one else {"load": Recorder(said, "load")}
    return Players({"source": {"supply": supply}, "sink": sink})


def made(*, one: bool, envelope: Any = DECLARED) -> tuple[Flow, list[str], list[tuple[float, float]]]:
    said: list[str] = []
    noted: list[tuple[float, float]] = []
    return (
        Flow(players(said, one=one), envelope, lambda current, voltage: noted.append((current, voltage)), "drive"),
        said,
        noted,
    )


class Counting(dict[tuple[str, str], Extremes]):
    """A declaration that keeps what was looked up in it."""

    def __init__(self) -> None:
        super().__init__(DECLARED)
        self.looked_up: list[tuple[str, str]] = []

    def get(self, key: tuple[str, str], default: Any = None) -> Any:
        self.looked_up.append(key)
        return super().get(key, default)


@pytest.mark.parametrize("one", [True, False])
def test_what_is_asked_for_again_in_every_scan_is_held_against_the_declaration_once(one: bool) -> None:
    """And anew once it is another current, another voltage, the other way, or flows again behind a pause."""
    declared = Counting()
    flow, said, noted = made(one=one, envelope=declared)
    source, sink = ([(role, quantity) for quantity in ("current", "voltage")] for role in ("source", "sink"))
    for ask, current, voltage, looked in (
        (flow.charge, 2, 30, source), (flow.charge, 2, 30, []), (flow.charge, 2, 31, source),
        (flow.charge, 1, 31, source), (flow.charge, 1, 31, []), (flow.discharge, 1, 31, sink),
        (flow.discharge, 1, 31, []), (flow.discharge, 1, 30, sink), (flow.discharge, 2, 30, sink),
        (flow.charge, 2, 30, source), (flow.charge, 2, 30, []),
    ):  # fmt: skip
        declared.looked_up.clear()
        ask(current, voltage)
        assert declared.looked_up == looked
        assert noted[-1] == (current if ask == flow.charge else -current, voltage)
    flow.off()
    declared.looked_up.clear()
    flow.charge(2, 30)
    assert declared.looked_up == source
    assert len([each for each in said if "charge" in each]) == 12


def test_of_two_instruments_the_one_that_flows_goes_off_before_the_other_goes_on() -> None:
    flow, said, noted = made(one=False)
    flow.charge(2, 30)
    flow.discharge(3, 20)
    flow.charge(1, 30)
    assert said == [
        "supply charge 2 A 30 V", "supply off", "load discharge 3 A 20 V", "load off", "supply charge 1 A 30 V",
    ]  # fmt: skip
    assert [current for current, _ in noted if current == current] == [2, -3, 1]  # noqa: PLR0124 - nan is off


def test_one_instrument_changes_its_way_in_one_message() -> None:
    flow, said, _ = made(one=True)
    flow.charge(2, 30)
    flow.discharge(3, 20)
    assert said == ["supply charge 2 A 30 V", "supply discharge 3 A 20 V"]


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 5)), max_size=30))
def test_two_instruments_are_never_on_together(asked: list[tuple[bool, float]]) -> None:
    flow, said, _ = made(one=False)
    for charges, current in asked:
        (flow.charge if charges else flow.discharge)(current, 20)
    on: set[str] = set()
    for words in said:
        name, verb = words.split()[:2]
        on = on - {name} if verb == "off" else on | {name}
        assert len(on) <= 1


def test_off_is_said_to_what_flows_and_noted() -> None:
    flow, said, noted = made(one=False)
    flow.off()
    assert said == []
    flow.discharge(1, 20)
    flow.off()
    assert said[-1] == "load off"
    assert all(value != value for value in noted[-1])  # noqa: PLR0124 - nan


@pytest.mark.parametrize(
    ("current", "voltage", "says"),
    [
        (5.1, 30, "a current of 5.1 and has declared 0 to 5"),
        (-0.1, 30, "a current of -0.1 and has declared 0 to 5"),
        (float("nan"), 30, "a current of nan"),
        (1, 41, "a voltage of 41 and has declared 10 to 40"),
    ],
)
def test_what_was_not_declared_is_refused_before_it_is_sent(current: float, voltage: float, says: str) -> None:
    flow, said, noted = made(one=False)
    with pytest.raises(Undeclared) as refused:
        flow.charge(current, voltage)
    assert says in str(refused.value)
    assert "Step 'drive' asks its source" in str(refused.value)
    assert (said, noted) == ([], [])


def test_a_role_that_was_not_declared_at_all_is_refused() -> None:
    flow, said, _ = made(one=False, envelope={("source", "current"): Extremes(0, 5)})
    with pytest.raises(Undeclared, match=r"put \('sink', 'current'\) into its envelope"):
        flow.discharge(1, 20)
    assert said == []


@pytest.mark.parametrize(("low", "high"), [(0.0, 5.0), (-5.0, 2.0), (-2.0, 5.0), (10.0, 40.0), (0.0, 0.0)])
def test_a_set_point_may_be_off_its_declaration_by_a_millionth_of_the_larger_end_and_no_more(
    low: float, high: float
) -> None:
    declaration = {("source", "current"): Extremes(low, high)}
    slack = 1e-6 * max(abs(low), abs(high))
    for edge, way in ((low - slack, -inf), (high + slack, inf)):
        check(declaration, "drive", "source", "current", edge)
        with pytest.raises(Undeclared, match=rf"and has declared {low:.4g} to {high:.4g}: its procedure must declare"):
            check(declaration, "drive", "source", "current", nextafter(edge, way))


class Verbs:
    """A player with a verb that sets two quantities, one that sets none, and something that is no verb."""

    ratings = 7.0

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def charge(self, current: float, voltage: float, power: float | None = None) -> str:
        """Set."""
        self.told.append((current, voltage, power))
        return "done"

    def source_off(self) -> None:
        self.told.append(())


@pytest.mark.parametrize("by", ["role", "name"])
def test_a_player_is_reached_through_its_declaration_whoever_asks_it_and_however(by: str) -> None:
    """By role or by name, by place or by keyword; what is left out is not asked for."""
    player = Verbs()
    place: Any = SimpleNamespace(
        pack=object(), station=object(), roles=Players({"source": {"supply": player}}), index={"x": 1}
    )
    work = Workplace(place, "drive")
    assert (work.pack, work.station, work.index) == (place.pack, place.station, {"x": 1})
    asked = work.roles["source"] if by == "role" else work.roles.of("source")["supply"]
    with pytest.raises(Undeclared, match="asks its source for a current of 1 and has declared none"):
        asked.charge(1.0, 20.0)
    work.allow(DECLARED)
    assert asked.charge(1.0, 20.0) == asked.charge(voltage=20.0, current=1.0) == "done"
    for values, named in (((6.0, 20.0), {}), ((1.0,), {"voltage": 50.0}), ((), {"current": 6.0, "voltage": 20.0})):
        with pytest.raises(Undeclared):
            asked.charge(*values, **named)
    with pytest.raises(Undeclared, match="a power of 3 and has declared none"):
        asked.charge(1.0, 20.0, 3.0)
    assert asked.charge.__doc__ == "Set."
    assert asked.ratings == 7.0
    asked.source_off()
    assert player.told == [(1.0, 20.0, None), (1.0, 20.0, None), ()]


def test_rounding_is_no_lie() -> None:
    flow, said, _ = made(one=True)
    flow.charge(5 * (1 + 1e-9), 40 * (1 + 1e-9))
    assert len(said) == 1
