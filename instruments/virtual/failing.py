"""A simulator whose own code fails: told with its name, as a failure of the bench, wherever it was called from."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class Owner(Protocol):
    """A part of a world."""

    @property
    def ports(self) -> Sequence[object]:
        """Where it touches the world."""
        ...


class SimulatorFailed(RuntimeError):
    """Code of a simulator raised something or gave a nonsense answer: no instrument, no pack and no test has failed."""


def failed(name: str, error: Exception) -> SimulatorFailed:
    """What is raised in the place of `error`, which came out of the simulator of the instrument `name`."""
    if isinstance(error, SimulatorFailed):  # one simulator has looked at what another one does
        return error
    who = f"The simulator of {name}" if name else "A simulator"
    text = str(error).strip() or "without a word"
    return SimulatorFailed(f"{who} failed by {type(error).__name__}: {text}; mend its code, or take another simulator.")


def whose(error: BaseException, parts: Mapping[str, Owner]) -> str:
    """Name of the part whose code, or whose port's, was entered or asked last on the way to `error`; empty: of none."""
    owners = {id(each): name for name, part in parts.items() for each in (part, *part.ports)}
    found, at = "", error.__traceback__
    while at is not None:
        named = (at.tb_frame.f_locals.get(each) for each in ("self", "part"))
        found = next((owners[id(each)] for each in named if id(each) in owners), found)
        at = at.tb_next
    return found
