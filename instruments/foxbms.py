"""A battery-management node with the foxBMS 2 message layout, on any python-can bus.

Synchronous: no notifier, no thread; frames are taken off the bus in `collect`. The layout is `foxbms.dbc`
beside this file, checked against foxBMS 2 release 1.11. Tried on simulated and virtual buses only.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from instruments.driver import refuse_unknown_options
from instruments.foxbms_protection import PROTECTION, Protection
from instruments.roles import BmsFault, BmsMode, BmsState, Identity, InstrumentFault
from instruments.session import InstrumentLink, LinkContext

if TYPE_CHECKING:
    from can import BusABC, CyclicSendTaskABC, Message
    from cantools.database.can import Database, Signal

REQUEST, STATE, VALUES = 0x210, 0x220, 0x233
REQUEST_CYCLE = 0.1
"""s; a foxBMS built with its timing check tolerates 0.095 to 0.105 (its can.c)."""

MAX_FRAMES = 4096
"""Frames taken in one scan at most: half a second of a full bus at 1 Mbit/s."""

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
"""Channel, message, signal, and what one unit of the signal is in SI; `age` s comes last."""

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


@dataclass(frozen=True, slots=True)
class Field:
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

    def count(self, frame: int) -> int:
        """Return what is sent, whatever it may mean."""
        return ((frame >> self.shift & self.mask) ^ self.sign) - self.sign

    def decode(self, frame: int) -> float:
        """Return the value in a frame given as a big-endian number; nan outside the signal's range."""
        count = ((frame >> self.shift & self.mask) ^ self.sign) - self.sign  # as in `count`, which would cost a call
        return count * self.scale + 0.0 if self.low <= count <= self.high else nan  # no minus before a zero


class FoxBms:
    """A foxBMS node as `BatteryManagement`.

    `positive_current` is what a positive current on the bus means: foxBMS is built with `discharge`.
    A mode that was requested is repeated with every scan. A real foxBMS wants it every 100 ms: with
    `cyclic_request=True` python-can repeats it (socketcan in the kernel, other interfaces in a thread of
    theirs), for as long as this process lives, whatever the test does.
    `timeout` s is how long `identify` listens. `on_message` sees every frame received and sent.
    """

    channels = (*(channel for channel, *_ in CHANNELS), "age")

    def __init__(
        self,
        bus: Mapping[str, object],
        context: LinkContext,
        *,
        name: str,
        timeout: float | None = None,
        positive_current: str = "discharge",
        cyclic_request: bool = False,
    ) -> None:
        if positive_current not in {"charge", "discharge"}:
            raise ValueError(f"{name}: positive_current {positive_current!r} must be 'charge' or 'discharge'.")
        self.name = name
        self.on_message: Callable[[Message], None] | None = None
        self._context = context
        self._timeout = 3.0 if timeout is None else timeout
        self._fields = _fields(-1.0 if positive_current == "discharge" else 1.0)
        self._cyclic = cyclic_request
        self._frames: dict[int, bytes] = {}
        self._received = dict.fromkeys(self._fields, context.now())
        self._undecoded: set[int] = set()
        self._protection = Protection(tuple(self._fields))
        self._sample = [nan] * len(CHANNELS)
        self._faults: tuple[bytes, tuple[BmsFault, ...]] = b"", ()
        self._request: Message | None = None
        self._repeating: CyclicSendTaskABC | None = None
        self._errors = _can_errors()
        self._closed = False
        self._left_as_it_is = False
        self._bus = _open_bus(name, bus)

    @classmethod
    def open(cls, link: InstrumentLink, context: LinkContext, name: str, options: Mapping[str, object]) -> Self:
        """Open the node that a station calls `name`; raises `ValueError` for an unknown option."""
        refuse_unknown_options(cls, name, options)
        if link.can is None:
            raise ValueError(f"{name} has no CAN bus; give interface and channel.")
        arguments: dict[str, Any] = dict(options)
        return cls(link.can, context, name=name, timeout=link.timeout, **arguments)

    def identify(self) -> Identity:
        """Listen for its state; a foxBMS tells no more of itself unasked."""
        deadline = self._context.now() + self._timeout
        self._drain()
        while STATE not in self._frames:
            if self._context.now() >= deadline:
                raise self._never_heard()
            self._context.sleep(REQUEST_CYCLE)
            self._drain()
        return Identity("foxBMS", "foxBMS 2", "", "")

    def request(self) -> None:
        """Repeat the requested mode; the values come unasked."""
        if self._request is not None and self._repeating is None:
            self._send(self._request)

    def collect(self) -> list[float]:
        """Return the newest values, decoded once each, and the age (s) of the oldest of their messages.

        A message that never came counts from when the bus was opened; a value outside its signal's range is nan.
        Raises `InstrumentFault` when the node protects its messages and they fail the check.
        """
        self._drain()
        self._check_protection()
        for identifier in self._undecoded:
            frame = int.from_bytes(self._frames[identifier], "big")
            for position, field in self._fields[identifier]:
                self._sample[position] = field.decode(frame)
        self._undecoded.clear()
        return [*self._sample, self._context.now() - min(self._received.values())]

    def request_mode(self, mode: BmsMode) -> None:
        """Ask for a mode now and with every scan, or every 100 ms with `cyclic_request`."""
        from can import Message

        data = _database().get_message_by_name("f_BmsStateRequest").encode(_request_signals(mode))
        self._request = Message(arbitration_id=REQUEST, data=data, is_extended_id=False)
        self._send(self._request)
        if not self._cyclic:
            return
        if self._repeating is not None:
            self._repeating.stop()
        self._repeating = self._bus.send_periodic(self._request, REQUEST_CYCLE)

    def state(self) -> BmsState:
        """Return the newest state received; raises `InstrumentFault` for a node never heard, or not to be believed."""
        self._drain()
        self._check_protection()
        ((_, field),) = self._fields[STATE]
        code = field.count(int.from_bytes(self._state_frame(), "big"))
        try:
            return BmsState(code)
        except ValueError as error:
            raise InstrumentFault(
                f"{self.name} reports state {code}, foxBMS 2 knows 0 to 11; check that it speaks this layout"
            ) from error

    def state_age(self) -> float:
        """Return how long ago (s) the newest state was received; before the first, since the bus was opened."""
        self._drain()
        return self._context.now() - self._received[STATE]

    def faults(self) -> tuple[BmsFault, ...]:
        """Return the fault bits of the newest state message."""
        self._drain()
        frame = self._state_frame()
        # The guard asks once a second; the bits hardly ever change.
        if frame != self._faults[0]:
            self._faults = frame, _faults_in(frame)
        return self._faults[1]

    def bus_voltage(self) -> float:
        """Return the newest voltage (V) that the node measures behind its main contactors; nan when it sent none."""
        self._drain()
        self._check_protection()
        frame = self._frames.get(VALUES)
        return nan if frame is None else _bus_voltage().decode(int.from_bytes(frame, "big"))

    def stay_as_it_is(self) -> None:
        """See `StaysAsItIs`: the node keeps its contactors for as long as it does without requests."""
        self._left_as_it_is = True

    def close(self) -> None:
        """Ask for STANDBY if another mode was asked for, then leave the bus. May be called again."""
        if self._closed:
            return
        self._closed = True
        if self._repeating is not None:
            self._repeating.stop()
        self._cyclic = False
        if self._request is not None and not self._left_as_it_is:
            with suppress(InstrumentFault):
                self.request_mode(BmsMode.STANDBY)
        self._bus.shutdown()

    def _drain(self) -> None:
        """Take what waits on the bus, at most `MAX_FRAMES`, and keep the newest of each message."""
        receive, fields, listener = self._bus.recv, self._fields, self.on_message
        try:
            for _ in range(MAX_FRAMES):
                message = receive(0)
                if message is None:
                    break
                if listener is not None:
                    listener(message)
                identifier = message.arbitration_id
                if identifier in fields and _is_data(message):
                    data = bytes(message.data)
                    if self._frames.get(identifier) != data:
                        self._frames[identifier] = data
                        self._undecoded.add(identifier)
                    self._received[identifier] = self._context.now()
                elif identifier == PROTECTION and _is_data(message):
                    self._protection.check(bytes(message.data), self._frames)
                    self._received[identifier] = self._context.now()
        except self._errors as error:
            raise InstrumentFault(f"{self.name} cannot be heard: {error}; check the CAN interface") from error

    def _send(self, message: "Message") -> None:
        if self._context.transcript is not None:
            self._context.transcript(">", f"{message.arbitration_id:03X}#{message.data.hex().upper()}")
        try:
            self._bus.send(message)
        except self._errors as error:
            raise InstrumentFault(
                f"{self.name} cannot be asked for a mode: {error}; check wiring, termination and bit rate"
            ) from error
        if self.on_message is not None:
            self.on_message(message)

    def _state_frame(self) -> bytes:
        frame = self._frames.get(STATE)
        if frame is None:
            raise self._never_heard()
        return frame

    def _check_protection(self) -> None:
        problem = self._protection.problem
        if problem:
            raise InstrumentFault(
                f"{self.name} cannot be believed: {problem} (PackProtection, 0x{PROTECTION:X}); "
                "restart the BMS and look at its bus"
            )

    def _never_heard(self) -> InstrumentFault:
        return InstrumentFault(
            f"{self.name} has never sent f_BmsState (0x{STATE:X}); check its supply, wiring and bit rate"
        )


def _is_data(message: "Message") -> bool:
    """Tell a complete data frame of 11-bit identifier from all else that a bus can deliver."""
    return (
        len(message.data) == 8
        and not message.is_extended_id
        and not message.is_remote_frame
        and not message.is_error_frame
    )


def _open_bus(name: str, settings: Mapping[str, Any]) -> "BusABC":
    import can

    try:
        return can.Bus(**settings)
    except (can.CanError, OSError, ImportError, NotImplementedError, TypeError, ValueError) as error:
        where = ", ".join(f"{key} {value}" for key, value in settings.items())
        raise InstrumentFault(f"{name} ({where}) cannot be opened: {error}; check the interface") from error


def _can_errors() -> tuple[type[Exception], ...]:
    from can import CanError

    return (CanError, OSError)


@cache
def _database() -> "Database":
    from cantools.database import load_file

    return load_file(Path(__file__).with_name("foxbms.dbc"), strict=True)  # type: ignore[return-value]


@cache
def _bus_voltage() -> Field:
    return Field.of(_database().get_message_by_name("f_PackValuesP0").get_signal_by_name("BusVoltage"))


@cache
def _fields(turn: float) -> dict[int, tuple[tuple[int, Field], ...]]:
    """For each message, where its signals go in a sample; `turn` is the sign of the current."""
    fields: dict[int, list[tuple[int, Field]]] = {}
    for position, (channel, name, signal, factor) in enumerate(CHANNELS):
        message = _database().get_message_by_name(name)
        sign = turn if channel == "pack current" else 1.0
        field = Field.of(message.get_signal_by_name(signal), factor * sign)
        fields.setdefault(message.frame_id, []).append((position, field))
    return {identifier: tuple(each) for identifier, each in fields.items()}


def _faults_in(frame: bytes) -> tuple[BmsFault, ...]:
    message = _database().get_message_by_name("f_BmsState")
    values = message.decode_simple(frame, decode_choices=False)
    return tuple(BmsFault(name, message.get_signal_by_name(name).comment or "") for name in FAULTS if values[name])


def _request_signals(mode: BmsMode) -> dict[str, int]:
    names = (signal.name for signal in _database().get_message_by_name("f_BmsStateRequest").signals)
    return dict.fromkeys(names, 0) | {"RequestBmsMode": int(mode)}
