"""What has changed since the last night, and against a baseline, as the front page tells it before everything else."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import isfinite

from bench.verdicts import NOT_RUN, WORDS
from reports.markup import badge, section, sparkline, table
from reports.nights.changes import Change, Changed, Kind
from reports.nights.night import Figure, Night, Told
from reports.provenance import Difference
from reports.tables import quantity

CLASS = {
    Kind.REGRESSED: "fail", Kind.FELL: "unsure", Kind.FAILING: "fail", Kind.UNJUDGED: "bench", Kind.FIXED: "pass",
    Kind.NEW: "notrun", Kind.GONE: "notrun",
}  # fmt: skip
TOLD = ("What", "Then", "Now", "Margin", "At this rate")
"""What is told of a change in words, by the names of its columns."""
SHOWN = 200
"""Rows that somebody reads; a pack that is new has as many as there are tests."""


@dataclass(frozen=True)
class Since:
    """What changed against the last night, and against a night that somebody gave a name.

    `unkept` says why this night is none to be compared with later; `unreadable` how many files of history hold none.
    """

    last: Changed
    baseline: Changed | None = None
    name: str = ""
    unkept: str = ""
    unreadable: int = 0
    differences: Sequence[Difference] = ()
    """Of files and instruments, against the last night."""


def headline(changed: Changed) -> str:
    """How many of each kind, for the head of the page; empty where there is nothing to compare with."""
    if changed.before is None:
        return ""
    counts = Counter(change.kind for change in changed.changes)
    told = ", ".join(f"{counts[kind]} {kind}" for kind in Kind if counts[kind] and kind is not Kind.NEW)
    return f"Since {changed.before.day} UTC: {told or 'nothing has changed'}."


@dataclass(frozen=True)
class Listed:
    """How a list of changes is shown: where each test is told, by node id, how many rows, and where the others are."""

    links: Mapping[str, str]
    most: int = SHOWN
    everything: str = ""

    def more(self, count: int) -> str:
        """What is said of the rows beyond."""
        here = f', <a href="{escape(self.everything)}">on the page of everything</a>' if self.everything else ""
        return f"<p>and {count - self.most} more{here}.</p>" if count > self.most else ""


def what_changed(since: Since, listed: Listed) -> str:
    """The section, and one against the baseline where there is one."""
    return "".join((
        _compared(since.last, f"What changed since {_night(since.last.before)}", listed, _notes(since)),
        "" if since.baseline is None else _compared(
            since.baseline, f"Against {since.name}, {_night(since.baseline.before)}", listed, "",
        ),
    ))  # fmt: skip


def _notes(since: Since) -> str:
    told = []
    if since.unkept:
        told.append(f"This session does not count for later ones: {since.unkept}.")
    if since.unreadable:
        several = f"{since.unreadable} files of the history hold no night and were passed over."
        told.append(several if since.unreadable > 1 else "1 file of the history holds no night and was passed over.")
    return "".join(f"<p><small>{escape(each)}</small></p>" for each in told)


def _night(night: Night | None) -> str:
    if night is None:
        return ""
    return f"{night.day} UTC{f', revision {night.git}' if night.git else ''}"


def _compared(changed: Changed, title: str, listed: Listed, notes: str) -> str:
    if changed.before is None:
        return section("What changed", f"<p>There is no earlier night of this station to compare with.</p>{notes}")
    alone = _told_alone(changed.changes)
    rows = _without_verdict(changed.changes, listed)
    rows += "".join(_row(change, listed.links) for change in alone[: listed.most])
    nothing = "<p>No verdict has changed, and no margin fell by more than it varies anyway.</p>"
    names = ("", "Test", *TOLD, "Nights")
    return section(title, (table(names, rows, "changes") + listed.more(len(alone)) if rows else nothing) + notes)


def _told_alone(changes: Sequence[Change]) -> list[Change]:
    """Tests that are new on a station are not told one by one: they are all below; nor those that one fault ended."""
    return [change for change in changes if change.kind not in (Kind.NEW, Kind.UNJUDGED)]


def _without_verdict(changes: Sequence[Change], listed: Listed) -> str:
    """One row for all tests that have no verdict by the same fault."""
    found = [change for change in changes if change.kind is Kind.UNJUDGED]
    by_fault: dict[str, list[Change]] = {}
    for change in found:
        by_fault.setdefault(change.test.fault or change.test.verdict, []).append(change)
    return "".join(_ended_by(fault, ended, listed) for fault, ended in by_fault.items())


def _ended_by(fault: str, ended: Sequence[Change], listed: Listed) -> str:
    several = f"{len(ended)} tests" if len(ended) > 1 else "1 test"
    tests = ", ".join(_named(change.test, listed.links) for change in ended[: listed.most]) + listed.more(len(ended))
    reason = ended[0].test.reason
    then = Counter(_verdict(change.earlier) for change in ended)
    told = _cells(fault, ", ".join(f"{count} {verdict}" for verdict, count in then.items()), _verdict(ended[0].test))
    kind = badge(Kind.UNJUDGED, CLASS[Kind.UNJUDGED])
    return f"<tr><td>{kind}</td><td>{several}: {tests}<br><small>{escape(reason)}</small></td>{told}<td></td></tr>"


def _cells(*texts: str) -> str:
    """Cells of `TOLD`, the last of them empty where nothing is told."""
    return "".join(f"<td>{escape(text)}</td>" for text in (*texts, *[""] * (len(TOLD) - len(texts))))


def _named(test: Told, links: Mapping[str, str]) -> str:
    title, place = escape(test.title or test.nodeid), links.get(test.nodeid)
    return f'<a href="{place}">{title}</a>' if place else title


def _row(change: Change, links: Mapping[str, str]) -> str:
    figure, then = change.figure, change.figure_then
    named = _named(change.test, links)
    since = f"<br><small>since {escape(_night(change.since))}</small>" if change.since else ""
    told = _cells(
        figure.name if figure else "", quantity(then.value, then.unit) if then else _verdict(change.earlier),
        _now(change), _margins(change), left(change),
    )  # fmt: skip
    kind = badge(change.kind, CLASS[change.kind])
    return f"<tr><td>{kind}</td><td>{named}{since}{_why(change)}</td>{told}<td>{_course(change)}</td></tr>"


def _now(change: Change) -> str:
    """What it is tonight; what did not run is nothing, whatever it was."""
    if change.kind is Kind.GONE:
        return WORDS[NOT_RUN]
    return quantity(change.figure.value, change.figure.unit) if change.figure else _verdict(change.test)


def _verdict(test: Told | None) -> str:
    """In the words of the rest of the page; nights may hold verdicts of another version."""
    return "" if test is None else WORDS.get(test.verdict, test.verdict)


def _why(change: Change) -> str:
    """What is said of a test that failed."""
    told = change.kind in (Kind.REGRESSED, Kind.FAILING) and change.test.reason
    return f"<br><small>{escape(change.test.reason)}</small>" if told else ""


def _margins(change: Change) -> str:
    both = (change.figure_then, change.figure)
    return " → ".join(_margin(figure) for figure in both if figure and figure.margin is not None)


def _margin(figure: Figure) -> str:
    """As a part of the limit, where that is not 0."""
    if figure.limit and figure.share is not None:
        return f"{100 * figure.share:+.1f} %"
    return quantity(figure.margin, figure.unit, signed=True)


def left(change: Change) -> str:
    """When the limit is reached, if the nights go on like the last ones; how many told it."""
    nights, course = change.nights_left, change.course
    if not isfinite(nights) or course is None or change.kind is not Kind.FELL:
        return ""
    count = len(course.values) - (course.step or 0)
    number = f"{nights:.0f}" if nights >= 1.5 else "1"
    return f"reaches its limit in about {number} night{'' if number == '1' else 's'} (by the last {count})"


def _course(change: Change) -> str:
    course, figure = change.course, change.figure
    if course is None or figure is None:
        return ""
    return sparkline(course.values, figure.limit, course.band, course.step)
