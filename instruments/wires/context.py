"""What a bench lends to every driver, where a station file says that an instrument is, and what went wrong there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from instruments.wires.interfaces import refuse_unknown_settings
from instruments.wires.kinds import CAN, KINDS, LinkKind, kind_of

if TYPE_CHECKING:
    from can import Message


@dataclass(frozen=True, slots=True)
class LinkContext:
    """What a bench lends to every driver: the VISA library, its clock (s) and where the wire is written down.

    `transcript(direction, message)` gets `>` for sent, `<` for received, `!` for a fault; None keeps none.
    `every(period, callback)` calls a driver back each `period` s, of real time where that passes by itself
    (`real_time`), and returns what ends it; None where nobody does. `passing` is the time (s) that passes while a link
    is waited for, where that is not the bench's: real time at any speed. `frames` gets every frame that is sent to or
    received from a CAN bus; None keeps none.
    """

    visa_library: str
    now: Callable[[], float]
    sleep: Callable[[float], None]
    transcript: Callable[[str, str], None] | None = None
    every: Callable[[float, Callable[[], None]], Callable[[], None]] | None = None
    real_time: bool = False
    passing: Callable[[], float] | None = None
    frames: "Callable[[Message], None] | None" = None

    @property
    def passed(self) -> Callable[[], float]:
        """The time (s) in which links live, for every patience with one: a bench may be faster, never a link."""
        return self.passing or self.now


@dataclass(frozen=True, slots=True)
class InstrumentLink:
    """Where a station file says that an instrument is: a VISA resource or pyserial URL, or a CAN bus.

    `gap` and `timeout` (s) replace the driver's own; a virtual bench sets `gap` to 0.
    """

    resource: str = ""
    can: Mapping[str, object] | None = None
    gap: float | None = None
    timeout: float | None = None

    @property
    def kind(self) -> LinkKind:
        """Which kind of link that is."""
        return kind_of(self.resource) if self.can is None else KINDS[CAN]

    def check(self) -> None:
        """Raise `ValueError` where nothing can be there, whoever is connected; opens nothing."""
        if self.can is not None:
            refuse_unknown_settings(self.can)


@dataclass(slots=True)
class Troubles:
    """How often something went wrong on a link since it was opened; counted where it happens, at no cost of a message.

    `timeouts` are answers that did not come in time, `losses` connections that were lost, `retries` messages (or pieces
    of programming) that were said once more, `strays` what came unasked and was dropped, `nonsense` answers that made
    no sense.
    """

    timeouts: int = 0
    losses: int = 0
    retries: int = 0
    strays: int = 0
    nonsense: int = 0
