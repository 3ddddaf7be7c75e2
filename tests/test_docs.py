"""The documentation keeps its own promises: each code block of it is carried out, and no link leads nowhere."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from configparser import ConfigParser
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from bench.managing.answer import understood
from bench.recording.session_log import Session
from bench.station import SHIPPED, load_station
from bench.verdicts import InputError
from docs import links
from managers.reference import Reference
from reports.limits import load_limits
from tests.bench.cli_support import ROOT, record

DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```([a-z]+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = sorted(
    path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md") if BLOCK.search(path.read_text(encoding="utf-8"))
)
QUICK = (
    "how-to.md", "recordings.md", "run-format.md", "uncertainty.md", "defects.md", "ci/README.md",
    "manager-contract.md", "tutorials/first-test.md", "tutorials/own-driver.md",
)  # fmt: skip
"""Tried with every change; the others are `long`."""
STATUS = re.compile(r"# exit status (\d+)\s*$")
NOT_RUN: Mapping[str, Mapping[str, str]] = {
    "ci/README.md": {
        "packbench join": "needs what several jobs left: tests/packbench/test_cli_join.py",
        "packbench report": "of the joined session: tests/packbench/test_cli_join.py",
        "packbench gate": "of the joined session: tests/packbench/test_cli_join.py",
    },
    "defects.md": {"world = ": "needs an open bench: tests/instruments/virtual/defects injects and repairs"},
    "how-to.md": {
        "pytest --live": "serves a page: tests/packbench/live",
        "packbench live": "serves a page until somebody ends it: tests/packbench/live",
        "pytest --resume=last": "needs a run that died: tests/bench/running/test_resume.py",
    },
    "manager-contract.md": {
        "# rule.py": "is put under test by tests/bench/running/test_managed_by_the_document.py",
        "# optimiser.py": "is put under test by tests/bench/running/test_managed_by_the_document.py",
        "# manager.py": "is put under test by tests/bench/running/test_managed_by_the_document.py",
        "# central.py": "is put under test by tests/bench/running/test_managed_by_the_document.py",
    },
    "tutorials/first-test.md": {
        "python3 -m venv": "needs a network: tests/packbench/test_installed.py",
        "pip install": "needs a network: tests/packbench/test_installed.py",
    },
    "tutorials/own-pack.md": {"packbench fit": "needs records of a cycler: tests/fitting/test_command.py"},
}
"""What is not carried out here: by page, the beginning of a block or of a line in it, and why."""
PATIENCE = 600
LARGEST = 150_000
"""Bytes of a picture."""


def blocks(page: str) -> list[tuple[str, str]]:
    return [(kind, text) for kind, text in BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))]


@dataclass
class Reader:
    """Somebody who follows a page block by block: where he is, and which tests he wrote and has not run."""

    page: str
    folder: Path
    environment: Mapping[str, str]
    left_out: set[str] = field(default_factory=set)
    waiting: list[Path] = field(default_factory=list)

    def follow(self, kind: str, text: str) -> None:
        """Do what a block says."""
        if kind in {"console", "sh"}:
            for line in text.splitlines():
                if not self._leaves_out(line.removeprefix("$ ")):
                    self._command(line.removeprefix("$ "))
        elif not self._leaves_out(text):
            READ[kind](self, text)

    def _leaves_out(self, text: str) -> bool:
        found = [each for each in NOT_RUN.get(self.page, ()) if text.startswith(each)]
        self.left_out.update(found)
        return bool(found)

    def _command(self, line: str) -> None:
        told = STATUS.search(line)
        words = shlex.split(line, comments=True)
        if words[0] == "cd":
            self.folder /= words[1]
            return
        self.waiting = [path for path in self.waiting if path.name not in line]
        self.run(words, int(told.group(1)) if told else 0)

    def run(self, words: Sequence[str], expected: int = 0) -> None:
        """Run a command here, which ends as it should."""
        done = subprocess.run(
            words, cwd=self.folder, env=dict(self.environment), capture_output=True, text=True, timeout=PATIENCE,
            check=False,
        )  # fmt: skip
        assert done.returncode == expected, f"{words}\n{done.stdout}{done.stderr}"

    def python(self, text: str) -> None:
        """A block that begins with a file's name is that file; any other one is run as it stands."""
        named = re.match(r"# ([\w/]+\.py)(?:;.*)?\n", text)
        if named is None:
            exec(compile(text, "a block", "exec"), {})
            return
        path = self.folder / named.group(1)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if path.name.startswith("test_"):
            self.waiting.append(path)

    def finish(self) -> None:
        """Run the tests that no line of the page has run."""
        for path in self.waiting:
            self.run(["pytest", str(path), f"--rootdir={self.folder}", "--station=virtual-module", "--temperatures=25"])


def _is_an_example(reader: Reader, text: str) -> None:
    """Of a file that this program writes, or of what a manager is asked and answers."""
    told = json.loads(text)
    if "contract" in told:
        assert abs(understood(Reference().decide(told)).power) <= told["charger"]["charge"]
    elif "power" in told:
        assert understood(told).warned
    else:
        written = (
            Session.new({"station": "x"}).as_dict()
            if "tests" in told
            else json.loads((record(reader.folder) / "run.json").read_text(encoding="utf-8"))
        )
        unknown = set(told) - set(written) - WRITTEN_LATER
        assert not unknown, f"nothing writes {unknown}"


WRITTEN_LATER = {
    "operator",
    "command",
    "chosen",
    "environment",
    "folder",
    "rootdir",
    "pack",
    "temperatures",
    "seed",
    "defects",
}
"""Facts of a session and its runs that pytest knows once it has begun."""


def _is_read(reader: Reader, text: str) -> None:
    """By who reads such files: limits, or what a station file says of one instrument."""
    path = reader.folder / "written.yaml"
    if text.startswith("schema:"):
        path.write_text(text, encoding="utf-8")
        assert load_limits(str(path)).requirements
        return
    station = yaml.safe_load((SHIPPED / "virtual-module.yaml").read_text(encoding="utf-8"))
    station["instruments"]["supply"] |= yaml.safe_load(text)
    path.write_text(yaml.safe_dump(station), encoding="utf-8")
    assert load_station(str(path))[0].instruments["supply"].accuracy


def _names_a_class_of_the_page(reader: Reader, text: str) -> None:
    for group in tomllib.loads(text)["project"]["entry-points"].values():
        for module, name in (each.split(":") for each in group.values()):
            assert f"class {name}" in (reader.folder / f"{module}.py").read_text(encoding="utf-8")


READ: Mapping[str, Callable[[Reader, str], None]] = {
    "python": Reader.python, "json": _is_an_example, "toml": _names_a_class_of_the_page, "yaml": _is_read,
}  # fmt: skip


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=() if page in QUICK else pytest.mark.long, id=page) for page in PAGES]
)
def test_every_block_of_a_page_is_carried_out_in_the_order_of_the_page(page: str, tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTEST_ADDOPTS", None)
    if page == "how-to.md":  # for somebody who has recorded something
        made = record(tmp_path / "runs")
        (tmp_path / "runs" / "2026-11-27").mkdir()
        made.rename(tmp_path / "runs" / "2026-11-27" / "020000-test_capacity")
    reader = Reader(page, tmp_path, environment)
    for kind, text in BLOCK.findall((DOCS / page).read_text(encoding="utf-8")):
        reader.follow(kind, text)
    reader.finish()
    assert reader.left_out == set(NOT_RUN.get(page, ())), "what is left out is on the page"


def test_what_is_left_out_is_on_a_page_that_has_blocks() -> None:
    assert set(NOT_RUN) <= set(PAGES)
    for reason in (reason for page in NOT_RUN.values() for reason in page.values()):
        for place in re.findall(r"tests/[\w/.]*\w", reason):
            assert (ROOT / place).exists(), reason


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


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A site of two pages and the example that it shows."""
    (tmp_path / "night").mkdir()
    (tmp_path / "index.html").write_text('<h1 id="top"></h1><a href="other.html#there">o</a><a href="night/">n</a>')
    (tmp_path / "other.html").write_text('<a name="there"></a><img src="index.html"><a href="#there">t</a>')
    (tmp_path / "night" / "index.html").write_text('<a href="../index.html#top">back</a>')
    return tmp_path


def test_a_site_that_holds_together_is_let_through(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert links.main([str(built)]) == 0
    assert "3 pages, 5 links, 0 of them elsewhere, 0 dead." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ('<a href="gone.html">x</a>', "page.html: links gone.html, which is not there."),
        ('<a href="other.html#her">x</a>', "links other.html#her, and other.html has no place of that name."),
        ('<a href="#nowhere">x</a>', "page.html: links #nowhere, and page.html has no place of that name."),
        ('<img src="images/x.png">', "page.html: links images/x.png, which is not there."),
        ('<script src="x.js"></script>', "page.html: links x.js, which is not there."),
        ('<a href="../../secret.html">x</a>', "page.html: links ../../secret.html, which is outside of the site."),
    ],
)
def test_a_dead_link_in_the_html_of_a_page_is_told(
    built: Path, capsys: pytest.CaptureFixture[str], written: str, told: str
) -> None:
    """Sphinx with -W lets all of them through: they are HTML to it."""
    (built / "page.html").write_text(written, encoding="utf-8")
    assert links.main([str(built)]) == 1
    assert told in capsys.readouterr().err


def test_a_site_without_its_example_is_not_whole(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (built / "night" / "index.html").unlink()
    (built / "index.html").write_text('<h1 id="top"></h1>', encoding="utf-8")
    assert links.main([str(built)]) == 1
    assert "night/index.html: the example night is not there" in capsys.readouterr().err


def test_what_leads_elsewhere_is_listed_and_nobody_is_asked(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (built / "page.html").write_text('<a href="https://nowhere.invalid/a#b">x</a>', encoding="utf-8")
    assert links.main([str(built)]) == 0
    assert "elsewhere: https://nowhere.invalid/a#b (page.html)" in capsys.readouterr().out


def test_ci_builds_the_site_with_its_example_and_walks_it() -> None:
    ini = ConfigParser(interpolation=None)
    ini.read(ROOT / "tox.ini", encoding="utf-8")
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "docs" in ini["tox"]["env_list"].split(", ")
    assert "pip install -q tox && tox\n" in run, "all of env_list"
    commands = ini["testenv:docs"]["commands"]
    places = [commands.index(each) for each in ("docs{/}example{/}night", "sphinx-build -W", "docs.links")]
    assert places == sorted(places)
