"""Driver names of station files, and the classes behind them, imported when first asked for.

A short name is that of a file or folder in `instruments/drivers` (`ea_psb10000.py` is `ea-psb10000`), or an entry point
of an installed package (group `packbench.drivers`); a dotted `package.module:Class` names any other. Nothing here opens
an instrument.
"""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from instruments import extensions
from instruments.driver import DriverClass
from instruments.wording import nearest

ENTRY_POINT_GROUP = "packbench.drivers"
_FOLDER = "instruments.drivers"


class UnknownDriver(ValueError):
    """A station file names a driver that is not there, is there twice, or is none."""


def driver_names() -> tuple[str, ...]:
    """All short names, sorted: ours and those of installed packages."""
    return tuple(sorted(_known()))


def driver_class(name: str) -> DriverClass:
    """Return the class behind a short name or `package.module:Class`. Raises `UnknownDriver`."""
    known = _known()
    paths = known.get(name, {name} if ":" in name else set())
    if not paths:
        raise UnknownDriver(f"There is no driver {name!r}; {nearest(name, known)}, or write package.module:Class.")
    if len(paths) > 1:
        raise UnknownDriver(f"The driver {name!r} is there twice: {' and '.join(sorted(paths))}; remove one of them.")
    return _loaded(name, *paths)


def is_dotted(name: str) -> bool:
    """Whether a name is the path of a class that nobody has registered, rather than a short name."""
    return ":" in name and name not in _known()


def _known() -> Mapping[str, set[str]]:
    """Where each short name leads: a module of ours, or `module:Class` of somebody else's."""
    known = {name: {module} for name, module in _own().items()}
    for name, points in extensions.brought(ENTRY_POINT_GROUP).items():
        known.setdefault(name, set()).update(point.value for point in points)
    return known


@cache
def _own() -> Mapping[str, str]:
    folder = str(Path(__file__).with_name("drivers"))
    return {each.name.replace("_", "-"): f"{_FOLDER}.{each.name}" for each in pkgutil.iter_modules([folder])}


def _loaded(name: str, path: str) -> DriverClass:
    module, _, attribute = path.partition(":")
    try:
        home = import_module(module)
        found: Any = getattr(home, attribute) if attribute else _driver_of(home)
    except (Exception, SystemExit) as error:  # what somebody's module does while it is imported is anything
        raise UnknownDriver(f"The driver {name!r} cannot be imported: {error}; check its spelling.") from error
    if not callable(getattr(found, "open", None)):
        raise UnknownDriver(f"The driver {name!r} ({path}) is none: a driver is a class with a class method open().")
    loaded: DriverClass = found
    return loaded


def _driver_of(module: ModuleType) -> object:
    """The one class in a module, or in a folder's modules, that is opened from a station file; raises `ImportError`."""
    found = [each for each in vars(module).values() if isinstance(each, type) and _is_home(module, each)]
    drivers = [each for each in found if callable(getattr(each, "open", None))]
    if len(drivers) != 1:
        names = ", ".join(each.__name__ for each in drivers) or "none"
        raise ImportError(f"{module.__name__} must have one class with a class method open(), and has {names}")
    return drivers[0]


def _is_home(module: ModuleType, kind: type) -> bool:
    return f"{kind.__module__}.".startswith(f"{module.__name__}.")
