"""All tests, each to be opened: why it ended, its picture, its figures and how they went in the last nights."""

from collections.abc import Mapping
from html import escape

from bench.verdicts import FAILED
from reports import markup
from reports.front.pieces import bench_badge, links_of, rows_of, title, told, waived, where
from reports.front.shown import Links, Shown, anchor, on_this_page
from reports.markup import CLASS, cells, sparkline, table, verdict_badge
from reports.nights.course import Course
from reports.nights.night import Figure, Told, What, Who
from reports.outcome import Outcome
from reports.panels import readable
from reports.tables import Row, gaps_of, quantity, tightest

ORDER = 80
Courses = Mapping[tuple[Who, What], Course]


def section(shown: Shown) -> str:
    """Worst first, as they are given; where each has a page of its own, one line that leads there."""
    courses = shown.since.last.courses
    here = [test for test in shown.tests if _is_here(test, shown.links)]
    inside = "".join(details(test, shown.links, courses) for test in here)
    lines = [_line(test, shown.links) for test in shown.tests if not _is_here(test, shown.links)]
    rows = table(("", "Test", "Requirements", "Bench time"), shown.listed(lines))
    return markup.section("All tests", inside + rows + shown.more(len(lines)))


def _is_here(test: Outcome, links: Links) -> bool:
    return links.test(test) == on_this_page(test)


def _line(test: Outcome, links: Links) -> str:
    duration = readable(test.manifest.get("duration")) if test.manifest else ""
    return (
        f"<tr><td>{verdict_badge(test.verdict)}</td><td>{title(test, links)}{waived(test)}{bench_badge(test)}</td>"
        f"{cells(', '.join(test.requirements), duration)}</tr>"
    )


def details(test: Outcome, links: Links, courses: Courses, *, opened: bool = False) -> str:
    """Everything of one test."""
    picture = links.figure(test)
    image = f'<img loading="lazy" alt="{escape(test.title)}" src="{escape(picture)}">' if picture else ""
    said = f"{told(test)} {escape(where(test))}"
    reason = f'<p class="reason {CLASS[test.verdict]}">{said}</p>' if test.verdict != "PASS" else ""
    left = f'<p class="reason alarm">{escape(test.left)}</p>' if test.left else ""
    waiver = f'<p class="reason unsure">{escape(test.waiver)}</p>' if test.waiver else ""
    told_gaps = gaps_of(test.manifest)
    gaps = "".join(f'<p class="reason notrun">{escape(text)}</p>' for text in told_gaps)
    resumed = ' <span class="badge notrun">resumed after a gap</span>' if told_gaps else ""
    duration = readable(test.manifest.get("duration")) if test.manifest else ""
    requirements = escape(", ".join(test.requirements))
    return (
        f"<details{' open' if opened or test.verdict in FAILED.values() else ''}>"
        f"<summary>{verdict_badge(test.verdict)} {escape(test.title)} "
        f"<small>{requirements} {duration}</small>{waived(test)}{resumed}{bench_badge(test)}</summary>"
        # A link to what is inside opens it, without a script.
        f'<div id="{anchor(test)}">{left}{reason}{waiver}{gaps}<p>{links_of(test, links)}</p>{image}'
        f"{_figures(test, links, courses)}</div></details>"
    )


def _figures(test: Outcome, links: Links, courses: Courses) -> str:
    elsewhere, here = links.figures(test), rows_of(test, links)
    rows, who, nearest = "", Told.of(test).who, tightest(here)
    for row in here:
        course = courses.get((who, What(row.step, row.name)))
        past = "" if course is None else _past(course, row, brief=bool(elsewhere) and row is not nearest)
        margin = quantity(row.margin, row.unit, signed=True) if row.margin is not None else ""
        verdict = verdict_badge(row.verdict) if row.verdict else ""
        values = cells(row.name, quantity(row.value, row.unit), row.allowed, margin, row.step)
        source = f"<td><small>{escape(row.source)}</small></td>"
        rows += f"<tr>{values}<td>{verdict}</td><td>{past}</td>{source}</tr>"
    names = ("Quantity", "Value", "Allowed", "Margin", "Step", "", "Last nights", "Limit from")
    all_of_them = f'<p><a href="{escape(elsewhere)}">All {len(test.rows)} figures</a></p>' if elsewhere else ""
    return table(names, rows) + all_of_them


def _past(course: Course, row: Row, *, brief: bool) -> str:
    """How a figure went; where there is little room nobody is shown the straight line of one that only varies."""
    if brief and course.is_steady:
        return f"<small>steady, {len(course.values)} nights</small>"
    return sparkline(course.values, Figure.of(row).limit, course.band, course.step)
