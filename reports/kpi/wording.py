"""Templates of what a KPI is called and how it is defined: filled with what it was computed with, and recognised again.

`dc resistance {at:g} s` is filled with `at=10` as *dc resistance 10 s*. A placeholder's specification is that of
`format`, or `percent` (a share of 1 as a number of percent), or what it may be, as in `{way:charge|discharge}`.
What has no word stays as it is written, so that a formula in braces may stand in a definition.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import product

_PLACEHOLDER = re.compile(r"\{(\w+)(?::([^{}]*))?\}")
_NUMBER = r"-?\d+(?:\.\d+)?(?:e[-+]\d+)?"
PERCENT, EITHER = "percent", "|"


def fill(template: str, words: Mapping[str, object]) -> str:
    """The template with every placeholder that has a word filled in; raises what `format` raises."""

    def filled(place: re.Match[str]) -> str:
        name, spec = place[1], place[2] or ""
        if name not in words:
            return place[0]
        if spec == PERCENT:
            return f"{100 * float(str(words[name])):g}"
        return str(words[name]) if EITHER in spec else format(words[name], spec)

    return _PLACEHOLDER.sub(filled, template)


@cache
def pattern_of(template: str) -> re.Pattern[str]:
    """What the template can come out as: a number for each placeholder, or one of its words."""
    parts, end = [], 0
    for place in _PLACEHOLDER.finditer(template):
        spec = place[2] or ""
        choice = "|".join(map(re.escape, spec.split(EITHER))) if EITHER in spec else _NUMBER
        parts += [re.escape(template[end : place.start()]), f"(?:{choice})"]
        end = place.end()
    return re.compile("".join(parts) + re.escape(template[end:]))


def examples_of(template: str, words: Mapping[str, object]) -> Iterator[str]:
    """What it comes out as with these words, once for each choice of its own."""
    choices = {
        place[1]: place[2].split(EITHER) for place in _PLACEHOLDER.finditer(template) if EITHER in (place[2] or "")
    }
    for chosen in product(*choices.values()):
        yield fill(template, {**words, **dict(zip(choices, chosen, strict=True))})


def numbers_in(template: str, text: str) -> dict[str, float]:
    """The numbers that a text was filled with, by their words; none where it is not one of this template."""
    parts, end = [], 0
    for place in _PLACEHOLDER.finditer(template):
        spec = place[2] or ""
        choice = "|".join(map(re.escape, spec.split(EITHER))) if EITHER in spec else f"(?P<{place[1]}>{_NUMBER})"
        parts += [re.escape(template[end : place.start()]), f"(?:{choice})"]
        end = place.end()
    found = re.fullmatch("".join(parts) + re.escape(template[end:]), text)
    shares = {place[1] for place in _PLACEHOLDER.finditer(template) if place[2] == PERCENT}
    asked = {} if found is None else {name: float(value) for name, value in found.groupdict().items()}
    return {name: value / 100 if name in shares else value for name, value in asked.items()}
