"""What tests of a car on the grid share."""

from collections.abc import Sequence

from packbench import Charge, Discharge, Step, current_below, soc_above, soc_below


def to_soc(soc: float) -> tuple[Step, ...]:
    """To a state of charge, from wherever the pack is."""
    return (
        Discharge("C/3", until=soc_below(soc), name="down"),
        Charge("C/3", until=[soc_above(soc), current_below("C/20", hold=60)], name="up"),
    )


def stairs(sizes: Sequence[float], hold: float = 30.0, nominal: float = 50.0) -> list[tuple[float, float]]:
    """A frequency that stands for `hold` s at the nominal one, and that much above and below it at each of `sizes`, Hz.

    It ends as it began.
    """
    offs = [0.0, *sizes, 0.0, *(-size for size in sizes), 0.0]
    return [(hold * number, nominal + off) for number, off in enumerate([*offs, 0.0])]
