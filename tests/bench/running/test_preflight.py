"""Pre-flight: what cannot be is refused before any instrument hears of it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import inf, nan

import pytest

from bench.planned import Planned
from bench.running import preflight
from bench.scenario import (
    Charge,
    ConstantPower,
    Discharge,
    FastRecharge,
    Pulse,
    Rest,
    Soak,
    Step,
    Until,
    cell_voltage_above,
    cell_voltage_below,
    current_below,
    elapsed,
    full_discharge,
    soc_above,
    soc_below,
)
from bench.station import StationFile, load_station
from bench.testing import TestBench
from bench.verdicts import InputError
from instruments.roles import Ratings
from tests.bench.fakes import FakeSupply, Plant

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
    (Charge(1.0), "step 'charge' has no end condition: give it an `until`."),
    (Rest(30), "step 'rest' has the end condition 30: write for example elapsed(minutes=30)."),  # type: ignore[arg-type]
    (Charge(None, FOREVER), "Step 'charge': "),  # type: ignore[arg-type]
    (Soak("25"), "Step 'soak': "),  # type: ignore[arg-type]
    (Charge(1.0, FOREVER, cell_voltage="3.4"), "Step 'charge': "),  # type: ignore[arg-type]
    ("charge", "bench.run takes steps, and found 'charge'"),  # type: ignore[list-item]
    (Charge(1.0, soc_above(80)), "SOC at least 80 lies outside of what can be, 0 to 1. Did you mean 0.8?"),
    (Discharge(1.0, soc_below(-0.1)), "SOC at most -0.1 lies outside of what can be, 0 to 1."),
    (Charge(1.0, soc_above(nan)), "compares with nan and would never end it"),
    (Charge(1.0, soc_above(inf)), "compares with inf and would never end it"),
    (Charge(1.0, soc_above("80 %")), "'80 %' is no C-rate"),  # type: ignore[arg-type]
    (Rest(elapsed()), "a time of 0 s is none: give elapsed() more than 0, in seconds, minutes or hours."),
    (
        Rest(elapsed(minutes=-30)),
        "a time of -1800 s is none: give elapsed() more than 0, in seconds, minutes or hours. Did you mean 1800?",
    ),
    (
        Rest(elapsed(seconds=60e6)),
        "Step Time at least 60000000 s lies outside of what can be, 0 to 2592000 s. Did you mean 60000?",
    ),
    (Charge(1.0, cell_voltage_above(3400)), "3400 V lies outside of what can be, 3.05 to 3.45 V. Did you mean 3.4?"),
    (Charge(1.0, cell_voltage_above(3.5)), "3.5 V lies outside of what can be, 3.05 to 3.45 V."),
    (Discharge(1.0, cell_voltage_below(2.5)), "2.5 V lies outside of what can be, 3.05 to 3.45 V."),
    (Charge(1.0, Until("Voltage / V", ">=", 14.0)), "14 V lies outside of what can be, 12.2 to 13.8 V."),
    (Charge(1.0, current_below(9.0)), "9 A for 10 s lies outside of what can be, 0 to 5 A."),
    (Charge(1.0, current_below(-0.5)), "lies outside of what can be, 0 to 5 A. Did you mean 0.5?"),
    (Charge(1.0, current_below(0.1, hold=-1)), "must hold for -1 s: give 0 s or more"),
    (
        Rest(Until("Cell Temperature Max / degC", "<=", 298.15)),
        "298.15 °C lies outside of what can be, -20 to 50 °C. Did you mean 25?",
    ),
    (
        Rest(Until("Surface Temperature / degC", "<=", 77.0)),
        "77 °C lies outside of what can be, -20 to 50 °C. Did you mean 25?",
    ),
    (Charge(1.0, Until("Charging Capacity / Ah", ">=", -1.0)), "-1 Ah lies outside of what can be"),
    (
        Charge(1.0, Until("Charging Energy / Wh", ">=", 277e3)),
        "277000 Wh lies outside of what can be, 0 to 276000 Wh.",
    ),
    (Charge(1.0, FOREVER, timeout=0), "a timeout of 0 s is none"),
    (Pulse(1.0, duration=0), "a time of 0 s is none"),
    (Soak(298.15), "298.15 °C, the chamber takes -40 to 80 °C. Did you mean 25?"),
    (Soak(90.0), "Step 'soak': 90 °C, the chamber takes -40 to 80 °C."),
    (Soak(-41.0), "Step 'soak': -41 °C, the chamber takes -40 to 80 °C."),
    (Soak(nan), "Step 'soak': nan °C"),
    (Soak(-30.0), "Step 'soak': -30 °C, the pack allows -20 to 50 °C."),
]


@pytest.mark.parametrize(
    "until",
    [
        soc_above(1.0), soc_below(0.0), cell_voltage_above(3.45), cell_voltage_below(3.05), current_below(0.0),
        current_below("2C"), elapsed(seconds=0.1), Until("Voltage / V", ">=", 4 * 3.45),
        Until("Cell Temperature Min / degC", "<=", -20.0), Until("BMS State / 1", ">=", 9.0),
        Until("Charging Capacity / Ah", ">=", 10_000 * 2.0), Until("Charging Energy / Wh", ">=", 10_000 * 2.0 * 13.8),
    ],
)  # fmt: skip
def test_a_threshold_at_the_end_of_its_range_can_be_meant(little_bench: TestBench, until: Until) -> None:
    opened = little_bench.engine.bench
    assert preflight.check([Charge(1.0, until)], opened).energy > 0


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
    assert preflight.check([Charge(allowed, FOREVER)], opened).duration > 0
    bench.conclude()


@pytest.mark.parametrize(
    ("wiring", "pack_current", "owner", "allowed"),
    [(9, 5, "the pack's discharge_current", 5), (3, 5, "the wiring", 3), (60, 40, "the sink", 7)],
)
@pytest.mark.parametrize("step", [Discharge, Pulse])
def test_the_tightest_decides_the_other_way_as_well(
    new_bench: Callable[..., TestBench], station_text: str, pack_text: str, monkeypatch: pytest.MonkeyPatch,
    wiring: float, pack_current: float, owner: str, allowed: float, step: Callable[..., Step],
) -> None:  # fmt: skip
    monkeypatch.setattr(FakeSupply, "sink_ratings", Ratings(60.0, 7.0, 400.0))
    bench = new_bench(
        station=station_text.replace("current: 6", f"current: {wiring}"),
        pack=pack_text.replace("discharge_current: 5", f"discharge_current: {pack_current}", 1),
    )
    bench.open()
    ended = {"until": FOREVER} if step is Discharge else {}
    with pytest.raises(InputError, match=rf"{owner} allows more than 0 and at most {allowed} A"):
        bench.run(step(allowed + 0.1, **ended))
    opened = bench.engine.bench
    assert preflight.check([step(allowed, **ended)], opened).duration > 0
    bench.conclude()


@pytest.mark.parametrize(
    ("ratings", "says"),
    [
        (Ratings(13.0, 8.0, 400.0), "the pack reaches 13.8 V, the sink takes 13 V"),
        (Ratings(60.0, 8.0, 20.0), "27.6 W is more than the sink's 20 W"),
    ],
)
def test_a_sink_that_cannot_follow_the_pack_is_told_of_a_discharge_and_not_of_a_charge(
    little_bench: TestBench, monkeypatch: pytest.MonkeyPatch, ratings: Ratings, says: str
) -> None:
    monkeypatch.setattr(FakeSupply, "sink_ratings", ratings)
    with pytest.raises(InputError, match=says):
        little_bench.run(Discharge(2.0, FOREVER))
    opened = little_bench.engine.bench
    assert preflight.check([Charge(2.0, FOREVER)], opened).duration > 0


def test_no_current_ends_a_step_that_the_wiring_does_not_carry(
    new_bench: Callable[..., TestBench], station_text: str
) -> None:
    bench = new_bench(station=station_text.replace("current: 6", "current: 3"))
    bench.open()
    with pytest.raises(InputError, match=r"3\.5 A for 10 s lies outside of what can be, 0 to 3 A"):
        bench.run(Charge(1.0, current_below(3.5)))
    bench.conclude()


@pytest.mark.parametrize(
    ("series", "says"),
    [(20, "the pack reaches 69 V, the source takes 60 V"), (17, "is more than the source's 100 W")],
)
def test_a_pack_that_the_instrument_cannot_follow_is_refused(
    new_bench: Callable[..., TestBench], plant: Plant, station_text: str, pack_text: str, series: int, says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
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
    plan = preflight.check([FastRecharge(soc_above(0.6))], opened)
    assert plan.duration == pytest.approx(1800)


def test_a_plan_adds_up_time_and_energy(little_bench: TestBench) -> None:
    opened = little_bench.engine.bench
    steps = [full_discharge(opened.pack, "1C"), Rest(elapsed(hours=1)), Pulse("1C", duration=36)]
    plan = preflight.check(steps, opened)
    mean_voltage = 4 * (3.05 + 3.45) / 2
    assert plan.duration == pytest.approx(3600 + 3600 + 36)
    assert plan.energy == pytest.approx(2.0 * mean_voltage * 1.01)


def test_a_plan_says_of_each_step_what_it_is_going_to_do(
    new_bench: Callable[..., TestBench], station_text: str
) -> None:
    """A current is a magnitude; where the wiring carries less than the pack takes, it is what the wiring carries."""
    bench = new_bench(station=station_text.replace("current: 6", "current: 3"))
    bench.open()
    charge = Charge("C/2", [soc_above(0.5), current_below("C/20")], name="in")
    steps = [
        Soak(30.0), charge, Discharge(1.0, elapsed(minutes=30)), Rest(cell_voltage_above(3.2)),
        FastRecharge(soc_above(0.6)), Pulse(2.0, duration=3.0), ConstantPower(-26.0, elapsed(minutes=6)),
    ]  # fmt: skip
    outlook = preflight.check(steps, bench.engine.bench)
    highest = pytest.approx(4 * 3.45)
    ends = ("SOC / 1", ">=", 0.5, "SOC at least 0.5"), ("Current / A", "<=", 0.1, "Current at most C/20 for 10 s")
    assert preflight.plan(outlook.procedures) == (
        Planned("soak", "Soak", "none", True, "", 0.0, 7200.0, {"temperature": 30.0}, (), 10.0),
        Planned(
            "in", "Charge", "charge", True, "C/2", 1.0, 2 * 3600 + 1200, {"current": 1.0, "voltage": highest},
            ends, 1.0,
        ),
        Planned(
            "discharge", "Discharge", "discharge", True, "1.0", 1.0, 1800.0, {"current": -1.0},
            (("Step Time / s", ">=", 1800.0, "Step Time at least 1800 s"),), 1.0,
        ),
        Planned(
            "rest", "Rest", "none", True, "", 0.0, 3600.0, {},
            (("Cell Voltage Max / V", ">=", 3.2, "Cell Voltage Max at least 3.2 V"),), 10.0,
        ),
        Planned(
            "fast recharge", "FastRecharge", "charge", True, "", 3.0, 1800.0, {"current": 3.0, "voltage": highest},
            (("SOC / 1", ">=", 0.6, "SOC at least 0.6"),), 1.0,
        ),
        Planned(
            "pulse", "Pulse", "discharge", False, "2.0", 2.0, 3.0, {"current": -2.0},
            (("Step Time / s", ">=", 3.0, "Step Time at least 3 s"),), 0.1,
        ),
        Planned(
            "constant power", "ConstantPower", "discharge", True, "", pytest.approx(2.0), 360.0, {"power": -26.0},
            (("Step Time / s", ">=", 360.0, "Step Time at least 360 s"),), 1.0,
        ),
    )  # fmt: skip
    assert outlook.duration == 7200 + 8400 + 1800 + 3600 + 1800 + 3 + 360
    moved = 1.0 * 8400 + 1.0 * 1800 + 4.0 * 1800 + 2.0 * 3 + 2.0 * 360
    assert outlook.energy == pytest.approx(moved / 3600 * 13.0)
    bench.conclude()


def due(station_text: str, day: str) -> str:
    return station_text.replace("roles: [bms]", f"roles: [bms], calibration_due: {day}")


@pytest.fixture
def today() -> datetime:
    return datetime.now(UTC)


def test_a_calibration_that_has_run_out_is_named(
    write: Callable[..., object], station_text: str, today: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "utc_now", lambda: today)

    def overdue(days: int) -> list[str]:
        text = due(station_text, f"{today + timedelta(days=days):%Y-%m-%d}")
        station: StationFile = load_station(str(write("due.yaml", text)))[0]
        return preflight.calibration_overdue(station)

    assert overdue(2) == []
    assert overdue(0) == [], "a calibration holds for the whole of its last day"
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
