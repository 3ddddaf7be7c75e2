"""The meters of a simulated instrument: each specimen has errors of its own, within what its data sheet allows.

The figures are the simulator's own reading of the data sheet, none of the driver's.
"""

from instruments.virtual.dialect import Meter
from instruments.virtual.simulator import Limits, Specimen


def meter_of(specimen: Specimen, quantity: str, sheet: Limits, full_scale: float, decimals: int) -> Meter:
    """One measuring channel of a specimen: gain and offset drawn within the limits, a display with `decimals`.

    The limits are what the station states of this `quantity`, else its share of a reading, else the data `sheet`'s.
    `full_scale` in the quantity's unit.
    """
    limits = specimen.stated.get(quantity, sheet if specimen.by_data_sheet else None)
    if limits is None:
        return Meter.drawn(specimen.random, specimen.accuracy, full_scale, decimals)
    gain, offset = limits.reading, limits.range * full_scale + limits.offset
    return Meter(1.0 + limits.drawn(specimen.random, gain), limits.drawn(specimen.random, offset), decimals)
