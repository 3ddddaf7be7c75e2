"""Finds every file format: ours are in `formats/`, others are entry points of the group `packbench.formats`."""

import pkgutil
from functools import cache
from importlib import import_module
from pathlib import Path

from bench.verdicts import InputError
from instruments import extensions
from reports.foreign.form import Format
from reports.foreign.head import Head

GROUP = "packbench.formats"


@cache
def formats() -> tuple[Format, ...]:
    """Every format, ours first; raises `InputError` for one of another package that is none."""
    ours = [
        import_module(f"reports.foreign.formats.{module.name}").FORMAT
        for module in pkgutil.iter_modules([str(Path(__file__).parent / "formats")])
    ]
    return (*ours, *map(_brought, sorted(extensions.brought(GROUP))))


def _brought(name: str) -> Format:
    what = f"The file format {name!r}"
    try:
        found = extensions.load(GROUP, name, what)
    except extensions.ExtensionError as error:
        raise InputError(f"{error}") from error
    if not all(callable(getattr(found, verb, None)) for verb in ("recognises", "read")):
        raise InputError(f"{what} is none: it needs `title`, `recognises(head)` and `read(head)`.")
    return found  # type: ignore[return-value]  # by its verbs, as everything that others bring


def format_of(head: Head) -> Format:
    """The format that recognises a file most surely; raises `InputError` where none does."""
    best = max(formats(), key=lambda each: each.recognises(head))
    if best.recognises(head):
        return best
    known = ", ".join(sorted({each.title for each in formats()}))
    raise InputError(
        f"{head.path} is no recording that packbench can read: {_why(head)}. It reads {known}; a table of another "
        "program needs a line of headers with a time, a voltage and a current."
    )


def _why(head: Head) -> str:
    if not head.is_text:
        return "it is no text, and no binary format that is known"
    from reports.foreign.near import nearest_miss

    return nearest_miss(head, formats()) or "no line of it has headers that name a time, a voltage and a current"
