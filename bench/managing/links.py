"""How a manager is spoken to: each kind of link is a module of `kinds`, or an entry point of another package.

Which one is told by the word before the first colon of what a step calls its manager; without one that is known it is
asked over HTTP. A kind asks (`decide`), or shows what is and hears what is wanted meanwhile (`follow`), or both.
"""

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Protocol

from bench.managing import kinds
from bench.managing.request import Telling
from bench.verdicts import InputError
from instruments import extensions
from models.grid.charger import Charger

GROUP = "packbench.manager_links"
OTHERWISE = "http"
LOST = 5.0
"""s after which a lost link or manager is 0 W, on the clock of the bench."""
OFF = 60.0
"""s after which the outputs are off for one who is still lost, on the same clock: a rest is not yet that."""


@dataclass(frozen=True, slots=True)
class Mains:
    """The grid at the house's connection as a meter tells it: V between a phase and neutral, and Hz; nan: unknown."""

    volts: float
    hertz: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What a bench shows at a scan. Powers in W at the charger's AC side, positive ones charge the car.

    `time` is s from the beginning of the step, `epoch` s of the epoch as the step's days have it. `linked` is whether
    anybody may be heard, `charger` the one that the car hangs on. `volts` (V) and `amps` (A) are those of the car's
    terminals, `taken` and `given` the Wh that have gone each way. `kept` Wh are to stay in the car, `wanted` Wh to be
    in it at its next departure, as its own reckoning has it; None where it has none. `mains` is the grid; None where
    nobody measures it. `begun` is whether the step has, and `held` whether it is paused, outputs off: what is asked for
    meanwhile acts when it goes on, if who asked is still there, and time stands still until then.
    """

    time: float
    epoch: float
    linked: bool
    car: Telling
    charger: Charger
    power: float
    volts: float
    amps: float
    taken: float = 0.0
    given: float = 0.0
    kept: float | None = None
    wanted: float | None = None
    mains: Mains | None = None
    begun: bool = True
    held: bool = False

    @property
    def stands_still(self) -> bool:
        """Whether time does: nothing can flow."""
        return self.held or not self.begun


@dataclass(frozen=True, slots=True)
class Standing:
    """What is asked of the bench now: W, 0 where `problem` says what is wrong; `say` is a line for the record.

    `acting` is what the served box makes of it by functions of its own, W: a droop, a trip; None where it has none on.
    """

    power: float
    problem: str = ""
    say: str = ""
    acting: float | None = None


class Link(Protocol):
    """Between a bench and a manager. `live` is whether it follows; `says` is what whoever runs it should know.

    One that does not follow may have a `lost`: whether it knows, between two questions, that nobody would answer.
    """

    live: bool
    says: str

    def decide(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """Have it decide; raises `NoAnswer`, or `BenchFault` where somebody killed its process."""
        ...

    def follow(self, seen: Seen) -> Standing | None:
        """Show it what is, and hear what it wants; None from a link that is only heard when it was asked."""
        ...

    def close(self) -> None:
        """Hang up, and end what was started; may be called again."""
        ...


@dataclass(frozen=True, slots=True)
class LinkKind:
    """`words` stand before a colon; `open` takes all that was said, and whether real time passes beside (`beside`).

    It raises `InputError`, one sentence, for what cannot be a manager.
    """

    words: tuple[str, ...]
    open: Callable[[str, bool], Link]


def open_link(which: str, *, beside: bool = False) -> Link:
    """Open the link to the manager that a step calls `which`; raises `InputError`, one sentence, for what is none."""
    word, colon, _ = which.partition(":")
    own = _own()
    if colon and word in own:
        _refuse_another(word)
    elif colon and word in extensions.brought(GROUP):
        return _opened_elsewhere(word, which, beside)
    try:
        return own[word if colon and word in own else OTHERWISE].open(which, beside)
    except ImportError as error:
        raise InputError(
            f"A manager over {word} needs {error.name}: python3 -m pip install 'packbench[v2x]'."
        ) from error


def kind_of(which: str) -> str:
    """The first word of the kind of link that leads to `which`."""
    word, colon, _ = which.partition(":")
    if colon and word in _own():
        return _own()[word].words[0]
    return word if colon and word in extensions.brought(GROUP) else OTHERWISE


def _refuse_another(word: str) -> None:
    try:
        extensions.refuse_ours(GROUP, word, f"The link to managers {word}:")
    except extensions.ExtensionError as error:
        raise InputError(str(error)) from error


def _opened_elsewhere(word: str, which: str, beside: bool) -> Link:
    kind = _brought(word)
    try:
        return kind.open(which, beside)
    except SystemExit as error:  # it would end the session without a word
        where = extensions.where(extensions.brought(GROUP)[word][0], f"The link to managers {word}:")
        raise InputError(f"manager {which!r}: {where} ends the program ({error}) where it cannot be opened.") from error


def _brought(word: str) -> LinkKind:
    what = f"The link to managers {word}:"
    try:
        found = extensions.load(GROUP, word, what)
    except extensions.ExtensionError as error:
        raise InputError(str(error)) from error
    if not isinstance(found, LinkKind):
        where = extensions.where(extensions.brought(GROUP)[word][0], what)
        raise InputError(f"{where} is no LinkKind: make one of packbench's LinkKind.")
    return found


@cache
def _own() -> Mapping[str, LinkKind]:
    """Those of the folder `kinds`, by their words."""
    modules = [import_module(f"{kinds.__name__}.{each.name}") for each in pkgutil.iter_modules(kinds.__path__)]
    found: list[LinkKind] = [module.KIND for module in modules if hasattr(module, "KIND")]
    return {word: kind for kind in found for word in kind.words}
