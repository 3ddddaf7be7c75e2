"""What the command line prints: sentences and tables for people, JSON for machines.

Whatever comes from a file is shown and never obeyed by the terminal (`bench.plain`). It knows no command. rich is
imported when a table is printed, for it takes longer than all the rest.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from bench.plain import plain
from instruments.wording import digits

_STYLES = {
    "PASS": "green", "ok": "green", "done": "green", "INCONCLUSIVE": "yellow", "WARNING": "yellow", "NONE": "yellow",
    "UNKNOWN": "yellow", "TEST ERROR": "bold cyan", "verified": "green", "reported": "yellow",
    "NOT VERIFIED SAFE": "bold white on red",
    "FAIL": "bold red", "CHARGER FAIL": "bold red", "MANAGER FAIL": "bold red",
    "FAULT": "bold magenta", "BENCH FAULT": "bold magenta", "NOT DONE": "bold magenta",
    "ABORTED": "magenta", "died": "bold magenta", "unreadable": "bold magenta",
}  # fmt: skip
_WIDE = 240
"""Columns of a table that no terminal limits: `| grep` must find a line in one piece."""


def print_table(title: str | None, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table for people; words of judgement are coloured where there is a terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        *header,
        title=None if title is None else Text(plain(title), style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for row in rows:
        # Text, because a test's name has brackets that rich would take for its markup.
        table.add_row(*(Text(plain(cell), style=_STYLES.get(cell, "")) for cell in row))
    console = Console()
    if not console.is_terminal:
        console.width = _WIDE
    console.print(table)


def warn(sentence: str) -> None:
    """Print what nobody may overlook, as the last thing and in red where there is a terminal."""
    typer.secho(plain(sentence), fg=typer.colors.RED, bold=True)


def say(text: str, *, err: bool = False) -> None:
    """Print a sentence for people, on one line: what is in it may come from a file, and ends no line of ours."""
    typer.echo(plain(text), err=err)


def print_json(content: object) -> None:
    """Print something for machines: whatever JSON has no word for is null or text."""
    typer.echo(json.dumps(_plain(content), indent=1, allow_nan=False))


def _plain(value: Any) -> Any:
    """JSON has no nan, no paths and no dates."""
    match value:
        case bool() | int() | None:
            return value
        case float():
            return value if value - value == 0 else None
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case Path():
            return value.as_posix()
        case _:
            return str(value)


def fields_of(value: Any) -> dict[str, Any]:
    """A data class as a dictionary, all the way down."""
    from dataclasses import asdict

    return asdict(value)


def number(value: float | None) -> str:
    """A value in five digits."""
    return "none" if value is None else "not measured" if value != value else digits(value, 5)  # noqa: PLR0124 - nan
