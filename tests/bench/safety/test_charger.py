"""A charger on a bench: the shipped station is ready and made safe, and what goes wrong with it is blamed on it."""

import re
from collections.abc import Callable
from math import nan
from typing import Any

import pytest

from bench import columns
from bench.columns import DERIVED, INDEX
from bench.pack import load_pack
from bench.running.declared import Undeclared, Workplace
from bench.running.procedures import bounds
from bench.running.procedures.base import Extremes
from bench.safety import charger
from bench.safety.limits import limits_for
from bench.safety.safestate import outputs_off
from bench.scenario import Rest, elapsed
from bench.station import load_station
from bench.testing import TestBench
from bench.verdicts import BenchFault, PackFailure
from instruments.roles import BmsMode, BmsState, ChargerState
from reports.recording import Recording

STATION = "virtual-wallbox"
Open = Callable[..., TestBench]


@pytest.fixture
def opened(on: Open) -> Open:
    """The shipped station, open; its BMS is asked for closed contactors."""
    return lambda *defects: on(STATION, "nmc811-vehicle", seed=1, defects=defects)


def closed(bench: TestBench) -> TestBench:
    """With the contactors closed, as a step that moves energy has them."""
    on = bench.engine.bench
    on.roles.bms.request_mode(BmsMode.DISCHARGE)
    while on.roles.bms.state() is not BmsState.CLOSED:
        on.clock.sleep(1.0)
        on.roles.bms_scan()
    return bench


def ask(bench: TestBench, power: float) -> None:
    bench.engine.bench.roles.charger.set_grid_power(power)


def recorded(bench: TestBench, minutes: float = 2.0) -> Recording:
    return Recording(*bench.run(Rest(until=elapsed(minutes=minutes))))


# --- the shipped station ----------------------------------------------------------------------------------------------


def test_power_flows_either_way_and_every_column_of_it_is_recorded(opened: Open) -> None:
    bench = closed(opened())
    for power, sign in ((7000.0, 1.0), (-7000.0, -1.0)):
        ask(bench, power)
        run = recorded(bench)
        step = run.step(len(run.steps))
        last = {name: run.values(name, step)[-1] for name in run.columns}
        assert last[columns.GRID_POWER] == pytest.approx(power, rel=0.02)
        assert last[columns.SET_GRID_POWER] == power
        assert last[columns.CHARGER_SOC] == pytest.approx(0.5, abs=0.02)
        assert sign * last[columns.CURRENT] > 15.0
        # Some of it is lost on the way, whichever that is.
        lost = last[columns.GRID_POWER] - last[columns.POWER]
        assert 0.02 * 7000 < lost < 0.10 * 7000
    states = recorded(bench).values(columns.CHARGER_STATE, run.step(len(run.steps)))
    assert set(states) == {ChargerState.DISCHARGING}
    bench.conclude(None)
    verdict = bench.run_log.manifest["bench_verdict"]
    off = {step["name"]: step for step in verdict["steps"]}["charger off"]
    assert (off["verified"], off["witness"]) == (True, "bms")


def test_the_shortest_way_to_no_current_is_the_chargers_as_well(opened: Open) -> None:
    bench = closed(opened())
    ask(bench, 7000.0)
    recorded(bench)
    outputs_off(bench.engine.bench.roles)
    assert bench.engine.bench.roles.charger.charger_is_off()


def test_a_box_that_goes_on_is_found_out_by_the_bms(opened: Open) -> None:
    bench = closed(opened("output-lies:wallbox@30"))
    ask(bench, 7000.0)
    recorded(bench)
    bench.engine.bench.roles.charger.charger_off()
    with pytest.raises(BenchFault, match="unasked"):
        recorded(bench)
    bench.conclude(None)
    off = {step["name"]: step for step in bench.run_log.manifest["bench_verdict"]["steps"]}["charger off"]
    assert off["verified"] is False
    assert "flow" in off["detail"]


# --- who is to blame --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("defect", "fault"),
    [
        ("charger-error@60", "charger-error"),
        ("charger-unplugged@60", "charger-unplugged"),
        ("charger-taken-over@60", "charger-stopped"),
        ("contactor-stuck-open@60", "path-open"),
    ],
)
def test_what_the_charger_does_is_its_own_fault_and_names_it(opened: Open, defect: str, fault: str) -> None:
    bench = closed(opened(defect))
    ask(bench, 3000.0)
    with pytest.raises(BenchFault, match="wallbox") as found:
        recorded(bench, minutes=5)
    assert not isinstance(found.value, PackFailure)
    assert found.value.fault == fault


def test_a_charger_at_rest_may_be_unplugged_and_taken_over(opened: Open) -> None:
    bench = closed(opened("charger-unplugged@30", "charger-taken-over@60"))
    recorded(bench, minutes=3)
    bench.conclude(None)
    assert bench.run_log.manifest["verdict"] == "PASS"


# --- limits, row by row -----------------------------------------------------------------------------------------------

POWER, ASKED, STATE, SHOWN = (len(DERIVED) + place for place in range(4))
PLACES = {
    columns.GRID_POWER: POWER, columns.SET_GRID_POWER: ASKED, columns.CHARGER_STATE: STATE, columns.CHARGER_SOC: SHOWN,
}  # fmt: skip


def row(*, power: float = 0.0, asked: float = nan, state: float = ChargerState.PAUSED, current: float = 0.0) -> Any:
    found = [nan] * len(DERIVED) + [power, asked, float(state), nan]
    found[INDEX[columns.CURRENT]] = current
    return found


@pytest.mark.parametrize(
    ("power", "asked", "beyond"),
    [
        (3000, 3000, 0), (2500, 3000, 0), (3400, 3000, 400), (-3400, -3000, 400), (-2500, -3000, 0),
        (100, -3000, 100), (-100, 3000, 100), (800, 0, 800), (-800, 0, 800), (800, nan, 0), (nan, 3000, 0),
    ],
)  # fmt: skip
def test_excess_is_what_goes_beyond_or_the_other_way(power: float, asked: float, beyond: float) -> None:
    quantity = charger.quantities_for(load_station(STATION)[0], PLACES)[charger.EXCESS]
    assert quantity(row(power=power, asked=asked)) == beyond


@pytest.mark.parametrize("asked", [nan, 0.0])
def test_a_current_is_unasked_where_no_power_is_asked(asked: float) -> None:
    quantity = charger.Unasked(ASKED)
    assert quantity(row(asked=asked, current=-7.0)) == 7.0
    assert quantity(row(asked=-3000.0, current=-7.0)) == 0.0


@pytest.mark.parametrize("state", ChargerState)
@pytest.mark.parametrize("asked", [nan, 0.0, 2000.0, -2000.0])
def test_each_state_is_a_fault_only_while_it_is_asked(state: ChargerState, asked: float) -> None:
    found = charger.quantities_for(load_station(STATION)[0], PLACES)
    told = {
        name
        for name in (charger.ERROR, charger.UNPLUGGED, charger.STOPPED, charger.WAITS)
        if found[name](row(asked=asked, state=state))
    }
    wanted = {
        ChargerState.ERROR: charger.ERROR,
        ChargerState.NO_CAR: charger.UNPLUGGED, ChargerState.LOCKED: charger.UNPLUGGED,
        ChargerState.PAUSED: charger.STOPPED, ChargerState.USER: charger.STOPPED, ChargerState.ENDED: charger.STOPPED,
        ChargerState.WAITING: charger.WAITS,
    }.get(state)  # fmt: skip
    asks = asked in {2000.0, -2000.0} or (asked == 0.0 and state is ChargerState.ERROR)
    assert told == ({wanted} if wanted and asks else set())


def test_a_meter_is_not_held_against_itself() -> None:
    pack = load_pack("nmc811-vehicle")[0]
    faults = {limit.fault for limit in limits_for(pack, load_station(STATION)[0])}
    assert {"charger-error", "charger-excess", "over-current", "pack-over-voltage"} <= faults
    assert not faults & {"voltage-disagreement", "current-disagreement"}
    elsewhere = {limit.fault for limit in limits_for(pack, load_station("virtual-vehicle")[0])}
    assert not [fault for fault in elsewhere if fault.startswith("charger")]


# --- what may be asked of it ------------------------------------------------------------------------------------------


def test_a_step_may_ask_for_what_it_has_declared_and_no_more(opened: Open) -> None:
    place = Workplace(opened().engine.bench, "give back")
    with pytest.raises(Undeclared, match="asks its charger for a power of 3000 and has declared none"):
        place.roles.charger.set_grid_power(3000.0)
    place.allow({("charger", "power"): Extremes(-2000.0, 2000.0)})
    with pytest.raises(Undeclared, match="a power of 3000 and has declared -2000 to 2000"):
        place.roles.charger.set_grid_power(3000.0)


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (-7400, 7400, []),
        (0, 7401, [r"7401 W is more than the charger's 7400 W\."]),
        (-8000, 0, [r"8000 W is more than the charger's 7400 W\."]),
    ],
)
def test_what_it_cannot_do_is_refused_before_anything_is_switched_on(
    opened: Open, low: float, high: float, told: list[str]
) -> None:
    place = Workplace(opened().engine.bench, "give back")
    found = list(bounds.problems("charger", "power", Extremes(low, high), place))
    assert len(found) == len(told)
    for text, pattern in zip(found, told, strict=True):
        assert re.match(pattern, text)
