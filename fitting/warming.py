"""The temperature of a cell that nobody measured, from that of the air and the heat that the record shows.

A cell warms by the current times what its voltage is away from rest; of 1 Ah at 2C that is 6 K, and its resistances are
a fifth lower by the end. Taken for as cold as the air it would be, a cell has resistances that no rate agrees with.
"""

from dataclasses import replace

import numpy as np

from fitting.measure import charge_of
from fitting.records import Record
from models.cell import CellParameters


def warmed(record: Record, like: CellParameters) -> Record:
    """`record` with the cell's temperature, degC, in the place of the air's; one that was measured stays.

    Heat capacity, coupling to the air and voltage at rest are those of the cell that it is `like`; what entropy adds is
    left out. A step goes by the heat at its end.
    """
    if not record.of_air:
        return record
    soc = charge_of(like, record)
    heat = record.current * (record.voltage - like.open_circuit_voltage(np.clip(soc, 0, 1)))
    settled = record.temperature + np.maximum(heat, 0) / like.thermal_conductance
    left = np.exp(-np.diff(record.time) * like.thermal_conductance / like.heat_capacity)
    found = record.temperature.copy()
    for row, (towards, share) in enumerate(zip(settled[1:].tolist(), left.tolist(), strict=True), start=1):
        found[row] = towards + (found[row - 1] - towards) * share
    return replace(record, temperature=found, of_air=False)
