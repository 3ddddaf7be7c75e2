"""Plays a week with a manager; what the files that an adversary leaves behind call."""

import json
from collections.abc import Sequence

from bench.managing.answer import Manager
from packbench.adversary.living import live
from packbench.adversary.managers import opened
from packbench.adversary.referee import Breach, counted
from packbench.adversary.space import Week


def replay(week: Week, manager: str) -> Sequence[Breach]:
    """Breaches of a manager (a name, a URL or a command) in a week, the first one first.

    Raises `InputError` for a manager that there is not, `BenchFault` for a process that somebody killed.
    """
    with opened(manager) as who:
        return played(week, who)


def played(week: Week, manager: Manager) -> Sequence[Breach]:
    """As `replay`, with a manager that is open."""
    return sorted(counted(live(week.plant(), manager)), key=lambda each: each.time)


TEMPLATE = '''"""Found by `packbench adversary`.

{text}
"""

from packbench.adversary import Away, Trouble, Week, replay

MANAGER = {manager}
WEEK = {week}


def test_the_manager_keeps_its_word() -> None:
    """{kind}."""
    assert not [str(each) for each in replay(WEEK, MANAGER)]
'''


def written(week: Week, manager: str, breach: Breach) -> str:
    """The test that replays a breach, as Python that stands alone."""
    return TEMPLATE.format(
        manager=_quoted(manager), week=spelt(week), text=_plain(breach.text), kind=breach.kind.capitalize()
    )


def _quoted(text: str) -> str:
    return json.dumps(text)


def _plain(text: str) -> str:
    return text.replace("\\", "/").replace('"', "'")


def spelt(week: Week) -> str:
    """A week as Python, what is as always left out, one argument a line."""
    usual = Week()
    lines = [
        f"    {name}={_listed(getattr(week, name))},"
        for name in Week.__dataclass_fields__
        if getattr(week, name) != getattr(usual, name)
    ]
    return "\n".join(["Week(", *lines, ")"])


def _listed(value: object) -> str:
    if isinstance(value, tuple):
        return "(\n" + "".join(f"        {each!r},\n" for each in value) + "    )"
    return json.dumps(value) if isinstance(value, str) else repr(value)
