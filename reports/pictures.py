"""Pictures of a run beside its figure: whoever has something to show of a kind of step draws one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture and what it is called; without one, `why` there is none. `text` is what was said meanwhile."""

    name: str
    png: bytes = b""
    why: str = ""
    text: str = ""
