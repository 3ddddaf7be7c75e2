"""Results as the Allure page of a report has them: what lies beside the page is not in it once more.

The static figure is shown from its file, which a page in one file can do from a disk as well. The interactive one is a
link: that page blocks its scripts. Allure shows such a link as text; `with_links` makes it one. With many tests what
hangs on those that passed stays with the recorded run, so that the page opens in seconds. Tests that failed or are
broken keep what somebody asks for next, as far as the page has room for it; all of them show the figure, the table and
the last minute in short, and lead to its page, which has the wire, the bus and every channel.
"""

import json
import re
from collections.abc import Callable, Mapping
from hashlib import md5
from pathlib import Path
from shutil import copyfile
from typing import Any

from reports.page import fill, write
from reports.results import FIGURE, FORENSICS, INTERACTIVE, MANIFEST, RECORDED, read_result

_PICTURE = re.compile(r'src="data:image/png;base64,[^"]*"')
_ORNAMENT = re.compile(r'(<tr) title="[^"]*"|(<t[hd]) style="[^"]*"')
"""What a table of figures can do without where there are many of them: most of its bytes."""
LOOKED_AT = ("failed", "broken")
"""Of many tests those whose attachments somebody opens; those that the bench broke are often many by one cause."""
ROOM = 8_000_000
"""Bytes of attachments in the page of many tests: some 80 tests'. Each takes a browser 25 ms, and a thousand no browser
opens."""
BULKY = (MANIFEST, RECORDED)
"""What even they leave with their recorded run: half of the bytes, and nobody reads it in Allure."""
OTHERS = ("categories.json", "environment.properties", "executor.json")
Place = Callable[[str, str], str | None]
"""Where a figure lies beside the page, by the id of its test and its kind, `png` or `html`."""


def allure_id(result: Mapping[str, Any]) -> str:
    """How Allure calls a test in its addresses."""
    return md5(str(result["uuid"]).encode(), usedforsecurity=False).hexdigest()


def lighten(results: Path, target: Path, place: Place, many: bool) -> None:
    """Copy results without what lies beside the page; where there are `many`, those that passed without attachments."""
    left = ROOM
    for path in sorted(results.glob("*-result.json"), key=_when_looked_at if many else None):
        if (result := read_result(path)) is None:
            continue
        _one(result, place, many)
        files = [file for entry in result["attachments"] if (file := results / entry["source"]).is_file()]
        size = sum(file.stat().st_size for file in files) if many else 0
        if size > left:
            result["attachments"], files, size = [], [], 0
        left -= size
        for file in files:
            copyfile(file, target / file.name)
        write(target / path.name, json.dumps(result, ensure_ascii=False))
    for path in (*results.glob("*-container.json"), *(results / name for name in OTHERS)):
        if path.is_file():
            copyfile(path, target / path.name)


def with_links(page: Path, folder: str) -> None:
    """Let the links of Allure's page to the files in `folder` beside it be followed; raises `OSError` from the disk."""
    kinds = json.dumps({INTERACTIVE: "html", FORENSICS: "minute.html"})
    # Behind its end, where browsers read on: the page may be large, and is not read for this.
    with page.open("a", encoding="utf-8") as file:
        file.write(fill("allure_links.html", {"kinds": kinds, "folder": folder}))


def _when_looked_at(path: Path) -> tuple[int, int]:
    """Failed tests first, then what the bench broke, each as they began."""
    result = read_result(path) or {}
    status = result.get("status")
    rank = LOOKED_AT.index(status) if status in LOOKED_AT else len(LOOKED_AT)
    return rank, int(result.get("start") or 0)


def _one(result: dict[str, Any], place: Place, many: bool) -> None:
    identity = allure_id(result)
    picture, figure, minute = (place(identity, kind) for kind in ("png", "html", "minute.html"))
    # The last minute is in Allure's page itself, but where there are many.
    there = {FIGURE: picture, INTERACTIVE: figure, FORENSICS: minute if many else None}
    kept = [entry for entry in result.get("attachments", ()) if not there.get(str(entry.get("name")))]
    if many:
        looked_at = result.get("status") in LOOKED_AT
        kept = [entry for entry in kept if looked_at and entry.get("name") not in BULKY]
    result["attachments"] = kept
    links = {INTERACTIVE: figure, FORENSICS: minute if many else None}
    told_of = [{"type": "figure", "name": name, "url": url} for name, url in links.items() if url]
    result["links"] = [*result.get("links", ()), *told_of]
    told = result.get("descriptionHtml")
    if told and picture:
        told = _PICTURE.sub(f'src="{picture}"', told)
    if told:
        result["descriptionHtml"] = _ORNAMENT.sub(r"\1\2", told) if many else told
