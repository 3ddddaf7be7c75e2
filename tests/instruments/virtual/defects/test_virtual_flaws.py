"""What each defect of an instrument, the pack or the BMS looks like to a client on the wire or the bus."""

import can
import pytest

from tests.instruments.virtual.conftest import EVERYTHING, Bench, OpenBench
from tests.instruments.virtual.listening import Listen, Listener, charge

SEP = "\xb6"


@pytest.fixture
def bench(whole_bench: Bench) -> Bench:
    """A pack with everything around it but an emulator."""
    return whole_bench


def temperatures(bench: Bench) -> list[float]:
    bench.say("temperatures", "CONF:TEMP TC,K,(@101:103)")
    return bench.numbers("temperatures", "READ?")


# ---- dialect ----


def test_sets_can_be_refused_with_an_error(bench: Bench) -> None:
    bench.say("supply", "SYST:LOCK ON", "VOLT 50")
    bench.world.inject("refuses-sets:supply")
    bench.say("supply", "VOLT 60")
    assert bench.ask("supply", "VOLT?") == "50.00V"
    assert bench.ask("supply", "SYST:ERR?") == '-200,"Execution error"'
    bench.world.repair("refuses-sets")
    bench.say("supply", "VOLT 60")
    assert bench.ask("supply", "VOLT?") == "60.00V"


def test_a_chamber_refuses_with_a_code(bench: Bench) -> None:
    bench.world.inject("refuses-sets:chamber")
    assert bench.ask("chamber", SEP.join(["11001", "1", "1", "45"])) == "-6"


def test_sets_can_be_ignored_without_a_word_while_switching_works(bench: Bench) -> None:
    bench.world.inject("ignores-set:supply", "ignores-set:chamber")
    bench.say("supply", "SYST:LOCK ON", "VOLT 50", "OUTP ON")
    assert bench.ask("supply", "VOLT?") == "0.00V"
    assert bench.ask("supply", "OUTP?") == "ON"
    assert bench.ask("supply", "SYST:ERR?").startswith("0,")
    assert bench.ask("chamber", SEP.join(["11001", "1", "1", "45"])) == "1"
    assert bench.ask("chamber", SEP.join(["11002", "1", "1"])) == f"1{SEP}25.00"


@pytest.mark.parametrize(("name", "depth"), [("supply", 5), ("load", 10), ("temperatures", 10)])
def test_an_error_queue_can_be_full(bench: Bench, name: str, depth: int) -> None:
    bench.world.inject(f"error-queue-full:{name}")
    replies = [bench.ask(name, "SYST:ERR?") for _ in range(depth + 1)]
    assert all(reply.startswith("-200,") for reply in replies[:-1])
    assert replies[-1].lstrip("+").startswith("0,")


def test_a_protection_can_latch(bench: Bench, listen: Listen) -> None:
    charge(bench, listen(bench))
    bench.world.inject("protection-latched:supply", "protection-latched:load")
    assert bench.ask("supply", "OUTP?") == "OFF"
    assert int(bench.ask("supply", "STAT:QUES:COND?")) & 1
    assert int(bench.ask("load", "STAT:CHAN:COND?")) & 2
    bench.say("supply", "OUTP ON")
    assert bench.ask("supply", "OUTP?") == "OFF"


def test_somebody_can_take_the_front_panel(bench: Bench, listen: Listen) -> None:
    charge(bench, listen(bench))
    bench.world.inject("local-mode:supply")
    bench.say("supply", "OUTP OFF", "SYST:LOCK ON")
    assert bench.ask("supply", "SYST:LOCK:OWN?") == "LOCAL"
    assert bench.ask("supply", "OUTP?") == "ON"
    bench.world.repair("local-mode")
    bench.say("supply", "SYST:LOCK ON", "OUTP OFF")
    assert bench.ask("supply", "OUTP?") == "OFF"


# ---- output stages ----


def test_an_output_can_stay_on_and_say_so(bench: Bench, listen: Listen) -> None:
    charge(bench, listen(bench))
    bench.world.inject("output-stays-on:supply")
    bench.say("supply", "OUTP OFF")
    assert bench.ask("supply", "OUTP?") == "ON"
    assert bench.numbers("supply", "MEAS:CURR?") == [2.0]
    assert bench.world.outputs().supply
    bench.world.repair("output-stays-on")
    bench.say("supply", "OUTP OFF")
    assert bench.world.outputs().battery == 0.0


def test_a_load_can_stay_on_and_say_so(bench: Bench, listen: Listen) -> None:
    listen(bench).close_contactor()
    bench.say("load", "MODE CCH", "CURR:STAT:L1 3", "LOAD ON")
    bench.world.inject("output-stays-on:load")
    bench.say("load", "LOAD OFF")
    assert bench.ask("load", "LOAD?") == "ON"
    assert bench.world.outputs().battery == pytest.approx(-3.0)


@pytest.mark.parametrize("name", ["supply", "load"])
def test_an_output_can_lie(bench: Bench, listen: Listen, name: str) -> None:
    listen(bench).close_contactor()
    if name == "supply":
        bench.source(voltage=100, current=3)
    else:
        bench.say("load", "MODE CCH", "CURR:STAT:L1 3", "LOAD ON")
    bench.world.inject(f"output-lies:{name}")
    off, asked = ("OUTP OFF", "OUTP?") if name == "supply" else ("LOAD OFF", "LOAD?")
    bench.say(name, off)
    assert bench.ask(name, asked) == "OFF"
    assert abs(bench.world.outputs().battery) == pytest.approx(3.0)
    assert getattr(bench.world.outputs(), name)


@pytest.mark.parametrize("name", ["supply", "load"])
def test_a_power_stage_can_be_dead_behind_an_output_that_reads_on(bench: Bench, listen: Listen, name: str) -> None:
    listen(bench).close_contactor()
    bench.world.inject(f"output-dead:{name}")
    if name == "supply":
        bench.source(voltage=100, current=3)
    else:
        bench.say("load", "MODE CCH", "CURR:STAT:L1 3", "LOAD ON")
    assert bench.ask(name, "OUTP?" if name == "supply" else "LOAD?") == "ON"
    assert bench.world.outputs().battery == pytest.approx(0.0)
    bench.world.repair("output-dead")
    bench.world.advance(1)
    assert abs(bench.world.outputs().battery) == pytest.approx(3.0)


def test_a_stuck_output_does_not_switch_itself_on(bench: Bench, listen: Listen) -> None:
    listen(bench).close_contactor()
    bench.world.inject("output-stays-on:supply", "output-lies:load")
    bench.world.advance(5)
    assert not bench.world.outputs().supply
    assert not bench.world.outputs().load


# ---- meters and sensors ----


def test_meters_can_have_a_gain_and_an_offset(bench: Bench, listen: Listen) -> None:
    charge(bench, listen(bench))
    (volts,) = bench.numbers("supply", "MEAS:VOLT?")
    bench.world.inject("meter-gain:supply:1.5", "meter-offset:supply:0.5", "meter-gain:supply:1.1:voltage")
    assert bench.numbers("supply", "MEAS:CURR?") == [3.5]
    assert bench.numbers("supply", "MEAS:VOLT?") == [pytest.approx(1.1 * volts, abs=0.01)]
    assert bench.world.outputs().battery == pytest.approx(2.0)


def test_sensors_can_stick_turn_round_and_drift(bench: Bench) -> None:
    bench.world.inject("sensor-stuck:1", "sensor-reversed:2", "sensor-drift:3:7.2")
    bench.ask("chamber", SEP.join(["11001", "1", "1", "35"]))
    bench.ask("chamber", SEP.join(["14001", "1", "1", "1"]))
    bench.world.advance(4 * 3600)
    assert temperatures(bench) == pytest.approx([25.0, 15.0, 35.0 + 4 * 7.2], abs=0.3)
    bench.world.repair("sensor-stuck", "sensor-reversed", "sensor-drift")
    assert temperatures(bench) == pytest.approx([35.0] * 3, abs=0.3)


def test_a_unit_can_be_changed(bench: Bench) -> None:
    temperatures(bench)
    bench.world.inject("unit-changed:temperatures")
    assert bench.numbers("temperatures", "READ?") == pytest.approx([77.0] * 3, abs=0.1)


def test_a_sense_lead_can_come_loose(open_bench: OpenBench) -> None:
    bench = open_bench("supply", "emulator")
    bench.emulate(soc=0.5)
    bench.world.inject("sense-lead-loose:2")
    first, second = bench.numbers("emulator", "MEAS:VOLT? (@1,2)")
    assert second == pytest.approx(first / 2, abs=0.01)


def test_without_an_emulator_it_is_the_bms_that_measures_cells(bench: Bench, listen: Listen) -> None:
    listener = listen(bench)
    bench.world.inject("sense-lead-loose:2")
    found = listener.signals()
    assert found["MinimumCellVoltage"] == pytest.approx(found["MaximumCellVoltage"] / 2, abs=2)
    assert found["MinimumCellVoltageCellIndex"] == 1


# ---- chamber ----


def test_a_chamber_can_run_away(bench: Bench) -> None:
    bench.world.inject("chamber-runaway:60")
    bench.world.advance(600)
    assert bench.ask("chamber", SEP.join(["11004", "1", "1"])) == f"1{SEP}35.00"


def test_a_chamber_can_switch_itself_off(bench: Bench) -> None:
    bench.ask("chamber", SEP.join(["14001", "1", "1", "1"]))
    assert bench.ask("chamber", SEP.join(["10012", "1"])) == f"1{SEP}3"
    bench.world.inject("chamber-off")
    assert bench.ask("chamber", SEP.join(["10012", "1"])) == f"1{SEP}1"


# ---- the pack ----


@pytest.mark.parametrize("names", [EVERYTHING, ("supply", "emulator", "temperatures", "bms")])
def test_a_short_inside_a_cell_drains_and_heats_it(open_bench: OpenBench, names: tuple[str, ...]) -> None:
    bench = open_bench(*names)
    if "emulator" in names:
        bench.emulate(soc=0.5)
    plant = bench.world.plant
    bench.world.inject("internal-short:3:20")
    bench.world.advance(3600)
    leaked = 3.65 / 20 / plant.capacity[2]  # about 0.18 A for an hour
    assert plant.soc[0] - plant.soc[2] == pytest.approx(leaked, rel=0.1)
    assert plant.temperature[2] > plant.temperature[0] + 0.5


def test_a_cell_can_discharge_itself(bench: Bench) -> None:
    plant = bench.world.plant
    bench.world.inject("self-discharge:1:0.5")
    bench.world.advance(1800)
    assert plant.soc[1] - plant.soc[0] == pytest.approx(0.25 / plant.capacity[0], rel=1e-3)
    bench.world.advance(36 * 3600)
    assert plant.soc[0] == pytest.approx(0.0, abs=0.01)


def test_a_runaway_heats_faster_the_hotter_it_is(bench: Bench) -> None:
    bench.world.inject("thermal-runaway:1:2")
    found = []
    for _ in range(4):
        bench.world.advance(60)
        found.append(bench.world.plant.temperature[0])
    rises = [after - before for before, after in zip([25.0, *found], found, strict=False)]
    assert rises == sorted(rises)
    assert temperatures(bench)[0] == pytest.approx(found[-1], abs=0.01)


def test_lost_cooling_lets_cells_get_hotter(open_bench: OpenBench, listen: Listen) -> None:
    def after(*defects: str) -> float:
        bench = open_bench("supply", "bms", defects=defects)
        charge(bench, listen(bench), current=5.0)
        bench.world.advance(1800)
        hottest = float(bench.world.plant.temperature.max())
        bench.world.close()
        return hottest

    assert after("cooling-lost") > after() + 2.0


def test_a_fuse_can_blow(bench: Bench, listen: Listen) -> None:
    listener = listen(bench)
    charge(bench, listener)
    bench.world.inject("fuse-blown")
    found = listener.signals()
    assert found["MainFuseBlown"] == 1
    assert bench.numbers("supply", "MEAS:CURR?") == [0.0]


# ---- contactor and BMS ----


def test_a_contactor_can_weld(bench: Bench, listen: Listen) -> None:
    listener = listen(bench)
    bench.world.inject("contactor-welded")
    assert not bench.world.outputs().contactor
    listener.close_contactor()
    bench.world.advance(1)
    listener.open_contactor()
    assert listener.signals()["BmsState"] == 5  # STANDBY: the node knows nothing of it
    assert bench.world.outputs().contactor
    assert bench.numbers("supply", "MEAS:VOLT?")[0] > 60


def test_one_of_two_contactors_can_weld_and_the_node_finds_out_after_standby(bench: Bench, listen: Listen) -> None:
    listener = listen(bench)
    bench.world.inject("contactor-pole-welded")
    listener.close_contactor()
    bench.world.advance(1)
    listener.open_contactor()
    assert not bench.world.outputs().contactor  # the other one has opened the circuit
    for _ in range(20):
        bench.world.advance(0.1)
    found = listener.signals(0.1)
    assert (found["BmsState"], found["GeneralError"], found["PositiveContactorError"]) == (10, 1, 1)


def test_a_contactor_can_stay_open(bench: Bench, listen: Listen) -> None:
    listener = listen(bench)
    bench.world.inject("contactor-stuck-open")
    charge(bench, listener)
    assert listener.signals()["BmsState"] == 7  # NORMAL
    assert bench.numbers("supply", "MEAS:CURR?") == [0.0]


def test_precharge_can_fail(bench: Bench, listen: Listen) -> None:
    listener = listen(bench)
    bench.world.inject("precharge-fails")
    listener.close_contactor()
    found = listener.signals()
    assert (found["BmsState"], found["PrechargeVoltageError"]) == (6, 1)  # it tries again, twice
    found = listener.signals(11.0)
    assert (found["BmsState"], found["PrechargeVoltageError"], found["GeneralError"]) == (10, 1, 0)


def test_a_shunt_can_drift(bench: Bench, listen: Listen) -> None:
    listener = listen(bench)
    charge(bench, listener)
    bench.world.inject("shunt-drift:0.5")
    bench.world.advance(720)
    assert listener.signals()["Current"] == pytest.approx(-2.2, abs=0.011)


def test_a_bms_can_give_up(bench: Bench, listen: Listen) -> None:
    listener = listen(bench)
    charge(bench, listener)
    bench.world.inject("bms-error")
    assert listener.signals()["BmsState"] == 10
    assert bench.world.outputs().battery == 0.0


@pytest.mark.parametrize("bit", ["InterlockState", "MainFuseBlown", "NvramCrcError"])
def test_a_fault_bit_can_be_raised(bench: Bench, listen: Listen, bit: str) -> None:
    listener = listen(bench)
    assert listener.signals()[bit] == 0
    bench.world.inject(f"fault-bit:{bit}")
    found = listener.signals()
    assert (found[bit], found["AlertFlag"]) == (1, 1)
    bench.world.repair("fault-bit")
    assert listener.signals()[bit] == 0


# ---- frames ----


def test_a_bus_can_be_off_in_both_directions(bench: Bench, listen: Listen) -> None:
    listener = listen(bench)
    bench.world.inject("bus-off")
    listener.close_contactor()
    assert listener.frames() == []
    assert not bench.world.outputs().contactor
    bench.world.repair("bus-off")
    found = listener.signals()
    assert (found["BmsState"], found["CanTimingError"]) == (10, 0)  # it had heard nothing for seconds


def test_one_message_can_be_missing(bench: Bench, listen: Listen) -> None:
    listener = listen(bench)
    bench.world.inject("missing-message:f_PackLimits")
    identifiers = {message.arbitration_id for message in listener.frames()}
    assert 0x232 not in identifiers
    assert {0x220, 0x230, 0x231, 0x233, 0x234, 0x235} <= identifiers


@pytest.mark.parametrize("signal", ["MaximumCellVoltage", "Current", "Soh", "BmsState", "MinimumCellTemperature"])
def test_a_signal_can_be_out_of_its_range(bench: Bench, listen: Listen, signal: str) -> None:
    listener = listen(bench)
    bench.world.advance(1)
    healthy = listener.signals()
    bench.world.inject(f"out-of-range:{signal}")
    found = listener.signals()
    message = next(m for m in listener.database.messages if any(s.name == signal for s in m.signals))
    maximum = message.get_signal_by_name(signal).maximum
    assert maximum is not None
    assert found[signal] > maximum
    others = {each.name for each in message.signals} - {signal}
    assert {name: found[name] for name in others} == {name: healthy[name] for name in others}


def test_of_emulator_and_bms_it_is_the_emulator_that_misreads_a_cell(open_bench: OpenBench, listen: Listen) -> None:
    bench = open_bench("bms", "emulator", "supply")
    bench.emulate(soc=0.5)
    listener = listen(bench)
    healthy = float(bench.ask("emulator", "MEAS2:VOLT?"))
    bench.world.inject("sense-lead-loose:2")
    assert float(bench.ask("emulator", "MEAS2:VOLT?")) == pytest.approx(healthy / 2, abs=1e-3)
    assert listener.signals()["MinimumCellVoltage"] == pytest.approx(healthy * 1000, abs=5)  # mV


def test_a_node_knows_that_a_cell_holds_less(bench: Bench, listen: Listen) -> None:
    listener = listen(bench)
    assert listener.signals()["Soh"] == 100.0
    bench.world.inject("weak-cell:7:0.7")
    assert listener.signals()["Soh"] == 70.0


def test_values_can_freeze_while_the_state_goes_on(bench: Bench, listen: Listen) -> None:
    listener = listen(bench)
    bench.world.inject("bms-frozen-values")
    charge(bench, listener, current=5.0)
    found = listener.signals()
    assert (found["BmsState"], found["Current"]) == (7, 0.0)


def protections(listener: Listener) -> list[bytes]:
    found = []
    for _ in range(3):
        found += [bytes(message.data) for message in listener.frames(0.1) if message.arbitration_id == 0x23F]
    return found


def test_a_node_without_protection_sends_none(bench: Bench, listen: Listen) -> None:
    assert protections(listen(bench)) == []


def test_a_counter_can_freeze(bench: Bench, listen: Listen) -> None:
    listener = listen(bench)
    bench.world.inject("frozen-counter")
    assert len({frame[2] for frame in protections(listener)}) == 1
    bench.world.repair("frozen-counter")
    assert len({frame[2] for frame in protections(listener)}) == 3


def test_a_checksum_can_be_wrong(bench: Bench, listen: Listen) -> None:
    def fits(frames: list[can.Message]) -> bool:
        protected = {0x220, *range(0x230, 0x236), 0x23F}
        payloads = {each.arbitration_id: bytes(each.data) for each in frames if each.arbitration_id in protected}
        frame = payloads.pop(0x23F)
        data = frame[2:3] + b"".join(payloads[key] for key in sorted(payloads)) + b"\x3f\x02"
        crc = 0xFFFF
        for bit in (byte >> shift & 1 for byte in data for shift in range(7, -1, -1)):
            crc = (crc << 1 & 0xFFFF) ^ (0x1021 if crc >> 15 ^ bit else 0)
        return crc == int.from_bytes(frame[:2], "little")

    listener = listen(bench)
    bench.world.inject("wrong-checksum")
    assert not fits(listener.frames())
    bench.world.repair("wrong-checksum")
    assert fits(listener.frames())
