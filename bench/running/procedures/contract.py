"""What a procedure answers, held against what `Procedure` promises: one that a package brings may answer anything.

What can be asked before a scenario starts is a problem of its step; a control law and an ending are made while it runs
and are a mistake in the code that made them. Nobody's hardware is to blame for either.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from math import inf
from numbers import Real
from typing import Any, TypeGuard, cast, get_args

from bench.running.ending import Ending
from bench.running.procedures.base import Control, Direction, Procedure, Stage
from bench.verdicts import TestError
from instruments.wording import nearest


def wrong_class(kind: type[Procedure[Any]]) -> str:
    """What a class says of itself that no procedure can be, as a sentence; empty: nothing."""
    if kind.direction not in get_args(Direction):
        return f"its direction is {kind.direction!r}; {nearest(str(kind.direction), get_args(Direction))}."
    if isinstance(kind.needs, property) or not _are_texts(kind.needs):
        return f"its needs are {kind.needs!r:.60}; they must be a tuple of names of columns."
    return ""


def problems(procedure: Procedure[Any]) -> Iterator[str]:
    """What it answers that is none of what was asked, one sentence each, without the name of the step."""
    envelope = procedure.envelope()
    yield from (
        _wrong_envelope(envelope)
        if isinstance(envelope, Mapping)
        else [_told("envelope", envelope, "a mapping of (role, quantity) to Extremes")]
    )
    points, words = procedure.set_points(), procedure.words()
    if not (isinstance(points, Mapping) and _are_texts(points) and all(map(_is_number, points.values()))):
        yield _told("set_points", points, "a mapping of names to numbers")
    if not (isinstance(words, Mapping) and _are_texts(words) and _are_texts(words.values())):
        yield _told("words", words, "a mapping of names to texts")
    if not _are_texts(procedure.until()):
        yield _told("until", procedure.until(), "a list of sentences")
    for name, value, _ in _numbers(procedure):
        if not _is_number(value):
            yield _told(name, value, "a number")


def values(procedure: Procedure[Any]) -> Iterator[str]:
    """Which of its numbers cannot be, where neither bounds nor the step itself have better words for that."""
    for key, span in procedure.envelope().items():
        if not span.low <= span.high:  # nor where one of them is no number (nan)
            yield f"its procedure's envelope of {key} is {span.low:g} to {span.high:g}; the lower one comes first."
    for name, value, least in _numbers(procedure):
        if not least <= value < inf:
            yield _told(name, value, f"a number of {least:g} or more")


def _numbers(procedure: Procedure[Any]) -> Iterator[tuple[str, Any, float]]:
    """What it answers in numbers: how it is called, what it is, and the least that it may be."""
    yield "scan_period", procedure.scan_period, 1e-3
    yield "mean_current", procedure.mean_current(), 0.0
    yield "expected_duration of the step", procedure.step.expected_duration(procedure.place.pack), 0.0


def said(procedure: Procedure[Any]) -> Iterable[str]:
    """What it says is wrong with its step; a text is one sentence, and not as many as it has letters."""
    found = procedure.problems()
    if isinstance(found, str) or not isinstance(found, Iterable):
        return [_told("problems", found, "sentences, one for each problem")]
    return found


def begun(procedure: Procedure[Any], stage: Stage) -> Control:
    """Its control law from now on; raises `TestError` for what is none."""
    return cast("Control", _made(procedure, "begin", procedure.begin(stage), "a function of row and time", callable))


def ending_of(procedure: Procedure[Any], start: float, at_least: float) -> Ending:
    """What ends its step; raises `TestError` for what cannot."""
    found, wanted = procedure.ending(start, at_least), "an Ending, with reached() and postpone()"
    return cast("Ending", _made(procedure, "ending", found, wanted, _can_end))


def reason(procedure: Procedure[Any], found: object) -> str | None:
    """Why its step ends; raises `TestError` for an answer that is neither a sentence nor None."""
    if found is None:  # as after nearly every scan
        return None
    wanted = "a sentence, or None while the step goes on"
    return cast("str | None", _made(procedure, "ending.reached", found, wanted, _is_text_or_none))


def period(procedure: Procedure[Any], time: float) -> float:
    """S to the next scan; raises `TestError` for what no time passes in."""
    found = procedure.pace(time)
    if (type(found) is float or _is_number(found)) and 0 < found < inf:
        return found
    return cast("float", _made(procedure, "pace", found, "a number of s above 0", lambda _: False))


def _made(procedure: Procedure[Any], name: str, found: object, wanted: str, fits: Callable[[object], bool]) -> object:
    if not fits(found):
        raise TestError(f"Step {procedure.step.name!r}: {_told(name, found, wanted)}")
    return found


def _wrong_envelope(envelope: Mapping[Any, Any]) -> Iterator[str]:
    for key, span in envelope.items():
        low, high = getattr(span, "low", None), getattr(span, "high", None)
        if not (isinstance(key, tuple) and len(key) == 2 and _are_texts(key)):
            yield _told("envelope", key, "(role, quantity) as each key")
        elif not (_is_number(low) and _is_number(high)):
            yield _told(f"envelope of {key}", span, "Extremes of two numbers, in SI units")


def _told(name: str, found: object, wanted: str) -> str:
    return f"its procedure's {name} is {found!r:.60}; it must be {wanted}."


def _is_number(found: object) -> TypeGuard[float]:
    return isinstance(found, Real) and not isinstance(found, bool)


def _are_texts(found: object) -> bool:
    return isinstance(found, Iterable) and not isinstance(found, str) and all(isinstance(each, str) for each in found)


def _can_end(found: object) -> bool:
    return all(callable(getattr(found, verb, None)) for verb in ("reached", "postpone"))


def _is_text_or_none(found: object) -> bool:
    return found is None or isinstance(found, str)
