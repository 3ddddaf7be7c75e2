"""Finds a simulator by its name: ours are the modules of `simulators/`, others come by entry point.

Everything wrong with one is a ValueError of one sentence, before anything is plugged in.
"""

import pkgutil
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import BaseModel

from instruments.virtual import simulators
from instruments.virtual.defects.grammar import unreadable
from instruments.virtual.ports import Port
from instruments.virtual.simulator import AnySimulator, Simulator
from instruments.wording import nearest

GROUP = "packbench.simulators"
COMMON = ("simulator", "model", "serial_number", "accuracy", "errors")
"""Keys that every simulator's entry in a station file takes beside its own settings."""
REGISTERED = "SIMULATOR"
"""What a module of our own folder calls what it registers."""


def simulator_named(name: str) -> AnySimulator:
    """The simulator that a station file calls `name`; raises ValueError where nobody brings it, or it is wrong."""
    brought = [entry for entry in _brought() if entry.name == name]
    if name in shipped() and not brought:
        return shipped()[name]
    if not brought:
        raise ValueError(f"{name!r}, which nobody brings; {nearest(name, names())}")
    owners = sorted([*(_owner(entry) for entry in brought), *(["packbench"] if name in shipped() else [])])
    if len(owners) > 1:
        raise ValueError(f"{name!r}, which {' and '.join(owners)} both register: remove one of them")
    return _loaded(brought[0])


def names() -> tuple[str, ...]:
    """Every name that a station file may use, sorted; those of other packages are not imported for it."""
    return tuple(sorted({*shipped(), *(entry.name for entry in _brought())}))


@cache
def shipped() -> Mapping[str, AnySimulator]:
    """Ours, by name: whatever a module or package of the folder calls `SIMULATOR`."""
    found: dict[str, AnySimulator] = {}
    for module in pkgutil.iter_modules(simulators.__path__):
        brought = getattr(import_module(f"{simulators.__name__}.{module.name}"), REGISTERED, None)
        if brought is not None:
            found[brought.name] = _checked(brought, f"{module.name} of packbench")
    return found


def _loaded(entry: EntryPoint) -> AnySimulator:
    """What an entry point brings; raises ValueError where that is no simulator of this name."""
    where = f"{entry.name!r} ({entry.value}, of {_owner(entry)})"
    try:
        brought = entry.load()
    except (Exception, SystemExit) as error:
        raise ValueError(f"{where}, which cannot be imported: {type(error).__name__}: {error}") from error
    simulator = _checked(brought, where)
    if simulator.name != entry.name:
        raise ValueError(f"{where}, which calls itself {simulator.name!r}: both need one name")
    return simulator


def _checked(brought: Any, where: str) -> AnySimulator:
    """`brought`, if it is a simulator that can be used; raises ValueError."""
    if not isinstance(brought, Simulator):
        raise ValueError(f"{where}, which is no Simulator: name an instance of it in the entry point")
    wrong = _wrong_settings(brought.settings) or _wrong_ports(brought.ports) or _wrong_defects(brought)
    if wrong:
        raise ValueError(f"{where}, {wrong}")
    return brought


def _wrong_settings(settings: Any) -> str:
    if not (isinstance(settings, type) and issubclass(settings, BaseModel)):
        return f"whose settings are {settings!r}: derive them from Settings, a pydantic model"
    clash = next((key for key in settings.model_fields if key in COMMON), None)
    if clash is not None:
        return f"whose settings have a key {clash!r}, which every simulator has already: give it another name"
    return ""


def _wrong_ports(ports: Any) -> str:
    for each in ports:
        known = isinstance(each, type) and issubclass(each, Port)
        if not known or not getattr(each, "kind", ""):
            return f"which has a port {each!r}: the world knows classes derived from Port, each with its kind"
    return ""


def _wrong_defects(simulator: AnySimulator) -> str:
    for kind in simulator.defects:
        wrong = unreadable(kind, simulator.words)
        if wrong:
            return f"whose defect {kind.name!r} cannot be read: {wrong}"
    twice = next((name for name, count in Counter(kind.name for kind in simulator.defects).items() if count > 1), None)
    return f"which has the defect {twice!r} twice: give one of them another name" if twice else ""


def _owner(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "an unknown package"


@cache
def _brought() -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=GROUP))
