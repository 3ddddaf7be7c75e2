"""The BMS node: frames computed by hand from the foxBMS layout, over python-can's own virtual bus."""

from collections.abc import Callable
from math import isnan, nan
from pathlib import Path

import can
import pytest
from cantools.database import load_file
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instruments.drivers.foxbms import FoxBms, layout
from instruments.drivers.foxbms.layout import CHANNELS, FAULTS, Field
from instruments.drivers.foxbms.states import NodeState
from instruments.roles import (
    BatteryManagement,
    BmsFault,
    BmsMode,
    BmsState,
    Instrument,
    InstrumentFault,
    Scanned,
)
from instruments.wires.context import InstrumentLink, LinkContext
from tests.instruments.drivers.foxbms_node import BUS, FRAMES, send, send_all
from tests.instruments.scripted import FakeTime, Transcript

DATABASE = load_file(Path(layout.__file__).with_name("foxbms.dbc"), strict=True)
EXPECTED = {
    "state": 9,
    "soc min": 0.298,
    "soc max": 0.302,
    "soh": 0.995,
    "charge current limit": 57.5,
    "discharge current limit": 100.0,
    "cell voltage min": 3.2,
    "cell voltage max": 3.65,
    "cell temperature min": -10.0,
    "cell temperature max": 25.0,
    "pack voltage": 324.8,
    "pack current": 200.5,
    "insulation": 700e3,
    "age": 0.0,
    "dropped": 0.0,
    "contradictions": 0.0,
}


def sample(bms: FoxBms) -> dict[str, float]:
    bms.request()
    return dict(zip([channel.name for channel in bms.channels], bms.collect(), strict=True))


def test_it_plays_its_roles(bms: FoxBms) -> None:
    assert isinstance(bms, BatteryManagement)
    assert isinstance(bms, Scanned)
    assert isinstance(bms, Instrument)


def test_frames_become_si_values(node: can.BusABC, bms: FoxBms) -> None:
    send_all(node)
    assert sample(bms) == pytest.approx(EXPECTED)
    assert [channel.name for channel in bms.channels] == list(EXPECTED)
    assert bms.state() is BmsState.CHARGE


def test_a_bms_built_the_other_way_round_has_its_own_sign(node: can.BusABC, context: LinkContext) -> None:
    bms = FoxBms(BUS, context, name="bms", positive_current="charge")
    send_all(node)
    assert sample(bms)["pack current"] == pytest.approx(-200.5)
    bms.close()


def test_the_newest_frame_wins_and_the_oldest_message_gives_the_age(
    node: can.BusABC, bms: FoxBms, clock: FakeTime
) -> None:
    send_all(node)
    sample(bms)
    clock.now += 5
    for identifier in FRAMES.keys() - {0x235}:
        send(node, identifier, FRAMES[identifier])
    send(node, 0x232, "00 00 00 00 00 00 00 00")
    values = sample(bms)
    assert values["charge current limit"] == 0
    assert values["age"] == 5
    clock.now += 2
    assert sample(bms)["age"] == 7


def test_a_message_that_never_came_has_no_value_but_an_age(bms: FoxBms, clock: FakeTime) -> None:
    clock.now += 3
    *values, age, dropped, contradictions = sample(bms).values()
    assert all(isnan(value) for value in values)
    assert (age, dropped, contradictions) == (3, 0, 0)


def test_a_silent_node_is_a_fault_in_words(bms: FoxBms, clock: FakeTime) -> None:
    with pytest.raises(InstrumentFault, match="bms has never sent f_BmsState"):
        bms.state()
    with pytest.raises(InstrumentFault, match="never sent"):
        bms.identify()
    assert sum(clock.slept) == pytest.approx(3.0, abs=0.11)


def test_a_bench_that_is_faster_than_time_waits_for_a_silent_node_as_long_as_any(clock: FakeTime) -> None:
    context = LinkContext("", lambda: 100 * clock.now, lambda s: clock.sleep(s / 100), passing=lambda: clock.now)
    bms = FoxBms(BUS, context, name="bms", cyclic_request=False)
    with pytest.raises(InstrumentFault, match="never sent"):
        bms.identify()
    bms.close()
    assert sum(clock.slept) == pytest.approx(3.0, abs=0.01)


def test_identify_listens_until_it_hears(node: can.BusABC, bms: FoxBms) -> None:
    send(node, 0x220, FRAMES[0x220])
    assert bms.identify().manufacturer == "foxBMS"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ("15", {}),
        (FRAMES[0x220], {"is_extended_id": True}),
        (FRAMES[0x220], {"is_error_frame": True}),
    ],
)
def test_what_only_looks_like_a_state_is_passed_over(
    node: can.BusABC, bms: FoxBms, data: str, kind: dict[str, bool]
) -> None:
    send(node, 0x220, data, **kind)
    with pytest.raises(InstrumentFault, match="never sent"):
        bms.state()


def test_a_state_that_foxbms_does_not_know(node: can.BusABC, bms: FoxBms) -> None:
    send(node, 0x220, "0F 00 00 00 00 00 00 00")
    with pytest.raises(InstrumentFault, match="bms reports state 15"):
        bms.state()


@pytest.mark.parametrize(
    ("data", "faults"),
    [
        ("15 00 00 00 00 00 00 00", set()),
        ("1A 04 40 00 00 00 00 00", {"GeneralError", "InterlockState"}),
        ("1A 0C 80 00 00 00 00 00", {"GeneralError", "EmergencyShutoff", "InsulationError"}),
        (
            "19 00 00 07 00 00 00 00",
            {"CanTimingError", "PackOvercurrentChargeError", "PackOvercurrentDischargeError"},
        ),
        ("19 00 00 A0 C0 00 00 00", set()),  # balancing, charging, network: no faults
    ],
)
def test_fault_bits(node: can.BusABC, bms: FoxBms, data: str, faults: set[str]) -> None:
    send(node, 0x220, data)
    assert {fault.signal for fault in bms.faults()} == faults


def test_faults_of_a_row_are_those_of_what_was_collected_for_it(node: can.BusABC, bms: FoxBms) -> None:
    with pytest.raises(InstrumentFault, match="never sent"):
        bms.remembered_faults()
    send(node, 0x220, "1A 00 00 00 00 00 00 00")
    bms.collect()
    assert bms.remembered_faults() == ()
    send(node, 0x220, "1A 00 40 00 00 00 00 00")
    assert bms.remembered_faults() == ()
    bms.collect()
    assert [fault.signal for fault in bms.remembered_faults()] == ["InterlockState"]


@pytest.mark.parametrize("code", range(12))
def test_the_states_of_the_node_become_those_of_any_bms(node: can.BusABC, bms: FoxBms, code: int) -> None:
    send(node, 0x220, f"1{code:X} 00 00 00 00 00 00 00")
    expected = (
        "STARTING", "STARTING", "STARTING", "STANDBY", "OPENING", "STANDBY", "PRECHARGE", "CLOSED", "DISCHARGE",
        "CHARGE", "ERROR", "UNKNOWN",
    )[code]  # fmt: skip
    assert bms.state().name == expected
    assert sample(bms)["state"] == BmsState[expected]


def test_a_fault_says_what_it_means(node: can.BusABC, bms: FoxBms) -> None:
    send(node, 0x220, "1A 00 40 00 00 00 00 00")
    (fault,) = bms.faults()
    assert fault == BmsFault("InterlockState", side="bench")
    assert fault.text == "The interlock loop is open"


@pytest.mark.parametrize(("mode", "first"), [(BmsMode.STANDBY, 0), (BmsMode.DISCHARGE, 1), (BmsMode.CHARGE, 2)])
def test_a_mode_is_asked_for_at_once_and_with_every_scan(
    node: can.BusABC, bms: FoxBms, heard: Transcript, mode: BmsMode, first: int
) -> None:
    sample(bms)
    assert node.recv(0) is None
    bms.request_mode(mode)
    sample(bms)
    for _ in range(2):
        message = node.recv(0)
        assert message is not None
        assert (message.arbitration_id, message.is_extended_id) == (0x210, False)
        assert bytes(message.data) == bytes([first, 0, 0, 0, 0, 0, 0, 0])
    assert heard[-1] == (">", f"210#0{first}00000000000000")


def test_closing_asks_for_standby_and_may_be_repeated(node: can.BusABC, bms: FoxBms) -> None:
    bms.request_mode(BmsMode.CHARGE)
    node.recv(0)
    bms.close()
    bms.close()
    message = node.recv(0)
    assert message is not None
    assert message.data[0] == BmsMode.STANDBY


def test_closing_says_nothing_where_a_current_flows_that_the_contactor_may_not_break(
    node: can.BusABC, bms: FoxBms
) -> None:
    bms.request_mode(BmsMode.CHARGE)
    node.recv(0)
    bms.stay_as_it_is()
    bms.close()
    assert node.recv(0) is None


def test_it_measures_behind_its_contactors_as_well(node: can.BusABC, bms: FoxBms) -> None:
    assert isnan(bms.bus_voltage())
    database = load_file(Path(layout.__file__).with_name("foxbms.dbc"))
    values = {"BatteryVoltage": 400.0, "BusVoltage": 12.5, "Power": 0.0, "Current": 0.0}
    send(node, 0x233, database.encode_message("f_PackValuesP0", values).hex())
    assert bms.bus_voltage() == pytest.approx(12.5)


def test_a_bus_that_is_not_there(context: LinkContext) -> None:
    settings = {"interface": "socketcan", "channel": "no-such-bus"}
    with pytest.raises(InstrumentFault, match=r"bms \(interface .*\) cannot be opened"):
        FoxBms(settings, context, name="bms")


@pytest.mark.parametrize(
    ("link", "options", "text"),
    [
        (InstrumentLink(), {}, "bms has no CAN bus"),
        (InstrumentLink(can=BUS), {"positive_curent": "charge"}, "did you mean 'positive_current'"),
        (InstrumentLink(can=BUS), {"positive_current": "up"}, "must be 'charge' or 'discharge'"),
        (InstrumentLink(can=BUS), {"opens_when_silent": 0}, "opens_when_silent 0 must be a time in s"),
        (InstrumentLink(can=BUS), {"opens_when_silent": "2"}, "opens_when_silent '2' must be a time in s"),
        (InstrumentLink(can=BUS), {"opens_when_silent": nan}, "opens_when_silent nan must be a time in s"),
        (InstrumentLink(can=BUS), {"balancing": nan}, "balancing nan must be true or false"),
        (InstrumentLink(can=BUS), {"cyclic_request": True}, "needs a clock that calls back"),
        (
            InstrumentLink(can=BUS),
            {"balancing": "yes"},
            r"balancing 'yes' must be true or false, or 0 to 0\.255 V",
        ),
        (InstrumentLink(can=BUS), {"balancing": 0.3}, r"balancing 0\.3 must be true or false, or 0 to 0\.255 V"),
        (
            InstrumentLink(can=BUS),
            {"pack": 24},
            "pack 24 must be keys and numbers, of strings, modules, cells,",
        ),
        (InstrumentLink(can=BUS), {"pack": {"cels": 24}}, "pack has no 'cels'; did you mean 'cells'"),
        (
            InstrumentLink(can=BUS),
            {"pack": {"cells": 0}},
            "cells: 0, which must be a whole number from 1 to 255",
        ),
        (InstrumentLink(can=BUS), {"pack": {"strings": True}}, "pack has strings: True, which must be a whole number"),
        (InstrumentLink(can=BUS), {"pack": {"modules": 16, "cells": 100}}, "1600 cells in all are more than the 1024"),
    ],
)
def test_wrong_station_entries(
    context: LinkContext, link: InstrumentLink, options: dict[str, object], text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        FoxBms.open(link, context, "bms", options)


def test_a_key_of_the_pack_without_a_value_is_one_that_was_left_out(node: can.BusABC, context: LinkContext) -> None:
    options = {"pack": {"modules": None, "cells": 2, "sensors": None}}
    driver = FoxBms.open(InstrumentLink(can=BUS), context, "bms", options)
    assert [channel.name for channel in driver.channels[-2:]] == ["cell 1", "cell 2"]
    driver.close()


# --- the database --------------------------------------------------------------------------------------


def test_the_database_is_sound_and_complete() -> None:
    others = {0x210, 0x219, 0x222, 0x23F, 0x240, 0x243, 0x245, 0x250, 0x260}
    assert {message.frame_id for message in DATABASE.messages} == FRAMES.keys() | others
    cycles = {message.frame_id: message.cycle_time for message in DATABASE.messages}
    assert cycles == dict.fromkeys(cycles, 100) | {0x235: 1000, 0x245: 1000, 0x260: 200}
    state = DATABASE.get_message_by_name("f_BmsState")
    assert {signal.name for signal in state.signals} >= set(FAULTS)
    choices = state.get_signal_by_name("BmsState").choices
    assert {int(code): str(name) for code, name in choices.items()} == {state.value: state.name for state in NodeState}


@given(st.binary(min_size=8, max_size=8))
def test_the_fast_decoder_agrees_with_the_general_one(data: bytes) -> None:
    frame = int.from_bytes(data, "big")
    for _, message_name, signal_name, factor in CHANNELS:
        message = DATABASE.get_message_by_name(message_name)
        expected = message.decode(data, decode_choices=False)[signal_name]
        signal = message.get_signal_by_name(signal_name)
        field = Field.of(signal, factor)
        assert signal.minimum is not None
        assert signal.maximum is not None
        if signal.minimum <= float(expected) <= signal.maximum:
            assert field.decode(frame) == pytest.approx(float(expected) * factor)
        else:
            assert isnan(field.decode(frame))


# ---- end-to-end protection: frames whose checksum was computed by hand from the polynomial ----


def vouched(counter: int) -> str:
    """PackProtection over `FRAMES`: CRC-16/CCITT-FALSE, bit by bit."""
    data = bytes([counter]) + b"".join(bytes.fromhex(FRAMES[key]) for key in sorted(FRAMES)) + b"\x3f\x02"
    crc = 0xFFFF
    for bit in (byte >> shift & 1 for byte in data for shift in range(7, -1, -1)):
        carry = crc >> 15 ^ bit
        crc = (crc << 1 & 0xFFFF) ^ (0x1021 if carry else 0)
    return bytes([crc & 0xFF, crc >> 8, counter, 0, 0, 0, 0, 0]).hex()


def test_frames_that_are_vouched_for_are_believed(node: can.BusABC, bms: FoxBms) -> None:
    send_all(node)
    # One that skips has only been lost on the way, and is told.
    for counter, lost in ((254, 0), (255, 0), (0, 0), (1, 0), (5, 3)):
        send(node, 0x23F, vouched(counter))
        assert sample(bms) == pytest.approx(EXPECTED | {"dropped": lost})


def test_a_counter_that_stands_still_is_not_believed(node: can.BusABC, bms: FoxBms) -> None:
    send_all(node)
    for _ in range(3):
        send(node, 0x23F, vouched(7))
    assert sample(bms)["state"] == 9
    send(node, 0x23F, vouched(7))
    with pytest.raises(InstrumentFault, match="bms cannot be believed: its alive counter stands still at 7"):
        sample(bms)
    with pytest.raises(InstrumentFault, match="stands still"):
        bms.state()
    send(node, 0x23F, vouched(8))
    assert bms.state() is BmsState.CHARGE


def test_messages_that_do_not_fit_their_checksum_are_not_believed(node: can.BusABC, bms: FoxBms) -> None:
    send_all(node)
    send(node, 0x232, "00 00 00 00 00 00 00 00")
    for counter in range(3):
        send(node, 0x23F, vouched(counter))
    with pytest.raises(InstrumentFault, match="its checksum does not fit its messages"):
        sample(bms)


def damaged(counter: int) -> str:
    """PackProtection whose checksum fits nothing."""
    frame = bytearray.fromhex(vouched(counter))
    frame[0] ^= 0xFF
    return frame.hex()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (damaged, "its checksum does not fit its messages"),
        (lambda counter: vouched(counter - 1), "its alive counter stands still at 0"),
    ],
)
def test_each_frame_that_fails_the_check_is_counted_with_its_reason(
    node: can.BusABC, bms: FoxBms, bad: Callable[[int], str], reason: str
) -> None:
    send_all(node)
    for data in (vouched(0), bad(1), vouched(2)):
        send(node, 0x23F, data)
    # The newest frame is good, and between two scans nothing must pass unseen.
    assert sample(bms)["contradictions"] == 1
    assert bms.contradiction() == reason


def test_a_checksum_that_fails_now_and_then_is_not_forgiven_for_ever(node: can.BusABC, bms: FoxBms) -> None:
    send_all(node)
    for counter, data in enumerate([vouched, damaged, damaged, vouched, vouched, vouched, vouched]):
        send(node, 0x23F, data(counter))
        assert sample(bms)["state"] == 9
    send(node, 0x23F, damaged(7))
    with pytest.raises(InstrumentFault, match="its checksum does not fit its messages"):
        sample(bms)


def test_a_checksum_that_fails_twice_in_a_long_time_is_forgiven_again(node: can.BusABC, bms: FoxBms) -> None:
    send_all(node)
    for counter in range(100):
        send(node, 0x23F, damaged(counter) if counter % 20 == 10 else vouched(counter))
        assert sample(bms)["state"] == 9


def test_one_that_has_only_just_joined_waits_until_it_has_heard_everything(node: can.BusABC, bms: FoxBms) -> None:
    send(node, 0x220, FRAMES[0x220])
    for counter in range(9):
        send(node, 0x23F, vouched(counter))
    assert sample(bms)["state"] == 9


def test_protection_that_falls_silent_grows_old(node: can.BusABC, bms: FoxBms, clock: FakeTime) -> None:
    send_all(node)
    send(node, 0x23F, vouched(1))
    sample(bms)
    clock.now += 4
    send_all(node)
    assert sample(bms)["age"] == 4


@pytest.mark.parametrize(
    ("identifier", "data", "channel"),
    [
        (0x231, "00 00 00 00 1F FF 0C 80", "cell voltage max"),  # 8191 mV: a sense line is open
        (0x230, "00 00 00 00 F6 7F 00 00", "cell temperature max"),  # 127 degC
        (0x235, "FF D2 E0 00 00 C7 00 00", "soc min"),  # 102.3 %
    ],
)
def test_a_value_outside_its_range_is_none(
    node: can.BusABC, bms: FoxBms, identifier: int, data: str, channel: str
) -> None:
    send_all(node)
    send(node, identifier, data)
    assert isnan(sample(bms)[channel])


FRAME = st.builds(
    can.Message,
    arbitration_id=st.sampled_from([*FRAMES, 0x210, 0x23F]) | st.integers(0, 0x7FF),
    data=st.binary(max_size=8),
    is_extended_id=st.booleans(),
)
SPECIAL = st.sampled_from([{"is_remote_frame": True}, {"is_error_frame": True}, {"is_rx": False}])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(frames=st.lists(FRAME, max_size=12), special=st.none() | SPECIAL)
def test_whatever_is_said_on_the_bus_is_a_value_or_a_fault_in_words(
    node: can.BusABC, bms: FoxBms, frames: list[can.Message], special: dict[str, bool] | None
) -> None:
    """Foreign ids, short and long frames, random bits: a reading is inside its signal's range, or it is missing."""
    send_all(node)
    if special is not None:
        node.send(can.Message(arbitration_id=0x231, is_extended_id=False, **special))
    for frame in frames:
        node.send(frame)
    try:
        values = sample(bms)
        state, faults = bms.state(), bms.faults()
    except InstrumentFault as fault:
        text = str(fault)
        assert text.startswith("bms ")
        assert "\n" not in text
        return
    assert isinstance(state, BmsState)
    assert all(isinstance(each, BmsFault) for each in faults)
    assert isnan(values["soc min"]) or 0 <= values["soc min"] <= 1.0
    assert isnan(values["cell voltage max"]) or 0 <= values["cell voltage max"] <= 8.2


def test_an_insulation_that_nobody_has_measured_yet_is_none(node: can.BusABC, bms: FoxBms) -> None:
    """A foxBMS tells of 0 Ohm, and that nobody watches, until its monitor has measured for the first time."""
    send_all(node)
    send(node, 0x234, "00 00 00 00 00 00 00 00")
    assert isnan(sample(bms)["insulation"])
    send(node, 0x220, "19 20 00 00 00 00 00 32")
    assert sample(bms)["insulation"] == 0.0
    send(node, 0x234, "03 20 00 00 00 00 00 00")
    assert sample(bms)["insulation"] == 700e3
