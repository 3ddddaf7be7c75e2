"""The safe state: an ordered list, every step attempted whatever happened before, every step verified by read-back.

Order: sink off, source off, current below a threshold, contactor open, emulator off, chamber to rest. The result is
a *bench verdict* beside the test verdict: a test that passed on a bench whose output could not be verified off is not
a clean pass.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from math import isnan
from threading import Event
from typing import Any

from bench.clock import Clock, WallClock
from bench.roles import Roles
from bench.safety.timelimit import OutOfTime, in_time
from instruments.roles import BmsMode, BmsState, InstrumentFault

DEAD_CURRENT = 0.1
"""A below which the contactor may open; clear of the offset of a 100 A meter."""
CONTACTOR_TIME = 2.0
"""s that a contactor and the message about it may take; the foxBMS layout reports its state every 100 ms."""
STEP_LIMIT = 5.0
"""s, on a wall clock, for the command of a step and again for its read-back: two answers that never come, and more."""
OPEN_STATES = frozenset(
    {BmsState.STANDBY, BmsState.OPEN_CONTACTORS, BmsState.IDLE, BmsState.INITIALIZED, BmsState.ERROR}
)
LEFT_OUT = "left out, because the bench was asked again to end"

Action = Callable[[], None]
Check = Callable[[], str]
"""Reads back; returns what is wrong, or nothing."""


Attempt = Callable[[Callable[[], Any], float], Any]
"""Carries out an action within a limit (s) and returns what it returned; raises `OutOfTime`, or what it raised."""


@dataclass(frozen=True, slots=True)
class SafeStep:
    """How one step of the safe state went."""

    name: str
    done: bool
    verified: bool
    detail: str
    duration: float


@dataclass(frozen=True, slots=True)
class BenchVerdict:
    """Whether the bench was left safe, and how that is known."""

    steps: tuple[SafeStep, ...]

    @property
    def safe(self) -> bool:
        """Every step was carried out and verified."""
        return all(step.verified for step in self.steps)

    def __str__(self) -> str:
        if self.safe:
            return "outputs verified off"
        bad = "; ".join(f"{step.name}: {step.detail}" for step in self.steps if not step.verified)
        return f"NOT VERIFIED SAFE ({bad}). Switch the bench off by hand and look at it before anyone touches it."

    def as_dict(self) -> dict[str, Any]:
        """As stored in the manifest."""
        return {"safe": self.safe, "steps": [asdict(step) for step in self.steps]}


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
    roles: Roles, clock: Clock, *, alive: Callable[[float], None] = lambda _seconds: None, hurry: Event | None = None
) -> BenchVerdict:
    """Carry out the whole list; never raises for an instrument that fails.

    On a wall clock a step that does not come back within `STEP_LIMIT` is given up and the next one tried. `alive` is
    told before each step how long (s) it may take. Once `hurry` is set the outputs are switched off once more and
    nothing else is done: what was not reached is left out, and so not verified.
    """
    hurry = hurry or Event()
    limited: Attempt = at_leisure if clock.kind == "virtual" else in_time
    attempt: Attempt = at_leisure if clock.kind == "virtual" else partial(in_time, given_up=hurry.is_set)
    steps = []
    for name, action, check in _plan(roles, clock, hurry):
        if hurry.is_set():
            steps.append(SafeStep(name, done=False, verified=False, detail=LEFT_OUT, duration=0.0))
            continue
        alive(2 * STEP_LIMIT)
        steps.append(_carry_out(name, action, check, attempt, clock.now))
    if hurry.is_set():
        # What was given up may have been the very command that switches off.
        with suppress(Exception):
            outputs_off(roles, limited)
    return BenchVerdict(tuple(steps))


def _plan(roles: Roles, clock: Clock, hurry: Event) -> Iterator[tuple[str, Action, Check]]:
    """Name, command and read-back of each step."""

    def wait(problem: Check) -> Check:
        return lambda: _wait(problem, clock, hurry)

    sink, source, emulator, chamber = roles.sink, roles.source, roles.emulator, roles.chamber
    yield "sink off", sink.sink_off, lambda: "" if sink.sink_is_off() else "input still reads on"
    yield "source off", source.source_off, lambda: "" if source.source_is_off() else "output still reads on"
    yield "current gone", _nothing, wait(lambda: _current_remaining(roles))
    yield "contactor open", lambda: roles.bms.request_mode(BmsMode.STANDBY), wait(lambda: _contactor(roles))
    if emulator is not None:
        off: Check = lambda: "" if emulator.emulator_is_off() else "a channel still reads on"  # noqa: E731
        yield "emulator off", emulator.emulator_off, off
    yield "chamber to rest", chamber.chamber_rest, lambda: "" if chamber.chamber_is_resting() else "still conditioning"


def _carry_out(name: str, action: Action, check: Check, attempt: Attempt, now: Callable[[], float]) -> SafeStep:
    start, done, problem = now(), False, ""
    try:
        attempt(action, STEP_LIMIT)
        done = True
    except OutOfTime as error:
        # A read-back would only wait behind it.
        return SafeStep(name, done=False, verified=False, detail=str(error), duration=round(now() - start, 6))
    except Exception as error:  # noqa: BLE001 - the next step must be attempted, and this one still be looked at
        problem = str(error) or type(error).__name__
    try:
        problem = attempt(check, STEP_LIMIT) or problem
    except Exception as error:  # noqa: BLE001 - what cannot be read back is not verified
        problem = problem or str(error) or type(error).__name__
    return SafeStep(name, done, not problem, problem or "verified", round(now() - start, 6))


def _nothing() -> None:
    """Waiting is all there is to do."""


def _wait(problem: Check, clock: Clock, hurry: Event) -> str:
    """Look until there is no problem any more, at most `CONTACTOR_TIME`."""
    # Messages take real time to come, however fast a served bench runs.
    deadline = clock.now() + CONTACTOR_TIME * (clock.speed if isinstance(clock, WallClock) else 1.0)
    while (text := problem()) and clock.now() < deadline and not hurry.is_set():
        clock.sleep(0.1)
    return text


def _current_remaining(roles: Roles) -> str:
    for meter in roles.meters():
        meter.request()
        current = meter.collect()[1]
        # Written so that a current that cannot be read (nan) is not taken for none.
        if not abs(current) < DEAD_CURRENT:
            return "the current cannot be read" if isnan(current) else f"{abs(current):.2f} A still flows"
    return ""


def _contactor(roles: Roles) -> str:
    try:
        roles.bms_scan()
        state = roles.bms.state()
    except InstrumentFault as silent:
        # A node that has only just been connected to needs a moment before it can be heard.
        return str(silent)
    return "" if state in OPEN_STATES else f"BMS reports {state.name}"
