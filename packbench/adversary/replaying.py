"""Plays a week with a manager; what the files that an adversary leaves behind call."""

import json
from collections.abc import Sequence

from bench.managing.answer import Manager
from packbench.adversary.home import Plant
from packbench.adversary.living import Lived, live
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
    return played_on(week.plant(), manager)


def played_on(plant: Plant, manager: Manager) -> Sequence[Breach]:
    """As `played`, on any days at any home."""
    return judged(live(plant, manager))


def judged(lived: Lived) -> Sequence[Breach]:
    """Breaches of days that were lived, the first one first."""
    return sorted(counted(lived), key=lambda each: each.time)


TEMPLATE = '''"""Found by `packbench adversary`.

{text}
{agreed}
On the plant model and on a bench: pytest {file} --station virtual-vehicle
"""

from packbench import ManagerFailure, Require, RunScenario
from packbench.adversary import Away, Trouble, Week, figures, on_the_bench, replay

MANAGER = {manager}
WEEK = {week}


def test_the_manager_keeps_its_word() -> None:
    """{kind}, by the plant model."""
    found = [str(each) for each in replay(WEEK, MANAGER)]
    if found:
        raise ManagerFailure(found[0])


def test_the_manager_keeps_its_word_on_the_bench(run_scenario: RunScenario, require: Require) -> None:
    """{kind}, on the bench."""
    run = run_scenario(*on_the_bench(WEEK, MANAGER))
    for figure, at_most in figures(run):
        require(figure, at_most=at_most)
'''


def written(week: Week, manager: str, breach: Breach, *, agreed: str = "", file: str = "FILE") -> str:
    """The test that replays a breach on the plant model and on a bench, as Python that stands alone.

    `agreed` is what a bench has said of it already, `file` the name that it will have.
    """
    return TEMPLATE.format(
        manager=_quoted(manager), week=spelt(week), text=_plain(breach.text), kind=breach.kind.capitalize(),
        agreed=_plain(agreed), file=_plain(file),
    )  # fmt: skip


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
