"""The documentation as a site: `tox run -e docs` builds it from this folder and docstrings, and walks every link."""

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

project = "packbench"
author = "the packbench maintainers"
release = metadata.version("packbench")
copyright = f"{datetime.now(UTC):%Y}, {author}"  # noqa: A001 - its name in Sphinx

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.intersphinx"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
# Tables that are printed under a page of words are a level below its sections.
suppress_warnings = ["myst.header"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["images/*"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
# Types are written as people read them; what they link to is not the point of a signature here.
nitpicky = False

html_theme = "furo"
html_title = f"packbench {release}"
html_copy_source = False
html_extra_path = [name for name in ("example",) if Path(__file__).with_name(name).is_dir()]


# --- pages that are made from the program: they cannot say what it does not ------------------------------------------


def _figures() -> Iterator[str]:
    from reports.kpi import found

    yield "# Figures\n\nEvery figure that a pack file can require, and how it is computed.\n"
    yield "| figure | unit | definition |\n| --- | --- | --- |"
    for name, kpi in sorted((kpi.name, kpi) for kpi in found().kpis):
        yield f"| {name} | {kpi.unit} | {kpi.definition.replace('|', '/')} |"


def _commands() -> Iterator[str]:
    import typer

    from packbench.cli import app

    group = typer.main.get_command(app)
    yield f"# The command line\n\n{group.help}\n\n{group.epilog}\n"
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        yield f"## packbench {name}\n\n{command.help}\n"
        for parameter in command.params:
            words = getattr(parameter, "help", None)
            if words and not getattr(parameter, "hidden", False):
                named = ", ".join(parameter.opts) if parameter.opts[0].startswith("-") else parameter.name
                yield f"- `{named}`: {words}"
        yield ""


def _options() -> Iterator[str]:
    from packbench.options import OPTIONS

    yield "# Options of pytest\n\nWhat packbench adds to `pytest`; they can stand in `tox.ini` or `pyproject.toml`.\n"
    for name, said in OPTIONS.items():
        yield f"- `{name}`: {said['help'].replace('%(default)s', str(said.get('default', '')))}"


def _make_pages(app: Any) -> None:
    for name, lines in (("figures", _figures()), ("command-line", _commands()), ("options", _options())):
        page = Path(app.srcdir) / "reference" / f"{name}.md"
        page.write_text("\n".join(lines) + "\n", encoding="utf-8")


def setup(app: Any) -> None:
    """Sphinx asks for this."""
    app.connect("builder-inited", _make_pages)
