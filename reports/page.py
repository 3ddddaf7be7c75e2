"""Fills the HTML templates that ship with the package; a template engine would do more than is needed."""

from collections.abc import Mapping
from importlib.resources import files


def fill(template: str, parts: Mapping[str, str]) -> str:
    """Replace every `{{name}}` of `reports/templates/<template>` by its part, which must already be HTML."""
    page = (files("reports") / "templates" / template).read_text(encoding="utf-8")
    head, *chunks = page.split("{{")
    filled = [head]
    for chunk in chunks:
        name, rest = chunk.split("}}", 1)
        filled += parts[name], rest
    return "".join(filled)
