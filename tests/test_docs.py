"""The documentation keeps its own promises: each code block of the tutorials runs, and no link leads nowhere."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from bench.verdicts import InputError
from tests.bench.cli_support import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in (*DOCS.glob("tutorials/*.md"), DOCS / "how-to.md"))
QUICK = ("tutorials/first-test.md", "tutorials/own-driver.md", "tutorials/reading-a-report.md")
"""Tried with every change; the others are `long`."""
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
STATUS = re.compile(r"# exit status (\d+)\s*$")
KNOWN = {"python", "console", "toml", "sh", "yaml"}
"""`sh` is what needs a network or a person; everything else is tried."""
PATIENCE = 600
LARGEST = 150_000
"""Bytes of a picture."""


def blocks(page: str) -> list[tuple[str, str]]:
    return [(kind, text) for kind, text in BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))]


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=() if page in QUICK else pytest.mark.long, id=page) for page in PAGES]
)
def test_every_block_of_a_page_runs_in_the_order_of_the_page(page: str, tmp_path: Path) -> None:
    folder, environment = tmp_path, {
        **os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    environment.pop("PYTEST_ADDOPTS", None)
    for kind, text in blocks(page):
        assert kind in KNOWN, f"{page} has a block of {kind!r}"
        if kind == "python":
            _write_or_run(folder, text)
        for line in text.splitlines() if kind == "console" else ():
            command, expected = line.removeprefix("$ "), 0
            if (told := STATUS.search(command)) is not None:
                command, expected = command[: told.start()].rstrip(), int(told.group(1))
            if command.startswith("cd "):
                folder /= command[3:]
                continue
            done = subprocess.run(
                shlex.split(command), cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE,
                check=False,
            )  # fmt: skip
            assert done.returncode == expected, f"{command}\n{done.stdout}{done.stderr}"


def _write_or_run(folder: Path, text: str) -> None:
    """A block that begins with a file's name is that file; any other one is run as it stands."""
    named = re.match(r"# ([\w/]+\.py)\n", text)
    if named is None:
        exec(compile(text, "a block", "exec"), {})
        return
    path = folder / named.group(1)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_every_page_is_on_the_site_and_every_link_between_them_leads_somewhere() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    named = {line.strip() for line in index.splitlines()} | {"index"}
    pages = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")}
    assert {page for page in pages if page not in named and not page.startswith("decisions/")} == set()
    for path in DOCS.rglob("*.md"):
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8")):
            if "://" not in link and not link.startswith("mailto:"):
                made = link.endswith(("figures.md", "command-line.md", "options.md"))
                assert made or (path.parent / link).exists(), f"{path.name} links {link}"


def test_every_picture_is_shown_somewhere_and_light_enough_for_a_page() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in (*DOCS.rglob("*.md"), ROOT / "README.md"))
    for picture in (DOCS / "images").glob("*.png"):
        assert f"images/{picture.name})" in pages, f"no page shows {picture.name}"
        assert picture.stat().st_size <= LARGEST, f"{picture.name} has {picture.stat().st_size} bytes"


def test_what_a_tutorial_calls_wrong_input_is_a_name_that_tests_can_import() -> None:
    import packbench

    assert packbench.InputError is InputError
    reference = (DOCS / "reference" / "python.md").read_text(encoding="utf-8")
    named = re.findall(r"auto(?:class|function|exception):: (\w+)$", reference, flags=re.MULTILINE)
    assert [name for name in named if not hasattr(packbench, name)] == []
