"""The foxBMS node: what its C code (release 1.11) does, what the bench makes of it, and how evenly it is asked.

The referee (`truth.foxbms_c`) stands in the place of the simulator of a virtual bench (`truth.released`); the run that
meets it is a short charge with everything that a run has. The rhythm is measured on the wall clock.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isnan
from pathlib import Path
from typing import Any

import numpy as np

from bench import columns
from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running.setup import Setup
from bench.scenario import Charge, Rest, elapsed
from bench.station import StationFile, load_station
from bench.testing import TestBench
from instruments.roles import BmsState
from reports.recording import Recording
from truth import foxbms_c as referee
from truth import wheel
from truth.released import Late, Told, in_time, released
from truth.report import Row, markdown

TITLE = "A foxBMS 2 node as it is released (1.11, by its C code), and a short charge on a bench that meets it"
HEADER = ("what the node does", "what came of it here", "verdict of the charge", "as it should be")
RHYTHM = "How evenly the node is asked, on the wall clock (s are real; the node wants 95 to 105 ms)"
RHYTHM_HEADER = ("beside what", "requests", "least", "middle", "most", "outside 95 to 105 ms", "reached")

STATION = "virtual-pack"
SETTLED = 60
"""Requests after which the node has been closed for a while: a charge is under way."""
NEVER = 10**9
BY_STATE = {
    referee.IDLE: BmsState.STANDBY, referee.OPEN_CONTACTORS: BmsState.OPENING, referee.STANDBY: BmsState.STANDBY,
    referee.PRECHARGE: BmsState.PRECHARGE, referee.NORMAL: BmsState.CLOSED, referee.ERROR: BmsState.ERROR,
}  # fmt: skip
"""What each state code means to a bench, by bms.h and what bms.c does there."""
CHARGE_OR_DISCHARGE = {8, 9}
"""Codes that the message has and the code of this release never sends."""


@dataclass(frozen=True)
class Ran:
    """One short charge: what the node went through, what the bench recorded, and how it ended."""

    told: Told
    recorded: Recording

    @property
    def verdict(self) -> str:
        """Of the run."""
        return str(self.recorded.manifest["verdict"])

    @property
    def blame(self) -> str:
        """Who is to blame; empty for a run without a cause."""
        cause: Any = self.recorded.manifest["cause"]
        return "" if cause is None else str(cause["blame"])

    @property
    def codes(self) -> list[int]:
        """The states that the node came to, in their order."""
        return [state for _, state in self.told.states]

    @property
    def apart(self) -> list[int]:
        """Distances of requests, ms, as the node received them."""
        return [later - earlier for (earlier, _), (later, _) in pairwise(self.told.requests)]

    def flowing(self, column: str) -> "np.typing.NDArray[np.float64]":
        """A column where a current flows."""
        return np.asarray(self.recorded.column(column)[np.abs(self.recorded.column(columns.CURRENT)) > 1])

    def came_to(self, state: int, after: int = 0) -> float:
        """When the node came to a state for the first time behind `after`, its ms; inf where it never did."""
        return next((ms for ms, code in self.told.states if code == state and ms > after), inf)


def short_charge(late: Late = in_time, options: dict[str, object] | None = None) -> Ran:
    """Rest and charge for half a minute on a bench whose node is the referee."""
    station, file = load_station(STATION)
    chosen = _with_options(station, options or {})
    with tempfile.TemporaryDirectory() as folder, released(late) as told:
        identity = TestIdentity("truth", "node", "truth")
        bench = TestBench(Setup(chosen, file, *load_pack(chosen.packs[0])), Path(folder), identity)
        bench.open()
        ended: Exception | None = None
        try:
            bench.run(Rest(until=elapsed(seconds=5)), Charge("C/3", until=elapsed(seconds=25)))
        except Exception as error:  # noqa: BLE001 - how it ended is what is asked
            ended = error
        bench.conclude(ended)
        return Ran(told, Recording.load(bench.run_log.folder))


def _with_options(station: StationFile, options: dict[str, object]) -> StationFile:
    bms = station.instruments["bms"].model_copy(update={"options": options})
    return station.model_copy(update={"instruments": {**station.instruments, "bms": bms}})


def uneven(number: int) -> int:
    """Every second request comes 20 ms late, once a charge is under way."""
    return 20 if number > SETTLED and number % 2 else 0


def lost(number: int) -> int:
    """No request arrives any more, once a charge is under way."""
    return NEVER if number > SETTLED else 0


@dataclass(frozen=True)
class Trait:
    """One thing that the node does: how it is said, what came of it in a run, and what verdict the run must have."""

    said: str
    run: str
    found: Callable[[Ran], tuple[str, bool]]
    verdict: str = "PASS"
    blame: str = ""

    def row(self, ran: Ran) -> Row:
        """Its line of the table."""
        words, good = self.found(ran)
        reached = good and (ran.verdict, ran.blame) == (self.verdict, self.blame)
        told = f"{ran.verdict}, blame: {ran.blame}" if ran.blame else ran.verdict
        return Row((self.said, words, told, "yes" if reached else "NO"), reached)


def _closed(ran: Ran) -> tuple[str, bool]:
    states = {BmsState(int(code)) for code in ran.flowing(columns.BMS_STATE)}
    good = states == {BmsState.CLOSED} and referee.NORMAL in ran.codes and not CHARGE_OR_DISCHARGE & set(ran.codes)
    return f"taken for closed: {', '.join(sorted(each.name for each in states)) or 'nothing'} while it charges", good


def _left_idle(ran: Ran) -> tuple[str, bool]:
    first, before = ran.codes[0], ran.came_to(referee.OPEN_CONTACTORS)
    asked = {data[0] & 3 for ms, data in ran.told.requests if ms < before}
    return "asked for STANDBY first, then for a mode", first == referee.IDLE and asked == {0}


def _evenly(ran: Ran) -> tuple[str, bool]:
    least, most = min(ran.apart), max(ran.apart)
    return f"{len(ran.apart) + 1} requests, {least} to {most} ms apart", 95 <= least <= most <= 105


def _gave_up(ran: Ran) -> tuple[str, bool]:
    last, error = ran.told.requests[-1][0], ran.came_to(referee.ERROR)
    after = ran.came_to(referee.OPEN_CONTACTORS, last) - last
    return f"it began to open {after:g} ms after the last one, and was in ERROR after {error - last:g} ms", after < inf


def _broke_nothing(ran: Ran) -> tuple[str, bool]:
    node = ran.told.opened
    return f"the current had ended first: {'an alert' if node.alert else 'no alert'}", not (node.alert or node.closed)


def _uneven(ran: Ran) -> tuple[str, bool]:
    return f"requests {min(ran.apart)} to {max(ran.apart)} ms apart, as the node heard them", referee.ERROR in ran.codes


def _no_charge(ran: Ran) -> tuple[str, bool]:
    shown = ran.recorded.column(columns.SOC)
    unknown, false = int(np.isnan(shown).sum()), int((shown == 0).sum())
    flowing = ran.flowing(columns.SOC)
    good = unknown > 0 and not false and not np.isnan(flowing).any()
    return f"{unknown} rows without a charge, {false} rows with one of 0", good


def _saturated(ran: Ran) -> tuple[str, bool]:
    shown = float(np.max(ran.flowing(columns.CHARGE_LIMIT), initial=-1))
    return f"a limit of {shown:.2f} A", shown == 1023.75


def _not_balanced(ran: Ran) -> tuple[str, bool]:
    asked = {data[1] & 1 for _, data in ran.told.requests}
    return "never asked for", asked == {0} and not ran.told.opened.balancing


def _balanced(ran: Ran) -> tuple[str, bool]:
    node = ran.told.opened
    return f"above {node.threshold_mV} mV", node.balancing and {data[1] & 1 for _, data in ran.told.requests} == {1}


def _codes(ran: Ran) -> tuple[str, bool]:
    meant = {float(BY_STATE[code]) for code in ran.codes}
    recorded = {float(code) for code in ran.recorded.column(columns.BMS_STATE) if not isnan(code)}
    names = ", ".join(BmsState(int(code)).name for code in sorted(recorded))
    return f"recorded: {names}", recorded <= meant


def _blames_the_bench(said: str, run: str, found: Callable[[Ran], tuple[str, bool]]) -> Trait:
    return Trait(said, run, found, "BENCH FAULT", "bench")


TRAITS = (
    Trait("closed contactors are NORMAL, never CHARGE or DISCHARGE", "healthy", _closed),
    Trait("IDLE is left for STANDBY alone", "healthy", _left_idle),
    Trait("state codes 3 to 7 and 10 are told, no others", "healthy", _codes),
    Trait("requests are wanted 95 to 105 ms apart", "healthy", _evenly),
    _blames_the_bench("every second request 20 ms late: ERROR", "uneven", _uneven),
    _blames_the_bench("no request any more: ERROR after 1 to 2 s", "lost", _gave_up),
    _blames_the_bench(
        "contactors under more than 3.5 A open when it has fallen, else after 3 s and with an alert", "lost",
        _broke_nothing,
    ),
    Trait("without a connected string the charge is shown as 0", "healthy", _no_charge),
    Trait("a current limit that its message has no room for is 1023.75 A", "healthy", _saturated),
    Trait("ActivateBalancing = 0 in a request switches balancing off", "healthy", _not_balanced),
    Trait("ActivateBalancing = 1 lets it balance (option `balancing: true`)", "balanced", _balanced),
)  # fmt: skip


def rows() -> list[Row]:
    """A row per trait; each run is made once."""
    runs = {
        "healthy": short_charge(), "uneven": short_charge(uneven), "lost": short_charge(lost),
        "balanced": short_charge(options={"balancing": True}),
    }  # fmt: skip
    return [trait.row(runs[trait.run]) for trait in TRAITS]


def rhythm(seconds: float = wheel.SECONDS) -> list[Row]:
    """The machine itself, then the wheel, idle and beside others; where the machine is late nothing is missed."""
    machine = wheel.machine(seconds)
    able = _within(machine)
    return [
        _rhythm("a thread that does nothing but sleep", machine, goal=False, able=able),
        *(
            _rhythm(what, wheel.distances_beside(what, seconds), goal=goal, able=able)
            for what, goal in wheel.BESIDE.items()
        ),
    ]


def _rhythm(what: str, distances: Sequence[float], *, goal: bool, able: bool) -> Row:
    outside = sum(not wheel.LEAST <= each <= wheel.MOST for each in distances)
    within = _within(distances)
    reached = within if goal and (within or able) else None
    words = {None: "", True: "yes", False: "NO"}[reached]
    times = (f"{1e3 * each:.1f} ms" for each in (min(distances), float(np.median(distances)), max(distances)))
    return Row((what, str(len(distances) + 1), *times, str(outside), words), reached)


def _within(distances: Sequence[float]) -> bool:
    return all(wheel.LEAST <= each <= wheel.MOST for each in distances)


def main(_data: Path | None = None) -> bool:
    """Print both tables; whether all that should be is so."""
    found, times = rows(), rhythm()
    print(markdown(TITLE, HEADER, found))
    print()
    print(markdown(RHYTHM, RHYTHM_HEADER, times))
    return not any(row.reached is False for row in (*found, *times))
