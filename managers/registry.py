"""Finds managers by their names: ours stand in `MANAGERS` of a module of this folder, others are entry points.

An entry point of the group `packbench.managers` names something that makes a manager when it is called.
"""

import pkgutil
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from managers.contract import Manager
from models.fields import nearest

GROUP = "packbench.managers"
Maker = Callable[[], Manager]


class UnknownManager(ValueError):
    """There is none of that name; the sentence has the nearest."""


def manager_named(name: str) -> Manager:
    """A new manager; raises `UnknownManager`."""
    if name in own():
        return own()[name]()
    brought = {each.name: each for each in entry_points(group=GROUP)}
    if name not in brought:
        known = sorted({*own(), *brought})
        raise UnknownManager(f"no manager {name!r}{nearest(name, known)}; there are {', '.join(known)}.")
    maker: Maker = brought[name].load()
    return maker()


@cache
def own() -> Mapping[str, Maker]:
    """Those of this folder."""
    found: dict[str, Maker] = {}
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if not module.name.startswith("_"):
            found |= getattr(import_module(f"{__package__}.{module.name}"), "MANAGERS", {})
    return found
