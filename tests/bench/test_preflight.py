"""Pre-flight: what cannot be is refused before any instrument hears of it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import inf, nan

import pytest

from bench.running import preflight
from bench.scenario import (
    Charge,
    Discharge,
    FastRecharge,
    Pulse,
    Rest,
    Soak,
    Step,
    Until,
    elapsed,
    full_discharge,
    soc_above,
)
from bench.station import StationFile, load_station
from bench.testing import TestBench
from bench.verdicts import InputError
from tests.bench.fakes import Plant

FOREVER = elapsed(hours=1)

REFUSED: list[tuple[Step, str]] = [
    (Charge(4.5, FOREVER), "Step 'charge': 4.5 A, the pack's charge_current allows more than 0 and at most 4 A."),
    (Charge("3C", FOREVER), "Step 'charge': 6 A, the pack's charge_current allows more than 0 and at most 4 A."),
    (Discharge(5.5, FOREVER), "Step 'discharge': 5.5 A, the pack's discharge_current allows more than 0 and at most 5"),
    (Pulse(5.5), "Step 'pulse': 5.5 A, the pack's discharge_current"),
    (Charge(0.0, FOREVER), "Step 'charge': 0 A"),
    (Charge(-1.0, FOREVER), "Step 'charge': -1 A"),
    (Charge(nan, FOREVER), "Step 'charge': nan A"),
    (Discharge(inf, FOREVER), "Step 'discharge': inf A"),
    (Charge("fast", FOREVER), "Step 'charge': 'fast' is no C-rate"),
    (Charge(1.0, FOREVER, cell_voltage=3.5), "3.5 V per cell, the pack allows 3.05 to 3.45 V"),
    (Charge(1.0, FOREVER, cell_voltage=nan), "nan V per cell"),
    (Charge(1.0, FOREVER, cell_voltage=1.0), "1 V per cell"),
    (Charge(1.0, []), "step 'charge' has no end condition"),
    (Rest(elapsed(seconds=nan)), "compares with nan"),
    (Rest(Until("Votlage / V", ">=", 1.0)), "no column 'Votlage / V'; did you mean 'Voltage / V'?"),
    (Rest(Until("Current / A", "<=", "slow")), "'slow' is no C-rate"),
    (Soak(90.0), "Step 'soak': 90 °C, the chamber takes -40 to 80 °C."),
    (Soak(-41.0), "Step 'soak': -41 °C, the chamber takes -40 to 80 °C."),
    (Soak(nan), "Step 'soak': nan °C"),
    (Soak(-30.0), "Step 'soak': -30 °C, the pack allows -20 to 50 °C."),
]


@pytest.mark.parametrize(("step", "says"), REFUSED)
def test_a_step_that_cannot_be_is_refused_and_nothing_is_sent(
    little_bench: TestBench, plant: Plant, step: Step, says: str
) -> None:
    plant.calls.clear()
    with pytest.raises(InputError) as caught:
        little_bench.run(Rest(elapsed(minutes=1)), step)
    assert says in str(caught.value)
    assert plant.calls == []
    assert little_bench.engine.clock.now() == 0.0


def test_all_problems_are_told_at_once(little_bench: TestBench) -> None:
    with pytest.raises(InputError, match=r"Step 'too hot'.*Step 'too much'"):
        little_bench.run(Soak(90, name="too hot"), Charge(9.0, FOREVER, name="too much"))


def test_a_scenario_needs_a_step(little_bench: TestBench) -> None:
    with pytest.raises(InputError, match="has no steps"):
        little_bench.run()


@pytest.mark.parametrize(
    ("wiring", "pack_current", "owner", "allowed"),
    [(6, 4, "the pack's charge_current", 4), (3, 4, "the wiring", 3), (60, 40, "the source", 8)],
)
def test_the_tightest_of_pack_instrument_and_wiring_decides(
    new_bench: Callable[..., TestBench], station_text: str, pack_text: str,
    wiring: float, pack_current: float, owner: str, allowed: float,
) -> None:  # fmt: skip
    bench = new_bench(
        station=station_text.replace("current: 6", f"current: {wiring}"),
        pack=pack_text.replace("charge_current: 4", f"charge_current: {pack_current}", 1),
    )
    bench.open()
    with pytest.raises(InputError, match=rf"{owner} allows more than 0 and at most {allowed} A"):
        bench.run(Charge(allowed + 0.1, FOREVER))
    opened = bench.engine.bench
    assert preflight.check([Charge(allowed, FOREVER)], bench.pack, bench.station, opened.roles).duration > 0
    bench.conclude()


@pytest.mark.parametrize(
    ("series", "says"),
    [(20, "the pack reaches 69 V, the source takes 60 V"), (17, "is more than the source's 100 W")],
)
def test_a_pack_that_the_instrument_cannot_follow_is_refused(
    new_bench: Callable[..., TestBench], plant: Plant, station_text: str, pack_text: str, series: int, says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from instruments.roles import Ratings
    from tests.bench.fakes import FakeSupply

    monkeypatch.setattr(FakeSupply, "source_ratings", Ratings(60.0, 8.0, 100.0))
    bench = new_bench(
        station=station_text.replace("voltage: 40", "voltage: 400"),
        pack=pack_text.replace("series: 4", f"series: {series}"),
    )
    bench.open()
    with pytest.raises(InputError, match=says):
        bench.run(Charge(4.0, FOREVER))
    assert "charge" not in plant.calls
    bench.conclude()


def test_a_fast_recharge_is_bounded_by_the_weakest_and_not_refused(little_bench: TestBench) -> None:
    opened = little_bench.engine.bench
    plan = preflight.check([FastRecharge(soc_above(0.6))], opened.pack, opened.station, opened.roles)
    assert plan.duration == pytest.approx(1800)


def test_a_plan_adds_up_time_and_energy(little_bench: TestBench) -> None:
    opened = little_bench.engine.bench
    steps = [full_discharge(opened.pack, "1C"), Rest(elapsed(hours=1)), Pulse("1C", duration=36)]
    plan = preflight.check(steps, opened.pack, opened.station, opened.roles)
    mean_voltage = 4 * (3.05 + 3.45) / 2
    assert plan.duration == pytest.approx(3600 + 3600 + 36)
    assert plan.energy == pytest.approx(2.0 * mean_voltage * 1.01)


def due(station_text: str, day: str) -> str:
    return station_text.replace("roles: [bms]", f"roles: [bms], calibration_due: {day}")


@pytest.fixture
def today() -> datetime:
    return datetime.now(UTC)


def test_a_calibration_that_has_run_out_is_named(
    write: Callable[..., object], station_text: str, today: datetime
) -> None:
    def overdue(days: int) -> list[str]:
        text = due(station_text, f"{today + timedelta(days=days):%Y-%m-%d}")
        station: StationFile = load_station(str(write("due.yaml", text)))[0]
        return preflight.calibration_overdue(station)

    assert overdue(2) == []
    assert [text.partition(":")[0] for text in overdue(-2)] == ["Instrument bms"]


def test_a_bench_whose_calibration_has_run_out_is_switched_off_and_not_programmed(
    new_bench: Callable[..., TestBench], plant: Plant, station_text: str
) -> None:
    plant.source_on = True
    bench = new_bench(station=due(station_text, "2020-01-01"))
    with pytest.raises(Exception, match="its calibration was due on 2020-01-01"):
        bench.open()
    assert not plant.source_on
    assert not {"protect_source", "charge"} & set(plant.calls)
    assert bench.run_log.manifest["found"]["supply"] is True
    assert bench.run_log.manifest["bench_verdict"]["state"] == "verified"
