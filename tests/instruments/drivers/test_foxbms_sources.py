"""One healthy node, or not: what it cannot send is counted, and nothing that it can."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.drivers.foxbms import FoxBms
from instruments.drivers.foxbms.layout import STATE, cycles, place, signals
from instruments.drivers.foxbms.sources import Sources
from instruments.roles import DoubtsItsNode
from tests.instruments.drivers.foxbms_node import FRAMES, PHASES, Node, rhythm, send, send_all
from tests.instruments.scripted import FakeTime

Frame = tuple[float, int, bytes]
"""When it was received (s), identifier, payload."""


MEASURED = {
    0x230: "MinimumCellTemperature", 0x231: "MinimumCellVoltage", 0x232: "MaximumChargeCurrent", 0x233: "Current",
    0x234: "InsulationResistance", 0x235: "Soh",
}  # fmt: skip
"""What changes in each message; of the state message nothing does."""
ANOTHER_PACK = 0x20
"""Counts that the values of a second node differ by: they are those of another pack."""


def payload(identifier: int, variant: int, source: int = 0) -> bytes:
    """What a node measures changes from frame to frame, by up to 15 counts."""
    told = int.from_bytes(bytes.fromhex(FRAMES[identifier]), "big")
    if identifier in MEASURED:
        told ^= (variant % 16 ^ source * ANOTHER_PACK) << place(identifier, MEASURED[identifier]).shift
    return told.to_bytes(8, "big")


def healthy(seconds: float, begin: float = 0.0, source: int = 0) -> list[Frame]:
    """A node that measures something new for each frame."""
    frames = rhythm(seconds, begin)
    return [(time, identifier, payload(identifier, n, source)) for n, (time, identifier) in enumerate(frames)]


def faster(times: int, seconds: float, noise: int = 0) -> list[Frame]:
    """A node that sends so many times as often as its layout says, and whose values flicker by so many bits."""
    flicker, slowed = Random(times), rhythm(seconds * times)
    return [
        (time / times, identifier, payload(identifier, n // 40 ^ flicker.getrandbits(noise) if noise else n // 40))
        for n, (time, identifier) in enumerate(slowed)
    ]


def contradictions(frames: list[Frame]) -> int:
    sources, newest = Sources(cycles(), signals(), STATE), dict[int, bytes]()
    for time, identifier, data in sorted(frames):
        sources.heard(identifier, time, data, newest.get(identifier) != data)
        newest[identifier] = data
        if identifier == STATE:
            sources.in_state(data[0] & 0x0F, time)
    return sources.contradictions


# --- a healthy node ---------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(jitter=st.lists(st.floats(-0.005, 0.005), min_size=50, max_size=50))
def test_a_healthy_node_that_jitters_is_one(jitter: list[float]) -> None:
    frames = [(time + jitter[n % 50], identifier, data) for n, (time, identifier, data) in enumerate(healthy(60))]
    assert contradictions(frames) == 0


@settings(deadline=None)
@given(held=st.floats(0.1, 2.0), stamped=st.booleans())
def test_a_bus_that_delivers_late_and_in_bursts_is_no_second_node(held: float, stamped: bool) -> None:
    """Nor does it matter whether frames are stamped when they are received or when a gateway hands them on."""
    frames = [
        (time if stamped else (time // held + 1) * held + n * 1e-4, identifier, data)
        for n, (time, identifier, data) in enumerate(healthy(60))
    ]
    assert contradictions(frames) == 0


def test_a_gateway_that_stamps_a_burst_with_one_time_is_no_second_node() -> None:
    assert contradictions([((time // 0.5 + 1) * 0.5, identifier, data) for time, identifier, data in healthy(60)]) == 0


def test_a_state_message_for_each_substate_is_what_a_foxbms_sends() -> None:
    """Each 10 ms, when the substate has changed, beside the cyclic one (BMS_Trigger in its bms.c)."""
    substates = [(n / 100 + 0.001, STATE, bytes([0x19, 0, 0, 0, n % 2, 0, 0, 0x32])) for n in range(6000)]
    assert contradictions(healthy(60) + substates) == 0


def test_a_node_that_restarts_is_one() -> None:
    assert contradictions(healthy(10) + healthy(10, begin=9.963)[7:] + healthy(10, begin=25.0)) == 0


def test_a_node_of_which_only_the_newest_frames_are_heard_is_one() -> None:
    """On a virtual bench, once for each scan."""
    frames = [(float(second), identifier, payload(identifier, second)) for second in range(60) for identifier in PHASES]
    assert contradictions(frames) == 0


@pytest.mark.parametrize("noise", [0, 1, 4])
@pytest.mark.parametrize("times", [2, 5, 10])
def test_a_node_that_sends_faster_than_its_layout_says_is_one(times: int, noise: int) -> None:
    """Another build of it, or another make with these messages: a rate is nobody's mark."""
    assert contradictions(faster(times, 60, noise)) == 0


def test_a_fast_node_whose_frames_count_or_toggle_is_one() -> None:
    toggled = [(n / 50, 0x232, payload(0x232, n % 2)) for n in range(3000)]
    counted = [(n / 50, 0x231, payload(0x231, n)) for n in range(3000)]
    assert contradictions(toggled + counted) == 0


# --- a second one -----------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(phase=st.floats(0.0005, 0.0995))
def test_a_second_node_is_found_whatever_its_phase(phase: float) -> None:
    assert contradictions(healthy(10) + healthy(10, phase, source=1)) > 2


def test_a_second_node_beside_a_fast_one_is_found() -> None:
    """Where both are built alike; one of another rate is found by its states and values alone."""
    beside = [(time + 0.0131, identifier, data) for time, identifier, data in faster(2, 20, noise=4)]
    other = [(time, i, (int.from_bytes(data, "big") ^ _shifted(i)).to_bytes(8, "big")) for time, i, data in beside]
    assert contradictions(faster(2, 20, noise=4) + other) > 2


def _shifted(identifier: int) -> int:
    return ANOTHER_PACK << place(identifier, MEASURED[identifier]).shift if identifier in MEASURED else 0


def test_a_second_node_that_repeats_the_first_says_nothing_else() -> None:
    still = [(time, identifier, bytes.fromhex(FRAMES[identifier])) for time, identifier in rhythm(20)]
    assert contradictions(still + [(time + 0.03, identifier, data) for time, identifier, data in still]) == 0


@pytest.mark.parametrize("period", [0.1, 1.0, 10.0])
def test_a_second_node_of_which_only_the_newest_frames_are_heard_is_found(period: float) -> None:
    both = [
        (n * period, identifier, payload(identifier, n, source))
        for n in range(60)
        for source in (0, 1)
        for identifier in PHASES
    ]
    assert contradictions(both) > 2


def test_a_second_node_with_another_state_is_found_by_the_states_alone() -> None:
    charging = [(n / 10, STATE, bytes.fromhex(FRAMES[STATE])) for n in range(20)]
    in_standby = [(time + 0.04, STATE, bytes([0x15, 0, 0, 0, 0, 0, 0, 0x32])) for time, _, _ in charging]
    assert contradictions(charging + in_standby) > 10


def test_a_node_that_goes_through_its_states_quickly_is_one() -> None:
    """Out of ERROR, into it again, and on to a charge: each state for 30 ms."""
    states = [10, 4, 5, 4, 10, 4, 5, 6, 7, 9]
    assert (
        contradictions([(n * 0.03, STATE, bytes([state, 0, 0, 0, 0, 0, 0, 0])) for n, state in enumerate(states)]) == 0
    )


# --- as the driver tells it -------------------------------------------------------------------------------------------


def counted(bms: FoxBms) -> float:
    return dict(zip([channel.name for channel in bms.channels], bms.collect(), strict=True))["contradictions"]


def play(node: Node, clock: FakeTime, frames: list[Frame]) -> None:
    began = clock.now
    for time, identifier, data in sorted(frames):
        clock.now = began + time
        send(node, identifier, data.hex())


def test_the_driver_counts_a_second_node_and_says_what_it_is(node: Node, bms: FoxBms, clock: FakeTime) -> None:
    play(node, clock, healthy(5))
    assert counted(bms) == 0
    play(node, clock, healthy(5) + healthy(5, 0.037, source=1))
    assert counted(bms) > 10
    assert isinstance(bms, DoubtsItsNode)
    assert "a second node sends 0x23" in bms.contradiction()


@pytest.mark.parametrize(
    ("identifier", "data", "what"),
    [
        (0x231, "00 00 00 00 0C 80 0E 42", "lowest cell voltage, 3.65, is above its highest, 3.2"),
        (0x230, "00 00 00 00 19 F6 00 00", "lowest cell temperature, 25, is above its highest, -10"),
        (0x235, "4B 92 A0 00 00 C7 00 00", "lowest state of charge"),
    ],
)
def test_a_minimum_above_its_maximum_is_counted_for_each_scan_that_reads_one(
    node: Node, bms: FoxBms, clock: FakeTime, identifier: int, data: str, what: str
) -> None:
    send_all(node)
    assert counted(bms) == 0
    assert bms.contradiction() == ""
    for scan in (1, 2, 3):
        send(node, identifier, data)
        clock.now += 1.0
        assert counted(bms) == scan
    assert what in bms.contradiction()
    assert counted(bms) == 3  # nothing new came


@pytest.mark.parametrize("scan", [0.05, 1.0, 1.7, 10.0])
def test_it_does_not_matter_when_the_driver_reads(node: Node, bms: FoxBms, clock: FakeTime, scan: float) -> None:
    frames, began = healthy(30), clock.now
    for number in range(round(30 / scan)):
        for time, identifier, data in frames:
            if number * scan <= time < (number + 1) * scan:
                clock.now = began + time
                send(node, identifier, data.hex())
        clock.now = began + (number + 1) * scan
        assert counted(bms) == 0
