"""The page a reviewer opens in the morning: verdicts, margins, what failed and why, and where to look closer.

One HTML file without scripts and without anything from elsewhere, so that it opens from a disk, a mail or a
CI artifact; figures lie beside it. It shows what `reports.outcome` found and decides nothing.
"""

from collections.abc import Sequence
from html import escape

from bench.recording.session_log import Session
from reports.front.head import head
from reports.front.sections import sections
from reports.front.shown import Links, Shown
from reports.nights.section import Since
from reports.outcome import Outcome
from reports.page import fill


def render(
    tests: Sequence[Outcome],
    links: Links,
    since: Since,
    problem: str | None = None,
    session: Session | None = None,
) -> str:
    """Write the page; `session` is what its counts, its state and the command to repeat tests are told from."""
    shown = Shown(tests, links, since, session)
    missing = f'<p class="problem">{escape(problem)}</p>' if problem else ""
    return fill("front_page.html", {**head(shown), "sections": missing + "".join(each(shown) for each in sections())})
