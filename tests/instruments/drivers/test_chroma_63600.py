"""The Chroma 63600 as transcripts."""

from collections.abc import Callable
from math import inf, nan

import pytest

from instruments.drivers.chroma_63600 import Chroma63600
from instruments.roles import (
    Instrument,
    InstrumentFault,
    Protections,
    Ratings,
    Scanned,
    SetPointRejected,
    Sink,
)
from instruments.wires.context import InstrumentLink, LinkContext
from tests.instruments.scripted import RESOURCE, Exchange, Wire

RATINGS = (150.0, 60.0, 400.0)
START: tuple[Exchange, ...] = (
    ("CHAN 1", None),
    ("LOAD OFF", None),
    ("MODE CCM", None),
    ("CURR:STAT:L1 2.3", None),
    ("CURR:STAT:L1?", "2.3000"),
    ("LOAD ON", None),
    ("LOAD?", "ON"),
)

Open = Callable[..., Chroma63600]


@pytest.fixture
def open_load(wire: Wire, context: LinkContext) -> Open:
    def open_driver(**options: object) -> Chroma63600:
        return Chroma63600.open(InstrumentLink(RESOURCE), context, "load", {"ratings": RATINGS} | options)

    return open_driver


def test_it_plays_its_roles(open_load: Open) -> None:
    for role in (Instrument, Scanned, Sink):
        assert isinstance(open_load(), role)


def test_what_it_draws_is_negative(wire: Wire, open_load: Open) -> None:
    wire.expect(("CHAN 3", None), *[("MEAS:VOLT?;:MEAS:CURR?", "80.0000;2.5000")] * 2)
    load = open_load(channel=3)
    for _ in range(2):
        load.request()
        assert load.collect() == (80.0, -2.5, -200.0)


@pytest.mark.parametrize("said", ["80.0000V;2.5000A", "+8.00000E+01 V;+2.50000E+00 A", "80.0000;2500mA"])
def test_a_firmware_that_adds_units_says_no_less(wire: Wire, open_load: Open, said: str) -> None:
    wire.expect(("CHAN 1", None), ("MEAS:VOLT?;:MEAS:CURR?", said))
    load = open_load()
    load.request()
    assert load.collect() == (80.0, -2.5, -200.0)


def test_a_set_point_that_is_read_back_with_its_unit_was_taken(wire: Wire, open_load: Open) -> None:
    wire.expect(*START[:4], ("CURR:STAT:L1?", "2.3000A"), *START[5:])
    open_load().discharge(2.3, 60.0)
    wire.finished()


def test_an_answer_that_is_no_measurement(wire: Wire, open_load: Open) -> None:
    wire.expect(("CHAN 1", None), ("MEAS:VOLT?;:MEAS:CURR?", "80.0000"))
    load = open_load()
    load.request()
    with pytest.raises(InstrumentFault, match="2 values were expected, 1 came"):
        load.collect()


@pytest.mark.parametrize(
    ("model", "ratings"), [("63640-80-80", Ratings(80, 80, 400)), ("63630-600-15", Ratings(600, 15, 300))]
)
def test_a_model_tells_its_rating(wire: Wire, open_load: Open, model: str, ratings: Ratings) -> None:
    wire.expect(("*IDN?", f"CHROMA,{model},636400001,1.20"))
    assert open_load(ratings=None).sink_ratings == ratings


def test_a_model_that_tells_none_needs_the_option(wire: Wire, open_load: Open) -> None:
    wire.expect(("*IDN?", "CHROMA,63600-2,636400001,1.20"))
    with pytest.raises(InstrumentFault, match=r"'63600-2', which tells no rating .* state the option ratings"):
        _ = open_load(ratings=None).sink_ratings


def test_discharging_chooses_the_range_and_reads_back(wire: Wire, open_load: Open) -> None:
    wire.expect(*START)
    open_load().discharge(2.3, 48.0)


def test_an_input_that_does_not_come_on_without_a_reason_sends_to_the_panel(wire: Wire, open_load: Open) -> None:
    """A key there ends remote control: every set is then ignored without a word."""
    wire.expect(*START[:-1], ("LOAD?", "OFF"), ("STAT:CHAN:COND?", "0"), ("SYST:ERR?", '+0,"No error"'))
    with pytest.raises(InstrumentFault, match=r"\(it gives no reason\); look at its panel, .* in local control"):
        open_load().discharge(2.3, 48.0)


@pytest.mark.parametrize(("current", "mode"), [(0.6, "CCL"), (0.61, "CCM"), (6.0, "CCM"), (6.1, "CCH"), (60.0, "CCH")])
def test_the_smallest_range_that_fits(wire: Wire, open_load: Open, current: float, mode: str) -> None:
    wire.expect(("CHAN 1", None), ("LOAD OFF", None), (f"MODE {mode}", None))
    wire.expect((f"CURR:STAT:L1 {current:g}", None), ("CURR:STAT:L1?", f"{current:.4f}"))
    wire.expect(("LOAD ON", None), ("LOAD?", "1"))
    open_load().discharge(current, 5.0)


def test_while_it_is_on_only_what_changed_is_sent_and_the_range_only_grows(wire: Wire, open_load: Open) -> None:
    wire.expect(
        *START,
        ("CURR:STAT:L1 0.1", None),  # stays in CCM: a change of range would interrupt the current
        ("CURR:STAT:L1?", "0.1000"),
        ("LOAD OFF", None),
        ("MODE CCH", None),
        ("CURR:STAT:L1 30", None),
        ("CURR:STAT:L1?", "30.000"),
        ("LOAD ON", None),
        ("LOAD?", "ON"),
    )
    load = open_load()
    load.discharge(2.3, 48.0)
    load.discharge(2.3, 48.0)
    load.discharge(0.1, 48.0)
    load.discharge(30.0, 10.0)


@pytest.mark.parametrize(
    ("current", "voltage", "power", "text"),
    [
        (60.1, 1.0, None, "discharging current 60.1 A is outside 0 to 60 A"),
        (1.0, 151.0, None, "load-off voltage 151 V is outside"),
        (10.0, 48.0, None, "10 A above 48 V is more than 400 W"),
        (2.0, 48.0, 90.0, "2 A above 48 V is more than 90 W"),
    ],
)
def test_what_it_cannot_do_is_never_sent(
    open_load: Open, current: float, voltage: float, power: float | None, text: str
) -> None:
    with pytest.raises(SetPointRejected, match=f"load: {text}"):
        open_load().discharge(current, voltage, power)


def test_a_current_that_was_not_taken(wire: Wire, open_load: Open) -> None:
    wire.expect(*START[:4], ("CURR:STAT:L1?", "0.0000"), ("SYST:ERR?", '0,"No error"'))
    with pytest.raises(SetPointRejected, match=r"load kept discharging current at 0 A when 2.3 A was sent"):
        open_load().discharge(2.3, 48.0)


def test_a_load_that_does_not_come_on_tells_its_status(wire: Wire, open_load: Open) -> None:
    wire.expect(*START[:-1], ("LOAD?", "0"), ("STAT:CHAN:COND?", "272"), ("SYST:ERR?", '0,"No error"'))
    with pytest.raises(InstrumentFault, match=r"reversed polarity \(REV\); remote inhibit"):
        open_load().discharge(2.3, 48.0)


@pytest.mark.parametrize(("reply", "off"), [("ON", False), ("OFF", True), ("1", False), ("0", True)])
def test_the_input_state_comes_as_word_or_number(wire: Wire, open_load: Open, reply: str, off: bool) -> None:
    wire.expect(("CHAN 1", None), ("LOAD?", reply))
    assert open_load().sink_is_off() is off


def test_an_input_state_that_is_neither(wire: Wire, open_load: Open) -> None:
    wire.expect(("CHAN 1", None), ("LOAD?", "MAYBE"))
    with pytest.raises(InstrumentFault, match="ON, OFF, 1 or 0 expected"):
        open_load().sink_is_off()


def test_off_is_one_message(wire: Wire, open_load: Open) -> None:
    wire.expect(*START, ("LOAD OFF", None))
    load = open_load()
    load.discharge(2.3, 48.0)
    load.sink_off()
    load.close()


@pytest.mark.parametrize(("then", "off"), [("OFF", True), ("ON", False)])
def test_an_input_that_reads_on_is_told_off_again_under_control_taken_anew(
    wire: Wire, open_load: Open, then: str, off: bool
) -> None:
    """Its channel is selected again as well: a key at the panel may have chosen another one."""
    wire.expect(
        *START, ("LOAD OFF", None), ("CHAN 1", None), ("LOAD?", "ON"), ("CONF:REM ON", None), ("LOAD OFF", None),
        ("LOAD?", then),
    )  # fmt: skip
    load = open_load()
    load.discharge(2.3, 48.0)
    load.sink_off()
    assert load.sink_is_off() is off
    load.close()


def test_reading_an_input_on_switches_nothing_off_that_nobody_told_off(wire: Wire, open_load: Open) -> None:
    wire.expect(*START, ("CHAN 1", None), ("LOAD?", "ON"), ("LOAD OFF", None))
    load = open_load()
    load.discharge(2.3, 48.0)
    assert not load.sink_is_off()
    load.close()


def test_nothing_is_taken_for_set_when_the_input_goes_on_again(wire: Wire, open_load: Open) -> None:
    """Somebody may have set another current or mode on the panel meanwhile."""
    wire.expect(*START, ("LOAD OFF", None), *START[2:])
    load = open_load()
    load.discharge(2.3, 48.0)
    load.sink_off()
    load.discharge(2.3, 48.0)


def test_it_has_no_thresholds_of_its_own(wire: Wire, open_load: Open) -> None:
    wire.expect(("CHAN 1", None), ("LOAD:PROT:CLE", None))
    assert open_load().protect_sink(48.0, 5.0, 400.0) == Protections()


def test_a_load_off_voltage_is_armed_where_the_model_has_one(wire: Wire, open_load: Open) -> None:
    wire.expect(("CHAN 1", None), ("LOAD:PROT:CLE", None), ("CONF:VOLT:OFF 48", None), ("CONF:VOLT:OFF?", "48.000"))
    open_load(off_voltage=True).protect_sink(48.0, 5.0, 400.0)


def test_closing_switches_off(wire: Wire, open_load: Open) -> None:
    wire.expect(*START, ("LOAD OFF", None))
    load = open_load()
    load.discharge(2.3, 48.0)
    load.close()
    load.close()


def test_closing_an_untouched_load_sends_nothing(wire: Wire, open_load: Open) -> None:
    open_load().close()
    assert wire.sent == []


@pytest.mark.parametrize("ratings", [(1.0, 2.0), (1.0, 2.0, 0.0), (True, 2.0, 3.0)])
def test_wrong_ratings(open_load: Open, ratings: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"load: ratings .* must be voltage V, current A, power W"):
        open_load(ratings=ratings)


def test_after_a_lost_link_the_channel_and_its_settings_are_sent_again(wire: Wire, open_load: Open) -> None:
    wire.expect(*START, ("MEAS:VOLT?;:MEAS:CURR?", None), ("LOAD OFF", None), START[0], ("LOAD OFF", None))
    wire.expect(*START[2:], ("LOAD OFF", None))  # off already
    load = open_load()
    load.discharge(2.3, 48.0)
    load.request()
    with pytest.raises(InstrumentFault):
        load.collect()
    load.sink_off()
    load.discharge(2.3, 48.0)
    load.close()


@pytest.mark.parametrize(
    ("current", "voltage", "power", "text"),
    [
        (nan, 48.0, None, "discharging current nan A is outside 0 to 60 A"),
        (1.0, nan, None, "load-off voltage nan V is outside"),
        (1.0, 48.0, nan, "1 A above 48 V is more than nan W"),
        (1.0, 48.0, -90.0, "1 A above 48 V is more than -90 W"),
        (-1.0, 48.0, None, "discharging current -1 A is outside"),
    ],
)
def test_what_is_no_set_point_is_never_sent(
    open_load: Open, current: float, voltage: float, power: float | None, text: str
) -> None:
    with pytest.raises(SetPointRejected, match=f"load: {text}"):
        open_load().discharge(current, voltage, power)


@pytest.mark.parametrize(
    ("thresholds", "text"),
    [
        ((-1.0, 5.0, 400.0), "load-off voltage -1 V is outside 0 to 150 V"),
        ((nan, 5.0, 400.0), "load-off voltage nan V is outside"),
        ((48.0, 0.0, 400.0), "over-current threshold 0 is no number above 0; nothing was sent"),
        ((48.0, nan, 400.0), "over-current threshold nan is no number above 0; nothing was sent"),
        ((48.0, 5.0, -1.0), "over-power threshold -1 is no number above 0; nothing was sent"),
        ((48.0, 5.0, nan), "over-power threshold nan is no number above 0; nothing was sent"),
    ],
)
def test_a_threshold_that_is_none_is_refused_though_it_has_none_to_program(
    open_load: Open, thresholds: tuple[float, float, float], text: str
) -> None:
    with pytest.raises(SetPointRejected, match=f"load: {text}"):
        open_load().protect_sink(*thresholds)


@pytest.mark.parametrize("ratings", [400, "400", [80.0, 80.0, "400"], (80.0, nan, 400.0), (80.0, inf, 400.0), {}])
def test_ratings_that_are_no_three_numbers_are_one_sentence(open_load: Open, ratings: object) -> None:
    with pytest.raises(ValueError, match=r"load: ratings .* must be voltage V, current A, power W, all above 0"):
        open_load(ratings=ratings)


@pytest.mark.parametrize("condition", ["9.9E37", "1.5", "nan"])
def test_a_condition_that_is_no_whole_number_is_a_fault_of_the_load(
    wire: Wire, open_load: Open, condition: str
) -> None:
    wire.expect(("STAT:CHAN:COND?", condition))
    with pytest.raises(InstrumentFault, match=f"'{condition}' to 'STAT:CHAN:COND\\?': a whole number was expected"):
        open_load().alarms()


@pytest.mark.parametrize(
    ("condition", "alarms"),
    [
        ("0", ()),
        ("1", ("over-temperature (OTP)",)),
        ("+136", ("over-power (OPP)", "fan failure (FAN)")),
        ("512", ()),  # a bit that the manual does not have
    ],
)
def test_its_conditions_are_told_in_words(wire: Wire, open_load: Open, condition: str, alarms: tuple[str, ...]) -> None:
    wire.expect(("STAT:CHAN:COND?", condition))
    assert open_load().alarms() == alarms


@pytest.fixture
def reconnected(wire: Wire, open_load: Open) -> Chroma63600:
    """A load that was switched on, and has measured since its connection was made anew."""
    wire.expect(*START, ("MEAS:VOLT?;:MEAS:CURR?", None))
    wire.expect(("CHAN 1", None), ("MEAS:VOLT?;:MEAS:CURR?", "80.0000;2.3000"))
    load = open_load()
    load.discharge(2.3, 48.0)
    load.request()
    with pytest.raises(InstrumentFault, match="did not answer"):
        load.collect()
    load.request()
    assert load.collect()[1] == -2.3
    return load


def test_an_input_that_was_found_off_after_a_lost_connection_is_not_switched_on_again(
    wire: Wire, reconnected: Chroma63600
) -> None:
    """Whatever switched it off, a protection or a hand, is not overruled."""
    wire.expect(("LOAD?", "OFF"), ("LOAD OFF", None))
    with pytest.raises(InstrumentFault, match="load was told to switch its input on, and it is off since"):
        reconnected.discharge(2.3, 48.0)
    reconnected.close()


@pytest.mark.parametrize(("held", "change"), [("ccm", ()), ("CRH", (("LOAD OFF", None), ("MODE CCM", None)))])
def test_an_input_that_is_still_on_after_a_lost_connection_keeps_its_range_if_it_is_one(
    wire: Wire, reconnected: Chroma63600, held: str, change: tuple[Exchange, ...]
) -> None:
    """A change of range would interrupt the current; in another mode there is no current to be kept."""
    wire.expect(("LOAD?", "ON"), ("MODE?", held), *change)
    wire.expect(("CURR:STAT:L1 2.3", None), ("CURR:STAT:L1?", "2.3000"))
    wire.expect(*((("LOAD ON", None), ("LOAD?", "ON")) if change else ()), ("LOAD OFF", None))
    reconnected.discharge(2.3, 48.0)
    reconnected.close()


@pytest.mark.parametrize(
    ("channel", "text"),
    [(0, "channel 0 is none; channels count from 1"), (-1, "channel -1 is none"), ("1", "channel '1' must be a whole")],
)
def test_a_channel_that_no_mainframe_has_is_refused(wire: Wire, open_load: Open, channel: object, text: str) -> None:
    with pytest.raises(ValueError, match=f"load: {text}"):
        open_load(channel=channel)
    assert wire.opened == 0
