"""The SCPI grammar: what a message means, by SCPI-99 and by the manuals that bend it."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments.virtual import scpi
from instruments.virtual.scpi import Call, Fault, Grammar, ScpiError

GRAMMAR: Grammar[str] = Grammar(
    {
        "*IDN?": "identity",
        "[SOURce:]VOLTage[:LEVel][?]": "voltage",
        "[SOURce:]CURRent[?]": "current",
        "[SOURce:]POWer[?]": "power",
        "SINK:CURRent[?]": "sink current",
        "CURRent:STATic:L1[?]": "level 1",
        "SYSTem:LOCK": "lock",
        "SYSTem:LOCK:OWNer?": "owner",
        "MEASure<n>:VOLTage?": "cell voltage",
        "CHARge<n>:OUTCURRent[?]": "limit",
        "OUTPut<n>:EVENt<n>?": "event",
    }
)


def only(message: str) -> Call[str]:
    """The single unit of a message that is right."""
    (unit,) = GRAMMAR.parse(message)
    assert isinstance(unit, Call), unit
    return unit


def targets(message: str) -> list[str | int]:
    """What each unit of a message stands for, or its error number."""
    return [unit.target if isinstance(unit, Call) else unit.number for unit in GRAMMAR.parse(message)]


@pytest.mark.parametrize(
    "message",
    [
        "VOLT 12",
        "volt 12",
        "VOLTAGE 12",
        "SOUR:VOLT 12",
        "SOURCE:VOLTAGE:LEVEL 12",
        ":Sour:Volt 12",
        "VOLT\t12",
        " VOLT  12 ",
    ],
)
def test_short_long_and_optional_forms_are_one_command(message: str) -> None:
    assert only(message) == Call("voltage", query=False, parameters=("12",))


@pytest.mark.parametrize("message", ["VOLTA 12", "VOL 12", "SOURC:VOLT 1", "LEV 3", "MEAS?", "FROB", ":*IDN?", "SYST"])
def test_a_header_that_does_not_exist(message: str) -> None:
    assert targets(message) == [Fault.UNDEFINED_HEADER]


def test_a_compound_message_keeps_its_place_in_the_tree() -> None:
    assert targets("VOLT 80;CURR 20;POW 3kW") == ["voltage", "current", "power"]
    assert targets("SOUR:VOLT 80;CURR 20") == ["voltage", "current"]
    assert targets("CHAR1:OUTCURR 1000;OUTCURR?") == ["limit", "limit"]


def test_a_suffix_holds_for_the_rest_of_its_branch() -> None:
    """NGI's guide, p6: `SOUR1:VOLT 2.54;OUTCURR 1000` sets both on channel 1."""
    units = GRAMMAR.parse("CHAR4:OUTCURR 1000;OUTCURR?;:CHAR:OUTCURR?")
    assert [unit.suffixes for unit in units if isinstance(unit, Call)] == [(4,), (4,), (1,)]


def test_a_colon_returns_to_the_root() -> None:
    assert targets("SINK:CURR 5;:VOLT 3") == ["sink current", "voltage"]
    assert targets("SYST:LOCK ON;VOLT 3") == ["lock", Fault.UNDEFINED_HEADER]


def test_a_common_command_leaves_the_place_alone() -> None:
    assert targets("SYST:LOCK ON;*IDN?;LOCK OFF") == ["lock", "identity", "lock"]


def test_an_error_stands_where_it_happened() -> None:
    assert targets("VOLT 1;NONSENSE;:CURR 2") == ["voltage", Fault.UNDEFINED_HEADER, "current"]


def test_query_and_command_forms() -> None:
    assert only("VOLT?").query
    assert targets("SYST:LOCK?") == [Fault.CANNOT_QUERY]
    assert targets("SYST:LOCK:OWN 1") == [Fault.MUST_QUERY]


def test_digits_in_a_name_are_not_a_suffix() -> None:
    assert only("CURR:STAT:L1 3").suffixes == ()
    assert targets("CURR:STAT:L2 3") == [Fault.UNDEFINED_HEADER]


def test_numeric_suffixes() -> None:
    assert only("MEAS7:VOLT?").suffixes == (7,)
    assert only("MEAS:VOLT?").suffixes == (1,)
    assert only("OUTP3:EVEN12?").suffixes == (3, 12)
    assert targets("VOLT3 5") == [Fault.SUFFIX_OUT_OF_RANGE]


@pytest.mark.parametrize("message", ["MEAS:VOLT?(@1,2,5:8)", "MEAS:VOLT? (@1,2,5:8)", "MEAS:VOLT? ( @1, 2 ,5:8 )"])
def test_channel_lists_with_and_without_a_space(message: str) -> None:
    assert only(message).channels == (1, 2, 5, 6, 7, 8)


def test_a_channel_list_behind_a_value() -> None:
    """NGI's guide writes the list directly behind the value (p4)."""
    assert only("SOUR:VOLT 5(@1,2)") == Call("voltage", query=False, parameters=("5",), channels=(1, 2))
    assert only("SOUR:VOLT 5,(@3:2)") == Call("voltage", query=False, parameters=("5",), channels=(3, 2))


@pytest.mark.parametrize("text", ["", "a", "1,", "1:2:3", "-1", "1;2", "٣"])
def test_what_is_no_channel_list(text: str) -> None:
    with pytest.raises(ScpiError) as raised:
        scpi.channel_list(text)
    assert raised.value.number == Fault.INVALID_EXPRESSION


def test_a_channel_list_has_an_end() -> None:
    with pytest.raises(ScpiError) as raised:
        scpi.channel_list("1:999999")
    assert raised.value.number == Fault.TOO_MUCH_DATA


def test_quotes_protect_separators() -> None:
    assert only('SYST:LOCK "a;b,c(@1)"').parameters == ('"a;b,c(@1)"',)
    assert scpi.string("'it''s'") == "it's"
    assert scpi.string("bare") == "bare"
    assert targets("VOLT 'open") == [Fault.SYNTAX]


def test_a_repeated_message_is_not_parsed_again() -> None:
    assert GRAMMAR.parse("MEAS9:VOLT?") is GRAMMAR.parse("MEAS9:VOLT?")


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("20.45V", "V", 20.45),
        ("500mA", "A", 0.5),
        ("500 mA", "A", 0.5),
        ("3kW", "W", 3000.0),
        ("3 KW", "W", 3000.0),
        ("1.5", "V", 1.5),
        (".5e1", "V", 5.0),
        ("-1.", "V", -1.0),
        ("2MOHM", "OHM", 2e6),
        ("2MAV", "V", 2e6),
        ("7us", "S", 7e-6),
    ],
)
def test_numbers_with_units(text: str, unit: str, value: float) -> None:
    assert scpi.number(text, unit) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("5A", Fault.INVALID_SUFFIX),
        ("5xV", Fault.INVALID_SUFFIX),
        ("abc", Fault.NUMERIC_DATA),
        ("", Fault.NUMERIC_DATA),
        ("nan", Fault.NUMERIC_DATA),
        ("1e9", Fault.OUT_OF_RANGE),
        ("1e9999", Fault.OUT_OF_RANGE),
        ("-0.1", Fault.OUT_OF_RANGE),
        ("DEF", Fault.ILLEGAL_VALUE),
    ],
)
def test_numbers_that_are_refused(text: str, fault: Fault) -> None:
    with pytest.raises(ScpiError) as raised:
        scpi.number(text, "V", minimum=0.0, maximum=100.0)
    assert raised.value.number == fault


def test_min_max_def() -> None:
    assert scpi.number("MIN", minimum=2.0, maximum=3.0) == 2.0
    assert scpi.number("maximum", minimum=2.0, maximum=3.0) == 3.0
    assert scpi.number("DEF", default=2.5) == 2.5
    with pytest.raises(ScpiError):
        scpi.number("MAX")


def test_words() -> None:
    assert [scpi.boolean(word) for word in ("ON", "1", "off", "0")] == [True, True, False, False]
    assert scpi.choice("warning", "NONE", "WARNing") == "WARN"
    for read in (scpi.boolean, lambda text: scpi.choice(text, "NONE", "WARNing")):
        with pytest.raises(ScpiError):
            read("WARNI")


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused_by_number(text: str) -> None:
    for unit in GRAMMAR.parse(text):
        assert isinstance(unit, Call) or -300 < unit.number < 0


@given(st.text(alphabet=string.printable + "@µΩ", max_size=40), st.sampled_from(["", "V", "A", "OHM"]))
def test_any_parameter_is_read_or_refused_by_number(text: str, unit: str) -> None:
    outcome: float | None = None
    number = -1
    try:
        outcome = scpi.number(text, unit, minimum=-1e3, maximum=1e3)
    except ScpiError as error:
        number = error.number
    assert -1e3 <= outcome <= 1e3 if outcome is not None else -300 < number < 0


@given(st.floats(-1e6, 1e6), st.sampled_from([("", 1.0), ("k", 1e3), ("m", 1e-3), ("u", 1e-6)]))
def test_a_printed_number_is_read_back(value: float, prefix: tuple[str, float]) -> None:
    assert scpi.number(f"{value!r}{prefix[0]}V", "V") == pytest.approx(value * prefix[1])


@given(st.lists(st.integers(0, 999), min_size=1, max_size=30))
def test_a_printed_channel_list_is_read_back(channels: list[int]) -> None:
    assert scpi.channel_list(",".join(map(str, channels))) == tuple(channels)


@given(
    st.sampled_from(
        ["VOLT", ":SOUR:VOLT:LEV", "SINK:CURR", "CHAR3:OUTCURR", "SYST:LOCK", "MEAS2:VOLT", "FROB", "VOLT:"]
    ),
    st.text(string.ascii_letters + string.digits + "+-.:@#*/%&=<>µΩ?", min_size=1),
)
def test_a_single_setting_means_what_it_does_among_others(header: str, parameter: str) -> None:
    """One that is nothing but a header and a parameter is read by a shorter way."""
    (alone,), (first, *_) = GRAMMAR.parse(f"{header} {parameter}"), GRAMMAR.parse(f"{header} {parameter};*IDN?")
    if isinstance(alone, ScpiError):
        assert isinstance(first, ScpiError)
        assert (alone.number, alone.found) == (first.number, first.found)
    else:
        assert alone == first
