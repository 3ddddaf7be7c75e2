"""`packbench picture` of a run with several pictures: a file for each, none lost, and all or none written."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reports import loss_map, managed_days
from reports.pictures import Picture
from reports.recording import Recording
from tests.bench.cli_support import Answer, packbench_here, record

PNG = b"\x89PNG\r\n"
Draws = Callable[..., None]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return record(tmp_path / "runs")


@pytest.fixture
def draws(monkeypatch: pytest.MonkeyPatch) -> Draws:
    """Have the run's roads draw these pictures."""

    def drawn(*pictures: Picture) -> None:
        def found(_run: Recording) -> Iterator[Picture]:
            yield from pictures

        monkeypatch.setattr(loss_map, "pictures", found)

    return drawn


def picture(run: Path, output: Path, *options: str) -> Answer:
    return packbench_here("picture", run, "--output", output, *options)


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def test_each_is_a_file_by_its_name_and_two_of_one_name_are_two_files(run: Path, out: Path, draws: Draws) -> None:
    """A road that is driven in two seasons has two maps of one name."""
    draws(
        *(Picture(name, PNG + bytes([at])) for at, name in enumerate(["Loss map, urban", "Other", "Loss map, urban"]))
    )
    answer = picture(run, out)
    assert answer.status == 0, answer.err
    assert written(out) == {
        "loss-map-urban.png": PNG + b"\0", "loss-map-urban-2.png": PNG + b"\2", "other.png": PNG + b"\1",
    }  # fmt: skip
    assert answer.out.count("\n") == 3
    assert picture(run, out, "--force").status == 0
    assert len(written(out)) == 3


def test_where_one_is_there_already_none_is_written(run: Path, out: Path, draws: Draws) -> None:
    draws(Picture("first", PNG), Picture("second", PNG))
    (out / "second.png").write_bytes(b"somebody's")
    answer = picture(run, out)
    assert answer.status == 2
    assert f"--output {out / 'second.png'}: it is there already; name another one, or add --force." in answer.err
    assert written(out) == {"second.png": b"somebody's"}
    assert picture(run, out, "--force").status == 0
    assert written(out) == {"first.png": PNG, "second.png": PNG}


def test_several_pictures_do_not_go_into_one_file(run: Path, out: Path, draws: Draws) -> None:
    draws(Picture("first", PNG), Picture("second", PNG))
    answer = picture(run, out / "one.png")
    assert answer.status == 2
    assert "the run has several pictures; give a folder." in answer.err
    assert written(out) == {}


def test_what_could_not_be_drawn_is_left_out_and_told_where_nothing_else_is_there(
    run: Path, out: Path, draws: Draws
) -> None:
    draws(Picture("lost", why="the road is not there any more."), Picture("there", PNG))
    assert picture(run, out).status == 0
    assert written(out) == {"there.png": PNG}
    draws(Picture("lost", why="the road is not there any more."), Picture("too", why="nor is this one"))
    answer = picture(run, out)
    assert answer.status == 2
    assert f"There is no picture of {str(run)!r}: the road is not there any more.\n" in answer.err


def test_a_folder_that_is_not_there_is_told(run: Path, out: Path, draws: Draws) -> None:
    draws(Picture("one", PNG))
    answer = picture(run, out / "nowhere")
    assert answer.status == 2
    assert f"--output {out / 'nowhere' / 'one.png'}: No such file or directory.\n" in answer.err


def test_machines_are_told_names_and_files(run: Path, out: Path, draws: Draws, monkeypatch: pytest.MonkeyPatch) -> None:
    draws(Picture("road", PNG))
    monkeypatch.setattr(managed_days, "pictures", lambda _run: [Picture("days", PNG)])
    answer = picture(run, out, "--json")
    assert json.loads(answer.out) == [
        {"name": name, "file": (out / f"{name}.png").as_posix()} for name in ("days", "road")
    ]
