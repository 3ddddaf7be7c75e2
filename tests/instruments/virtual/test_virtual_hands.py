"""Hands on the bench, and a node that is not what it says: what clients of the wires and of the bus see of it."""

import pytest

from tests.instruments.virtual.conftest import Bench, OpenBench
from tests.instruments.virtual.listening import Listen, Listener, charge

SEP = "\xb6"


@pytest.fixture
def bench(whole_bench: Bench) -> Bench:
    """A pack with everything around it but an emulator."""
    return whole_bench


# ---- panels ----


def test_a_supply_can_be_switched_on_at_its_panel(bench: Bench, listen: Listen) -> None:
    listen(bench).close_contactor()
    bench.world.inject("panel-on:supply:3")
    assert bench.numbers("supply", "MEAS:CURR?") == [pytest.approx(3.0, abs=0.01)]
    assert bench.world.outputs().battery == pytest.approx(3.0)
    bench.world.repair("panel-on")
    assert bench.ask("supply", "OUTP?") == "OFF"


def test_a_load_can_be_switched_on_at_its_panel(bench: Bench, listen: Listen) -> None:
    listen(bench).close_contactor()
    bench.world.inject("panel-on:load:2")
    assert bench.world.outputs().battery == pytest.approx(-2.0)
    bench.world.repair("panel-on")
    assert bench.ask("load", "LOAD?") == "OFF"


def test_an_emulator_can_be_switched_on_at_its_panel(open_bench: OpenBench) -> None:
    bench = open_bench("supply", "load", "emulator")
    bench.world.inject("panel-on:emulator:2")
    assert bench.world.outputs().emulator
    assert bench.world.plant.voltage.sum() == pytest.approx(24 * 4.2)


@pytest.mark.parametrize("name", ["supply", "load"])
def test_set_points_can_be_somebody_elses(bench: Bench, listen: Listen, name: str) -> None:
    listen(bench).close_contactor()
    bench.world.inject(f"foreign-sets:{name}:4")
    assert bench.world.outputs().battery == 0.0
    bench.say(name, *(("SYST:LOCK ON", "OUTP ON") if name == "supply" else ("LOAD ON",)))
    assert abs(bench.world.outputs().battery) == pytest.approx(4.0)


def test_a_panel_that_was_touched_leaves_nobody_in_control(bench: Bench, listen: Listen) -> None:
    charge(bench, listen(bench))
    bench.world.inject("panel-pressed:supply")
    bench.say("supply", "OUTP OFF")
    assert bench.ask("supply", "SYST:ERR?").startswith("-221")
    assert bench.ask("supply", "SYST:LOCK:OWN?") == "NONE"
    assert bench.world.outputs().battery == pytest.approx(2.0)
    bench.say("supply", "SYST:LOCK ON", "OUTP OFF")
    assert bench.world.outputs().battery == 0.0


def test_a_supply_can_let_a_surge_through(bench: Bench, listen: Listen) -> None:
    charge(bench, listen(bench))
    bench.world.inject("surge:supply:2@+1")
    assert bench.numbers("supply", "MEAS:CURR?") == [pytest.approx(4.0, abs=0.01)]
    assert bench.ask("supply", "CURR?") == "2.00A"
    bench.world.advance(1.5)
    assert bench.world.outputs().battery == pytest.approx(2.0)


# ---- chamber ----


def test_a_chamber_can_heat_and_report_its_set_point(bench: Bench) -> None:
    bench.ask("chamber", SEP.join(["11001", "1", "1", "30"]))
    bench.world.inject("chamber-lies:60")
    bench.world.advance(600)
    assert bench.world.air_temperature == pytest.approx(35.0)
    assert bench.ask("chamber", SEP.join(["11004", "1", "1"])) == f"1{SEP}30.00"
    bench.world.repair("chamber-lies")
    bench.world.advance(10)
    assert float(bench.ask("chamber", SEP.join(["11004", "1", "1"])).split(SEP)[1]) > 30.5


# ---- the node ----


def test_an_emergency_stop_opens_the_contactors_and_the_node_says_why(bench: Bench, listen: Listen) -> None:
    listener = listen(bench)
    charge(bench, listener)
    bench.world.inject("emergency-stop")
    found = listener.signals()
    assert (found["BmsState"], found["InterlockState"], found["EmergencyShutoff"]) == (10, 1, 1)
    assert bench.world.outputs().battery == 0.0
    bench.world.repair("emergency-stop")
    assert listener.signals()["InterlockState"] == 0


def test_a_node_can_give_up_with_a_reason(bench: Bench, listen: Listen) -> None:
    listener = listen(bench)
    bench.world.inject("bms-error:CanTimingError")
    found = listener.signals()
    assert (found["BmsState"], found["CanTimingError"], found["InsulationError"]) == (10, 1, 0)


def test_a_node_that_restarts_opens_its_contactors_and_closes_them_when_it_is_asked_again(
    bench: Bench, listen: Listen
) -> None:
    listener = listen(bench)
    charge(bench, listener)
    bench.world.inject("bms-restart:3")
    assert listener.signals(1.0)["BmsState"] == 0
    listener.close_contactor()  # too early: it does not listen yet
    assert bench.world.outputs().battery == 0.0
    bench.world.advance(2)
    assert listener.signals(1.0)["BmsState"] == 3  # IDLE, which it leaves for STANDBY alone
    listener.request(0)
    listener.close_contactor()
    bench.world.advance(1)
    assert bench.world.outputs().battery == pytest.approx(2.0)


def test_contactors_can_be_closed_before_anybody_asks(open_bench: OpenBench) -> None:
    bench = open_bench("supply", "bms", defects=["contactor-closed"])
    assert bench.world.outputs().contactor


def both_nodes(listener: Listener, identifier: int) -> list[bytes]:
    found = []
    for _ in range(4):
        frames = [message for message in listener.frames(0.1) if message.arbitration_id == identifier]
        found.append(b"|".join(bytes(message.data) for message in frames))
    return found


def test_a_second_node_has_the_same_ids_and_says_something_else(bench: Bench, listen: Listen) -> None:
    listener = listen(bench)
    charge(bench, listener)
    bench.world.inject("second-node")
    heard = both_nodes(listener, 0x220)
    assert all(frames.count(b"|") == 1 for frames in heard)
    assert heard[0].split(b"|") == heard[1].split(b"|")[::-1]  # now the one comes first and now the other
    states = {frame[0] & 0xF for frame in heard[0].split(b"|")}
    assert states == {5, 7}  # STANDBY, NORMAL
    bench.world.repair("second-node")
    assert all(b"|" not in frames for frames in both_nodes(listener, 0x220))


@pytest.mark.parametrize(
    ("extreme", "least", "most"),
    [
        ("voltage", "MinimumCellVoltage", "MaximumCellVoltage"),
        ("temperature", "MinimumCellTemperature", "MaximumCellTemperature"),
        ("soc", "MinimumSoc", "MaximumSoc"),
    ],
)
def test_the_least_can_lie_above_the_most(bench: Bench, listen: Listen, extreme: str, least: str, most: str) -> None:
    listener = listen(bench)
    listener.close_contactor()  # of what is not connected no charge is shown
    assert listener.signals()[least] <= listener.signals()[most]
    bench.world.inject(f"min-above-max:{extreme}")
    found = listener.signals()
    assert found[least] > found[most]


def test_a_state_of_charge_can_jump(bench: Bench, listen: Listen) -> None:
    listener = listen(bench)
    listener.close_contactor()
    before = listener.signals()
    bench.world.inject("soc-jump:0.4")
    found = listener.signals()
    assert found["MaximumSoc"] - before["MaximumSoc"] == pytest.approx(40.0)
    assert found["MinimumSoc"] - before["MinimumSoc"] == pytest.approx(40.0)
    assert found["MinimumCellVoltage"] == before["MinimumCellVoltage"]
    bench.world.inject("soc-jump:0.9")
    assert listener.signals()["MaximumSoc"] == 100.0  # of what it knows, a node says no more


@pytest.mark.parametrize(
    ("defect", "signal", "other"),
    [
        ("charge-limit", "MaximumChargeCurrent", "MaximumDischargeCurrent"),
        ("discharge-limit", "MaximumDischargeCurrent", "MaximumChargeCurrent"),
    ],
)
def test_a_node_can_allow_less_one_way(bench: Bench, listen: Listen, defect: str, signal: str, other: str) -> None:
    listener = listen(bench)
    listener.close_contactor()
    before = listener.signals()
    bench.world.inject(f"{defect}:1.6")
    assert listener.signals()[signal] == 1.5  # of its counts of 0.25 A never one too many
    assert listener.signals()[other] == before[other]
    bench.world.inject(f"{defect}:900")
    assert listener.signals()[signal] == 1.5  # and never more than its cells could do


def test_one_signal_can_freeze_alone(bench: Bench, listen: Listen) -> None:
    listener = listen(bench)
    listener.close_contactor()
    before = listener.signals()
    bench.world.inject("frozen-signal:MaximumCellVoltage")
    bench.source(voltage=100, current=5.0)
    found = listener.signals()
    assert found["MaximumCellVoltage"] == before["MaximumCellVoltage"]
    assert found["MinimumCellVoltage"] > before["MinimumCellVoltage"]
