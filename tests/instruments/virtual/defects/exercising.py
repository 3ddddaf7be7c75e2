"""Each shipped simulator put to use: what it answers and does, as one record that two worlds can be compared by.

Whoever ships a simulator adds what it is asked and told, to `USES`; nothing here knows a defect but by its form.
"""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from can import Message

from instruments.virtual import World, open_world
from instruments.virtual.defects.grammar import DefectKind
from instruments.virtual.defects.of_pack import OF_THE_PACK
from instruments.virtual.defects.vocabulary import known_to
from instruments.virtual.modbus_rtu import framed
from instruments.virtual.registry import shipped
from instruments.virtual.wires.exchange import LineDead, Repeated, channel_of, connect
from tests.instruments.virtual.conftest import CELL, NO_SPREAD

SERIES = 4
NAME = "it"
CHANNEL = "overlapping"
PAUSES = 2.0, 4.0
"""s between two looks at it: the second is a silence."""


@dataclass(frozen=True)
class Use:
    """What a simulator is asked again and again, and what it is told, one step after the other.

    `beside` are others at the same terminals, that are told so much at first; `settings` are its own.
    """

    asked: Sequence[bytes]
    told: Sequence[Sequence[bytes | Message]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, tuple[Mapping[str, Any], Sequence[bytes]]] = field(default_factory=dict)
    repeats: bool = False
    """Whether what it is told on a bus is repeated."""


def _lines(*texts: str, end: str = "\n") -> list[bytes]:
    return [f"{text}{end}".encode("latin-1") for text in texts]


def _rtu(*messages: str) -> list[bytes]:
    return [framed(1, bytes.fromhex(each)).encode("latin-1") for each in messages]


def _tcp(*messages: str) -> list[bytes]:
    data = [bytes.fromhex(each) for each in messages]
    return [struct.pack(">HHHB", 1, 0, len(each) + 1, 1) + each for each in data]


def _weiss(*messages: str) -> list[bytes]:
    return [each.replace(" ", "\xb6").encode("latin-1") + b"\r" for each in messages]


def _float(value: float) -> str:
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return f"{low:04X}{high:04X}"


def _ngi(register: int, value: int) -> list[Message]:
    """To each channel of a unit on CAN."""
    data = value.to_bytes(4, "little") + bytes(4)
    return [Message(arbitration_id=each << 16 | register, data=data) for each in range(1, SERIES + 1)]


def _mode(request: int) -> Message:
    return Message(arbitration_id=0x210, data=[request] + [0] * 7, is_extended_id=False)


SUPPLY = {"simulator": "ea-psb10000", "voltage": 60, "current": 40, "power": 1500, "accuracy": 0.0}
CHARGES = _lines("SYST:LOCK ON", "VOLT 20;CURR 2;POW 1kW;:SINK:CURR 0", "OUTP ON")
HEATS = _lines("SYST:LOCK ON", "VOLT 60;CURR 30;POW 1kW;:SINK:CURR 0", "OUTP ON")
EVERY_CHANNEL = "(@1:4)"
USES: Mapping[str, Use] = {
    "ea-psb10000": Use(
        _lines("*IDN?", "SYST:ERR?", "VOLT?", "CURR?", "OUTP?", "MEAS:ARR?", "SYST:LOCK:OWN?", "STAT:QUES:COND?"),
        (CHARGES, _lines("SYST:LOCK ON", "CURR 1"), _lines("OUTP OFF")),
        {"voltage": 60, "current": 40, "power": 1500},
    ),
    "chroma-63600": Use(
        _lines("*IDN?", "SYST:ERR?", "CURR:STAT:L1?", "LOAD?", "MEAS:VOLT?", "MEAS:CURR?", "STAT:CHAN:COND?"),
        (_lines("MODE CCH", "CURR:STAT:L1 2", "LOAD ON"), _lines("CURR:STAT:L1 1"), _lines("LOAD OFF")),
    ),
    "ngi-n83624": Use(
        _lines("*IDN?", "SYST:ERR?", *(f"{each}?{EVERY_CHANNEL}" for each in ("MEAS:VOLT", "OUTP:ONOFF", "OUTP:STAT"))),
        (
            _lines(
                f"OUTP:MODE 0{EVERY_CHANNEL}",
                f"SOUR:VOLT 3.7{EVERY_CHANNEL}",
                f"SOUR:OUTCURR 5000{EVERY_CHANNEL}",
                f"OUTP:ONOFF 1{EVERY_CHANNEL}",
            ),
            _lines(f"SOUR:VOLT 3.5{EVERY_CHANNEL}"),
            _lines(f"OUTP:ONOFF 0{EVERY_CHANNEL}"),
        ),
        beside={"supply": (SUPPLY, CHARGES)},
    ),
    "ngi-n83624-can": Use(
        (),
        (
            [*_ngi(113, 500), *_ngi(20, 3_700_000), *_ngi(21, 5_000_000_00), *_ngi(10, 1)],
            _ngi(20, 3_500_000),
            _ngi(10, 0),
        ),
        beside={"supply": (SUPPLY, CHARGES)},
    ),
    "agilent-34970a": Use(
        _lines("*IDN?", "SYST:ERR?", "UNIT:TEMP?", "READ?"),
        (_lines("CONF:TEMP TC,K,(@101:104)"), _lines("CONF:TEMP TC,K,(@101:103)"), ()),
        beside={"supply": (SUPPLY, HEATS)},
    ),
    "weiss-simserv": Use(
        _weiss("99997 1 1", "10012 1", "11002 1 1", "11004 1 1", "17002 1"),
        (_weiss("11001 1 1 40.0", "14001 1 1 1"), _weiss("11001 1 1 30.0"), _weiss("14001 1 1 0")),
    ),
    "espec-p300": Use(
        _lines("TYPE?", "TEMP?", "MODE?", "ALARM?", end="\r\n"),
        (
            _lines("TEMP, S40.0", "MODE, CONSTANT", end="\r\n"),
            _lines("TEMP, S30.0", end="\r\n"),
            _lines("MODE, STANDBY", end="\r\n"),
        ),
    ),
    "binder-mb1": Use(
        _rtu("03 11A9 0002", "03 1077 0002", "03 1A22 0001", "03 123D 0001", "03 1228 000A"),
        (
            _rtu(f"10 1581 0002 04 {_float(40.0)}", "10 1A22 0001 02 0800"),
            _rtu(f"10 1581 0002 04 {_float(30.0)}"),
            _rtu("10 1A22 0001 02 0000"),
        ),
    ),
    "lauda-integral": Use(
        _lines("TYPE", "STAT", "IN_SP_00", "IN_PV_00", "IN_PV_03", "IN_PV_07", "IN_MODE_02", end="\r\n"),
        (_lines("OUT_SP_00 35", "START", end="\r\n"), _lines("OUT_SP_00 30", end="\r\n"), _lines("STOP", end="\r\n")),
    ),
    "eastron-sdm630": Use(_rtu("04 0000 0002", "04 0034 0002", "04 0046 0002", "03 FC00 0002"), ((), (), ())),
    "quasar": Use(
        _tcp("03 0002 0002", "03 0051 0001", "03 0104 0001", "03 020E 0001", "03 0219 0006"),
        (
            _tcp("06 0051 0001", "06 0052 0000", "06 0053 0001", "06 0104 0064", "06 0101 0001", "06 0058 0003"),
            _tcp("06 0104 0032"),
            _tcp("06 0101 0002"),
        ),
        {"dead_time": 0.5, "ramp": 4000.0, "standby": 0.0, "at_rest": True},
    ),
    "foxbms": Use((), ([_mode(0)], [_mode(2)], [_mode(0)]), beside={"supply": (SUPPLY, CHARGES)}, repeats=True),
}

# What stands in the places of a form; of each several, so that two defects of one name can differ.
VALUES: Mapping[str, Sequence[str]] = {
    "cell from 1": ("2", "3"), "sensor from 1": ("1", "2"), "replies": ("40", "3"), "factor": ("1.5", "0.5"),
    "capacity factor": ("0.5", "0.25"), "resistance factor": ("2", "8"), "share left": ("0.5", "0.25"),
    "share": ("0.25", "-0.125"), "share/h": ("360", "720"), "K": ("4", "-8"), "K/h": ("3600", "-7200"),
    "A": ("0.5", "0.25"), "A set": ("3", "4"), "A leaking": ("1", "2"), "W": ("50", "100"), "degC": ("60", "-10"),
    "Ohm": ("50000", "10000"), "s": ("1.5", "0.5"), "V": ("220", "240"), "Pa": ("1000", "2000"), "Hz": ("49", "51"),
    "voltage or current": ("voltage", "current"),
}  # fmt: skip


def kinds_of(simulator: str) -> tuple[DefectKind, ...]:
    """What can go wrong where a simulator stands: with it, its line and its pack."""
    pack = OF_THE_PACK if simulator in {"ea-psb10000", "chroma-63600"} else ()
    return (*known_to(shipped()[simulator]), *pack)


def word(simulator: str, kind: DefectKind, variant: int) -> str:
    """A defect as it is injected; of each kind there are two."""
    named = shipped()[simulator].words
    parts = [part for part in kind.parts if part != "after s"]
    texts = []
    for part in parts:
        known = VALUES.get(part) or tuple(named.get(part, (NAME,)))
        texts.append(known[variant % len(known)])
    return ":".join((kind.name, *texts))


class Bench:
    """A world around one simulator, and what was found when it was used."""

    def __init__(self, simulator: str, world: World, addresses: Mapping[str, str]) -> None:
        self.world, self._use = world, USES[simulator]
        self._addresses = addresses
        self._lines: dict[str, Any] = {}
        self._heard: list[Message] = []
        self._bus = channel_of(CHANNEL)
        if self._bus is not None:
            self._bus.members[self] = self._heard.append
        for name, (_, messages) in self._use.beside.items():
            for message in messages:
                self._say(name, message)

    def begin(self) -> None:
        """Have it in use, as after its first steps."""
        for messages in self._use.told[:-1]:
            self._tell(messages)

    def use(self) -> list[Any]:
        """Everything that was found while it was used once, from its first question to its last."""
        found = [self._look()]
        for messages in self._use.told:
            found.append(self._tell(messages))
            for pause in PAUSES:
                self.world.advance(pause)
                found.append(self._look())
        return found

    def _tell(self, messages: Sequence[bytes | Message]) -> list[Any]:
        answers = [self._say(NAME, each) if isinstance(each, bytes) else self._send(each) for each in messages]
        self.world.advance(PAUSES[0])
        return answers

    def _look(self) -> Any:
        told = [self._say(NAME, message) for message in self._use.asked]
        heard = [(each.timestamp, each.arbitration_id, bytes(each.data)) for each in self._heard]
        self._heard.clear()
        plant = self.world.plant
        inside = [tuple(map(float, each)) for each in (plant.voltage, plant.temperature, plant.soc)]
        places = {name: feels() for name, feels in sorted(self.world._in.places.items())}
        return self.world.time, told, heard, self.world.outputs(), inside, places

    def _say(self, name: str, message: bytes) -> tuple[bytes, ...] | str:
        """What a message is answered with, on a line that is laid anew where it was cut."""
        line = self._lines.get(name) or connect(self._addresses[name])
        if line is None:
            return "nobody there"
        self._lines[name] = line
        try:
            line.write(message)
        except LineDead:
            del self._lines[name]
            return "cut"
        answers = tuple(line.replies)
        line.replies.clear()
        return answers

    def _send(self, message: Message) -> None:
        assert self._bus is not None
        now = self.world.time
        if self._use.repeats:
            self._bus.repeated[:] = [Repeated(message, 0.1, now + 0.1)]
        sent = Message(now, message.arbitration_id, message.is_extended_id, data=message.data)
        self._bus.send(self, sent)


Opened = Callable[[str, bool], Bench]


@contextmanager
def benches() -> Iterator[Opened]:
    """Opens benches, in use already or not; each closes the one before, so that all may have the same addresses."""
    worlds: list[World] = []

    def opened(simulator: str, running: bool) -> Bench:
        for world in worlds:
            world.close()
        use = USES[simulator]
        settings = {NAME: {"simulator": simulator, "accuracy": 0.0, **use.settings}}
        settings |= {name: dict(told) for name, (told, _) in use.beside.items()}
        links = {name: f"packbench://{name}.overlapping" for name in settings}
        if shipped()[simulator].wire == "CAN":
            links[NAME] = f"packbench:{CHANNEL}"

        def wait(seconds: float) -> None:
            world.advance(seconds)

        world = open_world(
            {"simulators": settings, "soc": 0.5, "spread": NO_SPREAD},
            links=links, cell=CELL, series=SERIES, parallel=1, serial_number="SN-1", seed=1, defects=(),
            wait=wait,
        )  # fmt: skip
        worlds.append(world)
        bench = Bench(simulator, world, links)
        if running:
            bench.begin()
        world.repair()  # of nothing; the terminals settle anew, as after any defect
        return bench

    try:
        yield opened
    finally:
        for world in worlds:
            world.close()
