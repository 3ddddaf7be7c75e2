"""The EA PSB as transcripts: what is sent, in which order, and what is made of the answers."""

from collections.abc import Callable
from math import inf, nan

import pytest

from instruments.drivers.ea_psb10000 import EaPsb10000
from instruments.roles import (
    CommunicationWatchdog,
    Instrument,
    InstrumentFault,
    Protections,
    Ratings,
    Scanned,
    SetPointRejected,
    Sink,
    Source,
    has_verbs,
)
from instruments.wires.context import InstrumentLink, LinkContext
from tests.instruments.scripted import RESOURCE, Exchange, FakeTime, Wire

NOMINAL: tuple[Exchange, ...] = (
    ("SYST:NOM:VOLT?", "200V"),
    ("SYST:NOM:CURR?", "420A"),
    ("SYST:NOM:POW?", "30kW"),
)
REMOTE: tuple[Exchange, ...] = (
    ("SYST:LOCK 1", None),
    ("SYST:LOCK:OWN?", "REMOTE"),
    ("STAT:QUES?", "1024"),
    ("SYST:ERR?", '0,"No error"'),
)
CHARGE: tuple[Exchange, ...] = (
    ("SINK:CURR 0", None),
    ("SINK:CURR?", "0.0A"),
    ("VOLT 87.6", None),
    ("VOLT?", "87.60V"),
    ("POW 30000", None),
    ("POW?", "30000W"),
    ("CURR 2.3", None),
    ("CURR?", "2.3A"),
)
ON: tuple[Exchange, ...] = (("OUTP ON", None), ("OUTP?", "ON"))
OURS: tuple[Exchange, ...] = (("SYST:LOCK:OWN?", "REMOTE"),)
CLOSING: tuple[Exchange, ...] = (("OUTP OFF", None), ("OUTP?", "OFF"), ("SYST:LOCK 0", None))
CLOSING_UNLOCKED: tuple[Exchange, ...] = (("SYST:LOCK 1", None), *CLOSING)

Open = Callable[..., EaPsb10000]


@pytest.fixture
def open_supply(wire: Wire, context: LinkContext) -> Open:
    def open_driver(**options: object) -> EaPsb10000:
        return EaPsb10000.open(InstrumentLink(RESOURCE, gap=0.0), context, "supply", options)

    return open_driver


def test_it_plays_its_roles(open_supply: Open) -> None:
    supply = open_supply()
    for role in (Instrument, Scanned, Source, Sink):
        assert has_verbs(supply, role)
    assert [(channel.name, channel.unit) for channel in supply.channels] == [
        ("voltage", "V"),
        ("current", "A"),
        ("power", "W"),
    ]


def test_the_identity_of_the_guide(wire: Wire, open_supply: Open) -> None:
    wire.expect(
        (
            "*IDN?",
            "EA Elektro-Automatik GmbH&Co.KG, EL 9080-340, 1240210002, "
            "V2.14 14.05.2018 V2.24 04.06.2018 V1.6.5, my bench",
        )
    )
    identity = open_supply().identify()
    assert identity.manufacturer == "EA Elektro-Automatik GmbH&Co.KG"
    assert (identity.model, identity.serial_number) == ("EL 9080-340", "1240210002")
    assert identity.firmware == "V2.14 14.05.2018 V2.24 04.06.2018 V1.6.5"


@pytest.mark.parametrize(
    ("reply", "values"),
    [("12.5V, 33.3A, 420W", (12.5, 33.3, 420.0)), ("80.00V, -10.5A, -0.84kW", (80.0, -10.5, -840.0))],
)
def test_one_query_scans_all_three(
    wire: Wire, open_supply: Open, reply: str, values: tuple[float, float, float]
) -> None:
    wire.expect(("MEAS:ARR?", reply))
    supply = open_supply()
    supply.request()
    assert supply.collect() == pytest.approx(values)


@pytest.mark.parametrize("reply", ["12.5V, 33.3A", "12.5V, 33.3V, 420W", "ON"])
def test_an_answer_that_is_no_measurement(wire: Wire, open_supply: Open, reply: str) -> None:
    wire.expect(("MEAS:ARR?", reply))
    supply = open_supply()
    supply.request()
    with pytest.raises(InstrumentFault, match=f"answered '{reply}' to 'MEAS:ARR"):
        supply.collect()


def test_ratings_come_from_the_supply(wire: Wire, open_supply: Open) -> None:
    wire.expect(*NOMINAL)
    supply = open_supply()
    assert supply.source_ratings == supply.sink_ratings == Ratings(200.0, 420.0, 30000.0)


def test_charging_takes_remote_control_holds_the_sink_and_reads_everything_back(wire: Wire, open_supply: Open) -> None:
    wire.expect(*NOMINAL, *REMOTE, *CHARGE, *ON)
    open_supply().charge(2.3, 87.6)


def test_a_second_charge_moves_only_what_changed(wire: Wire, open_supply: Open) -> None:
    wire.expect(*NOMINAL, *REMOTE, *CHARGE, *ON, ("CURR 1.15", None), ("CURR?", "1.2A"))
    supply = open_supply()
    supply.charge(2.3, 87.6)
    supply.charge(2.3, 87.6)
    supply.charge(1.15, 87.6)


def test_from_charge_to_discharge_and_back(wire: Wire, open_supply: Open) -> None:
    """The output stays on; the old direction's current is 0, as read back, before anything of the new one is sent."""
    wire.expect(
        *NOMINAL,
        *REMOTE,
        *CHARGE,
        *ON,
        ("CURR 0", None),
        ("CURR?", "0.0A"),
        ("VOLT 60", None),
        ("VOLT?", "60.00V"),
        ("SINK:POW 500", None),
        ("SINK:POW?", "500W"),
        ("SINK:CURR 4.6", None),
        ("SINK:CURR?", "4.6A"),
        ("SINK:CURR 0", None),
        ("SINK:CURR?", "0.0A"),
        ("VOLT 87.6", None),
        ("VOLT?", "87.60V"),
        ("CURR 2.3", None),
        ("CURR?", "2.3A"),
    )
    supply = open_supply()
    supply.charge(2.3, 87.6)
    supply.discharge(4.6, 60.0, 500.0)
    supply.charge(2.3, 87.6)


@pytest.mark.parametrize(
    ("current", "voltage", "power", "text"),
    [
        (421.0, 87.6, None, "charging current 421 A is outside 0 to 420 A"),
        (-1.0, 87.6, None, "charging current -1 A is outside"),
        (2.3, 200.1, None, "voltage 200.1 V is outside 0 to 200 V"),
        (2.3, 87.6, 30001.0, "charging power 30001 W is outside"),
        (float("nan"), 87.6, None, "charging current nan A is outside"),
    ],
)
def test_a_set_point_outside_the_rating_is_never_sent(
    wire: Wire, open_supply: Open, current: float, voltage: float, power: float | None, text: str
) -> None:
    wire.expect(*NOMINAL)
    with pytest.raises(SetPointRejected, match=f"supply: {text}"):
        open_supply().charge(current, voltage, power)


def test_a_set_that_the_supply_ignored_is_found_out(wire: Wire, open_supply: Open) -> None:
    wire.expect(
        *NOMINAL,
        *REMOTE,
        *CHARGE[:2],
        ("VOLT 87.6", None),
        ("VOLT?", "48.00V"),
        ("STAT:QUES?", "1024"),
        ("SYST:ERR?", '-222,"Data out of range"'),
        ("SYST:ERR?", '0,"No error"'),
        *OURS,
    )
    with pytest.raises(SetPointRejected, match=r'supply kept voltage at 48 V when 87.6 V .*-222,"Data out of range"'):
        open_supply().charge(2.3, 87.6)


def test_after_a_refusal_nothing_is_taken_for_set(wire: Wire, open_supply: Open) -> None:
    refusal = (("STAT:QUES?", "1024"), ("SYST:ERR?", '0,"No error"'), *OURS)
    wire.expect(*NOMINAL, *REMOTE, *CHARGE[:2], ("VOLT 87.6", None), ("VOLT?", "48.00V"), *refusal)
    wire.expect(*CHARGE, *ON)
    supply = open_supply()
    with pytest.raises(SetPointRejected):
        supply.charge(2.3, 87.6)
    supply.charge(2.3, 87.6)


def test_an_output_that_does_not_come_on_tells_its_alarm(wire: Wire, open_supply: Open) -> None:
    wire.expect(
        *NOMINAL,
        *REMOTE,
        *CHARGE,
        ("OUTP ON", None),
        ("OUTP?", "OFF"),
        ("STAT:QUES:COND?", "1025"),
        ("STAT:QUES?", "1025"),
        ("SYST:ERR?", '0,"No error"'),
        *OURS,
    )
    with pytest.raises(InstrumentFault, match=r"did not switch its output on \(over-voltage \(OVP\)"):
        open_supply().charge(2.3, 87.6)


def test_remote_and_output_on_are_no_alarms(wire: Wire, open_supply: Open) -> None:
    wire.expect(("STAT:QUES:COND?", "3072"), ("STAT:QUES:COND?", str(1 << 5 | 1 << 13 | 3072)))
    supply = open_supply()
    assert supply.alarms() == ()
    assert supply.alarms() == ("under-voltage event (UVD)", "power fail (PF)")


def test_off_is_one_short_message(wire: Wire, open_supply: Open) -> None:
    wire.expect(*NOMINAL, *REMOTE, *CHARGE, *ON, ("OUTP OFF", None), ("OUTP?", "OFF"))
    supply = open_supply()
    supply.charge(2.3, 87.6)
    supply.source_off()
    assert supply.sink_is_off()


def test_nothing_is_taken_for_set_when_the_output_goes_on_again(wire: Wire, open_supply: Open) -> None:
    """Somebody else may have set another current meanwhile, on the panel or another interface."""
    wire.expect(*NOMINAL, *REMOTE, *CHARGE, *ON, ("OUTP OFF", None), *CHARGE, *ON)
    supply = open_supply()
    supply.charge(2.3, 87.6)
    supply.source_off()
    supply.charge(2.3, 87.6)


def test_off_without_a_charge_before_asks_nothing_either(wire: Wire, open_supply: Open) -> None:
    wire.expect(("SYST:LOCK 1", None), ("OUTP OFF", None), ("OUTP?", "OFF"), *CLOSING_UNLOCKED)
    supply = open_supply()
    supply.sink_off()
    assert supply.source_is_off()
    supply.close()


def test_an_output_that_refused_to_go_off_is_told_again_under_control_taken_anew(wire: Wire, open_supply: Open) -> None:
    """LOCAL was pressed and released: the driver believes that remote control is its own, and it is nobody's."""
    wire.expect(
        *NOMINAL, *REMOTE, *CHARGE, *ON,
        ("OUTP OFF", None), ("OUTP?", "ON"), ("SYST:LOCK 1", None), ("OUTP OFF", None), ("OUTP?", "OFF"),
    )  # fmt: skip
    supply = open_supply()
    supply.charge(2.3, 87.6)
    supply.source_off()
    assert supply.source_is_off()


def test_off_can_be_asked_for_until_the_panel_gives_way(wire: Wire, open_supply: Open) -> None:
    again = (("SYST:LOCK 1", None), ("OUTP OFF", None))
    wire.expect(
        *again, ("OUTP?", "ON"), *again, ("OUTP?", "ON"), ("OUTP?", "ON"), *again, ("OUTP?", "OFF"), ("OUTP?", "OFF")
    )
    supply = open_supply()
    supply.source_off()
    assert [supply.source_is_off() for _ in range(3)] == [False, True, True]


@pytest.mark.parametrize(("off", "on"), [("OFF", "ON"), ("0", "1"), ("off", "on"), (" OFF", "ON ")])
def test_a_firmware_that_spells_a_switch_otherwise_says_no_less(
    wire: Wire, open_supply: Open, off: str, on: str
) -> None:
    wire.expect(("OUTP?", off), ("OUTP?", on))
    supply = open_supply()
    assert supply.source_is_off()
    assert not supply.source_is_off()


@pytest.mark.parametrize("owner", ["REMOTE", "REM", "Remote"])
def test_control_is_ours_in_the_long_form_and_in_the_short_one(wire: Wire, open_supply: Open, owner: str) -> None:
    taken = [(sent, owner if sent == "SYST:LOCK:OWN?" else answer) for sent, answer in REMOTE]
    wire.expect(*NOMINAL, *taken, *CHARGE, *ON, *CLOSING)
    supply = open_supply()
    supply.charge(2.3, 87.6)
    supply.close()
    wire.finished()


def test_reading_an_output_on_switches_nothing_off_that_nobody_told_off(wire: Wire, open_supply: Open) -> None:
    wire.expect(("OUTP?", "ON"), *NOMINAL, *REMOTE, *CHARGE, *ON, ("OUTP?", "ON"), *CLOSING)
    supply = open_supply()
    assert not supply.source_is_off()
    supply.charge(2.3, 87.6)
    assert not supply.source_is_off()
    supply.close()


@pytest.mark.parametrize("owner", ["LOCAL", "NONE"])
def test_a_set_point_refused_for_want_of_control_is_told_as_that(wire: Wire, open_supply: Open, owner: str) -> None:
    wire.expect(
        *NOMINAL, *REMOTE, *CHARGE, *ON, ("CURR 1.15", None), ("CURR?", "2.3A"),
        ("STAT:QUES?", "0"), ("SYST:ERR?", '-221,"Settings conflict"'), ("SYST:ERR?", '0,"No error"'),
        ("SYST:LOCK:OWN?", owner),
    )  # fmt: skip
    supply = open_supply()
    supply.charge(2.3, 87.6)
    with pytest.raises(InstrumentFault, match=f"supply is not under remote control any more, .* says {owner}") as told:
        supply.charge(1.15, 87.6)
    assert not isinstance(told.value, SetPointRejected)


REFUSAL: tuple[Exchange, ...] = (
    ("STAT:QUES?", "1024"), ("SYST:ERR?", '-221,"Settings conflict"'), ("SYST:ERR?", '0,"No error"'), *OURS,
)  # fmt: skip
"""Of a supply that another of its interfaces controls: it is REMOTE all the same (p49)."""
ELSEWHERE = "another of its interfaces .* has control, or somebody is in its setup menu; release it there"


def test_a_protection_refused_because_another_interface_has_control_is_told_as_that(
    wire: Wire, open_supply: Open
) -> None:
    wire.expect(*NOMINAL, *REMOTE, ("VOLT:PROT 92", None), ("VOLT:PROT?", "220.00V"), *REFUSAL)
    with pytest.raises(InstrumentFault, match=ELSEWHERE) as told:
        open_supply().protect_source(92.0, 12.0, 900.0)
    assert not isinstance(told.value, SetPointRejected)


def test_an_output_that_another_interface_keeps_off_is_told_as_that(wire: Wire, open_supply: Open) -> None:
    wire.expect(*NOMINAL, *REMOTE, *CHARGE, ("OUTP ON", None), ("OUTP?", "OFF"), ("STAT:QUES:COND?", "1024"), *REFUSAL)
    with pytest.raises(InstrumentFault, match=ELSEWHERE):
        open_supply().charge(2.3, 87.6)


@pytest.mark.parametrize("owner", ["LOCAL", "NONE"])
def test_control_that_was_lost_while_the_output_is_on_is_told_with_the_scan(
    wire: Wire, open_supply: Open, clock: FakeTime, owner: str
) -> None:
    scan = ("MEAS:ARR?", "87V, 2.3A, 200W")
    wire.expect(*NOMINAL, *REMOTE, *CHARGE, *ON, scan, scan, *OURS)
    wire.expect(scan, scan, ("SYST:LOCK:OWN?", owner), *CLOSING_UNLOCKED)
    supply = open_supply()
    supply.charge(2.3, 87.6)
    for passed in (9.0, 1.0, 9.0):
        clock.now += passed
        supply.request()
        supply.collect()
    clock.now += 1.0
    supply.request()
    with pytest.raises(InstrumentFault, match=f"not under remote control any more, .* says {owner}"):
        supply.collect()
    supply.close()


def test_nobody_is_asked_who_has_control_of_an_output_that_is_off(
    wire: Wire, open_supply: Open, clock: FakeTime
) -> None:
    wire.expect(*NOMINAL, *REMOTE, *CHARGE, *ON, ("OUTP OFF", None), ("MEAS:ARR?", "87V, 0A, 0W"), *CLOSING)
    supply = open_supply()
    supply.charge(2.3, 87.6)
    supply.source_off()
    clock.now += 60.0
    supply.request()
    supply.collect()
    supply.close()


def test_an_output_left_on_is_looked_for_before_it_is_programmed_over_a_new_connection(
    wire: Wire, open_supply: Open
) -> None:
    scan = ("MEAS:ARR?", "87V, 2.3A, 200W")
    wire.expect(*NOMINAL, *REMOTE, *CHARGE, *ON, scan, *REMOTE, ("OUTP?", "ON"), *CHARGE, *CLOSING)
    supply = open_supply()
    supply.charge(2.3, 87.6)
    wire.lost = 1
    supply.request()
    supply.collect()
    supply.charge(2.3, 87.6)
    supply.close()


def test_an_output_that_went_off_while_nobody_was_connected_is_not_switched_on_again(
    wire: Wire, open_supply: Open
) -> None:
    scan = ("MEAS:ARR?", "87V, 0A, 0W")
    wire.expect(*NOMINAL, *REMOTE, *CHARGE, *ON, scan, *REMOTE, ("OUTP?", "OFF"), *CLOSING)
    supply = open_supply()
    supply.charge(2.3, 87.6)
    wire.lost = 1
    supply.request()
    supply.collect()
    with pytest.raises(InstrumentFault, match="was told to switch its output on, and its output is off since"):
        supply.charge(2.3, 87.6)
    supply.close()


@pytest.mark.parametrize("sent", range(len((*REMOTE, *CHARGE)) + 1))
def test_an_output_never_goes_on_upon_set_points_of_a_connection_that_is_gone(
    wire: Wire, open_supply: Open, sent: int
) -> None:
    """The supply may have been restarted: whenever the connection is made anew, everything is programmed anew."""
    whole = (*REMOTE, *CHARGE, *ON)
    wire.expect(*NOMINAL, *whole[:sent], *whole, ("CURR 1.15", None), ("CURR?", "1.2A"))
    supply = open_supply()
    assert supply.source_ratings.voltage == 200.0
    wire.lose_after(sent)
    supply.charge(2.3, 87.6)
    supply.charge(1.15, 87.6)
    assert wire.opened == 2


def test_a_connection_that_is_lost_again_and_again_is_a_fault(wire: Wire, open_supply: Open) -> None:
    wire.expect(*NOMINAL)
    supply = open_supply()
    assert supply.source_ratings.voltage == 200.0
    wire.on_open = lambda: wire.lose_after(0)
    wire.lose_after(0)
    with pytest.raises(InstrumentFault, match=r"supply .* was lost while it was programmed"):
        supply.charge(2.3, 87.6)


def test_what_protects_is_armed_again_whenever_control_was_taken_anew(wire: Wire, open_supply: Open) -> None:
    armed: tuple[Exchange, ...] = (
        ("VOLT:PROT 92", None), ("VOLT:PROT?", "92.00V"), ("CURR:PROT 12", None), ("CURR:PROT?", "12.0A"),
        ("POW:PROT 900", None), ("POW:PROT?", "900W"),
    )  # fmt: skip
    wire.expect(*NOMINAL, *REMOTE, *armed, ("OUTP OFF", None), ("OUTP?", "ON"))
    wire.expect(("SYST:LOCK 1", None), ("OUTP OFF", None), ("OUTP?", "OFF"), *REMOTE, *armed, *CHARGE, *ON)
    supply = open_supply()
    supply.protect_source(92.0, 12.0, 900.0)
    supply.source_off()
    assert supply.source_is_off()
    supply.charge(2.3, 87.6)


def test_a_protection_that_is_not_taken_again_keeps_the_output_off(wire: Wire, open_supply: Open) -> None:
    lost = (
        ("VOLT:PROT 92", None), ("VOLT:PROT?", "220.00V"), ("STAT:QUES?", "0"), ("SYST:ERR?", '0,"No error"'), *OURS,
    )  # fmt: skip
    wire.expect(
        *NOMINAL, *REMOTE, ("VOLT:PROT 92", None), ("VOLT:PROT?", "92.00V"), ("CURR:PROT 12", None),
        ("CURR:PROT?", "12.0A"), ("POW:PROT 900", None), ("POW:PROT?", "900W"), ("OUTP OFF", None), ("OUTP?", "ON"),
        ("SYST:LOCK 1", None), ("OUTP OFF", None), ("OUTP?", "OFF"), *REMOTE, *lost, *REMOTE, *lost,
    )  # fmt: skip
    supply = open_supply()
    supply.protect_source(92.0, 12.0, 900.0)
    supply.source_off()
    assert supply.source_is_off()
    for _ in range(2):
        with pytest.raises(SetPointRejected, match="over-voltage threshold"):
            supply.charge(2.3, 87.6)


@pytest.mark.parametrize("owner", ["LOCAL", "NONE"])
def test_a_supply_that_refuses_remote_control(wire: Wire, open_supply: Open, owner: str) -> None:
    wire.expect(*NOMINAL, ("SYST:LOCK 1", None), ("SYST:LOCK:OWN?", owner))
    with pytest.raises(InstrumentFault, match=f"supply answered '{owner}' to SYST:LOCK:OWN"):
        open_supply().charge(2.3, 87.6)


def test_source_protections_are_armed_and_read_back(wire: Wire, open_supply: Open) -> None:
    wire.expect(
        *NOMINAL,
        *REMOTE,
        ("VOLT:PROT 92", None),
        ("VOLT:PROT?", "92.00V"),
        ("CURR:PROT 12", None),
        ("CURR:PROT?", "12.0A"),
        ("POW:PROT 900", None),
        ("POW:PROT?", "0.90kW"),
    )
    assert open_supply().protect_source(92.0, 12.0, 900.0) == Protections(92.0, 12.0, 900.0)


def test_sink_protections_include_an_under_voltage_that_switches_off(wire: Wire, open_supply: Open) -> None:
    wire.expect(
        *NOMINAL,
        *REMOTE,
        ("SYST:CONF:UVD 48", None),
        ("SYST:CONF:UVD?", "48.00V"),
        ("SYST:CONF:UVD:ACT ALARM", None),
        ("SYST:CONF:UVD:ACT?", "ALARM"),
        ("SINK:CURR:PROT 12", None),
        ("SINK:CURR:PROT?", "12.0A"),
        ("SINK:POW:PROT 900", None),
        ("SINK:POW:PROT?", "900W"),
        ("VOLT:PROT?", "92.00V"),
    )
    assert open_supply().protect_sink(48.0, 12.0, 900.0) == Protections(92.0, 12.0, 900.0)


def test_an_under_voltage_action_that_was_not_taken(wire: Wire, open_supply: Open) -> None:
    wire.expect(
        *NOMINAL,
        *REMOTE,
        ("SYST:CONF:UVD 48", None),
        ("SYST:CONF:UVD?", "48.00V"),
        ("SYST:CONF:UVD:ACT ALARM", None),
        ("SYST:CONF:UVD:ACT?", "NONE"),
    )
    with pytest.raises(InstrumentFault, match="ALARM was set"):
        open_supply().protect_sink(48.0, 12.0, 900.0)


def test_protections_reach_to_110_percent(wire: Wire, open_supply: Open) -> None:
    wire.expect(*NOMINAL)
    with pytest.raises(SetPointRejected, match="over-voltage threshold 221 V is outside 0 to 220 V"):
        open_supply().protect_source(221.0, 12.0, 900.0)


WATCHDOG: tuple[Exchange, ...] = (
    ("POW:STAG:AFT:REM OFF", None),
    ("POW:STAG:AFT:REM?", "OFF"),
    ("SYST:COMM:MON:TIM 10", None),
    ("SYST:COMM:MON:TIM?", "10"),
    ("SYST:COMM:MON:ACT ON", None),
    ("SYST:COMM:MON:ACT?", "ON"),
)


def test_the_watchdog_is_armed_for_whole_seconds_with_time_and_consequences_read_back(
    wire: Wire, open_supply: Open
) -> None:
    wire.expect(*REMOTE, *WATCHDOG)
    supply = open_supply()
    assert isinstance(supply, CommunicationWatchdog)
    assert supply.arm_watchdog(9.2) == 10.0


@pytest.mark.parametrize(("number", "reply"), [(1, "AUTO"), (3, "5"), (5, "OFF")])
def test_a_watchdog_that_reads_back_otherwise_is_a_fault(
    wire: Wire, open_supply: Open, number: int, reply: str
) -> None:
    sent = WATCHDOG[number][0]
    wire.expect(*REMOTE, *WATCHDOG[:number], (sent, reply))
    with pytest.raises(InstrumentFault, match=f"answered '{reply}' to '{sent[:-1]}.*was set for the watchdog"):
        open_supply().arm_watchdog(10)


@pytest.mark.parametrize("silence", [0.0, 36000.5, inf, nan])
def test_a_watchdog_time_that_the_supply_does_not_have_is_not_sent(
    wire: Wire, open_supply: Open, silence: float
) -> None:
    with pytest.raises(SetPointRejected, match=r"supply: communication watchdog .* is outside 1 to 36000 s"):
        open_supply().arm_watchdog(silence)


def test_remote_control_that_the_watchdog_ended_is_taken_again_before_the_output_goes_on(
    wire: Wire, open_supply: Open
) -> None:
    wire.expect(
        *REMOTE, *WATCHDOG, *NOMINAL, ("SYST:LOCK:OWN?", "REMOTE"), *CHARGE, *ON, ("OUTP OFF", None),
        ("SYST:LOCK:OWN?", "NONE"), *REMOTE, *WATCHDOG, *CHARGE, *ON,
    )  # fmt: skip
    supply = open_supply()
    supply.arm_watchdog(10)
    supply.charge(2.3, 87.6)
    supply.source_off()
    supply.charge(2.3, 87.6)


def test_closing_switches_off_before_it_gives_remote_control_back(wire: Wire, open_supply: Open) -> None:
    wire.expect(*NOMINAL, *REMOTE, *CHARGE, *ON, *CLOSING)
    supply = open_supply()
    supply.charge(2.3, 87.6)
    supply.close()
    supply.close()
    assert wire.closed == 1


def test_closing_an_untouched_supply_sends_nothing(wire: Wire, open_supply: Open) -> None:
    open_supply().close()
    assert wire.sent == []


def test_the_own_pace_is_10_ms(wire: Wire, context: LinkContext, clock: FakeTime) -> None:
    wire.expect(("SYST:LOCK 1", None), ("OUTP OFF", None), ("OUTP?", "OFF"))
    supply = EaPsb10000(RESOURCE, context, name="supply")
    supply.source_off()
    supply.source_is_off()
    assert clock.slept == pytest.approx([0.01] * 2)


def test_after_a_lost_link_nothing_is_believed_to_be_set(wire: Wire, open_supply: Open) -> None:
    wire.expect(*NOMINAL, *REMOTE, *CHARGE, *ON, ("MEAS:ARR?", None), ("OUTP OFF", None), ("OUTP?", "OFF"))
    wire.expect(*REMOTE, *CHARGE, *ON, *CLOSING)
    supply = open_supply()
    supply.charge(2.3, 87.6)
    supply.request()
    with pytest.raises(InstrumentFault):
        supply.collect()
    supply.source_off()
    assert supply.source_is_off()
    supply.charge(2.3, 87.6)
    supply.close()


def test_closing_after_a_lost_link_still_switches_off(wire: Wire, open_supply: Open) -> None:
    wire.expect(*NOMINAL, *REMOTE, *CHARGE, *ON, ("MEAS:ARR?", None), *CLOSING)
    supply = open_supply()
    supply.charge(2.3, 87.6)
    supply.request()
    with pytest.raises(InstrumentFault):
        supply.collect()
    supply.close()


@pytest.mark.parametrize("condition", ["9.9E37", "2.5", "nan"])
def test_a_condition_that_is_no_whole_number_is_a_fault_of_the_supply(
    wire: Wire, open_supply: Open, condition: str
) -> None:
    wire.expect(("STAT:QUES:COND?", condition))
    with pytest.raises(InstrumentFault, match="'STAT:QUES:COND\\?': a whole number was expected"):
        open_supply().alarms()
