"""Every limit on a bench: it trips when it must, stays quiet on normal rows, and blames the right one.

On a bench of fakes the plant is disturbed from half a bench minute on; a few faults are seeded on the virtual bench,
where drivers, simulators and physics have their say.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import nan
from pathlib import Path
from typing import Any

import pytest

from bench import columns
from bench.pack import PackFile, load_pack
from bench.players import position as position_of
from bench.recording.run import TestIdentity
from bench.running.sampling import derived_on, guard_for
from bench.running.setup import Setup
from bench.safety.faults import fault
from bench.safety.limits import BMS_UNCHANGED, limits_for, unmeasured
from bench.scenario import Charge, Discharge, Rest, Soak, Step, current_below, elapsed, soc_above, soc_below
from bench.station import StationFile, load_station
from bench.testing import TestBench
from bench.verdicts import BenchFault, PackFailure, meant_by
from instruments.roles import BmsState, Channel, InstrumentFault
from tests.bench.fakes import CELLS, FakeBms, FakeLogger, FakeSupply, Plant

WriteFile = Callable[[str, str], Path]
NewBench = Callable[..., TestBench]

LONG = elapsed(hours=1)
CALM = 30.0
"""s before the disturbance."""


def events(bench: TestBench, kind: str) -> list[dict[str, Any]]:
    return [event for event in bench.run_log.events if event["type"] == kind]


def disturb(plant: Plant, **values: Any) -> None:
    """Set fields of the plant from `CALM` s on; a callable gets the seconds since."""

    def change() -> None:
        since = plant.now() - CALM
        if since >= 0:
            for name, value in values.items():
                setattr(plant, name, value(since) if callable(value) else value)

    plant.on_scan.append(change)


def tripped_by(bench: TestBench, *steps: Step) -> dict[str, Any]:
    """Run until something trips, conclude as the plugin does, and return the trip; the cause must be the same."""
    with pytest.raises((PackFailure, BenchFault)) as caught:
        bench.run(*steps)
    bench.conclude(caught.value)
    (trip,) = events(bench, "trip")
    manifest = json.loads((bench.run_log.folder / "run.json").read_text(encoding="utf-8"))
    cause, entry = manifest["cause"], fault(trip["fault"])
    assert (cause["fault"], cause["blame"], cause["limit"]) == (trip["fault"], entry.blame, trip["limit"])
    assert manifest["verdict"] == ("FAIL" if entry.blame == "pack" else "BENCH FAULT")
    assert isinstance(caught.value, PackFailure if entry.blame == "pack" else BenchFault)
    assert caught.value.fault == trip["fault"]
    return trip


# --- normal rows ------------------------------------------------------------------------------------------------------


def test_a_normal_run_violates_nothing(little_bench: TestBench) -> None:
    little_bench.run(
        Discharge("1C", until=elapsed(minutes=15)),
        Soak(40.0),
        Charge("1C", until=elapsed(minutes=15)),
        Rest(until=elapsed(minutes=5)),
    )
    assert events(little_bench, "trip") + events(little_bench, "warning") + events(little_bench, "hold started") == []


@pytest.mark.parametrize("called", ["supply", "chamber", "temperatures", "bms"])
def test_the_limits_are_the_same_whatever_an_instrument_is_called(
    four_cells: PackFile, station_text: str, write: WriteFile, called: str
) -> None:
    text = station_text.replace(f"  {called}: {{", "  mine: {").replace(f"bus_meter: {called}", "bus_meter: mine")
    before, after = (
        limits_for(four_cells, load_station(str(write("station.yaml", each)))[0]) for each in (station_text, text)
    )
    assert [(limit.fault, limit.name, limit.at_least, limit.at_most) for limit in after] == [
        (limit.fault, limit.name, limit.at_least, limit.at_most) for limit in before
    ]
    # Of the channels of one instrument only the BMS's are guarded, under the name that it has.
    was, is_ = ("Bms ", "Mine ") if called == "bms" else ("", "")
    assert [(limit.column, limit.instrument) for limit in after] == [
        (limit.column.replace(was, is_), "mine" if limit.instrument == called else limit.instrument) for limit in before
    ]


# --- each limit, on fakes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("disturbance", "fault_id"),
    [
        ({"cell_offset": 0.5}, "cell-over-voltage"),
        ({"soc": -0.9}, "cell-under-voltage"),
        ({"sensors": [56.0, 56.0], "air": 54.0}, "cell-over-temperature"),
        ({"sensors": [56.0, 56.0], "air": 56.0}, "chamber-over-temperature"),
        ({"sensors": [52.0, 52.0], "air": 53.0}, "chamber-over-temperature"),
        ({"sensors": [14.0, 25.2], "air": 26.0}, "cell-temperature-spread"),
        ({"sensors": [-26.0, -26.0], "air": -26.0}, "cell-under-temperature"),
        ({"sensors": lambda s: [25.0, 25.1 + s / 8]}, "cell-temperature-rate"),
        ({"bms_state": BmsState.ERROR}, "bms-error"),
        ({"bms_faults": ["InsulationError"]}, "bms-fault"),
        ({"bms_faults": ["InterlockState"]}, "bms-link"),
        ({"bms_faults": ["InterlockState", "AlertFlag"]}, "bms-link"),
        ({"bms_faults": ["InterlockState", "AlertFlag", "MainFuseBlown"]}, "bms-fault"),
        ({"soc": -4.5}, "cell-voltage-implausible"),
        ({"discharge_limit": 1.0}, "bms-discharge-limit"),
        ({"set_current": 0.3}, "current-missing"),
        ({"set_current": 2.4}, "unasked-current"),
        ({"bms_age": lambda s: s}, "bms-silent"),
        ({"insulation": 6000.0}, "insulation"),
        ({"insulation": nan}, "value-missing"),
        ({"cell_offset": nan}, "value-missing"),
        ({"sensors": [25.0, nan]}, "value-missing"),
        ({"set_current": 6.0}, "over-current"),
    ],
)
def test_a_disturbance_trips_the_limit_that_is_for_it(
    little_bench: TestBench, plant: Plant, disturbance: dict[str, Any], fault_id: str
) -> None:
    disturb(plant, **disturbance)
    trip = tripped_by(little_bench, Discharge(2.0, until=LONG))
    assert trip["fault"] == fault_id
    assert CALM <= trip["time"] <= CALM + 60
    assert not plant.sink_on


def test_charging_cells_that_are_too_cold_is_the_benchs_fault_and_discharging_them_is_none(
    new_bench: NewBench, plant: Plant
) -> None:
    cold = {"sensors": [-15.0, -15.0], "air": -15.0}
    bench = new_bench()
    bench.open()
    disturb(plant, **cold)
    bench.run(Discharge(1.0, until=elapsed(minutes=3)))
    assert tripped_by(bench, Charge(1.0, until=LONG))["fault"] == "charging-too-cold"


def test_cells_that_rise_too_far_above_their_soak_trip(little_bench: TestBench, plant: Plant) -> None:
    # As slow as cells that are warmer than the air may heat up, which 4 A explain, and above 25 K all the same.
    plant.soc = 0.9
    plant.on_scan.append(lambda: setattr(plant, "sensors", [20.0 + max(0.0, plant.now() - 900) / 15] * 2))
    trip = tripped_by(little_bench, Soak(20.0), Discharge(4.0, until=LONG))
    assert trip["fault"] == "cell-temperature-rise"
    assert trip["value"] == pytest.approx(25, abs=1)


def misread(monkeypatch: pytest.MonkeyPatch, plant: Plant, what: type, channel: str, change: float) -> None:
    """Let one channel of a fake read `change` more than it should, from `CALM` s on."""
    collect, position = what.collect, position_of(what.channels, channel)  # type: ignore[attr-defined]

    def wrong(self: Any) -> list[float]:
        values: list[float] = collect(self)
        if plant.now() >= CALM:
            values[position] += change
        return values

    monkeypatch.setattr(what, "collect", wrong)


def drift_by(monkeypatch: pytest.MonkeyPatch, plant: Plant, what: type, rate: float, *channels: str) -> None:
    """Let channels of a fake drift by `rate` a second from `CALM` s on."""
    collect, positions = what.collect, [position_of(what.channels, channel) for channel in channels]  # type: ignore[attr-defined]

    def wrong(self: Any) -> list[float]:
        values: list[float] = collect(self)
        for position in positions:
            values[position] += rate * max(0.0, plant.now() - CALM)
        return values

    monkeypatch.setattr(what, "collect", wrong)


@pytest.mark.parametrize(
    ("meter", "channel", "change", "name"),
    [
        (FakeBms, "pack voltage", 0.5, "voltage disagreement (source and BMS)"),
        (FakeSupply, "voltage", -0.5, "voltage disagreement (source and BMS)"),
        (FakeBms, "pack current", 0.2, "current disagreement (source, sink and BMS)"),
        (FakeSupply, "current", 0.2, "current disagreement (source, sink and BMS)"),
        (FakeSupply, "voltage", -11.0, "voltage disagreement (source and BMS)"),
        (FakeSupply, "voltage", 3.0, "voltage disagreement (source and BMS)"),
    ],
)
def test_meters_that_disagree_are_the_benchs_fault_even_where_one_of_them_would_blame_the_pack(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch,
    meter: type, channel: str, change: float, name: str,
) -> None:  # fmt: skip
    misread(monkeypatch, plant, meter, channel, change)
    trip = tripped_by(little_bench, Discharge(1.0, until=LONG))
    assert (trip["limit"], trip["blame"]) == (name, "bench")


def test_meters_that_agree_blame_the_pack(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    for meter, channel in ((FakeSupply, "voltage"), (FakeBms, "pack voltage")):
        misread(monkeypatch, plant, meter, channel, 3.0)
    trip = tripped_by(little_bench, Discharge(1.0, until=LONG))
    assert (trip["limit"], trip["blame"]) == ("pack over-voltage", "pack")


def test_more_charging_current_than_the_bms_allows_is_the_benchs_fault(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    misread(monkeypatch, plant, FakeSupply, "current", 2.0)
    misread(monkeypatch, plant, FakeBms, "pack current", 2.0)
    plant.charge_limit = 1.0
    assert tripped_by(little_bench, Charge(1.0, until=LONG))["fault"] == "bms-charge-limit"


def test_a_sensor_that_jumps_alone_has_changed_itself(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    misread(monkeypatch, plant, FakeLogger, "sensor 2", 52.0)
    trip = tripped_by(little_bench, Discharge(1.0, until=LONG))
    assert (trip["fault"], trip["limit"]) == ("temperature-jump", "temperature jump (hottest)")


def test_a_bms_that_repeats_itself_is_found_out_while_a_current_flows(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect, kept = FakeBms.collect, {}

    def frozen(self: FakeBms) -> list[float]:
        if plant.now() < CALM:
            kept["values"] = collect(self)
        return kept["values"]

    monkeypatch.setattr(FakeBms, "collect", frozen)
    trip = tripped_by(little_bench, Discharge(1.0, until=LONG))
    assert trip["fault"] == "bms-frozen"
    assert trip["time"] == pytest.approx(CALM + BMS_UNCHANGED, abs=5)


def test_a_current_that_the_voltage_limit_holds_down_is_not_missed(little_bench: TestBench) -> None:
    little_bench.run(Charge(1.0, cell_voltage=3.4, until=elapsed(minutes=30)))
    assert events(little_bench, "trip") == []


def test_an_output_that_stays_on_in_a_rest_is_the_benchs_fault(little_bench: TestBench, plant: Plant) -> None:
    plant.switches_stuck = True
    steps = Discharge(1.0, until=elapsed(minutes=1)), Rest(until=LONG)
    assert tripped_by(little_bench, *steps)["fault"] == "unasked-current"


def test_a_sensor_that_drifts_alone_does_not_blame_the_pack(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    drifting = lambda _self: [25.0, 25.0 + max(0.0, plant.now() - CALM) / 15]  # noqa: E731
    monkeypatch.setattr(FakeLogger, "collect", drifting)
    assert tripped_by(little_bench, Discharge(0.5, until=LONG))["fault"] == "temperature-unconfirmed"


@pytest.mark.parametrize("change", [-0.002, 0.002])
def test_a_bms_that_has_lost_count_of_its_charge_is_the_packs_fault(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch, change: float
) -> None:
    drift_by(monkeypatch, plant, FakeBms, change, "soc min", "soc max")
    assert tripped_by(little_bench, Discharge(4.0, until=LONG))["fault"] == "state-of-charge"


def test_meters_may_disagree_while_the_contactors_are_open(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.bms_state = BmsState.STANDBY
    misread(monkeypatch, plant, FakeSupply, "voltage", -CELLS * 3.25)
    little_bench.run(Rest(until=elapsed(minutes=5)))
    assert events(little_bench, "trip") == []


def test_a_scan_that_takes_too_long_is_stale(little_bench: TestBench, plant: Plant) -> None:
    slow = little_bench.engine.clock.sleep
    plant.on_scan.append(lambda: slow(2.5) if plant.now() > CALM else None)
    trip = tripped_by(little_bench, Discharge(1.0, until=LONG))
    assert trip["fault"] == "stale-sample"
    assert "an instrument that is slow by nature is given a scan_period of its own in the station file" in trip["text"]


def test_more_charge_than_the_pack_can_hold_trips_even_where_the_voltage_says_nothing(
    little_bench: TestBench, plant: Plant
) -> None:
    plant.soc = 0.1
    # It flickers by a digit: a display that stood still for minutes would be a fault of its own.
    plant.on_scan.append(lambda: setattr(plant, "soc", min(plant.soc, 0.7 + 1e-3 * (plant.now() % 2))))
    trip = tripped_by(little_bench, Charge(2.0, until=elapsed(hours=3)))
    assert trip["fault"] == "charge-balance"
    assert trip["value"] == pytest.approx(1.1 * 2.0, abs=0.01)


def test_one_reading_that_is_lost_trips_nothing_and_spoils_no_counter(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect = FakeSupply.collect

    def lost_once(self: FakeSupply) -> list[float]:
        voltage, current, power = collect(self)
        return [voltage, nan if plant.now() == CALM else current, power]

    monkeypatch.setattr(FakeSupply, "collect", lost_once)
    run = little_bench.run(Discharge(2.0, until=elapsed(minutes=6)))
    drawn = run.rows[:, run.columns.index(columns.DISCHARGE_AH)]
    assert drawn[-1] == pytest.approx(0.2, rel=0.02)


# --- what comes and goes ----------------------------------------------------------------------------------------------


def now_and_then(plant: Plant, every: int, **values: Any) -> None:
    """Set fields of the plant in one scan of `every`, from `CALM` s on, and put them back behind it."""
    normal = {name: getattr(plant, name) for name in values}

    def change() -> None:
        bad = plant.now() >= CALM and round(plant.now()) % every == 0
        for name, value in (values if bad else normal).items():
            setattr(plant, name, value)

    plant.on_scan.append(change)


def warnings_of(bench: TestBench) -> list[str]:
    return [event["fault"] for event in events(bench, "warning")]


@pytest.mark.parametrize("every", [3, 50, 600])
def test_a_contactor_that_chatters_under_load_is_told_each_time_and_ends_the_run(
    little_bench: TestBench, plant: Plant, every: int
) -> None:
    def chatter() -> None:
        bad = plant.now() >= CALM and round(plant.now()) % every == 0
        plant.bms_state = BmsState.STANDBY if bad else None
        plant.current = 0.0 if bad else plant.current

    plant.on_scan.append(chatter)
    trip = tripped_by(little_bench, Discharge(1.0, until=elapsed(minutes=45)))
    assert (trip["fault"], trip["blame"], trip["instrument"]) == ("contactor-opened", "bench", "bms")
    assert "12 V supply" in trip["text"]
    assert warnings_of(little_bench)[0] == "contactor-opened"


def test_a_contactor_that_stays_open_under_load_is_no_full_battery(little_bench: TestBench, plant: Plant) -> None:
    disturb(plant, bms_state=BmsState.STANDBY, current=0.0, set_current=0.0)
    trip = tripped_by(little_bench, Charge(1.0, until=current_below("C/20")))
    assert (trip["fault"], trip["limit"]) == ("contactor-opened", "contactor open under load")


def test_a_bms_that_restarts_under_load_ends_the_run(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect = FakeBms.collect

    def restarting(self: FakeBms) -> list[float]:
        values = collect(self)
        return [float(BmsState.STARTING), *values[1:]] if round(plant.now()) == 90 else values

    monkeypatch.setattr(FakeBms, "collect", restarting)
    trip = tripped_by(little_bench, Discharge(1.0, until=LONG))
    assert (trip["fault"], trip["blame"], trip["time"]) == ("bms-restarted", "bench", 90)
    assert "12 V supply" in trip["text"]
    assert ("contactor-opened", "bench") in causes(little_bench)


def test_contactors_that_are_open_and_carry_the_current_are_no_contactors_but_a_node_that_cannot_be(
    little_bench: TestBench, plant: Plant
) -> None:
    now_and_then(plant, 3, bms_state=BmsState.STANDBY)
    trip = tripped_by(little_bench, Discharge(1.0, until=LONG))
    assert (trip["fault"], trip["blame"], trip["instrument"]) == ("bms-implausible", "bench", "bms")
    assert "a second node" in trip["text"]
    assert ("contactor-opened", "bench") in causes(little_bench)


def test_contactors_that_a_node_opens_for_a_fault_of_the_pack_are_the_packs(
    little_bench: TestBench, plant: Plant
) -> None:
    def chatter() -> None:
        bad = plant.now() >= CALM and round(plant.now()) % 3 == 0
        plant.bms_state, plant.current = (BmsState.STANDBY, 0.0) if bad else (None, plant.current)
        plant.bms_faults = ["MainFuseBlown"] if plant.now() > CALM + 1 else []

    # The second opening is one too many before the bit has stood for long enough.
    plant.on_scan.append(chatter)
    trip = tripped_by(little_bench, Discharge(1.0, until=LONG))
    assert (trip["fault"], trip["blame"]) == ("bms-fault", "pack")
    assert "MainFuseBlown" in trip["text"]
    assert ("contactor-opened", "bench") in causes(little_bench)


def test_a_current_that_is_interrupted_now_and_then_is_told_and_ends_the_run(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = Plant.advance

    def loose(self: Plant) -> None:
        advance(self)
        if plant.now() >= CALM and round(plant.now()) % 90 == 0:
            self.current = 0.0

    monkeypatch.setattr(Plant, "advance", loose)
    trip = tripped_by(little_bench, Discharge(1.0, until=LONG))
    assert (trip["fault"], trip["instrument"], trip["value"]) == ("current-interrupted", "supply", 3.0)
    assert warnings_of(little_bench) == ["current-interrupted"] * 3


def test_a_meter_that_disagrees_every_third_scan_is_found_out(little_bench: TestBench, plant: Plant) -> None:
    now_and_then(plant, 3, bus=0.0)
    assert tripped_by(little_bench, Discharge(1.0, until=LONG))["fault"] == "voltage-disagreement"


def test_a_link_that_is_lost_again_and_again_under_load_ends_the_run(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = property(lambda _self: int(max(0.0, plant.now() - CALM) // 20))
    monkeypatch.setattr(FakeSupply, "reconnections", lost, raising=False)
    little_bench.run(Rest(until=elapsed(minutes=20)))
    assert warnings_of(little_bench) == []
    assert tripped_by(little_bench, Discharge(1.0, until=LONG))["fault"] == "link-unsteady"


# --- what a BMS says --------------------------------------------------------------------------------------------------


def jump_of_charge(monkeypatch: pytest.MonkeyPatch, plant: Plant, by: float) -> None:
    """Let the displayed state of charge jump, as a whole, at `CALM` s."""
    misread(monkeypatch, plant, FakeBms, "soc min", by)
    misread(monkeypatch, plant, FakeBms, "soc max", by)


@pytest.mark.parametrize(("step", "by"), [(Charge(1.0, soc_above(0.8)), 0.4), (Discharge(1.0, soc_below(0.2)), -0.4)])
def test_a_charge_that_jumps_ends_no_step_and_is_the_benchs_fault(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch, step: Step, by: float
) -> None:
    jump_of_charge(monkeypatch, plant, by)
    trip = tripped_by(little_bench, step)
    assert (trip["fault"], trip["blame"], trip["instrument"]) == ("bms-implausible", "bench", "bms")
    (ended,) = events(little_bench, "step ended")
    assert "state of charge has moved faster" in ended["ended_by"]


def test_a_charge_that_jumps_for_one_scan_is_forgiven_and_ends_no_step_either(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect = FakeBms.collect

    def glitch(self: FakeBms) -> list[float]:
        values = collect(self)
        if round(plant.now()) == CALM:
            values[1:3] = 0.9, 0.9
        return values

    monkeypatch.setattr(FakeBms, "collect", glitch)
    little_bench.run(Charge(2.0, until=soc_above(0.6)))
    (ended,) = events(little_bench, "step ended")
    assert ended["duration"] > 300
    assert events(little_bench, "trip") == []


@pytest.mark.parametrize(
    ("channel", "change"),
    [("soc min", 0.04), ("cell voltage min", 0.02), ("cell temperature min", 3.0), ("cell temperature max", -3.0)],
)
def test_a_minimum_above_its_maximum_is_the_benchs_fault(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch, channel: str, change: float
) -> None:
    misread(monkeypatch, plant, FakeBms, channel, change)
    trip = tripped_by(little_bench, Discharge(1.0, until=LONG))
    assert (trip["fault"], trip["limit"]) == ("bms-implausible", "BMS implausible (order)")


def test_cells_that_do_not_add_up_to_their_string_are_the_benchs_fault(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    misread(monkeypatch, plant, FakeBms, "cell voltage min", -0.15)
    misread(monkeypatch, plant, FakeBms, "cell voltage max", -0.15)
    trip = tripped_by(little_bench, Discharge(1.0, until=LONG))
    assert (trip["fault"], trip["limit"]) == ("bms-implausible", "BMS implausible (sum of cells)")


@pytest.mark.parametrize("channel", ["cell voltage min", "cell voltage max", "pack voltage"])
def test_one_frozen_channel_is_found_out_while_the_others_move(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch, channel: str
) -> None:
    # A step of 4 A moves cells of 10 mOhm by 40 mV; the highest lies above the lowest, so that the order stays.
    position, collect = position_of(FakeBms.channels, channel), FakeBms.collect
    kept: dict[str, float] = {}

    def stuck(self: FakeBms) -> list[float]:
        values = collect(self)
        values[7] += 0.1
        values[position] = kept.setdefault("value", values[position])
        return values

    monkeypatch.setattr(FakeBms, "collect", stuck)
    plant.soc = 0.3
    trip = tripped_by(little_bench, Charge(4.0, until=LONG))
    assert (trip["fault"], trip["limit"]) == ("bms-frozen", "BMS frozen (voltage or charge)")


def test_a_frozen_temperature_is_found_out_when_the_chamber_moves(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeLogger, "collect", lambda self: [self.plant.air] * 2)
    collect = FakeBms.collect
    monkeypatch.setattr(FakeBms, "collect", lambda self: [*collect(self)[:8], 25.0, 25.0, *collect(self)[10:]])
    trip = tripped_by(little_bench, Soak(25.0), Soak(33.0), Rest(until=LONG))
    assert (trip["fault"], trip["limit"]) == ("bms-frozen", "BMS frozen (temperature)")


def count_frames(monkeypatch: pytest.MonkeyPatch, plant: Plant, channel: str, per_minute: float) -> None:
    """Give the BMS a driver that counts, from `CALM` s on."""
    collect = FakeBms.collect
    monkeypatch.setattr(FakeBms, "channels", (*FakeBms.channels, Channel(channel, "count", "1")))
    monkeypatch.setattr(
        FakeBms, "collect", lambda self: [*collect(self), float(max(0.0, plant.now() - CALM) * per_minute // 60)]
    )


def test_a_second_node_on_the_bus_is_the_benchs_fault(
    new_bench: NewBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    count_frames(monkeypatch, plant, "contradictions", 6.0)
    bench = new_bench()
    bench.open()
    trip = tripped_by(bench, Discharge(1.0, until=LONG))
    assert (trip["fault"], trip["instrument"]) == ("bms-contradicted", "bms")


def test_a_damaged_frame_now_and_then_is_no_second_node(
    new_bench: NewBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    count_frames(monkeypatch, plant, "contradictions", 1.0)
    bench = new_bench()
    bench.open()
    bench.run(Discharge(1.0, until=elapsed(minutes=10)))
    assert events(bench, "trip") == []
    bench.conclude()


def test_frames_that_were_dropped_are_told(new_bench: NewBench, plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    count_frames(monkeypatch, plant, "dropped", 30.0)
    bench = new_bench()
    bench.open()
    bench.run(Discharge(1.0, until=elapsed(minutes=5)))
    assert warnings_of(bench) == ["frames-dropped"]
    bench.conclude()


# --- whose fault it is ------------------------------------------------------------------------------------------------


def causes(bench: TestBench) -> list[tuple[str, str]]:
    """Fault and blame of every cause in the manifest; the first one is its cause."""
    manifest = json.loads((bench.run_log.folder / "run.json").read_text(encoding="utf-8"))
    assert manifest["causes"][0] == manifest["cause"]
    return [(cause["fault"], cause["blame"]) for cause in manifest["causes"]]


def test_what_a_supply_left_on_does_to_the_cells_is_the_benchs_fault(little_bench: TestBench, plant: Plant) -> None:
    plant.switches_stuck = True
    plant.on_scan.append(lambda: setattr(plant, "cell_offset", 0.5 if plant.now() > 65 else 0.0))
    trip = tripped_by(little_bench, Charge(1.0, until=elapsed(minutes=1)), Rest(until=LONG))
    assert (trip["fault"], trip["instrument"]) == ("unasked-current", "supply")
    assert causes(little_bench) == [("unasked-current", "bench"), ("cell-over-voltage", "bench")]


def test_terminals_that_are_too_high_behind_open_contactors_are_the_benchs_own(
    little_bench: TestBench, plant: Plant
) -> None:
    plant.bms_state = BmsState.STANDBY
    disturb(plant, bus=30.0)
    assert tripped_by(little_bench, Rest(until=LONG))["fault"] == "bus-over-voltage"


@pytest.mark.parametrize("step", [Rest(until=LONG), Discharge(0.2, until=LONG)])
def test_a_chamber_that_heats_and_says_that_it_does_not_is_the_benchs_fault(
    little_bench: TestBench, plant: Plant, step: Step
) -> None:
    disturb(plant, sensors=lambda since: [25.0 + since / 20] * 2, air=25.0)
    trip = tripped_by(little_bench, step)
    assert (trip["fault"], trip["instrument"]) == ("outside-heat", "chamber")
    assert trip["value"] < 10


def test_the_air_of_a_chamber_that_cools_and_says_that_it_does_not_is_not_believed(
    little_bench: TestBench, plant: Plant
) -> None:
    guard = little_bench.engine.sampler.guard
    disturb(plant, sensors=lambda since: [25.0 - since / 20] * 2, air=25.0)
    trip = tripped_by(little_bench, Rest(until=LONG))
    assert (trip["fault"], trip["instrument"]) == ("outside-cold", "chamber")
    assert columns.AMBIENT in guard.distrusted


def test_cells_that_are_too_hot_at_once_in_air_that_is_not_are_no_failure_of_theirs(
    little_bench: TestBench, plant: Plant
) -> None:
    disturb(plant, sensors=[56.0, 56.0], air=25.0)
    tripped_by(little_bench, Rest(until=LONG))
    assert causes(little_bench)[0] == ("outside-heat", "bench")
    assert set(causes(little_bench)[1:]) == {("cell-over-temperature", "bench")}


def test_one_cell_that_is_too_hot_is_the_packs_fault_and_is_named(little_bench: TestBench, plant: Plant) -> None:
    disturb(plant, sensors=[25.0, 56.0], air=25.0)
    trip = tripped_by(little_bench, Discharge(1.0, until=LONG))
    assert (trip["fault"], trip["blame"], trip["place"]) == ("cell-over-temperature", "pack", "sensor 2")
    assert "at sensor 2" in trip["text"]


@pytest.mark.parametrize(
    ("meter", "channel", "change", "wrong"),
    [
        (FakeBms, "pack voltage", 0.5, "bms"),
        (FakeSupply, "voltage", -0.5, "supply"),
        (FakeSupply, "voltage", 3.0, "supply"),
        (FakeBms, "pack current", 0.2, "supply or bms"),
        (FakeSupply, "current", 0.2, "supply"),  # the BMS sees what was asked for
    ],
)
def test_a_disagreement_names_the_meter_that_is_wrong_where_a_third_one_tells(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch,
    meter: type, channel: str, change: float, wrong: str,
) -> None:  # fmt: skip
    misread(monkeypatch, plant, meter, channel, change)
    trip = tripped_by(little_bench, Discharge(1.0, until=LONG))
    assert trip["instrument"] == wrong
    assert f"({wrong} is wrong)" in trip["text"]


def test_a_scanner_that_drifts_is_named_and_not_the_bms(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    drift_by(monkeypatch, plant, FakeLogger, 1 / 15, "sensor 1")
    trip = tripped_by(little_bench, Discharge(0.5, until=LONG))
    assert (trip["fault"], trip["instrument"], trip["place"]) == ("temperature-unconfirmed", "temperatures", "sensor 1")
    assert {event["instrument"] for event in events(little_bench, "warning")} == {"temperatures"}


def test_a_scanner_that_drifts_as_a_whole_is_named_as_well(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    drift_by(monkeypatch, plant, FakeLogger, 1 / 15, "sensor 1", "sensor 2")
    trip = tripped_by(little_bench, Discharge(0.5, until=LONG))
    assert trip["instrument"] == "temperatures"


def test_what_the_guard_has_found_contradicted_is_discredited(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    misread(monkeypatch, plant, FakeBms, "pack voltage", 0.5)
    guard = little_bench.engine.sampler.guard
    tripped_by(little_bench, Discharge(1.0, until=LONG))
    assert guard.discredited == {"bms"}


# --- two faults at once -----------------------------------------------------------------------------------------------


def test_a_pack_fails_on_what_the_other_fault_does_not_touch_and_both_are_listed(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    misread(monkeypatch, plant, FakeSupply, "current", 0.2)
    disturb(plant, cell_offset=0.5)
    assert tripped_by(little_bench, Discharge(1.0, until=LONG))["fault"] == "cell-over-voltage"
    assert causes(little_bench) == [("cell-over-voltage", "pack"), ("current-disagreement", "bench")]


def test_a_pack_does_not_fail_on_what_the_other_fault_has_touched(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    misread(monkeypatch, plant, FakeSupply, "voltage", 3.0)
    disturb(plant, sensors=[25.0, 56.0])
    tripped_by(little_bench, Discharge(1.0, until=LONG))
    assert causes(little_bench)[0] == ("voltage-disagreement", "bench")
    assert causes(little_bench)[1] == ("pack-over-voltage", "bench")
    assert ("cell-over-temperature", "pack") in causes(little_bench)[2:]


def test_an_instrument_that_falls_silent_leads_and_what_was_violated_then_is_listed(
    little_bench: TestBench, plant: Plant
) -> None:
    def gone() -> None:
        plant.cell_offset = 0.5 if plant.now() >= CALM else 0.0
        if plant.now() > CALM:
            raise InstrumentFault("supply does not answer")

    plant.on_scan.append(gone)
    with pytest.raises(InstrumentFault) as caught:
        little_bench.run(Discharge(1.0, until=LONG))
    little_bench.conclude(caught.value)
    assert causes(little_bench) == [("instrument-fault", "bench"), ("cell-over-voltage", "pack")]


# --- warnings ---------------------------------------------------------------------------------------------------------


def test_cells_that_stray_are_told_once_and_end_nothing(little_bench: TestBench, plant: Plant) -> None:
    plant.soc = 0.2
    disturb(plant, cell_offset=0.21)
    little_bench.run(Discharge(0.1, until=elapsed(minutes=5)))
    (warning,) = events(little_bench, "warning")
    assert (warning["fault"], warning["action"], warning["blame"]) == ("cell-spread", "warn", "pack")
    assert "cell spread: 0.21 V is above the allowed 0.2 V in step 'discharge'" in warning["text"]
    assert little_bench.conclude().verdict == "PASS"


@pytest.mark.parametrize(
    ("stray", "spread", "fault_id", "blame"),
    [
        (0.0, 0.0, "bms-discharge-limit", "bench"),
        (0.0, 0.24, "bms-discharge-limit", "bench"),
        (0.21, 0.0, "cell-spread", "pack"),
        (0.0, 0.26, "cell-spread", "pack"),  # on a flat voltage only its charge tells that a cell is empty
    ],
)
def test_a_bms_that_derates_is_the_packs_fault_where_a_cell_strays_and_else_the_benchs(
    little_bench: TestBench, plant: Plant, stray: float, spread: float, fault_id: str, blame: str
) -> None:
    plant.soc, plant.soc_spread = 0.2, spread
    disturb(plant, cell_offset=stray, discharge_limit=1.0)
    trip = tripped_by(little_bench, Discharge(2.0, until=LONG))
    assert (trip["fault"], trip["blame"]) == (fault_id, blame)
    assert ("bms-discharge-limit", "bench") in causes(little_bench)


def test_of_cells_that_only_the_bms_measures_the_one_that_strays_is_told_by_it(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeBms, "where", lambda _self, channel: f"the cell of {channel}", raising=False)
    plant.soc = 0.2
    disturb(plant, cell_offset=0.21, discharge_limit=1.0)
    opened = little_bench.engine.bench
    guard = guard_for(opened, opened.limits, opened.scanner.columns, derived_on(opened, opened.scanner.columns))
    little_bench.engine.sampler.guard = guard
    assert "at the cell of cell voltage max" in tripped_by(little_bench, Discharge(2.0, until=LONG))["text"]


def test_the_bits_of_a_fuse_are_listed_behind_meters_that_had_parted_before(
    little_bench: TestBench, plant: Plant
) -> None:
    def blow() -> None:
        if plant.now() >= CALM:
            plant.bus = 20.0
        if plant.now() > CALM:
            plant.bms_faults = ["MainFuseBlown"]

    plant.on_scan.append(blow)
    trip = tripped_by(little_bench, Charge(1.0, until=LONG))
    assert trip["fault"] == "voltage-disagreement"
    assert ("bms-fault", "pack") in causes(little_bench)


def test_a_sensor_that_is_stuck_is_told(little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeLogger, "collect", lambda _self: [25.0, 25.0])
    little_bench.run(Soak(25.0))
    disturb(plant, sensors=[38.0, 38.0], air=25.0)
    little_bench.run(Rest(until=elapsed(minutes=5)))
    assert {warning["fault"] for warning in events(little_bench, "warning")} == {"temperature-disagreement"}


# --- the last minute --------------------------------------------------------------------------------------------------


def test_a_trip_leaves_the_last_minute_with_what_the_guard_derived(little_bench: TestBench, plant: Plant) -> None:
    disturb(plant, sensors=lambda s: [25.0, 25.1 + s / 8])
    trip = tripped_by(little_bench, Rest(until=elapsed(minutes=2)), Discharge(2.0, until=LONG))
    with (little_bench.run_log.folder / "pretrigger.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    times = [float(row["Test Time / s"]) for row in rows]
    assert times[-1] == trip["time"]
    assert times[-1] - times[0] <= 60
    assert float(rows[-1]["Cell Temperature Rate / K/min"]) == trip["value"] > trip["at_most"]


def test_a_run_that_did_not_trip_keeps_no_last_minute(little_bench: TestBench) -> None:
    little_bench.run(Discharge(1.0, until=elapsed(minutes=2)))
    little_bench.conclude()
    assert not (little_bench.run_log.folder / "pretrigger.csv").exists()


def test_the_manifest_lists_every_limit_with_what_follows(little_bench: TestBench) -> None:
    stored = {limit["name"]: limit for limit in little_bench.run_log.manifest["limits"]}
    assert stored["chamber excursion"]["action"] == "hold"
    assert stored["cell over-voltage"]["fault"] == "cell-over-voltage"
    assert len(stored) == len(little_bench.engine.bench.limits)


# --- the limits of a pack on a station --------------------------------------------------------------------------------


@pytest.fixture
def little_station(write: WriteFile, station_text: str) -> StationFile:
    return load_station(str(write("station.yaml", station_text)))[0]


def by_name(pack: PackFile, station: StationFile) -> dict[str, Any]:
    return {limit.name: limit for limit in limits_for(pack, station)}


def test_the_guard_of_a_pack_follows_its_datasheet_and_the_wiring(
    four_cells: PackFile, little_station: StationFile
) -> None:
    limits = by_name(four_cells, little_station)
    assert limits["cell over-voltage"].at_most == pytest.approx(3.45, abs=0.03)
    assert limits["cell under-voltage"].at_least == pytest.approx(3.05, abs=0.2)
    assert limits["pack over-voltage"].at_most == pytest.approx(4 * 3.45, abs=0.2)
    assert limits["pack under-voltage"].at_least == pytest.approx(4 * 3.05, abs=0.7)
    assert limits["over-current"].at_least == pytest.approx(-5, abs=0.6)
    assert limits["over-current"].at_most == pytest.approx(4, abs=0.6)
    assert limits["over-power"].at_most == pytest.approx(4 * 4 * 3.45, rel=0.11)
    assert limits["cell over-temperature"].at_most == 50
    assert limits["cell under-temperature"].at_least <= -20
    assert limits["insulation"].at_least == 500 * 4 * 3.45


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("cell over-voltage", 1), ("cell under-voltage", 1), ("pack over-voltage", 1), ("bus over-voltage", 1),
        ("pack under-voltage", 3), ("over-current", 1), ("over-power", 1), ("cell over-temperature", 2),
        ("cell over-temperature (BMS)", 2), ("cell temperature rate", 5), ("insulation", 2), ("BMS error", 0),
    ],
)  # fmt: skip
def test_what_harms_somebody_is_forgiven_for_some_scans_and_no_longer(
    four_cells: PackFile, little_station: StationFile, name: str, seconds: float
) -> None:
    """Long enough for a reading that is wrong once, short beside what a fault does."""
    assert by_name(four_cells, little_station)[name].debounce <= seconds


def test_the_guard_is_never_tighter_than_what_pre_flight_allows(
    four_cells: PackFile, little_station: StationFile
) -> None:
    limits = by_name(four_cells, little_station)
    assert limits["cell over-voltage"].at_most > four_cells.limits.cell_voltage.max
    assert limits["cell under-voltage"].at_least < four_cells.limits.cell_voltage.min
    assert limits["over-current"].at_most > four_cells.limits.charge_current
    assert limits["over-current"].at_least < -four_cells.limits.discharge_current


def test_a_pack_file_may_set_its_own(write: WriteFile, pack_text: str, little_station: StationFile) -> None:
    own = (
        "  charge_current: 4\n  temperature_rate: 2\n  cell_spread: 0.05\n  insulation: 1e6\n  power: 30\n"
        "  state_of_charge: {min: 0.1, max: 0.9}\n"
    )
    changed = pack_text.replace("  charge_current: 4\n", own.replace("1e6", "1.0e+6"))
    limits = by_name(load_pack(str(write("own.yaml", changed)))[0], little_station)
    assert limits["cell temperature rate"].at_most == 2
    assert limits["cell spread"].at_most == 0.05
    assert limits["insulation"].at_least == 1e6
    assert limits["over-power"].at_most == pytest.approx(33)
    assert (limits["state of charge"].at_least, limits["state of charge"].at_most) == pytest.approx((0.08, 0.92))


def test_a_station_file_may_set_how_far_its_meters_disagree(
    four_cells: PackFile, write: WriteFile, station_text: str
) -> None:
    text = station_text + "guard: {voltage_disagreement: 0.1, current_disagreement: 0.2, sample_age: 0.5}\n"
    limits = by_name(four_cells, load_station(str(write("own.yaml", text)))[0])
    assert limits["voltage disagreement (source and BMS)"].at_most == pytest.approx(1.38)
    assert limits["current disagreement (source, sink and BMS)"].at_most == pytest.approx(1.0)
    assert limits["stale sample"].at_most == 0.5


def test_weak_wiring_lowers_what_is_guarded(four_cells: PackFile, station_text: str, write: WriteFile) -> None:
    weak = station_text.replace("wiring: {voltage: 40, current: 6}", "wiring: {voltage: 10, current: 1}")
    limits = by_name(four_cells, load_station(str(write("weak.yaml", weak)))[0])
    assert limits["pack over-voltage"].at_most == 10
    assert limits["over-current"].at_most == pytest.approx(1.1)


def test_what_tells_of_a_wrong_reading_comes_before_what_believes_it(
    four_cells: PackFile, little_station: StationFile
) -> None:
    columns_in_order = [limit.column for limit in limits_for(four_cells, little_station)]
    assert columns_in_order.index(columns.BMS_AGE) < columns_in_order.index(columns.CELL_VOLTAGE_MAX)


@contextmanager
def seeded(tmp_path: Path, station: str, *defects: str) -> Iterator[TestBench]:
    """An open virtual bench with its first pack; closed whatever comes of it."""
    loaded, path = load_station(station)
    setup = Setup(loaded, path, *load_pack(loaded.packs[0]), defects=defects)
    bench = TestBench(setup, tmp_path / "runs", TestIdentity("test_x.py::test_it", "test_it", "A title"))
    bench.open()
    try:
        yield bench
    finally:
        bench.conclude()


# --- on the virtual bench ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("defect", "fault_id", "words"),
    [
        ("insulation:60000", "bms-fault", "its fault bits: InsulationError"),
        ("bms-silent:60", "bms-silent", "BMS silent"),
        ("open-sensor:3", "value-missing", "is missing from the scan"),
        ("slow:load:3@60", "stale-sample", "3 s is above"),
        ("contactor-stuck-open@60", "path-open", "no current flows though one is asked for"),
        ("protection-latched:emulator@60", "cell-voltage-implausible", "0 V is below"),
        ("sense-lead-loose:4", "cell-voltage-disagreement", "lowest cell"),
        ("meter-gain:supply:1.5@60", "current-disagreement", "source, sink and BMS"),
        ("meter-gain:supply:1.05:voltage@60", "voltage-disagreement", "source and BMS"),
        ("meter-gain:supply:1.3:voltage@60", "voltage-disagreement", "source and BMS"),
        ("meter-gain:supply:0.5:voltage@60", "voltage-disagreement", "source and BMS"),
        ("meter-offset:supply:0.5@60", "current-disagreement", "(supply is wrong)"),
        ("shunt-drift:10@60", "current-disagreement", "current disagreement"),
        ("unit-changed:temperatures@60", "temperature-jump", "temperature jump (hottest)"),
        ("sense-lead-loose:4@60", "cell-voltage-disagreement", "lowest cell"),
        ("thermal-runaway:1:20@60", "cell-temperature-rate", "K/min"),
        ("thermal-runaway:5:20@60", "cell-over-temperature", "(BMS)"),
        ("fuse-blown@60", "bms-fault", "MainFuseBlown"),
        ("bms-error@60", "bms-error-unexplained", "gave up and nobody says why"),
        ("fault-bit:InterlockState@60", "bms-link", "InterlockState"),
        ("bus-off@60", "bms-silent", "BMS silent"),
        ("missing-message:f_PackLimits@60", "bms-silent", "BMS silent"),
        ("out-of-range:MaximumCellVoltage@60", "value-missing", "is missing from the scan"),
        ("bms-frozen-values@30", "bms-frozen", "BMS frozen"),
    ],
)
def test_a_seeded_defect_is_found_by_the_limit_that_is_for_it(
    tmp_path: Path, defect: str, fault_id: str, words: str
) -> None:
    with seeded(tmp_path, "virtual-module", defect) as bench:
        trip = tripped_by(bench, Charge("C/3", until=elapsed(minutes=3)))
    assert trip["fault"] == fault_id
    assert words in trip["text"]
    name = defect.partition("@")[0].partition(":")[0]
    assert name in fault(fault_id).defects or (name, fault_id) == ("insulation", "bms-fault")


@pytest.mark.parametrize(
    ("station", "defect", "instrument"),
    [
        ("virtual-module", "meter-gain:supply:1.05:voltage@60", "supply"),
        ("virtual-module", "meter-gain:load:1.05:voltage@60", "load"),
        ("virtual-module", "meter-offset:load:0.5@60", "load"),
        ("virtual-module", "meter-offset:supply:0.5@60", "supply"),
        ("virtual-module", "sense-lead-loose:4@60", "emulator"),
        ("virtual-module", "unit-changed:temperatures@60", "temperatures"),
        ("virtual-module", "open-sensor:3@60", "temperatures"),
        ("virtual-pack", "meter-gain:supply:1.05:voltage@60", "supply"),
        ("virtual-pack", "shunt-drift:10@60", "supply or bms"),
        ("virtual-pack", "bms-silent@60", "bms"),
    ],
)
def test_a_seeded_bench_fault_names_the_instrument_that_is_meant(
    tmp_path: Path, station: str, defect: str, instrument: str
) -> None:
    with seeded(tmp_path, station, defect) as bench:
        step = Discharge if "load" in defect else Charge
        trip = tripped_by(bench, step("C/3", until=elapsed(minutes=5)))
        assert (trip["blame"], trip["instrument"]) == ("bench", instrument)
        assert bench.run_log.cause is not None
        assert bench.run_log.cause.instrument == instrument
        kept = bench.run_log.cause.as_dict()
        assert trip["instruments"] == kept["instruments"] == instrument.split(" or ")
        assert meant_by({**kept, "instruments": None}) == meant_by(kept), "also of a recording that has words alone"


@pytest.mark.parametrize(
    ("step", "defect", "fault_id", "place"),
    [
        (Discharge("1C", until=elapsed(hours=1)), "weak-cell:20:0.3", "cell-under-voltage", "cell 20"),
        (Discharge("2C", until=elapsed(hours=1)), "high-resistance:3:12", "cell-spread", "cell 3"),
        (Charge("C/3", until=elapsed(hours=1)), "thermal-runaway:1:20@60", "cell-temperature-rate", "sensor 1"),
    ],
)
def test_a_seeded_pack_fault_names_the_cell(tmp_path: Path, step: Step, defect: str, fault_id: str, place: str) -> None:
    with seeded(tmp_path, "virtual-module", defect) as bench:
        trip = tripped_by(bench, step)
    assert (trip["fault"], trip["blame"], trip["place"]) == (fault_id, "pack", place)
    assert f"at {place}" in trip["text"]


@pytest.mark.parametrize(
    ("defect", "words"),
    [
        ("frozen-counter", "its alive counter stands still"),
        ("wrong-checksum", "its checksum does not fit"),
        ("disconnect:supply", "supply.virtual-module"),
        ("garbage:load", "that is not text of its dialect"),
        ("half-line:supply", "did not answer 'MEAS:ARR?'"),
    ],
)
def test_an_instrument_fault_in_the_middle_of_a_step_is_the_benchs(tmp_path: Path, defect: str, words: str) -> None:
    setup = Setup(*load_station("virtual-module"), *load_pack("lfp-24s"))
    bench = TestBench(setup, tmp_path / "runs", TestIdentity("test_x.py::test_it", "test_it", "A title"))
    bench.open()
    world = bench.engine.bench.world
    assert world is not None
    world.inject(f"{defect}@60")
    with pytest.raises(InstrumentFault, match=re.escape(words)) as caught:
        bench.run(Charge("C/3", until=elapsed(minutes=3)))
    bench.conclude(caught.value)
    cause = bench.run_log.cause
    assert cause is not None
    assert (cause.fault, cause.blame) == ("instrument-fault", "bench")
    assert defect.partition(":")[0] in fault("instrument-fault").defects


# --- who is to measure it ---------------------------------------------------------------------------------------------


def test_each_limit_of_a_pack_that_nobody_measures_is_told_by_the_name_that_the_pack_file_has_for_it(
    little_bench: TestBench,
) -> None:
    """On a bench without an instrument; a step that moves nothing needs only what it says itself."""
    pack, station = little_bench.pack, little_bench.station.model_copy(update={"instruments": {}})
    insulated = pack.model_copy(update={"limits": pack.limits.model_copy(update={"insulation": 1e6})})

    def guarded(pack: PackFile) -> list[str]:
        told = unmeasured((), pack, station, moves_energy=True)
        assert all("nobody measures" in each and "on station little" in each for each in told)
        return [each.partition("the pack's ")[2].partition(" needs a guard")[0] for each in told]

    names = ["cell_voltage", "charge_temperature", "discharge_temperature", "charge_current", "voltage"]
    assert guarded(insulated) == [*names, "insulation"]
    assert guarded(pack.model_copy(update={"limits": pack.limits.model_copy(update={"insulation": None})})) == names
    assert unmeasured((), pack, station, moves_energy=False) == []
    (needed,) = unmeasured((columns.SOC,), pack, station, moves_energy=False)
    assert needed.startswith(f"it needs {columns.SOC!r}: nobody measures {columns.SOC!r} on station little; ")
    assert unmeasured((columns.SOC,), pack, little_bench.station, moves_energy=True) == []


@pytest.mark.parametrize("name", ["bms", "pack controller"])
def test_who_plays_a_role_is_blamed_by_name_and_a_role_that_nobody_plays_by_its_own(
    little_bench: TestBench, name: str
) -> None:
    station = little_bench.station
    found = {each: entry for each, entry in station.instruments.items() if each != "bms"}
    named = station.model_copy(update={"instruments": found | {name: station.instruments["bms"]}})
    assert named.whoever_is("bms") == name
    (silent,) = [limit for limit in limits_for(little_bench.pack, named) if limit.fault == "bms-silent"]
    assert silent.instrument == name
    nobody = station.model_copy(update={"instruments": found})
    assert nobody.player("bms") is None
    assert nobody.whoever_is("bms") == "bms"
    assert not [limit for limit in limits_for(little_bench.pack, nobody) if limit.instrument == "bms"]
