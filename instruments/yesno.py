"""A `true` where a number is meant: pydantic takes it for 1, and a file that says `soc: true` would begin full.

Of every model that a file is read as, the numbers are held against this; texts, lists and sections pydantic refuses.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeGuard, get_args, get_origin

from pydantic import BaseModel

Where = tuple[int | str, ...]
"""Keys and places of lists that lead to something."""
NO_NUMBER = "should be a number; true and false, yes and no, on and off are none"


def is_number(written: object) -> TypeGuard[int | float]:
    """Whether it is a number, as an option that no model holds against its kind must be: a yes or no is none."""
    return isinstance(written, int | float) and not isinstance(written, bool)


def taken_for_a_number(annotation: Any, written: object) -> Iterator[tuple[Where, bool]]:
    """Each yes or no that a field of this annotation would make a number of: where in `written`, and which.

    Of what lies in a model within, that model says it.
    """
    kinds = set(_kinds(annotation))
    if not kinds & {int, float} or kinds & {bool, Any, object}:
        return
    within = not any(isinstance(kind, type) and issubclass(kind, BaseModel) for kind in kinds)
    yield from _found(written, (), within=within)


def _kinds(annotation: Any) -> Iterator[Any]:
    """What an annotation is made of."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        yield from map(type, parts)
        return
    if not parts:
        yield annotation
    for part in parts[:1] if origin is Annotated else parts:
        yield from _kinds(part)


def _found(written: object, where: Where, *, within: bool) -> Iterator[tuple[Where, bool]]:
    if isinstance(written, bool):
        yield where, written
    elif within and isinstance(written, Mapping):
        for key, value in written.items():
            at = (*where, str(key))
            yield from ((at, key),) if isinstance(key, bool) else _found(value, at, within=True)
    elif within and isinstance(written, list | tuple):
        for place, value in enumerate(written):
            yield from _found(value, (*where, place), within=True)
