"""Behind a new connection every driver asks who is there, says OFF to anybody, and programs anew what it depends on."""

import socket
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from instruments.driver import VisaDriver
from instruments.drivers.agilent_34970a import Agilent34970a
from instruments.drivers.chroma_63600 import Chroma63600
from instruments.drivers.ea_psb10000 import EaPsb10000
from instruments.drivers.ngi_n83624 import NgiN83624
from instruments.drivers.weiss_simserv import WeissSimServ
from instruments.roles import Expecting, InstrumentFault, Scanned
from instruments.wires.context import InstrumentLink, LinkContext
from tests.instruments.scripted import RESOURCE, Exchange, FakeTime, Serve, Transcript, Wire

SEP = "\xb6"


def simserv(*parts: object, told: str) -> Exchange:
    command, *arguments = map(str, parts)
    sent = SEP.join((command, "1", *arguments)).encode("latin-1") + b"\r"
    return sent, f"1{SEP}{told}".encode("latin-1") + b"\r\n"


@dataclass(frozen=True)
class Family:
    """A driver, the exchanges of its identity, its scan and its switching off, and how it is asked for the latter."""

    driver: type[VisaDriver]
    identity: Callable[[str], tuple[Exchange, ...]]
    before_scan: tuple[Exchange, ...]
    scan: Exchange
    off: tuple[Exchange, ...] = ()
    reads_off: tuple[Exchange, ...] = ()
    verbs: tuple[str, str] | None = None
    off_anew: tuple[Exchange, ...] = ()
    """Where it differs: OFF whose connection was lost on the way."""

    def __str__(self) -> str:
        return self.driver.__name__


def idn(serial_number: str) -> tuple[Exchange, ...]:
    return (("*IDN?", f"Maker,Model,{serial_number},1.0"),)


def of_simserv(serial_number: str) -> tuple[Exchange, ...]:
    told = {1: "Model", 3: serial_number, 5: "1.0"}
    return tuple(simserv(99997, which, told=text) for which, text in told.items())


FAMILIES = (
    Family(EaPsb10000, idn, (), ("MEAS:ARR?", "1V, 0A, 0W"), (("SYST:LOCK 1", None), ("OUTP OFF", None)),
           (("OUTP?", "OFF"),), ("source_off", "source_is_off")),
    Family(Chroma63600, idn, (("CHAN 1", None),), ("MEAS:VOLT?;:MEAS:CURR?", "1;0"),
           (("CHAN 1", None), ("LOAD OFF", None)), (("CHAN 1", None), ("LOAD?", "OFF")), ("sink_off", "sink_is_off"),
           (("LOAD OFF", None), ("CHAN 1", None), ("LOAD OFF", None))),
    Family(NgiN83624, idn, (), ("MEAS:VOLT?(@1,2)", "3,3"), (("OUTP:ONOFF 0(@1,2)", None),),
           (("OUTP:ONOFF?(@1,2)", "0,0"),), ("emulator_off", "emulator_is_off")),
    Family(WeissSimServ, of_simserv, (simserv(11002, 1, told="25.0"),), simserv(11004, 1, told="25.0"),
           ((simserv(14001, 1, 0, told="")[0], b"1\r\n"),), (simserv(10012, told="1"),),
           ("chamber_rest", "chamber_is_resting")),
    Family(Agilent34970a, idn,
           (("CONF:TEMP TC,K,(@101)", None), ("TEMP:TRAN:TC:CHEC ON,(@101)", None), ("ROUT:SCAN (@101)", None),
            ("ROUT:SCAN?", "#16(@101)"), ("TEMP:TRAN:TC:CHEC? (@101)", "1")),
           ("READ?", "25.0")),
)  # fmt: skip
POWERFUL = tuple(family for family in FAMILIES if family.verbs)


@pytest.fixture
def opened(wire: Wire, context: LinkContext) -> Callable[[Family], VisaDriver]:
    """A driver of a family that has been identified, has scanned once, and is expected to be who it is."""

    def open_one(family: Family) -> VisaDriver:
        options = {"cells": 2} if family.driver is NgiN83624 else {}
        wire.expect(*family.identity("1"), *family.before_scan, family.scan)
        driver = family.driver.open(InstrumentLink(RESOURCE, gap=0.0), context, "it", options)
        assert isinstance(driver, Expecting)
        driver.expect(driver.identify())
        scan(driver)
        return driver

    return open_one


Opened = Callable[[Family], VisaDriver]


def scan(driver: VisaDriver) -> None:
    assert isinstance(driver, Scanned)
    driver.request()
    driver.collect()


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_a_scan_goes_on_over_a_new_connection_once_the_identity_is_confirmed(
    wire: Wire, opened: Opened, heard: Transcript, family: Family
) -> None:
    driver = opened(family)
    wire.expect(*family.identity("1"), *family.before_scan, family.scan, family.scan)
    wire.lost = 1
    scan(driver)
    scan(driver)
    assert driver.reconnections == 1
    assert any(way == "!" and text.endswith("it is connected anew") for way, text in heard)


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_another_one_at_the_address_is_named_and_told_nothing(wire: Wire, opened: Opened, family: Family) -> None:
    driver = opened(family)
    wire.expect(*family.identity("2"))
    wire.lost = 1
    with pytest.raises(
        InstrumentFault, match=r"it .* is .*Model 2 since its connection was made anew, and was .*Model 1"
    ):
        scan(driver)


def test_the_supply_which_closes_silent_sockets_is_asked_over_a_new_one(
    serve: Serve, context: LinkContext, clock: FakeTime
) -> None:
    connections: list[int] = []

    def supply(connection: socket.socket) -> None:
        connections.append(1)
        for _ in connection.makefile("rb"):
            connection.sendall(b"OFF\n")

    link = InstrumentLink(serve(supply).resource, gap=0.0)
    driver = EaPsb10000.open(link, replace(context, visa_library="@py"), "supply", {})
    for idle, count in ((3.0, 1), (5.0, 2)):
        clock.now += idle
        assert driver.source_is_off()
        assert len(connections) == count
    driver.close()


@pytest.mark.parametrize("family", POWERFUL, ids=str)
def test_off_is_said_to_anybody_and_confirmed_by_nobody_else(wire: Wire, opened: Opened, family: Family) -> None:
    assert family.verbs is not None
    driver = opened(family)
    off, is_off = (getattr(driver, verb) for verb in family.verbs)
    wire.expect(*(family.off_anew or family.off), *family.identity("2"))
    wire.lost = 1
    off()
    with pytest.raises(InstrumentFault, match=r"is .*Model 2 since"):
        is_off()
    wire.expect(*family.identity("1"), *family.reads_off)
    assert is_off()


@pytest.mark.parametrize("family", POWERFUL, ids=str)
def test_off_may_be_said_before_anybody_was_identified(wire: Wire, context: LinkContext, family: Family) -> None:
    assert family.verbs is not None
    options = {"cells": 2} if family.driver is NgiN83624 else {}
    wire.expect(*family.off, *family.reads_off)
    driver = family.driver.open(InstrumentLink(RESOURCE, gap=0.0), context, "it", options)
    off, is_off = (getattr(driver, verb) for verb in family.verbs)
    off()
    assert is_off()


def test_who_is_asked_for_its_identity_is_not_taken_for_another_when_an_answer_is_lost(
    wire: Wire, opened: Opened
) -> None:
    """A chamber tells who it is in three answers: one that is lost is a lost answer, and no other chamber."""
    chamber = opened(FAMILIES[3])
    wire.expect(of_simserv("1")[0], (of_simserv("1")[1][0], None))
    wire.lost = 1
    with pytest.raises(InstrumentFault, match="did not answer"):
        scan(chamber)
