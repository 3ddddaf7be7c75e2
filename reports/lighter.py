"""Results as the Allure page of a report has them: what lies beside the page is not in it once more.

The static figure is shown from its file, which a page in one file can do from a disk as well. The interactive one is a
link: that page blocks its scripts. With many tests what hangs on each stays with its recorded run, so that the page
opens in seconds.
"""

import json
import re
from collections.abc import Callable, Mapping
from hashlib import md5
from pathlib import Path
from shutil import copyfile
from typing import Any

from reports.results import FIGURE, FORENSICS, INTERACTIVE

_PICTURE = re.compile(r'src="data:image/png;base64,[^"]*"')
_ORNAMENT = re.compile(r'(<tr) title="[^"]*"|(<t[hd]) style="[^"]*"')
"""What a table of figures can do without where there are many of them: most of its bytes."""
OTHERS = ("categories.json", "environment.properties", "executor.json")
Place = Callable[[str, str], str | None]
"""Where a figure lies beside the page, by the id of its test and its kind, `png` or `html`."""


def allure_id(result: Mapping[str, Any]) -> str:
    """How Allure calls a test in its addresses."""
    return md5(str(result["uuid"]).encode(), usedforsecurity=False).hexdigest()


def lighten(results: Path, target: Path, place: Place, many: bool) -> None:
    """Copy results without what lies beside the page; of many tests without any attachment."""
    for path in results.glob("*-result.json"):
        try:
            result = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:  # a killed writer's
            continue
        _one(result, place, many)
        for entry in result.get("attachments", ()):
            if (results / entry["source"]).is_file():
                copyfile(results / entry["source"], target / entry["source"])
        (target / path.name).write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")
    for path in (*results.glob("*-container.json"), *(results / name for name in OTHERS)):
        if path.is_file():
            copyfile(path, target / path.name)


def _one(result: dict[str, Any], place: Place, many: bool) -> None:
    identity = allure_id(result)
    picture, figure, minute = (place(identity, kind) for kind in ("png", "html", "minute.html"))
    beside = {name for name, there in ((FIGURE, picture), (INTERACTIVE, figure)) if there}
    kept = [entry for entry in result.get("attachments", ()) if entry.get("name") not in beside]
    result["attachments"] = [] if many else kept
    # The last minute is in Allure's page itself, but where there are many.
    links = {INTERACTIVE: figure, FORENSICS: minute if many else None}
    told_of = [{"type": "figure", "name": name, "url": url} for name, url in links.items() if url]
    result["links"] = [*result.get("links", ()), *told_of]
    told = result.get("descriptionHtml")
    if told and picture:
        told = _PICTURE.sub(f'src="{picture}"', told)
    if told:
        result["descriptionHtml"] = _ORNAMENT.sub(r"\1\2", told) if many else told
