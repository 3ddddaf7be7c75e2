"""Fresh means received: how old a frame is does not depend on when, or behind how many others, it is read."""

import can
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.drivers.foxbms import FoxBms
from instruments.roles import BmsState
from instruments.wires import can as wire
from instruments.wires.reception import DRIFT, Reception
from tests.instruments.drivers.foxbms_node import FRAMES, Node, interface_of, send, send_all
from tests.instruments.scripted import FakeTime

ERROR = "1A 04 00 00 00 00 00 00"
FOREIGN = "00 00 00 00 00 00 00 00"


def sample(bms: FoxBms) -> dict[str, float]:
    bms.request()
    return dict(zip([channel.name for channel in bms.channels], bms.collect(), strict=True))


@pytest.mark.parametrize("payload", ["", "00", "00 00 00 00 00 00 00"])
def test_a_frame_of_another_length_is_none_of_the_node_and_makes_nothing_fresh(
    node: Node, bms: FoxBms, clock: FakeTime, payload: str
) -> None:
    """Whether it is the first with its identifier or comes behind a good one."""
    send(node, 0x220, payload)
    clock.now += 5.0
    assert bms.state_age() == pytest.approx(5.0, rel=2 * DRIFT)
    send_all(node)
    bms.state()
    clock.now += 5.0
    send(node, 0x220, payload)
    assert bms.state_age() == pytest.approx(5.0, rel=2 * DRIFT)


# --- a backlog --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backlog", [8_000, 30_000])
def test_an_error_behind_a_backlog_is_seen_within_one_scan(
    node: Node, bms: FoxBms, clock: FakeTime, backlog: int
) -> None:
    send_all(node)
    assert sample(bms)["state"] == BmsState.CHARGE
    for _ in range(backlog):
        clock.now += 125e-6  # a full bus at 1 Mbit/s
        send(node, 0x7A0, FOREIGN)
    send(node, 0x220, ERROR)
    assert sample(bms)["state"] == BmsState.ERROR


def test_values_behind_a_backlog_are_as_old_as_they_are(node: Node, bms: FoxBms, clock: FakeTime) -> None:
    """22 to 112 s was the age of an ERROR whose age read 0.02 s."""
    for _ in range(100):
        send_all(node)
        clock.now += 0.1
    send(node, 0x7A0, FOREIGN)
    assert sample(bms)["age"] == pytest.approx(0.1)
    send_all(node)
    clock.now += 22
    assert sample(bms)["age"] == pytest.approx(22, rel=2 * DRIFT)
    assert bms.state_age() == pytest.approx(22, rel=2 * DRIFT)


def test_what_cannot_be_read_in_time_is_told_and_the_rest_is_as_old_as_it_is(
    node: Node, bms: FoxBms, clock: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bus that brings more than this computer can take: each look at the time finds it a second later."""
    monkeypatch.setattr(wire, "LEAST_TAKEN", 1000)
    monkeypatch.setattr(wire, "LOOK_AT_THE_CLOCK", 100)
    send_all(node)
    sample(bms)
    for _ in range(3000):
        send(node, 0x234, FRAMES[0x234])
        clock.now += 1e-3
    send(node, 0x220, ERROR)
    receive = interface_of(bms).recv

    def slowly(timeout: float | None = None) -> can.Message | None:
        clock.now += 1e-3
        return receive(timeout)

    monkeypatch.setattr(interface_of(bms), "recv", slowly)
    values = sample(bms)
    assert values["state"] == BmsState.CHARGE
    assert values["age"] > 3.0
    assert values["dropped"] == pytest.approx(3000, rel=0.3)
    assert sample(bms)["dropped"] == pytest.approx(3000, rel=0.3)  # what is left once more is not told twice
    monkeypatch.setattr(interface_of(bms), "recv", receive)
    values = sample(bms)
    assert values["state"] == BmsState.ERROR
    assert values["dropped"] == pytest.approx(3000, rel=0.3)


def test_frames_that_the_controller_lost_are_counted(node: Node, bms: FoxBms) -> None:
    send_all(node)
    for _ in range(3):
        node.send(can.Message(is_error_frame=True, arbitration_id=0x004, data=bytes(8), is_extended_id=False))
    assert sample(bms)["dropped"] == 3


# --- two clocks -------------------------------------------------------------------------------------------------------


class TwoClocks:
    """The bench's clock and that of an interface, which begins anywhere and runs `rate` times as fast."""

    def __init__(self, begin: float, rate: float = 1.0) -> None:
        self.now, self.begin, self.rate = 0.0, begin, rate
        self.reception = Reception()

    def stamp(self) -> float:
        return self.begin + self.now * self.rate

    def age(self, received: float) -> float:
        return self.reception.age(received, self.now)

    def hear(self, waited: float = 0.0) -> float:
        """A frame that is read `waited` s after it was received."""
        stamp = self.stamp()
        self.now += waited
        return self.reception.of(stamp, self.now)


@settings(deadline=None)
@given(
    begin=st.floats(1.0, 2e9),
    rate=st.floats(1 - 1e-4, 1 + 1e-4),
    waits=st.lists(st.floats(0.0, 0.05), min_size=1, max_size=20),
    late=st.floats(0.0, 100.0),
)
def test_age_is_the_time_since_reception_on_any_pair_of_clocks(
    begin: float, rate: float, waits: list[float], late: float
) -> None:
    """Whatever the interface counts from, and as fast as crystals may differ, once a frame was read at once."""
    clocks = TwoClocks(begin, rate)
    for waited in waits:
        clocks.hear(waited)
        clocks.now += 10.0
    clocks.hear()
    received = clocks.hear(late)
    assert clocks.age(received) == pytest.approx(late, abs=late * 1e-3 + 0.051)


def test_a_day_of_drift_ages_nothing() -> None:
    clocks = TwoClocks(1e9, rate=1 - 1e-4)
    for _ in range(8640):
        clocks.now += 10.0
        received = clocks.hear()
    assert clocks.age(received) < 0.01


def test_an_interface_that_is_set_back_goes_on() -> None:
    """A civil time that is stepped by an hour is no hour of silence, in neither direction."""
    clocks = TwoClocks(1e9)
    clocks.hear()
    clocks.begin -= 3600
    clocks.now += 1.0
    received = clocks.hear()
    assert clocks.age(received) < 1.01
    clocks.begin += 3600
    clocks.now += 1.0
    assert clocks.age(clocks.hear()) == 0.0


@pytest.mark.parametrize("forward", [120.0, 3600.0, 1.7e9])
def test_an_interface_that_is_set_forward_makes_no_frame_before_it_old(forward: float) -> None:
    """A gateway that finds its time server after the bench was opened: what comes once a second was an hour old."""
    clocks = TwoClocks(10.0)
    clocks.hear()
    clocks.now += 1.0
    slow = clocks.hear()
    clocks.begin += forward
    clocks.now += 0.1
    received = clocks.hear()
    assert clocks.age(slow) == pytest.approx(0.1, abs=0.01)
    assert clocks.age(received) == pytest.approx(0.0, abs=0.01)
    clocks.now += 2.0
    assert clocks.age(received) == pytest.approx(2.0, abs=0.01)
    assert clocks.age(clocks.hear()) == pytest.approx(0.0, abs=0.01)


def test_frames_without_a_stamp_are_as_old_as_their_reading() -> None:
    clocks = TwoClocks(0.0)
    clocks.now = 50.0
    received = clocks.reception.of(0.0, clocks.now)
    assert clocks.age(received) == 0.0
    clocks.now = 53.0
    assert clocks.age(received) == 3.0
