"""Defects between an instrument and its reader: what `disturbance` and the exchange can do to a line."""

from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any

from instruments.virtual.defects.grammar import Begin, Defect, DefectKind, Repair, over
from instruments.virtual.inhabitants import Inhabitants
from instruments.virtual.wires.disturbance import (
    Disturbance,
    ForReplies,
    Late,
    Trouble,
    doubled,
    garbled,
    halved,
    slowed,
    swallowed,
)


def _troubled(make: Callable[[Defect], Trouble]) -> Begin:
    """A defect that does something to replies."""

    def begin(_part: Any, defect: Defect, world: Inhabitants) -> Repair:
        disturbance, trouble = _disturbance(world, defect.word()), make(defect)
        disturbance.add(trouble)
        return partial(disturbance.remove, trouble)

    return begin


def _disturbance(world: Inhabitants, name: str) -> Disturbance:
    """What lies on the lines of an instrument; laid with its first trouble."""
    if name not in world.disturbances:
        world.disturbances[name] = Disturbance(world.now)
        world.exchange.disturb(world.addresses[name], world.disturbances[name].lay_on)
    return world.disturbances[name]


def _idle_close(_part: Any, defect: Defect, world: Inhabitants) -> Repair:
    disturbance = _disturbance(world, defect.word())
    # Of two who close a silent line the less patient one does.
    return world.lasting.attribute(disturbance, "hangs_up_after", lambda after: min(after, defect.number(1)))


def _replies(trouble: Trouble) -> Callable[[Defect], Trouble]:
    return lambda defect: ForReplies(defect.number(1, 1), trouble)


def _disconnect(_part: Any, defect: Defect, world: Inhabitants) -> Repair:
    address = world.addresses[defect.word()]
    world.exchange.hang_up(address, for_good=True)
    return world.lasting.until_the_last(("unreachable", address), partial(world.exchange.restore, address))


def _reconnect(_part: Any, defect: Defect, world: Inhabitants) -> Repair:
    world.exchange.hang_up(world.addresses[defect.word()], for_good=False)
    return over


OF_EVERY_LINE = (
    DefectKind("silent:<instrument>[:<after s>]", _troubled(lambda _defect: ForReplies(inf, swallowed))),
    DefectKind("timeout:<instrument>[:<replies>]", _troubled(_replies(swallowed))),
    DefectKind("late-reply:<instrument>[:<replies>]", _troubled(lambda defect: Late(defect.number(1, 1)))),
    DefectKind("garbage:<instrument>[:<replies>]", _troubled(_replies(garbled))),
    DefectKind("half-line:<instrument>[:<replies>]", _troubled(_replies(halved))),
    DefectKind("duplicate-reply:<instrument>[:<replies>]", _troubled(_replies(doubled))),
    DefectKind("slow:<instrument>:<s>", _troubled(lambda defect: slowed(defect.number(1)))),
    DefectKind("disconnect:<instrument>", _disconnect),
    DefectKind("reconnect:<instrument>", _reconnect),
    DefectKind("idle-close:<instrument>:<s>", _idle_close),
)
"""What can go wrong with the line of any instrument, whatever it speaks."""
