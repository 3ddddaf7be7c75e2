"""A foxBMS 2 node, written line by line from its C code (release 1.11), as a referee of driver and simulator alike.

One call of `tick` is one millisecond of its operating system. What is left out says so; numbers have the names they
have there. Frames are packed by cantools' general encoder. It shares nothing with anything in `instruments`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cantools.database import load_file

DATABASE: Any = load_file(Path(__file__).parents[1] / "instruments" / "drivers" / "foxbms" / "foxbms.dbc", strict=True)

# bms.h, BMS_FSM_STATES_e
UNINITIALIZED, INITIALIZATION, INITIALIZED, IDLE, OPEN_CONTACTORS, STANDBY, PRECHARGE, NORMAL = range(8)
ERROR = 10
# bms_cfg.h, in counts of 10 ms
NOREQ, REQ_NORMAL, REQ_CHARGE, REQ_STANDBY = 0, 1, 2, 3
SHORTTIME, MEDIUM_TIME = 1, 5
WAIT_AFTER_CLOSING_STRING_CONTACTOR, WAIT_AFTER_OPENING_STRING_CONTACTOR = 20, 10
WAIT_AFTER_OPENING_PRECHARGE, OSCILLATION_TIMEOUT = 50, 1000
PRECHARGE_TAKES = 30  # of the bus, not of the code
# can.c
LOWER_LIMIT, UPPER_LIMIT = 95, 105
# diag_cfg.h and diag_cfg.c
SEN_EVENT_100, DELAY_200ms = 99, 200
# battery_system_cfg.h
MAXIMUM_BREAK_CURRENT_mA, FUSE_TRIGGER_ms = 3500, 3000

PHASES = {
    "f_SystemState": (100, 0), "f_BmsState": (100, 0), "f_PackLimits": (100, 30),
    "f_PackMinMaxCellTemperature": (100, 40), "f_PackMinMaxCellVoltage": (100, 40), "f_PackStateEstimation": (1000, 50),
    "f_PackValuesP0": (100, 60), "f_PackValuesP1": (100, 60), "f_StringState": (100, 70), "f_StringValuesP0": (100, 80),
    "f_StringStateEstimation": (1000, 0), "f_CellVoltages": (100, 10), "f_CellTemperatures": (200, 20),
}  # fmt: skip
"""Period and phase (ms) of each message, can_cfg_tx-cyclic-message-definitions.h."""

Frame = tuple[int, bytes]


class CNode:
    """One string; `current_mA`, `cells_mV` and `sensors_degC` are what it measures, `soc` (%) what it knows."""

    def __init__(self) -> None:
        self.ms = 0
        self.state, self.substate, self.next_state = IDLE, "ENTRY", STANDBY
        self.timer = 0
        self.oscillation_timeout = 0
        self.strings = 0
        self.request = NOREQ
        self.timestamp = self.previous_timestamp = 0
        self.occurrence = 0
        self.timing_flag = False
        self.transition_to_error = False
        self.remaining_delay = self.looked = 0
        self.above_break_current = 0
        self.alert = False
        self.balancing = False
        self.threshold_mV = 200
        self.current_mA = 0
        self.cells_mV, self.sensors_degC, self.soc = [3300 + number for number in range(18)], [20] * 8, 50.0
        self.closed = False
        self._groups = {"f_CellVoltages": 0, "f_CellTemperatures": 0}

    # ---- can_cbs_rx_f_bms-state-request.c, CANRX_BmsStateRequest, and DATA_CopyData of database.c ----

    def receive(self, data: bytes) -> None:
        """Take a request (0x210), in the present ms."""
        self.request = {0: REQ_STANDBY, 1: REQ_NORMAL, 2: REQ_CHARGE}.get(data[0] & 3, NOREQ)
        self.balancing, self.threshold_mV = bool(data[1] & 1), data[2]
        self.previous_timestamp, self.timestamp = self.timestamp, self.ms

    # ---- ftask_cfg.c ----

    def tick(self) -> list[Frame]:
        """One ms; what it sends in it."""
        self.ms += 1
        frames: list[Frame] = []
        if self.ms % 10 == 0:
            frames += self._check_can_timing()
            frames += self._periodic_transmit()
            before = self.state, self.substate
            self._bms_trigger()
            if (self.state, self.substate) != before:
                frames.append(self._pack("f_BmsState"))
        if self.timing_flag and self.ms % 100 == 0:  # DIAG_ResendFatalErrors
            frames.append(self._pack("f_BmsFatalError"))
        return frames

    # ---- can.c, CAN_CheckCanTiming; diag.c, DIAG_Handler ----

    def _check_can_timing(self) -> list[Frame]:
        apart = self.timestamp - self.previous_timestamp
        if self.ms - self.timestamp <= UPPER_LIMIT and LOWER_LIMIT <= apart <= UPPER_LIMIT:
            if self.occurrence > 1:
                self.occurrence -= 1
            elif self.occurrence == 1:
                self.occurrence, self.timing_flag = 0, False
        elif self.occurrence < SEN_EVENT_100:
            self.occurrence += 1
        elif self.occurrence == SEN_EVENT_100:
            self.occurrence += 1
            self.timing_flag = True
            return [self._pack("f_BmsFatalError")]
        return []

    def _any_fatal(self) -> bool:
        return self.occurrence > SEN_EVENT_100 or self.alert

    def _okay(self) -> bool:
        """BMS_IsBatterySystemStateOkay: the delay is counted from look to look, in ms of the clock."""
        since, self.looked = self.ms - self.looked, self.ms
        if self.transition_to_error:
            self.remaining_delay = max(0, self.remaining_delay - since)
        elif self._any_fatal():
            self.transition_to_error = True
            self.remaining_delay = 0 if self.alert else DELAY_200ms
        return not (self.transition_to_error and self.remaining_delay == 0)

    # ---- bms.c, BMS_Trigger ----

    def _bms_trigger(self) -> None:
        self.oscillation_timeout = max(0, self.oscillation_timeout - 1)
        if self.timer > 0:
            self.timer -= 1
            if self.timer > 0:
                return
        getattr(self, f"_{_NAMES[self.state]}")()

    def _go(self, state: int, next_state: int | None = None) -> None:
        self.timer, self.state, self.substate = SHORTTIME, state, "ENTRY"
        self.next_state = self.next_state if next_state is None else next_state

    def _step(self, substate: str, timer: int = SHORTTIME) -> None:
        self.timer, self.substate = timer, substate

    def _idle(self) -> None:
        if self.substate == "ENTRY":
            self._step("CHECK_ERROR_FLAGS")
        elif self.substate == "CHECK_ERROR_FLAGS":
            if self._okay():
                self._step("CHECK_STATE_REQUESTS")
            else:
                self._go(OPEN_CONTACTORS, ERROR)
        elif self.request == REQ_STANDBY:
            self._go(OPEN_CONTACTORS, STANDBY)
        else:
            self._step("CHECK_ERROR_FLAGS")

    def _open_contactors(self) -> None:
        if self.substate == "ENTRY":
            self._step("OPEN_ALL_PRECHARGE_CONTACTORS")
        elif self.substate == "OPEN_ALL_PRECHARGE_CONTACTORS":
            self._step("OPEN_FIRST_STRING_CONTACTOR", WAIT_AFTER_OPENING_PRECHARGE)
        elif self.substate == "OPEN_FIRST_STRING_CONTACTOR":
            if abs(self.current_mA) >= MAXIMUM_BREAK_CURRENT_mA:
                self.above_break_current += 10
                if self.above_break_current <= FUSE_TRIGGER_ms:
                    return
                self.alert = True
            self.closed = False
            self._step("OPEN_SECOND_STRING_CONTACTOR", WAIT_AFTER_OPENING_STRING_CONTACTOR)
        elif self.substate == "OPEN_SECOND_STRING_CONTACTOR":
            self._step("CHECK_SECOND_STRING_CONTACTOR", WAIT_AFTER_OPENING_STRING_CONTACTOR)
        elif self.substate == "CHECK_SECOND_STRING_CONTACTOR":
            self.strings = 0
            self._step("OPEN_STRINGS_EXIT")
        else:
            self._go(self.next_state)

    def _standby(self) -> None:
        if self.substate == "ENTRY":
            self._step("CHECK_ERROR_FLAGS_INTERLOCK", MEDIUM_TIME)
        elif self.substate in {"CHECK_ERROR_FLAGS_INTERLOCK", "CHECK_ERROR_FLAGS"}:
            if not self._okay():
                self._go(OPEN_CONTACTORS, ERROR)
            else:
                self._step("CHECK_STATE_REQUESTS" if self.substate == "CHECK_ERROR_FLAGS" else "INTERLOCK_CHECKED")
        elif self.substate == "CHECK_STATE_REQUESTS" and self.request in {REQ_NORMAL, REQ_CHARGE}:
            self._go(PRECHARGE)
        else:
            self._step("CHECK_ERROR_FLAGS")

    def _precharge(self) -> None:  # noqa: C901, PLR0912 - as in the original
        if self.substate == "ENTRY":
            if self.oscillation_timeout == 0:
                self._step("CLOSE_PRECHARGE", WAIT_AFTER_CLOSING_STRING_CONTACTOR)
            elif not self._okay():
                self._go(OPEN_CONTACTORS, ERROR)
        elif self.substate == "CLOSE_PRECHARGE":
            self.oscillation_timeout, self._precharged = OSCILLATION_TIMEOUT, self.ms + 10 * PRECHARGE_TAKES
            self._step("CHECK_PRECHARGE_PROCESS")
        elif self.substate == "CHECK_PRECHARGE_PROCESS":
            if not self._okay():
                self._go(OPEN_CONTACTORS, ERROR)
            elif self.request == REQ_STANDBY:
                self._go(OPEN_CONTACTORS, STANDBY)
            elif self.ms < self._precharged:
                self._step("CHECK_PRECHARGE_PROCESS")
            else:
                self.closed = True
                self._step("CHECK_CLOSE_SECOND", WAIT_AFTER_CLOSING_STRING_CONTACTOR)
        elif self.substate == "CHECK_CLOSE_SECOND":
            self.strings = 1
            self._step("CHECK_ERROR_FLAGS", WAIT_AFTER_CLOSING_STRING_CONTACTOR)
        elif self.substate == "CHECK_ERROR_FLAGS":
            if self._okay():
                self._step("OPEN_PRECHARGE")
            else:
                self._go(OPEN_CONTACTORS, ERROR)
        elif self.substate == "OPEN_PRECHARGE":
            self._step("CHECK_OPEN_PRECHARGE", WAIT_AFTER_OPENING_PRECHARGE)
        else:
            self._go(NORMAL)

    def _normal(self) -> None:
        """Of one string; there is no next one to close."""
        if self.substate == "ENTRY":
            self._step("CHECK_ERROR_FLAGS")
        elif self.substate == "CHECK_ERROR_FLAGS":
            if self._okay():
                self._step("CHECK_STATE_REQUESTS")
            else:
                self._go(OPEN_CONTACTORS, ERROR)
        elif self.substate == "CHECK_STATE_REQUESTS" and self.request == REQ_STANDBY:
            self._go(OPEN_CONTACTORS, STANDBY)
        elif self.substate == "CHECK_STATE_REQUESTS":
            self._step("NORMAL_CLOSE_NEXT_STRING")
        else:
            self._step("CHECK_ERROR_FLAGS")

    def _error(self) -> None:
        if self.substate == "ENTRY":
            self._step("CHECK_ERROR_FLAGS")
        elif self.substate == "CHECK_ERROR_FLAGS":
            if not self._any_fatal():
                self.transition_to_error = False
                self._step("CHECK_STATE_REQUESTS")
        elif self.request == REQ_STANDBY:
            self._go(OPEN_CONTACTORS, STANDBY)
        else:
            self._step("CHECK_ERROR_FLAGS")

    # ---- can.c, CAN_PeriodicTransmit; the callbacks below cbs/tx-cyclic ----

    def _periodic_transmit(self) -> Iterator[Frame]:
        for name, (period, phase) in PHASES.items():
            if self.ms % period == phase % period:
                yield self._pack(name)

    def _pack(self, name: str) -> Frame:
        message = DATABASE.get_message_by_name(name)
        told = self._told(name)
        signals = {signal.name: told.get(signal.name, 0) for signal in message.signals}
        return message.frame_id, bytes(message.encode(signals, strict=False))

    def _told(self, name: str) -> dict[str, float]:
        low, high = min(self.cells_mV), max(self.cells_mV)
        voltage = sum(self.cells_mV) / 1000
        connected = self.soc if self.strings else 0.0
        if name in self._groups:
            return self._group(name)
        told: dict[str, dict[str, float]] = {
            "f_BmsFatalError": {"FatalErrorCode": 5},
            "f_SystemState": {"State": 5},
            "f_BmsState": {
                "BmsState": self.state, "NumberOfConnectedStrings": self.strings, "CanTimingError": self.timing_flag,
                "GeneralError": self._any_fatal(), "EmergencyShutoff": self.transition_to_error,
                "AlertFlag": self.alert, "BalancingAlgorithmState": self.balancing, "InsulationResistance": 20000,
            },
            "f_PackLimits": {"MaximumChargeCurrent": 1023.75, "MaximumDischargeCurrent": 1023.75},
            "f_PackMinMaxCellVoltage": {
                "MinimumCellVoltage": low, "MaximumCellVoltage": high,
                # Four bits of a number that goes up to 17.
                "MinimumCellVoltageCellIndex": self.cells_mV.index(low) & 0xF,
                "MaximumCellVoltageCellIndex": self.cells_mV.index(high) & 0xF,
            },
            "f_PackMinMaxCellTemperature": {
                "MinimumCellTemperature": min(self.sensors_degC), "MaximumCellTemperature": max(self.sensors_degC),
            },
            "f_PackValuesP0": {
                "BatteryVoltage": voltage, "BusVoltage": voltage if self.closed else 0, "Current": self._amperes,
            },
            "f_PackValuesP1": {"InsulationResistance": 20000},
            "f_PackStateEstimation": {"MinimumSoc": connected, "MaximumSoc": connected, "Soh": 100},
            "f_StringState": {"IsStringConnected": self.strings, "IsBalancingActive": self.balancing},
            "f_StringValuesP0": {"Voltage": voltage, "Current": self._amperes},
            "f_StringStateEstimation": {"MinimumSoc": self.soc, "MaximumSoc": self.soc, "Soh": 100},
        }  # fmt: skip
        return told[name]

    @property
    def _amperes(self) -> float:
        return self.current_mA / 1000

    def _group(self, name: str) -> dict[str, float]:
        """CANTX_CellVoltages and CANTX_CellTemperatures; what is called invalidFlag there is 1 for a valid value."""
        values, size, what = {
            "f_CellVoltages": (self.cells_mV, 4, "Voltage"),
            "f_CellTemperatures": (self.sensors_degC, 6, "Temperature"),
        }[name]  # fmt: skip
        group = self._groups[name]
        self._groups[name] = (group + 1) % -(-len(values) // size)
        some = values[group * size : (group + 1) * size]
        told: dict[str, float] = {"Group": group}
        for place, value in enumerate(some):
            told |= {f"{what}{place}": value, f"Valid{place}": 1}
        return told


_NAMES = {
    IDLE: "idle", OPEN_CONTACTORS: "open_contactors", STANDBY: "standby", PRECHARGE: "precharge", NORMAL: "normal",
    ERROR: "error",
}  # fmt: skip
