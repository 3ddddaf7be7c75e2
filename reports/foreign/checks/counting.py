"""Counters that begin anew, or fall: what was joined is said, what has no meaning is not used."""

from collections.abc import Iterator

from reports.foreign.exam import Exam
from reports.foreign.source import Finding, counted

ORDER = 50


def resets(exam: Exam) -> Iterator[Finding]:
    """A counter of each step or cycle is joined, and said so once."""
    anew = {found.header: found.resets for found in exam.counted.values() if found.resets}
    if anew:
        listed = ", ".join(f"{header!r} {counted(times, 'time', 'times')}" for header, times in anew.items())
        yield Finding(
            "counters begin anew", f"Counters begin anew, as those of a step or a cycle do: {listed}; they are joined."
        )


def falls(exam: Exam) -> Iterator[Finding]:
    """A counter that falls and does not begin at zero again counts nothing that is known."""
    for label, found in exam.counted.items():
        if found.falls:
            yield Finding(
                "counters fall",
                f"{found.header!r} falls in {exam.row(found.first_fall)}"
                f"{f' and {found.falls - 1:,} more' if found.falls > 1 else ''} without beginning anew at zero: it is "
                "not used.",
                frozenset({label}),
            )


CHECKS = (resets, falls)
