"""Pieces of HTML that pages are made of; what is given as a body must already be HTML, everything else is text."""

import re
from collections.abc import Sequence
from html import escape

from bench.verdicts import NOT_RUN, WORDS

CLASS = {
    "PASS": "pass",
    "FAIL": "fail",
    "CHARGER FAIL": "other",
    "MANAGER FAIL": "other",
    "INCONCLUSIVE": "unsure",
    "TEST ERROR": "mistake",
    "BENCH FAULT": "bench",
    "ABORTED": "aborted",
    NOT_RUN: "notrun",
}
"""Colours of verdicts, by name in the style sheet."""


def section(title: str, body: str, note: str = "") -> str:
    """A titled part of a page; nothing where it has no body."""
    note = f"<small>{note}</small>" if note else ""
    return f"<section><h2>{escape(title)} {note}</h2>{body}</section>" if body else ""


def table(names: Sequence[str], rows: str, kind: str = "") -> str:
    """A table with the names of its columns, if they have any; nothing where it has no rows.

    On a telephone it is read downwards: each row is a block, and every cell behind its title says its column itself.
    `kind` is a class of it in the style sheet.
    """
    if not rows:
        return ""
    kinds = " ".join(filter(None, (kind, "downwards" if names else "")))
    named = f' class="{kinds}"' if kinds else ""
    return wide(f"<table{named}>{_head(names)}{_saying(names, rows)}</table>")


def wide(body: str, name: str = "table") -> str:
    """What may be wider than a window: it scrolls by itself, by keyboard as well."""
    return f'<div class="wide" tabindex="0" role="group" aria-label="{escape(name)}">{body}</div>'


_CELL = re.compile(r"<tr\b|<t[dh]\b(?: colspan=\"(\d+)\")?")


def _head(names: Sequence[str]) -> str:
    # A cell without a name is no header: readers of screens would announce it as one.
    cells = "".join(f"<th>{escape(name)}</th>" if name else "<td></td>" for name in names)
    return f"<tr>{cells}</tr>" if names else ""


def _saying(names: Sequence[str], rows: str) -> str:
    """The rows, with the name of its column in every cell behind the one that the row is about: by its place."""
    place, titled = 0, False

    def named(found: re.Match[str]) -> str:
        nonlocal place, titled
        if found[0] == "<tr":
            place, titled = 0, False
            return found[0]
        name = names[place] if place < len(names) else ""
        place += int(found[1] or 1)
        says = bool(name) and titled and not found[0].startswith("<th")
        titled = titled or bool(name) or found[0].startswith("<th")
        return f'{found[0]} data-at="{escape(name)}"' if says else found[0]

    return _CELL.sub(named, rows) if names else rows


def cells(*texts: str) -> str:
    """Make cells; what holds a number is never broken between value and unit."""
    kinds = (" class=n" if any(map(str.isdigit, text)) else "" for text in texts)
    return "".join(f"<td{kind}>{escape(text)}</td>" for kind, text in zip(kinds, texts, strict=True))


def badge(text: str, kind: str) -> str:
    """A word on its colour; the word alone says it."""
    return f'<span class="badge {kind}">{escape(text)}</span>'


def verdict_badge(verdict: str) -> str:
    """A verdict in its words, on its colour."""
    return badge(WORDS[verdict], CLASS[verdict])


def sparkline(values: Sequence[float], limit: float | None = None, band: float = 0.0, step: int | None = None) -> str:
    """Draw the last values of a figure as a small picture; two at least, or there is no trend.

    With the limit as a dashed line where it is in sight, how much the values vary anyway as a band about the last, and
    a mark where the level stepped.
    """
    if len(values) < 2:
        return ""
    place = _Place(values, limit, band)
    points = [(2 + 116 * position / (len(values) - 1), place(value)) for position, value in enumerate(values)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    return (
        f'<svg class="spark" width="120" height="26" role="img"><title>{escape(_words(values, limit, step))}</title>'
        f"{place.band()}{place.limit()}{_mark(points, step)}"
        f'<polyline points="{line}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="2"/></svg>'
    )


class _Place:
    """Where a value is in the picture: pixels from above."""

    def __init__(self, values: Sequence[float], limit: float | None, band: float) -> None:
        low, high = min(values), max(values)
        # a change below a thousandth of the value is drawn flat: noise must not look like a trend
        least = max(1e-3 * max(abs(low), abs(high)), 2 * band)
        # a limit far away would flatten everything else
        if limit is not None and min(abs(limit - low), abs(limit - high)) <= 4 * max(high - low, least):
            low, high = min(low, limit), max(high, limit)
        else:
            limit = None
        room = max(high - low, least) or 1.0
        self._middle, self._scale = (low + high) / 2, 20 / room
        self._limit, self._band, self._last = limit, band, values[-1]

    def __call__(self, value: float) -> float:
        return 13 - self._scale * (value - self._middle)

    def limit(self) -> str:
        """Its line."""
        if self._limit is None:
            return ""
        y = self(self._limit)
        return f'<line class="limit" x1="0" x2="120" y1="{y:.1f}" y2="{y:.1f}"/>'

    def band(self) -> str:
        """What varies anyway, about the last value."""
        height = 2 * self._band * self._scale
        top = self(self._last) - height / 2
        return f'<rect x="0" width="120" y="{top:.1f}" height="{height:.1f}"/>' if height >= 1 else ""


def _mark(points: Sequence[tuple[float, float]], step: int | None) -> str:
    if step is None:
        return ""
    x = (points[step - 1][0] + points[step][0]) / 2
    return f'<line class="step" x1="{x:.1f}" x2="{x:.1f}" y1="1" y2="25"/>'


def _words(values: Sequence[float], limit: float | None, step: int | None) -> str:
    told = [f"last change: {values[-2]:.5g} → {values[-1]:.5g}", f"{len(values)} nights"]
    told += [f"limit {limit:.5g}"] if limit is not None else []
    told += [f"stepped {len(values) - step} nights ago"] if step is not None else []
    return ", ".join(told)
