"""What a manager answered, once it has been found to be what the contract says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import inf, isfinite, nan
from typing import Any, Protocol

from bench.plain import plain

LONGEST_SAY = 200
"""Characters of what it says that are recorded."""


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
        raise NoAnswer(f"it answered {_shown(answer)}, which is no object.")
    return Answer(_power(answer.get("power")), _warned(answer), _said(answer.get("say")))


def _power(told: object) -> float:
    try:
        power = float(told) if isinstance(told, int | float) and not isinstance(told, bool) else nan
    except OverflowError:  # an integer may have any number of digits
        power = inf
    if not isfinite(power):
        raise NoAnswer(f"its power is {_shown(told)}, which is no finite number of W.")
    return power


def _said(told: object) -> str:
    """One line: it goes into a record and a report, whatever it is."""
    said = plain(_text(told)) if told else ""
    return said if len(said) <= LONGEST_SAY else f"{said[: LONGEST_SAY - 1]}…"


def _shown(told: object) -> str:
    return repr(_text(told)[:60])


def _text(told: object) -> str:
    try:
        return str(told)
    except ValueError:  # Python writes no integer of more than 4300 digits
        return "an integer of thousands of digits"


def _warned(answer: Mapping[str, Any]) -> frozenset[float]:
    try:
        departures = [datetime.fromisoformat(each["departure"]) for each in answer.get("warnings") or ()]
    except (TypeError, KeyError, ValueError) as error:
        shown = _shown(answer.get("warnings"))
        raise NoAnswer(f"its warnings are {shown}; they are objects, each with a departure.") from error
    for each in departures:
        if each.tzinfo is None:  # whose local time it is would be a guess, and another one on each machine
            raise NoAnswer(f"it warns of a departure at {each.isoformat()}, which has no offset from UTC.")
    return frozenset(each.timestamp() for each in departures)


def parsed(body: bytes) -> Mapping[str, Any]:
    """An object in JSON; raises `NoAnswer` for anything else."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:  # the second for what is nested without an end
        raise NoAnswer(f"it answered {body[:60]!r}, which is no JSON.") from error
    if not isinstance(answer, Mapping):
        raise NoAnswer(f"it answered {body[:60]!r}, which is no object.")
    return answer
