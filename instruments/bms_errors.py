"""What the error bits of a BMS tell: whether pack or bench brought them about. A table, and how it is read.

The names are those of foxBMS 2 (release 1.11): bits of f_BmsState and f_StringState by their names in its DBC, and the
diagnosis ids of f_BmsFatalError (`DIAG_ID_...` in its diag_cfg.h). A name that is not in here is taken for the pack's:
its own controller raises it, and nothing is known of the bench that would bring it about.
"""

from collections.abc import Collection, Iterable
from typing import Final

from instruments.roles import ErrorOrigin, Side

SUMMARY: Final = frozenset({"GeneralError", "EmergencyShutoff", "AlertFlag", "ALERT_MODE"})
"""Raised beside whatever else there is: they tell nothing of whose fault that is."""

OVERCURRENT: Final = frozenset({
    "PackOvercurrentChargeError", "PackOvercurrentDischargeError", "StringOvercurrentError",
    "CellOvercurrentChargeMslError", "CellOvercurrentDischargeMslError",
    "OVERCURRENT_CHARGE_CELL_MSL", "OVERCURRENT_DISCHARGE_CELL_MSL",
    "STRING_OVERCURRENT_CHARGE_MSL", "STRING_OVERCURRENT_DISCHARGE_MSL",
    "PACK_OVERCURRENT_CHARGE_MSL", "PACK_OVERCURRENT_DISCHARGE_MSL", "CURRENT_ON_OPEN_STRING",
})  # fmt: skip
"""All current through the pack is the bench's, and too much of it may blow a fuse or raise a cell's voltage."""

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


def origin_of(moments: Iterable[Collection[str]]) -> ErrorOrigin:
    """Where errors come from that were raised moment by moment, oldest first: the first that tell anything decide.

    In one moment too much current explains the rest; otherwise the pack's own error is not excused by the bench's.
    """
    for raised in moments:
        telling = [name for name in raised if name not in SUMMARY]
        candidates: tuple[tuple[Side, list[str]], ...] = (
            ("bench", [name for name in telling if name in OVERCURRENT]),
            ("pack", [name for name in telling if name not in BENCH]),
            ("bench", telling),
        )
        for side, names in candidates:
            if names:
                return ErrorOrigin(side, tuple(names))
    return ErrorOrigin("unknown")
