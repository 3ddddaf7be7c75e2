"""How a name that nobody has is told: the one end of all such sentences."""

import difflib
from collections.abc import Iterable

NEAR = 0.6
"""Share of likeness from which on somebody may have meant it."""
MOST = 100
"""Names that anybody would read through."""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Finish a sentence with the nearest valid name, or with all of them when none is near."""
    names = sorted(allowed)
    close = difflib.get_close_matches(name, names, n=1, cutoff=NEAR)
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    listed = f"allowed: {', '.join(names[:MOST]) or 'none'}{more}"
    return f"did you mean {close[0]!r}? ({listed})" if close else listed
