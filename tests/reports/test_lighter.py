"""What Allure's page of a report has of results: nothing that lies beside it, and nothing blank."""

import json
from pathlib import Path
from typing import Any

import pytest

from reports.lighter import allure_id, lighten
from reports.results import FIGURE, INTERACTIVE
from reports.tables import as_html
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


def lightened(folder: Path, *, many: bool, places: dict[tuple[str, str], str] = PLACES) -> dict[str, Any]:
    source, target = folder / "source", folder / "target"
    for made in (source, target):
        made.mkdir()
    (source / "u-result.json").write_text(json.dumps(RESULT), encoding="utf-8")
    (source / "cut-result.json").write_text('{"uuid": "cut', encoding="utf-8")
    (source / "c-container.json").write_text("{}", encoding="utf-8")
    for entry in RESULT["attachments"]:
        (source / entry["source"]).write_text("body", encoding="utf-8")
    lighten(source, target, lambda *which: places.get(which), many)
    assert (source / "u-result.json").read_text(encoding="utf-8") == json.dumps(RESULT), "the results stay as they are"
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


def test_of_many_tests_the_table_has_its_figures_and_no_ornament(tmp_path: Path) -> None:
    found = lightened(tmp_path, many=True)
    assert found["attachments"] == []
    assert "2.3 Ah" in found["descriptionHtml"]
    assert len(found["descriptionHtml"]) < len(TABLE) / 2


def test_without_a_figure_beside_it_nothing_is_taken_away(tmp_path: Path) -> None:
    found = lightened(tmp_path, many=False, places={})
    assert found == RESULT
