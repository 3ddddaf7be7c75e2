"""What other packages bring: entry points by group, loaded when first asked for, a mistake told in one sentence."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType


class ExtensionError(ValueError):
    """Something that an installed package brings cannot be used; one sentence that names it and the package."""


@cache
def brought(group: str) -> Mapping[str, tuple[EntryPoint, ...]]:
    """Everything that installed packages bring in a group, by name; more than one of a name is for `load` to refuse."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in entry_points(group=group):
        found[entry.name] = (*found.get(entry.name, ()), entry)
    return MappingProxyType(found)


def owner(entry: EntryPoint) -> str:
    """Name of the package that brings it."""
    return entry.dist.name if entry.dist else "an unknown package"


def where(entry: EntryPoint, what: str) -> str:
    """The beginning of a sentence about it: `The procedure of Pulse (module:Class, of package)`."""
    return f"{what} ({entry.value}, of {owner(entry)})"


def refuse_ours(group: str, name: str, what: str) -> None:
    """Raise `ExtensionError` where a package brings under this name what packbench has itself: who is meant?."""
    entries = brought(group).get(name, ())
    if entries:
        raise ExtensionError(f"{where(entries[0], what)} has a name that packbench's own has: give it another one.")


def load(group: str, name: str, what: str) -> object:
    """What the package that brings `name` has there; `what` it is, in words, begins the sentence of an error.

    Raises `KeyError` when nobody brings it, `ExtensionError` when several do or it cannot be imported.
    """
    entries = brought(group)[name]
    if len(entries) > 1:
        owners = " and ".join(sorted(map(owner, entries)))
        raise ExtensionError(f"{what} is brought by several packages, {owners}: remove one of them.")
    try:
        return entries[0].load()
    except (Exception, SystemExit) as error:  # what a module does while it is imported is anything
        reason = f"{type(error).__name__}: {error}"
        raise ExtensionError(f"{where(entries[0], what)} cannot be imported: {reason}") from error
