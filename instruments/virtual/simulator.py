"""What a simulator is to the world: how it is registered, what it finds where it is put, what it may be told.

See `instruments.virtual.simulators` for whoever writes one.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from instruments.virtual.defects.grammar import DefectKind, Repair
from instruments.virtual.lasting import Lasting
from instruments.virtual.plants import Plant
from instruments.virtual.ports import Port
from instruments.virtual.properties import Properties
from instruments.virtual.terminals import Settling
from instruments.virtual.wires.exchange import CanChannel
from instruments.yesno import NO_NUMBER, taken_for_a_number
from models.cell import CellParameters
from models.steps import StepTable, steps_of

if TYPE_CHECKING:
    from collections.abc import Sequence

Wire = Literal["line", "CAN"]
"""How a simulator is plugged in: as a device on a VISA or serial line, or as a node on a CAN bus."""


class Settings(BaseModel):
    """Base for the settings of a simulator: frozen, finite, a key that nobody knows is refused.

    Every simulator also takes `model`, `serial_number`, `accuracy` and `errors`: they are not its own fields.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _a_yes_is_no_number(cls, written: object, info: ValidationInfo) -> object:
        annotation = cls.model_fields[info.field_name or ""].annotation
        for where, found in taken_for_a_number(annotation, written):
            at = "".join(f"[{each!r}]" for each in where)
            raise ValueError(f"found {found}{f' at {at}' if at else ''}, {NO_NUMBER}")
        return written


Given = TypeVar("Given", bound=BaseModel)


def _unseeded() -> Random:
    return Random(0)  # noqa: S311 - reproducible, not secret


@dataclass(frozen=True, slots=True)
class Specimen:
    """What makes one simulated instrument of a type individual: its identity and its errors.

    `accuracy` is the share of a reading by which its meters may be wrong, `random` what its own errors are drawn from.
    Where the station says nothing of it (`by_data_sheet`) a simulator has the errors of its own data sheet, and where
    it says so of a quantity (`stated`) those.
    """

    model: str
    serial_number: str
    random: Random = field(default_factory=_unseeded, compare=False)
    accuracy: float = 0.0
    by_data_sheet: bool = False
    stated: Mapping[str, "Limits"] = field(default_factory=dict, compare=False)


class Limits(Settings):
    """Limits of error of a meter: shares of the reading and of its full scale, and an offset in the quantity's unit.

    With a `coverage` they are expanded uncertainties of a certificate: its factor is what they are divided by for a
    standard deviation (GUM, JCGM 100:2008, 7.2.3).
    """

    reading: float = Field(default=0.0, ge=0, lt=1)
    range: float = Field(default=0.0, ge=0, lt=1)
    offset: float = Field(default=0.0, ge=0)
    coverage: float | None = Field(default=None, gt=0)

    def drawn(self, random: Random, width: float) -> float:
        """An error of one specimen: of a limit anywhere within it, of a certificate by the normal distribution."""
        return random.uniform(-width, width) if self.coverage is None else random.gauss(0.0, width / self.coverage)


@dataclass(frozen=True, slots=True)
class Place:
    """What a simulator finds where it is put.

    `name` is the instrument of the station. `clock` is the world's time, s; `settling` brings the DC node up to date
    before anything is measured there, and is told when something was switched or set. `cell`, `series` and `parallel`
    are the pack, `temperature` (degC) what everything has at first, `properties` what may be brought and seen.
    """

    name: str
    specimen: Specimen
    clock: Callable[[], float]
    settling: Settling
    cell: CellParameters
    series: int
    parallel: int
    temperature: float
    properties: Properties
    found: Plant | None = None
    bus: CanChannel | None = None
    table: StepTable | None = None
    lowest_voltage: float | None = None
    """V that the pack's BMS lets a cell be discharged to; None: what the cell's file says."""

    @property
    def steps(self) -> StepTable:
        """What the pack's BMS lets it be charged with: its own table, or one that is made of the cell's."""
        return steps_of(self.cell) if self.table is None else self.table

    @property
    def plant(self) -> Plant:
        """The battery; whoever has an emulator port is built before it and raises ValueError here."""
        if self.found is None:
            raise ValueError(f"{self.name} has an emulator port, so that it is there before the battery: it has none")
        return self.found

    @property
    def channel(self) -> CanChannel:
        """The CAN bus; raises ValueError for a simulator whose wire is a line."""
        if self.bus is None:
            raise ValueError(f"{self.name} is registered for a line, so that it is on no bus: register it for CAN")
        return self.bus


class Part:
    """A simulator that stands in a world: base of every instrument and node.

    `ports` is where it touches the world. Whoever overrides one of these hooks is called; the others cost nothing.
    """

    ports: "Sequence[Port]" = ()

    @cached_property
    def lasting(self) -> Lasting:
        """What is wrong with it: where every defect of it begins that can end."""
        return Lasting()

    def elapse(self, duration: float) -> None:
        """Let `duration` s pass, at the operating point that was observed last."""

    def sample(self, current: float, voltage: float) -> None:
        """Look at the battery after each step: A through it (positive charges), V at the DC node."""

    def transmit(self) -> object:
        """Send what has become due by now; once at the end of each advance."""

    def hasten(self, speed: float) -> None:
        """Wait for messages in real s though the world goes at `speed`: links live in real time."""

    def refresh(self) -> None:
        """Learn anew what the cells are: their capacity or resistance has changed."""

    def shut_down(self) -> None:
        """The world closes."""

    def swap(self, method: str, change: Callable[[Any], Any]) -> Repair:
        """A defect: something else in the place of a method of this one specimen. How it is ended.

        Of several in one place each lasts until it is ended itself, in whatever order that happens.
        """
        return self.lasting.method(self, method, change)


@dataclass(frozen=True)
class Simulator(Generic[Given]):
    """One simulator as it is registered: `name` is what a station file calls it.

    `model` is what a specimen is called that the station says nothing of, `settings` which keys it takes, `build` what
    makes one for where it is put, `ports` the kinds of port it may have, `wire` how it is plugged in. `defects` are
    those that it knows beside those of every line; `words` are the names that parts of their forms may have.
    """

    name: str
    model: str
    settings: type[Given]
    build: Callable[[Given, Place], Part]
    ports: tuple[type[Port], ...] = ()
    wire: Wire = "line"
    defects: tuple[DefectKind, ...] = ()
    words: Mapping[str, Collection[str]] = field(default_factory=dict)


AnySimulator = Simulator[Any]
