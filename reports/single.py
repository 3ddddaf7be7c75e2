"""A report as one file for a mail: pictures are in it, and what lies beside it is no link any more.

Of few tests it is the page that leaves nothing out, of many the front page.
"""

import re
from base64 import b64encode
from pathlib import Path

from reports.front_page import mailed

_PICTURE = re.compile(r'src="([^"]+\.png)"')
_LINK = re.compile(r'<a (?:class="[^"]*" )?href="(?!#)[^"]*"[^>]*>(.*?)</a>')
_BACK = re.compile(r'<p class="back[^"]*">.*?</p>')
"""A way back to a page that a mail does not have."""


def single_file(index: Path) -> str:
    """The report of a front page with its pictures inlined; links to files beside it are left as words."""
    page = _BACK.sub("", mailed(index).read_text(encoding="utf-8"))
    return _LINK.sub(r"\1", _PICTURE.sub(lambda found: _inlined(index.parent, found), page))


def _inlined(folder: Path, found: "re.Match[str]") -> str:
    path = folder / found.group(1)
    if not path.is_file():
        return found.group(0)
    return f'src="data:image/png;base64,{b64encode(path.read_bytes()).decode("ascii")}"'
