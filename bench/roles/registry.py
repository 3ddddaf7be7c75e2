"""Finds a role by its name, and puts the steps of the safe state of several roles into one order."""

import pkgutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path

from bench.columns import raw_label
from bench.roles.record import Role, SafeStep
from instruments import extensions
from instruments.extensions import ExtensionError

GROUP = "packbench.roles"


class RoleError(ValueError):
    """A role that nobody knows, or that cannot be as its package has it; one sentence."""


def names() -> tuple[str, ...]:
    """Of all roles, ours and those of installed packages."""
    return tuple(sorted({*_own(), *extensions.brought(GROUP)}))


def own_names() -> tuple[str, ...]:
    """Of the roles that are ours."""
    return tuple(sorted(_own()))


def who_measures(column: str) -> str:
    """Which roles fill a column in, as advice."""
    able = sorted(
        name
        for name, each in _own().items()
        if column in {own.name for own in each.columns} | {raw_label(name, channel) for channel in each.channels}
    )
    return f"add an instrument that plays {' or '.join(able)}" if able else "no role of ours measures it"


def measured_by(column: str, played: Collection[str]) -> tuple[str, ...]:
    """The roles, of those that are `played`, that fill a column in; of a role that nobody knows any more, nothing."""
    found = []
    for name in played:
        with suppress(RoleError):
            found += [name for own in role(name).columns if own.name == column and own.shown_among(played)]
    return tuple(dict.fromkeys(found))


def columns_of_others(played: Iterable[str]) -> tuple[str, ...]:
    """The columns that roles of other packages fill in, of those that are `played`; of one that is gone, nothing."""
    found: list[str] = []
    for name in played:
        if name not in _own():
            with suppress(RoleError):
                found += [column.name for column in role(name).columns]
    return tuple(dict.fromkeys(found))


def role(name: str) -> Role:
    """The record of a role; raises `RoleError` where nobody has one of that name, or a package's cannot be used."""
    own = _own().get(name)
    if own is None:
        return _from_outside(name)
    try:
        extensions.refuse_ours(GROUP, name, f"The role {name!r}")
    except ExtensionError as error:
        raise RoleError(str(error)) from error
    return own


def steps_of(played: Iterable[str]) -> dict[str, tuple[SafeStep, tuple[str, ...]]]:
    """Every step of the safe state of some roles, by name, with the roles that it belongs to.

    Raises `RoleError` where two roles mean different things by one name.
    """
    found: dict[str, tuple[SafeStep, tuple[str, ...]]] = {}
    for name in dict.fromkeys(played):
        for step in role(name).steps:
            known, owners = found.get(step.name, (step, ()))
            if known != step:
                raise RoleError(
                    f"roles {' and '.join((*owners, name))} both have a step {step.name!r} of the safe state and mean "
                    "different things by it; rename one."
                )
            found[step.name] = step, (*owners, name)
    return found


def safe_order(played: Iterable[str]) -> tuple[str, ...]:
    """The steps of some roles in the order in which a bench is made safe; raises `RoleError` where there is none."""
    steps = {name: step for name, (step, _) in steps_of(played).items()}
    by_rank = sorted(steps, key=lambda name: (steps[name].rank, name))
    order: list[str] = []
    waiting = dict.fromkeys(by_rank)
    before = {name: {first for first, then, _ in rules(steps.values()) if then == name} for name in steps}
    while waiting:
        ready = next((name for name in waiting if not before[name] & waiting.keys()), None)
        if ready is None:
            raise RoleError(f"the steps {', '.join(waiting)} of the safe state each want to come behind another")
        order.append(ready)
        del waiting[ready]
    return tuple(order)


def rules(steps: Iterable[SafeStep]) -> Iterator[tuple[str, str, str]]:
    """Of some steps, what must come before what, and why."""
    present = {step.name: step for step in steps}
    for step in present.values():
        yield from ((first, step.name, why) for first, why in step.after.items() if first in present)
        yield from ((step.name, then, why) for then, why in step.before.items() if then in present)


def opening_order(played: Mapping[str, Sequence[str]]) -> list[str]:
    """Instruments, by the roles that each plays, in the order in which they are opened."""
    depth = _depths({name for names in played.values() for name in names})
    places = {instrument: [depth[name] for name in names] for instrument, names in played.items()}
    # Of two that deliver power the one first that plays what the other waits for as well.
    return sorted(played, key=lambda instrument: (max(places[instrument]), min(places[instrument])))


def _depths(played: set[str]) -> dict[str, int]:
    """Where each role stands among others: behind all that its players open after, else by name."""
    graph = {name: {each for each in role(name).opens_after if each in played} for name in sorted(played)}
    sorter = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except CycleError as circle:
        raise RoleError(f"roles {', '.join(circle.args[1])} each want to be opened behind another") from circle
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += ready
        sorter.done(*ready)
    return {name: place for place, name in enumerate(order)}


@cache
def _own() -> Mapping[str, Role]:
    """The modules of this folder that have a role."""
    found = {}
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        own = getattr(import_module(f"{__package__}.{module.name}"), "ROLE", None)
        if isinstance(own, Role):
            found[own.name] = own
    return found


@cache
def _from_outside(name: str) -> Role:
    what = f"The role {name!r}"
    try:
        record = extensions.load(GROUP, name, what)
    except KeyError:
        raise RoleError(f"there is no role {name!r}") from None
    except ExtensionError as error:
        raise RoleError(str(error)) from error
    (entry,) = extensions.brought(GROUP)[name]
    if not isinstance(record, Role):
        raise RoleError(f"{extensions.where(entry, what)} is no Role: its entry point must name one.")
    if record.name != name:
        raise RoleError(f"{extensions.where(entry, what)} calls itself {record.name!r}: name its entry point so.")
    return record
