"""Whether the built site holds together: `python -m docs.links [SITE]` walks every page of it as a browser would.

Sphinx looks after the links that it writes itself; what stands as HTML in a page, and the report that is shown as an
example, nobody looks after. A page, file or anchor that is not there is an error. What leads elsewhere is listed, never
asked for.
"""

import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

SITE = Path("site")
LINKS = {"a": "href", "area": "href", "link": "href", "img": "src", "script": "src", "iframe": "src", "source": "src"}
DRAWN = {"allure.html"}
"""Pages whose places a script makes when they are opened."""
EXAMPLE = "night/index.html"
"""What the site promises to show."""


@dataclass
class Page(HTMLParser):
    """Where a page leads, and the places in it that one can lead to."""

    links: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what leads somewhere, and what has a name."""
        told = dict(attrs)
        self.anchors |= {name for name in (told.get("id"), told.get("name") if tag == "a" else None) if name}
        link = told.get(LINKS.get(tag, ""))
        if link:
            self.links.append(link)

    @classmethod
    def of(cls, path: Path) -> "Page":
        """Read it."""
        page = cls()
        page.feed(path.read_text(encoding="utf-8"))
        return page


@dataclass(frozen=True)
class Site:
    """Every page below a folder."""

    folder: Path
    pages: dict[Path, Page]

    @classmethod
    def at(cls, folder: Path) -> "Site":
        """Walk it."""
        root = folder.resolve()
        return cls(root, {path: Page.of(path) for path in sorted(root.rglob("*.html"))})

    @property
    def dead(self) -> list[str]:
        """A sentence for each link that leads nowhere."""
        return [told for path, page in self.pages.items() for link in dict.fromkeys(page.links) if (
            told := self._why_dead(path, link)
        )]  # fmt: skip

    @property
    def elsewhere(self) -> dict[str, str]:
        """Links to other hosts, and the first page that each stands on."""
        found: dict[str, str] = {}
        for path, page in self.pages.items():
            for link in page.links:
                if _leaves(link):
                    found.setdefault(link, path.relative_to(self.folder).as_posix())
        return found

    def _why_dead(self, path: Path, link: str) -> str:
        """Empty for one that leads somewhere."""
        parts, here = urlsplit(link), path.relative_to(self.folder).as_posix()
        if _leaves(link) or parts.scheme in {"data", "mailto", "javascript"}:
            return ""
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if not target.is_relative_to(self.folder):
            return f"{here}: links {link}, which is outside of the site."
        # A folder is shown as one: the recordings of a run, which the report leads to.
        if not target.exists():
            return f"{here}: links {link}, which is not there."
        page = None if target.name in DRAWN else self.pages.get(target)
        # An anchor of a page that a script writes (`#at=90`) is a message to that script.
        place = unquote(parts.fragment)
        if page is None or not place or "=" in place or place in page.anchors:
            return ""
        return f"{here}: links {link}, and {target.relative_to(self.folder).as_posix()} has no place of that name."


def _leaves(link: str) -> bool:
    parts = urlsplit(link)
    return bool(parts.netloc) and parts.scheme in {"", "http", "https"}


def main(arguments: list[str]) -> int:
    """Tell what is dead and what leads elsewhere; 0 where nothing is dead and the example is there, else 1."""
    site = Site.at(Path(arguments[0]) if arguments else SITE)
    dead = list(site.dead)
    if site.folder / EXAMPLE not in site.pages:
        dead.append(f"{EXAMPLE}: the example night is not there; `tox run -e docs` makes it before it builds the site.")
    for link, page in site.elsewhere.items():
        print(f"elsewhere: {link} ({page})")
    for told in dead:
        print(told, file=sys.stderr)
    count = sum(len(page.links) for page in site.pages.values())
    print(f"{len(site.pages)} pages, {count} links, {len(site.elsewhere)} of them elsewhere, {len(dead)} dead.")
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
