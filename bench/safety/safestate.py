"""The safe state: an ordered list, every step attempted whatever happened before, every step confirmed by another.

The order comes from the station file and was checked when that was read: sink off, source off, current below a
threshold, contactor open, bus discharged, emulator off, chamber and coolant to rest. The result is a *bench verdict*
beside the test verdict (`bench.safety.benchverdict`).

What an instrument says of itself is not enough: a step is *verified* once a meter of another instrument confirms it,
*reported* where the station has no such meter, and *not verified* where an answer is missing or contradicted, or an
existing witness was not heard (`bench.safety.witness` has the table).
"""

from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from math import isnan, nan
from threading import Event
from typing import Any, cast

from bench.clock import Clock, WallClock
from bench.drivers import is_there
from bench.players import Players, measured
from bench.roles import Fact, Power, RoleError, steps_of
from bench.roles import role as role_of
from bench.safety import breaking, witness
from bench.safety.benchverdict import BenchVerdict, SafeStep
from bench.safety.limits import BMS_SILENCE
from bench.safety.timelimit import OutOfTime, begun, in_time
from bench.station import StationFile
from instruments.roles import BmsMode, BmsState, InstrumentFault, Scanned, StaysAsItIs

STEP_LIMIT = 5.0
"""s, on a wall clock, for the command of a step and again for its read-back: two answers that never come, and more."""
AT_REST = frozenset({BmsState.STANDBY, BmsState.ERROR})
OPEN_STATES = AT_REST | {BmsState.OPENING}
LEFT_OUT = "left out, because the bench was asked again to end"
NOT_MEASURABLE = "not measurable here: the station file names no bus_meter on the bench side of the contactor"
WAITING = "a meter has not settled yet"
FEEDBACK = 0.5
"""s for which a contactor that is said to be open is looked at: that one has not followed is found out after that.

A foxBMS 2 shows STANDBY, and the error of a welded one 60 ms later (release 1.11), in messages 100 ms apart.
"""
LOOK_EVERY = 0.1
"""s of the clock between two looks, and between two commands that are repeated."""
Action = Callable[[], object]
Check = Callable[[], str]
"""Reads back; returns what is wrong, or nothing."""
Attempt = Callable[[Callable[[], Any], float], Any]
"""Carries out an action within a limit (s) and returns what it returned; raises `OutOfTime`, or what it raised."""


def at_leisure(action: Callable[[], Any], _limit: float) -> Any:
    """No limit: on a virtual clock nothing hangs but a mistake in a simulator."""
    return action()


def outputs_off(players: Players, attempt: Attempt = at_leisure) -> None:
    """The shortest way to no current; every output is tried, the first failure is raised at the end."""
    first: Exception | None = None
    for player, power in players.moving():
        try:
            attempt(partial(power.off, player), STEP_LIMIT)
        except Exception as error:  # noqa: BLE001 - the other output must be tried whatever this one did
            first = first or error
    if first is not None:
        raise first


def nobody(_seconds: float) -> None:
    """Nobody watches whether the test is alive."""


def nothing_violated() -> str:
    """Nobody knows of a limit that is violated."""
    return ""


@dataclass(frozen=True, slots=True)
class _Circumstances:
    """What whoever asks for the safe state knows; see `safe_state`."""

    alive: Callable[[float], None]
    hurry: Event
    violated: Callable[[], str]
    last_resort: bool
    discredited: frozenset[str]


def safe_state(
    players: Players,
    clock: Clock,
    station: StationFile,
    *,
    alive: Callable[[float], None] = nobody,
    hurry: Event | None = None,
    violated: Callable[[], str] = nothing_violated,
    last_resort: bool = False,
    discredited: frozenset[str] = frozenset(),
) -> BenchVerdict:
    """Carry out the whole list in the station's order; never raises for an instrument that fails.

    On a wall clock a step that does not come back within `STEP_LIMIT` is given up and the next one tried. `alive` is
    told before each step how long (s) it may take. Once `hurry` is set the outputs are switched off once more and
    nothing else is done: what was not reached is left out, and so not verified.

    `violated` names a limit that is violated, if any; then, or with `last_resort`, the contactor may be opened under a
    current. Meters of the instruments in `discredited` were contradicted in this run and confirm nothing.
    """
    hurry = hurry or Event()
    limited: Attempt = at_leisure if clock.kind == "virtual" else in_time
    attempt: Attempt = at_leisure if clock.kind == "virtual" else partial(in_time, given_up=hurry.is_set)
    now = _Circumstances(alive, hurry, violated, last_resort, discredited)
    on_its_way = _Pass(players, clock, station, now, attempt)
    for name in station.safe_order:
        on_its_way.carry_out(name)
    on_its_way.leave_the_contactor()
    if hurry.is_set():
        # What was given up may have been the very command that switches off.
        with suppress(Exception):
            outputs_off(players, limited)
    steps = tuple(map(on_its_way.confirmed, on_its_way.steps))
    return BenchVerdict(steps) if steps else BenchVerdict.of_nothing()


@dataclass(slots=True)
class _Step:
    """What whoever carries a step out says of it.

    `problem` is None where nobody can read it back. `hung`: a command or an answer never came back, so that another
    one would only wait behind it.
    """

    name: str
    done: bool = False
    problem: str | None = ""
    note: str = ""
    hung: bool = False
    duration: float = 0.0


class _Pass:
    """One way through the list: what was commanded, what was read back, what the meters said on the way."""

    def __init__(
        self, players: Players, clock: Clock, station: StationFile, now: _Circumstances, attempt: Attempt
    ) -> None:
        self.steps: list[_Step] = []
        self._roles, self._clock, self._station, self._now, self._attempt = players, clock, station, now, attempt
        self._started = clock.now()
        self._outputs: dict[str, _Step] = {}
        steps = steps_of(station.played)
        self._facts = {name: step.fact for name, (step, _) in steps.items()}
        self._acts = {name: _power(owners[0]) for name, (step, owners) in steps.items() if step.acts}
        self._moving = [name for name in station.safe_order if name in self._acts and self._acts[name].moves_current]
        self._role = {name: owners[0] for name, (_, owners) in steps.items()}
        self._meters = witness.meters(station, players, lambda: clock.now() - self._started)
        self._readings: dict[Fact, tuple[witness.Reading, ...]] = {}
        safe = station.safe_state
        self._bounds = witness.Bounds(max(safe.current, witness.PACK_CURRENT), safe.bus_voltage)
        self._left_closed = self._contactor_told = False
        self._ways: dict[str, Callable[[_Step], None]] = {
            "current gone": self._current, "contactor open": self._contactor, "bus discharged": self._bus,
            **dict.fromkeys(self._moving, self._output),
        }  # fmt: skip

    def carry_out(self, name: str) -> None:
        """One step, whatever becomes of it."""
        step, start = _Step(name), self._clock.now()
        self.steps.append(step)
        if self._now.hurry.is_set():
            step.problem = LEFT_OUT
            return
        self._now.alive(longest(self._station, name))
        try:
            self._ways.get(name, self._switch)(step)
        except Exception as error:  # noqa: BLE001 - the next step must be attempted
            step.problem = _words(error)
        step.duration = round(self._clock.now() - start, 6)

    def leave_the_contactor(self) -> None:
        """Where nobody has asked it to open, closing the links must not: there was no reason to, or nobody looked."""
        if "bms" in self._roles and not self._contactor_told and not self._left_closed:
            self._leave_closed()

    def confirmed(self, step: _Step) -> SafeStep:
        """A step with what everybody else says of it."""
        note = f"; {step.note}" if step.note else ""
        kept = SafeStep(step.name, step.done, verified=False, detail=f"{step.problem}{note}", duration=step.duration)
        if step.problem:
            return kept
        said = witness.testimony(
            self._station, step.name, self._meters, self._readings, self._bounds, self._now.discredited
        )
        if said.verified is False:
            return replace(kept, detail=f"{said.why}{note}")
        if step.problem is None:
            alone = f"; {said.by} alone finds it dead" if said.by else ""
            return replace(kept, verified=None, detail=f"{NOT_MEASURABLE}{alone}")
        if said.verified is None:
            return replace(kept, verified=None, detail=f"{witness.alone(self._station, step.name)}{note}")
        return replace(kept, verified=True, detail=f"verified{note}", witness=said.by)

    # --- what is switched ---------------------------------------------------------------------------------------------

    def _output(self, step: _Step) -> None:
        """All outputs are told OFF before any is looked at, and again together."""
        if not self._outputs:
            told = self._tell_all()
            self._outputs = {name: _Step(name) for name in told}
            for name, error in told.items():
                self._look_back(self._outputs[name], error)
            self._insist(*self._outputs.values())
        looked_at = self._outputs[step.name]
        step.done, step.problem, step.note = looked_at.done, looked_at.problem, looked_at.note

    def _switch(self, step: _Step) -> None:
        """Whatever else a role can leave on."""
        self._look_back(step, self._say_off(step))
        if self._acts[step.name].insist:
            self._insist(step)
        fact = self._facts[step.name]
        if fact is not None:
            self._observe(fact, lambda: "", self._station.safe_state.settle)

    def _tell_all(self) -> dict[str, Exception | None]:
        """On a wall clock at once, where they are several: a dead one must not delay the others."""
        tasks = {name: self._off(name) for name in self._moving}
        if self._clock.kind == "wall" and len(self._roles.meters()) > 1:
            tasks = {name: [begun(task).result for task in each] for name, each in tasks.items()}
        return {name: self._tried(each) for name, each in tasks.items()}

    def _players(self, name: str) -> Mapping[str, Any]:
        """Whom a step is about, by instrument."""
        return self._roles.of(self._role[name])

    def _off(self, name: str) -> list[Action]:
        return [partial(self._acts[name].off, player) for player in self._players(name).values()]

    def _say_off(self, step: _Step) -> Exception | None:
        return self._tried(self._off(step.name))

    def _tried(self, tasks: Sequence[Action]) -> Exception | None:
        """What became of a command to each of several: nothing, or what was raised first."""
        first: Exception | None = None
        for task in tasks:
            try:
                self._attempt(task, STEP_LIMIT)
            except Exception as error:  # noqa: BLE001 - it is told with its step
                first = first or error
        return first

    def _look_back(self, step: _Step, error: Exception | None) -> None:
        """Keep what became of a command, and what the instrument itself says of it."""
        step.done, step.hung = error is None, isinstance(error, OutOfTime)
        step.problem = _words(error) if error else ""
        if step.hung:
            return
        power, players = self._acts[step.name], self._players(step.name)
        found = list[str]()
        for name, player in players.items():
            try:
                still_on = self._looked(lambda: "" if power.is_off(player) else power.still_on)  # noqa: B023 - called at once
            except OutOfTime as hung:
                still_on, step.hung = str(hung), True
            if still_on:
                found.append(still_on if len(players) == 1 else f"{name}: {still_on}")
        step.problem = "; ".join(found) or step.problem

    def _insist(self, *steps: _Step) -> None:
        """Say OFF and look again for a stated time to whatever stays on, while the BMS measures what flows."""
        deadline, said, most = self._in(self._station.safe_state.insist), 1, 0.0
        while self._clock.now() < deadline and not self._now.hurry.is_set():
            deaf = [step for step in steps if step.problem and not step.hung and self._is_there(step.name)]
            if not deaf:
                return
            self._clock.sleep(LOOK_EVERY)
            said += 1
            for step in deaf:
                self._look_back(step, self._say_off(step))
            with suppress(Exception):
                most = max(most, self._attempt(self._amps_of_the_bms, STEP_LIMIT))
            for step in deaf:
                flowed = f"while up to {most:.2f} A flowed through the pack"
                step.note = f"told OFF {said} times, {flowed}" if step.problem else ""

    def _is_there(self, name: str) -> bool:
        return any(map(is_there, self._players(name).values()))

    def _amps_of_the_bms(self) -> float:
        """What the BMS measures now, A either way; 0 where it is not heard."""
        return max((abs(reading.value) for reading in self._read("pack current") if not reading.silent), default=0.0)

    # --- what is waited for -------------------------------------------------------------------------------------------

    def _current(self, step: _Step) -> None:
        step.problem = self._observe("pack current", self._ammeters, self._station.safe_state.settle)
        step.done = not step.problem
        with suppress(Exception):
            pack = self._attempt(partial(witness.heard, self._roles, "pack voltage", self._silence), STEP_LIMIT)
            self._bounds = replace(self._bounds, pack=pack)

    def _bus(self, step: _Step) -> None:
        # Behind a contactor that was left closed there is nothing to wait for.
        seconds = 0.0 if self._left_closed else self._station.safe_state.discharge
        first = next(iter(self._station.bus_voltmeters), None)
        problem = self._observe("bus voltage", lambda: "" if first is None else self._bus_problem(first), seconds)
        step.problem = None if first is None else problem
        step.done = first is not None and not problem

    def _contactor(self, step: _Step) -> None:
        try:
            amps = self._attempt(self._amps_now, STEP_LIMIT)
        except OutOfTime:
            amps = nan
        if amps != 0.0 and not self._is_open():
            reason = self._reason()
            step.problem = breaking.refusal(amps, self._station.safe_state, reason)
            if step.problem:
                self._leave_closed()
                return
            step.note = f"opened under {amps:.2f} A, because {reason}"
        self._contactor_told = True
        error = self._tried([partial(self._roles.bms.request_mode, BmsMode.STANDBY)])
        step.done = error is None
        if isinstance(error, OutOfTime):
            step.problem = str(error)
            return
        # One that is opening is waited for: a foxBMS 2 takes 0.7 s, and up to 3 s more for the current to fall.
        still_closed = self._until(partial(self._closed, AT_REST), self._station.safe_state.settle)
        if still_closed:
            still_closed = self._until(self._closed, 0.0)
        still_closed = still_closed or self._welded()
        step.problem = still_closed or (_words(error) if error else "")

    def _leave_closed(self) -> None:
        self._left_closed = True
        with suppress(Exception):
            if isinstance(self._roles.bms, StaysAsItIs):
                self._roles.bms.stay_as_it_is()

    def _reason(self) -> str:
        """Why the contactor is to be opened though a current flows; nothing: there is no reason."""
        violated = ""
        with suppress(Exception):
            violated = self._attempt(self._now.violated, STEP_LIMIT)
        return violated or (breaking.LAST_RESORT if self._now.last_resort else "")

    def _amps_now(self) -> float:
        """The largest current (A) that anybody measures, 0 for one that counts as gone.

        nan where neither the BMS, whose current is the contactor's, nor every ammeter tells. One that was contradicted
        in this run may tell of a current, but not alone that there is none.
        """
        readings = [reading for reading in self._read("pack current") if not reading.silent]
        heard = [abs(reading.value) for reading in readings]
        measured = [abs(amps) for amps in map(_amps, self._roles.meters().values())]
        believed = any(reading.instrument not in self._now.discredited for reading in readings)
        if not believed and any(map(isnan, measured)):
            return nan
        known = [amps for amps in measured if not isnan(amps)]
        gone = all(amps <= self._bounds.current for amps in heard)
        gone = gone and all(amps < self._station.safe_state.current for amps in known)
        return 0.0 if gone else max([*heard, *known])

    def _ammeters(self) -> str:
        limit = self._station.safe_state.current
        for meter in self._roles.meters().values():
            current = measured(meter, "current")
            # Written so that a current that cannot be read (nan) is not taken for none.
            if not abs(current) < limit:
                return "the current cannot be read" if isnan(current) else f"{abs(current):.2f} A still flows"
        return ""

    def _bus_problem(self, first: str) -> str:
        (volts,) = (reading for reading in self._readings["bus voltage"] if reading.instrument == first)
        limit = self._bounds.touchable
        if volts.silent:
            return f"the bus voltage cannot be read: {first} {volts.silent}"
        return "" if abs(volts.value) < limit else (
            f"{volts.value:.1f} V remain on the bus, less than {limit:g} V is safe to touch"
        )  # fmt: skip

    def _closed(self, opened: Container[BmsState] = OPEN_STATES) -> str:
        try:
            self._roles.bms_scan()
            state, age = self._roles.bms.state(), self._roles.bms.state_age()
        except InstrumentFault as silent:
            # A node that has only just been connected to needs a moment before it can be heard.
            return str(silent)
        if age > BMS_SILENCE:
            # What it said then, it cannot vouch for now.
            return f"BMS reported {state.name} {age:.0f} s ago and no state since"
        return "" if state in opened else f"BMS reports {state.name}"

    def _welded(self) -> str:
        """What the BMS says of a contactor that has not followed, though it is open by its state; nothing: of none."""
        deadline = self._in(FEEDBACK)
        while not (found := self._looked(self._feedback)) and self._clock.now() < deadline:
            if self._now.hurry.is_set():
                break
            self._clock.sleep(LOOK_EVERY)
        return found

    def _feedback(self) -> str:
        signals = [fault.signal for fault in self._roles.bms.faults() if fault.about == "contactor"]
        if not signals:
            return ""
        return f"BMS reports a contactor that did not open ({', '.join(signals)}): look for one that is welded"

    def _is_open(self) -> bool:
        """Whether the BMS says that its contactor is open already: then there is nothing to break."""
        try:
            return not self._attempt(self._closed, STEP_LIMIT)
        except Exception:  # noqa: BLE001 - who does not answer says nothing
            return False

    # --- looking ------------------------------------------------------------------------------------------------------

    def _observe(self, fact: Fact, own: Check, seconds: float) -> str:
        """Look until neither a meter of `fact` nor `own` finds anything, at most for `seconds`; what `own` finds then.

        Who does not answer at all is not waited for any longer than a contactor may take.
        """
        settle = self._in(self._station.safe_state.settle)

        def look() -> str:
            self._readings[fact] = readings = self._read(fact)
            problem, patient = own(), self._clock.now() < settle
            return problem or ("" if witness.settled(fact, readings, self._bounds, patient=patient) else WAITING)

        found = self._until(look, seconds)
        return "" if found == WAITING else found

    def _read(self, fact: Fact) -> tuple[witness.Reading, ...]:
        return tuple(witness.read(self._meters, fact))

    def _until(self, problem: Check, seconds: float) -> str:
        """Look until there is no problem any more, at most for `seconds`."""
        return self._looked(lambda: _wait(problem, self._in(seconds), self._clock, self._now.hurry), seconds)

    def _looked(self, check: Check, seconds: float = 0.0) -> str:
        """What a look says; one answer that is lost or garbled sends nobody to the bench, so it is asked again.

        Raises `OutOfTime` for one that does not come back.
        """
        problem = ""
        for _ in range(2):
            try:
                return cast("str", self._attempt(check, STEP_LIMIT + seconds))
            except InstrumentFault as error:
                problem = str(error)
            except OutOfTime:
                raise
            except Exception as error:  # noqa: BLE001 - what cannot be read back is not verified
                return _words(error)
        return problem

    def _silence(self) -> float:
        return self._clock.now() - self._started

    def _in(self, seconds: float) -> float:
        """When (s of the clock) that many seconds of real time will have passed."""
        # Contactors, capacitors and messages take real time, however fast a served bench runs.
        return self._clock.now() + seconds * (self._clock.speed if isinstance(self._clock, WallClock) else 1.0)


def longest(station: StationFile, name: str) -> float:
    """How long (s) a step may take: its commands and read-backs, and what it waits for, each looked at twice."""
    step, owners = steps_of(station.played)[name]
    safe, players = station.safe_state, len(station.players(owners[0]))
    insists = step.acts and _power(owners[0]).insist
    waits = {"contactor open": safe.settle, "bus discharged": safe.discharge}.get(name, safe.settle if step.fact else 0)
    return 5 * STEP_LIMIT * max(1, players) + (safe.insist if insists else 0.0) + 2 * waits


def _power(role: str) -> Power:
    power = role_of(role).power
    if power is None:
        raise RoleError(f"a step of the safe state switches the {role} off, and the role has no power to switch")
    return power


def _amps(meter: Scanned) -> float:
    try:
        return measured(meter, "current")
    except Exception:  # noqa: BLE001 - the next meter must be asked, whatever this one did
        return nan


def _wait(problem: Check, deadline: float, clock: Clock, hurry: Event) -> str:
    """Look until there is no problem any more, at most until `deadline`."""
    while (text := problem()) and clock.now() < deadline and not hurry.is_set():
        clock.sleep(LOOK_EVERY)
    return text


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
