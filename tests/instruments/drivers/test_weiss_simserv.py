"""The SimServ chamber as transcripts of its bytes."""

from collections.abc import Callable
from math import inf, isnan, nan

import pytest

from instruments.drivers.weiss_simserv import WeissSimServ
from instruments.roles import ClimateChamber, Instrument, InstrumentFault, Scanned, SetPointRejected, has_verbs
from instruments.wires.context import InstrumentLink, LinkContext
from tests.instruments.scripted import RESOURCE, Exchange, Wire


def ask(*parts: object) -> bytes:
    """A message to chamber 1."""
    command, *arguments = map(str, parts)
    return b"\xb6".join(part.encode() for part in (command, "1", *arguments)) + b"\r"


def told(*data: str) -> bytes:
    """An answer that says done."""
    return b"\xb6".join(part.encode("latin-1") for part in ("1", *data)) + b"\r\n"


LIMITS: tuple[Exchange, ...] = ((ask(11007, 1), told("-40.0")), (ask(11009, 1), told("180.0")))
RAMP_OFF: tuple[Exchange, ...] = ((ask(11068, 1, 0), told()), (ask(11072, 1, 0), told()))

Open = Callable[[], WeissSimServ]


@pytest.fixture
def open_chamber(wire: Wire, context: LinkContext) -> Open:
    return lambda: WeissSimServ.open(InstrumentLink(RESOURCE), context, "chamber", {})


def test_it_plays_its_roles(open_chamber: Open) -> None:
    chamber = open_chamber()
    for role in (Instrument, Scanned, ClimateChamber):
        assert has_verbs(chamber, role)


def test_a_message_is_parted_by_0xb6_and_ended_by_cr(wire: Wire, open_chamber: Open) -> None:
    wire.expect((b"10012\xb61\r", b"1\xb63\r\n"))
    assert not open_chamber().chamber_is_resting()


def test_a_scan_reads_the_air_and_the_set_point_only_once(wire: Wire, open_chamber: Open) -> None:
    wire.expect((ask(11002, 1), told("25.0")), (ask(11004, 1), told("23.4")), (ask(11004, 1), told("-10.1")))
    chamber = open_chamber()
    for values in ((23.4, 25.0), (-10.1, 25.0)):
        chamber.request()
        assert chamber.collect() == values


def test_an_idle_chamber_is_ramped_set_read_back_and_started(wire: Wire, open_chamber: Open) -> None:
    wire.expect(
        *LIMITS,
        (ask(11068, 1, "2.5"), told()),
        (ask(11072, 1, "2.5"), told()),
        (ask(11001, 1, "-10.0"), told()),
        (ask(11002, 1), told("-10.0")),
        (ask(10012), told("1")),
        (ask(14001, 1, 1), told()),
    )
    open_chamber().set_temperature(-10.0, ramp=2.5)


def test_a_running_chamber_only_gets_what_changed(wire: Wire, open_chamber: Open) -> None:
    wire.expect(*LIMITS, *RAMP_OFF)
    for text in ("45.0", "25.0"):
        wire.expect((ask(11001, 1, text), told()), (ask(11002, 1), told(text)), (ask(10012), told("3")))
    wire.expect((ask(11004, 1), told("44.0")))
    chamber = open_chamber()
    chamber.set_temperature(45.0)
    chamber.set_temperature(25.0)
    chamber.request()
    assert chamber.collect() == (44.0, 25.0)


@pytest.mark.parametrize("temperature", [-40.1, 180.1])
def test_a_temperature_outside_its_limits_is_never_sent(wire: Wire, open_chamber: Open, temperature: float) -> None:
    wire.expect(*LIMITS)
    with pytest.raises(SetPointRejected, match=r"chamber: air temperature .* is outside -40 to 180 degC"):
        open_chamber().set_temperature(temperature)


def test_a_negative_ramp_is_never_sent(wire: Wire, open_chamber: Open) -> None:
    wire.expect(*LIMITS)
    with pytest.raises(SetPointRejected, match="ramp -1 K/min"):
        open_chamber().set_temperature(25.0, ramp=-1.0)


def test_a_set_point_that_was_not_taken(wire: Wire, open_chamber: Open) -> None:
    wire.expect(*LIMITS, *RAMP_OFF, (ask(11001, 1, "45.0"), told()), (ask(11002, 1), told("20.0")))
    with pytest.raises(SetPointRejected, match="chamber kept air temperature at 20 degC when 45 degC"):
        open_chamber().set_temperature(45.0)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("-5", "does not know that command"),
        ("-6", "did not accept the arguments"),
        ("-8", "could not read the data"),
        ("-1", "1 would mean done"),
    ],
)
def test_refusals_are_sentences(wire: Wire, open_chamber: Open, code: str, why: str) -> None:
    wire.expect((ask(14001, 1, 0), f"{code}\r\n".encode()))
    with pytest.raises(InstrumentFault, match=f"chamber answered {code} to '14001 1 1 0': it {why}|{why}"):
        open_chamber().chamber_rest()


def test_a_refused_measurement_is_not_a_temperature(wire: Wire, open_chamber: Open) -> None:
    wire.expect((ask(11002, 1), told("25.0")), (ask(11004, 1), b"-8\r\n"))
    chamber = open_chamber()
    chamber.request()
    with pytest.raises(InstrumentFault, match="could not read the data"):
        chamber.collect()


def test_an_answer_without_a_number(wire: Wire, open_chamber: Open) -> None:
    wire.expect((ask(10012), told("hello")))
    with pytest.raises(InstrumentFault, match="a number was expected"):
        open_chamber().chamber_is_resting()


@pytest.mark.parametrize(("status", "resting"), [("1", True), ("3", False), ("5", True), ("11", False), ("9", True)])
def test_rest_is_read_back_whatever_else_stands(wire: Wire, open_chamber: Open, status: str, resting: bool) -> None:
    wire.expect((ask(14001, 1, 0), told()), (ask(10012), told(status)))
    chamber = open_chamber()
    chamber.chamber_rest()
    assert chamber.chamber_is_resting() is resting


@pytest.mark.parametrize("status", ["1", "3", "7"])
def test_no_alarm_no_text(wire: Wire, open_chamber: Open, status: str) -> None:
    wire.expect((ask(10012), told(status)))
    assert open_chamber().alarm() == ""


def test_the_first_active_alarm_is_told(wire: Wire, open_chamber: Open) -> None:
    wire.expect(
        (ask(10012), told("11")),
        (ask(17002), told("3")),
        (ask(17005, 1), told("2")),  # a warning
        (ask(17005, 2), told("1")),
        (ask(17009, 2), told("0")),  # an alarm that is gone
        (ask(17005, 3), told("1")),
        (ask(17009, 3), told("1")),
        (ask(17007, 3), told("Prüfraum: Übertemperatur")),
    )
    assert open_chamber().alarm() == "Prüfraum: Übertemperatur"


def test_an_alarm_without_a_message_is_still_an_alarm(wire: Wire, open_chamber: Open) -> None:
    wire.expect((ask(10012), told("9")), (ask(17002), told("0")))
    assert open_chamber().alarm()


def test_it_describes_itself_as_far_as_it_can(wire: Wire, open_chamber: Open) -> None:
    wire.expect((ask(99997, 1), told("LabEvent T/110/40")), (ask(99997, 3), told("58226")), (ask(99997, 5), b"-8\r\n"))
    identity = open_chamber().identify()
    assert (identity.model, identity.serial_number, identity.firmware) == ("LabEvent T/110/40", "58226", "")


def test_something_that_is_no_chamber(wire: Wire, open_chamber: Open) -> None:
    wire.expect(*[(ask(99997, which), b"-5\r\n") for which in (1, 3, 5)])
    with pytest.raises(InstrumentFault, match="does not tell what it is"):
        open_chamber().identify()


def test_a_set_point_that_was_refused_while_a_scan_was_on_its_way_is_not_known(wire: Wire, open_chamber: Open) -> None:
    """The air was measured all the same: nothing is wrong with the scan."""
    wire.expect((ask(11002, 1), told("25.0")), (ask(11004, 1), told("24.8")), *LIMITS, *RAMP_OFF)
    wire.expect((ask(11001, 1, "40.0"), told()), (ask(11002, 1), told("25.0")))
    chamber = open_chamber()
    chamber.request()
    with pytest.raises(SetPointRejected, match="chamber kept air temperature at 25 degC when 40 degC was sent"):
        chamber.set_temperature(40.0)
    air, set_point = chamber.collect()
    assert air == 24.8
    assert isnan(set_point)


def test_a_scan_that_nobody_asked_for_is_a_sentence(open_chamber: Open) -> None:
    with pytest.raises(InstrumentFault, match=r"chamber .*was asked for an answer before anything was requested"):
        open_chamber().collect()


@pytest.mark.parametrize("status", ["9.9E37", "nan", "3.5", "1e400"])
def test_a_status_that_is_no_whole_number_is_a_fault_of_the_chamber(
    wire: Wire, open_chamber: Open, status: str
) -> None:
    wire.expect((ask(10012), told(status)))
    with pytest.raises(InstrumentFault, match=r"chamber .*answered .* to '10012.*': a whole number was expected"):
        open_chamber().chamber_is_resting()


def test_messages_that_are_over_are_no_alarm(wire: Wire, open_chamber: Open) -> None:
    """Of three one is a warning, one was acknowledged, and the third stands."""
    wire.expect((ask(10012), told("9")), (ask(17002), told("3")), (ask(17005, 1), told("2")))
    wire.expect((ask(17005, 2), told("1")), (ask(17009, 2), told("0")))
    wire.expect((ask(17005, 3), told("1")), (ask(17009, 3), told("1")), (ask(17007, 3), told("Door open")))
    assert open_chamber().alarm() == "Door open"


@pytest.mark.parametrize("ramp", [nan, inf, 100.1])
def test_a_ramp_that_no_chamber_can_do_is_never_sent(wire: Wire, open_chamber: Open, ramp: float) -> None:
    wire.expect(*LIMITS)
    with pytest.raises(SetPointRejected, match=r"chamber: ramp .* is outside 0 to 100 K/min; nothing was sent"):
        open_chamber().set_temperature(25.0, ramp)


def test_after_a_lost_connection_everything_is_asked_and_set_anew(wire: Wire, open_chamber: Open) -> None:
    """The chamber may have been restarted: neither ramp nor set point is taken for what it was."""
    wire.expect(*LIMITS, *RAMP_OFF, (ask(11001, 1, "40.0"), told()), (ask(11002, 1), told("40.0")))
    wire.expect((ask(10012), told("3")), (ask(11004, 1), None))
    wire.expect(*RAMP_OFF, (ask(11001, 1, "40.0"), told()), (ask(11002, 1), told("40.0")), (ask(10012), told("3")))
    chamber = open_chamber()
    chamber.set_temperature(40.0)
    chamber.request()
    with pytest.raises(InstrumentFault, match="did not answer"):
        chamber.collect()
    chamber.set_temperature(40.0)
