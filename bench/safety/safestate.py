"""The safe state: an ordered list, every step attempted whatever happened before, every step verified by read-back.

The order comes from the station file and was checked when that was read: sink off, source off, current below a
threshold, contactor open, bus discharged, emulator off, chamber to rest. The result is a *bench verdict* beside the
test verdict: a test that passed on a bench whose output could not be verified off is not a clean pass.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from math import isnan
from threading import Event
from typing import Any, cast

from bench.clock import Clock, WallClock
from bench.roles import Roles
from bench.safety.limits import BMS_SILENCE
from bench.safety.timelimit import OutOfTime, in_time
from bench.station import Role, SafeAction, StationFile
from instruments.roles import BmsMode, BmsState, InstrumentFault, Scanned

STEP_LIMIT = 5.0
"""s, on a wall clock, for the command of a step and again for its read-back: two answers that never come, and more."""
OPEN_STATES = frozenset(
    {BmsState.STANDBY, BmsState.OPEN_CONTACTORS, BmsState.IDLE, BmsState.INITIALIZED, BmsState.ERROR}
)
PACK_CURRENT = 0.5
"""A that a BMS may measure where none flows: its shunt is made for hundreds."""
LEFT_OUT = "left out, because the bench was asked again to end"
NOT_MEASURABLE = "not measurable here: the station file names no bus_meter on the bench side of the contactor"

Action = Callable[[], None]
Check = Callable[[], str]
"""Reads back; returns what is wrong, or nothing."""


Attempt = Callable[[Callable[[], Any], float], Any]
"""Carries out an action within a limit (s) and returns what it returned; raises `OutOfTime`, or what it raised."""


@dataclass(frozen=True, slots=True)
class SafeStep:
    """How one step of the safe state went; `verified` is None for what this station has no means to read back."""

    name: str
    done: bool
    verified: bool | None
    detail: str
    duration: float


@dataclass(frozen=True, slots=True)
class BenchVerdict:
    """Whether the bench was left safe, and how that is known."""

    steps: tuple[SafeStep, ...]

    @property
    def safe(self) -> bool:
        """Every step was carried out, and verified where the station has the means to."""
        return all(step.verified is not False for step in self.steps)

    def __str__(self) -> str:
        if self.safe:
            unknown = "; ".join(f"{step.name}: {step.detail}" for step in self.steps if step.verified is None)
            return f"outputs verified off{f' ({unknown})' if unknown else ''}"
        bad = "; ".join(f"{step.name}: {step.detail}" for step in self.steps if step.verified is False)
        return f"NOT VERIFIED SAFE ({bad}). Switch the bench off by hand and look at it before anyone touches it."

    def as_dict(self) -> dict[str, Any]:
        """As stored in the manifest."""
        return {"safe": self.safe, "steps": [asdict(step) for step in self.steps]}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> "BenchVerdict":
        """As read from a manifest; raises `KeyError` or `TypeError` for anything else."""
        return cls(tuple(SafeStep(**step) for step in kept["steps"]))


def at_leisure(action: Callable[[], Any], _limit: float) -> Any:
    """No limit: on a virtual clock nothing hangs but a mistake in a simulator."""
    return action()


def outputs_off(roles: Roles, attempt: Attempt = at_leisure) -> None:
    """The shortest way to no current; every output is tried, the first failure is raised at the end."""
    first: Exception | None = None
    for switch in (roles.sink.sink_off, roles.source.source_off):
        try:
            attempt(switch, STEP_LIMIT)
        except Exception as error:  # noqa: BLE001 - the other output must be tried whatever this one did
            first = first or error
    if first is not None:
        raise first


def safe_state(
    roles: Roles,
    clock: Clock,
    station: StationFile,
    *,
    alive: Callable[[float], None] = lambda _seconds: None,
    hurry: Event | None = None,
) -> BenchVerdict:
    """Carry out the whole list in the station's order; never raises for an instrument that fails.

    On a wall clock a step that does not come back within `STEP_LIMIT` is given up and the next one tried. `alive` is
    told before each step how long (s) it may take. Once `hurry` is set the outputs are switched off once more and
    nothing else is done: what was not reached is left out, and so not verified.
    """
    hurry = hurry or Event()
    limited: Attempt = at_leisure if clock.kind == "virtual" else in_time
    attempt: Attempt = at_leisure if clock.kind == "virtual" else partial(in_time, given_up=hurry.is_set)
    steps = []
    for name, task in _plan(roles, clock, station, hurry):
        if hurry.is_set():
            steps.append(SafeStep(name, done=False, verified=False, detail=LEFT_OUT, duration=0.0))
        elif task is None:
            steps.append(SafeStep(name, done=False, verified=None, detail=NOT_MEASURABLE, duration=0.0))
        else:
            alive(3 * STEP_LIMIT + 2 * task.wait)
            steps.append(_carry_out(name, task, attempt, clock.now))
    if hurry.is_set():
        # What was given up may have been the very command that switches off.
        with suppress(Exception):
            outputs_off(roles, limited)
    return BenchVerdict(tuple(steps))


@dataclass(frozen=True, slots=True)
class _Task:
    """Command and read-back of a step; `wait` is how long (s) the read-back may take to come true."""

    action: Action
    check: Check
    wait: float = 0.0


def _plan(roles: Roles, clock: Clock, station: StationFile, hurry: Event) -> Iterator[tuple[SafeAction, _Task | None]]:
    """Each step of the station's order; None: it cannot be read back here."""
    sink, source, emulator, chamber = roles.sink, roles.source, roles.emulator, roles.chamber
    safe, bus = station.safe_state, station.bus_role

    def until(problem: Check, seconds: float, action: Action = _nothing) -> _Task:
        return _Task(action, lambda: _wait(problem, seconds, clock, hurry), seconds)

    def to_standby() -> None:
        roles.bms.request_mode(BmsMode.STANDBY)

    tasks: dict[SafeAction, _Task] = {
        "sink off": _Task(sink.sink_off, lambda: "" if sink.sink_is_off() else "input still reads on"),
        "source off": _Task(source.source_off, lambda: "" if source.source_is_off() else "output still reads on"),
        "current gone": until(lambda: _current_remaining(roles, safe.current), safe.settle),
        "contactor open": until(lambda: _contactor(roles), safe.settle, to_standby),
        "chamber to rest": _Task(
            chamber.chamber_rest, lambda: "" if chamber.chamber_is_resting() else "still conditioning"
        ),
    }
    if bus is not None:
        tasks["bus discharged"] = until(lambda: _bus(roles, bus, safe.bus_voltage), safe.discharge)
    if emulator is not None:
        tasks["emulator off"] = _Task(
            emulator.emulator_off, lambda: "" if emulator.emulator_is_off() else "a channel still reads on"
        )
    for name in station.safe_order:
        yield name, tasks.get(name)


def _carry_out(name: str, task: _Task, attempt: Attempt, now: Callable[[], float]) -> SafeStep:
    start, done, problem = now(), False, ""
    try:
        attempt(task.action, STEP_LIMIT)
        done = True
    except OutOfTime as error:
        # A read-back would only wait behind it.
        return SafeStep(name, done=False, verified=False, detail=str(error), duration=round(now() - start, 6))
    except Exception as error:  # noqa: BLE001 - the next step must be attempted, and this one still be looked at
        problem = str(error) or type(error).__name__
    problem = _looked(task, attempt) or problem
    return SafeStep(name, done, not problem, problem or "verified", round(now() - start, 6))


def _looked(task: _Task, attempt: Attempt) -> str:
    """What the read-back says; one answer that is lost or garbled sends nobody to the bench, so it is asked again."""
    problem = ""
    for _ in range(2):
        try:
            return cast("str", attempt(task.check, STEP_LIMIT + task.wait))
        except InstrumentFault as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001 - what cannot be read back is not verified
            return str(error) or type(error).__name__
    return problem


def _nothing() -> None:
    """Waiting is all there is to do."""


def _wait(problem: Check, seconds: float, clock: Clock, hurry: Event) -> str:
    """Look until there is no problem any more, at most for `seconds`."""
    # Contactors, capacitors and messages take real time, however fast a served bench runs.
    deadline = clock.now() + seconds * (clock.speed if isinstance(clock, WallClock) else 1.0)
    while (text := problem()) and clock.now() < deadline and not hurry.is_set():
        clock.sleep(0.1)
    return text


def _current_remaining(roles: Roles, limit: float) -> str:
    for meter in roles.meters():
        meter.request()
        current = meter.collect()[1]
        # Written so that a current that cannot be read (nan) is not taken for none.
        if not abs(current) < limit:
            return "the current cannot be read" if isnan(current) else f"{abs(current):.2f} A still flows"
    return _current_through_the_pack(roles, max(limit, PACK_CURRENT))


def _current_through_the_pack(roles: Roles, limit: float) -> str:
    """What the BMS measures: an output that says off, and that no current flows, may be wrong in both."""
    try:
        heard = roles.bms_scan()
    except InstrumentFault:
        return ""  # whether it can be heard is asked for its contactor
    current = heard["pack current"]
    if abs(current) > limit and not heard["age"] > BMS_SILENCE:
        return f"{abs(current):.2f} A still flows through the pack, as its BMS measures it"
    return ""


def _bus(roles: Roles, role: Role, limit: float) -> str:
    meter = cast("Scanned", roles.source if role == "source" else roles.sink)
    meter.request()
    voltage = meter.collect()[0]
    if not abs(voltage) < limit:
        remains = f"{voltage:.1f} V remain on the bus, less than {limit:g} V is safe to touch"
        return "the bus voltage cannot be read" if isnan(voltage) else remains
    return ""


def _contactor(roles: Roles) -> str:
    try:
        roles.bms_scan()
        state, age = roles.bms.state(), roles.bms.state_age()
    except InstrumentFault as silent:
        # A node that has only just been connected to needs a moment before it can be heard.
        return str(silent)
    if age > BMS_SILENCE:
        # What it said then, it cannot vouch for now.
        return f"BMS reported {state.name} {age:.0f} s ago and no state since"
    return "" if state in OPEN_STATES else f"BMS reports {state.name}"
