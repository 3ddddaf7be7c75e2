"""The page a reviewer opens in the morning: verdicts, margins, what failed and why, and where to look closer.

HTML without scripts and without anything from elsewhere, so that it opens from a disk, a mail or a CI artifact; figures
lie beside it. It shows what `reports.outcome` found and decides nothing. Up to `FEW` tests are told on the page itself
with the figures that they asked for, and on one page beside it with all that were computed, which are five times as
many. With more, each has a page of its own, the front page has the worst of every list, the page beside it everything.
Where there are several packs or stations, each has a page like the front page.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from html import escape
from pathlib import Path

from bench.recording.session_log import Session
from reports.front.head import head
from reports.front.sections import sections
from reports.front.sections.tests import details
from reports.front.shown import Links, Shown, anchor, parts, since_of
from reports.nights.section import Since
from reports.outcome import Outcome
from reports.page import fill
from reports.page import write as write_page

FEW, LISTED = 45, 40
"""Tests that are told on the front page itself; rows of each of its lists where there are more."""
INDEX, EVERYTHING, PARTS, TESTS = "index.html", "everything.html", "packs", "tests"


def render(
    tests: Sequence[Outcome],
    links: Links,
    since: Since,
    problem: str | None = None,
    session: Session | None = None,
) -> str:
    """Write the page; `session` is what its counts, its state and the command to repeat tests are told from."""
    return _page(Shown(tests, links, since, session), problem)


def write(
    folder: Path, tests: Sequence[Outcome], links: Links, since: Since, problem: str | None, session: Session | None
) -> Path:
    """Write the front page and all pages beside it into `folder`; returns the front page."""
    several = parts(tests)
    many = len(tests) > FEW
    links = replace(links, parts={name: f"{PARTS}/{_file(name)}" for name in several})
    if many:
        front = replace(links, test=lambda test: place(test, many), everything=EVERYTHING)
    else:
        front = replace(links, figures=_elsewhere)
    shown = Shown(tests, front, since, session)
    _write(folder / INDEX, _page(replace(shown, most=LISTED if many else None), problem))
    if many or any(map(_elsewhere, tests)):
        whole = replace(front if many else links, everything="", back=INDEX)
        _write(folder / EVERYTHING, _page(replace(shown, links=whole), problem))
    if many:
        _write_tests(folder / TESTS, shown)
    _write_parts(folder / PARTS, shown, several)
    return folder / INDEX


def mailed(index: Path) -> Path:
    """The page that goes into a mail: of few tests the one that leaves nothing out, of many the front page."""
    whole = index.with_name(EVERYTHING)
    return whole if whole.is_file() and not index.with_name(TESTS).is_dir() else index


def _elsewhere(test: Outcome) -> str:
    """Where all figures of one of few tests are told, if it has more than the front page tells."""
    return "" if all(row.measurement is not None for row in test.rows) else f"{EVERYTHING}#{anchor(test)}"


def place(test: Outcome, many: bool) -> str:
    """Where everything of a test is told, from the folder of the front page."""
    return f"{TESTS}/{anchor(test)}.html" if many else f"{INDEX}#{anchor(test)}"


def _write_parts(folder: Path, shown: Shown, several: Mapping[str, Sequence[Outcome]]) -> None:
    below = shown.links.from_below()
    for name, tests in several.items():
        part = replace(shown, tests=tests, links=below, since=since_of(shown.since, tests), part=name)
        _write(folder / _file(name), _page(part, None))


def _write_tests(folder: Path, shown: Shown) -> None:
    """One page for each test, with the way back."""
    below, courses = shown.links.from_below(), shown.since.last.courses
    here = replace(below, test=lambda test: f"{anchor(test)}.html")
    back = f'<p class="subtitle"><a href="{escape(here.back)}">The whole session</a></p>'
    nothing = dict.fromkeys(("alarm", "counts", "bench", "subtitle", "chips", "allure"), "")
    for test in shown.tests:
        told = f"<section>{details(test, here, courses, opened=True)}</section>"
        parts_of = {**nothing, "headline": escape(test.title), "back": back, "sections": told}
        _write(folder / f"{anchor(test)}.html", fill("front_page.html", parts_of))


def _page(shown: Shown, problem: str | None) -> str:
    missing = f'<p class="problem">{escape(problem)}</p>' if problem else ""
    return fill("front_page.html", {**head(shown), "sections": missing + "".join(each(shown) for each in sections())})


def _file(name: str) -> str:
    """A name for the disk; of two packs never the same."""
    plain = re.sub(r"[^\w-]+", "-", name.lower()).strip("-")[:60]
    return f"{plain}-{sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:6]}.html"


def _write(path: Path, page: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_page(path, page)
