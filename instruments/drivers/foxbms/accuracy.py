"""How well a foxBMS node measures: its analogue front end, its shunt, and what it makes of them.

The layout of its messages says what the last digit is; the parts are those of the foxBMS 2 reference hardware (LTC6813
front end, IVT-S shunt) and may be others in a node of yours: say so in the station file.
"""

from collections.abc import Mapping
from typing import Any

from instruments.accuracy import Accuracy, DataSheet

CELLS = "assumed: a front end LTC6813-1 (its data sheet: 2.2 mV at most); f_PackMinMaxCellVoltage in mV"
SHUNT = "Isabellenhuette IVT-S data sheet, 0.1 % of reading; f_PackValuesP0 in 10 mA and 100 mV; sheet not at hand"
SENSORS = "assumed: NTC of 1 %; f_PackMinMaxCellTemperature in K"
DISPLAY = "assumed: an estimate of charge is a few per cent off, and its gain some; f_PackStateEstimation in 0.1 %"

_SOC = Accuracy(offset=0.02, reading=0.02, resolution=1e-3, source=DISPLAY, assumed=True)
_CELL = Accuracy(offset=2.2e-3, resolution=1e-3, holds=(15.0, 35.0), source=CELLS, assumed=True)
_SENSOR = Accuracy(
    offset=1.0, resolution=1.0, source="assumed: a 1 % NTC; f_PackMinMaxCellTemperature in K", assumed=True
)


class OfTheReferenceHardware:
    """Says what the data sheets of the reference hardware say."""

    @classmethod
    def data_sheet(cls, model: str, options: Mapping[str, Any]) -> DataSheet:
        """By channel; what is not here (limits, states, ages) measures nothing."""
        return {
            **dict.fromkeys(("soc min", "soc max"), (_SOC,)),
            **dict.fromkeys(("cell voltage min", "cell voltage max"), (_CELL,)),
            **dict.fromkeys(("cell temperature min", "cell temperature max"), (_SENSOR,)),
            "pack voltage": (Accuracy(reading=0.001, resolution=0.1, source=SHUNT, assumed=True),),
            "pack current": (Accuracy(reading=0.001, offset=0.02, resolution=0.01, source=SHUNT, assumed=True),),
        }
