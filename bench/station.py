"""The station file: which driver plays which role at which address, what wires and instruments can carry."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from bench import files, roles
from bench.accuracies import Certificate, Room
from bench.accuracies import Quantities as Accuracy
from bench.grid.charger import ChargerSettings
from instruments.wording import nearest

SHIPPED = Path(__file__).parent / "stations"

TOUCHABLE = 60.0
"""V DC up to which a circuit is voltage class A and needs no protection against touch (ISO 6469-3)."""


def _known_role(name: str) -> str:
    """A role that there is; its record is looked at, so that one that cannot be used is told here."""
    if name not in roles.names():
        raise ValueError(f"there is no such role; {nearest(name, roles.names())}")
    roles.role(name)
    return name


RoleName = Annotated[str, AfterValidator(_known_role)]


class Expected(files.FileModel):
    """What the instrument must identify as; a part of the text is enough."""

    model: str | None = None
    serial_number: str | None = None


class InstrumentEntry(files.FileModel):
    """One instrument at one address, playing one or more roles."""

    driver: str
    resource: str = Field(default="", description="VISA resource, serial or tcp address, pyserial URL")
    can: dict[str, Any] | None = Field(default=None, description="arguments of python-can's Bus")
    roles: tuple[RoleName, ...] = Field(min_length=1)
    expect: Expected = Expected()
    accuracy: Accuracy = Accuracy()
    calibration: Certificate | None = Field(default=None, description="what its calibration certificate says")
    calibration_due: date | None = Field(default=None, description="the certificate's, unless this is earlier")
    watchdog: float | None = Field(
        default=None, gt=0, description="s of its own time; on a wall clock every instrument that has one is watched"
    )
    scan_period: float | None = Field(
        default=None, gt=0, le=600, description="s between two questions to it; each scan of the bench when absent"
    )
    gap: float | None = Field(default=None, ge=0, description="s between messages; the driver's own when absent")
    timeout: float | None = Field(default=None, gt=0, description="s; the driver's own when absent")
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_link(self) -> "InstrumentEntry":
        if bool(self.resource) == (self.can is not None):
            raise ValueError("needs either a resource (VISA or serial) or a can bus, and not both")
        return self

    @model_validator(mode="before")
    @classmethod
    def _due_when_the_first_of_both_is(cls, given: Any) -> Any:
        certificate = given.get("calibration") if isinstance(given, Mapping) else None
        due = certificate.get("due") if isinstance(certificate, Mapping) else getattr(certificate, "due", None)
        if due is None:
            return given
        written = given.get("calibration_due")
        # A date that is none is told by its own key.
        if isinstance(written, date) and isinstance(due, date):
            due = min(written, due)
        return {**given, "calibration_due": due}

    @property
    def address(self) -> str:
        """One line that names the link."""
        if self.can is None:
            return self.resource
        return f"{self.can.get('interface', '?')}:{self.can.get('channel', '?')}"


class Wiring(files.FileModel):
    """What cables, fuses and contactors between the instruments and the pack can carry."""

    voltage: float = Field(gt=0, description="V")
    current: float = Field(gt=0, description="A")


class ChamberLimits(files.FileModel):
    """How the chamber is used: band of the air around its set point and how long settling may take."""

    band: float = Field(default=2.0, gt=0, description="K around the set point")
    cell_band: float = Field(default=2.0, gt=0, description="K of every cell around the set point")
    drift: float = Field(default=1.0, gt=0, description="K/h of every cell, to call it settled")
    settle_timeout: float = Field(default=12.0, gt=0, description="h")
    rest_temperature: float = Field(default=25.0, description="degC")


class GuardSettings(files.FileModel):
    """How far meters may disagree, how old a sample may be, how long cycling may be paused."""

    voltage_disagreement: float = Field(default=0.02, gt=0, lt=1, description="of the pack's highest voltage")
    current_disagreement: float = Field(default=0.01, gt=0, lt=1, description="of the pack's largest current")
    cell_voltage_disagreement: float = Field(default=0.05, gt=0, description="V")
    temperature_disagreement: float = Field(default=10.0, gt=0, description="K")
    sample_age: float = Field(default=2.0, gt=0, description="s from a scan's first question to its last answer")
    longest_hold: float = Field(default=2.0, gt=0, description="h")


class SafeState(files.FileModel):
    """In which order a bench is made safe, and when current and voltage count as gone."""

    order: tuple[str, ...] = Field(default=(), description="every step once; empty: as the roles have it")
    current: float = Field(default=0.5, gt=0, le=10, description="A below which the contactor may open")
    bus_voltage: float = Field(default=TOUCHABLE, gt=0, le=TOUCHABLE, description="V below which the bus is discharged")
    bus_meter: str | None = Field(
        default=None, description="source or sink that measures on the bench side of the contactor; none: nobody does"
    )
    confirm: tuple[str, ...] = Field(
        default=(), description="further sources and sinks whose voltmeter is on the bench side of the contactor"
    )
    insist: float = Field(default=5.0, ge=0, le=60, description="s for which an output that stays on is told OFF again")
    breaking_current: float | None = Field(
        default=None, gt=0, description="A that the contactor is rated to break; none: never opened under current"
    )
    settle: float = Field(default=2.0, gt=0, le=60, description="s for the current to go and the contactor to open")
    discharge: float = Field(default=10.0, gt=0, le=300, description="s for the bus to fall, once disconnected")

    @field_validator("order")
    @classmethod
    def _nothing_twice(cls, order: tuple[str, ...]) -> tuple[str, ...]:
        twice = next((step for step in order if order.count(step) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice!r} is given twice")
        return order


class Lease(files.FileModel):
    """Where the lock that gives one bench to one user lies, and how long a user may be silent before it is lost."""

    file: Path
    expiry: float = Field(default=900.0, ge=60, description="s without a sign of life, after which others may take it")


class Supervision(files.FileModel):
    """How long a test on a wall clock may be silent before the supervisor ends it and switches the bench off."""

    heartbeat: float = Field(default=5.0, ge=1, le=60, description="s beyond the next scan that is due")
    idle: float = Field(default=600.0, ge=10, description="s outside scenarios, when the outputs are off")


class Virtual(files.FileModel):
    """Simulators behind the addresses; `world` names an entry point of the group `packbench.worlds`.

    On the virtual clock they live and die with each test. On the wall clock a process of its own runs them, `packbench
    serve`, and `speed` is how many bench seconds pass in one second there and on the clock of the tests.
    """

    world: str = "virtual"
    speed: float = Field(default=1.0, gt=0, le=1000, description="bench s per s, on the wall clock only")
    soc: float = Field(default=0.3, ge=0, le=1)
    temperature: float = 25.0
    plant: Literal["emulator", "pack"] | None = Field(
        default=None, description="what is the battery; left out: the emulator where there is one, else a modelled pack"
    )
    spread: dict[str, float] = Field(default_factory=dict)
    specimens: int | None = Field(default=None, description="seed of the instruments' errors; else that of the test")
    simulators: dict[str, dict[str, Any]]


class StationFile(files.FileModel):
    """A bench."""

    schema_version: Literal[1] = Field(alias="schema")
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    description: str = ""
    clock: Literal["virtual", "wall"] = "wall"
    visa_library: str = "@py"
    scan_period: float = Field(default=1.0, gt=0, le=60, description="s, while a current can flow")
    rest_scan_period: float = Field(default=10.0, gt=0, le=600, description="s, in soaks and rests")
    packs: tuple[str, ...] = Field(default=(), description="default pack first, then the other chemistries")
    guard: GuardSettings = GuardSettings()
    instruments: dict[str, InstrumentEntry]
    wiring: Wiring
    charger: ChargerSettings | None = Field(default=None, description="what source and sink stand for at the AC side")
    room: Room = Room()
    chamber: ChamberLimits = ChamberLimits()
    safe_state: SafeState = SafeState()
    undecidable: Literal["warn", "refuse"] = Field(
        default="warn", description="what becomes of a scenario whose limits this bench's meters cannot decide"
    )
    lease: Lease | None = None
    supervisor: Supervision = Supervision()
    virtual: Virtual | None = None

    @field_validator("instruments")
    @classmethod
    def _roles_are_filled(cls, entries: dict[str, InstrumentEntry]) -> dict[str, InstrumentEntry]:
        for name in dict.fromkeys(role for entry in entries.values() for role in entry.roles):
            most, players = roles.role(name).most, _players(entries, name)
            if most is not None and len(players) > most:
                raise ValueError(
                    f"role {name} is played by {' and '.join(players)}; {'one is' if most == 1 else f'{most} are'} "
                    "allowed"
                )
        try:
            roles.safe_order(role for entry in entries.values() for role in entry.roles)
            roles.opening_order({name: entry.roles for name, entry in entries.items()})
        except roles.RoleError as error:
            raise ValueError(str(error)) from error
        return entries

    @field_validator("instruments")
    @classmethod
    def _watchdogs_outlast_a_healthy_test(
        cls, entries: dict[str, InstrumentEntry], info: ValidationInfo
    ) -> dict[str, InstrumentEntry]:
        if not set(_PACE) <= set(info.data):
            return entries
        for name, entry in entries.items():
            scans, rests, guard = (info.data[key] for key in _PACE)
            silence = _longest_silence(scans, rests, guard, entry)
            if entry.watchdog is not None and entry.watchdog <= silence:
                raise files.WrongAt(
                    (name, "watchdog"), entry.watchdog,
                    f"it would end healthy tests, which are silent for up to {silence:g} s (the longer scan period and "
                    "guard.sample_age); give it more, or scan more often",
                )  # fmt: skip
        return entries

    @field_validator("safe_state")
    @classmethod
    def _safe_state_fits_the_instruments(cls, safe: SafeState, info: ValidationInfo) -> SafeState:
        entries: dict[str, InstrumentEntry] = info.data.get("instruments", {})
        meters = [name for name, entry in entries.items() if {"source", "sink"} & set(entry.roles)]
        named = {"bus_meter": (safe.bus_meter,) if safe.bus_meter else (), "confirm": safe.confirm}
        for key, name in ((key, name) for key, names in named.items() for name in names):
            if meters and name not in meters:
                raise files.WrongAt(
                    (key,), name, f"no source or sink of this station; {nearest(name, meters)}"
                )  # fmt: skip
        if entries and safe.order:
            _check_order(safe.order, [role for entry in entries.values() for role in entry.roles])
        return safe

    @model_validator(mode="after")
    def _simulators_have_a_place(self) -> "StationFile":
        if self.virtual is not None:
            unknown = set(self.virtual.simulators) - set(self.instruments)
            if unknown:
                name = min(unknown)
                behind = f"stands behind no instrument; {nearest(name, self.instruments)}"
                raise files.WrongAt(("virtual", "simulators", name), name, behind)
        if self.clock == "virtual" and self.virtual is None:
            raise ValueError("clock: virtual needs a virtual section, for there is no hardware without time")
        if self.clock == "virtual" and self.virtual is not None and self.virtual.speed != 1.0:
            raise ValueError("virtual.speed belongs to a served station (clock: wall); virtual time has no speed")
        return self

    @property
    def speed(self) -> float:
        """Bench seconds that pass in one second of the wall clock: 1 for everything but a served station."""
        return 1.0 if self.virtual is None else self.virtual.speed

    def watchdog(self, name: str) -> float | None:
        """How long (s of its own time) an instrument may hear nothing before its watchdog ends it; None: for ever.

        Where the file does not say, it is as patient as the supervisor, or none where simulators end with the test.
        """
        written = self.instruments[name].watchdog
        if written is not None or self.clock == "virtual":
            return written
        silence = _longest_silence(self.scan_period, self.rest_scan_period, self.guard, self.instruments[name])
        return silence + self.supervisor.heartbeat * self.speed

    @property
    def played(self) -> tuple[str, ...]:
        """The roles that somebody plays here."""
        return tuple(dict.fromkeys(role for entry in self.instruments.values() for role in entry.roles))

    @property
    def safe_order(self) -> tuple[str, ...]:
        """The steps of the safe state: as written, else as the roles have it."""
        return self.safe_state.order or roles.safe_order(self.played)

    @property
    def bus_voltmeters(self) -> tuple[str, ...]:
        """Names of the sources and sinks that measure on the bench side of the contactor; `bus_meter` is the first."""
        first = self.safe_state.bus_meter
        return tuple(dict.fromkeys((*((first,) if first else ()), *self.safe_state.confirm)))

    def players(self, role: str) -> tuple[str, ...]:
        """Names of the instruments that play `role`."""
        return _players(self.instruments, role)

    def player(self, role: str) -> str | None:
        """Name of the first instrument that plays `role`."""
        return next(iter(self.players(role)), None)

    def whoever_is(self, role: str) -> str:
        """As `player`; one that nobody plays is called by the role."""
        return self.player(role) or role


def _players(entries: Mapping[str, InstrumentEntry], role: str) -> tuple[str, ...]:
    return tuple(name for name, entry in entries.items() if role in entry.roles)


def _check_order(order: Sequence[str], played: Sequence[str]) -> None:
    """Raise where the order of a safe state is not what the roles of a station need."""
    steps = {name: step for name, (step, _) in roles.steps_of(played).items()}
    for index, name in enumerate(order):
        if name not in steps:
            raise files.WrongAt(("order", index), name, f"is no step of this station; {nearest(name, steps)}")
    missing = [name for name in roles.safe_order(played) if name not in order]
    if missing:
        raise files.WrongAt(
            ("order",), order, f"{missing[0]!r} is missing; a safe state has {', '.join(roles.safe_order(played))}"
        )
    for first, then, why in roles.rules(steps.values()):
        if order.index(then) < order.index(first):
            raise files.WrongAt(("order",), order, f"{then!r} comes before {first!r}, so that {why}; put it after")


_PACE = ("scan_period", "rest_scan_period", "guard")
"""Keys that say how long a healthy test is silent."""


def _longest_silence(
    scan_period: float, rest_scan_period: float, guard: GuardSettings, entry: InstrumentEntry
) -> float:
    """Longest time (s) from one question to the next in a healthy test; soaks, rests and holds scan less often.

    An instrument with a period of its own is asked in the first scan behind it.
    """
    return (entry.scan_period or 0.0) + max(scan_period, rest_scan_period) + guard.sample_age


def load_station(name: str) -> tuple[StationFile, Path]:
    """The station behind a path or a shipped name, and the file it was read from; raises `InputError`."""
    path = files.find(name, SHIPPED, "station")
    return files.load(path, StationFile), path
