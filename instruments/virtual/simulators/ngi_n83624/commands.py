"""The commands of an N83624: what each does with the channels, or says of them, in V, mA, mAh, mOhm and mW.

As in the vendor's guide (N83624 SCPI V20240130, chapter 6).
"""

from collections.abc import Callable, Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from instruments.virtual import scpi
from instruments.virtual.scpi import Call, Fault, Grammar, ScpiError
from instruments.virtual.simulators.ngi_n83624.channels import CHARGE, FAULTS, SOC, SOURCE, Channels, Places, Vector
from instruments.virtual.soc_tables import QUANTITIES, ROWS

FILES = 8
RESET_TIME = 10.0  # s, guide p8: the factory reset saves to memory

Handler = Callable[[Channels, Call[object]], str | None]


def _csv(values: Vector | NDArray[np.intp], channels: Places, decimals: int) -> str:
    # + 0.0: no minus before a zero.
    return ",".join([f"{value + 0.0:.{decimals}f}" for value in values[channels].tolist()])


def _measured(read: Callable[[Channels], Vector], decimals: int) -> Handler:
    def handler(unit: Channels, call: Call[object]) -> str:
        channels = unit.addressed(call)
        unit.settling.settle()
        return _csv(read(unit), channels, decimals)

    return handler


def _voltages(unit: Channels, call: Call[object]) -> str:
    channels = unit.addressed(call)
    unit.settling.settle()
    shown = unit.shown_voltage()
    return ",".join(shown[channels] if isinstance(channels, slice) else [shown[channel] for channel in channels])


def _queried(read: Callable[[Channels], NDArray[np.intp] | Vector], decimals: int = 0) -> Handler:
    return lambda unit, call: _csv(read(unit), unit.addressed(call), decimals)


def _kept(name: str, maximum: Callable[[Channels], float], decimals: int) -> Handler:
    """A set value per channel, 0 to `maximum` in the unit of the guide."""

    def handler(unit: Channels, call: Call[object]) -> str | None:
        channels = unit.addressed(call)
        if call.query:
            return _csv(unit.sets[name], channels, decimals)
        unit.sets[name][channels] = scpi.number(call.only(), minimum=0.0, maximum=maximum(unit))
        return None

    return handler


def _milliamperes(unit: Channels) -> float:
    return unit.rated_current * 1e3


def _integer(call: Call[object], allowed: Collection[int]) -> int:
    value = scpi.number(call.only())
    if value not in allowed:
        raise ScpiError(Fault.ILLEGAL_VALUE, str(value))
    return int(value)


def _mode(unit: Channels, call: Call[object]) -> str | None:
    channels = unit.addressed(call)
    if call.query:
        return _csv(unit.mode, channels, 0)
    mode = _integer(call, (SOURCE, CHARGE, SOC))
    if unit.on[channels].any():
        raise ScpiError(Fault.SETTINGS_CONFLICT, "output is on")
    unit.mode[channels] = mode
    return None


def _on_off(unit: Channels, call: Call[object]) -> str | None:
    channels = unit.addressed(call)
    if call.query:
        return _csv(unit.on.astype(int), channels, 0)
    unit.switch(channels, scpi.boolean(call.only()))
    return None


def _fault(unit: Channels, call: Call[object]) -> str | None:
    channels = unit.addressed(call)
    if call.query:
        return _csv(unit.fault, channels, 0)
    unit.set_fault(channels, _integer(call, tuple(FAULTS)))
    return None


def _reset(unit: Channels, _call: Call[object]) -> None:
    unit.reset()
    unit.busy_until = unit.clock() + RESET_TIME


def _file(unit: Channels, call: Call[object]) -> str | None:
    channels = unit.addressed(call)
    if call.query:
        return _csv(unit.edit_file, channels, 0)
    file = _integer(call, range(1, FILES + 1))
    if unit.on.any():
        raise ScpiError(Fault.SETTINGS_CONFLICT, "output is on")
    # All channels run from one file at a time here: the string is switched on as a whole.
    unit.edit_file[:] = file
    unit.tables = unit.table(file)
    return None


def _length(unit: Channels, call: Call[object]) -> str | None:
    channels = unit.addressed(call)
    if call.query:
        return _csv(unit.tables.length, channels, 0)
    unit.tables.length[channels] = _integer(call, range(ROWS + 1))
    unit.tables.dirty = True
    return None


def _step(unit: Channels, call: Call[object]) -> str | None:
    channels = unit.addressed(call)
    if call.query:
        return _csv(unit.edit_step, channels, 0)
    unit.edit_step[channels] = _integer(call, range(1, ROWS + 1))
    return None


def _edit(name: str, maximum: Callable[[Channels], float], decimals: int) -> Handler:
    """One quantity of the table row under editing."""
    quantity = QUANTITIES.index(name)

    def handler(unit: Channels, call: Call[object]) -> str | None:
        channels = unit.addressed(call)
        if call.query:
            present = unit.tables.rows[quantity, unit.numbers, unit.edit_step - 1]
            return _csv(present, channels, decimals)
        unit.edit(quantity, channels, scpi.number(call.only(), minimum=0.0, maximum=maximum(unit)))
        return None

    return handler


def _start(unit: Channels, call: Call[object]) -> str | None:
    channels = unit.addressed(call)
    if call.query:
        return _csv(unit.start_voltage, channels, 4)
    unit.start_voltage[channels] = scpi.number(call.only(), minimum=0.0, maximum=unit.rated_voltage)
    return None


def _status(unit: Channels) -> NDArray[np.intp]:
    return np.asarray(unit.event | unit.on.astype(np.intp))


def _power(unit: Channels) -> Vector:
    return np.asarray(unit.measured_voltage() * -unit.current)


def _identity(unit: Channels, _call: Call[object]) -> str:
    return f"NGI,{unit.model},0,V1.00"


def _volts(unit: Channels) -> float:
    return unit.rated_voltage


def _ohms(_unit: Channels) -> float:
    return 1e6


_EDITING: Mapping[str, Handler] = {
    "SOC<n>:EDIT:STEP[?]": _step,
    "SOC<n>:EDIT:Q[?]": _edit("Q", lambda unit: 1e9, 3),
    "SOC<n>:EDIT:VOLTage[?]": _edit("VOLT", _volts, 4),
    "SOC<n>:EDIT:OUTCURRent[?]": _edit("OUTCURR", _milliamperes, 2),
    "SOC<n>:EDIT:Res[?]": _edit("R", _ohms, 3),
}
EDITS = frozenset(_EDITING.values())
"""What changes a table and nothing else; `edit` sees to what follows from that."""


def _table() -> Mapping[str, Handler]:
    return {
        "*IDN?": _identity,
        "*RST": _reset,
        "*OPC?": lambda unit, call: "1",
        # The guide lists the error numbers (chapter 8) but no command that reads them: this is every SCPI instrument's.
        "SYSTem:ERRor[:NEXT]?": lambda unit, call: unit.errors.pop(),
        "MEASure<n>:VOLTage?": _voltages,
        "MEASure<n>:CURRent?": _measured(lambda unit: np.full(unit.channels, -unit.current * 1e3), 2),
        "MEASure<n>:POWer?": _measured(_power, 4),
        "MEASure<n>:MAH?": _measured(Channels.charge_given, 3),
        "MEASure<n>:Res?": _measured(lambda unit: unit.resistance() * 1e3, 3),
        "MEASure<n>:CAPRate[?]": _kept("CAPR", lambda unit: 2.0, 0),
        "OUTPut<n>:MODE[?]": _mode,
        "OUTPut<n>:ONOFF[?]": _on_off,
        "OUTPut<n>:ONDWell[?]": _kept("ONDW", lambda unit: float(0xFFFFFFFE), 0),
        "OUTPut<n>:STATe?": _queried(_status),
        "OUTPut<n>:EVENt?": _queried(_status),
        "SOURce<n>:VOLTage[?]": _kept("SOUR:VOLT", _volts, 4),
        "SOURce<n>:OUTCURRent[?]": _kept("SOUR:OUTCURR", _milliamperes, 2),
        "SOURce<n>:RANGe[?]": _kept("SOUR:RANG", lambda unit: 3.0, 0),
        "CHARge<n>:VOLTage[?]": _kept("CHAR:VOLT", _volts, 4),
        "CHARge<n>:OUTCURRent[?]": _kept("CHAR:OUTCURR", _milliamperes, 2),
        "CHARge<n>:Res[?]": _kept("CHAR:R", _ohms, 3),
        "CHARge<n>:ECHO:VOLTage?": _voltages,
        "CHARge<n>:ECHO:Q?": _measured(Channels.charge_given, 3),
        "SOC<n>:EDIT:FILE[?]": _file,
        "SOC<n>:EDIT:LENGth[?]": _length,
        **_EDITING,
        "SOC<n>:EDIT:SVOLtage[?]": _start,
        "SOC<n>:RUN:STEP?": _queried(lambda unit: unit.tables.row() + 1),
        "SOC<n>:RUN:Q?": _queried(lambda unit: unit.tables.position, 3),
        "SOC<n>:OPEN:VOLTage?": _queried(Channels.open_voltage, 4),
        "SOC<n>:SIM:RES?": _queried(lambda unit: unit.resistance() * 1e3, 3),
        "PROtection<n>:VOLTage[?]": _kept("PRO:VOLT", lambda unit: 1.1 * unit.rated_voltage, 4),
        "PROtection<n>:CURRent[?]": _kept("PRO:CURR", lambda unit: 1.1 * unit.rated_current * 1e3, 2),
        "PROtection<n>:POWEr[?]": _kept("PRO:POWE", lambda unit: 1.21e3 * unit.rated_voltage * unit.rated_current, 2),
        "FAULt<n>:SIMU[?]": _fault,
    }


GRAMMAR: Grammar[Handler] = Grammar(_table())
