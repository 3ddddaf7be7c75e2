"""Finds every KPI: ours are in the modules of this folder, others are entry points of the group `packbench.kpis`.

An entry point names a KPI, or a module with several. What is wrong with one of them is a sentence in `problems` and
costs nothing but that one; of two with the same key the first counts, ours before others, others by name.
"""

import pkgutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from bench.verdicts import InputError
from instruments.wording import nearest
from reports.kpi.base import KpiFunction, Registered

GROUP = "packbench.kpis"


@dataclass(frozen=True, slots=True)
class Registry:
    """Every KPI that was found, and a sentence about each that was not."""

    kpis: tuple[Registered, ...]
    problems: tuple[str, ...]

    def named(self, key: str) -> Registered | None:
        """The KPI whose figures can have that key."""
        return next((each for each in self.kpis if each.named(key)), None)

    def nearest(self, key: str) -> str:
        """The end of a sentence: the nearest valid key, or all of them."""
        return nearest(key, [example for each in self.kpis for example in each.examples()])


@cache
def found() -> Registry:
    """All KPIs, ours first; looked for once."""
    problems: list[str] = []
    kpis = {each: each.examples() for each in _own()}  # with the keys that each may have
    for owner, each in _from_outside(problems):
        keys = each.examples()
        known = next(
            (it for it, theirs in kpis.items() if any(map(each.named, theirs)) or any(map(it.named, keys))), None
        )
        if known is None:
            kpis[each] = keys
        elif known is not each:
            problems.append(f"{each}, of {owner}, is left out: its key is that of {known}.")
    return Registry(tuple(kpis), tuple(problems))


def _from_outside(problems: list[str]) -> Iterator[tuple[str, Registered]]:
    """What others bring, with the name of their package; notes what is wrong with the rest."""
    for entry in sorted(_brought(), key=lambda entry: (entry.name, entry.value)):
        try:
            yield from ((_owner(entry), each) for each in _loaded(entry))
        except InputError as error:
            problems.append(str(error))


def _own() -> Iterator[Registered]:
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        yield from _of_module(import_module(f"{__package__}.{module.name}"))


def _of_module(module: ModuleType) -> Iterator[Registered]:
    """The KPIs that a module makes, and not those that it imports."""
    for each in vars(module).values():
        if isinstance(each, KpiFunction) and each.__module__ == module.__name__:
            yield each


def _loaded(entry: EntryPoint) -> Iterable[Registered]:
    """What an entry point brings; raises `InputError` where that is no KPI."""
    where = f"The KPI {entry.name!r} ({entry.value}, of {_owner(entry)})"
    try:
        brought = entry.load()
    except (Exception, SystemExit) as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"{where} cannot be imported: {text}") from error
    kpis = [brought] if isinstance(brought, KpiFunction) else []
    if isinstance(brought, ModuleType):
        kpis = list(_of_module(brought))
    if not kpis:
        raise InputError(f"{where} is no KPI: register a function with packbench's kpi.of_step or kpi.of_cycle.")
    return kpis


def _owner(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "an unknown package"


def _brought() -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=GROUP))
