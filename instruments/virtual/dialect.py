"""Small parts that simulated instruments are made of: error queue, status register, meter.

Each instrument composes those its manual describes; none of them knows a command.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from instruments.virtual.defects.grammar import Repair
from instruments.virtual.simulator import Part, Specimen

QUEUE_OVERFLOW = -350
"""SCPI-99 volume 2, 21.8.1: stands in a full queue in place of the newest error."""


class ErrorQueue:
    """A first-in first-out queue of SCPI errors; what does not fit is lost, the oldest stay.

    Where there is an `overflow`, such as `QUEUE_OVERFLOW`, that then stands in place of the newest. `noted` is told the
    number of each error.
    """

    def __init__(
        self,
        depth: int,
        texts: Mapping[int, str],
        format_: str = '{},"{}"',
        *,
        overflow: int | None = None,
        noted: Callable[[int], object] | None = None,
    ) -> None:
        self._depth = depth
        self._overflow, self._noted = overflow, noted
        self._texts = texts
        self._format = format_
        self._errors: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._errors)

    def push(self, number: int) -> None:
        """Note an error by its number."""
        if self._noted is not None:
            self._noted(number)
        if len(self._errors) < self._depth:
            self._errors.append(number)
        elif self._overflow is not None:
            self._errors[-1] = self._overflow

    def pop(self) -> str:
        """Take the oldest error as the instrument would print it; number 0 when there is none."""
        number = self._errors.popleft() if self._errors else 0
        return self._format.format(number, self._texts.get(number, "Command error"))

    def fill(self, number: int) -> None:
        """Have no room for any other error."""
        self._errors.extend([number] * (self._depth - len(self._errors)))

    def clear(self) -> None:
        """Forget all errors."""
        self._errors.clear()


@dataclass(slots=True)
class StatusRegister:
    """Condition, event and enable of IEEE 488.2 / SCPI-99 volume 1 chapter 9: events latch on a 0 to 1 transition."""

    condition: int = 0
    event: int = 0
    enable: int = 0

    def update(self, condition: int) -> None:
        """Set the present condition and latch what has appeared."""
        self.event |= condition & ~self.condition
        self.condition = condition

    def take_event(self) -> int:
        """Read the event register, which clears it."""
        event, self.event = self.event, 0
        return event

    @property
    def summary(self) -> bool:
        """Whether an enabled event is latched."""
        return bool(self.event & self.enable)


_DIGITS = tuple(f"%.{decimals}f" for decimals in range(9))


@dataclass(frozen=True, slots=True)
class Meter:
    """A measuring channel: fixed gain and offset errors, then the resolution of its display."""

    gain: float = 1.0
    offset: float = 0.0
    decimals: int = 3
    counts: float = field(init=False, repr=False, compare=False)
    """Of its last digit, in one unit."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", 10.0**self.decimals)

    @classmethod
    def drawn(cls, random: Random, accuracy: float, full_scale: float, decimals: int) -> "Meter":
        """Draw the errors of one specimen: gain within `accuracy`, offset within a hundredth of it of full scale."""
        gain = 1.0 + random.uniform(-accuracy, accuracy)
        return cls(gain, random.uniform(-accuracy, accuracy) * full_scale / 100, decimals)

    def read(self, value: float) -> float:
        """What the display shows for a true value."""
        # By whole counts: `round(value, decimals)` goes through the decimal digits, at three times the cost.
        counts = self.counts
        return round((value * self.gain + self.offset) * counts) / counts

    @staticmethod
    def read_all(meters: Iterable["Meter"], values: Iterable[float]) -> list[float]:
        """What several show, as `read` does: a call for each of them would cost as much again."""
        return [
            round((value * meter.gain + meter.offset) * meter.counts) / meter.counts
            for meter, value in zip(meters, values, strict=True)
        ]

    def text(self, value: float) -> str:
        """What the display shows, in its digits."""
        counts = self.counts  # as `read`, which would be a call
        return _DIGITS[self.decimals] % (round((value * self.gain + self.offset) * counts) / counts)


class Instrument(Part, ABC):
    """What simulated instruments on a line have in common, and what can be wrong with any of them.

    Each defect returns how it is ended. Methods are swapped, so that a healthy instrument pays nothing for them. A
    message ends on `ends_on`, a reply with `ends_with`; who frames its messages otherwise overrides `frames`.
    """

    ends_on: bytes = b"\n"
    ends_with: bytes = b"\n"

    SWITCHING: tuple[str, ...] = ()
    """How messages begin that switch something on or off."""
    QUANTITIES: Mapping[str, str] = {}
    """What the instrument measures, and the key of the meter for it."""
    hangs_up_after: float | None = None
    """s without a word after which the instrument closes a network connection; None: it waits for ever."""
    _specimen: Specimen
    _meters: dict[Any, Meter]

    def frames(self, data: bytes) -> tuple[list[bytes], bytes]:
        """Take what has come so far apart: the messages that are complete, without their ends, and the rest."""
        messages = data.split(self.ends_on)
        rest = messages.pop()
        return messages, rest

    def status_byte(self) -> int:
        """Answer a serial poll (IEEE 488.2 clause 11); 0 from who knows none."""
        return 0

    @abstractmethod
    def handle(self, message: str) -> str | None:
        """Act on one message without its terminator; None is silence."""

    def asks(self, message: str) -> bool:
        """Whether a message only asks and changes nothing."""
        return "?" in message

    @abstractmethod
    def refuse(self) -> str | None:
        """Answer a message that is not carried out, as this dialect does when it complains."""

    def agree(self) -> str | None:
        """Answer a message that sets something, as this dialect does when all is well."""
        return None

    def impersonate(self, model: str) -> Repair:
        """Give another model's name when asked."""
        return self.lasting.attribute(self, "_specimen", lambda own: replace(own, model=model))

    def refuse_sets(self) -> Repair:
        """Carry out nothing that changes anything, and complain of it."""
        return self.swap("handle", lambda healthy: lambda m: healthy(m) if self.asks(m) else self.refuse())

    def ignore_sets(self) -> Repair:
        """Take every set value without a word and keep the old one; switching still works."""

        def passes(message: str) -> bool:
            return self.asks(message) or message.upper().startswith(self.SWITCHING)

        return self.swap("handle", lambda healthy: lambda m: healthy(m) if passes(m) else self.agree())

    def miscalibrate(self, quantity: str, gain: float, offset: float = 0.0) -> Repair:
        """Read a quantity by a factor and an offset (in its unit) wrong, beside what it is wrong by already."""

        def wrong(meter: Meter) -> Meter:
            return replace(meter, gain=meter.gain * gain, offset=meter.offset + offset)

        return self.lasting.item(self._meters, self.QUANTITIES[quantity], wrong)
