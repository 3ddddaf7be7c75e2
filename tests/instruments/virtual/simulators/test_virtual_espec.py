"""ESPEC P300: its manual's own examples, the refusals of its table, and the air."""

from collections.abc import Callable
from typing import Any

import pytest
import serial
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instruments.virtual.simulators.espec_p300 import Settings

OpenBench = Callable[..., Any]


class Line:
    """A chamber at the end of a serial line, and the world that it stands in."""

    def __init__(self, bench: Any) -> None:
        self.world = bench.world
        self.port = serial.serial_for_url("packbench://chamber", timeout=1.0)

    def ask(self, message: str) -> str:
        return self.raw(message.encode() + b"\r\n").decode().removesuffix("\r\n")

    def raw(self, data: bytes) -> bytes:
        self.port.write(data)
        return bytes(self.port.read(self.port.in_waiting))


@pytest.fixture
def open_line(open_bench: OpenBench, kept: Callable[[Line], Line]) -> Callable[..., Line]:
    def open_one(defects: tuple[str, ...] = (), **chosen: object) -> Line:
        overrides = {"chamber": {"simulator": "espec-p300", **chosen}}
        bench = open_bench(
            "supply", "chamber", overrides=overrides, links={"chamber": "packbench://chamber"}, defects=defects
        )
        return kept(Line(bench))

    return open_one


@pytest.fixture
def line(open_line: Callable[..., Line]) -> Line:
    return open_line()


def test_it_is_addressed_on_rs_485_and_answers_for_no_other(open_line: Callable[..., Line]) -> None:
    """4013304025610, table 3.3: "1,MON?" is answered with temperature, humidity, mode and number of alarms."""
    line = open_line(address=1)
    assert line.ask("1,MON?") == "25.0,,STANDBY,0"
    assert line.ask("1, TEMP?") == "25.0,25.0,160.0,-50.0"
    assert line.ask("2,MON?") == ""
    assert line.ask("MON?") == "NA:ADDR ERR"


def test_a_command_is_answered_with_itself(line: Line) -> None:
    """1.3: OK and the command; the set point counts in any spelling of the library's."""
    assert line.raw(b"TEMP, S-10.5\r\n") == b"OK:TEMP,S-10.5\r\n"
    assert line.ask("CONSTANT SET?,TEMP") == "-10.5,ON"
    assert line.ask("TEMP, S45.0 H100.0 L0.0") == "OK:TEMP,S45.0 H100.0 L0.0"
    assert line.ask("TEMP?") == "25.0,45.0,100.0,0.0"


def test_what_it_tells_about_itself(line: Line) -> None:
    assert line.ask("TYPE?") == "T,P300,160.0"
    assert line.ask("ROM?") == "P300 Ver. 2.10"


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("TEMP, S160.1", "DATA OUT OF RANGE"),
        ("TEMP, S30.0 H20.0", "DATA OUT OF RANGE"),
        ("TEMP, L-50.1", "DATA OUT OF RANGE"),
        ("TEMP, Swarm", "PARA ERR"),
        ("TEMP, Snan", "PARA ERR"),
        ("TEMP, X30.0", "PARA ERR"),
        ("TEMP", "PARA ERR"),
        ("MODE,DANCE", "PARA ERR"),
        ("MODE,RUN1", "DATA NOT READY"),
        ("MODE,CONSTANT,1", "PARA ERR"),
        ("MON?,DETAIL", "PARA ERR"),
        ("HUMI?", "CMD ERR"),
        ("1,MON?", "CMD ERR"),
        ("", "CMD ERR"),
    ],
)
def test_what_cannot_be_done_says_why_and_changes_nothing(line: Line, message: str, why: str) -> None:
    assert line.ask(message) == f"NA:{why}"
    assert line.ask("TEMP?") == "25.0,25.0,160.0,-50.0"
    assert line.ask("MODE?") == "STANDBY"


def test_a_controller_that_is_off_takes_no_other_mode(line: Line) -> None:
    assert line.ask("MODE,OFF") == "OK:MODE,OFF"
    assert line.ask("MODE,CONSTANT") == "NA:CHB NOT READY"
    assert line.ask("POWER,ON") == "OK:POWER,ON"
    assert line.ask("MODE?") == "CONSTANT"


def test_the_air_moves_in_constant_mode_alone(line: Line) -> None:
    line.ask("TEMP, S55.0")
    line.world.advance(600)
    assert line.ask("TEMP?").startswith("25.0,55.0,")
    line.ask("MODE,CONSTANT")
    line.world.advance(1800)
    assert line.ask("MON?") == "55.0,,CONSTANT,0"
    line.ask("MODE,STANDBY")
    line.world.advance(600)
    assert line.ask("MON?") == "54.0,,STANDBY,0"  # it drifts to the room's temperature


def test_an_alarm_is_counted_and_numbered(open_line: Callable[..., Line]) -> None:
    line = open_line(defects=("chamber-alarm",))
    assert (line.ask("MON?"), line.ask("ALARM?")) == ("25.0,,STANDBY,1", "1,0")


def test_sets_that_are_refused_or_ignored(open_line: Callable[..., Line]) -> None:
    assert open_line(defects=("refuses-sets:chamber",)).ask("TEMP, S45.0") == "NA:PROTECT ON"


@pytest.mark.parametrize(
    ("defect", "message", "shown"),
    [("ignores-set:chamber", "TEMP, S45.0", "25.0,25.0"), ("chamber-off", "MODE,CONSTANT", "25.0,25.0")],
)
def test_it_can_do_less_than_it_says(open_line: Callable[..., Line], defect: str, message: str, shown: str) -> None:
    line = open_line(defects=(defect,))
    assert line.ask(message).startswith("OK:")
    assert line.ask("TEMP?").startswith(shown)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.one_of(st.binary(max_size=40), st.text(max_size=30).map(lambda text: f"TEMP,{text}".encode())))
def test_whatever_comes_is_answered_in_its_words_or_not_at_all(line: Line, data: bytes) -> None:
    for answer in line.raw(data.replace(b"\r\n", b"") + b"\r\n").split(b"\r\n")[:-1]:
        assert answer.startswith((b"OK:", b"NA:")) or b"?" in data


def test_it_is_what_the_registry_has_by_its_name() -> None:
    from instruments.virtual.registry import simulator_named

    assert simulator_named("espec-p300").settings is Settings
