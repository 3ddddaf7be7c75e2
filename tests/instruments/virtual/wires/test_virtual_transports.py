"""The virtual bench as its users reach it: pyvisa, pyserial and python-can, in process and in virtual time."""

from collections.abc import Callable
from typing import Any

import can
import pytest
import pyvisa
import serial
from pyvisa.constants import ResourceAttribute, StatusCode

OpenBench = Callable[..., Any]
IDENTITY = "EA Elektro-Automatik GmbH&Co.KG, PSB 10200-420"


def test_a_query_through_a_real_resource_manager(open_bench: OpenBench) -> None:
    assert open_bench().ask("supply", "*IDN?").startswith(IDENTITY)


def test_an_unknown_resource_is_not_found() -> None:
    with pytest.raises(pyvisa.VisaIOError) as raised:
        pyvisa.ResourceManager("@packbench").open_resource("TCPIP::nowhere::5025::SOCKET")
    assert raised.value.error_code == StatusCode.error_resource_not_found


def test_resource_names_are_compared_in_canonical_form(open_bench: OpenBench) -> None:
    bench = open_bench()
    other = bench.manager.open_resource("TCPIP0::SUPPLY.Test::5025::SOCKET", read_termination="\n")
    assert other.query("*IDN?").startswith(IDENTITY)


def test_resources_are_listed_while_their_world_is_open(open_bench: OpenBench) -> None:
    bench = open_bench("supply", "temperatures")
    assert bench.manager.list_resources("?*") == ("TCPIP::supply.test::5025::SOCKET", "GPIB0::9::INSTR")
    assert bench.manager.list_resources() == ("GPIB0::9::INSTR",)
    bench.world.close()
    assert bench.manager.list_resources("?*") == ()


def test_a_timeout_costs_virtual_time_and_is_reported(open_bench: OpenBench) -> None:
    bench = open_bench()
    bench["supply"].timeout = 3500
    with pytest.raises(pyvisa.VisaIOError) as raised:
        bench["supply"].read()
    assert raised.value.error_code == StatusCode.error_timeout
    assert bench.world.time == pytest.approx(3.5)


def test_a_socket_without_a_termination_character_only_ends_by_its_timeout(open_bench: OpenBench) -> None:
    """The trap of pyvisa-py #301: a virtual bench must not hide it."""
    bench = open_bench()
    session = bench.manager.open_resource("TCPIP::supply.test::5025::SOCKET")
    with pytest.raises(pyvisa.VisaIOError):
        session.query("*IDN?")


def test_one_reply_is_read_per_line_in_order(open_bench: OpenBench) -> None:
    bench = open_bench()
    bench.say("supply", "SYST:LOCK:OWN?", "OUTP?")
    assert [bench["supply"].read(), bench["supply"].read()] == ["NONE", "OFF"]


def test_a_message_may_arrive_in_pieces_and_several_in_one(open_bench: OpenBench) -> None:
    bench = open_bench()
    bench["supply"].write_raw(b"SYST:LOCK:")
    bench["supply"].write_raw(b"OWN?\nOUTP?\n")
    assert [bench["supply"].read(), bench["supply"].read()] == ["NONE", "OFF"]


def test_a_long_reply_is_read_in_chunks(open_bench: OpenBench) -> None:
    bench = open_bench()
    bench["supply"].chunk_size = 7
    assert bench.ask("supply", "*IDN?").startswith(IDENTITY)


def test_a_device_clear_forgets_what_was_not_read(open_bench: OpenBench) -> None:
    bench = open_bench()
    bench.say("supply", "OUTP?")
    bench["supply"].write_raw(b"HALF A MESS")
    bench["supply"].clear()
    assert bench.ask("supply", "SYST:LOCK:OWN?") == "NONE"


def test_attributes_are_kept_and_unknown_ones_refused(open_bench: OpenBench) -> None:
    session = open_bench()["supply"]
    session.timeout = 1234
    assert session.timeout == 1234
    session.set_visa_attribute(ResourceAttribute.tcpip_nodelay, True)
    assert session.get_visa_attribute(ResourceAttribute.tcpip_nodelay) is True
    with pytest.raises(pyvisa.VisaIOError) as raised:
        session.get_visa_attribute(ResourceAttribute.gpib_primary_address)
    assert raised.value.error_code == StatusCode.error_nonsupported_attribute


def test_a_closed_world_is_a_dead_line_not_a_timeout(open_bench: OpenBench) -> None:
    bench = open_bench()
    session = bench["supply"]
    bench.world.close()
    for action in (lambda: session.write("*IDN?"), session.read, session.read_stb):
        with pytest.raises(pyvisa.VisaIOError) as raised:
            action()
        assert raised.value.error_code == StatusCode.error_connection_lost


def test_an_address_leads_to_one_world_and_is_free_after_it_closed(open_bench: OpenBench) -> None:
    first = open_bench()
    with pytest.raises(ValueError, match=r"TCPIP0::SUPPLY\.test::5025::SOCKET.*already leads to a virtual instrument"):
        open_bench(links={"load": "TCPIP0::SUPPLY.test::5025::SOCKET"})
    first.world.close()
    first.world.close()
    assert open_bench().ask("load", "*IDN?").startswith("CHROMA")


def test_two_worlds_may_have_one_address_and_each_is_reached_by_its_name(open_bench: OpenBench) -> None:
    first, second = (open_bench("supply", seed=seed, overrides={"supply": {"serial_number": seed}}) for seed in (1, 2))
    for bench in (first, second):
        manager = pyvisa.ResourceManager(bench.world.visa_library)
        session = manager.open_resource("TCPIP::supply.test::5025::SOCKET", read_termination="\n")
        assert session.query("*IDN?").split(", ")[2] == str(1 if bench is first else 2)
        assert manager.list_resources("?*") == ("TCPIP::supply.test::5025::SOCKET",)
        session.close()
    with pytest.raises(pyvisa.VisaIOError) as raised:
        first["supply"].query("*IDN?")
    assert raised.value.error_code == StatusCode.error_resource_busy
    second.world.close()
    assert first.ask("supply", "*IDN?").split(", ")[2] == "1"


def test_a_serial_name_and_a_bus_of_two_worlds_need_to_say_which(open_bench: OpenBench) -> None:
    benches = [open_bench("supply", "bms", links={"supply": "packbench://supply"}) for _ in range(2)]
    with pytest.raises(serial.SerialException, match="the open worlds 0, 1 all have 'packbench://supply': say which"):
        serial.serial_for_url("packbench://supply")
    with pytest.raises(can.CanInitializationError, match="the open worlds 0, 1 all have 'test': say which"):
        can.Bus(interface="packbench", channel="test")
    for bench in benches:
        url, bus = bench.world.reached("packbench://supply", {"interface": "packbench", "channel": "test"})
        assert bus is not None
        bench.world.advance(1.0)
        with serial.serial_for_url(url, timeout=0) as port, can.Bus(**bus) as joined:
            port.write(b"OUTP?\n")
            assert port.readline() == b"OFF\n"
            assert joined.recv(timeout=0) is None
            benches[0].world.advance(0.2)
            assert (joined.recv(timeout=0) is not None) == (bench is benches[0])
    assert benches[0].world.reached("socket://x:1", {"interface": "socketcan"}) == (
        "socket://x:1",
        {"interface": "socketcan"},
    )


def test_a_world_that_could_not_open_leaves_nothing_behind(open_bench: OpenBench) -> None:
    with pytest.raises(ValueError, match="is no VISA resource name"):
        open_bench("supply", "load", links={"load": "nonsense"})
    open_bench("supply", "load")


def test_serial_poll_shows_the_error_queue(open_bench: OpenBench) -> None:
    bench = open_bench()
    assert bench["supply"].read_stb() & 0x04 == 0
    bench.say("supply", "NONSENSE")
    assert bench["supply"].read_stb() & 0x04


# ---- serial ----


@pytest.fixture
def port(open_bench: OpenBench) -> serial.SerialBase:
    open_bench(links={"supply": "packbench://supply"})
    return serial.serial_for_url("packbench://supply", timeout=2.0)


def test_a_query_through_pyserial(port: serial.SerialBase) -> None:
    port.write(b"*IDN?\n")
    assert port.in_waiting > len(IDENTITY)
    assert port.readline().decode().startswith(IDENTITY)
    assert port.in_waiting == 0


def test_a_serial_read_waits_in_virtual_time(open_bench: OpenBench) -> None:
    bench = open_bench(links={"supply": "packbench://Supply/"})
    port = serial.serial_for_url("packbench://supply", timeout=2.0)
    assert port.read(1) == b""
    assert bench.world.time == pytest.approx(2.0)


def test_serial_buffers_can_be_dropped(port: serial.SerialBase) -> None:
    port.write(b"OUTP?\nSYST:LOCK:OWN?\n")
    assert port.read(4) == b"OFF\n"
    port.reset_input_buffer()
    assert port.in_waiting == 0


def test_a_serial_name_that_nobody_has() -> None:
    with pytest.raises(serial.SerialException, match=r"no virtual instrument at 'packbench://nobody': known are none$"):
        serial.serial_for_url("packbench://nobody")


def test_a_closed_port_and_a_closed_world_are_errors(open_bench: OpenBench) -> None:
    bench = open_bench(links={"supply": "packbench://supply"})
    port = serial.serial_for_url("packbench://supply")
    bench.world.close()
    with pytest.raises(serial.SerialException):
        port.write(b"*IDN?\n")
    port.close()
    with pytest.raises(serial.SerialException):
        port.read()


# ---- CAN ----


def test_a_can_bus_carries_the_worlds_time(open_bench: OpenBench) -> None:
    bench = open_bench("bms")
    with can.Bus(interface="packbench", channel="test") as bus:
        bench.world.advance(2.5)
        message = bus.recv(timeout=0)
        assert message is not None
        assert (message.arbitration_id, message.timestamp, message.dlc) == (0x220, 2.5, 8)


def test_nodes_on_one_channel_hear_each_other_but_not_themselves(open_bench: OpenBench) -> None:
    open_bench("bms")
    with can.Bus(interface="packbench", channel="test") as one, can.Bus(interface="packbench", channel="test") as two:
        one.send(can.Message(arbitration_id=0x123, data=[1, 2], is_extended_id=False))
        heard = two.recv(timeout=0)
        assert heard is not None
        assert heard.data == b"\x01\x02"
        assert one.recv(timeout=0) is None


def test_waiting_for_a_frame_advances_the_world(open_bench: OpenBench) -> None:
    bench = open_bench("bms")
    with can.Bus(interface="packbench", channel="test") as bus:
        assert bus.recv(timeout=5.0) is not None
        assert bench.world.time == pytest.approx(0.1)


def test_filters_hold_and_waiting_ends(open_bench: OpenBench) -> None:
    bench = open_bench("bms")
    filters = [{"can_id": 0x7FF, "can_mask": 0x7FF}]
    with can.Bus(interface="packbench", channel="test", can_filters=filters) as bus:
        assert bus.recv(timeout=1.0) is None
        assert bench.world.time == pytest.approx(1.0)
        with pytest.raises(can.CanOperationError, match="nobody sends"):
            bus.recv()


def test_a_channel_that_does_not_exist_and_a_bus_that_was_shut_down(open_bench: OpenBench) -> None:
    with pytest.raises(can.CanInitializationError, match="'nowhere'"):
        can.Bus(interface="packbench", channel="nowhere")
    open_bench("bms")
    bus = can.Bus(interface="packbench", channel="test")
    bus.shutdown()
    bus.shutdown()
    with pytest.raises(can.CanOperationError):
        bus.send(can.Message(arbitration_id=1))
