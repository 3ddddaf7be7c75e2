"""What a table of truth is made of, and how it is shown."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table; `reached` says whether its goal was, None that it has none."""

    cells: tuple[str, ...]
    reached: bool | None


@dataclass(frozen=True, slots=True)
class Skipped:
    """What could not be measured here, and why."""

    why: str


def markdown(title: str, header: Sequence[str], rows: Sequence[Row]) -> str:
    """The table as the docs hold it."""
    lines = [f"### {title}", "", _line(header), _line(["---"] * len(header)), *(_line(row.cells) for row in rows)]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
