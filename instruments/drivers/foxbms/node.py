"""A battery-management node with the foxBMS 2 message layout, on any python-can bus.

Where time is real the clock of the bench calls the driver back every 100 ms, between two scans as well: then it repeats
its request and takes what has come, so that no buffer between the node and here runs over. Elsewhere it does both with
each scan. A value is as old as its frame, by the time of reception, whenever the frame was read. The layout is
`foxbms.dbc` beside this file, checked against foxBMS 2 release 1.11. Tried on simulated and virtual buses only.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from math import inf, isnan, nan
from typing import Any, Self

from instruments.driver import refuse_unknown_options
from instruments.drivers.foxbms.accuracy import OfTheReferenceHardware
from instruments.drivers.foxbms.asking import Asking, by_a_clock, requests_for, threshold_of
from instruments.drivers.foxbms.blame import fault_of
from instruments.drivers.foxbms.charge import ShownCharge
from instruments.drivers.foxbms.errors import ErrorLog
from instruments.drivers.foxbms.inbox import Inbox
from instruments.drivers.foxbms.layout import (
    CHANNELS,
    ESTIMATION,
    FATAL_ERROR,
    IN_ORDER,
    LOCATIONS,
    POSITION,
    STATE,
    STRING_STATE,
    SYSTEM_ERROR,
    SYSTEM_IN_ERROR,
    SYSTEM_STATE,
    choice,
    cycles,
    fields,
    place,
    raised,
    signals,
)
from instruments.drivers.foxbms.mode import ModeWatch
from instruments.drivers.foxbms.pack import Details, Makeup
from instruments.drivers.foxbms.protection import PROTECTION, Protection
from instruments.drivers.foxbms.sources import Sources
from instruments.drivers.foxbms.states import NEUTRAL, RECORDED, NodeState
from instruments.roles import (
    BMS_CHANNELS,
    CONTRADICTIONS,
    DROPPED,
    BmsFault,
    BmsMode,
    BmsState,
    Channel,
    ErrorOrigin,
    Identity,
    InstrumentFault,
    ModeLosses,
    SetPointRejected,
)
from instruments.wires.can import CanSession
from instruments.wires.context import InstrumentLink, LinkContext
from instruments.yesno import is_number

CONDUCTING = frozenset({BmsState.PRECHARGE, BmsState.CLOSED, BmsState.DISCHARGE, BmsState.CHARGE})
"""States with a contactor that is closed, or about to be."""
_REQUESTS_MISSED = frozenset({"CanTimingError", "CAN_TIMING"})
GETS_OVER = 5.0
"""s that a node is waited for that nobody has asked for anything yet: it may open three times, 0.7 s each."""
COMES_OUT = 0.3
"""s from the first request until an error that was about to be raised is told of: the second, and a cycle or two."""
_STARTED = frozenset({NodeState.IDLE, NodeState.OPEN_CONTACTORS})
"""Where a node is that has only just been asked for the first time."""
_VALUES = 0x233
"""f_PackValuesP0"""
_INSULATION = POSITION["insulation"]
_LISTEN = 0.1
"""s between two looks while a node is waited for."""


class FoxBms(OfTheReferenceHardware):
    """A foxBMS node as `BatteryManagement`.

    `positive_current` is what a positive current on the bus means: foxBMS is built with `discharge`.
    A mode that was requested is repeated every 100 ms, as a foxBMS wants it, where the clock is real, and where a
    simulated bus has a time of its own; with every scan elsewhere, or with `cyclic_request: false`. In the first case
    a node that is not conducting is asked for STANDBY as soon as it is identified: one that hears nothing goes into
    ERROR.
    `balancing` is whether its cells may be balanced, or from how many V apart on (`true`: 0.2): every request says so.
    `opens_when_silent` s is what the owner of the node knows of it: after how long without a request its contactors
    open. A foxBMS 2 as it is released begins to after 1.3 s and has them open after 1.9 s, or after 4.9 s where more
    than 3.5 A flow (its BS_CHECK_CAN_TIMING, and BS_MAIN_CONTACTORS_MAXIMUM_BREAK_CURRENT_mA); one built otherwise, or
    another BMS with these messages, may never.
    `pack` is how it is made up: `strings`, `modules` of each, `cells` and `sensors` of each of these (see `Makeup`).
    What is told of each is in the scan then, behind the channels that every BMS has.
    `timeout` s is how long `identify` listens.
    """

    channels: tuple[Channel, ...] = (*(BMS_CHANNELS[name] for name in (*POSITION, "age")), DROPPED, CONTRADICTIONS)

    def __init__(  # noqa: PLR0913 - one for each option of a station file
        self,
        bus: Mapping[str, object],
        context: LinkContext,
        *,
        name: str,
        timeout: float | None = None,
        positive_current: str = "discharge",
        cyclic_request: bool | None = None,
        opens_when_silent: float | None = None,
        balancing: bool | float = False,
        pack: Mapping[str, object] | None = None,
    ) -> None:
        if positive_current not in {"charge", "discharge"}:
            raise ValueError(f"{name}: positive_current {positive_current!r} must be 'charge' or 'discharge'.")
        if opens_when_silent is not None and not (is_number(opens_when_silent) and opens_when_silent > 0):
            raise ValueError(
                f"{name}: opens_when_silent {opens_when_silent!r} must be a time in s; leave it out if unknown."
            )
        threshold, makeup = threshold_of(name, balancing), Makeup.of(name, pack)
        self.name, self._opens_when_silent = name, opens_when_silent
        self._context, self._timeout = context, 3.0 if timeout is None else timeout
        turn = -1.0 if positive_current == "discharge" else 1.0
        self._fields = fields(turn)
        self._sample = [nan] * len(CHANNELS)
        self._disordered: dict[int, tuple[str, float]] = {}
        self._protection = Protection(tuple(self._fields))
        self._sources, self._mode, self._errors = Sources(cycles(), signals(), STATE), ModeWatch(), ErrorLog()
        shown = [each for each in self._fields[ESTIMATION] if each[0] in (POSITION["soc min"], POSITION["soc max"])]
        self._charge, self._details = ShownCharge(makeup.strings, shown), Details(makeup, turn)
        self.channels = (*type(self).channels, *makeup.channels())
        self._left_as_it_is = False
        self._insulation_is_measured = False
        """By its own word. Until its monitor has measured for the first time a foxBMS tells of 0 Ohm."""
        clocked = by_a_clock(name, cyclic_request, context)
        self._can = CanSession(bus, context, name=name)
        self._lock = self._can.lock
        self._cyclic = clocked or (cyclic_request is not False and self._can.keeps_time)
        self._requests = requests_for(self._can, context, cyclic_request, clocked=clocked)
        self._asking = Asking(self._requests, self._mode, threshold)
        self._inbox = self._listen()
        self._lost = 0
        """Frames that the node's own counter tells of."""

    def _listen(self) -> Inbox:
        each = {
            STRING_STATE: self._hear_string, FATAL_ERROR: self._hear_fatal_error, PROTECTION: self._hear_protection,
            **self._details.followers,
        }  # fmt: skip
        news = {STATE: self._hear_state, SYSTEM_STATE: self._hear_system}
        wanted = {*self._fields, *each, *news}
        return Inbox(self._can, self._sources.follower, wanted, self._context.now, each=each, news=news)

    @classmethod
    def open(cls, link: InstrumentLink, context: LinkContext, name: str, options: Mapping[str, object]) -> Self:
        """Open the node that a station calls `name`; raises `ValueError` for an unknown option."""
        refuse_unknown_options(cls, name, options)
        if link.can is None:
            raise ValueError(f"{name} has no CAN bus; give interface and channel.")
        arguments: dict[str, Any] = dict(options)
        return cls(link.can, context, name=name, timeout=link.timeout, **arguments)

    @property
    def troubles(self) -> Mapping[str, int]:
        """Frames that were lost, or left unread."""
        return {"dropped frames": self._can.dropped + self._lost}

    def identify(self) -> Identity:
        """Listen for its state; a foxBMS tells no more of itself unasked.

        One that was not asked for anything else yet is then asked for STANDBY, see above: nothing opens that is closed.
        """
        passed = self._context.passed
        deadline = passed() + self._timeout
        self._take()
        while STATE not in self._inbox.frames:
            if passed() >= deadline:
                raise self._never_heard()
            self._context.sleep(_LISTEN)
            self._take()
        if self._cyclic and self._asking.mode in {None, BmsMode.STANDBY} and self.state() not in CONDUCTING:
            self._end_its_wait()
        return Identity("foxBMS", "foxBMS 2", "", "")

    def _end_its_wait(self) -> None:
        """Ask for STANDBY, until it has got over having heard no request so far.

        One that has begun to count that as an error goes on to ERROR whatever is asked of it meanwhile, and stays there
        unless that is STANDBY (`transitionToErrorState` in its bms.c); one that is IDLE may be about to, and so may one
        that was asked by somebody before: it has been counting since, and goes on until the second request. Links live
        in real time at any speed: so much of it, where a clock tells it. A simulated node is as old as the bench.
        """
        passed = self._context.passed
        told, deadline = passed() + COMES_OUT, passed() + GETS_OVER
        self.request_mode(BmsMode.STANDBY)
        while (self._may_be_about_to_fail(passed() < told) or self._misses_requests()) and passed() < deadline:
            self._context.sleep(_LISTEN)
        self._mode.forget()

    def _may_be_about_to_fail(self, untold: bool) -> bool:
        self._take()
        if not self._context.real_time or self.state() is BmsState.ERROR:  # that one has failed, whatever for
            return False
        return untold or self._mode.present in _STARTED

    def _misses_requests(self) -> bool:
        """Whether it is in ERROR, or on its way to it or from it, for want of requests and nothing else."""
        told = _REQUESTS_MISSED >= set(self.error_blame().signals) != set()
        return told and (bool(self.faults()) or self.state() in {BmsState.ERROR, BmsState.OPENING})

    def request(self) -> None:
        """Repeat the requested mode, unless somebody does; the values come unasked."""
        self._requests.scanned()

    def keep_asking(self, silence: float) -> None:
        """Repeat the requested mode for `silence` s of real time and 5 s; see `KeepsAsking`.

        Raises `SetPointRejected` for a silence that never ends, and for what is none.
        """
        if not 0.0 <= silence < inf:
            raise SetPointRejected(
                f"{self.name}: it cannot be asked through a silence of {silence:g} s; nothing was sent, give a time "
                "from 0 s on that ends"
            )
        self._requests.keep_on(silence)

    def collect(self) -> list[float]:
        """Return the newest values, decoded once each, the age (s) of the oldest of their messages, and two counts.

        A message that never came counts from when the bus was opened; a value outside its signal's range is nan. The
        state is the newest, or for once what must not pass unseen between two calls: an ERROR that is over again, or
        the state that the node has left its mode for. A state of charge is nan while no string is connected, and so is
        an insulation of 0 that nobody has measured.
        Raises `InstrumentFault` when the node protects its messages and they fail the check.
        """
        self._can.check()  # before the lock: a forked copy may find that locked for ever
        with self._lock:
            self._can.surface()
            self._can.take()
            self._check_protection()
            self._decode()
            sample = [
                *self._sample,
                self._age_of(self._fields),
                float(self._can.dropped + self._lost),
                float(self._sources.contradictions),
            ]
            if self._mode.episode is not None:
                sample[0] = float(self._mode.episode)
                self._mode.forget()
            if not isnan(sample[0]):
                sample[0] = RECORDED[int(sample[0])]
            if sample[_INSULATION] == 0.0 and not self._insulation_is_measured:
                sample[_INSULATION] = nan
            if self._details.values:
                self._details.forget(self._can.age)
                sample += self._details.values
            return sample

    def _decode(self) -> None:
        sample, changed = self._sample, self._inbox.changed
        for identifier in changed & self._fields.keys():
            frame = int.from_bytes(self._inbox.frames[identifier], "big")
            # As `Field.decode`, which would be a call for each of them.
            for position, (shift, mask, sign, scale, low, high) in self._fields[identifier]:
                count = ((frame >> shift & mask) ^ sign) - sign
                sample[position] = count * scale + 0.0 if low <= count <= high else nan
            if identifier in IN_ORDER:
                self._check_order(identifier, *IN_ORDER[identifier])
        changed.clear()
        if not self._charge.as_sent:
            received = self._inbox.received.get(ESTIMATION, -inf)
            self._charge.show(sample, self._inbox.frames.get(ESTIMATION), received)
        for identifier in self._disordered:
            self._count_disorder(identifier)

    def _check_order(self, identifier: int, low: int, high: int, what: str) -> None:
        lowest, highest = self._sample[low], self._sample[high]
        self._disordered.pop(identifier, None)
        if lowest > highest:
            self._disordered[identifier] = f"its lowest {what}, {lowest:g}, is above its highest, {highest:g}", -inf

    def _count_disorder(self, identifier: int) -> None:
        """Count the newest frame of a message whose lowest value is above its highest, unless it was counted."""
        text, counted = self._disordered[identifier]
        received = self._inbox.received[identifier]
        if received > counted:
            self._disordered[identifier] = text, received
            self._sources.contradict(text)

    def _age_of(self, messages: Collection[int]) -> float:
        """Age of the oldest of some messages; PackProtection belongs to them once it has been heard."""
        return self._inbox.age([*messages, PROTECTION] if PROTECTION in self._inbox.frames else messages)

    def request_mode(self, mode: BmsMode) -> None:
        """Ask for a mode, and repeat it: every 100 ms or with every scan.

        Now, or with the turn that is due where one goes out every 100 ms already: a foxBMS counts what comes between
        two of them as an error. Raises `InstrumentFault` where it cannot be sent.
        """
        self._can.check()
        with self._lock:
            # What was said before is no answer to this; that it cannot be read is the next scan's to tell.
            with suppress(InstrumentFault):
                self._take()
            self._can.write_down(self._asking.message(mode))
            message = self._asking.want(mode)
        self._asking.begin(message)

    def state(self) -> BmsState:
        """Return the newest state received; raises `InstrumentFault` for a node never heard, or not to be believed."""
        self._take()
        self._check_protection()
        ((_, field),) = self._fields[STATE]
        code = field.sent(int.from_bytes(self._state_frame(), "big"))
        try:
            return NEUTRAL[NodeState(code)]
        except ValueError as error:
            raise InstrumentFault(
                f"{self.name} reports state {code}, foxBMS 2 knows 0 to 11; check that it speaks this layout"
            ) from error

    def state_age(self) -> float:
        """Return how long ago (s) the newest state was received; before the first, since the bus was opened."""
        self._take()
        return self._inbox.age([STATE])

    def channel_age(self, channel: str) -> float:
        """See `DatesChannels`; before the first message, since the bus was opened."""
        self._take()
        position = POSITION[channel]
        carriers = (message for message, fields in self._fields.items() if position in dict(fields))
        return self._age_of([next(carriers)])

    def faults(self) -> tuple[BmsFault, ...]:
        """Return what the node raises: bits of f_BmsState and f_StringState, ids of f_BmsFatalError; oldest first."""
        self._take()
        return self.remembered_faults()

    def remembered_faults(self) -> tuple[BmsFault, ...]:
        """See `RemembersFaults`."""
        self._state_frame()
        if self._errors.is_empty:
            return ()
        with self._lock:
            return tuple(fault_of(name) for name in self._errors.standing(self._newest()))

    def error_blame(self) -> ErrorOrigin:
        """See `ExplainsErrors`."""
        with suppress(InstrumentFault):
            self._take()
        with self._lock:
            return self._errors.origin(self._newest())

    def left_mode(self) -> ModeLosses:
        """See `WatchesItsMode`."""
        return self._mode.losses

    def contradiction(self) -> str:
        """See `DoubtsItsNode`."""
        return self._sources.reason

    def where(self, channel: str) -> str:
        """See `Locating`; modules and what is in them are counted from 1 here, from 0 by the node.

        By the number of its own channel where the station file says how the pack is made up.
        """
        identifier, *signals = LOCATIONS[channel]
        data = self._inbox.frames.get(identifier)
        if data is None:
            return ""
        frame = int.from_bytes(data, "big")
        string, module, number = (place(identifier, signal).sent(frame) for signal in signals)
        value = next(field for position, field in self._fields[identifier] if position == POSITION[channel]).decode(
            frame
        )
        return self._details.name_of(identifier, string, module, number, value)

    def system_state(self) -> str:
        """What the controller as a whole is doing, in its own words (f_SystemState); empty where it has not said."""
        data = self._inbox.frames.get(SYSTEM_STATE)
        return "" if data is None else choice(SYSTEM_STATE, "State", self._system_state(data))

    def bus_voltage(self) -> float:
        """Return the newest voltage (V) that the node measures behind its main contactors; nan when it sent none."""
        self._take()
        self._check_protection()
        frame = self._inbox.frames.get(_VALUES)
        return nan if frame is None else place(_VALUES, "BusVoltage").decode(int.from_bytes(frame, "big"))

    def stay_as_it_is(self) -> None:
        """See `StaysAsItIs`: the node keeps its contactors for as long as it does without requests."""
        self._left_as_it_is = True

    def opens_when_silent(self) -> float | None:
        """See `OpensWhenSilent`; None unless the station file says it."""
        return self._opens_when_silent

    def close(self) -> None:
        """Ask for STANDBY if another mode was asked for, then leave the bus for ever. May be called again."""
        self._can.close(self._farewell)

    def _farewell(self) -> None:
        self._requests.stop()
        if self._asking.mode not in {None, BmsMode.STANDBY} and not self._left_as_it_is:
            with suppress(InstrumentFault):
                self.request_mode(BmsMode.STANDBY)

    # ---- on the bus ----

    def _take(self) -> None:
        """Take what waits on the bus."""
        self._can.take()

    def _hear_state(self, data: bytes, time: float) -> None:
        frame = int.from_bytes(data, "big")
        ((_, field),) = self._fields[STATE]
        code = field.sent(frame)
        self._mode.report(code)
        self._asking.steer()
        self._sources.in_state(code, time)
        self._charge.hear_state(frame, time)
        self._insulation_is_measured = bool(place(STATE, "InsulationMonitoring").sent(frame))
        self._errors.note(STATE, raised(STATE, frame), time)

    def _hear_system(self, data: bytes, time: float) -> None:
        names = [SYSTEM_ERROR] if self._system_state(data) == SYSTEM_IN_ERROR else []
        self._errors.note(SYSTEM_STATE, names, time)

    @staticmethod
    def _system_state(data: bytes) -> int:
        return place(SYSTEM_STATE, "State").sent(int.from_bytes(data, "big"))

    def _hear_string(self, data: bytes, time: float) -> None:
        frame = int.from_bytes(data, "big")
        string = place(STRING_STATE, "StringNumber").sent(frame)
        self._details.hear_state(string, frame, time)
        self._errors.note(STRING_STATE + (string << 11), raised(STRING_STATE, frame), time)

    def _hear_fatal_error(self, data: bytes, time: float) -> None:
        self._errors.note_fatal(place(FATAL_ERROR, "FatalErrorCode").sent(int.from_bytes(data, "big")), time)

    def _hear_protection(self, data: bytes, _time: float) -> None:
        self._lost += self._protection.check(data, self._inbox.frames)
        if self._protection.doubt:
            self._sources.contradict(self._protection.doubt)

    def _newest(self) -> float:
        """When the newest frame was received that tells of errors, as the log of errors counts."""
        received = self._inbox.received.get
        return max(received(STATE, 0.0), received(STRING_STATE, 0.0), received(FATAL_ERROR, 0.0))

    def _state_frame(self) -> bytes:
        frame = self._inbox.frames.get(STATE)
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
