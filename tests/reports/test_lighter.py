"""What Allure's page of a report has of results: nothing that lies beside it, and nothing blank."""

import json
from pathlib import Path
from typing import Any

import pytest

from reports.lighter import ROOM, allure_id, lighten
from reports.results import FIGURE, FORENSICS, INTERACTIVE, MANIFEST, RECORDED
from reports.tables import as_html
from tests.packbench.test_cli_gate import manifest
from tests.reports.test_front_page import GOOD, outcome

TABLE = as_html(outcome("PASS", GOOD).rows)
RESULT: dict[str, Any] = {
    "uuid": "u", "name": "t", "status": "passed", "steps": [{"name": "1. charge"}],
    "links": [{"type": "requirement", "url": "https://there/PB-1", "name": "PB-1"}],
    "descriptionHtml": f'{TABLE}<p><img alt="x" style="max-width:100%" src="data:image/png;base64,AAAA"></p>',
    "attachments": [
        {"name": FIGURE, "source": "a.png", "type": "image/png"},
        {"name": INTERACTIVE, "source": "a.html", "type": "text/html"},
        {"name": "KPIs", "source": "a.csv", "type": "text/csv"},
    ],
}  # fmt: skip
PLACES = {(allure_id(RESULT), kind): f"figures/x.{kind}" for kind in ("png", "html")}


def lightened(
    folder: Path, result: dict[str, Any] = RESULT, *, many: bool, places: dict[tuple[str, str], str] = PLACES
) -> dict[str, Any]:
    source, target = folder / "source", folder / "target"
    for made in (source, target):
        made.mkdir()
    (source / "u-result.json").write_text(json.dumps(result), encoding="utf-8")
    (source / "cut-result.json").write_text('{"uuid": "cut', encoding="utf-8")
    (source / "c-container.json").write_text("{}", encoding="utf-8")
    for entry in result["attachments"]:
        # A result whose manifest cannot be read is none.
        body = json.dumps(manifest(run="2026-01-01/1", value=2.3)) if entry["name"] == MANIFEST else "body"
        (source / entry["source"]).write_text(body, encoding="utf-8")
    lighten(source, target, lambda *which: places.get(which), many)
    assert (source / "u-result.json").read_text(encoding="utf-8") == json.dumps(result), "the results stay as they are"
    assert (target / "c-container.json").is_file()
    assert not (target / "cut-result.json").exists()
    found: dict[str, Any] = json.loads((target / "u-result.json").read_text(encoding="utf-8"))
    there = {path.name for path in target.iterdir()} - {"u-result.json", "c-container.json"}
    assert there == {entry["source"] for entry in found["attachments"]}
    return found


@pytest.mark.parametrize("many", [False, True])
def test_the_figure_is_shown_from_its_file_and_the_interactive_one_is_a_link(tmp_path: Path, many: bool) -> None:
    found = lightened(tmp_path, many=many)
    assert 'src="figures/x.png"' in found["descriptionHtml"]
    assert "base64" not in json.dumps(found)
    assert found["links"][0] == RESULT["links"][0]
    assert found["links"][1] == {"type": "figure", "name": INTERACTIVE, "url": "figures/x.html"}
    assert found["steps"] == RESULT["steps"]


def test_of_few_tests_everything_else_stays_attached(tmp_path: Path) -> None:
    found = lightened(tmp_path, many=False)
    assert [entry["name"] for entry in found["attachments"]] == ["KPIs"]
    assert TABLE in found["descriptionHtml"]


FAILED: dict[str, Any] = {
    **RESULT, "status": "failed",
    "attachments": [
        *RESULT["attachments"], {"name": FORENSICS, "source": "m.html", "type": "text/html"},
        {"name": MANIFEST, "source": "a.json", "type": "application/json"},
        {"name": RECORDED, "source": "a.parquet", "type": "application/vnd.apache.parquet"},
        {"name": "The wire in the last 60 s", "source": "wire.txt", "type": "text/plain"},
    ],
}  # fmt: skip


@pytest.mark.parametrize("status", ["failed", "broken"])
def test_of_many_tests_those_that_failed_keep_what_is_asked_for_next(tmp_path: Path, status: str) -> None:
    places = {**PLACES, (allure_id(RESULT), "minute.html"): "figures/x.minute.html"}
    found = lightened(tmp_path, {**FAILED, "status": status}, many=True, places=places)
    assert [entry["name"] for entry in found["attachments"]] == ["KPIs", "The wire in the last 60 s"]
    assert 'src="figures/x.png"' in found["descriptionHtml"]
    assert {"type": "figure", "name": FORENSICS, "url": "figures/x.minute.html"} in found["links"]


def test_where_a_thousand_failed_the_page_has_the_attachments_it_has_room_for_failed_before_broken(
    tmp_path: Path,
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for made in (source, target):
        made.mkdir()
    entry = {"name": "The wire in the last 60 s", "type": "text/plain"}
    for number in range(20):
        (source / f"{number}.txt").write_bytes(bytes(ROOM // 9))
        status = ("broken", "failed", "passed", "broken")[number % 4]
        result = {
            "uuid": f"{number}",
            "name": "It",
            "status": status,
            "start": -number,
            "attachments": [{**entry, "source": f"{number}.txt"}],
        }
        (source / f"{number}-result.json").write_text(json.dumps(result), encoding="utf-8")
    lighten(source, target, lambda _id, _kind: None, many=True)
    kept = sorted(int(path.stem) for path in target.glob("*.txt"))
    assert kept == [1, 5, 9, 12, 13, 15, 16, 17, 19], "all that failed, and of what is broken what began first"
    for path in target.glob("*-result.json"):
        listed = [entry["source"] for entry in json.loads(path.read_text(encoding="utf-8"))["attachments"]]
        assert all((target / name).is_file() for name in listed), "nothing blank"


def test_of_many_tests_the_table_has_its_figures_and_no_ornament(tmp_path: Path) -> None:
    found = lightened(tmp_path, many=True)
    assert found["attachments"] == []
    assert "2.3 Ah" in found["descriptionHtml"]
    assert len(found["descriptionHtml"]) < len(TABLE) / 2


def test_without_a_figure_beside_it_nothing_is_taken_away(tmp_path: Path) -> None:
    found = lightened(tmp_path, many=False, places={})
    assert found == RESULT
