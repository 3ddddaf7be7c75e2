"""Why a BMS gave up: by its own bits, by what the meters read before, and whose fault that is.

The contactors are open by then and the outputs off, so there is a moment to listen: the bits come with the next frames.
A pack fails only on evidence: an error of its own that its controller names, or a cell that was read beyond its limit.
What the bench brought about is told as such, and what cannot be told is nobody's, so the bench's until it is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isnan, nan

from bench import columns
from bench.columns import bms_label, raw_label
from bench.pack import PackFile
from instruments.bms_errors import origin_of
from instruments.roles import (
    CONTRADICTIONS,
    BatteryManagement,
    DoubtsItsNode,
    ErrorOrigin,
    ExplainsErrors,
    InstrumentFault,
    Locating,
    Side,
    WatchesItsMode,
)

FAULTS: Mapping[Side, str] = {"bench": "bms-link", "unknown": "bms-error-unexplained"}
"""Ids in the fault catalogue of what is not the pack's."""
LISTEN = 1.0
"""s of bench time to wait for the reason: ten cycles of the messages that tell it."""
LOOK_BACK = 15.0
"""s of rows before the ERROR in which its reason is looked for: a scan in a rest, and a debounce of the BMS's."""
CURRENT_MARGIN, CELL_MARGIN = 1.05, 0.005
"""Factor and V by which meters may differ: less beyond a limit is no evidence."""
_LOOKS = 0.1

Row = Sequence[float]


@dataclass(frozen=True, slots=True)
class Reason:
    """Whose doing it was, and why, as the end of a clause."""

    side: Side
    text: str
    hot: bool = False
    """Whether it is a temperature that is too high, and nothing else."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the bench knows of the moment: the pack's limits, the rows until now (see `layout`), the BMS's name.

    `driving` is whether source or sink were asked for a current; `located` has values beyond a limit, by their column,
    and where each was when it was read.
    """

    pack: PackFile
    layout: Sequence[str]
    rows: Sequence[Row]
    bms: str
    driving: bool
    located: Mapping[str, tuple[float, str]] = field(default_factory=dict)


def listen(
    bms: BatteryManagement,
    now: Callable[[], float],
    sleep: Callable[[float], None],
    look: Callable[[BatteryManagement], ErrorOrigin] | None = None,
) -> ErrorOrigin:
    """Wait until the node has named an error (`told`, or what `look` finds), at most `LISTEN` s."""
    deadline, look = now() + LISTEN, look or told
    while (origin := look(bms)).side == "unknown" and now() < deadline:
        sleep(_LOOKS)
    return origin


def told(bms: BatteryManagement) -> ErrorOrigin:
    """What the node says of its errors now; a driver that does not remember their order says what stands."""
    if isinstance(bms, ExplainsErrors):
        return bms.error_blame()
    return standing(bms)


def standing(bms: BatteryManagement) -> ErrorOrigin:
    """What the node says of the errors that stand now, whatever there was before."""
    try:
        return origin_of([bms.faults()])
    except InstrumentFault:
        return ErrorOrigin("unknown")


def reason_of(bms: BatteryManagement, origin: ErrorOrigin, at: Circumstances) -> Reason:
    """Whose fault an ERROR is, by what the node says of it (`origin`) and what was measured before."""
    doubt = _doubt(bms, at)
    if doubt:
        return Reason("unknown", f"what it says cannot be believed: {doubt}")
    named = ", ".join(origin.signals)
    about = {fault.about for fault in origin.faults}
    # The bus does not follow the pack: whose fault that is depends on whether the bench held it.
    if origin.side == "bench" or (about == {"precharge"} and at.driving):
        return Reason("bench", f"for what the bench did: {named}")
    if origin.side == "pack":
        hot = about == {"over-temperature"}
        measured = _excesses(bms, at, _of_the_cells) or ([_hottest(bms)] if hot else [])
        return Reason("pack", f"for what it found in the pack: {'; '.join(filter(None, [named, *measured]))}", hot)
    for side, bounds in _BOUNDS.items():
        measured = _excesses(bms, at, bounds)
        if measured:
            return Reason(side, f"without a bit that says why; {'; '.join(measured)}")
    return Reason("unknown", f"and nobody says why{_departure(bms)}; look at its own log, its supply and its wiring")


def _hottest(bms: BatteryManagement) -> str:
    """Where the hottest cell is, as a clause, where no reading tells: one that burns is soon beyond what any can."""
    place = bms.where("cell temperature max") if isinstance(bms, Locating) else ""
    return f"the hottest is {place}" if place else ""


def _doubt(bms: BatteryManagement, at: Circumstances) -> str:
    """Why the node's frames are not to be believed now; empty when they are."""
    column = raw_label(at.bms, CONTRADICTIONS)
    if not isinstance(bms, DoubtsItsNode) or column not in at.layout:
        return ""
    counts = [row[at.layout.index(column)] for row in _before(at)]
    return bms.contradiction() if counts and counts[-1] > counts[0] else ""


def _departure(bms: BatteryManagement) -> str:
    text = bms.left_mode().text if isinstance(bms, WatchesItsMode) else ""
    return f" ({text})" if text else ""


def _before(at: Circumstances) -> list[Row]:
    """The rows of the last seconds."""
    return [row for row in at.rows if row[0] >= at.rows[-1][0] - LOOK_BACK]


@dataclass(frozen=True, slots=True)
class _Bound:
    """What a BMS guards: a column, between which values it may be, and how one beyond them is told."""

    column: str
    low: float
    high: float
    unit: str
    words: str
    place: str = ""
    """Where the BMS says that its newest extreme is; of an earlier one it does not say it any more."""
    guarded: str = ""
    """The column that the guard has found it on, and noted where it was."""

    def excess(self, at: Circumstances, rows: Sequence[Row]) -> str:
        """What was read beyond it, as a clause; empty when nothing was."""
        position = at.layout.index(self.column)
        values = [row[position] for row in rows if not isnan(row[position])]
        highest, lowest = max(values, default=self.low), min(values, default=self.high)
        if highest > self.high:
            told = f"{highest:.4g} {self.unit} {self.words}{self._where(at, values, highest)}"
            return f"{told}, at most {self.high:.4g} {self.unit} are allowed"
        if lowest < self.low:
            told = f"{lowest:.4g} {self.unit} {self.words}{self._where(at, values, lowest)}"
            return f"{told}, at least {self.low:.4g} {self.unit} are allowed"
        return ""

    def _where(self, at: Circumstances, values: Sequence[float], extreme: float) -> str:
        if not self.place:
            return ""
        value, noted = at.located.get(self.guarded, (nan, ""))
        # The guard may read the same cell by another meter.
        then = noted if abs(value - extreme) <= CELL_MARGIN else ""
        return f" at {self.place if values[-1] == extreme else then or 'a cell'}"


_Bounds = Callable[[BatteryManagement, Circumstances, Sequence[Row]], Iterable[_Bound]]


def _excesses(bms: BatteryManagement, at: Circumstances, bounds: _Bounds) -> list[str]:
    """What was read beyond one of `bounds`, as clauses."""
    rows = _before(at) if at.rows else []
    return [text for text in (bound.excess(at, rows) for bound in bounds(bms, at, rows)) if text]


def _of_the_bench(_bms: BatteryManagement, at: Circumstances, _rows: Sequence[Row]) -> Iterator[_Bound]:
    """Both ends of the current."""
    limits = at.pack.limits
    charge, discharge = CURRENT_MARGIN * limits.charge_current, CURRENT_MARGIN * limits.discharge_current
    yield _Bound(columns.CURRENT, -discharge, charge, "A", "flowed")


_GUARDED = {"cell voltage max": columns.CELL_VOLTAGE_MAX, "cell voltage min": columns.CELL_VOLTAGE_MIN}
"""Columns of the guard by the channel of a BMS that they may be read from; others are guarded as they are."""


def _of_the_cells(bms: BatteryManagement, at: Circumstances, rows: Sequence[Row]) -> Iterator[_Bound]:
    """Both ends of the cell voltages; of the temperatures the upper, unless the bench's own air is beyond it."""
    limits, set_current, air = at.pack.limits, at.layout.index(columns.SET_CURRENT), at.layout.index(columns.AMBIENT)
    cell = limits.cell_voltage

    def of(channel: str, low: float, high: float, unit: str) -> _Bound:
        place = (bms.where(channel) if isinstance(bms, Locating) else "") or "a cell"
        column = bms_label(at.bms, channel)
        return _Bound(column, low, high, unit, "were read", place, _GUARDED.get(channel, column))

    yield of("cell voltage max", -inf, cell.max + CELL_MARGIN, "V")
    yield of("cell voltage min", cell.min - CELL_MARGIN, inf, "V")
    charging = any(row[set_current] > 0 for row in rows)
    hottest = (limits.charge_temperature if charging else limits.discharge_temperature).max
    if not any(row[air] > hottest for row in rows):
        yield of("cell temperature max", -inf, hottest, "°C")


_BOUNDS: Mapping[Side, _Bounds] = {"bench": _of_the_bench, "pack": _of_the_cells}
"""What a BMS guards, by whose doing an excess is. Too much current may be what has brought a cell beyond its limit, so
it is asked for first."""
