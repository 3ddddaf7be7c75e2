"""Makes a bench safe from outside the test: sessions of its own, outputs off first, then the whole safe state.

For the supervisor alone. Every instrument is opened in a thread of its own, so that a dead one delays no other, and
is switched off as soon as it is open, whoever it is; the order of the safe state is kept afterwards, with every
read-back, and those count only from an instrument that is still the one the test had identified.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from bench import roles
from bench.clock import Clock
from bench.drivers import Doubted, Unreachable, identified, mismatch, open_driver, warm_up
from bench.players import Driver, Players
from bench.safety.asfound import powers_of
from bench.safety.benchverdict import BenchVerdict, SafeStep
from bench.safety.safestate import STEP_LIMIT, safe_state
from bench.safety.timelimit import begun, in_time
from bench.station import Expected, StationFile
from instruments.wires.context import LinkContext

ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Attempted:
    """What one attempt did; `commanded` is when (s) every output had taken the command to switch off."""

    number: int
    commanded: float | None
    verdict: BenchVerdict


def instruments_that_matter(station: StationFile) -> tuple[str, ...]:
    """Names of the instruments that the safe state needs, in its order."""
    steps = roles.steps_of(station.played)
    acting = [owners for step, owners in map(steps.__getitem__, station.safe_order) if step.acts or owners == ("bms",)]
    return tuple(dict.fromkeys(name for owners in acting for role in owners for name in station.players(role)))


def prepare(station: Mapping[str, Any], names: Sequence[str]) -> None:
    """Import the drivers and what they open links with; opens no instrument."""
    warm_up(StationFile.model_validate(station), names)


def attempts(
    station: Mapping[str, Any],
    names: Sequence[str],
    clock: Clock,
    identities: Mapping[str, Sequence[str]] | None = None,
) -> Iterator[Attempted]:
    """Make the bench safe, anew with fresh sessions for as long as it is not, at most `ATTEMPTS` times.

    `identities` are model and serial number of each instrument that the test had identified.
    """
    loaded = StationFile.model_validate(station)
    expected = {name: _expected(loaded, name, identities or {}) for name in names}
    for number in range(1, ATTEMPTS + 1):
        outcome = _tried(loaded, expected, clock, number)
        yield outcome
        if outcome.verdict.safe:
            return


def found_on(station: Mapping[str, Any], names: Sequence[str], clock: Clock) -> dict[str, bool | None]:
    """Whether each instrument that can drive current is on, in sessions of its own; None: it cannot be asked."""
    loaded = StationFile.model_validate(station)
    driving = [name for name in names if _powers(loaded, name)]
    asked = {name: begun(partial(_is_on, loaded, name, clock)) for name in driving}
    wait(asked.values(), STEP_LIMIT)
    return {name: _answer(future) for name, future in asked.items()}


def _powers(station: StationFile, name: str) -> list[roles.Power]:
    """What of an instrument can drive a current."""
    return [power for power in powers_of(station.instruments[name].roles) if power.opens_first]


def _is_on(station: StationFile, name: str, clock: Clock) -> bool:
    driver = open_driver(station, name, LinkContext(station.visa_library, clock.now, clock.sleep))
    try:
        return not all(power.is_off(driver) for power in _powers(station, name))
    finally:
        driver.close()


def _answer(asked: "Future[bool]") -> bool | None:
    return asked.result() if asked.done() and not asked.exception() else None


def _expected(station: StationFile, name: str, identities: Mapping[str, Sequence[str]]) -> tuple[Expected, ...]:
    """Who must answer: as the station file has it, and as the test has seen it."""
    model, serial_number = identities.get(name, (None, None))
    return station.instruments[name].expect, Expected(model=model, serial_number=serial_number)


def _tried(station: StationFile, expected: Mapping[str, Sequence[Expected]], clock: Clock, number: int) -> Attempted:
    """One attempt; one that fails in a way that nobody has thought of is told, and the next one made."""
    try:
        return _attempt(station, expected, clock, number)
    except Exception as error:  # noqa: BLE001 - there is nobody else who could act
        told = f"the attempt itself failed: {type(error).__name__}: {error}"
        step = SafeStep("outputs off", done=False, verified=False, detail=told)
        return Attempted(number, None, BenchVerdict((step,)))


def _attempt(station: StationFile, expected: Mapping[str, Sequence[Expected]], clock: Clock, number: int) -> Attempted:
    names = tuple(expected)
    reached = {name: begun(partial(_reach, station, name, clock)) for name in names}
    moving = [reached[name] for name in names if any(power.moves_current for power in _powers(station, name))]
    wait(moving, STEP_LIMIT)
    commanded = clock.now() if all(future.done() and not future.exception() for future in moving) else None
    wait(reached.values(), STEP_LIMIT)
    asked = {name: begun(partial(_doubt, reached[name], name, expected[name])) for name in names}
    wait(asked.values(), STEP_LIMIT)
    found = {name: _player(station, reached[name], asked[name], name) for name in names}
    played = {role: {name: found[name] for name in station.players(role) if name in found} for role in station.played}
    try:
        verdict = safe_state(Players(played), clock, station, last_resort=True)
    finally:
        for future in reached.values():
            _close(future)
    return Attempted(number, commanded, verdict)


def _reach(station: StationFile, name: str, clock: Clock) -> Driver:
    """Open an instrument and switch off what it can move; a command that fails is the safe state's to tell."""
    driver = open_driver(station, name, LinkContext(station.visa_library, clock.now, clock.sleep))
    for power in _powers(station, name):
        # Whatever a driver raises, the other output must be told, and its link stays open for the safe state.
        if power.moves_current:
            with suppress(Exception):
                power.off(driver)
    return driver


def _doubt(reached: "Future[Driver]", name: str, expected: Sequence[Expected]) -> str:
    """Why the word of whoever answers proves nothing; empty when it is who it should be, or nobody was reached."""
    if not reached.done() or reached.exception() is not None:
        return ""
    try:
        identity = identified(reached.result())
    except Exception as error:  # noqa: BLE001 - who cannot say who he is proves nothing
        return str(error) or type(error).__name__
    wrong = next(filter(None, (mismatch(each, identity) for each in expected)), "")
    return f"{name} is {identity} now: {wrong}" if wrong else ""


def _player(station: StationFile, reached: "Future[Driver]", asked: "Future[str]", name: str) -> Driver | Unreachable:
    if not reached.done():
        return Unreachable(f"{name} did not answer in time")
    error = reached.exception()
    if error is not None:
        return Unreachable(str(error) or type(error).__name__)
    doubt = asked.result() if asked.done() else f"{name} did not say in time who it is"
    return Doubted(reached.result(), doubt, station.instruments[name].roles) if doubt else reached.result()


def _close(reached: "Future[Driver]") -> None:
    with suppress(Exception):
        if reached.done():
            in_time(reached.result().close, STEP_LIMIT)
