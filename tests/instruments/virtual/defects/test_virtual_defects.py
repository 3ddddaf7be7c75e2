"""Defects of a running world as whoever is connected to it sees them: on the lines, on the bus, in the physics."""

from contextlib import suppress

import pytest
import pyvisa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instruments.virtual.defects.grammar import unreadable
from instruments.virtual.defects.vocabulary import shipped_kinds
from instruments.virtual.registry import shipped
from tests.instruments.virtual.conftest import Bench, OpenBench


@pytest.fixture
def bench(open_bench: OpenBench) -> Bench:
    """Supply, load and chamber on a healthy pack."""
    return open_bench("supply", "load", "chamber")


# ---- when they begin and end ----


def test_a_defect_begins_at_once_and_ends_when_it_is_repaired(bench: Bench) -> None:
    bench.ask("supply", "*IDN?")
    bench.world.inject("silent:supply")
    with pytest.raises(pyvisa.VisaIOError):
        bench.ask("supply", "*IDN?")
    bench.world.repair("silent")
    assert bench.ask("supply", "*IDN?").startswith("EA Elektro")


def test_a_defect_waits_for_its_time(open_bench: OpenBench) -> None:
    bench = open_bench("supply", "load", defects=["silent:supply@120"])
    bench.world.inject("wrong-identity:load@60")
    bench.world.advance(59.0)
    assert "X-9000" not in bench.ask("load", "*IDN?")
    bench.world.advance(1.0)
    assert "X-9000" in bench.ask("load", "*IDN?")
    bench.world.advance(59.9)
    bench.ask("supply", "*IDN?")
    bench.world.advance(0.1)
    with pytest.raises(pyvisa.VisaIOError):
        bench.ask("supply", "*IDN?")


def test_a_wrong_text_leaves_the_world_as_it_was(bench: Bench) -> None:
    with pytest.raises(ValueError, match=r"names 'lamp'.*allowed:"):
        bench.world.inject("silent:supply", "silent:lamp")
    with pytest.raises(ValueError, match="'soon' where a number of at least 0"):
        bench.world.inject("silent:supply@soon")
    with pytest.raises(ValueError, match="needs a simulated bms, which the station does not have"):
        bench.world.inject("bms-silent")
    assert bench.ask("supply", "*IDN?")


def test_one_of_two_of_a_kind_is_called_by_all_that_was_said_of_it(bench: Bench) -> None:
    bench.world.inject("chamber-alarm@0", "chamber-alarm@1")
    bench.world.repair("chamber-alarm@1")
    bench.world.repair("chamber-alarm@0")
    with pytest.raises(ValueError, match="'chamber-alarm' is not in effect: there is none"):
        bench.world.repair("chamber-alarm")


def test_what_cannot_be_repaired_says_so(bench: Bench) -> None:
    bench.world.inject("weak-cell:7:0.7")
    with pytest.raises(ValueError, match="'weak-cell' cannot be repaired"):
        bench.world.repair("weak-cell")
    with pytest.raises(ValueError, match=r"'silent' is not in effect: weak-cell:7:0\.7"):
        bench.world.repair("silent")
    with pytest.raises(ValueError, match="unknown defect 'weak-sell'"):
        bench.world.repair("weak-sell")


def test_one_that_waits_can_be_called_off(bench: Bench) -> None:
    bench.world.inject("silent:supply@10")
    bench.world.repair("silent:supply")
    bench.world.advance(20)
    assert bench.ask("supply", "*IDN?")


@pytest.mark.parametrize("name", shipped_kinds())
def test_every_part_of_every_form_can_be_read(name: str) -> None:
    words = {word for simulator in shipped().values() for word in simulator.words}
    assert unreadable(shipped_kinds()[name], words) == ""


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(max_size=30), st.sampled_from(sorted(shipped_kinds())).flatmap(
    lambda name: st.text(":@+/0123456789.-eabsuply<>", max_size=20).map(lambda rest: name + rest)
)))  # fmt: skip
def test_whatever_is_written_is_a_defect_or_one_sentence(bench: Bench, text: str) -> None:
    told = ""
    try:
        bench.world.inject(text)
    except ValueError as error:
        told = str(error)
    assert "\n" not in told
    with suppress(ValueError):
        bench.world.repair(text)


# ---- on the lines ----


def test_one_reply_can_be_lost(bench: Bench) -> None:
    bench.world.inject("timeout:load")
    with pytest.raises(pyvisa.VisaIOError):
        bench.ask("load", "*IDN?")
    assert bench.ask("load", "*IDN?").startswith("CHROMA")


def test_a_reply_can_miss_its_turn(bench: Bench) -> None:
    bench.world.inject("late-reply:supply")
    with pytest.raises(pyvisa.VisaIOError):
        bench.ask("supply", "SYST:NOM:VOLT?")
    assert bench.ask("supply", "SYST:NOM:CURR?") == "200.00V"
    assert bench["supply"].read() == "420.00A"
    assert bench.ask("supply", "SYST:NOM:CURR?") == "420.00A"


@pytest.mark.parametrize(("name", "message"), [("supply", "*IDN?"), ("chamber", "11004\xb61\xb61")])
def test_a_reply_can_be_garbage_in_every_dialect(bench: Bench, name: str, message: str) -> None:
    healthy = bench.ask(name, message)
    bench.world.inject(f"garbage:{name}:2")
    for _ in range(2):
        garbage = bench.ask(name, message)
        assert len(garbage) == len(healthy)
        assert not set(garbage) & set("0123456789.,")
    assert bench.ask(name, message) == healthy


def test_a_line_can_end_in_the_middle(bench: Bench) -> None:
    bench.world.inject("half-line:supply")
    with pytest.raises(pyvisa.VisaIOError):
        bench.ask("supply", "*IDN?")


def test_a_reply_can_come_twice(bench: Bench) -> None:
    bench.world.inject("duplicate-reply:supply")
    assert bench.ask("supply", "SYST:NOM:VOLT?") == "200.00V"
    assert bench.ask("supply", "SYST:NOM:CURR?") == "200.00V"


def test_an_instrument_can_be_slow(bench: Bench) -> None:
    bench.world.inject("slow:supply:1.5")
    before = bench.world.time
    assert bench.ask("supply", "SYST:NOM:VOLT?") == "200.00V"
    assert bench.world.time - before == pytest.approx(1.5)


def test_a_line_can_die_for_good(bench: Bench) -> None:
    session = bench["supply"]
    bench.world.inject("disconnect:supply")
    with pytest.raises(pyvisa.VisaIOError, match="CONN_LOST"):
        session.query("*IDN?")
    with pytest.raises(pyvisa.VisaIOError, match="RSRC_NFOUND"):
        bench.manager.open_resource(session.resource_name)
    bench.world.repair("disconnect:supply")
    bench.manager.open_resource(session.resource_name)


def test_a_line_can_die_once(bench: Bench) -> None:
    session = bench["supply"]
    bench.world.inject("reconnect:supply")
    with pytest.raises(pyvisa.VisaIOError, match="CONN_LOST"):
        session.query("*IDN?")
    bench.sessions.clear()
    assert bench.ask("supply", "*IDN?").startswith("EA Elektro")
