"""What every VISA driver has in common: its options, how a set point is checked, sent and read back, how it is left."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments.driver import Setting, VisaDriver
from instruments.roles import InstrumentFault, SetPointRejected
from instruments.wires.context import InstrumentLink, LinkContext
from instruments.wires.links import ErrorQueue, LinkProfile
from instruments.wires.session import Session
from tests.instruments.scripted import RESOURCE, Transcript, Wire

CURRENT = Setting("current", "CURR", "A", "mA", per_unit=1000.0)
WATCHDOG = Setting("watchdog", "WDOG", "s")


class Lamp(VisaDriver):
    """A driver with two options, which says goodbye."""

    profile = LinkProfile(timeout=3.0, gap=0.5)

    def __init__(
        self,
        resource: str,
        context: LinkContext,
        *,
        name: str,
        gap: float | None = None,
        timeout: float | None = None,
        colour: str = "white",
        brightness: float = 1.0,
    ) -> None:
        super().__init__(resource, context, name=name, gap=gap, timeout=timeout)
        self.colour, self.brightness = colour, brightness

    def _farewell(self) -> None:
        self._session.write("OFF")


@pytest.fixture
def session(wire: Wire, context: LinkContext) -> Session:
    return Session(RESOURCE, context, LinkProfile(error_queue=ErrorQueue()), name="supply")


# --- options ----------------------------------------------------------------------------------------------------------


def test_options_of_a_station_are_keyword_arguments(wire: Wire, context: LinkContext) -> None:
    lamp = Lamp.open(InstrumentLink(RESOURCE), context, "lamp", {"colour": "red", "brightness": 0.5})
    assert (lamp.name, lamp.colour, lamp.brightness, lamp.patience) == ("lamp", "red", 0.5, 3.0)


@pytest.mark.parametrize("option", ["name", "gap", "timeout", "profile", "resource", "context", "self"])
def test_what_is_no_option_of_a_driver_cannot_be_given_as_one(wire: Wire, context: LinkContext, option: str) -> None:
    with pytest.raises(ValueError, match=rf"lamp: Lamp has no option '{option}'; .*allowed: brightness, colour\W*$"):
        Lamp.open(InstrumentLink(RESOURCE), context, "lamp", {option: 1})
    assert wire.opened == 0


def test_the_nearest_option_is_told(context: LinkContext) -> None:
    with pytest.raises(ValueError, match="lamp: Lamp has no option 'color'; did you mean 'colour'"):
        Lamp.open(InstrumentLink(RESOURCE), context, "lamp", {"color": "red"})


def test_an_instrument_without_an_address_is_one_sentence(context: LinkContext) -> None:
    with pytest.raises(ValueError, match="lamp has no resource; give a VISA resource string or a pyserial URL"):
        Lamp.open(InstrumentLink(can={"interface": "virtual"}), context, "lamp", {})


@pytest.mark.parametrize(("gap", "pace"), [(None, 0.5), (0.0, 0.0), (2.0, 2.0)])
def test_a_station_s_pace_and_patience_take_the_place_of_the_family_s(
    wire: Wire, context: LinkContext, gap: float | None, pace: float
) -> None:
    """A gap of 0 is one that was given: a virtual bench needs none."""
    lamp = Lamp.open(InstrumentLink(RESOURCE, gap=gap, timeout=0.25), context, "lamp", {})
    assert lamp._session.gap == pace
    assert lamp.patience == 0.25


# --- the end ----------------------------------------------------------------------------------------------------------


def test_the_last_words_are_said_once_and_the_link_is_given_back(wire: Wire, context: LinkContext) -> None:
    wire.expect(("OFF", None))
    lamp = Lamp.open(InstrumentLink(RESOURCE), context, "lamp", {})
    lamp.close()
    lamp.close()
    assert (wire.sent, wire.closed) == (["OFF"], 1)


def test_a_link_is_given_back_also_where_the_last_words_are_not_heard(wire: Wire, context: LinkContext) -> None:
    lamp = Lamp.open(InstrumentLink(RESOURCE), context, "lamp", {})
    wire.lost = 2
    with pytest.raises(InstrumentFault, match=r"lamp .*did not take 'OFF'"):
        lamp.close()
    assert wire.closed == wire.opened
    lamp.close()


def test_an_instrument_without_an_error_queue_has_none_and_is_not_asked(wire: Wire, context: LinkContext) -> None:
    lamp = Lamp.open(InstrumentLink(RESOURCE), context, "lamp", {})
    assert lamp.error_queue() is None
    assert lamp.troubles == dict.fromkeys(("timeouts", "losses", "retries", "strays", "nonsense", "reconnections"), 0)
    assert wire.sent == []


# --- set points -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0.0, 1.5, 3.0])
def test_the_ends_of_a_range_belong_to_it(value: float) -> None:
    CURRENT.check("supply", value, 3.0)


@pytest.mark.parametrize("value", [-1e-9, 3.0000001, nan, inf, -inf])
def test_what_is_outside_of_a_range_or_no_number_is_rejected_by_name(value: float) -> None:
    with pytest.raises(SetPointRejected, match=r"supply: current \S+ A is outside 0 to 3 A; nothing was sent"):
        CURRENT.check("supply", value, 3.0)


@pytest.mark.parametrize(("value", "whole"), [(1.0, 1), (1.01, 2), (59.2, 60), (60.0, 60), (0.1, 1)])
def test_a_time_is_rounded_up_to_whole_seconds(value: float, whole: int) -> None:
    """A watchdog that is armed for less than was asked would end a healthy test."""
    assert WATCHDOG.rounded_up("supply", value, 60, 1) == whole


@pytest.mark.parametrize("value", [0.0, -0.5, 60.01, inf, -inf, nan])
def test_a_time_that_a_watchdog_does_not_have_is_rejected(value: float) -> None:
    with pytest.raises(SetPointRejected, match=r"supply: watchdog \S+ s is outside 1 to 60 s; nothing was sent"):
        WATCHDOG.rounded_up("supply", value, 60, 1)


def test_a_set_point_goes_out_in_the_instrument_s_unit_and_comes_back_in_si(wire: Wire, session: Session) -> None:
    wire.expect(("CURR 1250", None), ("CURR?", "1250.0"), ("CURR?", "1250mA"), ("CURR?", "1249.8"))
    assert CURRENT.program(session, 1.25, 5.0) == pytest.approx(1.25)
    assert CURRENT.read(session) == pytest.approx((1.25, 1e-3))
    assert CURRENT.read(session) == pytest.approx((1.2498, 1e-4))


@pytest.mark.parametrize(
    ("held", "taken"),
    [
        ("12.3", True),  # a display that ends there
        ("12.4", True),
        ("12.5", False),
        ("12.35", True),
        ("12.37", False),
        ("12", True),
        ("11", False),
        ("-12.35", False),
        ("9.9E37", False),
        ("NAN", False),
    ],
)
def test_what_is_read_back_may_differ_by_the_last_digit_that_is_shown(
    wire: Wire, session: Session, held: str, taken: bool
) -> None:
    setting = Setting("voltage", "VOLT", "V", "V")
    wire.expect(("VOLT 12.35", None), ("VOLT?", held))
    if taken:
        assert setting.program(session, 12.35, 60.0) == float(held)
        return
    wire.expect(("SYST:ERR?", '-222,"Data out of range"'), ("SYST:ERR?", '0,"No error"'))
    with pytest.raises(SetPointRejected) as told:
        setting.program(session, 12.35, 60.0)
    assert str(told.value) == (
        f"supply kept voltage at {float(held) if 'E' not in held else nan:g} V when 12.35 V was sent with VOLT "
        '(-222,"Data out of range"); check its limits and mode'
    )


@pytest.mark.parametrize(
    ("sent", "held", "taken"),
    [
        (12.35, "12.3526", True),
        (12.35, "12.3474", True),
        (12.35, "12.3541", False),
        (12.348, "12.36", True),  # a step off, and rounded on top of it
        (12.346, "12.36", False),
    ],
)
def test_one_step_of_its_converter_is_no_other_value(
    wire: Wire, session: Session, sent: float, held: str, taken: bool
) -> None:
    """A twenty-thousandth of 60 V is 3 mV, and a digit that is shown may be rounded on top of it."""
    setting = Setting("voltage", "VOLT", "V", "V")
    wire.expect((f"VOLT {sent:g}", None), ("VOLT?", held))
    if taken:
        assert setting.program(session, sent, 60.0) == float(held)
    else:
        wire.expect(("SYST:ERR?", '0,"No error"'))
        with pytest.raises(SetPointRejected, match="its error queue says nothing"):
            setting.program(session, sent, 60.0)


@pytest.mark.parametrize("held", ["1e999", "0e999", "1E-999", "0E-400"])
def test_a_number_beyond_all_measure_is_a_set_point_that_was_not_kept(wire: Wire, session: Session, held: str) -> None:
    wire.expect(("CURR 1250", None), ("CURR?", held), ("SYST:ERR?", '0,"No error"'))
    with pytest.raises(SetPointRejected, match="supply kept current at"):
        CURRENT.program(session, 1.25, 5.0)


@given(st.floats(0.0, 5.0))
def test_a_set_point_is_sent_to_seven_digits(value: float) -> None:
    sent: list[str] = []

    class Line:
        def write(self, message: str) -> None:
            sent.append(message)

    CURRENT.write(Line(), value)  # type: ignore[arg-type]
    command, number = sent[0].split()
    assert command == "CURR"
    assert float(number) == pytest.approx(value * 1000.0, rel=1e-6)


def test_the_transcript_has_what_was_sent_and_what_was_kept(wire: Wire, session: Session, heard: Transcript) -> None:
    wire.expect(("CURR 1250", None), ("CURR?", "1250"))
    CURRENT.program(session, 1.25, 5.0)
    assert heard == [(">", "CURR 1250"), (">", "CURR?"), ("<", "1250")]
