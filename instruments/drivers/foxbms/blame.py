"""Whose doing each error of a foxBMS 2 tells of: a table.

Bits of f_BmsState and f_StringState have their names in its DBC, diagnosis ids of f_BmsFatalError theirs in diag_cfg.h
(`DIAG_ID_...`, release 1.11). A name that is not in here is taken for the pack's: its own controller raises it, and
nothing is known of the bench that would bring it about.
"""

from functools import cache
from typing import Final

from instruments.drivers.foxbms.layout import texts
from instruments.roles import BmsFault, FaultAbout, Side

SUMMARY: Final = frozenset({"GeneralError", "EmergencyShutoff", "AlertFlag", "ALERT_MODE"})
"""Raised beside whatever else there is: they tell nothing of whose fault that is."""

OVERCURRENT: Final = frozenset({
    "PackOvercurrentChargeError", "PackOvercurrentDischargeError", "StringOvercurrentError",
    "CellOvercurrentChargeMslError", "CellOvercurrentDischargeMslError",
    "OVERCURRENT_CHARGE_CELL_MSL", "OVERCURRENT_DISCHARGE_CELL_MSL",
    "STRING_OVERCURRENT_CHARGE_MSL", "STRING_OVERCURRENT_DISCHARGE_MSL",
    "PACK_OVERCURRENT_CHARGE_MSL", "PACK_OVERCURRENT_DISCHARGE_MSL", "CURRENT_ON_OPEN_STRING",
})  # fmt: skip
"""All current through the pack is the bench's."""

BENCH: Final = OVERCURRENT | frozenset({
    "InterlockState", "INTERLOCK_FEEDBACK",  # the emergency stop and the plugs of the bench are in its loop
    "Clamp30cError", "SUPPLY_VOLTAGE_CLAMP_30C_LOST",  # the bench feeds the contactor drivers, by way of the same stop
    "CanTimingError", "CAN_TIMING",  # the bench asks too late, or no more
    "UndertemperatureChargeMslError", "UndertemperatureDischargeMslErro",
    "TEMP_UNDERTEMPERATURE_CHARGE_MSL", "TEMP_UNDERTEMPERATURE_DISCHARGE_MSL",  # only a chamber makes cells colder
})  # fmt: skip
"""What a node complains of when the bench is wired, timed or driven wrongly."""

PRECHARGE: Final = frozenset({"PrechargeVoltageError", "PrechargeCurrentError"})
"""The bus does not follow the pack: whose fault that is depends on whether the bench held it."""

CONTACTOR: Final = frozenset({
    "NegativeContactorError", "PositiveContactorError",
    "STRING_MINUS_CONTACTOR_FEEDBACK", "STRING_PLUS_CONTACTOR_FEEDBACK", "PRECHARGE_CONTACTOR_FEEDBACK",
})  # fmt: skip
"""A contactor's auxiliary switch tells otherwise than it was told: it is welded, stuck, or its switch is wrong."""

_HOT = ("OVERTEMPERATURECHARGE", "OVERTEMPERATUREDISCHARGE", "OVERTEMPERATURE_CHARGE", "OVERTEMPERATURE_DISCHARGE")
"""In the names that tell of a cell that is too hot; boards are hot by themselves."""


@cache
def fault_of(name: str) -> BmsFault:
    """An error by its name, with what is known of it."""
    return BmsFault(name, texts().get(name, ""), _side(name), _about(name))


def _side(name: str) -> Side:
    if name in SUMMARY:
        return "unknown"
    return "bench" if name in BENCH else "pack"


def _about(name: str) -> FaultAbout:
    if name in OVERCURRENT:
        return "over-current"
    if name in PRECHARGE:
        return "precharge"
    if name in CONTACTOR:
        return "contactor"
    return "over-temperature" if any(word in name.upper() for word in _HOT) else ""
