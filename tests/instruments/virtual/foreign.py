"""Simulators of somebody else's package, as its entry points would name them."""

from collections.abc import Sequence
from math import inf
from typing import ClassVar

from can import Message
from pydantic import BaseModel, Field

from instruments.virtual.defects.grammar import Defect, DefectKind, Repair
from instruments.virtual.dialect import Instrument
from instruments.virtual.plants import Plant
from instruments.virtual.ports import Contactor, Emulator, Load, Port, Surroundings
from instruments.virtual.properties import Property
from instruments.virtual.simulator import Part, Place, Settings, Simulator
from instruments.virtual.simulators.chroma_63600 import SIMULATOR as CHROMA
from instruments.virtual.simulators.chroma_63600 import Chroma63600
from instruments.virtual.simulators.chroma_63600 import Settings as LoadSettings
from instruments.virtual.simulators.ngi_n83624 import NgiN83624

# ---- an insulation tester between the pack and its case ----


class Case(Port):
    """The pack and its case."""

    kind = "case"

    def __init__(self) -> None:
        self.plant: Plant | None = None

        self.on = False

    def join(self, world: Surroundings) -> None:
        self.plant = world.plant
        world.others["tester"] = lambda: self.on


class TesterSettings(Settings):
    test_voltage: float = Field(default=500.0, gt=0, le=1000)
    leak: float | None = Field(default=None, gt=0)


class Tester(Instrument):
    """`RES?` measures what leaks from the pack to its case, up to a range; `ON` and `OFF` switch its test voltage."""

    def __init__(self, settings: TesterSettings, place: Place, leak: Property) -> None:
        self._specimen, self._settings, self._leak = place.specimen, settings, leak
        self._stuck, self._case = inf, Case()
        self.elapsed = 0.0
        self.ports = (self._case,)

    def handle(self, message: str) -> str | None:
        if message == "RES?":
            return f"{min(self._leak.value, self._stuck, 1e11):.3E}"
        if message in ("ON", "OFF"):
            self._case.on = message == "ON"
        if message == "CELLS?":
            assert self._case.plant is not None
            return str(len(self._case.plant.voltage))
        return f"ACME,{self._specimen.model},{self._specimen.serial_number},1" if message == "*IDN?" else None

    def refuse(self) -> None:
        """Say nothing."""

    def elapse(self, duration: float) -> None:
        self.elapsed += duration

    def stick(self, resistance: float) -> Repair:
        self._stuck = resistance

        def loosen() -> None:
            self._stuck = inf

        return loosen


def build_tester(settings: TesterSettings, place: Place) -> Tester:
    absent = place.properties.see("insulation", "Ohm", by=place.name, absent=inf)
    if settings.leak is not None:
        absent = place.properties.bring("insulation", "Ohm", by=place.name, default=inf, value=settings.leak)
    return Tester(settings, place, absent)


def stick(tester: Tester, defect: Defect, _world: Surroundings) -> Repair:
    return tester.stick(defect.number(1))


TESTER = Simulator(
    "acme-it5000",
    "IT5000",
    TesterSettings,
    build_tester,
    ports=(Case,),
    defects=(DefectKind("burden-stuck:<tester>:<Ohm>", stick, "tester"),),
)


# ---- a load of another maker, which speaks like one of ours ----


def build_load(settings: LoadSettings, place: Place) -> Chroma63600:
    return Chroma63600(place.specimen, settling=place.settling, **settings.model_dump())


LOAD = Simulator(
    "acme-load",
    "63640-150-60",
    LoadSettings,
    build_load,
    ports=(Load,),
    defects=(*CHROMA.defects, DefectKind("fan-stops:<load>", lambda load, _defect, _world: load.trip())),
)


# ---- frames without a terminator, on a line; and a node on the bus of the BMS ----


class Framed(Instrument):
    """Answers each frame (its length, then so many bytes) with its bytes reversed: no byte is an end."""

    ends_with = b""

    def __init__(self, place: Place) -> None:
        self._specimen = place.specimen

    def frames(self, data: bytes) -> tuple[list[bytes], bytes]:
        found = []
        while data and len(data) > data[0]:
            found.append(data[1 : 1 + data[0]])
            data = data[1 + data[0] :]
        return found, data

    def handle(self, message: str) -> str:
        return message[::-1]

    def refuse(self) -> None:
        """Say nothing."""


FRAMED = Simulator("acme-framed", "F1", Settings, lambda _settings, place: Framed(place))


class Beacon(Part):
    """Sends one frame each second, and counts what it hears."""

    def __init__(self, place: Place) -> None:
        self._channel, self._clock = place.channel, place.clock
        self._due, self.heard, self.left = 0.0, 0, False
        place.channel.members[self] = self._hear

    def _hear(self, _message: Message) -> None:
        self.heard += 1

    def transmit(self) -> None:
        if self._clock() >= self._due:
            self._due = self._clock() + 1.0
            self._channel.send(self, Message(self._clock(), 0x123, is_extended_id=False, data=[1]))

    def shut_down(self) -> None:
        self._channel.members.pop(self, None)
        self.left = True


BEACON = Simulator("acme-beacon", "B1", Settings, lambda _settings, place: Beacon(place), wire="CAN")


class CellsOnCan(NgiN83624):
    """An emulator that is switched by a frame."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.specimen, clock=place.clock, settling=place.settling, channels=place.series)
        place.channel.members[self] = self._hear

    def _hear(self, message: Message) -> None:
        if message.arbitration_id == 0x400:
            self.handle(f"OUTP:MODE 0(@1);:OUTP:ONOFF {message.data[0]}(@1)")


CELLS_ON_CAN = Simulator(
    "acme-cells", "C1", Settings, lambda _settings, place: CellsOnCan(place), ports=(Emulator,), wire="CAN"
)


# ---- a breaker in the pack's line ----


class Breaker(Instrument):
    """Conducts until it is told to open."""

    def __init__(self, place: Place) -> None:
        self._specimen, self._settling = place.specimen, place.settling
        self.connected = True
        self.ports = (Contactor(self),)

    def handle(self, message: str) -> None:
        self.connected, self._settling.stale = message != "open", True

    def refuse(self) -> None:
        """Say nothing."""


BREAKER = Simulator("acme-breaker", "B", Settings, lambda _settings, place: Breaker(place), ports=(Contactor,))


# ---- what is wrong ----


class NoSettings:
    """Not a model."""


class Clashing(BaseModel):
    """Has a key that every simulator has."""

    accuracy: str = "high"


class NoPort:
    """Not derived from Port."""

    kind: ClassVar[str] = "grid"


def build_nothing(_settings: Settings, _place: Place) -> object:
    return object()


class Undeclared(Framed):
    """Has a port that it was not registered with."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.ports: Sequence[Port] = (Case(),)


NOT_A_SIMULATOR = Framed
WRONG_NAME = Simulator("acme-other", "X", Settings, lambda _settings, place: Framed(place))
WRONG_SETTINGS = Simulator("acme", "X", NoSettings, lambda _settings, place: Framed(place))  # type: ignore[type-var]
WRONG_KEY = Simulator("acme", "X", Clashing, lambda _settings, place: Framed(place))
WRONG_PORT = Simulator("acme", "X", Settings, lambda _settings, place: Framed(place), ports=(NoPort,))  # type: ignore[arg-type]
WRONG_DEFECT = Simulator(
    "acme", "X", Settings, lambda _settings, place: Framed(place),
    defects=(DefectKind("odd:<tester>:<furlongs>", stick),),
)  # fmt: skip
OTHER_FORM = Simulator(
    "acme", "X", Settings, lambda _settings, place: Framed(place), defects=(DefectKind("surge:<supply>:<W>", stick),)
)
TWICE = Simulator(
    "acme", "X", Settings, lambda _settings, place: Framed(place),
    defects=(DefectKind("odd:<tester>", stick), DefectKind("odd:<tester>:<s>", stick)),
)  # fmt: skip
NO_PART = Simulator("acme", "X", Settings, build_nothing)  # type: ignore[arg-type]
NO_INSTRUMENT = Simulator("acme", "X", Settings, lambda _settings, place: Part())
UNDECLARED = Simulator("acme", "X", Settings, lambda _settings, place: Undeclared(place))
SECOND_EMULATOR = Simulator("acme", "X", Settings, lambda _settings, place: Framed(place), ports=(Emulator,))
NO_BUS = Simulator("acme", "X", Settings, lambda _settings, place: Beacon(place))
FALLS_OVER = Simulator("acme", "X", Settings, lambda _settings, _place: Framed(1 / 0))  # type: ignore[arg-type]
