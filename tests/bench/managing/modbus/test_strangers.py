"""Whoever speaks to the served box as nobody should: it lives, answers as Modbus says, and nothing changes."""

import socket
import struct
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.managing.modbus import server
from bench.managing.modbus.link import ModbusLink
from tests.bench.managing.clients import line, read, seen, served, write

ORDER = (write(81, 1), write(83, 1), write(257, 1), write(260, 3000))
WORDS = st.integers(0, 0xFFFF)
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def box() -> Iterator[ModbusLink]:
    """One that has been asked for 3000 W."""
    with served() as link, line(link) as ask:
        for each in ORDER:
            ask(each)
        yield link


def unchanged(box: ModbusLink) -> bool:
    """Whether it goes on as it was asked, and answers whoever asks properly."""
    with line(box) as ask:
        return box.follow(seen()).power == 3000 and ask(read(260)) == struct.pack(">BBh", 3, 2, 3000)


def connected(box: ModbusLink) -> socket.socket:
    host, _, port = box.address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=10.0)


def said(connection: socket.socket) -> bytes:
    """All that it says until it hangs up."""
    found = b""
    try:
        while came := connection.recv(1 << 16):
            found += came
    except ConnectionResetError:
        pass
    return found


@FUZZ
@given(st.binary(max_size=600))
def test_bytes_that_are_none_of_modbus_change_nothing(box: ModbusLink, sent: bytes) -> None:
    """Longer than any frame or shorter: what writes a register by chance must be a whole frame that says so."""
    frame = len(sent) >= 12 and sent[2:4] == b"\0\0"
    with connected(box) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        said(connection)
    assert frame or unchanged(box)


@FUZZ
@given(function=st.integers(0, 255).filter(lambda each: each not in {3, 4, 6, 16}), data=st.binary(max_size=250))
def test_a_function_that_it_has_not_is_refused_as_one(box: ModbusLink, function: int, data: bytes) -> None:
    with line(box) as ask:
        assert ask(bytes((function,)) + data) == bytes((function | 0x80, 1))
    assert unchanged(box)


@FUZZ
@given(function=st.sampled_from((3, 4)), address=WORDS, count=WORDS)
def test_what_is_read_is_what_was_asked_for_or_nothing(
    box: ModbusLink, function: int, address: int, count: int
) -> None:
    with line(box) as ask:
        answer = ask(struct.pack(">BHH", function, address, count))
    if answer[0] == function:
        assert answer[1] == len(answer) - 2 == 2 * count
    else:
        assert answer == bytes((function | 0x80, 3 if not 1 <= count <= 125 else 2))
    assert unchanged(box)


@FUZZ
@given(data=st.binary(max_size=6).filter(lambda each: len(each) != 4), function=st.sampled_from((3, 4, 6)))
def test_a_message_of_another_length_is_no_value(box: ModbusLink, data: bytes, function: int) -> None:
    with line(box) as ask:
        assert ask(bytes((function,)) + data) == bytes((function | 0x80, 3))
    assert unchanged(box)


@FUZZ
@given(address=WORDS.filter(lambda each: not 80 < each < 300), words=st.lists(WORDS, min_size=1, max_size=20))
def test_what_is_written_elsewhere_is_done_whole_or_not_at_all(box: ModbusLink, address: int, words: list[int]) -> None:
    with line(box) as ask:
        before = ask(read(40000, 100))
        answer = ask(write(address, *words))
        if answer[0] == 0x90:
            assert answer[1] in {2, 3}
            assert ask(read(40000, 100)) == before
            assert box.follow(seen()).power == 3000
        else:
            assert answer == struct.pack(">BHH", 16, address, len(words))
    for each in ORDER:
        with line(box) as ask:
            ask(each)


@pytest.mark.parametrize(
    "header",
    [struct.pack(">HHHB", 1, 1, 6, 1), struct.pack(">HHHB", 1, 0, 1, 1), struct.pack(">HHHB", 1, 0, 255, 1)],
    ids=["another protocol", "too short", "too long"],
)
def test_a_header_of_no_modbus_ends_its_connection_and_no_other(box: ModbusLink, header: bytes) -> None:
    with connected(box) as connection, line(box) as ask:
        connection.sendall(header + b"\3\0\0\0\1")
        assert said(connection) == b""
        assert ask(read(81)) == b"\x03\x02\x00\x01"


def test_another_unit_is_somebody_else(box: ModbusLink) -> None:
    with connected(box) as connection:
        connection.sendall(struct.pack(">HHHB", 1, 0, 6, 9) + write(260, 0)[:5])
        connection.sendall(struct.pack(">HHHB", 2, 0, 6, 255) + read(260))
        assert connection.recv(100)[:2] == b"\0\2"
    assert unchanged(box)


def test_a_flood_is_answered_as_by_one_that_is_busy_and_changes_nothing(
    box: ModbusLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "RATE", 0.0)
    monkeypatch.setattr(server, "BURST", 10.0)
    with connected(box) as connection:
        for power in range(400):
            connection.sendall(struct.pack(">HHHB", 1, 0, 9, 1) + write(260, power))
        answers = [_answer(connection) for _ in range(400)]
    assert answers == [struct.pack(">BHH", 16, 260, 1)] * 10 + [b"\x90\x06"] * 390
    monkeypatch.undo()
    assert box.follow(seen()).power == 9


def test_a_stranger_s_flood_makes_nobody_else_s_box_a_busy_one(
    box: ModbusLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "RATE", 0.0)
    monkeypatch.setattr(server, "BURST", 10.0)
    with connected(box) as stranger, connected(box) as mine:
        for _ in range(400):
            stranger.sendall(struct.pack(">HHHB", 1, 0, 6, 1) + read(260))
        told = [_answer(stranger) for _ in range(400)]
        mine.sendall(struct.pack(">HHHB", 1, 0, 9, 1) + write(260, 1500))
        assert _answer(mine) == struct.pack(">BHH", 16, 260, 1)
    assert told[-1] == b"\x83\x06"
    assert box.follow(seen()).power == 1500


def _answer(connection: socket.socket) -> bytes:
    header = connection.recv(7, socket.MSG_WAITALL)
    return connection.recv(header[5] - 1, socket.MSG_WAITALL)


def test_one_that_does_not_read_is_hung_up_on(box: ModbusLink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "RATE", 1e9)
    frame = struct.pack(">HHHB", 1, 0, 6, 1) + read(40000, 120)
    with connected(box) as connection, pytest.raises((BrokenPipeError, ConnectionResetError)):
        _send_for_ever(connection, 100 * frame)
    assert unchanged(box)


def _send_for_ever(connection: socket.socket, data: bytes) -> None:
    while True:
        connection.sendall(data)


def test_there_are_no_more_clients_than_it_can_have(box: ModbusLink) -> None:
    lines = [connected(box) for _ in range(server.MOST_CLIENTS - 1)]
    with connected(box) as connection:
        assert said(connection) == b""
    for each in lines:
        each.close()
    assert box.follow(seen()).power == 3000


def test_half_a_frame_keeps_nobody_from_anything(box: ModbusLink) -> None:
    with connected(box) as connection:
        connection.sendall(struct.pack(">HHHB", 1, 0, 6, 1) + b"\3\0")
        assert unchanged(box)
        connection.sendall(struct.pack(">BH", 81, 1))
        assert connection.recv(100) == struct.pack(">HHHB", 1, 0, 5, 1) + b"\x03\x02\x00\x01"
