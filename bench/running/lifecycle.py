"""Opens a bench and closes it in reverse, each step guarded.

What is powerful is told OFF before anything else is looked at (`bench.safety.asfound`), and whatever goes wrong from
then on, the safe state runs with the players that there are. Identity, protections and emulated cells come after that,
sources last: nothing can deliver current before everything that could stop it has answered. On a virtual station the
world behind the addresses is opened first and belongs to this bench alone, so that every test starts from the same
pack whatever ran before it.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any

from bench import roles
from bench.clock import Clock, VirtualClock, WallClock, monotonic
from bench.drivers import Doubted, check_entry, identified, mismatch
from bench.grid.charger import noted
from bench.players import Driver, Players, cast_players
from bench.running import inventory
from bench.running.emulation import EmulatedPack
from bench.running.scan import Scanner
from bench.running.setup import PackState, Setup, check_fit, pack_state
from bench.running.worlds import World, open_world
from bench.safety import interrupts, powercut
from bench.safety.asfound import Finding, Found, found_on
from bench.safety.benchverdict import BenchVerdict
from bench.safety.breaking import cell_danger
from bench.safety.limits import limits_for
from bench.safety.safestate import STEP_LIMIT, nobody, safe_state
from bench.safety.timelimit import OutOfTime, in_time
from bench.station import StationFile
from bench.verdicts import BenchFault, InputError
from instruments.roles import CommunicationWatchdog, Expecting, Identity, InstrumentFault, Protections
from instruments.wires.context import LinkContext

PROTECTION_MARGIN = 1.05
CURRENT_MARGIN = 1.2
"""How far the instruments' own protections lie beyond what the guard allows: the guard names the cause first."""

Transcript = Callable[[str], Callable[[str, str], None]]
"""Gives what keeps the messages of an instrument, by its name; see `LinkContext`."""
Frames = Callable[[Any], None]
"""Keeps a frame (`can.Message`) of a bus, sent or received."""
Permit = Callable[[Mapping[str, Identity]], None]
"""Says whether a bench whose instruments are who they should be may be used; raises what forbids it."""
PREPARE_LIMIT = 30.0
"""s, on a wall clock, for one instrument to identify itself, or to be protected: some dozen answers that never come."""


def anybody(_identities: Mapping[str, Identity]) -> None:
    """Nothing forbids it."""


@dataclass(slots=True)
class Opening:
    """What is known of an opening, also of one that failed.

    `found` tells of each powerful instrument whether it was switched on (None: it did not say), `was` of each that was
    what it was and what is known of why (see `bench.safety.asfound`), `safe` how the safe
    state went where the bench could not be opened, `begun` whether anything was said to an instrument. Once `hurry` is
    set, what is left of giving up is cut short.
    """

    found: Mapping[str, bool | None] = field(default_factory=dict)
    was: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    safe: BenchVerdict | None = None
    hurry: Event = field(default_factory=Event)
    begun: bool = False

    @property
    def in_words(self) -> dict[str, str]:
        """What each instrument that was on was, behind its name."""
        return {name: was for name, (was, _) in self.was.items()}

    @property
    def left(self) -> BenchVerdict | None:
        """How a bench was left that nobody holds; None where nothing was said to any of its instruments."""
        if self.safe is None and self.begun:
            return BenchVerdict.unknown("opening the bench was interrupted, and nobody has read an output back since")
        return self.safe


class OpenBench:
    """Every instrument of a station, identified, protected and ready; outputs are off.

    `start` is the test time (s) at which the clock starts. `permit` is asked once every powerful instrument was told
    OFF and every identity is right, before anything is programmed. `opening` is filled in on the way.
    """

    def __init__(
        self,
        setup: Setup,
        transcript: Transcript | None = None,
        start: float = 0.0,
        *,
        permit: Permit = anybody,
        opening: Opening | None = None,
        frames: Frames | None = None,
    ) -> None:
        self.setup = setup
        self.station, self.pack = setup.station, setup.pack
        self.clock: Clock
        self.drivers: dict[str, Driver] = {}
        self.identities: dict[str, Identity] = {}
        self.protections: dict[str, Protections] = {}
        self.limits = limits_for(self.pack, self.station)
        self.opening = opening or Opening()
        self._finding: Finding | None = None
        self._found: dict[str, Found] = {}
        self._permit = permit
        self._world: World | None = None
        self._transcript, self._frames = transcript, frames
        self._start = start
        try:
            self._open()
        except BaseException as error:
            self._abandon(error)
            raise

    @property
    def begins_with(self) -> PackState:
        """Where the pack is taken to begin."""
        return pack_state(self.setup)

    @property
    def world(self) -> World | None:
        """What stands behind the addresses of a virtual station; None on hardware, and once closed."""
        return self._world

    def _open(self) -> None:
        self._open_clock()
        self._find()
        check_fit(self.setup)
        self._refuse_what_is_missing()
        self.roles: Players = cast_players(self.station, self.drivers)
        # Whoever is only heard comes last: a node on a bus needs a moment to speak.
        for name, driver in reversed(self.drivers.items()):
            self.identities[name] = self._identify(name, driver)
        self._permit(self.identities)
        self._limited(self._protect)
        self._limited(self._prepare)
        self.emulated = self._emulate()
        players = {role: self.station.players(role) for role in self.station.played}
        self.scanner = Scanner(self.drivers, players, self._periods(), self.clock.now, self._noted())
        self.index = {name: position for position, name in enumerate(self.scanner.columns)}

    def _noted(self) -> tuple[str, ...]:
        """Columns that the bench itself fills in: those of the grid side, where there is one."""
        return noted(self.station.charger, self.station.played)

    def _find(self) -> None:
        """Open every link and tell what is powerful OFF, whatever is wrong with anything.

        Raises `InputError` before that for a driver or a link that does not exist: such a file names no bench.
        """
        for name in self.station.instruments:
            check_entry(self.station, name)
        names = roles.opening_order({name: entry.roles for name, entry in self.station.instruments.items()})
        self._finding = Finding(self._reached(), names, self._context, self.clock)
        try:
            self._take(self._finding.go_on())
        finally:
            self.opening.begun = self._finding.begun

    def _take(self, found: dict[str, Found]) -> None:
        self._found = found
        self.opening.found = found_on(found)
        self.opening.was = {name: each.was for name, each in found.items() if each.powerful and each.on}
        self.drivers |= {name: each.driver for name, each in found.items() if each.driver is not None}

    def _refuse_what_is_missing(self) -> None:
        """Raise why an instrument could not be opened, or that one was found on and cannot be switched off."""
        for name, each in self._found.items():
            if each.error is not None:
                raise each.error
            if each.stays_on:
                raise BenchFault(
                    f"Instrument {name} at {self.station.instruments[name].address} {each.was[0]} as it was found, and "
                    f"does not switch off ({each.stays_on}); look at its panel and switch it off by hand.",
                    "stays-on",
                )

    def _abandon(self, error: BaseException) -> None:
        """Give up opening: an emulator or a chamber may be on already, and an output from before is nobody's."""
        hurry = self.opening.hurry
        with interrupts.held_back(hurry.set, asked_before=isinstance(error, KeyboardInterrupt)):
            try:
                if self._finding is not None and self._finding.begun:
                    self._leave_safe(self._finding)
                    error.add_note(f"The bench was not opened; its safe state: {self.opening.safe}")
            finally:
                self.close()

    def _leave_safe(self, finding: Finding) -> None:
        """The safe state of what was found, which is looked at to its end first: OFF may be on its way."""
        hurry = self.opening.hurry
        if not finding.complete:
            with suppress(BaseException):  # why the bench is given up is known already, and is raised again
                finding.go_on(hurry.is_set)
            self._take(finding.so_far())
        try:
            self.opening.safe = self.make_safe(hurry=hurry)
        except Exception as failed:  # noqa: BLE001 - it must not stand in the place of why the bench is given up
            why = f"the safe state itself failed ({type(failed).__name__}: {failed})"
            self.opening.safe = BenchVerdict.unknown(why)

    def _players(self) -> Players:
        """Who can be asked to make the bench safe: as opened, or what stands in for who is missing or somebody else."""
        credible = {name: self._credible(name, each) for name, each in self._found.items()}
        return Players(
            {role: {name: credible[name] for name in self.station.players(role)} for role in self.station.played}
        )

    def _credible(self, name: str, each: Found) -> Any:
        """An instrument that is known to be itself, else one whose word proves nothing."""
        if each.driver is None or name in self.identities:
            return each.player
        try:
            self.identities[name] = self._identify(name, each.driver)
        except Exception as error:  # noqa: BLE001 - a driver may stumble over an answer: then it is not identified
            why = str(error) or type(error).__name__
            return Doubted(each.driver, why, self.station.instruments[name].roles)
        return each.driver

    def _periods(self) -> dict[str, float]:
        """Instruments that are asked more rarely than the bench is scanned, and how often, s."""
        entries = self.station.instruments.items()
        return {name: entry.scan_period for name, entry in entries if entry.scan_period is not None}

    def _open_clock(self) -> None:
        if self.station.clock == "wall":
            self.clock = WallClock(self.station.speed, self._start)
            return
        # A world is made for a pack; behind real addresses stands one already, which must be safe before it is judged.
        check_fit(self.setup)
        clock = VirtualClock(start=self._start)
        self._world = open_world(self.setup, clock.sleep)
        clock.advance = self._world.advance
        self.clock = clock

    def _reached(self) -> StationFile:
        """The station as its drivers reach it: what a world stands behind is looked for in this world alone."""
        world, entries = self._world, dict(self.station.instruments)
        if world is None:
            return self.station
        for name, entry in entries.items():
            resource, can = world.reached(entry.resource, entry.can)
            entries[name] = entry.model_copy(update={"resource": resource, "can": can})
        return self.station.model_copy(update={"instruments": entries})

    def _context(self, name: str) -> LinkContext:
        transcript = self._transcript
        return LinkContext(
            visa_library=self.station.visa_library if self._world is None else self._world.visa_library,
            now=self.clock.now,
            sleep=self.clock.sleep,
            transcript=None if transcript is None else transcript(name),
            every=self._every,
            real_time=self.clock.kind == "wall",
            passing=monotonic if self.clock.kind == "wall" else None,
            frames=self._frames if self.clock.kind == "wall" else None,
        )

    def _every(self, period: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call a driver back each `period` s, real ones on a wall clock: links live in real time at any speed."""
        return self.clock.every(period * (self.station.speed if self.clock.kind == "wall" else 1.0), callback)

    def _limited(self, action: Callable[[], Any]) -> Any:
        """What `action` returns, on a wall clock within `PREPARE_LIMIT`; raises `InstrumentFault` after that.

        Sooner where giving the bench up is in a hurry.
        """
        if self.clock.kind != "wall":
            return action()
        try:
            return in_time(action, PREPARE_LIMIT, self.opening.hurry.is_set)
        except OutOfTime as error:
            raise InstrumentFault(f"An instrument that was being prepared {error}; look at the transcript.") from error

    def _identify(self, name: str, driver: Driver) -> Identity:
        identity: Identity = self._limited(lambda: identified(driver))
        wrong = mismatch(self.station.instruments[name].expect, identity)
        if wrong:
            address = self.station.instruments[name].address
            raise BenchFault(
                f"Instrument {name} at {address} is {identity}: {wrong}; check the address in the station file, or "
                "what is plugged in there.",
                "wrong-identity",
            )
        if isinstance(driver, Expecting):
            driver.expect(identity)
        return identity

    def _protect(self) -> None:
        """Arm the instruments' own protections and keep what they read back."""
        pack, wiring = self.pack, self.station.wiring
        allowed = roles.Allowed(
            voltage_min=pack.voltage_min / PROTECTION_MARGIN,
            voltage_max=min(pack.voltage_max * PROTECTION_MARGIN, wiring.voltage),
            charge_current=min(pack.limits.charge_current, wiring.current) * CURRENT_MARGIN,
            discharge_current=min(pack.limits.discharge_current, wiring.current) * CURRENT_MARGIN,
            temperature_min=min(pack.limits.charge_temperature.min, pack.limits.discharge_temperature.min),
            temperature_max=max(pack.limits.charge_temperature.max, pack.limits.discharge_temperature.max),
        )
        for role in reversed(roles.opening_order({name: (name,) for name in self.station.played})):
            protect = roles.role(role).protect
            if protect is not None:
                shares = self.roles.shares(role)
                for name, player in self.roles.of(role).items():
                    said = protect(player, allowed, shares[name])
                    self.protections[f"{name} ({role})" if name in self.protections else name] = said
        for name, driver in self.drivers.items():
            self._arm_watchdog(name, driver)

    def _prepare(self) -> None:
        """Have every role's players ready for a test that asks for what it wants."""
        for role in self.station.played:
            prepare = roles.role(role).prepare
            if prepare is not None:
                for player in self.roles.of(role).values():
                    prepare(player)

    def _arm_watchdog(self, name: str, driver: Driver) -> None:
        entry, silence = self.station.instruments[name], self.station.watchdog(name)
        if isinstance(driver, CommunicationWatchdog):
            if silence is not None:
                held = self.protections.get(name, Protections())
                self.protections[name] = replace(held, watchdog=driver.arm_watchdog(silence))
        elif entry.watchdog is not None:
            raise InputError(
                f"station {self.station.name}, instrument {name}: driver {entry.driver} has no communication watchdog "
                "to arm; take the key watchdog out."
            )

    def _emulate(self) -> EmulatedPack | None:
        if "emulator" not in self.roles:
            return None
        state = pack_state(self.setup)
        return EmulatedPack(self.roles.emulator, self.pack, state.soc, state.temperature, self.clock.now)

    def make_safe(
        self,
        *,
        alive: Callable[[float], None] = nobody,
        hurry: Event | None = None,
        violated: str = "",
        discredited: frozenset[str] = frozenset(),
    ) -> BenchVerdict:
        """The safe state, with what was verified; see `safe_state`.

        Where `violated` names no limit, what the BMS says of the cells is looked at.
        """
        opened = hasattr(self, "scanner")
        players = self.roles if opened else self._players()

        def danger() -> str:
            return violated or ("bms" in players and cell_danger(self.pack, players.bms_scan())) or ""

        return safe_state(
            players, self.clock, self.station, alive=alive, hurry=hurry, violated=danger, discredited=discredited
        )

    def close(self) -> None:
        """Close in reverse order of opening; a driver that fails or hangs does not keep the others open."""
        wall = hasattr(self, "clock") and self.clock.kind == "wall"
        for driver in reversed(self.drivers.values()):
            # The link is being given up: the next one matters more than why this one complains.
            with suppress(Exception):
                in_time(driver.close, STEP_LIMIT) if wall else driver.close()
        self.drivers.clear()
        if self._world is not None:
            self._world.close()
            self._world = None
        if hasattr(self, "clock"):
            self.clock.close()

    def manifest(self) -> dict[str, Any]:
        """Everything about this bench that a run's manifest keeps."""
        return {
            "instruments": inventory.instruments(self.station, self.drivers, self.identities),
            "protections": inventory.protections(self.protections),
            "power_cut": powercut.left_on(self.station, self.drivers),
            "limits": [limit.as_dict() for limit in self.limits],
            "clock": {
                "kind": self.clock.kind,
                "epoch": self.clock.epoch.isoformat().replace("+00:00", "Z"),
                "speed": self.station.speed,
            },
        }
