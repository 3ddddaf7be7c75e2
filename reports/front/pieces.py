"""What several sections say of a test: its title as a link, its marks, where it happened, where to look closer."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from bench.recording.aftermath import GONE, NOT_VERIFIED, REPORTED, UNSAFE, VERIFIED
from reports.front.shown import Links
from reports.markup import badge
from reports.outcome import Outcome
from reports.panels import readable
from reports.tables import Row

BENCH_CLASS = {VERIFIED: "pass", REPORTED: "unsure", NOT_VERIFIED: "alarm", GONE: "notrun"}
BENCH_WORDS = {
    VERIFIED: "bench verified safe", REPORTED: "bench reported off", NOT_VERIFIED: UNSAFE,
    GONE: "simulators gone",
}  # fmt: skip


def title(test: Outcome, links: Links) -> str:
    """A link to where everything of a test is told."""
    return f'<a href="{links.test(test)}">{escape(test.title)}</a>'


def bench_badge(test: Outcome) -> str:
    """How the bench was left, beside the verdict of the test and not mixed with it."""
    return f" {badge(BENCH_WORDS[test.bench], BENCH_CLASS[test.bench])}" if test.bench in BENCH_WORDS else ""


def waived(test: Outcome) -> str:
    """Beside the verdict, which stays what it is."""
    return f" {badge('waived', 'unsure')}" if test.waived else ""


def fault(test: Outcome) -> str:
    """The id in the fault catalogue of what ended the run, to search and to sort by."""
    return f"<code>{escape(test.cause['fault'])}</code>" if test.cause.get("fault") else ""


def place(cause: Mapping[str, Any]) -> str:
    """Say in which step and when something happened, as far as it is known."""
    step = f"step {cause['step']}" if cause.get("step") else ""
    moment = f"at {readable(cause['time'])}".replace(" ", "\N{NO-BREAK SPACE}") if cause.get("time") is not None else ""
    return ", ".join(part for part in (step, moment) if part)


def where(test: Outcome) -> str:
    """Where a test failed: a figure is judged when all is over, and about its step; only what tripped has a moment."""
    judged = {row.name for row in test.rows if row is not test.trip}
    of_a_figure = test.trip is None and test.cause.get("limit") in judged
    return place({**test.cause, "time": None} if of_a_figure else test.cause)


def told(test: Outcome) -> str:
    """The first cause, and what went wrong after it."""
    return "<br>".join([escape(test.reason), *(f"Then: {escape(cause['text'])}" for cause in test.later)])


def rows_of(test: Outcome, links: Links) -> Sequence[Row]:
    """The figures of a test that this page tells: all, or those that the test asked for where all are elsewhere."""
    return [row for row in test.rows if row.measurement is not None] if links.figures(test) else test.rows


def links_of(test: Outcome, links: Links) -> str:
    """Where to look closer."""
    targets = (
        ("interactive figure", links.interactive(test)),
        ("last minute", links.forensics(test)),
        ("Allure", f"{links.allure}#{test.allure_id}" if links.allure else None),
        ("recorded data", links.run(test)),
    )
    return " · ".join(f'<a href="{escape(url)}">{name}</a>' for name, url in targets if url)
