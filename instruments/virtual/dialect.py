"""Small parts that simulated instruments are made of: error queue, status register, meter.

Each instrument composes those its manual describes; none of them knows a command.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random


class ErrorQueue:
    """A first-in first-out queue of SCPI errors; what does not fit is lost, the oldest stay."""

    def __init__(self, depth: int, texts: Mapping[int, str], format_: str = '{},"{}"') -> None:
        self._depth = depth
        self._texts = texts
        self._format = format_
        self._errors: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._errors)

    def push(self, number: int) -> None:
        """Note an error by its number."""
        if len(self._errors) < self._depth:
            self._errors.append(number)

    def pop(self) -> str:
        """Take the oldest error as the instrument would print it; number 0 when there is none."""
        number = self._errors.popleft() if self._errors else 0
        return self._format.format(number, self._texts.get(number, "Command error"))

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


@dataclass(frozen=True, slots=True)
class Meter:
    """A measuring channel: fixed gain and offset errors, then the resolution of its display."""

    gain: float = 1.0
    offset: float = 0.0
    decimals: int = 3

    @classmethod
    def drawn(cls, random: Random, accuracy: float, full_scale: float, decimals: int) -> "Meter":
        """Draw the errors of one specimen: gain within `accuracy`, offset within a hundredth of it of full scale."""
        gain = 1.0 + random.uniform(-accuracy, accuracy)
        return cls(gain, random.uniform(-accuracy, accuracy) * full_scale / 100, decimals)

    def read(self, value: float) -> float:
        """What the display shows for a true value."""
        return round(value * self.gain + self.offset, self.decimals) + 0.0


class Instrument:
    """What simulated instruments have in common: they are somebody, and can claim to be somebody else."""

    _specimen: "Specimen"

    def impersonate(self, model: str) -> Callable[[], None]:
        """A defect: give another model's name when asked. How it is ended."""
        own = self._specimen
        self._specimen = replace(own, model=model)

        def unmask() -> None:
            self._specimen = own

        return unmask


def _unseeded() -> Random:
    return Random(0)  # noqa: S311 - reproducible, not secret


@dataclass(frozen=True, slots=True)
class Specimen:
    """What makes one simulated instrument of a type individual: its identity and its errors."""

    model: str
    serial_number: str
    random: Random = field(default_factory=_unseeded, compare=False)
    accuracy: float = 0.0
