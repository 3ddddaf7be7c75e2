"""Defects between an instrument and its reader: what `disturbance` and the exchange can do to a line."""

from collections.abc import Callable, Mapping
from functools import partial
from math import inf

from instruments.virtual.defects.grammar import Defect
from instruments.virtual.inhabitants import Inhabitants
from instruments.virtual.simulators.dialect import Repair, over
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
from instruments.virtual.wires.exchange import EXCHANGE


def _troubled(make: Callable[[Defect], Trouble]) -> Callable[[Inhabitants, Defect], Repair]:
    """A defect that does something to replies."""

    def begin(world: Inhabitants, defect: Defect) -> Repair:
        disturbance, trouble = _disturbance(world, defect.word()), make(defect)
        disturbance.add(trouble)
        return partial(disturbance.remove, trouble)

    return begin


def _disturbance(world: Inhabitants, name: str) -> Disturbance:
    """What lies on the lines of an instrument; laid with its first trouble."""
    if name not in world.disturbances:
        world.disturbances[name] = Disturbance(world.now)
        EXCHANGE.disturb(world.addresses[name], world.disturbances[name].lay_on)
    return world.disturbances[name]


def _idle_close(world: Inhabitants, defect: Defect) -> Repair:
    disturbance = _disturbance(world, defect.word())
    disturbance.hangs_up_after = defect.number(1)
    return partial(setattr, disturbance, "hangs_up_after", inf)


def _replies(trouble: Trouble) -> Callable[[Defect], Trouble]:
    return lambda defect: ForReplies(defect.number(1, 1), trouble)


def _disconnect(world: Inhabitants, defect: Defect) -> Repair:
    address = world.addresses[defect.word()]
    EXCHANGE.hang_up(address, for_good=True)
    return partial(EXCHANGE.restore, address)


def _reconnect(world: Inhabitants, defect: Defect) -> Repair:
    EXCHANGE.hang_up(world.addresses[defect.word()], for_good=False)
    return over


EFFECTS: Mapping[str, Callable[[Inhabitants, Defect], Repair | None]] = {
    "silent": _troubled(lambda _defect: ForReplies(inf, swallowed)),
    "timeout": _troubled(_replies(swallowed)),
    "late-reply": _troubled(lambda defect: Late(defect.number(1, 1))),
    "garbage": _troubled(_replies(garbled)),
    "half-line": _troubled(_replies(halved)),
    "duplicate-reply": _troubled(_replies(doubled)),
    "slow": _troubled(lambda defect: slowed(defect.number(1))),
    "disconnect": _disconnect,
    "reconnect": _reconnect,
    "idle-close": _idle_close,
}
