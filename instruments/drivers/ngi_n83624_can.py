"""NGI N83624 over CAN, by its CANDBC dialect: a message takes less than 1 ms, where one of SCPI takes 0.3 s.

CANDBC knows voltages, current limits, ON and OFF and cyclic uploads, and no tables: so the cells are worked out here,
from the tables and the current that each channel reports, and set anew with every scan. Facts from the "N83624 Series
Programming Guide, CANDBC Protocol" (V20230904); section numbers are its own. Tried on the simulator only.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from struct import Struct
from typing import TYPE_CHECKING, Any, Self

from instruments.accuracy import Accuracy, DataSheet
from instruments.driver import refuse_unknown_options
from instruments.roles import CellTable, Channel, Identity, InstrumentFault, SetPointRejected, unfit_resistance
from instruments.wires.can import CanSession
from instruments.wires.context import InstrumentLink, LinkContext
from instruments.wires.numbers import check_whole

if TYPE_CHECKING:
    from can import Message

STATUS, MEASURED = 1, 3
"""Registers that are uploaded: status and event; voltage and current (6.1)."""
ON_OFF, VOLTAGE, CURRENT, CYCLE = 10, 20, 21, 113
"""Registers that are set (6.2)."""
FROM_UNIT = 1 << 28
CHANNELS = 24
SHEET = "NGI, N83624 series data sheet: voltage accuracy; the sheet was not at hand"
MOST_UNITS = 170
"""Start addresses whose channels fit into 12 bits (5)."""

_PAIR = Struct("<ii")
_SET = Struct("<Ixxxx")
_VOLT, _AMPERE = 1e5, 1e8
"""Counts in a V and an A of what is uploaded: 0.00001 V, 0.00001 mA (6.1.1)."""
_VOLT_SET, _AMPERE_SET = 1e6, 1e9
"""Counts in a V and an A of what is set: 0.000001 V, 0.000001 mA (6.2); so no more than 4.29 A fits into 32 bits."""
MOST_CURRENT = (2**32 - 1) / _AMPERE_SET
MOST_VOLTAGE = 6.0

FAULTS = {1: "over-voltage", 2: "over-current", 3: "over-power", 4: "over-temperature"}
"""Bits of the status (6.1.3); bit 0 is on."""
CYCLES_MISSED = 5
"""Uploads in a row whose absence is silence."""
SETTLE = 0.05
"""s after a command before which what is uploaded may still be from before it."""
LISTEN = 0.05
"""s between two looks while a unit is waited for."""
READ = 0.1
"""s between two looks where time is real: a kernel keeps some 300 frames, of which a unit sends 72 in a cycle."""
FIRST_STEP, LEAST_STEP = 1 / 16, 1 / 1024
"""Shares of what is missing to the string's voltage that are taken over at once, to begin with and at least."""
NEAR = 5e-4
"""V to the string's voltage within which nothing is missing."""


@dataclass(slots=True)
class _Cell:
    """One channel: its identifier, what it plays, and what is known of it. Charge in As, current out of it in A."""

    channel: int
    table: CellTable | None = None
    charge: float = 0.0
    resistance: Sequence[float] = ()
    sent: int = -1
    """What it was last set to, in counts."""
    voltage: float = nan
    current: float = 0.0
    measured_at: float | None = None
    status: int = 0
    reported_at: float | None = None
    """When its status was received, as `measured_at` a time for `CanSession.age`."""

    def move(self, duration: float) -> None:
        """Let the reported current have flowed for `duration` s."""
        if self.table is not None:
            full = self.table.capacity * 3600.0
            self.charge = min(max(self.charge - self.current * duration, 0.0), full)

    def source(self) -> tuple[float, float]:
        """V without current, and Ohm, of the cell as it is now."""
        if self.table is None:
            return 0.0, 0.0
        positions, soc = self.table.state_of_charge, self.charge / (self.table.capacity * 3600.0)
        return _between(positions, self.table.voltage, soc), _between(positions, self.resistance, soc)


@dataclass(slots=True)
class _Approach:
    """How much of what is missing to the string's voltage is taken over with each scan.

    Twice as much as in the one before; a quarter where that was too much. A charger that holds a voltage sees the
    channels' own resistance alone, a few mOhm. To give it the whole drop across the cells' resistance at the current of
    before would drive that current up and down, more each time.
    """

    share: float = FIRST_STEP
    before: float = 0.0

    def step(self, missing: float) -> float:
        """V by which to go on where so many are missing."""
        if abs(missing) > NEAR:
            beyond = missing * self.before < 0
            self.share = max(self.share / 4, LEAST_STEP) if beyond else min(self.share * 2, 1.0)
            self.before = missing
        return self.share * missing


class NgiN83624Can:
    """The channels of an N83624 on CAN as one `BatteryEmulator`, in source mode, which is set at its panel.

    `cells` is how many of its channels are used, `unit` the start address of its identifiers, `cycle` s how often it
    uploads, `current_limit` A what a channel may carry (see `MOST_CURRENT`), `timeout` s how long it may be silent. A
    channel follows its table with every scan, and stays where it is when there are no more. `close` leaves the outputs.
    """

    def __init__(
        self,
        bus: Mapping[str, object],
        context: LinkContext,
        *,
        name: str,
        timeout: float | None = None,
        cells: int = CHANNELS,
        unit: int = 1,
        cycle: float = 0.1,
        current_limit: float = 4.0,
    ) -> None:
        check_whole(name, "cells", cells)
        check_whole(name, "unit", unit)
        _refuse(name, "cells", cells, 1, CHANNELS, "")
        _refuse(name, "unit", unit, 1, MOST_UNITS, "")
        _refuse(name, "cycle", cycle, 0.06, 60.0, " s")
        _refuse(name, "current_limit", current_limit, 0.0, MOST_CURRENT, " A")
        self.name = name
        self._context, self._timeout = context, 2.0 if timeout is None else timeout
        self._cycle, self._current_limit = cycle, current_limit
        first = CHANNELS * (unit - 1) + 1
        self._cells = tuple(_Cell(first + number) for number in range(cells))
        self._names = tuple(Channel(f"cell {number}", "voltage", "V") for number in range(1, cells + 1))
        self._playing = self._uploading = False
        self._told: bool | None = None
        """What the channels were last told, on or off."""
        self._told_at = self._moved_at = self._sent_at = context.now()
        self._approach = _Approach()
        self._can = CanSession(bus, context, name=name)
        for cell in self._cells:
            for register, heard in ((STATUS, self._hear_status), (MEASURED, self._hear_measured)):
                self._can.subscribe(FROM_UNIT | cell.channel << 16 | register, heard, extended=True)
        if context.every is not None and context.real_time:
            self._can.repeat(READ, lambda: None)

    @classmethod
    def open(cls, link: InstrumentLink, context: LinkContext, name: str, options: Mapping[str, object]) -> Self:
        """Open the unit that a station calls `name`; raises `ValueError` for an unknown option."""
        refuse_unknown_options(cls, name, options)
        if link.can is None:
            raise ValueError(f"{name} has no CAN bus; give interface and channel.")
        arguments: dict[str, Any] = dict(options)
        return cls(link.can, context, name=name, timeout=link.timeout, **arguments)

    def identify(self) -> Identity:
        """Have it upload, and listen; CANDBC tells nothing of who it is. Raises `InstrumentFault` when it is silent."""
        self._upload()
        self._wait_until(lambda cell: cell.measured_at is not None)
        return Identity("NGI", "N83624", "", "")

    @classmethod
    def data_sheet(cls, model: str, options: Mapping[str, Any]) -> DataSheet:
        """±0.6 mV, and the last digit of a measured voltage."""
        return {"cell": (Accuracy(offset=0.6e-3, resolution=1e-5, holds=(18.0, 28.0), source=SHEET, assumed=True),)}

    @property
    def troubles(self) -> Mapping[str, int]:
        """Frames that were lost, or left unread."""
        return {"dropped frames": self._can.dropped}

    @property
    def cell_count(self) -> int:
        """Channels in series."""
        return len(self._cells)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """`cell 1`, `cell 2`, ..., V."""
        return self._names

    def request(self) -> None:
        """The values come unasked."""
        self._can.check()

    def collect(self) -> list[float]:
        """Return the newest cell voltages (V), and set those that the cells have by now.

        Raises `InstrumentFault` for a channel that has not reported for too long: what it said then is old.
        """
        self._can.check()
        with self._can.lock:
            self._can.surface()
            self._can.take()
            self._refuse_silence()
            self._refresh()
            return [cell.voltage for cell in self._cells]

    def emulate(self, cells: Sequence[CellTable]) -> None:
        """Begin one table per channel and switch all on; raises `SetPointRejected` for an unfit table."""
        self._check(cells)
        self._upload()
        with self._can.lock:
            self._off()
            for cell, table in zip(self._cells, cells, strict=True):
                cell.table, cell.resistance = table, tuple(table.resistance)
                cell.charge, cell.sent = table.initial * table.capacity * 3600.0, -1
                self._set(cell, CURRENT, self._current_limit * _AMPERE_SET)
                self._set_voltage(cell, cell.source()[0])
            self._approach = _Approach()
            for cell in self._cells:
                self._set(cell, ON_OFF, 1)
            self._told, self._playing = True, True
            self._told_at = self._moved_at = self._context.now()
        states = self._states()
        off = [number for number, cell in self._numbered() if not states[number - 1]]
        if off:
            reasons = "; ".join(self.alarms()) or "it gives no reason"
            raise InstrumentFault(
                f"{self.name} left channels {', '.join(map(str, off))} off ({reasons}); check their wiring"
            )

    def update_resistance(self, resistance: Sequence[float], rows: Iterable[int] | None = None) -> None:
        """Give the running tables new resistances (Ohm, one per row), alike for all channels; nothing is sent.

        Raises `SetPointRejected` for what is no resistance and for a row that there is not.
        """
        table = self._cells[0].table
        if table is None or len(resistance) != len(table.resistance):
            raise SetPointRejected(
                f"{self.name}: {len(resistance)} resistances for {0 if table is None else len(table.resistance)} rows; "
                "nothing was changed, give one per row of the tables that emulate() began"
            )
        chosen = tuple(range(len(resistance)) if rows is None else rows)
        if unfit := unfit_resistance(resistance, chosen):
            raise SetPointRejected(f"{self.name}: {unfit}; nothing was changed")
        with self._can.lock:
            for cell in self._cells:
                kept = enumerate(zip(cell.resistance, resistance, strict=True))
                cell.resistance = tuple(new if row in chosen else old for row, (old, new) in kept)

    def emulator_off(self) -> None:
        """Switch every channel off; each is told, whatever became of the one before. Raises the first fault."""
        with self._can.lock:
            self._off()

    def emulator_is_off(self) -> bool:
        """Read back that every channel is off, by frames that are newer than OFF; if one reads on, all are told again.

        Raises `InstrumentFault` where the unit is silent.
        """
        self._upload()
        on = any(self._states())
        if not on or self._told is not False:
            return not on
        with self._can.lock:
            self._off()
        return not any(self._states())

    def alarms(self) -> tuple[str, ...]:
        """Report what each channel's protection says, e.g. `cell 7: over-voltage`."""
        self._can.take()
        return tuple(
            f"cell {number}: {text}"
            for number, cell in self._numbered()
            for bit, text in FAULTS.items()
            if cell.status >> bit & 1
        )

    def close(self) -> None:
        """Leave the bus for ever, and the outputs and uploads as they are. May be called again."""
        self._can.close(lambda: None)

    # ---- cells ----

    def _refresh(self) -> None:
        """Set what the cells have by now, where they are played and have answered what was set before."""
        now = self._context.now()
        duration, self._moved_at = now - self._moved_at, now
        if not self._playing:
            return
        for cell in self._cells:
            cell.move(duration)
        if all(self._can.age(cell.measured_at or 0.0) <= now - self._sent_at for cell in self._cells):
            self._play()

    def _play(self) -> None:
        """Set each cell's voltage nearer to what it is at the current that flows."""
        sources = [cell.source() for cell in self._cells]
        voltage, resistance = map(sum, zip(*sources, strict=True))
        current = -sum(cell.current for cell in self._cells) / len(self._cells)
        present = sum(cell.sent for cell in self._cells) / _VOLT_SET
        drop = present + self._approach.step(voltage + resistance * current - present) - voltage
        for cell, (without, ohm) in zip(self._cells, sources, strict=True):
            self._set_voltage(cell, without + (ohm * drop / resistance if resistance else 0.0))

    def _set_voltage(self, cell: _Cell, voltage: float) -> None:
        counts = round(min(max(voltage, 0.0), MOST_VOLTAGE) * _VOLT_SET)
        if counts != cell.sent:
            self._set(cell, VOLTAGE, counts)
            cell.sent, self._sent_at = counts, self._context.now()

    def _check(self, cells: Sequence[CellTable]) -> None:
        if len(cells) != len(self._cells):
            raise SetPointRejected(f"{self.name}: {len(cells)} tables for {len(self._cells)} cells; nothing was sent")
        for number, table in enumerate(cells, start=1):
            rows = {len(column) for column in (table.state_of_charge, table.voltage, table.resistance)}
            if len(rows) != 1 or max(rows) < 2:
                raise SetPointRejected(
                    f"{self.name}: the table of cell {number} has {sorted(rows)} rows; nothing was sent, give every "
                    "column one common length of 2 or more"
                )
            highest, lowest = max(table.voltage), min(table.voltage)
            if lowest < 0.0 or highest > MOST_VOLTAGE:
                raise SetPointRejected(
                    f"{self.name}: the table of cell {number} goes from {lowest:g} to {highest:g} V, a channel from "
                    f"0 to {MOST_VOLTAGE:g} V; nothing was sent"
                )
            if table.flaw:
                raise SetPointRejected(
                    f"{self.name}: the table of cell {number} is none, {table.flaw}; nothing was sent"
                )

    # ---- frames ----

    def _numbered(self) -> Iterable[tuple[int, _Cell]]:
        return enumerate(self._cells, start=1)

    def _hear_status(self, message: "Message", time: float) -> None:
        if len(message.data) == 8:
            cell = self._of(message)
            cell.status, cell.reported_at = _PAIR.unpack(message.data)[0], time

    def _hear_measured(self, message: "Message", time: float) -> None:
        if len(message.data) == 8:
            cell = self._of(message)
            voltage, current = _PAIR.unpack(message.data)
            cell.voltage, cell.current, cell.measured_at = voltage / _VOLT, current / _AMPERE, time

    def _of(self, message: "Message") -> _Cell:
        return self._cells[(message.arbitration_id >> 16 & 0xFFF) - self._cells[0].channel]

    def _upload(self) -> None:
        """Have every channel upload, unless it does."""
        if self._uploading:
            return
        for cell in self._cells:
            self._set(cell, CYCLE, self._cycle * 1000)
        self._uploading = True

    def _off(self) -> None:
        self._told, self._playing, self._told_at = False, False, self._context.now()
        trouble: InstrumentFault | None = None
        for cell in self._cells:
            try:
                self._set(cell, ON_OFF, 0)
            except InstrumentFault as fault:
                trouble = trouble or fault
        if trouble is not None:
            raise trouble

    def _states(self) -> list[bool]:
        """Whether each channel is on, from frames that are newer than what it was told last."""
        self._wait_until(self._has_reported)
        return [bool(cell.status & 1) for cell in self._cells]

    def _has_reported(self, cell: _Cell) -> bool:
        """Whether the status of a channel is of now, and not of before it was told something."""
        since = self._context.now() - self._told_at - SETTLE * self._can.pace
        return cell.reported_at is not None and self._can.age(cell.reported_at) <= since

    def _wait_until(self, known: Callable[[_Cell], bool]) -> None:
        """Listen until this is known of every channel; raises `InstrumentFault` where it is not."""
        passed = self._context.passed
        deadline = passed() + self._timeout
        while True:
            self._can.take()
            silent = [number for number, cell in self._numbered() if not known(cell)]
            if not silent:
                return
            if passed() >= deadline:
                raise self._silence(silent[0], self._timeout)
            self._context.sleep(LISTEN)

    def _refuse_silence(self) -> None:
        patience, pace = max(self._timeout, CYCLES_MISSED * self._cycle), self._can.pace
        for number, cell in self._numbered():
            if cell.measured_at is None:
                age = self._context.now() - self._can.opened
            else:
                age = self._can.age(cell.measured_at)
            if age > patience * pace:
                raise self._silence(number, age / pace)

    def _silence(self, number: int, seconds: float) -> InstrumentFault:
        return InstrumentFault(
            f"{self.name} has not reported cell {number} for {seconds:.3g} s; check its supply, wiring, bit rate and "
            "the start address of its identifiers"
        )

    def _set(self, cell: _Cell, register: int, value: float) -> None:
        from can import Message

        identifier = cell.channel << 16 | register
        message = Message(arbitration_id=identifier, data=_SET.pack(round(value)), is_extended_id=True)
        if register != VOLTAGE:
            self._can.write_down(message)  # voltages go out with every scan, and are read back in its samples
        self._can.send(message, "told what to do")


def _between(positions: Sequence[float], values: Sequence[float], at: float) -> float:
    """The value at a position between two rows; the outer ones beyond the ends."""
    from bisect import bisect_right

    above = bisect_right(positions, at)
    if above == 0:
        return values[0]
    if above == len(positions):
        return values[-1]
    low, high = positions[above - 1], positions[above]
    return values[above - 1] + (values[above] - values[above - 1]) * (at - low) / (high - low)


def _refuse(name: str, option: str, value: float, low: float, high: float, unit: str) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name}: {option} {value!r} is outside {low:g} to {high:g}{unit}; correct it.")
