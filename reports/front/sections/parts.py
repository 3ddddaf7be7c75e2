"""Packs and stations, where there are several: the worst of each by temperature, and a page of each."""

from collections import Counter
from collections.abc import Mapping
from html import escape

from bench.verdicts import WORDS
from reports import markup
from reports.front.fields import grid
from reports.front.sections.matrix import by_temperature, temperature_in_words, worst_of
from reports.front.shown import Shown, parts
from reports.markup import CLASS
from reports.outcome import Outcome

ORDER = 15


def section(shown: Shown) -> str:
    """One row for each; every field leads to its page."""
    several = {} if shown.part else parts(shown.tests)
    across = list(by_temperature([test for tests in several.values() for test in tests]))
    rows = {name: _fields(by_temperature(tests), across, shown.links.parts[name]) for name, tests in several.items()}
    body = grid([temperature_in_words(each) for each in across], rows, "packs and stations")
    return markup.section("Packs and stations", body, "the worst of each; a click opens its own page")


def _fields(found: Mapping[float | None, list[Outcome]], across: list[float | None], page: str) -> list[list[str]]:
    return [[_field(found[each], page)] if each in found else [] for each in across]


def _field(tests: list[Outcome], page: str) -> str:
    verdict, margin = worst_of(tests)
    count = Counter(test.verdict for test in tests)[verdict]
    told = f"{count} of {len(tests)} {WORDS[verdict]}"
    number = f" {100 * margin:+.1f} %" if margin is not None else ""
    return f'<a class="cell {CLASS[verdict]}" href="{escape(page)}"><b>{told}</b>{number}</a>'
