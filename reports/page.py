"""Fills the HTML templates that ship with the package (a template engine would do more than is needed), and writes."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path


def fill(template: str, parts: Mapping[str, str]) -> str:
    """Replace every `{{name}}` of `reports/templates/<template>` by its part, which must already be HTML.

    A name that is none of the parts is that of another template, which several pages have in common.
    """
    page = _read(template)
    head, *chunks = page.split("{{")
    filled = [head]
    for chunk in chunks:
        name, rest = chunk.split("}}", 1)
        filled += parts[name] if name in parts else _read(name), rest
    return "".join(filled)


def _read(template: str) -> str:
    return (files("reports") / "templates" / template).read_text(encoding="utf-8")


def write(path: Path, text: str) -> None:
    """Write a text of a report as UTF-8; raises `OSError` from the disk.

    A name of a file that is none (a lone surrogate stands for its byte) is written as its escape, also in JSON:
    it must not cost anybody the report.
    """
    path.write_text(text, encoding="utf-8", errors="backslashreplace")
