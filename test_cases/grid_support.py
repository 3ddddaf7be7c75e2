"""What tests of a car on the grid share."""

from packbench import Charge, Discharge, Step, current_below, soc_above, soc_below


def to_soc(soc: float) -> tuple[Step, ...]:
    """To a state of charge, from wherever the pack is."""
    return (
        Discharge("C/3", until=soc_below(soc), name="down"),
        Charge("C/3", until=[soc_above(soc), current_below("C/20", hold=60)], name="up"),
    )
