"""An instrument that loses the first message of a connection is asked once more who it is, and only that."""

import socket
from collections.abc import Callable
from itertools import chain
from typing import BinaryIO

import pytest

from instruments.roles import InstrumentFault
from tests.instruments.scripted import OpenSession, Serve

PATIENCE = 0.3
"""s"""


def lines(connection: socket.socket) -> BinaryIO:
    return connection.makefile("rb")


def asleep(heard: list[bytes], lost: tuple[int, ...] = (0,)) -> Callable[[socket.socket], None]:
    """Loses these messages of each connection, counted from 0."""

    def serve(connection: socket.socket) -> None:
        for number, line in enumerate(lines(connection)):
            heard.append(line.strip())
            if number not in lost:
                connection.sendall(b"got " + line)

    return serve


def test_a_first_query_that_was_lost_is_sent_once_more_over_the_same_connection(
    serve: Serve, connect: OpenSession
) -> None:
    heard: list[bytes] = []
    session = connect(serve(asleep(heard)), timeout=PATIENCE)
    with session.awaking():
        assert session.query("*IDN?") == "got *IDN?"
    assert session.query("VOLT?") == "got VOLT?"
    assert heard == [b"*IDN?", b"*IDN?", b"VOLT?"]
    assert session.reconnections == 0


def test_anything_else_is_never_sent_twice(serve: Serve, connect: OpenSession) -> None:
    """What is lost later, or outside an identification, is a fault; a write may switch something."""
    heard: list[bytes] = []
    session = connect(serve(asleep(heard, (0, 2))), timeout=PATIENCE)
    with session.awaking():
        session.write("SYST:LOCK 1")
        session.query("*IDN?")
        with pytest.raises(InstrumentFault, match=r"did not answer '\*OPT\?'"):
            session.query("*OPT?")
    with pytest.raises(InstrumentFault, match=r"did not answer 'OUTP\?'"):
        session.query("OUTP?")
    assert heard == [b"SYST:LOCK 1", b"*IDN?", b"*OPT?", b"OUTP?"]


def test_who_answers_nothing_at_all_is_silent_after_two(serve: Serve, connect: OpenSession) -> None:
    heard: list[bytes] = []
    session = connect(serve(asleep(heard, (0, 1, 2))), timeout=PATIENCE)
    with session.awaking(), pytest.raises(InstrumentFault, match="did not answer"):
        session.query("*IDN?")
    assert heard == [b"*IDN?", b"*IDN?"]


def test_an_answer_that_was_late_and_not_lost_is_none_to_the_next_question(serve: Serve, connect: OpenSession) -> None:
    def late(connection: socket.socket) -> None:
        come = lines(connection)
        first, second = come.readline(), come.readline()
        for line in chain((first, second), come):
            connection.sendall(b"got " + line)

    session = connect(serve(late), timeout=PATIENCE)
    with session.awaking():
        assert session.query("*IDN?") == "got *IDN?"
    assert session.query("VOLT?") == "got VOLT?"
    assert session.troubles.strays == 1
