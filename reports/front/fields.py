"""A table of coloured fields; on a narrow window each row becomes a block, and every field says its column itself."""

from collections.abc import Mapping, Sequence
from html import escape

from reports.markup import wide


def grid(across: Sequence[str], rows: Mapping[str, Sequence[Sequence[str]]], name: str) -> str:
    """Rows by their names, which are text; of each place the fields that stand there, which are HTML."""
    head = "".join(f"<th>{escape(each)}</th>" for each in across)
    body = "".join(f"<tr><th>{escape(title)}</th>{_fields(across, fields)}</tr>" for title, fields in rows.items())
    return wide(f'<table class="matrix"><tr><td></td>{head}</tr>{body}</table>', name) if rows else ""


def _fields(across: Sequence[str], fields: Sequence[Sequence[str]]) -> str:
    return "".join(
        f'<td data-at="{escape(each)}">{"".join(found)}</td>' if found else "<td></td>"
        for each, found in zip(across, fields, strict=True)
    )
