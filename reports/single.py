"""The front page as one file for a mail: pictures are in it, and what lies beside it is no link any more."""

import re
from base64 import b64encode
from pathlib import Path

_PICTURE = re.compile(r'src="([^"]+\.png)"')
_LINK = re.compile(r'<a (?:class="[^"]*" )?href="(?!#)[^"]*"[^>]*>(.*?)</a>')


def single_file(index: Path) -> str:
    """The page of a report with its pictures inlined; links to files beside it are left as words."""
    page = index.read_text(encoding="utf-8")
    return _LINK.sub(r"\1", _PICTURE.sub(lambda found: _inlined(index.parent, found), page))


def _inlined(folder: Path, found: "re.Match[str]") -> str:
    path = folder / found.group(1)
    if not path.is_file():
        return found.group(0)
    return f'src="data:image/png;base64,{b64encode(path.read_bytes()).decode("ascii")}"'
