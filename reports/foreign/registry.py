"""Finds every file format: ours are in `formats/`, others are entry points of the group `packbench.formats`."""

import pkgutil
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path

from bench.verdicts import InputError
from instruments import extensions
from reports.foreign.form import Format
from reports.foreign.head import Head
from reports.foreign.near import nearest_miss
from reports.foreign.tables import Place, TableFormat, on_one_line

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
    return nearest_miss(head, formats()) or "no line of it has headers that name a time, a voltage and a current"


def by_headers(head: Head, header: Sequence[str], what: str) -> tuple[TableFormat, dict[str, Place]]:
    """The format that these headers fit best, with its places; raises `InputError` where they fit none."""
    fitting = [
        (form, places) for form in formats() if isinstance(form, TableFormat) and (places := form.places(header))
    ]
    if fitting:
        return max(fitting, key=lambda each: len(each[1]) + 10 * (len(each[0].needs) + len(each[0].must)))
    shown = ", ".join(map(on_one_line, header[:12])) + (", …" if len(header) > 12 else "")
    raise InputError(
        f"{head.path} is a {what} without a time, a voltage and a current by a name that is known: its columns are "
        f"{shown}."
    )
