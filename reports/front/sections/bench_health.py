"""The health of the bench on the front page: what each instrument and the bench itself went through, and its trend."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import isfinite

from reports import markup
from reports.front.shown import Shown
from reports.health.measures import BENCH, OF_THE_STATED, Health, of_all
from reports.markup import badge, cells, sparkline, table
from reports.nights.course import Course
from reports.nights.night import Night
from reports.panels import readable

ORDER = 85
NEAR = 50.0
"""% of a watchdog's time from which on it was a near miss."""
BEYOND = 100.0
"""% of the stated uncertainty from which on two meters do not agree: it takes one night to see."""
COUNTED = "/ 1"


@dataclass(frozen=True, slots=True)
class Reading:
    """One measure of one instrument this night, and in earlier ones, the oldest first."""

    instrument: str
    name: str
    value: float
    earlier: Sequence[float] = ()
    of_the_stated: float = 0.0
    """Of a difference of two meters, in % of the expanded uncertainty of both; 0 where they state none."""

    @property
    def course(self) -> Course:
        """All of them that are numbers."""
        return Course([each for each in (*self.earlier, self.value) if isfinite(each)])

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to tell: something that is counted and never happened."""
        return self.name.endswith(COUNTED) and not any((*self.earlier, self.value))

    @property
    def note(self) -> str:
        """What somebody should see at once."""
        if not isfinite(self.value):
            return "not known"
        if self.name.startswith("watchdog") and self.value >= NEAR:
            return "near miss"
        if self.name.endswith(COUNTED) and self.value:
            return "happened"
        if self.of_the_stated > BEYOND:
            return "beyond the stated uncertainty"
        course = self.course
        if not isfinite(course.noise):
            return ""
        return "stepped" if course.step else "drifts" if course.drift else ""


def readings(tonight: Health, earlier: Sequence[Night]) -> Iterator[Reading]:
    """Every measure of tonight, by instrument, with what earlier nights (the newest first) told of it."""
    past = [night.health for night in reversed(earlier)]
    for instrument in sorted(tonight, key=lambda name: (name != BENCH, name)):
        own = tonight[instrument]
        for name, value in own.items():
            if name.endswith(OF_THE_STATED):
                continue
            known = (night.get(instrument, {}).get(name) for night in past)
            stated = own.get(f"{name.rpartition(' / ')[0]}{OF_THE_STATED}", 0.0)
            yield Reading(instrument, name, value, tuple(each for each in known if each is not None), stated)


def section(shown: Shown) -> str:
    """Where nothing was recorded of any run it says so."""
    tests, earlier = shown.tests, shown.since.last.recent
    ran = [test for test in tests if test.manifest]
    if not ran:
        return ""
    found = list(readings(of_all(test.manifest for test in ran), earlier))
    mute = sum(not test.manifest.get("health") for test in ran)
    silent = f"<p>{mute} of {len(ran)} runs left nothing on it.</p>" if mute else ""
    loud = [each for each in found if not each.is_quiet]
    names = ("Instrument", "What", "Tonight", "Nights", "")
    told = table(names, "".join(map(_row, loud)))
    note = f"by instrument, with its trend over {len(earlier) + 1} nights" if earlier else "by instrument"
    return markup.section("Bench health", told + _quiet(found) + silent, note)


def _row(reading: Reading) -> str:
    title, unit = reading.name.rsplit(" / ", 1)
    note = badge(reading.note, "unsure") if reading.note else ""
    course = reading.course
    line = sparkline(course.values, None, course.band if isfinite(course.noise) else 0.0, course.step)
    told = cells(reading.instrument, title, _value(reading.value, unit))
    return f"<tr>{told}<td>{line}</td><td>{note}</td></tr>"


def _value(value: float, unit: str) -> str:
    if not isfinite(value):
        return "-"
    if unit == "1":
        return f"{value:.0f}"
    if unit == "s" and value >= 120:
        return readable(value)
    scale, shown = (1e3, f"m{unit}") if unit in {"s", "V"} and abs(value) < 1 else (1.0, unit)
    return f"{scale * value:.3g} {shown}"


def _quiet(found: Sequence[Reading]) -> str:
    """What is counted and did not happen, in a sentence each instrument can be found in."""
    quiet: dict[str, list[str]] = {}
    for each in found:
        if each.is_quiet:
            quiet.setdefault(each.name.rsplit(" / ", 1)[0], []).append(each.instrument)
    told = "; ".join(f"{what} ({', '.join(who)})" for what, who in quiet.items())
    return f"<p><small>None tonight, nor in the nights before: {escape(told)}.</small></p>" if told else ""
