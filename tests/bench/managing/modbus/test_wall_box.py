"""The served wall box by the project's own driver of such boxes, which shares nothing with it."""

from collections.abc import Iterator

import pytest

from bench.clock import WallClock
from bench.managing.modbus.link import ModbusLink
from instruments.drivers.quasar import Quasar
from instruments.roles import ChargerState
from instruments.wires.context import InstrumentLink, LinkContext
from tests.bench.managing.clients import line, read, seen, served, sunspec, until, write


@pytest.fixture
def box() -> Iterator[ModbusLink]:
    with served(power=0.0, charger=seen().charger) as link:
        yield link


@pytest.fixture
def driver(box: ModbusLink) -> Iterator[Quasar]:
    host, port = box.address.split(":")
    link, clock = InstrumentLink(f"TCPIP0::{host}::{port}::SOCKET"), WallClock()
    found = Quasar.open(link, LinkContext("@py", now=clock.now, sleep=clock.sleep), "box", {"charge": 7400.0})
    yield found
    found.close()


def test_a_driver_of_such_boxes_commands_it(box: ModbusLink, driver: Quasar) -> None:
    assert driver.identify().serial_number == "1"
    driver.set_grid_power(3000.0)
    assert box.follow(seen(time=2.0, power=0.0)).power == 3000
    assert driver.charger_state() is ChargerState.WAITING
    box.follow(seen(time=3.0, power=2900.0))
    assert driver.charger_state() is ChargerState.CHARGING
    driver.request()
    power, _, _, charge = driver.collect()
    assert (power, charge) == (2900.0, pytest.approx(0.62))
    driver.set_grid_power(-2000.0)
    assert box.follow(seen(time=4.0, power=-1900.0)).power == -2000
    assert driver.charger_state() is ChargerState.DISCHARGING
    driver.charger_off()
    assert box.follow(seen(time=5.0, power=0.0)).power == 0
    assert driver.charger_is_off()


def test_a_car_that_is_away_is_no_car(box: ModbusLink, driver: Quasar) -> None:
    box.follow(seen(time=2.0, plugged=False, power=0.0))
    assert driver.charger_state() is ChargerState.NO_CAR


def test_a_set_point_without_remote_control_is_ignored_without_a_word(box: ModbusLink) -> None:
    with line(box) as ask:
        ask(write(257, 1))
        assert ask(write(260, 3000)) == b"\x10\x01\x04\x00\x01"
        assert ask(read(260)) == b"\x03\x02\x00\x00"
    assert box.follow(seen(time=2.0)).power == 0


ORDER = (write(81, 1), write(83, 1), write(257, 1), write(260, 3000))


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (write(260, 11001), 3), (write(260, -9001), 3), (write(257, 3), 3), (write(81, 2), 3), (write(88, 0), 3),
        (write(88, 3601), 3), (write(526, 0), 2), (write(514, 7400), 2), (write(4, 1), 2), (write(259, 0, 100), 2),
    ],
)  # fmt: skip
def test_what_may_not_be_is_refused_and_changes_nothing(box: ModbusLink, message: bytes, code: int) -> None:
    with line(box) as ask:
        for each in ORDER:
            ask(each)
        assert ask(message) == bytes((0x90, code))
    assert box.follow(seen(time=2.0)).power == 3000


def test_whoever_wrote_last_is_obeyed_and_who_sets_a_time_has_asked_for_nothing(box: ModbusLink) -> None:
    with line(box) as ask, sunspec(box) as device:
        for each in ORDER:
            ask(each)
        control = device.models[704][0]
        control.WSetMod.value, control.WSet.cvalue, control.WSetEna.value = 1, -1500, 1
        control.write()
        assert box.follow(seen(time=2.0)).power == 1500
        assert ask(write(88, 30)) == b"\x10\x00\x58\x00\x01"
        assert box.follow(seen(time=3.0)).power == 1500
        ask(write(260, 700))
        assert box.follow(seen(time=4.0)).power == 700


def test_it_rests_when_nobody_has_spoken_for_its_idle_timeout(box: ModbusLink) -> None:
    with line(box) as ask:
        for each in (*ORDER, write(88, 20)):
            ask(each)
        assert box.follow(seen(time=20.5)).power == 3000
        heard = box.follow(seen(time=21.5))
        assert (heard.power, heard.problem) == (0.0, "it said nothing for 20 s.")
        ask(read(526))
        assert box.follow(seen(time=22.5)).problem == ""


def test_it_rests_when_nobody_is_connected(box: ModbusLink) -> None:
    with line(box) as ask:
        for each in ORDER:
            ask(each)
        box.follow(seen(time=2.0))
    until(lambda: not box._server.clients)
    assert box.follow(seen(time=6.5)).power == 3000
    heard = box.follow(seen(time=7.5))
    assert (heard.power, heard.problem) == (0.0, "no manager is connected.")
    with line(box) as ask:
        ask(read(526))
        assert box.follow(seen(time=8.5)).power == 0


def test_a_lost_link_hangs_up_and_forgets(box: ModbusLink) -> None:
    with line(box) as ask:
        for each in ORDER:
            ask(each)
        assert box.follow(seen(time=2.0, linked=False)).power == 0
        with pytest.raises((AssertionError, OSError)):
            ask(read(526))
    box.follow(seen(time=3.0))
    with line(box) as ask:
        assert ask(read(260)) == b"\x03\x02\x00\x00"
