"""A coolant unit on a bench: what the guard makes of it, how it is left, what may be asked of it."""

from collections.abc import Callable
from contextlib import nullcontext
from math import exp, inf, isnan, nan, nextafter
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench import columns
from bench.columns import DERIVED, INDEX
from bench.pack import load_pack
from bench.running.declared import Undeclared, Workplace
from bench.running.procedures import bounds
from bench.running.procedures.base import Extremes
from bench.safety import coolant
from bench.safety.coolant import BAND, FILLED, PATIENCE, PLATE, Deviation, Gap, Plate
from bench.safety.limits import limits_for
from bench.scenario import Charge, FastRecharge, Rest, Soak, elapsed
from bench.station import SHIPPED, load_station
from bench.testing import TestBench
from bench.verdicts import BenchFault, InputError
from reports.recording import Recording

SUPPLY, RETURN, ASKED, FLOW = (len(DERIVED) + place for place in range(4))
Open = Callable[..., TestBench]


def row(
    time: float, *, supply: float = 25.0, back: float = nan, asked: float = nan, flow: float = 0.0, **own: float
) -> list[float]:
    """A row with the coolant's columns behind the derived ones; keywords are names of `bench.columns`."""
    found = [nan] * len(DERIVED) + [supply, back, asked, flow]
    found[0] = time
    for name, value in own.items():
        found[INDEX[getattr(columns, name.upper())]] = value
    return found


# --- what is around the cells -----------------------------------------------------------------------------------------


def test_a_plate_is_what_flows_through_it_and_forgets_that_slowly() -> None:
    plate = Plate(SUPPLY, FLOW)
    assert isnan(plate(row(0.0, supply=60.0, ambient=20.0)))
    assert (plate.above(20.0), plate.below(20.0)) == (20.0, 20.0)
    assert plate(row(10.0, supply=60.0, flow=5.0, ambient=20.0)) == 60.0
    assert (plate.above(20.0), plate.below(20.0)) == (60.0, 20.0)
    plate(row(10.0 + PLATE, supply=90.0, ambient=20.0))
    assert plate.warmest == pytest.approx(20.0 + 40.0 * exp(-1))
    plate(row(20.0 + PLATE, supply=-10.0, flow=5.0, ambient=20.0))
    assert (plate.above(20.0), plate.below(20.0)) == (20.0, -10.0)


# --- whether it does what it was asked for ----------------------------------------------------------------------------


def deviations(supplies: list[float], asked: float = 45.0, flow: float = 8.0, period: float = 10.0) -> list[float]:
    away = Deviation(SUPPLY, ASKED, FLOW)
    return [away(row(i * period, supply=each, asked=asked, flow=flow)) for i, each in enumerate(supplies)]


@pytest.mark.parametrize("pace", [0.02, 0.1, 1.0])
def test_coolant_that_comes_nearer_has_time(pace: float) -> None:
    """From 1 K in ten minutes up, however long that takes."""
    assert max(deviations([min(5.0 + pace * i, 45.0) for i in range(3000)])) <= BAND


def test_coolant_that_stands_is_found_after_its_patience() -> None:
    found = deviations([20.0] * 100)
    first = next(i for i, each in enumerate(found) if each)
    assert found[first] == 25.0
    assert PATIENCE < first * 10.0 < PATIENCE + 60.0


def test_coolant_that_has_arrived_may_overshoot_and_not_leave() -> None:
    arrived = [45.0] * 10
    assert max(deviations([*arrived, 45.0 + BAND, 45.0 - BAND])) <= BAND
    assert deviations([*arrived, 60.0])[-1] == 15.0


@pytest.mark.parametrize(
    ("way", "found"),
    [
        # 25 K away for ten minutes, and no longer.
        ([(0.0, 20.0), (600.0, 20.0), (nextafter(600.0, inf), 20.0)], [0.0, 0.0, 25.0]),
        # Half a kelvin nearer is no progress yet; more is, and has ten minutes again.
        ([(0.0, 20.0), (500.0, 20.5), (601.0, 20.5)], [0.0, 0.0, 24.5]),
        ([(0.0, 20.0), (500.0, 20.75), (601.0, 20.75), (1100.0, 20.75), (1101.0, 20.75)], [0.0, 0.0, 0.0, 0.0, 24.25]),
        # What is lost again is no progress, and what was reached before is none twice.
        ([(0.0, 20.0), (500.0, 15.0), (550.0, 20.0), (601.0, 20.0)], [0.0, 0.0, 0.0, 25.0]),
        # Within 3 K it has arrived, from either side, and may not leave.
        ([(0.0, 42.0), (1.0, 20.0)], [3.0, 25.0]),
        ([(0.0, 48.0), (1.0, 70.0)], [3.0, 25.0]),
        ([(0.0, nextafter(42.0, 0.0)), (1.0, 20.0)], [0.0, 0.0]),
        ([(0.0, nextafter(48.0, inf)), (1.0, 70.0)], [0.0, 0.0]),
        ([(0.0, 42.0), (9999.0, 42.0)], [3.0, 3.0]),
    ],
)
def test_coolant_has_ten_minutes_for_each_half_kelvin_until_it_is_within_three(
    way: list[tuple[float, float]], found: list[float]
) -> None:
    """Asked for 45 degC; s, degC."""
    away = Deviation(SUPPLY, ASKED, FLOW)
    assert [away(row(time, supply=supply, asked=45.0, flow=8.0)) for time, supply in way] == pytest.approx(found)


@pytest.mark.parametrize(("flowing", "gap"), [(0.0, 0.0), (59.999, 0.0), (60.0, 20.0), (61.0, 20.0)])
def test_hoses_are_full_of_what_was_in_them_for_a_minute_of_flow(flowing: float, gap: float) -> None:
    between = Gap(SUPPLY, RETURN, FLOW)
    around = {"supply": 40.0, "cell_temperature_min": 21.0, "cell_temperature_max": 24.0, "ambient": 20.0}
    between(row(0.0, back=60.0, flow=0.0, **around))
    between(row(5.0, back=60.0, flow=8.0, **around))
    assert between(row(5.0 + flowing, back=60.0, flow=8.0, **around)) == gap


@pytest.mark.parametrize(("rows", "seconds"), [(1, 3600.0), (4, 3600.0), (2, 1800.0)])
@pytest.mark.parametrize("supply", [60.0, -20.0])
def test_a_plate_without_flow_comes_to_its_air_in_an_hour_by_a_factor_e(
    rows: int, seconds: float, supply: float
) -> None:
    """However often it is looked at; where the air is not known nothing is known of it, and it is left as it was."""
    plate = Plate(SUPPLY, FLOW)
    plate(row(0.0, supply=supply, flow=5.0, ambient=20.0))
    for number in range(1, rows + 1):
        plate(row(seconds * number / rows, supply=nan, ambient=20.0))
    left = 20.0 + (supply - 20.0) * exp(-seconds / 3600.0)
    assert (plate.warmest, plate.coldest) == (pytest.approx(left), pytest.approx(left))
    plate(row(seconds + 60.0, ambient=nan))
    assert plate.warmest == pytest.approx(left)


def test_a_new_set_point_is_a_new_way() -> None:
    away = Deviation(SUPPLY, ASKED, FLOW)
    away(row(0.0, supply=45.0, asked=45.0, flow=8.0))
    assert away(row(10.0, supply=45.0, asked=10.0, flow=8.0)) == 0.0


def test_what_nobody_has_asked_for_does_not_deviate() -> None:
    assert not any(deviations([20.0] * 200, asked=nan))
    assert not any(deviations([20.0] * 200, flow=0.0))


@pytest.mark.parametrize(
    ("back", "gap"), [(25.0, 0.0), (41.0, 1.0), (60.0, 20.0), (19.0, 1.0), (0.0, 20.0), (nan, 0.0)]
)
def test_what_comes_back_lies_between_all_that_it_has_touched(back: float, gap: float) -> None:
    between = Gap(SUPPLY, RETURN, FLOW)
    around = {"supply": 40.0, "cell_temperature_min": 21.0, "cell_temperature_max": 24.0, "ambient": 20.0}
    assert between(row(0.0, back=back, flow=8.0, **around)) == 0.0  # hoses are full of what was in them
    assert between(row(FILLED, back=back, flow=8.0, **around)) == gap
    assert between(row(FILLED + 1, back=back, flow=0.0, **around)) == 0.0


@pytest.mark.parametrize(("flow", "flows"), [(0.5, True), (0.01, True), (0.0, False), (nan, False)])
def test_any_flow_is_one_and_one_that_is_missing_is_none(flow: float, flows: bool) -> None:
    """L/min; what stands in the plate, in the hoses and in the tank is nobody's to judge."""
    plate, between = Plate(SUPPLY, FLOW), Gap(SUPPLY, RETURN, FLOW)
    around = {"supply": 40.0, "cell_temperature_min": 21.0, "cell_temperature_max": 24.0, "ambient": 20.0}
    assert isnan(plate(row(0.0, flow=flow, **around))) is not flows
    between(row(0.0, back=60.0, flow=flow, **around))
    assert between(row(FILLED, back=60.0, flow=flow, **around)) == (20.0 if flows else 0.0)
    assert (deviations([20.0] * 200, flow=flow)[-1] == 25.0) is flows


def test_a_station_without_a_coolant_unit_has_no_limit_of_one() -> None:
    columns_ = {limit.column for limit in limits_for(load_pack("lfp-24s")[0], load_station("virtual-module")[0])}
    assert not columns_ & set(coolant.NEEDS)


# --- on a bench -------------------------------------------------------------------------------------------------------


@pytest.fixture
def opened(on: Open) -> Open:
    def open_one(station: str = "virtual-pack", pack: str = "nmc811-96s", defects: tuple[str, ...] = ()) -> TestBench:
        return on(station, pack, seed=1, defects=defects)

    return open_one


def unit(bench: TestBench) -> Any:
    """The simulator behind the coolant unit."""
    return bench.engine.bench.world.part("coolant")  # type: ignore[union-attr]


def condition(bench: TestBench, temperature: float, flow: float) -> None:
    """As a step of preconditioning does it."""
    player = bench.engine.bench.roles.coolant
    player.set_flow(flow)
    player.set_temperature(temperature)


def cells(bench: TestBench) -> float:
    return float(bench.engine.bench.world.plant.temperature.mean())  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("station", "pack", "flow", "hours"),
    [("virtual-pack", "nmc811-96s", 10.0, 0.5), ("virtual-vehicle", "nmc811-vehicle", 25.0, 1.0)],
)
@pytest.mark.parametrize("target", [45.0, 5.0])
def test_a_pack_is_warmed_and_cooled_by_its_plate_and_nobody_takes_that_for_a_fault(
    opened: Open, station: str, pack: str, flow: float, hours: float, target: float
) -> None:
    """Warmed, driven warm, left with what the plate has kept, and charged: none of it is heat from nowhere."""
    bench = opened(station, pack)
    condition(bench, target, flow)
    bench.run(Rest(until=elapsed(hours=hours)))
    reached = cells(bench)
    assert abs(reached - target) < abs(reached - 25.0) / 2
    bench.engine.bench.roles.coolant.pump(on=False)
    bench.run(Rest(until=elapsed(hours=0.5)), Charge("C/3", until=elapsed(minutes=5)))
    bench.conclude(None)
    assert bench.run_log.manifest["verdict"] == "PASS"
    assert not [event for event in bench.run_log.events if event["type"] == "warning"]


def test_a_run_that_asks_for_no_coolant_is_one_without_it(opened: Open) -> None:
    bench = opened()
    bench.run(Rest(until=elapsed(minutes=5)))
    assert not unit(bench).running
    assert unit(bench).stream.flow == 0.0


def test_a_soak_sends_coolant_and_air_to_one_temperature(opened: Open) -> None:
    """As far as coolant goes; it stays there, and what a charge heats is carried away."""
    bench = opened()
    bench.run(Soak(15.0))
    assert unit(bench).running
    recording = Recording(*bench.run(Rest(until=elapsed(minutes=5))))
    asked = {event["instrument"]: event["value"] for event in recording.events if event["type"] == "set point"}
    assert asked == {"chamber": 15.0, "coolant": 15.0}
    assert recording.values("Coolant Supply Temperature / degC", recording.step(2))[-1] == pytest.approx(15.0, abs=1.0)


def test_a_unit_that_nobody_asks_changes_no_value_of_a_run(opened: Open, tmp_path: Path) -> None:
    """The same pack on the same bench without it: every other column to the last bit."""
    content = yaml.safe_load((SHIPPED / "virtual-pack.yaml").read_text(encoding="utf-8"))
    del content["instruments"]["coolant"], content["virtual"]["simulators"]["coolant"]
    without = tmp_path / "without.yaml"
    without.write_text(yaml.safe_dump(content), encoding="utf-8")
    rows = []
    for station in ("virtual-pack", str(without)):
        bench = opened(station)
        bench.run(FastRecharge(until=elapsed(minutes=5)))
        rows.append(Recording(*bench.run(Rest(until=elapsed(minutes=5)))))
    assert not [name for name in rows[1].columns if name.startswith("Coolant")]
    for name in rows[1].columns:
        seen, known = (run.rows[:, list(run.columns).index(name)] for run in rows)
        assert seen.tobytes() == known.tobytes(), name


def test_a_step_may_ask_for_what_it_has_declared_and_no_more(opened: Open) -> None:
    place = Workplace(opened().engine.bench, "warm up")
    with pytest.raises(Undeclared, match="asks its coolant for a temperature of 40 and has declared none"):
        place.roles.coolant.set_temperature(40.0)
    place.allow({("coolant", "temperature"): Extremes(30.0, 35.0), ("coolant", "flow"): Extremes(5.0, 5.0)})
    with pytest.raises(Undeclared, match="a temperature of 40 and has declared 30 to 35"):
        place.roles.coolant.set_temperature(40.0)
    place.roles.coolant.set_flow(5.0)
    place.roles.coolant.set_temperature(32.0)
    assert place.roles.coolant.flow() == pytest.approx(5.0, abs=0.3)
    place.roles.coolant.pump(on=False)
    assert place.roles.coolant.flow() == 0.0


def test_who_plays_no_coolant_is_told_so(opened: Open) -> None:
    bench = opened("virtual-module", "lfp-24s").engine.bench
    with pytest.raises(InputError, match="nobody plays the coolant on this station; add the role"):
        list(bounds.problems("coolant", "temperature", Extremes(30.0, 30.0), bench))


def test_the_pump_goes_on_and_the_heater_off_when_a_run_ends(opened: Open) -> None:
    bench = opened()
    condition(bench, 45.0, 8.0)
    bench.run(Rest(until=elapsed(minutes=30)))
    hot = cells(bench)
    bench.conclude(None)
    step = next(step for step in bench.run_log.manifest["bench_verdict"]["steps"] if step["name"] == "coolant to rest")
    assert (step["done"], step["verified"]) == (True, None)
    assert "only coolant itself says so" in step["detail"]
    assert hot > 35.0


@pytest.mark.parametrize("asked", [True, False])
def test_a_bench_that_is_made_safe_pumps_and_heats_nothing(opened: Open, asked: bool) -> None:
    bench = opened()
    if asked:
        condition(bench, 45.0, 8.0)
        bench.run(Rest(until=elapsed(minutes=30)))
    found, before = bench.engine.bench, cells(bench)
    assert found.make_safe().safe
    assert unit(bench).running
    assert unit(bench).stream.flow > 0
    found.clock.sleep(3600.0)
    assert unit(bench).bath.power <= 0.0
    assert cells(bench) < before - (10.0 if asked else 1.0)


@pytest.mark.parametrize(
    ("defect", "problem"),
    [
        ("ignores-set:coolant", "still heating"),
        ("silent:coolant", "did not answer"),
        ("refuses-sets:coolant", "still heating"),
    ],
)
def test_a_unit_that_does_not_go_to_rest_is_not_verified_safe(opened: Open, defect: str, problem: str) -> None:
    bench = opened()
    condition(bench, 45.0, 8.0)
    bench.engine.bench.world.inject(defect)  # type: ignore[union-attr]
    verdict = bench.engine.bench.make_safe()
    assert not verdict.safe
    assert "coolant to rest" in str(verdict)
    assert problem in str(verdict)


def test_an_empty_unit_is_safe_for_it_heats_nothing(opened: Open) -> None:
    bench = opened(defects=("coolant-empty",))
    assert bench.engine.bench.make_safe().safe


def test_a_unit_keeps_its_coolant_within_what_the_pack_may_have(opened: Open) -> None:
    """Its own limits are set and read back before anything is switched on, and kept with the run."""
    bench = opened(pack="lfp-96s")
    (kept,) = (each for each in bench.run_log.manifest["protections"] if each["instrument"] == "coolant")
    limits = bench.setup.pack.limits
    lowest = min(limits.charge_temperature.min, limits.discharge_temperature.min)
    highest = max(limits.charge_temperature.max, limits.discharge_temperature.max)
    assert (kept["under_temperature"], kept["over_temperature"]) == (lowest, highest)
    assert bench.run_log.manifest["found"]["coolant"] is False


@pytest.mark.parametrize(
    ("quantity", "wanted", "text"),
    [
        ("temperature", Extremes(60.0, 60.0), "60 °C, the coolant unit takes -20 to 55 °C"),
        ("temperature", Extremes(-30.0, 20.0), "-30 °C, the pack allows -20 to 55 °C"),
        ("flow", Extremes(13.0, 13.0), "13 L/min, the coolant unit pumps 0.6 to 12 L/min."),
        ("flow", Extremes(0.0, 5.0), "0 L/min, the coolant unit pumps 0.6 to 12 L/min."),
    ],
)
def test_what_a_step_asks_of_it_is_held_against_unit_and_pack(
    opened: Open, quantity: str, wanted: Extremes, text: str
) -> None:
    bench = opened().engine.bench
    assert any(found.startswith(text) for found in bounds.problems("coolant", quantity, wanted, bench))
    assert not list(bounds.problems("coolant", quantity, Extremes(2.0, 10.0), bench))


def test_coolant_that_runs_away_ends_the_run_before_the_cells_are_too_hot(opened: Open) -> None:
    bench = opened()
    condition(bench, 30.0, 8.0)
    bench.engine.bench.world.inject("coolant-runaway:300@600")  # type: ignore[union-attr]
    with pytest.raises(BenchFault, match=r"coolant diverges: .* \(coolant\)"):
        bench.run(Rest(until=elapsed(hours=2)))
    assert cells(bench) < 50.0


@pytest.mark.parametrize(("flows", "accused"), [(True, "chamber or coolant"), (False, "chamber")])
def test_heat_from_nowhere_speaks_against_the_coolant_as_well_while_it_flows(
    opened: Open, tmp_path: Path, flows: bool, accused: str
) -> None:
    """Without a probe in the return nobody contradicts a supply that lies."""
    content = yaml.safe_load((SHIPPED / "virtual-pack.yaml").read_text(encoding="utf-8"))
    content["instruments"]["coolant"]["options"]["return_probe"] = False
    station = tmp_path / "blind.yaml"
    station.write_text(yaml.safe_dump(content), encoding="utf-8")
    bench = opened(str(station))
    if flows:
        condition(bench, 25.0, 8.0)
    bench.engine.bench.world.inject("coolant-lies:120@60" if flows else "chamber-lies:120@60")  # type: ignore[union-attr]
    with pytest.raises(BenchFault, match=rf"outside heat: .* \({accused} is wrong\)"):
        bench.run(Rest(until=elapsed(hours=1)))


@pytest.mark.parametrize(("heats", "minutes", "ends"), [(300, 12, False), (120, 40, True)])
def test_a_unit_that_cools_against_a_chamber_that_lies_hides_it_from_nobody(
    opened: Open, heats: float, minutes: float, ends: bool
) -> None:
    """It is told while the cells are within limits; and what ends a run is the heat, not the unit that gives in."""
    bench = opened(pack="lfp-96s")
    bench.run(Soak(30.0), Charge("C/3", until=elapsed(minutes=10)))
    bench.engine.bench.world.inject(f"chamber-lies:{heats}")  # type: ignore[union-attr]
    with pytest.raises(BenchFault, match="outside heat") if ends else nullcontext():
        bench.run(FastRecharge(until=elapsed(minutes=minutes)))
    told = [event for event in bench.run_log.events if event["type"] == "warning"]
    assert [event["fault"] for event in told][:1] == ["outside-heat-suspected"]
    assert "measure the air at the cells with a thermometer of your own (chamber or coolant)" in told[0]["text"]
    assert cells(bench) < bench.pack.limits.charge_temperature.max


def test_one_that_is_found_on_is_told_so_and_stopped(opened: Open) -> None:
    """Whoever was here before has left it on: it is noted, and a test begins without its coolant."""
    bench = opened(defects=("coolant-on:50",))
    assert bench.run_log.manifest["found"]["coolant"] is True
    assert not unit(bench).running
    bench.run(Rest(until=elapsed(minutes=30)))
    assert cells(bench) == pytest.approx(25.0, abs=1.0)


def test_a_soak_in_the_chamber_is_not_disturbed_by_what_was_left_pumping(opened: Open) -> None:
    bench = opened(defects=("coolant-on:10",))
    bench.run(Soak(35.0))
    assert cells(bench) == pytest.approx(35.0, abs=2.0)
