"""A closed driver is dead: for its own thread, for one that sits in a call, and in every forked copy of the process."""

import os
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import can
import pytest

from instruments.driver import VisaDriver
from instruments.drivers.agilent_34970a import Agilent34970a
from instruments.drivers.chroma_63600 import Chroma63600
from instruments.drivers.ea_psb10000 import EaPsb10000
from instruments.drivers.foxbms import FoxBms
from instruments.drivers.foxbms.layout import REQUEST
from instruments.drivers.ngi_n83624 import NgiN83624
from instruments.drivers.weiss_simserv import WeissSimServ
from instruments.roles import BmsMode, InstrumentFault, Scanned
from instruments.wires.context import InstrumentLink, LinkContext
from instruments.wires.lifetime import Lifetime
from instruments.wires.links import LinkProfile
from instruments.wires.session import Session
from tests.instruments.scripted import RESOURCE, OpenSession, Serve, Wire

CLOSED = r"was closed: the bench is in its safe state; open a new one"
FORKED = r"was opened by process \d+ and this is process \d+: a forked copy must not speak to it"

Verb = Callable[[], object]


def in_a_forked_copy(act: Callable[[], str]) -> str:
    """What `act` says in a child of this process."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # what it warns of, threads and their locks, is the test
        child = os.fork()
    if child == 0:
        said = "the child died"
        with suppress(BaseException):
            said = act()
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


def close_elsewhere(session: Session) -> threading.Thread:
    """Let another thread close a session; returns once it has begun."""
    closing = threading.Thread(target=session.close)
    closing.start()
    while fault_of(lambda: session.lock) == "it was carried out":
        continue
    return closing


def fault_of(verb: Verb) -> str:
    try:
        verb()
    except InstrumentFault as fault:
        return str(fault)
    return "it was carried out"


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")


# --- the lifetime itself ---------------------------------------------------------------------------------------


def test_only_the_closing_thread_says_the_last_words_and_nobody_speaks_after_it() -> None:
    life, others = Lifetime("supply"), []
    life.check()
    with life.last_words() as ours:
        assert ours
        life.check()
        thread = threading.Thread(target=lambda: others.append(fault_of(life.check)))
        thread.start()
        thread.join()
    assert others == ["supply was closed: the bench is in its safe state; open a new one"]
    with pytest.raises(InstrumentFault, match=CLOSED):
        life.check()


def test_it_ends_also_when_the_last_words_fail_and_never_ends_twice() -> None:
    life = Lifetime("supply")
    with pytest.raises(OSError, match="gone"), life.last_words():
        raise OSError("gone")
    with life.last_words() as ours:
        assert not ours
    with pytest.raises(InstrumentFault, match=CLOSED):
        life.check()


@needs_fork
def test_a_forked_copy_has_neither_a_word_nor_a_last_word() -> None:
    life = Lifetime("supply")

    def close_there() -> str:
        with life.last_words() as ours:
            return f"{ours} {fault_of(life.check)}"

    assert in_a_forked_copy(close_there).startswith("False supply was opened by process")
    life.check()


# --- every driver ----------------------------------------------------------------------------------------------

VISA_DRIVERS: tuple[type[VisaDriver], ...] = (Agilent34970a, Chroma63600, EaPsb10000, NgiN83624, WeissSimServ)
VERBS: dict[type[VisaDriver], tuple[Callable[..., object], ...]] = {
    Agilent34970a: (),
    Chroma63600: (
        lambda load: load.discharge(1.0, 10.0), lambda load: load.sink_off(), lambda load: load.sink_is_off(),
        lambda load: load.protect_sink(1.0, 1.0, 1.0),
    ),
    EaPsb10000: (
        lambda supply: supply.charge(1.0, 10.0), lambda supply: supply.discharge(1.0, 10.0),
        lambda supply: supply.source_off(), lambda supply: supply.source_is_off(), lambda supply: supply.sink_off(),
        lambda supply: supply.arm_watchdog(10.0), lambda supply: supply.alarms(),
    ),
    NgiN83624: (lambda emulator: emulator.emulator_off(), lambda emulator: emulator.emulator_is_off()),
    WeissSimServ: (
        lambda chamber: chamber.set_temperature(25.0), lambda chamber: chamber.chamber_rest(),
        lambda chamber: chamber.chamber_is_resting(), lambda chamber: chamber.alarm(),
    ),
}  # fmt: skip
OF_ALL: tuple[Callable[..., object], ...] = (
    lambda driver: driver.identify(), lambda driver: driver.request(), lambda driver: driver.collect(),
)  # fmt: skip


@pytest.mark.parametrize("driver_class", VISA_DRIVERS)
def test_a_closed_driver_refuses_every_verb_and_its_link_stays_closed(
    wire: Wire, context: LinkContext, driver_class: type[VisaDriver]
) -> None:
    driver = driver_class.open(InstrumentLink(RESOURCE, gap=0.0), context, "it", {})
    assert isinstance(driver, Scanned)
    driver.close()
    driver.close()
    for verb in (*OF_ALL, *VERBS[driver_class]):
        with pytest.raises(InstrumentFault, match=f"it .*{CLOSED}"):
            verb(driver)
    assert (wire.opened, wire.closed, wire.sent) == (1, 1, [])


@needs_fork
@pytest.mark.parametrize("driver_class", VISA_DRIVERS)
def test_a_forked_copy_of_a_driver_refuses_every_verb(
    wire: Wire, context: LinkContext, driver_class: type[VisaDriver]
) -> None:
    driver = driver_class.open(InstrumentLink(RESOURCE, gap=0.0), context, "it", {})
    said = in_a_forked_copy(
        lambda: "\n".join(fault_of(lambda verb=verb: verb(driver)) for verb in (*OF_ALL, *VERBS[driver_class]))  # type: ignore[misc]
    )
    assert len(said.splitlines()) == len(OF_ALL) + len(VERBS[driver_class])
    assert all("a forked copy must not speak to it" in line for line in said.splitlines()), said
    driver.close()


def test_closing_gives_up_an_answer_that_nobody_collected(wire: Wire, context: LinkContext) -> None:
    wire.expect(("MEAS:ARR?", "1V, 1A, 1W"))
    supply = EaPsb10000.open(InstrumentLink(RESOURCE, gap=0.0), context, "supply", {})
    supply.request()
    supply.close()
    with pytest.raises(InstrumentFault, match=CLOSED):
        supply.collect()


# --- over a real socket ----------------------------------------------------------------------------------------


def test_a_thread_that_sits_in_a_call_gets_nothing_out_any_more(serve: Serve, connect: OpenSession) -> None:
    """It asks, waits, and would then set something: by then the session has been closed under it."""
    asked, answer = threading.Event(), threading.Event()
    heard: list[bytes] = []

    def slow(connection: socket.socket) -> None:
        for line in connection.makefile("rb"):
            heard.append(line)
            if line == b"SLOW?\n":
                asked.set()
                assert answer.wait(10)
                connection.sendall(b"at last\n")

    session = connect(serve(slow), timeout=10.0)
    outcome: list[str] = []

    def sit_in_a_call() -> None:
        with session.lock:
            session.query("SLOW?")
            outcome.append(fault_of(lambda: session.write("OUTP ON")))

    sitting = threading.Thread(target=sit_in_a_call)
    sitting.start()
    assert asked.wait(10)
    closing = close_elsewhere(session)
    answer.set()
    for thread in (sitting, closing):
        thread.join(10)
    assert len(outcome) == 1
    assert "was closed" in outcome[0]
    assert heard == [b"SLOW?\n"]
    with pytest.raises(InstrumentFault, match=CLOSED):
        session.write("OUTP ON")


def test_a_message_that_waits_for_its_turn_is_not_sent_after_the_closing(wire: Wire, context: LinkContext) -> None:
    """It was allowed when it began to wait for the pace of the instrument, and closed under it."""
    closing: list[threading.Thread] = []
    paced = replace(context, sleep=lambda _seconds: closing.append(close_elsewhere(session)))
    session = Session(RESOURCE, paced, LinkProfile(gap=0.3), name="it")
    wire.expect(("FIRST", None))
    session.write("FIRST")
    with pytest.raises(InstrumentFault, match=CLOSED):
        session.write("OUTP ON")
    closing[0].join(10)
    assert (wire.sent, wire.closed) == (["FIRST"], 1)


def test_a_connection_that_comes_about_during_the_closing_does_not_stay(wire: Wire, context: LinkContext) -> None:
    closing: list[threading.Thread] = []
    session = Session(RESOURCE, context, LinkProfile(timeout=0.05), name="it")
    wire.expect(("A?", None))
    with pytest.raises(InstrumentFault, match="did not answer"):
        session.query("A?")

    def close_meanwhile() -> None:
        closing.append(close_elsewhere(session))
        closing[0].join(10)  # it waits for whoever sits in a call only as long as an answer may take

    wire.on_open = close_meanwhile
    with pytest.raises(InstrumentFault, match=CLOSED):
        session.write("OUTP ON")
    assert (wire.opened, wire.closed, wire.sent) == (2, 2, ["A?"])


def test_the_one_who_closes_still_says_farewell_and_only_he(serve: Serve, connect: OpenSession) -> None:
    heard: list[bytes] = []
    gone = threading.Event()

    def listen(connection: socket.socket) -> None:
        heard.extend(connection.makefile("rb"))
        gone.set()

    session = connect(serve(listen))
    session.close(lambda: session.write("OUTP OFF"))
    session.close(lambda: session.write("OUTP ON"))
    assert gone.wait(10)
    assert heard == [b"OUTP OFF\n"]


@needs_fork
def test_a_forked_copy_that_closes_leaves_the_connection_of_its_parent_alone(
    serve: Serve, connect: OpenSession
) -> None:
    heard: list[bytes] = []

    def echo(connection: socket.socket) -> None:
        for line in connection.makefile("rb"):
            heard.append(line)
            connection.sendall(line)

    session = connect(serve(echo))

    def close_there() -> str:
        session.close(lambda: session.write("OUTP OFF"))
        return fault_of(lambda: session.write("OUTP ON"))

    assert "a forked copy must not speak" in in_a_forked_copy(close_there)
    assert session.query("STILL?") == "STILL?"
    assert session.reconnections == 0
    assert heard == [b"STILL?\n"]


@needs_fork
def test_a_forked_copy_refuses_though_a_thread_of_its_parent_held_the_lock(serve: Serve, connect: OpenSession) -> None:
    asked, answer = threading.Event(), threading.Event()

    def slow(connection: socket.socket) -> None:
        for line in connection.makefile("rb"):
            asked.set()
            answer.wait(10)
            connection.sendall(line)

    session = connect(serve(slow), timeout=10.0)
    sitting = threading.Thread(target=lambda: session.query("A?"))
    sitting.start()
    assert asked.wait(10)
    try:
        assert "a forked copy" in in_a_forked_copy(lambda: fault_of(lambda: session.write("OUTP ON")))
    finally:
        answer.set()
        sitting.join(10)


# --- CAN -------------------------------------------------------------------------------------------------------


@pytest.fixture
def bus() -> Iterator[can.BusABC]:
    with can.Bus(interface="virtual", channel="lifetime") as bus:
        yield bus


def open_node(context: LinkContext) -> FoxBms:
    link = InstrumentLink(can={"interface": "virtual", "channel": "lifetime"})
    return FoxBms.open(link, context, "bms", {})


def requests_on(bus: can.BusABC) -> list[int]:
    """Modes that were asked for on the bus."""
    modes = []
    while (message := bus.recv(0)) is not None:
        assert message.arbitration_id == REQUEST
        modes.append(message.data[0] & 0b11)
    return modes


def test_a_closed_node_asks_for_standby_last_and_for_nothing_any_more(bus: can.BusABC, context: LinkContext) -> None:
    node = open_node(context)
    node.request_mode(BmsMode.CHARGE)
    node.close()
    node.close()
    asked = requests_on(bus)
    assert len(asked) == 2
    for verb in (
        lambda: node.request_mode(BmsMode.CHARGE), node.request, node.collect, node.state, node.faults, node.identify,
    ):  # fmt: skip
        with pytest.raises(InstrumentFault, match=f"bms {CLOSED}"):
            verb()
    assert requests_on(bus) == []


@needs_fork
def test_a_forked_copy_of_a_node_closes_no_contactor_and_asks_for_no_standby(
    bus: can.BusABC, context: LinkContext
) -> None:
    node = open_node(context)
    node.request_mode(BmsMode.CHARGE)
    said = in_a_forked_copy(lambda: f"{node.close()} {fault_of(lambda: node.request_mode(BmsMode.CHARGE))}")
    assert said.startswith("None bms was opened by process")
    node.request()
    assert len(requests_on(bus)) == 2
    node.close()
