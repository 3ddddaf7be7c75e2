"""How each kind of step is carried out: one file per kind, found by the kind, ours here and others by entry point.

A step is data (`bench.scenario`); its procedure says at which pace it is scanned, which set points it may ask for, what
ends it and what it asks of the instruments, scan by scan. The engine has time, order, holds and recovery, and names no
step. A package of somebody else's brings a kind by an entry point of the group `packbench.steps`, named like the class
of the step and naming that of the procedure.
"""

from bench.running.declared import Place
from bench.running.procedures.base import (
    Control,
    Direction,
    Envelope,
    Extremes,
    Procedure,
    Stage,
    ask_nothing,
)
from bench.running.procedures.registry import procedure_for, whose_procedure

__all__ = [
    "Control", "Direction", "Envelope", "Extremes", "Place", "Procedure", "Stage", "ask_nothing", "procedure_for",
    "whose_procedure",
]  # fmt: skip
