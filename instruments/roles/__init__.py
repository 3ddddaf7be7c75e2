"""What a bench can ask of an instrument, one small protocol per role.

Test code and the scenario engine bind to these, never to a model: swapping the bench is a change of
station file. SI units at every interface. **Positive current charges the battery** everywhere; a driver
turns its instrument's own sign around.
"""

from instruments.roles.bms import (
    BMS_CHANNELS,
    CONTRADICTIONS,
    DROPPED,
    BatteryManagement,
    BmsFault,
    BmsMode,
    BmsState,
    DatesChannels,
    DoubtsItsNode,
    ErrorOrigin,
    ExplainsErrors,
    FaultAbout,
    KeepsAsking,
    Locating,
    ModeLosses,
    OpensWhenSilent,
    RemembersFaults,
    Side,
    StaysAsItIs,
    WatchesItsMode,
)
from instruments.roles.chamber import CHAMBER_AIR, ClimateChamber
from instruments.roles.charger import CHARGER_CHANNELS, Charger, ChargerRatings, ChargerState
from instruments.roles.common import (
    BusVoltmeter,
    Channel,
    CommunicationWatchdog,
    CountsTroubles,
    Expecting,
    HasErrorQueue,
    Identity,
    Instrument,
    InstrumentFault,
    Protections,
    Ratings,
    Scanned,
    SetPointRejected,
)
from instruments.roles.coolant import COOLANT_CHANNELS, CoolantAlarm, CoolantUnit
from instruments.roles.emulator import ROWS_AT_ONCE, BatteryEmulator, CellTable, FollowsCells
from instruments.roles.grid_meter import GRID_METER_CHANNELS, GridMeter
from instruments.roles.power import AMPERES, TERMINALS, VOLTS, WATTS, Sink, Source
from instruments.roles.temperatures import TemperatureLogger

__all__ = [
    "AMPERES",
    "BMS_CHANNELS",
    "CHAMBER_AIR",
    "CHARGER_CHANNELS",
    "CONTRADICTIONS",
    "COOLANT_CHANNELS",
    "DROPPED",
    "GRID_METER_CHANNELS",
    "ROWS_AT_ONCE",
    "TERMINALS",
    "VOLTS",
    "WATTS",
    "BatteryEmulator",
    "BatteryManagement",
    "BmsFault",
    "BmsMode",
    "BmsState",
    "BusVoltmeter",
    "CellTable",
    "Channel",
    "Charger",
    "ChargerRatings",
    "ChargerState",
    "ClimateChamber",
    "CommunicationWatchdog",
    "CoolantAlarm",
    "CoolantUnit",
    "CountsTroubles",
    "DatesChannels",
    "DoubtsItsNode",
    "ErrorOrigin",
    "Expecting",
    "ExplainsErrors",
    "FaultAbout",
    "FollowsCells",
    "GridMeter",
    "HasErrorQueue",
    "Identity",
    "Instrument",
    "InstrumentFault",
    "KeepsAsking",
    "Locating",
    "ModeLosses",
    "OpensWhenSilent",
    "Protections",
    "Ratings",
    "RemembersFaults",
    "Scanned",
    "SetPointRejected",
    "Side",
    "Sink",
    "Source",
    "StaysAsItIs",
    "TemperatureLogger",
    "WatchesItsMode",
]
