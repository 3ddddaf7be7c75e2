"""A session against real TCP and serial links, and against a scripted VISA library."""

import re
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from itertools import count as counting
from itertools import islice, repeat
from typing import Any, BinaryIO

import pytest

from instruments.roles import Identity, InstrumentFault
from instruments.wires.context import LinkContext
from instruments.wires.links import ErrorQueue, LinkProfile, adapted
from instruments.wires.session import Session
from tests.instruments.scripted import RESOURCE, FakeTime, OpenSession, Serve, Transcript, Wire


@pytest.fixture
def open_script(wire: Wire, context: LinkContext) -> OpenSession:
    def open_session(**profile: float | ErrorQueue) -> Session:
        return Session(RESOURCE, context, LinkProfile(**profile), name="supply")

    return open_session


def lines(connection: socket.socket) -> BinaryIO:
    return connection.makefile("rb")


# --- real TCP ------------------------------------------------------------------------------------------


def test_a_query_travels_over_a_real_socket(serve: Serve, connect: OpenSession) -> None:
    def echo(connection: socket.socket) -> None:
        for line in lines(connection):
            connection.sendall(b"got " + line)

    session = connect(serve(echo))
    assert session.query("MEAS:VOLT?") == "got MEAS:VOLT?"
    session.request("A?")
    assert session.collect() == "got A?"


def test_what_goes_wrong_on_a_link_is_counted_by_what_it_was(serve: Serve, connect: OpenSession) -> None:
    def moody(connection: socket.socket) -> None:
        for line in lines(connection):
            if line == b"NUMBER?\n":
                connection.sendall(b"no number\n")
            elif line != b"SILENT?\n":
                connection.sendall(b"1\n")

    session = connect(serve(moody), timeout=0.3)
    session.query("A?")
    assert asdict(session.troubles) == {"timeouts": 0, "losses": 0, "retries": 0, "strays": 0, "nonsense": 0}
    with pytest.raises(InstrumentFault):
        session.query("SILENT?")
    with pytest.raises(InstrumentFault):
        session.query_number("NUMBER?")
    session.query("A?")
    assert asdict(session.troubles) == {"timeouts": 1, "losses": 0, "retries": 0, "strays": 0, "nonsense": 1}
    assert session.reconnections == 2


def test_nagle_is_switched_off(serve: Serve, connect: OpenSession) -> None:
    session = connect(serve(lambda connection: connection.recv(1)))
    raw = session._link._stream._socket  # type: ignore[attr-defined]
    assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_late_reply_is_not_taken_for_the_next_one(serve: Serve, connect: OpenSession) -> None:
    asked_again = threading.Event()

    def slow_at_first(connection: socket.socket) -> None:
        for line in lines(connection):
            if line == b"SLOW?\n":
                asked_again.wait(5)
                try:
                    connection.sendall(b"late\n")
                except OSError:
                    return
            else:
                connection.sendall(b"fresh\n")

    session = connect(serve(slow_at_first), timeout=0.5)
    with pytest.raises(InstrumentFault, match=r"supply .* did not answer 'SLOW\?' within 0.5 s"):
        session.query("SLOW?")
    asked_again.set()
    assert session.query("NEXT?") == "fresh"


@pytest.mark.parametrize("in_one_packet", [True, False])
def test_an_answer_that_comes_twice_is_not_taken_for_the_next_one(
    serve: Serve, connect: OpenSession, heard: Transcript, in_one_packet: bool
) -> None:
    said_again = threading.Event()

    def stutter(connection: socket.socket) -> None:
        for line in lines(connection):
            if line == b"TWICE?\n":
                for piece in [b"one\none\n"] if in_one_packet else [b"one\n", b"one\n"]:
                    connection.sendall(piece)
                said_again.set()
            else:
                connection.sendall(b"fresh\n")

    session = connect(serve(stutter))
    assert session.query("TWICE?") == "one"
    assert said_again.wait(5)
    assert session.query("NEXT?") == "fresh"
    assert ("!", "supply said b'one\\n' unasked; it was dropped") in heard


def test_a_set_between_request_and_collect_keeps_the_answer(serve: Serve, connect: OpenSession) -> None:
    answered = threading.Event()

    def answer(connection: socket.socket) -> None:
        for line in lines(connection):
            if line == b"A?\n":
                connection.sendall(b"7\n")
                answered.set()

    session = connect(serve(answer))
    session.request("A?")
    assert answered.wait(5)
    session.write("SET 1")
    assert session.collect() == "7"


def test_half_a_line_is_a_missing_answer_and_its_rest_is_dropped(serve: Serve, connect: OpenSession) -> None:
    def stutter(connection: socket.socket) -> None:
        for line in lines(connection):
            connection.sendall(b"12." if line == b"HALF?\n" else b"34.5\n")

    session = connect(serve(stutter), timeout=0.5)
    with pytest.raises(InstrumentFault, match="did not answer"):
        session.query("HALF?")
    assert session.query_number("WHOLE?") == 34.5


def test_an_answer_in_pieces_is_one_answer(serve: Serve, connect: OpenSession) -> None:
    def in_pieces(connection: socket.socket) -> None:
        for _ in lines(connection):
            for piece in (b"12", b".5", b"V\n"):
                connection.sendall(piece)

    assert connect(serve(in_pieces)).query_number("VOLT?", "V") == 12.5


def test_a_peer_that_closes_is_found_out_at_once(serve: Serve, connect: OpenSession) -> None:
    def hang_up(connection: socket.socket) -> None:
        connection.recv(100)

    session = connect(serve(hang_up), timeout=30)
    with pytest.raises(InstrumentFault, match="the instrument closed the connection"):
        session.query("*IDN?")


def test_a_reset_connection_is_a_fault_in_words(serve: Serve, connect: OpenSession) -> None:
    def reset(connection: socket.socket) -> None:
        connection.recv(100)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    session = connect(serve(reset), timeout=30)
    with pytest.raises(InstrumentFault, match=r"supply \(TCPIP0::127.0.0.1::\d+::SOCKET\) was lost"):
        session.query("*IDN?")


def test_a_session_survives_a_peer_that_restarted(serve: Serve, connect: OpenSession) -> None:
    connections: list[int] = []

    def drop_the_first(connection: socket.socket) -> None:
        connections.append(1)
        if len(connections) == 1:
            connection.recv(100)
            return
        for _ in lines(connection):
            connection.sendall(b"back\n")

    session = connect(serve(drop_the_first))
    with pytest.raises(InstrumentFault):
        session.query("A?")
    assert session.query("B?") == "back"


# --- a peer that hangs up while nothing is outstanding ---------------------------------------------------


class HangsUp:
    """An instrument that answers `per_connection` messages with their number and then closes the connection."""

    def __init__(self, per_connection: int) -> None:
        self.heard: list[str] = []
        self.closed = threading.Semaphore(0)
        self._per_connection = per_connection

    def __call__(self, connection: socket.socket) -> None:
        for line in islice(lines(connection), self._per_connection):
            self.heard.append(line.decode().strip())
            connection.sendall(b"ok\n")
        connection.shutdown(socket.SHUT_RDWR)
        self.closed.release()


def test_a_connection_that_was_closed_while_idle_is_made_anew_as_a_matter_of_course(
    serve: Serve, connect: OpenSession, heard: Transcript
) -> None:
    instrument, forgotten = HangsUp(1), []
    session = connect(serve(instrument))
    session.on_reconnect = lambda: forgotten.append(1)
    for message in ("A?", "B?", "C?"):
        assert session.query(message) == "ok"
        assert instrument.closed.acquire(timeout=5)
    assert instrument.heard == ["A?", "B?", "C?"]
    assert session.reconnections == len(forgotten) == 2
    assert [text for way, text in heard if way == "!"] == [
        "supply was lost while nothing was asked of it (the instrument closed the connection); it is connected anew"
    ] * 2


def test_a_set_to_a_connection_that_was_closed_while_idle_arrives(serve: Serve, connect: OpenSession) -> None:
    instrument = HangsUp(1)
    session = connect(serve(instrument))
    session.query("A?")
    assert instrument.closed.acquire(timeout=5)
    session.write("SET 1")
    assert instrument.closed.acquire(timeout=5)
    assert instrument.heard == ["A?", "SET 1"]


def test_a_loss_with_a_query_outstanding_stays_a_fault(serve: Serve, connect: OpenSession) -> None:
    def hang_up_on(connection: socket.socket) -> None:
        assert next(lines(connection)) == b"SCAN?\n"

    session = connect(serve(hang_up_on))
    session.request("SCAN?")
    with pytest.raises(InstrumentFault, match="was lost while 'SCAN"):
        session.collect()
    assert session.reconnections == 0


def test_a_set_between_request_and_collect_is_not_sent_to_a_new_connection(
    wire: Wire, open_script: OpenSession
) -> None:
    wire.expect(("SCAN?", "1"))
    session = open_script()
    session.request("SCAN?")
    wire.lost = 1
    with pytest.raises(InstrumentFault, match="did not take 'SET 1'"):
        session.write("SET 1")
    assert wire.opened == 1


def test_off_goes_out_over_a_new_connection_even_with_a_query_outstanding(wire: Wire, open_script: OpenSession) -> None:
    wire.expect(("SCAN?", "1"), ("OUTP OFF", None))
    session = open_script()
    session.request("SCAN?")
    wire.lost = 1
    with session.switching_off():
        session.write("OUTP OFF")
    with pytest.raises(InstrumentFault, match=r"lost the answer to 'SCAN\?' with the old connection"):
        session.collect()


def test_a_message_is_offered_to_one_new_connection_and_no_more(wire: Wire, open_script: OpenSession) -> None:
    session = open_script()
    wire.lost = 2
    with pytest.raises(InstrumentFault, match="did not take 'SET 1'"):
        session.write("SET 1")
    assert (wire.opened, session.reconnections) == (2, 1)
    wire.expect(("SET 2", None))
    session.write("SET 2")
    assert wire.opened == 3


def test_an_instrument_that_is_gone_is_a_fault_also_after_an_idle_loss(context: LinkContext) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        resource = f"TCPIP0::127.0.0.1::{listener.getsockname()[1]}::SOCKET"
        session = Session(resource, replace(context, visa_library="@py"), LinkProfile(), name="supply")
        listener.accept()[0].close()
    for _ in range(2):
        with pytest.raises(InstrumentFault, match=r"supply .* was lost .* cannot be reached again: .*refused"):
            session.query("A?")
    session.close()


def test_a_wire_is_no_connection_that_could_be_made_anew(context: LinkContext) -> None:
    session = Session("loop://", context, LinkProfile(timeout=0.02), name="chamber")
    session._link._stream._port.close()  # type: ignore[attr-defined]
    with pytest.raises(InstrumentFault, match="did not take"):
        session.write("A")
    assert session.reconnections == 0


def test_a_connection_is_made_anew_before_the_instrument_would_close_it(
    serve: Serve, connect: OpenSession, clock: FakeTime
) -> None:
    """A message that crosses the closing would be lost: so nothing is sent over a connection that is about to go."""
    connections: list[int] = []

    def echo(connection: socket.socket) -> None:
        connections.append(1)
        for line in lines(connection):
            connection.sendall(line)

    session = connect(serve(echo), hangs_up_after=5.0)
    for idle, count in ((3.9, 1), (4.0, 2), (3.9, 2), (60.0, 3)):
        clock.now += idle
        assert session.query("A?") == "A?"
        assert len(connections) == count
    session.request("B?")
    clock.now += 60.0
    assert session.collect() == "B?"
    session.query("C?")
    assert len(connections) == 3
    assert session.reconnections == 0, "nothing was lost"


def test_the_simulators_of_this_process_never_grow_old(wire: Wire, open_script: OpenSession, clock: FakeTime) -> None:
    wire.expect(("A", None), ("B", None))
    session = open_script(hangs_up_after=5.0)
    session.write("A")
    clock.now += 60.0
    session.write("B")
    assert wire.opened == 1


# --- who is there ----------------------------------------------------------------------------------------

IDN = "EA,PSB 10200-420,4711,1.0"
OTHER = "EA,PSB 10200-420,0815,1.0"
EXPECTED = Identity("EA", "PSB 10200-420", "4711", "1.0")


@pytest.fixture
def expecting(wire: Wire, open_script: OpenSession) -> Session:
    session = open_script()
    session.expect(EXPECTED)
    return session


def lose(wire: Wire) -> None:
    """Let the next message find the connection closed."""
    wire.lost = 1


def test_behind_a_new_connection_the_identity_is_asked_once_and_before_anything_is_set(
    wire: Wire, expecting: Session
) -> None:
    wire.expect(("A", None), ("*IDN?", IDN), ("B", None), ("C", None))
    expecting.write("A")
    lose(wire)
    expecting.write("B")
    expecting.write("C")


def test_another_firmware_is_the_same_instrument(wire: Wire, expecting: Session) -> None:
    wire.expect(("*IDN?", IDN.replace("1.0", "1.1")), ("B", None))
    lose(wire)
    expecting.write("B")


@pytest.mark.parametrize("found", [OTHER, IDN.replace("420", "210")])
def test_another_instrument_at_the_address_is_told_nothing(wire: Wire, expecting: Session, found: str) -> None:
    said = str(Identity(*found.split(",")))
    lose(wire)
    for verb in (lambda: expecting.write("B"), lambda: expecting.query("OUTP?"), lambda: expecting.request("SCAN?")):
        wire.expect(("*IDN?", found))
        with pytest.raises(
            InstrumentFault, match=f"supply .* is {said} since .*, and was EA PSB 10200-420 4711 before"
        ):
            verb()


def test_an_instrument_that_does_not_say_who_it_is_is_told_nothing(wire: Wire, expecting: Session) -> None:
    wire.expect(("*IDN?", None), ("*IDN?", IDN), ("B", None))
    lose(wire)
    with pytest.raises(InstrumentFault, match=r"did not answer '\*IDN\?'"):
        expecting.write("B")
    expecting.write("B")


def test_after_a_missed_answer_the_identity_is_asked_as_well(wire: Wire, expecting: Session) -> None:
    wire.expect(("A?", None), ("*IDN?", IDN), ("B?", "b"))
    with pytest.raises(InstrumentFault):
        expecting.query("A?")
    assert expecting.query("B?") == "b"


def test_off_needs_no_identity_and_its_confirmation_does(wire: Wire, expecting: Session) -> None:
    wire.expect(("OUTP OFF", None), ("*IDN?", OTHER))
    lose(wire)
    with expecting.switching_off():
        expecting.write("OUTP OFF")
    with pytest.raises(InstrumentFault, match="is EA PSB 10200-420 0815 since"):
        expecting.query("OUTP?")


def test_where_nobody_was_expected_nobody_is_asked(wire: Wire, open_script: OpenSession) -> None:
    wire.expect(("B", None))
    session = open_script()
    lose(wire)
    session.write("B")


def test_a_refused_connection_names_the_resource(context: LinkContext) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    resource = f"TCPIP0::127.0.0.1::{port}::SOCKET"
    refused = LinkContext("@py", context.now, context.sleep)
    with pytest.raises(InstrumentFault, match=f"supply \\({re.escape(resource)}\\) cannot be opened: .*refused"):
        Session(resource, refused, LinkProfile(), name="supply")


# --- order, pace, transcript ---------------------------------------------------------------------------


def test_a_query_between_request_and_collect_disturbs_neither(wire: Wire, open_script: OpenSession) -> None:
    wire.expect(("SCAN?", "1,2"), ("OUTP OFF", None), ("OUTP?", "OFF"))
    session = open_script()
    session.request("SCAN?")
    session.write("OUTP OFF")
    assert session.query("OUTP?") == "OFF"
    assert session.collect() == "1,2"


def test_a_silent_scan_does_not_keep_the_output_on(wire: Wire, open_script: OpenSession) -> None:
    wire.expect(("SCAN?", None), ("OUTP OFF", None), ("OUTP?", "OFF"))
    session = open_script()
    session.request("SCAN?")
    session.write("OUTP OFF")
    assert session.query("OUTP?") == "OFF"
    with pytest.raises(InstrumentFault, match=r"did not answer 'SCAN\?'"):
        session.collect()


def test_an_answer_that_nobody_collected_is_dropped(wire: Wire, open_script: OpenSession) -> None:
    wire.expect(("SCAN?", "old"), ("SCAN?", "new"), ("X?", "x"), ("SCAN?", "newest"))
    session = open_script()
    session.request("SCAN?")
    session.request("SCAN?")
    assert session.query("X?") == "x"
    session.request("SCAN?")
    assert session.collect() == "newest"


class Impatient:
    """A link whose reading is interrupted once, as Ctrl-C does."""

    def __init__(self, link: Any) -> None:
        self._link, self.interrupted = link, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._link, name)

    def read_line(self) -> bytes:
        if not self.interrupted:
            self.interrupted = True
            raise KeyboardInterrupt
        return bytes(self._link.read_line())


@pytest.mark.parametrize("ask", ["query", "request"])
def test_an_answer_whose_waiting_was_interrupted_is_not_taken_for_the_next_one(
    wire: Wire, open_script: OpenSession, ask: str
) -> None:
    wire.expect(("MEAS?", "13.0"), ("OUTP OFF", None), ("OUTP?", "OFF"))
    session = open_script()
    session._link = Impatient(session._link)
    with pytest.raises(KeyboardInterrupt):
        session.query("MEAS?") if ask == "query" else (session.request("MEAS?"), session.collect())
    session.write("OUTP OFF")
    assert session.query("OUTP?") == "OFF"
    wire.finished()


def test_collecting_without_a_request_is_a_fault(open_script: OpenSession) -> None:
    with pytest.raises(InstrumentFault, match="before anything was requested"):
        open_script().collect()


def test_messages_keep_their_distance_on_the_bench_clock(wire: Wire, open_script: OpenSession, clock: FakeTime) -> None:
    wire.expect(("A", None), ("B", None), ("C", None))
    session = open_script(gap=0.3)
    session.write("A")
    clock.now += 0.1
    session.write("B")
    clock.now += 5
    session.write("C")
    assert clock.slept == [pytest.approx(0.2)]


def test_a_virtual_station_takes_the_pace_away() -> None:
    assert adapted(LinkProfile(gap=0.3), 0.0, None) == LinkProfile(gap=0.0)
    assert adapted(LinkProfile(gap=0.3), None, 9.0) == LinkProfile(gap=0.3, timeout=9.0)


def test_the_transcript_has_both_directions_and_the_faults(
    wire: Wire, open_script: OpenSession, heard: Transcript
) -> None:
    wire.expect(("A?", "1"), ("B?", None))
    session = open_script()
    session.query("A?")
    with pytest.raises(InstrumentFault):
        session.query("B?")
    assert heard[:3] == [(">", "A?"), ("<", "1"), (">", "B?")]
    assert heard[3][0] == "!"


def test_a_visa_timeout_opens_the_resource_anew(wire: Wire, open_script: OpenSession) -> None:
    wire.expect(("A?", None), ("B?", "b"))
    session = open_script()
    with pytest.raises(InstrumentFault):
        session.query("A?")
    assert wire.opened == 1
    assert session.query("B?") == "b"
    assert wire.opened == 2


def test_an_unknown_resource_is_a_fault_in_words(wire: Wire, context: LinkContext) -> None:
    with pytest.raises(InstrumentFault, match=r"load \(TCPIP0::nowhere::1::SOCKET\) cannot be opened"):
        Session("TCPIP0::nowhere::1::SOCKET", context, LinkProfile(), name="load")


def test_closing_twice_is_harmless(open_script: OpenSession, wire: Wire) -> None:
    session = open_script()
    session.close()
    session.close()
    assert wire.closed == 1


# --- error queue ---------------------------------------------------------------------------------------


def test_the_error_queue_is_emptied_after_what_it_would_destroy(wire: Wire, open_script: OpenSession) -> None:
    wire.expect(
        ("STAT:QUES?", "3073"),
        ("SYST:ERR?", '-222,"Data out of range"'),
        ("SYST:ERR?", '0,"No error"'),
    )
    session = open_script(error_queue=ErrorQueue(depth=5, before="STAT:QUES?"))
    assert session.errors() == ("STAT:QUES? 3073", '-222,"Data out of range"')


def test_an_error_queue_that_never_empties_is_read_to_its_depth(wire: Wire, open_script: OpenSession) -> None:
    wire.expect(*[("SYST:ERR?", '-999,"Safety OVP"')] * 5)
    assert len(open_script(error_queue=ErrorQueue(depth=5)).errors()) == 5


# --- numbers and identities ----------------------------------------------------------------------------


def test_a_wrong_answer_names_question_and_answer(wire: Wire, open_script: OpenSession) -> None:
    wire.expect(("VOLT?", "OFF"))
    with pytest.raises(InstrumentFault, match=r"supply .* answered 'OFF' to 'VOLT\?': a number was expected"):
        open_script().query_number("VOLT?", "V")


def test_too_few_values_are_a_fault(wire: Wire, open_script: OpenSession) -> None:
    session = open_script()
    with pytest.raises(InstrumentFault, match="3 values were expected, 2 came"):
        session.numbers("MEAS?", "1,2", 3)
    assert session.numbers("MEAS?", "1;2", 2, ";") == [1.0, 2.0]


def test_an_identity_needs_four_fields(wire: Wire, open_script: OpenSession) -> None:
    wire.expect(("*IDN?", "NGI,N83624,0,V1.00"), ("*IDN?", "hello"))
    session = open_script()
    assert str(session.identity()) == "NGI N83624 0"
    with pytest.raises(InstrumentFault, match="at least four fields"):
        session.identity()


# --- serial --------------------------------------------------------------------------------------------


def test_a_serial_url_is_a_link_too(context: LinkContext) -> None:
    session = Session("loop://", context, LinkProfile(timeout=0.05), name="chamber")
    assert session.query("hello?") == "hello?"
    session._link._stream._port.write(b"an unasked line\nand a half")  # type: ignore[attr-defined]
    with pytest.raises(InstrumentFault, match="text is expected"):
        raise session.unexpected("X?", session.query("X?"), "text is expected")
    assert session.query("Y?") == "Y?"
    session.close()


def endless() -> Iterator[bytes]:
    """What an instrument sends that ends no line; nobody listens to it for long."""
    yield from repeat(b"x", 1000)
    pytest.fail("was listened to without end")


@pytest.fixture
def passing(context: LinkContext) -> LinkContext:
    """Time that passes with every look at it, 1 s each."""
    return replace(context, visa_library="@py", passing=partial(next, counting()))


def test_a_serial_line_that_never_ends_a_line_or_falls_silent_is_lost(
    passing: LinkContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session("loop://", passing, LinkProfile(timeout=0.5), name="chamber")
    monkeypatch.setattr(session._link._stream, "_read", partial(next, endless()))
    with pytest.raises(InstrumentFault, match=r"chamber \(loop://\) was lost while 'A\?' .* it sends without end"):
        session.query("A?")
    with pytest.raises(InstrumentFault, match=r"chamber .* cannot be reached again: it sends without end"):
        session.query("A?")
    session.close()


def test_a_network_instrument_that_never_ends_a_line_is_lost(serve: Serve, passing: LinkContext) -> None:
    def babble(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"x" * 10_000_000)

    session = Session(serve(babble).resource, passing, LinkProfile(timeout=0.5), name="supply")
    with pytest.raises(InstrumentFault, match=r"supply .* was lost while 'A\?' .* it sends without end"):
        session.query("A?")
    session.close()


def test_a_silent_serial_line_times_out(context: LinkContext) -> None:
    session = Session("loop://", context, LinkProfile(timeout=0.02, write_termination="\r"), name="chamber")
    with pytest.raises(InstrumentFault, match=r"did not answer 'A\?'"):
        session.query("A?")
    session.close()
