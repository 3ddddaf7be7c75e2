"""How a name that nobody has is told: the one end of all such sentences."""

import difflib
from collections.abc import Iterable

NEAR = 0.6
"""Share of likeness from which on somebody may have meant it."""
MOST = 100
"""Names that anybody would read through."""


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
