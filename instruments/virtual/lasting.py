"""What is wrong with something for as long as it lasts: changes of one thing that overlap, each ended by itself.

Every defect that can end begins here, so that of several about one thing the end of one ends no other, in whatever
order they end, and the end of the last gives back what was there before the first.
"""

from collections.abc import Callable, Hashable, MutableMapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

Change = Callable[[Any], Any]
"""What becomes of something, from what it would be without this change; it is asked again when another one ends."""
End = Callable[[], None]
"""Ends a change; harmless when it has ended already."""


@dataclass(slots=True)
class _Stack:
    """One thing: what it would be now if nothing were wrong, how it is put there, and what is wrong, oldest first."""

    healthy: Callable[[], Any]
    put: Callable[[Any], object]
    changes: dict[object, Change] = field(default_factory=dict)

    def refresh(self) -> None:
        value = self.healthy()
        for change in self.changes.values():
            value = change(value)
        self.put(value)


class _Layer:
    """Something in the place of a method: what it stands on is the method itself, or the change before it."""

    def __init__(self, below: Callable[..., Any], change: Change) -> None:
        self._below = below
        self._changed = change(self._healthy)

    def lay(self, below: Callable[..., Any]) -> Any:
        """Stand on something else from now on; what it becomes."""
        self._below = below
        return self._changed

    def _healthy(self, *arguments: Any, **named: Any) -> Any:
        return self._below(*arguments, **named)


class Lasting:
    """What lasts about the things of one owner. Each verb begins a change, and returns how it is ended."""

    def __init__(self) -> None:
        self._stacks: dict[Hashable, _Stack] = {}

    def attribute(self, owner: object, name: str, change: Change) -> End:
        """Have an attribute be what `change` makes of it."""
        healthy = getattr(owner, name)
        return self._begin((id(owner), name), lambda: healthy, partial(setattr, owner, name), change)

    def item(self, container: MutableMapping[Any, Any] | Any, key: Hashable, change: Change) -> End:
        """Have an item of a mapping, or an element of an array, be what `change` makes of it."""
        healthy = container[key]
        return self._begin((id(container), key), lambda: healthy, partial(container.__setitem__, key), change)

    def method(self, owner: object, name: str, change: Change) -> End:
        """Have something else in the place of a method of this one object: `change` is asked once, for what it is."""
        healthy, own = getattr(owner, name), name in vars(owner)

        def put(method: Any) -> None:
            if method is healthy and not own:
                vars(owner).pop(name, None)
            else:
                vars(owner)[name] = method

        return self._begin((id(owner), name), lambda: healthy, put, _Layer(healthy, change).lay)

    def thing(self, what: Hashable, healthy: Callable[[], Any], put: Callable[[Any], object], change: Change) -> End:
        """Have whatever has a name here be what `change` makes of what it is now if nothing is wrong with it.

        `healthy` and `put` are those of who begins first.
        """
        return self._begin(("thing", what), healthy, put, change)

    def until_the_last(self, what: Hashable, end: Callable[[], object]) -> End:
        """Of several that end in one way the last is ended by `end`, the others by nothing."""
        return self._begin(("until the last", what), lambda: False, lambda lasts: None if lasts else end(), _so_it_is)

    def _begin(self, key: Hashable, healthy: Callable[[], Any], put: Callable[[Any], object], change: Change) -> End:
        # The stack holds what it is about through `put`: while there is one, no other object has its id.
        stack, token = self._stacks.setdefault(key, _Stack(healthy, put)), object()
        stack.changes[token] = change
        stack.refresh()

        def end() -> None:
            if stack.changes.pop(token, None) is not None:
                if not stack.changes:
                    del self._stacks[key]
                stack.refresh()

        return end


def _so_it_is(_healthy: object) -> bool:
    """Whatever it was."""
    return True
