"""What a whole run makes of its links: connections that instruments close, hands at panels, impostors."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running.setup import Setup
from bench.scenario import Charge, Discharge, Rest, Step, elapsed
from bench.station import load_station
from bench.testing import TestBench
from instruments.roles import InstrumentFault

CHARGE = Charge("C/3", until=elapsed(minutes=5), name="charge")
DISCHARGE = Discharge("C/3", until=elapsed(minutes=5), name="discharge")
REST = Rest(until=elapsed(minutes=2))

PATIENT = ("supply", "load", "temperatures", "chamber")

OpenWith = Callable[..., TestBench]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[OpenWith]:
    """Open a virtual module with defects; it is concluded at the end, whatever came of it."""
    benches: list[TestBench] = []

    def open_with(*defects: str) -> TestBench:
        setup = Setup(*load_station("virtual-module"), *load_pack("lfp-24s"), defects=defects)
        bench = TestBench(setup, tmp_path, TestIdentity("test_x.py::test_it", "test_it", "A title"))
        benches.append(bench)
        bench.open()
        return bench

    yield open_with
    for bench in benches:
        bench.conclude()


def wire_of(bench: TestBench, name: str) -> list[str]:
    """What was said on the wire of one instrument, in order, with its direction."""
    lines = (bench.run_log.folder / "transcript.log").read_text(encoding="utf-8").splitlines()
    return [line.partition(f" {name} ")[2] for line in lines if f" {name} " in line]


def test_a_run_outlasts_instruments_that_close_silent_connections(opened: OpenWith) -> None:
    """The supply after 5 s, as its manual says: each rest at 10 s scans used to end as a bench fault."""
    bench = opened(*(f"idle-close:{name}:5" for name in PATIENT))
    bench.run(CHARGE, REST, DISCHARGE, REST, CHARGE)
    drivers = bench.engine.bench.drivers
    assert all(drivers[name].reconnections >= 24 for name in PATIENT)  # type: ignore[attr-defined]
    conclusion = bench.conclude()
    assert (conclusion.verdict, conclusion.bench.safe) == ("PASS", True)
    said = wire_of(bench, "supply")
    for place, line in enumerate(said):
        if line.endswith("it is connected anew"):
            assert next(line for line in said[place + 1 :] if line.startswith(">")) in {"> *IDN?", "> OUTP OFF"}


@pytest.mark.parametrize("defect", ["panel-pressed:supply@60", "local-mode:supply@60"])
def test_a_hand_at_the_panel_of_the_supply_ends_a_charge_within_ten_seconds(opened: OpenWith, defect: str) -> None:
    bench = opened(defect)
    with pytest.raises(InstrumentFault, match="supply is not under remote control any more") as lost:
        bench.run(CHARGE)
    assert bench.engine.clock.now() < 60.0 + 12.0
    assert bench.conclude(lost.value).verdict == "BENCH FAULT"


@pytest.mark.parametrize(("instrument", "step"), [("supply", CHARGE), ("load", DISCHARGE)])
def test_an_output_whose_panel_was_pressed_is_off_in_the_end_and_verified(
    opened: OpenWith, instrument: str, step: Step
) -> None:
    bench = opened()
    world = bench.engine.bench.world
    assert world is not None
    switched: list[bool] = []

    def press() -> None:
        if not switched:
            world.inject(f"panel-pressed:{instrument}")
        switched.append(getattr(world.outputs(), instrument))

    bench.engine.clock.every(61.5, press)
    try:
        bench.run(step)
    except InstrumentFault as lost:
        conclusion = bench.conclude(lost)
    else:
        conclusion = bench.conclude()
    assert switched[0]
    assert conclusion.bench.safe, str(conclusion.bench)
    assert not getattr(world.outputs(), instrument)
    # The supply's control was found lost with a scan; of the load's nothing is heard before its OFF is refused.
    told = "! load refused to switch its input off, and is told again under control taken anew"
    assert (told in wire_of(bench, instrument)) is (instrument == "load")


def test_another_instrument_behind_a_new_connection_is_told_off_and_nothing_else(opened: OpenWith) -> None:
    bench = opened()
    world = bench.engine.bench.world
    assert world is not None
    exchanged: list[float] = []

    def exchange() -> None:
        if not exchanged:
            exchanged.append(bench.engine.clock.now())
            world.inject("wrong-identity:supply", "reconnect:supply")

    bench.engine.clock.every(60.0, exchange)
    with pytest.raises(InstrumentFault, match=r"supply .* is EA .* X-9000 \d+ since .*, and was EA .* PSB") as found:
        bench.run(CHARGE)
    conclusion = bench.conclude(found.value)
    assert (conclusion.verdict, conclusion.bench.safe) == ("BENCH FAULT", False)
    said = wire_of(bench, "supply")
    after = next(place for place, line in enumerate(said) if line.endswith("it is connected anew"))
    assert {line for line in said[after:] if line.startswith(">")} <= {"> *IDN?", "> SYST:LOCK 1", "> OUTP OFF"}
    assert "> OUTP OFF" in said[after:]
