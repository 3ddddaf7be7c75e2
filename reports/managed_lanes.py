"""What a manager was told and what it said, when: lanes of a picture of managed days.

What a record of before does not tell (`told_soc`, `foreseen`) has no lane.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from reports.recording import Event

Holds = Callable[[Event], bool]
WORDS, LONGEST = 5, 34
"""How many things that a manager says have a lane of their own, those that hold longest, and their letters."""
STALE = 900.0
"""s after which a forecast is not the newest any more."""
HOUR = 3600.0
REASONS: Mapping[str, str] = {
    "arrival": "told: the car is back", "link": "told: heard again", "reserve": "told: down to the reserve",
}  # fmt: skip
"""Reasons to ask that are more than the time; another trip is told as another departure."""


@dataclass(frozen=True, slots=True)
class Lane:
    """Something that a manager was told, or said: over which spans, and at which moments; h of the step."""

    name: str
    spans: Sequence[tuple[float, float]] = ()
    moments: Sequence[float] = ()


def lanes(events: Sequence[Event], duration: float) -> list[Lane]:
    """Of a step of `duration` s, by its events of the manager: what it was told, then what it said; what there was."""
    end = duration / HOUR
    told = [
        Lane("not heard: no link", _spans(events, end, unheard)),
        Lane("told: no state of charge", _spans(events, end, _without_charge)),
        Lane("told: an old forecast", _spans(events, end, _stale)),
        Lane("told: another departure", moments=tuple(_departures(events))),
        *(Lane(name, moments=_moments(events, _asked_for(reason))) for reason, name in REASONS.items()),
    ]
    said = [
        *(Lane(f"said: {_short(word)}", _spans(events, end, _says(word))) for word in _words(events, duration)),
        Lane("said: nothing valid", _spans(events, end, _failed)),
        Lane("said: a warning", moments=_moments(events, _warned)),
    ]
    return [lane for lane in (*told, *said) if lane.spans or lane.moments]


def unheard(event: Event) -> bool:
    """Whether nobody could be asked: the link was lost."""
    return bool(event["problem"] == "no link")


def _failed(event: Event) -> bool:
    return bool(event["problem"]) and not unheard(event)


def _warned(event: Event) -> bool:
    return bool(event["warned"])


def _without_charge(event: Event) -> bool:
    return "told_soc" in event and event["told_soc"] is None and not unheard(event)


def _stale(event: Event) -> bool:
    foreseen = event.get("foreseen")
    return foreseen is not None and not unheard(event) and event["at"] - foreseen > STALE


def _asked_for(reason: str) -> Holds:
    return lambda event: bool(event["reason"] == reason)


def _says(word: str) -> Holds:
    return lambda event: bool(event["say"] == word)


def _departures(events: Iterable[Event]) -> Iterator[float]:
    """When the next departure that is known became another one."""
    known = None
    for event in events:
        found = event.get("departure")
        if found is not None and found != known:
            known = found
            yield event["at"] / HOUR


def _words(events: Sequence[Event], duration: float) -> list[str]:
    """What it said for longest, the longest first."""
    held = Counter[str]()
    ends = [*(event["at"] for event in events[1:]), duration]
    for event, over in zip(events, ends, strict=True) if events else ():
        held[event["say"]] += over - event["at"]
    del held[""]
    return [word for word, _ in held.most_common(WORDS)]


def _short(words: str) -> str:
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"


def _moments(events: Iterable[Event], holds: Holds) -> tuple[float, ...]:
    return tuple(event["at"] / HOUR for event in events if holds(event))


def _spans(events: Sequence[Event], end: float, holds: Holds) -> tuple[tuple[float, float], ...]:
    """From an event of which something holds to the next of which it does not."""
    found: list[tuple[float, float]] = []
    times = [*(event["at"] / HOUR for event in events), end]
    for event, (begin, over) in zip(events, pairwise(times), strict=True):
        if holds(event) and found and found[-1][1] == begin:
            found[-1] = found[-1][0], over
        elif holds(event):
            found.append((begin, over))
    return tuple(found)
