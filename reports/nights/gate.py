"""The quality gate: rules that a night keeps or breaks. Each rule is a function here that registers itself."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf

from bench.recording.session_log import Session, TestEnd
from bench.verdicts import FAILED, NOT_RUN, ExitStatus, Verdict
from reports.nights.changes import Change, Changed, Kind
from reports.nights.section import left


@dataclass(frozen=True)
class Judged:
    """What a gate looks at: the session, what has changed since the last night, and since a baseline if one is asked.

    `nights` is how near (in nights) a limit may be that a figure drifts to.
    """

    session: Session
    last: Changed
    baseline: Changed | None = None
    nights: float = 0.0


Broken = Callable[[Judged], Iterable[str]]


@dataclass(frozen=True)
class Rule:
    """One rule: what it forbids, what it exits with when it is broken, and the sentences that say how it was."""

    name: str
    meaning: str
    status: ExitStatus
    broken: Broken


RULES: dict[str, Rule] = {}
"""By name, in the order in which they are told."""


def _rule(name: str, status: ExitStatus) -> Callable[[Broken], Broken]:
    def registered(broken: Broken) -> Broken:
        RULES[name] = Rule(name, (broken.__doc__ or "").rstrip("."), status, broken)
        return broken

    return registered


def judge(judged: Judged, rules: Iterable[str] = ()) -> Mapping[str, list[str]]:
    """What each of these rules (all of them, where none is named) is broken by; nothing where it is kept."""
    return {name: list(RULES[name].broken(judged)) for name in rules or RULES}


def status(found: Mapping[str, list[str]]) -> ExitStatus:
    """The exit status: whether it is safe to go near comes before everything else."""
    broken = {RULES[name].status for name, sentences in found.items() if sentences}
    order = (ExitStatus.BENCH_FAULT, ExitStatus.WRONG_INPUT, ExitStatus.FAILED)
    return next((each for each in order if each in broken), ExitStatus.GOOD)


@_rule("bench-fault", ExitStatus.BENCH_FAULT)
def _bench_fault(judged: Judged) -> Iterator[str]:
    """The bench failed in no test, and was left safe by each."""
    yield from _told(judged, Verdict.BENCH_FAULT)
    yield from (f"{end.nodeid}: {end.left}" for end in judged.session.unsafe)
    if judged.session.unfinished and not judged.session.goes_on:
        yield judged.session.unfinished


@_rule("pack-failure", ExitStatus.FAILED)
def _pack_failure(judged: Judged) -> Iterator[str]:
    """The pack failed no test but those that a waiver covers."""
    yield from _told(judged, Verdict.FAIL)


@_rule("other-failure", ExitStatus.FAILED)
def _other_failure(judged: Judged) -> Iterator[str]:
    """What else is under test, a charger or an energy manager, failed no test."""
    yield from _told(judged, *(verdict for verdict in FAILED.values() if verdict is not Verdict.FAIL))


@_rule("not-judged", ExitStatus.FAILED)
def _not_judged(judged: Judged) -> Iterator[str]:
    """Every test was run to its end and judged."""
    yield from _told(judged, Verdict.INCONCLUSIVE, Verdict.ABORTED, Verdict.TEST_ERROR, NOT_RUN)
    if judged.session.goes_on:
        yield judged.session.unfinished
    if not judged.session.tests:
        yield "the session has no test"
    if judged.session.trouble and judged.session.exit_status:
        yield judged.session.trouble


@_rule("regression", ExitStatus.FAILED)
def _regression(judged: Judged) -> Iterator[str]:
    """No test fails that passed the last time it was judged."""
    yield from (_named(change) for change in judged.last.of(Kind.REGRESSED))


@_rule("against-baseline", ExitStatus.FAILED)
def _against_baseline(judged: Judged) -> Iterator[str]:
    """No test fails that passed in the baseline, and no margin fell since by more than it varies."""
    if judged.baseline is not None:
        found = judged.baseline
        yield from (_named(change) for change in (*found.of(Kind.REGRESSED), *found.of(Kind.FELL)))


@_rule("limit-ahead", ExitStatus.FAILED)
def _limit_ahead(judged: Judged) -> Iterator[str]:
    """No figure drifts to its limit within the nights that are asked for."""
    for change in judged.last.of(Kind.FELL):
        if change.nights_left <= judged.nights < inf:
            yield f"{_named(change)}: {left(change)}"


@_rule("waiver-expired", ExitStatus.FAILED)
def _waiver_expired(judged: Judged) -> Iterator[str]:
    """No waiver is past its last day."""
    yield from map(str, judged.session.facts.get("waivers_expired", ()))


def _told(judged: Judged, *verdicts: str) -> Iterator[str]:
    ends = (end for end in judged.session.tests.values() if end.verdict in verdicts and not end.waived)
    return map(_ended, ends)


def _ended(end: TestEnd) -> str:
    return f"{end.nodeid}: {end.verdict}{f', {end.cause}' if end.cause else ''}"


def _named(change: Change) -> str:
    figure = f", {change.figure.name}" if change.figure else ""
    return f"{change.test.nodeid}: {change.kind}{figure}"
