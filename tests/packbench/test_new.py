"""A repository of one's own: `packbench new`."""

import json
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.pack import load_pack
from bench.station import load_station
from bench.verdicts import InputError
from packbench.new import write_repository
from tests.bench.cli_support import packbench_here


def test_what_is_written_is_all_there_and_is_told(tmp_path: Path) -> None:
    answer = packbench_here("new", tmp_path / "my-bench", "--json")
    assert answer.status == 0
    told = json.loads(answer.out)
    assert Path(told["folder"]) == tmp_path / "my-bench"
    found = {path.relative_to(tmp_path / "my-bench").as_posix() for path in (tmp_path / "my-bench").rglob("*.*")}
    files = {
        ".github/workflows/nightly.yml", ".gitignore", "README.md", "pack.yaml", "station.yaml",
        "tests/test_charge.py", "tox.ini",
    }  # fmt: skip
    assert set(told["files"]) == files
    assert found == files | {".github"}
    assert [path.name for path in tmp_path.iterdir()] == ["my-bench"]


def test_a_person_is_told_how_to_go_on(tmp_path: Path) -> None:
    answer = packbench_here("new", tmp_path / "my-bench")
    assert "station.yaml" in answer.out
    assert "tox run -e tests" in answer.out


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    write_repository(tmp_path / "mine")
    assert load_station(str(tmp_path / "mine" / "station.yaml"))[0].name == "mine"


@settings(max_examples=30)
@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True) | st.sampled_from(["1e3", "null", "12", "no"]))
def test_whatever_its_name_it_can_be_read(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            write_repository(Path(folder) / name)
        except InputError:
            assert not name.strip(".")
            return
        station, _ = load_station(str(Path(folder) / name / "station.yaml"))
        assert (station.name, station.packs) == (name, ("pack.yaml",))
        assert load_pack(str(Path(folder) / name / "pack.yaml"))[0].name == f"{name}-pack"
        workflow = (Path(folder) / name / ".github" / "workflows" / "nightly.yml").read_text(encoding="utf-8")
        assert yaml.safe_load(workflow)["concurrency"]["group"] == name


@pytest.mark.parametrize(
    ("ci", "place"),
    [
        ("github", ".github/workflows/nightly.yml"),
        ("github-jobs", ".github/workflows/nightly.yml"),
        ("gitlab", ".gitlab-ci.yml"),
        ("jenkins", "Jenkinsfile"),
    ],
)
def test_the_nightly_is_that_of_the_ci_that_is_asked_for_and_of_no_other(tmp_path: Path, ci: str, place: str) -> None:
    answer = packbench_here("new", tmp_path / "mine", "--ci", ci, "--json")
    assert answer.status == 0, answer.err
    places = {".github/workflows/nightly.yml", ".gitlab-ci.yml", "Jenkinsfile"}
    assert places & set(json.loads(answer.out)["files"]) == {place}
    assert f"- `{place}` is the nightly" in (tmp_path / "mine" / "README.md").read_text(encoding="utf-8")


def test_a_ci_that_nobody_has_a_nightly_for_is_told_those_that_there_are(tmp_path: Path) -> None:
    answer = packbench_here("new", tmp_path / "mine", "--ci=travis")
    assert answer.status == 2
    assert "'travis' is not one of 'github', 'github-jobs', 'gitlab', 'jenkins'" in answer.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a b", "-x", "ä", "x" * 64, "a:b", "$name"])
def test_a_name_that_a_bench_cannot_have(tmp_path: Path, name: str) -> None:
    answer = packbench_here("new", tmp_path / name)
    assert answer.status == 2
    assert "is no name for a bench: allowed are" in answer.err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_has_something_in_it_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years")
    answer = packbench_here("new", tmp_path / "mine")
    assert (answer.status, "there is something already" in answer.err) == (2, True)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


def test_a_file_in_its_place_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("years")
    assert packbench_here("new", tmp_path / "mine").status == 2
    assert (tmp_path / "mine").read_text() == "years"


def test_a_folder_to_put_it_into_that_is_not_there(tmp_path: Path) -> None:
    answer = packbench_here("new", tmp_path / "nowhere" / "mine")
    assert answer.status == 2
    assert f"there is no folder {tmp_path / 'nowhere'}" in answer.err


def test_a_disk_that_refuses_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = Path.write_text

    def until_the_third(path: Path, text: str, **options: str) -> int:
        if path.name == "station.yaml":
            raise OSError(28, "No space left on device")
        return written(path, text, **options)

    monkeypatch.setattr(Path, "write_text", until_the_third)
    answer = packbench_here("new", tmp_path / "mine")
    assert answer.status == 2
    assert "cannot be written (No space left on device)" in answer.err
    assert list(tmp_path.iterdir()) == []
