"""Volt-var and watt-var (SunSpec 705 and 712): a car's pack behind a bench's charger gives no reactive power.

The models are there to be read, with an empty curve that cannot be written, and stay off.
"""

from bench.managing.modbus.functions.function import GridFunction

_NONE = {"ActPt": 0, "DeptRef": 1}
FUNCTIONS = (
    GridFunction(705, "Crv", {"NCrv": 1, "NPt": 1}, {"V_SF": -1, "DeptRef_SF": -1, "RspTms_SF": -2}, _NONE),
    GridFunction(712, "Crv", {"NCrv": 1, "NPt": 1}, {"W_SF": -1, "DeptRef_SF": -1}, _NONE),
)
