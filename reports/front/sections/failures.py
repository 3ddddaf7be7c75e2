"""What the pack, the charger or the energy manager did not reach: value, limit, margin, requirement, place."""

from html import escape

from reports import markup
from reports.front.pieces import fault, links_of, place, title, waived
from reports.front.shown import Links, Shown
from reports.markup import cells, table
from reports.outcome import Outcome
from reports.tables import Row, quantity

ORDER = 30
FAILURES = (
    ("FAIL", "Pack failures", "what the pack did that it must not, or did not reach"),
    ("CHARGER FAIL", "Charger failures", "what the charger did not do; the pack is not to blame"),
    ("MANAGER FAIL", "Energy manager failures", "what the manager asked for, or did not say; the pack is not to blame"),
)
"""Who failed, the section that lists it, and what it says."""
JUDGED = ("What", "Measured", "Allowed", "Margin")
"""What is told of a figure, by the names of its columns."""


def section(shown: Shown) -> str:
    """A list for each who has failed."""
    return "".join(_failures(shown.of(verdict), heading, note, shown) for verdict, heading, note in FAILURES)


def _failures(tests: list[Outcome], heading: str, note: str, shown: Shown) -> str:
    rows = [_failure(test, row, shown.links) for test in tests for row in test.violated or (None,)]
    names = ("Test", *JUDGED, "Where", "")
    return markup.section(heading, table(names, shown.listed(rows)) + shown.more(len(rows)), note)


def _failure(test: Outcome, row: Row | None, links: Links) -> str:
    """One violated measurement, or the cause that ended the run before anything was measured."""
    demands = ", ".join(test.requirements)
    where = place(test.cause)
    if row is None:
        told = f'<td colspan="4">{escape(test.reason)}</td>'
    else:
        margin = quantity(row.margin, row.unit, signed=True) if row.margin is not None and row.margin < 0 else ""
        told = cells(row.name, _measured(row), row.allowed, margin)
        where = f"step {row.step}" if row.step and row is not test.trip else where
        demands = "; ".join(filter(None, (demands, row.source)))
    return (
        f"<tr><td>{title(test, links)}{waived(test)}<br><small>{escape(demands)}</small> {fault(test)}</td>{told}"
        f"<td>{escape(where)}{_whose(row)}{_moment(test, row, links)}</td>"
        f"<td>{links_of(test, links)}</td></tr>"
    )


def _measured(row: Row) -> str:
    """The value, and what it is known to."""
    spread = f" ± {quantity(row.uncertainty, row.unit)}" if row.uncertainty else ""
    return f"{quantity(row.value, row.unit)}{spread}"


def _whose(row: Row | None) -> str:
    """The cell or sensor that decided it, and when."""
    if row is None or not row.decided:
        return ""
    return f"<br><b>{escape(row.decided['text'])}</b><br>{escape(place({'time': row.decided['time']}))}"


def _moment(test: Outcome, row: Row | None, links: Links) -> str:
    """A link to the moment in its interactive figure: of a limit that ended the run, or of the cell that decided."""
    figure = links.interactive(test)
    time = test.cause.get("time") if row is None or row is test.trip else row.decided.get("time")
    if figure is None or time is None:
        return ""
    cells = "&amp;cells" if row is not None and row.decided else ""
    return f'<br><a href="{escape(figure)}#at={float(time):.0f}{cells}">this moment</a>'
