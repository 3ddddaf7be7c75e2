"""One sample: scan, guard, record, in that order, and the counters of charge and energy that go with it.

A violation switches the outputs off before anything else is done about it.
"""

import csv
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from math import inf, isnan, nan

from bench import columns
from bench.columns import INDEX
from bench.plain import no_formula
from bench.recording.rows import Table
from bench.recording.run import Run
from bench.running.lifecycle import OpenBench
from bench.safety import bms_errors, safestate
from bench.safety.evidence import evidence_for
from bench.safety.faults import fault
from bench.safety.formulas import Quantity
from bench.safety.guard import Guard, Limit, Violation
from bench.safety.quantities import CHARGE_MOVED, quantities_for
from bench.verdicts import FAILURES, BenchFault, Cause
from instruments.roles import BmsFault, BmsState, InstrumentFault, Locating, RemembersFaults, Side, TellsAlarms

Row = list[float]

_TIME, _UNIX, _STEP = INDEX[columns.TEST_TIME], INDEX[columns.UNIX_TIME], INDEX[columns.STEP]
_CURRENT, _POWER = INDEX[columns.CURRENT], INDEX[columns.POWER]
_COUNTERS = slice(INDEX[columns.CHARGE_AH], INDEX[columns.DISCHARGE_WH] + 1)
_SET_POINTS = slice(INDEX[columns.SET_CURRENT], INDEX[columns.COMMAND_POWER] + 1)
_SENSORS = slice(INDEX[columns.CELL_TEMPERATURE_MIN], INDEX[columns.CELL_TEMPERATURE_MAX] + 1)
_BMS_AGE = INDEX[columns.BMS_AGE]
_SCAN_DURATION, _BMS_STATE = INDEX[columns.SCAN_DURATION], INDEX[columns.BMS_STATE]

ANSWER_MARGIN = 0.5
"""s of silence beyond the most patient link: what it takes to tell that an instrument has not answered."""
PRETRIGGER = "pretrigger.csv"
"""The guard's last minute, in the run's folder: text, because it is written while things are going wrong."""
NEARLY_NOTHING = 0.02
"""Part of the current asked for, below which the instrument is asked whether its output is still on."""
OUTPUT_LOST = "output-lost"
UNHEARD = 2.0
"""s without a complete set of BMS messages, twice the cycle of the slowest, when a current is gone."""
_BITS_OF: Mapping[Side, str] = {"pack": "bms-fault", "bench": "bms-link"}
"""What a fault bit is called, by whose doing it tells of."""
_TOLD_BY_BITS = frozenset({"bms-error", "bms-fault", "bms-link"})
_EXPLAINED = frozenset({"bms-error", "bms-fault"})
"""What a BMS says of itself without saying whose fault it is."""

Observer = Callable[[Row], None]


class Sampler:
    """Takes samples of one open bench for one run.

    `alive` is told how much longer (real s) than a heartbeat the test may be silent from then on: in a scan, as long as
    the most patient link needs.
    """

    def __init__(self, bench: OpenBench, run: Run, alive: Callable[[float], None]) -> None:
        layout = bench.scanner.columns
        derived = derived_on(bench, layout)
        self.guard = guard_for(bench, bench.limits, layout, derived)
        self._charge_moved = derived[CHARGE_MOVED]
        self.observers: list[Observer] = []
        self.last: Row | None = None
        self.step_index = 0
        self.step_name: str | None = None
        self.step_began = 0.0
        """When the step's own time, which stands still in a pause, would have been 0, s of test time."""
        self.asked_mode = ""
        """What the BMS is being asked for while its answer is waited for."""
        self._bench, self._run, self._alive = bench, run, alive
        # One instrument that does not answer ends the scan; it must be told before the test is taken to hang.
        patience = max((getattr(driver, "patience", 0.0) for driver in bench.drivers.values()), default=0.0)
        self._longest_answer = max(0.0, patience + ANSWER_MARGIN - bench.station.supervisor.heartbeat)
        self._now, self._scan = bench.clock.now, bench.scanner.scan
        self._epoch = bench.clock.epoch.timestamp()
        self._set = [nan, nan, nan, nan]
        self._commanded: Callable[[float], float] | None = None
        self._noted = dict[int, float]()
        self._counters = [0.0, 0.0, 0.0, 0.0]
        self._stepped = False
        self._found: bms_errors.Reason | None = None

    def go_on(self, rows: Table) -> None:
        """Count on from the last of `rows`, which another process has recorded; nothing is counted for the gap."""
        self._counters = rows[-1, _COUNTERS].tolist()
        # How far the pack is from empty or full is known from what moved since then, whoever recorded it.
        for row in rows:
            self._charge_moved(row.tolist())

    def ask(self, current: float, voltage: float) -> None:
        """Note what is asked of source or sink from this instant on: A (positive charges) and V."""
        # What flows by a new set point flows at once: the next interval is no ramp from what flowed before. Where the
        # voltage is held and led, that is the voltage's.
        self._stepped |= [current, voltage] != self._set[:2]
        self._set[:2] = current, voltage

    def command(self, power: float) -> None:
        """Note what the step wants from this instant on (W, positive charges), before the BMS's limits cut it."""
        self._set[3] = power

    def commands(self, wanted: Callable[[float], float]) -> None:
        """Note with each row, until nothing is asked, what the step wants (W, positive charges, before any cut).

        `wanted` says it in the mean since the last row, at the step's own time, s.
        """
        self._commanded = wanted

    def note(self, column: str, value: float) -> None:
        """Note what holds from this instant on of a column that nobody measures; see `Scanner`."""
        self._noted[self._bench.index[column]] = value

    def ask_nothing(self) -> None:
        """Note that the outputs are off."""
        self._noted.clear()
        self._commanded = None
        self.ask(nan, nan)
        self.command(nan)

    def ask_temperature(self, temperature: float) -> None:
        """Note the chamber's set point, degC; until `settled`, the air may be anywhere."""
        self._set[2] = temperature
        self.guard.conditioned = False

    def settled(self) -> None:
        """Note that air and cells have come to rest at that temperature: from now on they are expected to stay."""
        self.guard.conditioned = True

    def take(self) -> Row:
        """One row, guarded and recorded; raises `PackFailure` or `BenchFault` when a limit was violated.

        Raises `BenchFault` as well when the output that was asked for a current is off.
        """
        started = self._now()
        self._alive(self._longest_answer)
        row = self._scan()
        self._alive(0.0)
        now = self._now()
        row[_TIME], row[_UNIX], row[_STEP], row[_SCAN_DURATION] = now, self._epoch + now, self.step_index, now - started
        if self._commanded is not None:
            self._set[3] = self._commanded(now - self.step_began)
        row[_SET_POINTS] = self._set
        if self._noted:
            for place, value in self._noted.items():
                row[place] = value
        self._count(row)
        violations = self.guard.check(row)
        if self.guard.trip is not None:
            # Off first. What it raises matters less than the violation, and the safe state will find it again.
            with suppress(Exception):
                safestate.outputs_off(self._bench.roles)
        self.last = row
        try:
            self._run.sampled(row)
        finally:
            # A disk that is full at this very moment must not hide the violation.
            if violations:
                self._tell(violations)
        # A BMS that gave up has opened its contactors, and the guard is about to say so.
        if abs(row[_CURRENT]) < NEARLY_NOTHING * abs(self._set[0]) and row[_BMS_STATE] != BmsState.ERROR:
            self._look_for_the_output(row[_CURRENT])
        if self._bench.emulated is not None:
            self._bench.emulated.follow(row[_SENSORS], row[_CURRENT], now)
        for observer in self.observers:
            observer(row)
        return row

    def _look_for_the_output(self, current: float) -> None:
        """Raise when an instrument has switched off by itself: that must not pass for a full battery.

        An output may be off because of what the guard still forgives, or the BMS is about to say: a fuse that blows
        leaves a sink without a voltage. That leads, the lost output is listed behind it.
        """
        players, asked = self._bench.roles, self._set[0]
        role, off = ("source", players.source.source_is_off) if asked > 0 else ("sink", players.sink.sink_is_off)
        if off():
            # Off first: a second player may still be on, and whatever is asked for takes time.
            with suppress(Exception):
                safestate.outputs_off(players)
            names = players.of(role)
            told = self._alarms(names)
            lost = BenchFault(
                f"{' and '.join(names)} was asked for {asked:g} A, reads {current:.3g} A and says that its output is "
                "off, though no step switched it off; "
                + (f"it reports {told}." if told else "look for an alarm on it, its watchdog or a hand on its panel."),
                OUTPUT_LOST,
            )
            self._end_for_what_is_behind(lost)
            self._end_for_silence(lost)
            raise lost

    def _alarms(self, names: Collection[str]) -> str:
        """What stands in these instruments, by their names where there are several; empty where nobody says."""
        said = list[str]()
        for name in names:
            driver = self._bench.drivers[name]
            # One that is silent now is no reason to say less of the output that is lost.
            with suppress(Exception):
                if isinstance(driver, TellsAlarms):
                    said += [f"{name}: {alarm}" if len(names) > 1 else alarm for alarm in driver.alarms()]
        return "; ".join(said)

    def _end_for_silence(self, lost: BenchFault) -> None:
        """Raise what it is where the BMS is not heard any more: one that hears nothing either opens its contactors.

        A foxBMS 2 begins to after 1.3 s, and breaks any current 3.5 s later: sooner than the guard calls it silent.
        """
        age = nan if self.last is None else self.last[_BMS_AGE]
        if age > UNHEARD:
            name = self._bench.station.whoever_is("bms")
            raise BenchFault(
                f"{name} has not been heard for {age:.1f} s and may have opened its contactors; check its bus and its "
                f"supply. {lost}",
                "bms-silent",
            )

    def _end_for_what_is_behind(self, lost: BenchFault) -> None:
        """Raise what has made an instrument switch off, if that is known; all outputs are off by now."""
        now, bits = self._now(), None
        if "bms" in self._bench.roles:
            self._alive(bms_errors.LISTEN)
            bms, sleep = self._bench.roles.bms, self._bench.clock.sleep
            bits = _BITS_OF.get(bms_errors.listen(bms, self._now, sleep, bms_errors.standing).side)
        self.guard.end_early(bits, _BITS_OF.values())
        if self.guard.trip is not None:
            self._end_for(self.guard.trip, Cause("bench", str(lost), self.step_name, now, fault=OUTPUT_LOST))

    def _count(self, row: Row) -> None:
        """Charge and energy since the start: trapezoids, except across a step of what is asked for."""
        previous = self.last
        if previous is not None:
            hours = (row[_TIME] - previous[_TIME]) / 3600
            current, power = row[_CURRENT], row[_POWER]
            if not self._stepped:
                current, power = (current + previous[_CURRENT]) / 2, (power + previous[_POWER]) / 2
            self._stepped = False
            # One reading that is missing must not make the counters nan for good; the guard knows of it.
            if not isnan(power):
                # Each by its own sign: where a current turns between two rows, its mean has another than the power's.
                self._counters[current < 0] += abs(current) * hours
                self._counters[2 + (power < 0)] += abs(power) * hours
        row[_COUNTERS] = self._counters

    def _tell(self, violations: Sequence[Violation]) -> None:
        """Log what the guard found; raise what ends the run."""
        for violation in violations:
            if violation.action != "trip":
                self._run.event("warning", **violation.as_event(self.step_name), text=self._cause(violation).text)
        if self.guard.trip is not None:
            self._end_for(self.guard.trip)

    def _end_for(self, trip: Violation, *behind: Cause) -> None:
        """Keep what the run ends for, what else would have ended it, and what is `behind`; raise the first."""
        cause = self._cause(trip)
        told = {"action": "trip", "fault": cause.fault, "blame": cause.blame}
        self._run.event("trip", **trip.as_event(self.step_name) | told, text=cause.text)
        self._run.fault(cause)
        for other in self.guard.causes[1:]:
            self._run.fault(self._cause(other))
        for another in behind:
            self._run.fault(another)
        # What is still forgiven counts where it is older than the cause: then it cannot be its consequence. Nor is what
        # the node names of itself, unless the cause is known to bring that about.
        self.tell_pending(until=trip.since, named=_TOLD_BY_BITS - trip.limit.explains)
        self._keep_last_minute()
        named = cause.fault or trip.fault
        raise FAILURES.get(cause.blame, BenchFault)(cause.text, named)

    def tell_pending(self, until: float = inf, named: Container[str] = ()) -> None:
        """Keep as further causes what was violated in the last row, since `until` (s) at the latest, or is `named`."""
        for violation in self.guard.pending():
            if violation.since <= until or violation.fault in named:
                self._run.fault(self._cause(violation))

    def _cause(self, violation: Violation) -> Cause:
        """Why a limit was violated: of what the BMS says of itself, whose fault it is has to be found out."""
        if violation.doubted or violation.fault not in _EXPLAINED:
            return violation.cause(self.step_name, self._fault_bits(violation))
        reason = self._reason()
        asked = f" when asked for {self.asked_mode}" if self.asked_mode else ""
        cause = violation.cause(self.step_name, f"{asked} {reason.text}{self._fault_bits(violation)}")
        heat = self.guard.explanation("cell-over-temperature") if reason.hot else None
        if heat is not None:
            text = f"{heat.cause(self.step_name).text} So the BMS gave up {reason.text}."
            return replace(cause, text=text, fault=heat.fault, blame=heat.blame, instruments=heat.meant)
        name = bms_errors.FAULTS.get(reason.side, violation.fault)
        return replace(cause, fault=name, blame=fault(name).blame)

    def _reason(self) -> bms_errors.Reason:
        """Why the BMS gave up; takes a moment the first time, in which the outputs are off."""
        if self._found is None:
            bench, guard = self._bench, self.guard
            self._alive(bms_errors.LISTEN)
            origin = bms_errors.listen(bench.roles.bms, self._now, bench.clock.sleep)
            driving = not isnan(self._set[0])
            name = bench.station.whoever_is("bms")
            at = bms_errors.Circumstances(bench.pack, guard.columns, guard.recent(), name, driving, guard.located)
            self._found = bms_errors.reason_of(bench.roles.bms, origin, at)
        return self._found

    def _fault_bits(self, violation: Violation) -> str:
        """What the BMS itself says of it, as the end of a clause."""
        if violation.fault not in _TOLD_BY_BITS:
            return ""
        try:
            names = [fault.signal for fault in self._bench.roles.bms.faults()]
        except InstrumentFault:
            return ", and its fault bits cannot be read"
        return f", its fault bits: {', '.join(names) or 'none'}"

    def _keep_last_minute(self) -> None:
        """Write every row of the guard's last minute, with what it derived from each: that is not in the samples."""
        with suppress(OSError), (self._run.folder / PRETRIGGER).open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(map(no_formula, self.guard.columns))
            table.writerows(self.guard.recent())


def derived_on(bench: OpenBench, layout: Sequence[str]) -> dict[str, Quantity]:
    """What the guard derives from rows of `layout` on an open bench; each sees each row once."""
    bits: Callable[[], Sequence[BmsFault]] = tuple
    if "bms" in bench.roles:
        bms = bench.roles.bms
        bits = bms.remembered_faults if isinstance(bms, RemembersFaults) else bms.faults
    return quantities_for(bench.pack, bench.station, layout, bits, partial(_reconnections, bench))


def guard_for(
    bench: OpenBench, limits: Sequence[Limit], layout: Sequence[str], derived: Mapping[str, Quantity]
) -> Guard:
    """A guard that knows the meters of an open bench, and its cells by name where its BMS does."""
    bms = bench.roles.bms if "bms" in bench.roles else None
    where = bms.where if isinstance(bms, Locating) else None
    evidence = evidence_for(bench.pack, bench.station, layout, where)
    return Guard(limits, layout, derived, evidence, always_connected=bms is None)


def _reconnections(bench: OpenBench) -> float:
    """How often all drivers together have opened their links anew; one that does not count has none."""
    return float(sum([getattr(driver, "reconnections", 0) for driver in bench.drivers.values()]))
