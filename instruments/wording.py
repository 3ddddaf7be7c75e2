"""What sentences have in common: how a name that nobody has is told, how a number is written, and its article."""

import difflib
from collections.abc import Iterable

NEAR = 0.6
"""Share of likeness from which on somebody may have meant it."""
MOST = 100
"""Names that anybody would read through."""
WRITTEN_OUT = 1e9
"""Below which a whole number is written out: nobody reads a power of ten."""
ALL_DIGITS = 17
"""Significant ones, of which no two numbers have the same."""


def digits(value: float, count: int = 6) -> str:
    """A number in so many significant digits, as people read it: `276000`, where %g has `2.76e+05`."""
    text = f"{value:.{count}g}"
    return f"{float(text):.0f}" if "e+" in text and abs(value) < WRITTEN_OUT else text


def unlike(value: float, other: float, count: int = 4) -> tuple[str, str]:
    """Two numbers in as many significant digits as it takes to tell them apart, in `count` at least."""
    told = digits(value, count), digits(other, count)
    alike = told[0] == told[1] and value != other and count < ALL_DIGITS  # what is no number reads alike with all
    return unlike(value, other, count + 1) if alike else told


def with_article(words: str) -> str:
    """`a power`, `an energy`."""
    return f"{'an' if words[:1].lower() in {'a', 'e', 'i', 'o', 'u'} else 'a'} {words}"


def near(name: str, names: Iterable[str], likeness: float = NEAR) -> str:
    """The name that somebody may have meant by one that nobody has; empty where none is near."""
    return next(iter(difflib.get_close_matches(name, names, n=1, cutoff=likeness)), "")


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Finish a sentence with the nearest valid name, or with all of them when none is near."""
    names = sorted(allowed)
    close = near(name, names)
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    listed = f"allowed: {', '.join(names[:MOST]) or 'none'}{more}"
    return f"did you mean {close!r}? ({listed})" if close else listed
