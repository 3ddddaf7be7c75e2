"""The state machine of a foxBMS 2 with one string, and its contactors: BMS_Trigger in its bms.c (release 1.11).

Times are those of its bms_cfg.h. It runs each 10 ms; here every step has its time, and all that have come are taken one
after the other. What it does within 50 ms it does at once.
"""

from collections.abc import Callable
from math import inf

UNINITIALIZED, IDLE, OPENING, STANDBY, PRECHARGE, NORMAL, ERROR = 0, 3, 4, 5, 6, 7, 10
"""BmsState: a string that is connected is NORMAL, whatever it was asked for."""
NO_REQUEST, DISCHARGE_REQUEST, CHARGE_REQUEST, STANDBY_REQUEST = range(4)
"""BMS_REQ_ID_...; what was never asked for anything has NO_REQUEST."""
ENTRY, CHECK_PRECHARGE, OPEN_FIRST = 0, 10, 29
"""Of BmsSubstate those that take time."""

STANDS_BY = 0.08  # s, BMS_FSM_MEDIUM_TIME and what is checked behind it before a request is looked at
CLOSING = 0.2  # s, BMS_WAIT_TIME_AFTER_CLOSING_STRING_CONTACTOR
PRECHARGE_OPENS = 0.5  # s, BMS_TIME_WAIT_AFTER_OPENING_PRECHARGE
STRING_OPENS = 0.2  # s, twice BMS_WAIT_TIME_AFTER_OPENING_STRING_CONTACTOR
PRECHARGE_TIME = 0.3  # s that the bus takes to come to the pack's voltage
GIVES_UP = 2.0  # s, BMS_MAXIMUM_PRECHARGE_DURATION_ms
NEXT_TRY, TRIES = 3.0, 3  # s, BMS_TIME_WAIT_AFTER_PRECHARGE_FAIL; BMS_PRECHARGE_TRIES
OSCILLATION = 10.0  # s, BMS_OSCILLATION_TIMEOUT: no second precharge sooner
BREAKS = 3.5  # A, BS_MAIN_CONTACTORS_MAXIMUM_BREAK_CURRENT_mA
FUSE_BLOWS = 3.0  # s, BS_MAIN_FUSE_MAXIMUM_TRIGGER_DURATION_ms: then they open under any current
LOOK = 0.1  # s between two looks at the current

Step = Callable[[float], None]


class Contactors:
    """`state` as it is sent, `strings` connected, `driven` whether the main contactors are told to conduct.

    `fatal` tells whether an error stands that opens them, `amperes` the current through them, `moved` is called when
    they move. `precharges` is whether the bus follows; `aborted` whether it has not.
    """

    def __init__(self, fatal: Callable[[], bool], amperes: Callable[[], float], moved: Callable[[], None]) -> None:
        self._fatal, self._amperes, self._moved = fatal, amperes, moved
        self.state, self.substate, self.strings = IDLE, ENTRY, 0
        self.driven = self.alert = self.aborted = False
        self.precharges = True
        self.asked = NO_REQUEST
        self.shutoff = inf
        """When (s) it opens because of an error; while there is one it says so."""
        self._at, self._due = -inf, inf
        self._next: Step = self._opened
        self._then = STANDBY
        self._again, self._above, self._tries = -inf, 0.0, 0
        self._quiet = False
        """Whether nothing happens before `_due` or `shutoff` unless something else is asked for."""

    def ask(self, request: int, now: float) -> None:
        """Hear a request."""
        if request != self.asked:
            self.asked, self._quiet = request, False
        self.advance(now)

    def give_up(self, at: float) -> None:
        """An error was found that opens the contactors at `at`, unless another one does so sooner."""
        self.shutoff = min(self.shutoff, at)

    def cut(self) -> None:
        """Lose what holds the contactors: they are open at once."""
        self._drive(False)
        self.strings, self.shutoff = 0, -inf
        self._enter(ERROR)

    def reset(self) -> None:
        """Begin anew, with open contactors."""
        self._drive(False)
        self.strings, self.shutoff, self.asked, self._again = 0, inf, NO_REQUEST, -inf
        self.alert = self.aborted = False
        self._enter(UNINITIALIZED)

    def boot(self) -> None:
        """Be done with starting."""
        if self.state == UNINITIALIZED:
            self._enter(IDLE)

    def be_closed(self) -> None:
        """Have been asked to close them, and have done so."""
        self._drive(True)
        self.strings, self.asked = 1, DISCHARGE_REQUEST
        self._enter(NORMAL)

    def advance(self, now: float) -> None:
        """Take every step that has come until `now`, s."""
        if self._quiet and now < self._due and now < self.shutoff:
            return
        while True:
            if self._due <= now and (self._due <= self.shutoff or self.state not in _LEFT_FOR_ERRORS):
                self._at, self._due = self._due, inf
                self._next(self._at)
            elif not self._react(now):
                self._quiet = self.state != ERROR  # which is left when its error is over
                return

    def _react(self, now: float) -> bool:
        """Do what the present state does about errors and requests; whether that was anything."""
        state = self.state
        if state in _LEFT_FOR_ERRORS and self.shutoff <= now:
            self._open(max(self.shutoff, self._at), ERROR)
        elif state == ERROR and not self._fatal():
            self.shutoff = inf
            if self.asked != STANDBY_REQUEST:
                return False
            self._open(now, STANDBY)
        elif state == STANDBY and self._due == inf and self.asked in (DISCHARGE_REQUEST, CHARGE_REQUEST):
            self._precharge(now)
        elif self.asked == STANDBY_REQUEST and (state in (IDLE, NORMAL) or self.substate == CHECK_PRECHARGE):
            self._open(now, STANDBY)
        else:
            return False
        return True

    # ---- steps, each with the time at which it is taken ----

    def _enter(self, state: int, substate: int = ENTRY) -> None:
        self.state, self.substate = state, substate
        self._due, self._quiet = inf, False

    def _after(self, at: float, step: Step) -> None:
        self._due, self._next = at, step

    def _drive(self, conduct: bool) -> None:
        if conduct != self.driven:
            self.driven = conduct
            self._moved()

    def _open(self, at: float, then: int) -> None:
        self._enter(OPENING, OPEN_FIRST)
        self._then, self._above = then, 0.0
        self._after(at + PRECHARGE_OPENS, self._open_first)

    def _open_first(self, at: float) -> None:
        """Open where the contactor can break the current, or where the fuse should have."""
        if self.driven and self._amperes() >= BREAKS and self._above < FUSE_BLOWS:
            self._above += LOOK
            self._after(at + LOOK, self._open_first)
            return
        self.alert = self.alert or self._above >= FUSE_BLOWS
        self._drive(False)
        self._after(at + STRING_OPENS, self._opened)

    def _opened(self, at: float) -> None:
        self.strings = 0
        self._enter(self._then)
        if self._then == STANDBY:
            self._after(at + STANDS_BY, self._stood_by)

    def _stood_by(self, _at: float) -> None:
        """From now on requests are looked at."""

    def _precharge(self, at: float) -> None:
        self._enter(PRECHARGE)
        self._tries = 0
        self._after(max(at, self._again) + CLOSING, self._begin_precharge)

    def _begin_precharge(self, at: float) -> None:
        self._again, self.substate = at + OSCILLATION, CHECK_PRECHARGE
        self._after(at + (PRECHARGE_TIME if self.precharges else GIVES_UP), self._end_precharge)

    def _end_precharge(self, at: float) -> None:
        self.substate = ENTRY
        if self.precharges:
            self._drive(True)
            self._after(at + CLOSING, self._connected)
            return
        self._tries += 1
        self.aborted = True
        if self._tries < TRIES:
            self._after(at + NEXT_TRY, self._begin_precharge)
        else:
            self._open(at, ERROR)

    def _connected(self, at: float) -> None:
        self.strings, self.aborted = 1, False
        self._after(at + CLOSING + PRECHARGE_OPENS, lambda _at: self._enter(NORMAL))


_LEFT_FOR_ERRORS = frozenset({IDLE, STANDBY, PRECHARGE, NORMAL})
