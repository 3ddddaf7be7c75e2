"""The door for who writes a simulator, of an instrument that the bench then has without hardware.

```python
from packbench.simulation import Grammar, Instrument, Meter, Place, Settings, Simulator
```

How one is written, from its settings to its defects, stands in `instruments.virtual.simulators`. It is a module of its
own because drivers and simulators of one instrument share nothing but the grammar of SCPI, and because an instrument,
an error queue and a place are something else here than for a driver or a step.
"""

from instruments.virtual import World, open_world
from instruments.virtual.defects.grammar import Defect, DefectKind, Repair
from instruments.virtual.dialect import ErrorQueue, Instrument, Meter, StatusRegister
from instruments.virtual.ports import Air, Contactor, Coolant, Emulator, Load, Port, Source, Surroundings, Thermometer
from instruments.virtual.properties import Properties, Property
from instruments.virtual.scpi import Call, Fault, Grammar, ScpiError, boolean, choice, number, string
from instruments.virtual.simulator import Part, Place, Settings, Simulator, Specimen
from models.coolant import Stream

__all__ = [
    "Air", "Call", "Contactor", "Coolant", "Defect", "DefectKind", "Emulator", "ErrorQueue", "Fault", "Grammar",
    "Instrument", "Load", "Meter", "Part", "Place", "Port", "Properties", "Property", "Repair", "ScpiError", "Settings",
    "Simulator", "Source", "Specimen", "StatusRegister", "Stream", "Surroundings", "Thermometer", "World", "boolean",
    "choice", "number", "open_world", "string",
]  # fmt: skip
