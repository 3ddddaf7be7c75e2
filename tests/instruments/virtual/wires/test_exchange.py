"""Addresses, lines and buses of the worlds of this process, and frames that a bus repeats."""

from collections.abc import Iterator
from math import inf

import can
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments.virtual.failing import SimulatorFailed
from instruments.virtual.wires.exchange import (
    Ambiguous,
    CanChannel,
    Exchange,
    Line,
    LineDead,
    Repeated,
    addresses,
    canonical,
    channel_of,
    connect,
    exchanges,
    open_exchange,
)

ADDRESS = "TCPIP::supply.test::5025::SOCKET"


class Echo:
    """Says what it hears, in capitals."""

    ends_with = b"\n"
    hangs_up_after: float | None = None

    def frames(self, data: bytes) -> tuple[list[bytes], bytes]:
        *messages, rest = data.split(b"\n")
        return messages, rest

    def handle(self, message: str) -> str | None:
        if message == "fall over":
            raise ZeroDivisionError("it fell over")
        return message.upper() if message else None

    def status_byte(self) -> int:
        return 0


def wait(_seconds: float) -> None:
    """Nothing passes."""


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    opened = open_exchange()
    opened.plug(ADDRESS, Echo(), wait, "supply")
    yield opened
    opened.close()


def line_to(exchange: Exchange, address: str = ADDRESS) -> Line:
    line = exchange.connect(address)
    assert line is not None
    return line


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("TCPIP::supply::5025::SOCKET", "tcpip0::SUPPLY::5025::socket"),
        ("GPIB::9::INSTR", "GPIB0::9"),
        ("packbench://supply", "PACKBENCH://Supply/"),
        ("packbench://supply?world=3", "packbench://supply"),
    ],
)
def test_addresses_are_the_same_however_they_are_written(one: str, other: str) -> None:
    assert canonical(one) == canonical(other)
    assert canonical(canonical(one)) == canonical(one)


@pytest.mark.parametrize("address", ["supply", "", "5025", "TCPIP::supply::port::SOCKET::x"])
def test_what_is_no_address_is_told_with_one_that_is(exchange: Exchange, address: str) -> None:
    with pytest.raises(ValueError, match="is no VISA resource name and no URL: write one like 'TCPIP::supply::5025"):
        exchange.plug(address, Echo(), wait)
    assert exchange.connect(address) is None
    assert not exchange.has(address)


def test_an_address_is_taken_once(exchange: Exchange) -> None:
    with pytest.raises(ValueError, match="already leads to a virtual instrument of this world: use another"):
        exchange.plug(ADDRESS.lower(), Echo(), wait)
    assert exchange.addresses() == (ADDRESS,)


def test_unplugged_is_unplugged_as_often_as_it_is_said(exchange: Exchange) -> None:
    line = line_to(exchange)
    exchange.unplug([ADDRESS, ADDRESS, "TCPIP::nobody::1::SOCKET"])
    with pytest.raises(LineDead, match="was unplugged: open its world again"):
        line.write(b"hello\n")
    assert exchange.connect(ADDRESS) is None
    exchange.plug(ADDRESS, Echo(), wait)
    line_to(exchange).write(b"hello\n")


def test_of_two_worlds_with_one_address_somebody_has_to_say_which(exchange: Exchange) -> None:
    other = open_exchange()
    try:
        other.plug(ADDRESS, Echo(), wait)
        other.join_channel("can0", lambda: 0.0, wait)
        with pytest.raises(Ambiguous, match=f"{exchange.name}, {other.name} all have .*: say which one"):
            connect(ADDRESS)
        assert connect(ADDRESS, other.name) is not None
        assert channel_of("can0") is other.channel("can0")
        exchange.join_channel("can0", lambda: 0.0, wait)
        with pytest.raises(Ambiguous, match="all have 'can0'"):
            channel_of("can0")
        assert channel_of("can0", exchange.name) is exchange.channel("can0")
        assert channel_of("can1") is None
    finally:
        other.close()
        other.close()
    assert connect(ADDRESS) is not None
    assert other not in exchanges()
    assert addresses(other.name) == ()


def test_a_name_is_free_again_after_its_world_was_closed_and_to_close_that_once_more_closes_no_other() -> None:
    first = open_exchange()
    first.close()
    second = open_exchange()
    assert second.name == first.name
    first.close()
    assert exchanges(second.name) == (second,)
    second.close()


# --- lines ------------------------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from([b"ab\n", b"c", b"\n", b"d\ne", b""]), max_size=8))
def test_messages_are_answered_in_their_order_however_they_come(packets: list[bytes]) -> None:
    whole, piecewise = Line(Echo(), wait), Line(Echo(), wait)
    whole.write(b"".join(packets))
    for packet in packets:
        piecewise.write(packet)
    assert whole.replies == piecewise.replies
    assert whole.unfinished == piecewise.unfinished


def test_to_clear_a_line_forgets_both_ways_and_leaves_it_usable(exchange: Exchange) -> None:
    line = line_to(exchange)
    line.write(b"one\nunfini")
    line.clear()
    line.write(b"shed\n")
    assert list(line.replies) == [b"SHED\n"]


def test_a_simulator_that_falls_over_is_told_by_the_name_of_its_instrument(exchange: Exchange) -> None:
    line = line_to(exchange)
    told = "The simulator of supply failed by ZeroDivisionError: it fell over; mend its code"
    with pytest.raises(SimulatorFailed, match=told):
        line.write(b"fall over\n")
    with pytest.raises(SimulatorFailed, match=told):
        line.answer(b"fall over")


@pytest.mark.parametrize("for_good", [True, False])
def test_every_line_dies_and_where_it_is_not_for_good_a_new_one_works(exchange: Exchange, for_good: bool) -> None:
    lines = [line_to(exchange) for _ in range(2)]
    exchange.hang_up(ADDRESS, for_good=for_good)
    for line in lines:
        with pytest.raises(LineDead):
            line.write(b"hello\n")
    assert (exchange.connect(ADDRESS) is None) is for_good
    assert exchange.has(ADDRESS)
    exchange.restore(ADDRESS)
    line_to(exchange).write(b"hello\n")


def test_an_address_that_is_cut_off_for_good_stays_so_until_it_is_restored(exchange: Exchange) -> None:
    """Whatever else hangs up on it meanwhile, or is laid to it from outside."""
    exchange.hang_up(ADDRESS, for_good=True)
    exchange.hang_up(ADDRESS, for_good=False)
    assert exchange.connect(ADDRESS) is None
    device = Echo()
    other = "TCPIP::other::1::SOCKET"
    exchange.plug(other, device, wait, "other")
    exchange.hang_up(other, for_good=True)
    served = Line(device, wait)
    exchange.adopt(device, served)
    with pytest.raises(LineDead):
        served.write(b"hello\n")
    exchange.restore(ADDRESS)
    assert exchange.connect(ADDRESS) is not None
    exchange.restore("TCPIP::nobody::1::SOCKET")


def test_what_disturbs_an_address_is_laid_on_its_lines_of_now_and_those_to_come(exchange: Exchange) -> None:
    before, disturbed = line_to(exchange), list[Line]()
    exchange.disturb(ADDRESS, disturbed.append)
    after = line_to(exchange)
    assert disturbed == [before, after]
    assert after.name == "supply"


# --- buses ------------------------------------------------------------------------------------------------------------


def frame(identifier: int) -> can.Message:
    return can.Message(arbitration_id=identifier, is_extended_id=False)


@pytest.fixture
def channel() -> CanChannel:
    return CanChannel(lambda: 0.0, wait)


def test_a_frame_reaches_everybody_but_its_sender_in_order(channel: CanChannel) -> None:
    heard: dict[str, list[int]] = {"a": [], "b": [], "c": []}
    for name, into in heard.items():
        channel.members[name] = lambda message, into=into: into.append(message.arbitration_id)  # type: ignore[misc]
    channel.send("a", frame(1), frame(2))
    channel.send("b", frame(3))
    assert heard == {"a": [3], "b": [1, 2], "c": [1, 2, 3]}


def test_through_a_cut_bus_nothing_goes_also_to_who_joins_meanwhile(channel: CanChannel) -> None:
    heard: list[int] = []
    channel.members["a"] = lambda message: heard.append(message.arbitration_id)
    mend = channel.cut()
    channel.members["b"] = lambda message: heard.append(10 * message.arbitration_id)
    channel.send("x", frame(1))
    assert (heard, channel.is_cut, len(channel.members)) == ([], True, 2)
    mend()
    channel.send("x", frame(2))
    assert (heard, channel.is_cut) == ([2, 20], False)
    mend()
    channel.send("x", frame(3))
    assert heard == [2, 20, 3, 30]


@pytest.mark.parametrize("first", [0, 1])
def test_a_bus_that_was_cut_twice_takes_two_ends(channel: CanChannel, first: int) -> None:
    heard: list[int] = []
    channel.members["a"] = lambda message: heard.append(message.arbitration_id)
    ends = [channel.cut(), channel.cut()]
    for _ in range(2):
        ends[first]()
        channel.send("x", frame(1))
    assert (heard, channel.is_cut) == ([], True)
    ends[1 - first]()
    channel.send("x", frame(2))
    assert heard == [2]


def test_a_frame_that_nobody_but_its_sender_looks_at_need_not_be_made(channel: CanChannel) -> None:
    channel.members["a"] = channel.members["b"] = lambda _message: None
    assert channel.wants(0x100, "a")
    channel.wanted["b"] = frozenset({0x200})
    assert not channel.wants(0x100, "a")
    assert channel.wants(0x200, "a")
    assert channel.wants(0x100, "b")
    channel.wanted["b"] = frozenset()
    assert not channel.wants(0x200, "a")
    assert not CanChannel(lambda: 0.0, wait).wants(0x100, "a")


def test_a_member_that_falls_over_is_told_by_its_name(channel: CanChannel) -> None:
    def fall_over(_message: can.Message) -> None:
        raise KeyError("state")

    channel.members["node"] = fall_over
    with pytest.raises(SimulatorFailed, match=r"^A simulator failed by KeyError: 'state'; mend"):
        channel.send("x", frame(1))
    channel.owners["node"] = "bms"
    with pytest.raises(SimulatorFailed, match=r"^The simulator of bms failed by KeyError"):
        channel.send("x", frame(1))


@given(
    since=st.integers(0, 50), period=st.integers(1, 20), before=st.integers(0, 200), later=st.integers(0, 200),
    until=st.one_of(st.none(), st.integers(0, 300)),
)  # fmt: skip
def test_frames_that_a_bus_repeats_are_counted_as_if_each_had_been_sent(
    since: int, period: int, before: int, later: int, until: int | None
) -> None:
    """In tenths of a second, of which sums are not to the last bit; the referee counts in whole ones."""
    end = inf if until is None else until / 10
    repeated = Repeated(frame(1), period / 10, since / 10, end)
    sent = [time for time in range(since, 1000, period) if until is None or time <= until]
    now = before + later
    due = [time for time in sent if before < time <= now]
    first, count = repeated.between(before / 10, now / 10)
    assert count == len(due)
    if due:
        assert first == pytest.approx(due[0] / 10)
    if until is None:
        assert repeated.after(before / 10) == pytest.approx(min(time for time in sent if time > before) / 10)
