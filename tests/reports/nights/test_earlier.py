"""What a figure is laid over: the run of the same test, of the same specimen, in the last night of its station."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from allure_commons import model2

from reports import allure, results
from reports.nights.earlier import earlier_run
from reports.nights.night import Night, Told, Who
from reports.nights.store import History
from reports.recording import read_manifest


def kept(runs: Path, manifest: dict[str, Any], run: str, name: str = "2026-01-01", **others: Any) -> None:
    """A night in which the test of a manifest had this run."""
    who = Who.of(manifest["test"]["nodeid"], manifest)
    told = replace(Told(who.nodeid, "PASS", pack=who.pack, serial=who.serial, run=run), **others)
    station = manifest["station"]["name"]
    History(runs, station).keep(Night(name, f"{name}T02:00:00Z", station, tests=[told]))


@pytest.fixture
def two(write_run: Callable[..., Path], tmp_path: Path) -> tuple[Path, Path, dict[str, Any]]:
    """Two runs of a test below one folder of runs: the earlier one, the present one, and its manifest."""
    written, runs = write_run(), tmp_path / "all"
    then, now = (Path(shutil.copytree(written, runs / day / "020000-test")) for day in ("2026-01-01", "2026-01-02"))
    manifest = {**read_manifest(written), "run_id": "2026-01-02/020000-test"}
    (now / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    return then, now, manifest


def test_it_is_the_run_of_the_last_night(two: tuple[Path, Path, dict[str, Any]]) -> None:
    then, now, manifest = two
    kept(then.parents[1], manifest, "2026-01-01/020000-test")
    found = earlier_run(now, manifest)
    assert found is not None
    run, called = found
    assert len(run.rows) > 10
    assert called == "the night of 2026-01-01 02:00"


@pytest.mark.parametrize("other", [{"serial": "another"}, {"pack": "another"}, {"nodeid": "another"}])
def test_another_specimen_pack_or_test_is_none(two: tuple[Path, Path, dict[str, Any]], other: dict[str, str]) -> None:
    then, now, manifest = two
    kept(then.parents[1], manifest, "2026-01-01/020000-test", **other)
    assert earlier_run(now, manifest) is None


@pytest.mark.parametrize(
    ("others", "found"),
    [
        ([], True),
        ([{"pack": "another"}], True),
        ([{"serial": "another"}], True),
        ([{}], False),  # which of the two is this one's?
    ],
)
def test_of_a_joined_night_it_is_that_of_the_job_with_this_specimen(
    two: tuple[Path, Path, dict[str, Any]], others: list[dict[str, str]], *, found: bool
) -> None:
    then, now, manifest = two
    runs, station = then.parents[1], manifest["station"]["name"]
    who = Who.of(manifest["test"]["nodeid"], manifest)
    ours = Told(f"{who.nodeid} (warm)", "PASS", pack=who.pack, serial=who.serial, run="2026-01-01/020000-test")
    theirs = [replace(ours, nodeid=f"{who.nodeid} (cold)", run="2026-01-01/gone", **other) for other in others]
    History(runs, station).keep(Night("2026-01-01", "2026-01-01T02:00:00Z", station, tests=[*theirs, ours]))
    assert (earlier_run(now, manifest) is not None) == found


def test_nights_that_a_clock_has_put_into_the_future_are_none_before_it(
    two: tuple[Path, Path, dict[str, Any]],
) -> None:
    then, now, manifest = two
    for year in range(2090, 2095):
        kept(then.parents[1], manifest, "2026-01-01/020000-test", name=f"{year}-01-01")
    assert earlier_run(now, manifest) is None
    kept(then.parents[1], manifest, "2026-01-01/020000-test")
    found = earlier_run(now, manifest)
    assert found is not None
    assert found[1] == "the night of 2026-01-01 02:00"


def test_a_run_is_never_laid_over_itself_and_a_recording_that_is_gone_over_nothing(
    two: tuple[Path, Path, dict[str, Any]],
) -> None:
    then, now, manifest = two
    assert earlier_run(now, manifest) is None, "there is no night"
    kept(then.parents[1], manifest, "2026-01-02/020000-test", name="2026-01-02")
    assert earlier_run(now, manifest) is None
    kept(then.parents[1], manifest, "2026-01-01/020000-test")
    assert earlier_run(now, manifest) is not None, "the night before it is asked"
    shutil.rmtree(then)
    assert earlier_run(now, manifest) is None


def test_the_figure_in_the_results_has_it(two: tuple[Path, Path, dict[str, Any]], tmp_path: Path) -> None:
    then, now, manifest = two
    folder = tmp_path / "results"
    folder.mkdir()

    def figure() -> str:
        result = model2.TestResult(uuid="u", name="t")
        allure.present(result, now, folder)
        (found,) = [each for each in result.attachments if each.name == results.INTERACTIVE]
        return (folder / found.source).read_text(encoding="utf-8")

    assert '"before":null' in figure()
    kept(then.parents[1], manifest, "2026-01-01/020000-test")
    assert '"before":{"label":"the night of 2026-01-01 02:00"' in figure()
