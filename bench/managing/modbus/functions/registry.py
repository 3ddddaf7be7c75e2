"""Which grid functions there are, and what their points hold at first: a module of `kinds` is one, or a family."""

import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module

from bench.managing.modbus.functions import kinds
from bench.managing.modbus.functions.function import ACTIVE, STORED, GridFunction

COMPLETED, FAILED = 1, 2
"""What became of an adoption."""
SunPoint = tuple[int, str]
"""A SunSpec model's number and the name of a point of it."""


@cache
def known() -> Mapping[int, GridFunction]:
    """Those of the folder `kinds`, by their models' numbers."""
    modules = [import_module(f"{kinds.__name__}.{each.name}") for each in pkgutil.iter_modules(kinds.__path__)]
    return {each.number: each for module in modules for each in getattr(module, "FUNCTIONS", ())}


def firsts() -> dict[SunPoint, float]:
    """What their points hold before anybody has written them."""
    return {(each.number, name): value for each in known().values() for name, value in _firsts(each)}


def _firsts(function: GridFunction) -> Iterator[tuple[str, float]]:
    yield "Ena", 0
    yield function.request, 0
    yield function.result, COMPLETED
    for which in (ACTIVE, STORED) if function.there else (ACTIVE,):
        yield from zip(function.names(which), function.first.values(), strict=True)
