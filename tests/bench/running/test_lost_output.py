"""An output that goes off by itself in the middle of a step: a fault of the bench, never a full or an empty battery."""

from pathlib import Path
from typing import Any

import pytest

from bench import columns
from bench.columns import INDEX
from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running.setup import Setup
from bench.scenario import Charge, Discharge, Step, current_below, elapsed
from bench.station import load_station
from bench.testing import TestBench
from bench.verdicts import BenchFault, PackFailure
from instruments.roles import InstrumentFault
from tests.bench.conftest import OpenTestBench
from tests.bench.fakes import FakeSupply, Plant


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (Charge(1.0, current_below(0.1)), "supply was asked for 1 A, reads 0 A and says that its output is off"),
        (Discharge(1.0, elapsed(seconds=30)), "supply was asked for -1 A, reads 0 A and says that its output is off"),
    ],
)
def test_it_ends_the_step_and_blames_the_bench(little_bench: TestBench, plant: Plant, step: Step, says: str) -> None:
    def trip() -> None:
        if abs(plant.current) > 0.5 and plant.now() > 5.0:
            plant.source_on = plant.sink_on = False
            plant.advance()

    plant.on_scan.append(trip)
    with pytest.raises(BenchFault, match=says) as lost:
        little_bench.run(step)
    assert lost.value.fault == "output-lost"
    assert little_bench.conclude(lost.value).verdict == "BENCH FAULT"


ONE = '  supply: {driver: "tests.bench.fakes:FakeSupply", resource: plant, roles: [source, sink]}\n'
SOURCE, SINK = ONE.replace("source, sink", "source"), ONE.replace("source, sink", "sink").replace("supply", "load", 1)


@pytest.mark.parametrize(
    ("sources", "alarms", "says"),
    [
        (["supply"], {}, "look for an alarm on it, its watchdog or a hand on its panel."),
        (["supply"], {"supply": ("too hot",)}, "it reports too hot."),
        (["supply"], {"supply": ("too hot", "too loud")}, "it reports too hot; too loud."),
        (["supply", "second"], {"second": ("too hot",)}, "it reports second: too hot."),
        (
            ["supply", "second"], {"second": ("too hot",), "supply": ("too hot", "too loud")},
            "it reports supply: too hot; supply: too loud; second: too hot.",
        ),
        (["supply", "second"], {"second": InstrumentFault("silent"), "supply": ("too hot",)}, "supply: too hot."),
        (["supply"], {"load": ("too hot",)}, "look for an alarm on it, its watchdog or a hand on its panel."),
    ],
)  # fmt: skip
def test_what_stands_in_the_instruments_that_were_asked_is_told_by_name_where_they_are_several(
    new_bench: OpenTestBench, plant: Plant, station_text: str, monkeypatch: pytest.MonkeyPatch, sources: list[str],
    alarms: dict[str, Any], says: str,
) -> None:  # fmt: skip
    def told(self: FakeSupply) -> tuple[str, ...]:
        found = alarms.get(self.name, ())
        if isinstance(found, Exception):
            raise found
        return tuple(found)

    monkeypatch.setattr(FakeSupply, "alarms", told, raising=False)
    players = "".join(SOURCE.replace("supply", name, 1) for name in sources) + SINK
    bench = new_bench(station=station_text.replace(ONE, players))
    bench.open()

    def trip() -> None:
        if plant.now() > 5.0:
            plant.source_on = False
            plant.advance()

    plant.on_scan.append(trip)
    with pytest.raises(BenchFault) as lost:
        bench.run(Charge(1.0, current_below(0.1)))
    bench.conclude(lost.value)
    assert str(lost.value).startswith(f"{' and '.join(sources)} was asked for 1 A, reads 0 A")
    assert str(lost.value).endswith(says)


def causes(bench: TestBench) -> list[tuple[str, str]]:
    """Fault and blame of every cause in the manifest."""
    return [(cause["fault"], cause["blame"]) for cause in bench.run_log.manifest["causes"]]


def blows(bench: TestBench, plant: Plant, **values: object) -> None:
    """Within a discharge the sink goes off, because of something that sets these fields of the plant."""

    def off() -> None:
        if plant.sink_on and plant.now() > 5.0:
            plant.source_on = plant.sink_on = False
            plant.advance()
            for name, value in values.items():
                setattr(plant, name, value)

    plant.on_scan.append(off)


@pytest.mark.parametrize(
    ("bit", "led_by"), [("MainFuseBlown", ("bms-fault", "pack")), ("InterlockState", ("bms-link", "bench"))]
)
def test_what_the_bms_says_in_that_very_row_leads_and_the_lost_output_is_listed(
    little_bench: TestBench, plant: Plant, bit: str, led_by: tuple[str, str]
) -> None:
    blows(little_bench, plant, bms_faults=[bit])
    with pytest.raises((BenchFault, PackFailure), match=bit) as ended:
        little_bench.run(Discharge(1.0, elapsed(seconds=30)))
    assert little_bench.conclude(ended.value).verdict == ("FAIL" if led_by[1] == "pack" else "BENCH FAULT")
    assert causes(little_bench)[:2] == [led_by, ("output-lost", "bench")]


def test_what_the_bms_is_about_to_say_is_waited_for_with_the_outputs_off(little_bench: TestBench, plant: Plant) -> None:
    seen = list[bool]()

    def say() -> None:
        if plant.calls.count("sink_is_off") and plant.current == 0.0 and plant.now() > 5.0 and not plant.bms_faults:
            plant.bms_faults = ["MainFuseBlown"]
            seen.append(plant.sink_on)

    blows(little_bench, plant)
    little_bench.engine.clock.every(0.3, say)
    with pytest.raises(PackFailure, match="MainFuseBlown") as ended:
        little_bench.run(Discharge(1.0, elapsed(seconds=30)))
    little_bench.conclude(ended.value)
    assert causes(little_bench)[:2] == [("bms-fault", "pack"), ("output-lost", "bench")]
    assert seen == [False]


def test_a_lost_output_is_kept_behind_what_leads_with_what_it_was_when_it_was_noticed(
    little_bench: TestBench, plant: Plant
) -> None:
    """To listen for why takes a moment, in which nothing was lost."""
    blows(little_bench, plant)
    little_bench.engine.clock.every(
        0.3, lambda: plant.bms_faults.append("MainFuseBlown") if not plant.sink_on and plant.now() > 6.2 else None
    )
    with pytest.raises(PackFailure) as ended:
        little_bench.run(Discharge(1.0, elapsed(seconds=30), name="the last"))
    little_bench.conclude(ended.value)
    assert plant.now() > 6.2
    assert little_bench.run_log.manifest["causes"][1] == {
        "blame": "bench", "step": "the last", "time": 6.0, "limit": None, "fault": "output-lost", "instruments": [],
        "instrument": None,
        "text": "supply was asked for -1 A, reads 0 A and says that its output is off, though no step switched it off; "
        "look for an alarm on it, its watchdog or a hand on its panel.",
    }  # fmt: skip


@pytest.mark.parametrize("error", [InstrumentFault("silent"), OSError("no route"), KeyError("x")])
def test_a_lost_output_is_told_even_where_nothing_can_be_switched_off_any_more(
    little_bench: TestBench, plant: Plant, error: Exception
) -> None:
    blows(little_bench, plant)
    plant.fail["sink_off"] = plant.fail["source_off"] = error
    with pytest.raises(BenchFault, match="supply was asked for -1 A") as ended:
        little_bench.run(Discharge(1.0, elapsed(seconds=30)))
    assert ended.value.fault == "output-lost"
    plant.fail.clear()
    little_bench.conclude(ended.value)


def test_what_was_forgiven_before_leads(little_bench: TestBench, plant: Plant) -> None:
    def break_down() -> None:
        plant.insulation = 6000.0 if plant.now() > 4.5 else 20e6

    plant.on_scan.append(break_down)
    blows(little_bench, plant)
    with pytest.raises(PackFailure) as ended:
        little_bench.run(Discharge(1.0, elapsed(seconds=30)))
    little_bench.conclude(ended.value)
    assert causes(little_bench)[:2] == [("insulation", "pack"), ("output-lost", "bench")]


def test_what_a_lost_output_brings_about_does_not_lead(little_bench: TestBench, plant: Plant) -> None:
    blows(little_bench, plant)
    with pytest.raises(BenchFault) as ended:
        little_bench.run(Discharge(1.0, elapsed(seconds=30)))
    little_bench.conclude(ended.value)
    assert causes(little_bench)[0] == ("output-lost", "bench")
    assert ("current-missing", "bench") in causes(little_bench)


def test_a_current_that_tapers_to_nothing_with_the_output_on_is_none(little_bench: TestBench, plant: Plant) -> None:
    plant.soc = 0.89
    record = little_bench.run(Charge(2.0, current_below(0.01)))
    assert abs(record.rows[-1][INDEX[columns.CURRENT]]) <= 0.01


@pytest.mark.parametrize(
    ("step", "instrument", "message"),
    [
        (Charge("1C", current_below("C/20")), "supply", "OUTP OFF"),
        (Discharge("1C", elapsed(minutes=5)), "load", "LOAD OFF"),
    ],
)
def test_a_hand_on_the_panel_of_a_virtual_instrument_is_noticed(
    tmp_path: Path, step: Step, instrument: str, message: str
) -> None:
    setup = Setup(*load_station("virtual-module"), *load_pack("lfp-24s"))
    bench = TestBench(setup, tmp_path, TestIdentity("x", "x", "x"))
    bench.open()
    opened = bench.engine.bench

    def press() -> None:
        opened.drivers[instrument]._session.write(message)  # type: ignore[attr-defined]

    opened.clock.every(60.0, press)
    with pytest.raises(BenchFault, match=f"{instrument} was asked for") as lost:
        bench.run(step)
    assert lost.value.fault == "output-lost"
    bench.conclude(lost.value)


def test_a_bms_that_gives_up_and_opens_its_contactors_is_no_lost_output(tmp_path: Path) -> None:
    setup = Setup(*load_station("virtual-pack"), *load_pack("lfp-96s"), defects=("bms-error@60",))
    bench = TestBench(setup, tmp_path / "runs", TestIdentity("test_x.py::test_it", "test_it", "A title"))
    bench.open()
    with pytest.raises(BenchFault, match="nobody says why") as gave_up:
        bench.run(Discharge("1C", elapsed(minutes=5)))
    assert gave_up.value.fault == "bms-error-unexplained"
    bench.conclude(gave_up.value)


def test_a_bms_that_is_not_heard_any_more_is_why_a_current_is_gone(little_bench: TestBench, plant: Plant) -> None:
    """One that hears nothing either opens its contactors, sooner than the guard calls it silent."""
    blows(little_bench, plant, bms_age=3.0)
    with pytest.raises(BenchFault, match=r"bms has not been heard for 3\.0 s and may have opened its") as ended:
        little_bench.run(Discharge(1.0, until=elapsed(minutes=5)))
    assert ended.value.fault == "bms-silent"
