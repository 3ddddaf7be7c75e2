"""The wires over which a manager can be spoken to, one a module: `serve` in it carries on until somebody ends it.

Whatever a wire has no place for, a manager's owner has to tell it: see `managers.home`.
"""

import pkgutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from managers.contract import Manager
from managers.home import Home
from models.fields import nearest


class UnknownWire(ValueError):
    """There is none of that name; the sentence has the nearest."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the command line says: a `port` to listen on, an address to call `at`, and what the owner's `home` tells."""

    port: int
    at: str
    home: Home


class Said:
    """Tells on standard error what is wrong while somebody is served, once for each that is another."""

    def __init__(self) -> None:
        self._line = ""

    def tell(self, line: str) -> None:
        """Tell it, unless it was what was told last."""
        if line != self._line:
            sys.stderr.write(f"managers: {line}\n")
            sys.stderr.flush()
        self._line = line


Serve = Callable[[Manager, Told], None]


def wire_named(name: str) -> Serve:
    """What serves a manager over a wire; raises `UnknownWire`, and `ImportError` where its library is missing."""
    if name not in names():
        raise UnknownWire(f"no wire {name!r}{nearest(name, names())}; there are {', '.join(names())}.")
    serve: Serve = import_module(f"{__name__}.{name}").serve
    return serve


def names() -> tuple[str, ...]:
    """Those of this folder."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])))
