"""Weiss SimServ: framing, return codes, and the air."""

from collections.abc import Callable
from typing import Any

import pytest

OpenBench = Callable[..., Any]
SEP = "\xb6"


@pytest.fixture
def bench(open_bench: OpenBench) -> Any:
    return open_bench("supply", "chamber")


def ask(bench: Any, *fields: object) -> str:
    reply: str = bench.ask("chamber", SEP.join(map(str, fields)))
    return reply


def start(bench: Any) -> None:
    assert ask(bench, 14001, 1, 1, 1) == "1"


def test_set_point_is_acknowledged_and_read_back(bench: Any) -> None:
    assert ask(bench, 11001, 1, 1, -10.5) == "1"
    assert ask(bench, 11002, 1, 1) == f"1{SEP}-10.50"


def test_framing_on_the_wire(bench: Any) -> None:
    bench["chamber"].write_raw(b"11004\xb61\xb61\r")
    assert bench["chamber"].read_raw() == b"1\xb625.00\r\n"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (f"12345{SEP}1", "-5"),
        (f"11001{SEP}1{SEP}1{SEP}181", "-6"),
        (f"11001{SEP}1{SEP}2{SEP}20", "-6"),
        (f"11001{SEP}1{SEP}1", "-6"),
        (f"11001{SEP}1{SEP}1{SEP}warm", "-6"),
        (f"11004{SEP}2{SEP}1", "-6"),
        (f"11004{SEP}1{SEP}1{SEP}1{SEP}1{SEP}1{SEP}1", "-6"),
        (f"14001{SEP}1{SEP}99{SEP}1", "-6"),
        (f"17007{SEP}1{SEP}1", "-6"),
        ("hello", "-8"),
        ("", "-8"),
        (f"11004{SEP}{SEP}1", "-8"),
        ("\x01\x02", "-8"),
    ],
)
def test_return_codes(bench: Any, message: str, code: str) -> None:
    """-5 unknown, -6 parameters, -8 unreadable."""
    assert bench.ask("chamber", message) == code


def test_what_it_tells_about_itself(bench: Any) -> None:
    assert ask(bench, 11018, 1) == f"1{SEP}1"
    assert ask(bench, 11026, 1, 1) == f"1{SEP}Temperature"
    assert ask(bench, 11007, 1, 1) == f"1{SEP}-40.0"
    assert ask(bench, 11009, 1, 1) == f"1{SEP}180.0"
    assert ask(bench, 99997, 1, 1).startswith(f"1{SEP}LabEvent")


def test_idle_and_running(bench: Any) -> None:
    assert ask(bench, 10012, 1) == f"1{SEP}1"
    start(bench)
    assert ask(bench, 10012, 1) == f"1{SEP}3"
    assert ask(bench, 14003, 1, 1) == f"1{SEP}1"


def test_a_set_point_alone_moves_nothing(bench: Any) -> None:
    ask(bench, 11001, 1, 1, 45)
    bench.world.advance(1800)
    assert bench.world.air_temperature == pytest.approx(25.0)
    start(bench)
    bench.world.advance(1800)
    assert ask(bench, 11004, 1, 1) == f"1{SEP}45.00"


def test_a_ramp_limits_the_air(bench: Any) -> None:
    ask(bench, 11068, 1, 1, 0.5)
    ask(bench, 11001, 1, 1, 45)
    start(bench)
    bench.world.advance(600)
    assert bench.world.air_temperature == pytest.approx(30.0, abs=0.3)
    assert ask(bench, 11066, 1, 1) == f"1{SEP}0.50"
    assert ask(bench, 11070, 1, 1) == f"1{SEP}0.00"


def test_at_rest_the_air_drifts_to_the_room(bench: Any) -> None:
    ask(bench, 11001, 1, 1, 45)
    start(bench)
    bench.world.advance(3600)
    assert ask(bench, 14001, 1, 1, 0) == "1"
    bench.world.advance(600)
    assert 40.0 < bench.world.air_temperature < 45.0
    bench.world.advance(40000)
    assert bench.world.air_temperature == pytest.approx(25.0, abs=0.1)


def test_the_pack_follows_the_air(open_bench: OpenBench) -> None:
    bench = open_bench("chamber", "temperatures")
    ask(bench, 11001, 1, 1, -10)
    start(bench)
    bench.world.advance(6 * 3600)
    bench.say("temperatures", "CONF:TEMP TC,K,(@101)")
    assert float(bench.ask("temperatures", "READ?")) == pytest.approx(-10.0, abs=0.5)


def test_a_stuck_chamber_says_nothing(open_bench: OpenBench) -> None:
    bench = open_bench("chamber", defects=["chamber-stuck:20"])
    ask(bench, 11001, 1, 1, 45)
    start(bench)
    bench.world.advance(7200)
    assert ask(bench, 11004, 1, 1) == f"1{SEP}20.00"
    assert ask(bench, 11002, 1, 1) == f"1{SEP}45.00"
    assert ask(bench, 10012, 1) == f"1{SEP}3"


def test_an_alarm_shows_in_status_and_messages_until_it_is_reset(open_bench: OpenBench) -> None:
    bench = open_bench("chamber", defects=["chamber-alarm:60"])
    assert ask(bench, 17002, 1) == f"1{SEP}0"
    bench.world.advance(70)
    assert ask(bench, 10012, 1) == f"1{SEP}9"
    assert ask(bench, 17002, 1) == f"1{SEP}1"
    assert ask(bench, 17005, 1, 1) == f"1{SEP}1"
    assert ask(bench, 17007, 1, 1) == f"1{SEP}Temperature sensor failure"
    assert ask(bench, 17012, 1) == "1"
    assert ask(bench, 10012, 1) == f"1{SEP}1"
