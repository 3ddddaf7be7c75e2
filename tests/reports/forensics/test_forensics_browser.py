"""The last minute in a real browser: readable for everybody, in both lights, on a screen and on a telephone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reports.forensics.evidence import gather
from reports.forensics.shown import page as page_of

axe = pytest.importorskip("axe_playwright_python.sync_playwright")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_can_be_read_by_everybody(
    browser: Any, write_run: Callable[..., Path], tmp_path: Path, scheme: str, width: int
) -> None:
    run = write_run("test_weak_cell", weak_cell=0.35, soc=0.5, interval=5.0)
    evidence = gather(run)
    assert evidence is not None
    lines = "".join(f"{evidence.moment.time - back:12.3f} supply > {'X' * 300}\n" for back in range(30, 0, -1))
    (run / "transcript.log").write_text(lines, encoding="utf-8")
    found = gather(run)
    assert found is not None
    file = tmp_path / "minute.html"
    file.write_text(page_of("It", found), encoding="utf-8")
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    violations = axe.Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in violations] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "nothing is wider than the window"
    assert said == []
    page.close()
