"""Which errors a foxBMS node raises, and in which order: the reason of an ERROR is what came first.

Three messages tell (foxBMS 2, release 1.11): f_BmsState has bits of the whole system, f_StringState those of the cells,
and f_BmsFatalError names, one by one and again each 100 ms, the diagnosis ids that open the contactors (diag.c,
DIAG_ResendFatalErrors). The last two are optional here: a node that does not send them tells less.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from instruments.bms_errors import origin_of
from instruments.drivers.foxbms.blame import fault_of
from instruments.roles import ErrorOrigin

DIAGNOSIS: Final[Mapping[int, str]] = {
    0: "SYSTEM_MONITORING",
    1: "AFE_SPI",
    2: "AFE_COMMUNICATION_INTEGRITY",
    3: "AFE_MUX",
    4: "AFE_CONFIG",
    5: "CAN_TIMING",
    8: "CURRENT_SENSOR_CC_RESPONDING",
    9: "CURRENT_SENSOR_EC_RESPONDING",
    10: "CURRENT_SENSOR_RESPONDING",
    17: "CELL_VOLTAGE_OVERVOLTAGE_MSL",
    20: "CELL_VOLTAGE_UNDERVOLTAGE_MSL",
    23: "TEMP_OVERTEMPERATURE_CHARGE_MSL",
    26: "TEMP_OVERTEMPERATURE_DISCHARGE_MSL",
    29: "TEMP_UNDERTEMPERATURE_CHARGE_MSL",
    32: "TEMP_UNDERTEMPERATURE_DISCHARGE_MSL",
    35: "OVERCURRENT_CHARGE_CELL_MSL",
    38: "OVERCURRENT_DISCHARGE_CELL_MSL",
    41: "STRING_OVERCURRENT_CHARGE_MSL",
    44: "STRING_OVERCURRENT_DISCHARGE_MSL",
    47: "PACK_OVERCURRENT_CHARGE_MSL",
    48: "PACK_OVERCURRENT_DISCHARGE_MSL",
    49: "CURRENT_ON_OPEN_STRING",
    50: "DEEP_DISCHARGE_DETECTED",
    52: "PLAUSIBILITY_PACK_VOLTAGE",
    53: "INTERLOCK_FEEDBACK",
    54: "STRING_MINUS_CONTACTOR_FEEDBACK",
    55: "STRING_PLUS_CONTACTOR_FEEDBACK",
    56: "PRECHARGE_CONTACTOR_FEEDBACK",
    57: "SBC_FIN_ERROR",
    58: "SBC_RSTB_ERROR",
    65: "CURRENT_MEASUREMENT_TIMEOUT",
    66: "CURRENT_MEASUREMENT_ERROR",
    67: "CURRENT_SENSOR_V1_MEASUREMENT_TIMEOUT",
    68: "CURRENT_SENSOR_V2_MEASUREMENT_TIMEOUT",
    69: "CURRENT_SENSOR_V3_MEASUREMENT_TIMEOUT",
    70: "CURRENT_SENSOR_POWER_MEASUREMENT_TIMEOUT",
    71: "POWER_MEASUREMENT_ERROR",
    81: "ALERT_MODE",
    83: "SUPPLY_VOLTAGE_CLAMP_30C_LOST",
}
"""The ids of severity DIAG_FATAL_ERROR (diag_cfg.c), which alone are sent; 85, DIAG_ID_MAX, says that one is over."""

_SAME: Final[Mapping[str, str]] = {
    "OvervoltageMslError": "CELL_VOLTAGE_OVERVOLTAGE_MSL",
    "UndervoltageMslError": "CELL_VOLTAGE_UNDERVOLTAGE_MSL",
    "OvertemperatureChargeMslError": "TEMP_OVERTEMPERATURE_CHARGE_MSL",
    "OvertemperatureDischargeMslError": "TEMP_OVERTEMPERATURE_DISCHARGE_MSL",
    "UndertemperatureChargeMslError": "TEMP_UNDERTEMPERATURE_CHARGE_MSL",
    "UndertemperatureDischargeMslErro": "TEMP_UNDERTEMPERATURE_DISCHARGE_MSL",
    "CellOvercurrentChargeMslError": "OVERCURRENT_CHARGE_CELL_MSL",
    "CellOvercurrentDischargeMslError": "OVERCURRENT_DISCHARGE_CELL_MSL",
    "DeepDischargeError": "DEEP_DISCHARGE_DETECTED",
}
"""Bits of f_StringState, and the diagnosis id that says the same."""

MOMENT = 0.25
"""s within which errors count as raised together: the messages that tell of one have cycles of 100 ms each."""
MEMORY = 5.0
"""s for which an error that is over still explains an ERROR, which outlasts it: the state is left only when asked."""
REPEATED = 0.5
"""s after which a fatal error that is no longer repeated is over."""


class ErrorLog:
    """Names of errors by the time (s, of reception) that they were raised at; times never run backwards."""

    def __init__(self) -> None:
        self._standing: dict[int, Collection[str]] = {}
        self._fatal: dict[str, float] = {}
        self._raised: dict[str, float] = {}
        self._over: dict[str, float] = {}

    def note(self, message: int, names: Collection[str], time: float) -> None:
        """Take which bits a message raises at `time`; `message` is a number that tells messages and strings apart."""
        before = self._standing.get(message, ())
        self._standing[message] = names
        for name in names:
            if name not in before:
                self._raise(name, time)
        for name in before:
            if name not in names:
                self._over[name] = time

    def note_fatal(self, code: int, time: float) -> None:
        """Take the code of one f_BmsFatalError; one that is not known here is of no use."""
        name = DIAGNOSIS.get(code)
        if name is None:
            return
        if name not in self._fatal or time - self._fatal[name] > REPEATED:
            self._raise(name, time)
        self._fatal[name] = time

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever raised: asked once a scan, and a healthy node has nothing to tell."""
        return not self._raised

    def standing(self, time: float) -> tuple[str, ...]:
        """What is raised at `time`, oldest first."""
        names = {name for names in self._standing.values() for name in names}
        names |= {name for name, heard in self._fatal.items() if time - heard <= REPEATED}
        return tuple(name for name in self._in_order() if name in names)

    def origin(self, time: float) -> ErrorOrigin:
        """Where the errors come from that stand at `time`, or have stood a moment ago."""
        return origin_of([[fault_of(name) for name in _once(moment)] for moment in self._moments(time)])

    def _raise(self, name: str, time: float) -> None:
        # One that flickers is as old as when it began to.
        if name not in self._raised or time - self._last(name) > MEMORY:
            self._raised[name] = time
        self._over.pop(name, None)

    def _in_order(self) -> list[str]:
        """Everything that was ever raised, oldest first; of one instant in the order of the message."""
        return sorted(self._raised, key=self._raised.__getitem__)

    def _last(self, name: str) -> float:
        return max(self._over.get(name, self._raised[name]), self._fatal.get(name, self._raised[name]))

    def _moments(self, time: float) -> Iterable[list[str]]:
        """What was raised together, oldest first."""
        standing = set(self.standing(time))
        recent = [name for name in self._in_order() if name in standing or time - self._last(name) <= MEMORY]
        moments: list[list[str]] = []
        began = 0.0
        for name in recent:
            if not moments or self._raised[name] - began > MOMENT:
                moments.append([])
                began = self._raised[name]
            moments[-1].append(name)
        return moments


def _once(names: Collection[str]) -> list[str]:
    """What was raised together, without the bits of a string that say what a diagnosis id says already."""
    return [name for name in names if _SAME.get(name) not in names]
