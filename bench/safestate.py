"""The safe state: an ordered list, every step attempted whatever happened before, every step verified by read-back.

Order: sink off, source off, current below a threshold, contactor open, emulator off, chamber to rest. The result is
a *bench verdict* beside the test verdict: a test that passed on a bench whose output could not be verified off is not
a clean pass.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import isnan
from typing import Any

from bench.roles import Roles
from instruments.roles import BmsMode, BmsState

DEAD_CURRENT = 0.1
"""A below which the contactor may open; clear of the offset of a 100 A meter."""
CONTACTOR_TIME = 2.0
"""s that a contactor and the message about it may take; the foxBMS layout reports its state every 100 ms."""
OPEN_STATES = frozenset(
    {BmsState.STANDBY, BmsState.OPEN_CONTACTORS, BmsState.IDLE, BmsState.INITIALIZED, BmsState.ERROR}
)


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


def outputs_off(roles: Roles) -> None:
    """The shortest way to no current; every output is tried, the first failure is raised at the end."""
    first: Exception | None = None
    for switch in (roles.sink.sink_off, roles.source.source_off):
        try:
            switch()
        except Exception as error:  # noqa: BLE001 - the other output must be tried whatever this one did
            first = first or error
    if first is not None:
        raise first


def safe_state(roles: Roles, now: Callable[[], float], sleep: Callable[[float], None]) -> BenchVerdict:
    """Carry out the whole list; never raises for an instrument that fails."""
    plan: list[tuple[str, Callable[[], None], Callable[[], str]]] = [
        ("sink off", roles.sink.sink_off, lambda: "" if roles.sink.sink_is_off() else "input still reads on"),
        (
            "source off",
            roles.source.source_off,
            lambda: "" if roles.source.source_is_off() else "output still reads on",
        ),
        ("current gone", _nothing, lambda: _wait(lambda: _current_remaining(roles), now, sleep)),
        (
            "contactor open",
            lambda: roles.bms.request_mode(BmsMode.STANDBY),
            lambda: _wait(lambda: _contactor(roles), now, sleep),
        ),
    ]
    emulator = roles.emulator
    if emulator is not None:
        plan.append(
            (
                "emulator off",
                emulator.emulator_off,
                lambda: "" if emulator.emulator_is_off() else "a channel still reads on",
            )
        )
    chamber = roles.chamber
    plan.append(
        (
            "chamber to rest",
            chamber.chamber_rest,
            lambda: "" if chamber.chamber_is_resting() else "still conditioning",
        )
    )
    return BenchVerdict(tuple(_carry_out(name, action, check, now) for name, action, check in plan))


def _carry_out(name: str, action: Callable[[], None], check: Callable[[], str], now: Callable[[], float]) -> SafeStep:
    start, done, problem = now(), False, ""
    try:
        action()
        done = True
    except Exception as error:  # noqa: BLE001 - the next step must be attempted, and this one still be looked at
        problem = str(error) or type(error).__name__
    try:
        problem = check() or problem
        verified = not problem
    except Exception as error:  # noqa: BLE001 - what cannot be read back is not verified
        verified, problem = False, problem or str(error) or type(error).__name__
    return SafeStep(name, done, verified, problem or "verified", round(now() - start, 6))


def _nothing() -> None:
    """Waiting is all there is to do."""


def _wait(problem: Callable[[], str], now: Callable[[], float], sleep: Callable[[float], None]) -> str:
    """Look until there is no problem any more, at most `CONTACTOR_TIME`."""
    deadline = now() + CONTACTOR_TIME
    while (text := problem()) and now() < deadline:
        sleep(0.1)
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
    roles.bms_scan()
    state = roles.bms.state()
    return "" if state in OPEN_STATES else f"BMS reports {state.name}"
