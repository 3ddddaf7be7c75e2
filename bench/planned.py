"""What a scenario that was checked is going to do, for those who foresee it: no step knows more of it than this."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan


@dataclass(frozen=True, slots=True)
class Planned:
    """One step as it is going to be: A (a magnitude), s; of each condition its column, sense, threshold and words.

    `period` s lie between two samples of it; nan: nobody has said.
    """

    name: str
    kind: str
    direction: str
    resumable: bool
    rate: str
    current: float
    duration: float
    set_points: Mapping[str, float]
    conditions: tuple[tuple[str, str, float, str], ...]
    period: float = nan
