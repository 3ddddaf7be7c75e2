"""What is repeated on a bus, turn by turn: who sends goes first, and nobody waits for another's reading.

A node may want its frames at even distances (foxBMS: 95 to 105 ms). So a turn sends for everybody before it reads for
anybody, it waits for no lock that is held while frames are read, and a thread that computes lets go of the interpreter
soon: Python's 5 ms (`sys.setswitchinterval`) would be all there is.
"""

from collections.abc import Callable

from instruments.attention import let_go_within

Every = Callable[[float, Callable[[], None]], Callable[[], None]]
"""Calls back each so many s from now on; returns what ends that."""
Turn = tuple[Callable[[], None], Callable[[], None]]
"""Sends, and reads what has come."""

SWITCH = 5e-4
"""s after which a thread that computes lets others run, while something is repeated in real time: a tenth of what a
foxBMS forgives. That costs a switch for each turn, and nothing where nobody waits."""


class Wheel:
    """Repeats for all users of a bus; the clock calls back once for each period that is in use."""

    def __init__(self, every: Every, *, real_time: bool = False) -> None:
        self._every, self._real_time = every, real_time
        self._turns: dict[float, list[Turn]] = {}
        self._ends: dict[float, Callable[[], None]] = {}
        self._attention: dict[float, Callable[[], None]] = {}
        self._begun: dict[float, int] = {}

    def add(self, period: float, send: Callable[[], None], read: Callable[[], None]) -> Callable[[], None]:
        """Carry out both each `period` s from now on; returns what ends that."""
        turns, turn = self._turns.setdefault(period, []), (send, read)
        turns.append(turn)
        if len(turns) == 1:
            self._begin(period)
            if self._real_time:
                self._attention[period] = let_go_within(SWITCH)

        def end() -> None:
            turns.remove(turn)
            if not turns:
                del self._turns[period]
                self._ends.pop(period)()
                self._attention.pop(period, _nothing)()

        return end

    def begin_anew(self, period: float) -> None:
        """Have the next turn a whole period from now: something was sent between two of them."""
        if period in self._ends:
            self._ends.pop(period)()
            self._begin(period)

    def _begin(self, period: float) -> None:
        # By its number a call that was on its way when it was cancelled is told from those that count.
        self._begun[period] = number = self._begun.get(period, 0) + 1
        self._ends[period] = self._every(period, lambda: self._go_round(period, number))

    def _go_round(self, period: float, number: int) -> None:
        if self._begun.get(period) != number:
            return
        turns = tuple(self._turns.get(period, ()))
        for send, _ in turns:
            send()
        for _, read in turns:
            read()


def _nothing() -> None:
    """Nobody needed any."""
