"""Finds the procedure of a step by its kind: ours are the modules of this folder, others are entry points."""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.running.declared import Place, Workplace
from bench.running.procedures import contract
from bench.running.procedures.base import Procedure
from bench.scenario import Step
from bench.verdicts import InputError
from instruments import extensions
from instruments.wording import nearest

GROUP = "packbench.steps"


def procedure_for(step: Step, place: Place) -> Procedure[Any]:
    """The procedure of one step; raises `InputError` for a kind that nobody brings."""
    return _class_for(type(step))(step, Workplace(place, step.name))


def whose_procedure(kind: type[Step]) -> str:
    """The procedure of a kind of step in words: class, module, and the package that brings it."""
    entries = () if kind in _own() else extensions.brought(GROUP).get(kind.__name__, ())
    return extensions.where(entries[0], "its procedure") if entries else f"its procedure ({_class_for(kind).__name__})"


def _class_for(kind: type[Step]) -> type[Procedure[Any]]:
    if kind not in _found:
        _found[kind] = _own().get(kind) or _from_outside(kind)
    return _found[kind]


_found: dict[type[Step], type[Procedure[Any]]] = {}


def _from_outside(kind: type[Step]) -> type[Procedure[Any]]:
    what = f"The procedure of {kind.__name__}"
    try:
        found = extensions.load(GROUP, kind.__name__, what)
    except KeyError:
        known = sorted({each.__name__ for each in _own()} | extensions.brought(GROUP).keys())
        raise InputError(
            f"Steps of kind {kind.__name__} ({kind.__module__}) have no procedure: nobody knows how to carry them out; "
            f"install the package that brings one (entry point {kind.__name__!r} of the group {GROUP!r}); "
            f"{nearest(kind.__name__, known)}"
        ) from None
    except extensions.ExtensionError as error:
        raise InputError(str(error)) from error
    return _checked(found, kind, extensions.where(extensions.brought(GROUP)[kind.__name__][0], what))


def _checked(found: object, kind: type[Step], where: str) -> type[Procedure[Any]]:
    """What a package brings; raises `InputError` where that is no procedure of this kind."""
    if not (isinstance(found, type) and issubclass(found, Procedure)):
        raise InputError(f"{where} is no Procedure: derive it from packbench's Procedure.")
    if getattr(found, "kind", None) is not kind:
        theirs = getattr(getattr(found, "kind", None), "__name__", "nothing")
        raise InputError(f"{where} says that it carries out {theirs}: its `kind` must be the class of the step.")
    wrong = contract.wrong_class(found)
    if wrong:
        raise InputError(f"{where} cannot be used: {wrong}")
    return found


@cache
def _own() -> Mapping[type[Step], type[Procedure[Any]]]:
    """Of this folder, by kind: every class in a module of it that names one."""
    found: dict[type[Step], type[Procedure[Any]]] = {}
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        for each in vars(import_module(f"{__package__}.{module.name}")).values():
            if isinstance(each, type) and issubclass(each, Procedure) and "kind" in vars(each):
                found[each.kind] = each
    return found
