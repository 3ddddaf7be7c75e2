"""Looks at a bench without testing: who answers, what protects it, what is due; and puts it into its safe state.

A test needs every instrument and stops at the first that fails. Here one dead instrument must not hide another, nor
keep the others from being switched off, so whatever answers is opened and the rest says why it did not. What is
powerful is told OFF first here too: a bench is looked at with nothing on.
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from threading import Event

from bench.players import Players, cast_players
from bench.running.lifecycle import OpenBench
from bench.running.setup import Setup, check_fit
from bench.safety import interrupts, powercut, witness
from bench.safety.benchverdict import BenchVerdict
from bench.safety.lease import BenchLease
from bench.safety.limits import BMS_SILENCE
from bench.safety.safestate import NOT_MEASURABLE
from bench.station import StationFile
from bench.verdicts import BenchFault, BenchInUse
from instruments.roles import CommunicationWatchdog, Identity, InstrumentFault, Protections

CALIBRATION_NOTICE = timedelta(days=30)
"""How long before its calibration runs out an instrument is mentioned."""


class ReachableBench(OpenBench):
    """A bench of which everything that answers is open. Nothing is switched on."""

    def _open(self) -> None:
        self._open_clock()
        self._find()
        for each in self._found.values():
            if each.error is not None and not isinstance(each.error, (InstrumentFault, OSError)):
                raise each.error
        self.roles = self._present()

    def _present(self) -> Players:
        """Everybody who answered, whoever it is; for the rest what says why it did not."""
        if all(each.driver is not None for each in self._found.values()):
            return cast_players(self.station, self.drivers)
        found = {name: each.player for name, each in self._found.items()}  # stand-ins play every role
        return Players(
            {role: {name: found[name] for name in self.station.players(role)} for role in self.station.played}
        )

    def identify(self, name: str) -> Identity:
        """Ask one instrument who it is; raises `InstrumentFault` or, for the wrong one, `BenchFault`."""
        each = self._found[name]
        if each.driver is None:
            raise InstrumentFault(str(each.error))
        identity = self._identify(name, each.driver)
        self.identities[name] = identity
        return identity

    def hear_bms(self) -> None:
        """Wait for the first messages of the BMS; raises `InstrumentFault` when it stays silent."""
        if "bms" not in self.roles:
            return
        deadline = self.clock.now() + BMS_SILENCE
        while True:
            self.clock.sleep(0.1)
            try:
                self.roles.bms_scan()
                self.roles.bms.state()
            except InstrumentFault:
                if self.clock.now() >= deadline:
                    raise
            else:
                return

    def protect(self) -> Mapping[str, Protections]:
        """Arm the instruments' own protections and return what they read back; raises `InstrumentFault`."""
        self._protect()
        return self.protections


@dataclass(frozen=True, slots=True)
class InstrumentCheck:
    """What one instrument said. `watchdog` is in s as read back, None where none is armed, though it may have one."""

    name: str
    driver: str
    address: str
    roles: tuple[str, ...]
    identity: Identity | None
    calibration_due: date | None
    watchdog: float | None
    has_watchdog: bool
    problems: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BenchCheck:
    """What a look at the whole bench found; `protections` as read back, by instrument.

    `safe_state` is its order, `confirmed_by` tells who else can confirm each of its steps (nobody: it is only
    reported), `unverifiable` has the steps that no instrument of this station can even read back, each with the reason.
    `found` tells what was switched on (None: it did not say) and is off now, `was` what each of these was, in words,
    `power_cut` what goes on without this
    computer (see `bench.safety.powercut`).
    """

    station: str
    pack: str
    instruments: tuple[InstrumentCheck, ...]
    protections: Mapping[str, Protections]
    problems: tuple[str, ...]
    safe_state: tuple[str, ...]
    confirmed_by: Mapping[str, tuple[str, ...]]
    unverifiable: Mapping[str, str]
    found: Mapping[str, bool | None]
    was: Mapping[str, str]
    power_cut: Sequence[powercut.LeftOn]

    @property
    def ready(self) -> bool:
        """A test could start."""
        return not self.problems and not any(instrument.problems for instrument in self.instruments)


def check(setup: Setup, today: date) -> BenchCheck:
    """Connect, identify, read back protections, look at calibration dates. Raises `InputError`, `BenchInUse`."""
    station = setup.station
    with _leased(station), _reachable(setup) as bench:
        check_fit(setup)
        instruments = tuple(_look_at(bench, name, today) for name in station.instruments)
        answering = not any(instrument.identity is None for instrument in instruments)
        problems = _protect(bench) + _fit(bench) if answering else ()
        return BenchCheck(
            station.name, setup.pack.name, _watched(instruments, bench.protections), dict(bench.protections), problems,
            station.safe_order, _confirmed_by(bench), _unverifiable(station), dict(bench.opening.found),
            bench.opening.in_words, powercut.left_on(station, bench.drivers),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class MadeSafe:
    """What became of a call for safety: what was verified, what had been on, who holds the bench (empty: nobody).

    `asked_to_end`: somebody wanted it to end (Ctrl-C, a closed terminal); it did when the bench was safe.
    """

    verdict: BenchVerdict
    found: Mapping[str, bool | None]
    was: Mapping[str, str]
    holder: str = ""
    asked_to_end: bool = False


def make_safe(setup: Setup, *, force: bool = False) -> MadeSafe:
    """Put the bench into its safe state.

    Raises `BenchInUse` where somebody else holds it, and sends nothing: two who switch one bench are no safer than
    one, and whoever holds it has a supervisor. `force` writes all the same: a run that goes on can switch on again
    what was switched off under it. A request to end waits until the bench is safe; a second one makes it hurry.
    """
    try:
        with _leased(setup.station):
            return _safe(setup, "")
    except BenchInUse as held:
        if not force:
            raise BenchInUse(
                f"{held} Nothing was sent. To switch it off under them all the same: packbench safe "
                f"{shlex.quote(setup.station_file.as_posix())} --force"
            ) from held
        holder = str(held)
    return _safe(setup, holder)


def _safe(setup: Setup, holder: str) -> MadeSafe:
    with _reachable(setup) as bench:
        # A BMS that has only just been connected to needs a moment before it can say anything.
        with suppress(InstrumentFault, OSError):
            bench.hear_bms()
        hurry, made, asked = Event(), list[BenchVerdict](), False
        try:
            with interrupts.held_back(hurry.set, asked_before=False):
                made.append(bench.make_safe(hurry=hurry))
        except KeyboardInterrupt:
            asked = True
        return MadeSafe(made[0], dict(bench.opening.found), bench.opening.in_words, holder, asked)


@contextmanager
def _leased(station: StationFile) -> Iterator[None]:
    lease = BenchLease(station.lease.file, station.name) if station.lease is not None else None
    try:
        yield
    finally:
        if lease is not None:
            lease.release()


@contextmanager
def _reachable(setup: Setup) -> Iterator[ReachableBench]:
    bench = ReachableBench(setup)
    try:
        yield bench
    finally:
        bench.close()


def _look_at(bench: ReachableBench, name: str, today: date) -> InstrumentCheck:
    entry = bench.station.instruments[name]
    problems, warnings = _calibration(entry.calibration_due, today)
    identity = None
    try:
        identity = bench.identify(name)
    except (InstrumentFault, BenchFault, OSError) as error:
        problems.insert(0, str(error))
    return InstrumentCheck(
        name, entry.driver, entry.address, entry.roles, identity, entry.calibration_due,
        None, isinstance(bench.drivers.get(name), CommunicationWatchdog), tuple(problems), tuple(warnings),
    )  # fmt: skip


def _calibration(due: date | None, today: date) -> tuple[list[str], list[str]]:
    """Problems and warnings."""
    if due is None:
        return [], []
    if due < today:
        return [f"Its calibration was due on {due}; its readings prove nothing until it is renewed."], []
    if due - today <= CALIBRATION_NOTICE:
        days = (due - today).days
        left = "1 day is" if days == 1 else f"{days} days are"
        return [], [f"Its calibration runs out on {due}: {left} left to renew it."]
    return [], []


def _watched(
    instruments: tuple[InstrumentCheck, ...], protections: Mapping[str, Protections]
) -> tuple[InstrumentCheck, ...]:
    unprotected = Protections()
    return tuple(replace(entry, watchdog=protections.get(entry.name, unprotected).watchdog) for entry in instruments)


def _confirmed_by(bench: ReachableBench) -> dict[str, tuple[str, ...]]:
    """Who else can confirm each step of the safe state."""
    station = bench.station
    present = witness.meters(station, bench.roles, lambda: 0.0)
    return {step: witness.confirmers(station, present, step) for step in station.safe_order}


def _unverifiable(station: StationFile) -> dict[str, str]:
    looked_at = "bus discharged" in station.safe_order
    return {"bus discharged": NOT_MEASURABLE} if looked_at and not station.bus_voltmeters else {}


def _protect(bench: ReachableBench) -> tuple[str, ...]:
    try:
        bench.protect()
    except (InstrumentFault, OSError) as error:
        return (str(error),)
    return ()


def _fit(bench: ReachableBench) -> tuple[str, ...]:
    pack = bench.pack
    if "emulator" not in bench.roles or bench.roles.emulator.cell_count == pack.series:
        return ()
    count = bench.roles.emulator.cell_count
    return (f"Pack {pack.name} has {pack.series} cells in series, the emulator {count}: choose another with --pack.",)
