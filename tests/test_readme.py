"""What the README promises, taken from the README: its station, its first test, its commands."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language: str, beginning: str) -> str:
    """The fenced block of `language` that begins with `beginning`."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)
    found = [text for text in blocks if text.startswith(beginning)]
    assert len(found) == 1, f"the README has {len(found)} {language} blocks that begin with {beginning!r}"
    return found[0]


def run_suite(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def manifests(runs: Path) -> list[dict[str, object]]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in runs.glob("*/*/run.json")]


@pytest.fixture
def my_bench(tmp_path: Path) -> Path:
    path = tmp_path / "my-bench.yaml"
    path.write_text(block("yaml", "schema: 1"), encoding="utf-8")
    return path


def test_the_station_of_the_readme_runs_the_suite(my_bench: Path, tmp_path: Path) -> None:
    results = ["--runs", tmp_path / "runs", "--alluredir", tmp_path / "allure"]
    done = run_suite("test_cases/test_resistance.py", "--station", my_bench, "--temperatures=25", *results)
    assert done.returncode == 0, done.stdout
    [manifest] = manifests(tmp_path / "runs")
    assert manifest["verdict"] == "PASS"
    assert manifest["station"]["name"] == "my-bench"  # type: ignore[index]
    assert manifest["bench_verdict"]["safe"]  # type: ignore[index]


def test_the_first_test_of_the_readme_passes(tmp_path: Path) -> None:
    case = tmp_path / "test_my_first.py"
    case.write_text(block("python", "# test_cases/test_my_first.py"), encoding="utf-8")
    done = run_suite(case, "--temperatures=25", "--runs", tmp_path / "runs", "--alluredir", tmp_path / "allure")
    assert done.returncode == 0, done.stdout
    [manifest] = manifests(tmp_path / "runs")
    assert manifest["test"]["title"] == "Charge at C/3 after a night at 25 °C"  # type: ignore[index]


def test_every_driver_of_the_table_is_registered_and_every_registered_one_is_in_the_table() -> None:
    from instruments.registry import driver_names

    assert set(re.findall(r"^\| `([a-z0-9-]+)` \|", README, flags=re.MULTILINE)) == set(driver_names())


def test_every_picture_and_document_that_it_links_is_there() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
