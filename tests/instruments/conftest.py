"""Fixtures of the driver tests: a clock, a scripted wire, servers on the loopback."""

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from instruments.drivers.foxbms import FoxBms
from instruments.wires.context import LinkContext
from instruments.wires.links import LinkProfile
from instruments.wires.session import Session
from tests.instruments.drivers.foxbms_node import BUS, Node
from tests.instruments.scripted import (
    RESOURCE,
    Behaviour,
    FakeTime,
    OpenSession,
    ScriptLibrary,
    Serve,
    Server,
    Transcript,
    Wire,
)


@pytest.fixture
def clock() -> FakeTime:
    return FakeTime()


@pytest.fixture
def heard() -> Transcript:
    """The transcript."""
    return []


@pytest.fixture
def context(clock: FakeTime, heard: Transcript) -> LinkContext:
    return LinkContext("@script", lambda: clock.now, clock.sleep, lambda way, text: heard.append((way, text)))


@pytest.fixture
def wire() -> Iterator[Wire]:
    """The far end of `RESOURCE` in the library `@script`; its script must be used up."""
    module = ModuleType("pyvisa_script")
    module.WRAPPER_CLASS = ScriptLibrary  # type: ignore[attr-defined]
    sys.modules["pyvisa_script"] = module
    wire = ScriptLibrary.wires[RESOURCE] = Wire()
    yield wire
    ScriptLibrary.wires.clear()
    wire.finished()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a TCP instrument on the loopback."""
    servers: list[Server] = []

    def start(behave: Behaviour) -> Server:
        servers.append(Server(behave))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def connect(clock: FakeTime, heard: Transcript) -> Iterator[OpenSession]:
    """Open a session over pyvisa-py to a server on the loopback."""
    sessions: list[Session] = []

    def open_session(server: Server, **profile: float) -> Session:
        context = LinkContext("@py", lambda: clock.now, clock.sleep, lambda way, text: heard.append((way, text)))
        session = Session(server.resource, context, LinkProfile(**profile), name="supply")
        sessions.append(session)
        return session

    yield open_session
    for session in sessions:
        session.close()


@pytest.fixture
def node(clock: FakeTime) -> Iterator[Node]:
    """The other end of a BMS's bus."""
    with Node(clock) as bus:
        yield bus


@pytest.fixture
def bms(context: LinkContext, node: Node) -> Iterator[FoxBms]:
    """The driver of a BMS; nothing else opens its bus before the node has."""
    driver = FoxBms(BUS, context, name="bms")
    yield driver
    driver.close()
