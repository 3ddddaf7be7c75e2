"""The bench as it is found: every link opened, and what is powerful told OFF, before anybody's identity is believed.

Whoever was here before may have left an output on, and whatever goes wrong with opening must not leave it on. OFF is
allowed to whoever answers at an address; only its confirmation needs to know who that is. What was on is kept.

A contactor that is closed is found as well, and asked to open once no output is on any more. Where one stays on, or
does not say, it is left to the safe state: a contactor opens under a current only for a reason.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

from bench import roles
from bench.clock import Clock, monotonic
from bench.drivers import Unreachable, open_driver, warm_up
from bench.players import Driver
from bench.roles import Power
from bench.safety.timelimit import LOOK_EVERY, OutOfTime, begun, in_time
from bench.station import StationFile
from instruments.roles import BatteryManagement, BmsMode, BmsState, InstrumentFault, has_verbs
from instruments.wires.context import LinkContext

OPEN_LIMIT = 10.0
"""s, on a wall clock, for one instrument's link, for what it is found at and for OFF: two answers that never come."""
CLOSED = frozenset({
    BmsState.OPENING, BmsState.PRECHARGE, BmsState.CLOSED, BmsState.DISCHARGE, BmsState.CHARGE,
})  # fmt: skip
"""States with a contactor that is closed, or about to be."""
LISTEN, OPENS, OPENING = 1.0, 2.0, 6.0
"""s, real ones on a wall clock: until a BMS that sends its state each 100 ms is heard, until its contactor begins to
open, until one that says that it is opening is open. A foxBMS takes 0.7 s and waits 3 s for a current to fall
(bms_cfg.h of release 1.11); it opens once more where its cells vanish meanwhile, as those of an emulator do."""
LOOK = 0.1
"""s of the bench between two looks at what a BMS says."""


SWITCHED_ON = "was switched on", "whoever used it before left it on"
HAD_CLOSED = "had its contactor closed", "whoever used it before left it on"
WAS_OPENING = "was opening its contactors", "they had been closed, or it was only just switched on and makes sure of it"
"""What one that was on was, behind its name, and what is known of why. A foxBMS that nobody has asked for anything yet
opens contactors that never were closed; its state is one with that of a node whose contactors were."""


@dataclass(frozen=True, slots=True)
class Found:
    """One instrument as it was found: its driver, or why there is none.

    `on` tells whether it was switched on (None: it did not say), `was` what that was, `stays_on` what it still is after
    OFF, in words.
    """

    driver: Driver | None
    error: Exception | None = None
    powerful: bool = False
    on: bool | None = None
    was: tuple[str, str] = SWITCHED_ON
    stays_on: str = ""

    @property
    def player(self) -> Driver | Unreachable:
        """Who can be asked: the driver, or a stand-in that says why it is not there."""
        return self.driver if self.driver is not None else Unreachable(str(self.error) or type(self.error).__name__)


class Finding:
    """A bench that is being found. What is known already outlasts whatever interrupts it: an output may be on by then.

    `seen` has what was found so far, by name; `begun` tells whether anything was said to any instrument yet, `complete`
    whether all were seen.
    """

    def __init__(
        self, station: StationFile, names: Sequence[str], context: Callable[[str], LinkContext], clock: Clock
    ) -> None:
        self.seen: dict[str, Found] = {}
        self.begun = self.complete = False
        self._station, self._names, self._context, self._clock = station, names, context, clock
        self._futures: dict[str, Future[Found]] = {}
        self._deadlines: dict[int, float] = {}

    def go_on(self, given_up: Callable[[], bool] = lambda: False) -> dict[str, Found]:
        """Open every link, tell what is powerful OFF, and return what was found, in the order of the names.

        Where time is real all links are opened at once, each within `OPEN_LIMIT` or until `given_up`. Never raises for
        an instrument. Called again after it was interrupted, it goes on where it was.
        """
        # A chamber is looked at and left as it is: somebody may have soaked the cells already, and it goes to rest with
        # every safe state.
        first = [name for name in self._names if any(power.opens_first for power in self._powers(name))]
        waves = (first, [name for name in self._names if name not in first])
        if self._clock.kind == "wall":
            self._begin([*waves[0], *waves[1]])
        for number, wave in enumerate(waves):
            if self._clock.kind == "wall":
                self._await(number, wave, given_up)
            for name in wave:
                self._see(name, given_up)
            # Channels of an emulator go off once nothing pushes into them, and before anybody is waited for. One that
            # says that they are is told so with the first message of what follows: its messages take 0.3 s each.
            for name in wave:
                behind = [each for each in self._powers(name) if each.opens_first and not each.moves_current]
                if behind and self.seen[name].on is not False:
                    self._again(name, partial(_switched_off, self.seen[name], behind), given_up)
        bms = self._station.player("bms")
        if bms in self.seen:
            self._again(bms, partial(_isolated, self._station, self.seen, bms, self._clock), given_up)
        self.complete = True
        self._futures.clear()  # a link that failed keeps what it had opened alive in its error
        return {name: self.seen[name] for name in self._names}

    def _powers(self, name: str) -> list[Power]:
        return [power for role in self._station.instruments[name].roles if (power := roles.role(role).power)]

    def so_far(self) -> dict[str, Found]:
        """What was found until it was interrupted for good: of the rest nobody knows anything."""
        unseen = Found(None, InstrumentFault("was not looked at: opening the bench was interrupted before"))
        return {name: self.seen.get(name, unseen) for name in self._names}

    def _begin(self, names: Sequence[str]) -> None:
        if not self._futures:
            with suppress(Exception):  # a driver that is not there is told by whoever opens it
                warm_up(self._station, names)
        for name in names:
            if name not in self._futures:
                reach = partial(_reached, self._station, name, self._context(name))
                self.begun = True
                self._futures[name] = begun(reach)

    def _await(self, number: int, wave: Sequence[str], given_up: Callable[[], bool]) -> None:
        """Wait for the links of one wave; time that it has had before an interruption counts."""
        deadline = self._deadlines.setdefault(number, monotonic() + OPEN_LIMIT)
        futures = [self._futures[name] for name in wave]
        while wait(futures, LOOK_EVERY).not_done and monotonic() < deadline and not given_up():
            pass

    def _see(self, name: str, given_up: Callable[[], bool]) -> None:
        if name in self.seen:
            return
        if self._clock.kind == "wall":
            self.seen[name] = _kept(partial(_awaited, name, self._futures[name], given_up))
            return
        context = self._context(name)
        self.begun = True
        self.seen[name] = _kept(partial(_reached, self._station, name, context))

    def _again(self, name: str, action: Callable[[], Found], given_up: Callable[[], bool]) -> None:
        """Carry out something more with an instrument that was seen, and keep what comes of it."""
        if self._clock.kind != "wall":
            self.seen[name] = action()
            return
        with suppress(OutOfTime):
            self.seen[name] = in_time(action, OPEN_LIMIT, given_up)


def found_on(bench: Mapping[str, Found]) -> dict[str, bool | None]:
    """Whether each instrument that can be on was, for the manifest."""
    return {name: each.on for name, each in bench.items() if each.powerful}


def _reached(station: StationFile, name: str, context: LinkContext) -> Found:
    driver = open_driver(station, name, context)
    powers = powers_of(station.instruments[name].roles, driver)
    found = Found(driver, powerful=bool(powers), on=_any_on(driver, powers))
    return _switched_off(found, [power for power in powers if power.moves_current])


def powers_of(played: Iterable[str], driver: object = None) -> list[Power]:
    """What an instrument can leave on in the roles that it plays, in the order in which that is switched off.

    Of a `driver` that is given, only what it has the verbs for: a station file may ask of it what it is not.
    """
    records = [roles.role(name) for name in played]
    able = [each for each in records if each.power and (driver is None or has_verbs(driver, each.protocol))]
    able.sort(key=lambda each: sorted(step.rank for step in each.steps))
    return [each.power for each in able if each.power]


def _switched_off(seen: Found, powers: Sequence[Power]) -> Found:
    """Tell these OFF, also where it says that they are: who says so is not known yet."""
    driver = seen.driver
    if driver is None:
        return seen
    for power in powers:
        with suppress(Exception):  # what comes of it is looked at just below, and by the safe state
            power.off(driver)
    if seen.on is False:
        return seen
    stays = [power.still_on for power in powers if _is_on(driver, power)]
    return replace(seen, stays_on="; ".join(stays))


def _any_on(driver: Driver, powers: Sequence[Power]) -> bool | None:
    """Whether any of these is on; who does not say is not asked on, since OFF waits behind each question."""
    found: bool | None = False
    for power in powers:
        on = _is_on(driver, power)
        if on is None:
            return True if found else None
        found = found or on
    return found


def _is_on(driver: Driver, power: Power) -> bool | None:
    try:
        return not power.is_off(driver)
    except Exception:  # noqa: BLE001 - a driver that stumbles over an answer must not keep OFF from being said
        return None


def _isolated(station: StationFile, seen: Mapping[str, Found], name: str, clock: Clock) -> Found:
    """The BMS, its contactor open where nothing drives a current through it."""
    bms = seen[name].driver
    if not isinstance(bms, BatteryManagement):
        return seen[name]
    pace = station.speed if clock.kind == "wall" else 1.0
    _wait(lambda: _is_closed(bms) is not None, LISTEN * pace, clock)
    found = replace(seen[name], powerful=True, on=_is_closed(bms), was=WAS_OPENING if _is_opening(bms) else HAD_CLOSED)
    if not found.on or not all(_is_quiet(station, other, each) for other, each in seen.items()):
        return found
    with suppress(Exception):  # what comes of it is looked at just below, and by the safe state
        bms.request_mode(BmsMode.STANDBY)
    return replace(found, stays_on=_stays_closed(bms, pace, clock))


def _stays_closed(bms: BatteryManagement, pace: float, clock: Clock) -> str:
    """What a contactor that was asked to open is after all its time, in words; nothing where it is open."""
    if _wait(lambda: _is_closed(bms) is False, OPENS * pace, clock):
        return ""
    if not _is_opening(bms):
        return "contactor still reads closed"
    opened = _wait(lambda: _is_closed(bms) is False, (OPENING - OPENS) * pace, clock)
    return "" if opened else f"contactor has been opening for {OPENING:g} s"


def _is_quiet(station: StationFile, name: str, each: Found) -> bool:
    """Whether an instrument says that it drives no current through the pack; one that is not there says nothing."""
    powers = [power for power in powers_of(station.instruments[name].roles) if power.moves_current]
    return all(each.driver is not None and _is_on(each.driver, power) is False for power in powers)


def _is_closed(bms: BatteryManagement) -> bool | None:
    try:
        return bms.state() in CLOSED
    except Exception:  # noqa: BLE001 - as with an output: it did not say
        return None


def _is_opening(bms: BatteryManagement) -> bool:
    try:
        return bms.state() is BmsState.OPENING
    except Exception:  # noqa: BLE001 - see above
        return False


def _wait(true: Callable[[], bool], patience: float, clock: Clock) -> bool:
    """Let up to `patience` s of the bench pass until something is true; whether it is."""
    deadline = clock.now() + patience
    while not (came := true()) and clock.now() < deadline:
        clock.sleep(LOOK)
    return came


def _kept(action: Callable[[], Found]) -> Found:
    """What was found, or why nothing was: the others must be told OFF whatever is wrong with this one."""
    try:
        return action()
    except Exception as error:  # noqa: BLE001 - it is raised again by whoever needs the instrument
        return Found(None, error)


def _awaited(name: str, future: "Future[Found]", given_up: Callable[[], bool]) -> Found:
    """What has come of opening a link; raises what it raised, or `InstrumentFault` where it has not come back."""
    if future.done():
        return future.result()
    # A link that opens after all is nobody's: it must not hold the instrument's only connection.
    future.add_done_callback(_close_late)
    if given_up():
        raise InstrumentFault(f"{name} was still being opened when the bench was asked again to end")
    raise InstrumentFault(
        f"{name} could not be opened within {OPEN_LIMIT:g} s: whoever answers at its address says nothing; check its "
        "gateway, its cable and the address in the station file"
    )


def _close_late(future: "Future[Found]") -> None:
    with suppress(Exception):
        cast("Driver", future.result().driver).close()
