"""Finds strategies by their names: ours are the modules of this folder, others are entry points."""

import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

from bench.strategies.base import Strategy
from bench.verdicts import InputError
from instruments import extensions
from instruments.wording import nearest

GROUP = "packbench.strategies"


def strategy_named(name: str) -> Strategy:
    """The strategy of that name; raises `InputError` for a name that is of none."""
    for kind in (*_own(), *_brought()):
        try:
            found = kind.named(name)
        except ValueError as error:
            raise InputError(f"strategy {name!r}: {error}") from error
        if found is not None and not isinstance(found, Strategy):
            raise InputError(f"strategy {name!r}: {kind.__name__}.named() made {found!r:.60}, which is no Strategy.")
        if found is not None:
            return found
    examples = ("follow-limit", "plating-aware", "1C", "2C<30-1.5C<60-0.9C<100")
    raise InputError(f"There is no strategy {name!r}; {nearest(name, examples)}.")


@cache
def _own() -> tuple[type[Strategy], ...]:
    """Of this folder: every class in a module of it that makes strategies."""
    found: list[type[Strategy]] = []
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        for each in vars(import_module(f"{__package__}.{module.name}")).values():
            if isinstance(each, type) and issubclass(each, Strategy) and each is not Strategy and each not in found:
                found.append(each)
    return tuple(found)


def _brought() -> Iterator[type[Strategy]]:
    for name in extensions.brought(GROUP):
        what = f"The strategy {name}"
        try:
            each = extensions.load(GROUP, name, what)
        except extensions.ExtensionError as error:
            raise InputError(str(error)) from error
        if not (isinstance(each, type) and issubclass(each, Strategy)):
            where = extensions.where(extensions.brought(GROUP)[name][0], what)
            raise InputError(f"{where} is no Strategy: derive it from packbench's Strategy.")
        yield each
