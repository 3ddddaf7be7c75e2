"""NGI N83624: a battery emulator of 24 cells in state-of-charge mode.

Facts from the "N83624 Series Programming Guide, SCPI Protocol" (V20240130); section numbers are its own. Its
units are turned round here: mA, mOhm, mAh and mW on the wire, SI above. Tried on the simulator only.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from itertools import pairwise
from math import inf, isclose
from typing import Any

from instruments.accuracy import Accuracy, DataSheet
from instruments.driver import Setting, VisaDriver
from instruments.roles import (
    ROWS_AT_ONCE,
    CellTable,
    Channel,
    InstrumentFault,
    Protections,
    SetPointRejected,
    unfit_resistance,
)
from instruments.wires.context import LinkContext
from instruments.wires.links import ErrorQueue, LinkProfile
from instruments.wires.numbers import check_whole
from instruments.wording import nearest
from instruments.yesno import is_number

SOC_MODE = 3  # 6.3, OUTPut<n>:MODE
MAX_ROWS = 200  # 6.6, SOC<n>:EDIT:LENGth
_MILLI = 1000.0

STATUS = {
    1: "over-voltage (ovp)",
    2: "over-current (ocp)",
    3: "over-power (opp)",
    4: "over-temperature (otp)",
    5: "fault relay switched under voltage (ofp)",
    6: "fault relay outside source mode (omp)",
}
"""Bits of OUTPut<n>:STATe (6.3); bit 0 is on."""

OVER_VOLTAGE = Setting("cell over-voltage threshold", "PRO1:VOLT", "V")
OVER_CURRENT = Setting("cell over-current threshold", "PRO1:CURR", "A", per_unit=_MILLI)
OVER_POWER = Setting("cell over-power threshold", "PRO1:POWE", "W", per_unit=_MILLI)


@dataclass(frozen=True, slots=True)
class CellLimits:
    """What one emulated cell may carry: current limit A, then thresholds V, A, W; None leaves what is set."""

    current: float = 5.0
    over_voltage: float | None = None
    over_current: float | None = None
    over_power: float | None = None

    @classmethod
    def of(cls, name: str, limits: Mapping[str, float | None]) -> "CellLimits":
        """Read the option of a station file. Raises `ValueError` for an unknown key, or what is no limit."""
        known = [each.name for each in fields(cls)]
        if not isinstance(limits, Mapping):
            raise ValueError(f"{name}: limits {limits!r} must name each limit; allowed: {', '.join(known)}.")
        for key, value in limits.items():
            if key not in known:
                raise ValueError(f"{name}: limits has no {key!r}; {nearest(key, known)}.")
            if value is None and key != "current":
                continue
            if not is_number(value) or not 0 < value < inf:
                raise ValueError(f"{name}: limits.{key} {value!r} must be a number above 0.")
        arguments: dict[str, Any] = dict(limits)
        return cls(**arguments)

    def thresholds(self) -> tuple[tuple[Setting, float | None], ...]:
        """Return each threshold with its setting."""
        return (
            (OVER_VOLTAGE, self.over_voltage),
            (OVER_CURRENT, self.over_current),
            (OVER_POWER, self.over_power),
        )


SHEET = "NGI, N83624 series data sheet: voltage accuracy; the sheet was not at hand"


class NgiN83624(VisaDriver):
    """All channels of an N83624 as one `BatteryEmulator`.

    A message costs 0.3 s on the instrument, so one that is the same for many channels is sent once with a
    channel list. The guide shows lists for measurements and source settings (5.2); `lists=False` sends one
    message per channel, should a firmware want that for tables.

    `cells` is how many channels are used; `limits` (see `CellLimits`) apply to each of them.
    """

    profile = LinkProfile(gap=0.3, timeout=5.0, error_queue=ErrorQueue())

    def __init__(
        self,
        resource: str,
        context: LinkContext,
        *,
        name: str,
        gap: float | None = None,
        timeout: float | None = None,
        cells: int = 24,
        limits: Mapping[str, float | None] | None = None,
        lists: bool = True,
    ) -> None:
        check_whole(name, "cells", cells)
        if not 1 <= cells <= 24:
            raise ValueError(f"{name}: cells {cells!r} is outside 1 to 24; an N83624 has 24 channels.")
        self._limits = CellLimits.of(name, limits or {})
        super().__init__(resource, context, name=name, gap=gap, timeout=timeout)
        self._cells = tuple(range(1, cells + 1))
        self._channels = tuple(Channel(f"cell {cell}", "voltage", "V") for cell in self._cells)
        self._lists = lists
        self._measure = f"MEAS:VOLT?{_list(self._cells)}"
        self._rows = 0
        self._told: bool | None = None
        """What the channels were last told, on or off."""

    @classmethod
    def data_sheet(cls, model: str, options: Mapping[str, Any]) -> DataSheet:
        """±0.6 mV, and the last digit of a measured voltage."""
        return {"cell": (Accuracy(offset=0.6e-3, resolution=1e-4, holds=(18.0, 28.0), source=SHEET, assumed=True),)}

    @property
    def cell_count(self) -> int:
        """Channels in series."""
        return len(self._cells)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """`cell 1`, `cell 2`, ..."""
        return self._channels

    def request(self) -> None:
        """Ask for all cell voltages in one list query."""
        self._session.request(self._measure)

    def collect(self) -> list[float]:
        """Cell voltages, V."""
        return self._session.numbers(self._measure, self._session.collect(), len(self._cells))

    def emulate(self, cells: Sequence[CellTable]) -> None:
        """Load one table per channel and switch all on; raises `SetPointRejected` for an unfit table."""
        self._check(cells)
        self._session.in_one_piece(lambda: self._load(cells))

    def _load(self, cells: Sequence[CellTable]) -> None:
        self._set("OUTP", "ONOFF", [0] * len(cells))
        self._set("OUTP", "MODE", [SOC_MODE] * len(cells))
        self._protect()
        self._set("SOC", "EDIT:LENG", [len(cells[0].voltage)] * len(cells))
        self._rows = len(cells[0].voltage)
        for row in range(self._rows):
            self._write_row(cells, row)
        self._set("SOC", "EDIT:SVOL", [_open_circuit_voltage(cell) for cell in cells])
        self._told = True
        self._set("OUTP", "ONOFF", [1] * len(cells))
        self._verify_on()

    @property
    def follows(self) -> float:
        """See `FollowsCells`: two messages a row, each with the gap behind it."""
        return 2 * ROWS_AT_ONCE * self._session.gap

    def update_resistance(self, resistance: Sequence[float], rows: Iterable[int] | None = None) -> None:
        """Write new resistances (Ohm, one per row) into `rows` of the running tables (all), alike for all channels.

        Raises `SetPointRejected` for what is no resistance and for a row that there is not.
        A message a row: with the gap that the instrument needs between two, a whole table takes a quarter of a minute.
        """
        if len(resistance) != self._rows:
            raise SetPointRejected(
                f"{self.name}: {len(resistance)} resistances for {self._rows} rows; nothing was sent, "
                "give one per row of the tables that emulate() loaded"
            )
        chosen = tuple(range(self._rows) if rows is None else rows)
        if unfit := unfit_resistance(resistance, chosen):
            raise SetPointRejected(f"{self.name}: {unfit}; nothing was sent")
        self._session.in_one_piece(lambda: self._load_resistance(resistance, chosen))

    def _load_resistance(self, resistance: Sequence[float], rows: Iterable[int]) -> None:
        alike = [("", _list(self._cells))] if self._lists else [(str(cell), "") for cell in self._cells]
        for row in rows:
            step, ohms = self._step(row), resistance[row] * _MILLI
            for suffix, channels in alike:
                # Two commands in one message, as the guide has them (p6): each message costs its gap.
                self._session.write(f"SOC{suffix}:EDIT:STEP {step}{channels};:SOC{suffix}:EDIT:R {ohms:.7g}{channels}")

    def protections(self) -> Protections:
        """Thresholds of channel 1 as read back: V, A, W."""
        return Protections(*(setting.read(self._session)[0] for setting, _ in self._limits.thresholds()))

    def emulator_off(self) -> None:
        """Switch every channel off with one message."""
        self._told = False
        with self._session.switching_off():
            self._set("OUTP", "ONOFF", [0] * len(self._cells))

    def emulator_is_off(self) -> bool:
        """Read back that every channel is off; those that were told OFF and read on are told again, one by one.

        The guide knows no command that takes control, so there is none to repeat.
        """
        on = self._still_on()
        if not on or self._told is not False:
            return not on
        with self._session.switching_off():
            for cell in on:
                self._session.write(f"OUTP{cell}:ONOFF 0")
        return not self._still_on()

    def alarms(self) -> tuple[str, ...]:
        """Report what each channel's protection says, e.g. `cell 7: over-voltage (ovp)`."""
        states = self._wholes(f"OUTP:STAT?{_list(self._cells)}")
        return tuple(
            f"cell {cell}: {text}"
            for cell, state in zip(self._cells, states, strict=True)
            for bit, text in STATUS.items()
            if state >> bit & 1
        )

    def _states(self) -> list[bool]:
        return [bool(state) for state in self._wholes(f"OUTP:ONOFF?{_list(self._cells)}")]

    def _wholes(self, message: str) -> list[int]:
        """Ask for a whole number of each channel."""
        reply = self._session.query(message)
        values = self._session.numbers(message, reply, len(self._cells))
        return [self._session.whole(message, reply, value) for value in values]

    def _still_on(self) -> list[int]:
        return [cell for cell, on in zip(self._cells, self._states(), strict=True) if on]

    def _verify_on(self) -> None:
        off = [cell for cell, on in zip(self._cells, self._states(), strict=True) if not on]
        if off:
            reasons = "; ".join((*self.alarms(), *self._session.errors())) or "it gives no reason"
            raise InstrumentFault(
                f"{self.name} left channels {', '.join(map(str, off))} off ({reasons}); check their wiring"
            )

    def _protect(self) -> None:
        for setting, threshold in self._limits.thresholds():
            if threshold is None:
                continue
            header = setting.command.removeprefix("PRO1:")
            self._set("PRO", header, [threshold * setting.per_unit] * len(self._cells))
            held, _ = setting.read(self._session)
            if not isclose(held, threshold, rel_tol=1e-3):
                raise setting.refused(self._session, threshold, held)

    def _step(self, row: int) -> int:
        """Return the step of a table row: steps go from full to empty, as in the guide's example (7.3)."""
        return self._rows - row

    def _write_row(self, cells: Sequence[CellTable], row: int) -> None:
        column: dict[str, Callable[[CellTable], float]] = {
            "Q": lambda cell: cell.state_of_charge[row] * cell.capacity * _MILLI,
            "VOLT": lambda cell: cell.voltage[row],
            "OUTCURR": lambda _: self._limits.current * _MILLI,
            "R": lambda cell: cell.resistance[row] * _MILLI,
        }
        self._set("SOC", "EDIT:STEP", [self._step(row)] * len(cells))
        for header, value in column.items():
            self._set("SOC", f"EDIT:{header}", [value(cell) for cell in cells])

    def _set(self, root: str, node: str, values: Sequence[float]) -> None:
        """Send one value per channel, in as few messages as their equality allows."""
        if self._lists and len(values) > 1 and values.count(values[0]) == len(values):  # as nearly always
            self._session.write(f"{root}:{node} {values[0]:.7g}{_list(self._cells)}")
            return
        alike: dict[str, list[int]] = defaultdict(list)
        for cell, value in zip(self._cells, values, strict=True):
            alike[f"{value:.7g}"].append(cell)
        for text, cells in alike.items():
            if self._lists and len(cells) > 1:
                self._session.write(f"{root}:{node} {text}{_list(tuple(cells))}")
            else:
                for cell in cells:
                    self._session.write(f"{root}{cell}:{node} {text}")

    def _check(self, cells: Sequence[CellTable]) -> None:
        if len(cells) != len(self._cells):
            raise SetPointRejected(f"{self.name}: {len(cells)} tables for {len(self._cells)} cells; nothing was sent")
        lengths = {len(column) for cell in cells for column in (cell.state_of_charge, cell.voltage, cell.resistance)}
        if len(lengths) != 1 or not 2 <= max(lengths) <= MAX_ROWS:
            raise SetPointRejected(
                f"{self.name}: tables have {sorted(lengths)} rows; nothing was sent, "
                f"give every column of every cell one common length of 2 to {MAX_ROWS}"
            )
        for number, cell in enumerate(cells, start=1):
            if cell.flaw:
                raise SetPointRejected(
                    f"{self.name}: the table of cell {number} is none, {cell.flaw}; nothing was sent"
                )


@cache
def _list(cells: tuple[int, ...]) -> str:
    return f"(@{','.join(map(str, cells))})"


def _open_circuit_voltage(cell: CellTable) -> float:
    """Open-circuit voltage (V) at the initial state of charge, between the two rows around it."""
    points = list(zip(cell.state_of_charge, cell.voltage, strict=True))
    for (low, below), (high, above) in pairwise(points):
        if cell.initial <= high:
            return below + (above - below) * max(0.0, cell.initial - low) / (high - low)
    return cell.voltage[-1]
