"""The messages of a foxBMS 2 node, as `foxbms.dbc` beside this file has them: what is read, and how it is decoded.

Data and look-ups alone; no bus and no node is known here.
"""

from functools import cache
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from instruments.roles import BmsMode

if TYPE_CHECKING:
    from cantools.database.can import Database, Signal

REQUEST, SYSTEM_STATE, STATE = 0x210, 0x219, 0x220
FATAL_ERROR, STRING_STATE = 0x222, 0x240
CELL_TEMPERATURES, CELL_VOLTAGES, ESTIMATION = 0x230, 0x231, 0x235
STRING_VALUES, STRING_ESTIMATION = 0x243, 0x245
EACH_VOLTAGE, EACH_TEMPERATURE = 0x250, 0x260

_PERCENT, _MILLIVOLT, _KILOOHM = 0.01, 1e-3, 1e3

CHANNELS = (
    ("state", "f_BmsState", "BmsState", 1.0),
    ("soc min", "f_PackStateEstimation", "MinimumSoc", _PERCENT),
    ("soc max", "f_PackStateEstimation", "MaximumSoc", _PERCENT),
    ("soh", "f_PackStateEstimation", "Soh", _PERCENT),
    ("charge current limit", "f_PackLimits", "MaximumChargeCurrent", 1.0),
    ("discharge current limit", "f_PackLimits", "MaximumDischargeCurrent", 1.0),
    ("cell voltage min", "f_PackMinMaxCellVoltage", "MinimumCellVoltage", _MILLIVOLT),
    ("cell voltage max", "f_PackMinMaxCellVoltage", "MaximumCellVoltage", _MILLIVOLT),
    ("cell temperature min", "f_PackMinMaxCellTemperature", "MinimumCellTemperature", 1.0),
    ("cell temperature max", "f_PackMinMaxCellTemperature", "MaximumCellTemperature", 1.0),
    ("pack voltage", "f_PackValuesP0", "BatteryVoltage", 1.0),
    ("pack current", "f_PackValuesP0", "Current", 1.0),
    ("insulation", "f_PackValuesP1", "InsulationResistance", _KILOOHM),
)
"""Channel, message, signal, and what one unit of the signal is in SI; `age` s and two counts come last."""

POSITION = {channel: position for position, (channel, *_) in enumerate(CHANNELS)}
IN_ORDER = {
    ESTIMATION: (POSITION["soc min"], POSITION["soc max"], "state of charge"),
    CELL_VOLTAGES: (POSITION["cell voltage min"], POSITION["cell voltage max"], "cell voltage"),
    CELL_TEMPERATURES: (POSITION["cell temperature min"], POSITION["cell temperature max"], "cell temperature"),
}
"""Messages with a lowest and a highest value, and where these are in a sample."""

FAULTS = (
    "GeneralError",
    "EmergencyShutoff",
    "SystemMonitoringError",
    "PrechargeVoltageError",
    "PrechargeCurrentError",
    "McuDieTemperatureError",
    "BmsMasterPcbOvertemperatureError",
    "BmsMasterPcbUndertemperatureErro",
    "MainFuseBlown",
    "InterlockState",
    "InsulationError",
    "CanTimingError",
    "PackOvercurrentChargeError",
    "PackOvercurrentDischargeError",
    "AlertFlag",
    "NvramCrcError",
    "Clamp30cError",
)
"""Bits of f_BmsState that are raised when something is wrong; InterlockState is 1 when open."""
LOCATIONS = {
    "cell voltage max": (
        CELL_VOLTAGES, "MaximumCellVoltageStringIndex", "MaximumCellVoltageModuleIndex", "MaximumCellVoltageCellIndex",
    ),
    "cell voltage min": (
        CELL_VOLTAGES, "MinimumCellVoltageStringIndex", "MinimumCellVoltageModuleIndex", "MinimumCellVoltageCellIndex",
    ),
    "cell temperature max": (
        CELL_TEMPERATURES, "StringMaximumCellTemperature", "ModuleMaximumCellTemperature",
        "SensorMaximumCellTemperature",
    ),
    "cell temperature min": (
        CELL_TEMPERATURES, "StringMinimumCellTemperature", "ModuleMinimumCellTemperature",
        "SensorMinimumCellTemperature",
    ),
}  # fmt: skip
"""Channel, message, and the signals that say in which string, in which module of it and where in that the value was
measured; from 0 each."""
NO_ERRORS = frozenset({"IsStringConnected", "IsBalancingActive"})
"""Bits of f_StringState that tell of no error."""
SYSTEM_ERROR, SYSTEM_IN_ERROR = "SystemStateError", 6
"""What f_SystemState tells of when its state is this one (SYS_FSM_STATE_ERROR in sys.h): no bit of its own."""


class Field(NamedTuple):
    """Where a big-endian signal sits in eight bytes read as one number, its scale, and its range in counts.

    Decoding this way costs 0.2 us a signal where the general decoder needs 3 us a message.
    """

    shift: int
    mask: int
    sign: int
    scale: float
    low: int
    high: int

    @classmethod
    def of(cls, signal: "Signal", factor: float = 1.0) -> Self:
        """Place a signal of the database; `factor` turns its unit into SI."""
        assert signal.byte_order == "big_endian"  # noqa: S101 - `CHANNELS` names no other
        first = signal.start // 8 * 8 + 7 - signal.start % 8  # counted from the left of the frame
        sign = 1 << (signal.length - 1) if signal.is_signed else 0
        low, high = (round(float(bound or 0) / float(signal.scale)) for bound in (signal.minimum, signal.maximum))
        scale = float(signal.scale) * factor
        return cls(64 - first - signal.length, (1 << signal.length) - 1, sign, scale, low, high)

    def sent(self, frame: int) -> int:
        """Return the count that is sent, whatever it may mean."""
        return ((frame >> self.shift & self.mask) ^ self.sign) - self.sign

    def decode(self, frame: int) -> float:
        """Return the value in a frame given as a big-endian number; nan outside the signal's range."""
        count = ((frame >> self.shift & self.mask) ^ self.sign) - self.sign  # as in `sent`, which would cost a call
        return count * self.scale + 0.0 if self.low <= count <= self.high else nan  # no minus before a zero


@cache
def _database() -> "Database":
    from cantools.database import load_file

    return load_file(Path(__file__).with_name("foxbms.dbc"), strict=True)  # type: ignore[return-value]


@cache
def fields(turn: float) -> dict[int, tuple[tuple[int, Field], ...]]:
    """For each message, where its signals go in a sample; `turn` is the sign of the current."""
    fields: dict[int, list[tuple[int, Field]]] = {}
    for position, (channel, name, signal, factor) in enumerate(CHANNELS):
        message = _database().get_message_by_name(name)
        sign = turn if channel == "pack current" else 1.0
        field = Field.of(message.get_signal_by_name(signal), factor * sign)
        fields.setdefault(message.frame_id, []).append((position, field))
    return {identifier: tuple(each) for identifier, each in fields.items()}


@cache
def cycles() -> dict[int, float]:
    """Cycle (s) of each message of a sample."""
    messages = (_database().get_message_by_name(name) for _, name, *_ in CHANNELS)
    return {message.frame_id: (message.cycle_time or 0) / 1e3 for message in messages}


@cache
def signals() -> dict[int, tuple[Field, ...]]:
    """Every signal of each message of a sample, as a number of its own."""
    messages = (_database().get_message_by_name(name) for _, name, *_ in CHANNELS)
    return {
        message.frame_id: tuple(Field.of(each) for each in message.signals if each.byte_order == "big_endian")
        for message in messages
    }


@cache
def place(identifier: int, signal: str) -> Field:
    """Where a signal sits in its message."""
    return Field.of(_database().get_message_by_frame_id(identifier).get_signal_by_name(signal))


@cache
def error_bits(identifier: int) -> tuple[tuple[int, str], ...]:
    """Mask and name of each error bit of a message: all that are named so in f_StringState, `FAULTS` in f_BmsState."""
    signals = _database().get_message_by_frame_id(identifier).signals
    bits = [signal.name for signal in signals if signal.length == 1 and signal.name not in NO_ERRORS]
    names = FAULTS if identifier == STATE else bits
    return tuple((1 << place(identifier, name).shift, name) for name in names)


def raised(identifier: int, frame: int) -> list[str]:
    """Names of the error bits that are set in a frame, given as a big-endian number."""
    return [name for mask, name in error_bits(identifier) if frame & mask]


@cache
def texts() -> dict[str, str]:
    """What the database says of each error bit."""
    messages = [_database().get_message_by_frame_id(identifier) for identifier in (STATE, STRING_STATE)]
    found = {signal.name: signal.comment or "" for message in messages for signal in message.signals}
    return found | {SYSTEM_ERROR: "The controller as a whole has given up: it could not start"}


@cache
def choice(identifier: int, signal: str, count: int) -> str:
    """The word of the database for a count of a signal; the count where it has none."""
    choices = _database().get_message_by_frame_id(identifier).get_signal_by_name(signal).choices
    return str(choices[count]) if choices and count in choices else str(count)


@cache
def request_data(mode: BmsMode, balancing: int | None = None) -> bytes:
    """Payload of a state request; `balancing` is the threshold (mV) that cells are balanced from, None: they are not.

    A foxBMS takes both from every request that it hears (CANRX_HandleBalancingRequest, CANRX_SetBalancingThreshold).
    """
    message = _database().get_message_by_name("f_BmsStateRequest")
    signals = dict.fromkeys((signal.name for signal in message.signals), 0) | {"RequestBmsMode": int(mode)}
    if balancing is not None:
        signals |= {"ActivateBalancing": 1, "SetBalancingThreshold": balancing}
    return bytes(message.encode(signals))
