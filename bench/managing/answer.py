"""What a manager answered, once it has been found to be what the contract says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any, Protocol


class NoAnswer(Exception):
    """A manager answered nothing, or nothing that the contract knows; one sentence. It is the manager's failure."""


class Manager(Protocol):
    """Whoever is asked."""

    def decide(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """Answer; raises `NoAnswer`."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """A `power` (W at the AC side, positive charges), departures that are `warned` of (s of the epoch), and a line."""

    power: float
    warned: frozenset[float] = frozenset()
    say: str = ""


def understood(answer: object) -> Answer:
    """Check an answer; raises `NoAnswer` for one that the contract does not know."""
    if not isinstance(answer, Mapping):
        raise NoAnswer(f"it answered {str(answer)[:60]!r}, which is no object.")
    power = answer.get("power")
    if isinstance(power, bool) or not isinstance(power, int | float) or not isfinite(power):
        raise NoAnswer(f"its power is {str(power)[:60]!r}, which is no finite number of W.")
    return Answer(float(power), _warned(answer), str(answer.get("say") or ""))


def _warned(answer: Mapping[str, Any]) -> frozenset[float]:
    try:
        departures = [each["departure"] for each in answer.get("warnings") or ()]
        return frozenset(datetime.fromisoformat(each).timestamp() for each in departures)
    except (TypeError, KeyError, ValueError, OverflowError) as error:
        shown = str(answer.get("warnings"))[:60]
        raise NoAnswer(f"its warnings are {shown!r}; they are objects, each with a departure.") from error


def parsed(body: bytes) -> Mapping[str, Any]:
    """An object in JSON; raises `NoAnswer` for anything else."""
    try:
        answer = json.loads(body)
    except ValueError as error:
        raise NoAnswer(f"it answered {body[:60]!r}, which is no JSON.") from error
    if not isinstance(answer, Mapping):
        raise NoAnswer(f"it answered {body[:60]!r}, which is no object.")
    return answer
